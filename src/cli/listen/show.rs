//! Prints what the listener reports.

use std::time::Duration;

use clap::ValueEnum;
use serde_json::json;

use crate::cli::Context;
use crate::error::CliError;
use crate::event::{Event, Seq};
use crate::listen::{FailedAttempt, Report};
use crate::record;
use crate::store::jobs::End;
use crate::time::Timestamp;
use crate::ui::{self, Format, Style, safe, safe_block, safe_bytes};

/// Bytes of a body that are printed below an event.
const MAX_SHOWN: usize = 64 * 1024;

/// `--show`: what is printed below the line of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Show {
    Body,
    Headers,
    All,
}

/// Prints reports, on the thread for stdout.
pub(super) struct Printer {
    show: Option<Show>,
    line: Vec<u8>,
}

impl Printer {
    /// `--verbose` is `--show all`.
    pub(super) fn new(show: Option<Show>, cx: &Context) -> Self {
        Self {
            show: show.or(cx.ui.is_verbose().then_some(Show::All)),
            line: Vec::new(),
        }
    }

    pub(super) fn print(&mut self, report: &Report, cx: &Context) -> Result<(), CliError> {
        match report {
            Report::Received {
                is_selected: false, ..
            } => {}
            Report::Received {
                event,
                handshake,
                answer,
                took,
                ..
            } => {
                self.received(event, *answer, *took, cx)?;
                if let (Some(name), true) = (handshake, *answer < 300) {
                    let facts = json!({ "handshake": name, "answer": answer });
                    let text = format!("    Answered the {name} handshake.");
                    cx.ui.notice("handshake", facts, &text);
                }
            }
            Report::Refused { status, why } => {
                cx.ui.notice(
                    "refused",
                    json!({ "status": status, "why": why }),
                    &format!("Refused a request with {status}: {}.", safe(why)),
                );
            }
            Report::Retrying(attempt) => retrying(attempt, cx),
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
        &mut self,
        event: &Event,
        answer: u16,
        took: Duration,
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
                if let Some(show) = self.show {
                    cx.ui.line(&detail(event, show, cx))?;
                }
                if cx.ui.is_verbose() {
                    for attempt in &event.attempts {
                        let title = format!("answer {}", ui::attempt_line(&cx.ui, attempt));
                        let answer = ui::answer(&cx.ui, attempt, false);
                        cx.ui.line(&indented(title.lines().chain(answer.lines())))?;
                    }
                }
                if let Some(hint) = event.verdict.as_ref().and_then(|v| v.hint.as_deref()) {
                    cx.ui.status(&format!("    {}", safe(hint)));
                }
            }
            Format::Json => {
                self.line.clear();
                if cx.ui.is_verbose() {
                    record::write_with_attempts(event, &mut self.line);
                } else {
                    record::write(event, &mut self.line);
                }
                cx.ui.json_bytes(&self.line)?;
            }
            Format::Raw => cx.ui.raw(&event.body)?,
        }
        Ok(())
    }
}

/// The request line, the headers and the body of an event, indented and escaped. Credentials are masked.
fn detail(event: &Event, show: Show, cx: &Context) -> String {
    let mut lines = Vec::new();
    if show != Show::Body {
        lines.push(safe(&format!("{} {}", event.method, event.target)));
        for (name, value) in &event.headers {
            let value = ui::hidden_header(name.as_str(), value.as_bytes())
                .unwrap_or_else(|| safe_bytes(value.as_bytes()));
            lines.push(format!(
                "{}: {value}",
                cx.ui.paint(Style::Name, name.as_str())
            ));
        }
    }
    if show != Show::Headers && !event.body.is_empty() {
        if show == Show::All {
            lines.push(String::new());
        }
        let body = match event.body.get(..MAX_SHOWN) {
            None => ui::body(&event.body),
            Some(start) => safe_block(start),
        };
        lines.extend(body.lines().map(str::to_owned));
        if event.body.len() > MAX_SHOWN {
            let reference = event.reference().unwrap_or_default();
            lines.push(format!(
                "… {} in total; evt events show {reference}",
                ui::size(event.body.len())
            ));
        }
    }
    indented(lines.iter().map(String::as_str))
}

fn indented<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let lines: Vec<String> = lines.map(|line| format!("    {line}")).collect();
    lines.join("\n")
}

fn retrying(attempt: &FailedAttempt, cx: &Context) {
    let FailedAttempt {
        event,
        number,
        why,
        next_at,
        ..
    } = attempt;
    let reference = event.map(|event| event.to_string());
    let facts = json!({
        "ref": reference, "attempt": number, "why": why, "next_at": next_at.to_string(),
    });
    let wait = next_at.since(Timestamp::now());
    let text = format!(
        "{} attempt {number} failed: {}; the next is in {:.1} s",
        reference.as_deref().unwrap_or("an older event:"),
        safe(why),
        wait.as_secs_f64()
    );
    cx.ui.notice("retry", facts, &text);
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
