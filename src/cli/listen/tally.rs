//! Prints and counts what the listener reports, and prints the summary.
//!
//! Printing runs on its own thread, so that a reader of stdout that stops reading does not stop the listener.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::{Args, Ending};
use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::event::{Event, Outcome, Seq};
use crate::explain::shell_word;
use crate::listen::{Report, Reporter};
use crate::record;
use crate::select::Select;
use crate::store::jobs::End;
use crate::time::Timestamp;
use crate::ui::{self, Format, safe};

/// The counts, and the goal of `--count` and `--expect`.
pub(super) struct Tally {
    expect: Option<Select>,
    needed: Option<u64>,
    counts: Mutex<Counts>,
    goal: Notify,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    /// Events that count for the goal.
    counted: u64,
    received: u64,
    verified: u64,
    rejected: u64,
    refused: u64,
    delivered: u64,
    failed: u64,
    not_stored: u64,
}

impl Tally {
    pub(super) fn new(args: &Args) -> Self {
        Self {
            expect: args.expect.clone(),
            needed: args.count.or(args.expect.as_ref().map(|_| 1)),
            counts: Mutex::default(),
            goal: Notify::new(),
        }
    }

    /// Returns when the goal is met; never if there is no goal.
    pub(super) async fn goal(&self) {
        while !self.goal_met() {
            self.goal.notified().await;
        }
    }

    fn goal_met(&self) -> bool {
        self.needed
            .is_some_and(|needed| self.counts().counted >= needed)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts and prints reports on a separate thread, until the listener has stopped.
    pub(super) fn print(
        self: &Arc<Self>,
        mut reports: mpsc::Receiver<Report>,
        cx: &Arc<Context>,
    ) -> JoinHandle<Result<(), CliError>> {
        let (tally, cx) = (Arc::clone(self), Arc::clone(cx));
        tokio::task::spawn_blocking(move || {
            let mut line = Vec::new();
            while let Some(report) = reports.blocking_recv() {
                tally.count(&report);
                show(&report, &mut line, &cx)?;
                if tally.goal_met() {
                    tally.goal.notify_one();
                }
            }
            Ok(())
        })
    }

    fn count(&self, report: &Report) {
        let is_counted = match report {
            Report::Received {
                event, handshake, ..
            } => handshake.is_none() && self.is_counted(event),
            _ => false,
        };
        let mut counts = self.counts();
        match report {
            Report::Received { event, .. } => {
                counts.received += 1;
                counts.counted += u64::from(is_counted);
                counts.verified +=
                    u64::from(event.verdict.as_ref().is_some_and(|verdict| verdict.ok));
                match event.outcome {
                    Outcome::Delivered { .. } => counts.delivered += 1,
                    Outcome::Failed { .. } => counts.failed += 1,
                    Outcome::Rejected => counts.rejected += 1,
                    Outcome::Kept | Outcome::Queued => {}
                }
            }
            Report::Refused { .. } => counts.refused += 1,
            Report::NotStored(_) => counts.not_stored += 1,
            // The reporter counts deliveries, because some of these reports may be lost.
            Report::Settled { .. } | Report::Target { .. } => {}
        }
    }

    /// Whether the event counts for the goal. Rejected events never do.
    fn is_counted(&self, event: &Event) -> bool {
        let matches = |expect: &Select| expect.matches(event, Timestamp::now());
        event.outcome != Outcome::Rejected && self.expect.as_ref().is_none_or(matches)
    }

    pub(super) fn exit(&self, end: Ending, cx: &Context) -> Result<Exit, CliError> {
        Ok(match end {
            Ending::Child(code) => Exit::Child(code),
            Ending::Printed(printed) => {
                printed?;
                Exit::Done
            }
            _ if self.goal_met() || self.needed.is_none() => Exit::Done,
            Ending::Stopped => cx.interrupted().unwrap_or(Exit::Interrupted),
            Ending::GoalMet | Ending::TimeUp => {
                let (needed, counted) = (self.needed.unwrap_or_default(), self.counts().counted);
                let facts = json!({ "wanted": needed, "counted": counted });
                let text = format!("Goal not met: received {counted} of {needed} events.");
                cx.ui.notice("goal_not_met", facts, &text);
                Exit::GoalNotMet
            }
        })
    }

    pub(super) fn summary(&self, args: &Args, reporter: &Reporter, cx: &Context) {
        let mut counts = *self.counts();
        let (delivered, failed) = reporter.deliveries();
        counts.delivered += delivered;
        counts.failed += failed;
        let mut text = format!(
            "Received {} {}: {} verified, {} rejected",
            counts.received,
            if counts.received == 1 {
                "event"
            } else {
                "events"
            },
            counts.verified,
            counts.rejected
        );
        if args.target.is_some() || !args.route.is_empty() {
            text.push_str(&format!(
                ", {} delivered, {} failed",
                counts.delivered, counts.failed
            ));
        }
        for (count, what) in [
            (counts.refused, "refused"),
            (counts.not_stored, "not stored"),
            (reporter.not_shown(), "not shown (see: evt events list)"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        text.push('.');
        let facts = json!({
            "received": counts.received, "verified": counts.verified, "rejected": counts.rejected,
            "refused": counts.refused, "delivered": counts.delivered, "failed": counts.failed,
            "not_kept": counts.not_stored, "not_shown": reporter.not_shown(),
        });
        cx.ui.notice("summary", facts, &text);
        if counts.failed > 0 {
            let command = match (&args.retry, &args.target) {
                (Some(_), _) => "evt queue retry --dead".to_owned(),
                (None, Some(target)) => {
                    let target = shell_word(&target.to_string());
                    format!("evt events replay @failed --to {target}")
                }
                (None, None) => "evt events replay @failed --to TARGET".to_owned(),
            };
            cx.ui
                .status(&format!("To retry the failed ones: {command}"));
        }
    }
}

fn show(report: &Report, line: &mut Vec<u8>, cx: &Context) -> Result<(), CliError> {
    match report {
        Report::Received {
            event,
            handshake,
            answer,
            took,
            ..
        } => {
            received(event, *answer, *took, line, cx)?;
            if let (Some(name), true) = (handshake, *answer < 300) {
                let facts = json!({ "handshake": name, "answer": answer });
                let text = format!("    Answered the {name} handshake.");
                cx.ui.notice("handshake", facts, &text);
            }
        }
        Report::Refused { status, why } => {
            let facts = json!({ "status": status, "why": why });
            cx.ui.notice(
                "refused",
                facts,
                &format!("Refused a request with {status}: {}.", safe(why)),
            );
        }
        Report::Settled { event, end } => settled(*event, end, cx),
        Report::Target {
            peer,
            up,
            why,
            missed,
        } => target(peer, *up, why.as_deref(), *missed, cx),
        Report::NotStored(error) => {
            cx.ui
                .warn(&format!("cannot store an event, answered 503: {error}"));
        }
    }
    Ok(())
}

fn received(
    event: &Event,
    answer: u16,
    took: Duration,
    line: &mut Vec<u8>,
    cx: &Context,
) -> Result<(), CliError> {
    match cx.ui.format() {
        Format::Text => {
            let answer = if answer == 0 {
                "no response".to_owned()
            } else {
                answer.to_string()
            };
            let millis = took.as_secs_f64() * 1000.0;
            cx.ui.line(&format!(
                "{}  -> {answer} in {millis:.1} ms",
                ui::line(&cx.ui, event)
            ))?;
            if cx.ui.is_verbose() {
                for attempt in &event.attempts {
                    cx.ui.line(&ui::answer(&cx.ui, attempt, false))?;
                }
            }
            if let Some(hint) = event.verdict.as_ref().and_then(|v| v.hint.as_deref()) {
                cx.ui.status(&format!("    {}", safe(hint)));
            }
        }
        Format::Json => {
            line.clear();
            record::write(event, line);
            cx.ui.json_bytes(line)?;
        }
        Format::Raw => cx.ui.raw(&event.body)?,
    }
    Ok(())
}

fn settled(event: Seq, end: &End, cx: &Context) {
    match end {
        End::Delivered { status } => {
            let facts = json!({ "ref": event.to_string(), "status": status });
            cx.ui.notice(
                "delivered",
                facts,
                &format!("{event} delivered -> {status}"),
            );
        }
        End::Dead { reason, .. } => {
            let facts = json!({ "ref": event.to_string(), "reason": reason });
            let text = format!("{event} not delivered: {}", safe(reason));
            cx.ui.notice("dead", facts, &text);
        }
        End::Discarded => {}
    }
}

fn target(peer: &str, up: bool, why: Option<&str>, missed: u64, cx: &Context) {
    let facts = json!({ "target": peer, "up": up, "why": why, "missed": missed });
    let text = match (up, missed) {
        (true, 0) => format!("Target {peer} is up."),
        (true, missed) => {
            format!(
                "Target {peer} is up again; {missed} forwards failed (to retry: evt events replay @failed --to {peer})"
            )
        }
        (false, _) => {
            // Most reasons contain the address.
            let why = match why.map(safe) {
                Some(why) if why.contains(peer) => why,
                why => format!("{peer}: {}", why.as_deref().unwrap_or("no connection")),
            };
            format!("Target is down: {why}. Events are still received and stored.")
        }
    };
    cx.ui.notice("target", facts, &text);
}
