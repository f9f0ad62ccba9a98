//! The engine's leases: it registers, renews them, and takes over those of engines that have crashed.

use std::time::Duration;

use tracing::{debug, error, warn};

use super::Ledger;
use crate::deliver::owner;
use crate::store::jobs::{self, Lease, Settled};
use crate::store::{StoreError, leases};
use crate::time::Timestamp;

/// How long leases hold without a renewal (the same as in BullMQ and JetStream).
const LEASE: Duration = Duration::from_secs(30);

impl Ledger {
    /// Registers this engine and takes over the leases of engines that have crashed.
    pub(in crate::deliver) async fn register(&self) -> Result<i64, StoreError> {
        let identity = owner::identity();
        let until = Timestamp::now().plus(LEASE);
        let owner: i64 = self
            .store
            .write(move |tx| leases::register(tx, &identity, until))
            .await?;
        self.take_over(owner).await?;
        Ok(owner)
    }

    /// Extends this engine's leases. Returns `false` if it has lost them.
    pub(in crate::deliver) async fn renew(&self, owner: i64) -> Result<bool, StoreError> {
        let until = Timestamp::now().plus(LEASE);
        let renewed = self
            .store
            .write(move |tx| leases::renew(tx, owner, until))
            .await?;
        self.take_over(owner).await?;
        Ok(renewed)
    }

    /// Takes over the leases of engines whose process has ended, or which have not renewed them.
    async fn take_over(&self, own: i64) -> Result<(), StoreError> {
        let owners = self.store.read(leases::owners).await?;
        let now = Timestamp::now();
        for other in owners.into_iter().filter(|other| other.id != own) {
            if other.until >= now && !owner::is_gone(&other.identity) {
                continue;
            }
            debug!(
                owner = other.identity,
                "Taking over the leases of an engine."
            );
            let ledger = self.clone();
            let quarantined: Result<Vec<Settled>, StoreError> = self
                .store
                .write(move |tx| {
                    let quarantined = leases::take_over(tx, other.id, tx.now(), jobs::MAX_CRASHES)?;
                    ledger.settled(tx, &quarantined)?;
                    Ok(quarantined)
                })
                .await;
            self.ended(&quarantined?);
        }
        Ok(())
    }

    /// Ends the lease of an attempt that panicked: its job waits again or is quarantined.
    pub(in crate::deliver) async fn panicked(self, lease: Lease) {
        let ledger = self.clone();
        let written: Result<Vec<Settled>, StoreError> = self
            .store
            .write(move |tx| {
                let now = tx.now();
                let quarantined = leases::panicked(tx, lease, now, jobs::MAX_PANICS)?;
                let quarantined = Vec::from_iter(quarantined);
                ledger.settled(tx, &quarantined)?;
                Ok(quarantined)
            })
            .await;
        match written {
            Ok(quarantined) => self.ended(&quarantined),
            // The job stays leased until this engine ends.
            Err(error) => error!(job = lease.job, %error, "A job cannot be released."),
        }
    }

    pub(in crate::deliver) async fn release(self, unsent: Vec<Lease>) {
        let written: Result<(), StoreError> = self
            .store
            .write(move |tx| leases::release(tx, &unsent))
            .await;
        if let Err(error) = written {
            warn!(%error, "Jobs cannot be released.");
        }
    }

    pub(in crate::deliver) async fn unregister(&self, owner: i64) {
        let written: Result<(), StoreError> = self
            .store
            .write(move |tx| leases::unregister(tx, owner))
            .await;
        if let Err(error) = written {
            warn!(%error, "The engine cannot be unregistered.");
        }
    }
}
