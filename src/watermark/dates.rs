//! How a deployment writes its dates, learnt from what it sends.
//!
//! Bounds are sent in the same shape, because some servers compare dates as time and others as text. A bound is therefore the
//! least, as text, of all the forms in which the deployment may write that instant: so no record at or after it comes before
//! it in either reading. What cannot be written exactly is rounded down: a bound that is too low is read again, one that is
//! too high loses.

mod calendar;
mod read;

use std::fmt::{self, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::calendar::{DAY, MINUTE, SECOND};
use self::read::{Content, Epoch, Kind, Level, Sample, Wrap, notation, sign};
use super::Micros;
use crate::json;

/// How a deployment writes its dates. The default knows nothing and writes `2026-04-25T00:00:00Z`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dates {
    /// What most of the latest dates were.
    kind: Kind,
    /// How many dates of other kinds it takes to change that.
    votes: u8,
    /// It was chosen, not learnt: only the unit still changes.
    is_fixed: bool,
    /// One bit for each [`Level`] met in dates of this kind.
    levels: u16,
    /// Each [`sign`] met in a text.
    signs: u8,
    /// The westernmost zone met, in minutes: by its clock an instant is written least.
    offset: i16,
    /// Each [`notation`] of that zone.
    notations: u8,
    /// The finest met, in microseconds.
    unit: Option<i64>,
}

/// So many dates of another kind in a row do not change what was learnt.
const MAX_VOTES: u8 = 16;

/// What is assumed of a deployment that sent no date yet.
const USUAL_UNIT: i64 = Level::MILLIS.span();

impl Dates {
    /// The instant that a date of any known shape is, rounded down to microseconds. `None` for what is no date.
    ///
    /// Text is ISO 8601 with `T`, `t` or a space, with up to nine digits of a second after a point or comma, and in UTC
    /// where it names no zone; or a date alone. A number, also in quotes, counts seconds, milliseconds, microseconds or
    /// nanoseconds, told apart by its magnitude: less than 10¹¹, 10¹⁴, 10¹⁷, or more. In `{"$date":…}` it counts milliseconds.
    pub fn read(raw: json::Raw<'_>) -> Option<Micros> {
        Sample::read(raw).map(|sample| sample.at)
    }

    /// Takes one more date into account; returns whether what is known changed. Ignores what is no date.
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

    /// The finest unit met; a millisecond before any was. A bound is exact to it: two instants that far apart never have the
    /// same bound, except in `{"$numberLong":…}`, which has no fraction.
    pub fn unit(&self) -> Duration {
        Duration::from_micros(self.unit_span().unsigned_abs())
    }

    /// The instant that the bound of `at` is: what a server's answer to it can be held to.
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
            // What four digits cannot name is written as the nearest year that they can.
            Content::Zoned | Content::Zoneless => at.get().clamp(calendar::FIRST, calendar::LAST),
            _ => at.get(),
        };
        Micros::new(at.saturating_sub(at.rem_euclid(span)))
    }

    /// The JSON literal of a bound at this instant, in the deployment's own shape.
    ///
    /// Text ends at the years 0001 and 9999.
    pub fn write(&self, at: Micros) -> String {
        let at = self.floor(at).get();
        let literal = match self.kind.content {
            Content::Zoned => format!("\"{}\"", self.text(at, true)),
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

    /// Other shapes to try a bound in when a server finds nothing by its own, the likeliest first: what it shows as text it
    /// may store as a date. They keep their shape, whatever they learn.
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
                Content::Zoned | Content::Zoneless => bit(Level::MILLIS),
                Content::Number(_) | Content::Quoted(_) => bit(Level::WHOLE),
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

    /// The kind of most of the latest dates wins.
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

    /// The levels in which an instant may be written that needs `exact` at most.
    fn levels(&self, exact: Level) -> impl Iterator<Item = Level> + Clone {
        /// Digits that nobody writes always (as they do three, six or nine), so zeros at the end are left out.
        const CUT: u16 = 0b0110_1101_1000;
        let mut levels = self.levels;
        let finest = u16::BITS.saturating_sub(levels.leading_zeros() + 1) as u8;
        if levels & CUT != 0 && levels.count_ones() > 1 {
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
        let local = at
            .saturating_add(offset * MINUTE)
            .clamp(calendar::FIRST, calendar::LAST);
        let local = local - local.rem_euclid(unit);
        let is_exact = |level: &Level| {
            let is_midnight_in_utc = offset == 0 && local % DAY == 0;
            local % level.span() == 0 && (*level != Level::DAY || is_midnight_in_utc)
        };
        let levels = self.levels(Level::of(unit)).filter(is_exact);
        // Of nothing that was met the shortest is the most usual.
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

    /// One form of a time by the clock of its zone.
    fn form(&self, local: i64, level: Level, zone: &str, mark: char) -> String {
        let (year, month, day) = calendar::date(local.div_euclid(DAY));
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
            // The shortest comes first as text, too: the others continue it.
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

/// Whether dates of both are equally exact when they have equally many digits.
fn is_alike(a: Content, b: Content) -> bool {
    let is_text = |content| matches!(content, Content::Zoned | Content::Zoneless);
    a == b || (is_text(a) && is_text(b))
}

const fn bit(level: Level) -> u16 {
    1 << level.0
}

/// An offset of so many minutes in each notation.
fn zones(offset: i64, notations: u8) -> Vec<String> {
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
    let all = [
        (notation::UPPER_Z, "Z".to_owned(), offset == 0),
        (notation::LOWER_Z, "z".to_owned(), offset == 0),
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
