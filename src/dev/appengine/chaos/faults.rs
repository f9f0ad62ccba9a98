//! Faults in responses to find (refusals, web pages, truncated and repeated pages), and their schedule.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use futures_util::Stream;
use serde_json::json;

use super::rules::{RetryForm, Rules};
use crate::dev::host::refusal::{Refusal, answer, json_response};
use crate::time::Timestamp;

/// A fault of every Nth find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    TooMany,
    ServerError,
    Html,
    Error,
    Duplicate,
    Empty,
    Cut,
}

/// All faults, in the order in which they occur if several are due.
pub(super) const FAULTS: [Fault; 7] = [
    Fault::TooMany,
    Fault::ServerError,
    Fault::Html,
    Fault::Error,
    Fault::Duplicate,
    Fault::Empty,
    Fault::Cut,
];

impl Fault {
    /// The name of its setting without prefix, which is also its name in `x-evt-chaos`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TooMany => "429",
            Self::ServerError => "5xx",
            Self::Html => "html",
            Self::Error => "error",
            Self::Duplicate => "duplicate",
            Self::Empty => "empty",
            Self::Cut => "cut",
        }
    }

    /// The response of a fault that needs no page. `turn` counts earlier occurrences; `path` is the requested path.
    pub(super) fn answer(self, rules: &Rules, turn: u64, path: &str) -> Option<Response> {
        match self {
            Self::TooMany => Some(too_many(rules, path)),
            Self::ServerError => Some(server_error(turn, path)),
            Self::Html => Some(Html(PAGE).into_response()),
            Self::Error => Some(answer(
                StatusCode::OK,
                &json!({ "error": "the database did not answer in time" }),
            )),
            Self::Duplicate | Self::Empty | Self::Cut => None,
        }
    }
}

/// The page of a proxy during maintenance.
const PAGE: &str = "<!doctype html>\n<title>Just a moment</title>\n<p>The service is being updated. Please try again.</p>\n";

fn too_many(rules: &Rules, path: &str) -> Response {
    let refusal = Refusal::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
        "too many requests",
    );
    let mut response = refused(&refusal, path);
    let wait = retry_after(rules.retry_after, rules.retry_form, Timestamp::now());
    if let Ok(wait) = HeaderValue::from_str(&wait) {
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    response
}

/// 503 and 500 in turn.
fn server_error(turn: u64, path: &str) -> Response {
    let (status, code) = if turn.is_multiple_of(2) {
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, "internal_error")
    };
    let message = "the service cannot answer at the moment";
    refused(&Refusal::new(status, code, message), path)
}

/// Renders a refusal at once, because the usual rendering would drop its headers.
pub(super) fn refused(refusal: &Refusal, path: &str) -> Response {
    refusal.response(path)
}

/// The text of `Retry-After`, rounded up so that a client never waits less than `wait`.
fn retry_after(wait: Duration, form: RetryForm, now: Timestamp) -> String {
    match form {
        RetryForm::Seconds => wait.as_millis().div_ceil(1000).to_string(),
        RetryForm::Date => {
            let at = now.plus(wait).plus(Duration::from_millis(999));
            httpdate(at.secs())
        }
    }
}

/// The date format of HTTP headers (RFC 9110, IMF-fixdate).
fn httpdate(secs: i64) -> String {
    let date = chrono::DateTime::from_timestamp(secs, 0).unwrap_or_default();
    date.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Truncates a response: a broken connection and incomplete JSON in turn.
pub(super) fn cut(body: Bytes, turn: u64) -> Response {
    let half = body.slice(..body.len() / 2);
    if !turn.is_multiple_of(2) {
        return json_response(StatusCode::OK, half.to_vec());
    }
    let mut response = json_response(StatusCode::OK, Vec::new());
    let length = HeaderValue::from(body.len());
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length);
    *response.body_mut() = Body::from_stream(Half {
        rest: Some(half),
        is_out: false,
    });
    response
}

/// A body that breaks the connection after its first part.
struct Half {
    rest: Option<Bytes>,
    is_out: bool,
}

impl Stream for Half {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(part) = self.rest.take() {
            return Poll::Ready(Some(Ok(part)));
        }
        // The server writes only when no more data is ready. An error before that would drop the head and the first part.
        if !self.is_out {
            self.is_out = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
    }
}

/// Counts finds for each fault.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    waited: [u64; FAULTS.len()],
    had: [u64; FAULTS.len()],
}

impl Schedule {
    /// The fault of the next find, if any. If several are due, the most overdue one occurs, then the one with the fewest
    /// occurrences; the others occur on the next finds.
    pub(super) fn next(&mut self, every: &[u64; FAULTS.len()]) -> Option<(Fault, u64)> {
        let mut chosen: Option<(usize, u64)> = None;
        for (place, &every) in every.iter().enumerate().filter(|(_, every)| **every > 0) {
            // Limits the backlog of a fault that is due more often than finds occur.
            self.waited[place] = (self.waited[place] + 1).min(every.saturating_mul(2));
            let Some(over) = self.waited[place].checked_sub(every) else {
                continue;
            };
            let comes_first = chosen.is_none_or(|(other, most)| {
                over > most || (over == most && self.had[place] < self.had[other])
            });
            if comes_first {
                chosen = Some((place, over));
            }
        }
        let (place, _) = chosen?;
        self.waited[place] -= every[place];
        let had = self.had[place];
        self.had[place] += 1;
        Some((FAULTS[place], had))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every(pairs: &[(Fault, u64)]) -> [u64; FAULTS.len()] {
        FAULTS.map(|fault| {
            let found = pairs.iter().find(|(of, _)| *of == fault);
            found.map_or(0, |(_, every)| *every)
        })
    }

    fn names(every: &[u64; FAULTS.len()], finds: usize) -> Vec<&'static str> {
        let mut schedule = Schedule::default();
        let next = |_| schedule.next(every).map_or("-", |(fault, _)| fault.name());
        (0..finds).map(next).collect()
    }

    #[test]
    fn the_table_has_the_order_of_the_enum() {
        for (place, fault) in FAULTS.into_iter().enumerate() {
            assert_eq!(fault as usize, place);
        }
    }

    #[test]
    fn every_nth_find_has_the_fault() {
        let every = every(&[(Fault::Cut, 3)]);
        assert_eq!(names(&every, 7), ["-", "-", "cut", "-", "-", "cut", "-"]);
        assert_eq!(names(&[0; FAULTS.len()], 3), ["-", "-", "-"]);
    }

    #[test]
    fn faults_that_are_due_together_occur_one_after_the_other() {
        let every = every(&[(Fault::TooMany, 3), (Fault::Empty, 3)]);
        let expected = ["-", "-", "429", "empty", "-", "429", "empty"];
        assert_eq!(names(&every, 7), expected);
    }

    #[test]
    fn a_fault_of_every_find_does_not_suppress_others() {
        let every = every(&[(Fault::TooMany, 1), (Fault::Html, 1)]);
        assert_eq!(names(&every, 4), ["429", "html", "429", "html"]);
    }

    #[test]
    fn retry_after_is_never_shorter_than_the_wait() {
        let now = Timestamp::from_millis(1_777_111_200_007);
        let marks = |millis, form| retry_after(Duration::from_millis(millis), form, now);
        assert_eq!(marks(0, RetryForm::Seconds), "0");
        assert_eq!(marks(1_001, RetryForm::Seconds), "2");
        assert_eq!(
            marks(2_000, RetryForm::Date),
            "Sat, 25 Apr 2026 10:00:03 GMT"
        );
    }
}
