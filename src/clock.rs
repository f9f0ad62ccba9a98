//! The time of a platform: that of the system, or a virtual one that users set, advance and stop.
//!
//! What the platform dates and plans follows this clock: records, events, runs, jobs. Signatures, leases and timeouts concern
//! other programs and use the system's clock ([`Timestamp::now`]).

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use crate::time::Timestamp;

/// How a [`Clock`] derives its time from the system's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The system's time.
    #[default]
    Real,
    /// Runs as fast as the system's clock, this many milliseconds ahead of it (behind it if negative).
    Shifted(i64),
    /// Stands still.
    Frozen(Timestamp),
}

impl Mode {
    /// The time at which the system's clock shows `real`.
    pub fn at(self, real: Timestamp) -> Timestamp {
        match self {
            Self::Real => real,
            Self::Shifted(by) => Timestamp::from_millis(real.millis().saturating_add(by)),
            Self::Frozen(at) => at,
        }
    }

    /// The mode of a clock that shows `time` while the system's clock shows `real`, and runs on from there.
    pub fn running_from(time: Timestamp, real: Timestamp) -> Self {
        match time.millis().saturating_sub(real.millis()) {
            0 => Self::Real,
            by => Self::Shifted(by),
        }
    }
}

/// As stored: `real`, `shifted 5000`, `frozen 1798102800000`.
impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Real => f.write_str("real"),
            Self::Shifted(by) => write!(f, "shifted {by}"),
            Self::Frozen(at) => write!(f, "frozen {}", at.millis()),
        }
    }
}

/// A stored mode cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidMode;

impl FromStr for Mode {
    type Err = InvalidMode;

    fn from_str(text: &str) -> Result<Self, InvalidMode> {
        match text.split_once(' ') {
            None if text == "real" => Ok(Self::Real),
            Some(("shifted", by)) => by.parse().map(Self::Shifted).map_err(|_| InvalidMode),
            Some(("frozen", at)) => {
                let at = at.parse().map_err(|_| InvalidMode)?;
                Ok(Self::Frozen(Timestamp::from_millis(at)))
            }
            _ => Err(InvalidMode),
        }
    }
}

/// A clock that several threads read and set.
#[derive(Debug, Default)]
pub struct Clock(Mutex<Mode>);

impl Clock {
    pub fn new(mode: Mode) -> Self {
        Self(Mutex::new(mode))
    }

    pub fn now(&self) -> Timestamp {
        self.mode().at(Timestamp::now())
    }

    pub fn mode(&self) -> Mode {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set(&self, mode: Mode) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_read_as_it_is_written() {
        let frozen = Mode::Frozen(Timestamp::from_millis(1_798_102_800_000));
        for mode in [Mode::Real, Mode::Shifted(-7), Mode::Shifted(5_000), frozen] {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        for text in ["", "fast", "shifted", "shifted x", "frozen soon"] {
            assert_eq!(text.parse::<Mode>(), Err(InvalidMode), "{text}");
        }
    }

    #[test]
    fn a_shifted_clock_runs_and_a_frozen_one_does_not() {
        let at = Timestamp::from_millis;
        let shifted = Mode::running_from(at(500), at(100));
        assert_eq!(
            (shifted.at(at(100)), shifted.at(at(150))),
            (at(500), at(550))
        );
        assert_eq!(Mode::Frozen(at(7)).at(at(100)), at(7));
        assert_eq!(Mode::running_from(at(100), at(100)), Mode::Real);
    }
}
