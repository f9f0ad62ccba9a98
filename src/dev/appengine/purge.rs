//! Deletes records in state `deleted` for good, once a day, when they are older than the setting `purge.after`.
//!
//! The first record in this state plans a job of the queue `schedule`. The job plans the next one as long as such records are left,
//! so a platform without them has no job.

use std::ops::ControlFlow;
use std::time::Duration;

use serde_json::{Map, Value};

use super::State;
use crate::flow::{Cause, RecordError, SCHEDULE};
use crate::store::records::{self, Direction, Span};
use crate::store::work::{self, NewWork};
use crate::store::{StoreError, Tx};
use crate::time::Timestamp;

/// The name of the job.
pub(super) const PURGE: &str = "purge";
/// The key of the job: there is one at most.
const KEY: &str = "purge:";
/// The state of records that are deleted for good.
const DELETED: &str = "deleted";
/// The time between two jobs.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Records that one commit deletes.
const BATCH: usize = 500;

/// Plans the job, if the record that was written is in state `deleted` and there is no job.
pub(super) fn plan(tx: &Tx<'_>, model: &Map<String, Value>) -> Result<(), StoreError> {
    if !is_deleted(model) || !work::with_prefix(tx, KEY)?.is_empty() {
        return Ok(());
    }
    enqueue(tx, tx.now().plus(DAY))
}

/// Plans the job from the new time, because the clock was set back.
pub(super) fn plan_again(tx: &Tx<'_>) -> Result<(), StoreError> {
    match work::with_prefix(tx, KEY)?.is_empty() {
        true => Ok(()),
        false => enqueue(tx, tx.now().plus(DAY)),
    }
}

/// Deletes the records that are old enough, with their events, and plans the next job if any are left.
pub(super) fn purge(state: &State, tx: &Tx<'_>) -> Result<(), StoreError> {
    // Flows that the deletions start may put more records into this state, which then plan the job again.
    work::remove(tx, KEY)?;
    let until = tx.now().minus(state.settings.purge_after());
    let mut old = Vec::new();
    let (mut is_more, mut is_left) = (false, false);
    for org in records::orgs(tx)? {
        for datatype in records::datatypes(tx, &org)? {
            records::scan(
                tx,
                &org,
                &datatype,
                Span::ALL,
                Direction::Ascending,
                |sk, body| {
                    let Some(modified) = deleted_at(body) else {
                        return ControlFlow::Continue(());
                    };
                    match (modified <= until, old.len() < BATCH) {
                        (true, true) => old.push((org.clone(), datatype.clone(), sk.to_owned())),
                        (true, false) => is_more = true,
                        (false, _) => is_left = true,
                    }
                    match is_more {
                        true => ControlFlow::Break(()),
                        false => ControlFlow::Continue(()),
                    }
                },
            )?;
        }
    }
    let (removed, _) = state.repository.request(0, || {
        old.iter().try_for_each(|(org, datatype, sk)| {
            let cause = Cause::default();
            let removed = state.repository.remove(tx, org, Some(datatype), sk, &cause);
            match removed {
                Ok(_) | Err(RecordError::NotFound { .. } | RecordError::Refused { .. }) => Ok(()),
                Err(RecordError::Store(error)) => Err(error),
            }
        })
    });
    removed?;
    match (is_more, is_left) {
        (true, _) => enqueue(tx, tx.now()),
        (false, true) => enqueue(tx, tx.now().plus(DAY)),
        (false, false) => Ok(()),
    }
}

fn enqueue(tx: &Tx<'_>, at: Timestamp) -> Result<(), StoreError> {
    let job = NewWork {
        key: Some(KEY.to_owned()),
        ..NewWork::new(SCHEDULE, PURGE, "{}".to_owned(), at)
    };
    work::enqueue(tx, &job).map(|_| ())
}

/// When a record in state `deleted` was written last.
fn deleted_at(body: &str) -> Option<Timestamp> {
    // Most records are not deleted, and need not be parsed.
    if !body.contains("\"deleted\"") {
        return None;
    }
    let model: Map<String, Value> = serde_json::from_str(body).ok()?;
    let modified = model.get("modifydate")?.as_str()?.parse().ok();
    modified.filter(|_| is_deleted(&model))
}

fn is_deleted(model: &Map<String, Value>) -> bool {
    model.get("state").and_then(Value::as_str) == Some(DELETED)
}
