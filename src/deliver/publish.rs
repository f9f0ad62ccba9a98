//! One attempt at a broker: publishes the message of a job.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::attempt::Finished;
use super::verdict::Verdict;
use crate::broker::BrokerError;
use crate::dial::DialError;
use crate::event::TYPE_HEADER;
use crate::grammar::broker::BrokerUrl;
use crate::sink::{Publication, Receipt, SinkError, Sinks};
use crate::store::jobs::{Attempt, Claimed};
use crate::time::Timestamp;

/// Publishes the message of a job. The message id of the job is the same for each attempt, so that the broker or its receivers
/// recognise a repetition.
pub(super) async fn make(
    sinks: &Sinks,
    job: &Claimed,
    url: &BrokerUrl,
    body: Bytes,
    dated: Timestamp,
) -> Finished {
    let started_at = Timestamp::now();
    let kind = job.headers.get(TYPE_HEADER);
    let publication = Publication {
        id: job.message_id.clone().unwrap_or_default(),
        kind: kind.and_then(|kind| Some(kind.to_str().ok()?.to_owned())),
        headers: job.headers.clone(),
        body,
    };
    let publishing = sinks.publish(url, &publication);
    let result = tokio::time::timeout(job.timeout, publishing).await;
    let result = result.unwrap_or_else(|_| {
        Err(SinkError::Unknown {
            server: url.server(),
            why: format!("no confirmation within {} s", job.timeout.as_secs_f64()),
        })
    });
    let took = Timestamp::now().since(started_at);
    Finished {
        may_have_arrived: result.as_ref().is_err_and(SinkError::is_unknown),
        verdict: verdict(&result),
        attempt: attempt(&result, dated, took),
    }
}

/// The attempt in the words of HTTP: 200 if the broker has confirmed the message, 202 if it was sent without a confirmation. The
/// body has the facts.
fn attempt(result: &Result<Receipt, SinkError>, dated: Timestamp, took: Duration) -> Attempt {
    let (status, facts) = match result {
        Ok(Receipt::Sent { receivers }) => {
            (StatusCode::ACCEPTED, json!({ "receivers": receivers }))
        }
        Ok(Receipt::Stored {
            place,
            is_duplicate,
        }) => {
            let facts = json!({ "stored": place, "duplicate": is_duplicate });
            (StatusCode::OK, facts)
        }
        Err(error) => return Attempt::failed(dated, took, &crate::source::chain(error)),
    };
    let body = facts.to_string();
    Attempt::answered(
        dated,
        took,
        status,
        HeaderMap::new(),
        body.as_bytes(),
        false,
    )
}

/// Judges the result as [`judge`](super::verdict::judge) does for HTTP: what a developer can repair while the job waits is retried.
fn verdict(result: &Result<Receipt, SinkError>) -> Verdict {
    let is_overloaded = match result {
        Ok(_) => return Verdict::Delivered,
        Err(SinkError::Broker(
            error @ (BrokerError::BadRequest { .. }
            | BrokerError::NotBuilt { .. }
            | BrokerError::TooLarge { .. }
            | BrokerError::Dial(DialError::BadTarget { .. } | DialError::Forbidden { .. })),
        )) => {
            return Verdict::Permanent {
                reason: error.to_string(),
            };
        }
        Err(SinkError::Rejected { .. } | SinkError::Unknown { .. }) => true,
        Err(SinkError::Broker(_) | SinkError::Unroutable { .. }) => false,
    };
    Verdict::Retry {
        is_overloaded,
        wait: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_777_111_200_000);

    #[test]
    fn a_confirmation_is_200_and_a_message_without_one_202() {
        for (receipt, status, body) in [
            (
                Receipt::Sent { receivers: Some(2) },
                202,
                r#"{"receivers":2}"#,
            ),
            (
                Receipt::Stored {
                    place: "stream S, sequence 7".to_owned(),
                    is_duplicate: true,
                },
                200,
                r#"{"stored":"stream S, sequence 7","duplicate":true}"#,
            ),
        ] {
            let attempt = attempt(&Ok(receipt), NOW, Duration::ZERO);
            assert_eq!(
                (attempt.status, &attempt.body[..]),
                (Some(status), body.as_bytes())
            );
        }
    }

    #[test]
    fn only_what_a_retry_cannot_repair_is_permanent() {
        let server = || "nats://a".to_owned();
        let why = || "no".to_owned();
        let hint = String::new;
        for (error, is_permanent) in [
            (
                SinkError::Unknown {
                    server: server(),
                    why: why(),
                },
                false,
            ),
            (
                SinkError::Rejected {
                    server: server(),
                    why: why(),
                },
                false,
            ),
            (
                SinkError::Unroutable {
                    server: server(),
                    why: why(),
                    hint: hint(),
                },
                false,
            ),
            (BrokerError::Lost { why: why() }.into(), false),
            (BrokerError::TooLarge { limit: 1 }.into(), true),
            (
                BrokerError::BadRequest {
                    message: why(),
                    hint: hint(),
                }
                .into(),
                true,
            ),
        ] {
            let verdict = verdict(&Err(error));
            assert_eq!(
                matches!(verdict, Verdict::Permanent { .. }),
                is_permanent,
                "{verdict:?}"
            );
        }
    }
}
