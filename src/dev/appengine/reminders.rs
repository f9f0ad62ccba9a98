//! Reminders of events: each has a job of the queue `schedule`, which raises `event.reminder` with the record.
//!
//! A write of a record of datatype `event` plans its reminders in the same commit, so they are always those of the stored record.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{State, planned};
use crate::flow::{Cause, NewEvent, SCHEDULE};
use crate::store::work::{NewWork, Work};
use crate::store::{StoreError, Tx, records};
use crate::time::{Timestamp, parse_in_named, seconds_of};

/// The datatype of records that have reminders.
const DATATYPE: &str = "event";
/// The name of their jobs.
pub(super) const REMIND: &str = "remind";
/// The first part of the keys of their jobs.
const PLAN: &str = "reminder";
/// The event that a job raises.
const REMINDER: &str = "event.reminder";
/// The reminder of a record without `reminders`.
const DEFAULT: Duration = Duration::from_secs(15 * 60);
/// The earliest reminder before the start.
const EARLIEST: Duration = Duration::from_secs(366 * 24 * 3600);
/// Reminders of one record. More are ignored.
const MAX_REMINDERS: usize = 20;
/// A reminder that is later than this is not raised any more if the event has started.
const LATE: Duration = Duration::from_secs(60);
/// States in which a record has no reminders.
const CALLED_OFF: [&str; 4] = ["rejected", "cancelled", "archived", "deleted"];

/// The data of a job.
#[derive(Debug, Serialize, Deserialize)]
struct Reminder {
    org: String,
    sk: String,
    start: i64,
    minutes: u64,
}

/// Plans the reminders of a record that was written, and removes those that it no longer has.
pub(super) fn plan(tx: &Tx<'_>, org: &str, model: &Map<String, Value>) -> Result<(), StoreError> {
    if text(model, "datatype") != DATATYPE {
        return Ok(());
    }
    let sk = text(model, "sk");
    let start = start(model).filter(|_| !CALLED_OFF.contains(&text(model, "state")));
    let mut times = start.map(|start| times(model, start)).unwrap_or_default();
    times.retain(|at, _| *at > tx.now());
    let jobs = times.into_iter().map(|(at, before)| {
        let reminder = Reminder {
            org: org.to_owned(),
            sk: sk.to_owned(),
            start: at.plus(before).millis(),
            minutes: before.as_secs() / 60,
        };
        let data = serde_json::to_string(&reminder).expect("a reminder is text and numbers");
        NewWork::new(SCHEDULE, REMIND, data, at)
    });
    planned::replace(tx, &planned::prefix(PLAN, org, sk), jobs)
}

/// Plans the reminders of all events, because the clock was set back.
pub(super) fn plan_again(tx: &Tx<'_>) -> Result<(), StoreError> {
    planned::again(tx, DATATYPE, plan)
}

/// Removes the reminders of a record that was deleted.
pub(super) fn remove(tx: &Tx<'_>, org: &str, datatype: &str, sk: &str) -> Result<(), StoreError> {
    if datatype != DATATYPE {
        return Ok(());
    }
    planned::replace(tx, &planned::prefix(PLAN, org, sk), [])
}

/// Raises the event of a due reminder.
pub(super) fn remind(state: &State, tx: &Tx<'_>, work: &Work) -> Result<(), StoreError> {
    let Ok(reminder) = serde_json::from_str::<Reminder>(&work.data) else {
        return Ok(());
    };
    let start = Timestamp::from_millis(reminder.start);
    if tx.now().since(work.run_at) > LATE && tx.now() > start {
        return Ok(());
    }
    let record = records::body(tx, &reminder.org, DATATYPE, &reminder.sk)?;
    let Some(mut data) = record.and_then(|text| serde_json::from_str::<Value>(&text).ok()) else {
        return Ok(());
    };
    data["reminder"] = json!({"minutesBefore": reminder.minutes, "startsAt": start});
    let event = NewEvent {
        org: reminder.org,
        kind: REMINDER.to_owned(),
        data,
        before: None,
        cause: Cause::default(),
    };
    let (raised, _) = state
        .repository
        .request(0, || state.repository.emit(tx, event));
    raised.map(|_| ())
}

/// When an event starts: `data.startTime` or `data.startDate`, or a date with a time of day.
fn start(model: &Map<String, Value>) -> Option<Timestamp> {
    let data = model.get("data")?.as_object()?;
    let zone = match text(data, "timezone") {
        "" => text(data, "timeZone"),
        zone => zone,
    };
    let time = |value: &Value| match value {
        Value::Number(millis) => millis.as_i64().map(Timestamp::from_millis),
        Value::String(text) => parse_in_named(text, zone),
        _ => None,
    };
    let (date, hour) = (data.get("startDate"), data.get("startTime"));
    let joined = || {
        let (date, hour) = (date?.as_str()?, hour?.as_str()?);
        parse_in_named(&format!("{}T{}", date.trim().get(..10)?, hour.trim()), zone)
    };
    hour.and_then(time)
        .or_else(joined)
        .or_else(|| date.and_then(time))
}

/// The times of a record's reminders, with how long before the start they are.
fn times(model: &Map<String, Value>, start: Timestamp) -> BTreeMap<Timestamp, Duration> {
    let listed = model
        .get("data")
        .and_then(|data| data.get("reminders"))
        .and_then(Value::as_array);
    let before: Vec<Duration> = match listed {
        Some(listed) => listed
            .iter()
            .take(MAX_REMINDERS)
            .filter_map(before)
            .collect(),
        None => vec![DEFAULT],
    };
    let times = before
        .into_iter()
        .map(|before| (start.minus(before), before));
    times.collect()
}

/// How long before the start a reminder is: `{value: 2, unit: "hours"}`, or a number of minutes.
fn before(reminder: &Value) -> Option<Duration> {
    let number = |value: &Value| match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    let seconds = match reminder {
        Value::Object(fields) => {
            let unit = fields.get("unit").and_then(Value::as_str);
            number(fields.get("value")?)? * seconds_of(unit.unwrap_or("minutes"))?
        }
        minutes => number(minutes)? * 60.0,
    };
    let before = Duration::try_from_secs_f64(seconds).ok();
    before.filter(|before| *before <= EARLIEST)
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Kind, Store, work};

    fn model(data: Value) -> Map<String, Value> {
        let model = json!({"datatype": "event", "sk": "event-1", "state": "new", "data": data});
        model.as_object().unwrap().clone()
    }

    /// The reminders of a record, as seconds before its start.
    fn reminders(list: Value) -> Vec<u64> {
        let model = model(json!({"reminders": list}));
        let times = times(&model, Timestamp::from_secs(1_000_000_000));
        times
            .into_values()
            .rev()
            .map(|before| before.as_secs())
            .collect()
    }

    /// When the jobs of these records are due after all of them were written.
    fn planned(written: Vec<Map<String, Value>>) -> Vec<Timestamp> {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let jobs: Result<_, StoreError> = store.write_blocking(move |tx| {
            for model in &written {
                plan(tx, "o", model)?;
            }
            work::due(tx, Timestamp::from_millis(i64::MAX), 100)
        });
        jobs.unwrap().iter().map(|job| job.run_at).collect()
    }

    #[test]
    fn reminders_are_spans_or_minutes_before_the_start() {
        assert_eq!(
            reminders(
                json!([{"value": 1, "unit": "days"}, {"value": "2", "unit": "hours"}, {"value": 5}, 30, "10"])
            ),
            [300, 600, 1_800, 7_200, 86_400]
        );
    }

    #[test]
    fn invalid_and_surplus_reminders_are_ignored() {
        let invalid = json!([-5, null, "soon", {"unit": "days"}, {"value": 1, "unit": "moons"}, 1e300, {"value": 367, "unit": "days"}]);
        assert_eq!(reminders(invalid), [0_u64; 0]);
        assert_eq!(
            reminders(Value::Array((0..1_000).map(Value::from).collect())).len(),
            MAX_REMINDERS
        );
        assert_eq!(reminders(json!("soon")), [900]);
    }

    #[test]
    fn the_start_is_a_time_or_a_date_with_a_time_of_day() {
        for (data, expected) in [
            (
                json!({"startTime": "2030-04-26T09:00:00Z"}),
                Some("2030-04-26T09:00:00.000Z"),
            ),
            (
                json!({"startDate": "2030-04-26T09:00:00+02:00"}),
                Some("2030-04-26T07:00:00.000Z"),
            ),
            (
                json!({"startDate": "2030-04-26", "startTime": "09:00", "timezone": "Europe/Berlin"}),
                Some("2030-04-26T07:00:00.000Z"),
            ),
            (
                json!({"startDate": "2030-04-26T00:00:00Z", "startTime": "09:00", "timezone": "UTC"}),
                Some("2030-04-26T09:00:00.000Z"),
            ),
            (
                json!({"startDate": "2030-04-26", "timeZone": "UTC"}),
                Some("2030-04-26T00:00:00.000Z"),
            ),
            (
                json!({"startTime": 1_903_424_400_000_i64}),
                Some("2030-04-26T09:00:00.000Z"),
            ),
            (json!({"startTime": "soon"}), None),
            (
                json!({"startTime": ["2030"], "startDate": "é2030-04-2é"}),
                None,
            ),
            (json!({}), None),
        ] {
            let found = start(&model(data.clone())).map(|start| start.to_string());
            assert_eq!(found.as_deref(), expected, "{data}");
        }
    }

    #[test]
    fn a_change_of_the_start_moves_the_reminder() {
        let at = |time: &str| model(json!({"startTime": time}));
        let written = vec![
            at("2130-01-01T10:00:00Z"),
            at("2130-01-01T12:00:00Z"),
            at("2130-01-01T12:00:00Z"),
        ];
        assert_eq!(planned(written), ["2130-01-01T11:45:00Z".parse().unwrap()]);
    }

    #[test]
    fn past_and_cancelled_events_have_no_reminders() {
        let at = |time: &str| model(json!({"startTime": time}));
        assert_eq!(planned(vec![at("2001-01-01T10:00:00Z")]), []);
        for state in CALLED_OFF {
            let planned_one = at("2130-01-01T10:00:00Z");
            let mut called_off = planned_one.clone();
            called_off.insert("state".into(), state.into());
            assert_eq!(planned(vec![planned_one, called_off]), [], "{state}");
        }
    }

    #[test]
    fn records_whose_ids_begin_alike_have_their_own_reminders() {
        let named = |sk: &str| {
            let mut model = model(json!({"startTime": "2130-01-01T10:00:00Z"}));
            model.insert("sk".into(), sk.into());
            model
        };
        assert_eq!(
            planned(vec![named("a"), named("a:1"), named("a:1:1")]).len(),
            3
        );
    }
}
