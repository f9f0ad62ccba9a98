//! The data of an event: JSON with binary values at any depth, which Socket.IO sends as attachments.

use std::fmt;

use bytes::Bytes;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Number, Value};

/// A JSON value or bytes. Members keep their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Payload {
    #[default]
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    Bytes(Bytes),
    List(Vec<Payload>),
    Object(Vec<(String, Payload)>),
}

impl Payload {
    /// A member of an object.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let mut found = members.iter().filter(|(known, _)| known == name);
        found.next_back().map(|(_, value)| value)
    }

    /// The first of these members that is a non-empty text.
    pub(super) fn text(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| match self.get(name) {
            Some(Self::Text(text)) if !text.is_empty() => Some(text.as_str()),
            _ => None,
        })
    }

    /// Adds a member to an object. Any other value is replaced by an object with only that member.
    pub(super) fn with(self, name: &str, value: impl Into<Self>) -> Self {
        let mut members = match self {
            Self::Object(members) => members,
            _ => Vec::new(),
        };
        members.push((name.to_owned(), value.into()));
        Self::Object(members)
    }

    /// Appends the members of another object.
    pub(super) fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Object(mut members), Self::Object(more)) => {
                members.extend(more);
                Self::Object(members)
            }
            (own, _) => own,
        }
    }

    /// The approximate size in bytes.
    pub(super) fn size(&self) -> usize {
        let own = size_of::<Self>();
        own + match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => 0,
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(items) => items.iter().map(Self::size).sum(),
            Self::Object(members) => {
                let sizes = members
                    .iter()
                    .map(|(name, value)| size_of::<String>() + name.len() + value.size());
                sizes.sum()
            }
        }
    }
}

impl From<Value> for Payload {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(is_true) => Self::Bool(is_true),
            Value::Number(number) => Self::Number(number),
            Value::String(text) => Self::Text(text),
            Value::Array(items) => items.into_iter().map(Self::from).collect(),
            Value::Object(members) => {
                let members = members.into_iter();
                Self::Object(members.map(|(name, value)| (name, value.into())).collect())
            }
        }
    }
}

impl From<&str> for Payload {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl FromIterator<Payload> for Payload {
    fn from_iter<I: IntoIterator<Item = Payload>>(items: I) -> Self {
        Self::List(items.into_iter().collect())
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(is_true) => serializer.serialize_bool(*is_true),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// The first argument of an event; null if it has none. Further arguments are ignored.
#[derive(Debug)]
pub(super) struct Argument(pub(super) Payload);

/// socketioxide deserializes a tuple from all arguments of an event.
impl<'de> Deserialize<'de> for Argument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(1, ArgumentReader)
    }
}

struct ArgumentReader;

impl<'de> Visitor<'de> for ArgumentReader {
    type Value = Argument;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the arguments of an event")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut arguments: A) -> Result<Argument, A::Error> {
        let first = arguments.next_element()?.unwrap_or_default();
        while arguments.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Argument(first))
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Payload;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON or bytes")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Payload, E> {
        Ok(Payload::Null)
    }

    fn visit_bool<E: de::Error>(self, is_true: bool) -> Result<Payload, E> {
        Ok(Payload::Bool(is_true))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Payload, E> {
        Ok(Payload::Number(number.into()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Payload, E> {
        Ok(Payload::Number(number.into()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Payload, E> {
        Ok(Number::from_f64(number).map_or(Payload::Null, Payload::Number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Payload, E> {
        Ok(Payload::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Payload, E> {
        Ok(Payload::Text(text))
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Payload, E> {
        Ok(Payload::Bytes(Bytes::copy_from_slice(bytes)))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Payload, E> {
        Ok(Payload::Bytes(bytes.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Payload, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Payload::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Payload, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Payload::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_written_unchanged() {
        let text = r#"{"b":1,"a":[null,true,-2,0.5,"x",{}],"big":18446744073709551615}"#;
        let payload: Payload = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&payload).unwrap(), text);
        assert_eq!(payload, serde_json::from_str::<Value>(text).unwrap().into());
    }

    #[test]
    fn the_last_of_several_members_with_one_name_is_used() {
        let payload: Payload = serde_json::from_str(r#"{"a":"1","a":"2","b":""}"#).unwrap();
        assert_eq!(payload.text(&["b", "a"]), Some("2"));
    }

    #[test]
    fn the_size_of_a_payload_includes_all_nested_values() {
        let crumbs = Payload::from(json!(vec![0; 1000]));
        assert!(crumbs.size() > 1000 * size_of::<Payload>());
    }
}
