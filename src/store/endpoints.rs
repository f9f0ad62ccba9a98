//! Endpoints: when each one is due, and the state of its circuit.
//!
//! An endpoint is a server, not a URL: one server serves many webhooks, and it is the server that is slow or down. The
//! exception is a URL that answered 410, which gets its own row; its server stays in use.
//!
//! `next_at` is never later than the time at which a job of the endpoint may be claimed. It may be earlier, because jobs can be
//! discarded: then a claim finds nothing and corrects it.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::jobs::{Capacity, WAITING};
use super::{StoreError, Tx};
use crate::time::Timestamp;

/// The circuit of an endpoint.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Jobs are delivered.
    #[default]
    Closed,
    /// The endpoint fails: a single job probes it from time to time.
    Open,
    /// A probe succeeded: one job at a time until enough have succeeded.
    HalfOpen,
    /// It answered 410 or failed for days: its jobs are not attempted and end as dead.
    Disabled,
}

/// The numbers that the database holds, for use in SQL.
const CLOSED: i64 = Health::Closed as i64;
pub(super) const DISABLED: i64 = Health::Disabled as i64;

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

    fn from_number(number: i64) -> Self {
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
    /// The server (`scheme://authority`, or a socket), or one of its URLs without the query that answered 410.
    pub url: String,
    pub health: Health,
    pub changed_at: Timestamp,
    /// No job is claimed before this time.
    pub held_until: Timestamp,
    /// The first failure since the last success.
    pub fail_since: Option<Timestamp>,
    /// Why it is disabled.
    pub reason: Option<String>,
}

/// A change of an endpoint's circuit, to be stored.
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

    /// Whether it gets one job at a time.
    pub fn is_probed(&self) -> bool {
        matches!(self.health, Health::Open | Health::HalfOpen)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            url: row.get(1)?,
            health: Health::from_number(row.get(2)?),
            changed_at: Timestamp::from_millis(row.get(3)?),
            held_until: Timestamp::from_millis(row.get(4)?),
            fail_since: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_millis),
            reason: row.get(6)?,
        })
    }
}

/// The server of a target, to which limits and circuit belong: scheme and authority, or the path of a socket.
pub fn key(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // Credentials before the `@` identify the client, not the server.
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}").to_ascii_lowercase()
}

/// The resource that a 410 applies to: a target without its query.
fn resource(url: &str, path: Option<&str>) -> String {
    let without_query = |text: &str| {
        let end = text.find(['?', '#']).unwrap_or(text.len());
        text[..end].to_owned()
    };
    match path {
        Some(path) => format!("{url}:{}", without_query(path)),
        None if url.matches('/').count() < 3 => format!("{}/", without_query(url)),
        None => without_query(url),
    }
}

/// The row of a new job: the row of its resource if that has answered 410, otherwise the row of its server.
pub(super) fn of_target(tx: &Tx<'_>, url: &str, path: Option<&str>) -> Result<i64, StoreError> {
    let sql = format!("SELECT id FROM endpoints WHERE url = ?1 AND state = {DISABLED}");
    let gone = tx
        .prepare_cached(&sql)?
        .query_row([resource(url, path)], |row| row.get(0))
        .optional()?;
    match gone {
        Some(id) => Ok(id),
        None => find_or_insert(tx, &key(url)),
    }
}

fn find_or_insert(tx: &Tx<'_>, key: &str) -> Result<i64, StoreError> {
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

fn resource_of_job(tx: &Tx<'_>, job: i64) -> Result<Option<String>, StoreError> {
    Ok(tx
        .prepare_cached("SELECT url, path FROM payloads WHERE job = ?1")?
        .query_row([job], |row| {
            let path: Option<String> = row.get(1)?;
            Ok(resource(&row.get::<_, String>(0)?, path.as_deref()))
        })
        .optional()?)
}

/// Disables the resource that `job` requested, because it answered 410. Its server stays in use.
///
/// Returns the row of the resource, or `None` if it was disabled before.
pub fn mark_gone(
    tx: &Tx<'_>,
    job: i64,
    at: Timestamp,
    reason: &str,
) -> Result<Option<Endpoint>, StoreError> {
    let Some(resource) = resource_of_job(tx, job)? else {
        return Ok(None);
    };
    let id = find_or_insert(tx, &resource)?;
    if get(tx, id)?.is_some_and(|known| known.is_disabled()) {
        return Ok(None);
    }
    let disabled = Change {
        health: Health::Disabled,
        at,
        held_until: Timestamp::from_millis(0),
        fail_since: None,
        reason: Some(reason.to_owned()),
    };
    change(tx, id, &disabled)?;
    get(tx, id)
}

/// Up to `limit` closed endpoints without a job, and the id of the newest job so far. Reads every job, so it is not part of a write.
pub fn idle(db: &Connection, limit: usize) -> Result<(Vec<i64>, i64), StoreError> {
    let last = db.query_row("SELECT coalesce(max(id), 0) FROM jobs", [], |row| {
        row.get(0)
    })?;
    let sql = format!(
        "SELECT id FROM endpoints WHERE state = {CLOSED} AND next_at IS NULL \
         AND id NOT IN (SELECT endpoint FROM jobs) LIMIT ?1"
    );
    let mut select = db.prepare_cached(&sql)?;
    let rows = select.query_map([limit as i64], |row| row.get(0))?;
    Ok((rows.collect::<Result<_, _>>()?, last))
}

/// Deletes the endpoints that [`idle`] found, except those that got a job since. Without this the table would grow with every
/// host name ever called.
pub fn remove_idle(tx: &Tx<'_>, idle: &[i64], last_job: i64) -> Result<(), StoreError> {
    let sql = format!(
        "DELETE FROM endpoints WHERE id = ?1 AND state = {CLOSED} AND next_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM jobs WHERE id > ?2 AND endpoint = ?1)"
    );
    for id in idle {
        tx.prepare_cached(&sql)?.execute([*id, last_job])?;
    }
    Ok(())
}

/// One endpoint, by its row.
pub fn get(db: &Connection, id: i64) -> Result<Option<Endpoint>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM endpoints WHERE id = ?1");
    Ok(db
        .prepare_cached(&sql)?
        .query_row([id], Endpoint::read)
        .optional()?)
}

/// Notes that a job of the endpoint is due at `run_at`, or when the endpoint is no longer held.
pub(super) fn schedule(tx: &Tx<'_>, id: i64, run_at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE endpoints SET next_at = max(?2, held_until) \
               WHERE id = ?1 AND (next_at IS NULL OR next_at > max(?2, held_until))";
    tx.prepare_cached(sql)?
        .execute(params![id, run_at.millis()])?;
    Ok(())
}

pub(super) fn due_endpoints() -> String {
    format!("SELECT {COLUMNS} FROM endpoints WHERE next_at <= ?1 ORDER BY next_at, id LIMIT ?2")
}

/// The endpoints that have due jobs and capacity, the one that has waited longest first.
pub(super) fn due_now(tx: &Tx<'_>, capacity: &Capacity) -> Result<Vec<Endpoint>, StoreError> {
    // Full endpoints are left out below, so the limit allows for them: they must not hide the others.
    let full = capacity.per_endpoint.values().filter(|left| **left == 0);
    let limit = (full.count() + capacity.total) as i64;
    let mut select = tx.prepare_cached(&due_endpoints())?;
    let rows = select.query_map(params![capacity.now.millis(), limit], Endpoint::read)?;
    let mut due = Vec::new();
    for endpoint in rows {
        let endpoint = endpoint?;
        if capacity.per_endpoint.get(&endpoint.id) != Some(&0) {
            due.push(endpoint);
        }
    }
    Ok(due)
}

/// Puts an endpoint behind those that still wait for their turn, or clears its turn if it has no waiting job.
pub(super) fn reschedule(tx: &Tx<'_>, id: i64, now: Timestamp) -> Result<(), StoreError> {
    let sql = format!(
        "UPDATE endpoints SET next_at = (SELECT max(run_at, held_until, ?2) FROM jobs \
         WHERE state = {WAITING} AND endpoint = ?1 ORDER BY run_at, id LIMIT 1) WHERE id = ?1"
    );
    tx.prepare_cached(&sql)?
        .execute(params![id, now.millis()])?;
    Ok(())
}

/// Holds back an endpoint's jobs; [`reschedule`] sets its next turn.
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

/// When the first endpoint has a due job.
pub fn next_at(db: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT next_at FROM endpoints WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1";
    let next: Option<i64> = db
        .prepare_cached(sql)?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(next.map(Timestamp::from_millis))
}

/// Returns whether any endpoint has a due job. An idle engine polls this, because another process may have enqueued one.
pub fn any_due(db: &Connection, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM endpoints WHERE next_at <= ?1 LIMIT 1";
    Ok(db.prepare_cached(sql)?.exists([now.millis()])?)
}

/// Stores a change of the circuit. Returns `false` if a newer one is stored: of two engines the later observation wins.
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
    reschedule(tx, id, Timestamp::from_millis(0))?;
    tx.jobs_ready();
    Ok(true)
}

/// Enables what prevents the delivery of a job: its endpoint, and its resource if that has answered 410.
/// Returns the URLs of those that were disabled.
pub(super) fn enable_for(
    tx: &Tx<'_>,
    job: i64,
    endpoint: i64,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let resource = resource_of_job(tx, job)?.unwrap_or_default();
    let found: Vec<(i64, String)> = {
        let sql = format!(
            "SELECT id, url FROM endpoints WHERE (id = ?1 OR url = ?2) AND state = {DISABLED}"
        );
        let mut select = tx.prepare_cached(&sql)?;
        let rows = select.query_map(params![endpoint, resource], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        rows.collect::<Result<_, _>>()?
    };
    let healthy = Change {
        health: Health::Closed,
        at: now,
        held_until: Timestamp::from_millis(0),
        fail_since: None,
        reason: None,
    };
    for (id, _) in &found {
        change(tx, *id, &healthy)?;
    }
    Ok(found.into_iter().map(|(_, url)| url).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_url_is_its_server_without_path_and_credentials() {
        for (url, expected) in [
            ("http://127.0.0.1:80/hooks/1?a=b", "http://127.0.0.1:80"),
            ("http://127.0.0.1:80/hooks/2", "http://127.0.0.1:80"),
            ("https://user:pass@Api.example?x", "https://api.example"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
        ] {
            assert_eq!(key(url), expected);
        }
    }

    #[test]
    fn a_resource_never_has_the_key_of_its_server() {
        for url in ["http://a", "http://a/", "http://a?x", "http://a/?x"] {
            assert_eq!(resource(url, None), "http://a/");
        }
        assert_eq!(resource("unix:/a", Some("/h?x")), "unix:/a:/h");
    }
}
