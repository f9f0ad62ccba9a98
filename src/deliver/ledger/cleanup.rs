//! Background writes, in commits small enough not to delay others.

use tracing::warn;

use super::Ledger;
use crate::store::endpoints::Endpoint;
use crate::store::jobs::Settled;
use crate::store::{StoreError, endpoints, jobs};
use crate::time::Timestamp;

/// Jobs in one commit.
const BATCH: usize = 256;

impl Ledger {
    /// Gives up on the due jobs of a disabled endpoint.
    pub(in crate::deliver) async fn dead_letter_due(self, endpoint: i64) {
        loop {
            let ledger = self.clone();
            let dead: Result<Vec<Settled>, StoreError> = self
                .store
                .write(move |tx| {
                    let found = endpoints::get(tx, endpoint)?;
                    // A user may have enabled it meanwhile.
                    let Some(disabled) = found.filter(Endpoint::is_disabled) else {
                        return Ok(Vec::new());
                    };
                    let reason = disabled.reason.unwrap_or_default();
                    let reason = format!("its endpoint is disabled: {reason}");
                    let now = tx.now();
                    let dead = jobs::dead_letter_due(tx, endpoint, now, &reason, BATCH)?;
                    ledger.settled(tx, &dead)?;
                    Ok(dead)
                })
                .await;
            match dead {
                Ok(dead) => {
                    self.ended(&dead);
                    if dead.len() < BATCH {
                        return;
                    }
                }
                Err(error) => {
                    warn!(%error, "Cannot give up on the due jobs of a disabled endpoint.");
                    return;
                }
            }
        }
    }

    /// Deletes jobs that ended before `before`, except dead ones.
    pub(in crate::deliver) async fn prune(self, before: Timestamp) {
        loop {
            let pruned: Result<usize, StoreError> = self
                .store
                .write(move |tx| jobs::prune(tx, before, BATCH))
                .await;
            match pruned {
                Ok(BATCH..) => {}
                Ok(_) => return,
                Err(error) => {
                    warn!(%error, "Old jobs cannot be deleted.");
                    return;
                }
            }
        }
    }

    /// Deletes endpoints that have no jobs.
    pub(in crate::deliver) async fn remove_idle_endpoints(self) {
        let idle: Result<_, StoreError> = self.store.read(|db| endpoints::idle(db, BATCH)).await;
        let removed: Result<(), StoreError> = match idle {
            Ok((idle, _)) if idle.is_empty() => return,
            Ok((idle, last)) => {
                self.store
                    .write(move |tx| endpoints::remove_idle(tx, &idle, last))
                    .await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            warn!(%error, "Idle endpoints cannot be deleted.");
        }
    }
}
