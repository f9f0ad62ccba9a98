//! When a call is made again, and after how long.

use std::time::Duration;

/// How often a call is repeated, and how long it may wait in all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) retries: u32,
    /// The first delay is drawn from `0..base`, each later one from twice the span.
    pub(super) base: Duration,
    pub(super) cap: Duration,
    /// All delays of one call together. A wait that does not fit is not begun.
    pub(super) budget: Duration,
}

impl Patience {
    /// Returns how long to wait before attempt `attempt + 1` (the first attempt is 0); `None` means give up.
    ///
    /// A `Retry-After` is kept in full: when it does not fit the budget the call ends rather than ask too soon.
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

/// Whether an answer with this status asks for another try.
pub(super) fn is_transient(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        retries: 5,
        base: Duration::from_millis(500),
        cap: Duration::from_secs(30),
        budget: Duration::from_secs(60),
    };

    #[test]
    fn delays_stay_under_a_growing_span() {
        for attempt in 0..5 {
            let wait = PATIENCE.wait(attempt, None, Duration::ZERO).unwrap();
            assert!(wait <= Duration::from_millis(500 << attempt));
        }
        assert_eq!(PATIENCE.wait(5, None, Duration::ZERO), None);
    }

    #[test]
    fn retry_after_is_never_undercut() {
        let asked = Duration::from_secs(20);
        assert!(PATIENCE.wait(0, Some(asked), Duration::ZERO).unwrap() >= asked);
        assert_eq!(PATIENCE.wait(1, Some(asked), Duration::from_secs(41)), None);
        assert_eq!(PATIENCE.wait(0, Some(Duration::MAX), Duration::ZERO), None);
    }
}
