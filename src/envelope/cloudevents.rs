//! CloudEvents 1.0 over HTTP, structured (`application/cloudevents+json`) and binary (`ce-*` headers).
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md>

use super::Message;
use crate::event::Meta;

const SYSTEM: &str = "cloudevents";

pub(super) fn read(message: &Message<'_>) -> Option<Meta> {
    structured(message).or_else(|| binary(message))
}

/// By its four required attributes: some senders forget the media type.
fn structured(message: &Message<'_>) -> Option<Meta> {
    let root = message.root.as_ref()?;
    let (_, id, _, kind) = (
        root.text("specversion")?,
        root.text("id")?,
        root.text("source")?,
        root.text("type")?,
    );
    Some(Meta {
        kind: Some(kind),
        id: Some(id),
        system: Some(SYSTEM.to_owned()),
        org: None,
        subject: root.text("subject"),
        time: root.text("time"),
        data: root.raw("data").and_then(|data| message.range_of(data)),
    })
}

fn binary(message: &Message<'_>) -> Option<Meta> {
    let attribute = |name: &str| message.header(name).map(|value| decode(&value));
    attribute("ce-specversion")?;
    Some(Meta {
        kind: Some(attribute("ce-type")?),
        id: attribute("ce-id"),
        system: Some(SYSTEM.to_owned()),
        org: None,
        subject: attribute("ce-subject"),
        time: attribute("ce-time"),
        data: None,
    })
}

/// Undoes the percent-encoding of header values (section 3.1.3.2); what is not encoded properly stays as it is.
fn decode(value: &str) -> String {
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
    String::from_utf8(bytes).unwrap_or_else(|_| value.to_owned())
}
