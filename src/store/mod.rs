//! What `evt` remembers: SQLite, one writer thread a process with group commit, readers on connections of their own.
//!
//! SQL lives only in this room. `platform.db` belongs to `evt dev`; `inbox.db` to listen, send and events, several processes at once.

pub mod check;
mod checkpoint;
pub mod cursors;
pub mod endpoints;
pub mod events;
pub mod flows;
pub mod jobs;
pub mod leases;
pub mod poll;
pub mod queue;
pub mod records;
pub mod reset;
pub mod runs;
pub mod seen;
pub mod settings;
mod writer;

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::OpenFlags;
use thiserror::Error;
use tokio::sync::{Notify, watch};

use crate::explain::{Explain, Explanation};
use crate::files;

/// What reads are made on; the rooms above only pass it back to this one.
pub use rusqlite::Connection;
pub use writer::Tx;

/// How long a process waits for another one's commit before it gives up.
const BUSY: Duration = Duration::from_secs(10);
/// The schema's version, kept in `user_version`; one migration a step.
const VERSION: i64 = 2;
/// Idle reading connections that are kept for the next reader.
const READERS: usize = 4;

/// Which database: the tables that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Inbox,
    Platform,
}

/// A handle to one database; clones share its writer thread.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    writer: writer::Writer,
    readers: Mutex<Vec<Connection>>,
    jobs_ready: Arc<Notify>,
    events_kept: watch::Receiver<()>,
    // Keeps an ephemeral store's folder until the last handle is gone.
    _ephemeral: Option<tempfile::TempDir>,
}

/// Why a store cannot be opened, read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("cannot open the database `{}`", path.display())]
    Open {
        path: PathBuf,
        source: rusqlite::Error,
    },
    #[error("cannot use the folder `{}`", path.display())]
    Folder {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the database{} is damaged", match path { Some(path) => format!(" `{}`", path.display()), None => String::new() })]
    Damaged {
        /// `None` where a statement met the damage, which does not know its file.
        path: Option<PathBuf>,
        source: rusqlite::Error,
    },
    #[error("the database `{}` was written by a newer evt (schema {found}, this one knows {known})", path.display())]
    Newer {
        path: PathBuf,
        found: i64,
        known: i64,
    },
    #[error("there is no space left for the database")]
    Full(#[source] rusqlite::Error),
    #[error("the database is locked by another process")]
    Locked(#[source] rusqlite::Error),
    #[error("the database refused the operation")]
    Sql(#[source] rusqlite::Error),
    #[error("the store has stopped")]
    Stopped,
    #[error("an operation on the store panicked")]
    Panicked,
}

impl Explain for StoreError {
    fn explain(&self) -> Explanation {
        match self {
            Self::Damaged { path, .. } => {
                // The damaged file is kept: the user may want to recover something from it.
                let hint = match path.as_ref().map(|path| path.display()) {
                    Some(path) => format!("mv {path} {path}.damaged"),
                    None => "evt doctor".to_owned(),
                };
                Explanation::failed("store_damaged").hint(hint)
            }
            Self::Newer { .. } => Explanation::usage("store_newer").hint("use the newer evt"),
            Self::Full(_) => Explanation::failed("disk_full")
                .hint("free some space; evt doctor says how much there is"),
            Self::Locked(_) => Explanation::failed("store_locked")
                .hint("try again; if it stays locked, end the evt that holds it"),
            Self::Open { .. } => Explanation::failed("store_open").hint("evt doctor"),
            Self::Folder { .. } => Explanation::failed("store_folder").hint("evt doctor"),
            Self::Sql(_) => Explanation::failed("store_sql").hint("evt doctor"),
            Self::Stopped => Explanation::failed("store_stopped").hint("evt doctor"),
            Self::Panicked => Explanation::failed("fault").hint("evt doctor"),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full(error),
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                Self::Locked(error)
            }
            Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
                Self::Damaged {
                    path: None,
                    source: error,
                }
            }
            _ => Self::Sql(error),
        }
    }
}

impl StoreError {
    /// What went wrong while this file was opened.
    fn at(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match Self::from(error) {
            Self::Damaged { source, .. } => Self::Damaged {
                path: Some(path),
                source,
            },
            Self::Full(source) | Self::Locked(source) | Self::Sql(source) => {
                Self::Open { path, source }
            }
            other => other,
        }
    }
}

impl Store {
    /// Opens the database, creating and migrating it where needed. The folder is made 0700, the files 0600.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for a file that is no SQLite database (it is left as it is), [`StoreError::Newer`] for a later schema.
    pub fn open(path: &Path, kind: Kind) -> Result<Self, StoreError> {
        Self::open_with(path, kind, None, Durability::Full)
    }

    /// A store in a temporary folder, gone with its last handle. Commits do not wait for the disk.
    pub fn ephemeral(kind: Kind) -> Result<Self, StoreError> {
        let folder = tempfile::Builder::new()
            .prefix("evt-")
            .tempdir()
            .map_err(|source| StoreError::Folder {
                path: std::env::temp_dir(),
                source,
            })?;
        let path = folder.path().join("ephemeral.db");
        Self::open_with(&path, kind, Some(folder), Durability::Off)
    }

    fn open_with(
        path: &Path,
        kind: Kind,
        ephemeral: Option<tempfile::TempDir>,
        durability: Durability,
    ) -> Result<Self, StoreError> {
        private_file(path)?;
        let mut connection = connect(path, durability)?;
        migrate(&mut connection, path, kind)?;
        let jobs_ready = Arc::new(Notify::new());
        let (events, events_kept) = watch::channel(());
        let listeners = writer::Listeners {
            jobs: Arc::clone(&jobs_ready),
            events,
        };
        let writer = writer::Writer::start(connection, path, listeners);
        Ok(Self {
            inner: Arc::new(Inner {
                path: path.to_owned(),
                writer,
                readers: Mutex::new(Vec::new()),
                jobs_ready,
                events_kept,
                _ephemeral: ephemeral,
            }),
        })
    }

    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Runs `op` in the next commit and returns its result once that commit is on the disk.
    ///
    /// An error from `op` undoes what `op` wrote and nothing else. Cancel safe in the sense that a dropped future does not
    /// stop the operation: it may still be committed.
    pub async fn write<T, E, F>(&self, op: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.inner.writer.write(op).await
    }

    /// Hands `op` to the next commit without waiting for it; waits only while too many operations are queued.
    ///
    /// For what may be lost in a crash, such as a note on an event that is itself kept. A failure is logged.
    pub async fn post<F>(&self, op: F)
    where
        F: FnOnce(&Tx<'_>) -> Result<(), StoreError> + Send + 'static,
    {
        self.inner.writer.post(op).await;
    }

    /// [`Store::write`] for callers outside a runtime.
    pub fn write_blocking<T, E, F>(&self, op: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.inner.writer.write_blocking(op)
    }

    /// Runs `op` on a reading connection, off the runtime's threads. Sees every commit made before the call.
    pub async fn read<T, E, F>(&self, op: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let store = self.clone();
        match tokio::task::spawn_blocking(move || store.read_blocking(op)).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::Panicked.into()),
        }
    }

    /// [`Store::read`] on the caller's thread.
    pub fn read_blocking<T, E, F>(&self, op: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: FnOnce(&Connection) -> Result<T, E>,
    {
        let reader = self
            .inner
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let reader = match reader {
            Some(reader) => reader,
            None => connect(&self.inner.path, Durability::Full)?,
        };
        let result = op(&reader);
        let mut readers = self
            .inner
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS {
            readers.push(reader);
        }
        result
    }

    /// Told after each commit that enqueued or freed a job of this process ([`Tx::jobs_ready`]).
    pub fn jobs_ready(&self) -> Arc<Notify> {
        Arc::clone(&self.inner.jobs_ready)
    }

    /// Changes after each commit of this process that kept an event; what came before the call counts as seen.
    pub fn events_kept(&self) -> watch::Receiver<()> {
        let mut events_kept = self.inner.events_kept.clone();
        events_kept.mark_unchanged();
        events_kept
    }
}

#[derive(Clone, Copy)]
enum Durability {
    Full,
    Off,
}

fn connect(path: &Path, durability: Durability) -> Result<Connection, StoreError> {
    let open = |error| StoreError::at(path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(open)?;
    connection.busy_timeout(BUSY).map_err(open)?;
    connection.set_prepared_statement_cache_capacity(64);
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Off => "OFF",
    };
    let pragmas = format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;"
    );
    connection.execute_batch(&pragmas).map_err(open)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, path: &Path, kind: Kind) -> Result<(), StoreError> {
    let failed = |error| StoreError::at(path, error);
    // Immediate, so that two processes that meet on a new file do not both create its tables.
    let tx = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
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
    if found < 1 {
        tx.execute_batch(include_str!("schema.sql"))
            .map_err(failed)?;
        if kind == Kind::Platform {
            tx.execute_batch(include_str!("platform.sql"))
                .map_err(failed)?;
        }
    }
    if found < 2 {
        if kind == Kind::Platform {
            tx.execute_batch(include_str!("seen.sql")).map_err(failed)?;
        }
        tx.pragma_update(None, "user_version", VERSION)
            .map_err(failed)?;
    }
    tx.commit().map_err(failed)
}

/// Creates folder and file with the modes that secrets need; SQLite gives its journal files the database's own mode.
fn private_file(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let failed = |source| StoreError::Folder {
        path: folder.to_owned(),
        source,
    };
    files::private_folder(folder).map_err(failed)?;
    let file = files::private_file(path).map_err(failed)?;
    // One that was there may be readable to others.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .map_err(failed)?;
    drop(file);
    Ok(())
}

impl Deref for Tx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection()
    }
}
