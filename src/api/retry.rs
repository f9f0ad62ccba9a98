//! When a call is repeated.

use std::time::Duration;

/// How often a call is repeated, and how long it may wait in total.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryPolicy {
    pub(super) retries: u32,
    /// The first delay is random in `0..base`; the range doubles with each attempt.
    pub(super) base: Duration,
    pub(super) cap: Duration,
    /// The limit for the sum of all delays of one call. If the next delay would exceed it, the call ends.
    pub(super) budget: Duration,
}

impl RetryPolicy {
    /// Returns the delay after attempt number `attempt` (the first one is 0), or `None` to give up. `asked` is the platform's `Retry-After`,
    /// which is never shortened: if it exceeds the budget, the call ends.
    pub(super) fn wait(
        &self,
        attempt: u32,
        asked: Option<Duration>,
        waited: Duration,
    ) -> Option<Duration> {
        if attempt >= self.retries {
            return None;
        }
        let span = self.base.saturating_mul(1 << attempt.min(16)).min(self.cap);
        let wait = asked
            .unwrap_or(Duration::ZERO)
            .max(span.mul_f64(fastrand::f64()));
        (waited.saturating_add(wait) <= self.budget).then_some(wait)
    }
}

/// Whether the same call may succeed later after a response with this status.
pub(super) fn is_transient(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        retries: 5,
        base: Duration::from_millis(500),
        cap: Duration::from_secs(30),
        budget: Duration::from_secs(60),
    };

    #[test]
    fn delays_are_random_in_a_growing_range() {
        for attempt in 0..5 {
            let wait = POLICY.wait(attempt, None, Duration::ZERO).unwrap();
            assert!(wait <= Duration::from_millis(500 << attempt));
        }
        assert_eq!(POLICY.wait(5, None, Duration::ZERO), None);
    }

    #[test]
    fn a_retry_after_is_never_shortened() {
        let asked = Duration::from_secs(20);
        assert!(POLICY.wait(0, Some(asked), Duration::ZERO).unwrap() >= asked);
        assert_eq!(POLICY.wait(1, Some(asked), Duration::from_secs(41)), None);
        assert_eq!(POLICY.wait(0, Some(Duration::MAX), Duration::ZERO), None);
    }
}
