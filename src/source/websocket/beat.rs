//! The beat of pings, and whether the peer lived between two of them.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

pub(super) struct Beat {
    interval: Interval,
    /// The signs of life by the last ping; `None` before the first.
    signs: Option<u64>,
}

impl Beat {
    pub(super) fn new(period: Duration) -> Self {
        let mut interval = interval_at(Instant::now() + period, period);
        // After a wait there is one beat, and a whole period until the next.
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            interval,
            signs: None,
        }
    }

    /// Cancel safe.
    pub(super) async fn tick(&mut self) {
        self.interval.tick().await;
    }

    /// Whether there are more signs of life than by the last ping; to be asked before the next one.
    pub(super) fn is_heard(&mut self, signs: u64) -> bool {
        self.signs.replace(signs) != Some(signs)
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
