//! A bound on the work of one evaluation. Users write conditions, but anyone may send the data.

use std::cell::Cell;

/// Steps for one evaluation of a condition. A step takes about ten nanoseconds.
pub(super) const CONDITION: u64 = 3_000_000;
/// Steps for one evaluation of a filter. A search evaluates its filter for many records.
pub(super) const FILTER: u64 = 1_000_000;
/// The largest compiled regular expression, in bytes.
pub(super) const REGEX: usize = 1024 * 1024;
/// Bytes of text that one step scans.
const BYTES: usize = 32;

/// The remaining steps of an evaluation.
#[derive(Debug)]
pub(super) struct Budget {
    left: Cell<Option<u64>>,
}

impl Budget {
    pub(super) fn new(steps: u64) -> Self {
        Self {
            left: Cell::new(Some(steps)),
        }
    }

    /// Subtracts steps. Returns `false` if too few are left; after that the budget is exhausted.
    #[must_use]
    pub(super) fn spend(&self, steps: u64) -> bool {
        let left = self.left.get().and_then(|left| left.checked_sub(steps));
        self.left.set(left);
        left.is_some()
    }

    /// Like [`Budget::spend`], but if too few steps are left, subtracts none, so that the condition's other parts can use them.
    #[must_use]
    pub(super) fn try_spend(&self, steps: u64) -> bool {
        let left = self.left.get().and_then(|left| left.checked_sub(steps));
        if left.is_some() {
            self.left.set(left);
        }
        left.is_some()
    }

    pub(super) fn left(&self) -> u64 {
        self.left.get().unwrap_or(0)
    }

    pub(super) fn is_spent(&self) -> bool {
        self.left.get().is_none()
    }
}

/// Steps for scanning this many bytes.
pub(super) fn of_text(bytes: usize) -> u64 {
    1 + (bytes / BYTES) as u64
}
