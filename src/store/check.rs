//! Whether a database is whole: for `evt doctor`, which repairs nothing.

use std::path::Path;

use super::{Durability, StoreError, VERSION, connect};

/// What an examination found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The schema that the file has, and the one that this program knows.
    pub version: i64,
    pub known: i64,
    /// What SQLite's integrity check complains of; empty where all is well.
    pub faults: Vec<String>,
}

/// Examines a database that exists, while others may be using it. Reads all of it: seconds for a gigabyte.
///
/// # Errors
/// [`StoreError::Damaged`] where it is no database at all.
pub fn examine(path: &Path) -> Result<Health, StoreError> {
    let connection = connect(path, Durability::Full)?;
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let mut statement = connection.prepare("PRAGMA integrity_check(10)")?;
    let faults = statement
        .query_map([], |row| row.get::<_, String>(0))?
        .collect::<Result<Vec<_>, _>>();
    let faults = match faults {
        Ok(faults) => faults.into_iter().filter(|fault| fault != "ok").collect(),
        // Pages that cannot even be walked end the check itself.
        Err(error) => vec![error.to_string()],
    };
    Ok(Health {
        version,
        known: VERSION,
        faults,
    })
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

    #[test]
    fn a_file_that_is_no_database_is_damaged() {
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
    fn overwritten_pages_are_noticed() {
        use std::io::{Seek, SeekFrom, Write};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inbox.db");
        drop(Store::open(&path, Kind::Inbox).unwrap());
        let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.seek(SeekFrom::Start(4096)).unwrap();
        file.write_all(&[0xff; 8192]).unwrap();
        drop(file);
        let noticed = match examine(&path) {
            Ok(health) => !health.faults.is_empty(),
            Err(_) => true,
        };
        assert!(noticed);
    }
}
