//! Forwards an event to a target: the same bytes and headers, except the headers of one connection and the hop count.

use std::time::Duration;

use http::HeaderMap;
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION,
    TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use super::{Answer, Call, DialError, rebase};
use crate::event::{Event, Outcome};
use crate::grammar::target::Target;
use crate::hops;

/// The headers without those that belong to one connection (RFC 9110, 7.6.1) and those that the client sets.
/// Also without the hop count: a process that passes an event on by itself sets its own, and a replay by hand starts again.
pub fn forwarded_headers(headers: &HeaderMap) -> HeaderMap {
    const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
    const OWN: [HeaderName; 12] = [
        CONNECTION,
        KEEP_ALIVE,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
        HOST,
        CONTENT_LENGTH,
        EXPECT,
        hops::HEADER,
    ];
    let mut passed = headers.clone();
    for value in headers.get_all(CONNECTION) {
        for name in value.to_str().unwrap_or_default().split(',') {
            passed.remove(name.trim());
        }
    }
    for name in OWN {
        passed.remove(name);
    }
    passed
}

impl Call {
    /// A request with the event for another target. The event's path is used if the target has none ([`rebase`]).
    pub fn of(event: &Event, target: &Target, timeout: Duration, max_answer: usize) -> Self {
        let (target, path) = match target {
            Target::Url(url) => (Target::Url(rebase(url, &event.target)), None),
            unix @ Target::Unix(_) => (unix.clone(), Some(event.target.clone())),
        };
        Self {
            method: event.method.clone(),
            target,
            path,
            headers: forwarded_headers(&event.headers),
            body: event.body.clone(),
            timeout,
            max_answer,
        }
    }
}

/// The outcome of a forwarded event, which is stored with it.
pub fn outcome(result: &Result<Answer, DialError>) -> Outcome {
    match result {
        Ok(answer) if answer.status.is_success() => Outcome::Delivered {
            status: answer.status.as_u16(),
        },
        Ok(answer) => Outcome::Failed {
            status: Some(answer.status.as_u16()),
        },
        Err(_) => Outcome::Failed { status: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_headers_are_not_forwarded() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-hop, close"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("host", "a"),
            ("x-evt-hops", "3"),
            ("webhook-id", "m"),
        ] {
            headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        let passed = forwarded_headers(&headers);
        assert_eq!(
            passed.keys().map(HeaderName::as_str).collect::<Vec<_>>(),
            ["webhook-id"]
        );
    }
}
