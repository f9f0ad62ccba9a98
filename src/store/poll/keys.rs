//! Every key that is known, for walks over all records: which of them are gone, which changed unseen.

use rusqlite::{Connection, OptionalExtension, params};

use super::database::{Kept, digest, micros};
use super::error::{Fault, PollStateError};
use super::{PollState, sum};
use crate::watermark::{Digest, Micros};

/// Only where the position says that keys are tracked.
impl PollState {
    /// Begins a walk over all keys and returns its number. One that was not ended counts for nothing.
    pub fn begin_walk(&mut self) -> Result<u64, PollStateError> {
        let walk = self.database.write(|tx, _| {
            let sql = "UPDATE meta SET walk = walk + 1 RETURNING walk";
            Ok(tx.query_row(sql, [], |row| row.get::<_, i64>(0))?)
        })?;
        self.walk = walk;
        Ok(walk.cast_unsigned())
    }

    /// Notes that a walk met a key; returns what was known of it before. The next commit writes it down, together with what
    /// was emitted because of it.
    pub fn met(
        &mut self,
        key: &[u8],
        digest: Digest,
        at: Micros,
        walk: u64,
    ) -> Result<Option<(Digest, Micros)>, PollStateError> {
        self.walk = walk.cast_signed();
        let before = self.known(key)?;
        self.staged.meet(key, digest, at);
        Ok(before)
    }

    fn known(&self, key: &[u8]) -> Result<Option<(Digest, Micros)>, PollStateError> {
        let staged = self.staged.known(key);
        let is_untold = self.database.kept.keys.rows == 0 || self.staged.is_forgotten(key);
        if staged.is_some() || is_untold {
            return Ok(staged);
        }
        let reading = self.database.reading();
        reading
            .and_then(|connection| find(connection, key))
            .map(|found| found.map(|(known, at, ..)| (known, at)))
            .map_err(|fault| self.database.place.error(fault))
    }

    /// Ends a walk: every key that it has not met was missed once more.
    pub fn end_walk(&mut self, walk: u64) -> Result<(), PollStateError> {
        let (staged, walk) = (&self.staged, walk.cast_signed());
        self.database.write(|tx, _| {
            let mut statement =
                tx.prepare_cached("UPDATE keys SET walk = ?2, miss = 0 WHERE key = ?1")?;
            for key in staged.alive() {
                statement.execute(params![key, walk])?;
            }
            let sql = "UPDATE keys SET miss = miss + 1 WHERE walk < ?1";
            tx.execute(sql, [walk])?;
            Ok(())
        })
    }

    /// Keys that were missed by at least so many walks since they were last there.
    pub fn missing(&self, least: u32, limit: usize) -> Result<Vec<Vec<u8>>, PollStateError> {
        let staged = &self.staged;
        let with_forgotten = limit.saturating_add(staged.forgotten());
        missed(&self.database.connection, least, with_forgotten)
            .map(|mut keys| {
                keys.retain(|key| !staged.is_forgotten(key) && staged.known(key).is_none());
                keys.truncate(limit);
                keys
            })
            .map_err(|fault| self.database.place.error(fault))
    }

    /// Forgets a key and its versions, for a record that is gone; the next commit writes it down.
    pub fn forget_key(&mut self, key: &[u8]) {
        self.staged.forget(key);
    }

    /// The keys that are known, as of the last commit.
    pub fn tracked_keys(&self) -> u64 {
        self.database.kept.keys.rows
    }
}

fn missed(connection: &Connection, least: u32, limit: usize) -> Result<Vec<Vec<u8>>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = "SELECT key FROM keys WHERE miss > 0 AND miss >= ?1 ORDER BY miss DESC LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let keys = statement.query_map(params![least, limit], |row| row.get(0))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

type Known = (Digest, Micros, i64, i64);

/// A key's digest, its date, how often it was missed and the last walk that met it.
fn find(connection: &Connection, key: &[u8]) -> Result<Option<Known>, Fault> {
    connection
        .prepare_cached("SELECT digest, ts, miss, walk FROM keys WHERE key = ?1")?
        .query_row([key], |row| {
            let (at, miss, walk) = (micros(row, 1)?, row.get(2)?, row.get(3)?);
            Ok(digest(row.get_ref(0)?).map(|digest| (digest, at, miss, walk)))
        })
        .optional()?
        .transpose()
}

/// Notes that a key is there, as this version.
pub(super) fn put(
    tx: &Connection,
    kept: &mut Kept,
    key: &[u8],
    digest: Digest,
    at: Micros,
    walk: i64,
) -> Result<(), Fault> {
    if let Some((old, old_at, ..)) = find(tx, key)? {
        kept.keys.remove(sum::of_key(key, old, old_at));
    }
    tx.prepare_cached(
        "INSERT INTO keys (key, digest, ts, miss, walk) VALUES (?1, ?2, ?3, 0, ?4)
         ON CONFLICT (key) DO UPDATE SET digest = excluded.digest, ts = excluded.ts, miss = 0, walk = excluded.walk",
    )?
    .execute(params![key, digest.0, at.get(), walk])?;
    kept.keys.add(sum::of_key(key, digest, at));
    Ok(())
}

pub(super) fn remove(tx: &Connection, kept: &mut Kept, key: &[u8]) -> Result<(), Fault> {
    if let Some((digest, at, ..)) = find(tx, key)? {
        kept.keys.remove(sum::of_key(key, digest, at));
        tx.prepare_cached("DELETE FROM keys WHERE key = ?1")?
            .execute([key])?;
    }
    Ok(())
}

/// Forgets all of them: where they are not kept up they would soon be wrong.
pub(super) fn clear(tx: &Connection, kept: &mut Kept) -> Result<(), Fault> {
    tx.execute("DELETE FROM keys", [])?;
    kept.keys = sum::Sum::default();
    Ok(())
}

pub(super) fn set_missed(tx: &Connection, key: &[u8], times: u32) -> Result<(), Fault> {
    tx.prepare_cached("UPDATE keys SET miss = ?2 WHERE key = ?1")?
        .execute(params![key, times])?;
    Ok(())
}
