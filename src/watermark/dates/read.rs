//! Reads dates in every known format.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::named;
use super::number::number;
use super::{DAY, MINUTE, SECOND};
use crate::json;
use crate::watermark::Micros;

/// The type of a date. A bound of another type matches nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kind {
    pub(super) wrap: Wrap,
    pub(super) content: Content,
}

/// What encloses a date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wrap {
    #[default]
    Plain,
    /// `{"$date":…}`, of MongoDB's extended JSON.
    Date,
    /// `{"$numberLong":"…"}`.
    Long,
    /// `{"$date":{"$numberLong":"…"}}`.
    DateLong,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Content {
    /// ISO 8601 with its zone.
    #[default]
    Zoned,
    /// ISO 8601 without a zone.
    Zoneless,
    /// With the names of the weekday, which comes first, and of the month.
    Named,
    /// The day comes first, then the name of the month.
    DayFirst,
    Number(Epoch),
    /// A number in quotes.
    Quoted(Epoch),
}

/// The unit of a number, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Epoch {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

impl Epoch {
    /// Decides by magnitude: seconds below 10¹¹ (the year 5138), milliseconds below 10¹⁴, microseconds below 10¹⁷ (each from
    /// March 1973 on), nanoseconds above. The same holds for negative numbers.
    pub(super) const fn of(magnitude: u128) -> Self {
        match magnitude {
            0..100_000_000_000 => Self::Seconds,
            100_000_000_000..100_000_000_000_000 => Self::Millis,
            100_000_000_000_000..100_000_000_000_000_000 => Self::Micros,
            _ => Self::Nanos,
        }
    }

    /// The unit in microseconds, as a power of ten.
    pub(super) const fn power(self) -> i32 {
        match self {
            Self::Seconds => 6,
            Self::Millis => 3,
            Self::Micros => 0,
            Self::Nanos => -3,
        }
    }

    /// The precision of a number with this many decimals, as the [`Level`] of a second.
    pub(super) const fn level(self, decimals: u8) -> Level {
        Level(Level::WHOLE.0 + decimals + (6 - self.power()) as u8)
    }

    /// In microseconds, at least one.
    pub(super) const fn span(self) -> i64 {
        self.level(0).span()
    }

    /// How many decimals a microsecond needs.
    pub(super) const fn places(self) -> usize {
        match self {
            Self::Seconds => 6,
            Self::Millis => 3,
            Self::Micros | Self::Nanos => 0,
        }
    }
}

/// The precision of a date: a day, a minute, a second, or a number of fractional digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Level(pub(super) u8);

impl Level {
    pub(super) const DAY: Self = Self(0);
    pub(super) const MINUTE: Self = Self(1);
    /// A whole second, or a number without decimals.
    pub(super) const WHOLE: Self = Self(2);
    pub(super) const MILLIS: Self = Self(5);
    pub(super) const MICROS: Self = Self(8);
    pub(super) const FINEST: Self = Self(11);

    /// The level that can express a unit.
    pub(super) fn of(unit: i64) -> Self {
        let all = Self::DAY.0..Self::MICROS.0;
        all.map(Self)
            .find(|level| level.span() <= unit)
            .unwrap_or(Self::MICROS)
    }

    /// Fractional digits of a second, or decimals of a number.
    pub(super) const fn digits(self) -> u8 {
        self.0.saturating_sub(Self::WHOLE.0)
    }

    /// In microseconds, at least one.
    pub(super) const fn span(self) -> i64 {
        match self {
            Self::DAY => DAY,
            Self::MINUTE => MINUTE,
            Self(level) if level < Self::MICROS.0 => SECOND / 10_i64.pow(level as u32 - 2),
            _ => 1,
        }
    }

    /// The unit of a server that wrote this many digits: it may have omitted zeros.
    pub(super) const fn unit(self) -> i64 {
        match self {
            Self::DAY | Self::MINUTE | Self::WHOLE => self.span(),
            Self(level) if level <= Self::MILLIS.0 => Self::MILLIS.span(),
            _ => 1,
        }
    }
}

/// Characters between the parts of a date, one bit each.
pub(super) mod sign {
    pub(in super::super) const SPACE: u8 = 1;
    pub(in super::super) const UPPER_T: u8 = 2;
    pub(in super::super) const LOWER_T: u8 = 4;
    pub(in super::super) const COMMA: u8 = 8;
    pub(in super::super) const POINT: u8 = 16;
}

/// How an offset is written, one bit each.
pub(super) mod notation {
    pub(in super::super) const UPPER_Z: u8 = 1;
    pub(in super::super) const LOWER_Z: u8 = 2;
    /// `+02:00`
    pub(in super::super) const COLON: u8 = 4;
    /// `+0200`
    pub(in super::super) const COMPACT: u8 = 8;
    /// `+02`
    pub(in super::super) const HOURS: u8 = 16;
    pub(in super::super) const SPACED_UTC: u8 = 32;
    pub(in super::super) const SPACED_GMT: u8 = 64;
    /// ` +0200`
    pub(in super::super) const SPACED_COMPACT: u8 = 128;
}

/// One date: its instant and its format.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) at: Micros,
    pub(super) kind: Kind,
    pub(super) level: Level,
    pub(super) signs: u8,
    /// Minutes east of UTC, and their notation.
    pub(super) zone: Option<(i16, u8)>,
    /// In microseconds.
    pub(super) unit: i64,
}

impl Sample {
    #[inline]
    pub(super) fn read(raw: json::Raw<'_>) -> Option<Self> {
        match raw.text().as_bytes() {
            [b'"', text @ .., b'"'] => iso(text).or_else(|| quoted(raw)),
            [b'-' | b'0'..=b'9', ..] => number(raw.text().as_bytes(), None, Content::Number),
            [b'{', ..] => wrapped(raw),
            _ => None,
        }
    }

    /// Whether the date states its zone, or counts from 1970.
    pub(super) fn has_zone(&self) -> bool {
        match self.kind.content {
            Content::Number(_) | Content::Quoted(_) => true,
            _ => self.zone.is_some(),
        }
    }

    fn within(mut self, wrap: Wrap) -> Self {
        self.kind.wrap = wrap;
        self
    }
}

/// Reads text that is not a plain ISO date: a number in quotes, or a date with escapes.
#[cold]
fn quoted(raw: json::Raw<'_>) -> Option<Sample> {
    let text = raw.as_str()?;
    iso(text.as_bytes())
        .or_else(|| number(text.as_bytes(), None, Content::Quoted))
        .or_else(|| named::read(&text))
}

/// Reads a date in MongoDB's extended JSON, where a number always counts milliseconds.
#[cold]
fn wrapped(raw: json::Raw<'_>) -> Option<Sample> {
    if let Some(long) = raw.member("$numberLong") {
        let text = long.as_str()?;
        return number(text.as_bytes(), None, Content::Quoted).map(|it| it.within(Wrap::Long));
    }
    let date = raw.member("$date")?;
    let millis = Some(Epoch::Millis);
    match date.text().as_bytes() {
        [b'"', ..] => {
            let text = date.as_str()?;
            iso(text.as_bytes())
                .or_else(|| number(text.as_bytes(), millis, Content::Quoted))
                .map(|it| it.within(Wrap::Date))
        }
        [b'-' | b'0'..=b'9', ..] => {
            number(date.text().as_bytes(), millis, Content::Number).map(|it| it.within(Wrap::Date))
        }
        _ => {
            let long = date.member("$numberLong")?;
            let text = long.as_str()?;
            number(text.as_bytes(), millis, Content::Quoted).map(|it| it.within(Wrap::DateLong))
        }
    }
}

#[inline]
pub(super) fn digit(byte: u8) -> Option<u32> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(u32::from(digit))
}

#[inline]
fn pair(tens: u8, ones: u8) -> Option<u32> {
    Some(digit(tens)? * 10 + digit(ones)?)
}

/// Reads an ISO 8601 date, with or without a time.
///
/// A leap second becomes the last microsecond of the second before it: it is rounded down.
#[inline]
fn iso(text: &[u8]) -> Option<Sample> {
    let ([y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2], rest) = text.split_first_chunk()? else {
        return None;
    };
    let year = pair(*y1, *y2)? * 100 + pair(*y3, *y4)?;
    let (month, day) = (pair(*m1, *m2)?, pair(*d1, *d2)?);
    // ISO 8601 has a year 0, the platforms do not.
    let year = i32::try_from(year).ok().filter(|year| *year > 0)?;
    let date = NaiveDate::from_ymd_opt(year, month, day)?;
    let midnight = i64::from(date.to_epoch_days()) * DAY;
    let time = Time::read(rest)?;
    let offset = time.zone.map_or(0, |(offset, _)| i64::from(offset));
    Some(Sample {
        at: Micros::new(midnight + time.micros - offset * MINUTE),
        kind: Kind {
            wrap: Wrap::Plain,
            content: match time.zone {
                Some(_) => Content::Zoned,
                None => Content::Zoneless,
            },
        },
        level: time.level,
        signs: time.signs,
        zone: time.zone,
        unit: time.level.unit(),
    })
}

struct Time {
    micros: i64,
    level: Level,
    signs: u8,
    zone: Option<(i16, u8)>,
}

impl Time {
    /// Reads what follows a date.
    #[inline]
    fn read(text: &[u8]) -> Option<Self> {
        let Some(([between, h1, h2, b':', m1, m2], rest)) = text.split_first_chunk() else {
            return text.is_empty().then_some(Self {
                micros: 0,
                level: Level::DAY,
                signs: 0,
                zone: None,
            });
        };
        let signs = match between {
            b'T' => sign::UPPER_T,
            b't' => sign::LOWER_T,
            b' ' => sign::SPACE,
            _ => return None,
        };
        let (hour, minute) = (pair(*h1, *h2)?, pair(*m1, *m2)?);
        if hour > 23 || minute > 59 {
            return None;
        }
        let mut time = Self {
            micros: i64::from(hour * 60 + minute) * MINUTE,
            level: Level::MINUTE,
            signs,
            zone: None,
        };
        let rest = match rest.split_first_chunk() {
            Some(([b':', s1, s2], rest)) => time.second(pair(*s1, *s2)?, rest)?,
            _ => rest,
        };
        if !rest.is_empty() {
            time.zone = Some(zone(rest)?);
        }
        Some(time)
    }

    /// Stores a second and the fractional digits at the start of `rest`. Returns the text after them.
    #[inline]
    fn second<'a>(&mut self, second: u32, rest: &'a [u8]) -> Option<&'a [u8]> {
        self.level = Level::WHOLE;
        let mut micros = 0;
        let rest = match rest.split_first() {
            Some((mark @ (b'.' | b','), rest)) => {
                self.signs |= if *mark == b'.' {
                    sign::POINT
                } else {
                    sign::COMMA
                };
                let count = rest.iter().take_while(|it| it.is_ascii_digit()).count();
                if !(1..=9).contains(&count) {
                    return None;
                }
                self.level = Level(Level::WHOLE.0 + count as u8);
                let (digits, rest) = rest.split_at(count);
                let zeros = std::iter::repeat(&b'0');
                for digit in digits.iter().chain(zeros).take(6) {
                    micros = micros * 10 + i64::from(digit - b'0');
                }
                rest
            }
            _ => rest,
        };
        self.micros += match second {
            0..=59 => i64::from(second) * SECOND + micros,
            60 => 60 * SECOND - 1,
            _ => return None,
        };
        Some(rest)
    }
}

#[inline]
fn zone(text: &[u8]) -> Option<(i16, u8)> {
    let (sign, hours, minutes, notation) = match text {
        b"Z" => return Some((0, notation::UPPER_Z)),
        b"z" => return Some((0, notation::LOWER_Z)),
        b" UTC" => return Some((0, notation::SPACED_UTC)),
        b" GMT" => return Some((0, notation::SPACED_GMT)),
        [b' ', sign, h1, h2, m1, m2] => {
            let (hours, minutes) = (pair(*h1, *h2)?, pair(*m1, *m2)?);
            (sign, hours, minutes, notation::SPACED_COMPACT)
        }
        [sign, h1, h2, b':', m1, m2] => (sign, pair(*h1, *h2)?, pair(*m1, *m2)?, notation::COLON),
        [sign, h1, h2, m1, m2] => (sign, pair(*h1, *h2)?, pair(*m1, *m2)?, notation::COMPACT),
        [sign, h1, h2] => (sign, pair(*h1, *h2)?, 0, notation::HOURS),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    let minutes = (hours * 60 + minutes) as i16;
    match sign {
        b'+' => Some((minutes, notation)),
        b'-' => Some((-minutes, notation)),
        _ => None,
    }
}
