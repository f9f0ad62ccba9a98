//! Events as they were received, sent or raised: stored byte for byte, found by their position.

use std::ops::ControlFlow;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::jobs::{self, State};
use super::{StoreError, Tx, attempts};
use crate::event::{Event, Meta, Outcome, Seq, Source, Transport, Verdict};
use crate::time::Timestamp;

const COLUMNS: &str = "seq, received_at, source, transport, kind, id, system, org, subject, time, method, target, \
                       headers, body, data_start, data_end, scheme, verified, reason, hint, outcome, status";

/// The number of [`Outcome::Failed`] in the database. SQL needs it as a literal, so that the index `events_failed` is used.
const FAILED: i64 = 4;

/// The events that [`Scan::failed`] selects.
pub(super) const UNDELIVERED: &str = "outcome = 4 AND source <> 'send'";

/// Selects the jobs that may still send the body of an event: waiting, active, or dead and possibly retried by a user.
fn unresolved_jobs() -> String {
    let states = jobs::list(&State::UNRESOLVED);
    format!("SELECT 1 FROM jobs WHERE event_seq = events.seq AND state IN ({states})")
}

/// The events that a [`scan`] visits. The default is all events, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Only events after this one.
    pub after: Option<Seq>,
    /// Only events before this one.
    pub before: Option<Seq>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Only received events whose delivery failed, not those that `evt send` sent: a listener stores a test event again, as
    /// received. There is an index for them, so this is fast in a large store.
    pub failed: bool,
    pub newest_first: bool,
}

/// Stores an event and its attempts. `cause` is the event that caused it and the length of the chain of causes.
pub fn insert(tx: &Tx<'_>, event: &Event, cause: Option<(Seq, u32)>) -> Result<Seq, StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO events (received_at, source, transport, kind, id, system, org, subject, time, method, target, \
         headers, body, data_start, data_end, scheme, verified, reason, hint, outcome, status, cause, depth) \
         VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23)",
    )?;
    let meta = &event.meta;
    let verdict = event.verdict.as_ref();
    statement.execute(params![
        event.received_at.millis(),
        event.source.as_str(),
        event.transport.as_str(),
        meta.kind,
        meta.id,
        meta.system,
        meta.org,
        meta.subject,
        meta.time,
        event.method.as_str(),
        event.target,
        pack(&event.headers),
        &event.body[..],
        meta.data.as_ref().map(|range| range.start as i64),
        meta.data.as_ref().map(|range| range.end as i64),
        verdict.map(|verdict| verdict.scheme.as_str()),
        verdict.map(|verdict| verdict.ok),
        verdict.map(|verdict| verdict.reason.as_str()),
        verdict.and_then(|verdict| verdict.hint.as_deref()),
        number(event.outcome),
        event.outcome.status(),
        cause.map(|(seq, _)| seq.0),
        cause.map_or(0, |(_, depth)| depth),
    ])?;
    let seq = Seq(tx.last_insert_rowid());
    for attempt in &event.attempts {
        attempts::insert(tx, seq, attempt)?;
    }
    tx.event_stored();
    Ok(seq)
}

/// Stores the outcome of an event.
pub fn set_outcome(tx: &Tx<'_>, seq: Seq, outcome: Outcome) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE events SET outcome = ?2, status = ?3 WHERE seq = ?1")?
        .execute(params![seq.0, number(outcome), outcome.status()])?;
    Ok(())
}

/// The event at this position with its attempts; `None` if it never existed or was pruned.
pub fn get(connection: &Connection, seq: Seq) -> Result<Option<Event>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM events WHERE seq = ?1");
    let found = connection
        .prepare_cached(&sql)?
        .query_row([seq.0], read)
        .optional()?;
    let Some(mut event) = found else {
        return Ok(None);
    };
    event.attempts = attempts::of_event(connection, seq)?;
    Ok(Some(event))
}

/// The `nth` event from the end: 1 is the newest.
pub fn from_end(connection: &Connection, nth: u32) -> Result<Option<Event>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM events ORDER BY seq DESC LIMIT 1 OFFSET ?1");
    Ok(connection
        .prepare_cached(&sql)?
        .query_row([nth.saturating_sub(1)], read)
        .optional()?)
}

/// The event that caused this one, and the length of the chain of causes.
pub fn cause(connection: &Connection, seq: Seq) -> Result<Option<(Option<Seq>, u32)>, StoreError> {
    let row = connection
        .prepare_cached("SELECT cause, depth FROM events WHERE seq = ?1")?
        .query_row([seq.0], |row| {
            Ok((row.get::<_, Option<i64>>(0)?.map(Seq), row.get(1)?))
        })
        .optional()?;
    Ok(row)
}

/// Calls `visit` with each event until it breaks. Only one event is in memory at a time.
pub fn scan<E, F>(connection: &Connection, scan: &Scan, mut visit: F) -> Result<(), E>
where
    E: From<StoreError>,
    F: FnMut(Event) -> Result<ControlFlow<()>, E>,
{
    let mut sql = format!(
        "SELECT {COLUMNS} FROM events WHERE seq > ?1 AND seq < ?2 AND received_at >= ?3 AND received_at < ?4"
    );
    if scan.failed {
        sql.push_str(&format!(" AND {UNDELIVERED}"));
    }
    sql.push_str(if scan.newest_first {
        " ORDER BY seq DESC"
    } else {
        " ORDER BY seq"
    });
    let mut statement = connection.prepare_cached(&sql).map_err(StoreError::from)?;
    let mut rows = statement
        .query(params![
            scan.after.map_or(0, |seq| seq.0),
            scan.before.map_or(i64::MAX, |seq| seq.0),
            scan.since.map_or(i64::MIN, Timestamp::millis),
            scan.until.map_or(i64::MAX, Timestamp::millis),
        ])
        .map_err(StoreError::from)?;
    while let Some(row) = rows.next().map_err(StoreError::from)? {
        let event = read(row).map_err(StoreError::from)?;
        if visit(event)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// Calls `visit` with position, type and body of each event that the platform raised after a position, oldest first, until it
/// breaks. Bodies are borrowed from the database.
pub fn follow(
    connection: &Connection,
    after: Seq,
    mut visit: impl FnMut(Seq, Option<&str>, &[u8]) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, kind, body FROM events WHERE seq > ?1 AND transport = 'bus' ORDER BY seq",
    )?;
    let mut rows = statement.query([after.0])?;
    while let Some(row) = rows.next()? {
        let kind = row
            .get_ref(1)?
            .as_str_or_null()
            .map_err(rusqlite::Error::from)?;
        let body = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        if visit(Seq(row.get(0)?), kind, body).is_break() {
            break;
        }
    }
    Ok(())
}

/// The position of the newest event ever stored, even if that was deleted since; 0 if there was none.
pub fn last_given(connection: &Connection) -> Result<Seq, StoreError> {
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'events'";
    let mut statement = connection.prepare_cached(sql)?;
    let given = statement.query_row([], |row| row.get(0)).optional()?;
    Ok(Seq(given.unwrap_or(0)))
}

/// The number of events, and the bytes of their bodies and headers.
pub fn size(connection: &Connection) -> Result<(i64, i64), StoreError> {
    let sql = "SELECT count(*), coalesce(sum(length(body) + length(headers)), 0) FROM events";
    Ok(connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// The size of an event, for pruning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventSize {
    pub seq: Seq,
    pub received_at: Timestamp,
    /// Bytes of its body and headers.
    pub bytes: u64,
    /// A delivery may still need its body, so [`remove`] does not delete it.
    pub needed: bool,
}

/// Calls `visit` with the size of each event, oldest first, until it breaks. Bodies are not read.
pub fn sizes(
    connection: &Connection,
    mut visit: impl FnMut(EventSize) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let needed = unresolved_jobs();
    let sql = format!(
        "SELECT seq, received_at, length(body) + length(headers), EXISTS ({needed}) FROM events ORDER BY seq"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let size = EventSize {
            seq: Seq(row.get(0)?),
            received_at: Timestamp::from_millis(row.get(1)?),
            bytes: row.get::<_, i64>(2)?.unsigned_abs(),
            needed: row.get(3)?,
        };
        if visit(size).is_break() {
            break;
        }
    }
    Ok(())
}

/// Deletes one event unless a delivery may still need it. Returns whether it was deleted.
pub fn remove(tx: &Tx<'_>, seq: Seq) -> Result<bool, StoreError> {
    let needed = unresolved_jobs();
    let sql = format!("DELETE FROM events WHERE seq = ?1 AND NOT EXISTS ({needed})");
    let is_removed = tx.prepare_cached(&sql)?.execute([seq.0])? > 0;
    if is_removed {
        attempts::remove(tx, seq)?;
    }
    Ok(is_removed)
}

/// Formats headers as lines of `name: value`. This is readable in any SQLite browser, and exact because neither part can contain a
/// line break.
pub(super) fn pack(headers: &HeaderMap) -> Vec<u8> {
    let mut packed = Vec::with_capacity(headers.len() * 40);
    for (name, value) in headers {
        packed.extend_from_slice(name.as_str().as_bytes());
        packed.extend_from_slice(b": ");
        packed.extend_from_slice(value.as_bytes());
        packed.push(b'\n');
    }
    packed
}

pub(super) fn unpack(packed: &[u8]) -> HeaderMap {
    packed
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let colon = line.windows(2).position(|pair| pair == b": ")?;
            let name = HeaderName::from_bytes(&line[..colon]).ok()?;
            let value = HeaderValue::from_bytes(&line[colon + 2..]).ok()?;
            Some((name, value))
        })
        .collect()
}

fn number(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Kept => 0,
        Outcome::Rejected => 1,
        Outcome::Queued => 2,
        Outcome::Delivered { .. } => 3,
        Outcome::Failed { .. } => FAILED,
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Event> {
    let source: String = row.get(2)?;
    let transport: String = row.get(3)?;
    let data = match (
        row.get::<_, Option<i64>>(14)?,
        row.get::<_, Option<i64>>(15)?,
    ) {
        (Some(start), Some(end)) => Some(start as usize..end as usize),
        _ => None,
    };
    let verdict = match (
        row.get::<_, Option<String>>(16)?,
        row.get::<_, Option<bool>>(17)?,
    ) {
        (Some(scheme), Some(ok)) => {
            let reason = row.get::<_, Option<String>>(18)?.unwrap_or_default();
            Some(Verdict {
                scheme,
                ok,
                reason,
                hint: row.get(19)?,
            })
        }
        _ => None,
    };
    let status: Option<u16> = row.get(21)?;
    let outcome = match row.get::<_, i64>(20)? {
        1 => Outcome::Rejected,
        2 => Outcome::Queued,
        3 => Outcome::Delivered {
            status: status.unwrap_or(200),
        },
        FAILED => Outcome::Failed { status },
        _ => Outcome::Kept,
    };
    let method: String = row.get(10)?;
    Ok(Event {
        seq: Some(Seq(row.get(0)?)),
        received_at: Timestamp::from_millis(row.get(1)?),
        source: Source::from_word(&source).unwrap_or(Source::Import),
        transport: Transport::from_word(&transport).unwrap_or(Transport::Http),
        method: Method::from_bytes(method.as_bytes()).unwrap_or(Method::POST),
        target: row.get(11)?,
        headers: unpack(row.get_ref(12)?.as_blob()?),
        body: Bytes::from(row.get::<_, Vec<u8>>(13)?),
        meta: Meta {
            kind: row.get(4)?,
            id: row.get(5)?,
            system: row.get(6)?,
            org: row.get(7)?,
            subject: row.get(8)?,
            time: row.get(9)?,
            data,
        },
        verdict,
        outcome,
        attempts: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Kind, Store};

    fn sample() -> Event {
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", HeaderValue::from_static("msg_1"));
        headers.append("x-two", HeaderValue::from_static("a: b"));
        headers.append("x-two", HeaderValue::from_bytes(b"\xff\xfe").unwrap());
        Event {
            seq: None,
            received_at: Timestamp::from_millis(1_777_111_200_007),
            source: Source::Listen,
            transport: Transport::Http,
            method: Method::POST,
            target: "/hook?a=1".to_owned(),
            headers,
            body: Bytes::from_static(b"{ \"amount\": 10.00 }\n\x00\xff"),
            meta: Meta {
                kind: Some("contact.created".to_owned()),
                data: Some(2..10),
                ..Meta::default()
            },
            verdict: Some(Verdict {
                scheme: "stripe".to_owned(),
                ok: false,
                reason: "signature_mismatch".to_owned(),
                hint: Some("body_changed".to_owned()),
            }),
            outcome: Outcome::Rejected,
            attempts: Vec::new(),
        }
    }

    fn insert_one(store: &Store, event: Event) -> Seq {
        store
            .write_blocking(move |tx| insert(tx, &event, None))
            .unwrap()
    }

    #[test]
    fn a_stored_event_is_read_back_byte_for_byte() {
        let store = Store::ephemeral(Kind::Inbox).unwrap();
        let sent = sample();
        let seq = insert_one(&store, sent.clone());
        let found = store.read_blocking(|db| get(db, seq)).unwrap().unwrap();
        assert_eq!(found.body, sent.body);
        assert_eq!(found.headers, sent.headers);
        assert_eq!(found.meta, sent.meta);
        assert_eq!(found.verdict, sent.verdict);
        assert_eq!(
            (found.method, found.target, found.outcome),
            (sent.method, sent.target, sent.outcome)
        );
    }

    #[test]
    fn failed_events_are_found_newest_first() {
        let store = Store::ephemeral(Kind::Inbox).unwrap();
        let first = insert_one(
            &store,
            Event {
                outcome: Outcome::Failed { status: Some(500) },
                ..sample()
            },
        );
        insert_one(&store, sample());
        let last = insert_one(
            &store,
            Event {
                outcome: Outcome::Failed { status: None },
                ..sample()
            },
        );
        let mut found = Vec::new();
        let all_failed = Scan {
            failed: true,
            newest_first: true,
            ..Scan::default()
        };
        store
            .read_blocking(|db| {
                scan::<StoreError, _>(db, &all_failed, |event| {
                    found.push(event.seq.unwrap());
                    Ok(ControlFlow::Continue(()))
                })
            })
            .unwrap();
        assert_eq!(found, [last, first]);
    }

    #[test]
    fn a_failing_operation_undoes_only_itself() {
        let store = Store::ephemeral(Kind::Inbox).unwrap();
        let seq = insert_one(&store, sample());
        let failed: Result<(), StoreError> = store.write_blocking(move |tx| {
            set_outcome(tx, seq, Outcome::Queued)?;
            Err(StoreError::Stopped)
        });
        assert!(failed.is_err());
        assert_eq!(
            store
                .read_blocking(|db| get(db, seq))
                .unwrap()
                .unwrap()
                .outcome,
            Outcome::Rejected
        );
    }

    #[test]
    fn a_panicking_operation_is_an_error_and_the_store_continues() {
        let store = Store::ephemeral(Kind::Inbox).unwrap();
        let failed: Result<(), StoreError> = store.write_blocking(|_| panic!("in an operation"));
        assert!(matches!(failed, Err(StoreError::Panicked)));
        assert_eq!(insert_one(&store, sample()), Seq(1));
    }
}
