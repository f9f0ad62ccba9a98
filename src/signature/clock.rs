//! Timestamps of signatures, and the window around the current time in which they are accepted.

use super::{Judged, Judgement, Reason, Timing};
use crate::time::Timestamp;

/// Which side of the current time is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    Both,
    /// Only the age: a timestamp in the future is accepted.
    Past,
}

/// How a scheme writes its timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// Whole seconds since the epoch.
    Seconds,
    /// Whole milliseconds since the epoch.
    Milliseconds,
    /// RFC 3339. The text itself is signed.
    Rfc3339,
    /// Any of the others, recognised by its form. It is written in seconds.
    Any,
}

/// Seconds in the year 5138. A larger number is in milliseconds.
const LARGEST_SECONDS: i64 = 100_000_000_000;

impl Clock {
    /// Returns seconds since the epoch.
    pub(super) fn parse(self, text: &[u8]) -> Option<i64> {
        match self {
            Self::Seconds => parse(text),
            Self::Milliseconds => Some(parse(text)? / 1000),
            Self::Rfc3339 => {
                let text = std::str::from_utf8(text).ok()?;
                Some(text.parse::<Timestamp>().ok()?.secs())
            }
            Self::Any => match parse(text) {
                Some(number) if number >= LARGEST_SECONDS => Some(number / 1000),
                Some(number) => Some(number),
                None => Self::Rfc3339.parse(text),
            },
        }
    }

    pub(super) fn write(self, time: Timestamp) -> String {
        match self {
            Self::Seconds | Self::Any => time.secs().to_string(),
            Self::Milliseconds => time.millis().to_string(),
            Self::Rfc3339 => time.to_string(),
        }
    }
}

/// Parses digits and nothing else. A number that is too large saturates.
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

/// Judges the timestamp of a request whose MAC is correct. Both ends of the window are inside it; a tolerance of zero switches
/// the check off.
pub(super) fn judge(seconds: i64, timing: Timing, window: Window, matched: usize) -> Judged {
    match outside(seconds, timing, window) {
        None => Ok(Judgement::valid(matched)),
        Some(reason) => Err(Box::new(Judgement {
            reason,
            matched: Some(matched),
            hint: Some(hint(seconds, timing)),
        })),
    }
}

/// Returns why the timestamp is outside the window, if it is.
fn outside(seconds: i64, timing: Timing, window: Window) -> Option<Reason> {
    let tolerance = timing.tolerance.unwrap_or_default();
    if tolerance.is_zero() {
        return None;
    }
    let allowed = i64::try_from(tolerance.as_secs()).unwrap_or(i64::MAX);
    let age = timing.now.secs().saturating_sub(seconds);
    if age > allowed {
        Some(Reason::TimestampTooOld)
    } else if window == Window::Both && age < -allowed {
        Some(Reason::TimestampTooNew)
    } else {
        None
    }
}

fn hint(seconds: i64, timing: Timing) -> String {
    if outside(seconds / 1000, timing, Window::Both).is_none() {
        return "timestamp_in_milliseconds: the signature matches, but its timestamp is in milliseconds; the sender must sign and send seconds".to_owned();
    }
    format!(
        "clock_skew_or_replay: the signature matches, but its timestamp is {}, and the tolerance is {} s; compare the clocks of both machines, or suspect an old request that was sent again",
        distance(seconds, timing.now),
        timing.tolerance.unwrap_or_default().as_secs()
    )
}

/// `301 s ago`, `20 s in the future`.
fn distance(seconds: i64, now: Timestamp) -> String {
    let age = now.secs().saturating_sub(seconds);
    if age < 0 {
        format!("{} s in the future", age.unsigned_abs())
    } else {
        format!("{age} s ago")
    }
}

/// The end of a hint about a mismatch, if the timestamp is outside the window too; otherwise empty.
pub(super) fn remark(seconds: i64, timing: Timing) -> String {
    match outside(seconds, timing, Window::Both) {
        Some(_) => format!(
            "; the timestamp is outside the tolerance too: {}",
            distance(seconds, timing.now)
        ),
        None => String::new(),
    }
}
