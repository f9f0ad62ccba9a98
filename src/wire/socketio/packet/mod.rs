//! Socket.IO 5: `<type>[<attachments>-][<namespace>,][<id>][<payload>]`, and the name and arguments of an event.

use std::borrow::Cow;
use std::fmt::{self, Write};

use serde::Deserializer;
use serde::de::{SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::PacketError;
use crate::json::Raw;

/// Maximum number of attachments of one packet. The reference client accepts 10, older ones any number.
pub const MAX_ATTACHMENTS: usize = 1000;

/// Maximum length of an offset, which is an opaque word. A longer string is an argument.
const MAX_OFFSET: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Connect,
    Disconnect,
    Event,
    Ack,
    ConnectError,
    BinaryEvent,
    BinaryAck,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Connect,
        Self::Disconnect,
        Self::Event,
        Self::Ack,
        Self::ConnectError,
        Self::BinaryEvent,
        Self::BinaryAck,
    ];

    const fn is_binary(self) -> bool {
        matches!(self, Self::BinaryEvent | Self::BinaryAck)
    }
}

/// A packet whose payload is not parsed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    pub kind: Kind,
    /// Number of binary frames that follow.
    pub attachments: usize,
    pub namespace: &'a str,
    pub id: Option<u64>,
    /// JSON as it was received; empty if there is none.
    pub payload: &'a str,
}

impl<'a> Packet<'a> {
    /// A packet without attachments, id and payload.
    pub const fn new(kind: Kind, namespace: &'a str) -> Self {
        Self {
            kind,
            attachments: 0,
            namespace,
            id: None,
            payload: "",
        }
    }

    /// Parses the head of a packet like the reference decoder: a namespace ends at a comma or at the end of the text.
    ///
    /// # Errors
    /// An unknown type, or an invalid number of attachments.
    pub fn parse(text: &'a str) -> Result<Self, PacketError> {
        let first = text.bytes().next().ok_or(PacketError::UnknownType)?;
        let kind = *Kind::ALL
            .get(usize::from(first.wrapping_sub(b'0')))
            .ok_or(PacketError::UnknownType)?;
        let mut rest = &text[1..];
        let mut packet = Self::new(kind, "/");
        if kind.is_binary() {
            let (count, after) = rest.split_once('-').ok_or(PacketError::Attachments)?;
            packet.attachments = attachments(count)?;
            rest = after;
        }
        if rest.starts_with('/') {
            (packet.namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            let id = rest[..digits].parse().map_err(|_| PacketError::Payload)?;
            packet.id = Some(id);
        }
        packet.payload = &rest[digits..];
        Ok(packet)
    }

    /// Appends the packet in the format of an Engine.IO message.
    pub fn write(&self, out: &mut String) {
        self.write_head(out);
        out.push_str(self.payload);
    }

    fn write_head(&self, out: &mut String) {
        // Writing to a string cannot fail.
        let _ = write!(out, "{}", self.kind as u8);
        if self.kind.is_binary() {
            let _ = write!(out, "{}-", self.attachments);
        }
        if self.namespace != "/" {
            let _ = write!(out, "{},", self.namespace);
        }
        if let Some(id) = self.id {
            let _ = write!(out, "{id}");
        }
    }
}

fn attachments(text: &str) -> Result<usize, PacketError> {
    let limit = MAX_ATTACHMENTS;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PacketError::Attachments);
    }
    match text.parse() {
        Ok(0) => Err(PacketError::Attachments),
        Ok(count) if count <= limit => Ok(count),
        _ => Err(PacketError::TooManyAttachments { limit }),
    }
}

/// The payload of an event. Its arguments are borrowed as they were received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The name, as JSON.
    name: &'a str,
    /// The text of all arguments; empty if there are none.
    arguments: &'a str,
    /// The same without the last argument.
    but_last: &'a str,
    last: &'a str,
    count: usize,
}

impl<'a> Event<'a> {
    /// Parses `["name", argument, …]` in one pass.
    ///
    /// # Errors
    /// [`PacketError::Payload`]: the payload is not JSON or not a list, or the name is neither a string nor a number.
    pub fn parse(payload: &'a str) -> Result<Self, PacketError> {
        let mut deserializer = serde_json::Deserializer::from_str(payload);
        let event = deserializer
            .deserialize_seq(Walk { payload })
            .map_err(|_| PacketError::Payload)?;
        deserializer.end().map_err(|_| PacketError::Payload)?;
        match event.name.bytes().next() {
            Some(b'"' | b'-' | b'0'..=b'9') => Ok(event),
            _ => Err(PacketError::Payload),
        }
    }

    /// The name as text.
    pub fn name(&self) -> Cow<'a, str> {
        Raw::new(self.name).plain()
    }

    /// Removes and returns the offset of connection state recovery: the last argument, if it is a string of the right
    /// form.
    pub fn take_offset(&mut self) -> Option<&'a str> {
        let offset = self.last.strip_prefix('"')?.strip_suffix('"')?;
        let is_word = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        if offset.is_empty() || offset.len() > MAX_OFFSET || !offset.bytes().all(is_word) {
            return None;
        }
        self.count -= 1;
        self.arguments = self.but_last;
        self.last = "";
        Some(offset)
    }

    /// The arguments as one JSON value: a single argument itself unless it is a list, otherwise the list of all
    /// arguments. So the two cases can be distinguished. `scratch` is a buffer for the list.
    pub fn data<'s>(&self, scratch: &'s mut String) -> &'s str
    where
        'a: 's,
    {
        if self.count == 1 && !self.arguments.starts_with('[') {
            return self.arguments;
        }
        scratch.clear();
        scratch.push('[');
        scratch.push_str(self.arguments);
        scratch.push(']');
        scratch
    }

    /// Appends the payload, without a removed offset.
    pub fn write(&self, out: &mut String) {
        out.push('[');
        out.push_str(self.name);
        if self.count > 0 {
            out.push(',');
            out.push_str(self.arguments);
        }
        out.push(']');
    }
}

struct Walk<'a> {
    payload: &'a str,
}

impl<'de> Visitor<'de> for Walk<'de> {
    type Value = Event<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name and arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let name = list.next_element::<&RawValue>()?.map_or("", RawValue::get);
        let mut event = Event {
            name,
            arguments: "",
            but_last: "",
            last: "",
            count: 0,
        };
        let mut start = 0;
        while let Some(argument) = list.next_element::<&RawValue>()? {
            let argument = argument.get();
            let at = argument.as_ptr().addr() - self.payload.as_ptr().addr();
            if event.count == 0 {
                start = at;
            }
            event.but_last = event.arguments;
            event.arguments = &self.payload[start..at + argument.len()];
            event.last = argument;
            event.count += 1;
        }
        Ok(event)
    }
}

/// The server's response to a CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Private id of the session, if the server supports recovery.
    pub pid: Option<String>,
}

impl Joined {
    /// Parses the payload of a CONNECT.
    ///
    /// # Errors
    /// [`PacketError::Payload`]: it has no session id, as in versions of Socket.IO before 3.
    pub fn parse(payload: &str) -> Result<Self, PacketError> {
        let answer = Raw::check(payload.as_bytes()).ok_or(PacketError::Payload)?;
        let text = |name| answer.member(name).and_then(Raw::as_str);
        text("sid").ok_or(PacketError::Payload)?;
        Ok(Self {
            pid: text("pid").map(Cow::into_owned),
        })
    }
}

/// Why the server refused a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub message: String,
    /// Details from the server, as JSON.
    pub data: Option<String>,
}

impl Refusal {
    /// Parses the payload of a CONNECT_ERROR: `{message, data}`, or only a string.
    ///
    /// # Errors
    /// [`PacketError::Payload`].
    pub fn parse(payload: &str) -> Result<Self, PacketError> {
        let refusal = Raw::check(payload.as_bytes()).ok_or(PacketError::Payload)?;
        let message = refusal.as_str().or_else(|| {
            let message = refusal.member("message")?;
            Some(message.plain())
        });
        Ok(Self {
            message: message.unwrap_or_default().into_owned(),
            data: refusal.member("data").map(|data| data.text().to_owned()),
        })
    }

    /// Returns whether the refusal is about credentials, judging by words in its message or a code 401 or 403 in its
    /// details.
    pub fn is_auth(&self) -> bool {
        const WORDS: &str = "401|403|unauthori|not authori|authentic|forbidden|not allowed|\
            access denied|permission|token|jwt|credential|api key|password";
        let has_word = |text: &str| WORDS.split('|').any(|word| text.contains(word));
        if has_word(&self.message.to_lowercase()) {
            return true;
        }
        let data = self.data.as_deref().map(Raw::new);
        ["code", "status", "statusCode", "type"]
            .iter()
            .filter_map(|name| data?.member(name))
            .any(|value| has_word(&value.plain().to_lowercase()))
    }
}

#[cfg(test)]
mod tests;
