//! Lists, retries and discards the jobs that a user selects. `evt queue` uses it on the inbox, and the control API on the
//! platform's store.
//!
//! Large selections are processed in small commits, because other writers wait for each commit.

use std::time::Duration;

use thiserror::Error;

use super::OnSettled;
use crate::condition::ConditionError;
use crate::explain::{Explain, Explanation};
use crate::select::Where;
use crate::store::jobs::State;
use crate::store::queue::{self, BulkRequest, JobRow, PAGE, Report, Retried, Selection, Skipped};
use crate::store::{Connection, Store, StoreError, Tx};
use crate::time::Timestamp;

/// Jobs in one commit.
const BATCH: usize = 256;
/// Skipped jobs that a report lists.
const MAX_SKIPPED: usize = 100;
/// The longest time over which retries are spread, in seconds.
const LONGEST: f64 = 7.0 * 24.0 * 60.0 * 60.0;

/// Why a request failed.
#[derive(Debug, Error)]
pub enum QueueError {
    #[error("the request selects no jobs")]
    NothingSelected,
    #[error(transparent)]
    Condition(#[from] ConditionError),
    #[error("the rate must be more than 0 jobs per second, not {rate}")]
    BadRate { rate: f64 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Explain for QueueError {
    fn explain(&self) -> Explanation {
        match self {
            Self::NothingSelected => {
                Explanation::usage("nothing_selected").hint("evt queue retry --dead")
            }
            Self::BadRate { .. } => {
                Explanation::usage("bad_rate").hint("evt queue retry --dead --rate 10/s")
            }
            Self::Condition(error) => error.explain(),
            Self::Store(error) => error.explain(),
        }
    }
}

/// Up to `limit` (or [`PAGE`]) of the selected jobs, newest first. With a condition, jobs are read until enough match.
pub async fn list(store: &Store, select: &Selection) -> Result<Vec<JobRow>, QueueError> {
    let condition = condition(select)?;
    let limit = select.limit.unwrap_or(PAGE);
    let mut found = Vec::new();
    let mut before = i64::MAX;
    while found.len() < limit {
        let (select, condition) = (select.clone(), condition.clone());
        let left = limit - found.len();
        // With a condition only few jobs of a page may match, so pages are not shortened to what is left.
        let size = if condition.is_some() { BATCH } else { left };
        let (page, last) = store
            .read(move |db| matching_page(db, &select, condition.as_ref(), before, size))
            .await?;
        found.extend(page.into_iter().take(left));
        match last {
            Some(last) => before = last,
            None => break,
        }
    }
    Ok(found)
}

/// The jobs of a page that match the condition, and the id of the last job on the page.
fn matching_page(
    db: &Connection,
    select: &Selection,
    condition: Option<&Where>,
    before: i64,
    size: usize,
) -> Result<(Vec<JobRow>, Option<i64>), StoreError> {
    let page = queue::page(db, select, before, size)?;
    let last = page.last().map(|job| job.id);
    let Some(condition) = condition else {
        return Ok((page, last));
    };
    let mut matching = Vec::new();
    for job in page {
        if matches(db, condition, job.id)? {
            matching.push(job);
        }
    }
    Ok((matching, last))
}

fn condition(select: &Selection) -> Result<Option<Where>, ConditionError> {
    select.condition.as_deref().map(str::parse).transpose()
}

fn matches(db: &Connection, condition: &Where, id: i64) -> Result<bool, StoreError> {
    let event = queue::event(db, id)?;
    Ok(event.is_some_and(|event| condition.holds(&event, Timestamp::now())))
}

/// Retries the selected jobs, `request.rate` per second: brings waiting ones forward, and enqueues the others again under their
/// message id. Enables their endpoints.
///
/// If an error occurs, the commits before it stay.
pub async fn retry(store: &Store, request: &BulkRequest) -> Result<Report, QueueError> {
    let interval = interval(request.rate)?;
    let now = store.now();
    let mut done = 0_u64;
    for_each(store, request, move |tx, id, report| {
        if report.dry_run {
            return check(tx, id, queue::why_not_retried, report);
        }
        let wait = (interval.as_secs_f64() * done as f64).min(LONGEST);
        let run_at = now.plus(Duration::from_secs_f64(wait));
        match queue::retry(tx, id, run_at)? {
            Retried::Redriven(_) | Retried::BroughtForward => {
                done += 1;
                report.done += 1;
                report
                    .enabled
                    .extend(queue::enable_endpoint_of(tx, id, now)?);
            }
            Retried::Skipped(skipped) => skip(report, skipped),
            Retried::Missing => report.missing.push(id),
        }
        Ok(())
    })
    .await
}

/// Discards the selected jobs, also on a full disk. Calls `on_settled` within the commit for each job that had not ended before.
pub async fn discard(
    store: &Store,
    request: &BulkRequest,
    on_settled: Option<OnSettled>,
) -> Result<Report, QueueError> {
    store.make_room();
    let now = store.now();
    for_each(store, request, move |tx, id, report| {
        if report.dry_run {
            return check(tx, id, queue::why_not_discarded, report);
        }
        if queue::state(tx, id)?.is_none() {
            report.missing.push(id);
            return Ok(());
        }
        match queue::discard(tx, id, now)? {
            Ok(settled) => {
                report.done += 1;
                if let (Some(settled), Some(on_settled)) = (settled, &on_settled) {
                    on_settled(tx, &settled)?;
                }
            }
            Err(skipped) => skip(report, skipped),
        }
        Ok(())
    })
    .await
}

fn interval(rate: Option<f64>) -> Result<Duration, QueueError> {
    match rate {
        None => Ok(Duration::ZERO),
        Some(rate) if rate.is_finite() && rate > 0.0 => {
            Ok(Duration::from_secs_f64((1.0 / rate).min(LONGEST)))
        }
        Some(rate) => Err(QueueError::BadRate { rate }),
    }
}

/// Applies `one` to each selected job, oldest first, [`BATCH`] of them per commit.
async fn for_each<F>(store: &Store, request: &BulkRequest, one: F) -> Result<Report, QueueError>
where
    F: FnMut(&Tx<'_>, i64, &mut Report) -> Result<(), StoreError> + Send + 'static,
{
    let select = &request.select;
    let is_all = Selection {
        limit: None,
        ..select.clone()
    } == Selection::default();
    if is_all {
        return Err(QueueError::NothingSelected);
    }
    let mut report = Report {
        dry_run: request.dry_run,
        ..Report::default()
    };
    let condition = condition(select)?;
    let mut one = one;
    let mut left = select.limit.unwrap_or(usize::MAX);
    let mut after = 0;
    // The newest job at the start: jobs that the request itself enqueues are not processed again.
    let last = last_id(store, select).await?;
    while left > 0 {
        let ids = batch(store, select, after, BATCH).await?;
        let ids: Vec<i64> = ids.into_iter().filter(|id| *id <= last).collect();
        let Some(newest) = ids.last().copied() else {
            break;
        };
        after = newest;
        let mut ids = matching(store, ids, condition.clone()).await?;
        ids.truncate(left);
        if ids.is_empty() {
            continue;
        }
        left -= ids.len();
        let written: Result<_, StoreError> = store
            .write(move |tx| {
                for id in ids {
                    one(tx, id, &mut report)?;
                }
                Ok((one, report))
            })
            .await;
        (one, report) = written?;
    }
    report.enabled.sort();
    report.enabled.dedup();
    report.missing.extend(missing(store, select).await?);
    Ok(report)
}

/// The jobs that match a condition. Evaluated outside the write: a condition may be slow, every other writer would wait for it,
/// and the event of a job never changes.
async fn matching(
    store: &Store,
    ids: Vec<i64>,
    condition: Option<Where>,
) -> Result<Vec<i64>, StoreError> {
    let Some(condition) = condition else {
        return Ok(ids);
    };
    store
        .read(move |db| {
            let mut matching = Vec::new();
            for id in ids {
                if matches(db, &condition, id)? {
                    matching.push(id);
                }
            }
            Ok(matching)
        })
        .await
}

async fn batch(
    store: &Store,
    select: &Selection,
    after: i64,
    limit: usize,
) -> Result<Vec<i64>, StoreError> {
    let select = select.clone();
    store
        .read(move |db| queue::ids_after(db, &select, after, limit))
        .await
}

async fn last_id(store: &Store, select: &Selection) -> Result<i64, StoreError> {
    let select = select.clone();
    let newest = store
        .read(move |db| queue::page(db, &select, i64::MAX, 1))
        .await?;
    Ok(newest.first().map_or(0, |job| job.id))
}

async fn missing(store: &Store, select: &Selection) -> Result<Vec<i64>, StoreError> {
    let ids = select.ids.clone();
    store
        .read(move |db| {
            let mut missing = Vec::new();
            for id in ids {
                if queue::state(db, id)?.is_none() {
                    missing.push(id);
                }
            }
            Ok(missing)
        })
        .await
}

/// Adds a job to the report of a dry run.
fn check(
    tx: &Tx<'_>,
    id: i64,
    why_not: fn(State) -> Option<&'static str>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let Some(state) = queue::state(tx, id)? else {
        return Ok(());
    };
    match why_not(state) {
        None => report.done += 1,
        Some(reason) => {
            let reason = reason.to_owned();
            skip(report, Skipped { id, state, reason });
        }
    }
    Ok(())
}

fn skip(report: &mut Report, skipped: Skipped) {
    report.skipped_count += 1;
    if report.skipped.len() < MAX_SKIPPED {
        report.skipped.push(skipped);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::store::Kind;
    use crate::store::jobs::{self, JobBody, NewJob};

    fn job() -> NewJob {
        NewJob {
            body: JobBody::Bytes(r#"{"n":1}"#.into()),
            ..NewJob::post("http://127.0.0.1:9/hook")
        }
    }

    /// The test holds a write open until the request has ended: a condition that is evaluated in a write would wait for it.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_condition_is_evaluated_while_another_write_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("inbox.db"), Kind::Inbox).unwrap();
        let enqueued: Result<i64, StoreError> = store.write(|tx| jobs::enqueue(tx, &job())).await;
        enqueued.unwrap();
        let (began, has_begun) = tokio::sync::oneshot::channel();
        let (end, may_end) = mpsc::channel::<()>();
        let writing = tokio::spawn({
            let store = store.clone();
            async move {
                let written: Result<bool, StoreError> = store
                    .write(move |_| {
                        let _ = began.send(());
                        Ok(may_end.recv_timeout(Duration::from_secs(20)).is_ok())
                    })
                    .await;
                written.unwrap()
            }
        });
        has_begun.await.unwrap();
        let request = BulkRequest {
            select: Selection {
                condition: Some("data.n == 2".to_owned()),
                ..Selection::default()
            },
            ..BulkRequest::default()
        };
        assert_eq!(retry(&store, &request).await.unwrap().done, 0);
        // If the request had waited, the receiver would be gone by now.
        let _ = end.send(());
        assert!(writing.await.unwrap());
    }
}
