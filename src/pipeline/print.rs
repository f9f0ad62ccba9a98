//! Formats one message for stdout: a record, the result of a jq expression, a line for users, the payload, or the text of
//! an answer.

use std::sync::Arc;

use super::answer::{self, Part};
use super::records::{self, RecordForm, RecordPrinter};
use super::selection::kind_of;
use super::{PipelineOptions, Show};
use crate::envelope::{BorrowedMeta, Form};
use crate::event::{Seq, Transport};
use crate::json;
use crate::record::{self, Streamed};
use crate::shape::{Shape, ShapeFault};
use crate::source::Message;
use crate::time::Timestamp;
use crate::ui::{
    Format, Style, Ui, clip, controls_a_terminal, escape_json, safe, safe_block, safe_bytes, size,
};

/// Minimum width of a message's type, in columns.
const TYPE: usize = 20;
/// How many bytes of a binary message are shown.
const BYTES: usize = 8;
/// Minimum width of a payload, in columns.
const NARROWEST: usize = 20;

/// A message to print.
pub(super) struct Shown<'a> {
    pub(super) message: &'a Message<'a>,
    pub(super) peek: &'a BorrowedMeta<'a>,
    pub(super) seq: u64,
    pub(super) reference: Option<Seq>,
    pub(super) received_at: &'a str,
}

/// Formats messages.
pub(super) struct Printer {
    ui: Arc<Ui>,
    pub(super) transport: Transport,
    form: Print,
    /// Buffer for the record to which the jq expression is applied.
    record: Vec<u8>,
    /// The output is in the middle of a line, because an answer is printed as it grows.
    is_within_line: bool,
    /// A failed answer is reported at the end, not when it happens.
    is_one_answer: bool,
    /// An event of the answer that is not text, for stderr.
    pub(super) aside: Option<AnswerEvent>,
    /// At least one message was part of an answer.
    pub(super) has_answered: bool,
}

/// An event in an answer that is not text.
pub(super) struct AnswerEvent {
    notice: &'static str,
    facts: serde_json::Value,
    text: String,
}

impl AnswerEvent {
    pub(super) fn show(self, ui: &Ui) {
        ui.notice(self.notice, self.facts, &self.text);
    }
}

enum Print {
    Record,
    Shaped(Shape),
    Line,
    Payload,
    Answer,
    Records {
        printer: RecordPrinter,
        shape: Option<Shape>,
    },
    Nothing,
}

impl Printer {
    pub(super) fn new(options: &PipelineOptions, ui: &Arc<Ui>) -> Self {
        let form = match (&options.show, ui.format(), &options.shape) {
            (Show::Answer, ..) => Print::Answer,
            (Show::Nothing, ..) => Print::Nothing,
            (Show::Records(RecordForm::AsTheyCame), Format::Text, None) => Print::Line,
            (Show::Records(form), _, shape) => Print::Records {
                printer: RecordPrinter::new(form),
                shape: shape.clone(),
            },
            (Show::Event, Format::Json, None) => Print::Record,
            // The result of an expression is JSON in the text format, too.
            (Show::Event, Format::Json | Format::Text, Some(shape)) => Print::Shaped(shape.clone()),
            (Show::Event, Format::Text, None) => Print::Line,
            (Show::Event, Format::Raw, _) => Print::Payload,
        };
        Self {
            ui: Arc::clone(ui),
            transport: options.transport,
            form,
            record: Vec::new(),
            is_within_line: false,
            is_one_answer: options.is_one_answer,
            aside: None,
            has_answered: false,
        }
    }

    /// Appends a message. On a terminal it contains no control characters.
    pub(super) fn print(&mut self, shown: &Shown<'_>, out: &mut Vec<u8>) -> Result<(), ShapeFault> {
        let start = out.len();
        match &self.form {
            Print::Record => {
                record::write_streamed(&self.record_of(shown), out);
                out.push(b'\n');
            }
            Print::Shaped(shape) => {
                let mut record = std::mem::take(&mut self.record);
                record::write_streamed(&self.record_of(shown), &mut record);
                let shaped = shape.apply(&record, out);
                record.clear();
                self.record = record;
                shaped?;
            }
            Print::Records { .. } => self.records(shown, out)?,
            Print::Nothing => {}
            Print::Line => {
                out.extend_from_slice(self.line(shown).as_bytes());
                out.push(b'\n');
            }
            Print::Payload => {
                out.extend_from_slice(shown.message.data);
                if shown.peek.form != Form::Binary {
                    out.push(b'\n');
                }
            }
            Print::Answer => self.answer(shown, out),
        }
        let is_json = matches!(
            self.form,
            Print::Record | Print::Shaped(_) | Print::Records { .. }
        );
        if is_json && self.ui.stdout_is_terminal() {
            escape_json(out, start);
        } else if is_json {
            json::escape_hidden(out, start);
        }
        Ok(())
    }

    /// Returns whether these bytes may be written to stdout. A raw payload must not control a terminal.
    pub(super) fn may_pass(&self, bytes: &[u8]) -> bool {
        !(matches!(self.form, Print::Payload)
            && self.ui.stdout_is_terminal()
            && controls_a_terminal(bytes))
    }

    /// Ends an unfinished line.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.is_within_line) {
            out.push(b'\n');
            self.ui.set_within_line(false);
        }
    }

    fn record_of<'a>(&self, shown: &Shown<'a>) -> Streamed<'a> {
        let message = shown.message;
        Streamed {
            reference: shown.reference,
            seq: shown.seq,
            received_at: shown.received_at,
            transport: self.transport,
            name: kind_of(message, shown.peek),
            id: message.id,
            channel: message.channel,
            headers: message.headers,
            ack: message.ack,
            peek: shown.peek,
            body: message.data,
        }
    }

    /// Appends the state of a Singer stream, if that is the format.
    pub(super) fn state(&mut self, position: &str, out: &mut Vec<u8>) {
        if let Print::Records { printer, .. } = &mut self.form {
            printer.state(position, out);
        }
    }

    /// Appends a polled record, or the result of the jq expression for it.
    fn records(&mut self, shown: &Shown<'_>, out: &mut Vec<u8>) -> Result<(), ShapeFault> {
        let Print::Records { printer, shape } = &mut self.form else {
            return Ok(());
        };
        let Some(change) = &shown.message.change else {
            return Ok(());
        };
        let Some(shape) = shape else {
            printer.print(shown.message, change, out);
            return Ok(());
        };
        printer.print(shown.message, change, &mut self.record);
        let shaped = shape.apply(&self.record, out);
        self.record.clear();
        shaped.map(drop)
    }

    /// A line with time, reference (if stored), type, channel, id and payload.
    fn line(&self, shown: &Shown<'_>) -> String {
        let (message, peek) = (shown.message, shown.peek);
        if let Some(change) = &message.change {
            return records::line(&self.ui, message, change, |data, room| {
                payload(data, Form::Json, room)
            });
        }
        // Only the time of day: most messages are from the same day.
        let clock = shown
            .received_at
            .parse()
            .map_or_else(|_| shown.received_at.to_owned(), Timestamp::local_clock);
        let mut parts = vec![(Style::Dim, clock)];
        if let Some(reference) = shown.reference {
            parts.push((Style::Strong, reference.to_string()));
        }
        let kind = kind_of(message, peek);
        let kind = clip(kind.unwrap_or("-"), 2 * TYPE);
        parts.push((Style::Name, format!("{kind:<TYPE$}")));
        for part in [message.channel, message.id.or(peek.id.as_deref())] {
            parts.extend(part.map(|part| (Style::Dim, clip(part, TYPE))));
        }
        let before: usize = parts.iter().map(|(_, part)| part.chars().count() + 2).sum();
        let room = self
            .ui
            .width()
            .map(|width| usize::from(width).saturating_sub(before).max(NARROWEST));
        let mut line = String::new();
        for (style, part) in parts {
            line.push_str(&self.ui.paint(style, &part));
            line.push_str("  ");
        }
        line.push_str(&payload(peek.data(message.data), peek.form, room));
        line
    }

    /// Appends the text of an answer. Other events are set aside for stderr.
    fn answer(&mut self, shown: &Shown<'_>, out: &mut Vec<u8>) {
        let part = answer::read(shown.message, shown.peek.form);
        self.has_answered |= part != Part::Other;
        match part {
            Part::Text(text) => {
                if self.ui.stdout_is_terminal() {
                    out.extend_from_slice(safe_block(text.as_bytes()).as_bytes());
                } else {
                    out.extend_from_slice(text.as_bytes());
                }
                self.is_within_line = match text.as_bytes().last() {
                    Some(last) => *last != b'\n',
                    None => self.is_within_line,
                };
                self.ui.set_within_line(self.is_within_line);
            }
            Part::Tool(name) => {
                self.aside = Some(AnswerEvent {
                    notice: "tool",
                    text: format!("The agent uses {}.", safe(&name)),
                    facts: serde_json::json!({ "name": name }),
                });
            }
            Part::Failed(why) if !self.is_one_answer => {
                self.aside = Some(AnswerEvent {
                    notice: "answer_failed",
                    text: format!("The agent failed: {}", safe(&why)),
                    facts: serde_json::json!({ "message": why }),
                });
            }
            Part::Failed(_) | Part::Other => {}
        }
    }
}

/// The payload on one line without control characters, truncated to `room` columns.
fn payload(data: &[u8], form: Form, room: Option<usize>) -> String {
    // Only the start of a large payload is processed. A character has at most four bytes.
    let most = room.map_or(data.len(), |room| 8 * room);
    let start = &data[..data.len().min(most)];
    let mut flat = Vec::new();
    let start = match form {
        Form::Json => {
            json::minify(start, &mut flat);
            &flat[..]
        }
        Form::Text | Form::Binary => start,
    };
    match (room, form) {
        (_, Form::Binary) => binary(data),
        (None, _) => safe_bytes(start),
        (Some(room), _) => clip(&String::from_utf8_lossy(start), room),
    }
}

/// `<binary, 97.7 KiB: 00 01 02 …>`
fn binary(data: &[u8]) -> String {
    let mut text = format!("<binary, {}:", size(data.len()));
    for byte in data.iter().take(BYTES) {
        text.push_str(&format!(" {byte:02x}"));
    }
    text.push_str(if data.len() > BYTES { " …>" } else { ">" });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_one_line_of_limited_width() {
        for (data, form, room, shown) in [
            (&b"{\n \"a\": 1\n}"[..], Form::Json, None, r#"{"a":1}"#),
            (
                b"{\"a\":\"0123456789\"}",
                Form::Json,
                Some(8),
                r#"{"a":"0…"#,
            ),
            (b"one\ntwo\x1b[2J", Form::Text, None, r"one\ntwo\u{1b}[2J"),
            (b"\xff\x00", Form::Binary, Some(20), "<binary, 2 B: ff 00>"),
            (
                &[0xff; 2048],
                Form::Binary,
                None,
                "<binary, 2.0 KiB: ff ff ff ff ff ff ff ff …>",
            ),
        ] {
            assert_eq!(payload(data, form, room), shown);
        }
    }

    #[test]
    fn a_large_payload_is_truncated() {
        let text = "é".repeat(1 << 20);
        assert_eq!(
            payload(text.as_bytes(), Form::Text, Some(10))
                .chars()
                .count(),
            10
        );
    }
}
