//! NDJSON: one line per event, which is its record ([`record`]) with the headers and the exact body.

use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{ArchiveError, StoredAttempt, Text};
use crate::attempt::Attempt;
use crate::envelope;
use crate::event::{Event, Meta, Source, Transport, Verdict};
use crate::json;
use crate::record;
use crate::time::Timestamp;

/// The parts of an event that its record does not have.
#[derive(Serialize)]
struct Exact<'a> {
    /// Only if the record leaves them out: a replay needs them.
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    headers: Vec<(String, Text)>,
    body: Text,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attempts: Vec<&'a Attempt>,
}

/// A line written by [`write`]. A plain record (`evt events list -o json`) has only some of the members.
#[derive(Deserialize)]
struct Line<'a> {
    received_at: Timestamp,
    transport: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    id: Option<String>,
    system: Option<String>,
    org: Option<String>,
    subject: Option<String>,
    time: Option<String>,
    method: Option<String>,
    target: Option<String>,
    verdict: Option<Verdict>,
    outcome: Option<String>,
    status: Option<u16>,
    #[serde(default)]
    headers: Vec<(String, Text)>,
    body: Option<Text>,
    #[serde(default)]
    attempts: Vec<StoredAttempt>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// Appends the event as one line, with its line break.
pub fn write(event: &Event, out: &mut Vec<u8>) {
    let line = out.len();
    record::write(event, out);
    let headers = event.headers.iter();
    let is_in_record = event.transport == Transport::Http;
    let exact = Exact {
        method: (!is_in_record).then_some(event.method.as_str()),
        target: (!is_in_record).then_some(event.target.as_str()),
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), Text::of(value.as_bytes())))
            .collect(),
        body: Text::of(&event.body),
        attempts: event.attempts.iter().map(AsRef::as_ref).collect(),
    };
    // Replace the record's closing brace by a comma and the other members.
    out.pop();
    let start = out.len();
    serde_json::to_writer(&mut *out, &exact).expect("writing text to memory cannot fail");
    out[start] = b',';
    json::escape_hidden(out, line);
    out.push(b'\n');
}

/// Reads an event from a line: the exact body and headers if the line has them, otherwise `data` as the body.
///
/// The event is not stored yet, and its source is an import. The verdict of the line is copied; the signature is not verified
/// again.
pub fn read(line: &[u8]) -> Result<Event, ArchiveError> {
    let line: Line<'_> = serde_json::from_slice(line)?;
    let mut headers = HeaderMap::with_capacity(line.headers.len().min(100));
    for (name, value) in line.headers {
        super::header(&mut headers, &name, &value.bytes()?)?;
    }
    let body = match (line.body, line.data) {
        (Some(body), _) => body.bytes()?,
        (None, Some(data)) => body_of(data)?,
        // A record of an event with an empty body has `"data":null`.
        (None, None) => Vec::new(),
    };
    let body = super::body(body)?;
    let mut meta = envelope::detect(&headers, &body);
    let stated = Meta {
        kind: line.kind,
        id: line.id,
        system: line.system,
        org: line.org,
        subject: line.subject,
        time: line.time,
        data: None,
    };
    overwrite(&mut meta, stated);
    let transport = line.transport.as_deref().and_then(Transport::from_word);
    Ok(Event {
        seq: None,
        received_at: line.received_at,
        source: Source::Import,
        transport: transport.unwrap_or(Transport::Http),
        method: super::method(line.method.as_deref().unwrap_or("POST"))?,
        target: super::target(line.target.as_deref().unwrap_or("/"))?,
        headers,
        body,
        meta,
        verdict: line.verdict,
        outcome: super::outcome(line.outcome.as_deref(), line.status),
        attempts: super::attempts(line.attempts)?,
    })
}

/// Whether JSON text is a record, and not an arbitrary body.
pub fn is_record(text: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Marks<'a> {
        #[serde(borrow)]
        #[expect(
            dead_code,
            reason = "serde checks that it is present; nothing reads it"
        )]
        received_at: &'a RawValue,
        #[serde(borrow)]
        #[expect(
            dead_code,
            reason = "serde checks that it is present; nothing reads it"
        )]
        transport: &'a RawValue,
    }
    serde_json::from_slice::<Marks<'_>>(text).is_ok()
}

/// The body that [`record::write`] wrote as `data`: text, bytes in base64, or JSON.
fn body_of(data: &RawValue) -> Result<Vec<u8>, ArchiveError> {
    if data.get().starts_with('"') {
        return Ok(serde_json::from_str::<String>(data.get())?.into_bytes());
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Binary {
        base64: String,
    }
    match serde_json::from_str::<Binary>(data.get()) {
        Ok(Binary { base64 }) => Text::Binary { base64 }.bytes(),
        Err(_) => Ok(data.get().as_bytes().to_vec()),
    }
}

/// Overwrites what was detected in the body with what the line states: an event of the bus has no envelope.
fn overwrite(meta: &mut Meta, stated: Meta) {
    for (known, stated) in [
        (&mut meta.kind, stated.kind),
        (&mut meta.id, stated.id),
        (&mut meta.system, stated.system),
        (&mut meta.org, stated.org),
        (&mut meta.subject, stated.subject),
        (&mut meta.time, stated.time),
    ] {
        if stated.is_some() {
            *known = stated;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{UNUSUAL, assert_same, event};
    use super::*;
    use crate::event::Outcome;

    fn round_trip(event: &Event) -> Event {
        let mut line = Vec::new();
        write(event, &mut line);
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        read(&line).unwrap()
    }

    #[test]
    fn an_event_is_read_back_byte_for_byte() {
        for body in [
            UNUSUAL,
            b"",
            b"\xff\x00\n",
            b"a=1&b=\x1b[2J",
            b"null",
            b"\"x\"",
        ] {
            let written = event(body);
            assert_same(&round_trip(&written), &written);
        }
    }

    #[test]
    fn a_stream_message_keeps_its_method_and_target() {
        let streamed = Event {
            transport: Transport::Sse,
            ..event(b"{}")
        };
        assert_same(&round_trip(&streamed), &streamed);
    }

    #[test]
    fn type_and_id_are_read_back() {
        let read = round_trip(&event(b"{}"));
        assert_eq!(read.meta.kind.as_deref(), Some("contact.created"));
        assert_eq!(read.meta.id.as_deref(), Some("evt_1"));
        assert_eq!((read.seq, read.source), (None, Source::Import));
    }

    #[test]
    fn the_body_of_a_plain_record_is_its_data() {
        for (body, expected) in [
            (&b"{ \"a\": 1.0 }"[..], &b"{ \"a\": 1.0 }"[..]),
            (b"plain", b"plain"),
            (b"\xff", b"\xff"),
            (b"", b""),
        ] {
            let mut line = Vec::new();
            record::write(&event(body), &mut line);
            assert_eq!(read(&line).unwrap().body, expected);
        }
    }

    #[test]
    fn a_queued_event_is_imported_without_its_queue() {
        let queued = Event {
            outcome: Outcome::Queued,
            ..event(b"{}")
        };
        assert_eq!(round_trip(&queued).outcome, Outcome::Kept);
    }

    #[test]
    fn invalid_methods_targets_and_headers_are_refused() {
        let line = |part: &str| {
            format!(r#"{{"received_at":"2026-04-25","transport":"http","data":1,{part}}}"#)
        };
        for part in [
            r#""method":"P OST""#,
            r#""target":"/a b""#,
            r#""headers":[["x\n","y"]]"#,
            r#""headers":[["x","y\r\nz: 1"]]"#,
            r#""headers":[["x",{"base64":"%%"}]]"#,
            r#""headers":{"x":1}"#,
        ] {
            assert!(read(line(part).as_bytes()).is_err(), "{part}");
        }
        assert!(read(line(r#""method":"PUT""#).as_bytes()).is_ok());
    }

    #[test]
    fn a_record_is_distinguished_from_a_body() {
        let mut line = Vec::new();
        write(&event(b"{}"), &mut line);
        assert!(is_record(&line));
        assert!(!is_record(b"{\"data\":{}}"));
        assert!(!is_record(b"[]"));
    }
}
