//! The one thread that writes: it commits whatever is queued, at once and together.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tracing::{error, warn};

use super::StoreError;
use super::checkpoint::Checkpointer;

/// Operations in one commit at most: past this the gain is small and the wait is not.
const BATCH: usize = 256;
/// Operations that may wait; beyond them callers wait too (backpressure).
const QUEUE: usize = 1024;

/// A write under way: the connection inside the current commit.
pub struct Tx<'a> {
    connection: &'a Connection,
    news: &'a News,
}

/// What a commit brings that others wait for.
#[derive(Default)]
struct News {
    jobs: Cell<bool>,
    events: Cell<bool>,
}

/// Those who wait for it.
pub(super) struct Listeners {
    pub(super) jobs: Arc<Notify>,
    pub(super) events: watch::Sender<()>,
}

impl Listeners {
    fn tell(&self, news: &News) {
        if news.jobs.get() {
            self.jobs.notify_one();
        }
        if news.events.get() {
            self.events.send_replace(());
        }
    }
}

impl<'a> Tx<'a> {
    pub(super) fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// Wakes the delivery engine once this commit is on the disk.
    pub fn jobs_ready(&self) {
        self.news.jobs.set(true);
    }

    /// Wakes those who follow events once this commit is on the disk.
    pub(super) fn event_kept(&self) {
        self.news.events.set(true);
    }
}

/// An operation that has run, and tells its caller how the commit went.
type Finish = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Runs inside the commit, or is told why there is none.
type Operation = Box<dyn FnOnce(Result<&Tx<'_>, StoreError>) -> Finish + Send>;

pub(super) struct Writer {
    queue: Option<mpsc::Sender<Operation>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, path: &Path, listeners: Listeners) -> Self {
        let (queue, operations) = mpsc::channel(QUEUE);
        let checkpointer = Checkpointer::new(path);
        let thread = std::thread::Builder::new()
            .name("evt-store".to_owned())
            .spawn(move || run(&connection, checkpointer, operations, &listeners))
            .expect("a thread can be started: the process has just begun");
        Self {
            queue: Some(queue),
            thread: Some(thread),
        }
    }

    pub(super) async fn write<T, E, F>(&self, op: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (operation, answer) = prepare(op);
        let Some(queue) = &self.queue else {
            return Err(StoreError::Stopped.into());
        };
        queue
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
                    warn!(%error, "A note was not kept.");
                }
            })
        });
        if let Some(queue) = &self.queue {
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
        let Some(queue) = &self.queue else {
            return Err(StoreError::Stopped.into());
        };
        queue
            .blocking_send(operation)
            .map_err(|_| StoreError::Stopped)?;
        answer.blocking_recv().map_err(|_| StoreError::Stopped)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Closing the queue ends the thread after what is queued; waiting for it means that nothing accepted is cut off.
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

/// Runs one operation inside a savepoint, so that its failure undoes only itself.
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
            savepoint(tx, "ROLLBACK TO op")?;
            savepoint(tx, "RELEASE op")?;
            Err(error)
        }
    }
}

fn savepoint(tx: &Tx<'_>, sql: &str) -> Result<(), StoreError> {
    tx.prepare_cached(sql)?.execute([])?;
    Ok(())
}

fn run(
    connection: &Connection,
    mut checkpointer: Checkpointer,
    mut operations: mpsc::Receiver<Operation>,
    listeners: &Listeners,
) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut finished: Vec<Finish> = Vec::with_capacity(BATCH);
    while operations.blocking_recv_many(&mut batch, BATCH) > 0 {
        let news = News::default();
        let committed = commit(connection, &news, &mut batch, &mut finished);
        if let Err(error) = &committed {
            error!(%error, "A commit failed.");
            let _ = connection.execute_batch("ROLLBACK");
        }
        for finish in finished.drain(..) {
            finish(committed.as_ref().map_err(StoreError::repeat).copied());
        }
        listeners.tell(&news);
        checkpointer.after_commit(connection);
    }
}

fn commit(
    connection: &Connection,
    news: &News,
    batch: &mut Vec<Operation>,
    finished: &mut Vec<Finish>,
) -> Result<(), StoreError> {
    let begun = connection
        .prepare_cached("BEGIN IMMEDIATE")
        .and_then(|mut begin| begin.execute([]));
    if let Err(error) = begun {
        let error = StoreError::from(error);
        finished.extend(
            batch
                .drain(..)
                .map(|operation| operation(Err(error.repeat()))),
        );
        return Err(error);
    }
    let tx = Tx { connection, news };
    finished.extend(batch.drain(..).map(|operation| operation(Ok(&tx))));
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

impl StoreError {
    /// An error of the same kind: all operations of a commit share its fate.
    fn repeat(&self) -> Self {
        match self {
            Self::Full(error) => Self::Full(code_of(error)),
            Self::Locked(error) => Self::Locked(code_of(error)),
            Self::Sql(error) => Self::Sql(code_of(error)),
            Self::Damaged { path, source } => Self::Damaged {
                path: path.clone(),
                source: code_of(source),
            },
            _ => Self::Stopped,
        }
    }
}

fn code_of(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, text) => {
            rusqlite::Error::SqliteFailure(*code, text.clone())
        }
        _ => rusqlite::Error::InvalidQuery,
    }
}
