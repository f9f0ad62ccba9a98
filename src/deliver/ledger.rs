//! What the engine writes: each settlement in one commit with those who wait for it, repeated until the store takes it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tracing::{debug, error, info, warn};

use super::{
    Counters, DisabledEndpoint, EngineOptions, OnDisabled, OnEnded, OnSettled, OnUnsettled,
    attempt, owner,
};
use crate::store::endpoints::{self, Change, Health};
use crate::store::jobs::{self, Attempt, Claim, Lease, Next, Room, Settled, Settling};
use crate::store::{Store, StoreError, Tx, leases};
use crate::time::Timestamp;

/// How long leases hold without a renewal (BullMQ and JetStream have the same).
const LEASE: Duration = Duration::from_secs(30);
/// Jobs that one commit buries or prunes at most, so that others' commits do not wait long.
const BATCH: usize = 256;
/// The longest pause before a settlement that the store refused is tried again.
const PAUSE: Duration = Duration::from_secs(5);
/// Failures of a settlement's callback with one and the same error after which the job is settled without it.
const SAME_FAILURES: u32 = 5;

/// A settlement: what one attempt means for its job and its endpoint.
pub(super) struct Settlement {
    pub(super) lease: Lease,
    pub(super) attempt: Attempt,
    pub(super) next: Next,
    pub(super) endpoint: i64,
    pub(super) change: Option<Change>,
    /// It answered 410.
    pub(super) is_gone: bool,
}

/// Who is told within a settlement's commit: the next of them when one fails too often.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Telling {
    Waiter,
    Fallback,
    Nobody,
}

/// Why a settlement was not written.
enum Refusal {
    /// Those who wait for it failed; the store would have taken it.
    Callback(StoreError),
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The store, and whom to tell within its commits; clones share everything.
#[derive(Clone)]
pub(super) struct Ledger {
    store: Store,
    on_settled: Option<OnSettled>,
    on_unsettled: Option<OnUnsettled>,
    on_ended: Option<OnEnded>,
    on_disabled: Option<OnDisabled>,
    counters: Arc<Counters>,
}

impl Ledger {
    pub(super) fn new(store: Store, options: &EngineOptions, counters: Arc<Counters>) -> Self {
        Self {
            store,
            on_settled: options.on_settled.clone(),
            on_unsettled: options.on_unsettled.clone(),
            on_ended: options.on_ended.clone(),
            on_disabled: options.on_disabled.clone(),
            counters,
        }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Stores a settlement, however often it takes: a result that is not stored would be delivered again.
    pub(super) async fn settle(self, settlement: Settlement) {
        let counter = match settlement.next {
            Next::Done => &self.counters.delivered,
            Next::Again { .. } | Next::Bury { .. } => &self.counters.failed,
        };
        counter.fetch_add(1, Relaxed);
        let settlement = Arc::new(settlement);
        let mut pause = Duration::from_millis(50);
        let mut telling = Telling::Waiter;
        let mut failures = Failures::default();
        loop {
            match self.try_settle(&settlement, telling, &failures.last).await {
                Ok(Some(ended)) => return self.ended(&ended),
                Ok(None) => {
                    self.counters.late.fetch_add(1, Relaxed);
                    warn!(
                        job = settlement.lease.job,
                        "A result came after its lease was lost."
                    );
                    return;
                }
                Err(Refusal::Store(StoreError::Stopped)) => return,
                Err(Refusal::Store(error)) => {
                    error!(job = settlement.lease.job, %error, "A result cannot be stored yet.");
                }
                Err(Refusal::Callback(error)) => {
                    error!(job = settlement.lease.job, %error, "Who waits for a result refused it.");
                    if failures.add(&error) >= SAME_FAILURES {
                        telling = match telling {
                            Telling::Waiter => Telling::Fallback,
                            Telling::Fallback | Telling::Nobody => Telling::Nobody,
                        };
                        failures.times = 0;
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE);
        }
    }

    /// One try. `None`: its lease was lost; else the jobs that ended by it.
    async fn try_settle(
        &self,
        settlement: &Arc<Settlement>,
        telling: Telling,
        why: &str,
    ) -> Result<Option<Vec<Settled>>, Refusal> {
        let ledger = self.clone();
        let settlement = Arc::clone(settlement);
        let why = why.to_owned();
        self.store
            .write(move |tx| ledger.write_settlement(tx, &settlement, telling, &why))
            .await
    }

    fn write_settlement(
        &self,
        tx: &Tx<'_>,
        settlement: &Settlement,
        telling: Telling,
        why: &str,
    ) -> Result<Option<Vec<Settled>>, Refusal> {
        let Settlement {
            lease,
            attempt,
            next,
            endpoint,
            change,
            is_gone,
        } = settlement;
        // What was seen of the endpoint is true whoever has the job now.
        if let Some(change) = change {
            self.write_change(tx, *endpoint, change)?;
        }
        if *is_gone {
            self.write_gone(tx, lease.job)?;
        }
        match jobs::settle(tx, *lease, attempt, next)? {
            Settling::Ended(settled) => {
                guarded(|| self.tell_as(tx, &settled, telling, why)).map_err(Refusal::Callback)?;
                Ok(Some(vec![settled]))
            }
            Settling::Waits => Ok(Some(Vec::new())),
            Settling::Late => Ok(None),
        }
    }

    fn tell_as(
        &self,
        tx: &Tx<'_>,
        settled: &Settled,
        telling: Telling,
        why: &str,
    ) -> Result<(), StoreError> {
        match (telling, &self.on_unsettled) {
            (Telling::Waiter, _) => self.tell(tx, settled),
            (Telling::Fallback, Some(told)) => told(tx, settled, why),
            (Telling::Fallback, None) | (Telling::Nobody, _) => Ok(()),
        }
    }

    /// Tells those who only look, after the commit.
    fn ended(&self, ended: &[Settled]) {
        if let Some(told) = &self.on_ended {
            ended.iter().for_each(|settled| told(settled));
        }
    }

    fn write_gone(&self, tx: &Tx<'_>, job: i64) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let Some(endpoint) = endpoints::gone(tx, job, now, attempt::GONE)? else {
            return Ok(());
        };
        info!(url = endpoint.url, "A URL wants nothing any more.");
        match &self.on_disabled {
            Some(announce) => announce(
                tx,
                &DisabledEndpoint {
                    url: endpoint.url,
                    reason: attempt::GONE.to_owned(),
                    at: now,
                    failing_since: None,
                },
            ),
            None => Ok(()),
        }
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
            "An endpoint's circuit has changed."
        );
        match (&self.on_disabled, change.health) {
            (Some(announce), Health::Disabled) => announce(
                tx,
                &DisabledEndpoint {
                    url: endpoint.url,
                    reason: change.reason.clone().unwrap_or_default(),
                    at: change.at,
                    failing_since: change.fail_since,
                },
            ),
            _ => Ok(()),
        }
    }

    fn tell(&self, tx: &Tx<'_>, settled: &Settled) -> Result<(), StoreError> {
        match &self.on_settled {
            Some(told) => told(tx, settled),
            None => Ok(()),
        }
    }

    fn tell_all(&self, tx: &Tx<'_>, settled: &[Settled]) -> Result<(), StoreError> {
        settled.iter().try_for_each(|one| self.tell(tx, one))
    }

    /// Enters this engine, and takes over from those that are gone.
    pub(super) async fn enter(&self) -> Result<i64, StoreError> {
        let identity = owner::identity();
        let until = Timestamp::now().plus(LEASE);
        let owner: Result<i64, StoreError> = self
            .store
            .write(move |tx| leases::register(tx, &identity, until))
            .await;
        let owner = owner?;
        self.take_over(owner).await?;
        Ok(owner)
    }

    /// Extends this engine's leases. Returns whether it still had them.
    pub(super) async fn renew(&self, owner: i64) -> Result<bool, StoreError> {
        let until = Timestamp::now().plus(LEASE);
        let renewed = self
            .store
            .write(move |tx| leases::renew(tx, owner, until))
            .await?;
        self.take_over(owner).await?;
        Ok(renewed)
    }

    /// Frees what engines hold that have died or have not renewed their leases.
    async fn take_over(&self, own: i64) -> Result<(), StoreError> {
        let owners = self.store.read(leases::owners).await?;
        let now = Timestamp::now();
        for other in owners.into_iter().filter(|other| other.id != own) {
            if other.until >= now && !owner::is_gone(&other.identity) {
                continue;
            }
            debug!(owner = other.identity, "An engine is gone.");
            let ledger = self.clone();
            let quarantined: Result<Vec<Settled>, StoreError> = self
                .store
                .write(move |tx| {
                    let quarantined = leases::take_over(tx, other.id, now, jobs::LOSSES_BY_DEATH)?;
                    ledger.tell_all(tx, &quarantined)?;
                    Ok(quarantined)
                })
                .await;
            self.ended(&quarantined?);
        }
        Ok(())
    }

    pub(super) async fn claim(&self, room: Room) -> Result<Claim, StoreError> {
        self.store.write(move |tx| jobs::claim(tx, &room)).await
    }

    /// An attempt broke down: its job waits again, or is quarantined.
    pub(super) async fn lost(self, lease: Lease) {
        let ledger = self.clone();
        let written: Result<_, StoreError> = self
            .store
            .write(move |tx| {
                let lost = leases::lost(tx, lease, Timestamp::now(), jobs::LOSSES_BY_PANIC)?;
                lost.iter()
                    .try_for_each(|settled| ledger.tell(tx, settled))?;
                Ok(lost)
            })
            .await;
        match written {
            Ok(lost) => lost
                .iter()
                .for_each(|settled| self.ended(std::slice::from_ref(settled))),
            // The lease runs out with this engine.
            Err(error) => error!(job = lease.job, %error, "A lost job cannot be freed."),
        }
    }

    pub(super) async fn give_back(self, given: Vec<Lease>) {
        let written: Result<(), StoreError> = self
            .store
            .write(move |tx| leases::give_back(tx, &given))
            .await;
        if let Err(error) = written {
            warn!(%error, "Jobs cannot be given back.");
        }
    }

    /// Buries the jobs of a disabled endpoint that are due, some in each commit.
    pub(super) async fn bury(self, endpoint: i64) {
        loop {
            let ledger = self.clone();
            let buried: Result<Vec<Settled>, StoreError> = self
                .store
                .write(move |tx| {
                    let reason = endpoints::get(tx, endpoint)?
                        .filter(endpoints::Endpoint::is_disabled)
                        .map(|found| found.reason.unwrap_or_default());
                    let Some(reason) = reason else {
                        return Ok(Vec::new());
                    };
                    let reason = format!("its endpoint is disabled: {reason}");
                    let now = Timestamp::now();
                    let buried = jobs::bury_waiting(tx, endpoint, now, &reason, BATCH)?;
                    ledger.tell_all(tx, &buried)?;
                    Ok(buried)
                })
                .await;
            match buried {
                Ok(buried) => {
                    self.ended(&buried);
                    if buried.len() < BATCH {
                        return;
                    }
                }
                Err(error) => {
                    warn!(%error, "The jobs of a disabled endpoint cannot be buried.");
                    return;
                }
            }
        }
    }

    pub(super) async fn prune(self, before: Timestamp) {
        loop {
            let pruned: Result<usize, StoreError> = self
                .store
                .write(move |tx| jobs::prune(tx, before, BATCH))
                .await;
            match pruned {
                Ok(BATCH..) => {}
                Ok(_) => return,
                Err(error) => {
                    warn!(%error, "Old jobs cannot be removed.");
                    return;
                }
            }
        }
    }

    pub(super) async fn forget_idle(self) {
        let idle: Result<_, StoreError> = self.store.read(|db| endpoints::idle(db, BATCH)).await;
        let forgotten: Result<(), StoreError> = match idle {
            Ok((idle, _)) if idle.is_empty() => return,
            Ok((idle, last)) => {
                self.store
                    .write(move |tx| endpoints::forget(tx, &idle, last))
                    .await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = forgotten {
            warn!(%error, "Idle endpoints cannot be removed.");
        }
    }

    pub(super) async fn leave(&self, owner: i64) {
        let written: Result<(), StoreError> =
            self.store.write(move |tx| leases::leave(tx, owner)).await;
        if let Err(error) = written {
            warn!(%error, "Leases cannot be given back.");
        }
    }
}

/// The errors of a callback, counted as long as they are the same.
#[derive(Default)]
struct Failures {
    last: String,
    times: u32,
}

impl Failures {
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

/// Makes a panic an error here already, so that a callback's is told from one in the store's own work.
fn guarded(told: impl FnOnce() -> Result<(), StoreError>) -> Result<(), StoreError> {
    catch_unwind(AssertUnwindSafe(told)).unwrap_or(Err(StoreError::Panicked))
}
