//! The values of the `poll.` settings, parsed when they change.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::dates::Dates;
use super::envelope::Envelope;
use super::faults::{FAULTS, Fault};
use crate::time;

/// The values of all settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// This many consecutive writes share a timestamp.
    pub(crate) ties: u64,
    /// Maximum error of the timestamp of a write, in either direction.
    pub(crate) skew: Duration,
    /// The time until every second write becomes visible.
    pub(super) late: Duration,
    /// This many records are updated after each find.
    pub(super) touch: usize,
    /// Maximum number of records in a page; 0 means `--page-cap`.
    pub(super) page_cap: usize,
    /// Maximum position of a record in a page; 0 means no limit.
    pub(super) window: u64,
    pub(super) ignore: Ignore,
    pub(super) order: TieOrder,
    pub(super) dates: Dates,
    pub(super) envelope: Envelope,
    /// Each fault occurs on every Nth find, in the order of [`FAULTS`]; 0 means never.
    pub(super) every: [u64; FAULTS.len()],
    pub(super) retry_after: Duration,
    pub(super) retry_form: RetryForm,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            ties: 1,
            skew: Duration::ZERO,
            late: Duration::ZERO,
            touch: 0,
            page_cap: 0,
            window: 0,
            ignore: Ignore::default(),
            order: TieOrder::default(),
            dates: Dates::default(),
            envelope: Envelope::default(),
            every: [0; FAULTS.len()],
            retry_after: Duration::from_secs(1),
            retry_form: RetryForm::default(),
        }
    }
}

impl Rules {
    /// Reads the settings. `value` returns a setting by its name without prefix. An invalid value counts as the default.
    pub(crate) fn read(value: impl Fn(&str) -> Option<String>) -> Self {
        fn parsed<T: FromStr>(text: Option<String>, default: T) -> T {
            text.and_then(|text| text.parse().ok()).unwrap_or(default)
        }
        let time = |name, default| value(name).and_then(|text| span(&text)).unwrap_or(default);
        let usual = Self::default();
        Self {
            ties: parsed(value("ties"), usual.ties).max(1),
            skew: time("skew", usual.skew),
            late: time("late", usual.late),
            touch: parsed(value("touch"), usual.touch),
            page_cap: parsed(value("page_cap"), usual.page_cap),
            window: parsed(value("window"), usual.window),
            ignore: parsed(value("ignore"), usual.ignore),
            order: parsed(value("order"), usual.order),
            dates: parsed(value("dates"), usual.dates),
            envelope: parsed(value("envelope"), usual.envelope),
            every: FAULTS.map(|fault: Fault| parsed(value(fault.name()), 0)),
            retry_after: time("retry_after", usual.retry_after),
            retry_form: parsed(value("retry_after_form"), usual.retry_form),
        }
    }
}

/// Whether the text is a whole number within the range.
pub(crate) fn is_count(text: &str, range: RangeInclusive<u64>) -> bool {
    text.parse().is_ok_and(|number| range.contains(&number))
}

/// Parses a time from 0 to a day.
pub(crate) fn span(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    time::duration(text).filter(|span| *span <= Duration::from_secs(24 * 3600))
}

/// The text is not a value of its setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoSuchValue;

/// Finds a value by name in a setting's table.
pub(super) fn of_name<T: Copy>(table: &[(&str, T)], text: &str) -> Result<T, NoSuchValue> {
    let found = table.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or(NoSuchValue)
}

/// Parts of a request that are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ignore {
    pub(super) sort: bool,
    pub(super) filter: bool,
    pub(super) paging: bool,
}

/// Parses `none`, or some of `sort,filter,paging`.
impl FromStr for Ignore {
    type Err = NoSuchValue;

    fn from_str(text: &str) -> Result<Self, NoSuchValue> {
        let mut ignore = Self::default();
        if text == "none" {
            return Ok(ignore);
        }
        for word in text.split(',') {
            match word.trim() {
                "sort" => ignore.sort = true,
                "filter" => ignore.filter = true,
                "paging" => ignore.paging = true,
                _ => return Err(NoSuchValue),
            }
        }
        Ok(ignore)
    }
}

/// The order of records with the same timestamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TieOrder {
    #[default]
    Stable,
    /// Another order in each response, regardless of further sort keys: as with a sort by a key that is not unique.
    Shuffled,
}

impl FromStr for TieOrder {
    type Err = NoSuchValue;

    fn from_str(text: &str) -> Result<Self, NoSuchValue> {
        of_name(
            &[("stable", Self::Stable), ("shuffled", Self::Shuffled)],
            text,
        )
    }
}

/// The format of `Retry-After`. RFC 9110 has two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RetryForm {
    #[default]
    Seconds,
    Date,
}

impl FromStr for RetryForm {
    type Err = NoSuchValue;

    fn from_str(text: &str) -> Result<Self, NoSuchValue> {
        of_name(&[("seconds", Self::Seconds), ("date", Self::Date)], text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_change_nothing() {
        assert_eq!(Rules::read(|_| None), Rules::default());
    }

    #[test]
    fn every_fault_has_a_setting_of_its_name() {
        let rules = Rules::read(|name| (name == "5xx").then(|| "3".to_owned()));
        let of = |fault: &Fault| rules.every[*fault as usize];
        assert_eq!(FAULTS.iter().map(of).sum::<u64>(), 3);
        assert_eq!(of(&Fault::ServerError), 3);
    }

    #[test]
    fn several_parts_can_be_ignored_at_once() {
        let ignore: Ignore = "sort, paging".parse().unwrap();
        let expected = Ignore {
            sort: true,
            filter: false,
            paging: true,
        };
        assert_eq!(ignore, expected);
        assert_eq!("none".parse(), Ok(Ignore::default()));
        for bad in ["", "sort,", "none,sort", "order"] {
            assert_eq!(bad.parse::<Ignore>(), Err(NoSuchValue), "{bad}");
        }
    }

    #[test]
    fn a_time_is_zero_or_up_to_a_day() {
        assert_eq!(span("0"), Some(Duration::ZERO));
        assert_eq!(span("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(span("1440m"), Some(Duration::from_secs(86_400)));
        for bad in ["", "1", "1441m", "-1s", "1h"] {
            assert_eq!(span(bad), None, "{bad}");
        }
    }
}
