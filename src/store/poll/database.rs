//! The file of a state: making it, judging it, and changing it for as long as nobody else has taken it over.

use std::path::Path;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row, Transaction, TransactionBehavior, params};

use super::Fingerprint;
use super::error::{Damage, Fault, PollStateError};
use super::filter::Filter;
use super::lock::{Holder, Lock};
use super::place::Place;
use super::sum::{self, Sum};
use crate::files;
use crate::time::Timestamp;
use crate::watermark::{Digest, Micros, Position, SeenRow};

/// The newest schema that is known here.
pub(super) const VERSION: i64 = 1;
/// `evtp`, in the header of the file: tells a state from other databases.
const APPLICATION: i64 = 0x6576_7470;
/// How long another process's commit is waited for.
const BUSY: Duration = Duration::from_secs(10);

/// What a state says, but for its rows.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// The text of the schema as the file has it.
    schema: String,
    pub(super) created: i64,
    pub(super) fingerprint: Option<Fingerprint>,
    fingerprint_text: Option<String>,
    pub(super) position: Position,
    position_text: String,
    pub(super) seen: Sum,
    pub(super) keys: Sum,
}

impl Kept {
    /// # Errors
    /// For a position that could not be read back as it is.
    pub(super) fn set_position(&mut self, position: &Position) -> Result<(), Fault> {
        let text = serde_json::to_string(position).map_err(Fault::Position)?;
        let read: Position = serde_json::from_str(&text).map_err(Fault::Position)?;
        if read != *position {
            let why = "it is read back as another one";
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

    /// Writes down what is polled, which changes once in a state's life; [`Database::write`] does the rest.
    pub(super) fn write_fingerprint(&self, tx: &Connection) -> rusqlite::Result<()> {
        tx.execute("UPDATE meta SET fingerprint = ?1", [&self.fingerprint_text])?;
        Ok(())
    }

    /// SHA-256 over everything that a run depends on.
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
        let Sum { rows, hash } = self.seen;
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

/// Makes the file of a new state. It has its name only when it is whole, so that a file without content is always damage.
pub(super) fn create(place: &Place) -> Result<(), PollStateError> {
    let failed = |source| place.file_error(source);
    files::private_folder(&place.folder).map_err(failed)?;
    let file = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(&place.folder)
        .map_err(failed)?;
    fill(file.path()).map_err(|fault| place.error(fault))?;
    file.as_file().sync_all().map_err(failed)?;
    match file.persist_noclobber(place.database()) {
        Ok(_) => place.on_disk(),
        // Another process made it meanwhile, and it is as new.
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error.error)),
    }
}

fn fill(path: &Path) -> Result<(), Fault> {
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Whoever makes the file waits for the disk once, when it is whole.
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
    let mut kept = Kept {
        schema: schema_of(&tx)?,
        created: holder.since.millis(),
        fingerprint: None,
        fingerprint_text: None,
        position: Position::default(),
        position_text: String::new(),
        seen: Sum::default(),
        keys: Sum::default(),
    };
    kept.set_position(&Position::default())?;
    kept.write(&tx)?;
    tx.commit()?;
    // Closing moves all of it from the log into the file.
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// A connection that changes nothing of the file by itself, not even when it is closed.
pub(super) fn connect(place: &Place) -> Result<Connection, Fault> {
    // Some settings read the header of the file.
    try_connect(place).map_err(Fault::judged)
}

fn try_connect(place: &Place) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(place.database(), flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(32);
    let [log, _] = place.journals();
    // Without a log there is nothing that closing could move into the file; it only tidies up.
    let has_log = log.metadata().is_ok_and(|log| log.len() > 0);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Negative: in KiB.
    connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA cache_size = -2048;")?;
    Ok(connection)
}

/// Reads what a state says and looks at every row of it, as of one moment.
///
/// # Errors
/// [`Fault::Damage`] for everything that evt has not written like that.
pub(super) fn judge(connection: &Connection) -> Result<(Kept, Filter), Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let judged = judge_snapshot(&snapshot).map_err(Fault::judged);
    // A snapshot that was only read from has nothing to lose.
    drop(snapshot);
    judged
}

/// [`judge`] within a transaction.
pub(super) fn judge_snapshot(connection: &Connection) -> Result<(Kept, Filter), Fault> {
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
    // Also the lists of free pages, over which a later write would stumble.
    let fault: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if fault != "ok" {
        return Err(Damage::Structure { fault }.into());
    }
    let kept = read(connection)?;
    let filter = compare_rows(connection, &kept)?;
    Ok((kept, filter))
}

fn read(connection: &Connection) -> Result<Kept, Fault> {
    let (created, fingerprint_text): (i64, Option<String>) =
        connection.query_row("SELECT created, fingerprint FROM meta", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let (mut kept, checksum) = connection.query_row(
        "SELECT position, seen_rows, seen_sum, keys_rows, keys_sum, checksum FROM pos",
        [],
        |row| {
            let sum = |rows, hash| {
                Ok::<_, rusqlite::Error>(Sum {
                    rows: row.get::<_, i64>(rows)?.cast_unsigned(),
                    hash: row.get::<_, i64>(hash)?.cast_unsigned(),
                })
            };
            let kept = Kept {
                schema: String::new(),
                created,
                fingerprint: None,
                fingerprint_text,
                position: Position::default(),
                position_text: row.get(0)?,
                seen: sum(1, 2)?,
                keys: sum(3, 4)?,
            };
            Ok((kept, row.get::<_, Vec<u8>>(5)?))
        },
    )?;
    kept.schema = schema_of(connection)?;
    if kept.checksum() != checksum {
        return Err(Damage::Checksum.into());
    }
    let json = |part| move |source| Damage::Json { part, source };
    kept.position = serde_json::from_str(&kept.position_text).map_err(json("position"))?;
    kept.fingerprint = match &kept.fingerprint_text {
        Some(text) => Some(serde_json::from_str(text).map_err(json("fingerprint"))?),
        None => None,
    };
    Ok(kept)
}

fn schema_of(connection: &Connection) -> rusqlite::Result<String> {
    let sql = "SELECT group_concat(sql, ';' ORDER BY name) FROM sqlite_schema";
    connection.query_row(sql, [], |row| row.get(0))
}

/// Adds up the rows of both tables.
fn compare_rows(connection: &Connection, kept: &Kept) -> Result<Filter, Fault> {
    let mut filter = Filter::for_rows(kept.seen.rows);
    let mut seen = Sum::default();
    each_seen(
        connection,
        "SELECT key, digest, ts, n FROM seen",
        &mut |key, row| {
            seen.add(sum::of_seen(key, &row));
            filter.add(key);
            Ok(())
        },
    )?;
    if seen != kept.seen {
        return Err(Damage::Rows { table: "seen" }.into());
    }
    let mut keys = Sum::default();
    let mut statement = connection.prepare("SELECT key, digest, ts FROM keys")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_blob()?;
        keys.add(sum::of_key(key, digest(row.get_ref(1)?)?, micros(row, 2)?));
    }
    if keys != kept.keys {
        return Err(Damage::Rows { table: "keys" }.into());
    }
    Ok(filter)
}

/// What is done with a version of a key.
type OnRow<'a> = dyn FnMut(&[u8], SeenRow) -> Result<(), Fault> + 'a;

/// Hands out the rows of a query of key, digest, ts and n.
pub(super) fn each_seen(
    connection: &Connection,
    sql: &str,
    on_row: &mut OnRow<'_>,
) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_blob()?;
        on_row(key, seen_row(row, 1)?)?;
    }
    Ok(())
}

/// The columns digest, ts and n, from `first` on.
pub(super) fn seen_row(row: &Row<'_>, first: usize) -> Result<SeenRow, Fault> {
    Ok(SeenRow {
        digest: digest(row.get_ref(first)?)?,
        at: micros(row, first + 1)?,
        n: row.get::<_, i64>(first + 2)?.cast_unsigned(),
    })
}

pub(super) fn digest(value: ValueRef<'_>) -> Result<Digest, Fault> {
    let bytes = value.as_blob()?;
    let digest = bytes.try_into().map_err(|_| {
        let size = rusqlite::types::FromSqlError::InvalidBlobSize {
            expected_size: 16,
            blob_size: bytes.len(),
        };
        Fault::from(size)
    })?;
    Ok(Digest(digest))
}

pub(super) fn micros(row: &Row<'_>, column: usize) -> rusqlite::Result<Micros> {
    row.get(column).map(Micros::new)
}

/// An open state, and the right to change it.
pub(super) struct Database {
    pub(super) place: Place,
    pub(super) connection: Connection,
    pub(super) kept: Kept,
    lock: Lock,
    fence: i64,
}

impl Database {
    /// Judges the file, and only then takes it: whoever had it before commits nothing more.
    pub(super) fn open(place: Place, lock: Lock) -> Result<(Self, Filter), (PollStateError, Lock)> {
        match Self::judge_and_take(&place) {
            Ok((connection, kept, filter, fence)) => {
                let database = Self {
                    place,
                    connection,
                    kept,
                    lock,
                    fence,
                };
                Ok((database, filter))
            }
            Err(fault) => Err((place.error(fault), lock)),
        }
    }

    fn judge_and_take(place: &Place) -> Result<(Connection, Kept, Filter, i64), Fault> {
        make_private(place)?;
        let mut connection = connect(place)?;
        let (mut kept, mut filter) = judge(&connection)?;
        // NORMAL does not wait for the disk at each commit. After a loss of power the last ones may be missing, but all that
        // belongs together goes together: the offset of the output is a part of the position, and goes back with it.
        // 4000 pages are 16 MiB: keys in no order change most pages of a large table at each commit, and what waits in the log
        // is moved once for several of them.
        connection.execute_batch(
            "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 16777216; PRAGMA temp_store = MEMORY;",
        )?;
        let fence = raise_fence(&mut connection)?;
        if read(&connection).map_err(Fault::judged)?.checksum() != kept.checksum() {
            // Whoever was fenced out committed between the two.
            (kept, filter) = judge(&connection)?;
        }
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        Ok((connection, kept, filter, fence))
    }

    /// Changes the state in one commit; what `change` makes of [`Kept`] is written at its end.
    ///
    /// # Errors
    /// [`PollStateError::TakenOver`] where another process has it now. After any error everything is as it was.
    pub(super) fn write<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>, &mut Kept) -> Result<T, Fault>,
    ) -> Result<T, PollStateError> {
        self.lock.retry();
        self.try_write(change)
            .map_err(|fault| self.place.error(fault))
    }

    fn try_write<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>, &mut Kept) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.end_reading()?;
        let mut kept = self.kept.clone();
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        check_fence(&tx, self.fence)?;
        let value = change(&tx, &mut kept)?;
        kept.write(&tx)?;
        tx.commit()?;
        self.kept = kept;
        Ok(value)
    }

    /// [`Database::write`] that returns when the change is on the disk.
    pub(super) fn write_through(
        &mut self,
        change: impl FnOnce(&Transaction<'_>, &mut Kept) -> Result<(), Fault>,
    ) -> Result<(), PollStateError> {
        let synchronous = |connection: &Connection, mode: &str| {
            connection.pragma_update(None, "synchronous", mode)
        };
        // Within a transaction it cannot be changed.
        let reading = self.end_reading();
        reading
            .and_then(|()| synchronous(&self.connection, "FULL"))
            .map_err(|error| self.place.error(error))?;
        let written = self.write(change);
        synchronous(&self.connection, "NORMAL").map_err(|error| self.place.error(error))?;
        written
    }

    /// The connection for looks at single rows: all as of one moment until the next change, because each by itself would take and
    /// leave the locks of the file.
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

    /// Closes the state, but keeps its lock: for whoever goes on to remove it.
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

/// SQLite gives its journals the same mode. By name: whoever opens and closes a file that SQLite has open in this process takes
/// its locks from it.
fn make_private(place: &Place) -> Result<(), Fault> {
    #[cfg(unix)]
    std::fs::set_permissions(
        place.database(),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .map_err(Fault::File)?;
    #[cfg(not(unix))]
    let _ = place;
    Ok(())
}
