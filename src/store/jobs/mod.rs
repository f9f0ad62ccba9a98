//! Durable deliveries as the engine sees them: enqueue, claim with a lease, settle, prune.
//!
//! What users do with queues is in `store::queue`; how engines hold their leases is in `store::leases`.

mod claim;
mod settle;
mod state;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use rusqlite::{Connection, params};

pub use crate::attempt::Attempt;
pub use claim::{Capacity, Claim, Claimed, Lease, body, claim};
pub(super) use settle::Ended;
pub use settle::{Next, SettleResult, dead_letter_due, settle};
pub use state::State;
pub(super) use state::{ACTIVE, DEAD, DISCARDED, PAUSED, QUARANTINED, REDRIVEN, WAITING, list};

use super::events::pack;
use super::{StoreError, Tx, endpoints};
use crate::backoff::Retry;
use crate::event::Seq;
use crate::secret::Secret;
use crate::time::Timestamp;

/// Panics of a job's attempts after which a job is quarantined.
pub const MAX_PANICS: u32 = 2;
/// Crashes of the engine during a job's attempts after which the job is quarantined. More than [`MAX_PANICS`], because a user who kills the process says
/// nothing about the jobs that were active at that moment.
pub const MAX_CRASHES: u32 = 5;

/// A delivery to make.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The name that `evt queue list` groups jobs by: `deliveries` for flows, `forwards` for forwarded events.
    pub queue: &'static str,
    pub run_at: Timestamp,
    pub retry: Retry,
    /// `webhook-id`: the same for all retries and redrives. `None` sends no Standard Webhooks headers.
    pub message_id: Option<String>,
    /// Signs each attempt (Standard Webhooks) with the attempt's own timestamp.
    pub secret: Option<Secret>,
    pub method: Method,
    /// An `http(s)://` or `unix:` target, spelled as `grammar::Target` does. Its server is the endpoint that limits and circuit belong to.
    pub url: String,
    /// Path and query of the request; only for `unix:` targets.
    pub path: Option<String>,
    pub headers: HeaderMap,
    pub body: JobBody,
    pub timeout: Duration,
    /// The run and the step of a flow that wait for the result.
    pub step: Option<(String, u32)>,
    pub event: Option<Seq>,
}

impl NewJob {
    /// A `POST` to `url` that is due now and is attempted once, with an empty body and a timeout of 30 seconds.
    pub fn post(url: impl Into<String>) -> Self {
        Self {
            queue: "deliveries",
            run_at: Timestamp::now(),
            retry: Retry::none(),
            message_id: None,
            secret: None,
            method: Method::POST,
            url: url.into(),
            path: None,
            headers: HeaderMap::new(),
            body: JobBody::Bytes(Bytes::new()),
            timeout: Duration::from_secs(30),
            step: None,
            event: None,
        }
    }
}

/// The body of a delivery.
#[derive(Clone, Debug)]
pub enum JobBody {
    Bytes(Bytes),
    /// The body of the stored event named by [`NewJob::event`], so that a forwarded body is stored once.
    OfEvent,
}

/// A job that has ended, as [`OnSettled`](crate::deliver::OnSettled) gets it.
#[derive(Clone, Debug)]
pub struct Settled {
    pub job: i64,
    pub run: Option<(String, u32)>,
    pub event: Option<Seq>,
    pub end: End,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The endpoint answered 2xx.
    Delivered { status: u16 },
    /// The retries are used up, or the endpoint refused the delivery permanently; the reason is stored with the job.
    Dead { status: Option<u16>, reason: String },
    /// A user removed it from the queue.
    Discarded,
}

/// Adds a job within the current commit and wakes the engine after it.
pub fn enqueue(tx: &Tx<'_>, job: &NewJob) -> Result<i64, StoreError> {
    let endpoint = endpoints::of_target(tx, &job.url, job.path.as_deref())?;
    let step = job.step.as_ref();
    tx.prepare_cached(
        "INSERT INTO jobs (queue, endpoint, state, run_at, created_at, message_id, run_id, step, event_seq) \
         VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)",
    )?
    .execute(params![
        job.queue,
        endpoint,
        WAITING,
        job.run_at.millis(),
        tx.now().millis(),
        job.message_id,
        step.map(|(run, _)| run.as_str()),
        step.map(|(_, step)| *step),
        job.event.map(|seq| seq.0),
    ])?;
    let id = tx.last_insert_rowid();
    insert_payload(tx, id, job)?;
    endpoints::schedule(tx, endpoint, job.run_at)?;
    tx.jobs_ready();
    Ok(id)
}

fn insert_payload(tx: &Tx<'_>, id: i64, job: &NewJob) -> Result<(), StoreError> {
    let body = match &job.body {
        JobBody::Bytes(bytes) => Some(&bytes[..]),
        JobBody::OfEvent => None,
    };
    let retry = serde_json::to_string(&job.retry).expect("a schedule is numbers and words");
    tx.prepare_cached(
        "INSERT INTO payloads (job, method, url, path, headers, body, secret, timeout, retry) \
         VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)",
    )?
    .execute(params![
        id,
        job.method.as_str(),
        job.url,
        job.path,
        pack(&job.headers),
        body,
        job.secret.as_ref().map(Secret::reveal),
        i64::try_from(job.timeout.as_millis()).unwrap_or(i64::MAX),
        retry,
    ])?;
    Ok(())
}

/// Deliveries of events that have not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outstanding {
    pub all: u64,
    /// Those that are active, and those whose time has come.
    pub due: u64,
}

/// Whether an engine is attempting a delivery.
pub fn any_active(db: &Connection) -> Result<bool, StoreError> {
    let sql = format!("SELECT 1 FROM jobs INDEXED BY jobs_leased WHERE state = {ACTIVE} LIMIT 1");
    Ok(db.prepare_cached(&sql)?.exists([])?)
}

/// Counts the outstanding deliveries of `first` and later events. The cost depends on the number of jobs that wait, not on the
/// number of finished jobs.
pub fn outstanding(
    connection: &Connection,
    first: Seq,
    now: Timestamp,
) -> Result<Outstanding, StoreError> {
    let sql = format!(
        "SELECT count(*), ifnull(sum(run_at <= ?2), 0) FROM jobs INDEXED BY jobs_ready \
         WHERE state = {WAITING} AND event_seq >= ?1"
    );
    let (waiting, due): (i64, i64) = connection
        .prepare_cached(&sql)?
        .query_row(params![first.0, now.millis()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let sql = format!(
        "SELECT count(*) FROM jobs INDEXED BY jobs_leased WHERE state = {ACTIVE} AND event_seq >= ?1"
    );
    let active: i64 = connection
        .prepare_cached(&sql)?
        .query_row([first.0], |row| row.get(0))?;
    Ok(Outstanding {
        all: u64::try_from(waiting + active).unwrap_or_default(),
        due: u64::try_from(due + active).unwrap_or_default(),
    })
}

/// Deletes up to `limit` jobs that were done, discarded or redriven before `before`. Dead jobs stay until a user retries or
/// discards them.
pub fn prune(tx: &Tx<'_>, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
    let ids: Vec<i64> = {
        let sql = format!(
            "SELECT id FROM jobs WHERE state IN ({}) AND ended_at < ?1 ORDER BY ended_at LIMIT ?2",
            list(&State::RESOLVED)
        );
        let mut select = tx.prepare_cached(&sql)?;
        let rows = select.query_map(params![before.millis(), limit as i64], |row| row.get(0))?;
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
