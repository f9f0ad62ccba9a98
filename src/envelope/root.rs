//! The members of the root object that the formats read, borrowed from the body in the same pass that validates it.

use std::borrow::Cow;

use crate::json;

/// A member that a format reads.
#[derive(Clone, Copy)]
pub(super) enum Field {
    Event,
    Type,
    EventType,
    EventTypeSnake,
    EventName,
    Id,
    OrgId,
    Timestamp,
    Time,
    Data,
    SpecVersion,
    Source,
    Subject,
    CreatedAt,
}

impl Field {
    const COUNT: usize = Self::CreatedAt as usize + 1;

    /// Matching bytes costs one comparison of the length and one of the text. This runs for every member.
    fn named(name: &str) -> Option<Self> {
        Some(match name.as_bytes() {
            b"event" => Self::Event,
            b"type" => Self::Type,
            b"eventType" => Self::EventType,
            b"event_type" => Self::EventTypeSnake,
            b"eventName" => Self::EventName,
            b"id" => Self::Id,
            b"orgId" => Self::OrgId,
            b"timestamp" => Self::Timestamp,
            b"time" => Self::Time,
            b"data" => Self::Data,
            b"specversion" => Self::SpecVersion,
            b"source" => Self::Source,
            b"subject" => Self::Subject,
            b"created_at" => Self::CreatedAt,
            _ => return None,
        })
    }

    /// Parses a name with its quotes, as it is in the body.
    fn of(key: &str) -> Option<Self> {
        let plain = key.strip_prefix('"')?.strip_suffix('"')?;
        match Self::named(plain) {
            None if plain.contains('\\') => Self::named(&serde_json::from_str::<String>(key).ok()?),
            found => found,
        }
    }
}

/// The members that the formats read. Of several members with the same name the last one wins, as in most parsers.
#[derive(Default)]
pub(super) struct Root<'a> {
    members: [Option<&'a str>; Field::COUNT],
}

impl<'a> Root<'a> {
    /// Reads a body. Returns `None` if it is not JSON; a value that is not an object has no members. Values are skipped without
    /// recursion, so depth costs nothing.
    pub(super) fn read(body: &'a str) -> Option<Self> {
        let mut root = Self::default();
        let is_json = json::check(body, |member| {
            if let Some(field) = Field::of(&body[member.key]) {
                root.members[field as usize] = Some(&body[member.value]);
            }
        });
        is_json.then_some(root)
    }

    /// Returns the JSON of the member.
    pub(super) fn raw(&self, field: Field) -> Option<&'a str> {
        self.members[field as usize]
    }

    /// Returns the member if it is a non-empty string.
    pub(super) fn text(&self, field: Field) -> Option<Cow<'a, str>> {
        let text = json::Raw::new(self.raw(field)?).as_str()?;
        (!text.is_empty()).then_some(text)
    }

    /// Returns the member if it is a non-empty string or a number.
    pub(super) fn text_or_number(&self, field: Field) -> Option<Cow<'a, str>> {
        let is_number = |raw: &&str| raw.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        self.text(field)
            .or_else(|| self.raw(field).filter(is_number).map(Cow::Borrowed))
    }
}
