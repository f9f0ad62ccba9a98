//! The engines that work on the queue. Each one has a row that it renews, and its jobs are leased to it as long as it does.
//!
//! One row per engine instead of one expiry per job: a heartbeat writes one row, whatever the number of active jobs.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::jobs::{ACTIVE, End, Ended, Lease, QUARANTINED, Settled, WAITING};
use super::{StoreError, Tx, endpoints};
use crate::time::Timestamp;

/// An engine's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pub id: i64,
    /// Process and boot, see `deliver::owner`: another engine can check whether this one may still be alive.
    pub identity: String,
    /// The engine loses its leases at this time.
    pub until: Timestamp,
}

/// Registers an engine; its leases hold until `until` unless it renews them.
pub fn register(tx: &Tx<'_>, identity: &str, until: Timestamp) -> Result<i64, StoreError> {
    tx.prepare_cached("INSERT INTO owners (identity, until) VALUES (?1, ?2)")?
        .execute(params![identity, until.millis()])?;
    Ok(tx.last_insert_rowid())
}

/// Extends all leases of an engine. Returns `false` if another engine has taken them over.
pub fn renew(tx: &Tx<'_>, owner: i64, until: Timestamp) -> Result<bool, StoreError> {
    let renewed = tx
        .prepare_cached("UPDATE owners SET until = ?2 WHERE id = ?1")?
        .execute(params![owner, until.millis()])?;
    Ok(renewed > 0)
}

/// All engines that hold leases or may claim jobs. An engine that holds leases without a row has ended; its `until` is in the past.
pub fn owners(db: &Connection) -> Result<Vec<Owner>, StoreError> {
    let sql = format!(
        "SELECT id, identity, until FROM owners UNION ALL \
         SELECT DISTINCT owner, '', 0 FROM jobs WHERE state = {ACTIVE} AND owner NOT IN (SELECT id FROM owners)"
    );
    let mut select = db.prepare_cached(&sql)?;
    let rows = select.query_map([], |row| {
        Ok(Owner {
            id: row.get(0)?,
            identity: row.get(1)?,
            until: Timestamp::from_millis(row.get(2)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Releases jobs that were claimed and not attempted; they wait as before.
pub fn release(tx: &Tx<'_>, leases: &[Lease]) -> Result<(), StoreError> {
    let sql = format!(
        "UPDATE jobs SET state = {WAITING}, owner = NULL WHERE id = ?1 AND lease = ?2 AND state = {ACTIVE} \
         RETURNING endpoint, run_at"
    );
    for lease in leases {
        reschedule(tx, &sql, params![lease.job, lease.number])?;
    }
    Ok(())
}

/// Removes an engine that shuts down and releases its jobs.
pub fn unregister(tx: &Tx<'_>, owner: i64) -> Result<(), StoreError> {
    let sql = format!(
        "UPDATE jobs SET state = {WAITING}, owner = NULL WHERE owner = ?1 AND state = {ACTIVE} RETURNING endpoint, run_at"
    );
    reschedule(tx, &sql, params![owner])?;
    remove(tx, owner)
}

pub(super) fn leased_jobs() -> String {
    format!("SELECT id FROM jobs WHERE owner = ?1 AND state = {ACTIVE}")
}

/// Takes over the leases of an engine that has crashed. Its jobs wait again with one more loss; those that were lost
/// `max_losses` times are quarantined and returned.
pub fn take_over(
    tx: &Tx<'_>,
    owner: i64,
    now: Timestamp,
    max_losses: u32,
) -> Result<Vec<Settled>, StoreError> {
    let ids: Vec<i64> = {
        let mut select = tx.prepare_cached(&leased_jobs())?;
        let rows = select.query_map([owner], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    let mut quarantined = Vec::new();
    for id in ids {
        quarantined.extend(count_loss(tx, id, now, max_losses)?);
    }
    remove(tx, owner)?;
    Ok(quarantined)
}

/// Ends a lease whose attempt panicked, with the same consequences as [`take_over`]. Does nothing if the lease no longer holds.
pub fn panicked(
    tx: &Tx<'_>,
    lease: Lease,
    now: Timestamp,
    max_losses: u32,
) -> Result<Option<Settled>, StoreError> {
    let sql = format!("SELECT 1 FROM jobs WHERE id = ?1 AND lease = ?2 AND state = {ACTIVE}");
    let is_held = tx
        .prepare_cached(&sql)?
        .exists(params![lease.job, lease.number])?;
    if is_held {
        count_loss(tx, lease.job, now, max_losses)
    } else {
        Ok(None)
    }
}

/// A job that crashes every process which attempts it would be claimed again after each restart, for ever. It is therefore
/// quarantined after some losses; a user can inspect and retry it.
fn count_loss(
    tx: &Tx<'_>,
    job: i64,
    now: Timestamp,
    max_losses: u32,
) -> Result<Option<Settled>, StoreError> {
    let losses: u32 = tx
        .prepare_cached("UPDATE jobs SET losses = losses + 1 WHERE id = ?1 RETURNING losses")?
        .query_row([job], |row| row.get(0))?;
    if losses < max_losses {
        // After the first loss the job is due at once, because most crashes are not its fault. Later it backs off.
        let earliest = match losses {
            0 | 1 => 0,
            _ => now.plus(Duration::from_secs(1 << losses.min(10))).millis(),
        };
        let sql = format!(
            "UPDATE jobs SET state = {WAITING}, owner = NULL, run_at = max(run_at, ?2) WHERE id = ?1 \
             RETURNING endpoint, run_at"
        );
        reschedule(tx, &sql, params![job, earliest])?;
        return Ok(None);
    }
    let reason = format!("quarantined: its worker crashed {losses} times before a response came");
    let sql = format!(
        "UPDATE jobs SET state = {QUARANTINED}, owner = NULL, ended_at = ?2, last_error = ?3 WHERE id = ?1 RETURNING {}",
        Ended::COLUMNS
    );
    let ended = tx
        .prepare_cached(&sql)?
        .query_row(params![job, now.millis(), reason], Ended::read)?;
    let end = End::Dead {
        status: None,
        reason,
    };
    Ok(Some(ended.with(end)))
}

/// Runs an update that makes jobs wait again and returns `endpoint, run_at` of each, and wakes the engine for them.
fn reschedule(tx: &Tx<'_>, sql: &str, params: impl rusqlite::Params) -> Result<(), StoreError> {
    let released: Vec<(i64, i64)> = {
        let mut update = tx.prepare_cached(sql)?;
        let rows = update.query_map(params, |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<_, _>>()?
    };
    for (endpoint, run_at) in released {
        endpoints::schedule(tx, endpoint, Timestamp::from_millis(run_at))?;
        tx.jobs_ready();
    }
    Ok(())
}

fn remove(tx: &Tx<'_>, owner: i64) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM owners WHERE id = ?1")?
        .execute([owner])?;
    Ok(())
}
