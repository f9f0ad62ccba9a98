//! Where the reader is: the progress of one scan, from its start to the newest record.

use std::time::Duration;

use tokio::time::Instant;

use super::server::Server;
use crate::watermark::Micros;

/// The progress of one scan.
pub(super) struct Scan {
    /// A quick scan starts after the frontier and accepts one empty response: another scan follows soon. Other scans start one
    /// lookback before the frontier, to find records that became visible late.
    pub(super) is_quick: bool,
    began_at: Instant,
    /// Rows arrive in ascending order: everything before the current row has been emitted.
    pub(super) is_ascending: bool,
    /// Everything dated up to here has been emitted by this scan.
    pub(super) complete_to: Option<Micros>,
    /// A lower bound that responses have respected. Versions before it will not be sent again, so they need not be remembered.
    /// `None` if the server ignores bounds: it sends old records in every scan.
    pub(super) verified_bound: Option<Micros>,
    /// The latest date that was read.
    pub(super) latest: Option<Micros>,
    /// New records whose date is not after the start of the scan. Records from the future do not count: they may keep coming
    /// for as long as the scan lasts.
    pub(super) new_rows: u64,
    /// Rows that `--since`, `--until` or the trimmed part of the state exclude.
    pub(super) excluded: u64,
    pub(super) undated: u64,
    /// The frontier of the last quick scans. It outlives a scan, but not the process.
    pub(super) quick_frontier: Option<Micros>,
}

impl Scan {
    pub(super) fn new(is_quick: bool) -> Self {
        Self {
            is_quick,
            began_at: Instant::now(),
            is_ascending: false,
            complete_to: None,
            verified_bound: None,
            latest: None,
            new_rows: 0,
            excluded: 0,
            undated: 0,
            quick_frontier: None,
        }
    }

    /// Starts the next scan.
    pub(super) fn restart(&mut self, is_quick: bool) {
        let quick_frontier = self.quick_frontier;
        *self = Self {
            quick_frontier,
            ..Self::new(is_quick)
        };
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.began_at.elapsed()
    }

    /// Notes that a row dated `at` has been handled.
    pub(super) fn advance(&mut self, at: Option<Micros>, unit: Duration) {
        self.latest = self.latest.max(at);
        if self.is_ascending {
            // More rows with this date may follow, so only what is before it is complete.
            self.complete_to = self.complete_to.max(at.map(|at| at - unit));
        }
    }

    /// The frontier that this scan has reached.
    ///
    /// It never passes the server's clock at the start of the scan. A record dated in the future would otherwise hide every
    /// change until that date.
    pub(super) fn frontier(&self, server: &Server<'_>, until: Option<Micros>) -> Option<Micros> {
        let until = until.map(|until| until - server.unit());
        let limits = [server.clock, until].into_iter().flatten();
        Some(limits.fold(self.complete_to?, Micros::min))
    }
}
