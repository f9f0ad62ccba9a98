//! The checks of npm's parser that socketioxide does not make, of the packets that clients send.

use crate::json::{Kind as JsonKind, Raw};
use crate::wire::socketio::attachments::fill;
use crate::wire::socketio::engine;
use crate::wire::socketio::packet::{Event, Kind, Packet};

/// Event names that are reserved by Socket.IO.
const RESERVED: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

/// A packet that npm's server answers by closing the connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Forbidden;

/// Whether an event may not have this name.
pub(super) fn is_reserved(event: &str) -> bool {
    event.is_empty() || RESERVED.contains(&event)
}

/// Checks the payload of a packet. Whatever is not a message of Socket.IO is left to the server.
pub(super) fn check(text: &str) -> Result<(), Forbidden> {
    let Ok(engine::Packet::Message(message)) = engine::Packet::parse(text) else {
        return Ok(());
    };
    let Ok(packet) = Packet::parse(message) else {
        return Ok(());
    };
    let is_allowed = match packet.kind {
        Kind::Connect => packet.payload.is_empty() || is_json(packet.payload, JsonKind::Object),
        Kind::Disconnect => packet.payload.is_empty(),
        Kind::Event | Kind::BinaryEvent => {
            let event = Event::parse(packet.payload);
            event.is_ok_and(|event| !RESERVED.contains(&&*event.name()))
        }
        Kind::Ack | Kind::BinaryAck => is_json(packet.payload, JsonKind::Array),
        // Only servers send it.
        Kind::ConnectError => false,
    };
    if is_allowed && has_attachments(&packet) {
        return Ok(());
    }
    Err(Forbidden)
}

fn is_json(payload: &str, kind: JsonKind) -> bool {
    let value = Raw::check(payload.as_bytes());
    value.is_some_and(|value| value.kind() == Some(kind))
}

/// Returns whether each placeholder has an attachment.
fn has_attachments(packet: &Packet<'_>) -> bool {
    if packet.attachments == 0 {
        return true;
    }
    // Only their number counts.
    let attachments = vec![Vec::new(); packet.attachments];
    fill(packet.payload, &attachments, usize::MAX, &mut String::new()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_clients_are_allowed() {
        for packet in [
            "",
            "2",
            "2probe",
            "5",
            "7",
            "bAAEC",
            "40",
            "40/chat",
            "40/chat,",
            "40/chat,{\"token\":\"t\"}",
            "41/chat,",
            "42[\"a\"]",
            "42/chat,7[\"connected\",{\"_placeholder\":true,\"num\":9}]",
            "42[7]",
            "43/chat,1[]",
            "451-[\"a\",{\"_placeholder\":true,\"num\":0}]",
            "461-1[{\"_placeholder\":true,\"num\":0}]",
            "45[\"no count\"]",
        ] {
            assert_eq!(check(packet), Ok(()), "{packet}");
        }
    }

    #[test]
    fn what_npm_s_parser_refuses_is_forbidden() {
        for packet in [
            "40/voice,{bad",
            "40[]",
            "40\"x\"",
            "40/chat,true",
            "41/chat,{}",
            "42[",
            "42{}",
            "42[null]",
            "42[\"connect\"]",
            "42/chat,1[\"disconnecting\",1]",
            "42[\"newListener\"]",
            "43/chat,1{}",
            "44{\"message\":\"x\"}",
            "451-[\"a\",{\"_placeholder\":true,\"num\":1}]",
            "451-[\"a\",{\"_placeholder\":true,\"num\":-1}]",
            "452-[\"connect_error\"]",
        ] {
            assert_eq!(check(packet), Err(Forbidden), "{packet}");
        }
    }
}
