//! The engine's writes to the store, each together with the callbacks that belong to the same commit.

mod cleanup;
mod leases;
mod settle;

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{EngineOptions, OnDisabled, OnEnded, OnSettleFailed, OnSettled};
use crate::store::jobs::{self, Capacity, Claim, Settled};
use crate::store::{Store, StoreError, Tx};

pub(super) use settle::Settlement;

/// The store and the callbacks; clones share both.
#[derive(Clone)]
pub(super) struct Ledger {
    store: Store,
    on_settled: Option<OnSettled>,
    on_settle_failed: Option<OnSettleFailed>,
    on_ended: Option<OnEnded>,
    on_disabled: Option<OnDisabled>,
}

impl Ledger {
    pub(super) fn new(store: Store, options: &EngineOptions) -> Self {
        Self {
            store,
            on_settled: options.on_settled.clone(),
            on_settle_failed: options.on_settle_failed.clone(),
            on_ended: options.on_ended.clone(),
            on_disabled: options.on_disabled.clone(),
        }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) async fn claim(&self, capacity: Capacity) -> Result<Claim, StoreError> {
        self.store.write(move |tx| jobs::claim(tx, &capacity)).await
    }

    /// Calls [`OnSettled`] within the commit for jobs that have ended.
    fn settled(&self, tx: &Tx<'_>, ended: &[Settled]) -> Result<(), StoreError> {
        match &self.on_settled {
            Some(on_settled) => ended.iter().try_for_each(|one| on_settled(tx, one)),
            None => Ok(()),
        }
    }

    /// Calls [`OnEnded`] after the commit.
    fn ended(&self, ended: &[Settled]) {
        if let Some(on_ended) = &self.on_ended {
            ended.iter().for_each(|settled| on_ended(settled));
        }
    }
}

/// Turns a panic into an error here, so that a panic of a callback is not mistaken for one of the store.
fn guarded(callback: impl FnOnce() -> Result<(), StoreError>) -> Result<(), StoreError> {
    catch_unwind(AssertUnwindSafe(callback)).unwrap_or(Err(StoreError::Panicked))
}
