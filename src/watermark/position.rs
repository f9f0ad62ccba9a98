//! How far a datatype has been read: what is stored between two runs.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Micros;
use crate::time::Timestamp;

/// How far it has been read. Stored with the versions that were seen, in one commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Nothing before this is ever asked for: `--since` of the first run. `None`: everything.
    pub since: Option<Micros>,
    /// Every record modified up to here that could be read has been emitted. `None` before the first.
    pub frontier: Option<Micros>,
    /// When, by the local clock, the frontier first stood where it stands.
    pub reached_at: Option<Timestamp>,
    /// All that may still have arrived at or before the frontier has been read, too.
    pub settled: bool,
    /// Versions before this are no longer remembered; all of them were emitted.
    pub trimmed: Option<Micros>,
    /// No request before this, by the local clock: the server asked for it.
    pub not_before: Option<Timestamp>,
    /// Records emitted so far, over all runs; numbers the versions that are seen.
    pub emitted: u64,
    /// The end of the last complete run.
    pub last_complete: Option<Timestamp>,
    /// What was learnt of the server, as JSON that only its reader understands.
    pub learnt: Option<String>,
    /// The file that the records are written to.
    pub output: Option<OutputPlace>,
    /// Every key is remembered, for sweeps and reconciliation.
    #[serde(default)]
    pub tracks_keys: bool,
    /// A walk has learnt them all: a key that is not known is new.
    #[serde(default)]
    pub knows_keys: bool,
}

/// How much of an output file counts: whatever stands after it was never committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputPlace {
    pub path: PathBuf,
    /// Which file it is, where the operating system tells: its device and number.
    pub file: Option<(u64, u64)>,
    /// Bytes.
    pub offset: u64,
    /// The process that wrote them ended in good order: nothing of its own stands behind them.
    #[serde(default)]
    pub is_whole: bool,
}

impl Position {
    /// Whether a run has said where to begin, or has ended: from then on `--since` is of no account, also where nothing was found.
    pub fn has_begun(&self) -> bool {
        self.since.is_some()
            || self.frontier.is_some()
            || self.emitted > 0
            || self.last_complete.is_some()
    }

    /// Where a run begins to read: after the frontier where it is settled, else so far before it as a late record may lie.
    /// `None`: at the beginning of time. `unit` is the finest that the platform's dates tell apart.
    pub fn start(&self, lookback: Duration, unit: Duration) -> Option<Micros> {
        let start = match self.frontier {
            Some(frontier) if self.settled => Some(frontier + unit),
            Some(frontier) => Some(frontier - lookback),
            None => self.since,
        };
        start.max(self.since)
    }

    /// Moves the frontier forward; it never goes back.
    pub fn advance(&mut self, to: Micros, now: Timestamp) {
        if self.frontier.is_none_or(|frontier| to > frontier) {
            self.frontier = Some(to);
            self.reached_at = Some(now);
            self.settled = false;
        }
    }

    /// Notes that a run which began at `began` has read everything from `start` on and the frontier is where it was then.
    /// It is settled once such a run began a whole lookback after the frontier was first reached, by our clock, and after its own
    /// unit was over, by the server's: what may still arrive at or before it had arrived by then.
    pub fn settle(
        &mut self,
        began: Timestamp,
        server_now: Option<Micros>,
        lookback: Duration,
        unit: Duration,
    ) {
        if let (Some(reached_at), Some(frontier)) = (self.reached_at, self.frontier)
            && began >= reached_at.plus(lookback)
            && server_now.is_some_and(|now| now >= frontier + unit + lookback)
        {
            self.settled = true;
        }
    }
}
