//! Jobs of the platform's own queues: work that is done inside the commit that ends it, such as a notification, a schedule or
//! the end of a wait.
//!
//! They are rows of `jobs`, next to the deliveries, with endpoint 0. No lease is needed: a job that is not committed as done
//! still waits.

use std::borrow::Cow;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::attempts;
use super::jobs::{Attempt, PAUSED, State, WAITING, list};
use super::{StoreError, Tx};
use crate::backoff::Retry;
use crate::event::Seq;
use crate::time::Timestamp;

/// The endpoint of these jobs. Ids of endpoints start at 1.
const ENDPOINT: i64 = 0;

/// A job to add to a queue.
#[derive(Clone, Debug)]
pub struct NewWork {
    pub queue: &'static str,
    /// What the consumer of the queue is to do, such as `send` or `resume`.
    pub name: Cow<'static, str>,
    /// JSON that only the consumer reads.
    pub data: String,
    pub run_at: Timestamp,
    pub retry: Retry,
    /// At most one waiting job has a key. A job that has one replaces it.
    pub key: Option<String>,
    /// The run and the step of a flow that wait for the result.
    pub step: Option<(String, u32)>,
    pub event: Option<Seq>,
}

impl NewWork {
    /// A job that is tried once.
    pub fn new(
        queue: &'static str,
        name: impl Into<Cow<'static, str>>,
        data: String,
        run_at: Timestamp,
    ) -> Self {
        Self {
            queue,
            name: name.into(),
            data,
            run_at,
            retry: Retry::none(),
            key: None,
            step: None,
            event: None,
        }
    }
}

/// A due job, as its consumer gets it.
#[derive(Clone, Debug)]
pub struct Work {
    pub id: i64,
    pub queue: String,
    pub name: String,
    pub data: String,
    /// When it was due.
    pub run_at: Timestamp,
    pub retry: Retry,
    /// Attempts that failed so far.
    pub failures: u32,
    pub key: Option<String>,
    pub step: Option<(String, u32)>,
    pub event: Option<Seq>,
}

/// Adds a job and wakes the engine after the commit. Returns its id.
pub fn enqueue(tx: &Tx<'_>, work: &NewWork) -> Result<i64, StoreError> {
    if let Some(key) = &work.key {
        remove(tx, key)?;
    }
    let (run, step) = work.step.as_ref().map(|(run, step)| (run, *step)).unzip();
    let sql = format!(
        "INSERT INTO jobs (queue, endpoint, state, run_at, created_at, run_id, step, event_seq, key) \
         VALUES (?1, {ENDPOINT}, {WAITING}, ?2, ?3, ?4, ?5, ?6, ?7)"
    );
    tx.prepare_cached(&sql)?.execute(params![
        work.queue,
        work.run_at.millis(),
        tx.now().millis(),
        run,
        step,
        work.event.map(|seq| seq.0),
        work.key,
    ])?;
    let id = tx.last_insert_rowid();
    let retry = serde_json::to_string(&work.retry).expect("a schedule is numbers and words");
    tx.prepare_cached(
        "INSERT INTO payloads (job, method, url, headers, body, timeout, retry, name) VALUES (?1, '', '', x'', ?2, 0, ?3, ?4)",
    )?
    .execute(params![id, work.data.as_bytes(), retry, work.name])?;
    tx.work_ready();
    Ok(id)
}

/// Deletes the waiting job with this key. Returns whether there was one.
pub fn remove(tx: &Tx<'_>, key: &str) -> Result<bool, StoreError> {
    let sql =
        format!("DELETE FROM jobs WHERE key = ?1 AND state IN ({WAITING}, {PAUSED}) RETURNING id");
    let removed: Option<i64> = tx
        .prepare_cached(&sql)?
        .query_row([key], |row| row.get(0))
        .optional()?;
    let Some(id) = removed else {
        return Ok(false);
    };
    for sql in [
        "DELETE FROM attempts WHERE job = ?1",
        "DELETE FROM payloads WHERE job = ?1",
    ] {
        tx.prepare_cached(sql)?.execute([id])?;
    }
    Ok(true)
}

/// The waiting jobs whose key starts with `prefix`, which ends with a colon, with their data, in order of their keys.
pub fn with_prefix(db: &Connection, prefix: &str) -> Result<Vec<(String, String)>, StoreError> {
    let sql = format!(
        "SELECT j.key, p.body FROM jobs j JOIN payloads p ON p.job = j.id \
         WHERE j.state IN ({WAITING}, {PAUSED}) AND j.key >= ?1 AND j.key < ?2 ORDER BY j.key"
    );
    let mut select = db.prepare_cached(&sql)?;
    // A semicolon is the character after the colon.
    let end = format!("{};", prefix.strip_suffix(':').unwrap_or(prefix));
    let rows = select.query_map([prefix, &end], |row| {
        let data = row.get_ref(1)?.as_blob_or_null()?.unwrap_or_default();
        Ok((row.get(0)?, String::from_utf8_lossy(data).into_owned()))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many jobs of a queue whose key starts with `prefix` are in each state, except those that are done or redriven.
pub fn unfinished(
    db: &Connection,
    queue: &str,
    prefix: &str,
) -> Result<Vec<(State, u64)>, StoreError> {
    let states: Vec<State> = State::ALL
        .into_iter()
        .filter(|state| !matches!(state, State::Done | State::Redriven))
        .collect();
    let sql = format!(
        "SELECT state, count(*) FROM jobs INDEXED BY jobs_of_queue WHERE endpoint = {ENDPOINT} AND queue = ?1 \
         AND state IN ({}) AND key >= ?2 AND key < ?3 GROUP BY state",
        list(&states)
    );
    let mut select = db.prepare_cached(&sql)?;
    let end = format!("{prefix}\u{10ffff}");
    let rows = select.query_map(params![queue, prefix, end], |row| {
        let count: i64 = row.get(1)?;
        Ok((State::from_number(row.get(0)?), count.unsigned_abs()))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Frees the key of a job that is being done, so that its work can add the next job with this key.
pub fn release_key(tx: &Tx<'_>, id: i64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE jobs SET key = NULL WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

/// Replaces the data of the waiting job with this key.
pub fn replace_data(tx: &Tx<'_>, key: &str, data: &str) -> Result<(), StoreError> {
    let sql = format!(
        "UPDATE payloads SET body = ?2 WHERE job = \
         (SELECT id FROM jobs WHERE key = ?1 AND state IN ({WAITING}, {PAUSED}))"
    );
    tx.prepare_cached(&sql)?
        .execute(params![key, data.as_bytes()])?;
    Ok(())
}

/// Makes the waiting job with this key due now.
pub fn bring_forward(tx: &Tx<'_>, key: &str) -> Result<(), StoreError> {
    let sql =
        format!("UPDATE jobs SET run_at = ?2 WHERE key = ?1 AND state IN ({WAITING}, {PAUSED})");
    tx.prepare_cached(&sql)?
        .execute(params![key, tx.now().millis()])?;
    tx.work_ready();
    Ok(())
}

/// Makes a job that waits due now.
pub fn make_due(tx: &Tx<'_>, id: i64) -> Result<(), StoreError> {
    let sql =
        format!("UPDATE jobs SET run_at = ?2 WHERE id = ?1 AND state IN ({WAITING}, {PAUSED})");
    tx.prepare_cached(&sql)?
        .execute(params![id, tx.now().millis()])?;
    tx.work_ready();
    Ok(())
}

/// Whether jobs of a queue are due now.
pub fn has_due(tx: &Tx<'_>, queue: &str) -> Result<bool, StoreError> {
    let sql = format!(
        "SELECT 1 FROM jobs WHERE endpoint = {ENDPOINT} AND queue = ?1 AND state = {WAITING} AND run_at <= ?2"
    );
    Ok(tx
        .prepare_cached(&sql)?
        .exists(params![queue, tx.now().millis()])?)
}

/// Deletes the completed jobs of a queue except the newest `keep`. Returns how many.
pub fn trim(tx: &Tx<'_>, queue: &str, keep: usize) -> Result<usize, StoreError> {
    let done = State::Done.number();
    let ids: Vec<i64> = {
        let sql = format!(
            "SELECT id FROM jobs WHERE endpoint = {ENDPOINT} AND state = {done} AND queue = ?1 \
             ORDER BY id DESC LIMIT -1 OFFSET ?2"
        );
        let mut select = tx.prepare_cached(&sql)?;
        let keep = i64::try_from(keep).unwrap_or(i64::MAX);
        let rows = select.query_map(params![queue, keep], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    for id in &ids {
        for sql in [
            "DELETE FROM attempts WHERE job = ?1",
            "DELETE FROM payloads WHERE job = ?1",
            "DELETE FROM jobs WHERE id = ?1",
        ] {
            tx.prepare_cached(sql)?.execute([id])?;
        }
    }
    Ok(ids.len())
}

const SELECT: &str = "SELECT j.id, j.queue, p.name, p.body, j.run_at, p.retry, j.failures, j.key, j.run_id, j.step, j.event_seq \
    FROM jobs j JOIN payloads p ON p.job = j.id";

/// A job of these queues in any state.
pub fn get(db: &Connection, id: i64) -> Result<Option<Work>, StoreError> {
    let sql = format!("{SELECT} WHERE j.id = ?1 AND j.endpoint = {ENDPOINT}");
    Ok(db.prepare_cached(&sql)?.query_row([id], read).optional()?)
}

/// The first `limit` jobs that are due at `now`, in order of their time.
pub fn due(db: &Connection, now: Timestamp, limit: usize) -> Result<Vec<Work>, StoreError> {
    let sql = format!(
        "{SELECT} WHERE j.state = {WAITING} AND j.endpoint = {ENDPOINT} AND j.run_at <= ?1 ORDER BY j.run_at, j.id LIMIT ?2"
    );
    let mut select = db.prepare_cached(&sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = select.query_map(params![now.millis(), limit], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a job still waits.
pub fn is_waiting(db: &Connection, id: i64) -> Result<bool, StoreError> {
    let sql = format!("SELECT 1 FROM jobs WHERE id = ?1 AND state = {WAITING}");
    Ok(db.prepare_cached(&sql)?.exists([id])?)
}

/// When the first waiting job is due.
pub fn next_at(db: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let sql = format!(
        "SELECT run_at FROM jobs WHERE state = {WAITING} AND endpoint = {ENDPOINT} ORDER BY run_at LIMIT 1"
    );
    let next: Option<i64> = db
        .prepare_cached(&sql)?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(next.map(Timestamp::from_millis))
}

/// Ends a job as done.
pub fn complete(tx: &Tx<'_>, id: i64) -> Result<(), StoreError> {
    let sql = "UPDATE jobs SET state = ?2, tries = tries + 1, ended_at = ?3, last_error = NULL WHERE id = ?1";
    tx.prepare_cached(sql)?
        .execute(params![id, State::Done.number(), tx.now().millis()])?;
    Ok(())
}

/// Stores a failed attempt. The job waits until `again`, or is dead if that is `None`.
pub fn fail(
    tx: &Tx<'_>,
    id: i64,
    reason: &str,
    again: Option<Timestamp>,
) -> Result<(), StoreError> {
    let now = tx.now();
    let state = if again.is_some() {
        State::Waiting
    } else {
        State::Dead
    };
    let tries: u32 = tx
        .prepare_cached(
            "UPDATE jobs SET state = ?2, run_at = coalesce(?3, run_at), tries = tries + 1, failures = failures + 1, \
             ended_at = ?4, last_error = ?5 WHERE id = ?1 RETURNING tries",
        )?
        .query_row(
            params![
                id,
                state.number(),
                again.map(Timestamp::millis),
                again.is_none().then(|| now.millis()),
                reason,
            ],
            |row| row.get(0),
        )?;
    attempts::insert_of_job(tx, id, tries, &Attempt::failed(now, Duration::ZERO, reason))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Work> {
    let retry: String = row.get(5)?;
    let run: Option<String> = row.get(8)?;
    Ok(Work {
        id: row.get(0)?,
        queue: row.get(1)?,
        name: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
        data: String::from_utf8_lossy(row.get_ref(3)?.as_blob_or_null()?.unwrap_or_default())
            .into_owned(),
        run_at: Timestamp::from_millis(row.get(4)?),
        retry: serde_json::from_str(&retry).unwrap_or_else(|_| Retry::none()),
        failures: row.get(6)?,
        key: row.get(7)?,
        step: run.zip(row.get(9)?),
        event: row.get::<_, Option<i64>>(10)?.map(Seq),
    })
}
