//! NDJSON: an event's record ([`record`]) with its headers and exact body beside `data`, one event a line.

use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{ArchiveError, Text};
use crate::envelope;
use crate::event::{Event, Meta, Outcome, Source, Transport, Verdict};
use crate::record;
use crate::time::Timestamp;

/// What a record lacks to make the event again.
#[derive(Serialize)]
struct Exact<'a> {
    /// Where the record leaves them out: a replay sends them all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    headers: Vec<(String, Text)>,
    body: Text,
}

/// A line, as [`write`] makes it; of a plain record (`evt events list -o json`) as much as it has.
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
    verdict: Option<Judged>,
    outcome: Option<String>,
    status: Option<u16>,
    #[serde(default)]
    headers: Vec<(String, Text)>,
    body: Option<Text>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Judged {
    scheme: String,
    ok: bool,
    reason: String,
    hint: Option<String>,
}

/// Appends the event as one line, with its line break.
pub fn write(event: &Event, out: &mut Vec<u8>) {
    record::write(event, out);
    let headers = event.headers.iter();
    let is_told = event.transport == Transport::Http;
    let exact = Exact {
        method: (!is_told).then_some(event.method.as_str()),
        target: (!is_told).then_some(event.target.as_str()),
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), Text::of(value.as_bytes())))
            .collect(),
        body: Text::of(&event.body),
    };
    // The record's closing brace makes room for what follows.
    out.pop();
    let start = out.len();
    serde_json::to_writer(&mut *out, &exact).expect("writing text to memory cannot fail");
    out[start] = b',';
    out.push(b'\n');
}

/// Reads an event back: the exact bytes and headers where the line has them, else the body that its `data` is.
///
/// The event is not kept yet and comes from an import; what the line says of its verdict is taken over, not judged again.
pub fn read(line: &[u8]) -> Result<Event, ArchiveError> {
    let line: Line<'_> = serde_json::from_slice(line)?;
    let mut headers = HeaderMap::with_capacity(line.headers.len().min(100));
    for (name, value) in line.headers {
        super::header(&mut headers, &name, &value.bytes()?)?;
    }
    let body = match (line.body, line.data) {
        (Some(body), _) => body.bytes()?,
        (None, Some(data)) => body_of(data)?,
        // `null` is how a record says that the body was empty.
        (None, None) => Vec::new(),
    };
    let body = super::body(body)?;
    let mut meta = envelope::detect(&headers, &body);
    let told = Meta {
        kind: line.kind,
        id: line.id,
        system: line.system,
        org: line.org,
        subject: line.subject,
        time: line.time,
        data: None,
    };
    take_over(&mut meta, told);
    let transport = line.transport.as_deref();
    let known = Transport::ALL.into_iter();
    Ok(Event {
        seq: None,
        received_at: line.received_at,
        source: Source::Import,
        transport: known
            .into_iter()
            .find(|known| Some(known.as_str()) == transport)
            .unwrap_or(Transport::Http),
        method: super::method(line.method.as_deref().unwrap_or("POST"))?,
        target: super::target(line.target.as_deref().unwrap_or("/"))?,
        headers,
        body,
        meta,
        verdict: line.verdict.map(|judged| Verdict {
            scheme: judged.scheme,
            ok: judged.ok,
            reason: judged.reason,
            hint: judged.hint,
        }),
        outcome: outcome(line.outcome.as_deref(), line.status),
    })
}

/// Whether a JSON text is meant as a record and not as somebody's own body.
pub fn is_record(text: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Signs<'a> {
        #[serde(borrow)]
        #[expect(dead_code, reason = "its presence is what is asked for")]
        received_at: &'a RawValue,
        #[serde(borrow)]
        #[expect(dead_code, reason = "its presence is what is asked for")]
        transport: &'a RawValue,
    }
    serde_json::from_slice::<Signs<'_>>(text).is_ok()
}

/// `data` as [`record::write`] made it of a body: text, bytes in base64, or JSON.
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

/// What the line says about the event wins over what its body shows: an event of the bus has no envelope.
fn take_over(meta: &mut Meta, told: Meta) {
    for (known, told) in [
        (&mut meta.kind, told.kind),
        (&mut meta.id, told.id),
        (&mut meta.system, told.system),
        (&mut meta.org, told.org),
        (&mut meta.subject, told.subject),
        (&mut meta.time, told.time),
    ] {
        if told.is_some() {
            *known = told;
        }
    }
}

fn outcome(word: Option<&str>, status: Option<u16>) -> Outcome {
    match word {
        Some("rejected") => Outcome::Rejected,
        Some("delivered") => Outcome::Delivered {
            status: status.unwrap_or(200),
        },
        Some("failed") => Outcome::Failed { status },
        // A queue stays where it was: here nothing waits for the event.
        _ => Outcome::Kept,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ODD, assert_same, event};
    use super::*;

    fn round_trip(event: &Event) -> Event {
        let mut line = Vec::new();
        write(event, &mut line);
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        read(&line).unwrap()
    }

    #[test]
    fn an_event_comes_back_byte_for_byte() {
        for body in [ODD, b"", b"\xff\x00\n", b"a=1&b=\x1b[2J", b"null", b"\"x\""] {
            let written = event(body);
            assert_same(&round_trip(&written), &written);
        }
    }

    #[test]
    fn a_message_of_a_stream_keeps_where_a_replay_sends_it() {
        let streamed = Event {
            transport: Transport::Sse,
            ..event(b"{}")
        };
        assert_same(&round_trip(&streamed), &streamed);
    }

    #[test]
    fn what_was_known_of_the_event_comes_back() {
        let read = round_trip(&event(b"{}"));
        assert_eq!(read.meta.kind.as_deref(), Some("contact.created"));
        assert_eq!(read.meta.id.as_deref(), Some("evt_1"));
        assert_eq!((read.seq, read.source), (None, Source::Import));
    }

    #[test]
    fn a_record_without_its_body_gives_its_data() {
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
    fn nothing_waits_for_an_event_that_was_queued_elsewhere() {
        let queued = Event {
            outcome: Outcome::Queued,
            ..event(b"{}")
        };
        assert_eq!(round_trip(&queued).outcome, Outcome::Kept);
    }

    #[test]
    fn what_http_cannot_carry_is_refused() {
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
    fn a_body_is_told_from_a_record() {
        let mut line = Vec::new();
        write(&event(b"{}"), &mut line);
        assert!(is_record(&line));
        assert!(!is_record(b"{\"data\":{}}"));
        assert!(!is_record(b"[]"));
    }
}
