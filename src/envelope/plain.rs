//! Every other format: the payload is the whole body; type, id and time are read from where most senders put them.

use super::root::Field;
use super::{BorrowedMeta, Input};

/// Headers with the type of the event.
const KIND_HEADERS: [&str; 3] = ["x-github-event", "x-event-type", "x-shopify-topic"];
const KIND_MEMBERS: [Field; 5] = [
    Field::Type,
    Field::Event,
    Field::EventType,
    Field::EventTypeSnake,
    Field::EventName,
];
const TIME_MEMBERS: [Field; 3] = [Field::Timestamp, Field::Time, Field::CreatedAt];

pub(super) fn read<'a>(input: &Input<'a>) -> Option<BorrowedMeta<'a>> {
    let root = input.root.as_ref();
    let member =
        |fields: &[Field]| root.and_then(|root| fields.iter().find_map(|field| root.text(*field)));
    Some(BorrowedMeta {
        kind: KIND_HEADERS
            .into_iter()
            .find_map(|name| input.header(name))
            .or_else(|| member(&KIND_MEMBERS)),
        id: input
            .delivery_id()
            .or_else(|| root.and_then(|root| root.text_or_number(Field::Id))),
        time: member(&TIME_MEMBERS),
        ..BorrowedMeta::default()
    })
}
