//! Quantities in arguments: points in time (`10m` ago, `2026-04-25`), durations (`30s`), rates (`50/s`), sizes (`2MiB`) and
//! percentages (`5%`).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::GrammarError;
use crate::time::Timestamp;

/// A point in time, fixed or relative to the present. [`When::at`] converts it to a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Ago(Duration),
    At(Timestamp),
}

/// A duration: `200ms`, `30s`, `5m`, `2h`, `7d`, or `0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(Duration);

/// A range of durations, such as `5s..60s`. A single duration is both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    least: Duration,
    most: Duration,
}

/// A rate: `50/s`, `100/m`, `10/h`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub times: f64,
    pub per: Duration,
}

/// A number of bytes: `512`, `64KB`, `2MiB`, `1GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(u64);

/// A percentage: `5%`, `0.5%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percent(f64);

impl When {
    /// The timestamp; relative times count from `now`.
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(duration) => now.minus(duration),
            Self::At(time) => time,
        }
    }
}

impl Span {
    pub const fn new(duration: Duration) -> Self {
        Self(duration)
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        match UNITS
            .iter()
            .rev()
            .find(|(_, unit)| millis > 0 && millis.is_multiple_of(u128::from(*unit)))
        {
            Some((name, unit)) => write!(f, "{}{name}", millis / u128::from(*unit)),
            None => f.write_str("0s"),
        }
    }
}

impl Between {
    /// The shorter and the longer duration.
    pub const fn ends(self) -> (Duration, Duration) {
        (self.least, self.most)
    }
}

impl Rate {
    /// The time between two occurrences.
    pub fn interval(self) -> Duration {
        self.per.div_f64(self.times)
    }
}

impl Size {
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl Percent {
    /// A number from 0 to 1.
    pub const fn share(self) -> f64 {
        self.0
    }
}

/// Units of time in milliseconds, smallest first.
const UNITS: [(&str, u64); 6] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];
/// A hundred years. Longer durations are mistakes, and added to the present they would overflow.
const LONGEST_DAYS: f64 = 36_500.0;
const SIZES: [(&str, u64); 8] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("", 1),
];

fn span(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (number, unit) = number_and_unit(text)?;
    let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let days = number * *millis as f64 / 86_400_000.0;
    (days <= LONGEST_DAYS).then(|| Duration::from_secs_f64(number * *millis as f64 / 1000.0))
}

/// Splits a decimal number without sign and exponent from the text after it.
fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some((number.parse().ok()?, unit))
}

impl FromStr for When {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "now" {
            return Ok(Self::Ago(Duration::ZERO));
        }
        if let Some(ago) = span(text) {
            return Ok(Self::Ago(ago));
        }
        // Ten digits would be seconds. Guessing the unit could be wrong by decades, so these are refused.
        if text.len() >= 12
            && let Ok(millis) = text.parse::<i64>()
        {
            return Ok(Self::At(Timestamp::from_millis(millis)));
        }
        text.parse().map(Self::At).map_err(|_| {
            GrammarError::new(text, "a time: 10m, 2h or 7d (ago), 2026-04-25, 2026-04-25T10:00:00Z, or milliseconds since the epoch")
        })
    }
}

impl FromStr for Between {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || GrammarError::new(text, "two durations, the shorter one first: 5s..60s");
        let (least, most) = text.split_once("..").unwrap_or((text, text));
        let (least, most) = (span(least).ok_or_else(bad)?, span(most).ok_or_else(bad)?);
        match least <= most {
            true => Ok(Self { least, most }),
            false => Err(bad()),
        }
    }
}

impl FromStr for Span {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        span(text)
            .map(Self)
            .ok_or_else(|| GrammarError::new(text, "a duration: 200ms, 30s, 5m, 2h or 7d"))
    }
}

impl FromStr for Rate {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || GrammarError::new(text, "a rate: 50/s, 100/m or 10/h");
        let (times, per) = text.split_once('/').ok_or_else(bad)?;
        let (times, rest) = number_and_unit(times).ok_or_else(bad)?;
        let per = match per {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(bad()),
        };
        if !rest.is_empty() || times <= 0.0 || !(0.001..=10_000_000.0).contains(&times) {
            return Err(bad());
        }
        Ok(Self {
            times,
            per: Duration::from_secs(per),
        })
    }
}

impl FromStr for Size {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || GrammarError::new(text, "a size: 512, 64KB, 2MiB or 1GiB");
        let (number, unit) = number_and_unit(text).ok_or_else(bad)?;
        let (_, bytes) = SIZES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .ok_or_else(bad)?;
        let size = number * *bytes as f64;
        // Above 2^53 a float is not exact to the byte.
        (size <= 9_007_199_254_740_992.0)
            .then_some(Self(size as u64))
            .ok_or_else(bad)
    }
}

impl FromStr for Percent {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || GrammarError::new(text, "a percentage from 0% to 100%");
        let (number, unit) = number_and_unit(text).ok_or_else(bad)?;
        if unit != "%" || number > 100.0 {
            return Err(bad());
        }
        Ok(Self(number / 100.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_shown_in_their_largest_unit() {
        for (text, millis, shown) in [
            ("200ms", 200, "200ms"),
            ("30s", 30_000, "30s"),
            ("1.5s", 1_500, "1500ms"),
            ("90m", 5_400_000, "90m"),
            ("2h", 7_200_000, "2h"),
            ("7d", 604_800_000, "1w"),
            ("0", 0, "0s"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!(
                (Duration::from(span).as_millis(), span.to_string().as_str()),
                (millis, shown),
                "{text}"
            );
        }
    }

    #[test]
    fn a_range_of_durations_is_in_ascending_order() {
        let secs = |text: &str| {
            let between = text.parse::<Between>().ok()?;
            let (least, most) = between.ends();
            Some((least.as_secs(), most.as_secs()))
        };
        assert_eq!(secs("5s..1m"), Some((5, 60)));
        assert_eq!(secs("5s"), Some((5, 5)));
        for text in ["1m..5s", "5s..", "..5s", "5s..x", "5s...6s", ""] {
            assert_eq!(secs(text), None, "{text}");
        }
    }

    #[test]
    fn invalid_durations_are_refused() {
        for text in [
            "",
            "s",
            "5",
            "-5s",
            "5 s",
            "1e3s",
            "5x",
            "1..5s",
            "99999999d",
            ".5s",
            "∞s",
            "5S",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_is_relative_or_fixed() {
        let now = Timestamp::from_secs(1_000_000);
        for (text, secs) in [
            ("10m", 999_400),
            ("now", 1_000_000),
            ("1970-01-02", 86_400),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1777111200007", 1_777_111_200),
        ] {
            assert_eq!(text.parse::<When>().unwrap().at(now).secs(), secs, "{text}");
        }
        for text in ["yesterday", "2026-13-01", "1777111200", "10"] {
            assert!(text.parse::<When>().is_err(), "{text}");
        }
    }

    #[test]
    fn rates_sizes_and_percentages_are_parsed() {
        assert_eq!(
            "50/s".parse::<Rate>().unwrap().interval(),
            Duration::from_millis(20)
        );
        assert_eq!("2MiB".parse::<Size>().unwrap().bytes(), 2_097_152);
        assert_eq!("64kb".parse::<Size>().unwrap().bytes(), 64_000);
        assert!(("5%".parse::<Percent>().unwrap().share() - 0.05).abs() < 1e-12);
        for text in ["0/s", "5/d", "/s", "x/s", "5"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        for text in ["2TB", "MiB", "-1", "1e9"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
        for text in ["101%", "5", "-1%", "%"] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
    }
}
