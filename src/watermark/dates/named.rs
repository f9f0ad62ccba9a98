//! Reads dates with the name of a month: of mail and HTTP (RFC 5322, RFC 9110), of C (`asctime`), and of JavaScript.
//!
//! The name of the weekday is not checked: it says nothing that the date does not.

use chrono::NaiveDate;

use super::read::{Content, Kind, Level, Sample, Wrap};
use super::{DAY, MINUTE, SECOND};
use crate::watermark::Micros;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// The zones that RFC 5322 names, in hours east of UTC.
const ZONES: [(&str, i64); 12] = [
    ("gmt", 0),
    ("utc", 0),
    ("ut", 0),
    ("z", 0),
    ("est", -5),
    ("edt", -4),
    ("cst", -6),
    ("cdt", -5),
    ("mst", -7),
    ("mdt", -6),
    ("pst", -8),
    ("pdt", -7),
];
/// Longer text is not a date.
const LONGEST: usize = 100;

/// `Sat, 25 Apr 2026 10:00:00 GMT`, `25 Apr 2026 10:00 +0200`, `Saturday, 25-Apr-26 10:00:00 GMT`, `Sat Apr 25 10:00:00 2026`,
/// `Sat Apr 25 2026 10:00:00 GMT+0200 (CEST)`.
pub(super) fn read(text: &str) -> Option<Sample> {
    if text.len() > LONGEST {
        return None;
    }
    let text = text.split('(').next()?.to_ascii_lowercase();
    let mut words: Vec<&str> = text
        .split([' ', ','])
        .filter(|word| !word.is_empty())
        .collect();
    let is_named = words
        .first()
        .is_some_and(|word| WEEKDAYS.iter().any(|day| word.starts_with(day)));
    if is_named {
        words.remove(0);
    }
    let dashed: Vec<&str> = words.first()?.split('-').collect();
    if dashed.len() == 3 {
        words.splice(..1, dashed);
    }
    // C writes the year after the time.
    if let [_, _, time, year] = words[..]
        && time.contains(':')
        && !year.starts_with(['+', '-'])
        && year.parse::<u16>().is_ok()
    {
        words.swap(2, 3);
    }
    let [first, second, year, rest @ ..] = &words[..] else {
        return None;
    };
    let (day, month) = match month(second) {
        Some(month) => (*first, month),
        None => (*second, month(first)?),
    };
    let date = NaiveDate::from_ymd_opt(self::year(year)?, month, number(day, 1..=2)?)?;
    let (time, zone) = match rest {
        [] => (0, None),
        [time] => (clock(time)?, None),
        [time, name] => (clock(time)?, Some(zone(name)?)),
        _ => return None,
    };
    let offset = zone.unwrap_or(0);
    Some(Sample {
        at: Micros::new(i64::from(date.to_epoch_days()) * DAY + time - offset * MINUTE),
        kind: Kind {
            wrap: Wrap::Plain,
            content: if is_named {
                Content::Named
            } else {
                Content::DayFirst
            },
        },
        level: Level::WHOLE,
        signs: 0,
        // Bounds are in UTC, so the notation does not matter.
        zone: zone.map(|_| (0, super::read::notation::UPPER_Z)),
        unit: SECOND,
    })
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && digits.contains(&text.len())).then(|| text.parse().ok())?
}

fn month(word: &str) -> Option<u32> {
    let at = MONTHS
        .iter()
        .position(|name| word.starts_with(name) && word.len() <= "september".len())?;
    u32::try_from(at + 1).ok()
}

/// Two digits are of this century below 70, as in C.
fn year(word: &str) -> Option<i32> {
    let year = i32::try_from(number(word, 2..=4)?).ok()?;
    match (word.len(), year) {
        (2, 0..70) => Some(2000 + year),
        (2, _) => Some(1900 + year),
        (4, 1..) => Some(year),
        _ => None,
    }
}

/// The time of day in microseconds. A leap second becomes the end of the second before it.
fn clock(word: &str) -> Option<i64> {
    let mut parts = word.split(':');
    let hour = number(parts.next()?, 1..=2).filter(|hour| *hour < 24)?;
    let minute = number(parts.next()?, 2..=2).filter(|minute| *minute < 60)?;
    let second = match parts.next() {
        Some(second) => number(second, 2..=2).filter(|second| *second <= 60)?,
        None => 0,
    };
    if parts.next().is_some() {
        return None;
    }
    let whole = i64::from(hour * 60 + minute) * MINUTE;
    Some(whole + (i64::from(second) * SECOND).min(MINUTE - 1))
}

/// In minutes east of UTC: `gmt`, `+0200`, `+02:00`, `gmt+0200`.
fn zone(word: &str) -> Option<i64> {
    let name = ZONES.iter().find(|(name, _)| *name == word);
    if let Some((_, hours)) = name {
        return Some(hours * 60);
    }
    let offset = word.trim_start_matches("gmt").trim_start_matches("utc");
    let sign = match offset.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = offset[1..].replacen(':', "", 1);
    let digits = number(&digits, 4..=4)?;
    let (hours, minutes) = (digits / 100, digits % 100);
    (hours < 24 && minutes < 60).then(|| sign * i64::from(hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Raw;
    use crate::watermark::Dates;

    fn at(text: &str) -> Option<String> {
        let quoted = serde_json::Value::from(text).to_string();
        Dates::read(Raw::new(&quoted)).map(|at| at.to_string())
    }

    #[test]
    fn dates_with_names_are_read() {
        for text in [
            "Sat, 25 Apr 2026 10:00:00 GMT",
            "Tue, 25 Apr 2026 10:00:00 GMT",
            "sat, 25 apr 2026 12:00:00 +0200",
            "25 Apr 2026 10:00 UT",
            "Sat, 25 Apr 2026 05:00:00 EST",
            "Saturday, 25-Apr-26 10:00:00 GMT",
            "25-Apr-2026 10:00:00",
            "Sat Apr 25 10:00:00 2026",
            "Sat Apr 25 2026 12:00:00 GMT+0200 (Central European Summer Time)",
            "Sat, 25 April 2026 10:00:00 Z",
            "2026-04-25 10:00:00 UTC",
            "2026-04-25 12:00:00 +0200",
        ] {
            assert_eq!(
                at(text).as_deref(),
                Some("2026-04-25T10:00:00.000Z"),
                "{text}"
            );
        }
        assert_eq!(at("1 Jan 70").as_deref(), Some("1970-01-01T00:00:00.000Z"));
    }

    #[test]
    fn ambiguous_and_impossible_dates_are_not_read() {
        for text in [
            "04/25/2026",
            "25/04/2026 10:00:00",
            "Sat, 31 Apr 2026 10:00:00 GMT",
            "Sat, 25 Apr 2026 24:00:00 GMT",
            "Sat, 25 Apr 2026 10:00:00 Mars",
            "Sat, 25 Apr 2026 10:00:00 GMT GMT",
            "Sat",
            "Apr 2026",
            "25 Foo 2026",
            "yesterday",
            "\u{e9}\u{e9}\u{e9} 25 Apr 2026",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    /// A server that compares text must find all records or none: `2026…` is before every name.
    #[test]
    fn bounds_for_named_dates_are_in_iso_8601() {
        let mut dates = Dates::default();
        dates.learn(Raw::new("\"Sat, 25 Apr 2026 10:00:00 GMT\""));
        assert!(dates.can_be_bounds());
        assert_eq!(
            dates.write(Micros::new(1_777_111_200_999_999)),
            "\"2026-04-25T10:00:00Z\""
        );
        assert_eq!(dates.unit(), std::time::Duration::from_secs(1));
        dates.learn(Raw::new("\"25 Apr 2026 10:00:00 GMT\""));
        dates.learn(Raw::new("\"25 Apr 2026 10:00:00 GMT\""));
        assert!(!dates.can_be_bounds());
    }

    #[test]
    fn a_zone_after_a_space_is_written_as_it_is_read() {
        for text in ["2026-04-25 10:00:00 UTC", "2026-04-25 12:00:00 +0200"] {
            let quoted = format!("\"{text}\"");
            let mut dates = Dates::default();
            dates.learn(Raw::new(&quoted));
            assert_eq!(dates.write(Micros::new(1_777_111_200_000_000)), quoted);
        }
    }
}
