//! The state of a poller: one SQLite file per key, with a lock, a fencing number and checksums.
//!
//! Only the task that polls uses an open state, so it needs no thread; a commit is one short transaction. The rules of
//! the watermark are in `watermark`, the requests in `source/poll`.

mod bookmark;
mod closed;
mod database;
mod error;
mod export;
mod files;
mod filter;
mod import;
mod keys;
mod lock;
mod rows;
mod staged;

use std::path::Path;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::watermark::{Digest, Micros, Position, Seen, SeenRow, Version};

use database::Database;
use error::Fault;
use files::StateFiles;
use filter::Filter;
use lock::Lock;
use staged::Staged;

pub use bookmark::singer_bookmarks;
pub use closed::{Overview, Reset, export, in_use, inspect, list, reset, rewind, set};
pub use error::{Damage, Difference, PollStateError};
pub use export::exact;
pub use import::{Import, ImportError};
pub use lock::Holder;

/// What a state belongs to. A state cannot be used for anything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// The URL, or `evt-dev:<data id>` for a local platform, which is identified by its data and not by its port.
    pub platform: String,
    pub org: String,
    pub datatype: String,
    /// Canonical JSON.
    pub query: String,
    /// The configured path of the key; `None` if evt discovers it.
    pub key: Option<String>,
    /// Path of the date of change.
    pub field: String,
}

impl Fingerprint {
    /// The parts that differ in `asked`.
    pub fn differences(&self, asked: &Self) -> Vec<Difference> {
        let key = |fingerprint: &Self| fingerprint.key.clone().unwrap_or_default();
        let pairs = [
            ("platform", self.platform.clone(), asked.platform.clone()),
            ("organisation", self.org.clone(), asked.org.clone()),
            ("datatype", self.datatype.clone(), asked.datatype.clone()),
            ("query", self.query.clone(), asked.query.clone()),
            ("key", key(self), key(asked)),
            ("field", self.field.clone(), asked.field.clone()),
        ];
        pairs
            .into_iter()
            .filter(|(_, stored, asked)| stored != asked)
            .map(|(part, stored, asked)| Difference {
                part,
                stored,
                asked,
            })
            .collect()
    }
}

/// An open state. It holds the lock until it is dropped.
pub struct PollState {
    database: Database,
    filter: Filter,
    staged: Staged,
    sweep: i64,
}

impl PollState {
    /// Opens `<folder>/<key>.db`, or creates it if there has never been one. `key` is a plain name.
    ///
    /// The whole file is verified first. Its content is exported to `<key>.last.json`. A process that had the state before can
    /// no longer commit. With `take_over`, the state is opened even if another process holds the lock.
    ///
    /// # Errors
    /// [`PollStateError::Damaged`] if the content is not what evt wrote. The file is left unchanged.
    pub fn open(folder: &Path, key: &str, take_over: bool) -> Result<Self, PollStateError> {
        let files = StateFiles::new(folder, key);
        let lock = Lock::take(&files, take_over)?;
        Self::open_locked(files, lock).map_err(|(error, _)| error)
    }

    fn open_locked(files: StateFiles, lock: Lock) -> Result<Self, (PollStateError, Lock)> {
        if !files.database().exists() {
            if files.has_traces() {
                return Err((closed::gone(&files), lock));
            }
            if let Err(error) = database::create(&files) {
                return Err((error, lock));
            }
        }
        let (database, filter) = Database::open(files, lock)?;
        let state = Self {
            database,
            filter,
            staged: Staged::default(),
            sweep: 0,
        };
        match state.export_last() {
            Ok(()) => Ok(state),
            Err(error) => Err((error, state.database.close())),
        }
    }

    /// Binds a new state to `fingerprint`, or compares it with the fingerprint of an existing one.
    ///
    /// # Errors
    /// [`PollStateError::OtherQuery`] with the parts that differ.
    pub fn claim(&mut self, fingerprint: &Fingerprint) -> Result<(), PollStateError> {
        self.check_fingerprint(fingerprint)?;
        match self.fingerprint() {
            Some(_) => Ok(()),
            None => self.set_fingerprint(fingerprint),
        }
    }

    fn check_fingerprint(&self, asked: &Fingerprint) -> Result<(), PollStateError> {
        let stored = self.fingerprint();
        let differs = stored.map_or_else(Vec::new, |stored| stored.differences(asked));
        if differs.is_empty() {
            return Ok(());
        }
        let key = self.database.files.key.clone();
        Err(PollStateError::OtherQuery { key, differs })
    }

    fn set_fingerprint(&mut self, fingerprint: &Fingerprint) -> Result<(), PollStateError> {
        self.database.write(|tx, metadata| {
            metadata.set_fingerprint(Some(fingerprint));
            Ok(metadata.write_fingerprint(tx)?)
        })
    }

    pub fn fingerprint(&self) -> Option<&Fingerprint> {
        self.database.metadata.fingerprint.as_ref()
    }

    /// The position of the last commit.
    pub fn position(&self) -> &Position {
        &self.database.metadata.position
    }

    /// Remembers an emitted version. [`Seen`] knows it at once; the next commit stores it. `n` grows with each version.
    pub fn remember(&mut self, version: &Version<'_>, n: u64) {
        self.staged.remember(version, n);
    }

    /// Notes that a version was read again. If only ignored fields changed, its date may be later now; the version is then
    /// remembered until the later date is trimmed.
    pub fn seen_again(&mut self, version: &Version<'_>) -> Result<(), PollStateError> {
        if let Some(newest) = self.newest(version.key)?
            && newest.digest == version.digest
            && newest.at < version.at
        {
            self.staged.remember(version, newest.n);
        }
        Ok(())
    }

    /// Stores the remembered versions and the position in one transaction, and deletes versions before `trim`.
    ///
    /// # Errors
    /// [`PollStateError::TakenOver`] if another process has the state now. After any error, nothing has been stored and everything
    /// is still remembered.
    pub fn commit(
        &mut self,
        position: &Position,
        trim: Option<Micros>,
    ) -> Result<(), PollStateError> {
        let (staged, filter, sweep) = (&self.staged, &mut self.filter, self.sweep);
        self.database.write(|tx, metadata| {
            metadata.set_position(position)?;
            staged.write(tx, metadata, filter, trim.unwrap_or(Micros::MIN))?;
            if position.tracks_keys {
                staged.write_keys(tx, metadata, sweep)?;
            } else if metadata.keys.rows > 0 {
                keys::clear(tx, metadata)?;
            }
            if let Some(trim) = trim.filter(|_| metadata.seen.rows > 0) {
                staged::delete_seen(tx, metadata, Micros::MIN, trim)?;
            }
            Ok(())
        })?;
        self.staged.clear();
        self.refresh_filter()
    }

    fn refresh_filter(&mut self) -> Result<(), PollStateError> {
        let Database {
            connection,
            metadata,
            files,
            ..
        } = &self.database;
        if self.filter.is_full() {
            let mut fresh = Filter::for_rows(metadata.seen.rows);
            let sql = "SELECT key, digest, ts, n FROM seen";
            rows::each_seen(connection, sql, &mut |key, _| {
                fresh.add(key);
                Ok(())
            })
            .map_err(|fault| files.error(fault))?;
            self.filter = fresh;
        }
        Ok(())
    }

    /// Stores the time before which no request is allowed, and waits until it is on the disk. Nothing else is committed.
    pub fn hold_until(&mut self, until: Timestamp) -> Result<(), PollStateError> {
        let mut position = self.position().clone();
        position.not_before = Some(until);
        self.database
            .write_through(|_, metadata| metadata.set_position(&position))
    }

    /// Forgets everything remembered since the last commit.
    pub fn roll_back(&mut self) {
        self.staged.clear();
    }

    /// The number of stored versions.
    pub fn seen_count(&self) -> u64 {
        self.database.metadata.seen.rows
    }

    /// The keys of at most `limit` stored versions dated `from..=to`, the latest first.
    pub fn keys_dated(
        &self,
        from: Micros,
        to: Micros,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, PollStateError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| {
            let sql = "SELECT key FROM seen WHERE ts >= ?1 AND ts <= ?2 ORDER BY ts DESC LIMIT ?3";
            let mut statement = connection.prepare_cached(sql)?;
            let keys = statement.query_map((from.get(), to.get(), limit), |row| row.get(0))?;
            Ok(keys.collect::<Result<_, _>>()?)
        })
    }

    /// The number of different keys among the stored versions.
    pub fn distinct_keys(&self) -> Result<u64, PollStateError> {
        let sql = "SELECT count(DISTINCT key) FROM seen";
        let count: i64 =
            self.read(|connection| Ok(connection.query_row(sql, [], |row| row.get(0))?))?;
        Ok(count.cast_unsigned())
    }

    /// Reads from the file.
    fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, PollStateError> {
        let read = self.database.reading().and_then(query);
        read.map_err(|fault| self.database.files.error(fault))
    }

    /// Whether the table may have versions of a key.
    fn may_be_stored(&self, key: &[u8]) -> bool {
        self.database.metadata.seen.rows > 0
            && self.filter.may_hold(key)
            && !self.staged.is_forgotten(key)
    }
}

/// Searches the versions remembered since the last commit before the table.
impl Seen for PollState {
    type Error = PollStateError;

    fn newest(&mut self, key: &[u8]) -> Result<Option<SeenRow>, PollStateError> {
        if let Some(row) = self.staged.newest(key) {
            return Ok(Some(row));
        }
        if !self.may_be_stored(key) {
            return Ok(None);
        }
        self.read(|connection| staged::newest_seen(connection, key))
    }

    fn contains(&mut self, key: &[u8], digest: Digest) -> Result<bool, PollStateError> {
        if self.staged.contains(key, digest) {
            return Ok(true);
        }
        if !self.may_be_stored(key) {
            return Ok(false);
        }
        let found = self.read(|connection| staged::find_seen(connection, key, digest))?;
        Ok(found.is_some())
    }
}

#[cfg(test)]
mod tests;
