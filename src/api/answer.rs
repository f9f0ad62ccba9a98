//! A response together with the headers that callers need.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName};

use super::content;
use crate::backoff;
use crate::time::Timestamp;

/// Identifies the data of a local platform, independent of its port.
const PLATFORM: HeaderName = HeaderName::from_static("x-evt-platform");
/// Longer values of [`PLATFORM`] and of other headers are ignored.
const MAX_NAME: usize = 100;

/// A 2xx response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub body: Vec<u8>,
    /// The server's clock, in whole seconds.
    pub date: Option<Timestamp>,
    /// The value of `x-evt-platform`, if the server is a local platform.
    pub platform: Option<String>,
    pub status: u16,
    pub content_type: Option<String>,
}

impl Answer {
    /// Describes what came, for a caller that did not get the JSON that it expects: `an HTML page, "Sign in"`.
    pub fn describe(&self) -> String {
        content::describe(self.status, self.content_type.as_deref(), &self.body)
    }
}

/// The headers of any response.
pub(super) struct Head {
    status: u16,
    content_type: Option<String>,
    pub(super) encoding: Option<String>,
    date: Option<Timestamp>,
    platform: Option<String>,
    pub(super) retry_after: Option<Duration>,
}

impl Head {
    /// A `Retry-After` that is a date is compared with the server's `Date`, because the clocks may differ.
    pub(super) fn read(status: u16, headers: &HeaderMap, now: Timestamp) -> Self {
        let date = headers
            .get(header::DATE)
            .and_then(|value| backoff::http_date(value.as_bytes()));
        let retry_after = headers
            .get(header::RETRY_AFTER)
            .and_then(|value| backoff::retry_after(value.as_bytes(), date.unwrap_or(now)));
        let text = |name: HeaderName| {
            let value = headers.get(name)?.to_str().ok()?;
            let is_usual = !value.is_empty() && value.len() <= MAX_NAME;
            is_usual.then(|| value.to_owned())
        };
        let platform = text(PLATFORM);
        Self {
            status,
            content_type: text(header::CONTENT_TYPE),
            encoding: text(header::CONTENT_ENCODING),
            date,
            platform,
            retry_after,
        }
    }

    pub(super) fn with(self, body: Vec<u8>) -> Answer {
        Answer {
            body,
            date: self.date,
            platform: self.platform,
            status: self.status,
            content_type: self.content_type,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_after_date_is_relative_to_the_clock_of_the_server() {
        let mut headers = HeaderMap::new();
        let set = |headers: &mut HeaderMap, name, value: &'static str| {
            headers.insert(name, header::HeaderValue::from_static(value));
        };
        set(&mut headers, header::DATE, "Sat, 25 Apr 2026 10:00:00 GMT");
        set(
            &mut headers,
            header::RETRY_AFTER,
            "Sat, 25 Apr 2026 10:00:07 GMT",
        );
        let an_hour_ahead = "2026-04-25T11:00:00Z".parse().unwrap();
        let head = Head::read(200, &headers, an_hour_ahead);
        assert_eq!(head.retry_after, Some(Duration::from_secs(7)));
    }
}
