//! Orders on queues: retry and discard what a person selected, in commits small enough not to hold anyone up. The command line
//! on the inbox and the control API on the platform's store are both served by it.

use std::time::Duration;

use thiserror::Error;

use super::OnSettled;
use crate::condition::ConditionError;
use crate::explain::{Explain, Explanation};
use crate::select::Where;
use crate::store::jobs::State;
use crate::store::queue::{self, JobRow, Order, PAGE, Report, Retried, Selection, Skipped};
use crate::store::{Connection, Store, StoreError, Tx};
use crate::time::Timestamp;

/// Jobs in one commit.
const BATCH: usize = 256;
/// Skipped jobs that a report names.
const NAMED: usize = 100;
/// Longest time over which retries are spread.
const LONGEST: f64 = 7.0 * 24.0 * 60.0 * 60.0;

/// Why an order was not carried out.
#[derive(Debug, Error)]
pub enum QueueError {
    #[error("the order names no jobs")]
    NothingSelected,
    #[error(transparent)]
    Condition(#[from] ConditionError),
    #[error("a rate of {rate} jobs a second is none")]
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

/// The selected jobs, newest first, `limit` (or [`PAGE`]) of them. With a condition, as many as it takes are looked at.
pub async fn list(store: &Store, select: &Selection) -> Result<Vec<JobRow>, QueueError> {
    let condition = condition(select)?;
    let limit = select.limit.unwrap_or(PAGE);
    let mut found = Vec::new();
    let mut before = i64::MAX;
    while found.len() < limit {
        let (select, condition) = (select.clone(), condition.clone());
        let left = limit - found.len();
        // Few that are looked at may fit, so that pages are not cut to what is left.
        let size = if condition.is_some() { BATCH } else { left };
        let (page, last) = store
            .read(move |db| fitting(db, &select, condition.as_ref(), before, size))
            .await?;
        found.extend(page.into_iter().take(left));
        match last {
            Some(last) => before = last,
            None => break,
        }
    }
    Ok(found)
}

/// A page of jobs without those that the condition does not fit, and the last job that was looked at.
fn fitting(
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
    let mut fitting = Vec::new();
    for job in page {
        if holds(db, condition, job.id)? {
            fitting.push(job);
        }
    }
    Ok((fitting, last))
}

fn condition(select: &Selection) -> Result<Option<Where>, ConditionError> {
    select.condition.as_deref().map(str::parse).transpose()
}

fn holds(db: &Connection, condition: &Where, id: i64) -> Result<bool, StoreError> {
    let event = queue::event(db, id)?;
    Ok(event.is_some_and(|event| condition.holds(&event, Timestamp::now())))
}

/// Runs the selected jobs again: waiting ones sooner, others as new jobs under their old message id, at `order.rate` a second.
///
/// Endpoints that were disabled are enabled. What was already done when an error comes stays done.
pub async fn retry(store: &Store, order: &Order) -> Result<Report, QueueError> {
    let interval = interval(order.rate)?;
    let now = Timestamp::now();
    let mut done = 0_u64;
    work_through(store, order, move |tx, id, report| {
        if report.dry_run {
            return weigh(tx, id, can_retry, report);
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

/// Takes the selected jobs off their queues for good; those who wait for one of them are told within the commit.
pub async fn discard(
    store: &Store,
    order: &Order,
    on_settled: Option<OnSettled>,
) -> Result<Report, QueueError> {
    let now = Timestamp::now();
    work_through(store, order, move |tx, id, report| {
        if report.dry_run {
            return weigh(tx, id, can_discard, report);
        }
        if queue::state(tx, id)?.is_none() {
            report.missing.push(id);
            return Ok(());
        }
        match queue::discard(tx, id, now)? {
            Ok(settled) => {
                report.done += 1;
                if let (Some(settled), Some(tell)) = (settled, &on_settled) {
                    tell(tx, &settled)?;
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

/// Applies `one` to each selected job, oldest first, [`BATCH`] of them in a commit.
async fn work_through<F>(store: &Store, order: &Order, one: F) -> Result<Report, QueueError>
where
    F: FnMut(&Tx<'_>, i64, &mut Report) -> Result<(), StoreError> + Send + 'static,
{
    let select = &order.select;
    let is_all = Selection {
        limit: None,
        ..select.clone()
    } == Selection::default();
    if is_all {
        return Err(QueueError::NothingSelected);
    }
    let mut report = Report {
        dry_run: order.dry_run,
        ..Report::default()
    };
    let condition = condition(select)?;
    let mut one = one;
    let mut left = select.limit.unwrap_or(usize::MAX);
    let mut after = 0;
    // Jobs that the order itself enqueues come after this one.
    let last = last_id(store, select).await?;
    while left > 0 {
        let ids = batch(store, select, after, BATCH).await?;
        let ids: Vec<i64> = ids.into_iter().filter(|id| *id <= last).collect();
        let Some(newest) = ids.last().copied() else {
            break;
        };
        after = newest;
        let mut ids = those_that_fit(store, ids, condition.clone()).await?;
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

/// Judged in a read: a condition takes its time, a write holds everyone up, and the event of a job never changes.
async fn those_that_fit(
    store: &Store,
    ids: Vec<i64>,
    condition: Option<Where>,
) -> Result<Vec<i64>, StoreError> {
    let Some(condition) = condition else {
        return Ok(ids);
    };
    store
        .read(move |db| {
            let mut fitting = Vec::new();
            for id in ids {
                if holds(db, &condition, id)? {
                    fitting.push(id);
                }
            }
            Ok(fitting)
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

/// What a dry run says of a job.
fn weigh(
    tx: &Tx<'_>,
    id: i64,
    can: fn(State) -> Result<(), &'static str>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let Some(state) = queue::state(tx, id)? else {
        return Ok(());
    };
    match can(state) {
        Ok(()) => report.done += 1,
        Err(reason) => {
            let reason = reason.to_owned();
            skip(report, Skipped { id, state, reason });
        }
    }
    Ok(())
}

fn can_retry(state: State) -> Result<(), &'static str> {
    queue::why_not_retried(state).map_or(Ok(()), Err)
}

fn can_discard(state: State) -> Result<(), &'static str> {
    queue::why_not_discarded(state).map_or(Ok(()), Err)
}

fn skip(report: &mut Report, skipped: Skipped) {
    report.skipped_count += 1;
    if report.skipped.len() < NAMED {
        report.skipped.push(skipped);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::backoff::Retry;
    use crate::store::Kind;
    use crate::store::jobs::{self, JobBody, NewJob};

    fn job() -> NewJob {
        NewJob {
            queue: "deliveries",
            order_key: None,
            run_at: Timestamp::now(),
            retry: Retry::none(),
            message_id: None,
            secret: None,
            method: http::Method::POST,
            url: "http://127.0.0.1:9/hook".to_owned(),
            path: None,
            headers: http::HeaderMap::new(),
            body: JobBody::Bytes(r#"{"n":1}"#.into()),
            timeout: Duration::from_secs(1),
            step: None,
            event: None,
        }
    }

    /// An order that judged in a write would wait for the one that this test holds open until the order is through.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_condition_is_judged_while_another_write_is_under_way() {
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
        let order = Order {
            select: Selection {
                condition: Some("data.n == 2".to_owned()),
                ..Selection::default()
            },
            ..Order::default()
        };
        assert_eq!(retry(&store, &order).await.unwrap().done, 0);
        // An order that waited for the write finds it gone.
        let _ = end.send(());
        assert!(writing.await.unwrap());
    }
}
