//! Who works on the queue: each engine has a row that it renews, and its jobs are leased to it as long as it does.

use rusqlite::{Connection, params};

use super::endpoints;
use super::jobs::{End, Lease, Leaving, Settled};
use super::{StoreError, Tx};
use crate::time::Timestamp;

/// An engine's entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pub id: i64,
    /// Process and boot, see `deliver`: tells whether the engine can still be alive.
    pub identity: String,
    /// Its leases are lost when this passes.
    pub until: Timestamp,
}

/// Enters an engine; its leases hold until `until` unless renewed.
pub fn register(tx: &Tx<'_>, identity: &str, until: Timestamp) -> Result<i64, StoreError> {
    tx.prepare_cached("INSERT INTO owners (identity, until) VALUES (?1, ?2)")?
        .execute(params![identity, until.millis()])?;
    Ok(tx.last_insert_rowid())
}

/// Extends all leases of an engine. Returns whether it still had any right to them.
pub fn renew(tx: &Tx<'_>, owner: i64, until: Timestamp) -> Result<bool, StoreError> {
    let renewed = tx
        .prepare_cached("UPDATE owners SET until = ?2 WHERE id = ?1")?
        .execute(params![owner, until.millis()])?;
    Ok(renewed > 0)
}

/// All engines that hold leases or may take some; one whose entry is missing ended long ago.
pub fn owners(db: &Connection) -> Result<Vec<Owner>, StoreError> {
    let mut select = db.prepare_cached(
        "SELECT id, identity, until FROM owners UNION ALL \
         SELECT DISTINCT owner, '', 0 FROM jobs WHERE state = 1 AND owner NOT IN (SELECT id FROM owners)",
    )?;
    let rows = select.query_map([], |row| {
        Ok(Owner {
            id: row.get(0)?,
            identity: row.get(1)?,
            until: Timestamp::from_millis(row.get(2)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Gives jobs back that were claimed and not attempted; they are as they were.
pub fn give_back(tx: &Tx<'_>, leases: &[Lease]) -> Result<(), StoreError> {
    for lease in leases {
        let sql = "UPDATE jobs SET state = 0, owner = NULL WHERE id = ?1 AND lease = ?2 AND state = 1 \
                   RETURNING endpoint, run_at";
        free(tx, sql, params![lease.job, lease.number])?;
    }
    Ok(())
}

/// Ends an engine's entry in good order: what it still holds is given back.
pub fn leave(tx: &Tx<'_>, owner: i64) -> Result<(), StoreError> {
    let sql = "UPDATE jobs SET state = 0, owner = NULL WHERE owner = ?1 AND state = 1 RETURNING endpoint, run_at";
    free(tx, sql, params![owner])?;
    remove(tx, owner)
}

/// Takes the leases of an engine that is gone: its jobs wait again, with one loss more, and those that were lost `limit`
/// times are quarantined.
pub fn take_over(
    tx: &Tx<'_>,
    owner: i64,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Settled>, StoreError> {
    let ids: Vec<i64> = {
        let mut select = tx.prepare_cached("SELECT id FROM jobs WHERE owner = ?1 AND state = 1")?;
        let rows = select.query_map([owner], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    let mut quarantined = Vec::new();
    for id in ids {
        quarantined.extend(lose(tx, id, now, limit)?);
    }
    remove(tx, owner)?;
    Ok(quarantined)
}

/// An attempt broke down without a result: see [`take_over`]. A lease that is no longer held changes nothing.
pub fn lost(
    tx: &Tx<'_>,
    lease: Lease,
    now: Timestamp,
    limit: u32,
) -> Result<Option<Settled>, StoreError> {
    let held = tx
        .prepare_cached("SELECT 1 FROM jobs WHERE id = ?1 AND lease = ?2 AND state = 1")?
        .exists(params![lease.job, lease.number])?;
    if held {
        lose(tx, lease.job, now, limit)
    } else {
        Ok(None)
    }
}

fn lose(tx: &Tx<'_>, job: i64, now: Timestamp, limit: u32) -> Result<Option<Settled>, StoreError> {
    let losses: u32 = tx
        .prepare_cached("UPDATE jobs SET losses = losses + 1 WHERE id = ?1 RETURNING losses")?
        .query_row([job], |row| row.get(0))?;
    if losses < limit {
        // The first time it goes on at once; after that it steps back, so that a job that kills its worker does not do so without a pause.
        let wait = std::time::Duration::from_secs(if losses < 2 { 0 } else { 1 << losses.min(10) });
        let sql = "UPDATE jobs SET state = 0, owner = NULL, run_at = max(run_at, ?2) WHERE id = ?1 \
                   RETURNING endpoint, run_at";
        let earliest = if wait.is_zero() {
            0
        } else {
            now.plus(wait).millis()
        };
        free(tx, sql, params![job, earliest])?;
        return Ok(None);
    }
    let reason = format!("quarantined: its worker was lost {losses} times before an answer came");
    let sql = format!(
        "UPDATE jobs SET state = 5, owner = NULL, ended_at = ?2, last_error = ?3 WHERE id = ?1 RETURNING {}",
        Leaving::COLUMNS
    );
    let leaving = tx
        .prepare_cached(&sql)?
        .query_row(params![job, now.millis(), reason], Leaving::read)?;
    let end = End::Dead {
        status: None,
        reason,
    };
    Ok(Some(leaving.end(tx, end)?))
}

/// Runs an update that makes jobs wait again and returns `endpoint, run_at` of each, and announces them.
fn free(tx: &Tx<'_>, sql: &str, params: impl rusqlite::Params) -> Result<(), StoreError> {
    let freed: Vec<(i64, i64)> = {
        let mut update = tx.prepare_cached(sql)?;
        let rows = update.query_map(params, |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<_, _>>()?
    };
    for (endpoint, run_at) in freed {
        endpoints::due(tx, endpoint, Timestamp::from_millis(run_at))?;
        tx.jobs_ready();
    }
    Ok(())
}

fn remove(tx: &Tx<'_>, owner: i64) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM owners WHERE id = ?1")?
        .execute([owner])?;
    Ok(())
}
