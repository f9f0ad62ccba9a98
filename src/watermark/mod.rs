//! Polling by watermark, as far as it is pure: what a position is, when a record is new, when an instant is settled, and how
//! a deployment writes its dates.
//!
//! Everything here counts in microseconds and knows neither clock nor network nor disk.

mod dates;
mod position;

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

pub use dates::Dates;
pub use position::{OutputPlace, Position};

/// A point in time: microseconds since the Unix epoch, the finest that platforms keep.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Micros(i64);

impl Micros {
    /// Before and after every record.
    pub const MIN: Self = Self(i64::MIN);
    pub const MAX: Self = Self(i64::MAX);

    pub const fn new(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn get(self) -> i64 {
        self.0
    }

    /// In milliseconds, rounded down.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_millis(self.0.div_euclid(1000))
    }
}

impl From<Timestamp> for Micros {
    fn from(time: Timestamp) -> Self {
        Self(time.millis().saturating_mul(1000))
    }
}

/// Saturates at the ends of time.
impl Add<Duration> for Micros {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }
}

/// Saturates at the ends of time.
impl Sub<Duration> for Micros {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// A hash of what a record says: the first 16 bytes of SHA-256 over its canonical JSON
/// (`json::canonical`).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 16]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One version of a record, as far as the watermark looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version<'a> {
    /// The record's key, without quotes and escapes; of a record without one, its digest.
    pub key: &'a [u8],
    pub digest: Digest,
    /// When it was modified; [`Micros::MAX`] for one that does not say.
    pub at: Micros,
}

/// A version that was emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenRow {
    pub digest: Digest,
    pub at: Micros,
    /// The order of emission: the greatest of a key is its newest.
    pub n: u64,
}

/// The versions that were emitted and may be met again.
pub trait Seen {
    type Error;

    /// The newest version of a key: the one with the greatest `n`.
    fn newest(&mut self, key: &[u8]) -> Result<Option<SeenRow>, Self::Error>;

    /// Whether this version of the key was emitted.
    fn contains(&mut self, key: &[u8], digest: Digest) -> Result<bool, Self::Error>;
}

/// Whether a version is to be emitted: the one rule, which no order of arrival can break.
///
/// It is not new when it is what the key's newest version says, or when it is an older version that was emitted before: an
/// old page, read again. So A, then B, then A again within one second are three records, a clock that runs backwards hides
/// nothing, and a stale page repeats nothing.
///
/// # Errors
/// Those of `seen`.
pub fn is_new<S: Seen + ?Sized>(seen: &mut S, version: &Version<'_>) -> Result<bool, S::Error> {
    let Some(newest) = seen.newest(version.key)? else {
        return Ok(true);
    };
    if newest.digest == version.digest {
        return Ok(false);
    }
    Ok(version.at >= newest.at || !seen.contains(version.key, version.digest)?)
}

#[cfg(test)]
mod tests;
