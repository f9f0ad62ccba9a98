//! Turns for everything else: a stream that never pauses would keep a thread from its timers and from the signals.

use std::ops::ControlFlow;

use super::Outlet;

/// After so many bytes others are let run. Less is not worth a turn, and no message waits for one.
const TURN: usize = 64 * 1024;

/// What came since others were let run.
#[derive(Debug, Default)]
pub(super) struct Turns {
    taken: usize,
}

impl Turns {
    /// So many bytes came.
    pub(super) fn took(&mut self, bytes: usize) {
        self.taken = self.taken.saturating_add(bytes);
    }

    /// Waits for the outlet, and lets others run where it is time to. Cancel safe, as [`Outlet::settle`] is.
    pub(super) async fn settle(&mut self, outlet: &mut dyn Outlet) -> ControlFlow<()> {
        outlet.settle().await?;
        if self.taken >= TURN {
            self.taken = 0;
            tokio::task::yield_now().await;
        }
        ControlFlow::Continue(())
    }
}
