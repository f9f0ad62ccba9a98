//! Where records go: they are handed to the outlet, written, and then committed to the state.

use std::ops::ControlFlow;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use tokio::time::Instant;

use super::halt::Halt;
use super::out_file::OutFile;
use super::page::{Page, Row};
use super::progress::Progress;
use super::scan::Scan;
use super::server::Server;
use super::{PollEnd, PollOptions, Undated};
use crate::json::{self, Raw};
use crate::source::{Change, Message, Notice, Op, Outlet};
use crate::store::poll::{Fingerprint, PollState};
use crate::time::Timestamp;
use crate::watermark::{Digest, Micros, Position, ServerClock, Version, is_new};

/// If the output is a file whose offset is recorded, records are committed only after this time, or after this many records. Versions that are trimmed before their first commit are never stored, so longer intervals save writes.
const COMMIT_INTERVAL: Duration = Duration::from_millis(50);
const COMMIT_RECORDS: usize = 4000;
/// Records that may wait for one that has the path of the condition.
const MOST_UNDECIDED: usize = 10_000;
/// Minimum time between two Singer STATE messages.
const BOOKMARK_INTERVAL: Duration = Duration::from_secs(1);

/// The outlet that receives the records, and the state that stores up to where it has received all of them.
pub(super) struct Output<'a> {
    options: &'a PollOptions,
    outlet: &'a mut dyn Outlet,
    pub(super) state: &'a mut PollState,
    pub(super) file: Option<&'a OutFile>,
    pub(super) progress: &'a Progress,
    /// The position that the next commit stores.
    pub(super) position: Position,
    /// The state belongs to this server's data. Until that is known, nothing is committed.
    is_claimed: bool,
    /// Records emitted by this process.
    pub(super) emitted: u64,
    /// Records emitted since the last commit.
    uncommitted: usize,
    committed_at: Instant,
    bookmarked_at: Instant,
    /// Buffer for canonical JSON.
    canonical: Vec<u8>,
    /// Event name of the last record.
    event_name: (Op, String),
}

impl<'a> Output<'a> {
    pub(super) fn new(
        options: &'a PollOptions,
        outlet: &'a mut dyn Outlet,
        state: &'a mut PollState,
        file: Option<&'a OutFile>,
        progress: &'a Progress,
    ) -> Self {
        let mut position = state.position().clone();
        if !position.has_begun() {
            position.since = options.since;
        }
        if let Some(file) = file {
            position.output = Some(file.offset(0));
        }
        Self {
            options,
            outlet,
            state,
            file,
            progress,
            position,
            is_claimed: false,
            emitted: 0,
            uncommitted: 0,
            committed_at: Instant::now(),
            bookmarked_at: Instant::now(),
            canonical: Vec::new(),
            event_name: (Op::Updated, String::new()),
        }
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.outlet.notice(notice);
    }

    /// Compares the state's fingerprint at the first response, and commits the initial position.
    pub(super) fn claim(&mut self, fingerprint: impl FnOnce() -> Fingerprint) -> Result<(), Halt> {
        if self.is_claimed {
            return Ok(());
        }
        self.state.claim(&fingerprint())?;
        self.is_claimed = true;
        // Committed before the first record is written: after a crash, the next process must know which file may end in an incomplete line.
        self.state.commit(&self.position, None)?;
        Ok(())
    }

    /// Stores the time before which neither this process nor a later one may send a request.
    pub(super) fn hold_until(&mut self, until: Timestamp) -> Result<(), Halt> {
        if self.position.not_before != Some(until) {
            self.position.not_before = Some(until);
            self.state.hold_until(until)?;
        }
        Ok(())
    }

    /// Emits a row if it is a new version. Returns whether it was.
    pub(super) fn emit_row(
        &mut self,
        page: &Page,
        row: &Row,
        server: &Server<'_>,
        scan: &mut Scan,
    ) -> Result<bool, Halt> {
        if row.at.is_none() && self.options.undated != Undated::Include {
            scan.undated += 1;
            return Ok(false);
        }
        let at = row.at.unwrap_or(Micros::MAX);
        // Older versions were emitted and forgotten, or never requested. Only a server that ignores bounds sends them.
        let floor = self.position.since.max(self.position.trimmed);
        let is_before = floor.is_some_and(|floor| at < floor);
        let is_after = row.at.is_some() && self.options.until.is_some_and(|until| at >= until);
        if is_before || is_after {
            scan.excluded += 1;
            return Ok(false);
        }
        let record = page.record(row);
        let digest = self.digest(record);
        let plain = page.key(row).map(Raw::plain);
        let key = plain.as_deref().map_or(&digest.0[..], str::as_bytes);
        let version = Version { key, digest, at };
        if !is_new(self.state, &version)? {
            if !self.options.ignore.is_empty() {
                // Only ignored fields changed. If the date is one of them, the version must be remembered until the later date.
                self.state.seen_again(&version)?;
            }
            return Ok(false);
        }
        self.emit(page, row, server, &version)?;
        let is_due = row.at.is_none() || server.clock.is_none_or(|clock| at <= clock);
        scan.new_rows += u64::from(is_due);
        Ok(true)
    }

    /// Emits a row of a page.
    pub(super) fn emit(
        &mut self,
        page: &Page,
        row: &Row,
        server: &Server<'_>,
        version: &Version<'_>,
    ) -> Result<(), Halt> {
        let change = Change {
            op: row.op,
            key: page.key(row).map_or("null", Raw::text),
            key_path: server.capabilities.key.as_deref().unwrap_or_default(),
            at: page.date(row).map(Raw::text),
            digest: version.digest,
        };
        self.emit_change(page.record(row), change, version)
    }

    /// Hands a version to the outlet and remembers it.
    pub(super) fn emit_change(
        &mut self,
        record: &str,
        change: Change<'_>,
        version: &Version<'_>,
    ) -> Result<(), Halt> {
        let datatype = &self.options.datatype;
        if self.event_name.0 != change.op || self.event_name.1.is_empty() {
            self.event_name = (change.op, format!("{datatype}.{}", change.op.as_str()));
        }
        let id = String::from_utf8_lossy(version.key);
        let message = Message {
            name: Some(&self.event_name.1),
            id: Some(&id),
            channel: Some(datatype),
            data: record.as_bytes(),
            change: Some(change),
            ..Message::default()
        };
        if self.outlet.take(&message).is_break() {
            return Err(Halt::End(PollEnd::OutletClosed));
        }
        self.position.emitted += 1;
        self.state.remember(version, self.position.emitted);
        self.progress.update().emitted += 1;
        self.uncommitted += 1;
        self.emitted += 1;
        Ok(())
    }

    /// The digest of a record's content, whatever the order of its members.
    pub(super) fn digest(&mut self, record: &str) -> Digest {
        self.canonical.clear();
        json::canonical(record, &self.options.ignore, &mut self.canonical);
        let hash = digest(&SHA256, &self.canonical);
        let mut short = [0; 16];
        short.copy_from_slice(&hash.as_ref()[..16]);
        Digest(short)
    }

    /// Whether records should be committed after a page. Only for a file with a recorded offset can that wait: a crash repeats
    /// whatever was written elsewhere since the last commit.
    pub(super) fn is_commit_due(&self) -> bool {
        let may_wait = self.file.is_some()
            && self.uncommitted < COMMIT_RECORDS
            && self.committed_at.elapsed() < COMMIT_INTERVAL;
        !may_wait && self.uncommitted > 0
    }

    /// Commits what was emitted and how far the scan has come. `is_last`: at the end of a scan, after which a Singer STATE
    /// message is due at once. Without a response there is nothing to commit.
    ///
    /// The output is flushed first. A crash between the two leaves records in the output that the state does not know: the
    /// next process cuts a file back to the recorded offset, and repeats the records elsewhere. The other order would lose them.
    pub(super) async fn commit(
        &mut self,
        server: &Server<'_>,
        scan: &mut Scan,
        is_last: bool,
    ) -> Result<(), Halt> {
        if !self.is_claimed {
            return Ok(());
        }
        let bytes = self.flush().await?;
        if self.uncommitted > 0 && self.outlet.is_undecided() {
            return self.wait_for_decision(is_last);
        }
        self.store(bytes, server, scan).await?;
        let is_due = is_last || self.bookmarked_at.elapsed() >= BOOKMARK_INTERVAL;
        if !self.options.writes_bookmarks || !is_due {
            return Ok(());
        }
        // The output grows by the message, so its offset is committed again.
        let bookmark = self.state.singer_bookmark(&self.options.field)?;
        self.outlet.reached(&bookmark);
        let bytes = self.flush().await?;
        self.bookmarked_at = Instant::now();
        self.store(bytes, server, scan).await
    }

    /// Leaves records uncommitted that no condition could be tested on: the next run reads them again. Ends at the end of the
    /// scan, or if there are too many.
    fn wait_for_decision(&mut self, is_last: bool) -> Result<(), Halt> {
        let is_full = self.uncommitted >= MOST_UNDECIDED;
        if !is_full && (!is_last || self.options.follow.is_some()) {
            if is_last {
                self.outlet.report_undecided();
            }
            return Ok(());
        }
        self.state.roll_back();
        Err(Halt::End(PollEnd::OutletClosed))
    }

    /// Records that this process ended properly, so that nothing after the offset in the file is its own.
    pub(super) fn close(&mut self) -> Result<(), Halt> {
        if self.uncommitted > 0 && self.outlet.is_undecided() {
            self.state.roll_back();
            return Ok(());
        }
        if let Some(output) = &mut self.position.output
            && self.file.is_some()
            && self.is_claimed
        {
            output.is_whole = true;
            self.state.commit(&self.position, None)?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<u64, Halt> {
        match self.outlet.flush().await {
            ControlFlow::Continue(bytes) => Ok(bytes),
            ControlFlow::Break(()) => {
                self.state.roll_back();
                Err(Halt::End(PollEnd::OutletClosed))
            }
        }
    }

    async fn store(
        &mut self,
        bytes: u64,
        server: &Server<'_>,
        scan: &mut Scan,
    ) -> Result<(), Halt> {
        if let Some(file) = self.file {
            self.position.output = Some(file.sync(bytes).await?);
        }
        let frontier = scan.frontier(server, self.options.until);
        let mut trim = None;
        if scan.is_quick {
            // The stored frontier stays: a quick scan has not looked for records that became visible late.
            scan.quick_frontier = scan.quick_frontier.max(frontier);
        } else {
            if let Some(frontier) = frontier {
                self.position.advance(frontier, Timestamp::now());
            }
            // The next scan starts one lookback before the frontier. Versions before that are not sent again, if the server
            // has proved that it respects bounds.
            let reached = scan.verified_bound.zip(self.position.frontier);
            trim = reached.map(|(bound, frontier)| {
                server
                    .bound_at(bound.min(frontier) - self.options.lookback)
                    .at
            });
        }
        // A clock that went back is stored once it has been examined.
        let is_later = |clock: &ServerClock| {
            let known = self.position.clock;
            known.is_none_or(|known| clock.server >= known.server)
        };
        self.position.clock = server.last_clock.filter(is_later).or(self.position.clock);
        self.position.trimmed = self.position.trimmed.max(trim);
        self.position.capabilities = Some(server.capabilities.write());
        self.state.commit(&self.position, trim)?;
        self.uncommitted = 0;
        self.committed_at = Instant::now();
        Ok(())
    }
}
