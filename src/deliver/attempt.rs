//! One attempt: builds the request of a job and sends it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::publish;
use super::verdict::{Verdict, judge};
use crate::attempt::MAX_BODY;
use crate::dial::{self, Call, Dialer};
use crate::grammar::destination::Destination;
use crate::grammar::target::Target;
use crate::hops;
use crate::signature::{self, Options, Outgoing};
use crate::sink::Sinks;
use crate::store::StoreError;
use crate::store::jobs::{Attempt, Claimed};
use crate::time::Timestamp;

/// Headers that belong to one connection, or that the HTTP client writes itself.
const NOT_SENT: [HeaderName; 6] = [
    CONNECTION,
    CONTENT_LENGTH,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Sent if the job has no `user-agent`.
const EVT: &str = concat!("evt/", env!("CARGO_PKG_VERSION"));

/// An attempt that has ended.
pub(super) struct Finished {
    pub(super) attempt: Attempt,
    pub(super) verdict: Verdict,
    /// A broker may have the message although it did not confirm it.
    pub(super) may_have_arrived: bool,
}

/// Makes one attempt at a job. `body` is `None` if the event that holds it was deleted; `dated` is the time of the job's store.
pub(super) async fn make(
    dialer: &Dialer,
    sinks: &Sinks,
    job: &Claimed,
    body: Option<Bytes>,
    dated: Timestamp,
) -> Finished {
    let to = job.url.parse();
    if let (Ok(Destination::Broker(url)), Some(body)) = (&to, &body) {
        return publish::make(sinks, job, url, body.clone(), dated).await;
    }
    // The signature and the duration are about other programs, so they use the system's clock.
    let started_at = Timestamp::now();
    let call = match body {
        Some(body) => call(job, body, started_at),
        None => Err("the event that it forwards was deleted".to_owned()),
    };
    let call = match call {
        Ok(call) => call,
        Err(reason) => {
            return Finished {
                attempt: Attempt::failed(dated, Duration::ZERO, &reason),
                verdict: Verdict::Permanent { reason },
                may_have_arrived: false,
            };
        }
    };
    let mut response = dialer.send(call).await;
    let verdict = judge(&response, Timestamp::now());
    let attempt = Attempt {
        started_at: dated,
        ..dial::attempt(started_at, &mut response)
    };
    Finished {
        attempt,
        verdict,
        may_have_arrived: false,
    }
}

/// An attempt that sent nothing, because the store could not read the body.
pub(super) fn unreadable(error: &StoreError, dated: Timestamp) -> Finished {
    let error = format!("its body cannot be read: {error}");
    Finished {
        attempt: Attempt::failed(dated, Duration::ZERO, &error),
        verdict: Verdict::BodyUnreadable,
        may_have_arrived: false,
    }
}

/// The request of an attempt: the job's headers, and those that identify and sign the message.
fn call(job: &Claimed, body: Bytes, now: Timestamp) -> Result<Call, String> {
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
        .or_insert(HeaderValue::from_static(EVT));
    // What makes a job from another event sets the hops of that event plus one.
    if !headers.contains_key(hops::HEADER) {
        hops::set(&mut headers, 1);
    }
    for (name, value) in webhook_headers(job, &body, now)? {
        headers.insert(name, value);
    }
    Ok(Call {
        method: job.method.clone(),
        target,
        path: job.path.clone(),
        headers,
        body,
        timeout: job.timeout,
        max_answer: MAX_BODY,
    })
}

/// The headers of Standard Webhooks: `webhook-id`, `webhook-timestamp` and, if the job has a secret, `webhook-signature`.
fn webhook_headers(
    job: &Claimed,
    body: &Bytes,
    now: Timestamp,
) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let Some(id) = &job.message_id else {
        return Ok(Vec::new());
    };
    if let Some(secret) = &job.secret {
        let signer = signature::find(signature::PLATFORM_SCHEME)
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

#[cfg(test)]
pub(super) mod tests {
    use http::Method;

    use super::*;
    use crate::backoff::Retry;
    use crate::secret::Secret;
    use crate::store::jobs::Lease;

    const NOW: Timestamp = Timestamp::from_millis(1_777_111_200_000);

    pub(in crate::deliver) fn job() -> Claimed {
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

    #[test]
    fn a_request_has_the_headers_and_the_message_id_of_its_job() {
        let mut job = job();
        job.headers
            .insert("idempotency-key", HeaderValue::from_static("step-1"));
        job.headers
            .insert("connection", HeaderValue::from_static("close"));
        let call = call(&job, Bytes::from_static(b"{}"), NOW).unwrap();
        assert_eq!(call.headers["idempotency-key"], "step-1");
        assert_eq!(call.headers["webhook-id"], "msg_1");
        assert_eq!(call.headers["webhook-timestamp"], "1777111200");
        assert_eq!(call.headers["user-agent"], EVT);
        assert!(!call.headers.contains_key("webhook-signature"));
        assert!(!call.headers.contains_key("connection"));
    }

    #[test]
    fn the_user_agent_of_a_job_is_sent() {
        let mut job = job();
        job.headers
            .insert("user-agent", HeaderValue::from_static("mine"));
        let call = call(&job, Bytes::new(), NOW).unwrap();
        assert_eq!(call.headers["user-agent"], "mine");
    }

    #[test]
    fn a_delivery_has_the_hops_of_its_job_or_one() {
        let mut job = job();
        let hops_of = |job: &Claimed| hops::of(&call(job, Bytes::new(), NOW).unwrap().headers);
        assert_eq!(hops_of(&job), 1);
        hops::set(&mut job.headers, 4);
        assert_eq!(hops_of(&job), 4);
    }

    #[test]
    fn without_a_message_id_there_are_no_webhook_headers() {
        let mut job = job();
        job.message_id = None;
        let call = call(&job, Bytes::new(), NOW).unwrap();
        assert!(!call.headers.contains_key("webhook-id"));
        assert!(!call.headers.contains_key("webhook-timestamp"));
    }

    #[test]
    fn each_attempt_is_signed_with_its_own_timestamp() {
        let mut job = job();
        job.secret = Some(Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
        let sign = |now| {
            let call = call(&job, Bytes::from_static(b"{}"), now).unwrap();
            assert_eq!(call.headers["webhook-id"], "msg_1");
            call.headers["webhook-signature"].clone()
        };
        assert!(sign(NOW).to_str().unwrap().starts_with("v1,"));
        assert_ne!(sign(NOW), sign(NOW.plus(Duration::from_secs(1))));
    }

    #[test]
    fn a_message_id_that_is_not_a_valid_header_is_an_error() {
        let mut job = job();
        job.message_id = Some("a\r\nb".to_owned());
        assert!(call(&job, Bytes::new(), NOW).is_err());
    }
}
