//! How it ended: one line that sums up, the command that goes on, the exit code.

use std::time::Duration;

use serde_json::json;

use super::advice::Tried;
use super::credentials::Server;
use super::{Args, resume};
use crate::cli::{Context, stop};
use crate::error::{CliError, Exit};
use crate::event::Transport;
use crate::pipeline::{Pipeline, Stats, Stop};
use crate::source::{Ended, SourceError};
use crate::ui::{safe, size};

/// The end of a stream, before it is told.
pub(super) struct Ending {
    pub(super) end: Result<Ended, SourceError>,
    /// `--for` is over.
    pub(super) time_over: bool,
    pub(super) transport: Transport,
    /// The server, without secrets.
    pub(super) target: String,
    pub(super) server: Server,
    /// As it can be named again.
    pub(super) stream: String,
    /// The stream is one answer, which has an end.
    pub(super) is_answer: bool,
}

/// What is known once all is written.
struct Known {
    stats: Stats,
    /// Where to go on; `None` also where nobody knows what the reader of stdout took.
    place: Option<String>,
    was_open: bool,
    last_failure: Option<String>,
    stopped: Option<Stop>,
}

impl Ending {
    /// Waits for what is still to be printed and kept, sums up, and returns the exit code.
    pub(super) async fn conclude(
        self,
        mut pipeline: Pipeline,
        args: &Args,
        cx: &Context,
    ) -> Result<Exit, CliError> {
        let (stats, stopped) = pipeline.finish().await;
        let is_closed = matches!(stopped, Some(Stop::Output(_)));
        let known = Known {
            stats,
            place: pipeline.place().filter(|_| !is_closed).map(str::to_owned),
            was_open: pipeline.was_open(),
            last_failure: pipeline.last_failure().map(str::to_owned),
            stopped,
        };
        // Of what never began there is nothing to sum up.
        if known.was_open || stats != Stats::default() {
            self.sum_up(&known, args, cx);
        }
        self.exit(known, args, cx)
    }

    fn exit(self, known: Known, args: &Args, cx: &Context) -> Result<Exit, CliError> {
        if let Some(stop) = known.stopped {
            return stop::exit_of(stop);
        }
        let tried = Tried {
            transport: self.transport,
            server: self.server,
            stream: &self.stream,
        };
        let ended = self.end.map_err(|error| tried.explain(error))?;
        let stats = known.stats;
        match ended {
            Ended::Stopped if self.time_over && !known.was_open => {
                Err(not_connected(&self.target, known.last_failure, args))
            }
            Ended::Stopped if self.time_over && args.has_goal() => {
                Ok(not_met("the time is over", stats, args, cx))
            }
            Ended::Stopped if self.time_over && self.is_answer => {
                let facts = json!({ "why": "the answer is not complete" });
                let text = "Goal not met: the answer is not complete, and the time is over.";
                cx.ui.notice("goal_not_met", facts, text);
                Ok(Exit::GoalNotMet)
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

    /// The flag and its value that go on where this run got to.
    fn resumption<'a>(&self, known: &'a Known, args: &'a Args) -> Option<[&'a str; 2]> {
        let is_over = matches!(self.end, Ok(Ended::Finished { .. }));
        if is_over || matches!(known.stopped, Some(Stop::Output(_))) {
            return None;
        }
        match (&args.keep.resume, &known.place) {
            (Some(_), None) if known.stats.received + known.stats.gaps > 0 => None,
            (Some(name), _) => Some(["--resume", name]),
            (None, Some(id)) if self.transport == Transport::Sse => Some(["--last-event-id", id]),
            _ => None,
        }
    }

    /// A name was given, and there is nothing to remember under it.
    fn warn_of_no_place(&self, known: &Known, args: &Args, cx: &Context) {
        let is_lost = matches!(known.stopped, Some(Stop::Output(_) | Stop::SlowReader));
        let has_none = known.stats.printed > 0 && known.place.is_none() && !is_lost;
        if args.keep.resume.is_some() && has_none {
            let why = match self.transport {
                Transport::SocketIo => "its server recovers no sessions",
                _ => "it sends no ids",
            };
            cx.ui.warn(&format!("{why}: --resume cannot go on here"));
        }
    }

    fn sum_up(&self, known: &Known, args: &Args, cx: &Context) {
        let stats = known.stats;
        self.warn_of_no_place(known, args, cx);
        let command = self
            .resumption(known, args)
            .map(|place| resume::command(&self.stream, &place, cx));
        let mut text = summary(stats);
        let has_failed = matches!(known.stopped, Some(Stop::Answer(_)));
        if let (Ok(Ended::Finished { why }), false) = (&self.end, has_failed) {
            text = format!("The stream has ended ({}). {text}", safe(why));
        }
        if let Some(command) = &command {
            text.push_str(&format!(" Go on: {}", safe(command)));
        }
        let facts = json!({
            "events": stats.matched, "received": stats.received, "printed": stats.printed, "bytes": stats.bytes,
            "gaps": stats.gaps, "dropped": stats.dropped, "malformed": stats.malformed,
            "reconnects": stats.reconnects, "kept": stats.kept,
            "delivered": stats.delivered, "waiting": stats.waiting, "not_shaped": stats.not_shaped,
            "position": known.place, "resume": command,
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
    if stats.printed < stats.matched.saturating_sub(stats.dropped) {
        text = format!(
            "{} received, at least {} printed, {}",
            stats.received,
            stats.printed,
            size(usize::try_from(stats.bytes).unwrap_or(usize::MAX))
        );
    }
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

/// The time was over before the stream was ever open.
fn not_connected(target: &str, last_failure: Option<String>, args: &Args) -> CliError {
    let span = args
        .stop
        .for_
        .map(|span| Duration::from(span).as_secs_f64());
    let span = span.unwrap_or_default();
    let why = last_failure.unwrap_or_else(|| format!("{target} has not answered"));
    let message = format!("not connected after {span} s: {why}");
    CliError::new(Exit::Unreachable, "not_connected", message)
        .hint("see whether it runs, or allow more with --for")
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
            printed: 1,
            bytes: 20,
            ..Stats::default()
        };
        assert_eq!(summary(stats), "1 event, 20 B.");
        stats = Stats {
            received: 40,
            matched: 12,
            printed: 9,
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
        stats = Stats {
            received: 2000,
            matched: 2000,
            bytes: 2048,
            printed: 1200,
            ..Stats::default()
        };
        assert_eq!(
            summary(stats),
            "2000 received, at least 1200 printed, 2.0 KiB."
        );
    }
}
