//! The platform's own queues as a monitor shows them: counts and jobs, in BullMQ's words.

use rusqlite::{Connection, Row, params};

use crate::backoff::Retry;
use crate::store::StoreError;
use crate::store::jobs::{self, State};
use crate::time::Timestamp;

/// The numbers of a queue's jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Due now.
    pub waiting: u64,
    pub active: u64,
    /// Due later: planned, or between two attempts.
    pub delayed: u64,
    /// Done, as far as they are still stored.
    pub completed: u64,
    /// Dead.
    pub failed: u64,
    pub paused: u64,
}

impl Counts {
    /// The sum of two counts.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            waiting: self.waiting + other.waiting,
            active: self.active + other.active,
            delayed: self.delayed + other.delayed,
            completed: self.completed + other.completed,
            failed: self.failed + other.failed,
            paused: self.paused + other.paused,
        }
    }
}

/// A job of an own queue, with what its consumer gets.
#[derive(Clone, Debug)]
pub struct Monitored {
    pub id: i64,
    pub name: String,
    pub data: String,
    pub state: State,
    pub retry: Retry,
    pub attempts: u32,
    pub created_at: Timestamp,
    pub run_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub error: Option<String>,
}

/// Counts the jobs of an own queue. Reads entries of one index and no rows.
pub fn counts(db: &Connection, queue: &str, now: Timestamp) -> Result<Counts, StoreError> {
    let sql = "SELECT state, run_at > ?2, count(*) FROM jobs INDEXED BY jobs_of_queue \
               WHERE endpoint = 0 AND queue = ?1 GROUP BY 1, 2";
    let mut counts = Counts::default();
    let mut select = db.prepare_cached(sql)?;
    let mut rows = select.query(params![queue, now.millis()])?;
    while let Some(row) = rows.next()? {
        let (is_later, number): (bool, i64) = (row.get(1)?, row.get(2)?);
        let count = match State::from_number(row.get(0)?) {
            State::Waiting if is_later => &mut counts.delayed,
            State::Waiting => &mut counts.waiting,
            State::Active => &mut counts.active,
            State::Done => &mut counts.completed,
            State::Dead | State::Quarantined => &mut counts.failed,
            State::Paused => &mut counts.paused,
            State::Discarded | State::Redriven => continue,
        };
        *count += number.unsigned_abs();
    }
    Ok(counts)
}

/// Up to `limit` jobs of an own queue in these states, newest first.
pub fn monitored(
    db: &Connection,
    queue: &str,
    states: &[State],
    limit: usize,
) -> Result<Vec<Monitored>, StoreError> {
    let sql = format!(
        "SELECT j.id, p.name, p.body, j.state, p.retry, j.tries, j.created_at, j.run_at, j.ended_at, j.last_error \
         FROM jobs j JOIN payloads p ON p.job = j.id \
         WHERE j.endpoint = 0 AND j.queue = ?1 AND j.state IN ({}) ORDER BY j.id DESC LIMIT ?2",
        jobs::list(states)
    );
    let mut select = db.prepare_cached(&sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = select.query_map(params![queue, limit], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Monitored> {
    let retry: String = row.get(4)?;
    let data = row.get_ref(2)?.as_blob_or_null()?.unwrap_or_default();
    Ok(Monitored {
        id: row.get(0)?,
        name: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
        data: String::from_utf8_lossy(data).into_owned(),
        state: State::from_number(row.get(3)?),
        retry: serde_json::from_str(&retry).unwrap_or_else(|_| Retry::none()),
        attempts: row.get(5)?,
        created_at: Timestamp::from_millis(row.get(6)?),
        run_at: Timestamp::from_millis(row.get(7)?),
        ended_at: row.get::<_, Option<i64>>(8)?.map(Timestamp::from_millis),
        error: row.get(9)?,
    })
}
