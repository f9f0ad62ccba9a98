//! CloudEvents 1.0 over HTTP, structured (`application/cloudevents+json`) and binary (`ce-*` headers).
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md>

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::root::Field;
use super::{BorrowedMeta, Input};

const SYSTEM: &str = "cloudevents";

pub(super) fn read<'a>(input: &Input<'a>) -> Option<BorrowedMeta<'a>> {
    structured(input).or_else(|| binary(input))
}

/// Recognised by its four required attributes, because some senders omit the media type.
fn structured<'a>(input: &Input<'a>) -> Option<BorrowedMeta<'a>> {
    let root = input.root.as_ref()?;
    let (_, id, _, kind) = (
        root.text(Field::SpecVersion)?,
        root.text(Field::Id)?,
        root.text(Field::Source)?,
        root.text(Field::Type)?,
    );
    Some(BorrowedMeta {
        kind: Some(kind),
        id: Some(id),
        system: Some(SYSTEM),
        subject: root.text(Field::Subject),
        time: root.text(Field::Time),
        data: root.raw(Field::Data).and_then(|data| input.range_of(data)),
        ..BorrowedMeta::default()
    })
}

fn binary<'a>(input: &Input<'a>) -> Option<BorrowedMeta<'a>> {
    let attribute = |name: &str| input.header(name).map(decode);
    attribute("ce-specversion")?;
    Some(BorrowedMeta {
        kind: Some(attribute("ce-type")?),
        id: attribute("ce-id"),
        system: Some(SYSTEM),
        subject: attribute("ce-subject"),
        time: attribute("ce-time"),
        ..BorrowedMeta::default()
    })
}

/// Decodes percent-encoding (section 3.1.3.2). An incomplete escape, and a value that is not UTF-8, stay as they are.
fn decode(value: Cow<'_, str>) -> Cow<'_, str> {
    let decoded = percent_decode_str(&value).decode_utf8();
    let changed = decoded.ok().and_then(|text| match text {
        Cow::Owned(text) => Some(text),
        Cow::Borrowed(_) => None,
    });
    changed.map_or(value, Cow::Owned)
}
