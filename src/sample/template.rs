//! Placeholders in a vendor's file: `${…}` is replaced by a value of the occasion.
//!
//! A string that starts with `#${` becomes a number. `"...": "${object}"` is replaced by the members of the object. An unknown
//! placeholder stays as it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::Occasion;
use crate::time::Timestamp;

/// The format of Twilio's callbacks.
const RFC_2822: &str = "%a, %d %b %Y %H:%M:%S +0000";
/// The format of Twitter's posts.
const CTIME: &str = "%a %b %d %H:%M:%S +0000 %Y";

/// The values of the placeholders.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placeholders<'a> {
    pub(super) occasion: &'a Occasion<'a>,
    /// The full name of the event.
    pub(super) event: &'a str,
    /// The value of `${object}`. Null while the object itself is filled.
    pub(super) object: &'a Value,
}

impl Placeholders<'_> {
    pub(super) fn fill(&self, template: &Value) -> Value {
        match template {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(fields) => Value::Object(self.fields(fields)),
            other => other.clone(),
        }
    }

    fn fields(&self, fields: &Map<String, Value>) -> Map<String, Value> {
        let mut filled = Map::new();
        for (name, value) in fields {
            match (name.as_str(), self.fill(value)) {
                ("...", Value::Object(inner)) => filled.extend(inner),
                (_, value) => {
                    filled.insert(name.clone(), value);
                }
            }
        }
        filled
    }

    fn text(&self, text: &str) -> Value {
        match text {
            "${object}" => return self.object.clone(),
            "${object:text}" => return self.object.to_string().into(),
            "${object:base64}" => return STANDARD.encode(self.object.to_string()).into(),
            _ => {}
        }
        match text.strip_prefix('#') {
            Some(number) if number.starts_with("${") => {
                let number = self.expand(number);
                serde_json::from_str(&number).unwrap_or_else(|_| number.into())
            }
            _ => self.expand(text).into(),
        }
    }

    fn expand(&self, text: &str) -> String {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            expanded.push_str(before);
            rest = match after.split_once('}') {
                Some((word, after)) => {
                    match self.word(word) {
                        Some(value) => expanded.push_str(&value),
                        None => expanded.push_str(&format!("${{{word}}}")),
                    }
                    after
                }
                None => {
                    expanded.push_str("${");
                    after
                }
            };
        }
        expanded.push_str(rest);
        expanded
    }

    /// Returns the value of a placeholder: `seconds`, `uuid`, … A time may have an offset in seconds: `seconds+3600`.
    fn word(&self, word: &str) -> Option<String> {
        let Occasion { now, id, org } = *self.occasion;
        if let Some(at) = word.find(['+', '-']) {
            let offset = word[at..].parse::<i64>().ok()?;
            let now = Timestamp::from_millis(now.millis() + offset * 1000);
            return time(&word[..at], now);
        }
        let random = id.as_u64_pair().1;
        Some(match word {
            "org" => org.to_owned(),
            "event" => self.event.to_owned(),
            "kind" => kind(self.event).to_owned(),
            "action" => action(self.event).to_owned(),
            "id" => format!("{random:016x}"),
            "hex" => id.simple().to_string(),
            "uuid" => id.to_string(),
            "code" => format!("{random:017X}"),
            "digits" => (random >> 4).to_string(),
            // Small enough for every JSON library to keep exactly.
            "number" => (1_000_000_000_000 + random % 9_000_000_000_000).to_string(),
            _ => return time(word, now),
        })
    }
}

/// `pull_request` of `pull_request.opened`.
pub(super) fn kind(event: &str) -> &str {
    event.split_once('.').map_or(event, |(kind, _)| kind)
}

/// `opened` of `pull_request.opened`.
fn action(event: &str) -> &str {
    event.split_once('.').map_or(event, |(_, action)| action)
}

fn time(word: &str, now: Timestamp) -> Option<String> {
    let calendar = |format| {
        let time = DateTime::from_timestamp_millis(now.millis())?;
        Some(time.format(format).to_string())
    };
    match word {
        "seconds" => Some(now.secs().to_string()),
        "millis" => Some(now.millis().to_string()),
        "instant" => Some(now.to_string()),
        "time" => calendar("%Y-%m-%dT%H:%M:%S"),
        "date" => calendar("%Y-%m-%d"),
        "rfc2822" => calendar(RFC_2822),
        "ctime" => calendar(CTIME),
        _ => None,
    }
}

/// Merges the changes into the value (RFC 7396): objects are merged, `null` removes a member, any other value replaces it.
pub(super) fn merge(value: &mut Value, changes: &Value) {
    let Value::Object(changes) = changes else {
        *value = changes.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(fields) = value else { return };
    for (name, change) in changes {
        if change.is_null() {
            fields.shift_remove(name);
        } else {
            merge(fields.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

/// Encodes the members of an object as a form, in their order.
pub(super) fn form(value: &Value) -> String {
    let pairs = value.as_object().into_iter().flatten();
    let pairs = pairs.map(|(name, value)| match value {
        Value::String(text) => format!("{}={}", encoded(name), encoded(text)),
        other => format!("{}={}", encoded(name), encoded(&other.to_string())),
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// What a browser does not escape in a form, besides letters and digits.
const FORM: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'*')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_');

/// Encodes text like a browser encodes the fields of a form.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, FORM)
        .to_string()
        .replace("%20", "+")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn filled(template: Value) -> Value {
        let occasion = Occasion {
            now: Timestamp::from_millis(1_777_111_200_123),
            id: Uuid::from_u128(0xab),
            org: "my-org",
        };
        let words = Placeholders {
            occasion: &occasion,
            event: "issues.opened",
            object: &json!({ "a": 1, "b": [2] }),
        };
        words.fill(&template)
    }

    #[test]
    fn placeholders_become_their_values() {
        for (template, expected) in [
            ("pi_${id}", json!("pi_00000000000000ab")),
            ("${hex}", json!("000000000000000000000000000000ab")),
            ("${uuid}", json!("00000000-0000-0000-0000-0000000000ab")),
            ("${code}", json!("000000000000000AB")),
            ("#${number}", json!(1_000_000_000_171_u64)),
            ("${digits}", json!("10")),
            ("#${seconds}", json!(1_777_111_200)),
            ("#${seconds+60}", json!(1_777_111_260)),
            ("#${seconds}.5", json!(1_777_111_200.5)),
            ("${seconds-60}.0001", json!("1777111140.0001")),
            ("#${millis}", json!(1_777_111_200_123_i64)),
            ("${time}Z", json!("2026-04-25T10:00:00Z")),
            ("${time+3600}-05:00", json!("2026-04-25T11:00:00-05:00")),
            ("${instant}", json!("2026-04-25T10:00:00.123Z")),
            ("${date}", json!("2026-04-25")),
            ("${rfc2822}", json!("Sat, 25 Apr 2026 10:00:00 +0000")),
            ("${ctime}", json!("Sat Apr 25 10:00:00 +0000 2026")),
            ("${org} ${event}", json!("my-org issues.opened")),
            ("${kind} ${action}", json!("issues opened")),
            ("${object}", json!({ "a": 1, "b": [2] })),
            ("${object:text}", json!("{\"a\":1,\"b\":[2]}")),
            ("${object:base64}", json!("eyJhIjoxLCJiIjpbMl19")),
            (
                "$ 10, #9, ${nothing}, ${",
                json!("$ 10, #9, ${nothing}, ${"),
            ),
        ] {
            assert_eq!(filled(template.into()), expected, "{template}");
        }
    }

    #[test]
    fn the_members_of_an_object_replace_the_dots() {
        let template = json!({ "first": true, "...": "${object}", "b": ["${org}"] });
        assert_eq!(
            filled(template).to_string(),
            r#"{"first":true,"a":1,"b":["my-org"]}"#
        );
    }

    #[test]
    fn changes_are_merged_and_null_removes_a_member() {
        let mut value = json!({ "a": { "b": 1, "c": 2 }, "d": [1, 2] });
        merge(
            &mut value,
            &json!({ "a": { "b": null, "e": 3 }, "d": [3], "f": { "g": 4 } }),
        );
        assert_eq!(
            value,
            json!({ "a": { "c": 2, "e": 3 }, "d": [3], "f": { "g": 4 } })
        );
    }

    #[test]
    fn a_form_keeps_the_order_and_is_encoded() {
        let fields = json!({ "To": "+15550100", "Body": "Grüße & more", "A": 1 });
        assert_eq!(
            form(&fields),
            "To=%2B15550100&Body=Gr%C3%BC%C3%9Fe+%26+more&A=1"
        );
    }
}
