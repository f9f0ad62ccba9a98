//! Settlements: the result of an attempt, its job, its endpoint and everything that waits for them, in one commit.

use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};

use super::{Ledger, guarded};
use crate::deliver::{DisabledEndpoint, verdict};
use crate::store::endpoints::{self, Change, Health};
use crate::store::jobs::{self, Attempt, Lease, Next, SettleResult, Settled};
use crate::store::{StoreError, Tx};

/// The longest pause before a failed settlement is tried again.
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// Failures of a callback with the same error after which the settlement uses the next [`Callback`].
const SAME_FAILURES: u32 = 5;

/// What one attempt means for its job and its endpoint.
pub(in crate::deliver) struct Settlement {
    pub(in crate::deliver) lease: Lease,
    pub(in crate::deliver) attempt: Attempt,
    pub(in crate::deliver) next: Next,
    pub(in crate::deliver) endpoint: i64,
    pub(in crate::deliver) change: Option<Change>,
    /// The URL answered 410.
    pub(in crate::deliver) is_gone: bool,
}

/// The callback of a settlement. If one keeps failing, the next one is used: a bug in a callback must not keep the result of a
/// delivery from being stored, because the delivery would be made again.
#[derive(Clone, Copy)]
enum Callback {
    Settled,
    SettleFailed,
    None,
}

impl Callback {
    fn next(self) -> Self {
        match self {
            Self::Settled => Self::SettleFailed,
            Self::SettleFailed | Self::None => Self::None,
        }
    }
}

/// Why a settlement was not stored.
enum Failure {
    /// The callback failed; the store would have accepted the settlement.
    Callback(StoreError),
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Counts consecutive failures with the same error.
#[derive(Default)]
struct Repeated {
    last: String,
    times: u32,
}

impl Repeated {
    fn add(&mut self, error: &StoreError) -> u32 {
        let text = error.to_string();
        if text != self.last {
            self.last = text;
            self.times = 0;
        }
        self.times += 1;
        self.times
    }
}

impl Ledger {
    /// Stores a settlement, and retries until the store accepts it: a result that is lost would mean a second delivery.
    pub(in crate::deliver) async fn settle(self, settlement: Settlement) {
        let settlement = Arc::new(settlement);
        let job = settlement.lease.job;
        let mut pause = Duration::from_millis(50);
        let mut callback = Callback::Settled;
        let mut failures = Repeated::default();
        loop {
            match self.try_settle(&settlement, callback, &failures.last).await {
                Ok(Some(ended)) => return self.ended(&ended),
                Ok(None) => {
                    warn!(job, "A result was discarded because its lease was lost.");
                    return;
                }
                Err(Failure::Store(StoreError::Stopped)) => return,
                Err(Failure::Store(error)) => {
                    error!(job, %error, "A result cannot be stored yet.");
                }
                Err(Failure::Callback(error)) => {
                    error!(job, %error, "The callback of a settlement failed.");
                    if failures.add(&error) >= SAME_FAILURES {
                        callback = callback.next();
                        failures.times = 0;
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// Tries once. Returns the jobs that have ended, or `None` if the lease was lost.
    async fn try_settle(
        &self,
        settlement: &Arc<Settlement>,
        callback: Callback,
        error: &str,
    ) -> Result<Option<Vec<Settled>>, Failure> {
        let ledger = self.clone();
        let settlement = Arc::clone(settlement);
        let error = error.to_owned();
        self.store
            .write(move |tx| ledger.write_settlement(tx, &settlement, callback, &error))
            .await
    }

    fn write_settlement(
        &self,
        tx: &Tx<'_>,
        settlement: &Settlement,
        callback: Callback,
        error: &str,
    ) -> Result<Option<Vec<Settled>>, Failure> {
        // The circuit is updated even if another engine has the job now: the attempt was made, so its evidence counts.
        if let Some(change) = &settlement.change {
            self.write_change(tx, settlement.endpoint, change)?;
        }
        if settlement.is_gone {
            self.write_gone(tx, settlement.lease.job)?;
        }
        match jobs::settle(tx, settlement.lease, &settlement.attempt, &settlement.next)? {
            SettleResult::Ended(settled) => {
                guarded(|| self.call(tx, &settled, callback, error)).map_err(Failure::Callback)?;
                Ok(Some(vec![settled]))
            }
            SettleResult::Waiting => Ok(Some(Vec::new())),
            SettleResult::LeaseLost => Ok(None),
        }
    }

    fn call(
        &self,
        tx: &Tx<'_>,
        settled: &Settled,
        callback: Callback,
        error: &str,
    ) -> Result<(), StoreError> {
        match (callback, &self.on_settle_failed) {
            (Callback::Settled, _) => self.settled(tx, std::slice::from_ref(settled)),
            (Callback::SettleFailed, Some(on_failed)) => on_failed(tx, settled, error),
            (Callback::SettleFailed, None) | (Callback::None, _) => Ok(()),
        }
    }

    fn write_gone(&self, tx: &Tx<'_>, job: i64) -> Result<(), StoreError> {
        let now = tx.now();
        let Some(endpoint) = endpoints::mark_gone(tx, job, now, verdict::GONE)? else {
            return Ok(());
        };
        info!(url = endpoint.url, "A URL answered 410 and is disabled.");
        self.disabled(
            tx,
            DisabledEndpoint {
                url: endpoint.url,
                reason: verdict::GONE.to_owned(),
                at: now,
                failing_since: None,
            },
        )
    }

    fn write_change(&self, tx: &Tx<'_>, id: i64, change: &Change) -> Result<(), StoreError> {
        if !endpoints::change(tx, id, change)? {
            return Ok(());
        }
        let Some(endpoint) = endpoints::get(tx, id)? else {
            return Ok(());
        };
        info!(
            url = endpoint.url,
            circuit = change.health.as_str(),
            "The circuit of an endpoint has changed."
        );
        if change.health != Health::Disabled {
            return Ok(());
        }
        self.disabled(
            tx,
            DisabledEndpoint {
                url: endpoint.url,
                reason: change.reason.clone().unwrap_or_default(),
                at: change.at,
                failing_since: change.fail_since,
            },
        )
    }

    fn disabled(&self, tx: &Tx<'_>, endpoint: DisabledEndpoint) -> Result<(), StoreError> {
        match &self.on_disabled {
            Some(on_disabled) => on_disabled(tx, &endpoint),
            None => Ok(()),
        }
    }
}
