//! Counters of a running poll, for progress display and the summary.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::watermark::Micros;

/// Counters that the poller updates and other tasks read.
#[derive(Debug, Default)]
pub struct Progress(Mutex<Counts>);

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// New records.
    pub emitted: u64,
    /// Records read, new or not.
    pub rows: u64,
    pub requests: u64,
    /// Requests that were sent again.
    pub retries: u64,
    /// How many records the server reports in total.
    pub total: Option<u64>,
    /// Date of the last record read, between the start of the scan and the server's clock.
    pub at: Option<Micros>,
    pub from: Option<Micros>,
    pub until: Option<Micros>,
}

impl Progress {
    pub fn counts(&self) -> Counts {
        *self.update()
    }

    pub(super) fn count_request(&self, is_retry: bool) {
        let mut counts = self.update();
        counts.requests += 1;
        counts.retries += u64::from(is_retry);
    }

    pub(super) fn count_page(&self, rows: u64, total: Option<u64>) {
        let mut counts = self.update();
        counts.rows += rows;
        counts.total = counts.total.max(total.filter(|total| *total > 0));
    }

    pub(super) fn set_span(&self, from: Micros, until: Micros) {
        let mut counts = self.update();
        (counts.from, counts.until) = (Some(from), Some(until));
    }

    pub(super) fn update(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
