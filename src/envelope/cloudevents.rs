//! CloudEvents 1.0 over HTTP, structured (`application/cloudevents+json`) and binary (`ce-*` headers).
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md>

use std::borrow::Cow;

use super::root::Field;
use super::{Message, Peek};

const SYSTEM: &str = "cloudevents";

pub(super) fn read<'a>(message: &Message<'a>) -> Option<Peek<'a>> {
    structured(message).or_else(|| binary(message))
}

/// By its four required attributes: some senders forget the media type.
fn structured<'a>(message: &Message<'a>) -> Option<Peek<'a>> {
    let root = message.root.as_ref()?;
    let (_, id, _, kind) = (
        root.text(Field::SpecVersion)?,
        root.text(Field::Id)?,
        root.text(Field::Source)?,
        root.text(Field::Type)?,
    );
    Some(Peek {
        kind: Some(kind),
        id: Some(id),
        system: Some(SYSTEM),
        subject: root.text(Field::Subject),
        time: root.text(Field::Time),
        data: root
            .raw(Field::Data)
            .and_then(|data| message.range_of(data)),
        ..Peek::default()
    })
}

fn binary<'a>(message: &Message<'a>) -> Option<Peek<'a>> {
    let attribute = |name: &str| message.header(name).map(decode);
    attribute("ce-specversion")?;
    Some(Peek {
        kind: Some(attribute("ce-type")?),
        id: attribute("ce-id"),
        system: Some(SYSTEM),
        subject: attribute("ce-subject"),
        time: attribute("ce-time"),
        ..Peek::default()
    })
}

/// Undoes the percent-encoding of header values (section 3.1.3.2); what is not encoded properly stays as it is.
fn decode(value: Cow<'_, str>) -> Cow<'_, str> {
    if !value.contains('%') {
        return value;
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex
            .filter(|hex| byte == b'%' && hex.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
        {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).map_or(value, Cow::Owned)
}
