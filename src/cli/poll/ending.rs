//! The end of a poll: summary and exit code.

use serde_json::json;

use super::state;
use crate::cli::{Context, datatypes, stop};
use crate::error::{CliError, Exit};
use crate::pipeline::{Pipeline, Stats, Stop};
use crate::source::poll::{Counts, Poll, PollEnd, PollError};
use crate::ui::safe;
use crate::watermark::Position;

/// The end of a run.
pub(super) struct Ending {
    pub(super) end: Result<PollEnd, PollError>,
    /// The name of the state.
    pub(super) key: String,
    /// Records that were committed before this run.
    pub(super) before: u64,
    pub(super) follows: bool,
    pub(super) datatype: String,
    /// The state is new, so no record of the datatype has been read before.
    pub(super) is_new: bool,
}

impl Ending {
    /// Waits for pending deliveries, prints the summary, and returns the exit code.
    pub(super) async fn conclude(
        self,
        mut pipeline: Pipeline,
        mut poll: Poll,
        cx: &Context,
    ) -> Result<Exit, CliError> {
        let (stats, stopped) = pipeline.finish().await;
        if self.end.is_ok() && stats.received > 0 && stats.undecided == 0 {
            poll.store_known_paths(pipeline.known_paths())?;
        }
        let (position, counts) = (poll.state().position().clone(), poll.progress().counts());
        drop(poll);
        let is_closed = matches!(stopped, Some(Stop::Output(_)));
        let is_refused = matches!(self.end, Ok(PollEnd::OutletClosed));
        // Records that were read but not written are not committed, so they do not count.
        let done = position.emitted.saturating_sub(self.before);
        let is_error_alone = done == 0 && (self.end.is_err() || is_refused);
        if counts.requests > 0 && !is_closed && !is_error_alone {
            let counts = Counts {
                emitted: done,
                ..counts
            };
            self.print_summary(stats, counts, &position, cx);
        }
        // Ctrl-C also reaches the command of --exec. That it was interrupted is not a failure.
        let is_exec = matches!(stopped, Some(Stop::Exec(_)));
        if let (true, Some(interrupted)) = (is_exec, cx.interrupted()) {
            return Ok(if self.follows {
                Exit::Done
            } else {
                interrupted
            });
        }
        // An error of the output is the cause of the poller's own.
        if let Some(stop) = stopped
            && (is_refused || is_closed)
        {
            return stop::exit_of(stop);
        }
        if stats.undecided > 0 && self.end.is_ok() {
            let text = "The records do not count as read: the next call reads them again.";
            let facts = json!({ "records": stats.undecided, "state": self.key });
            cx.ui.notice("not_read", facts, text);
            return Ok(Exit::Partly);
        }
        let is_empty = matches!(self.end, Ok(PollEnd::Complete)) && counts.rows == 0;
        if is_empty && self.is_new {
            self.check_datatype(cx).await?;
        }
        match self.end? {
            PollEnd::Complete | PollEnd::MaxReached
                if stats.not_shaped > 0 || stats.malformed > 0 =>
            {
                Ok(Exit::Partly)
            }
            PollEnd::Complete | PollEnd::MaxReached => Ok(Exit::Done),
            PollEnd::Stopped | PollEnd::OutletClosed if self.follows => Ok(Exit::Done),
            PollEnd::Stopped | PollEnd::OutletClosed => {
                Ok(cx.interrupted().unwrap_or(Exit::Interrupted))
            }
        }
    }

    /// Checks the name of a datatype that has no records. Where the platform can tell that there is no such datatype, the new
    /// state is deleted.
    async fn check_datatype(&self, cx: &Context) -> Result<(), CliError> {
        let datatype = &self.datatype;
        if datatypes::is_usual(datatype) {
            return Ok(());
        }
        let existing = datatypes::existing(cx).await;
        let similar = datatypes::similar(datatype, existing.as_deref().unwrap_or_default());
        match existing {
            Some(existing) if !existing.contains(datatype) => {
                self.delete_state(cx)?;
                let message = format!("the platform has no records of `{datatype}`");
                let error = CliError::new(Exit::NotFound, "no_such_datatype", message);
                Err(match similar {
                    Some(similar) => error.hint(format!("evt poll {similar}")),
                    None if existing.is_empty() => {
                        error.hint("evt records create contact email=ada@example.com")
                    }
                    None => error.hint(format!("it has {}", existing.join(", "))),
                })
            }
            _ => {
                let mean = similar.map_or_else(String::new, |similar| {
                    format!("; did you mean `{}`?", safe(&similar))
                });
                let text = format!("There is no record of `{}` so far{mean}", safe(datatype));
                let facts = json!({ "datatype": datatype });
                cx.ui.notice("no_records", facts, &text);
                Ok(())
            }
        }
    }

    /// Deletes the state that this run has created.
    fn delete_state(&self, cx: &Context) -> Result<(), CliError> {
        let reset = crate::store::poll::reset(&state::folder(cx), &self.key)?;
        if let Some(export) = reset.export {
            // It holds no position of any record.
            let _ = std::fs::remove_file(export);
        }
        Ok(())
    }

    fn print_summary(&self, stats: Stats, counts: Counts, position: &Position, cx: &Context) {
        let is_complete = matches!(self.end, Ok(PollEnd::Complete));
        let frontier = position.frontier.map(|frontier| frontier.to_string());
        let facts = json!({
            "records": counts.emitted, "matched": stats.matched, "read": counts.rows,
            "requests": counts.requests, "retries": counts.retries, "complete": is_complete,
            "frontier": frontier, "state": self.key, "kept": stats.saved, "delivered": stats.delivered,
            "waiting": stats.waiting, "not_shaped": stats.not_shaped, "malformed": stats.malformed,
        });
        cx.ui
            .notice("summary", facts, &self.summary(stats, counts, frontier));
    }

    /// `12 records; read up to 2026-04-25T10:00:00.000Z. Run the same command to continue.`
    fn summary(&self, stats: Stats, counts: Counts, frontier: Option<String>) -> String {
        let is_complete = matches!(self.end, Ok(PollEnd::Complete));
        let mut text = match counts.emitted {
            0 if is_complete => "Nothing new".to_owned(),
            1 => "1 record".to_owned(),
            count => format!("{count} records"),
        };
        if stats.matched < counts.emitted {
            text.push_str(&format!(", {} of them selected", stats.matched));
        }
        for (count, what) in [
            (stats.malformed, "skipped because malformed"),
            (stats.not_shaped, "that --jq failed for"),
            (stats.saved, "stored"),
            (stats.delivered, "delivered"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        if let Some(frontier) = frontier {
            text.push_str(&format!("; read up to {frontier}"));
        }
        if counts.retries > 0 {
            text.push_str(&format!(" with {} retries", counts.retries));
        }
        text.push('.');
        if !is_complete {
            text.push_str(" Run the same command to continue.");
        }
        text
    }
}
