//! The JSON schema of records, derived from the records themselves.

use chrono::DateTime;
use serde_json::{Map, Value, json};

use crate::json::{Kind, Raw};

/// Maximum number of members in a schema. Further members are covered by its `additionalProperties`.
const MAX_PROPERTIES: usize = 1000;
/// The length of the shortest date with a time and a zone.
const SHORTEST_DATE: usize = "2026-04-25T10:00:00Z".len();

/// The members of records with their types. Text is a `date-time` as long as every value is one, in RFC 3339.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    properties: Map<String, Value>,
}

impl Schema {
    /// A schema that is known already, such as that of a catalog.
    pub fn from_properties(mut properties: Map<String, Value>) -> Self {
        for property in properties.values_mut() {
            if let Some(Value::String(kind)) = property.get("type") {
                let kind = kind.clone();
                property["type"] = json!([kind]);
            }
        }
        Self { properties }
    }

    pub fn properties(&self) -> &Map<String, Value> {
        &self.properties
    }

    /// Adds the types of a record's members. Returns whether the schema has changed.
    pub fn learn(&mut self, record: Raw<'_>) -> bool {
        let text = record.text();
        let mut has_changed = false;
        for member in record.members() {
            if let Some(name) = Raw::new(&text[member.key.clone()]).as_str() {
                has_changed |= self.admit(&name, member.value(text));
            }
        }
        has_changed
    }

    fn admit(&mut self, name: &str, value: Raw<'_>) -> bool {
        let kind = match value.kind() {
            Some(Kind::String) => "string",
            Some(Kind::Number) => "number",
            Some(Kind::Bool) => "boolean",
            Some(Kind::Object) => "object",
            Some(Kind::Array) => "array",
            Some(Kind::Null) | None => "null",
        };
        let is_known = self.properties.contains_key(name);
        if !is_known && self.properties.len() == MAX_PROPERTIES {
            return false;
        }
        let property = self
            .properties
            .entry(name)
            .or_insert_with(|| json!({ "type": ["null"] }));
        let Some(types) = property.get_mut("type").and_then(Value::as_array_mut) else {
            return false;
        };
        let has_kind = types
            .iter()
            .any(|known| known == kind || (known == "integer" && is_whole(value)));
        if !has_kind {
            types.push(kind.into());
        }
        let is_dated = property.get("format").is_some();
        if kind == "string" && (is_dated || !has_kind) {
            let is_date = is_date_time(value);
            if is_date && !has_kind {
                property["format"] = "date-time".into();
            } else if is_dated && !is_date {
                property
                    .as_object_mut()
                    .map(|property| property.remove("format"));
                return true;
            }
        }
        !is_known || !has_kind
    }

    pub fn json(&self) -> Value {
        json!({
            "type": "object",
            "additionalProperties": true,
            "properties": self.properties,
        })
    }
}

fn is_whole(value: Raw<'_>) -> bool {
    value.text().parse::<i64>().is_ok()
}

fn is_date_time(value: Raw<'_>) -> bool {
    value.as_str().is_some_and(|text| {
        text.len() >= SHORTEST_DATE && DateTime::parse_from_rfc3339(&text).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(records: &[&str]) -> Value {
        let mut schema = Schema::default();
        for record in records {
            schema.learn(Raw::new(record));
        }
        schema.json()["properties"].take()
    }

    #[test]
    fn text_is_a_date_time_as_long_as_every_value_is_one() {
        let date = r#"{"at":"2026-04-25T10:00:00.000Z"}"#;
        let dated = json!({"at": {"type": ["null", "string"], "format": "date-time"}});
        assert_eq!(of(&[date, r#"{"at":null}"#, date]), dated);
        let text = json!({"at": {"type": ["null", "string"]}});
        for other in [r#"{"at":""}"#, r#"{"at":"2026-04-25"}"#, r#"{"at":"soon"}"#] {
            assert_eq!(of(&[date, other]), text);
            assert_eq!(of(&[other, date]), text);
        }
    }

    #[test]
    fn a_known_schema_changes_only_if_a_record_needs_it() {
        let properties = json!({"n": {"type": "integer"}, "any": {}});
        let mut schema = Schema::from_properties(properties.as_object().unwrap().clone());
        assert!(!schema.learn(Raw::new(r#"{"n":1,"any":"x"}"#)));
        assert!(schema.learn(Raw::new(r#"{"n":1.5}"#)));
        assert_eq!(
            schema.json()["properties"]["n"]["type"],
            json!(["integer", "number"])
        );
    }
}
