//! The platform's own queues: takes due jobs in order of their time and does their work inside the commit that ends them.
//!
//! The work of a job and its end are one commit, so a crash neither loses work nor does it twice. Work that waits for another
//! program does not belong here: it is a delivery ([`crate::deliver`]).

mod batch;

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::store::work::{self, Work};
use crate::store::{Store, StoreError, Tx};

/// Does the work of jobs.
pub trait Consume: Send + Sync {
    /// Does the work of a job inside the commit that ends it. An error undoes what it wrote.
    fn consume(&self, tx: &Tx<'_>, work: &Work) -> Result<(), WorkError>;

    /// Called in the commit in which a job dies, with the reason.
    fn dead(&self, _tx: &Tx<'_>, _work: &Work, _reason: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

impl<F> Consume for F
where
    F: Fn(&Tx<'_>, &Work) -> Result<(), WorkError> + Send + Sync,
{
    fn consume(&self, tx: &Tx<'_>, work: &Work) -> Result<(), WorkError> {
        self(tx, work)
    }
}

/// What does the work of an engine's jobs.
pub type Consumer = Arc<dyn Consume>;

/// Why a job was not done.
#[derive(Debug, Error)]
pub enum WorkError {
    /// It is tried again as its `retry` says, and is dead after that.
    #[error("{0}")]
    Failed(String),
    /// Another attempt would fail, too: the job is dead.
    #[error("{0}")]
    Permanent(String),
    /// The commit is rolled back, and the engine tries again soon.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The longest sleep. The system's clock may be set, and a timer does not notice.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// How long the engine waits after an error of the store.
const PAUSE: Duration = Duration::from_secs(1);

/// The running engine of a store's queues.
pub struct Engine {
    task: tokio::task::JoinHandle<()>,
}

impl Engine {
    /// Does due jobs until `shutdown`. Only one process may do this for a store.
    pub fn start(store: Store, consumer: Consumer, shutdown: CancellationToken) -> Self {
        Self {
            task: tokio::spawn(async move {
                tokio::select! {
                    () = run(&store, &consumer) => {}
                    () = shutdown.cancelled() => {}
                }
            }),
        }
    }

    /// Waits until the engine has stopped after its `shutdown`.
    pub async fn stopped(self) {
        let _ = self.task.await;
    }
}

async fn run(store: &Store, consumer: &Consumer) {
    let ready = store.work_ready();
    loop {
        let wait = match next(store, consumer).await {
            Ok(wait) => wait,
            Err(error) => {
                error!(%error, "The jobs of the platform's queues cannot be done yet.");
                PAUSE
            }
        };
        tokio::select! {
            () = ready.notified() => {}
            () = sleep(wait) => {}
        }
    }
}

/// Does all jobs that are due. Returns how long to sleep until the next one.
async fn next(store: &Store, consumer: &Consumer) -> Result<Duration, StoreError> {
    do_due(store, consumer).await?;
    let next = store.read(work::next_at).await?;
    let Some(next) = next else {
        return Ok(LONGEST_SLEEP);
    };
    // A frozen clock does not reach the time by waiting; setting the clock wakes the engine.
    let wait = next.since(store.now()) + Duration::from_millis(1);
    Ok(wait.min(LONGEST_SLEEP))
}

/// Does all jobs that are due at the store's time, also those that other jobs add. Returns how many.
///
/// # Errors
/// Errors of the store. What was committed before stays.
pub async fn do_due(store: &Store, consumer: &Consumer) -> Result<usize, StoreError> {
    let mut total = 0;
    loop {
        match do_batch(store, consumer).await? {
            0 => return Ok(total),
            done => total += done,
        }
    }
}

/// Does the due jobs of one commit. Returns how many; 0 if no job is due.
///
/// # Errors
/// Errors of the store.
pub async fn do_batch(store: &Store, consumer: &Consumer) -> Result<usize, StoreError> {
    let consumer = Arc::clone(consumer);
    store.write(move |tx| batch::run(tx, &consumer)).await
}

#[cfg(test)]
mod tests;
