//! `/_evt/clock`: shows and changes the platform's clock.
//!
//! The clock goes forward in order of time: it stops at each time at which something is due, lets that happen, and continues. So a flow
//! that waits for days runs as it would, only sooner.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State as FromState;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::Api;
use crate::clock::Mode;
use crate::dev::host::deliveries;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonBody;
use crate::store::{Connection, Store, StoreError, endpoints, jobs, work};
use crate::time::Timestamp;
use crate::work::do_due;

/// How long the clock waits for the deliveries of one time, in real time. A little longer than an attempt may take by default.
const DELIVERIES: Duration = Duration::from_secs(35);
/// Between two looks at the deliveries.
const LOOK: Duration = Duration::from_millis(2);

/// A change of the clock.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    to: To,
    #[serde(default)]
    allow_backwards: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum To {
    /// A time in milliseconds since the epoch.
    Time(i64),
    /// Forward by this many milliseconds.
    Forward(u64),
    Freeze,
    /// Lets a frozen clock run from its time.
    Run,
    Real,
}

/// What happened while the clock went forward.
#[derive(Debug, Default)]
struct Passed {
    /// Times at which something was due.
    steps: u64,
    /// Deliveries were still in flight when the clock continued.
    is_impatient: bool,
}

/// The clock as JSON: `now`, `real`, `mode`, `ahead_ms`, and the same as a sentence.
pub(super) fn facts(store: &Store) -> Value {
    let (mode, real) = (store.clock_mode(), Timestamp::now());
    let now = mode.at(real);
    let ahead = now.millis().saturating_sub(real.millis());
    let word = match mode {
        Mode::Real => "real",
        Mode::Shifted(_) => "running",
        Mode::Frozen(_) => "frozen",
    };
    let text = match mode {
        Mode::Real => "real".to_owned(),
        Mode::Shifted(_) => format!("{now}, {}", away(ahead)),
        Mode::Frozen(_) => format!("{now}, frozen, {}", away(ahead)),
    };
    json!({"now": now, "real": real, "mode": word, "ahead_ms": ahead, "text": text})
}

fn away(ahead: i64) -> String {
    let span = span_text((ahead.unsigned_abs() + 500) / 1000);
    match ahead {
        0.. => format!("{span} ahead"),
        _ => format!("{span} behind"),
    }
}

/// `3d 4h`, `5m 20s`.
fn span_text(seconds: u64) -> String {
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let mut shown: Vec<String> = parts
        .iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    if shown.is_empty() {
        shown.push("0s".to_owned());
    }
    shown.join(" ")
}

pub(super) async fn show(FromState(api): FromState<Arc<Api>>) -> Response {
    answer(StatusCode::OK, &facts(&api.host.store))
}

pub(super) async fn change(
    FromState(api): FromState<Arc<Api>>,
    JsonBody(body): JsonBody,
) -> Result<Response, Refusal> {
    let change: Change = serde_json::from_value(body)
        .map_err(|error| Refusal::bad_request("bad_time", error.to_string()))?;
    let _changing = api.clock.try_lock().map_err(|_| busy())?;
    let store = &api.host.store;
    let mode = store.clock_mode();
    let now = store.now();
    let target = match change.to {
        To::Time(millis) => Timestamp::from_millis(millis),
        To::Forward(millis) => now.plus(Duration::from_millis(millis)),
        To::Freeze | To::Run => now,
        To::Real => Timestamp::now(),
    };
    // chrono, which shows times, has no later years.
    if !(0..253_402_300_800_000).contains(&target.millis()) {
        let message = "the time must be between the years 1970 and 9999";
        return Err(Refusal::bad_request("bad_time", message));
    }
    if target < now && !change.allow_backwards {
        return Err(backwards(now, target));
    }
    let passed = forward(&api, target).await?;
    // The clock runs while it waits for deliveries, so it may already be past the target.
    let target = match target < now {
        true => target,
        false => target.max(store.now()),
    };
    let mode = match (change.to, mode) {
        (To::Freeze, _) => Mode::Frozen(target),
        (To::Real, _) => Mode::Real,
        (To::Run, Mode::Frozen(at)) => Mode::running_from(at, Timestamp::now()),
        (To::Run, mode) => mode,
        (To::Time(_) | To::Forward(_), Mode::Frozen(_)) => Mode::Frozen(target),
        (To::Time(_) | To::Forward(_), _) => Mode::running_from(target, Timestamp::now()),
    };
    store.set_clock(mode).await?;
    if target < now {
        let platforms = api.platforms.clone();
        store
            .write::<_, StoreError, _>(move |tx| {
                let mut all = platforms.iter();
                all.try_for_each(|platform| platform.clock_set_back(tx))
            })
            .await?;
    }
    let mut facts = facts(store);
    facts["steps"] = passed.steps.into();
    facts["impatient"] = passed.is_impatient.into();
    facts["backwards"] = (target < now).into();
    Ok(answer(StatusCode::OK, &facts))
}

/// The refusal while another command changes the clock.
pub(super) fn busy() -> Refusal {
    let message = "the clock is being changed by another command";
    Refusal::new(StatusCode::CONFLICT, "clock_busy", message)
}

fn backwards(now: Timestamp, target: Timestamp) -> Refusal {
    let back = span_text(now.since(target).as_secs().max(1));
    Refusal::new(
        StatusCode::CONFLICT,
        "clock_backwards",
        format!(
            "this would set the clock back by {back}, and records that are older than what a poller has seen would be missed"
        ),
    )
}

/// Goes forward to `target`. Does nothing if that has passed.
async fn forward(api: &Api, target: Timestamp) -> Result<Passed, StoreError> {
    let store = &api.host.store;
    let consumer = deliveries::consumer(&api.platforms);
    let mut passed = Passed::default();
    while let Some(next) = store.read(next_due).await? {
        if next > target || api.host.shutdown.is_cancelled() {
            break;
        }
        if next > store.now() {
            let mode = match store.clock_mode() {
                Mode::Frozen(_) => Mode::Frozen(next),
                Mode::Real | Mode::Shifted(_) => Mode::running_from(next, Timestamp::now()),
            };
            store.set_clock(mode).await?;
            passed.steps += 1;
        }
        do_due(store, &consumer).await?;
        if !delivered(store).await? {
            // Its retries are counted by their own times; without this the clock would never continue.
            passed.is_impatient = true;
            break;
        }
    }
    Ok(passed)
}

fn next_due(db: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let (work, delivery) = (work::next_at(db)?, endpoints::next_at(db)?);
    Ok(work.into_iter().chain(delivery).min())
}

/// Waits until all deliveries that are due have been attempted. Returns `false` if that takes too long.
async fn delivered(store: &Store) -> Result<bool, StoreError> {
    let deadline = Instant::now() + DELIVERIES;
    loop {
        let now = store.now();
        let is_busy = store
            .read(move |db| {
                Ok::<_, StoreError>(jobs::any_active(db)? || endpoints::any_due(db, now)?)
            })
            .await?;
        if !is_busy {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_shown_with_its_two_largest_units() {
        for (seconds, expected) in [
            (0, "0s"),
            (59, "59s"),
            (3_600, "1h"),
            (93_784, "1d 2h"),
            (2_592_000, "30d"),
        ] {
            assert_eq!(span_text(seconds), expected);
        }
    }
}
