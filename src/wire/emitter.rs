//! Messages to the clients in a room, as servers receive them over Redis: those of Socket.IO's emitter
//! (`@socket.io/redis-emitter` 5.1 and the Redis adapter), and those of the platform's WebSocket emitter.

use serde_json::Value;

use super::msgpack::{self, Item, Reader};
use crate::json::{self, Raw};

/// `type` of an event, without and with binary attachments (socket.io-parser 4).
const EVENT: i64 = 2;
const BINARY_EVENT: i64 = 5;

/// The channel of all rooms of a WebSocket server.
pub const BROADCASTS: &str = "ws:broadcast";

/// A room of Socket.IO, and the key and namespace under which its servers listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// `socket.io` by default.
    pub key: String,
    /// `/` by default.
    pub namespace: String,
    pub name: String,
}

impl Room {
    /// The channel of frames for this room alone.
    pub fn channel(&self) -> String {
        format!("{}#{}#{}#", self.key, self.namespace, self.name)
    }

    /// The channel of frames for all clients of the namespace, or for several rooms.
    pub fn shared_channel(&self) -> String {
        format!("{}#{}#", self.key, self.namespace)
    }

    /// The channel of the platform's WebSocket emitter.
    pub fn platform_channel(&self) -> String {
        format!("ws:room:{}", self.name)
    }
}

/// How a message relates to a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addressed {
    /// An event for the clients in the room. Its arguments were appended as JSON.
    Event { name: String },
    /// For other clients.
    Elsewhere,
    /// In no known format.
    Unknown,
}

/// Reads a frame of Socket.IO's emitter, and appends the arguments of its event to `data`: a single argument itself unless it
/// is a list, otherwise the list of all arguments.
pub fn read_frame(payload: &[u8], room: &Room, data: &mut Vec<u8>) -> Addressed {
    let start = data.len();
    let Some(frame) = Frame::read(payload, data) else {
        data.truncate(start);
        return Addressed::Unknown;
    };
    let is_for_all = frame.rooms.is_empty();
    let name = room.name.as_str();
    let is_here = frame
        .namespace
        .is_none_or(|namespace| namespace == room.namespace)
        && (is_for_all || frame.rooms.contains(&name))
        && !frame.except.contains(&name);
    match is_here {
        true => Addressed::Event {
            name: frame.event.to_owned(),
        },
        false => {
            data.truncate(start);
            Addressed::Elsewhere
        }
    }
}

#[derive(Default)]
struct Frame<'a> {
    event: &'a str,
    namespace: Option<&'a str>,
    rooms: Vec<&'a str>,
    except: Vec<&'a str>,
}

impl<'a> Frame<'a> {
    /// Reads `[uid, packet, options]`. The members of both maps are in any order.
    fn read(payload: &'a [u8], data: &mut Vec<u8>) -> Option<Self> {
        let mut reader = Reader::new(payload);
        let Item::List(3..) = reader.item()? else {
            return None;
        };
        reader.skip()?;
        let mut frame = Self::default();
        let (mut kind, mut has_data) = (None, false);
        let Item::Map(members) = reader.item()? else {
            return None;
        };
        for _ in 0..members {
            match reader.text()? {
                "type" => kind = Some(reader.item()?),
                "nsp" => frame.namespace = Some(reader.text()?),
                "data" if !has_data => {
                    frame.event = read_arguments(&mut reader, data)?;
                    has_data = true;
                }
                _ => reader.skip()?,
            }
        }
        let is_event = matches!(kind, Some(Item::Integer(EVENT | BINARY_EVENT)));
        let Item::Map(members) = reader.item()? else {
            return None;
        };
        for _ in 0..members {
            match reader.text()? {
                "rooms" => frame.rooms = read_names(&mut reader)?,
                "except" => frame.except = read_names(&mut reader)?,
                _ => reader.skip()?,
            }
        }
        (is_event && has_data).then_some(frame)
    }
}

/// Reads `[event, argument…]`, and returns the event.
fn read_arguments<'a>(reader: &mut Reader<'a>, data: &mut Vec<u8>) -> Option<&'a str> {
    let Item::List(count @ 1..) = reader.item()? else {
        return None;
    };
    let event = reader.text()?;
    let is_list = matches!(reader.clone().item(), Some(Item::List(_)));
    if count == 2 && !is_list {
        reader.write_json(data)?;
        return Some(event);
    }
    data.push(b'[');
    for n in 1..count {
        if n > 1 {
            data.push(b',');
        }
        reader.write_json(data)?;
    }
    data.push(b']');
    Some(event)
}

fn read_names<'a>(reader: &mut Reader<'a>) -> Option<Vec<&'a str>> {
    match reader.item()? {
        Item::Nil => Some(Vec::new()),
        Item::List(count) => (0..count).map(|_| reader.text()).collect(),
        _ => None,
    }
}

/// Reads a message of the platform's WebSocket emitter, `{serverId, type, target, event, data, exclude}`, and appends its data.
/// Servers dispatch it by `type` and `target`, not by its channel.
pub fn read_message(payload: &[u8], room: &str, data: &mut Vec<u8>) -> Addressed {
    let read = || {
        let json = Raw::check(payload)?;
        json.member("serverId")?.as_str()?;
        let name = json.member("event")?.as_str()?.into_owned();
        let is_here = match &*json.member("type")?.as_str()? {
            "broadcast" => true,
            "room" => json.member("target")?.as_str()? == room,
            _ => false,
        };
        Some((name, is_here, json.member("data")))
    };
    match read() {
        None => Addressed::Unknown,
        Some((_, false, _)) => Addressed::Elsewhere,
        Some((name, true, value)) => {
            data.extend_from_slice(value.map_or("null", Raw::text).as_bytes());
            Addressed::Event { name }
        }
    }
}

/// The frame of Socket.IO's emitter for an event with one argument: the JSON of `body`, or its text, or its bytes.
pub fn frame(room: &Room, event: &str, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + event.len() + 64);
    msgpack::write_list(3, &mut out);
    msgpack::write_str("emitter", &mut out);
    msgpack::write_map(3, &mut out);
    msgpack::write_str("type", &mut out);
    msgpack::write(&EVENT.into(), &mut out);
    msgpack::write_str("data", &mut out);
    msgpack::write_list(2, &mut out);
    msgpack::write_str(event, &mut out);
    match (
        serde_json::from_slice::<Value>(body),
        std::str::from_utf8(body),
    ) {
        (Ok(value), _) => msgpack::write(&value, &mut out),
        (_, Ok(text)) => msgpack::write_str(text, &mut out),
        _ => msgpack::write_binary(body, &mut out),
    }
    msgpack::write_str("nsp", &mut out);
    msgpack::write_str(&room.namespace, &mut out);
    let options = serde_json::json!({ "rooms": [room.name], "flags": {}, "except": [] });
    msgpack::write(&options, &mut out);
    out
}

/// The message of the platform's WebSocket emitter to a room. A body that is not JSON becomes a string.
pub fn message(room: &str, event: &str, body: &[u8]) -> Vec<u8> {
    let text =
        |text: &str| serde_json::to_string(text).expect("writing text to memory cannot fail");
    let data = match Raw::check(body) {
        Some(json) if json::is_json(body) => json.text().to_owned(),
        _ => text(&String::from_utf8_lossy(body)),
    };
    format!(
        "{{\"serverId\":\"emitter\",\"type\":\"room\",\"target\":{},\"event\":{},\"data\":{data}}}",
        text(room),
        text(event)
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> Room {
        Room {
            key: "socket.io".to_owned(),
            namespace: "/".to_owned(),
            name: "a:b/c".to_owned(),
        }
    }

    fn event(name: &str) -> Addressed {
        Addressed::Event {
            name: name.to_owned(),
        }
    }

    /// A frame with these arguments, rooms and exceptions.
    fn framed(data: &Value, rooms: &[&str], except: &[&str]) -> Vec<u8> {
        let frame = serde_json::json!([
            "uid",
            { "nsp": "/", "data": data, "type": 2 },
            { "except": except, "flags": { "volatile": true }, "rooms": rooms },
        ]);
        let mut out = Vec::new();
        msgpack::write(&frame, &mut out);
        out
    }

    fn read(payload: &[u8]) -> (Addressed, String) {
        let mut data = Vec::new();
        let addressed = read_frame(payload, &room(), &mut data);
        (addressed, String::from_utf8(data).unwrap())
    }

    #[test]
    fn the_arguments_of_an_event_are_its_data() {
        for (data, expected) in [
            (serde_json::json!(["e", { "n": 1 }]), "{\"n\":1}"),
            (serde_json::json!(["e", [1]]), "[[1]]"),
            (serde_json::json!(["e", 1, 2]), "[1,2]"),
            (serde_json::json!(["e"]), "[]"),
        ] {
            let (addressed, json) = read(&framed(&data, &["a:b/c"], &[]));
            assert_eq!((addressed, json.as_str()), (event("e"), expected));
        }
    }

    #[test]
    fn only_frames_for_the_room_are_kept() {
        let data = serde_json::json!(["e", 1]);
        for (rooms, except, expected) in [
            (&[][..], &[][..], event("e")),
            (&["x", "a:b/c"], &[], event("e")),
            (&["x"], &[], Addressed::Elsewhere),
            (&[], &["a:b/c"], Addressed::Elsewhere),
            (&["a:b/c"], &["y"], event("e")),
        ] {
            assert_eq!(
                read(&framed(&data, rooms, except)).0,
                expected,
                "{rooms:?} {except:?}"
            );
        }
    }

    #[test]
    fn other_payloads_are_unknown_and_leave_no_data() {
        let mut incomplete = framed(&serde_json::json!(["e", 1]), &[], &[]);
        incomplete.pop();
        for payload in [&b""[..], b"{}", b"\x93\x01\x80\x80", &incomplete] {
            assert_eq!(read(payload), (Addressed::Unknown, String::new()));
        }
    }

    #[test]
    fn a_written_frame_is_read_again() {
        for (body, data) in [
            (
                &b"{\"n\":12345678901234567890}"[..],
                "{\"n\":12345678901234567890}",
            ),
            (b"text", "\"text\""),
            (b"\xff", "{\"base64\":\"/w==\"}"),
        ] {
            let frame = frame(&room(), "e", body);
            assert_eq!(read(&frame), (event("e"), data.to_owned()));
        }
    }

    #[test]
    fn a_message_is_addressed_by_its_type_and_target() {
        for (payload, expected) in [
            (&message("r", "e", b"{\"a\":1.0}")[..], event("e")),
            (
                br#"{"serverId":"s","type":"broadcast","event":"e"}"#,
                event("e"),
            ),
            (
                br#"{"serverId":"s","type":"room","target":"x","event":"e"}"#,
                Addressed::Elsewhere,
            ),
            (
                br#"{"serverId":"s","type":"client","target":"r","event":"e"}"#,
                Addressed::Elsewhere,
            ),
            (
                br#"{"type":"room","target":"r","event":"e"}"#,
                Addressed::Unknown,
            ),
            (b"no", Addressed::Unknown),
        ] {
            let mut data = Vec::new();
            assert_eq!(read_message(payload, "r", &mut data), expected);
        }
    }

    #[test]
    fn the_data_of_a_message_is_unchanged() {
        let mut data = Vec::new();
        read_message(&message("r", "e", b"{\"a\":1.0}"), "r", &mut data);
        assert_eq!(data, b"{\"a\":1.0}");
    }
}
