//! Anything else: the whole body is the payload; a type and an id are taken from where most senders put them.

use super::{Message, Peek};

/// Headers in which vendors name the event's type.
const KIND_HEADERS: [&str; 3] = ["x-github-event", "x-event-type", "x-shopify-topic"];
const KIND_MEMBERS: [&str; 5] = ["type", "event", "eventType", "event_type", "eventName"];
const TIME_MEMBERS: [&str; 3] = ["timestamp", "time", "created_at"];

pub(super) fn read<'a>(message: &Message<'a>) -> Option<Peek<'a>> {
    let root = message.root.as_ref();
    let member =
        |names: &[&str]| root.and_then(|root| names.iter().find_map(|name| root.text(name)));
    Some(Peek {
        kind: KIND_HEADERS
            .into_iter()
            .find_map(|name| message.header(name))
            .or_else(|| member(&KIND_MEMBERS)),
        id: message
            .delivery_id()
            .or_else(|| root.and_then(|root| root.text_or_number("id"))),
        time: member(&TIME_MEMBERS),
        ..Peek::default()
    })
}
