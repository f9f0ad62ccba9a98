//! Queues as people see them: what waits, what is dead and why, again or away with it. The types here are also the control API's JSON.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use serde::{Deserialize, Serialize};

use super::endpoints::{self, Health};
use super::events::{self, unpack};
use super::jobs::{End, Leaving, Settled, State};
use super::{StoreError, Tx};
use crate::envelope;
use crate::event::{Event, Meta, Outcome, Seq, Source, Transport};
use crate::time::Timestamp;

/// How many jobs a list shows unless told otherwise.
pub const PAGE: usize = 100;
/// Endpoints that an overview names at most.
const ENDPOINTS: usize = 1_000;

/// Which jobs. Everything that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<State>,
    /// A server, or with a path one target there; a query is ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// A condition on the event that is delivered, as in `evt events list --where`; whoever walks over the jobs looks at it.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// What is to be done with jobs: the body of the control API's `retry` and `discard`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Order {
    pub select: Selection,
    /// Jobs a second; at once when absent. Only for `retry`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What became of each job of an [`Order`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Jobs that were (or would be) retried or discarded.
    pub done: u64,
    /// Jobs that the order cannot apply to, and why; the first of them.
    pub skipped: Vec<Skipped>,
    pub skipped_count: u64,
    /// Jobs that were named and do not exist.
    pub missing: Vec<i64>,
    /// Disabled endpoints that were enabled again.
    pub enabled: Vec<String>,
    pub dry_run: bool,
}

/// A job that was left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    pub id: i64,
    pub state: State,
    pub reason: String,
}

/// A job in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRow {
    pub id: i64,
    pub state: State,
    pub queue: String,
    pub endpoint: String,
    pub method: String,
    pub url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_key: Option<String>,
    /// The job that must end first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_by: Option<i64>,
    /// Attempts made.
    pub attempts: u32,
    /// Those that count against the retries.
    pub failures: u32,
    pub created_at: Timestamp,
    pub run_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redrive_of: Option<i64>,
}

/// A job with all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobDetail {
    #[serde(flatten)]
    pub job: JobRow,
    pub tries: Vec<AttemptRow>,
}

/// One attempt and an excerpt of its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRow {
    pub n: u32,
    pub started_at: Timestamp,
    pub took_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The answer's headers as `name: value`.
    pub headers: Vec<String>,
    /// The beginning of the answer's body; bytes that are not UTF-8 are replaced.
    pub body: String,
}

/// All queues and endpoints with their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    pub queues: Vec<QueueRow>,
    pub endpoints: Vec<EndpointRow>,
}

/// A queue and its jobs by state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueRow {
    pub queue: String,
    pub jobs: BTreeMap<String, i64>,
}

/// An endpoint, its circuit, and its jobs by state as far as they are not over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRow {
    pub endpoint: String,
    pub circuit: Health,
    pub jobs: BTreeMap<String, i64>,
    /// When its next job is tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What making a job run again did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retried {
    /// A new job with the same message id.
    Redriven(i64),
    /// The job waited and now waits less long.
    BroughtForward,
    Skipped(Skipped),
    Missing,
}

/// Counts all jobs. Reads an index entry a job: a tenth of a second for a million.
pub fn overview(db: &Connection) -> Result<Overview, StoreError> {
    let mut overview = Overview::default();
    let sql = "SELECT queue, state, count(*) FROM jobs GROUP BY queue, state ORDER BY queue";
    let mut select = db.prepare_cached(sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let queue: String = row.get(0)?;
        if overview
            .queues
            .last()
            .is_none_or(|last| last.queue != queue)
        {
            overview.queues.push(QueueRow {
                queue,
                jobs: BTreeMap::new(),
            });
        }
        if let Some(last) = overview.queues.last_mut() {
            last.jobs.insert(name(row.get(1)?), row.get(2)?);
        }
    }
    overview.endpoints = endpoint_rows(db)?;
    Ok(overview)
}

fn endpoint_rows(db: &Connection) -> Result<Vec<EndpointRow>, StoreError> {
    let sql = "SELECT e.url, e.id, e.next_at, j.state, j.jobs FROM endpoints e \
               LEFT JOIN (SELECT endpoint, state, count(*) AS jobs FROM jobs WHERE state IN (0, 1, 3, 5, 7) \
                          GROUP BY endpoint, state) j ON j.endpoint = e.id \
               WHERE j.jobs IS NOT NULL OR e.state = 3 ORDER BY e.url";
    let mut select = db.prepare_cached(sql)?;
    let mut rows = select.query([])?;
    let mut found: Vec<EndpointRow> = Vec::new();
    while let Some(row) = rows.next()? {
        let url: String = row.get(0)?;
        if found.last().is_none_or(|last| last.endpoint != url) {
            if found.len() == ENDPOINTS {
                break;
            }
            let stored = endpoints::get(db, row.get(1)?)?;
            found.push(EndpointRow {
                endpoint: url,
                circuit: stored
                    .as_ref()
                    .map(|known| known.health)
                    .unwrap_or_default(),
                jobs: BTreeMap::new(),
                next_at: row.get::<_, Option<i64>>(2)?.map(Timestamp::from_millis),
                failing_since: stored.as_ref().and_then(|known| known.fail_since),
                reason: stored.and_then(|known| known.reason),
            });
        }
        if let (Some(last), Some(state)) = (found.last_mut(), row.get::<_, Option<i64>>(3)?) {
            last.jobs.insert(name(state), row.get(4)?);
        }
    }
    for row in &mut found {
        // Its turn may still be noted where the last job that waited was taken away.
        row.next_at = row
            .next_at
            .filter(|_| row.jobs.contains_key(State::Waiting.as_str()));
    }
    Ok(found)
}

fn name(state: i64) -> String {
    State::of(state).as_str().to_owned()
}

/// The selected jobs, newest first, `limit` of them; `before` goes on after the last of an earlier page.
pub fn page(
    db: &Connection,
    select: &Selection,
    before: i64,
    limit: usize,
) -> Result<Vec<JobRow>, StoreError> {
    let (filter, values) = clauses(select);
    let sql = format!(
        "{ROWS} WHERE {filter} AND j.id < {before} ORDER BY j.id DESC LIMIT {}",
        limit.min(i64::MAX as usize)
    );
    let mut statement = db.prepare(&sql)?;
    let rows = statement.query_map(params_from_iter(values), job_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Ids of the selected jobs after `after`, oldest first: how large selections are worked through in small commits.
pub fn ids_after(
    db: &Connection,
    select: &Selection,
    after: i64,
    limit: usize,
) -> Result<Vec<i64>, StoreError> {
    let (filter, values) = clauses(select);
    let sql = format!(
        "SELECT j.id FROM jobs j JOIN payloads p ON p.job = j.id WHERE {filter} AND j.id > {after} ORDER BY j.id LIMIT {limit}"
    );
    let mut statement = db.prepare(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One job and its attempts.
pub fn show(db: &Connection, id: i64) -> Result<Option<JobDetail>, StoreError> {
    // Both as of one moment: an attempt that is settled in between moves the job, too.
    let moment = db.unchecked_transaction()?;
    let sql = format!("{ROWS} WHERE j.id = ?1");
    let found = moment
        .prepare_cached(&sql)?
        .query_row([id], job_row)
        .optional()?;
    let Some(job) = found else {
        return Ok(None);
    };
    let sql = "SELECT n, started_at, took, status, error, headers, body FROM attempts WHERE job = ?1 ORDER BY n";
    let mut select = moment.prepare_cached(sql)?;
    let tries = select
        .query_map([id], attempt_row)?
        .collect::<Result<_, _>>()?;
    Ok(Some(JobDetail { job, tries }))
}

/// The event that a job delivers: the kept one, or one made of what the job sends.
pub fn event(db: &Connection, id: i64) -> Result<Option<Event>, StoreError> {
    let sql = "SELECT j.event_seq, p.method, p.url, p.headers, p.body, j.created_at FROM jobs j \
               JOIN payloads p ON p.job = j.id WHERE j.id = ?1";
    let found = db
        .prepare_cached(sql)?
        .query_row([id], |row| {
            let method: String = row.get(1)?;
            let event = Event {
                seq: None,
                received_at: Timestamp::from_millis(row.get(5)?),
                source: Source::Send,
                transport: Transport::Http,
                method: Method::from_bytes(method.as_bytes()).unwrap_or(Method::POST),
                target: row.get(2)?,
                headers: unpack(row.get_ref(3)?.as_blob()?),
                body: Bytes::from(row.get::<_, Option<Vec<u8>>>(4)?.unwrap_or_default()),
                meta: Meta::default(),
                verdict: None,
                outcome: Outcome::Queued,
            };
            Ok((row.get::<_, Option<i64>>(0)?, event))
        })
        .optional()?;
    let Some((seq, made)) = found else {
        return Ok(None);
    };
    let kept = match seq {
        Some(seq) => events::get(db, Seq(seq))?,
        None => None,
    };
    Ok(Some(kept.unwrap_or_else(|| Event {
        meta: envelope::detect(&made.headers, &made.body),
        ..made
    })))
}

const ROWS: &str = "SELECT j.id, j.state, j.queue, e.url, p.method, p.url, j.event_seq, j.message_id, j.order_key, \
    CASE WHEN j.state = 7 THEN (SELECT h.id FROM jobs h WHERE h.endpoint = j.endpoint AND h.order_key = j.order_key \
    AND h.state IN (0, 1, 7) ORDER BY h.id LIMIT 1) END, \
    j.tries, j.failures, j.created_at, j.run_at, j.ended_at, j.last_status, j.last_error, j.run_id, j.step, j.redrive_of \
    FROM jobs j JOIN endpoints e ON e.id = j.endpoint JOIN payloads p ON p.job = j.id";

fn clauses(select: &Selection) -> (String, Vec<String>) {
    let mut clauses = vec!["1".to_owned()];
    let mut values = Vec::new();
    if !select.ids.is_empty() {
        clauses.push(format!("j.id IN ({})", numbers(select.ids.iter().copied())));
    }
    if !select.states.is_empty() {
        let states = select.states.iter().map(|state| state.number());
        clauses.push(format!("j.state IN ({})", numbers(states)));
    }
    if let Some(endpoint) = &select.endpoint {
        values.push(endpoints::key(endpoint));
        clauses.push("j.endpoint = (SELECT id FROM endpoints WHERE url = ?1)".to_owned());
        let target = endpoint.split(['?', '#']).next().unwrap_or_default();
        // Whoever names a path means it, and not all that goes to the same server.
        if target.trim_end_matches('/').len() > values[0].len() {
            values.push(target.to_owned());
            clauses.push("(p.url = ?2 OR substr(p.url, 1, length(?2) + 1) = ?2 || '?')".to_owned());
        }
    }
    (clauses.join(" AND "), values)
}

fn numbers(values: impl Iterator<Item = i64>) -> String {
    values
        .map(|value| value.to_string())
        .collect::<Vec<_>>()
        .join(",")
}

fn job_row(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    let time = |value: i64| Timestamp::from_millis(value);
    Ok(JobRow {
        id: row.get(0)?,
        state: State::of(row.get(1)?),
        queue: row.get(2)?,
        endpoint: row.get(3)?,
        method: row.get(4)?,
        url: row.get(5)?,
        event: row
            .get::<_, Option<i64>>(6)?
            .map(|seq| Seq(seq).to_string()),
        message_id: row.get(7)?,
        order_key: row.get(8)?,
        held_by: row.get(9)?,
        attempts: row.get(10)?,
        failures: row.get(11)?,
        created_at: time(row.get(12)?),
        run_at: time(row.get(13)?),
        ended_at: row.get::<_, Option<i64>>(14)?.map(time),
        status: row.get(15)?,
        error: row.get(16)?,
        run: row.get(17)?,
        step: row.get(18)?,
        redrive_of: row.get(19)?,
    })
}

fn attempt_row(row: &Row<'_>) -> rusqlite::Result<AttemptRow> {
    let headers = unpack(row.get_ref(5)?.as_blob_or_null()?.unwrap_or_default());
    let body: Option<Vec<u8>> = row.get(6)?;
    Ok(AttemptRow {
        n: row.get(0)?,
        started_at: Timestamp::from_millis(row.get(1)?),
        took_ms: row.get(2)?,
        status: row.get(3)?,
        error: row.get(4)?,
        headers: headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
            .collect(),
        body: String::from_utf8_lossy(&body.unwrap_or_default()).into_owned(),
    })
}

/// Makes a job run at `run_at`: a waiting one is brought forward, one that is over is enqueued again under the same message
/// id. A disabled endpoint is enabled by it.
pub fn retry(tx: &Tx<'_>, id: i64, run_at: Timestamp) -> Result<Retried, StoreError> {
    let Some((state, endpoint)) = state_of(tx, id)? else {
        return Ok(Retried::Missing);
    };
    if let Some(reason) = why_not_retried(state) {
        return Ok(skipped(id, state, reason));
    }
    if state != State::Waiting {
        return Ok(Retried::Redriven(redrive(tx, id, state, run_at)?));
    }
    if is_due_by(tx, id, run_at)? {
        return Ok(skipped(id, state, "its turn is coming as it is"));
    }
    tx.prepare_cached("UPDATE jobs SET run_at = ?2 WHERE id = ?1")?
        .execute(params![id, run_at.millis()])?;
    endpoints::due(tx, endpoint, run_at)?;
    tx.jobs_ready();
    Ok(Retried::BroughtForward)
}

/// Why a job in this state cannot be run again; `None` where it can.
pub fn why_not_retried(state: State) -> Option<&'static str> {
    match state {
        State::Active => Some("it is under way"),
        State::Held => Some("it waits for an earlier job with its order key"),
        State::Redriven => Some("it was enqueued again already"),
        State::Waiting | State::Done | State::Dead | State::Discarded | State::Quarantined => None,
    }
}

/// Why a job in this state cannot be taken off its queue; `None` where it can.
pub fn why_not_discarded(state: State) -> Option<&'static str> {
    match state {
        State::Active => Some("it is under way"),
        State::Done | State::Discarded | State::Redriven => Some("it is over"),
        State::Waiting | State::Held | State::Dead | State::Quarantined => None,
    }
}

fn is_due_by(tx: &Tx<'_>, id: i64, run_at: Timestamp) -> Result<bool, StoreError> {
    Ok(tx
        .prepare_cached("SELECT 1 FROM jobs WHERE id = ?1 AND run_at <= ?2")?
        .exists(params![id, run_at.millis()])?)
}

/// Trusts the endpoint of a job again if it was disabled, or its URL if that had said 410, and returns what was enabled.
pub fn enable_endpoint_of(tx: &Tx<'_>, id: i64, now: Timestamp) -> Result<Vec<String>, StoreError> {
    match state_of(tx, id)? {
        Some((_, endpoint)) => endpoints::enable_for(tx, id, endpoint, now),
        None => Ok(Vec::new()),
    }
}

/// What [`retry`] or [`discard`] would find: the job's state.
pub fn state(db: &Connection, id: i64) -> Result<Option<State>, StoreError> {
    Ok(state_of(db, id)?.map(|(state, _)| state))
}

fn state_of(db: &Connection, id: i64) -> Result<Option<(State, i64)>, StoreError> {
    Ok(db
        .prepare_cached("SELECT state, endpoint FROM jobs WHERE id = ?1")?
        .query_row([id], |row| Ok((State::of(row.get(0)?), row.get(1)?)))
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
    // A run that has ended stays as it ended, so the new job has none to report to.
    let (new, endpoint, taken): (i64, i64, bool) = tx
        .prepare_cached(
            "INSERT INTO jobs (queue, endpoint, order_key, state, run_at, created_at, message_id, event_seq, redrive_of) \
             SELECT j.queue, j.endpoint, j.order_key, \
                    CASE WHEN EXISTS (SELECT 1 FROM jobs h WHERE h.endpoint = j.endpoint AND h.order_key = j.order_key \
                                      AND h.state IN (0, 1, 7)) THEN 7 ELSE 0 END, \
                    ?2, ?3, j.message_id, j.event_seq, j.id \
             FROM jobs j WHERE j.id = ?1 RETURNING id, endpoint, state = 7",
        )?
        .query_row(
            params![id, run_at.millis(), Timestamp::now().millis()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
    tx.prepare_cached(
        "INSERT INTO payloads (job, method, url, path, headers, body, secret, timeout, retry) \
         SELECT ?2, method, url, path, headers, body, secret, timeout, retry FROM payloads WHERE job = ?1",
    )?
    .execute(params![id, new])?;
    if matches!(state, State::Dead | State::Quarantined) {
        tx.prepare_cached("UPDATE jobs SET state = 6 WHERE id = ?1")?
            .execute([id])?;
    }
    if !taken {
        endpoints::due(tx, endpoint, run_at)?;
        tx.jobs_ready();
    }
    Ok(new)
}

/// Takes a job off the queue for good. `Ok(Err(_))` says why that cannot be; what was not over yet is in `Ok(Ok(Some(_)))`.
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
        "UPDATE jobs SET state = 4, ended_at = ?2 WHERE id = ?1 RETURNING {}",
        Leaving::COLUMNS
    );
    let leaving = tx
        .prepare_cached(&sql)?
        .query_row(params![id, now.millis()], Leaving::read)?;
    // A dead job's end was told when it died.
    let was_open = matches!(state, State::Waiting | State::Held);
    let settled = leaving.end(tx, End::Discarded)?;
    Ok(Ok(was_open.then_some(settled)))
}
