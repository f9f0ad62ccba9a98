//! Timestamps of signatures: whole seconds, and the window around the present in which they count.

use std::time::Duration;

use super::{Judgement, Reason};
use crate::time::Timestamp;

/// Which side of the present is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    Both,
    /// Only the age: a timestamp that lies ahead is taken.
    Past,
}

/// How a scheme writes its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// Whole seconds since the epoch.
    Seconds,
    /// RFC 3339, signed as it is written.
    Rfc3339,
}

impl Clock {
    /// Seconds since the epoch.
    pub(super) fn parse(self, text: &[u8]) -> Option<i64> {
        match self {
            Self::Seconds => parse(text),
            Self::Rfc3339 => {
                let text = std::str::from_utf8(text).ok()?;
                Some(text.parse::<Timestamp>().ok()?.secs())
            }
        }
    }

    pub(super) fn write(self, time: Timestamp) -> String {
        match self {
            Self::Seconds => time.secs().to_string(),
            Self::Rfc3339 => time.to_string(),
        }
    }
}

/// Digits and nothing else; more of them than fit are as far ahead as time goes.
pub(super) fn parse(text: &[u8]) -> Option<i64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0_i64, |seconds, digit| {
        seconds
            .saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
    }))
}

/// Judges the timestamp of a request whose MAC is right. Both ends of the window belong to it; zero switches the check off.
pub(super) fn judge(
    seconds: i64,
    now: Timestamp,
    tolerance: Duration,
    window: Window,
    matched: usize,
) -> Judgement {
    match outside(seconds, now, tolerance, window) {
        None => Judgement::valid(matched),
        Some(reason) => Judgement {
            reason,
            matched: Some(matched),
            hint: Some(hint(seconds, now, tolerance)),
        },
    }
}

/// Why the timestamp does not count, if it does not.
pub(super) fn outside(
    seconds: i64,
    now: Timestamp,
    tolerance: Duration,
    window: Window,
) -> Option<Reason> {
    if tolerance.is_zero() {
        return None;
    }
    let allowed = i64::try_from(tolerance.as_secs()).unwrap_or(i64::MAX);
    let age = now.secs().saturating_sub(seconds);
    if age > allowed {
        Some(Reason::TimestampTooOld)
    } else if window == Window::Both && age < -allowed {
        Some(Reason::TimestampTooNew)
    } else {
        None
    }
}

fn hint(seconds: i64, now: Timestamp, tolerance: Duration) -> String {
    if outside(seconds / 1000, now, tolerance, Window::Both).is_none() {
        return "timestamp_in_milliseconds: the signature is right, but its timestamp counts milliseconds; this scheme counts seconds".to_owned();
    }
    format!(
        "clock_skew_or_replay: the signature is right, but it was made {}, and {} s are allowed; a clock is wrong, or an old request was sent again",
        distance(seconds, now),
        tolerance.as_secs()
    )
}

/// `301 s ago`, `20 s ahead`.
pub(super) fn distance(seconds: i64, now: Timestamp) -> String {
    let age = now.secs().saturating_sub(seconds);
    if age < 0 {
        format!("{} s ahead of the clock here", age.unsigned_abs())
    } else {
        format!("{age} s ago")
    }
}
