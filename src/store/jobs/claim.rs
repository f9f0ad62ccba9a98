//! Leases due jobs to an engine.
//!
//! A claim never scans the table. Due endpoints come from one index and the due jobs of an endpoint from another, so its cost
//! depends on the jobs that it returns and not on the jobs that wait: a million jobs for one slow endpoint delay no other one.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{ACTIVE, WAITING};
use crate::backoff::Retry;
use crate::secret::Secret;
use crate::store::endpoints::{self, Endpoint};
use crate::store::events::unpack;
use crate::store::{StoreError, Tx};
use crate::time::Timestamp;

/// Bodies up to this size come with the claim. Larger ones are read just before their attempt, so that claimed jobs that wait
/// for a connection use little memory.
const SMALL_BODY: i64 = 16 * 1024;

/// The right to settle one claimed job, until its owner loses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub job: i64,
    /// The job's fencing token. Each claim increments it, and a result under an older number is refused: an engine that was
    /// suspended and lost its leases cannot overwrite the result of the engine that took them over.
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
    /// `None` if it is too large to be held in memory while the job waits, see [`body`].
    pub body: Option<Bytes>,
    pub body_len: usize,
    pub timeout: Duration,
    pub retry: Retry,
    /// Attempts made so far.
    pub tries: u32,
    /// Attempts that count against the retries.
    pub failures: u32,
}

/// How many jobs an engine can take.
#[derive(Clone, Debug)]
pub struct Capacity {
    pub owner: i64,
    pub now: Timestamp,
    /// Jobs in total.
    pub total: usize,
    /// Jobs for each endpoint that the engine knows; nothing is claimed for an endpoint with 0.
    pub per_endpoint: HashMap<i64, usize>,
    /// Jobs for an endpoint that it does not know.
    pub unknown_endpoint: usize,
    /// How long the single probe of an open circuit holds back the endpoint's other jobs.
    pub probe: Duration,
}

/// The result of a claim.
#[derive(Debug, Default)]
pub struct Claim {
    /// The endpoints of `jobs`, as they are stored.
    pub endpoints: Vec<Endpoint>,
    pub jobs: Vec<Claimed>,
    /// Disabled endpoints that have due jobs: see [`dead_letter_due`](super::dead_letter_due).
    pub disabled: Vec<i64>,
    /// When the next endpoint has a due job.
    pub next_at: Option<Timestamp>,
}

/// Leases due jobs to `capacity.owner`: endpoint by endpoint, the one that has waited longest first, and for each no more than
/// it has capacity for.
pub fn claim(tx: &Tx<'_>, capacity: &Capacity) -> Result<Claim, StoreError> {
    let mut claim = Claim::default();
    let mut left = capacity.total;
    for endpoint in endpoints::due_now(tx, capacity)? {
        if endpoint.is_disabled() {
            claim.disabled.push(endpoint.id);
            continue;
        }
        if left == 0 {
            break;
        }
        let known = capacity.per_endpoint.get(&endpoint.id).copied();
        let mut wanted = known.unwrap_or(capacity.unknown_endpoint);
        if endpoint.is_probed() {
            wanted = wanted.min(1);
        }
        let before = claim.jobs.len();
        lease_due(tx, capacity, &endpoint, wanted.min(left), &mut claim.jobs)?;
        left -= claim.jobs.len() - before;
        // The hold is stored with the claim, so that two engines on one database do not both probe.
        if endpoint.is_open() {
            endpoints::hold(tx, endpoint.id, capacity.now.plus(capacity.probe))?;
        }
        endpoints::reschedule(tx, endpoint.id, capacity.now)?;
        claim.endpoints.push(endpoint);
    }
    claim.next_at = endpoints::next_after(tx, capacity.now)?;
    Ok(claim)
}

pub(super) fn due_jobs() -> String {
    format!(
        "SELECT id FROM jobs WHERE state = {WAITING} AND endpoint = ?1 AND run_at <= ?2 ORDER BY run_at, id LIMIT ?3"
    )
}

fn lease_due(
    tx: &Tx<'_>,
    capacity: &Capacity,
    endpoint: &Endpoint,
    wanted: usize,
    jobs: &mut Vec<Claimed>,
) -> Result<(), StoreError> {
    let ids: Vec<i64> = {
        let mut select = tx.prepare_cached(&due_jobs())?;
        let rows = select.query_map(
            params![endpoint.id, capacity.now.millis(), wanted as i64],
            |row| row.get(0),
        )?;
        rows.collect::<Result<_, _>>()?
    };
    let mut lease = tx.prepare_cached(&format!(
        "UPDATE jobs SET state = {ACTIVE}, lease = lease + 1, owner = ?2 WHERE id = ?1"
    ))?;
    let mut read = tx.prepare_cached(
        "SELECT j.id, j.lease, j.endpoint, j.message_id, p.secret, p.method, p.url, p.path, p.headers, \
                coalesce(length(p.body), length(e.body), -1) AS len, \
                CASE WHEN coalesce(length(p.body), length(e.body)) <= ?2 THEN coalesce(p.body, e.body) END, \
                p.timeout, p.retry, j.tries, j.failures \
         FROM jobs j JOIN payloads p ON p.job = j.id LEFT JOIN events e ON p.body IS NULL AND e.seq = j.event_seq \
         WHERE j.id = ?1",
    )?;
    for id in ids {
        lease.execute(params![id, capacity.owner])?;
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

/// The body of a claimed job that was too large to come with its claim; `None` if the event that held it was deleted.
pub fn body(db: &Connection, job: i64) -> Result<Option<Bytes>, StoreError> {
    let sql = "SELECT coalesce(p.body, e.body) FROM jobs j JOIN payloads p ON p.job = j.id \
               LEFT JOIN events e ON p.body IS NULL AND e.seq = j.event_seq WHERE j.id = ?1";
    let found = db
        .prepare_cached(sql)?
        .query_row([job], |row| row.get::<_, Option<Vec<u8>>>(0))
        .optional()?;
    Ok(found.flatten().map(Bytes::from))
}
