//! The platform's clock: milliseconds that go forward with every write, so that a watermark over `modifydate` has few ties.

use crate::time::Timestamp;

/// How far the clock may run ahead of the system's: beyond it (a thousand writes within a millisecond each) writes share an instant.
const AHEAD: i64 = 1_000;
/// A system clock further behind than this was set back, and is followed.
const SET_BACK: i64 = 60_000;
/// Writes share an instant for so long at most: beyond it a tie would be a write that comes late.
const TIED: i64 = 5_000;

/// Gives each write its instant.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    last: i64,
    shared: Shared,
}

/// An instant that the next writes get too.
#[derive(Debug, Default)]
struct Shared {
    instant: Timestamp,
    since: i64,
    left: u64,
}

impl Clock {
    /// Goes on after `last`, the latest instant that an earlier run gave.
    pub(crate) fn after(last: Option<i64>) -> Self {
        Self {
            last: last.unwrap_or(i64::MIN),
            shared: Shared::default(),
        }
    }

    /// The instant of the next write where so many in a row share one, which is off by what `skew` gives in milliseconds.
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

    /// The instant of the next write.
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
    fn writes_of_one_millisecond_get_instants_of_their_own() {
        let mut clock = Clock::after(Some(100));
        let ticks: Vec<_> = [100, 100, 100, 103, 110]
            .map(|now| clock.tick(at(now)).millis())
            .into();
        assert_eq!(ticks, [101, 102, 103, 104, 110]);
    }

    #[test]
    fn so_many_writes_in_a_row_share_an_instant() {
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
    fn the_clock_stays_within_a_second_of_the_systems() {
        let mut clock = Clock::after(None);
        let last = (0..5_000).map(|_| clock.tick(at(0))).last().unwrap();
        assert_eq!(last, at(AHEAD));
    }

    #[test]
    fn a_small_step_back_is_waited_out_and_a_large_one_followed() {
        let mut clock = Clock::after(Some(1_000_000));
        assert_eq!(clock.tick(at(990_000)), at(1_000_000));
        assert_eq!(clock.tick(at(100_000)), at(100_000));
    }
}
