//! Pauses and resumes queues.
//!
//! The waiting jobs of a paused queue have their own state, into which triggers of the schema put every job that would
//! wait. So claims need not know which queues are paused.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::Paused;
use crate::event::Seq;
use crate::store::jobs::{PAUSED, WAITING};
use crate::store::{StoreError, Tx, endpoints};
use crate::time::Timestamp;

/// Stops the attempts of a queue's jobs. Jobs that are active now end as usual.
pub fn pause(tx: &Tx<'_>, queue: &str) -> Result<Paused, StoreError> {
    let changed = tx
        .prepare_cached("INSERT OR IGNORE INTO paused (queue, paused_at) VALUES (?1, ?2)")?
        .execute(params![queue, tx.now().millis()])?;
    let sql = format!("UPDATE jobs SET state = {PAUSED} WHERE state = {WAITING} AND queue = ?1");
    tx.prepare_cached(&sql)?.execute([queue])?;
    let sql = format!("SELECT count(*) FROM jobs WHERE state = {PAUSED} AND queue = ?1");
    let jobs: i64 = tx
        .prepare_cached(&sql)?
        .query_row([queue], |row| row.get(0))?;
    Ok(Paused {
        queue: queue.to_owned(),
        paused: true,
        changed: changed > 0,
        jobs: usize::try_from(jobs).unwrap_or(0),
    })
}

/// Lets the jobs of a paused queue wait for their time again.
pub fn resume(tx: &Tx<'_>, queue: &str) -> Result<Paused, StoreError> {
    let changed = tx
        .prepare_cached("DELETE FROM paused WHERE queue = ?1")?
        .execute([queue])?;
    let endpoints: Vec<i64> = {
        let sql = format!(
            "SELECT DISTINCT endpoint FROM jobs WHERE state = {PAUSED} AND queue = ?1 AND endpoint > 0"
        );
        let mut select = tx.prepare_cached(&sql)?;
        let rows = select.query_map([queue], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    let sql = format!("UPDATE jobs SET state = {WAITING} WHERE state = {PAUSED} AND queue = ?1");
    let jobs = tx.prepare_cached(&sql)?.execute([queue])?;
    for endpoint in endpoints {
        // Deliveries follow the system's clock.
        endpoints::reschedule(tx, endpoint, Timestamp::now())?;
    }
    tx.jobs_ready();
    tx.work_ready();
    Ok(Paused {
        queue: queue.to_owned(),
        paused: false,
        changed: changed > 0,
        jobs,
    })
}

/// Whether a queue is paused.
pub fn is_paused(db: &Connection, queue: &str) -> Result<bool, StoreError> {
    Ok(db
        .prepare_cached("SELECT 1 FROM paused WHERE queue = ?1")?
        .exists([queue])?)
}

/// Whether an event waits in a queue that is paused.
pub fn holds_event(db: &Connection, queue: &str, event: Seq) -> Result<bool, StoreError> {
    let sql =
        format!("SELECT 1 FROM jobs WHERE event_seq = ?1 AND state = {PAUSED} AND queue = ?2");
    Ok(db.prepare_cached(&sql)?.exists(params![event.0, queue])?)
}

/// The paused queue in which a job of a run waits. A job of the platform's own queues counts if it is due at `now`.
pub fn holding(db: &Connection, run: &str, now: Timestamp) -> Result<Option<String>, StoreError> {
    let sql = format!(
        "SELECT queue FROM jobs WHERE run_id = ?1 AND state = {PAUSED} AND (endpoint > 0 OR run_at <= ?2)"
    );
    Ok(db
        .prepare_cached(&sql)?
        .query_row(params![run, now.millis()], |row| row.get(0))
        .optional()?)
}

/// The paused queues, and since when.
pub fn paused(db: &Connection) -> Result<BTreeMap<String, Timestamp>, StoreError> {
    let mut select = db.prepare_cached("SELECT queue, paused_at FROM paused")?;
    let rows = select.query_map([], |row| {
        Ok((row.get(0)?, Timestamp::from_millis(row.get(1)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backoff::Retry;
    use crate::store::jobs::{self, NewJob, State};
    use crate::store::queue::{Selection, page};
    use crate::store::work::{self, NewWork};
    use crate::store::{Kind, Store};

    fn write<T: Send + 'static>(
        store: &Store,
        op: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        store.write_blocking(op).unwrap()
    }

    fn states(store: &Store) -> Vec<State> {
        let jobs = store.read_blocking(|db| page(db, &Selection::default(), i64::MAX, 100));
        jobs.unwrap()
            .into_iter()
            .rev()
            .map(|job| job.state)
            .collect()
    }

    fn add(store: &Store, name: &'static str) -> i64 {
        write(store, move |tx| {
            let job = NewWork::new("oneoff", name, String::new(), tx.now());
            work::enqueue(tx, &job)
        })
    }

    #[test]
    fn jobs_of_a_paused_queue_are_not_due_until_it_is_resumed() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        add(&store, "before");
        assert!(write(&store, |tx| pause(tx, "oneoff")).changed);
        assert!(!write(&store, |tx| pause(tx, "oneoff")).changed);
        add(&store, "after");
        assert_eq!(states(&store), [State::Paused, State::Paused]);
        let due = |store: &Store| {
            let due = store.read_blocking(|db| work::due(db, Timestamp::now(), 10));
            due.unwrap()
                .into_iter()
                .map(|job| job.name)
                .collect::<Vec<_>>()
        };
        assert!(due(&store).is_empty());
        assert_eq!(write(&store, |tx| resume(tx, "oneoff")).jobs, 2);
        assert_eq!(due(&store), ["before", "after"]);
    }

    #[test]
    fn a_job_that_fails_or_is_retried_while_its_queue_is_paused_is_paused() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let failing = add(&store, "failing");
        let dead = add(&store, "dead");
        write(&store, move |tx| {
            work::fail(tx, dead, "no", None)?;
            pause(tx, "oneoff")?;
            work::fail(tx, failing, "no", Some(tx.now()))?;
            super::super::retry(tx, dead, tx.now())
        });
        assert_eq!(
            states(&store),
            [State::Paused, State::Redriven, State::Paused]
        );
    }

    #[test]
    fn a_key_is_unique_also_while_its_queue_is_paused() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        write(&store, |tx| pause(tx, "schedule"));
        for _ in 0..3 {
            write(&store, |tx| {
                let job = NewWork {
                    key: Some("plan".to_owned()),
                    ..NewWork::new("schedule", "run", String::new(), tx.now())
                };
                work::enqueue(tx, &job)
            });
        }
        assert_eq!(states(&store), [State::Paused]);
        write(&store, |tx| resume(tx, "schedule"));
        assert_eq!(states(&store), [State::Waiting]);
    }

    #[test]
    fn deliveries_of_a_paused_queue_are_claimed_after_it_is_resumed() {
        let store = Store::ephemeral(Kind::Platform).unwrap();
        let next = |store: &Store| {
            write(store, |tx| {
                let capacity = jobs::Capacity {
                    owner: 1,
                    now: Timestamp::now(),
                    total: 10,
                    per_endpoint: std::collections::HashMap::new(),
                    unknown_endpoint: 10,
                    probe: std::time::Duration::from_secs(30),
                };
                Ok(jobs::claim(tx, &capacity)?.jobs.len())
            })
        };
        write(&store, |tx| pause(tx, "deliveries"));
        write(&store, |tx| {
            let retry = Retry::none();
            jobs::enqueue(
                tx,
                &NewJob {
                    retry,
                    ..NewJob::post("http://127.0.0.1:9/hook")
                },
            )
        });
        assert_eq!(next(&store), 0);
        write(&store, |tx| resume(tx, "deliveries"));
        assert_eq!(next(&store), 1);
    }
}
