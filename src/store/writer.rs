//! The writer thread: it commits everything that is queued together (group commit).
//!
//! A commit waits for the disk (`synchronous=FULL`), which takes milliseconds whatever its size. While one commit waits, other
//! callers queue their operations, and the next commit includes all of them. So throughput grows with the load, and a caller
//! still gets its result only after its data is on the disk.
//!
//! Each operation runs in its own savepoint. Without it, one failing operation would undo those of unrelated callers in the same commit.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::{Connection, ffi};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tracing::{error, warn};

use super::checkpoint::Checkpointer;
use super::{StoreError, place};
use crate::clock::Clock;
use crate::time::Timestamp;

/// Operations in one commit. More would gain little, and the first caller would wait longer.
const BATCH: usize = 256;
/// Operations that are queued before callers have to wait (backpressure).
const QUEUE: usize = 1024;

/// A transaction: the connection within the current commit.
pub struct Tx<'a> {
    connection: &'a Connection,
    changes: &'a Changes,
    clock: &'a Clock,
}

/// Changes of a commit that other tasks wait for.
#[derive(Default)]
struct Changes {
    jobs: Cell<bool>,
    work: Cell<bool>,
    events: Cell<bool>,
}

/// The tasks that wait for changes.
pub(super) struct Listeners {
    pub(super) jobs: Arc<Notify>,
    pub(super) work: Arc<Notify>,
    pub(super) events: watch::Sender<()>,
}

impl Listeners {
    fn notify(&self, changes: &Changes) {
        if changes.jobs.get() {
            self.jobs.notify_one();
        }
        if changes.work.get() {
            self.work.notify_one();
        }
        if changes.events.get() {
            self.events.send_replace(());
        }
    }
}

impl<'a> Tx<'a> {
    pub(super) fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// The time of the database's clock ([`Store::now`](super::Store::now)).
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Runs a part of an operation. An error undoes what this part wrote and nothing else, and is returned inside.
    ///
    /// # Errors
    /// Errors of the savepoint itself, which undo the operation.
    pub fn attempt<T, E>(
        &self,
        op: impl FnOnce() -> Result<T, E>,
    ) -> Result<Result<T, E>, StoreError> {
        savepoint(self, "SAVEPOINT part")?;
        let result = op();
        if is_rolled_back(self) {
            return Err(StoreError::Full(rusqlite::Error::SqliteFailure(
                ffi::Error::new(ffi::SQLITE_FULL),
                None,
            )));
        }
        if result.is_err() {
            savepoint(self, "ROLLBACK TO part")?;
        }
        savepoint(self, "RELEASE part")?;
        Ok(result)
    }

    /// Wakes the engine of the platform's own queues after this commit is on the disk.
    pub(super) fn work_ready(&self) {
        self.changes.work.set(true);
    }

    /// Wakes the delivery engine after this commit is on the disk.
    pub fn jobs_ready(&self) {
        self.changes.jobs.set(true);
    }

    /// Wakes the tasks that follow events after this commit is on the disk.
    pub(super) fn event_stored(&self) {
        self.changes.events.set(true);
    }
}

/// An operation that has run. Gets the result of the commit and passes its own to the caller.
type Finish = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Runs within the commit, or gets the error if no transaction could begin.
type Operation = Box<dyn FnOnce(Result<&Tx<'_>, StoreError>) -> Finish + Send>;

pub(super) struct Writer {
    queue: Option<mpsc::Sender<Operation>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        path: &Path,
        clock: Arc<Clock>,
        listeners: Listeners,
    ) -> Self {
        let (queue, operations) = mpsc::channel(QUEUE);
        let checkpointer = Checkpointer::new(path);
        let path = Arc::from(path);
        let thread = std::thread::Builder::new()
            .name("evt-store".to_owned())
            .spawn(move || {
                place::within(&path, || {
                    run(&connection, &clock, checkpointer, operations, &listeners);
                });
            })
            .expect("a thread can be started: the process has just begun");
        Self {
            queue: Some(queue),
            thread: Some(thread),
        }
    }

    fn queue(&self) -> Result<&mpsc::Sender<Operation>, StoreError> {
        self.queue.as_ref().ok_or(StoreError::Stopped)
    }

    pub(super) async fn write<T, E, F>(&self, op: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (operation, answer) = prepare(op);
        self.queue()?
            .send(operation)
            .await
            .map_err(|_| StoreError::Stopped)?;
        answer.await.map_err(|_| StoreError::Stopped)?
    }

    pub(super) async fn post<F>(&self, op: F)
    where
        F: FnOnce(&Tx<'_>) -> Result<(), StoreError> + Send + 'static,
    {
        let operation: Operation = Box::new(move |tx| {
            let result = tx.and_then(|tx| guarded(tx, op));
            Box::new(move |committed| {
                if let Err(error) = result.and(committed) {
                    warn!(%error, "A deferred write failed.");
                }
            })
        });
        if let Ok(queue) = self.queue() {
            let _ = queue.send(operation).await;
        }
    }

    pub(super) fn write_blocking<T, E, F>(&self, op: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (operation, answer) = prepare(op);
        self.queue()?
            .blocking_send(operation)
            .map_err(|_| StoreError::Stopped)?;
        answer.blocking_recv().map_err(|_| StoreError::Stopped)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Closing the queue ends the thread after the last queued operation; joining it makes sure that they are all committed.
        // The last handle may be dropped by an operation itself, on the writer thread, which cannot join itself.
        drop(self.queue.take());
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

fn prepare<T, E, F>(op: F) -> (Operation, oneshot::Receiver<Result<T, E>>)
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
{
    let (answer, receiver) = oneshot::channel();
    let operation: Operation = Box::new(move |tx| {
        let result = match tx {
            Ok(tx) => guarded(tx, op),
            Err(error) => Err(error.into()),
        };
        Box::new(move |committed| {
            let result = match (result, committed) {
                (Ok(value), Ok(())) => Ok(value),
                (Ok(_), Err(error)) => Err(error.into()),
                (Err(error), _) => Err(error),
            };
            let _ = answer.send(result);
        })
    });
    (operation, receiver)
}

/// Runs one operation in a savepoint, so that an error or a panic undoes only this operation.
fn guarded<T, E, F>(tx: &Tx<'_>, op: F) -> Result<T, E>
where
    E: From<StoreError>,
    F: FnOnce(&Tx<'_>) -> Result<T, E>,
{
    savepoint(tx, "SAVEPOINT op")?;
    let result = catch_unwind(AssertUnwindSafe(|| op(tx)))
        .unwrap_or_else(|_| Err(StoreError::Panicked.into()));
    match result {
        Ok(value) => {
            savepoint(tx, "RELEASE op")?;
            Ok(value)
        }
        Err(error) => {
            if !is_rolled_back(tx) {
                savepoint(tx, "ROLLBACK TO op")?;
                savepoint(tx, "RELEASE op")?;
            }
            Err(error)
        }
    }
}

/// Whether SQLite has ended the transaction. It does so if the disk is full in the middle of a statement.
fn is_rolled_back(connection: &Connection) -> bool {
    connection.is_autocommit()
}

fn savepoint(tx: &Tx<'_>, sql: &str) -> Result<(), StoreError> {
    tx.prepare_cached(sql)?.execute([])?;
    Ok(())
}

fn run(
    connection: &Connection,
    clock: &Clock,
    mut checkpointer: Checkpointer,
    mut operations: mpsc::Receiver<Operation>,
    listeners: &Listeners,
) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut finished: Vec<Finish> = Vec::with_capacity(BATCH);
    while operations.blocking_recv_many(&mut batch, BATCH) > 0 {
        let changes = Changes::default();
        let committed = commit(connection, clock, &changes, &mut batch, &mut finished);
        if let Err(error) = &committed {
            error!(error = %copy(error), "A commit failed.");
            let _ = connection.execute_batch("ROLLBACK");
        }
        for finish in finished.drain(..) {
            finish(committed.as_ref().map_err(copy).copied());
        }
        listeners.notify(&changes);
        checkpointer.after_commit(connection);
    }
}

fn commit(
    connection: &Connection,
    clock: &Clock,
    changes: &Changes,
    batch: &mut Vec<Operation>,
    finished: &mut Vec<Finish>,
) -> rusqlite::Result<()> {
    let begun = connection
        .prepare_cached("BEGIN IMMEDIATE")
        .and_then(|mut begin| begin.execute([]));
    if let Err(error) = begun {
        finished.extend(
            batch
                .drain(..)
                .map(|operation| operation(Err(copy(&error)))),
        );
        return Err(error);
    }
    let tx = Tx {
        connection,
        changes,
        clock,
    };
    let full = || rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None);
    finished.extend(batch.drain(..).map(|operation| {
        // Without this check the operation would start another transaction.
        match is_rolled_back(connection) {
            true => operation(Err(copy(&full()))),
            false => operation(Ok(&tx)),
        }
    }));
    if is_rolled_back(connection) {
        return Err(full());
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

/// A copy of the error of a commit, for each of its operations.
fn copy(error: &rusqlite::Error) -> StoreError {
    StoreError::from(match error {
        rusqlite::Error::SqliteFailure(code, text) => {
            rusqlite::Error::SqliteFailure(*code, text.clone())
        }
        _ => rusqlite::Error::InvalidQuery,
    })
}
