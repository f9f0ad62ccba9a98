//! Runs of flows: their state and the results of their steps.

use http::HeaderMap;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::events::unpack;
use super::{StoreError, Tx};
use crate::event::Seq;
use crate::time::Timestamp;

const COLUMNS: &str = "id, flow, flow_version, org, cause, trigger_id, event_seq, status, depth, next_step, \
                       context, steps, explain, started_at, ended_at, error";

/// A run. `steps`, `context` and `explain` are JSON that `flow` writes and reads.
#[derive(Clone, Debug)]
pub struct RunRow {
    /// `exec-…`; ids increase with time.
    pub id: String,
    pub flow: String,
    pub flow_version: i64,
    pub org: String,
    /// `event`, `execute`, `replay` or `schedule`.
    pub cause: String,
    pub trigger_id: Option<String>,
    pub event: Option<Seq>,
    pub status: String,
    pub depth: u32,
    pub next_step: i64,
    pub context: Option<String>,
    pub steps: String,
    pub explain: Option<String>,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    pub error: Option<String>,
}

/// Selects the runs of a list.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    pub org: String,
    pub flow: Option<String>,
    /// Any of these; all when empty.
    pub statuses: Vec<String>,
    pub limit: usize,
    pub offset: usize,
}

/// The numbers of runs that have ended after they started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunCounts {
    pub completed: u64,
    pub failed: u64,
}

/// Counts the runs of all organisations. Reads entries of indexes and no rows.
pub fn counts(db: &Connection) -> Result<RunCounts, StoreError> {
    let count = |sql: &str| -> Result<u64, StoreError> {
        let count: i64 = db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    };
    let all = count("SELECT count(*) FROM runs INDEXED BY runs_by_flow")?;
    let running = count("SELECT count(*) FROM runs WHERE status = 'running'")?;
    let not_started = count("SELECT count(*) FROM runs WHERE status IN ('skipped', 'blocked')")?;
    let stopped = count("SELECT count(*) FROM runs WHERE status IN ('failed', 'cancelled')")?;
    let failed = count(
        "SELECT count(*) FROM runs INDEXED BY runs_stopped WHERE status IN ('failed', 'cancelled') AND status = 'failed'",
    )?;
    Ok(RunCounts {
        completed: all.saturating_sub(running + not_started + stopped),
        failed,
    })
}

pub fn insert(tx: &Tx<'_>, run: &RunRow) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO runs ({COLUMNS}) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)"
    );
    tx.prepare_cached(&sql)?.execute(params![
        run.id,
        run.flow,
        run.flow_version,
        run.org,
        run.cause,
        run.trigger_id,
        run.event.map(|seq| seq.0),
        run.status,
        run.depth,
        run.next_step,
        run.context,
        run.steps,
        run.explain,
        run.started.millis(),
        run.ended.map(Timestamp::millis),
        run.error,
    ])?;
    Ok(())
}

/// Stores the progress of a run. Its flow, event and trigger never change.
pub fn update(tx: &Tx<'_>, run: &RunRow) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE runs SET status = ?2, next_step = ?3, steps = ?4, explain = ?5, ended_at = ?6, error = ?7 WHERE id = ?1",
    )?
    .execute(params![
        run.id,
        run.status,
        run.next_step,
        run.steps,
        run.explain,
        run.ended.map(Timestamp::millis),
        run.error,
    ])?;
    Ok(())
}

/// Ends a run that cannot continue as failed. A run that has ended is not changed.
pub fn fail(tx: &Tx<'_>, id: &str, now: Timestamp, why: &str) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE runs SET status = 'failed', ended_at = ?2, error = ?3 WHERE id = ?1 AND ended_at IS NULL",
    )?
    .execute(params![id, now.millis(), why])?;
    Ok(())
}

pub fn get(connection: &Connection, id: &str) -> Result<Option<RunRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE id = ?1");
    Ok(connection
        .prepare_cached(&sql)?
        .query_row([id], read)
        .optional()?)
}

/// One page of runs, newest first, and the total number of matching runs.
pub fn list(
    connection: &Connection,
    filter: &RunFilter,
) -> Result<(Vec<RunRow>, usize), StoreError> {
    let mut sql = " FROM runs WHERE org = ?".to_owned();
    let mut values = vec![filter.org.clone()];
    if let Some(flow) = &filter.flow {
        sql.push_str(" AND flow = ?");
        values.push(flow.clone());
    }
    if !filter.statuses.is_empty() {
        let marks = vec!["?"; filter.statuses.len()].join(", ");
        sql.push_str(&format!(" AND status IN ({marks})"));
        values.extend(filter.statuses.iter().cloned());
    }
    let values = rusqlite::params_from_iter(values);
    let total: i64 = connection
        .prepare_cached(&format!("SELECT count(*){sql}"))?
        .query_row(values.clone(), |row| row.get(0))?;
    let page = format!(
        "SELECT {COLUMNS}{sql} ORDER BY id DESC LIMIT {} OFFSET {}",
        filter.limit, filter.offset
    );
    let mut statement = connection.prepare_cached(&page)?;
    let rows = statement.query_map(values, read)?;
    let rows = rows.collect::<Result<_, _>>()?;
    Ok((rows, usize::try_from(total).unwrap_or(0)))
}

/// The latest runs about an event, newest first.
pub fn of_event(
    connection: &Connection,
    event: Seq,
    limit: usize,
) -> Result<Vec<RunRow>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM runs WHERE event_seq = ?1 ORDER BY id DESC LIMIT {limit}");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([event.0], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a run of the flow that its schedule started is still running.
pub fn is_scheduled_run_running(db: &Connection, flow: &str) -> Result<bool, StoreError> {
    let sql =
        "SELECT 1 FROM runs WHERE flow = ?1 AND status = 'running' AND cause = 'schedule' LIMIT 1";
    Ok(db.prepare_cached(sql)?.exists([flow])?)
}

/// Deletes a flow's skipped and blocked runs except the newest `keep`.
pub fn trim(tx: &Tx<'_>, flow: &str, keep: usize) -> Result<(), StoreError> {
    tx.prepare_cached(
        "DELETE FROM runs WHERE flow = ?1 AND status IN ('skipped', 'blocked') AND id <= \
         (SELECT id FROM runs WHERE flow = ?1 AND status IN ('skipped', 'blocked') ORDER BY id DESC LIMIT 1 OFFSET ?2)",
    )?
    .execute(params![flow, i64::try_from(keep).unwrap_or(i64::MAX)])?;
    Ok(())
}

/// The headers that every attempt of a delivery sends, and its body unless that is the body of the event.
pub type Request = (HeaderMap, Option<Vec<u8>>);

/// The request of a delivery; `None` if the job was deleted.
pub fn request(connection: &Connection, job: i64) -> Result<Option<Request>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT headers, body FROM payloads WHERE job = ?1")?
        .query_row([job], |row| {
            Ok((unpack(row.get_ref(0)?.as_blob()?), row.get(1)?))
        })
        .optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        id: row.get(0)?,
        flow: row.get(1)?,
        flow_version: row.get(2)?,
        org: row.get(3)?,
        cause: row.get(4)?,
        trigger_id: row.get(5)?,
        event: row.get::<_, Option<i64>>(6)?.map(Seq),
        status: row.get(7)?,
        depth: row.get(8)?,
        next_step: row.get(9)?,
        context: row.get(10)?,
        steps: row.get(11)?,
        explain: row.get(12)?,
        started: Timestamp::from_millis(row.get(13)?),
        ended: row.get::<_, Option<i64>>(14)?.map(Timestamp::from_millis),
        error: row.get(15)?,
    })
}
