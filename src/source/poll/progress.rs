//! Counters of a running poll, for progress display and the summary.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::watermark::Micros;

/// Counters that the poller updates and other tasks read.
#[derive(Debug, Default)]
pub struct Progress {
    emitted: AtomicU64,
    rows: AtomicU64,
    requests: AtomicU64,
    retries: AtomicU64,
    total: AtomicU64,
    at: AtomicI64,
    from: AtomicI64,
    until: AtomicI64,
}

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
        let count = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        let time = |cell: &AtomicI64| match cell.load(Ordering::Relaxed) {
            0 => None,
            at => Some(Micros::new(at)),
        };
        Counts {
            emitted: count(&self.emitted),
            rows: count(&self.rows),
            requests: count(&self.requests),
            retries: count(&self.retries),
            total: Some(count(&self.total)).filter(|total| *total > 0),
            at: time(&self.at),
            from: time(&self.from),
            until: time(&self.until),
        }
    }

    pub(super) fn count_emitted(&self) {
        self.emitted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_page(&self, rows: u64, total: Option<u64>) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.total.fetch_max(total.unwrap_or(0), Ordering::Relaxed);
    }

    pub(super) fn count_request(&self, is_retry: bool) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.retries
            .fetch_add(u64::from(is_retry), Ordering::Relaxed);
    }

    pub(super) fn set_at(&self, at: Micros) {
        self.at.store(at.get(), Ordering::Relaxed);
    }

    pub(super) fn set_span(&self, from: Micros, until: Micros) {
        self.from.store(from.get(), Ordering::Relaxed);
        self.until.store(until.get(), Ordering::Relaxed);
    }
}
