//! Attempts and the answers of targets: those of jobs, and those of events that were sent without a job.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use super::events::{pack, unpack};
use super::{StoreError, Tx};
use crate::attempt::{Attempt, Cut};
use crate::event::Seq;
use crate::time::Timestamp;

/// Attempts that are stored for each event, and for each job: the newest ones. A job for an endpoint that is down is attempted
/// again and again without using up its retries.
const KEPT_OF_EVENT: i64 = 20;
const KEPT_OF_JOB: i64 = 50;

/// Stores an attempt to send an event. Does nothing if the event was deleted.
pub fn insert(tx: &Tx<'_>, event: Seq, attempt: &Attempt) -> Result<(), StoreError> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO answers (event, n, started_at, took, status, error, headers, body, cut) \
         SELECT ?1, (SELECT coalesce(max(n), 0) + 1 FROM answers WHERE event = ?1), ?2, ?3, ?4, ?5, ?6, ?7, ?8 \
         WHERE EXISTS (SELECT 1 FROM events WHERE seq = ?1) RETURNING n",
    )?;
    let mut rows = insert.query(params![
        event.0,
        attempt.started_at.millis(),
        i64::try_from(attempt.took.as_micros()).unwrap_or(i64::MAX),
        attempt.status,
        attempt.error,
        non_empty(&pack(&attempt.headers)),
        non_empty(&attempt.body),
        number(attempt.cut),
    ])?;
    let n: i64 = match rows.next()? {
        Some(row) => row.get(0)?,
        None => 0,
    };
    drop(rows);
    if n > KEPT_OF_EVENT {
        tx.prepare_cached("DELETE FROM answers WHERE event = ?1 AND n <= ?2")?
            .execute(params![event.0, n - KEPT_OF_EVENT])?;
    }
    Ok(())
}

/// Stores the `n`th attempt of a job.
pub(super) fn insert_of_job(
    tx: &Tx<'_>,
    job: i64,
    n: u32,
    attempt: &Attempt,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO attempts (job, n, started_at, took, status, error, headers, body, cut) \
         VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)",
    )?
    .execute(params![
        job,
        n,
        attempt.started_at.millis(),
        i64::try_from(attempt.took.as_millis()).unwrap_or(i64::MAX),
        attempt.status,
        attempt.error,
        non_empty(&pack(&attempt.headers)),
        non_empty(&attempt.body),
        number(attempt.cut),
    ])?;
    if i64::from(n) > KEPT_OF_JOB {
        tx.prepare_cached("DELETE FROM attempts WHERE job = ?1 AND n <= ?2")?
            .execute(params![job, i64::from(n) - KEPT_OF_JOB])?;
    }
    Ok(())
}

/// The stored attempts to deliver an event, with and without a job, oldest first.
pub fn of_event(db: &Connection, event: Seq) -> Result<Vec<Arc<Attempt>>, StoreError> {
    let mut select = db.prepare_cached(
        "SELECT started_at, took, status, error, headers, body, cut FROM answers WHERE event = ?1 \
         UNION ALL \
         SELECT a.started_at, a.took * 1000, a.status, a.error, a.headers, a.body, a.cut \
         FROM jobs j JOIN attempts a ON a.job = j.id WHERE j.event_seq = ?1 ORDER BY 1",
    )?;
    let rows = select.query_map([event.0], |row| Ok(Arc::new(read(row, 0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The stored attempts of a job with their numbers, oldest first.
pub(super) fn of_job(db: &Connection, job: i64) -> Result<Vec<(u32, Attempt)>, StoreError> {
    let mut select = db.prepare_cached(
        "SELECT n, started_at, took * 1000, status, error, headers, body, cut FROM attempts WHERE job = ?1 ORDER BY n",
    )?;
    let rows = select.query_map([job], |row| Ok((row.get(0)?, read(row, 1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Deletes the attempts of an event that were made without a job.
pub(super) fn remove(tx: &Tx<'_>, event: Seq) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM answers WHERE event = ?1")?
        .execute([event.0])?;
    Ok(())
}

fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Attempt> {
    let bytes = |index: usize| -> rusqlite::Result<&[u8]> {
        match row.get_ref(first + index)? {
            ValueRef::Blob(bytes) => Ok(bytes),
            _ => Ok(&[]),
        }
    };
    let cut: i64 = row.get(first + 6)?;
    Ok(Attempt {
        started_at: Timestamp::from_millis(row.get(first)?),
        took: Duration::from_micros(row.get::<_, i64>(first + 1)?.unsigned_abs()),
        status: row.get(first + 2)?,
        error: row.get(first + 3)?,
        headers: unpack(bytes(4)?),
        body: Bytes::copy_from_slice(bytes(5)?),
        cut: Cut {
            headers: cut & 1 != 0,
            body: cut & 2 != 0,
        },
    })
}

fn non_empty(bytes: &[u8]) -> Option<&[u8]> {
    Some(bytes).filter(|bytes| !bytes.is_empty())
}

fn number(cut: Cut) -> i64 {
    i64::from(cut.headers) | i64::from(cut.body) << 1
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;
    use crate::event::{Event, Meta};
    use crate::store::jobs::{self, NewJob};
    use crate::store::{Kind, Store, events};

    fn attempt(at: i64, body: &[u8]) -> Attempt {
        let headers = HeaderMap::from_iter([(http::header::SERVER, HeaderValue::from_static("a"))]);
        Attempt::answered(
            Timestamp::from_millis(at),
            Duration::from_micros(1_234),
            StatusCode::INTERNAL_SERVER_ERROR,
            headers,
            body,
            true,
        )
    }

    fn store_event(store: &Store) -> Seq {
        let event = Event::raised(Bytes::new(), Meta::default(), Timestamp::from_millis(1));
        let stored: Result<Seq, StoreError> =
            store.write_blocking(move |tx| events::insert(tx, &event, None));
        stored.unwrap()
    }

    #[test]
    fn the_answer_to_an_event_is_read_back_exactly() {
        let store = Store::ephemeral(Kind::Inbox).unwrap();
        let seq = store_event(&store);
        let written = attempt(5, b"\xffno");
        let answer = written.clone();
        let _: Result<(), StoreError> = store.write_blocking(move |tx| insert(tx, seq, &answer));
        let event = store
            .read_blocking(|db| events::get(db, seq))
            .unwrap()
            .unwrap();
        assert_eq!(event.attempts, [Arc::new(written)]);
    }

    #[test]
    fn attempts_with_and_without_a_job_are_in_order() {
        let store = Store::ephemeral(Kind::Inbox).unwrap();
        let seq = store_event(&store);
        let found: Result<Vec<_>, StoreError> = store.write_blocking(move |tx| {
            let job = NewJob {
                event: Some(seq),
                ..NewJob::post("http://127.0.0.1:9/")
            };
            let job = jobs::enqueue(tx, &job)?;
            insert(tx, seq, &attempt(3, b"third"))?;
            insert_of_job(tx, job, 1, &attempt(1, b"first"))?;
            insert_of_job(tx, job, 2, &attempt(2, b"second"))?;
            of_event(tx, seq)
        });
        let bodies: Vec<_> = found.unwrap().iter().map(|one| one.body.clone()).collect();
        assert_eq!(bodies, ["first", "second", "third"]);
    }

    #[test]
    fn only_the_newest_attempts_are_stored() {
        let store = Store::ephemeral(Kind::Inbox).unwrap();
        let seq = store_event(&store);
        let found: Result<_, StoreError> = store.write_blocking(move |tx| {
            for n in 1..=KEPT_OF_JOB + 5 {
                insert(tx, seq, &attempt(n, b""))?;
                insert_of_job(tx, 1, u32::try_from(n).unwrap(), &attempt(n, b""))?;
            }
            Ok((of_event(tx, seq)?, of_job(tx, 1)?))
        });
        let (of_event, of_job) = found.unwrap();
        assert_eq!(of_event.len() as i64, KEPT_OF_EVENT);
        assert_eq!((of_job.len() as i64, of_job[0].0), (KEPT_OF_JOB, 6));
    }

    #[test]
    fn a_deleted_event_has_no_answers() {
        let store = Store::ephemeral(Kind::Inbox).unwrap();
        let seq = store_event(&store);
        let found: Result<_, StoreError> = store.write_blocking(move |tx| {
            insert(tx, seq, &attempt(1, b""))?;
            events::remove(tx, seq)?;
            // The result of an attempt that was in flight.
            insert(tx, seq, &attempt(2, b""))?;
            of_event(tx, seq)
        });
        assert_eq!(found.unwrap(), []);
    }
}
