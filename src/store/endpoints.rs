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
    /// The server (`scheme://authority`, or a socket), or one URL of it without its query that has said 410.
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

/// The server behind a target, to which limits and circuit belong: scheme and authority, or a socket's path.
pub fn key(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // What is before the `@` says who calls, not whom.
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}").to_ascii_lowercase()
}

/// The one resource that a 410 is about: a target without its query.
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

/// The row that a new job belongs to: its server's, or its resource's own where that has said 410.
pub(super) fn of_target(tx: &Tx<'_>, url: &str, path: Option<&str>) -> Result<i64, StoreError> {
    let gone = tx
        .prepare_cached("SELECT id FROM endpoints WHERE url = ?1 AND state = 3")?
        .query_row([resource(url, path)], |row| row.get(0))
        .optional()?;
    match gone {
        Some(id) => Ok(id),
        None => of_key(tx, &key(url)),
    }
}

fn of_key(tx: &Tx<'_>, key: &str) -> Result<i64, StoreError> {
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

/// The resource that `job` asked for wants nothing any more: later jobs for it are buried, its server stays in use.
///
/// Returns the row that stands for it, unless it was known already.
pub fn gone(
    tx: &Tx<'_>,
    job: i64,
    at: Timestamp,
    reason: &str,
) -> Result<Option<Endpoint>, StoreError> {
    let Some(resource) = resource_of_job(tx, job)? else {
        return Ok(None);
    };
    let id = of_key(tx, &resource)?;
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

/// Healthy endpoints without a job, `limit` of them, and the newest job that was looked at. Looks at every job: no write.
pub fn idle(db: &Connection, limit: usize) -> Result<(Vec<i64>, i64), StoreError> {
    let last = db.query_row("SELECT coalesce(max(id), 0) FROM jobs", [], |row| {
        row.get(0)
    })?;
    let sql = "SELECT id FROM endpoints WHERE state = 0 AND next_at IS NULL \
               AND id NOT IN (SELECT endpoint FROM jobs) LIMIT ?1";
    let mut select = db.prepare_cached(sql)?;
    let rows = select.query_map([limit as i64], |row| row.get(0))?;
    Ok((rows.collect::<Result<_, _>>()?, last))
}

/// Forgets what [`idle`] found, unless a job has come for it since; the rows do not grow with every name ever called.
pub fn forget(tx: &Tx<'_>, idle: &[i64], last_job: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM endpoints WHERE id = ?1 AND state = 0 AND next_at IS NULL \
               AND NOT EXISTS (SELECT 1 FROM jobs WHERE id > ?2 AND endpoint = ?1)";
    for id in idle {
        tx.prepare_cached(sql)?.execute([*id, last_job])?;
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

/// Trusts again what keeps a job's like from being sent: its endpoint, and its resource where that had said 410.
/// Returns the names of those that were disabled.
pub(super) fn enable_for(
    tx: &Tx<'_>,
    job: i64,
    endpoint: i64,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let resource = resource_of_job(tx, job)?.unwrap_or_default();
    let found: Vec<(i64, String)> = {
        let sql = "SELECT id, url FROM endpoints WHERE (id = ?1 OR url = ?2) AND state = 3";
        let mut select = tx.prepare_cached(sql)?;
        let rows = select.query_map(params![endpoint, resource], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        rows.collect::<Result<_, _>>()?
    };
    for (id, _) in &found {
        enable(tx, *id, now)?;
    }
    Ok(found.into_iter().map(|(_, url)| url).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_belong_to_the_server_and_not_to_each_path() {
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
    fn a_resource_is_never_spelled_like_its_server() {
        for url in ["http://a", "http://a/", "http://a?x", "http://a/?x"] {
            assert_eq!(resource(url, None), "http://a/");
        }
        assert_eq!(resource("unix:/a", Some("/h?x")), "unix:/a:/h");
    }
}
