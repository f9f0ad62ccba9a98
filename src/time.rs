//! Points in time in milliseconds, the precision of the platforms.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{
    DateTime, Local, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeDelta,
    TimeZone, Utc,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since the Unix epoch, shown as RFC 3339 in UTC (`2026-04-25T10:00:00.000Z`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The current time of the system's clock.
    pub fn now() -> Self {
        Self::from(SystemTime::now())
    }

    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down: the unit of most signature headers.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    pub fn minus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// The local time of day with milliseconds: `12:00:00.007`. For lines of the same day that people compare.
    pub fn local_clock(self) -> String {
        self.in_zone(&Local, "%H:%M:%S%.3f")
    }

    /// The local date and time: `2026-04-25 12:00:00`.
    pub fn local(self) -> String {
        self.in_zone(&Local, "%Y-%m-%d %H:%M:%S")
    }

    /// The local date and time with milliseconds and the offset from UTC: `2026-04-25 12:00:00.007 +02:00`.
    pub fn local_with_offset(self) -> String {
        self.in_zone(&Local, "%Y-%m-%d %H:%M:%S%.3f %:z")
    }

    /// The date and time with weekday and offset in the zone with this name, or in the machine's zone if there is none:
    /// `Mon 2026-12-07 09:00:00 +01:00`.
    pub fn in_named_zone(self, zone: &str) -> String {
        const FORMAT: &str = "%a %Y-%m-%d %H:%M:%S %:z";
        match zone.parse::<chrono_tz::Tz>() {
            Ok(zone) => self.in_zone(&zone, FORMAT),
            Err(_) => self.in_zone(&Local, FORMAT),
        }
    }

    /// A time that chrono cannot represent is shown as its number of milliseconds.
    fn in_zone<Z: TimeZone>(self, zone: &Z, format: &str) -> String
    where
        Z::Offset: fmt::Display,
    {
        match zone.timestamp_millis_opt(self.0).single() {
            Some(time) => time.format(format).to_string(),
            None => self.0.to_string(),
        }
    }

    /// Like [`parse_in`], in the machine's time zone.
    pub fn parse_local(text: &str) -> Option<Self> {
        parse_in(text, &Local)
    }

    /// The time since `earlier`, or zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let millis = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
        };
        Self(millis)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::<Utc>::from_timestamp_millis(self.0) {
            Some(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true)),
            None => write!(f, "{}", self.0),
        }
    }
}

/// Reads a time: RFC 3339, or a date with or without a time of day in `zone`.
///
/// Of a time of day that the end of daylight saving repeats, the first is meant. One that its begin skips is an hour later.
pub fn parse_in<Z: TimeZone>(text: &str, zone: &Z) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(Timestamp(time.timestamp_millis()));
    }
    let forms = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
    ];
    let naive = forms
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(|| {
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            Some(date.and_time(NaiveTime::MIN))
        })?;
    let at = match zone.from_local_datetime(&naive) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at,
        LocalResult::None => zone
            .from_local_datetime(&naive.checked_add_signed(TimeDelta::hours(1))?)
            .earliest()?,
    };
    Some(Timestamp(at.timestamp_millis()))
}

/// Like [`parse_in`], in the zone with this name, such as `Europe/Berlin`; in the machine's time zone if there is none.
pub fn parse_in_named(text: &str, zone: &str) -> Option<Timestamp> {
    match zone.parse::<chrono_tz::Tz>() {
        Ok(zone) => parse_in(text, &zone),
        Err(_) => parse_in(text, &Local),
    }
}

/// Parses RFC 3339 and `YYYY-MM-DD`. `grammar::quantity::When` also accepts the other forms of the command line.
impl FromStr for Timestamp {
    type Err = chrono::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match DateTime::parse_from_rfc3339(text) {
            Ok(time) => Ok(Self(time.timestamp_millis())),
            Err(error) => match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
                Ok(date) => Ok(Self(
                    date.and_time(NaiveTime::MIN).and_utc().timestamp_millis(),
                )),
                Err(_) => Err(error),
            },
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The seconds of a unit of time, such as `minutes`.
pub fn seconds_of(unit: &str) -> Option<f64> {
    match unit.trim_end_matches('s') {
        "" | "sec" | "second" => Some(1.0),
        "m" | "min" | "minute" => Some(60.0),
        "h" | "hour" => Some(3_600.0),
        "d" | "day" => Some(86_400.0),
        "w" | "week" => Some(7.0 * 86_400.0),
        _ => None,
    }
}

/// Parses a duration in a settings or flow document: `500ms`, `30s`, `2m`.
pub fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let count: u64 = text[..unit].parse().ok()?;
    let millis = match text[unit..].trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return None,
    };
    count.checked_mul(millis).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_shown_in_utc_with_milliseconds() {
        assert_eq!(
            Timestamp::from_millis(1_777_111_200_007).to_string(),
            "2026-04-25T10:00:00.007Z"
        );
    }

    #[test]
    fn an_offset_is_applied_and_a_date_is_midnight() {
        let noon: Timestamp = "2026-04-25T12:00:00+02:00".parse().unwrap();
        assert_eq!(noon.to_string(), "2026-04-25T10:00:00.000Z");
        let day: Timestamp = "2026-04-25".parse().unwrap();
        assert_eq!(day.to_string(), "2026-04-25T00:00:00.000Z");
    }

    #[test]
    fn people_see_the_time_of_their_zone() {
        let time = Timestamp::from_millis(1_777_111_200_007);
        for (offset, shown) in [
            (0, "2026-04-25 10:00:00.007 +00:00"),
            (2, "2026-04-25 12:00:00.007 +02:00"),
            (-11, "2026-04-24 23:00:00.007 -11:00"),
        ] {
            let zone = chrono::FixedOffset::east_opt(offset * 3600).unwrap();
            assert_eq!(time.in_zone(&zone, "%Y-%m-%d %H:%M:%S%.3f %:z"), shown);
        }
        assert_eq!(
            Timestamp::from_millis(i64::MAX).local(),
            i64::MAX.to_string()
        );
    }

    #[test]
    fn a_time_at_the_end_of_the_calendar_is_refused() {
        let west = chrono_tz::America::New_York;
        assert_eq!(parse_in("+262142-12-31T23:59:59", &west), None);
    }

    #[test]
    fn arithmetic_saturates() {
        let end = Timestamp::from_millis(i64::MAX);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
        assert_eq!(Timestamp::from_millis(0).since(end), Duration::ZERO);
    }
}
