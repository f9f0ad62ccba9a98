//! Durable deliveries as the engine sees them: enqueue, claim with a lease, settle, give back.
//!
//! A claim never scans: due endpoints come from one index, an endpoint's due jobs from another, and jobs that wait for an
//! earlier one of their order key are in neither. What people do with queues is in `queue.rs`.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::endpoints::{self, Endpoint};
use super::events::{pack, unpack};
use super::{StoreError, Tx};
use crate::backoff::Retry;
use crate::event::Seq;
use crate::secret::Secret;
use crate::time::Timestamp;

/// Bodies up to this size come with the claim; greater ones are read when their turn comes, so that waiting jobs stay small.
const SMALL_BODY: i64 = 16 * 1024;
/// Losses after which a job is quarantined when the attempt itself broke down.
pub const LOSSES_BY_PANIC: u32 = 2;
/// Losses after which a job is quarantined when its engine vanished: a person who kills a process is no evidence against
/// what happened to be under way, so it takes more of them than of the job's own breakdowns.
pub const LOSSES_BY_DEATH: u32 = 5;

/// A delivery to be made.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// `deliveries` for flows and forwards.
    pub queue: &'static str,
    /// Successors with the same key wait for each other.
    pub order_key: Option<String>,
    pub run_at: Timestamp,
    pub retry: Retry,
    /// `webhook-id`: the same over retries and redrives. `None` sends no Standard Webhooks headers.
    pub message_id: Option<String>,
    /// Signs each attempt (Standard Webhooks) with the attempt's own timestamp.
    pub secret: Option<Secret>,
    pub method: Method,
    /// An `http(s)://` or `unix:` target in `grammar::Target`'s spelling; its server is the endpoint that limits and circuit belong to.
    pub url: String,
    /// Only for `unix:` targets: path and query of the request.
    pub path: Option<String>,
    pub headers: HeaderMap,
    pub body: JobBody,
    pub timeout: Duration,
    /// The run and step that wait for the outcome.
    pub step: Option<(String, u32)>,
    pub event: Option<Seq>,
}

/// What is sent.
#[derive(Clone, Debug)]
pub enum JobBody {
    Bytes(Bytes),
    /// The body of the kept event named by [`NewJob::event`], so that forwarding keeps one copy.
    OfEvent,
}

/// A job that has come to its end: what [`OnSettled`](crate::deliver::OnSettled) gets.
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
    /// Retries are spent, or the endpoint said never again; the reason is kept with the job.
    Dead { status: Option<u16>, reason: String },
    /// A person took it off the queue.
    Discarded,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Waiting,
    Active,
    Done,
    Dead,
    Discarded,
    /// Lost with its worker too often to be tried again unasked.
    Quarantined,
    /// Dead, and enqueued again as another job.
    Redriven,
    /// Waits for an earlier job with its order key.
    Held,
}

impl State {
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Active,
        Self::Done,
        Self::Dead,
        Self::Discarded,
        Self::Quarantined,
        Self::Redriven,
        Self::Held,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Discarded => "discarded",
            Self::Quarantined => "quarantined",
            Self::Redriven => "redriven",
            Self::Held => "held",
        }
    }

    pub(super) const fn number(self) -> i64 {
        self as i64
    }

    pub(super) fn of(number: i64) -> Self {
        Self::ALL
            .into_iter()
            .find(|state| state.number() == number)
            .unwrap_or(Self::Dead)
    }
}

/// The right to settle one claimed job, until its owner loses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub job: i64,
    /// The job's fencing number: settling under an older one is refused.
    pub number: i64,
}

/// A job under a lease.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub lease: Lease,
    /// Row of its endpoint.
    pub endpoint: i64,
    pub message_id: Option<String>,
    pub secret: Option<Secret>,
    pub method: Method,
    pub url: String,
    pub path: Option<String>,
    pub headers: HeaderMap,
    /// `None`: too great to wait in memory, see [`body`].
    pub body: Option<Bytes>,
    pub body_len: usize,
    pub timeout: Duration,
    pub retry: Retry,
    /// Attempts made so far.
    pub tries: u32,
    /// Those of them that count against the retries.
    pub failures: u32,
}

/// What an engine has room for.
#[derive(Clone, Debug)]
pub struct Room {
    pub owner: i64,
    pub now: Timestamp,
    /// Jobs in all.
    pub total: usize,
    /// Jobs of each endpoint that the engine knows; nothing is claimed where it is 0.
    pub of: HashMap<i64, usize>,
    /// Jobs of an endpoint that it does not know.
    pub of_others: usize,
    /// How long the one probing job of an open circuit keeps the endpoint's other jobs back.
    pub probe: Duration,
}

/// What a claim brought.
#[derive(Debug, Default)]
pub struct Claim {
    /// The endpoints of `jobs`, as they are stored.
    pub endpoints: Vec<Endpoint>,
    pub jobs: Vec<Claimed>,
    /// Disabled endpoints with jobs that are due: see [`bury_waiting`].
    pub disabled: Vec<i64>,
    /// When the next endpoint's turn comes.
    pub next_at: Option<Timestamp>,
}

/// One attempt, as it is kept.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub started_at: Timestamp,
    pub took: Duration,
    pub status: Option<u16>,
    pub error: Option<String>,
    /// Of the answer; an excerpt.
    pub headers: HeaderMap,
    /// Of the answer; an excerpt.
    pub body: Bytes,
}

/// What follows from an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    Done,
    /// `counted`: the failure counts against the retries.
    Again {
        run_at: Timestamp,
        counted: bool,
    },
    Bury {
        reason: String,
    },
}

/// What settling did.
#[derive(Debug)]
pub enum Settling {
    Ended(Settled),
    Waits,
    /// The lease was lost meanwhile: nothing was changed.
    Late,
}

/// Adds a job to the current commit and wakes the engine after it.
pub fn enqueue(tx: &Tx<'_>, job: &NewJob) -> Result<i64, StoreError> {
    let endpoint = endpoints::of_target(tx, &job.url, job.path.as_deref())?;
    let state = match &job.order_key {
        Some(key) if is_taken(tx, endpoint, key)? => State::Held,
        _ => State::Waiting,
    };
    let step = job.step.as_ref();
    tx.prepare_cached(
        "INSERT INTO jobs (queue, endpoint, order_key, state, run_at, created_at, message_id, run_id, step, event_seq) \
         VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
    )?
    .execute(params![
        job.queue,
        endpoint,
        job.order_key,
        state.number(),
        job.run_at.millis(),
        Timestamp::now().millis(),
        job.message_id,
        step.map(|(run, _)| run.as_str()),
        step.map(|(_, step)| *step),
        job.event.map(|seq| seq.0),
    ])?;
    let id = tx.last_insert_rowid();
    insert_payload(tx, id, job)?;
    if state == State::Waiting {
        endpoints::due(tx, endpoint, job.run_at)?;
        tx.jobs_ready();
    }
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

fn is_taken(tx: &Tx<'_>, endpoint: i64, key: &str) -> Result<bool, StoreError> {
    let sql =
        "SELECT 1 FROM jobs WHERE endpoint = ?1 AND order_key = ?2 AND state IN (0, 1, 7) LIMIT 1";
    Ok(tx.prepare_cached(sql)?.exists(params![endpoint, key])?)
}

/// Leases due jobs to `room.owner`: endpoint by endpoint, the one that has waited longest first, no more of each than there is room for.
pub fn claim(tx: &Tx<'_>, room: &Room) -> Result<Claim, StoreError> {
    let mut claim = Claim::default();
    let mut left = room.total;
    for endpoint in endpoints::due_now(tx, room)? {
        if endpoint.is_disabled() {
            claim.disabled.push(endpoint.id);
            continue;
        }
        if left == 0 {
            break;
        }
        let known = room.of.get(&endpoint.id).copied();
        let mut wanted = known.unwrap_or(room.of_others);
        if endpoint.is_suspect() {
            wanted = wanted.min(1);
        }
        let before = claim.jobs.len();
        take(tx, room, &endpoint, wanted.min(left), &mut claim.jobs)?;
        left -= claim.jobs.len() - before;
        if endpoint.is_open() {
            endpoints::hold(tx, endpoint.id, room.now.plus(room.probe))?;
        }
        endpoints::served(tx, endpoint.id, room.now)?;
        claim.endpoints.push(endpoint);
    }
    claim.next_at = endpoints::next_after(tx, room.now)?;
    Ok(claim)
}

fn take(
    tx: &Tx<'_>,
    room: &Room,
    endpoint: &Endpoint,
    wanted: usize,
    jobs: &mut Vec<Claimed>,
) -> Result<(), StoreError> {
    let ids: Vec<i64> = {
        let sql = "SELECT id FROM jobs WHERE state = 0 AND endpoint = ?1 AND run_at <= ?2 ORDER BY run_at, id LIMIT ?3";
        let mut select = tx.prepare_cached(sql)?;
        let rows = select.query_map(
            params![endpoint.id, room.now.millis(), wanted as i64],
            |row| row.get(0),
        )?;
        rows.collect::<Result<_, _>>()?
    };
    let mut lease = tx
        .prepare_cached("UPDATE jobs SET state = 1, lease = lease + 1, owner = ?2 WHERE id = ?1")?;
    let mut read = tx.prepare_cached(
        "SELECT j.id, j.lease, j.endpoint, j.message_id, p.secret, p.method, p.url, p.path, p.headers, \
                coalesce(length(p.body), length(e.body), -1) AS len, \
                CASE WHEN coalesce(length(p.body), length(e.body)) <= ?2 THEN coalesce(p.body, e.body) END, \
                p.timeout, p.retry, j.tries, j.failures \
         FROM jobs j JOIN payloads p ON p.job = j.id LEFT JOIN events e ON p.body IS NULL AND e.seq = j.event_seq \
         WHERE j.id = ?1",
    )?;
    for id in ids {
        lease.execute(params![id, room.owner])?;
        jobs.push(read.query_row(params![id, SMALL_BODY], claimed)?);
    }
    Ok(())
}

fn claimed(row: &Row<'_>) -> rusqlite::Result<Claimed> {
    let method: String = row.get(5)?;
    let retry: String = row.get(12)?;
    Ok(Claimed {
        lease: Lease {
            job: row.get(0)?,
            number: row.get(1)?,
        },
        endpoint: row.get(2)?,
        message_id: row.get(3)?,
        secret: row.get::<_, Option<String>>(4)?.map(Secret::new),
        method: Method::from_bytes(method.as_bytes()).unwrap_or(Method::POST),
        url: row.get(6)?,
        path: row.get(7)?,
        headers: unpack(row.get_ref(8)?.as_blob()?),
        body_len: usize::try_from(row.get::<_, i64>(9)?).unwrap_or(0),
        body: row.get::<_, Option<Vec<u8>>>(10)?.map(Bytes::from),
        timeout: Duration::from_millis(row.get::<_, i64>(11)?.unsigned_abs()),
        retry: serde_json::from_str(&retry).unwrap_or_else(|_| Retry::none()),
        tries: row.get(13)?,
        failures: row.get(14)?,
    })
}

/// The body of a claimed job that was too great to come with its claim; `None` when the event that had it is gone.
pub fn body(db: &Connection, job: i64) -> Result<Option<Bytes>, StoreError> {
    let sql = "SELECT coalesce(p.body, e.body) FROM jobs j JOIN payloads p ON p.job = j.id \
               LEFT JOIN events e ON p.body IS NULL AND e.seq = j.event_seq WHERE j.id = ?1";
    let found = db
        .prepare_cached(sql)?
        .query_row([job], |row| row.get::<_, Option<Vec<u8>>>(0))
        .optional()?;
    Ok(found.flatten().map(Bytes::from))
}

/// Records an attempt and what follows from it, if the lease still holds.
pub fn settle(
    tx: &Tx<'_>,
    lease: Lease,
    attempt: &Attempt,
    next: &Next,
) -> Result<Settling, StoreError> {
    let (state, run_at, counted, reason) = match next {
        Next::Done => (State::Done, None, false, None),
        Next::Again { run_at, counted } => (State::Waiting, Some(run_at.millis()), *counted, None),
        Next::Bury { reason } => (State::Dead, None, true, Some(reason.as_str())),
    };
    let ended = run_at
        .is_none()
        .then(|| attempt.started_at.plus(attempt.took).millis());
    let found = tx
        .prepare_cached(
            "UPDATE jobs SET state = ?3, run_at = coalesce(?4, run_at), tries = tries + 1, failures = failures + ?5, \
             losses = 0, owner = NULL, ended_at = ?6, last_status = ?7, last_error = coalesce(?8, ?9) \
             WHERE id = ?1 AND lease = ?2 AND state = 1 \
             RETURNING id, endpoint, order_key, tries, run_id, step, event_seq",
        )?
        .query_row(
            params![
                lease.job,
                lease.number,
                state.number(),
                run_at,
                counted,
                ended,
                attempt.status,
                reason,
                attempt.error,
            ],
            Leaving::read,
        )
        .optional()?;
    let Some(leaving) = found else {
        return Ok(Settling::Late);
    };
    insert_attempt(tx, lease.job, leaving.tries, attempt)?;
    match next {
        Next::Again { run_at, .. } => {
            endpoints::due(tx, leaving.endpoint, *run_at)?;
            Ok(Settling::Waits)
        }
        Next::Done => {
            let status = attempt.status.unwrap_or(200);
            Ok(Settling::Ended(leaving.end(tx, End::Delivered { status })?))
        }
        Next::Bury { reason } => Ok(Settling::Ended(leaving.end(
            tx,
            End::Dead {
                status: attempt.status,
                reason: reason.clone(),
            },
        )?)),
    }
}

/// What those who wait for a job need to know when it leaves the queue.
pub(super) struct Leaving {
    job: i64,
    endpoint: i64,
    order_key: Option<String>,
    tries: u32,
    run: Option<(String, u32)>,
    event: Option<Seq>,
}

impl Leaving {
    /// The columns that [`Leaving::read`] wants, for `RETURNING`.
    pub(super) const COLUMNS: &str = "id, endpoint, order_key, tries, run_id, step, event_seq";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let run: Option<String> = row.get(4)?;
        let step: Option<u32> = row.get(5)?;
        Ok(Self {
            job: row.get(0)?,
            endpoint: row.get(1)?,
            order_key: row.get(2)?,
            tries: row.get(3)?,
            run: run.zip(step),
            event: row.get::<_, Option<i64>>(6)?.map(Seq),
        })
    }

    /// Lets the next job with the same order key go.
    pub(super) fn end(self, tx: &Tx<'_>, end: End) -> Result<Settled, StoreError> {
        if let Some(key) = &self.order_key {
            let next = tx
                .prepare_cached(
                    "UPDATE jobs SET state = 0 WHERE state = 7 AND id = (SELECT id FROM jobs WHERE endpoint = ?1 \
                     AND order_key = ?2 AND state IN (0, 1, 7) ORDER BY id LIMIT 1) RETURNING run_at",
                )?
                .query_row(params![self.endpoint, key], |row| row.get::<_, i64>(0))
                .optional()?;
            if let Some(run_at) = next {
                endpoints::due(tx, self.endpoint, Timestamp::from_millis(run_at))?;
                tx.jobs_ready();
            }
        }
        Ok(Settled {
            job: self.job,
            run: self.run,
            event: self.event,
            end,
        })
    }
}

fn insert_attempt(tx: &Tx<'_>, job: i64, n: u32, attempt: &Attempt) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO attempts (job, n, started_at, took, status, error, headers, body) \
         VALUES (?1,?2,?3,?4,?5,?6,?7,?8)",
    )?
    .execute(params![
        job,
        n,
        attempt.started_at.millis(),
        i64::try_from(attempt.took.as_millis()).unwrap_or(i64::MAX),
        attempt.status,
        attempt.error,
        pack(&attempt.headers),
        &attempt.body[..],
    ])?;
    Ok(())
}

/// Buries up to `limit` due jobs of a disabled endpoint.
pub fn bury_waiting(
    tx: &Tx<'_>,
    endpoint: i64,
    now: Timestamp,
    reason: &str,
    limit: usize,
) -> Result<Vec<Settled>, StoreError> {
    let left = {
        let sql = format!(
            "UPDATE jobs SET state = 3, ended_at = ?2, last_error = ?3 WHERE id IN (SELECT id FROM jobs \
             WHERE state = 0 AND endpoint = ?1 AND run_at <= ?2 ORDER BY run_at, id LIMIT ?4) RETURNING {}",
            Leaving::COLUMNS
        );
        let mut update = tx.prepare_cached(&sql)?;
        let rows = update.query_map(
            params![endpoint, now.millis(), reason, limit as i64],
            Leaving::read,
        )?;
        rows.collect::<Result<Vec<_>, _>>()?
    };
    endpoints::served(tx, endpoint, now)?;
    left.into_iter()
        .map(|leaving| {
            let end = End::Dead {
                status: None,
                reason: reason.to_owned(),
            };
            leaving.end(tx, end)
        })
        .collect()
}

/// Deliveries of events that have not come to their end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unmade {
    pub all: u64,
    /// Those under way, and those whose time has come.
    pub due: u64,
}

/// Counts the deliveries of `first` and later events that are still to be made, by what waits and not by what was done.
pub fn unmade(connection: &Connection, first: Seq, now: Timestamp) -> Result<Unmade, StoreError> {
    let (waiting, due): (i64, i64) = connection
        .prepare_cached(
            "SELECT count(*), ifnull(sum(run_at <= ?2), 0) FROM jobs INDEXED BY jobs_ready \
             WHERE state = 0 AND event_seq >= ?1",
        )?
        .query_row(params![first.0, now.millis()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let active: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM jobs INDEXED BY jobs_leased WHERE state = 1 AND event_seq >= ?1",
        )?
        .query_row([first.0], |row| row.get(0))?;
    Ok(Unmade {
        all: u64::try_from(waiting + active).unwrap_or_default(),
        due: u64::try_from(due + active).unwrap_or_default(),
    })
}

/// Removes up to `limit` jobs that were done, discarded or redriven before `before`; dead ones stay until someone decides.
pub fn prune(tx: &Tx<'_>, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
    let ids: Vec<i64> = {
        let sql = "SELECT id FROM jobs WHERE state IN (2, 4, 6) AND ended_at < ?1 ORDER BY ended_at LIMIT ?2";
        let mut select = tx.prepare_cached(sql)?;
        let rows = select.query_map(params![before.millis(), limit as i64], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    for id in &ids {
        tx.prepare_cached("DELETE FROM attempts WHERE job = ?1")?
            .execute([id])?;
        tx.prepare_cached("DELETE FROM payloads WHERE job = ?1")?
            .execute([id])?;
        tx.prepare_cached("DELETE FROM jobs WHERE id = ?1")?
            .execute([id])?;
    }
    Ok(ids.len())
}

#[cfg(test)]
mod tests;
