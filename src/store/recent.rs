//! What has happened on a platform since a reader last looked, for people who watch it. Every call reads a bounded number of rows.

use rusqlite::{Connection, OptionalExtension};

use super::jobs::WAITING;
use super::{StoreError, runs};
use crate::event::Seq;
use crate::store::runs::RunRow;
use crate::time::Timestamp;

/// Deliveries that are looked at, the newest ones. Older ones that still fail are in `evt queue list`.
const NEWEST: i64 = 1_000;

/// A delivery that failed and will be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    pub job: i64,
    /// Attempts made.
    pub tries: u32,
    /// When the last attempt ended.
    pub at: Timestamp,
    pub next: Timestamp,
    pub status: Option<u16>,
    pub error: Option<String>,
    pub url: String,
    /// The name of the flow that delivers.
    pub flow: Option<String>,
    pub event: Option<Seq>,
}

/// The id of the newest run; empty if there is none.
pub fn last_run(connection: &Connection) -> Result<String, StoreError> {
    let sql = "SELECT id FROM runs ORDER BY id DESC LIMIT 1";
    let last = connection
        .prepare_cached(sql)?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(last.unwrap_or_default())
}

/// The runs after an id, oldest first, with the names of their flows.
pub fn runs_after(
    connection: &Connection,
    after: &str,
    limit: usize,
) -> Result<Vec<(RunRow, Option<String>)>, StoreError> {
    let sql = "SELECT id FROM runs WHERE id > ?1 ORDER BY id LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut select = connection.prepare_cached(sql)?;
    let ids: Vec<String> = select
        .query_map((after, limit), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(run) = runs::get(connection, &id)? {
            let flow = flow_of(connection, &id)?;
            found.push((run, flow));
        }
    }
    Ok(found)
}

/// The name of the flow of a run, unless it has been deleted.
pub fn flow_of(connection: &Connection, run: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT f.name FROM runs r JOIN flows f ON f.id = r.flow WHERE r.id = ?1";
    Ok(connection
        .prepare_cached(sql)?
        .query_row([run], |row| row.get(0))
        .optional()?)
}

/// The deliveries that wait for another attempt, by id.
pub fn failing(connection: &Connection) -> Result<Vec<Failing>, StoreError> {
    let sql = format!(
        "SELECT j.id, j.tries, a.started_at + a.took, j.run_at, a.status, coalesce(a.error, j.last_error), p.url, f.name, \
                coalesce(j.event_seq, r.event_seq) \
         FROM jobs j JOIN attempts a ON a.job = j.id AND a.n = j.tries JOIN payloads p ON p.job = j.id \
         LEFT JOIN runs r ON r.id = j.run_id LEFT JOIN flows f ON f.id = r.flow \
         WHERE j.id > (SELECT max(id) FROM jobs) - {NEWEST} AND j.state = {WAITING} AND j.failures > 0 ORDER BY j.id"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map([], |row| {
        Ok(Failing {
            job: row.get(0)?,
            tries: row.get(1)?,
            at: Timestamp::from_millis(row.get(2)?),
            next: Timestamp::from_millis(row.get(3)?),
            status: row.get(4)?,
            error: row.get(5)?,
            url: row.get(6)?,
            flow: row.get(7)?,
            event: row.get::<_, Option<i64>>(8)?.map(Seq),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
