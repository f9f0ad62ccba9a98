//! Checks the integrity of a database for `evt doctor`, without changing or repairing anything.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::StoreError;
use super::open::{BUSY, VERSION};
use crate::files;

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The schema version of the file, and the latest one that this program knows.
    pub version: i64,
    pub known: i64,
    /// Problems that SQLite's integrity check reports.
    pub faults: Vec<String>,
}

/// Checks an existing database, which other processes may be using, and changes neither it nor its journal. Reads all of it:
/// seconds for a gigabyte.
///
/// # Errors
/// [`StoreError::Damaged`] if the file is not a database.
pub fn examine(path: &Path) -> Result<Health, StoreError> {
    let in_use = has_journal(path);
    let health = read(path, in_use);
    // Another process has opened it meanwhile and may have changed pages while they were read.
    if !in_use && has_journal(path) {
        return read(path, true);
    }
    health
}

fn read(path: &Path, in_use: bool) -> Result<Health, StoreError> {
    let failed = |error| StoreError::at(path, error);
    files::check_regular(path).map_err(|source| StoreError::File {
        path: path.to_owned(),
        source,
    })?;
    let connection = open(path, in_use).map_err(failed)?;
    let version = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(failed)?;
    let mut statement = connection
        .prepare("PRAGMA integrity_check(10)")
        .map_err(failed)?;
    let faults = statement
        .query_map([], |row| row.get::<_, String>(0))
        .map_err(failed)?
        .collect::<Result<Vec<_>, _>>();
    let faults = match faults {
        Ok(faults) => faults.into_iter().filter(|fault| fault != "ok").collect(),
        // The check itself fails if pages cannot be read.
        Err(error) => vec![error.to_string()],
    };
    Ok(Health {
        version,
        known: VERSION,
        faults,
    })
}

/// Opens for reading only. If no process uses the database, it is opened as immutable: otherwise SQLite would create journal
/// files next to it and leave them there.
fn open(path: &Path, in_use: bool) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = if in_use {
        Connection::open_with_flags(path, flags)?
    } else {
        Connection::open_with_flags(immutable_uri(path), flags | OpenFlags::SQLITE_OPEN_URI)?
    };
    connection.busy_timeout(BUSY)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

fn immutable_uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                uri.push(char::from(*byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(uri, "%{byte:02X}")),
        }
    }
    uri + "?immutable=1"
}

fn has_journal(path: &Path) -> bool {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-wal");
    PathBuf::from(journal).exists()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Kind, Store};

    #[test]
    fn a_new_database_is_healthy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inbox.db");
        drop(Store::open(&path, Kind::Inbox).unwrap());
        let health = examine(&path).unwrap();
        assert_eq!((health.version, health.faults), (VERSION, Vec::new()));
    }

    /// Every file of a folder and its content.
    fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }

    #[test]
    fn a_check_changes_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in box%3f.db");
        // Opening the database for use would change this journal mode to WAL.
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch("PRAGMA journal_mode = DELETE; CREATE TABLE kept (id INTEGER);")
            .unwrap();
        drop(connection);
        let before = files(folder.path());
        assert_eq!(examine(&path).unwrap().faults, Vec::<String>::new());
        assert_eq!(files(folder.path()), before);
    }

    #[test]
    fn checking_an_unused_database_creates_no_journal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inbox.db");
        drop(Store::open(&path, Kind::Inbox).unwrap());
        let before = files(folder.path());
        // The database and its reserve.
        assert_eq!(before.len(), 2);
        assert_eq!(examine(&path).unwrap().faults, Vec::<String>::new());
        assert_eq!(files(folder.path()), before);
    }

    #[test]
    fn the_journal_of_a_crashed_process_is_kept_for_recovery() {
        let folder = tempfile::tempdir().unwrap();
        let (live, left) = (folder.path().join("live.db"), folder.path().join("left.db"));
        let store = Store::open(&live, Kind::Inbox).unwrap();
        let journal = |path: &Path| path.with_extension("db-wal");
        std::fs::copy(&live, &left).unwrap();
        std::fs::copy(journal(&live), journal(&left)).unwrap();
        drop(store);
        let kept = || {
            (
                std::fs::read(&left).unwrap(),
                std::fs::read(journal(&left)).unwrap(),
            )
        };
        let before = kept();
        assert_eq!(examine(&left).unwrap().version, VERSION);
        assert_eq!(kept(), before);
    }

    #[test]
    fn damage_found_by_a_statement_is_reported_as_damage() {
        use std::io::{Seek, SeekFrom, Write};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inbox.db");
        drop(Store::open(&path, Kind::Inbox).unwrap());
        let connection = Connection::open(&path).unwrap();
        let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'events'";
        let root: u32 = connection.query_row(root, [], |row| row.get(0)).unwrap();
        drop(connection);
        let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.seek(SeekFrom::Start(u64::from(root - 1) * 4096))
            .unwrap();
        file.write_all(&[0xff; 4096]).unwrap();
        drop(file);
        let store = Store::open(&path, Kind::Inbox).unwrap();
        let read = store.read_blocking(|connection| crate::store::events::from_end(connection, 1));
        assert!(matches!(read, Err(StoreError::Damaged { .. })), "{read:?}");
    }

    #[test]
    fn a_file_that_is_not_a_database_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inbox.db");
        std::fs::write(
            &path,
            "not a database, but long enough to be taken for one".repeat(100),
        )
        .unwrap();
        assert!(matches!(examine(&path), Err(StoreError::Damaged { .. })));
    }

    #[test]
    fn overwritten_pages_are_found() {
        use std::io::{Seek, SeekFrom, Write};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inbox.db");
        drop(Store::open(&path, Kind::Inbox).unwrap());
        let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.seek(SeekFrom::Start(4096)).unwrap();
        file.write_all(&[0xff; 8192]).unwrap();
        drop(file);
        let is_found = match examine(&path) {
            Ok(health) => !health.faults.is_empty(),
            Err(_) => true,
        };
        assert!(is_found);
    }
}
