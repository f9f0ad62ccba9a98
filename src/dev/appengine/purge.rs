//! Deletes records in state `deleted` for good, once a day, when they are older than the setting `purge.after`.
//!
//! The first record in this state plans a job of the queue `schedule`. The job adds one of the queue `datatype` for each datatype with
//! old records, and plans the next one as long as younger ones are left, so a platform without them has no job.

use std::ops::ControlFlow;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::bulk::DATATYPE;
use super::{State, planned};
use crate::flow::{Cause, RecordError, SCHEDULE};
use crate::store::records::{self, Direction, Span};
use crate::store::work::{self, NewWork, Work};
use crate::store::{StoreError, Tx};
use crate::time::Timestamp;

/// The name of the jobs in both queues.
pub(super) const PURGE: &str = "purge";
/// The key of the daily job: there is one at most.
const KEY: &str = "purge:";
/// The state of records that are deleted for good.
const DELETED: &str = "deleted";
/// The time between two daily jobs.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Records that one commit deletes.
const BATCH: usize = 500;

/// The datatype of a job that deletes records.
#[derive(Debug, Serialize, Deserialize)]
struct Old {
    org: String,
    datatype: String,
}

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

/// Adds a job of the queue `datatype` for each datatype with records that are old enough, and plans the next job if any are left.
pub(super) fn schedule(state: &State, tx: &Tx<'_>) -> Result<(), StoreError> {
    let until = tx.now().minus(state.settings.purge_after());
    let mut is_left = false;
    for org in records::orgs(tx)? {
        for datatype in records::datatypes(tx, &org)? {
            let mut is_old = false;
            scan(tx, &org, &datatype, |_, modified| {
                match modified <= until {
                    true => is_old = true,
                    false => is_left = true,
                }
                match is_old && is_left {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            })?;
            if is_old {
                let (org, datatype) = (org.clone(), datatype);
                enqueue_purge(tx, &Old { org, datatype })?;
            }
        }
    }
    match is_left {
        true => enqueue(tx, tx.now().plus(DAY)),
        false => Ok(()),
    }
}

/// Deletes the records of a datatype that are old enough, with their events.
pub(super) fn purge(state: &State, tx: &Tx<'_>, work: &Work) -> Result<(), StoreError> {
    let Ok(of) = serde_json::from_str::<Old>(&work.data) else {
        return Ok(());
    };
    let until = tx.now().minus(state.settings.purge_after());
    let mut old = Vec::new();
    let mut is_more = false;
    scan(tx, &of.org, &of.datatype, |sk, modified| {
        if modified > until {
            return ControlFlow::Continue(());
        }
        if old.len() == BATCH {
            is_more = true;
            return ControlFlow::Break(());
        }
        old.push(sk.to_owned());
        ControlFlow::Continue(())
    })?;
    let (removed, _) = state.repository.request(0, || {
        old.iter().try_for_each(|sk| {
            let cause = Cause::default();
            let datatype = Some(of.datatype.as_str());
            match state.repository.remove(tx, &of.org, datatype, sk, &cause) {
                Ok(_) | Err(RecordError::NotFound { .. } | RecordError::Refused { .. }) => Ok(()),
                Err(RecordError::Store(error)) => Err(error),
            }
        })
    });
    removed?;
    match is_more {
        true => enqueue_purge(tx, &of),
        false => Ok(()),
    }
}

/// Calls `visit` with the id and the last change of each record in state `deleted`.
fn scan(
    tx: &Tx<'_>,
    org: &str,
    datatype: &str,
    mut visit: impl FnMut(&str, Timestamp) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let direction = Direction::Ascending;
    records::scan(
        tx,
        org,
        datatype,
        Span::ALL,
        direction,
        |sk, body| match deleted_at(body) {
            Some(modified) => visit(sk, modified),
            None => ControlFlow::Continue(()),
        },
    )
}

fn enqueue_purge(tx: &Tx<'_>, of: &Old) -> Result<(), StoreError> {
    let data = serde_json::to_string(of).expect("an organisation and a datatype are texts");
    let job = NewWork {
        key: Some(planned::prefix("purge-of", &of.org, &of.datatype)),
        ..NewWork::new(DATATYPE, PURGE, data, tx.now())
    };
    work::enqueue(tx, &job).map(|_| ())
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
