//! Durable delivery: claim a job, attempt it, settle the result, retry or give up. Used by flows, `evt listen --retry`,
//! `evt tail --forward` and retries of `evt queue`.
//!
//! Limits, fairness and circuit belong to a server (`scheme://authority`, or the path of a socket), not to each of its paths.
//! The exception is status 410, which applies to one URL: later jobs for that URL are dead, and its server stays in use.

mod attempt;
mod attempts;
mod circuit;
mod fair;
mod ledger;
mod owner;
mod publish;
pub mod queue;
mod verdict;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use ledger::Ledger;
use worker::Worker;

use crate::dial::Dialer;
use crate::sink::{self, Complete};
use crate::store::jobs::Settled;
use crate::store::{Store, StoreError, Tx};
use crate::time::Timestamp;

/// Called within the commit that ends a job, so that the flow which waits for the job advances in the same commit.
pub type OnSettled = Arc<dyn Fn(&Tx<'_>, &Settled) -> Result<(), StoreError> + Send + Sync>;

/// Called instead of [`OnSettled`] if that repeatedly fails with the same error, with that error.
pub type OnSettleFailed =
    Arc<dyn Fn(&Tx<'_>, &Settled, &str) -> Result<(), StoreError> + Send + Sync>;

/// Called once for each job that has ended, after the commit, so that nothing is shown or counted that is not on the disk. It
/// must not block.
pub type OnEnded = Arc<dyn Fn(&Settled) + Send + Sync>;

/// Called for each attempt that failed and is followed by another one. It must not block.
pub type OnRetry = Arc<dyn Fn(&FailedAttempt<'_>) + Send + Sync>;

/// An attempt that failed and is followed by another one.
#[derive(Clone, Copy, Debug)]
pub struct FailedAttempt<'a> {
    pub job: i64,
    /// The first attempt is 1.
    pub number: u32,
    /// A broker may have the message although it did not confirm it, so the next attempt may deliver it twice.
    pub may_have_arrived: bool,
    pub why: &'a str,
    pub next_at: Timestamp,
}

/// Called within the commit that disables an endpoint, so that the event `endpoint.disabled` is stored with it.
pub type OnDisabled =
    Arc<dyn Fn(&Tx<'_>, &DisabledEndpoint) -> Result<(), StoreError> + Send + Sync>;

/// An endpoint that gets no more deliveries until a user retries one.
#[derive(Clone, Debug)]
pub struct DisabledEndpoint {
    /// The server, or the URL without its query that answered 410.
    pub url: String,
    pub reason: String,
    pub at: Timestamp,
    /// The first failure since the last success.
    pub failing_since: Option<Timestamp>,
}

/// Options of an engine.
#[derive(Clone)]
pub struct EngineOptions {
    pub on_settled: Option<OnSettled>,
    pub on_settle_failed: Option<OnSettleFailed>,
    pub on_ended: Option<OnEnded>,
    pub on_disabled: Option<OnDisabled>,
    pub on_retry: Option<OnRetry>,
    /// The time between two probes of an endpoint whose circuit is open. Short, because the user of a local tool restarts the app
    /// and wants to see deliveries resume.
    pub probe: Duration,
    /// How long attempts in flight may take after `shutdown`.
    pub drain: Duration,
    /// Completes the addresses of brokers.
    pub complete: Complete,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            on_settled: None,
            on_settle_failed: None,
            on_ended: None,
            on_disabled: None,
            on_retry: None,
            probe: Duration::from_secs(2),
            drain: Duration::from_secs(5),
            complete: sink::as_it_is(),
        }
    }
}

/// A running engine.
pub struct Engine {
    task: tokio::task::JoinHandle<()>,
}

impl Engine {
    /// Starts to claim and deliver the store's jobs until `shutdown`. Several engines, also in several processes, can work on
    /// one store.
    pub fn start(
        store: Store,
        dialer: Dialer,
        options: EngineOptions,
        shutdown: CancellationToken,
    ) -> Self {
        let ledger = Ledger::new(store, &options);
        let worker = Worker::new(ledger, dialer, options);
        Self {
            task: tokio::spawn(worker.run(shutdown)),
        }
    }

    /// Waits until the attempts in flight at `shutdown` have ended.
    pub async fn stopped(self) {
        let _ = self.task.await;
    }
}
