//! Opens databases: files that only the user can read, connection settings, migrations.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{Kind, StoreError, space};
use crate::files;

/// How long a process waits for the commit of another one.
pub(super) const BUSY: Duration = Duration::from_secs(10);
/// The size up to which a migrated database is copied, so that it can shrink from then on.
const SHRINKABLE_AT_ONCE: u64 = 8 << 20;
/// The version of the schema, stored in `user_version`.
pub(super) const VERSION: i64 = 5;

/// A step of the schema: what every database gets, and what the platform's database gets in addition. Steps are never edited;
/// a new database runs all of them, so that its schema is the one that an old database is migrated to.
struct Migration {
    all: &'static str,
    platform: &'static str,
}

const MIGRATIONS: [Migration; VERSION as usize] = [
    Migration {
        all: include_str!("schema/1.sql"),
        platform: include_str!("schema/1-platform.sql"),
    },
    Migration {
        all: "",
        platform: include_str!("schema/2-platform.sql"),
    },
    Migration {
        all: include_str!("schema/3.sql"),
        platform: "",
    },
    Migration {
        all: include_str!("schema/4.sql"),
        platform: include_str!("schema/4-platform.sql"),
    },
    Migration {
        all: include_str!("schema/5.sql"),
        platform: include_str!("schema/5-platform.sql"),
    },
];

/// Whether a commit waits for the disk.
#[derive(Clone, Copy)]
pub(super) enum Durability {
    Full,
    Off,
}

/// Opens a connection to a file that exists.
pub(super) fn connect(path: &Path, durability: Durability) -> Result<Connection, StoreError> {
    let open = |error| StoreError::at(path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(open)?;
    connection.busy_timeout(BUSY).map_err(open)?;
    connection.set_prepared_statement_cache_capacity(64);
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Off => "OFF",
    };
    // A new database can shrink in small steps. Only before its first page is written can this be set.
    if std::fs::metadata(path).is_ok_and(|file| file.len() == 0) {
        connection
            .execute_batch("PRAGMA auto_vacuum = INCREMENTAL")
            .map_err(open)?;
    }
    // No automatic checkpoint: it would run within a commit, see `checkpoint`.
    let pragmas = format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;"
    );
    connection.execute_batch(&pragmas).map_err(open)?;
    Ok(connection)
}

/// Creates the tables of a new database and migrates an older one.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    kind: Kind,
) -> Result<(), StoreError> {
    let failed = |error| StoreError::at(path, error);
    // An immediate transaction, so that two processes that open a new file at once do not both create its tables.
    let tx = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    let found: i64 = tx
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(failed)?;
    if found > VERSION {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known: VERSION,
        });
    }
    if found == VERSION {
        return Ok(());
    }
    for migration in &MIGRATIONS[usize::try_from(found).unwrap_or(0)..] {
        tx.execute_batch(migration.all).map_err(failed)?;
        if kind == Kind::Platform {
            tx.execute_batch(migration.platform).map_err(failed)?;
        }
    }
    tx.pragma_update(None, "user_version", VERSION)
        .map_err(failed)?;
    tx.commit().map_err(failed)?;
    // Not an error: a database that another process uses keeps its size.
    let _ = space::make_shrinkable(connection, SHRINKABLE_AT_ONCE);
    Ok(())
}

/// Creates folder and file so that only the user can read them, because they hold secrets. SQLite gives its journal files the
/// mode of the database.
pub(super) fn private_file(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    files::private_folder(folder).map_err(|source| StoreError::Folder {
        path: folder.to_owned(),
        source,
    })?;
    let failed = |source| StoreError::File {
        path: path.to_owned(),
        source,
    };
    let file = files::private_file(path).map_err(failed)?;
    // A file that already exists may be readable by other users.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .map_err(failed)?;
    drop(file);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Seq;
    use crate::store::jobs::State;
    use crate::store::queue::{self, Selection};
    use crate::store::runs;
    use crate::store::{Store, StoreError};

    /// A platform's database of schema version 2 with one dead job.
    fn version_2(path: &Path) {
        let connection = Connection::open(path).unwrap();
        for migration in &MIGRATIONS[..2] {
            connection.execute_batch(migration.all).unwrap();
            connection.execute_batch(migration.platform).unwrap();
        }
        connection
            .execute_batch(
                "INSERT INTO endpoints (url) VALUES ('http://127.0.0.1:9');
                 INSERT INTO jobs (queue, endpoint, state, run_at, created_at) VALUES ('deliveries', 1, 3, 5, 5);
                 INSERT INTO payloads (job, method, url, headers, timeout, retry)
                 VALUES (1, 'POST', 'http://127.0.0.1:9/', x'', 1000, '{\"delays\":[]}');
                 PRAGMA user_version = 2;",
            )
            .unwrap();
    }

    /// A database of schema version 3 with a run, a job and its attempt.
    fn version_3(path: &Path) {
        let connection = Connection::open(path).unwrap();
        for migration in &MIGRATIONS[..3] {
            connection.execute_batch(migration.all).unwrap();
            connection.execute_batch(migration.platform).unwrap();
        }
        connection
            .execute_batch(
                "INSERT INTO runs (id, flow, flow_version, org, cause, trigger_key, event_seq, status, depth, next_step, steps, started_at)
                 VALUES ('exec-1', 'f', 1, 'o', 'event', 't:1', 7, 'completed', 0, 0, '[]', 5);
                 INSERT INTO endpoints (url) VALUES ('http://127.0.0.1:9');
                 INSERT INTO jobs (queue, endpoint, state, run_at, created_at) VALUES ('deliveries', 1, 3, 5, 5);
                 INSERT INTO payloads (job, method, url, headers, timeout, retry)
                 VALUES (1, 'POST', 'http://127.0.0.1:9/', x'', 1000, '{\"delays\":[]}');
                 INSERT INTO attempts (job, n, started_at, took, status, headers, body)
                 VALUES (1, 1, 5, 12, 500, CAST('server: a' AS BLOB), CAST('no' AS BLOB));
                 PRAGMA user_version = 3;",
            )
            .unwrap();
    }

    #[test]
    fn a_database_of_version_3_keeps_its_runs_and_attempts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("platform.db");
        version_3(&path);
        let store = Store::open(&path, Kind::Platform).unwrap();
        let found: Result<_, StoreError> =
            store.read_blocking(|db| Ok((runs::get(db, "exec-1")?, queue::show(db, 1)?)));
        let (run, job) = found.unwrap();
        assert_eq!(run.unwrap().event, Some(Seq(7)));
        let attempt = job.unwrap().tries.remove(0);
        assert_eq!(
            (attempt.status, attempt.took_ms, attempt.body.as_str()),
            (Some(500), 12, "no")
        );
        assert_eq!(
            (attempt.headers, attempt.cut),
            (vec!["server: a".to_owned()], vec![])
        );
    }

    fn schema(path: &Path) -> Vec<String> {
        let connection = Connection::open(path).unwrap();
        let mut select = connection
            .prepare("SELECT name || ' ' || ifnull(sql, '') FROM sqlite_schema ORDER BY name")
            .unwrap();
        let rows = select.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn a_database_of_version_2_keeps_its_jobs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("platform.db");
        version_2(&path);
        let store = Store::open(&path, Kind::Platform).unwrap();
        let jobs: Result<_, StoreError> =
            store.read_blocking(|db| queue::page(db, &Selection::default(), i64::MAX, 10));
        let jobs = jobs.unwrap();
        assert_eq!((jobs.len(), jobs[0].state), (1, State::Dead));
    }

    #[test]
    fn a_migrated_database_has_the_schema_of_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old.db"), folder.path().join("new.db"));
        let older = folder.path().join("older.db");
        version_2(&older);
        version_3(&old);
        for path in [&older, &old, &new] {
            drop(Store::open(path, Kind::Platform).unwrap());
        }
        assert_eq!(schema(&old), schema(&new));
        assert_eq!(schema(&older), schema(&new));
    }

    #[test]
    fn a_database_of_a_later_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inbox.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .pragma_update(None, "user_version", VERSION + 1)
            .unwrap();
        drop(connection);
        let opened = Store::open(&path, Kind::Inbox).map(drop);
        assert!(
            matches!(opened, Err(StoreError::Newer { .. })),
            "{opened:?}"
        );
    }
}
