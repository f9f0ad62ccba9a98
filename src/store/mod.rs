//! Durable state in SQLite: one writer thread per process that commits in groups, and one connection per reader.
//!
//! No other room contains SQL. `platform.db` belongs to one `evt dev`; several processes (`listen`, `send`, `tail`, `events`) share `inbox.db`.

pub mod attempts;
pub mod check;
mod checkpoint;
pub mod cursors;
pub mod endpoints;
pub mod events;
pub mod flows;
pub mod jobs;
pub mod leases;
mod open;
pub mod outbox;
pub mod passwords;
mod place;
pub mod poll;
pub mod queue;
pub mod recent;
pub mod records;
pub mod reset;
pub mod retention;
pub mod runs;
pub mod seen;
pub mod settings;
pub mod space;
pub mod waits;
pub mod work;
mod writer;

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use open::{Durability, connect, migrate, private_file};
use thiserror::Error;
use tokio::sync::{Notify, watch};

use crate::clock::{Clock, Mode};
use crate::explain::{Explain, Explanation};
use crate::time::Timestamp;

/// A connection for reading. Other rooms only pass it back to functions of this one.
pub use rusqlite::Connection;
pub use writer::Tx;

/// Idle reading connections that are kept open.
const READERS: usize = 4;

/// Which tables a database has.
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
    path: Arc<Path>,
    writer: writer::Writer,
    readers: Mutex<Vec<Connection>>,
    clock: Arc<Clock>,
    jobs_ready: Arc<Notify>,
    work_ready: Arc<Notify>,
    events_stored: watch::Receiver<()>,
    // The folder of an ephemeral store is deleted with the last handle.
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
    #[error("cannot use the database `{}`", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the database{} is damaged", match path { Some(path) => format!(" `{}`", path.display()), None => String::new() })]
    Damaged {
        /// `None` outside the operations of a [`Store`].
        path: Option<PathBuf>,
        source: rusqlite::Error,
    },
    #[error("the database `{}` was written by a newer evt (schema {found}, this one knows {known})", path.display())]
    Newer {
        path: PathBuf,
        found: i64,
        known: i64,
    },
    #[error("no space is left on the disk of the database")]
    Full(#[source] rusqlite::Error),
    #[error("the database is locked by another process")]
    Locked(#[source] rusqlite::Error),
    #[error("the database rejected the operation")]
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
                .hint("evt events prune --keep 1d     deletes old events, also on a full disk")
                .hint("evt doctor     shows how much space there is, and what uses it"),
            Self::Locked(_) => Explanation::failed("store_locked")
                .hint("try again; if it stays locked, end the evt that holds it"),
            Self::Open { .. } => Explanation::failed("store_open").hint("evt doctor"),
            Self::Folder { .. } | Self::File { .. } => {
                Explanation::failed("store_folder").hint("evt doctor")
            }
            Self::Sql(_) => Explanation::failed("store_sql").hint("evt doctor"),
            Self::Stopped => Explanation::failed("store_stopped").hint("evt doctor"),
            Self::Panicked => Explanation::failed("fault").hint("evt doctor"),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        // SQLite reports a full disk in this way if there is no space for its shared memory.
        const SHARED_MEMORY: i32 = rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
        if error.sqlite_error().map(|error| error.extended_code) == Some(SHARED_MEMORY) {
            return Self::Full(error);
        }
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full(error),
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                Self::Locked(error)
            }
            Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
                Self::Damaged {
                    path: place::current(),
                    source: error,
                }
            }
            _ => Self::Sql(error),
        }
    }
}

impl StoreError {
    /// An error of opening this file.
    fn at(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match Self::from(error) {
            Self::Damaged { source, .. } => Self::Damaged {
                path: Some(path),
                source,
            },
            Self::Locked(source) | Self::Sql(source) => Self::Open { path, source },
            other => other,
        }
    }
}

impl Store {
    /// Opens the database, creates it if it does not exist, and migrates it. The folder gets mode 0700, the files 0600.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for a file that is not an SQLite database (it is not changed), [`StoreError::Newer`] for a later schema.
    pub fn open(path: &Path, kind: Kind) -> Result<Self, StoreError> {
        Self::open_with(path, kind, None, Durability::Full)
    }

    /// A store in a temporary folder, which is deleted with the last handle. Commits do not wait for the disk.
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
        if ephemeral.is_none() {
            space::keep_reserve(path);
        }
        let clock = Arc::new(Clock::new(clock_mode(&connection, kind).map_err(
            |error| match error {
                StoreError::Sql(source) => StoreError::at(path, source),
                other => other,
            },
        )?));
        let jobs_ready = Arc::new(Notify::new());
        let work_ready = Arc::new(Notify::new());
        let (events, events_stored) = watch::channel(());
        let listeners = writer::Listeners {
            jobs: Arc::clone(&jobs_ready),
            work: Arc::clone(&work_ready),
            events,
        };
        let writer = writer::Writer::start(connection, path, Arc::clone(&clock), listeners);
        Ok(Self {
            inner: Arc::new(Inner {
                path: path.into(),
                writer,
                readers: Mutex::new(Vec::new()),
                clock,
                jobs_ready,
                work_ready,
                events_stored,
                _ephemeral: ephemeral,
            }),
        })
    }

    /// Runs `op` in the next commit and returns its result after that commit is on the disk.
    ///
    /// An error from `op` undoes what `op` wrote and nothing else. Dropping the future does not cancel the operation: it may
    /// still be committed.
    pub async fn write<T, E, F>(&self, op: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.inner.writer.write(op).await
    }

    /// Queues `op` for the next commit and does not wait for it; waits only while too many operations are queued.
    ///
    /// For writes that may be lost in a crash, such as the outcome of an event that is stored itself. A failure is logged.
    pub async fn post<F>(&self, op: F)
    where
        F: FnOnce(&Tx<'_>) -> Result<(), StoreError> + Send + 'static,
    {
        self.inner.writer.post(op).await;
    }

    /// [`Store::write`] for callers outside an async runtime.
    pub fn write_blocking<T, E, F>(&self, op: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.inner.writer.write_blocking(op)
    }

    /// Runs `op` on a reading connection, on a thread for blocking work. It sees every commit made before the call.
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
        let idle = self.idle_readers().pop();
        let reader = match idle {
            Some(reader) => reader,
            None => connect(&self.inner.path, Durability::Full)?,
        };
        let result = place::within(&self.inner.path, || op(&reader));
        let mut idle = self.idle_readers();
        if idle.len() < READERS {
            idle.push(reader);
        }
        result
    }

    fn idle_readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        let readers = self.inner.readers.lock();
        readers.unwrap_or_else(PoisonError::into_inner)
    }

    /// The time of this database's clock. Only that of a platform can differ from the system's clock.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// How the clock runs.
    pub fn clock_mode(&self) -> Mode {
        self.inner.clock.mode()
    }

    /// Stores how the clock runs, sets it after the commit, and wakes what waits for a time.
    pub async fn set_clock(&self, mode: Mode) -> Result<(), StoreError> {
        self.write::<_, StoreError, _>(move |tx| settings::set(tx, CLOCK, &mode.to_string()))
            .await?;
        self.inner.clock.set(mode);
        self.inner.jobs_ready.notify_one();
        self.inner.work_ready.notify_one();
        Ok(())
    }

    /// Notified after each commit of this process that changed the jobs of the platform's own queues, and when the clock is set.
    pub fn work_ready(&self) -> Arc<Notify> {
        Arc::clone(&self.inner.work_ready)
    }

    /// Notified after each commit of this process that made a job claimable ([`Tx::jobs_ready`]).
    pub fn jobs_ready(&self) -> Arc<Notify> {
        Arc::clone(&self.inner.jobs_ready)
    }

    /// Changes after each commit of this process that stored an event. Events stored before the call count as seen.
    pub fn events_stored(&self) -> watch::Receiver<()> {
        let mut events_stored = self.inner.events_stored.clone();
        events_stored.mark_unchanged();
        events_stored
    }
}

/// The setting that holds the mode of the clock.
const CLOCK: &str = "clock";

/// The stored mode of the clock.
fn clock_mode(connection: &Connection, kind: Kind) -> Result<Mode, StoreError> {
    let stored = match kind {
        Kind::Platform => settings::get(connection, CLOCK)?,
        Kind::Inbox => None,
    };
    Ok(stored
        .and_then(|mode| mode.parse().ok())
        .unwrap_or_default())
}

/// Runs `op` so that all its reads see the same state of the database.
pub fn snapshot<T, E: From<StoreError>>(
    connection: &Connection,
    op: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    // A transaction that is open already is such a state.
    if !connection.is_autocommit() {
        return op(connection);
    }
    // A reading transaction has nothing to commit: dropping it ends it.
    let _transaction = connection
        .unchecked_transaction()
        .map_err(StoreError::from)?;
    op(connection)
}

/// A number that changes with each commit of another connection. Lets a test count commits.
#[cfg(test)]
pub(crate) fn version_of_data(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA data_version", [], |row| row.get(0))?)
}

impl Deref for Tx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection()
    }
}
