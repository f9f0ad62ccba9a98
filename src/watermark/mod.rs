//! The rules of polling by watermark: what a position is, when a record is new, when a frontier is settled, and how a server
//! writes its dates.
//!
//! Times are in microseconds. Nothing here uses a clock, the network or the disk.

mod dates;
mod position;

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

pub use dates::Dates;
pub use position::{OutputOffset, Position, ServerClock};

/// A point in time in microseconds since the Unix epoch, the finest unit that platforms store.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Micros(i64);

impl Micros {
    /// Earlier, or later, than every record.
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

/// Saturates.
impl Add<Duration> for Micros {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }
}

/// Saturates.
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

/// A hash of a record's content: the first 16 bytes of SHA-256 over its canonical JSON
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

/// One version of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version<'a> {
    /// The record's key, without quotes and escapes. The digest, if the record has no key.
    pub key: &'a [u8],
    pub digest: Digest,
    /// When it was modified; [`Micros::MAX`] for a record without a date.
    pub at: Micros,
}

/// A version that was emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenRow {
    pub digest: Digest,
    pub at: Micros,
    /// Counts emissions: the version with the greatest number is the newest of its key.
    pub n: u64,
}

/// The emitted versions that may be read again.
pub trait Seen {
    type Error;

    /// Returns the newest version of a key: the one with the greatest `n`.
    fn newest(&mut self, key: &[u8]) -> Result<Option<SeenRow>, Self::Error>;

    /// Returns whether this version of the key was emitted.
    fn contains(&mut self, key: &[u8], digest: Digest) -> Result<bool, Self::Error>;
}

/// Returns whether a version is to be emitted, whatever the order in which versions arrive.
///
/// A version is not new if its content is that of the key's newest version, or if it is dated before the newest one and was
/// emitted before. So A, B and A again within one second are three versions; a version is not lost because the server's clock
/// ran backwards; and a stale page repeats nothing.
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
