//! An event as one line of JSON: the shape that every command prints and exports, built from borrowed bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::event::{Event, Verdict};
use crate::json;
use crate::time::Timestamp;

/// What stands before `data`; what is not known is left out.
#[derive(Serialize)]
struct Head<'a> {
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<i64>,
    received_at: Timestamp,
    source: &'static str,
    transport: &'static str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<&'a str>,
    method: &'a str,
    target: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Judged<'a>>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

#[derive(Serialize)]
struct Judged<'a> {
    scheme: &'a str,
    ok: bool,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl<'a> From<&'a Verdict> for Judged<'a> {
    fn from(verdict: &'a Verdict) -> Self {
        Self {
            scheme: &verdict.scheme,
            ok: verdict.ok,
            reason: &verdict.reason,
            hint: verdict.hint.as_deref(),
        }
    }
}

/// Appends the event as one JSON object, without a line break at its end.
///
/// `data` is the payload's JSON as it came, digits and escapes untouched and only the white space between tokens gone; a
/// string where the payload is text that is not JSON; `{"base64":…}` where it is neither.
pub fn write(event: &Event, out: &mut Vec<u8>) {
    let meta = &event.meta;
    let head = Head {
        reference: event.seq.map(|seq| seq.to_string()),
        seq: event.seq.map(|seq| seq.0),
        received_at: event.received_at,
        source: event.source.as_str(),
        transport: event.transport.as_str(),
        kind: meta.kind.as_deref(),
        id: meta.id.as_deref(),
        system: meta.system.as_deref(),
        org: meta.org.as_deref(),
        subject: meta.subject.as_deref(),
        time: meta.time.as_deref(),
        method: event.method.as_str(),
        target: &event.target,
        verdict: event.verdict.as_ref().map(Judged::from),
        outcome: event.outcome.as_str(),
        status: event.outcome.status(),
    };
    serde_json::to_writer(&mut *out, &head)
        .expect("writing text and numbers to memory cannot fail");
    // The object stays open for the payload, whose bytes are not ours to parse and write again.
    out.pop();
    out.extend_from_slice(b",\"data\":");
    write_data(event.data(), out);
    out.push(b'}');
}

fn write_data(data: &[u8], out: &mut Vec<u8>) {
    if data.is_empty() {
        out.extend_from_slice(b"null");
    } else if json::is_json(data) {
        json::minify(data, out);
    } else if let Ok(text) = std::str::from_utf8(data) {
        serde_json::to_writer(&mut *out, text).expect("writing text to memory cannot fail");
    } else {
        out.extend_from_slice(b"{\"base64\":\"");
        out.extend_from_slice(STANDARD.encode(data).as_bytes());
        out.extend_from_slice(b"\"}");
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};

    use super::*;
    use crate::event::{Meta, Outcome, Seq, Source, Transport};

    fn written(body: &'static [u8]) -> String {
        let event = Event {
            seq: Some(Seq(0x7f3a)),
            received_at: Timestamp::from_millis(1_777_111_200_000),
            source: Source::Listen,
            transport: Transport::Http,
            method: Method::POST,
            target: "/hook".to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(body),
            meta: Meta {
                kind: Some("contact.created".to_owned()),
                ..Meta::default()
            },
            verdict: None,
            outcome: Outcome::Kept,
        };
        let mut out = Vec::new();
        write(&event, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        assert_eq!(
            written(b"{}"),
            r#"{"ref":"e_7f3a","seq":32570,"received_at":"2026-04-25T10:00:00.000Z","source":"listen","transport":"http","type":"contact.created","method":"POST","target":"/hook","outcome":"kept","data":{}}"#
        );
    }

    #[test]
    fn digits_and_escapes_stay_as_they_came() {
        let line = written(b"{ \"a\": 10.00,\n \"n\": 12345678901234567890, \"u\": \"https:\\/\\/a  b\\u00e9\\\"\" }\n");
        assert!(
            line.ends_with(
                r#""data":{"a":10.00,"n":12345678901234567890,"u":"https:\/\/a  b\u00e9\""}}"#
            ),
            "{line}"
        );
    }

    #[test]
    fn text_is_a_string_and_other_bytes_are_base64() {
        assert!(written(b"a=1&b=2").ends_with(r#""data":"a=1&b=2"}"#));
        assert!(written(b"\xff\x00").ends_with(r#""data":{"base64":"/wA="}}"#));
    }
}
