//! Durable delivery: claim a job, attempt it, settle, retry or bury it. Used by flows, `evt listen --retry` and redrives.
//!
//! Limits, fairness, circuit and trickle belong to the server (`scheme://authority`, or a socket's path), not to each of its
//! paths. Only a 410 is about one URL: later jobs for it are buried, while its server stays in use.

mod attempt;
mod circuit;
mod fair;
mod ledger;
mod owner;
pub mod queue;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use ledger::Ledger;
use work::Work;

use crate::dial::Dialer;
use crate::store::jobs::Settled;
use crate::store::{Store, StoreError, Tx};
use crate::time::Timestamp;

/// Called inside the commit that settles a job, so that whoever waits for it moves in the same commit.
pub type OnSettled = Arc<dyn Fn(&Tx<'_>, &Settled) -> Result<(), StoreError> + Send + Sync>;

/// Called once for each job that ended, after the commit in which it ended: whoever shows or counts it is told nothing that
/// is not on the disk. It must not wait.
pub type OnEnded = Arc<dyn Fn(&Settled) + Send + Sync>;

/// Called in the place of [`OnSettled`] when that fails the same way again and again, with its error.
pub type OnUnsettled = Arc<dyn Fn(&Tx<'_>, &Settled, &str) -> Result<(), StoreError> + Send + Sync>;

/// Called inside the commit that disables an endpoint, so that `endpoint.disabled` is raised with it or not at all.
pub type OnDisabled =
    Arc<dyn Fn(&Tx<'_>, &DisabledEndpoint) -> Result<(), StoreError> + Send + Sync>;

/// An endpoint that gets no more deliveries until a person retries one.
#[derive(Clone, Debug)]
pub struct DisabledEndpoint {
    /// The server, or the one URL without its query that answered 410.
    pub url: String,
    pub reason: String,
    pub at: Timestamp,
    /// Since when nothing had succeeded there.
    pub failing_since: Option<Timestamp>,
}

/// How the engine works. `..EngineOptions::default()` gives the values of production, [`EngineOptions::dev`] those of a
/// developer's machine.
#[derive(Clone)]
pub struct EngineOptions {
    pub on_settled: Option<OnSettled>,
    pub on_unsettled: Option<OnUnsettled>,
    pub on_ended: Option<OnEnded>,
    pub on_disabled: Option<OnDisabled>,
    /// Sockets in use at most, over all endpoints.
    pub max_in_flight: usize,
    /// The `user-agent` of deliveries whose headers name none.
    pub user_agent: &'static str,
    /// How long an endpoint that fails is left alone before one delivery tries it again.
    pub probe: Duration,
    /// After so long without a single success an endpoint is disabled.
    pub disable_after: Duration,
    /// How long the jobs that were done are kept.
    pub keep_done: Duration,
    /// How long attempts in flight may go on after `shutdown`.
    pub drain: Duration,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            on_settled: None,
            on_unsettled: None,
            on_ended: None,
            on_disabled: None,
            max_in_flight: 512,
            user_agent: concat!("evt/", env!("CARGO_PKG_VERSION")),
            probe: Duration::from_secs(30),
            disable_after: Duration::from_secs(5 * 24 * 60 * 60),
            keep_done: Duration::from_secs(7 * 24 * 60 * 60),
            drain: Duration::from_secs(5),
        }
    }
}

impl EngineOptions {
    /// For a developer who restarts the app and wants to see deliveries resume.
    pub fn dev() -> Self {
        Self {
            probe: Duration::from_secs(2),
            ..Self::default()
        }
    }
}

/// What an engine has done since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Attempts that ended in 2xx.
    pub delivered: u64,
    /// Attempts that did not.
    pub failed: u64,
    /// Results that came after their lease was lost, and were refused.
    pub late: u64,
}

/// A running engine.
pub struct Engine {
    task: tokio::task::JoinHandle<()>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    delivered: AtomicU64,
    failed: AtomicU64,
    late: AtomicU64,
}

impl Engine {
    /// Starts claiming and delivering the store's jobs until `shutdown`; attempts in flight are drained first.
    ///
    /// Several engines, in several processes too, may work on one store.
    pub fn start(
        store: Store,
        dialer: Dialer,
        options: EngineOptions,
        shutdown: CancellationToken,
    ) -> Self {
        let counters = Arc::new(Counters::default());
        let ledger = Ledger::new(store, &options, Arc::clone(&counters));
        let work = Work::new(ledger, dialer, options);
        Self {
            task: tokio::spawn(work.run(shutdown)),
            counters,
        }
    }

    pub fn stats(&self) -> Stats {
        Stats {
            delivered: self.counters.delivered.load(Relaxed),
            failed: self.counters.failed.load(Relaxed),
            late: self.counters.late.load(Relaxed),
        }
    }

    /// Waits until the drain after `shutdown` is over.
    pub async fn stopped(self) {
        let _ = self.task.await;
    }
}
