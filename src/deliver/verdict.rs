//! What the result of an attempt means for its job, its endpoint's circuit and its endpoint's limit. Pure.

use std::time::Duration;

use http::StatusCode;
use http::header::RETRY_AFTER;

use super::attempt::Finished;
use super::circuit::Observation;
use super::fair::Feedback;
use crate::backoff::{LONGEST, retry_after};
use crate::dial::{Answer, DialError};
use crate::store::jobs::{Attempt, Claimed, Next};
use crate::time::Timestamp;

/// How long a job waits if the store could not read its body.
const REREAD: Duration = Duration::from_secs(1);

/// Why a URL that answered 410 gets no more deliveries.
pub(super) const GONE: &str = "it answered 410 Gone";

/// Why a delivery that answered 508 is not retried.
const LOOP: &str =
    "it answered 508 Loop Detected: the processes that pass this event on send it to each other";

/// The meaning of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Delivered,
    /// It failed, and a later attempt may succeed.
    Retry {
        /// The endpoint asked for fewer requests, or did not answer in time.
        is_overloaded: bool,
        /// `Retry-After`.
        wait: Option<Duration>,
    },
    /// 410: the URL accepts no more deliveries. Other URLs of the server may.
    Gone,
    /// No later attempt can succeed.
    Permanent {
        reason: String,
    },
    /// Nothing was sent, because the store could not read the body.
    BodyUnreadable,
}

impl Verdict {
    pub(super) fn observation(&self) -> Observation {
        match self {
            Self::Delivered => Observation::Success,
            Self::Retry { .. } => Observation::Failure,
            Self::Gone | Self::Permanent { .. } | Self::BodyUnreadable => Observation::Neutral,
        }
    }

    pub(super) fn feedback(&self) -> Feedback {
        match self {
            Self::Delivered => Feedback::Ok,
            Self::Retry { is_overloaded, .. } if *is_overloaded => Feedback::Overloaded,
            Self::Retry { .. } | Self::Gone | Self::Permanent { .. } | Self::BodyUnreadable => {
                Feedback::Neutral
            }
        }
    }
}

/// Judges a response. Everything but 2xx, 410 and 508 is retried, also redirects and client errors: an app under development answers
/// 404 or 400 until its developer has fixed it.
pub(super) fn judge(response: &Result<Answer, DialError>, now: Timestamp) -> Verdict {
    let answer = match response {
        Ok(answer) => answer,
        Err(DialError::BadTarget { .. } | DialError::Forbidden { .. }) => {
            return Verdict::Permanent {
                reason: "evt cannot connect to its target".to_owned(),
            };
        }
        Err(DialError::Timeout { .. } | DialError::Silent { .. }) => {
            return Verdict::Retry {
                is_overloaded: true,
                wait: None,
            };
        }
        Err(
            DialError::Name { .. }
            | DialError::Refused { .. }
            | DialError::Tls { .. }
            | DialError::BadProxy(_)
            | DialError::Proxy { .. }
            | DialError::Broken { .. },
        ) => {
            return Verdict::Retry {
                is_overloaded: false,
                wait: None,
            };
        }
    };
    let status = answer.status;
    if status.is_success() {
        return Verdict::Delivered;
    }
    if status == StatusCode::GONE {
        return Verdict::Gone;
    }
    // A retry would start the loop again.
    if status == StatusCode::LOOP_DETECTED {
        return Verdict::Permanent {
            reason: LOOP.to_owned(),
        };
    }
    let value = answer.headers.get(RETRY_AFTER);
    Verdict::Retry {
        is_overloaded: matches!(status.as_u16(), 429 | 502 | 503 | 504),
        wait: value.and_then(|value| retry_after(value.as_bytes(), now)),
    }
}

/// What follows for the job. `counted`: the failure counts against its retries. `held_until`: the endpoint gets no job before this time.
///
/// A `Retry-After` of up to [`LONGEST`] replaces a shorter delay, even if it lasts longer than all delays of the job together.
/// The failure counts once, so a server that always answers with one still uses up the retries.
pub(super) fn next(
    job: &Claimed,
    finished: &Finished,
    counted: bool,
    held_until: Timestamp,
    random: f64,
) -> Next {
    let now = finished.attempt.started_at.plus(finished.attempt.took);
    let wait = match &finished.verdict {
        Verdict::Delivered => return Next::Done,
        Verdict::Gone => {
            return Next::Dead {
                reason: GONE.to_owned(),
            };
        }
        Verdict::Permanent { reason } => {
            return Next::Dead {
                reason: reason.clone(),
            };
        }
        Verdict::BodyUnreadable => {
            return Next::Retry {
                run_at: now.plus(REREAD),
                counted: false,
            };
        }
        Verdict::Retry { wait, .. } => wait.unwrap_or_default(),
    };
    if wait > LONGEST {
        return Next::Dead {
            reason: waits_too_long(wait),
        };
    }
    if !counted {
        return Next::Retry {
            run_at: held_until.max(now.plus(wait)),
            counted: false,
        };
    }
    let failures = job.failures.saturating_add(1);
    let Some(delay) = job.retry.delay(failures, random) else {
        return Next::Dead {
            reason: retries_used_up(failures, &finished.attempt),
        };
    };
    Next::Retry {
        run_at: now.plus(delay.max(wait)),
        counted: true,
    }
}

fn waits_too_long(wait: Duration) -> String {
    const HOUR: u64 = 60 * 60;
    const YEAR: u64 = 365 * 24 * HOUR;
    let asked = match wait.as_secs() {
        YEAR.. => "more than a year".to_owned(),
        seconds => format!("{} hours", seconds.div_ceil(HOUR)),
    };
    format!(
        "it asked to wait {asked} (Retry-After), and evt waits at most {} hours",
        LONGEST.as_secs() / HOUR
    )
}

fn retries_used_up(failures: u32, attempt: &Attempt) -> String {
    let last = match (attempt.status, &attempt.error) {
        (Some(status), _) => format!("it answered {status}"),
        (None, Some(error)) => error.clone(),
        (None, None) => "no response came".to_owned(),
    };
    match failures {
        1 => last,
        _ => format!("{last}, the last of {failures} attempts"),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::deliver::attempt::tests::job;

    const NOW: Timestamp = Timestamp::from_millis(1_777_111_200_000);

    fn response(
        status: u16,
        headers: &[(&'static str, &'static str)],
    ) -> Result<Answer, DialError> {
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
            attempt: Attempt::failed(NOW, Duration::ZERO, "no"),
            verdict,
            may_have_arrived: false,
        }
    }

    fn again(wait: Option<u64>) -> Finished {
        finished(Verdict::Retry {
            is_overloaded: false,
            wait: wait.map(Duration::from_secs),
        })
    }

    #[test]
    fn only_2xx_410_and_508_are_not_retried() {
        let means = |status| judge(&response(status, &[]), NOW);
        let again = |is_overloaded| Verdict::Retry {
            is_overloaded,
            wait: None,
        };
        assert_eq!(means(200), Verdict::Delivered);
        assert_eq!(means(204), Verdict::Delivered);
        for status in [301, 302, 307, 308, 400, 404, 409, 422, 500] {
            assert_eq!(means(status), again(false), "{status}");
        }
        for status in [429, 502, 503, 504] {
            assert_eq!(means(status), again(true), "{status}");
        }
        assert_eq!(means(410), Verdict::Gone);
        assert!(matches!(means(508), Verdict::Permanent { .. }));
    }

    #[test]
    fn a_timeout_is_a_failure_and_a_sign_of_overload() {
        let late = Err(DialError::Timeout {
            peer: "x".to_owned(),
            limit: Duration::from_secs(1),
        });
        let verdict = judge(&late, NOW);
        assert_eq!(verdict.feedback(), Feedback::Overloaded);
        assert_eq!(verdict.observation(), Observation::Failure);
    }

    #[test]
    fn a_retry_after_is_not_shortened() {
        let verdict = judge(&response(429, &[("retry-after", "7")]), NOW);
        let next = next(&job(), &finished(verdict), true, NOW, 0.5);
        assert_eq!(
            next,
            Next::Retry {
                run_at: NOW.plus(Duration::from_secs(7)),
                counted: true
            }
        );
    }

    #[test]
    fn a_retry_after_shorter_than_the_delay_has_no_effect() {
        assert_eq!(
            next(&job(), &again(Some(0)), true, NOW, 0.5),
            Next::Retry {
                run_at: NOW.plus(Duration::from_secs(1)),
                counted: true
            }
        );
    }

    #[test]
    fn a_retry_after_of_a_day_is_waited_for_and_counts_once() {
        let day = Duration::from_secs(86_400);
        let next = next(&job(), &again(Some(86_400)), true, NOW, 0.5);
        assert_eq!(
            next,
            Next::Retry {
                run_at: NOW.plus(day),
                counted: true
            }
        );
    }

    /// The reason for which a job is dead, whether or not the circuit of its endpoint is open.
    fn dead(wait: u64) -> [String; 2] {
        [true, false].map(
            |counted| match next(&job(), &again(Some(wait)), counted, NOW, 0.5) {
                Next::Dead { reason } => reason,
                other => panic!("{other:?}"),
            },
        )
    }

    #[test]
    fn a_longer_retry_after_ends_the_job_with_that_reason() {
        for reason in dead(86_401) {
            assert_eq!(
                reason,
                "it asked to wait 25 hours (Retry-After), and evt waits at most 24 hours"
            );
        }
        for reason in dead(u64::MAX / 1_000) {
            assert!(reason.contains("wait more than a year"), "{reason}");
        }
    }

    #[test]
    fn the_forms_of_retry_after_are_bounded() {
        let hour = Some(Duration::from_secs(3_600));
        for (value, expected) in [
            ("3600", hour),
            ("Sat, 25 Apr 2026 11:00:00 GMT", hour),
            ("0", Some(Duration::ZERO)),
            ("-86400", None),
            ("Thu, 01 Jan 1970 00:00:00 GMT", None),
            ("1e9", None),
            ("soon", None),
        ] {
            match judge(&response(503, &[("retry-after", value)]), NOW) {
                Verdict::Retry { wait, .. } => assert_eq!(wait, expected, "{value}"),
                other => panic!("{value}: {other:?}"),
            }
        }
        for value in [
            "99999999999999999999999999",
            "999999999999",
            "Fri, 31 Dec 9999 23:59:59 GMT",
        ] {
            let verdict = judge(&response(503, &[("retry-after", value)]), NOW);
            let next = next(&job(), &finished(verdict), false, NOW, 0.5);
            assert!(matches!(next, Next::Dead { .. }), "{value}: {next:?}");
        }
    }

    #[test]
    fn an_uncounted_failure_waits_as_long_as_it_was_asked_to() {
        let held = NOW.plus(Duration::from_secs(2));
        assert_eq!(
            next(&job(), &again(Some(7_200)), false, held, 0.5),
            Next::Retry {
                run_at: NOW.plus(Duration::from_secs(7_200)),
                counted: false
            }
        );
    }

    #[test]
    fn a_retry_after_does_not_add_to_the_retries() {
        let mut job = job();
        job.failures = 5;
        match next(&job, &again(Some(60)), true, NOW, 0.5) {
            Next::Dead { reason } => assert_eq!(reason, "no, the last of 6 attempts"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_last_failure_is_the_reason_of_a_dead_job() {
        let mut job = job();
        job.failures = 5;
        match next(&job, &again(None), true, NOW, 0.5) {
            Next::Dead { reason } => assert_eq!(reason, "no, the last of 6 attempts"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_uncounted_failure_waits_for_the_endpoint() {
        let mut job = job();
        job.failures = 5;
        let held = NOW.plus(Duration::from_secs(30));
        assert_eq!(
            next(&job, &again(None), false, held, 0.5),
            Next::Retry {
                run_at: held,
                counted: false
            }
        );
    }
}
