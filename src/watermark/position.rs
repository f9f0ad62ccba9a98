//! How far a datatype has been read: what is stored between two runs.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Micros;
use crate::time::Timestamp;

/// How far a datatype has been read. Stored with the emitted versions, in one commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Lower bound of every request: `--since` of the first run. `None`: everything.
    pub since: Option<Micros>,
    /// Every readable record modified up to here has been emitted. `None` before the first.
    pub frontier: Option<Micros>,
    /// When the frontier reached its current value, by the local clock.
    pub reached_at: Option<Timestamp>,
    /// No more records can appear at or before the frontier, as far as the lookback covers late ones.
    pub settled: bool,
    /// Versions before this are no longer remembered. All of them were emitted.
    pub trimmed: Option<Micros>,
    /// The server allows no request before this, by the local clock.
    pub not_before: Option<Timestamp>,
    /// Records emitted so far, over all runs. Also numbers the remembered versions.
    pub emitted: u64,
    /// The end of the last complete run.
    pub last_complete: Option<Timestamp>,
    /// The server's clock when it was last seen. Until it has been examined, a time to which it went back is not stored.
    #[serde(default)]
    pub clock: Option<ServerClock>,
    /// What the server supports, as JSON that only the poller reads.
    #[serde(rename = "learnt")]
    pub capabilities: Option<String>,
    /// The output file.
    pub output: Option<OutputOffset>,
    /// Every key is remembered, for sweeps.
    #[serde(default)]
    pub tracks_keys: bool,
    /// A complete sweep has remembered all keys, so an unknown key is a new record.
    #[serde(default)]
    pub knows_keys: bool,
}

/// The server's clock at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerClock {
    pub server: Micros,
    /// The local clock at that moment, for the time that has passed since.
    pub local: Timestamp,
}

/// How much of an output file is committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputOffset {
    pub path: PathBuf,
    /// Device and inode, if the operating system has them.
    pub file: Option<(u64, u64)>,
    /// Bytes.
    pub offset: u64,
    /// The process that wrote them ended properly: it wrote nothing after the offset, so whatever is there is not evt's.
    #[serde(default)]
    pub is_whole: bool,
}

impl Position {
    /// Whether a run has begun with this state. From then on `--since` has no effect, even if no record was found.
    pub fn has_begun(&self) -> bool {
        self.since.is_some()
            || self.frontier.is_some()
            || self.emitted > 0
            || self.last_complete.is_some()
    }

    /// Where a scan starts to read: just after a settled frontier, otherwise one lookback before it. `None`: at the beginning of
    /// time. `unit` is the smallest difference between two dates of the platform.
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

    /// Moves the frontier back to `to`, because records may still be dated after that. Versions that are no longer remembered
    /// are emitted again.
    pub fn move_back(&mut self, to: Micros, lookback: Duration, now: Timestamp) {
        self.frontier = self.frontier.map(|frontier| frontier.min(to));
        self.reached_at = Some(now);
        self.settled = false;
        self.trimmed = self.trimmed.map(|trimmed| trimmed.min(to - lookback));
    }

    /// Marks the frontier as settled if a scan that began at `began`, and did not move it, proves that.
    ///
    /// A record may become visible one lookback after its date. A scan that begins later than that has seen every record at or
    /// before the frontier, so the next scans need not read them again: without this rule, a bulk update of a whole table would
    /// be read again in every scan until some other record changes.
    ///
    /// "Later" has to hold for two clocks. By the local one, a lookback has passed since the frontier was reached. By the
    /// server's, a lookback has passed since the end of the frontier's own unit; until then, more records can get this date.
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
