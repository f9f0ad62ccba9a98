//! Messages of the Singer specification: SCHEMA before its records and again when they need a wider one, RECORD, and STATE
//! after the records before it.

use std::io::Write;

use serde_json::{Value, json};

use super::records::SingerNames;
use super::schema::Schema;
use crate::json::Raw;
use crate::record;
use crate::source::{Change, Message, Op};
use crate::time::Timestamp;

/// The member by which Singer targets recognize a deletion.
const DELETED: &str = "_sdc_deleted_at";

/// The state of the stream.
pub(super) struct Singer {
    names: SingerNames,
    schema: Schema,
    has_schema: bool,
}

impl Singer {
    pub(super) fn new(names: SingerNames) -> Self {
        Self {
            schema: names.schema.clone(),
            names,
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
        let selected = (!self.names.without.is_empty()).then(|| self.selected(Raw::new(text)));
        let text = selected.as_deref().unwrap_or(text);
        if self.schema.learn(Raw::new(text)) || !self.has_schema {
            self.write_schema(out);
        }
        let stream = Value::from(self.names.stream.as_str());
        // Writing to memory cannot fail.
        let _ = write!(out, "{{\"type\":\"RECORD\",\"stream\":{stream},\"record\":");
        record::write_single_line(text.as_bytes(), out);
        let _ = writeln!(out, ",\"time_extracted\":\"{now}\"}}");
    }

    /// The record without the members that are not selected, byte for byte.
    fn selected(&self, record: Raw<'_>) -> String {
        let text = record.text();
        let mut selected = String::from("{");
        for member in record.members() {
            if self.names.without.iter().any(|name| member.is_named(name)) {
                continue;
            }
            if selected.len() > 1 {
                selected.push(',');
            }
            selected.push_str(&text[member.key.clone()]);
            selected.push(':');
            selected.push_str(member.value(text).text());
        }
        selected.push('}');
        selected
    }

    /// Writes the state with the bookmarks of all streams. A stream without records gets its schema first.
    pub(super) fn state(&mut self, bookmark: &str, out: &mut Vec<u8>) {
        if !self.has_schema && !self.schema.properties().is_empty() {
            self.write_schema(out);
        }
        // Writing to memory cannot fail.
        let _ = write!(out, "{{\"type\":\"STATE\",\"value\":{{\"bookmarks\":{{");
        for (name, other) in &self.names.bookmarks {
            if *name != self.names.stream {
                let name = Value::from(name.as_str());
                let _ = write!(out, "{name}:{other},");
            }
        }
        let stream = Value::from(self.names.stream.as_str());
        let _ = writeln!(out, "{stream}:{bookmark}}}}}}}");
    }

    fn write_schema(&mut self, out: &mut Vec<u8>) {
        self.has_schema = true;
        let properties = self.schema.properties();
        let is_at_root = |name: &&String| properties.contains_key(*name);
        let key: Vec<&String> = self.names.key.iter().filter(is_at_root).collect();
        let bookmark = Some(&self.names.replication_key);
        let bookmark: Vec<&String> = bookmark.into_iter().filter(is_at_root).collect();
        let schema = json!({
            "type": "SCHEMA",
            "stream": self.names.stream,
            "schema": self.schema.json(),
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
            ..SingerNames::default()
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
