//! When the next request may be sent: backoff, `Retry-After` and the rate of requests.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::halt::Halt;
use super::output::Output;
use super::{PollEnd, PollError, PollOptions};
use crate::api::ApiError;
use crate::backoff;
use crate::source::Notice;
use crate::time::Timestamp;

/// Each delay is random, up to a maximum that starts at the first value and doubles up to the second.
const MIN_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(10);
/// The longest wait that a server can ask for. A longer one would keep the user from polling for ever.
const MAX_WAIT: Duration = backoff::LONGEST;
/// Why a request waits for `Retry-After`.
pub(super) const SERVER_ASKED: &str = "the server asked for it";

/// When the next request may be sent.
pub(super) struct Pacing<'a> {
    options: &'a PollOptions,
    stop: &'a CancellationToken,
    asked_at: Option<Instant>,
}

impl<'a> Pacing<'a> {
    pub(super) fn new(options: &'a PollOptions, stop: &'a CancellationToken) -> Self {
        Self {
            options,
            stop,
            asked_at: None,
        }
    }

    /// Waits after a failed try.
    pub(super) async fn wait_after(
        &self,
        output: &mut Output<'_>,
        error: &PollError,
        tries: u32,
    ) -> Result<(), Halt> {
        let retry_after = match error {
            PollError::Api(ApiError::Refused(refusal)) => refusal.retry_after,
            _ => None,
        };
        let why = error.to_string();
        if let Some(wait) = retry_after.filter(|wait| !wait.is_zero()) {
            return self.wait_until(output, end_of_wait(wait), &why).await;
        }
        let delay = delay_after(tries);
        // Single failures are normal and pass within a second: no notice.
        if tries > 2 {
            output.notice(Notice::Retrying {
                why,
                delay,
                attempt: tries,
            });
        }
        self.sleep(delay).await
    }

    /// Waits until the next request is allowed, by `Retry-After`, which an earlier process may have received, and by the rate.
    pub(super) async fn wait_for_turn(&self, output: &mut Output<'_>) -> Result<(), Halt> {
        if let Some(until) = output.position.not_before {
            let now = Timestamp::now();
            // A later time was stored before the local clock went back.
            let is_possible = until <= end_of_wait(MAX_WAIT);
            if until > now && is_possible {
                self.wait_until(output, until, SERVER_ASKED).await?;
            }
        }
        if let (Some(pace), Some(last)) = (self.options.pace, self.asked_at) {
            let left = (last + pace).saturating_duration_since(Instant::now());
            if !left.is_zero() {
                self.sleep(left).await?;
            }
        }
        match self.is_stopped() {
            true => Err(Halt::End(PollEnd::Stopped)),
            false => Ok(()),
        }
    }

    /// Sends nothing before `until`. The time is stored first: a process that is restarted during the wait must not ask sooner.
    pub(super) async fn wait_until(
        &self,
        output: &mut Output<'_>,
        until: Timestamp,
        why: &str,
    ) -> Result<(), Halt> {
        output.hold_until(until)?;
        if until.since(Timestamp::now()) > self.options.max_wait {
            return Err(PollError::WaitTooLong { until }.into());
        }
        let why = why.to_owned();
        output.notice(Notice::Waiting { until, why });
        loop {
            let left = until.since(Timestamp::now());
            if left.is_zero() {
                return Ok(());
            }
            self.sleep(left).await?;
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Resolves when the caller asks to stop.
    pub(super) async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Notes that a request is sent now.
    pub(super) fn note_request(&mut self) {
        self.asked_at = Some(Instant::now());
    }

    /// Sleeps after a failed try.
    pub(super) async fn back_off(&self, tries: u32) -> Result<(), Halt> {
        self.sleep(delay_after(tries)).await
    }

    /// Sleeps, unless the caller asks to stop.
    pub(super) async fn sleep(&self, span: Duration) -> Result<(), Halt> {
        tokio::select! {
            () = tokio::time::sleep(span) => Ok(()),
            () = self.stop.cancelled() => Err(Halt::End(PollEnd::Stopped)),
        }
    }
}

/// The end of a wait that starts now. [`Timestamp::now`] is rounded down to a millisecond; the wait must not end sooner.
pub(super) fn end_of_wait(wait: Duration) -> Timestamp {
    Timestamp::now().plus(wait.min(MAX_WAIT) + Duration::from_millis(1))
}

/// A random delay up to a maximum that doubles with each failure (full jitter).
fn delay_after(tries: u32) -> Duration {
    let span = MIN_BACKOFF.saturating_mul(1 << tries.saturating_sub(1).min(10));
    span.min(MAX_BACKOFF).mul_f64(fastrand::f64())
}
