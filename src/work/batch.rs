//! One commit of due jobs.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use tracing::warn;

use super::{Consumer, WorkError};
use crate::store::work::{self, Work};
use crate::store::{StoreError, Tx};

/// Jobs in one commit.
const BATCH: usize = 256;
/// Completed jobs of a queue that are kept.
const KEEP_DONE: usize = 1_000;
/// After this time the commit ends, because other writers wait for it.
const LONGEST: Duration = Duration::from_millis(50);

/// Does up to [`BATCH`] jobs that are due now, and returns how many.
pub(super) fn run(tx: &Tx<'_>, consumer: &Consumer) -> Result<usize, StoreError> {
    let begun = Instant::now();
    let mut done = 0;
    let mut queues = BTreeSet::new();
    for job in work::due(tx, tx.now(), BATCH)? {
        // An earlier job of this batch may have removed it.
        if work::is_waiting(tx, job.id)? {
            attempt(tx, consumer, &job)?;
        }
        done += 1;
        queues.insert(job.queue);
        if begun.elapsed() >= LONGEST {
            break;
        }
    }
    for queue in queues {
        work::trim(tx, &queue, KEEP_DONE)?;
    }
    Ok(done)
}

/// Does one job. A failure undoes what the job wrote, and is stored with it.
fn attempt(tx: &Tx<'_>, consumer: &Consumer, job: &Work) -> Result<(), StoreError> {
    let attempted = tx.attempt(|| {
        if job.key.is_some() {
            work::release_key(tx, job.id)?;
        }
        catch_unwind(AssertUnwindSafe(|| consumer.consume(tx, job)))
            .unwrap_or_else(|_| Err(WorkError::Permanent("its work panicked".to_owned())))
    })?;
    let (reason, may_retry) = match attempted {
        Ok(()) => return work::complete(tx, job.id),
        Err(WorkError::Store(error)) => return Err(error),
        Err(WorkError::Failed(reason)) => (reason, true),
        Err(WorkError::Permanent(reason)) => (reason, false),
    };
    warn!(job = job.id, queue = job.queue, reason, "A job has failed.");
    let delay = job.retry.delay(job.failures + 1, fastrand::f64());
    let again = delay
        .filter(|_| may_retry)
        .map(|delay| tx.now().plus(delay));
    work::fail(tx, job.id, &reason, again)?;
    match again {
        Some(_) => Ok(()),
        None => report_dead(tx, consumer, job, &reason),
    }
}

/// Reports a dead job. A panic undoes what the report wrote; the job stays dead, and the other jobs of the commit are done.
fn report_dead(
    tx: &Tx<'_>,
    consumer: &Consumer,
    job: &Work,
    reason: &str,
) -> Result<(), StoreError> {
    let reported = tx.attempt(|| {
        catch_unwind(AssertUnwindSafe(|| consumer.dead(tx, job, reason)))
            .unwrap_or(Err(StoreError::Panicked))
    })?;
    match reported {
        Err(StoreError::Panicked) => {
            warn!(
                job = job.id,
                queue = job.queue,
                "The death of a job was not reported."
            );
            Ok(())
        }
        other => other,
    }
}
