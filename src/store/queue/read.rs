//! Reads queues, jobs and attempts.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::{AttemptRow, EndpointRow, JobDetail, JobRow, Overview, QueueRow, Selection};
use crate::attempt::Attempt;
use crate::envelope;
use crate::event::{Event, Meta, Outcome, Seq, Source, Transport};
use crate::store::endpoints::{self, DISABLED};
use crate::store::events::{self, unpack};
use crate::store::jobs::{self, State};
use crate::store::{StoreError, attempts, snapshot};
use crate::time::Timestamp;

/// Endpoints in an overview.
const ENDPOINTS: usize = 1_000;

/// Counts all jobs. Reads one row per job: about a tenth of a second for a million.
pub fn overview(db: &Connection) -> Result<Overview, StoreError> {
    let mut overview = Overview::default();
    let mut paused = super::paused(db)?;
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
                paused_at: paused.remove(&queue),
                queue,
                jobs: BTreeMap::new(),
            });
        }
        if let Some(last) = overview.queues.last_mut() {
            last.jobs.insert(name(row.get(1)?), row.get(2)?);
        }
    }
    let empty = paused.into_iter().map(|(queue, at)| QueueRow {
        queue,
        paused_at: Some(at),
        jobs: BTreeMap::new(),
    });
    overview.queues.extend(empty);
    overview.endpoints = endpoint_rows(db)?;
    Ok(overview)
}

fn endpoint_rows(db: &Connection) -> Result<Vec<EndpointRow>, StoreError> {
    let sql = format!(
        "SELECT e.url, e.id, e.next_at, j.state, j.jobs FROM endpoints e \
         LEFT JOIN (SELECT endpoint, state, count(*) AS jobs FROM jobs WHERE state IN ({}) \
                    GROUP BY endpoint, state) j ON j.endpoint = e.id \
         WHERE j.jobs IS NOT NULL OR e.state = {DISABLED} ORDER BY e.url",
        jobs::list(&State::UNRESOLVED)
    );
    let mut select = db.prepare_cached(&sql)?;
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
        // `next_at` may be stale if the last waiting job was discarded.
        row.next_at = row
            .next_at
            .filter(|_| row.jobs.contains_key(State::Waiting.as_str()));
    }
    Ok(found)
}

fn name(state: i64) -> String {
    State::from_number(state).as_str().to_owned()
}

/// Up to `limit` of the selected jobs with an id below `before`, newest first.
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

/// Ids of the selected jobs after `after`, oldest first, so that a large selection is processed in small commits.
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
    // Settling an attempt changes both tables, so both are read from one snapshot.
    snapshot(db, |db| {
        let sql = format!("{ROWS} WHERE j.id = ?1");
        let found = db
            .prepare_cached(&sql)?
            .query_row([id], job_row)
            .optional()?;
        let Some(job) = found else {
            return Ok(None);
        };
        let tries = attempts::of_job(db, id)?;
        let tries = tries.into_iter().map(attempt_row).collect();
        Ok(Some(JobDetail { job, tries }))
    })
}

/// The event that a job delivers: the stored one, or one built from the request of the job.
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
                attempts: Vec::new(),
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

const ROWS: &str = "SELECT j.id, j.state, j.queue, ifnull(e.url, ''), p.method, p.url, j.event_seq, j.message_id, j.tries, j.failures, j.created_at, j.run_at, j.ended_at, j.last_status, j.last_error, j.run_id, j.step, j.redrive_of, p.name \
    FROM jobs j LEFT JOIN endpoints e ON e.id = j.endpoint JOIN payloads p ON p.job = j.id";

fn clauses(select: &Selection) -> (String, Vec<String>) {
    let mut clauses = vec!["1".to_owned()];
    let mut values = Vec::new();
    if !select.ids.is_empty() {
        let ids: Vec<String> = select.ids.iter().map(i64::to_string).collect();
        clauses.push(format!("j.id IN ({})", ids.join(",")));
    }
    if !select.states.is_empty() {
        clauses.push(format!("j.state IN ({})", jobs::list(&select.states)));
    }
    if let Some(endpoint) = &select.endpoint {
        values.push(endpoints::key(endpoint));
        clauses.push("j.endpoint = (SELECT id FROM endpoints WHERE url = ?1)".to_owned());
        let target = endpoint.split(['?', '#']).next().unwrap_or_default();
        // With a path only the jobs for that target are selected, not all jobs of its server.
        if target.trim_end_matches('/').len() > values[0].len() {
            values.push(target.to_owned());
            clauses.push("(p.url = ?2 OR substr(p.url, 1, length(?2) + 1) = ?2 || '?')".to_owned());
        }
    }
    // After the numbered parameters above: `?` has the next number.
    if !select.queues.is_empty() {
        let marks: Vec<&str> = select.queues.iter().map(|_| "?").collect();
        clauses.push(format!("j.queue IN ({})", marks.join(",")));
        values.extend(select.queues.iter().cloned());
    }
    (clauses.join(" AND "), values)
}

fn job_row(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    let time = |value: i64| Timestamp::from_millis(value);
    Ok(JobRow {
        id: row.get(0)?,
        state: State::from_number(row.get(1)?),
        queue: row.get(2)?,
        endpoint: row.get(3)?,
        method: row.get(4)?,
        url: row.get(5)?,
        event: row
            .get::<_, Option<i64>>(6)?
            .map(|seq| Seq(seq).to_string()),
        message_id: row.get(7)?,
        attempts: row.get(8)?,
        failures: row.get(9)?,
        created_at: time(row.get(10)?),
        run_at: time(row.get(11)?),
        ended_at: row.get::<_, Option<i64>>(12)?.map(time),
        status: row.get(13)?,
        error: row.get(14)?,
        run: row.get(15)?,
        step: row.get(16)?,
        redrive_of: row.get(17)?,
        name: row.get(18)?,
    })
}

fn attempt_row((n, attempt): (u32, Attempt)) -> AttemptRow {
    AttemptRow {
        n,
        started_at: attempt.started_at,
        took_ms: i64::try_from(attempt.took.as_millis()).unwrap_or(i64::MAX),
        status: attempt.status,
        error: attempt.error,
        headers: attempt
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
            .collect(),
        body: String::from_utf8_lossy(&attempt.body).into_owned(),
        cut: attempt.cut.parts().map(str::to_owned).collect(),
    }
}
