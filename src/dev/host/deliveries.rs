//! The engines of the store's jobs, connected to the platforms that add them: deliveries, and the platforms' own queues.

use std::sync::Arc;

use super::{Host, Platform, Platforms};
use crate::deliver::{Engine, EngineOptions, OnEnded, OnSettled};
use crate::dial::Dialer;
use crate::store::work::Work;
use crate::store::{StoreError, Tx};
use crate::work::{self, Consume, Consumer, WorkError};

/// Starts to send deliveries, until the host's shutdown.
pub(crate) fn start(host: &Arc<Host>, platforms: &Platforms, dialer: Dialer) -> Engine {
    let (failed, disabled) = (platforms.clone(), platforms.clone());
    let options = EngineOptions {
        on_settled: Some(on_settled(platforms)),
        on_settle_failed: Some(Arc::new(move |tx, settled, error| {
            let mut all = failed.iter();
            all.try_for_each(|platform| platform.settle_failed(tx, settled, error))
        })),
        on_ended: Some(on_ended(host)),
        on_disabled: Some(Arc::new(move |tx, endpoint| {
            let mut all = disabled.iter();
            all.try_for_each(|platform| platform.endpoint_disabled(tx, endpoint))
        })),
        ..EngineOptions::default()
    };
    Engine::start(host.store.clone(), dialer, options, host.shutdown.clone())
}

/// Starts to do the jobs of the platforms' own queues, until the host's shutdown.
pub(crate) fn start_work(host: &Arc<Host>, platforms: &Platforms) -> work::Engine {
    let store = host.store.clone();
    work::Engine::start(store, consumer(platforms), host.shutdown.clone())
}

/// Passes each job to the platform that has its queue.
pub(crate) fn consumer(platforms: &Platforms) -> Consumer {
    Arc::new(ByQueue(platforms.clone()))
}

struct ByQueue(Platforms);

impl ByQueue {
    fn platform_of(&self, work: &Work) -> Option<&Arc<dyn Platform>> {
        let mut all = self.0.iter();
        all.find(|platform| platform.queues().contains(&work.queue.as_str()))
    }
}

impl Consume for ByQueue {
    fn consume(&self, tx: &Tx<'_>, work: &Work) -> Result<(), WorkError> {
        match self.platform_of(work) {
            Some(platform) => platform.consume(tx, work),
            None => Err(WorkError::Permanent(format!(
                "no platform has the queue `{}`",
                work.queue
            ))),
        }
    }

    fn dead(&self, tx: &Tx<'_>, work: &Work, reason: &str) -> Result<(), StoreError> {
        match self.platform_of(work) {
            Some(platform) => platform.work_dead(tx, work, reason),
            None => Ok(()),
        }
    }
}

/// Passes ended deliveries to the platforms, inside the commit.
pub(crate) fn on_settled(platforms: &Platforms) -> OnSettled {
    let platforms = platforms.clone();
    Arc::new(move |tx, settled| {
        let mut all = platforms.iter();
        all.try_for_each(|platform| platform.settled(tx, settled))
    })
}

/// Passes ended deliveries to watchers, after the commit.
pub(crate) fn on_ended(host: &Host) -> OnEnded {
    let ended = host.ended.clone();
    Arc::new(move |settled| {
        // Sending fails without watchers, which is fine.
        let _ = ended.send(settled.clone());
    })
}
