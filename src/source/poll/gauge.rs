//! How far polling has come, for whoever shows it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::watermark::Micros;

/// Counts that the poller moves and others look at.
#[derive(Debug, Default)]
pub struct Gauge {
    emitted: AtomicU64,
    rows: AtomicU64,
    requests: AtomicU64,
    retries: AtomicU64,
    total: AtomicU64,
    at: AtomicI64,
    from: AtomicI64,
    until: AtomicI64,
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Records that were new, of all that were read.
    pub emitted: u64,
    pub rows: u64,
    pub requests: u64,
    /// Requests that had to be made again.
    pub retries: u64,
    /// How many records the server says there are.
    pub total: Option<u64>,
    /// The place in time, between the start and the server's clock.
    pub at: Option<Micros>,
    pub from: Option<Micros>,
    pub until: Option<Micros>,
}

impl Gauge {
    pub fn read(&self) -> Reading {
        let time = |cell: &AtomicI64| match cell.load(Ordering::Relaxed) {
            0 => None,
            at => Some(Micros::new(at)),
        };
        Reading {
            emitted: self.emitted.load(Ordering::Relaxed),
            rows: self.rows.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            total: Some(self.total.load(Ordering::Relaxed)).filter(|total| *total > 0),
            at: time(&self.at),
            from: time(&self.from),
            until: time(&self.until),
        }
    }

    pub(super) fn emitted(&self) {
        self.emitted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn page(&self, rows: u64, total: Option<u64>) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.total.fetch_max(total.unwrap_or(0), Ordering::Relaxed);
    }

    pub(super) fn asked(&self, again: bool) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.retries.fetch_add(u64::from(again), Ordering::Relaxed);
    }

    pub(super) fn reached(&self, at: Micros) {
        self.at.store(at.get(), Ordering::Relaxed);
    }

    pub(super) fn spans(&self, from: Option<Micros>, until: Option<Micros>) {
        self.from
            .store(from.map_or(0, Micros::get), Ordering::Relaxed);
        self.until
            .store(until.map_or(0, Micros::get), Ordering::Relaxed);
    }
}
