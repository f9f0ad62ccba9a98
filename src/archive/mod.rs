//! Exports events as text and imports them: one file per format. Pure: bytes in, bytes out.
//!
//! Callers select the events and do the I/O.

pub mod har;
pub mod ndjson;
mod post_data;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::attempt::Attempt;
use crate::event::Outcome;
use crate::explain::{Explain, Explanation};
use crate::time::Timestamp;

/// The largest body that can be imported, which is also the largest one that `evt listen` accepts.
pub const MAX_BODY: usize = 64 * 1024 * 1024;
/// The longest text of one event. It contains the body twice, as `body` and as `data`, and escapes make both longer.
pub const MAX_TEXT: usize = 4 * MAX_BODY;

/// The most attempts of one event that are imported.
const MAX_ATTEMPTS: usize = 20;

/// Why text cannot be imported as an event.
#[derive(Debug, Error)]
pub enum ArchiveError {
    #[error("not JSON of the expected form")]
    Json(#[from] serde_json::Error),
    #[error("`{method}` is not an HTTP method")]
    Method { method: String },
    #[error("`{target}` is not a path with a query")]
    Target { target: String },
    #[error("`{name}` is not a header that HTTP allows")]
    Header { name: String },
    #[error("a part marked as base64 is not base64")]
    Base64(#[from] base64::DecodeError),
    #[error("the body is not in the file, only the names of some of its fields")]
    NoBody,
    #[error("the body has {bytes} bytes, more than the limit of 64 MiB")]
    BodyTooLarge { bytes: usize },
    #[error("the text is longer than any event can be")]
    TooLong,
}

impl Explain for ArchiveError {
    fn explain(&self) -> Explanation {
        let code = match self {
            Self::Json(_) => "not_an_export",
            Self::Method { .. }
            | Self::Target { .. }
            | Self::Header { .. }
            | Self::Base64(_)
            | Self::NoBody => "bad_export",
            Self::BodyTooLarge { .. } | Self::TooLong => "too_large",
        };
        Explanation::usage(code).hint("evt events export --format ndjson -f events.ndjson")
    }
}

/// Bytes as JSON: a string if they are UTF-8, so that people and tools can read them, otherwise `{"base64":…}`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Binary { base64: String },
}

impl Text {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Plain(text.to_owned()),
            Err(_) => Self::Binary {
                base64: STANDARD.encode(bytes),
            },
        }
    }

    fn bytes(self) -> Result<Vec<u8>, ArchiveError> {
        Ok(match self {
            Self::Plain(text) => text.into_bytes(),
            Self::Binary { base64 } => STANDARD.decode(base64)?,
        })
    }
}

fn method(text: &str) -> Result<Method, ArchiveError> {
    Method::from_bytes(text.as_bytes()).map_err(|_| ArchiveError::Method {
        method: text.to_owned(),
    })
}

/// Checks that a request's target can be sent in a request line.
fn target(text: &str) -> Result<String, ArchiveError> {
    match text.parse::<PathAndQuery>() {
        Ok(_) if text.starts_with('/') || text == "*" => Ok(text.to_owned()),
        _ => Err(ArchiveError::Target {
            target: text.to_owned(),
        }),
    }
}

fn header(headers: &mut HeaderMap, name: &str, value: &[u8]) -> Result<(), ArchiveError> {
    let bad = || ArchiveError::Header {
        name: name.to_owned(),
    };
    let value = HeaderValue::from_bytes(value).map_err(|_| bad())?;
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
    headers.try_append(name, value).map_err(|_| bad())?;
    Ok(())
}

fn body(bytes: Vec<u8>) -> Result<Bytes, ArchiveError> {
    if bytes.len() > MAX_BODY {
        return Err(ArchiveError::BodyTooLarge { bytes: bytes.len() });
    }
    Ok(Bytes::from(bytes))
}

/// An attempt as [`Attempt`] is written in JSON.
#[derive(Deserialize)]
struct StoredAttempt {
    started_at: Timestamp,
    #[serde(default)]
    took_ms: f64,
    status: Option<u16>,
    #[serde(default)]
    error: String,
    #[serde(default)]
    headers: Vec<(String, Text)>,
    body: Option<Text>,
    #[serde(default)]
    cut: Vec<String>,
}

/// The last of the attempts, within the bounds of the store.
fn attempts(stored: Vec<StoredAttempt>) -> Result<Vec<Arc<Attempt>>, ArchiveError> {
    let over = stored.len().saturating_sub(MAX_ATTEMPTS);
    stored.into_iter().skip(over).map(attempt).collect()
}

fn attempt(stored: StoredAttempt) -> Result<Arc<Attempt>, ArchiveError> {
    let took = duration(stored.took_ms);
    let status = stored
        .status
        .and_then(|code| StatusCode::from_u16(code).ok());
    let Some(status) = status else {
        return Ok(Arc::new(Attempt::failed(
            stored.started_at,
            took,
            &stored.error,
        )));
    };
    let mut headers = HeaderMap::new();
    for (name, value) in stored.headers {
        header(&mut headers, &name, &value.bytes()?)?;
    }
    let body = stored.body.map_or(Ok(Vec::new()), Text::bytes)?;
    let is_cut = |part: &str| stored.cut.iter().any(|name| name == part);
    let mut attempt = Attempt::answered(
        stored.started_at,
        took,
        status,
        headers,
        &body,
        is_cut("body"),
    );
    attempt.cut.headers |= is_cut("headers");
    Ok(Arc::new(attempt))
}

/// A duration of a file; zero if it is not one.
fn duration(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default()
}

fn outcome(word: Option<&str>, status: Option<u16>) -> Outcome {
    match word {
        Some("rejected") => Outcome::Rejected,
        Some("delivered") => Outcome::Delivered {
            status: status.unwrap_or(200),
        },
        Some("failed") => Outcome::Failed { status },
        // A queued delivery belongs to the store that exported the event, so it is not imported.
        _ => Outcome::Kept,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::event::{Event, Meta, Seq, Source, Transport, Verdict};

    /// A body with details that reformatting would lose: white space, escapes, digits.
    pub(super) const UNUSUAL: &[u8] = b"{  \"url\": \"https:\\/\\/a.test\\/x\", \"amount\": 10.00, \"n\": 12345678901234567890, \"name\": \"Zo\xc3\xab\\u00e9\" }\n";

    pub(super) fn event(body: &[u8]) -> Event {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("127.0.0.1:4871"));
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        headers.append("x-two", HeaderValue::from_static("it's \"one\""));
        headers.append("x-two", HeaderValue::from_bytes(b"\xff\xfe").unwrap());
        Event {
            seq: Some(Seq(7)),
            received_at: Timestamp::from_millis(1_777_111_200_007),
            source: Source::Listen,
            transport: Transport::Http,
            method: Method::PUT,
            target: "/hook?a=1&b=%20x".to_owned(),
            headers,
            body: Bytes::copy_from_slice(body),
            meta: Meta {
                kind: Some("contact.created".to_owned()),
                id: Some("evt_1".to_owned()),
                ..Meta::default()
            },
            verdict: Some(Verdict {
                scheme: "stripe".to_owned(),
                ok: false,
                reason: "signature_mismatch".to_owned(),
                hint: Some("body_changed: …".to_owned()),
            }),
            outcome: Outcome::Failed { status: Some(500) },
            attempts: vec![Arc::new(Attempt::answered(
                Timestamp::from_millis(1_777_111_200_009),
                Duration::from_micros(1_250),
                StatusCode::INTERNAL_SERVER_ERROR,
                HeaderMap::from_iter([(
                    http::header::CONTENT_TYPE,
                    HeaderValue::from_static("text/plain"),
                )]),
                b"TypeError: \xff user is not here",
                true,
            ))],
        }
    }

    pub(super) fn assert_same(read: &Event, written: &Event) {
        assert_eq!(read.body, written.body);
        assert_eq!(read.headers, written.headers);
        assert_eq!(read.method, written.method);
        assert_eq!(read.target, written.target);
        assert_eq!(read.received_at, written.received_at);
        assert_eq!(read.outcome, written.outcome);
        assert_eq!(read.verdict, written.verdict);
        assert_eq!(read.attempts, written.attempts);
    }

    #[test]
    fn a_target_must_fit_a_request_line() {
        for text in ["/", "/a?b=c", "*", "/a%20b"] {
            assert!(target(text).is_ok(), "{text}");
        }
        for text in ["", "a", "/a b", "/a\r\nx: y", "http://a/"] {
            assert!(target(text).is_err(), "{text}");
        }
    }
}
