//! How much work one evaluation may be. Conditions come from people, what they look at comes from anyone.

use std::cell::Cell;

/// Steps of one evaluation of a condition, some ten nanoseconds each.
pub(super) const CONDITION: u64 = 3_000_000;
/// Steps of one evaluation of a filter, of which a search makes many.
pub(super) const FILTER: u64 = 1_000_000;
/// Bytes of a compiled regular expression.
pub(super) const REGEX: usize = 1024 * 1024;
/// Bytes of text that are looked through in one step.
const BYTES: usize = 32;

/// What is left of an evaluation's work.
#[derive(Debug)]
pub(super) struct Work {
    left: Cell<Option<u64>>,
}

impl Work {
    pub(super) fn new(steps: u64) -> Self {
        Self {
            left: Cell::new(Some(steps)),
        }
    }

    /// Takes some of the work; `false` when so much was not left, and from then on.
    #[must_use]
    pub(super) fn spend(&self, steps: u64) -> bool {
        let left = self.left.get().and_then(|left| left.checked_sub(steps));
        self.left.set(left);
        left.is_some()
    }

    /// As [`Work::spend`], but what is too much leaves the rest to others.
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

/// Steps to look through so many bytes.
pub(super) fn of_text(bytes: usize) -> u64 {
    1 + (bytes / BYTES) as u64
}
