//! Schedules of triggers: by cron expression, by interval, or once.
//!
//! The fields are those of the platform's trigger reference (`schedule.type`, `cronExpression`, `interval`, `unit`, `executeAt`);
//! `timezone`, `misfire` and `overlap` are evt's own.

use std::time::Duration;

use chrono::{Local, TimeZone};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

use super::reader::{DocumentError, Node};
use crate::time::{Timestamp, parse_in};

/// When a trigger starts its flow.
#[derive(Clone, Debug)]
pub struct Schedule {
    timing: Timing,
    zone: Zone,
    /// Its `config`, to see whether a change of the flow changes the schedule.
    text: String,
    pub misfire: Misfire,
    pub overlap: Overlap,
}

#[derive(Clone, Debug)]
enum Timing {
    Cron(Box<Cron>),
    Interval(Duration),
    Once(Timestamp),
}

/// The zone of a schedule's times.
#[derive(Clone, Copy, Debug)]
enum Zone {
    Named(Tz),
    /// That of the machine.
    Local,
}

/// What happens to runs that were missed, for example while the platform was not running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfire {
    /// They do not start.
    Skip,
    /// One run starts for all of them.
    Once,
    /// Each of them starts.
    All,
}

/// What happens to a run that is due while the flow's last scheduled run is still running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    Allow,
    /// It does not start.
    Skip,
    /// It starts when the running one has ended.
    Queue,
}

const FIELDS: &str = "schedule type cronExpression cron expression interval unit executeAt timezone timeZone tz misfire overlap";
/// The longest interval.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

impl Schedule {
    /// Compiles the `config` of a trigger, whose fields may be inside `schedule`.
    pub(super) fn compile(config: &Node<'_>) -> Result<Self, DocumentError> {
        config.only(FIELDS)?;
        let inner = match config.get("schedule") {
            Some(schedule) => {
                schedule.only(FIELDS)?;
                schedule
            }
            None => config.clone(),
        };
        let either = |keys: &[&str]| inner.any(keys).or_else(|| config.any(keys));
        let zone = match either(&["timezone", "timeZone", "tz"]) {
            Some(node) => Zone::compile(&node)?,
            None => Zone::Local,
        };
        let misfire = match either(&["misfire"]) {
            None => Misfire::Once,
            Some(node) => match node.text()? {
                "skip" => Misfire::Skip,
                "once" => Misfire::Once,
                "all" => Misfire::All,
                _ => return Err(node.bad("`skip`, `once` or `all`")),
            },
        };
        let overlap = match either(&["overlap"]) {
            None => Overlap::Allow,
            Some(node) => match node.text()? {
                "allow" => Overlap::Allow,
                "skip" => Overlap::Skip,
                "queue" => Overlap::Queue,
                _ => return Err(node.bad("`allow`, `skip` or `queue`")),
            },
        };
        Ok(Self {
            timing: Timing::compile(&inner, zone)?,
            zone,
            text: config.value.to_string(),
            misfire,
            overlap,
        })
    }

    /// The first time after `after`; `None` if there is none.
    ///
    /// In the hour that daylight saving skips, a fixed time runs at the first instant after it; in the hour that it repeats, once.
    /// An interval such as `*/30` runs at each instant that matches.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        match &self.timing {
            Timing::Once(at) => (*at > after).then_some(*at),
            Timing::Interval(interval) => Some(after.plus(*interval)),
            Timing::Cron(cron) => match self.zone {
                Zone::Named(zone) => next_match(cron, &zone, after),
                Zone::Local => next_match(cron, &Local, after),
            },
        }
    }

    /// The times after `after` up to `until`, at most `limit` of them: the last ones.
    pub(super) fn last_between(
        &self,
        after: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Vec<Timestamp> {
        if let Timing::Interval(interval) = &self.timing {
            let count = until.since(after).as_millis() / interval.as_millis().max(1);
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            let first = count.saturating_sub(u32::try_from(limit).unwrap_or(u32::MAX));
            let times = (first..count).map(|n| after.plus(interval.saturating_mul(n + 1)));
            return times.collect();
        }
        // Longer and longer parts of the time are searched: counting all minutes of a year would hold up the commit.
        let mut window = Duration::from_secs(limit as u64);
        loop {
            let from = until.minus(window).max(after);
            let times = self.within(from, until, limit);
            if times.len() == limit || from == after {
                return times;
            }
            window = window.saturating_mul(2);
        }
    }

    fn within(&self, after: Timestamp, until: Timestamp, limit: usize) -> Vec<Timestamp> {
        let mut times = std::collections::VecDeque::new();
        let mut next = self.next_after(after);
        while let Some(at) = next.filter(|at| *at <= until) {
            if times.len() == limit {
                times.pop_front();
            }
            times.push_back(at);
            next = self.next_after(at);
        }
        times.into()
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The cron expression, if the schedule has one.
    pub fn cron_expression(&self) -> Option<String> {
        match &self.timing {
            Timing::Cron(cron) => Some(cron.as_str().to_owned()),
            Timing::Interval(_) | Timing::Once(_) => None,
        }
    }
}

impl Timing {
    fn compile(node: &Node<'_>, zone: Zone) -> Result<Self, DocumentError> {
        let cron = node.any(&["cronExpression", "cron", "expression"]);
        let kind = match node.get("type") {
            Some(kind) => kind.text()?,
            None if cron.is_some() => "cron",
            None if node.get("interval").is_some() => "interval",
            None if node.get("executeAt").is_some() => "once",
            None => {
                node.need("cronExpression")?;
                "cron"
            }
        };
        match kind {
            "cron" => Self::cron(&match cron {
                Some(cron) => cron,
                None => node.need("cronExpression")?,
            }),
            "interval" => Self::interval(node),
            "once" => {
                let at = node.need("executeAt")?;
                let time = time(at.text()?, zone);
                Ok(Self::Once(time.ok_or_else(|| {
                    at.bad("a time such as `2026-12-24T09:00` or `2026-12-24T09:00:00Z`")
                })?))
            }
            _ => Err(node.need("type")?.bad("`cron`, `interval` or `once`")),
        }
    }

    fn cron(node: &Node<'_>) -> Result<Self, DocumentError> {
        const EXPECTED: &str = "a cron expression of five or six fields such as `0 9 * * MON` (minute, hour, day, month, weekday)";
        let text = node.text()?;
        // Seven fields would be years, which the platform's reference does not have.
        if text.len() > 200 || text.split_whitespace().count() > 6 {
            return Err(node.bad(EXPECTED));
        }
        let parser = CronParser::builder().seconds(Seconds::Optional).build();
        let cron = parser.parse(text).map_err(|_| node.bad(EXPECTED))?;
        // The search ends after some thousand years, and no pattern names a year.
        if next_match(&cron, &chrono::Utc, Timestamp::from_secs(0)).is_none() {
            return Err(node.bad("a cron expression that matches a date"));
        }
        Ok(Self::Cron(Box::new(cron)))
    }

    fn interval(node: &Node<'_>) -> Result<Self, DocumentError> {
        let count = node.need("interval")?;
        const EXPECTED: &str = "an interval from 1 second to 366 days";
        let interval = match count.value.as_str() {
            Some(text) if node.get("unit").is_none() => super::wait::span(text),
            _ => {
                let unit = node.need("unit")?;
                super::wait::amount(count.number()?, &unit)?
            }
        };
        let interval = interval.filter(|span| (Duration::from_secs(1)..=LONGEST).contains(span));
        Ok(Self::Interval(interval.ok_or_else(|| count.bad(EXPECTED))?))
    }
}

impl Zone {
    fn compile(node: &Node<'_>) -> Result<Self, DocumentError> {
        match node.text()? {
            "local" => Ok(Self::Local),
            name => match name.parse() {
                Ok(zone) => Ok(Self::Named(zone)),
                Err(_) => Err(node.bad("a time zone such as `Europe/Berlin` or `UTC`")),
            },
        }
    }
}

fn next_match<Z: TimeZone + 'static>(cron: &Cron, zone: &Z, after: Timestamp) -> Option<Timestamp> {
    let after = zone.timestamp_millis_opt(after.millis()).single()?;
    // A pattern that never matches, such as 30 February, is an error after some years are searched.
    let next = cron.find_next_occurrence(&after, false).ok()?;
    Some(Timestamp::from_millis(next.timestamp_millis()))
}

fn time(text: &str, zone: Zone) -> Option<Timestamp> {
    match zone {
        Zone::Named(zone) => parse_in(text, &zone),
        Zone::Local => parse_in(text, &Local),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn schedule(config: &Value) -> Schedule {
        Schedule::compile(&Node::root(config)).unwrap()
    }

    fn berlin(cron: &str) -> Schedule {
        schedule(
            &json!({"schedule": {"type": "cron", "cronExpression": cron, "timezone": "Europe/Berlin"}}),
        )
    }

    /// The runs between two times of Berlin, with their offset.
    fn runs(cron: &str, from: &str, until: &str) -> Vec<String> {
        let zone = Zone::Named(chrono_tz::Europe::Berlin);
        let schedule = berlin(cron);
        let times =
            schedule.last_between(time(from, zone).unwrap(), time(until, zone).unwrap(), 100);
        let shown = times.into_iter().map(|at| {
            let at = chrono_tz::Europe::Berlin.timestamp_millis_opt(at.millis());
            at.unwrap().format("%d %H:%M %Z").to_string()
        });
        shown.collect()
    }

    #[test]
    fn a_fixed_time_that_daylight_saving_skips_runs_after_the_gap() {
        assert_eq!(
            runs("30 2 * * *", "2027-03-27T12:00", "2027-03-29T12:00"),
            ["28 03:00 CEST", "29 02:30 CEST"]
        );
    }

    #[test]
    fn a_fixed_time_that_daylight_saving_repeats_runs_once() {
        assert_eq!(
            runs("30 2 * * *", "2026-10-24T12:00", "2026-10-26T12:00"),
            ["25 02:30 CEST", "26 02:30 CET"]
        );
    }

    #[test]
    fn an_interval_runs_in_both_repeated_hours_and_not_in_the_skipped_one() {
        assert_eq!(
            runs("*/30 * * * *", "2026-10-25T01:29", "2026-10-25T03:00"),
            [
                "25 01:30 CEST",
                "25 02:00 CEST",
                "25 02:30 CEST",
                "25 02:00 CET",
                "25 02:30 CET",
                "25 03:00 CET"
            ]
        );
        assert_eq!(
            runs("*/30 * * * *", "2027-03-28T01:29", "2027-03-28T03:30"),
            ["28 01:30 CET", "28 03:00 CEST", "28 03:30 CEST"]
        );
    }

    #[test]
    fn a_sixth_field_is_seconds_and_monday_is_1() {
        assert_eq!(
            runs("30 0 9 * * 1", "2026-12-01T00:00", "2026-12-15T00:00"),
            ["07 09:00 CET", "14 09:00 CET"]
        );
        assert_eq!(
            runs("0 9 * * MON", "2026-12-01T00:00", "2026-12-08T00:00"),
            ["07 09:00 CET"]
        );
    }

    #[test]
    fn an_interval_and_a_single_time_are_relative_to_nothing_else() {
        let at = Timestamp::from_secs(1_000);
        let every = schedule(&json!({"type": "interval", "interval": 15, "unit": "minutes"}));
        assert_eq!(every.next_after(at), Some(Timestamp::from_secs(1_900)));
        let every = schedule(&json!({"interval": "2h"}));
        assert_eq!(every.next_after(at), Some(Timestamp::from_secs(8_200)));
        let once = schedule(&json!({"type": "once", "executeAt": "1970-01-01T01:00:00Z"}));
        let planned = Timestamp::from_secs(3_600);
        assert_eq!(
            (once.next_after(at), once.next_after(planned)),
            (Some(planned), None)
        );
    }

    #[test]
    fn invalid_schedules_are_refused_with_their_place() {
        for (config, expected) in [
            (json!({}), "`cronExpression` is missing"),
            (
                json!({"cronExpression": "61 * * * *"}),
                "cron expression of five or six fields",
            ),
            (
                json!({"cronExpression": "* * * * * * 2027"}),
                "cron expression",
            ),
            (
                json!({"cronExpression": 5}),
                "`cronExpression` must be a string",
            ),
            (
                json!({"cronExpression": "0 0 30 2 *"}),
                "a cron expression that matches a date",
            ),
            (json!({"type": "sometimes"}), "`cron`, `interval` or `once`"),
            (
                json!({"interval": 0, "unit": "days"}),
                "from 1 second to 366 days",
            ),
            (json!({"interval": 5, "unit": "moons"}), "`unit`"),
            (json!({"interval": 5}), "`unit` is missing"),
            (json!({"executeAt": "tomorrow"}), "a time such as"),
            (
                json!({"cronExpression": "* * * * *", "timezone": "Mars/Olympus"}),
                "Europe/Berlin",
            ),
            (
                json!({"cronExpression": "* * * * *", "misfire": "maybe"}),
                "`skip`, `once` or `all`",
            ),
            (
                json!({"cronExpression": "* * * * *", "overlap": "no"}),
                "`allow`, `skip` or `queue`",
            ),
            (
                json!({"cronExpresion": "* * * * *"}),
                "`cronExpresion` is unknown",
            ),
        ] {
            let refusal = Schedule::compile(&Node::root(&config))
                .unwrap_err()
                .to_string();
            assert!(refusal.contains(expected), "{config}: {refusal}");
        }
    }

    #[test]
    fn only_the_last_of_many_missed_times_are_listed() {
        let every = schedule(&json!({"interval": 1, "unit": "minute"}));
        let at = Timestamp::from_secs;
        let times = every.last_between(at(0), at(600), 3);
        assert_eq!(times, [at(480), at(540), at(600)]);
        let cron = schedule(&json!({"cronExpression": "0 0 1 1 *", "timezone": "UTC"}));
        let years = cron.last_between(at(0), "2030-06-01".parse().unwrap(), 2);
        assert_eq!(
            years.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["2029-01-01T00:00:00.000Z", "2030-01-01T00:00:00.000Z"]
        );
    }

    #[test]
    fn counting_missed_times_does_not_depend_on_how_long_ago_they_began() {
        let often = schedule(&json!({"cronExpression": "* * * * * *", "timezone": "UTC"}));
        let until = Timestamp::from_secs(2_000_000_000);
        let times = often.last_between(Timestamp::from_secs(0), until, 1_000);
        assert_eq!((times.len(), times[999]), (1_000, until));
    }
}
