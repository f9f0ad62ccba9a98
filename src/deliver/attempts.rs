//! The attempts in flight: one task each.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinError, JoinSet};

use super::attempt::{self, Finished};
use super::fair::Ticket;
use crate::dial::Dialer;
use crate::sink::Sinks;
use crate::store::jobs::{self, Claimed, Lease};
use crate::store::{Store, StoreError};

/// Kilobytes of large bodies in memory at a time.
const LARGE_BODIES: u32 = 32 * 1024;

/// How an attempt's task ended.
pub(super) enum Outcome {
    Finished(Ticket, Box<(Claimed, Finished)>),
    /// An error in evt itself, caused by this job or not.
    Panicked(Ticket, Lease),
}

pub(super) struct Attempts {
    dialer: Dialer,
    sinks: Sinks,
    store: Store,
    large_bodies: Arc<Semaphore>,
    tasks: JoinSet<Box<(Claimed, Finished)>>,
    /// The job of each task, because a task that panics cannot return its job.
    running: HashMap<Id, (Ticket, Lease)>,
}

impl Attempts {
    pub(super) fn new(dialer: Dialer, sinks: Sinks, store: Store) -> Self {
        Self {
            dialer,
            sinks,
            store,
            large_bodies: Arc::new(Semaphore::new(LARGE_BODIES as usize)),
            tasks: JoinSet::new(),
            running: HashMap::new(),
        }
    }

    pub(super) fn start(&mut self, ticket: Ticket, job: Claimed) {
        let lease = job.lease;
        let task = self.tasks.spawn(run(
            self.dialer.clone(),
            self.sinks.clone(),
            self.store.clone(),
            Arc::clone(&self.large_bodies),
            job,
        ));
        self.running.insert(task.id(), (ticket, lease));
    }

    /// The next attempt that ends; `None` if none is in flight. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Outcome> {
        loop {
            let joined = self.tasks.join_next_with_id().await?;
            let id = joined.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
            let Some((ticket, lease)) = self.running.remove(&id) else {
                continue;
            };
            match joined {
                Ok((_, finished)) => return Some(Outcome::Finished(ticket, finished)),
                Err(error) if error.is_panic() => return Some(Outcome::Panicked(ticket, lease)),
                Err(_) => {}
            }
        }
    }

    /// Aborts all attempts; their jobs stay leased until the engine is unregistered.
    pub(super) async fn abort(&mut self) {
        self.tasks.shutdown().await;
    }

    /// Closes the connections to brokers.
    pub(super) async fn close(&self) {
        self.sinks.close().await;
    }
}

/// Makes one attempt. A large body is read now, when there is memory for it.
async fn run(
    dialer: Dialer,
    sinks: Sinks,
    store: Store,
    large_bodies: Arc<Semaphore>,
    mut job: Claimed,
) -> Box<(Claimed, Finished)> {
    let mut permit = None;
    let body: Result<Option<Bytes>, StoreError> = match job.body.take() {
        Some(body) => Ok(Some(body)),
        None => {
            let size = u32::try_from(job.body_len / 1024).unwrap_or(LARGE_BODIES);
            permit = large_bodies
                .acquire_many_owned(size.clamp(1, LARGE_BODIES))
                .await
                .ok();
            let id = job.lease.job;
            store.read(move |db| jobs::body(db, id)).await
        }
    };
    let dated = store.now();
    let finished = match body {
        Ok(body) => attempt::make(&dialer, &sinks, &job, body, dated).await,
        Err(error) => attempt::unreadable(&error, dated),
    };
    drop(permit);
    Box::new((job, finished))
}
