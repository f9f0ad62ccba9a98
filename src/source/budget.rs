//! Yields to other tasks: a stream that never pauses would block its thread's timers and signals.

use std::ops::ControlFlow;

use super::Outlet;

/// Yield after this many bytes. Yielding more often costs throughput, and no message waits for it.
const BUDGET: usize = 64 * 1024;

/// Bytes handled since the last yield.
#[derive(Debug, Default)]
pub(super) struct YieldBudget {
    spent: usize,
}

impl YieldBudget {
    pub(super) fn spend(&mut self, bytes: usize) {
        self.spent = self.spent.saturating_add(bytes);
    }

    /// Waits for the outlet, and yields if the budget is spent. Cancel safe, like [`Outlet::settle`].
    pub(super) async fn settle(&mut self, outlet: &mut dyn Outlet) -> ControlFlow<()> {
        outlet.settle().await?;
        if self.spent >= BUDGET {
            self.spent = 0;
            tokio::task::yield_now().await;
        }
        ControlFlow::Continue(())
    }
}
