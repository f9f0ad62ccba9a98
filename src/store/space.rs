//! Space on the disk: a reserve that is freed when the disk is full, and the return of deleted pages in small steps.
//!
//! A commit that deletes needs space too: for the log, and for SQLite's shared memory. Without a reserve a full disk could
//! not be cleaned up with evt.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use tracing::debug;

use super::{Store, StoreError, Tx};
use crate::files;

/// Size of the reserve. A commit that deletes writes less than that.
const RESERVE: u64 = 8 << 20;
/// The reserve takes at most this part of the free space, and is not created if it were smaller than [`MIN_RESERVE`].
const SHARE: u64 = 4;
const MIN_RESERVE: u64 = 1 << 20;
/// A database whose data is not larger than this is copied to make it shrinkable. Copying takes as much space in the log.
const COPIED: u64 = 32 << 20;
/// How often and how soon the log is shortened again if that was not possible.
const TRIES: u32 = 40;
const TRY_AGAIN: Duration = Duration::from_millis(50);
/// Pages that one commit returns to the file system.
const STEP: u32 = 512;

fn reserve_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-reserve");
    PathBuf::from(name)
}

/// Creates the reserve next to a database, or enlarges it, unless the disk is nearly full.
pub(super) fn keep_reserve(database: &Path) {
    let path = reserve_of(database);
    let present = std::fs::metadata(&path).map_or(0, |file| file.len());
    if present >= RESERVE {
        return;
    }
    let size = free_space(database).map_or(0, |free| (free / SHARE).min(RESERVE));
    if size < MIN_RESERVE || size <= present {
        return;
    }
    let allocated = files::private_file(&path).and_then(|file| allocate(&file, size));
    if let Err(error) = allocated {
        debug!(%error, "No space is reserved.");
        let _ = std::fs::remove_file(&path);
    }
}

/// Frees the reserve of a database if the disk is full, so that a command can delete data. Call it before the database is
/// opened, because opening it needs space, too. Returns whether the disk was full.
pub fn make_room(database: &Path) -> bool {
    let is_full = free_space(database).is_some_and(|free| free < RESERVE);
    is_full && std::fs::remove_file(reserve_of(database)).is_ok()
}

/// Bytes that the user can still write to the file system of a file; `None` if unknown.
#[cfg(unix)]
fn free_space(file: &Path) -> Option<u64> {
    let facts = rustix::fs::statvfs(file.parent()?).ok()?;
    Some(facts.f_bavail.saturating_mul(facts.f_frsize))
}

#[cfg(not(unix))]
fn free_space(_file: &Path) -> Option<u64> {
    None
}

/// Gives a file blocks on the disk. A file that only has a length would have none.
#[cfg(target_os = "linux")]
fn allocate(file: &File, size: u64) -> std::io::Result<()> {
    rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, size)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn allocate(mut file: &File, size: u64) -> std::io::Result<()> {
    use std::io::Write;
    let block = vec![0; 64 * 1024];
    for _ in 0..size / block.len() as u64 {
        file.write_all(&block)?;
    }
    Ok(())
}

/// Bytes of a database file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    pub file: u64,
    /// Bytes of deleted data that new data will use.
    pub free: u64,
}

impl Usage {
    /// Bytes of data and indexes.
    pub fn data(self) -> u64 {
        self.file.saturating_sub(self.free)
    }
}

/// Reads how much of a database is used. Does not depend on its size.
pub fn usage(db: &Connection) -> Result<Usage, StoreError> {
    let pragma = |sql: &str| -> Result<u64, StoreError> {
        let number: i64 = db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        Ok(number.unsigned_abs())
    };
    let page = pragma("PRAGMA page_size")?;
    Ok(Usage {
        file: page * pragma("PRAGMA page_count")?,
        free: page * pragma("PRAGMA freelist_count")?,
    })
}

/// Whether the disk has space for the pages that copying the log adds to the database file, and for a commit after that. A copy
/// that fills the disk would leave no space for the commits that delete.
pub(super) fn copying_fits(db: &Connection) -> bool {
    let Some(path) = db.path().map(Path::new) else {
        return true;
    };
    let (Ok(usage), Ok(file), Some(free)) = (usage(db), std::fs::metadata(path), free_space(path))
    else {
        return true;
    };
    let growth = usage.file.saturating_sub(file.len());
    growth == 0 || growth + MIN_RESERVE <= free
}

/// Returns up to [`STEP`] deleted pages to the file system, and how many were returned: 0 if there are none, or if the
/// database was created by an evt that could not shrink it.
pub(super) fn shrink_step(tx: &Tx<'_>) -> Result<u64, StoreError> {
    let mut vacuum = tx.prepare_cached(&format!("PRAGMA incremental_vacuum({STEP})"))?;
    let mut rows = vacuum.query([])?;
    let mut returned = 0;
    while rows.next()?.is_some() {
        returned += 1;
    }
    Ok(returned)
}

/// Makes a small database shrinkable. Older versions of evt created databases that keep their size, and SQLite changes that
/// only by copying the data. Nothing changes if another process prevents it.
pub(super) fn make_shrinkable(connection: &Connection, largest: u64) -> Result<(), StoreError> {
    let mode: i64 = connection.query_row("PRAGMA auto_vacuum", [], |row| row.get(0))?;
    if mode == 0 && usage(connection)?.data() <= largest {
        connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM")?;
    }
    Ok(())
}

impl Store {
    /// Frees the reserve if the disk is full, and shortens the log, which may take much space by then.
    pub fn make_room(&self) {
        if make_room(&self.inner.path) {
            let _ = self.shorten_log();
        }
    }

    /// Returns the space of deleted data to the file system, in small commits. Calls `proceed` before each with the bytes
    /// that are left to return, and stops if it returns `false`.
    ///
    /// An older and larger database keeps its size: see [`Usage::free`].
    pub fn shrink(&self, mut proceed: impl FnMut(u64) -> bool) -> Result<Usage, StoreError> {
        // Fails if another process uses the database; then it keeps its size.
        let _ = self.read_blocking(|db| make_shrinkable(db, COPIED));
        loop {
            let usage = self.read_blocking(usage)?;
            if usage.free == 0
                || !proceed(usage.free)
                || self.write_blocking::<_, StoreError, _>(shrink_step)? == 0
            {
                break;
            }
            self.bound_log()?;
        }
        let _ = self.shorten_log();
        keep_reserve(&self.inner.path);
        self.read_blocking(usage)
    }

    /// Copies the log after a commit that deletes. On a full disk the database may have no space for the pages of the log: then
    /// deleted pages are removed first, which makes the database smaller.
    pub fn bound_log(&self) -> Result<(), StoreError> {
        if !self.read_blocking::<_, StoreError, _>(|db| Ok(copying_fits(db)))? {
            // Deleting and shrinking go on until it fits.
            return Ok(());
        }
        match self.copy_log() {
            Err(StoreError::Full(_)) => {
                self.write_blocking::<_, StoreError, _>(shrink_step)?;
                // If it is still too large, the next commit makes it smaller.
                let _ = self.copy_log();
                Ok(())
            }
            copied => copied,
        }
    }

    /// Copies the log into the database, so that further commits reuse its space. Waits for no other process.
    pub fn copy_log(&self) -> Result<(), StoreError> {
        self.read_blocking(|db| {
            db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
            Ok(())
        })
    }

    /// Copies the log and shortens its file to nothing. Another process that reads for long prevents it.
    fn shorten_log(&self) -> Result<(), StoreError> {
        self.read_blocking(|db| {
            if !copying_fits(db) {
                return Ok(());
            }
            for _ in 0..TRIES {
                let is_busy: bool =
                    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
                if !is_busy {
                    break;
                }
                // SQLite does not wait for another thread or process that copies the log at this moment.
                std::thread::sleep(TRY_AGAIN);
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::event::{Event, Meta, Seq};
    use crate::store::{Kind, events};
    use crate::time::Timestamp;

    fn fill(store: &Store, count: usize) {
        let written: Result<(), StoreError> = store.write_blocking(move |tx| {
            let body = Bytes::from(vec![b'x'; 10_000]);
            for _ in 0..count {
                let event = Event::raised(body.clone(), Meta::default(), Timestamp::now());
                events::insert(tx, &event, None)?;
            }
            Ok(())
        });
        written.unwrap();
    }

    fn remove_until(store: &Store, last: i64) {
        let removed: Result<(), StoreError> = store.write_blocking(move |tx| {
            for seq in 1..=last {
                events::remove(tx, Seq(seq))?;
            }
            Ok(())
        });
        removed.unwrap();
    }

    #[test]
    fn a_database_shrinks_when_events_are_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inbox.db");
        let store = Store::open(&path, Kind::Inbox).unwrap();
        fill(&store, 1_000);
        remove_until(&store, 990);
        let mut largest_log = 0;
        let usage = store
            .shrink(|_| {
                let log = std::fs::metadata(folder.path().join("inbox.db-wal")).unwrap();
                largest_log = log.len().max(largest_log);
                true
            })
            .unwrap();
        assert_eq!(usage.free, 0);
        assert!(usage.file < 500_000, "{usage:?}");
        assert_eq!(std::fs::metadata(&path).unwrap().len(), usage.file);
        let left = store.read_blocking(|db| events::get(db, Seq(995))).unwrap();
        assert_eq!(left.unwrap().body.len(), 10_000);
    }

    #[test]
    fn a_small_database_of_an_older_version_becomes_shrinkable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inbox.db");
        // Any content before the first connection of evt makes the mode permanent.
        let old = Connection::open(&path).unwrap();
        old.execute_batch("PRAGMA auto_vacuum = NONE; CREATE TABLE t (x); DROP TABLE t")
            .unwrap();
        drop(old);
        let store = Store::open(&path, Kind::Inbox).unwrap();
        fill(&store, 100);
        remove_until(&store, 99);
        assert_eq!(store.shrink(|_| true).unwrap().free, 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_database_has_a_private_reserve_with_blocks_on_the_disk() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inbox.db");
        drop(Store::open(&path, Kind::Inbox).unwrap());
        let reserve = std::fs::metadata(reserve_of(&path)).unwrap();
        assert!(reserve.blocks() * 512 >= MIN_RESERVE, "{reserve:?}");
        assert_eq!(reserve.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_reserve_is_not_freed_while_there_is_space() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inbox.db");
        drop(Store::open(&path, Kind::Inbox).unwrap());
        assert!(!make_room(&path));
        assert!(reserve_of(&path).exists());
    }
}
