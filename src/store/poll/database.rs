//! The file of a state: creates it, verifies it, and changes it until another process takes it over.

use std::path::Path;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};

use super::Fingerprint;
use super::error::{Damage, Fault, PollStateError};
use super::files::StateFiles;
use super::filter::Filter;
use super::lock::{Holder, Lock};
use super::rows::{self, Checksum, digest, each_seen, micros};
use crate::files;
use crate::time::Timestamp;
use crate::watermark::Position;

/// The newest schema that this version of evt knows.
pub(super) const VERSION: i64 = 1;
/// `evtp`, in the header of the file, marks the database as a polling state.
const APPLICATION: i64 = 0x6576_7470;
/// How long to wait for another process's commit.
const BUSY: Duration = Duration::from_secs(10);

/// The content of a state without its rows.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    /// The SQL of the schema in the file.
    schema: String,
    pub(super) created: i64,
    pub(super) fingerprint: Option<Fingerprint>,
    fingerprint_text: Option<String>,
    pub(super) position: Position,
    position_text: String,
    pub(super) seen: Checksum,
    pub(super) keys: Checksum,
}

impl Metadata {
    /// # Errors
    /// If the position cannot be read back from its JSON, such as a time beyond the calendar: the state could not be opened again.
    pub(super) fn set_position(&mut self, position: &Position) -> Result<(), Fault> {
        let text = serde_json::to_string(position).map_err(Fault::Position)?;
        let read: Position = serde_json::from_str(&text).map_err(Fault::Position)?;
        if read != *position {
            let why = "it differs when it is read back";
            let error = <serde_json::Error as serde::de::Error>::custom(why);
            return Err(Fault::Position(error));
        }
        self.position = read;
        self.position_text = text;
        Ok(())
    }

    pub(super) fn set_fingerprint(&mut self, fingerprint: Option<&Fingerprint>) {
        self.fingerprint = fingerprint.cloned();
        self.fingerprint_text = fingerprint
            .map(|fingerprint| serde_json::to_string(fingerprint).expect("text is always JSON"));
    }

    /// Stores the fingerprint. It changes once in the life of a state, so [`Database::write`] does not do it each time.
    pub(super) fn write_fingerprint(&self, tx: &Connection) -> rusqlite::Result<()> {
        tx.execute("UPDATE meta SET fingerprint = ?1", [&self.fingerprint_text])?;
        Ok(())
    }

    /// SHA-256 of everything that a run depends on.
    fn checksum(&self) -> Vec<u8> {
        let mut context = Context::new(&SHA256);
        for text in [
            Some(&self.schema),
            self.fingerprint_text.as_ref(),
            Some(&self.position_text),
        ] {
            context.update(&[u8::from(text.is_some())]);
            let text = text.map_or(&[][..], |text| text.as_bytes());
            context.update(&(text.len() as u64).to_le_bytes());
            context.update(text);
        }
        let Checksum { rows, hash } = self.seen;
        for number in [rows, hash, self.keys.rows, self.keys.hash] {
            context.update(&number.to_le_bytes());
        }
        context.update(&self.created.to_le_bytes());
        context.finish().as_ref().to_vec()
    }

    fn write(&self, tx: &Connection) -> rusqlite::Result<()> {
        tx.prepare_cached(
            "UPDATE pos SET position = ?1, seen_rows = ?2, seen_sum = ?3, keys_rows = ?4, keys_sum = ?5, checksum = ?6",
        )?
        .execute(params![
            self.position_text,
            self.seen.rows.cast_signed(),
            self.seen.hash.cast_signed(),
            self.keys.rows.cast_signed(),
            self.keys.hash.cast_signed(),
            self.checksum(),
        ])?;
        Ok(())
    }
}

/// Creates the file of a new state. It gets its name when it is complete, so an empty file is always damage.
pub(super) fn create(files: &StateFiles) -> Result<(), PollStateError> {
    let failed = |source| files.file_error(source);
    files::private_folder(&files.folder).map_err(failed)?;
    let file = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(&files.folder)
        .map_err(failed)?;
    fill(file.path()).map_err(|fault| files.error(fault))?;
    file.as_file().sync_all().map_err(failed)?;
    match file.persist_noclobber(files.database()) {
        Ok(_) => files.sync(),
        // Another process has created it meanwhile.
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error.error)),
    }
}

fn fill(path: &Path) -> Result<(), Fault> {
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // The caller syncs the complete file once.
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL;")?;
    let tx = connection.transaction()?;
    tx.pragma_update(None, "application_id", APPLICATION)?;
    tx.execute_batch(include_str!("schema.sql"))?;
    let holder = Holder::this_process();
    tx.execute(
        "INSERT INTO meta (id, schema_version, fingerprint, created, fence, pid, host, since, walk)
         VALUES (1, ?1, NULL, ?2, 0, ?3, ?4, ?2, 0)",
        params![VERSION, holder.since.millis(), holder.pid, holder.host],
    )?;
    tx.execute("INSERT INTO pos VALUES (1, '', 0, 0, 0, 0, x'')", [])?;
    let mut metadata = Metadata {
        schema: schema_of(&tx)?,
        created: holder.since.millis(),
        fingerprint: None,
        fingerprint_text: None,
        position: Position::default(),
        position_text: String::new(),
        seen: Checksum::default(),
        keys: Checksum::default(),
    };
    metadata.set_position(&Position::default())?;
    metadata.write(&tx)?;
    tx.commit()?;
    // Closing moves everything from the log into the file.
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// Opens a connection that does not change the file by itself, not even when it is closed.
pub(super) fn connect(files: &StateFiles) -> Result<Connection, Fault> {
    // Some settings read the file's header, so their errors mean damage.
    try_connect(files).map_err(Fault::verified)
}

fn try_connect(files: &StateFiles) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    crate::files::check_regular(&files.database()).map_err(Fault::File)?;
    let connection = Connection::open_with_flags(files.database(), flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(32);
    let [log, _] = files.journals();
    // Without a log, closing has nothing to move into the file. It only removes the journals.
    let has_log = log.metadata().is_ok_and(|log| log.len() > 0);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // A negative size is in KiB.
    connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA cache_size = -2048;")?;
    Ok(connection)
}

/// Reads a state and verifies every row, in one snapshot.
///
/// # Errors
/// [`Fault::Damage`] if the content is not what evt wrote.
pub(super) fn verify(connection: &Connection) -> Result<(Metadata, Filter), Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let verified = verify_snapshot(&snapshot).map_err(Fault::verified);
    // The snapshot was only read, so rolling it back loses nothing.
    drop(snapshot);
    verified
}

/// [`verify`] within a transaction.
pub(super) fn verify_snapshot(connection: &Connection) -> Result<(Metadata, Filter), Fault> {
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if application != APPLICATION || mode != "wal" {
        return Err(Damage::Foreign.into());
    }
    let found: i64 =
        connection.query_row("SELECT schema_version FROM meta", [], |row| row.get(0))?;
    if found > VERSION {
        return Err(Fault::Newer(found));
    }
    // Also checks the lists of free pages, which a later write would use.
    let fault: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if fault != "ok" {
        return Err(Damage::Structure { fault }.into());
    }
    let metadata = read(connection)?;
    let filter = compare_rows(connection, &metadata)?;
    Ok((metadata, filter))
}

fn read(connection: &Connection) -> Result<Metadata, Fault> {
    let (created, fingerprint_text): (i64, Option<String>) =
        connection.query_row("SELECT created, fingerprint FROM meta", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let (mut metadata, checksum) = connection.query_row(
        "SELECT position, seen_rows, seen_sum, keys_rows, keys_sum, checksum FROM pos",
        [],
        |row| {
            let sum = |rows, hash| {
                Ok::<_, rusqlite::Error>(Checksum {
                    rows: row.get::<_, i64>(rows)?.cast_unsigned(),
                    hash: row.get::<_, i64>(hash)?.cast_unsigned(),
                })
            };
            let metadata = Metadata {
                schema: String::new(),
                created,
                fingerprint: None,
                fingerprint_text,
                position: Position::default(),
                position_text: row.get(0)?,
                seen: sum(1, 2)?,
                keys: sum(3, 4)?,
            };
            Ok((metadata, row.get::<_, Vec<u8>>(5)?))
        },
    )?;
    metadata.schema = schema_of(connection)?;
    if metadata.checksum() != checksum {
        return Err(Damage::Checksum.into());
    }
    let json = |part| move |source| Damage::Json { part, source };
    metadata.position = serde_json::from_str(&metadata.position_text).map_err(json("position"))?;
    metadata.fingerprint = match &metadata.fingerprint_text {
        Some(text) => Some(serde_json::from_str(text).map_err(json("fingerprint"))?),
        None => None,
    };
    Ok(metadata)
}

fn schema_of(connection: &Connection) -> rusqlite::Result<String> {
    let sql = "SELECT group_concat(sql, ';' ORDER BY name) FROM sqlite_schema";
    connection.query_row(sql, [], |row| row.get(0))
}

/// Compares the rows of both tables with their sums.
fn compare_rows(connection: &Connection, metadata: &Metadata) -> Result<Filter, Fault> {
    let mut filter = Filter::for_rows(metadata.seen.rows);
    let mut seen = Checksum::default();
    each_seen(
        connection,
        "SELECT key, digest, ts, n FROM seen",
        &mut |key, row| {
            seen.add(rows::of_seen(key, &row));
            filter.add(key);
            Ok(())
        },
    )?;
    if seen != metadata.seen {
        return Err(Damage::Rows { table: "seen" }.into());
    }
    let mut keys = Checksum::default();
    let mut statement = connection.prepare("SELECT key, digest, ts FROM keys")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_blob()?;
        keys.add(rows::of_key(key, digest(row.get_ref(1)?)?, micros(row, 2)?));
    }
    if keys != metadata.keys {
        return Err(Damage::Rows { table: "keys" }.into());
    }
    Ok(filter)
}

/// An open state file, and the right to change it.
pub(super) struct Database {
    pub(super) files: StateFiles,
    pub(super) connection: Connection,
    pub(super) metadata: Metadata,
    lock: Lock,
    fence: i64,
}

impl Database {
    /// Verifies the file and then raises its fencing number: a process that had it before can no longer commit.
    pub(super) fn open(
        files: StateFiles,
        lock: Lock,
    ) -> Result<(Self, Filter), (PollStateError, Lock)> {
        match Self::verify_and_fence(&files) {
            Ok((connection, metadata, filter, fence)) => {
                let database = Self {
                    files,
                    connection,
                    metadata,
                    lock,
                    fence,
                };
                Ok((database, filter))
            }
            Err(fault) => Err((files.error(fault), lock)),
        }
    }

    fn verify_and_fence(files: &StateFiles) -> Result<(Connection, Metadata, Filter, i64), Fault> {
        make_private(files)?;
        let mut connection = connect(files)?;
        let (mut metadata, mut filter) = verify(&connection)?;
        // NORMAL does not wait for the disk at each commit. A power failure may take back the last commits, but each as a
        // whole: the offset of the output file is part of the position, so the next run cuts the file back to match.
        // 4000 pages are 16 MiB. Commits of random keys change most pages of a large table; a larger log moves each changed
        // page into the file once for several commits.
        connection.execute_batch(
            "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 16777216; PRAGMA temp_store = MEMORY;",
        )?;
        let fence = raise_fence(&mut connection)?;
        if read(&connection).map_err(Fault::verified)?.checksum() != metadata.checksum() {
            // The process that was fenced out has committed in between.
            (metadata, filter) = verify(&connection)?;
        }
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        Ok((connection, metadata, filter, fence))
    }

    /// Runs `change` and stores the metadata that it changed, in one commit.
    ///
    /// # Errors
    /// [`PollStateError::TakenOver`] if another process has the state now. After any error nothing has changed.
    pub(super) fn write<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>, &mut Metadata) -> Result<T, Fault>,
    ) -> Result<T, PollStateError> {
        self.lock.retry();
        self.try_write(change)
            .map_err(|fault| self.files.error(fault))
    }

    fn try_write<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>, &mut Metadata) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.end_reading()?;
        let mut metadata = self.metadata.clone();
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        check_fence(&tx, self.fence)?;
        let value = change(&tx, &mut metadata)?;
        metadata.write(&tx)?;
        tx.commit()?;
        self.metadata = metadata;
        Ok(value)
    }

    /// Like [`Database::write`], and waits until the change is on the disk.
    pub(super) fn write_through(
        &mut self,
        change: impl FnOnce(&Transaction<'_>, &mut Metadata) -> Result<(), Fault>,
    ) -> Result<(), PollStateError> {
        let synchronous = |connection: &Connection, mode: &str| {
            connection.pragma_update(None, "synchronous", mode)
        };
        // The setting cannot be changed within a transaction.
        let reading = self.end_reading();
        reading
            .and_then(|()| synchronous(&self.connection, "FULL"))
            .map_err(|error| self.files.error(error))?;
        let written = self.write(change);
        synchronous(&self.connection, "NORMAL").map_err(|error| self.files.error(error))?;
        written
    }

    /// The connection for reading single rows. A transaction stays open until the next change; without it, each query would
    /// take and release the file's locks.
    pub(super) fn reading(&self) -> Result<&Connection, Fault> {
        if self.connection.is_autocommit() {
            self.connection.execute_batch("BEGIN")?;
        }
        Ok(&self.connection)
    }

    fn end_reading(&self) -> rusqlite::Result<()> {
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.connection.execute_batch("COMMIT")
    }

    /// Closes the file and returns its lock, for removing the file.
    pub(super) fn close(self) -> Lock {
        self.lock
    }
}

fn raise_fence(connection: &mut Connection) -> Result<i64, Fault> {
    let holder = Holder::this_process();
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let fence = tx.query_row(
        "UPDATE meta SET fence = fence + 1, pid = ?1, host = ?2, since = ?3 RETURNING fence",
        params![holder.pid, holder.host, holder.since.millis()],
        |row| row.get(0),
    )?;
    tx.commit()?;
    Ok(fence)
}

fn check_fence(tx: &Transaction<'_>, mine: i64) -> Result<(), Fault> {
    let mut statement = tx.prepare_cached("SELECT fence, pid, host, since FROM meta")?;
    let (fence, holder): (i64, _) = statement.query_row([], |row| {
        let holder = Holder {
            pid: row.get(1)?,
            host: row.get(2)?,
            since: Timestamp::from_millis(row.get(3)?),
        };
        Ok((row.get(0)?, holder))
    })?;
    if fence == mine {
        return Ok(());
    }
    Err(Fault::TakenOver(Some(holder)))
}

/// SQLite gives its journals the same mode. The mode is set by path, because closing a file descriptor would release the locks
/// that SQLite holds on the same file in this process.
fn make_private(files: &StateFiles) -> Result<(), Fault> {
    #[cfg(unix)]
    std::fs::set_permissions(
        files.database(),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .map_err(Fault::File)?;
    #[cfg(not(unix))]
    let _ = files;
    Ok(())
}
