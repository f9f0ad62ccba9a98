//! One request, and what its answer means for the job.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, RETRY_AFTER, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::circuit::Observed;
use super::fair::Pressure;
use crate::backoff::{Retry, retry_after};
use crate::dial::{Answer, Call, DialError, Dialer};
use crate::grammar::target::Target;
use crate::signature::{self, Options, Outgoing};
use crate::store::jobs::{Attempt, Claimed, Next};
use crate::time::Timestamp;

/// Bytes of an answer's body that are kept with its attempt.
const EXCERPT: usize = 2 * 1024;
/// Bytes of an answer's headers that are kept.
const HEAD_EXCERPT: usize = 2 * 1024;
/// Characters of an error that are kept.
const ERROR_EXCERPT: usize = 500;

/// How long a job waits whose body the store could not give.
const REREAD: Duration = Duration::from_secs(1);

/// Headers that belong to one connection, or that the client writes itself.
const NOT_SENT: [HeaderName; 6] = [
    CONNECTION,
    CONTENT_LENGTH,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// What an attempt means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Done,
    /// It failed and may be tried again.
    Again {
        /// The endpoint asks for less, or did not answer in time.
        busy: bool,
        /// `Retry-After`.
        wait: Option<Duration>,
    },
    /// 410: this URL wants nothing any more; its server may.
    Gone,
    /// No later attempt can do better.
    Never {
        reason: String,
    },
    /// Nothing was sent, and that was not the endpoint's doing.
    Unread,
}

/// Why nothing more is sent to a URL that answered 410.
pub(super) const GONE: &str = "it answered 410 Gone";

/// An attempt that is over.
pub(super) struct Finished {
    pub(super) attempt: Attempt,
    pub(super) verdict: Verdict,
}

impl Verdict {
    pub(super) fn observed(&self) -> Observed {
        match self {
            Self::Done => Observed::Success,
            Self::Again { .. } => Observed::Failure,
            Self::Gone | Self::Never { .. } | Self::Unread => Observed::Neutral,
        }
    }

    pub(super) fn pressure(&self) -> Pressure {
        match self {
            Self::Done => Pressure::Fine,
            Self::Again { busy: true, .. } => Pressure::TooMuch,
            Self::Again { busy: false, .. } | Self::Gone | Self::Never { .. } | Self::Unread => {
                Pressure::Unchanged
            }
        }
    }
}

/// Makes one attempt at a job.
pub(super) async fn make(
    dialer: &Dialer,
    job: &Claimed,
    body: Option<Bytes>,
    user_agent: &'static str,
) -> Finished {
    let started_at = Timestamp::now();
    let call = match body {
        Some(body) => call(job, body, started_at, user_agent),
        None => Err("the event that it forwards is no longer kept".to_owned()),
    };
    let call = match call {
        Ok(call) => call,
        Err(reason) => return unsent(started_at, reason),
    };
    let answered = dialer.send(call).await;
    let verdict = judge(&answered, &job.retry, Timestamp::now());
    let took = Timestamp::now().since(started_at);
    let attempt = match answered {
        Ok(answer) => kept(started_at, answer),
        Err(error) => failed(started_at, took, told(&error)),
    };
    Finished { attempt, verdict }
}

/// The request of an attempt: the job's own headers, and those that tell and sign which message it is.
fn call(
    job: &Claimed,
    body: Bytes,
    now: Timestamp,
    user_agent: &'static str,
) -> Result<Call, String> {
    let target: Target = job
        .url
        .parse()
        .map_err(|error: crate::grammar::GrammarError| error.to_string())?;
    let mut headers = job.headers.clone();
    for name in NOT_SENT {
        headers.remove(name);
    }
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(user_agent));
    for (name, value) in identification(job, &body, now)? {
        headers.insert(name, value);
    }
    Ok(Call {
        method: job.method.clone(),
        target,
        path: job.path.clone(),
        headers,
        body,
        timeout: job.timeout,
        max_answer: EXCERPT,
    })
}

/// `webhook-id`, `webhook-timestamp`, and with a secret `webhook-signature`, as Standard Webhooks has them.
fn identification(
    job: &Claimed,
    body: &Bytes,
    now: Timestamp,
) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let Some(id) = &job.message_id else {
        return Ok(Vec::new());
    };
    if let Some(secret) = &job.secret {
        let signer = signature::find("standard-webhooks")
            .and_then(|scheme| scheme.signer(secret, &Options::default()))
            .map_err(|error| error.to_string())?;
        let signed = signer.sign(&Outgoing {
            id,
            timestamp: now,
            url: &job.url,
            headers: &HeaderMap::new(),
            body,
        });
        return Ok(signed.map_err(|error| error.to_string())?.headers);
    }
    let id = HeaderValue::try_from(id.as_str())
        .map_err(|_| format!("the message id `{}` cannot be a header", id.escape_debug()))?;
    Ok(vec![
        (HeaderName::from_static("webhook-id"), id),
        (
            HeaderName::from_static("webhook-timestamp"),
            HeaderValue::from(now.secs()),
        ),
    ])
}

fn judge(answered: &Result<Answer, DialError>, retry: &Retry, now: Timestamp) -> Verdict {
    let answer = match answered {
        Ok(answer) => answer,
        Err(DialError::BadTarget { .. } | DialError::Forbidden { .. }) => {
            return Verdict::Never {
                reason: "its target cannot be dialled".to_owned(),
            };
        }
        Err(DialError::Timeout { .. } | DialError::Silent { .. }) => {
            return Verdict::Again {
                busy: true,
                wait: None,
            };
        }
        Err(
            DialError::Name { .. }
            | DialError::Refused { .. }
            | DialError::Tls { .. }
            | DialError::Broken { .. },
        ) => {
            return Verdict::Again {
                busy: false,
                wait: None,
            };
        }
    };
    let status = answer.status;
    if status.is_success() {
        return Verdict::Done;
    }
    if status == StatusCode::GONE {
        return Verdict::Gone;
    }
    if retry.permanent.contains(&status.as_u16()) {
        return Verdict::Never {
            reason: format!("it answered {status}, after which nothing is tried again"),
        };
    }
    let value = answer.headers.get(RETRY_AFTER);
    Verdict::Again {
        busy: matches!(status.as_u16(), 429 | 502 | 503 | 504),
        wait: value.and_then(|value| retry_after(value.as_bytes(), now)),
    }
}

/// What follows for the job. `counted`: the failure counts against its retries; `held_until`: its endpoint gets nothing before.
pub(super) fn next(
    job: &Claimed,
    finished: &Finished,
    counted: bool,
    held_until: Timestamp,
    random: f64,
) -> Next {
    let now = finished.attempt.started_at.plus(finished.attempt.took);
    let wait = match &finished.verdict {
        Verdict::Done => return Next::Done,
        Verdict::Gone => {
            return Next::Bury {
                reason: GONE.to_owned(),
            };
        }
        Verdict::Never { reason } => {
            return Next::Bury {
                reason: reason.clone(),
            };
        }
        Verdict::Unread => {
            return Next::Again {
                run_at: now.plus(REREAD),
                counted: false,
            };
        }
        Verdict::Again { wait, .. } => wait.unwrap_or_default(),
    };
    if !counted {
        return Next::Again {
            run_at: held_until.max(now.plus(wait)),
            counted: false,
        };
    }
    let failures = job.failures.saturating_add(1);
    let Some(delay) = job.retry.delay(failures, random) else {
        return Next::Bury {
            reason: spent(failures, &finished.attempt),
        };
    };
    if wait > job.retry.remaining(failures) {
        let reason = format!(
            "it asked to wait {} s (Retry-After), longer than its retries last",
            wait.as_secs()
        );
        return Next::Bury { reason };
    }
    Next::Again {
        run_at: now.plus(delay.max(wait)),
        counted: true,
    }
}

fn spent(failures: u32, attempt: &Attempt) -> String {
    let last = match (attempt.status, &attempt.error) {
        (Some(status), _) => format!("it answered {status}"),
        (None, Some(error)) => error.clone(),
        (None, None) => "no answer came".to_owned(),
    };
    match failures {
        1 => last,
        _ => format!("{last}, the last of {failures} attempts"),
    }
}

/// The body could not be read from the store: the attempt failed, and the job may be tried again.
pub(super) fn unread(error: &crate::store::StoreError) -> Finished {
    Finished {
        attempt: failed(
            Timestamp::now(),
            Duration::ZERO,
            format!("its body cannot be read: {error}"),
        ),
        verdict: Verdict::Unread,
    }
}

fn unsent(started_at: Timestamp, reason: String) -> Finished {
    Finished {
        attempt: failed(started_at, Duration::ZERO, reason.clone()),
        verdict: Verdict::Never { reason },
    }
}

fn failed(started_at: Timestamp, took: Duration, error: String) -> Attempt {
    Attempt {
        started_at,
        took,
        status: None,
        error: Some(error),
        headers: HeaderMap::new(),
        body: Bytes::new(),
    }
}

fn kept(started_at: Timestamp, answer: Answer) -> Attempt {
    let mut room = HEAD_EXCERPT;
    let mut headers = HeaderMap::new();
    for (name, value) in &answer.headers {
        let Some(left) = room.checked_sub(name.as_str().len() + value.len()) else {
            break;
        };
        room = left;
        headers.append(name.clone(), value.clone());
    }
    Attempt {
        started_at,
        took: answer.took,
        status: Some(answer.status.as_u16()),
        error: (!answer.status.is_success()).then(|| format!("it answered {}", answer.status)),
        headers,
        // A copy: the answer may be a small part of a great buffer.
        body: Bytes::copy_from_slice(&answer.body[..answer.body.len().min(EXCERPT)]),
    }
}

/// An error and its causes in one line.
fn told(error: &DialError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        let more = current.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = current.source();
    }
    text.chars().take(ERROR_EXCERPT).collect()
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::secret::Secret;
    use crate::store::jobs::Lease;

    const NOW: Timestamp = Timestamp::from_millis(1_777_111_200_000);

    fn job() -> Claimed {
        Claimed {
            lease: Lease { job: 1, number: 1 },
            endpoint: 1,
            message_id: Some("msg_1".to_owned()),
            secret: None,
            method: Method::POST,
            url: "http://127.0.0.1:9/hook".to_owned(),
            path: None,
            headers: HeaderMap::new(),
            body: None,
            body_len: 0,
            timeout: Duration::from_secs(15),
            retry: Retry::dev(),
            tries: 0,
            failures: 0,
        }
    }

    fn answer(status: u16, headers: &[(&'static str, &'static str)]) -> Result<Answer, DialError> {
        Ok(Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers
                .iter()
                .map(|(name, value)| {
                    (
                        HeaderName::from_static(name),
                        HeaderValue::from_static(value),
                    )
                })
                .collect(),
            body: Bytes::new(),
            truncated: false,
            took: Duration::ZERO,
        })
    }

    fn finished(verdict: Verdict) -> Finished {
        Finished {
            attempt: failed(NOW, Duration::ZERO, "no".to_owned()),
            verdict,
        }
    }

    fn again(wait: Option<u64>) -> Finished {
        finished(Verdict::Again {
            busy: false,
            wait: wait.map(Duration::from_secs),
        })
    }

    #[test]
    fn a_request_carries_the_job_s_headers_and_its_message_id() {
        let mut job = job();
        job.headers
            .insert("idempotency-key", HeaderValue::from_static("step-1"));
        job.headers
            .insert("connection", HeaderValue::from_static("close"));
        let call = call(&job, Bytes::from_static(b"{}"), NOW, "evt/1").unwrap();
        assert_eq!(call.headers["idempotency-key"], "step-1");
        assert_eq!(call.headers["webhook-id"], "msg_1");
        assert_eq!(call.headers["webhook-timestamp"], "1777111200");
        assert_eq!(call.headers["user-agent"], "evt/1");
        assert!(!call.headers.contains_key("webhook-signature"));
        assert!(!call.headers.contains_key("connection"));
    }

    #[test]
    fn a_job_s_own_user_agent_is_kept() {
        let mut job = job();
        job.headers
            .insert("user-agent", HeaderValue::from_static("mine"));
        let call = call(&job, Bytes::new(), NOW, "evt/1").unwrap();
        assert_eq!(call.headers["user-agent"], "mine");
    }

    #[test]
    fn without_a_message_id_there_are_no_webhook_headers() {
        let mut job = job();
        job.message_id = None;
        let call = call(&job, Bytes::new(), NOW, "evt/1").unwrap();
        assert!(!call.headers.contains_key("webhook-id"));
        assert!(!call.headers.contains_key("webhook-timestamp"));
    }

    #[test]
    fn a_secret_signs_with_the_attempt_s_own_time() {
        let mut job = job();
        job.secret = Some(Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
        let sign = |now| {
            let call = call(&job, Bytes::from_static(b"{}"), now, "evt/1").unwrap();
            assert_eq!(call.headers["webhook-id"], "msg_1");
            call.headers["webhook-signature"].clone()
        };
        assert!(sign(NOW).to_str().unwrap().starts_with("v1,"));
        assert_ne!(sign(NOW), sign(NOW.plus(Duration::from_secs(1))));
    }

    #[test]
    fn a_message_id_that_cannot_be_a_header_buries_the_job() {
        let mut job = job();
        job.message_id = Some("a\r\nb".to_owned());
        assert!(call(&job, Bytes::new(), NOW, "evt/1").is_err());
    }

    #[test]
    fn statuses_mean_what_they_say() {
        let retry = Retry::dev().never_after(&[400, 422]);
        let means = |status| judge(&answer(status, &[]), &retry, NOW);
        let again = |busy| Verdict::Again { busy, wait: None };
        assert_eq!(means(200), Verdict::Done);
        assert_eq!(means(204), Verdict::Done);
        for status in [301, 302, 307, 308, 404, 409, 500] {
            assert_eq!(means(status), again(false), "{status}");
        }
        for status in [429, 502, 503, 504] {
            assert_eq!(means(status), again(true), "{status}");
        }
        assert_eq!(means(410), Verdict::Gone);
        assert!(matches!(means(422), Verdict::Never { .. }));
        assert_eq!(judge(&answer(422, &[]), &Retry::dev(), NOW), again(false));
    }

    #[test]
    fn a_timeout_asks_for_less() {
        let late = Err(DialError::Timeout {
            peer: "x".to_owned(),
            limit: Duration::from_secs(1),
        });
        let verdict = judge(&late, &Retry::dev(), NOW);
        assert_eq!(verdict.pressure(), Pressure::TooMuch);
        assert_eq!(verdict.observed(), Observed::Failure);
    }

    #[test]
    fn retry_after_is_waited_for_in_full() {
        let verdict = judge(&answer(429, &[("retry-after", "7")]), &Retry::dev(), NOW);
        let next = next(&job(), &finished(verdict), true, NOW, 0.5);
        assert_eq!(
            next,
            Next::Again {
                run_at: NOW.plus(Duration::from_secs(7)),
                counted: true
            }
        );
    }

    #[test]
    fn a_retry_after_shorter_than_the_schedule_does_not_hasten_it() {
        assert_eq!(
            next(&job(), &again(Some(0)), true, NOW, 0.5),
            Next::Again {
                run_at: NOW.plus(Duration::from_secs(1)),
                counted: true
            }
        );
    }

    #[test]
    fn a_retry_after_past_the_schedule_s_end_buries_the_job_with_that_reason() {
        match next(&job(), &again(Some(3_600)), true, NOW, 0.5) {
            Next::Bury { reason } => assert!(reason.contains("wait 3600 s (Retry-After)")),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_last_failure_buries_the_job_with_its_answer() {
        let mut job = job();
        job.failures = 5;
        match next(&job, &again(None), true, NOW, 0.5) {
            Next::Bury { reason } => assert_eq!(reason, "no, the last of 6 attempts"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_failure_that_does_not_count_waits_for_the_endpoint() {
        let mut job = job();
        job.failures = 5;
        let held = NOW.plus(Duration::from_secs(30));
        assert_eq!(
            next(&job, &again(None), false, held, 0.5),
            Next::Again {
                run_at: held,
                counted: false
            }
        );
    }

    #[test]
    fn what_is_kept_of_an_answer_is_bounded() {
        let mut headers = HeaderMap::new();
        for index in 0..100 {
            let name = HeaderName::try_from(format!("x-{index}")).unwrap();
            headers.insert(
                name,
                HeaderValue::from_static("0123456789012345678901234567890123456789"),
            );
        }
        let attempt = kept(
            NOW,
            Answer {
                status: StatusCode::OK,
                headers,
                body: Bytes::from(vec![b'x'; 100_000]),
                truncated: true,
                took: Duration::ZERO,
            },
        );
        let head: usize = attempt
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        assert!(head <= HEAD_EXCERPT);
        assert_eq!(attempt.body.len(), EXCERPT);
    }
}
