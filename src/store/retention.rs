//! Deletes what is old in the background: events, and on the platform runs and deliveries, in commits that are small enough
//! not to delay others. Never records, and never what is undelivered or belongs to a run that has not ended.

use std::time::Duration;

use rusqlite::params;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::events::UNDELIVERED;
use super::jobs::{self, State};
use super::{Connection, Kind, Store, StoreError, Tx, attempts, settings, space};
use crate::event::Seq;
use crate::time::Timestamp;

/// Events, runs or jobs in one commit, and bytes of the events.
const BATCH: usize = 200;
const BATCH_BYTES: u64 = 4 << 20;
/// When the first look is taken: a command that ends at once does not pay for it.
const FIRST: Duration = Duration::from_secs(2);
/// How often the size is compared with its limit.
const EVERY: Duration = Duration::from_secs(60);
/// How often all events are searched for old ones.
const AGES_EVERY: Duration = Duration::from_secs(60 * 60);
/// Between two commits, so that others are not delayed.
const PAUSE: Duration = Duration::from_millis(20);
/// Deleted data is returned to the file system if there is more than this, and more than this part of the file.
const WORTH_RETURNING: u64 = 16 << 20;
const SHARE_WORTH_RETURNING: u64 = 4;
/// The setting of the database that says whether the user has been informed.
const ANNOUNCED: &str = "retention.announced";

/// What a database keeps. `None` sets no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub age: Option<Duration>,
    /// Bytes of data and indexes, without records.
    pub size: Option<u64>,
}

impl Retention {
    pub const DEFAULT_DAYS: u64 = 7;
    pub const DEFAULT_SIZE: &str = "1GiB";
}

/// Deletes what is beyond the limits until `stop`. Calls `announce` before the first deletion in this database, ever.
pub async fn keep(
    store: Store,
    kind: Kind,
    retention: Retention,
    announce: impl Fn() + Send + 'static,
    stop: CancellationToken,
) {
    if retention.age.is_none() && retention.size.is_none() {
        return;
    }
    let sweep = Sweep {
        store,
        kind,
        retention,
        announce,
    };
    let mut wait = FIRST;
    let mut until_ages = Duration::ZERO;
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return,
        }
        let search_ages = until_ages.is_zero();
        until_ages = match search_ages {
            true => AGES_EVERY,
            false => until_ages.saturating_sub(wait),
        };
        wait = EVERY;
        tokio::select! {
            result = sweep.run(search_ages) => if let Err(error) = result {
                warn!(%error, "Old events cannot be deleted.");
            },
            () = stop.cancelled() => return,
        }
    }
}

/// One search for what is beyond the limits.
struct Sweep<F> {
    store: Store,
    kind: Kind,
    retention: Retention,
    announce: F,
}

/// What a commit deletes.
#[derive(Default)]
struct Batch {
    seqs: Vec<Seq>,
    /// The time of the newest of them.
    newest: Option<Timestamp>,
}

impl<F: Fn() + Send> Sweep<F> {
    async fn run(&self, search_ages: bool) -> Result<(), StoreError> {
        if let Some(age) = self.retention.age.filter(|_| search_ages) {
            self.by_age(self.now().minus(age)).await?;
        }
        if let Some(size) = self.retention.size {
            self.by_size(size).await?;
        }
        self.shrink().await
    }

    /// The real time, but not later than the database's clock: one that was set back dates new events long ago.
    fn now(&self) -> Timestamp {
        Timestamp::now().min(self.store.now())
    }

    async fn by_age(&self, before: Timestamp) -> Result<(), StoreError> {
        let mut after = Seq(0);
        loop {
            let batch = self.oldest(after, before).await?;
            let Some(last) = batch.seqs.last().copied() else {
                break;
            };
            after = last;
            self.delete(batch.seqs, before).await?;
        }
        while self.delete(Vec::new(), before).await? > 0 {}
        Ok(())
    }

    async fn by_size(&self, most: u64) -> Result<(), StoreError> {
        let mut after = Seq(0);
        // Whatever its date: the database's clock may be ahead, or have been.
        let end = Timestamp::from_millis(i64::MAX);
        let kind = self.kind;
        while self.store.read(move |db| size(db, kind, most)).await? > most {
            let batch = self.oldest(after, end).await?;
            after = batch.seqs.last().copied().unwrap_or(Seq(i64::MAX));
            let before = batch.newest.unwrap_or(end);
            let is_last = batch.seqs.is_empty();
            if self.delete(batch.seqs, before).await? == 0 && is_last {
                debug!("Nothing more can be deleted: the rest is undelivered or in use.");
                break;
            }
        }
        Ok(())
    }

    /// The oldest finished events after a position that were received before a time.
    async fn oldest(&self, after: Seq, before: Timestamp) -> Result<Batch, StoreError> {
        let kind = self.kind;
        self.store
            .read(move |db| oldest(db, kind, after, before))
            .await
    }

    /// Deletes events, and up to [`BATCH`] finished deliveries and runs from before a time. Returns how many of all.
    async fn delete(&self, seqs: Vec<Seq>, before: Timestamp) -> Result<usize, StoreError> {
        if !seqs.is_empty()
            && self
                .store
                .read(|db| settings::get(db, ANNOUNCED))
                .await?
                .is_none()
        {
            (self.announce)();
            let told = |tx: &Tx<'_>| settings::set(tx, ANNOUNCED, "yes");
            self.store.write(told).await?;
        }
        let kind = self.kind;
        let deleted: Result<usize, StoreError> = self
            .store
            .write(move |tx| {
                let mut deleted = jobs::prune(tx, before, BATCH)?;
                if kind == Kind::Platform {
                    deleted += delete_runs(tx, before)?;
                }
                for seq in seqs {
                    deleted += usize::from(delete_event(tx, kind, seq)?);
                }
                Ok(deleted)
            })
            .await;
        tokio::time::sleep(PAUSE).await;
        deleted
    }

    async fn shrink(&self) -> Result<(), StoreError> {
        let usage = self.store.read(space::usage).await?;
        if usage.free <= WORTH_RETURNING.max(usage.file / SHARE_WORTH_RETURNING) {
            return Ok(());
        }
        loop {
            let returned: u64 = self.store.write(space::shrink_step).await?;
            if returned == 0 {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The bytes that count against the limit. Records are read only if the database is over the limit with them.
fn size(db: &Connection, kind: Kind, most: u64) -> Result<u64, StoreError> {
    let all = space::usage(db)?.data();
    if kind == Kind::Inbox || all <= most {
        return Ok(all);
    }
    let sql = "SELECT coalesce(sum(length(body)), 0) FROM records";
    let records: i64 = db.query_row(sql, [], |row| row.get(0))?;
    Ok(all.saturating_sub(records.unsigned_abs()))
}

/// Selects events that are finished: delivered or only stored, without a delivery or a run that still needs them.
fn finished(kind: Kind) -> String {
    let jobs = jobs::list(&State::UNRESOLVED);
    let mut finished = format!(
        "NOT ({UNDELIVERED}) AND NOT EXISTS (SELECT 1 FROM jobs WHERE event_seq = events.seq AND state IN ({jobs}))"
    );
    if kind == Kind::Platform {
        finished.push_str(
            " AND NOT EXISTS (SELECT 1 FROM runs WHERE event_seq = events.seq AND ended_at IS NULL)",
        );
    }
    finished
}

fn oldest(db: &Connection, kind: Kind, after: Seq, before: Timestamp) -> Result<Batch, StoreError> {
    let sql = format!(
        "SELECT seq, received_at, length(headers) + length(body) FROM events \
         WHERE seq > ?1 AND received_at < ?2 AND {} ORDER BY seq LIMIT {BATCH}",
        finished(kind)
    );
    let mut select = db.prepare_cached(&sql)?;
    let mut rows = select.query(params![after.0, before.millis()])?;
    let mut batch = Batch::default();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        batch.seqs.push(Seq(row.get(0)?));
        let at = Some(Timestamp::from_millis(row.get(1)?));
        batch.newest = batch.newest.max(at);
        bytes += row.get::<_, i64>(2)?.unsigned_abs();
        if bytes > BATCH_BYTES {
            break;
        }
    }
    Ok(batch)
}

/// Deletes one event if it is still finished.
fn delete_event(tx: &Tx<'_>, kind: Kind, seq: Seq) -> Result<bool, StoreError> {
    let sql = format!("DELETE FROM events WHERE seq = ?1 AND {}", finished(kind));
    let is_deleted = tx.prepare_cached(&sql)?.execute([seq.0])? > 0;
    if is_deleted {
        attempts::remove(tx, seq)?;
    }
    Ok(is_deleted)
}

/// Deletes the oldest runs that ended before a time, except those with a delivery that has not been made.
fn delete_runs(tx: &Tx<'_>, before: Timestamp) -> Result<usize, StoreError> {
    let sql = format!(
        "DELETE FROM runs WHERE id IN (SELECT id FROM runs WHERE ended_at < ?1 AND NOT EXISTS \
         (SELECT 1 FROM jobs WHERE run_id = runs.id AND state IN ({})) ORDER BY id LIMIT {BATCH})",
        jobs::list(&State::UNRESOLVED)
    );
    Ok(tx.prepare_cached(&sql)?.execute([before.millis()])?)
}

/// The number of undelivered events, which are never deleted.
pub fn undelivered(db: &Connection) -> Result<u64, StoreError> {
    let jobs = jobs::list(&State::UNRESOLVED);
    let sql = format!(
        "SELECT (SELECT count(*) FROM events WHERE {UNDELIVERED}) + (SELECT count(*) FROM jobs WHERE state IN ({jobs}))"
    );
    let count: i64 = db.query_row(&sql, [], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;

    use super::super::events;
    use super::super::jobs::NewJob;
    use super::super::records::{self, Row, Span};
    use super::super::runs::{self, RunRow};
    use super::*;
    use crate::event::{Event, Meta, Outcome, Source};

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn event(age: Duration, outcome: Outcome) -> Event {
        Event {
            source: Source::Listen,
            outcome,
            ..Event::raised(
                Bytes::from(vec![b'x'; 10_000]),
                Meta::default(),
                Timestamp::now().minus(age),
            )
        }
    }

    async fn insert(store: &Store, event: Event) -> Seq {
        let stored: Result<Seq, StoreError> = store
            .write(move |tx| events::insert(tx, &event, None))
            .await;
        stored.unwrap()
    }

    async fn insert_many(store: &Store, count: usize, outcome: Outcome) {
        let stored: Result<(), StoreError> = store
            .write(move |tx| {
                for _ in 0..count {
                    events::insert(tx, &event(DAY, outcome), None)?;
                }
                Ok(())
            })
            .await;
        stored.unwrap();
    }

    async fn left(store: &Store) -> Vec<i64> {
        let left: Result<Vec<i64>, StoreError> = store
            .read(|db| {
                let mut select = db.prepare("SELECT seq FROM events ORDER BY seq")?;
                let rows = select.query_map([], |row| row.get(0))?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await;
        left.unwrap()
    }

    fn sweep(store: &Store, kind: Kind, retention: Retention) -> Sweep<impl Fn() + Send> {
        Sweep {
            store: store.clone(),
            kind,
            retention,
            announce: || {},
        }
    }

    const WEEK: Retention = Retention {
        age: Some(Duration::from_secs(7 * 24 * 60 * 60)),
        size: None,
    };

    #[tokio::test]
    async fn only_finished_events_that_are_old_are_deleted() {
        let store = Store::ephemeral(Kind::Inbox).unwrap();
        let delivered = Outcome::Delivered { status: 200 };
        insert(&store, event(8 * DAY, delivered)).await;
        let failed = insert(&store, event(8 * DAY, Outcome::Failed { status: None })).await;
        let new = insert(&store, event(6 * DAY, delivered)).await;
        insert(&store, event(9 * DAY, Outcome::Kept)).await;
        let queued = insert(&store, event(8 * DAY, Outcome::Queued)).await;
        let _: i64 = store
            .write::<_, StoreError, _>(move |tx| {
                let job = NewJob {
                    event: Some(queued),
                    ..NewJob::post("http://127.0.0.1:9/")
                };
                jobs::enqueue(tx, &job)
            })
            .await
            .unwrap();
        sweep(&store, Kind::Inbox, WEEK).run(true).await.unwrap();
        assert_eq!(left(&store).await, [failed.0, new.0, queued.0]);
    }

    #[tokio::test]
    async fn new_events_stay_if_the_clock_was_set_back() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let back = Timestamp::now().minus(30 * DAY);
        let mode = crate::clock::Mode::running_from(back, Timestamp::now());
        store.set_clock(mode).await.unwrap();
        let new = insert(&store, event(30 * DAY, Outcome::Kept)).await;
        insert(&store, event(38 * DAY, Outcome::Kept)).await;
        sweep(&store, Kind::Platform, WEEK).run(true).await.unwrap();
        assert_eq!(left(&store).await, [new.0]);
    }

    #[tokio::test]
    async fn the_oldest_events_are_deleted_until_the_rest_fits() {
        let store = Store::ephemeral(Kind::Inbox).unwrap();
        insert_many(&store, 1_000, Outcome::Kept).await;
        let limit = Retention {
            age: None,
            size: Some(6 << 20),
        };
        sweep(&store, Kind::Inbox, limit).run(true).await.unwrap();
        let left = left(&store).await;
        assert!((200..=600).contains(&left.len()), "{}", left.len());
        assert_eq!(left.last(), Some(&1_000));
        assert_eq!(left[0], 1_001 - left.len() as i64);
    }

    #[tokio::test]
    async fn events_of_a_clock_that_is_ahead_count_against_the_size() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let ahead = Timestamp::now().plus(30 * DAY);
        for _ in 0..300 {
            let body = Bytes::from(vec![b'x'; 10_000]);
            insert(&store, Event::raised(body, Meta::default(), ahead)).await;
        }
        let limit = Retention {
            age: None,
            size: Some(2 << 20),
        };
        sweep(&store, Kind::Platform, limit)
            .run(true)
            .await
            .unwrap();
        assert!(left(&store).await.len() < 300);
    }

    #[tokio::test]
    async fn undelivered_events_stay_even_if_they_are_over_the_limit() {
        let store = Store::ephemeral(Kind::Inbox).unwrap();
        insert_many(&store, 300, Outcome::Failed { status: Some(500) }).await;
        let limit = Retention {
            age: None,
            size: Some(1 << 20),
        };
        sweep(&store, Kind::Inbox, limit).run(true).await.unwrap();
        assert_eq!(left(&store).await.len(), 300);
        assert_eq!(store.read(undelivered).await.unwrap(), 300);
    }

    fn run(id: &str, event: Seq, ended: Option<Timestamp>) -> RunRow {
        RunRow {
            id: id.to_owned(),
            flow: "f".to_owned(),
            flow_version: 1,
            org: "o".to_owned(),
            cause: "event".to_owned(),
            trigger_id: None,
            event: Some(event),
            status: "completed".to_owned(),
            depth: 0,
            next_step: 0,
            context: None,
            steps: "[]".to_owned(),
            explain: None,
            started: Timestamp::now().minus(9 * DAY),
            ended,
            error: None,
        }
    }

    #[tokio::test]
    async fn the_platform_keeps_records_open_runs_and_their_events() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let open = insert(&store, event(8 * DAY, Outcome::Kept)).await;
        let ended = insert(&store, event(8 * DAY, Outcome::Kept)).await;
        store
            .write::<_, StoreError, _>(move |tx| {
                let at = Timestamp::now().minus(8 * DAY);
                runs::insert(tx, &run("exec-1", open, None))?;
                runs::insert(tx, &run("exec-2", ended, Some(at)))?;
                runs::insert(tx, &run("exec-3", ended, Some(at)))?;
                let dead = NewJob {
                    step: Some(("exec-3".to_owned(), 0)),
                    ..NewJob::post("http://127.0.0.1:9/")
                };
                jobs::enqueue(tx, &dead)?;
                records::insert(
                    tx,
                    &Row {
                        org: "o",
                        datatype: "contact",
                        sk: "a",
                        version: 1,
                        state: "new",
                        createdate: 1,
                        modifydate: 1,
                        body: "{}",
                    },
                )
            })
            .await
            .unwrap();
        sweep(&store, Kind::Platform, WEEK).run(true).await.unwrap();
        assert_eq!(left(&store).await, [open.0]);
        let found: Result<_, StoreError> = store
            .read(|db| {
                let runs = ["exec-1", "exec-2", "exec-3"].map(|id| runs::get(db, id));
                Ok((runs, records::count(db, "o", "contact", Span::ALL)?))
            })
            .await;
        let (runs, records) = found.unwrap();
        assert_eq!(runs.map(|run| run.unwrap().is_some()), [true, false, true]);
        assert_eq!(records, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_deletion_is_announced_once() {
        let store = Store::ephemeral(Kind::Inbox).unwrap();
        let announced = Arc::new(AtomicUsize::new(0));
        for _ in 0..2 {
            insert(&store, event(8 * DAY, Outcome::Kept)).await;
            let counted = Arc::clone(&announced);
            let sweep = Sweep {
                store: store.clone(),
                kind: Kind::Inbox,
                retention: WEEK,
                announce: move || {
                    counted.fetch_add(1, Ordering::Relaxed);
                },
            };
            sweep.run(true).await.unwrap();
        }
        assert_eq!(
            (left(&store).await.len(), announced.load(Ordering::Relaxed)),
            (0, 1)
        );
    }
}
