//! Retries and discards single jobs.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Retried, Skipped};
use crate::store::jobs::{DISCARDED, End, Ended, REDRIVEN, Settled, State, WAITING};
use crate::store::{StoreError, Tx, endpoints};
use crate::time::Timestamp;

/// Makes a job due at `run_at`: brings a waiting job forward, and enqueues a job that has ended again under the same message id.
pub fn retry(tx: &Tx<'_>, id: i64, run_at: Timestamp) -> Result<Retried, StoreError> {
    let Some((state, endpoint)) = state_of(tx, id)? else {
        return Ok(Retried::Missing);
    };
    if let Some(reason) = why_not_retried(state) {
        return Ok(skipped(id, state, reason));
    }
    if !matches!(state, State::Waiting | State::Paused) {
        return Ok(Retried::Redriven(redrive(tx, id, state, run_at)?));
    }
    if is_due_by(tx, id, run_at)? {
        return Ok(skipped(id, state, "it is already due by then"));
    }
    tx.prepare_cached("UPDATE jobs SET run_at = ?2 WHERE id = ?1")?
        .execute(params![id, run_at.millis()])?;
    endpoints::schedule(tx, endpoint, run_at)?;
    tx.jobs_ready();
    tx.work_ready();
    Ok(Retried::BroughtForward)
}

/// Why a job in this state cannot be retried; `None` if it can.
pub fn why_not_retried(state: State) -> Option<&'static str> {
    match state {
        State::Active => Some("it is being delivered"),
        State::Redriven => Some("it was already retried"),
        State::Waiting
        | State::Paused
        | State::Done
        | State::Dead
        | State::Discarded
        | State::Quarantined => None,
    }
}

/// Why a job in this state cannot be discarded; `None` if it can.
pub fn why_not_discarded(state: State) -> Option<&'static str> {
    match state {
        State::Active => Some("it is being delivered"),
        State::Done | State::Discarded | State::Redriven => Some("it has ended"),
        State::Waiting | State::Paused | State::Dead | State::Quarantined => None,
    }
}

fn is_due_by(tx: &Tx<'_>, id: i64, run_at: Timestamp) -> Result<bool, StoreError> {
    Ok(tx
        .prepare_cached("SELECT 1 FROM jobs WHERE id = ?1 AND run_at <= ?2")?
        .exists(params![id, run_at.millis()])?)
}

/// Enables the endpoint of a job if it is disabled, and its URL if that has answered 410. Returns what was enabled.
pub fn enable_endpoint_of(tx: &Tx<'_>, id: i64, now: Timestamp) -> Result<Vec<String>, StoreError> {
    match state_of(tx, id)? {
        Some((_, endpoint)) => endpoints::enable_for(tx, id, endpoint, now),
        None => Ok(Vec::new()),
    }
}

/// The state of a job.
pub fn state(db: &Connection, id: i64) -> Result<Option<State>, StoreError> {
    Ok(state_of(db, id)?.map(|(state, _)| state))
}

fn state_of(db: &Connection, id: i64) -> Result<Option<(State, i64)>, StoreError> {
    Ok(db
        .prepare_cached("SELECT state, endpoint FROM jobs WHERE id = ?1")?
        .query_row([id], |row| {
            Ok((State::from_number(row.get(0)?), row.get(1)?))
        })
        .optional()?)
}

fn skipped(id: i64, state: State, reason: &str) -> Retried {
    Retried::Skipped(Skipped {
        id,
        state,
        reason: reason.to_owned(),
    })
}

fn redrive(tx: &Tx<'_>, id: i64, state: State, run_at: Timestamp) -> Result<i64, StoreError> {
    // The flow's run has ended and does not change any more, so the new job belongs to no run.
    let sql = format!(
        "INSERT INTO jobs (queue, endpoint, state, run_at, created_at, message_id, event_seq, redrive_of) \
         SELECT queue, endpoint, {WAITING}, ?2, ?3, message_id, event_seq, id FROM jobs WHERE id = ?1 \
         RETURNING id, endpoint"
    );
    let (new, endpoint): (i64, i64) = tx
        .prepare_cached(&sql)?
        .query_row(params![id, run_at.millis(), tx.now().millis()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    tx.prepare_cached(
        "INSERT INTO payloads (job, method, url, path, headers, body, secret, timeout, retry, name) \
         SELECT ?2, method, url, path, headers, body, secret, timeout, retry, name FROM payloads WHERE job = ?1",
    )?
    .execute(params![id, new])?;
    if matches!(state, State::Dead | State::Quarantined) {
        let sql = format!("UPDATE jobs SET state = {REDRIVEN} WHERE id = ?1");
        tx.prepare_cached(&sql)?.execute([id])?;
    }
    endpoints::schedule(tx, endpoint, run_at)?;
    tx.jobs_ready();
    tx.work_ready();
    Ok(new)
}

/// Removes a job from the queue. Returns `Ok(Err(_))` if it cannot be discarded, and `Ok(Ok(Some(_)))` if this ended the job.
pub fn discard(
    tx: &Tx<'_>,
    id: i64,
    now: Timestamp,
) -> Result<Result<Option<Settled>, Skipped>, StoreError> {
    let state = state(tx, id)?.unwrap_or(State::Discarded);
    if let Some(reason) = why_not_discarded(state) {
        let reason = reason.to_owned();
        return Ok(Err(Skipped { id, state, reason }));
    }
    let sql = format!(
        "UPDATE jobs SET state = {DISCARDED}, ended_at = ?2 WHERE id = ?1 RETURNING {}",
        Ended::COLUMNS
    );
    let ended = tx
        .prepare_cached(&sql)?
        .query_row(params![id, now.millis()], Ended::read)?;
    // A dead job had ended before, and its end was announced then.
    let ends_now = matches!(state, State::Waiting | State::Paused);
    Ok(Ok(ends_now.then(|| ended.with(End::Discarded))))
}
