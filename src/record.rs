//! An event as one line of JSON. All commands print and export this form. It is built from borrowed bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde::Serialize;

use crate::attempt::Attempt;
use crate::envelope::{BorrowedMeta, Form};
use crate::event::{Event, Seq, Source, Transport, Verdict};
use crate::json;
use crate::time::Timestamp;

/// The members before `data`. Unknown ones are omitted.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'a Verdict>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

/// A message of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Streamed<'a> {
    /// The reference under which the message is stored, if it is.
    pub reference: Option<Seq>,
    /// Number of the message in this run.
    pub seq: u64,
    /// A [`Timestamp`] as text.
    pub received_at: &'a str,
    pub transport: Transport,
    /// The type of the message.
    pub name: Option<&'a str>,
    /// The transport's own id. If there is none, the id in the envelope is used.
    pub id: Option<&'a str>,
    pub channel: Option<&'a str>,
    /// What a broker delivered beside the payload.
    pub headers: Option<&'a HeaderMap>,
    pub ack: Option<u64>,
    /// What the envelope says, if the message has one.
    pub peek: &'a BorrowedMeta<'a>,
    pub body: &'a [u8],
}

/// Appends the event as one JSON object, without a line break.
///
/// `data` is the payload's JSON as it was received: digits, escapes and white space are unchanged (JSON on several
/// lines is minified), except that characters which control a terminal or reorder text are escaped ([`json::escape_hidden`]).
/// A payload that is text but not JSON becomes a string, any other payload `{"base64":…}`. Only HTTP requests have a method
/// and a target.
pub fn write(event: &Event, out: &mut Vec<u8>) {
    let start = out.len();
    let meta = &event.meta;
    let is_http = event.transport == Transport::Http;
    let head = Head {
        reference: event.reference(),
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
        method: is_http.then_some(event.method.as_str()),
        target: is_http.then_some(event.target.as_str()),
        verdict: event.verdict.as_ref(),
        outcome: event.outcome.as_str(),
        status: event.outcome.status(),
    };
    serde_json::to_writer(&mut *out, &head)
        .expect("writing text and numbers to memory cannot fail");
    // Reopens the object to append the payload, whose bytes must not be parsed and written again.
    out.pop();
    let data = event.data();
    let form = match std::str::from_utf8(data) {
        Ok(_) if json::is_json(data) => Form::Json,
        Ok(_) => Form::Text,
        Err(_) => Form::Binary,
    };
    write_data(data, form, out);
    json::escape_hidden(out, start);
}

/// Like [`write()`], with the attempts to deliver the event and the answers of its target as the last member.
pub fn write_with_attempts(event: &Event, out: &mut Vec<u8>) {
    write(event, out);
    if event.attempts.is_empty() {
        return;
    }
    let attempts: Vec<&Attempt> = event.attempts.iter().map(AsRef::as_ref).collect();
    out.pop();
    out.extend_from_slice(b",\"attempts\":");
    serde_json::to_writer(&mut *out, &attempts)
        .expect("writing text and numbers to memory cannot fail");
    out.push(b'}');
}

/// Like [`write()`], for a message of a stream. Nothing is allocated except `out`, and the body is not checked again.
///
/// The caller escapes the line ([`json::escape_hidden`]), because it may pass it to a jq expression first.
pub fn write_streamed(message: &Streamed<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    if let Some(reference) = message.reference {
        push_text("\"ref\":", &reference.to_string(), out);
        out.push(b',');
    }
    out.extend_from_slice(b"\"seq\":");
    push_number(message.seq, out);
    out.extend_from_slice(b",\"received_at\":\"");
    out.extend_from_slice(message.received_at.as_bytes());
    out.extend_from_slice(b"\",\"source\":\"");
    out.extend_from_slice(Source::Tail.as_str().as_bytes());
    out.extend_from_slice(b"\",\"transport\":\"");
    out.extend_from_slice(message.transport.as_str().as_bytes());
    out.push(b'"');
    let peek = message.peek;
    for (name, value) in [
        (",\"type\":", message.name.or(peek.kind.as_deref())),
        (",\"id\":", message.id.or(peek.id.as_deref())),
        (",\"channel\":", message.channel),
        (",\"system\":", peek.system),
        (",\"org\":", peek.org.as_deref()),
        (",\"subject\":", peek.subject.as_deref()),
        (",\"time\":", peek.time.as_deref()),
    ] {
        if let Some(value) = value {
            push_text(name, value, out);
        }
    }
    if let Some(ack) = message.ack {
        out.extend_from_slice(b",\"ack\":");
        push_number(ack, out);
    }
    if let Some(headers) = message.headers.filter(|headers| !headers.is_empty()) {
        out.extend_from_slice(b",\"headers\":");
        push_headers(headers, out);
    }
    let data = peek.data(message.body);
    // An empty message is still a message; only a stored event without a body has no data.
    if data.is_empty() {
        out.extend_from_slice(b",\"data\":\"\"}");
    } else {
        write_data(data, peek.form, out);
    }
}

/// Appends the payload as the last member, and closes the object.
fn write_data(data: &[u8], form: Form, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"data\":");
    match form {
        _ if data.is_empty() => out.extend_from_slice(b"null"),
        Form::Json => write_json(data.trim_ascii(), out),
        Form::Text => {
            let text = String::from_utf8_lossy(data);
            push_text("", &text, out);
        }
        Form::Binary => {
            out.extend_from_slice(b"{\"base64\":\"");
            let start = out.len();
            let length = base64::encoded_len(data.len(), true).unwrap_or_default();
            out.resize(start + length, 0);
            STANDARD
                .encode_slice(data, &mut out[start..])
                .expect("there is room for the length that was worked out");
            out.extend_from_slice(b"\"}");
        }
    }
    out.push(b'}');
}

/// Appends JSON without its line breaks and tabs, which can occur only between tokens.
pub fn write_single_line(json: &[u8], out: &mut Vec<u8>) {
    let mut rest = json;
    while let Some(at) = memchr::memchr3(b'\n', b'\r', b'\t', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// Appends JSON as one line. It is minified only if it contains a line break or a tab.
fn write_json(json: &[u8], out: &mut Vec<u8>) {
    if memchr::memchr3(b'\n', b'\r', b'\t', json).is_none() {
        out.extend_from_slice(json);
    } else {
        json::minify(json, out);
    }
}

/// Appends headers as an object. A name with several values has a list of them; a value that is not UTF-8 is converted.
fn push_headers(headers: &HeaderMap, out: &mut Vec<u8>) {
    for (n, name) in headers.keys().enumerate() {
        out.push(if n == 0 { b'{' } else { b',' });
        push_text("", name.as_str(), out);
        out.push(b':');
        let mut values = headers.get_all(name).iter();
        let text =
            |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        match (values.next(), values.next()) {
            (Some(value), None) => push_text("", &text(value), out),
            _ => {
                let all: Vec<String> = headers.get_all(name).iter().map(text).collect();
                serde_json::to_writer(&mut *out, &all).expect("writing text to memory cannot fail");
            }
        }
    }
    out.push(b'}');
}

/// Appends a key (with quotes and colon) and a JSON string.
fn push_text(before: &str, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(before.as_bytes());
    serde_json::to_writer(out, text).expect("writing text to memory cannot fail");
}

fn push_number(number: u64, out: &mut Vec<u8>) {
    serde_json::to_writer(out, &number).expect("writing a number to memory cannot fail");
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};

    use super::*;
    use crate::event::{Meta, Outcome, Seq, Source, Transport};

    fn event(body: &'static [u8]) -> Event {
        Event {
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
            attempts: Vec::new(),
        }
    }

    fn written(body: &'static [u8]) -> String {
        let mut out = Vec::new();
        write(&event(body), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn unknown_members_are_omitted() {
        assert_eq!(
            written(b"{}"),
            r#"{"ref":"e_7f3a","seq":32570,"received_at":"2026-04-25T10:00:00.000Z","source":"listen","transport":"http","type":"contact.created","method":"POST","target":"/hook","outcome":"kept","data":{}}"#
        );
    }

    #[test]
    fn digits_and_escapes_are_unchanged() {
        let line = written(b"{ \"a\": 10.00,\n \"n\": 12345678901234567890, \"u\": \"https:\\/\\/a  b\\u00e9\\\"\" }\n");
        assert!(
            line.ends_with(
                r#""data":{"a":10.00,"n":12345678901234567890,"u":"https:\/\/a  b\u00e9\""}}"#
            ),
            "{line}"
        );
    }

    #[test]
    fn white_space_is_removed_only_from_json_with_line_breaks() {
        assert!(written(b" {\"a\": [1, 2]} ").ends_with(r#""data":{"a": [1, 2]}}"#));
        assert!(written(b"{\"a\":\r[1, 2]}").ends_with(r#""data":{"a":[1,2]}}"#));
    }

    #[test]
    fn a_sender_cannot_put_control_characters_into_a_record() {
        let hidden = "\u{7f}\u{9b}\u{202e}\u{2028}";
        let body = format!("{{\t\"type\":\"a\\u009b\", \"b\":\"{hidden}\"}}");
        let mut sent = event(b"");
        sent.meta.kind = Some(format!("type{hidden}"));
        sent.target = format!("/{hidden}");
        sent.body = Bytes::from(body);
        let mut out = Vec::new();
        write(&sent, &mut out);
        let line = String::from_utf8(out).unwrap();
        assert!(
            !line.contains(|c: char| c.is_control() || hidden.contains(c)),
            "{line:?}"
        );
        let record: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(record["type"], format!("type{hidden}"));
        assert_eq!(record["data"]["b"], hidden);
    }

    #[test]
    fn only_a_request_has_a_method() {
        let event = Event {
            transport: Transport::Sse,
            ..event(b"1")
        };
        let mut out = Vec::new();
        write(&event, &mut out);
        let line = String::from_utf8(out).unwrap();
        assert!(
            !line.contains("method") && !line.contains("target"),
            "{line}"
        );
    }

    fn streamed(name: Option<&str>, body: &[u8]) -> String {
        let headers = HeaderMap::new();
        let peek = crate::envelope::peek(&headers, body);
        let message = Streamed {
            reference: None,
            seq: 7,
            received_at: "2026-04-25T10:00:00.000Z",
            transport: Transport::Sse,
            name,
            id: Some("a\"1"),
            channel: None,
            headers: None,
            ack: None,
            peek: &peek,
            body,
        };
        let mut out = Vec::new();
        write_streamed(&message, &mut out);
        assert!(json::is_json(&out), "{}", String::from_utf8_lossy(&out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_message_of_a_stream_is_a_record() {
        let body = br#"{"type":"chunk","content":"Zo\u00eb","n":1.0}"#;
        let head = r#"{"seq":7,"received_at":"2026-04-25T10:00:00.000Z","source":"tail","transport":"sse""#;
        assert_eq!(
            streamed(None, body),
            format!(
                r#"{head},"type":"chunk","id":"a\"1","data":{}}}"#,
                std::str::from_utf8(body).unwrap()
            )
        );
        assert_eq!(
            streamed(Some("own"), b"\xff"),
            format!(r#"{head},"type":"own","id":"a\"1","data":{{"base64":"/w=="}}}}"#)
        );
    }

    #[test]
    fn an_empty_message_is_empty_text_and_an_empty_body_is_null() {
        assert!(streamed(None, b"").ends_with(r#""data":""}"#));
        assert!(streamed(None, b"null").ends_with(r#""data":null}"#));
        assert!(written(b"").ends_with(r#""data":null}"#));
    }

    #[test]
    fn an_envelope_in_a_stream_is_unwrapped() {
        let line = streamed(
            None,
            br#"{"event":"contact.created","orgId":"o","timestamp":"t","data":{"sk":"s"}}"#,
        );
        assert!(
            line.ends_with(r#""type":"contact.created","id":"a\"1","system":"appengine","org":"o","subject":"s","time":"t","data":{"sk":"s"}}"#),
            "{line}"
        );
    }

    #[test]
    fn text_is_a_string_and_other_bytes_are_base64() {
        assert!(written(b"a=1&b=2").ends_with(r#""data":"a=1&b=2"}"#));
        assert!(written(b"\xff\x00").ends_with(r#""data":{"base64":"/wA="}}"#));
    }
}
