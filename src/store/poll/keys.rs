//! All known keys, for sweeps over all records: which records are deleted, which have changed unnoticed.

use rusqlite::{Connection, OptionalExtension, params};

use super::PollState;
use super::database::Metadata;
use super::error::{Fault, PollStateError};
use super::rows::{self, digest, micros};
use crate::watermark::{Digest, Micros};

/// Sweeps. They need a position with `tracks_keys`.
impl PollState {
    /// Begins a sweep over all keys and returns its number. A sweep that is not ended has no effect.
    pub fn begin_sweep(&mut self) -> Result<u64, PollStateError> {
        let sweep = self.database.write(|tx, _| {
            let sql = "UPDATE meta SET walk = walk + 1 RETURNING walk";
            Ok(tx.query_row(sql, [], |row| row.get::<_, i64>(0))?)
        })?;
        self.sweep = sweep;
        Ok(sweep.cast_unsigned())
    }

    /// Notes that a sweep visited a key. Returns the version known before. The next commit stores the visit together with the
    /// version that was emitted because of it.
    pub fn visit_key(
        &mut self,
        key: &[u8],
        digest: Digest,
        at: Micros,
        sweep: u64,
    ) -> Result<Option<(Digest, Micros)>, PollStateError> {
        self.sweep = sweep.cast_signed();
        let before = self.known(key)?;
        self.staged.visit(key, digest, at);
        Ok(before)
    }

    fn known(&self, key: &[u8]) -> Result<Option<(Digest, Micros)>, PollStateError> {
        let staged = self.staged.known(key);
        let is_not_stored = self.database.metadata.keys.rows == 0 || self.staged.is_forgotten(key);
        if staged.is_some() || is_not_stored {
            return Ok(staged);
        }
        self.read(|connection| find(connection, key))
    }

    /// Ends a sweep: counts a miss for every key that it has not visited.
    pub fn end_sweep(&mut self, sweep: u64) -> Result<(), PollStateError> {
        let (staged, sweep) = (&self.staged, sweep.cast_signed());
        self.database.write(|tx, _| {
            let mut statement =
                tx.prepare_cached("UPDATE keys SET walk = ?2, miss = 0 WHERE key = ?1")?;
            for key in staged.existing_keys() {
                statement.execute(params![key, sweep])?;
            }
            let sql = "UPDATE keys SET miss = miss + 1 WHERE walk < ?1";
            tx.execute(sql, [sweep])?;
            Ok(())
        })
    }

    /// Keys that at least `least` sweeps in a row have missed.
    pub fn missing_keys(&self, least: u32, limit: usize) -> Result<Vec<Vec<u8>>, PollStateError> {
        let staged = &self.staged;
        let with_forgotten = limit.saturating_add(staged.forgotten());
        let mut keys = self.read(|connection| missed(connection, least, with_forgotten))?;
        keys.retain(|key| !staged.is_forgotten(key) && staged.known(key).is_none());
        keys.truncate(limit);
        Ok(keys)
    }

    /// How many of the known keys the last sweep has missed, and how many are known.
    pub fn missing_of_known(&self) -> Result<(u64, u64), PollStateError> {
        let sql = "SELECT count(*) FROM keys WHERE miss > 0";
        let missing: i64 =
            self.read(|connection| Ok(connection.query_row(sql, [], |row| row.get(0))?))?;
        Ok((missing.cast_unsigned(), self.database.metadata.keys.rows))
    }

    /// At most `limit` keys that a sweep has visited.
    pub fn visited_keys(&self, sweep: u64, limit: usize) -> Result<Vec<Vec<u8>>, PollStateError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| {
            let sql = "SELECT key FROM keys WHERE walk = ?1 AND miss = 0 LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let keys = statement.query_map((sweep.cast_signed(), limit), |row| row.get(0))?;
            Ok(keys.collect::<Result<_, _>>()?)
        })
    }

    /// Forgets a deleted record's key and versions. The next commit stores that.
    pub fn forget_key(&mut self, key: &[u8]) {
        self.staged.forget(key);
    }

    /// The number of stored keys.
    #[cfg(test)]
    pub(super) fn tracked_keys(&self) -> u64 {
        self.database.metadata.keys.rows
    }
}

fn missed(connection: &Connection, least: u32, limit: usize) -> Result<Vec<Vec<u8>>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = "SELECT key FROM keys WHERE miss > 0 AND miss >= ?1 ORDER BY miss DESC LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let keys = statement.query_map(params![least, limit], |row| row.get(0))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

/// A key's digest and date.
fn find(connection: &Connection, key: &[u8]) -> Result<Option<(Digest, Micros)>, Fault> {
    connection
        .prepare_cached("SELECT digest, ts FROM keys WHERE key = ?1")?
        .query_row([key], |row| {
            let at = micros(row, 1)?;
            Ok(digest(row.get_ref(0)?).map(|digest| (digest, at)))
        })
        .optional()?
        .transpose()
}

/// Stores that a key exists in this version.
pub(super) fn put(
    tx: &Connection,
    metadata: &mut Metadata,
    key: &[u8],
    digest: Digest,
    at: Micros,
    sweep: i64,
) -> Result<(), Fault> {
    if let Some((old, old_at)) = find(tx, key)? {
        metadata.keys.remove(rows::of_key(key, old, old_at));
    }
    tx.prepare_cached(
        "INSERT INTO keys (key, digest, ts, miss, walk) VALUES (?1, ?2, ?3, 0, ?4)
         ON CONFLICT (key) DO UPDATE SET digest = excluded.digest, ts = excluded.ts, miss = 0, walk = excluded.walk",
    )?
    .execute(params![key, digest.0, at.get(), sweep])?;
    metadata.keys.add(rows::of_key(key, digest, at));
    Ok(())
}

pub(super) fn remove(tx: &Connection, metadata: &mut Metadata, key: &[u8]) -> Result<(), Fault> {
    if let Some((digest, at)) = find(tx, key)? {
        metadata.keys.remove(rows::of_key(key, digest, at));
        tx.prepare_cached("DELETE FROM keys WHERE key = ?1")?
            .execute([key])?;
    }
    Ok(())
}

/// Deletes all keys. Without tracking they would soon be outdated.
pub(super) fn clear(tx: &Connection, metadata: &mut Metadata) -> Result<(), Fault> {
    tx.execute("DELETE FROM keys", [])?;
    metadata.keys = rows::Checksum::default();
    Ok(())
}

pub(super) fn set_missed(tx: &Connection, key: &[u8], times: u32) -> Result<(), Fault> {
    tx.prepare_cached("UPDATE keys SET miss = ?2 WHERE key = ?1")?
        .execute(params![key, times])?;
    Ok(())
}
