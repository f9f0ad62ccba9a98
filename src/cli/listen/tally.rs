//! Prints and counts what the listener reports, and prints the summary.
//!
//! Printing runs on its own thread, so that a reader of stdout that stops reading does not stop the listener.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::expectation::Expectation;
use super::show::Printer;
use super::{Args, Ending};
use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::event::Outcome;
use crate::explain::shell_word;
use crate::listen::{Report, Totals};

/// The counts, and the goal of `--count` and `--expect`.
pub(super) struct Tally {
    counts: Mutex<Counts>,
    expectation: Option<Mutex<Expectation>>,
    goal: Notify,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    received: u64,
    not_selected: u64,
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
            counts: Mutex::default(),
            expectation: Expectation::of(args).map(Mutex::new),
            goal: Notify::new(),
        }
    }

    /// Returns when the goal is met; never if there is no goal.
    pub(super) async fn goal(&self) {
        while !self.goal_met() {
            self.goal.notified().await;
        }
    }

    pub(super) fn has_goal(&self) -> bool {
        self.expectation.is_some()
    }

    /// Whether there is a goal and it is met.
    pub(super) fn goal_met(&self) -> bool {
        self.expectation()
            .is_some_and(|expectation| expectation.is_met())
    }

    fn expectation(&self) -> Option<MutexGuard<'_, Expectation>> {
        let expectation = self.expectation.as_ref()?;
        Some(expectation.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts and prints reports on a separate thread, until the listener has stopped.
    pub(super) fn print(
        self: &Arc<Self>,
        mut reports: mpsc::Receiver<Report>,
        mut printer: Printer,
        cx: &Arc<Context>,
    ) -> JoinHandle<Result<(), CliError>> {
        let (tally, cx) = (Arc::clone(self), Arc::clone(cx));
        tokio::task::spawn_blocking(move || {
            while let Some(report) = reports.blocking_recv() {
                tally.count(&report);
                printer.print(&report, &cx)?;
                if tally.goal_met() {
                    tally.goal.notify_one();
                }
            }
            Ok(())
        })
    }

    fn count(&self, report: &Report) {
        if let Report::Received {
            event,
            handshake,
            is_selected,
            ..
        } = report
            && let Some(mut expectation) = self.expectation()
        {
            expectation.add(event, handshake.is_some(), *is_selected);
        }
        let mut counts = self.counts();
        match report {
            Report::Received {
                event, is_selected, ..
            } => {
                counts.received += 1;
                counts.not_selected += u64::from(!is_selected);
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
            Report::Settled { .. } | Report::Target { .. } | Report::Retrying(_) => {}
        }
    }

    pub(super) fn exit(&self, end: Ending, cx: &Context) -> Result<Exit, CliError> {
        Ok(match end {
            // The command's own failure comes first; otherwise the goal must be met, too.
            Ending::Child(code) if code != 0 || !self.has_goal() || self.goal_met() => {
                Exit::Child(code)
            }
            Ending::Printed(printed) => {
                printed?;
                Exit::Done
            }
            Ending::ChildTooSlow if self.goal_met() => {
                let text = "Goal met, but the command was still running at the end of --for.";
                cx.ui.notice("command_too_slow", json!({}), text);
                Exit::GoalNotMet
            }
            _ if self.goal_met() || !self.has_goal() => Exit::Done,
            Ending::Stopped => cx.interrupted().unwrap_or(Exit::Interrupted),
            Ending::Child(_) | Ending::ChildTooSlow | Ending::GoalMet | Ending::TimeUp => {
                if let Some(expectation) = self.expectation() {
                    cx.ui
                        .notice("goal_not_met", expectation.facts(), &expectation.text());
                }
                Exit::GoalNotMet
            }
        })
    }

    pub(super) fn summary(&self, args: &Args, totals: Totals, cx: &Context) {
        let mut counts = *self.counts();
        counts.delivered += totals.delivered;
        counts.failed += totals.failed;
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
        if args.forward.forwards() {
            text.push_str(&format!(
                ", {} delivered, {} failed",
                counts.delivered, counts.failed
            ));
        }
        for (count, what) in [
            (counts.not_selected, "not selected"),
            (counts.refused, "refused"),
            (counts.not_stored, "not stored"),
            (totals.not_shown, "not shown (see: evt events list)"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        text.push('.');
        let facts = json!({
            "received": counts.received, "verified": counts.verified, "rejected": counts.rejected, "not_selected": counts.not_selected,
            "refused": counts.refused, "delivered": counts.delivered, "failed": counts.failed,
            "not_kept": counts.not_stored, "not_shown": totals.not_shown,
        });
        cx.ui.notice("summary", facts, &text);
        if counts.failed > 0 {
            let command = match (&args.forward.retry, &args.forward.target()) {
                (Some(_), _) => "evt queue retry --dead".to_owned(),
                (None, Some(target)) => {
                    let target = shell_word(&target.shown());
                    format!("evt events replay @failed --to {target}")
                }
                (None, None) => "evt events replay @failed --to TARGET".to_owned(),
            };
            cx.ui
                .status(&format!("To retry the failed ones: {command}"));
        }
    }
}
