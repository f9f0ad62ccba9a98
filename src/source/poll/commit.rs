//! What was emitted becomes done: written, on the disk, then noted, in this order.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::Instant;

use super::emit::Run;
use super::{Halt, PollEnd};
use crate::time::Timestamp;
use crate::watermark::Micros;

/// Between two commits where a recorded offset makes more safe: so long, or so many records. What is trimmed before it is ever
/// committed costs nothing: of several large pages in one commit only the last is written.
const SPAN: Duration = Duration::from_millis(50);
const MOST: usize = 4000;
/// Between two states that are told.
const TELL: Duration = Duration::from_secs(1);

impl Run<'_> {
    /// Commits after a page: where nobody else knows how much of the output counts, after each one.
    pub(super) async fn page_is_done(&mut self) -> Result<(), Halt> {
        let may_wait = self.poll.output.is_some()
            && self.uncommitted < MOST
            && self.committed_at.elapsed() < SPAN;
        if !may_wait && self.uncommitted > 0 {
            self.commit().await?;
        }
        if self.stop.is_cancelled() {
            return Err(Halt::End(PollEnd::Stopped));
        }
        Ok(())
    }

    /// Puts on the disk what was emitted, and how far that is.
    ///
    /// The output goes first: a crash in between repeats what the state does not know, and the recorded offset of a file takes
    /// that back.
    pub(super) async fn commit(&mut self) -> Result<(), Halt> {
        let bytes = self.flush().await?;
        self.note(bytes).await?;
        if self.poll.options.tells_state && self.is_time_to_tell() {
            self.tell().await?;
        }
        Ok(())
    }

    /// Commits at the end, and tells the state once more. Of a server that has not answered there is nothing to commit.
    pub(super) async fn commit_last(&mut self) -> Result<(), Halt> {
        if !self.poll.is_claimed {
            return Ok(());
        }
        let bytes = self.flush().await?;
        self.note(bytes).await?;
        if self.poll.options.tells_state {
            self.tell().await?;
        }
        Ok(())
    }

    /// Notes that the output ends in good order.
    pub(super) fn close(&mut self) -> Result<(), Halt> {
        if let Some(output) = &mut self.position.output
            && self.poll.output.is_some()
            && self.poll.is_claimed
        {
            output.is_whole = true;
            self.poll.state.commit(&self.position, None)?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<u64, Halt> {
        match self.outlet.flush().await {
            ControlFlow::Continue(bytes) => Ok(bytes),
            ControlFlow::Break(()) => {
                self.poll.state.roll_back();
                Err(Halt::End(PollEnd::Refused))
            }
        }
    }

    async fn note(&mut self, bytes: u64) -> Result<(), Halt> {
        if let Some(output) = &self.poll.output {
            self.position.output = Some(output.sync(bytes).await?);
        }
        let now = Timestamp::now();
        let lookback = self.poll.options.lookback;
        let mut trim = None;
        if self.is_glance {
            // Late records are looked for behind the frontier of the sweeps that do look behind it.
            self.glanced = self.glanced.max(self.frontier());
        } else {
            if let Some(frontier) = self.frontier() {
                self.position.advance(frontier, now);
            }
            let reached = self.obeyed.zip(self.position.frontier);
            trim =
                reached.map(|(obeyed, frontier)| self.bound_at(obeyed.min(frontier) - lookback).at);
        }
        self.position.trimmed = self.position.trimmed.max(trim);
        self.position.learnt = Some(self.learnt.write());
        self.poll.state.commit(&self.position, trim)?;
        self.uncommitted = 0;
        self.committed_at = Instant::now();
        Ok(())
    }

    /// How far everything is out. Never beyond the server's clock: a record from the future hides nothing.
    pub(super) fn frontier(&self) -> Option<Micros> {
        let until = self.poll.options.until.map(|until| until - self.unit());
        let mut frontier = self.safe?;
        for limit in [self.server_now, until].into_iter().flatten() {
            frontier = frontier.min(limit);
        }
        Some(frontier)
    }

    fn is_time_to_tell(&self) -> bool {
        self.told_at.elapsed() >= TELL
    }

    /// Tells the state as it is committed; the output grows by it.
    async fn tell(&mut self) -> Result<(), Halt> {
        let field = self.poll.options.field.clone();
        let bookmark = self.poll.state.singer_bookmark(&field)?;
        self.outlet.reached(&bookmark);
        let bytes = self.flush().await?;
        self.told_at = Instant::now();
        self.note(bytes).await
    }
}
