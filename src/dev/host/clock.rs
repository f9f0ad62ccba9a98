//! A platform's clock: each write gets a later millisecond, so that few records share a `modifydate`.

use crate::time::Timestamp;

/// Maximum lead over the system clock, in milliseconds. Writes share a timestamp while the lead is this large.
const AHEAD: i64 = 1_000;
/// If the system clock is further behind than this, it was set back, and this clock follows it.
const SET_BACK: i64 = 60_000;
/// Writes share a timestamp for at most this many milliseconds. After that, the shared timestamp would be a late one.
const TIED: i64 = 5_000;

/// Gives each write a timestamp.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    last: i64,
    shared: Shared,
}

/// A timestamp that the next writes share.
#[derive(Debug, Default)]
struct Shared {
    instant: Timestamp,
    since: i64,
    left: u64,
}

impl Clock {
    /// Continues after `last`, the latest timestamp of an earlier run.
    pub(crate) fn after(last: Option<i64>) -> Self {
        Self {
            last: last.unwrap_or(i64::MIN),
            shared: Shared::default(),
        }
    }

    /// The timestamp of the next write if `ties` consecutive writes share one. `skew` returns its error in milliseconds.
    pub(crate) fn tick_shared(
        &mut self,
        now: Timestamp,
        ties: u64,
        skew: impl FnOnce() -> i64,
    ) -> Timestamp {
        let age = now.millis().saturating_sub(self.shared.since);
        if self.shared.left > 0 && (0..TIED).contains(&age) {
            self.shared.left -= 1;
            return self.shared.instant;
        }
        let exact = self.tick(now).millis();
        self.shared = Shared {
            instant: Timestamp::from_millis(exact.saturating_add(skew())),
            since: now.millis(),
            left: ties.saturating_sub(1),
        };
        self.shared.instant
    }

    /// The timestamp of the next write.
    pub(crate) fn tick(&mut self, now: Timestamp) -> Timestamp {
        let now = now.millis();
        let ahead = self.last.saturating_sub(now);
        self.last = match ahead {
            ..0 => now,
            0..AHEAD => self.last + 1,
            AHEAD..SET_BACK => self.last,
            _ => now,
        };
        Timestamp::from_millis(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn writes_in_one_millisecond_get_different_timestamps() {
        let mut clock = Clock::after(Some(100));
        let ticks: Vec<_> = [100, 100, 100, 103, 110]
            .map(|now| clock.tick(at(now)).millis())
            .into();
        assert_eq!(ticks, [101, 102, 103, 104, 110]);
    }

    #[test]
    fn consecutive_writes_share_a_timestamp() {
        let mut clock = Clock::after(None);
        let ticks: Vec<_> = [100, 101, 102, 103, 104, 105]
            .map(|now| clock.tick_shared(at(now), 3, || 0).millis())
            .into();
        assert_eq!(ticks, [100, 100, 100, 103, 103, 103]);
        assert_eq!(clock.tick_shared(at(200), 3, || 0), at(200));
        assert_eq!(clock.tick_shared(at(200 + TIED), 3, || 0), at(200 + TIED));
    }

    #[test]
    fn a_skewed_write_does_not_move_the_clock() {
        let mut clock = Clock::after(None);
        assert_eq!(clock.tick_shared(at(100), 1, || -30), at(70));
        assert_eq!(clock.tick_shared(at(100), 1, || 40), at(141));
        assert_eq!(clock.tick_shared(at(100), 1, || 0), at(102));
    }

    #[test]
    fn the_clock_leads_the_system_clock_by_at_most_a_second() {
        let mut clock = Clock::after(None);
        let last = (0..5_000).map(|_| clock.tick(at(0))).last().unwrap();
        assert_eq!(last, at(AHEAD));
    }

    #[test]
    fn the_clock_ignores_a_small_step_back_and_follows_a_large_one() {
        let mut clock = Clock::after(Some(1_000_000));
        assert_eq!(clock.tick(at(990_000)), at(1_000_000));
        assert_eq!(clock.tick(at(100_000)), at(100_000));
    }
}
