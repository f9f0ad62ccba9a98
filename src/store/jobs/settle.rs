//! Stores the result of an attempt and moves its job on.

use rusqlite::{OptionalExtension, Row, params};

use super::{ACTIVE, Attempt, DEAD, End, Lease, Settled, State, WAITING};
use crate::event::Seq;
use crate::store::{StoreError, Tx, attempts, endpoints};
use crate::time::Timestamp;

/// What an attempt means for its job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    Done,
    /// `counted`: the failure counts against the retries.
    Retry {
        run_at: Timestamp,
        counted: bool,
    },
    Dead {
        reason: String,
    },
}

/// The result of [`settle`].
#[derive(Debug)]
pub enum SettleResult {
    Ended(Settled),
    /// The job waits for its next attempt.
    Waiting,
    /// Another engine has the job now: nothing was changed.
    LeaseLost,
}

/// Stores an attempt and what it means for its job, if the lease still holds.
pub fn settle(
    tx: &Tx<'_>,
    lease: Lease,
    attempt: &Attempt,
    next: &Next,
) -> Result<SettleResult, StoreError> {
    let (state, run_at, counted, reason) = match next {
        Next::Done => (State::Done, None, false, None),
        Next::Retry { run_at, counted } => (State::Waiting, Some(run_at.millis()), *counted, None),
        Next::Dead { reason } => (State::Dead, None, true, Some(reason.as_str())),
    };
    let ended = run_at
        .is_none()
        .then(|| attempt.started_at.plus(attempt.took).millis());
    let sql = format!(
        "UPDATE jobs SET state = ?3, run_at = coalesce(?4, run_at), tries = tries + 1, failures = failures + ?5, \
         losses = 0, owner = NULL, ended_at = ?6, last_status = ?7, last_error = coalesce(?8, ?9) \
         WHERE id = ?1 AND lease = ?2 AND state = {ACTIVE} RETURNING {}, endpoint, tries",
        Ended::COLUMNS
    );
    let found = tx
        .prepare_cached(&sql)?
        .query_row(
            params![
                lease.job,
                lease.number,
                state.number(),
                run_at,
                counted,
                ended,
                attempt.status,
                reason,
                attempt.error,
            ],
            |row| Ok((Ended::read(row)?, row.get(4)?, row.get(5)?)),
        )
        .optional()?;
    let Some((job, endpoint, tries)) = found else {
        return Ok(SettleResult::LeaseLost);
    };
    attempts::insert_of_job(tx, lease.job, tries, attempt)?;
    let end = match next {
        Next::Retry { run_at, .. } => {
            endpoints::schedule(tx, endpoint, *run_at)?;
            return Ok(SettleResult::Waiting);
        }
        Next::Done => End::Delivered {
            status: attempt.status.unwrap_or(200),
        },
        Next::Dead { reason } => End::Dead {
            status: attempt.status,
            reason: reason.clone(),
        },
    };
    Ok(SettleResult::Ended(job.with(end)))
}

/// A job that leaves the queue, without how it ended: what an update of its row returns.
pub(in crate::store) struct Ended {
    job: i64,
    run: Option<(String, u32)>,
    event: Option<Seq>,
}

impl Ended {
    /// The columns that [`Ended::read`] reads, for `RETURNING`.
    pub(in crate::store) const COLUMNS: &str = "id, run_id, step, event_seq";

    pub(in crate::store) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let run: Option<String> = row.get(1)?;
        Ok(Self {
            job: row.get(0)?,
            run: run.zip(row.get(2)?),
            event: row.get::<_, Option<i64>>(3)?.map(Seq),
        })
    }

    pub(in crate::store) fn with(self, end: End) -> Settled {
        Settled {
            job: self.job,
            run: self.run,
            event: self.event,
            end,
        }
    }
}

/// Gives up on up to `limit` due jobs of a disabled endpoint.
pub fn dead_letter_due(
    tx: &Tx<'_>,
    endpoint: i64,
    now: Timestamp,
    reason: &str,
    limit: usize,
) -> Result<Vec<Settled>, StoreError> {
    let dead = {
        let sql = format!(
            "UPDATE jobs SET state = {DEAD}, ended_at = ?2, last_error = ?3 WHERE id IN (SELECT id FROM jobs \
             WHERE state = {WAITING} AND endpoint = ?1 AND run_at <= ?2 ORDER BY run_at, id LIMIT ?4) RETURNING {}",
            Ended::COLUMNS
        );
        let mut update = tx.prepare_cached(&sql)?;
        let rows = update.query_map(
            params![endpoint, now.millis(), reason, limit as i64],
            Ended::read,
        )?;
        rows.collect::<Result<Vec<_>, _>>()?
    };
    endpoints::reschedule(tx, endpoint, now)?;
    let end = End::Dead {
        status: None,
        reason: reason.to_owned(),
    };
    Ok(dead.into_iter().map(|job| job.with(end.clone())).collect())
}
