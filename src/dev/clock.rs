//! The platform's clock: milliseconds that go forward with every write, so that a watermark over `modifydate` has few ties.

use crate::time::Timestamp;

/// How far the clock may run ahead of the system's: beyond it (a thousand writes within a millisecond each) writes share an instant.
const AHEAD: i64 = 1_000;
/// A system clock further behind than this was set back, and is followed.
const SET_BACK: i64 = 60_000;

/// Gives each write its instant.
#[derive(Debug, Default)]
pub(super) struct Clock {
    last: i64,
}

impl Clock {
    /// Goes on after `last`, the latest instant that an earlier run gave.
    pub(super) fn after(last: Option<i64>) -> Self {
        Self {
            last: last.unwrap_or(i64::MIN),
        }
    }

    /// The instant of the next write.
    pub(super) fn tick(&mut self, now: Timestamp) -> Timestamp {
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
