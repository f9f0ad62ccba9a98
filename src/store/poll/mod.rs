//! The state of a poller: one SQLite file a key, with a lock, a fence and checksums.
//!
//! It is used by the one task that polls, so there is no thread of its own; a commit is one short transaction. What the
//! watermark means is `watermark`'s affair, what is asked of a platform `source/poll`'s.

mod database;
mod error;
mod export;
mod filter;
mod import;
mod keys;
mod lock;
mod manage;
mod place;
mod staged;
mod sum;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::watermark::{Digest, Micros, Position, Seen, SeenRow, Version};

use database::Database;
use filter::Filter;
use lock::Lock;
use place::Place;
use staged::Staged;

pub use error::{Damage, Difference, PollStateError};
pub use export::exact;
pub use import::{Import, ImportError};
pub use lock::Holder;
pub use manage::{Look, Reset, export, in_use, list, look, reset, rewind, set};

/// What is polled: a state is good for one such only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// The URL, or `evt-dev:<data id>` for a local platform, which is known by its data and not by its port.
    pub platform: String,
    pub org: String,
    pub datatype: String,
    /// Canonical JSON.
    pub query: String,
    /// The field that tells records apart; `None` where it was left to evt to find it.
    pub key: Option<String>,
    /// The field that says when a record was modified.
    pub field: String,
}

impl Fingerprint {
    /// The parts that are others in `asked`.
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
            .filter(|(_, kept, asked)| kept != asked)
            .map(|(part, kept, asked)| Difference { part, kept, asked })
            .collect()
    }
}

/// An open state. It holds the lock for its life.
pub struct PollState {
    database: Database,
    filter: Filter,
    staged: Staged,
    walk: i64,
}

impl PollState {
    /// Opens `<folder>/<key>.db`, or makes it where there is no trace of one. `key` is a plain name.
    ///
    /// Everything in the file is looked at before it is used. Whoever had it before commits nothing more. What it says is
    /// exported to `<key>.last.json`. With `take_over` the lock of another process is no hindrance.
    ///
    /// # Errors
    /// [`PollStateError::Damaged`] for a file that was not written like that; it is left as it is.
    pub fn open(folder: &Path, key: &str, take_over: bool) -> Result<Self, PollStateError> {
        let place = Place::new(folder, key);
        let lock = Lock::take(&place, take_over)?;
        Self::open_locked(place, lock).map_err(|(error, _)| error)
    }

    fn open_locked(place: Place, lock: Lock) -> Result<Self, (PollStateError, Lock)> {
        if !place.database().exists() {
            if place.has_traces() {
                return Err((manage::gone(&place), lock));
            }
            if let Err(error) = database::create(&place) {
                return Err((error, lock));
            }
        }
        let (database, filter) = Database::open(place, lock)?;
        let state = Self {
            database,
            filter,
            staged: Staged::default(),
            walk: 0,
        };
        match state.export_last() {
            Ok(()) => Ok(state),
            Err(error) => Err((error, state.database.close())),
        }
    }

    /// Says what is polled. A new state remembers it; another one compares.
    ///
    /// # Errors
    /// [`PollStateError::OtherQuery`] with the parts that differ.
    pub fn claim(&mut self, fingerprint: &Fingerprint) -> Result<(), PollStateError> {
        let differs = match self.fingerprint() {
            Some(kept) => kept.differences(fingerprint),
            None => return self.set_fingerprint(fingerprint),
        };
        if differs.is_empty() {
            return Ok(());
        }
        let key = self.database.place.key.clone();
        Err(PollStateError::OtherQuery { key, differs })
    }

    fn set_fingerprint(&mut self, fingerprint: &Fingerprint) -> Result<(), PollStateError> {
        self.database.write(|tx, kept| {
            kept.set_fingerprint(Some(fingerprint));
            Ok(kept.write_fingerprint(tx)?)
        })
    }

    pub fn fingerprint(&self) -> Option<&Fingerprint> {
        self.database.kept.fingerprint.as_ref()
    }

    /// The position, as of the last commit.
    pub fn position(&self) -> &Position {
        &self.database.kept.position
    }

    /// Remembers an emitted version. `Seen` knows it at once, the disk with the next commit. `n` grows from one to the next.
    pub fn remember(&mut self, version: &Version<'_>, n: u64) {
        self.staged.remember(version, n);
    }

    /// Notes that a version was met again which was not new. Where only ignored fields changed, its date may have moved: it
    /// is then kept for as long as the later date demands.
    pub fn met_again(&mut self, version: &Version<'_>) -> Result<(), PollStateError> {
        if let Some(newest) = self.newest(version.key)?
            && newest.digest == version.digest
            && newest.at < version.at
        {
            self.staged.remember(version, newest.n);
        }
        Ok(())
    }

    /// Writes in one transaction what was remembered and the position, and forgets the versions before `trim`.
    ///
    /// # Errors
    /// [`PollStateError::TakenOver`] where another process has the state now. After any error all that was remembered since
    /// the last commit still is, and the disk has none of it.
    pub fn commit(
        &mut self,
        position: &Position,
        trim: Option<Micros>,
    ) -> Result<(), PollStateError> {
        let (staged, filter, walk) = (&self.staged, &mut self.filter, self.walk);
        self.database.write(|tx, kept| {
            kept.set_position(position)?;
            staged.write(tx, kept, filter, trim.unwrap_or(Micros::MIN))?;
            if position.tracks_keys {
                staged.write_keys(tx, kept, walk)?;
            } else if kept.keys.rows > 0 {
                keys::clear(tx, kept)?;
            }
            if let Some(trim) = trim.filter(|_| kept.seen.rows > 0) {
                staged::delete_seen(tx, kept, Micros::MIN, trim)?;
            }
            Ok(())
        })?;
        self.staged.clear();
        self.refresh_filter()
    }

    fn refresh_filter(&mut self) -> Result<(), PollStateError> {
        let Database {
            connection,
            kept,
            place,
            ..
        } = &self.database;
        if self.filter.is_full() {
            let mut fresh = Filter::for_rows(kept.seen.rows);
            let sql = "SELECT key, digest, ts, n FROM seen";
            database::each_seen(connection, sql, &mut |key, _| {
                fresh.add(key);
                Ok(())
            })
            .map_err(|fault| place.error(fault))?;
            self.filter = fresh;
        }
        Ok(())
    }

    /// Keeps the time before which nothing may be asked; on the disk when this returns. Nothing else is committed.
    pub fn hold_until(&mut self, until: Option<Timestamp>) -> Result<(), PollStateError> {
        if self.position().not_before == until {
            return Ok(());
        }
        let mut position = self.position().clone();
        position.not_before = until;
        self.database
            .write_through(|_, kept| kept.set_position(&position))
    }

    /// Forgets what was remembered since the last commit.
    pub fn roll_back(&mut self) {
        self.staged.clear();
    }

    /// The versions that are remembered, as of the last commit.
    pub fn seen_count(&self) -> u64 {
        self.database.kept.seen.rows
    }

    /// The different keys among them.
    pub fn distinct_keys(&self) -> Result<u64, PollStateError> {
        let sql = "SELECT count(DISTINCT key) FROM seen";
        let count = self
            .database
            .connection
            .query_row(sql, [], |row| row.get(0));
        count
            .map(i64::cast_unsigned)
            .map_err(|error| self.database.place.error(error))
    }

    /// Whether the table may hold versions of a key.
    fn may_be_stored(&self, key: &[u8]) -> bool {
        self.database.kept.seen.rows > 0
            && self.filter.may_hold(key)
            && !self.staged.is_forgotten(key)
    }
}

/// Looks first at what was remembered since the last commit.
impl Seen for PollState {
    type Error = PollStateError;

    fn newest(&mut self, key: &[u8]) -> Result<Option<SeenRow>, PollStateError> {
        if let Some(row) = self.staged.newest(key) {
            return Ok(Some(row));
        }
        if !self.may_be_stored(key) {
            return Ok(None);
        }
        let reading = self.database.reading();
        reading
            .and_then(|connection| staged::newest_seen(connection, key))
            .map_err(|fault| self.database.place.error(fault))
    }

    fn contains(&mut self, key: &[u8], digest: Digest) -> Result<bool, PollStateError> {
        if self.staged.contains(key, digest) {
            return Ok(true);
        }
        if !self.may_be_stored(key) {
            return Ok(false);
        }
        let reading = self.database.reading();
        reading
            .and_then(|connection| staged::find_seen(connection, key, digest))
            .map(|found| found.is_some())
            .map_err(|fault| self.database.place.error(fault))
    }
}

#[cfg(test)]
mod tests;
