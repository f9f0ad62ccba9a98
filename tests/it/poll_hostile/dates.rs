//! The formats in which servers write dates and accept bounds.

use std::cmp::Ordering;

use chrono::{DateTime, FixedOffset, NaiveDateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

/// Microseconds since the Unix epoch.
pub(crate) type Micros = i64;

pub(crate) const MILLISECOND: Micros = 1_000;
pub(crate) const SECOND: Micros = 1_000_000;
pub(crate) const HOUR: Micros = 3_600 * SECOND;

/// The format of dates in records and bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `2026-04-25T10:00:00Z`
    Seconds,
    /// `2026-04-25T10:00:00.120Z`
    Millis,
    /// `2026-04-25T10:00:00.120345Z`
    Micros,
    /// `2026-04-25T10:00:00.120345+00:00`, and `2026-04-25T10:00:00+00:00` on the full second: Python's `isoformat`.
    Python,
    /// `2026-04-25T12:00:00.120+02:00`
    Offset,
    /// `2026-04-25 10:00:00.120345`, in UTC without a zone.
    Naive,
    /// `1777111200120`
    EpochMillis,
    /// `1777111200`
    EpochSeconds,
    /// `{"$date":"2026-04-25T10:00:00.120Z"}`
    Wrapped,
    /// `Sat, 25 Apr 2026 10:00:00 GMT`; bounds may also be ISO 8601.
    Rfc2822,
}

/// How a server compares a date with a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    AsTime,
    /// Byte by byte: `…00Z` is after `…00.123Z`.
    AsText,
}

impl Shape {
    pub(crate) const ALL: [Self; 9] = [
        Self::Seconds,
        Self::Millis,
        Self::Micros,
        Self::Python,
        Self::Offset,
        Self::Naive,
        Self::EpochMillis,
        Self::EpochSeconds,
        Self::Wrapped,
    ];

    /// The smallest step that the format can express.
    pub(crate) const fn unit(self) -> Micros {
        match self {
            Self::Seconds | Self::EpochSeconds | Self::Rfc2822 => SECOND,
            Self::Millis | Self::Offset | Self::EpochMillis | Self::Wrapped => MILLISECOND,
            Self::Micros | Self::Python | Self::Naive => 1,
        }
    }

    /// Writes a date, rounded down to the format's unit.
    pub(crate) fn write(self, at: Micros) -> Value {
        let at = at.div_euclid(self.unit()) * self.unit();
        let utc = DateTime::from_timestamp_micros(at).expect("a test's date is within chrono's");
        match self {
            Self::Seconds => json!(utc.to_rfc3339_opts(SecondsFormat::Secs, true)),
            Self::Millis => json!(utc.to_rfc3339_opts(SecondsFormat::Millis, true)),
            Self::Micros => json!(utc.to_rfc3339_opts(SecondsFormat::Micros, true)),
            Self::Python if at % SECOND == 0 => {
                json!(utc.to_rfc3339_opts(SecondsFormat::Secs, false))
            }
            Self::Python => json!(utc.to_rfc3339_opts(SecondsFormat::Micros, false)),
            Self::Offset => {
                let zone = FixedOffset::east_opt(2 * 3600).expect("two hours are a zone");
                json!(
                    utc.with_timezone(&zone)
                        .to_rfc3339_opts(SecondsFormat::Millis, false)
                )
            }
            Self::Naive => json!(utc.format("%Y-%m-%d %H:%M:%S%.6f").to_string()),
            Self::EpochMillis => json!(at / MILLISECOND),
            Self::EpochSeconds => json!(at / SECOND),
            Self::Rfc2822 => json!(http_date(at)),
            Self::Wrapped => {
                json!({"$date": utc.to_rfc3339_opts(SecondsFormat::Millis, true)})
            }
        }
    }

    /// Reads a date; `None` for a value of another type.
    pub(crate) fn read(self, value: &Value) -> Option<Micros> {
        match (self, value) {
            (Self::EpochMillis, Value::Number(number)) => number.as_i64()?.checked_mul(MILLISECOND),
            (Self::EpochSeconds, Value::Number(number)) => number.as_i64()?.checked_mul(SECOND),
            (Self::Wrapped, Value::Object(object)) => parse(object.get("$date")?.as_str()?),
            (Self::EpochMillis | Self::EpochSeconds | Self::Wrapped, _) => None,
            (_, Value::String(text)) => parse(text),
            _ => None,
        }
    }

    /// Compares a stored date with a bound; `None` if the bound has another type, which matches nothing.
    pub(crate) fn compare(
        self,
        compared: Compared,
        stored: (&Value, Micros),
        bound: &Value,
    ) -> Option<Ordering> {
        match compared {
            Compared::AsTime => Some(stored.1.cmp(&self.read(bound)?)),
            Compared::AsText => compare_text(stored.0, bound),
        }
    }
}

fn compare_text(stored: &Value, bound: &Value) -> Option<Ordering> {
    match (stored, bound) {
        (Value::String(stored), Value::String(bound)) => Some(stored.cmp(bound)),
        (Value::Number(stored), Value::Number(bound)) => {
            stored.as_f64()?.partial_cmp(&bound.as_f64()?)
        }
        (Value::Object(stored), Value::Object(bound)) => {
            compare_text(stored.get("$date")?, bound.get("$date")?)
        }
        _ => None,
    }
}

fn parse(text: &str) -> Option<Micros> {
    if let Ok(time) = DateTime::parse_from_rfc2822(text) {
        return Some(time.timestamp_micros());
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_micros());
    }
    let naive = NaiveDateTime::parse_from_str(&text.replacen(' ', "T", 1), "%Y-%m-%dT%H:%M:%S%.f");
    naive.ok().map(|time| time.and_utc().timestamp_micros())
}

/// For the `Date` and `Retry-After` headers.
pub(crate) fn http_date(at: Micros) -> String {
    let time: DateTime<Utc> =
        DateTime::from_timestamp_micros(at).expect("a test's date is within chrono's");
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-04-25T10:00:00.120345Z
    const AT: Micros = 1_777_111_200_120_345;

    #[test]
    fn each_format_writes_its_example() {
        let written: Vec<String> = Shape::ALL
            .iter()
            .map(|shape| shape.write(AT).to_string())
            .collect();
        assert_eq!(
            written,
            [
                "\"2026-04-25T10:00:00Z\"",
                "\"2026-04-25T10:00:00.120Z\"",
                "\"2026-04-25T10:00:00.120345Z\"",
                "\"2026-04-25T10:00:00.120345+00:00\"",
                "\"2026-04-25T12:00:00.120+02:00\"",
                "\"2026-04-25 10:00:00.120345\"",
                "1777111200120",
                "1777111200",
                "{\"$date\":\"2026-04-25T10:00:00.120Z\"}",
            ]
        );
        let full_second = AT / SECOND * SECOND;
        assert_eq!(
            Shape::Python.write(full_second),
            json!("2026-04-25T10:00:00+00:00")
        );
    }

    #[test]
    fn each_format_reads_what_it_writes_and_compares_it() {
        for shape in Shape::ALL {
            let rounded = AT / shape.unit() * shape.unit();
            let value = shape.write(AT);
            assert_eq!(shape.read(&value), Some(rounded), "{shape:?}");
            let earlier = shape.write(AT - SECOND);
            for compared in [Compared::AsTime, Compared::AsText] {
                let order = shape.compare(compared, (&value, rounded), &earlier);
                assert_eq!(order, Some(Ordering::Greater), "{shape:?} {compared:?}");
            }
        }
    }

    #[test]
    fn a_bound_of_another_type_matches_nothing() {
        for (shape, bound) in [
            (Shape::Millis, Shape::EpochMillis),
            (Shape::Millis, Shape::Wrapped),
            (Shape::EpochMillis, Shape::Millis),
            (Shape::EpochSeconds, Shape::Wrapped),
            (Shape::Wrapped, Shape::Millis),
        ] {
            for compared in [Compared::AsTime, Compared::AsText] {
                let stored = shape.write(AT);
                let order = shape.compare(compared, (&stored, AT), &bound.write(AT));
                assert_eq!(order, None, "{shape:?} {bound:?} {compared:?}");
            }
        }
    }

    #[test]
    fn text_without_a_fraction_is_after_text_with_one() {
        let (stored, bound) = (Shape::Seconds.write(AT), Shape::Millis.write(AT));
        let order =
            |compared| Shape::Millis.compare(compared, (&stored, AT / SECOND * SECOND), &bound);
        assert_eq!(order(Compared::AsText), Some(Ordering::Greater));
        assert_eq!(order(Compared::AsTime), Some(Ordering::Less));
    }

    #[test]
    fn http_dates_have_the_format_of_http() {
        assert_eq!(http_date(AT), "Sat, 25 Apr 2026 10:00:00 GMT");
    }
}
