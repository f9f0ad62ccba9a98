//! The end of the command: a summary, the command that continues, and the exit code.

use std::time::Duration;

use serde_json::json;

use super::credentials::Server;
use super::hints::Attempt;
use super::open::Opener;
use super::{Args, resume};
use crate::cli::{Context, stop};
use crate::error::{CliError, Exit};
use crate::pipeline::{Pipeline, Stats, Stop};
use crate::source::{Ended, SourceError, StreamTransport, chain};
use crate::ui::{safe, size};

/// How following the stream ended.
pub(super) struct FollowResult {
    pub(super) end: Result<Ended, SourceError>,
    /// The time of `--for` is over.
    pub(super) time_over: bool,
    pub(super) transport: &'static StreamTransport,
    /// The server, without secrets.
    pub(super) target: String,
    pub(super) server: Server,
    /// The stream in a form that can be typed again.
    pub(super) stream: String,
    /// The stream is one answer, which has an end.
    pub(super) is_answer: bool,
}

/// The state of the pipeline after everything is written.
struct Final {
    stats: Stats,
    /// Where to resume. `None` also if stdout was closed, because it is unknown how much its reader received.
    position: Option<String>,
    was_open: bool,
    last_failure: Option<String>,
    stopped: Option<Stop>,
}

impl FollowResult {
    /// Waits until everything is printed and saved, prints the summary, and returns the exit code.
    pub(super) async fn report(
        self,
        mut pipeline: Pipeline,
        args: &Args,
        cx: &Context,
    ) -> Result<Exit, CliError> {
        let (stats, stopped) = pipeline.finish().await;
        let is_closed = matches!(stopped, Some(Stop::Output(_)));
        let last = Final {
            stats,
            position: pipeline
                .position()
                .filter(|_| !is_closed)
                .map(str::to_owned),
            was_open: pipeline.was_open(),
            last_failure: pipeline.last_failure().map(str::to_owned),
            stopped,
        };
        // A stream that was never open has no summary.
        if last.was_open || stats != Stats::default() {
            self.print_summary(&last, args, cx);
        }
        self.exit(last, args, cx)
    }

    fn exit(self, last: Final, args: &Args, cx: &Context) -> Result<Exit, CliError> {
        if let Some(stop) = last.stopped {
            return stop::exit_of(stop);
        }
        let attempt = Attempt {
            transport: self.transport,
            server: self.server,
            stream: &self.stream,
            flags: args.into(),
        };
        let ended = self.end.map_err(|error| attempt.explain(error))?;
        let stats = last.stats;
        match ended {
            Ended::Stopped if self.time_over && !last.was_open => {
                Err(not_connected(&self.target, last.last_failure, args))
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
            Ended::Finished { .. } | Ended::Lost { .. } if args.has_count() => {
                Ok(not_met("the stream has ended", stats, args, cx))
            }
            // Events that should have been stored or delivered may have been left out by a mistyped path.
            Ended::Stopped | Ended::Enough | Ended::Finished { .. } | Ended::Lost { .. }
                if stats.undecided > 0 && args.keeps_events() =>
            {
                Ok(Exit::Partly)
            }
            Ended::Stopped | Ended::Enough | Ended::Finished { .. } | Ended::Lost { .. } => {
                Ok(Exit::Done)
            }
        }
    }

    /// Why the command ended: a word for scripts, and the reason.
    fn reason(&self, last: &Final, cx: &Context) -> (&'static str, String) {
        let said = |word, text: &str| (word, text.to_owned());
        if let Some(stop) = &last.stopped {
            return match stop {
                Stop::GoalMet => said("goal_met", "the goal was met"),
                Stop::Gap => said("gap", "events may have been missed"),
                Stop::SlowReader => said("slow_reader", "stdout was read too slowly"),
                Stop::Output(error) => ("output_closed", format!("stdout: {error}")),
                Stop::Answer(why) => ("answer_failed", why.clone()),
                Stop::Store(error) => ("not_saved", error.to_string()),
                Stop::Exec(error) => ("command_failed", error.to_string()),
                Stop::Record { source, .. } => ("not_recorded", source.to_string()),
            };
        }
        match &self.end {
            Ok(Ended::Stopped) if self.time_over => said("time_over", "the time of --for was over"),
            Ok(Ended::Stopped) => match cx.interrupted() {
                Some(Exit::Terminated) => said("terminated", "SIGTERM or SIGHUP"),
                Some(_) => said("interrupted", "SIGINT (Ctrl-C)"),
                None => said("stopped", "the input has ended"),
            },
            Ok(Ended::Enough) => said("goal_met", "the goal was met"),
            Ok(Ended::Finished { why }) => ("finished", why.clone()),
            Ok(Ended::Lost { why, .. }) => ("lost", why.clone()),
            Err(error) => ("failed", chain(error)),
        }
    }

    /// The flag and the value that resume where this run ended.
    fn resumption<'a>(&self, last: &'a Final, args: &'a Args) -> Option<[&'a str; 2]> {
        let is_over = matches!(self.end, Ok(Ended::Finished { .. }));
        if is_over || matches!(last.stopped, Some(Stop::Output(_))) {
            return None;
        }
        match (&args.save.resume, &last.position) {
            (Some(_), None) if last.stats.received + last.stats.gaps > 0 => None,
            (Some(name), _) => Some(["--resume", name]),
            (None, Some(position)) => {
                let flag = Opener::of(self.transport).position_flag?;
                Some([flag, position])
            }
            (None, None) => None,
        }
    }

    /// Warns if `--resume` was given and the stream has no positions.
    fn warn_without_position(&self, last: &Final, args: &Args, cx: &Context) {
        let is_lost = matches!(last.stopped, Some(Stop::Output(_) | Stop::SlowReader));
        let has_none = last.stats.printed > 0 && last.position.is_none() && !is_lost;
        if args.save.resume.is_some() && has_none {
            let why = self.transport.without_position;
            cx.ui.warn(&format!("{why}: --resume cannot continue here"));
        }
    }

    fn print_summary(&self, last: &Final, args: &Args, cx: &Context) {
        let stats = last.stats;
        self.warn_without_position(last, args, cx);
        let command = self
            .resumption(last, args)
            .map(|position| resume::command(&self.stream, &position, cx));
        let mut text = summary(stats);
        let has_failed = matches!(last.stopped, Some(Stop::Answer(_)));
        if let (Ok(Ended::Finished { why }), false) = (&self.end, has_failed) {
            text = format!("The stream has ended ({}). {text}", safe(why));
        }
        if let Some(command) = &command {
            text.push_str(&format!(" Continue with: {}", safe(command)));
        }
        let (end, why) = self.reason(last, cx);
        let facts = json!({
            "end": end, "why": why, "events": stats.matched, "received": stats.received, "printed": stats.printed, "bytes": stats.bytes,
            "gaps": stats.gaps, "dropped": stats.dropped, "malformed": stats.malformed,
            "reconnects": stats.reconnects, "kept": stats.saved,
            "delivered": stats.delivered, "waiting": stats.waiting,
            "perhaps_twice": stats.perhaps_twice, "not_shaped": stats.not_shaped,
            "position": last.position, "resume": command,
        });
        cx.ui.notice("summary", facts, &text);
    }
}

/// `12 of 40 events, 3.1 KiB, 1 gap, 2 reconnects, 12 stored.`
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
        (stats.not_shaped, "that --jq could not transform"),
        (stats.saved, "stored"),
        (stats.delivered, "delivered"),
        (stats.waiting, "still to be delivered (evt queue list)"),
        (stats.perhaps_twice, "perhaps delivered twice"),
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

/// The error if the time was over before the stream was open.
fn not_connected(target: &str, last_failure: Option<String>, args: &Args) -> CliError {
    let span = args
        .stop
        .for_
        .map(|span| Duration::from(span).as_secs_f64());
    let span = span.unwrap_or_default();
    let why = last_failure.unwrap_or_else(|| format!("{target} has not responded"));
    let message = format!("not connected after {span} s: {why}");
    CliError::new(Exit::Unreachable, "not_connected", message)
        .hint("check that the server runs, or wait longer with --for")
}

/// Reports the goal that was not met.
fn not_met(why: &str, stats: Stats, args: &Args, cx: &Context) -> Exit {
    let wanted = match (args.stop.count, &args.stop.expect) {
        (Some(count), _) => format!("{} of {count} events arrived", stats.matched),
        (None, Some(_)) => "no event matched".to_owned(),
        (None, None) => "the stream has not ended".to_owned(),
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
    fn the_summary_omits_what_did_not_happen() {
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
            saved: 12,
            ..stats
        };
        assert_eq!(
            summary(stats),
            "12 of 40 events, 2.0 KiB, 1 gap, 2 reconnects, 3 dropped, 12 stored."
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
