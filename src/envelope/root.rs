//! The members at the root of a JSON body that some shape looks at, borrowed from the body in one pass.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::json;

/// The members that any shape asks for; the last of a name wins, as in most readers.
#[derive(Default)]
pub(super) struct Root<'a> {
    members: [Option<&'a str>; NAMES.len()],
}

const NAMES: [&str; 14] = [
    "event",
    "type",
    "eventType",
    "event_type",
    "eventName",
    "id",
    "orgId",
    "timestamp",
    "time",
    "data",
    "specversion",
    "source",
    "subject",
    "created_at",
];

impl<'a> Root<'a> {
    /// `None` for anything but one whole JSON object. Depth costs nothing: values are skipped, not entered.
    pub(super) fn read(body: &'a str) -> Option<Self> {
        let object = body.trim_ascii_start().starts_with('{');
        object.then(|| serde_json::from_str(body).ok()).flatten()
    }

    /// The member's JSON as it stands in the body.
    pub(super) fn raw(&self, name: &str) -> Option<&'a str> {
        let place = NAMES.iter().position(|known| *known == name)?;
        self.members[place]
    }

    /// The member's text, when it is a string that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        let text = json::Raw::new(self.raw(name)?).as_str()?;
        (!text.is_empty()).then_some(text)
    }

    /// The member's text, or its digits where it is a number.
    pub(super) fn text_or_number(&self, name: &str) -> Option<Cow<'a, str>> {
        let is_number = |raw: &&str| raw.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        self.text(name)
            .or_else(|| self.raw(name).filter(is_number).map(Cow::Borrowed))
    }
}

impl<'de> Deserialize<'de> for Root<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Root<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut root = Root::default();
                while let Some(Name(place)) = map.next_key()? {
                    match place {
                        Some(place) => {
                            root.members[place] = Some(map.next_value::<&RawValue>()?.get());
                        }
                        None => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(root)
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// A member's place in [`NAMES`], found without keeping its name.
struct Name(Option<usize>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Place;

        impl Visitor<'_> for Place {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(Name(NAMES.iter().position(|known| *known == name)))
            }
        }

        deserializer.deserialize_str(Place)
    }
}
