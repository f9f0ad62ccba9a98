//! Messages of the Singer specification: SCHEMA before its records and again when they need a wider one, RECORD, and STATE
//! after the records before it.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::records::SingerNames;
use crate::json::{Kind, Raw};
use crate::record;
use crate::source::{Change, Message, Op};
use crate::time::Timestamp;

/// Maximum number of members in a schema. Further members are covered by its `additionalProperties`.
const MAX_PROPERTIES: usize = 1000;
/// The member by which Singer targets recognize a deletion.
const DELETED: &str = "_sdc_deleted_at";

/// The state of the stream.
pub(super) struct Singer {
    names: SingerNames,
    /// The members of all records with their types.
    properties: Map<String, Value>,
    has_schema: bool,
}

impl Singer {
    pub(super) fn new(names: SingerNames) -> Self {
        Self {
            names,
            properties: Map::new(),
            has_schema: false,
        }
    }

    pub(super) fn record(
        &mut self,
        message: &Message<'_>,
        change: &Change<'_>,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) {
        self.names
            .key
            .get_or_insert_with(|| change.key_path.to_owned());
        let text = std::str::from_utf8(message.data).unwrap_or("{}");
        // A deletion that was detected by a sweep has no record.
        let is_bare = change.op == Op::Deleted && Raw::new(text).member("op").is_some();
        let bare = is_bare.then(|| {
            let name = Value::from(change.key_path);
            format!("{{{name}:{},\"{DELETED}\":\"{now}\"}}", change.key)
        });
        let text = bare.as_deref().unwrap_or(text);
        let record = Raw::new(text);
        if self.learn(record) || !self.has_schema {
            self.schema(out);
        }
        let stream = Value::from(self.names.stream.as_str());
        // Writing to memory cannot fail.
        let _ = write!(out, "{{\"type\":\"RECORD\",\"stream\":{stream},\"record\":");
        record::write_single_line(text.as_bytes(), out);
        let _ = writeln!(out, ",\"time_extracted\":\"{now}\"}}");
    }

    pub(super) fn state(&mut self, bookmark: &str, out: &mut Vec<u8>) {
        let stream = Value::from(self.names.stream.as_str());
        let _ = writeln!(
            out,
            "{{\"type\":\"STATE\",\"value\":{{\"bookmarks\":{{{stream}:{bookmark}}}}}}}"
        );
    }

    /// Adds the types of a record's members. Returns whether any was new.
    fn learn(&mut self, record: Raw<'_>) -> bool {
        let text = record.text();
        let mut is_new = false;
        for member in record.members() {
            let Some(name) = Raw::new(&text[member.key.clone()]).as_str() else {
                continue;
            };
            let kind = match member.value(text).kind() {
                Some(Kind::String) => "string",
                Some(Kind::Number) => "number",
                Some(Kind::Bool) => "boolean",
                Some(Kind::Object) => "object",
                Some(Kind::Array) => "array",
                Some(Kind::Null) | None => "null",
            };
            is_new |= self.admit(&name, kind);
        }
        is_new
    }

    fn admit(&mut self, name: &str, kind: &str) -> bool {
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
        if types.iter().any(|known| known == kind) {
            return !is_known;
        }
        types.push(kind.into());
        true
    }

    fn schema(&mut self, out: &mut Vec<u8>) {
        self.has_schema = true;
        let is_at_root = |name: &&String| self.properties.contains_key(*name);
        let key: Vec<&String> = self.names.key.iter().filter(is_at_root).collect();
        let bookmark = Some(&self.names.replication_key);
        let bookmark: Vec<&String> = bookmark.into_iter().filter(is_at_root).collect();
        let schema = json!({
            "type": "SCHEMA",
            "stream": self.names.stream,
            "schema": {
                "type": "object",
                "additionalProperties": true,
                "properties": self.properties,
            },
            "key_properties": key,
            "bookmark_properties": bookmark,
        });
        let _ = writeln!(out, "{schema}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watermark::Digest;

    fn messages(records: &[&str]) -> Vec<Value> {
        let mut singer = Singer::new(SingerNames {
            stream: "contact".to_owned(),
            replication_key: "modifydate".to_owned(),
            key: None,
        });
        let mut out = Vec::new();
        for record in records {
            let message = Message {
                data: record.as_bytes(),
                ..Message::default()
            };
            let change = Change {
                op: Op::Updated,
                key: "\"a\"",
                key_path: "sk",
                at: Some("\"x\""),
                digest: Digest([0; 16]),
            };
            singer.record(&message, &change, Timestamp::from_millis(0), &mut out);
        }
        singer.state("{\"replication_key_value\":\"x\"}", &mut out);
        let text = String::from_utf8(out).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn kinds(messages: &[Value]) -> Vec<&str> {
        messages
            .iter()
            .map(|message| message["type"].as_str().unwrap())
            .collect()
    }

    #[test]
    fn a_schema_comes_first_and_a_state_last() {
        let written = messages(&[
            r#"{"sk":"a","modifydate":"x"}"#,
            r#"{"sk":"b","modifydate":"y"}"#,
        ]);
        assert_eq!(kinds(&written), ["SCHEMA", "RECORD", "RECORD", "STATE"]);
        assert_eq!(written[0]["key_properties"], json!(["sk"]));
        assert_eq!(written[0]["bookmark_properties"], json!(["modifydate"]));
        assert_eq!(
            written[3]["value"]["bookmarks"]["contact"]["replication_key_value"],
            "x"
        );
    }

    #[test]
    fn a_record_with_a_new_type_follows_a_wider_schema() {
        let written = messages(&[r#"{"sk":"a","n":1}"#, r#"{"sk":"b","n":"one"}"#]);
        assert_eq!(
            kinds(&written),
            ["SCHEMA", "RECORD", "SCHEMA", "RECORD", "STATE"]
        );
        assert_eq!(
            written[2]["schema"]["properties"]["n"]["type"],
            json!(["null", "number", "string"])
        );
    }
}
