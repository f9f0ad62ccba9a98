//! How it ended: one line that sums up, the command that goes on, the exit code.

use serde_json::json;

use super::{Args, resume};
use crate::cli::Context;
use crate::error::{self, CliError, Exit};
use crate::event::Transport;
use crate::pipeline::{Pipeline, Stats, Stop};
use crate::source::{Ended, SourceError};
use crate::ui::{safe, size};

/// The end of a stream, before it is told.
pub(super) struct Ending {
    pub(super) end: Result<Ended, SourceError>,
    /// `--for` is over.
    pub(super) time_over: bool,
    pub(super) reconnects: u64,
    pub(super) transport: Transport,
    /// Where the source would go on.
    pub(super) position: Option<String>,
}

impl Ending {
    /// Waits for what is still to be printed and kept, sums up, and returns the exit code.
    pub(super) async fn conclude(
        self,
        pipeline: Pipeline,
        stream: &str,
        args: &Args,
        cx: &Context,
    ) -> Result<Exit, CliError> {
        let (mut stats, stopped) = pipeline.finish().await;
        stats.reconnects = self.reconnects;
        // Of what never began there is nothing to sum up.
        if self.end.is_ok() || stats != Stats::default() {
            self.sum_up(stats, stream, args, cx);
        }
        self.exit(stopped, stats, args, cx)
    }

    fn exit(
        self,
        stopped: Option<Stop>,
        stats: Stats,
        args: &Args,
        cx: &Context,
    ) -> Result<Exit, CliError> {
        if let Some(stop) = stopped {
            return error::stopped(stop);
        }
        let ended = self.end?;
        match ended {
            Ended::Stopped if self.time_over && args.has_goal() => {
                Ok(not_met("the time is over", stats, args, cx))
            }
            Ended::Stopped if args.has_goal() => Ok(cx.interrupted().unwrap_or(Exit::Interrupted)),
            Ended::Finished { .. } | Ended::Cut { .. } if args.has_count() => {
                Ok(not_met("the stream has ended", stats, args, cx))
            }
            Ended::Stopped | Ended::Enough | Ended::Finished { .. } | Ended::Cut { .. } => {
                Ok(Exit::Done)
            }
        }
    }

    fn sum_up(&self, stats: Stats, stream: &str, args: &Args, cx: &Context) {
        let place = match (&args.keep.resume, &self.position) {
            (Some(name), _) => Some(["--resume", name.as_str()]),
            (None, Some(id)) if self.transport == Transport::Sse => {
                Some(["--last-event-id", id.as_str()])
            }
            _ => None,
        };
        let is_over = matches!(self.end, Ok(Ended::Finished { .. }));
        let command = place
            .filter(|_| !is_over)
            .map(|place| resume::command(stream, &place, cx));
        let mut text = summary(stats);
        if let Ok(Ended::Finished { why }) = &self.end {
            text = format!("The stream has ended ({}). {text}", safe(why));
        }
        if let Some(command) = &command {
            text.push_str(&format!(" Go on: {}", safe(command)));
        }
        let facts = json!({
            "events": stats.matched, "received": stats.received, "bytes": stats.bytes,
            "gaps": stats.gaps, "dropped": stats.dropped, "malformed": stats.malformed,
            "reconnects": stats.reconnects, "kept": stats.kept,
            "delivered": stats.delivered, "waiting": stats.waiting, "not_shaped": stats.not_shaped,
            "position": self.position, "resume": command,
        });
        cx.ui.notice("summary", facts, &text);
    }
}

/// `12 of 40 events, 3.1 KiB, 1 gap, 2 reconnects, 12 kept.`
fn summary(stats: Stats) -> String {
    let events = match stats.received {
        received if received == stats.matched => counted(received, "event"),
        received => format!("{} of {}", stats.matched, counted(received, "event")),
    };
    let mut text = format!(
        "{events}, {}",
        size(usize::try_from(stats.bytes).unwrap_or(usize::MAX))
    );
    for (count, what) in [(stats.gaps, "gap"), (stats.reconnects, "reconnect")] {
        if count > 0 {
            text.push_str(&format!(", {}", counted(count, what)));
        }
    }
    for (count, what) in [
        (stats.dropped, "dropped"),
        (stats.malformed, "malformed"),
        (stats.not_shaped, "that --jq could not shape"),
        (stats.kept, "kept"),
        (stats.delivered, "delivered"),
        (stats.waiting, "still to be delivered (evt queue list)"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text.push('.');
    text
}

fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Says which goal was not met.
fn not_met(why: &str, stats: Stats, args: &Args, cx: &Context) -> Exit {
    let wanted = match (args.stop.count, &args.stop.expect) {
        (Some(count), _) => format!("{} of {count} came", stats.matched),
        (None, Some(_)) => "nothing like it came".to_owned(),
        (None, None) => "the stream goes on".to_owned(),
    };
    let facts = json!({ "why": why, "wanted": args.stop.count, "counted": stats.matched });
    cx.ui.notice(
        "goal_not_met",
        facts,
        &format!("Goal not met: {wanted}, and {why}."),
    );
    Exit::GoalNotMet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_happened_and_nothing_else() {
        let mut stats = Stats {
            received: 1,
            matched: 1,
            bytes: 20,
            ..Stats::default()
        };
        assert_eq!(summary(stats), "1 event, 20 B.");
        stats = Stats {
            received: 40,
            matched: 12,
            bytes: 2048,
            gaps: 1,
            reconnects: 2,
            dropped: 3,
            kept: 12,
            ..stats
        };
        assert_eq!(
            summary(stats),
            "12 of 40 events, 2.0 KiB, 1 gap, 2 reconnects, 3 dropped, 12 kept."
        );
    }
}
