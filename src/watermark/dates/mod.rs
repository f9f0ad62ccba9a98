//! How a server writes its dates, derived from the dates that it sends.
//!
//! Bounds are written in the same format, because some servers compare dates as times and others as text. An instant may have
//! several forms, such as `10:00:00Z` and `10:00:00.000Z`. A bound is the smallest of them as text, so no record at or after the
//! instant is before the bound in either comparison. An instant that cannot be written exactly is rounded down: a
//! bound that is too low only reads records again, one that is too high loses them.

mod named;
mod number;
mod read;

use std::fmt::{self, Write};
use std::time::Duration;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use self::read::{Content, Epoch, Kind, Level, Sample, Wrap, notation, sign};
use super::Micros;
use crate::json;

/// In microseconds.
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * 60 * MINUTE;
/// The first and the last microsecond of the years that four digits can name: 0001 and 9999.
const FIRST: i64 = -719_162 * DAY;
const LAST: i64 = 2_932_897 * DAY - 1;

/// How a server writes its dates. The default has seen no date and writes `2026-04-25T00:00:00Z`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dates {
    /// The kind of most of the latest dates.
    kind: Kind,
    /// How many dates of another kind change `kind`.
    votes: u8,
    /// The kind was chosen, not derived from dates. Only the unit still changes.
    is_fixed: bool,
    /// One bit for each [`Level`] of dates of this kind.
    levels: u16,
    /// Each [`sign`] in dates that are text.
    signs: u8,
    /// The westernmost zone, in minutes: its local time is the smallest text for an instant.
    offset: i16,
    /// Each [`notation`] of that zone.
    notations: u8,
    /// The finest unit, in microseconds.
    unit: Option<i64>,
}

/// Maximum of [`Dates::votes`].
const MAX_VOTES: u8 = 16;

/// The unit of a server's dates that is assumed until it has sent one.
const USUAL_UNIT: i64 = Level::MILLIS.span();

impl Dates {
    /// Reads a date of any known format, rounded down to microseconds. `None` if it is not a date.
    ///
    /// Text is ISO 8601: a date alone, or with a time after `T`, `t` or a space, with up to nine fractional digits after a point
    /// or comma, and in UTC if there is no zone. A number, also in quotes, counts seconds, milliseconds, microseconds or
    /// nanoseconds; its magnitude decides: below 10¹¹, 10¹⁴, 10¹⁷, or above. In `{"$date":…}` it counts milliseconds.
    /// Dates with the name of a month are read in the formats of mail and HTTP (`Sat, 25 Apr 2026 10:00:00 GMT`), of C and of
    /// JavaScript.
    pub fn read(raw: json::Raw<'_>) -> Option<Micros> {
        Sample::read(raw).map(|sample| sample.at)
    }

    /// Whether a date states its zone, or counts from 1970. Otherwise UTC is assumed.
    pub fn has_zone(raw: json::Raw<'_>) -> bool {
        Sample::read(raw).is_some_and(|sample| sample.has_zone())
    }

    /// Whether dates of this kind may be used in bounds. A server that compares texts such as `25 Apr 2026` would find some of the
    /// records, and nothing would show that others are missing.
    pub fn can_be_bounds(&self) -> bool {
        self.kind.content != Content::DayFirst
    }

    /// Learns from one more date, if it is one. Returns whether that changed anything.
    pub fn learn(&mut self, raw: json::Raw<'_>) -> bool {
        let Some(sample) = Sample::read(raw) else {
            return false;
        };
        let mut before = self.clone();
        if !self.is_fixed {
            self.vote(sample.kind);
            self.note(&sample);
        }
        self.unit = Some(self.unit.unwrap_or(sample.unit).min(sample.unit));
        before.votes = self.votes;
        before != *self
    }

    /// The finest unit of the dates so far; a millisecond before the first. Bounds are exact to it: two instants that differ by
    /// one unit have different bounds, except in `{"$numberLong":…}`, which has no fraction.
    pub fn unit(&self) -> Duration {
        Duration::from_micros(self.unit_span().unsigned_abs())
    }

    /// The instant of the bound for `at`. Responses can be checked against it.
    pub fn floor(&self, at: Micros) -> Micros {
        let unit = self.unit_span();
        let span = match self.kind {
            Kind {
                wrap: Wrap::Long | Wrap::DateLong,
                content: Content::Number(epoch) | Content::Quoted(epoch),
            } => unit.max(epoch.span()),
            _ => unit,
        };
        let at = match self.kind.content {
            // Years that need more than four digits are written as the nearest year that does not.
            Content::Zoned | Content::Zoneless | Content::Named | Content::DayFirst => {
                at.get().clamp(FIRST, LAST)
            }
            Content::Number(_) | Content::Quoted(_) => at.get(),
        };
        Micros::new(at.saturating_sub(at.rem_euclid(span)))
    }

    /// Writes a bound at this instant as a JSON literal in the server's own format.
    ///
    /// Text ends at the years 0001 and 9999.
    pub fn write(&self, at: Micros) -> String {
        let at = self.floor(at).get();
        let literal = match self.kind.content {
            // In ISO 8601, so that a server that compares text finds all records or none, and not some of them.
            Content::Zoned | Content::Named | Content::DayFirst => {
                format!("\"{}\"", self.text(at, true))
            }
            Content::Zoneless => format!("\"{}\"", self.text(at, false)),
            Content::Number(epoch) => self.number(at, epoch),
            Content::Quoted(epoch) => format!("\"{}\"", self.number(at, epoch)),
        };
        match self.kind.wrap {
            Wrap::Plain => literal,
            Wrap::Date => format!("{{\"$date\":{literal}}}"),
            Wrap::Long => format!("{{\"$numberLong\":{literal}}}"),
            Wrap::DateLong => format!("{{\"$date\":{{\"$numberLong\":{literal}}}}}"),
        }
    }

    /// Other formats for a bound, the likeliest first, for a server that matches nothing with its own: it may show as text what
    /// it stores as a date. They keep their format, whatever dates follow.
    pub fn alternatives(&self) -> Vec<Self> {
        let kinds = [
            (Wrap::Date, Content::Zoned),
            (Wrap::Plain, Content::Zoned),
            (Wrap::Plain, Content::Number(Epoch::Millis)),
            (Wrap::Plain, Content::Number(Epoch::Seconds)),
            (Wrap::DateLong, Content::Quoted(Epoch::Millis)),
        ];
        let alternatives = kinds.map(|(wrap, content)| Self {
            kind: Kind { wrap, content },
            is_fixed: true,
            levels: match content {
                Content::Number(_) | Content::Quoted(_) => bit(Level::WHOLE),
                _ => bit(Level::MILLIS),
            },
            unit: self.unit,
            ..Self::default()
        });
        let sample = Micros::new(Level::MILLIS.span());
        let is_other = |other: &Self| {
            let is_text = matches!(self.kind.content, Content::Zoned);
            other.kind != self.kind || (is_text && other.write(sample) != self.write(sample))
        };
        alternatives.into_iter().filter(is_other).collect()
    }

    fn unit_span(&self) -> i64 {
        self.unit.unwrap_or(USUAL_UNIT).clamp(1, DAY)
    }

    /// Counts the kind of a date. The most frequent kind of the latest dates wins.
    fn vote(&mut self, kind: Kind) {
        if self.unit.is_some() && self.kind == kind {
            self.votes = MAX_VOTES.min(self.votes.saturating_add(1));
        } else if self.unit.is_some() && self.votes > 0 {
            self.votes -= 1;
        } else {
            if !is_alike(self.kind.content, kind.content) {
                self.levels = 0;
            }
            self.kind = kind;
            self.votes = 1;
        }
    }

    fn note(&mut self, sample: &Sample) {
        if is_alike(self.kind.content, sample.kind.content) {
            self.levels |= bit(sample.level);
        }
        self.signs |= sample.signs;
        if let Some((offset, notation)) = sample.zone {
            if self.notations == 0 || offset < self.offset {
                self.offset = offset;
                self.notations = notation;
            } else if offset == self.offset {
                self.notations |= notation;
            }
        }
    }

    /// The levels in which an instant may be written if `exact` is precise enough for it.
    fn levels(&self, exact: Level) -> impl Iterator<Item = Level> + Clone {
        /// All numbers of fractional digits except three, six and nine. No server writes such a number for every date, so a server that does omits trailing zeros.
        const TRIMMED: u16 = 0b0110_1101_1000;
        let mut levels = self.levels;
        let finest = u16::BITS.saturating_sub(levels.leading_zeros() + 1) as u8;
        if levels & TRIMMED != 0 && levels.count_ones() > 1 {
            levels |= (Level::WHOLE.0..finest).fold(0, |all, level| all | bit(Level(level)));
        }
        if levels == 0 || finest < exact.0 {
            levels |= bit(exact);
        }
        if self.levels == 0 && exact > Level::WHOLE {
            levels |= bit(Level::WHOLE);
        }
        let all = Level::DAY.0..=Level::FINEST.0;
        all.map(Level)
            .filter(move |level| levels & bit(*level) != 0)
    }

    fn text(&self, at: i64, is_zoned: bool) -> String {
        let unit = self.unit_span();
        let offset = if is_zoned {
            i64::from(self.offset).clamp(1 - 24 * 60, 24 * 60 - 1)
        } else {
            0
        };
        let local = at.saturating_add(offset * MINUTE).clamp(FIRST, LAST);
        let local = local - local.rem_euclid(unit);
        let is_exact = |level: &Level| {
            let is_midnight_in_utc = offset == 0 && local % DAY == 0;
            local % level.span() == 0 && (*level != Level::DAY || is_midnight_in_utc)
        };
        let levels = self.levels(Level::of(unit)).filter(is_exact);
        // Before the first date, the shortest form is the most common.
        let levels = levels.take(if self.levels == 0 { 1 } else { usize::MAX });
        let zones = if is_zoned {
            zones(offset, self.notations)
        } else {
            vec![String::new()]
        };
        let marks = match self.signs & (sign::COMMA | sign::POINT) {
            sign::COMMA => &[','][..],
            0 | sign::POINT => &['.'],
            _ => &[',', '.'],
        };
        let forms = levels.flat_map(|level| {
            let zones = zones.iter();
            zones.flat_map(move |zone| marks.iter().map(move |mark| (level, zone, *mark)))
        });
        forms
            .map(|(level, zone, mark)| self.form(local, level, zone, mark))
            .min()
            .unwrap_or_else(|| self.form(local, Level::MICROS, &zones[0], '.'))
    }

    /// Writes a local time in one form.
    fn form(&self, local: i64, level: Level, zone: &str, mark: char) -> String {
        let days = i32::try_from(local.div_euclid(DAY)).unwrap_or_default();
        let date = NaiveDate::from_epoch_days(days).unwrap_or_default();
        let (year, month, day) = (date.year(), date.month(), date.day());
        let mut text = format!("{year:04}-{month:02}-{day:02}");
        if level == Level::DAY {
            return text;
        }
        let between = match self.signs {
            signs if signs & sign::SPACE != 0 => ' ',
            signs if signs & sign::LOWER_T != 0 && signs & sign::UPPER_T == 0 => 't',
            _ => 'T',
        };
        let of_day = local.rem_euclid(DAY);
        let minutes = of_day / MINUTE;
        let mut push = |args: fmt::Arguments<'_>| {
            text.write_fmt(args).expect("a string takes all");
        };
        push(format_args!(
            "{between}{:02}:{:02}",
            minutes / 60,
            minutes % 60
        ));
        if level >= Level::WHOLE {
            push(format_args!(":{:02}", of_day % MINUTE / SECOND));
        }
        if level > Level::WHOLE {
            let digits = format!("{:06}000", of_day % SECOND);
            push(format_args!("{mark}{}", &digits[..level.digits().into()]));
        }
        text.push_str(zone);
        text
    }

    fn number(&self, at: i64, epoch: Epoch) -> String {
        let unit = self.unit_span();
        let is_whole = matches!(self.kind.wrap, Wrap::Long | Wrap::DateLong);
        let is_exact = |level: &Level| at % epoch.level(level.digits()).span() == 0;
        let decimals = if is_whole {
            0
        } else {
            let fits = |decimals: &u8| epoch.level(*decimals).span() <= unit;
            let exact = (0..9).find(fits).unwrap_or(0);
            // The shortest form is also the smallest as text, because the longer ones start with it.
            self.levels(Level(Level::WHOLE.0 + exact))
                .filter(|level| *level >= Level::WHOLE)
                .find(is_exact)
                .map_or(exact, Level::digits)
        };
        if epoch == Epoch::Nanos {
            return at.saturating_mul(1000).to_string();
        }
        let (magnitude, span) = (at.unsigned_abs(), epoch.span().unsigned_abs());
        let sign = if at < 0 { "-" } else { "" };
        let mut text = format!("{sign}{}", magnitude / span);
        if decimals > 0 {
            let digits = match epoch.places() {
                0 => "0".repeat(9),
                places => format!("{:0places$}000000000", magnitude % span),
            };
            text.push('.');
            text.push_str(&digits[..decimals.into()]);
        }
        text
    }
}

/// Whether a number of digits means the same precision in both kinds of dates.
fn is_alike(a: Content, b: Content) -> bool {
    let is_text = |content| !matches!(content, Content::Number(_) | Content::Quoted(_));
    a == b || (is_text(a) && is_text(b))
}

const fn bit(level: Level) -> u16 {
    1 << level.0
}

/// An offset in minutes, in each notation.
fn zones(offset: i64, notations: u8) -> Vec<String> {
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
    let all = [
        (notation::UPPER_Z, "Z".to_owned(), offset == 0),
        (notation::LOWER_Z, "z".to_owned(), offset == 0),
        (notation::SPACED_UTC, " UTC".to_owned(), offset == 0),
        (notation::SPACED_GMT, " GMT".to_owned(), offset == 0),
        (
            notation::SPACED_COMPACT,
            format!(" {sign}{hours:02}{minutes:02}"),
            true,
        ),
        (
            notation::COMPACT,
            format!("{sign}{hours:02}{minutes:02}"),
            true,
        ),
        (notation::HOURS, format!("{sign}{hours:02}"), minutes == 0),
    ];
    let mut zones: Vec<String> = all
        .into_iter()
        .filter(|(notation, _, is_exact)| notations & notation != 0 && *is_exact)
        .map(|(_, zone, _)| zone)
        .collect();
    if notations & notation::COLON != 0 || (zones.is_empty() && offset != 0) {
        zones.push(format!("{sign}{hours:02}:{minutes:02}"));
    }
    if zones.is_empty() {
        zones.push("Z".to_owned());
    }
    zones
}

#[cfg(test)]
mod tests;
