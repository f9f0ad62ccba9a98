//! The members at the root of a JSON body that some shape looks at, borrowed from the body in the one pass that checks it.

use std::borrow::Cow;

use crate::json;

/// A member that some shape asks for.
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

    /// A match over bytes is one comparison of lengths and one of the text, for each of very many members.
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

    /// By the name in its quotes, as it stands in a body.
    fn of(key: &str) -> Option<Self> {
        let plain = key.strip_prefix('"')?.strip_suffix('"')?;
        match Self::named(plain) {
            None if plain.contains('\\') => Self::named(&serde_json::from_str::<String>(key).ok()?),
            found => found,
        }
    }
}

/// The members that any shape asks for; the last of a name wins, as in most readers.
#[derive(Default)]
pub(super) struct Root<'a> {
    members: [Option<&'a str>; Field::COUNT],
}

impl<'a> Root<'a> {
    /// Reads a body, and says whether it is JSON; only an object has members. Depth costs nothing: values are passed over, not
    /// entered.
    pub(super) fn read(body: &'a str) -> Option<Self> {
        let mut root = Self::default();
        let is_json = json::check(body, |member| {
            if let Some(field) = Field::of(&body[member.key]) {
                root.members[field as usize] = Some(&body[member.value]);
            }
        });
        is_json.then_some(root)
    }

    /// The member's JSON as it stands in the body.
    pub(super) fn raw(&self, field: Field) -> Option<&'a str> {
        self.members[field as usize]
    }

    /// The member's text, when it is a string that is not empty.
    pub(super) fn text(&self, field: Field) -> Option<Cow<'a, str>> {
        let text = json::Raw::new(self.raw(field)?).as_str()?;
        (!text.is_empty()).then_some(text)
    }

    /// The member's text, or its digits where it is a number.
    pub(super) fn text_or_number(&self, field: Field) -> Option<Cow<'a, str>> {
        let is_number = |raw: &&str| raw.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        self.text(field)
            .or_else(|| self.raw(field).filter(is_number).map(Cow::Borrowed))
    }
}
