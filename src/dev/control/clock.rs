//! `/_evt/clock`: shows and changes the platform's clock.
//!
//! The clock goes forward in order of time: it stops at each time at which something is due, lets that happen, and continues. So a flow
//! that waits for days runs as it would, only sooner. A client can ask for it in slices, so that it can stop in between.

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
use crate::work::do_batch;

/// How long the clock waits for the deliveries of one time, in real time. A little longer than an attempt may take by default.
const DELIVERIES: Duration = Duration::from_secs(35);
/// Between two looks at the deliveries.
const LOOK: Duration = Duration::from_millis(2);

/// How long a change that is done in slices excludes others after a slice. Far longer than a client needs for its next request.
const LEASE: Duration = Duration::from_secs(2);

/// A change of the clock.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    to: To,
    #[serde(default)]
    allow_backwards: bool,
    /// Answer after about this many milliseconds of real time, also before the time is reached. By default when it is reached.
    within_ms: Option<u64>,
    /// Continues the change whose last answer had this `turn`.
    turn: Option<u64>,
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
    /// Ends a change that is done in slices where the clock is.
    Stop,
}

/// The change in progress, or the last one.
#[derive(Debug, Default)]
pub(super) struct Turn {
    number: u64,
    target: Timestamp,
    /// Until when other changes are refused between two slices.
    reserved: Option<Instant>,
    /// When the clock reached the time at which it is, in real time. `None` if it has not moved yet.
    arrived: Option<Instant>,
}

impl Turn {
    /// Begins another change.
    ///
    /// # Errors
    /// [`busy`] between two slices of another one.
    pub(super) fn begin(&mut self) -> Result<(), Refusal> {
        if self.reserved.is_some_and(|until| Instant::now() < until) {
            return Err(busy());
        }
        *self = Self {
            number: self.number + 1,
            ..Self::default()
        };
        Ok(())
    }

    /// Continues the change with this number.
    fn resume(&mut self, number: u64) -> Result<(), Refusal> {
        match number == self.number {
            true => Ok(()),
            false => Err(Refusal::new(
                StatusCode::CONFLICT,
                "clock_busy",
                "another command has changed the clock meanwhile",
            )),
        }
    }
}

/// What happened while the clock went forward.
#[derive(Debug, Default)]
struct Passed {
    /// Times at which something was due.
    steps: u64,
    /// Deliveries were still in flight when the clock continued.
    is_impatient: bool,
    /// The time of the slice is over, or the platform stops: the target is not reached yet.
    is_partial: bool,
    is_backwards: bool,
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
    let mut turn = api.clock.try_lock().map_err(|_| busy())?;
    match change.turn {
        Some(number) => turn.resume(number)?,
        None => turn.begin()?,
    }
    let store = &api.host.store;
    let mode = store.clock_mode();
    let now = store.now();
    let target = match change.to {
        To::Time(millis) => Timestamp::from_millis(millis),
        To::Forward(_) if change.turn.is_some() => turn.target,
        To::Forward(millis) => now.plus(Duration::from_millis(millis)),
        To::Freeze | To::Run | To::Stop => now,
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
    turn.target = target;
    let passed = match change.to {
        To::Stop => Passed::default(),
        _ => forward(&api, &mut turn, change.within_ms).await?,
    };
    turn.reserved = passed.is_partial.then(|| Instant::now() + LEASE);
    if passed.is_partial {
        return Ok(passed.answer(store, &turn));
    }
    // The clock runs while it waits for deliveries, so it may already be past the target.
    let target = match target < now {
        true => target,
        false => target.max(store.now()),
    };
    let mode = match (change.to, mode) {
        (To::Freeze, _) => Mode::Frozen(target),
        (To::Real, _) => Mode::Real,
        (To::Run, Mode::Frozen(at)) => Mode::running_from(at, Timestamp::now()),
        (To::Run | To::Stop, mode) => mode,
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
    let mut passed = passed;
    passed.is_backwards = target < now;
    Ok(passed.answer(store, &turn))
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

impl Passed {
    fn answer(&self, store: &Store, turn: &Turn) -> Response {
        let mut facts = facts(store);
        facts["steps"] = self.steps.into();
        facts["impatient"] = self.is_impatient.into();
        facts["backwards"] = self.is_backwards.into();
        if self.is_partial {
            facts["turn"] = turn.number.into();
            facts["target"] = json!(turn.target);
        }
        answer(StatusCode::OK, &facts)
    }
}

/// Goes forward to the target of the turn, or as far as it comes in `within_ms`. Does nothing if the target has passed.
async fn forward(api: &Api, turn: &mut Turn, within_ms: Option<u64>) -> Result<Passed, StoreError> {
    let end = within_ms.map(|millis| Instant::now() + Duration::from_millis(millis));
    let is_over = || end.is_some_and(|end| Instant::now() >= end);
    let store = &api.host.store;
    let consumer = deliveries::consumer(&api.platforms);
    let mut passed = Passed::default();
    // An earlier slice may have ended before everything that is due at this time had happened.
    let mut is_settled = turn.arrived.is_none();
    loop {
        if !is_settled {
            while do_batch(store, &consumer).await? > 0 {
                if is_over() {
                    passed.is_partial = true;
                    return Ok(passed);
                }
            }
            let patience = turn.arrived.unwrap_or_else(Instant::now) + DELIVERIES;
            if !delivered(store, end.map_or(patience, |end| end.min(patience))).await? {
                // Its retries are counted by their own times; without this the clock would never continue.
                passed.is_impatient = Instant::now() >= patience;
                passed.is_partial = !passed.is_impatient;
                return Ok(passed);
            }
        }
        let next = store.read(next_due).await?;
        let Some(next) = next.filter(|next| *next <= turn.target) else {
            return Ok(passed);
        };
        if is_over() || api.host.shutdown.is_cancelled() {
            passed.is_partial = true;
            return Ok(passed);
        }
        if next > store.now() {
            let mode = match store.clock_mode() {
                Mode::Frozen(_) => Mode::Frozen(next),
                Mode::Real | Mode::Shifted(_) => Mode::running_from(next, Timestamp::now()),
            };
            store.set_clock(mode).await?;
            passed.steps += 1;
        }
        turn.arrived = Some(Instant::now());
        is_settled = false;
    }
}

fn next_due(db: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let (work, delivery) = (work::next_at(db)?, endpoints::next_at(db)?);
    Ok(work.into_iter().chain(delivery).min())
}

/// Waits until all deliveries that are due have been attempted. Returns `false` if that takes until `deadline`.
async fn delivered(store: &Store, deadline: Instant) -> Result<bool, StoreError> {
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
