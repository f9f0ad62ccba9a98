//! Sends pings at an interval, and detects a peer that does not respond.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

pub(super) struct Heartbeat {
    interval: Interval,
    /// The activity counter at the last ping; `None` before the first.
    activity: Option<u64>,
}

impl Heartbeat {
    pub(super) fn new(period: Duration) -> Self {
        let mut interval = interval_at(Instant::now() + period, period);
        // After a delay, send one ping and wait a whole period before the next.
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            interval,
            activity: None,
        }
    }

    /// Cancel safe.
    pub(super) async fn tick(&mut self) {
        self.interval.tick().await;
    }

    /// Returns whether the peer was active since the last ping. Call it before each ping.
    pub(super) fn is_alive(&mut self, activity: u64) -> bool {
        self.activity.replace(activity) != Some(activity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_peer_without_activity_for_a_period_is_not_alive() {
        let mut heartbeat = Heartbeat::new(Duration::from_secs(20));
        assert!(heartbeat.is_alive(0), "no ping was sent yet");
        assert!(heartbeat.is_alive(2));
        assert!(!heartbeat.is_alive(2));
    }
}
