//! CloudEvents 1.0 over HTTP: structured (`application/cloudevents+json`), binary (`ce-*` headers) and in batches
//! (`application/cloudevents-batch+json`).
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md>

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::root::Field;
use super::{BorrowedMeta, Input};
use crate::json::Raw;

const SYSTEM: &str = "cloudevents";
const BATCH: &str = "application/cloudevents-batch+json";
/// The types of a larger batch are not compared.
const MOST_EVENTS: usize = 1000;

pub(super) fn read<'a>(input: &Input<'a>) -> Option<BorrowedMeta<'a>> {
    structured(input)
        .or_else(|| binary(input))
        .or_else(|| batch(input))
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
    let attribute = |name: &str| decode(input.header_text(name)?);
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

/// A list of structured events. Only what all of them share describes the batch: the type if they have the same one; id, subject
/// and time if there is a single event.
fn batch<'a>(input: &Input<'a>) -> Option<BorrowedMeta<'a>> {
    if !input.has_content_type(BATCH) {
        return None;
    }
    let mut events = Raw::check(input.body)?.items();
    let first = events.next()?;
    let others: Vec<Raw<'a>> = events.take(MOST_EVENTS).collect();
    let member = |event: &Raw<'a>, name: &str| event.member(name)?.as_str();
    let kind = member(&first, "type")?;
    if others.is_empty() {
        return Some(BorrowedMeta {
            kind: Some(kind),
            id: member(&first, "id"),
            system: Some(SYSTEM),
            subject: member(&first, "subject"),
            time: member(&first, "time"),
            ..BorrowedMeta::default()
        });
    }
    let is_shared = others.len() < MOST_EVENTS
        && others
            .iter()
            .all(|event| member(event, "type").as_ref() == Some(&kind));
    Some(BorrowedMeta {
        kind: is_shared.then_some(kind),
        system: Some(SYSTEM),
        ..BorrowedMeta::default()
    })
}

/// Decodes the value of a header (section 3.1.3.2): first a quoted string, then percent-encoding. Senders also write UTF-8 as it
/// is. An incomplete escape, and an escaped value that is not UTF-8, stay as they are.
fn decode(value: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let text = match text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(quoted) if quoted.contains('\\') => Cow::Owned(unquoted(quoted)),
        Some(quoted) => Cow::Borrowed(quoted),
        None => Cow::Borrowed(text),
    };
    let changed = match percent_decode_str(&text).decode_utf8() {
        Ok(Cow::Owned(decoded)) => Some(decoded),
        Ok(Cow::Borrowed(_)) | Err(_) => None,
    };
    Some(changed.map_or(text, Cow::Owned))
}

/// Undoes the backslashes of a quoted string (RFC 9110, section 5.6.4).
fn unquoted(quoted: &str) -> String {
    let mut text = String::with_capacity(quoted.len());
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        text.push(match letter {
            '\\' => letters.next().unwrap_or(letter),
            other => other,
        });
    }
    text
}
