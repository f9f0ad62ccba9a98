//! The beat of pings, and whether anything came between two of them.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

pub(super) struct Beat {
    interval: Interval,
    /// What had come by the last ping; `None` before the first.
    received: Option<u64>,
}

impl Beat {
    pub(super) fn new(period: Duration) -> Self {
        let mut interval = interval_at(Instant::now() + period, period);
        // After a wait there is one beat, and a whole period until the next.
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            interval,
            received: None,
        }
    }

    /// Cancel safe.
    pub(super) async fn tick(&mut self) {
        self.interval.tick().await;
    }

    /// Whether anything came since the last ping, given all that ever did; to be asked before the next one.
    pub(super) fn is_heard(&mut self, received: u64) -> bool {
        self.received.replace(received) != Some(received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_peer_is_silent_when_a_whole_period_brought_nothing() {
        let mut beat = Beat::new(Duration::from_secs(20));
        assert!(beat.is_heard(0), "no ping was sent yet");
        assert!(beat.is_heard(2));
        assert!(!beat.is_heard(2));
    }
}
