//! Whom deliveries go to: when each endpoint's turn comes, and what its circuit remembers.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::jobs::Room;
use super::{StoreError, Tx};
use crate::time::Timestamp;

/// What is known of an endpoint's health.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Deliveries flow.
    #[default]
    Closed,
    /// It fails: one job at a time is tried now and then.
    Open,
    /// It has answered again: one job at a time until it is trusted.
    HalfOpen,
    /// It said never again, or failed for days: its jobs are buried.
    Disabled,
}

impl Health {
    const ALL: [Self; 4] = [Self::Closed, Self::Open, Self::HalfOpen, Self::Disabled];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half open",
            Self::Disabled => "disabled",
        }
    }

    fn of(number: i64) -> Self {
        Self::ALL
            .into_iter()
            .find(|health| *health as i64 == number)
            .unwrap_or_default()
    }
}

/// An endpoint as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub id: i64,
    /// The target without its query.
    pub url: String,
    pub health: Health,
    pub changed_at: Timestamp,
    /// Nothing is claimed before.
    pub held_until: Timestamp,
    /// Since when nothing has succeeded.
    pub fail_since: Option<Timestamp>,
    /// Why it is disabled.
    pub reason: Option<String>,
}

/// A change of an endpoint's health, to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub health: Health,
    pub at: Timestamp,
    pub held_until: Timestamp,
    pub fail_since: Option<Timestamp>,
    pub reason: Option<String>,
}

const COLUMNS: &str = "id, url, state, changed_at, held_until, fail_since, reason";

impl Endpoint {
    pub fn is_disabled(&self) -> bool {
        self.health == Health::Disabled
    }

    pub fn is_open(&self) -> bool {
        self.health == Health::Open
    }

    /// One job at a time will do.
    pub fn is_suspect(&self) -> bool {
        matches!(self.health, Health::Open | Health::HalfOpen)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            url: row.get(1)?,
            health: Health::of(row.get(2)?),
            changed_at: Timestamp::from_millis(row.get(3)?),
            held_until: Timestamp::from_millis(row.get(4)?),
            fail_since: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_millis),
            reason: row.get(6)?,
        })
    }
}

/// The part of a target that limits and circuit belong to: all but the query.
pub fn key(url: &str) -> &str {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    &url[..end]
}

pub(super) fn of_url(tx: &Tx<'_>, url: &str) -> Result<i64, StoreError> {
    let key = key(url);
    let found = tx
        .prepare_cached("SELECT id FROM endpoints WHERE url = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    if let Some(id) = found {
        return Ok(id);
    }
    tx.prepare_cached("INSERT INTO endpoints (url) VALUES (?1)")?
        .execute([key])?;
    Ok(tx.last_insert_rowid())
}

/// One endpoint, by its row.
pub fn get(db: &Connection, id: i64) -> Result<Option<Endpoint>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM endpoints WHERE id = ?1");
    Ok(db
        .prepare_cached(&sql)?
        .query_row([id], Endpoint::read)
        .optional()?)
}

/// A job of the endpoint may run at `run_at`, or when the endpoint is no longer held.
pub(super) fn due(tx: &Tx<'_>, id: i64, run_at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE endpoints SET next_at = max(?2, held_until) \
               WHERE id = ?1 AND (next_at IS NULL OR next_at > max(?2, held_until))";
    tx.prepare_cached(sql)?
        .execute(params![id, run_at.millis()])?;
    Ok(())
}

/// The endpoints whose turn it is, the longest waiting first, without those for which there is no room.
pub(super) fn due_now(tx: &Tx<'_>, room: &Room) -> Result<Vec<Endpoint>, StoreError> {
    let full = room.of.values().filter(|more| **more == 0).count();
    let sql = format!(
        "SELECT {COLUMNS} FROM endpoints WHERE next_at <= ?1 ORDER BY next_at, id LIMIT ?2"
    );
    let mut select = tx.prepare_cached(&sql)?;
    let limit = (full + room.total) as i64;
    let rows = select.query_map(params![room.now.millis(), limit], Endpoint::read)?;
    let mut due = Vec::new();
    for endpoint in rows {
        let endpoint = endpoint?;
        if room.of.get(&endpoint.id) != Some(&0) {
            due.push(endpoint);
        }
    }
    Ok(due)
}

/// Puts an endpoint behind those that still wait for their turn, or off the list when it has no waiting job.
pub(super) fn served(tx: &Tx<'_>, id: i64, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE endpoints SET next_at = (SELECT max(run_at, held_until, ?2) FROM jobs \
               WHERE state = 0 AND endpoint = ?1 ORDER BY run_at, id LIMIT 1) WHERE id = ?1";
    tx.prepare_cached(sql)?.execute(params![id, now.millis()])?;
    Ok(())
}

/// Keeps an endpoint's jobs back; its next turn is set by [`served`].
pub(super) fn hold(tx: &Tx<'_>, id: i64, until: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE endpoints SET held_until = ?2 WHERE id = ?1")?
        .execute(params![id, until.millis()])?;
    Ok(())
}

pub(super) fn next_after(db: &Connection, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT next_at FROM endpoints WHERE next_at > ?1 ORDER BY next_at LIMIT 1";
    let next = db
        .prepare_cached(sql)?
        .query_row([now.millis()], |row| row.get(0))
        .optional()?;
    Ok(next.map(Timestamp::from_millis))
}

/// Returns whether any endpoint's turn has come: what an idle engine asks now and then, because other processes enqueue too.
pub fn any_due(db: &Connection, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM endpoints WHERE next_at <= ?1 LIMIT 1";
    Ok(db.prepare_cached(sql)?.exists([now.millis()])?)
}

/// Stores a change of health. Returns whether it was the newest: of two engines the later observation wins.
pub fn change(tx: &Tx<'_>, id: i64, change: &Change) -> Result<bool, StoreError> {
    let sql = "UPDATE endpoints SET state = ?2, changed_at = ?3, held_until = ?4, fail_since = ?5, reason = ?6 \
               WHERE id = ?1 AND changed_at <= ?3";
    let changed = tx.prepare_cached(sql)?.execute(params![
        id,
        change.health as i64,
        change.at.millis(),
        change.held_until.millis(),
        change.fail_since.map(Timestamp::millis),
        change.reason,
    ])?;
    if changed == 0 {
        return Ok(false);
    }
    served(tx, id, Timestamp::from_millis(0))?;
    tx.jobs_ready();
    Ok(true)
}

/// Trusts an endpoint again, as if it had never failed.
pub fn enable(tx: &Tx<'_>, id: i64, now: Timestamp) -> Result<(), StoreError> {
    let healthy = Change {
        health: Health::Closed,
        at: now,
        held_until: Timestamp::from_millis(0),
        fail_since: None,
        reason: None,
    };
    change(tx, id, &healthy)?;
    Ok(())
}
