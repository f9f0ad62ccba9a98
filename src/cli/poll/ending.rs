//! How it ended: one line that sums up, how to go on, the exit code.

use serde_json::json;

use crate::cli::{Context, stop};
use crate::error::{CliError, Exit};
use crate::pipeline::{Pipeline, Stats, Stop};
use crate::source::poll::{Poll, PollEnd, PollError, Reading};
use crate::watermark::Position;

/// The end of a run, before it is told.
pub(super) struct Ending {
    pub(super) end: Result<PollEnd, PollError>,
    /// Under which it is remembered.
    pub(super) key: String,
    /// Records that were done before this run.
    pub(super) before: u64,
    pub(super) follows: bool,
}

impl Ending {
    /// Waits for what is still to be delivered, sums up, and returns the exit code.
    pub(super) async fn conclude(
        self,
        mut pipeline: Pipeline,
        mut poll: Poll,
        cx: &Context,
    ) -> Result<Exit, CliError> {
        let (stats, stopped) = pipeline.finish().await;
        let (position, reading) = (poll.state().position().clone(), poll.gauge().read());
        drop(poll);
        let is_closed = matches!(stopped, Some(Stop::Output(_)));
        let is_refused = matches!(self.end, Ok(PollEnd::Refused));
        // What the outlet did not take is not done, though it was read.
        let done = position.emitted.saturating_sub(self.before);
        let is_error_alone = done == 0 && (self.end.is_err() || is_refused);
        if reading.requests > 0 && !is_closed && !is_error_alone {
            let reading = Reading {
                emitted: done,
                ..reading
            };
            self.sum_up(stats, reading, &position, cx);
        }
        // A command that Ctrl-C has reached as well has not failed.
        let is_exec = matches!(stopped, Some(Stop::Exec(_)));
        if let (true, Some(interrupted)) = (is_exec, cx.interrupted()) {
            return Ok(if self.follows {
                Exit::Done
            } else {
                interrupted
            });
        }
        // The other errors of the poller come after what the outlet met.
        if let Some(stop) = stopped
            && (is_refused || is_closed)
        {
            return stop::exit_of(stop);
        }
        match self.end? {
            PollEnd::Complete | PollEnd::Enough if stats.not_shaped > 0 => Ok(Exit::Partly),
            PollEnd::Complete | PollEnd::Enough => Ok(Exit::Done),
            PollEnd::Stopped | PollEnd::Refused if self.follows => Ok(Exit::Done),
            PollEnd::Stopped | PollEnd::Refused => {
                Ok(cx.interrupted().unwrap_or(Exit::Interrupted))
            }
        }
    }

    fn sum_up(&self, stats: Stats, reading: Reading, position: &Position, cx: &Context) {
        let is_complete = matches!(self.end, Ok(PollEnd::Complete));
        let frontier = position.frontier.map(|frontier| frontier.to_string());
        let facts = json!({
            "records": reading.emitted, "matched": stats.matched, "read": reading.rows,
            "requests": reading.requests, "retries": reading.retries, "complete": is_complete,
            "frontier": frontier, "state": self.key, "kept": stats.kept, "delivered": stats.delivered,
            "waiting": stats.waiting, "not_shaped": stats.not_shaped,
        });
        cx.ui
            .notice("summary", facts, &self.summary(stats, reading, frontier));
    }

    /// `12 records; read up to 2026-04-25T10:00:00.000Z. The same command goes on.`
    fn summary(&self, stats: Stats, reading: Reading, frontier: Option<String>) -> String {
        let is_complete = matches!(self.end, Ok(PollEnd::Complete));
        let mut text = match reading.emitted {
            0 if is_complete => "Nothing new".to_owned(),
            1 => "1 record".to_owned(),
            count => format!("{count} records"),
        };
        if stats.matched < reading.emitted {
            text.push_str(&format!(", {} of them wanted", stats.matched));
        }
        for (count, what) in [
            (stats.not_shaped, "that --jq could not shape"),
            (stats.kept, "kept"),
            (stats.delivered, "delivered"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        if let Some(frontier) = frontier {
            text.push_str(&format!("; read up to {frontier}"));
        }
        if reading.retries > 0 {
            text.push_str(&format!(" with {} retries", reading.retries));
        }
        text.push('.');
        if !is_complete {
            text.push_str(" The same command goes on.");
        }
        text
    }
}
