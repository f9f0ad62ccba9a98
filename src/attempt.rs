//! One attempt to deliver an event, with the answer of the target. What is stored of an answer is bounded.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use crate::time::Timestamp;

/// Bytes of an answer's body that are stored.
pub const MAX_BODY: usize = 64 * 1024;
/// Bytes of an answer's header names and values that are stored.
pub const MAX_HEADERS: usize = 16 * 1024;
/// Characters of an error that are stored.
pub const MAX_ERROR: usize = 500;

/// One attempt to deliver an event: to the app of `evt listen`, of a replay, or by the delivery engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub started_at: Timestamp,
    /// From the start to the last byte of the answer, or to the error.
    pub took: Duration,
    /// The status of the answer; `None` if there was none.
    pub status: Option<u16>,
    /// Why the attempt failed, in words; `None` if it did not.
    pub error: Option<String>,
    /// The headers of the answer, up to [`MAX_HEADERS`].
    pub headers: HeaderMap,
    /// The beginning of the answer's body, up to [`MAX_BODY`].
    pub body: Bytes,
    pub cut: Cut,
}

/// Which parts of an answer were longer than what is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    pub headers: bool,
    pub body: bool,
}

impl Cut {
    /// The names of the parts.
    pub fn parts(self) -> impl Iterator<Item = &'static str> {
        let headers = self.headers.then_some("headers");
        headers.into_iter().chain(self.body.then_some("body"))
    }
}

impl Attempt {
    /// An attempt that was answered. `is_partial`: the answer's body was longer than `body`.
    pub fn answered(
        started_at: Timestamp,
        took: Duration,
        status: StatusCode,
        headers: HeaderMap,
        body: &[u8],
        is_partial: bool,
    ) -> Self {
        let (headers, headers_cut) = first_headers(headers);
        let shown = body.len().min(MAX_BODY);
        Self {
            started_at,
            took,
            status: Some(status.as_u16()),
            error: (!status.is_success()).then(|| format!("it answered {status}")),
            headers,
            // A copy, because a slice would keep the whole buffer of the response in memory.
            body: Bytes::copy_from_slice(&body[..shown]),
            cut: Cut {
                headers: headers_cut,
                body: is_partial || shown < body.len(),
            },
        }
    }

    /// An attempt without an answer.
    pub fn failed(started_at: Timestamp, took: Duration, error: &str) -> Self {
        Self {
            started_at,
            took,
            status: None,
            error: Some(error.chars().take(MAX_ERROR).collect()),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            cut: Cut::default(),
        }
    }

    /// Returns whether the target answered 2xx.
    pub fn is_success(&self) -> bool {
        matches!(self.status, Some(200..300))
    }
}

/// The first headers that fit, and whether any is missing.
fn first_headers(headers: HeaderMap) -> (HeaderMap, bool) {
    let size =
        |name: &http::HeaderName, value: &http::HeaderValue| name.as_str().len() + value.len();
    let total: usize = headers.iter().map(|(name, value)| size(name, value)).sum();
    if total <= MAX_HEADERS {
        return (headers, false);
    }
    let mut left = MAX_HEADERS;
    let mut first = HeaderMap::new();
    for (name, value) in &headers {
        let Some(rest) = left.checked_sub(size(name, value)) else {
            break;
        };
        left = rest;
        first.append(name.clone(), value.clone());
    }
    (first, true)
}

/// The members of an attempt in JSON: of a record, and of an export.
#[derive(Serialize)]
struct Members<'a> {
    started_at: Timestamp,
    took_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "HeaderMap::is_empty", serialize_with = "pairs")]
    headers: &'a HeaderMap,
    #[serde(skip_serializing_if = "Text::is_empty")]
    body: Text<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cut: Vec<&'static str>,
}

/// A string if the bytes are UTF-8, otherwise `{"base64":…}`.
struct Text<'a>(&'a [u8]);

impl Text<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Binary {
            base64: String,
        }
        match std::str::from_utf8(self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Binary {
                base64: STANDARD.encode(self.0),
            }
            .serialize(serializer),
        }
    }
}

fn pairs<S: Serializer>(headers: &&HeaderMap, serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(headers.len()))?;
    for (name, value) in *headers {
        list.serialize_element(&(name.as_str(), Text(value.as_bytes())))?;
    }
    list.end()
}

impl Serialize for Attempt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Members {
            started_at: self.started_at,
            took_ms: millis(self.took),
            status: self.status,
            // An answer speaks for itself.
            error: self.error.as_deref().filter(|_| self.status.is_none()),
            headers: &self.headers,
            body: Text(&self.body),
            cut: self.cut.parts().collect(),
        }
        .serialize(serializer)
    }
}

/// A duration in milliseconds with three decimals: more digits would be noise.
pub fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_777_111_200_000);

    #[test]
    fn a_long_answer_is_cut_and_marked() {
        let mut headers = HeaderMap::new();
        for index in 0..500 {
            let name = HeaderName::try_from(format!("x-{index}")).unwrap();
            headers.insert(
                name,
                HeaderValue::from_static("0123456789012345678901234567890123456789"),
            );
        }
        let body = vec![b'x'; MAX_BODY + 1];
        let attempt = Attempt::answered(NOW, Duration::ZERO, StatusCode::OK, headers, &body, false);
        let head: usize = attempt
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        assert!(head <= MAX_HEADERS && head > MAX_HEADERS - 100, "{head}");
        assert_eq!(attempt.body.len(), MAX_BODY);
        assert_eq!(
            attempt.cut,
            Cut {
                headers: true,
                body: true
            }
        );
    }

    #[test]
    fn an_answer_within_the_bounds_is_stored_whole() {
        let headers = HeaderMap::from_iter([(http::header::SERVER, HeaderValue::from_static("x"))]);
        let body = vec![b'x'; MAX_BODY];
        let attempt = Attempt::answered(
            NOW,
            Duration::ZERO,
            StatusCode::OK,
            headers.clone(),
            &body,
            false,
        );
        assert_eq!((attempt.headers, attempt.body.len()), (headers, MAX_BODY));
        assert_eq!(attempt.cut, Cut::default());
        assert_eq!(attempt.error, None);
    }

    #[test]
    fn the_json_of_an_attempt_omits_what_is_missing() {
        let failed = Attempt::failed(NOW, Duration::from_micros(1_500), "cannot reach it");
        assert_eq!(
            serde_json::to_string(&failed).unwrap(),
            r#"{"started_at":"2026-04-25T10:00:00.000Z","took_ms":1.5,"error":"cannot reach it"}"#
        );
    }
}
