//! Formats polled records for stdout: unchanged, in an envelope, as Singer messages, or as a line for users.

use std::io::Write;

use serde_json::{Map, Value};

use super::schema::Schema;
use super::singer::Singer;
use crate::json::Raw;
use crate::record;
use crate::source::{Change, Message, Op};
use crate::time::Timestamp;
use crate::ui::{Style, Ui, clip};

/// The format of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordForm {
    /// Digits and escapes are unchanged; only line breaks between tokens are removed.
    AsTheyCame,
    /// With an id by which a reader can drop records that a crash repeated.
    Enveloped,
    /// SCHEMA, RECORD and STATE of the Singer specification.
    Singer(Box<SingerNames>),
}

/// Names in Singer messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SingerNames {
    pub stream: String,
    /// The member of a record by which the stream advances.
    pub replication_key: String,
    /// The member that is the key, if known before the first record.
    pub key: Option<String>,
    /// The schema, as far as it is known before the first record.
    pub schema: Schema,
    /// Members that are left out of records.
    pub without: Vec<String>,
    /// Bookmarks of other streams, which every STATE repeats.
    pub bookmarks: Map<String, Value>,
}

/// Width of a key, which users copy, and of a date, in columns.
const KEY: usize = 64;
const DATE: usize = 28;
/// Width of the kind of change.
const OP: usize = 7;

/// Formats records.
pub(super) enum RecordPrinter {
    AsTheyCame,
    Enveloped,
    Singer(Box<Singer>),
}

impl RecordPrinter {
    pub(super) fn new(form: &RecordForm) -> Self {
        match form {
            RecordForm::AsTheyCame => Self::AsTheyCame,
            RecordForm::Enveloped => Self::Enveloped,
            RecordForm::Singer(names) => Self::Singer(Box::new(Singer::new((**names).clone()))),
        }
    }

    /// Appends one record, and messages that have to precede it, each on a line.
    pub(super) fn print(&mut self, message: &Message<'_>, change: &Change<'_>, out: &mut Vec<u8>) {
        match self {
            Self::AsTheyCame => {
                record::write_single_line(message.data, out);
                out.push(b'\n');
            }
            Self::Enveloped => enveloped(message, change, out),
            Self::Singer(singer) => singer.record(message, change, Timestamp::now(), out),
        }
    }

    /// Appends the state after the records before it.
    pub(super) fn state(&mut self, position: &str, out: &mut Vec<u8>) {
        if let Self::Singer(singer) = self {
            singer.state(position, out);
        }
    }
}

/// `{"_evt":{"id":"contact/contact-1/3f…","op":"upsert","key":"contact-1","at":"…"},"data":{…}}`
fn enveloped(message: &Message<'_>, change: &Change<'_>, out: &mut Vec<u8>) {
    let (datatype, key) = (
        message.channel.unwrap_or_default(),
        message.id.unwrap_or_default(),
    );
    let id = format!("{datatype}/{key}/{}", change.digest);
    let op = match change.op {
        Op::Created | Op::Updated => "upsert",
        Op::Deleted => "delete",
    };
    // Writing to memory cannot fail.
    let _ = write!(out, "{{\"_evt\":{{\"id\":");
    let _ = serde_json::to_writer(&mut *out, &id);
    let _ = write!(out, ",\"op\":\"{op}\",\"key\":");
    record::write_single_line(change.key.as_bytes(), out);
    if let Some(at) = change.at {
        out.extend_from_slice(b",\"at\":");
        record::write_single_line(at.as_bytes(), out);
    }
    out.extend_from_slice(b"},\"data\":");
    record::write_single_line(message.data, out);
    out.extend_from_slice(b"}\n");
}

/// A line with the time of the change, its kind, the key and the data.
pub(super) fn line(
    ui: &Ui,
    message: &Message<'_>,
    change: &Change<'_>,
    payload: impl Fn(&[u8], Option<usize>) -> String,
) -> String {
    let at = change
        .at
        .map_or_else(|| "-".to_owned(), |at| Raw::new(at).plain().into_owned());
    let style = match change.op {
        Op::Created => Style::Good,
        Op::Updated => Style::Name,
        Op::Deleted => Style::Bad,
    };
    let parts = [
        (Style::Dim, clip(&at, DATE)),
        (style, format!("{:<OP$}", change.op.as_str())),
        (Style::Strong, clip(message.id.unwrap_or("-"), KEY)),
    ];
    let before: usize = parts.iter().map(|(_, part)| part.chars().count() + 2).sum();
    let room = ui
        .width()
        .map(|width| usize::from(width).saturating_sub(before).max(20));
    let mut line = String::new();
    for (style, part) in parts {
        line.push_str(&ui.paint(style, &part));
        line.push_str("  ");
    }
    line.push_str(&payload(data_of(message.data), room));
    line
}

/// The record's `data` if it has one, otherwise the whole record.
fn data_of(record: &[u8]) -> &[u8] {
    let text = std::str::from_utf8(record).unwrap_or_default();
    match Raw::new(text).member("data") {
        Some(data) => data.text().as_bytes(),
        None => record,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watermark::Digest;

    const RECORD: &str = "{\"sk\":\"a\\u0062\",\n \"n\":1.50,\"data\":{\"x\":1}}";

    fn printed(form: &RecordForm) -> String {
        let message = Message {
            id: Some("ab"),
            channel: Some("contact"),
            data: RECORD.as_bytes(),
            ..Message::default()
        };
        let change = Change {
            op: Op::Updated,
            key: "\"a\\u0062\"",
            key_path: "sk",
            at: Some("\"2026-04-25T10:00:00Z\""),
            digest: Digest([0xab; 16]),
        };
        let mut out = Vec::new();
        RecordPrinter::new(form).print(&message, &change, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_record_is_unchanged_except_for_line_breaks() {
        assert_eq!(
            printed(&RecordForm::AsTheyCame),
            "{\"sk\":\"a\\u0062\", \"n\":1.50,\"data\":{\"x\":1}}\n"
        );
    }

    #[test]
    fn an_envelope_has_key_version_and_date() {
        assert_eq!(
            printed(&RecordForm::Enveloped),
            "{\"_evt\":{\"id\":\"contact/ab/abababababababababababababababab\",\"op\":\"upsert\",\"key\":\"a\\u0062\",\
             \"at\":\"2026-04-25T10:00:00Z\"},\"data\":{\"sk\":\"a\\u0062\", \"n\":1.50,\"data\":{\"x\":1}}}\n"
        );
    }
}
