//! `evt flows why`: explains which flows an event started, and why the others did not start.

use serde::Deserialize;
use serde_json::Value;

use super::{find, local};
use crate::api::Client;
use crate::cli::Context;
use crate::condition::Finding;
use crate::error::{CliError, Exit};
use crate::ui::{Cell, Format, Style, safe};

/// Lines of an explanation that are shown.
const MAX_LINES: usize = 200;

/// Explain which flows an event started, and why the others did not
///
/// For each flow: whether it is enabled, whether its trigger hears the event, and each condition with the value that it saw.
/// Only a local platform has this.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt flows why @last\n  evt flows why p_7f3a 'Notify CRM bridge'"
)]
pub(crate) struct Args {
    /// Event: p_7f3a (of `evt dev`), a webhook of the inbox (e_7f3a, @last, @-3, @failed), or the id of a run
    event: String,
    /// Only this flow, with all details: its id or name
    flow: Option<String>,
}

pub(super) async fn run(args: &Args, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    let control = local::control(cx)?;
    let (key, value) = local::event_query(&args.event, cx)?;
    let mut path = local::path(&format!("why?{key}={value}"));
    if let Some(flow) = &args.flow {
        path.push_str("&flow=");
        path.push_str(find::id(client, flow).await?.id());
    }
    let answer = control.get(&path).await.map_err(|error| {
        let error = CliError::from(error);
        match error.exit {
            Exit::NotFound => error.hint("evt tail     prints events with their references"),
            _ => error,
        }
    })?;
    if cx.ui.format() != Format::Text {
        cx.ui.json(&answer)?;
        return Ok(Exit::Done);
    }
    for line in about(&answer["event"], cx) {
        cx.ui.wrapped_line(&line)?;
    }
    let flows = list(&answer, "flows");
    if flows.is_empty() {
        cx.ui.status(
            "No flows. To create one: evt flows create --on contact.created --webhook 4871/hook",
        );
    }
    let (heard, unheard): (Vec<&Value>, Vec<&Value>) = flows
        .iter()
        .partition(|flow| args.flow.is_some() || text(flow, "outcome") != "not_heard");
    for flow in heard {
        cx.ui.line("")?;
        for line in lines(flow, cx) {
            cx.ui.wrapped_line(&line)?;
        }
    }
    if !unheard.is_empty() {
        cx.ui.line("")?;
        let rows = unheard.into_iter().map(|flow| {
            vec![
                Cell::styled(Style::Name, text(flow, "name")),
                Cell::from(text(flow, "reason")),
            ]
        });
        cx.ui.table(&["not heard by", ""], rows.collect())?;
    }
    Ok(Exit::Done)
}

/// The event, and what it led to.
pub(super) fn about(event: &Value, cx: &Context) -> Vec<String> {
    let parts = ["ref", "type", "subject", "time"].map(|key| safe(text(event, key)));
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let mut lines = vec![cx.ui.paint(Style::Name, &parts.join("  "))];
    if event["is_from_vendor"] == true {
        lines.push("  a vendor sent it: flows hear the events that it led to".to_owned());
    }
    for link in list(event, "led_to") {
        let (kind, reference) = (text(link, "type"), text(link, "ref"));
        lines.push(safe(&format!("  led to {kind}  {reference}")));
    }
    lines
}

/// What a flow did with the event: the outcome, the reason and the conditions.
pub(super) fn lines(flow: &Value, cx: &Context) -> Vec<String> {
    let outcome = text(flow, "outcome");
    let mut lines = vec![format!(
        "{}  {}",
        cx.ui.paint(Style::Name, &safe(text(flow, "name"))),
        cx.ui
            .paint(colour(outcome), &safe(&outcome.replace('_', " ")))
    )];
    let reasons = [("reason", Style::Warn), ("note", Style::Dim)];
    for (key, style) in reasons {
        if let Some(reason) = flow[key].as_str() {
            lines.push(format!("  {}", cx.ui.paint(style, &safe(reason))));
        }
    }
    if let Some(queue) = flow["paused_queue"].as_str() {
        lines.push(format!("  try  evt queue resume {}", safe(queue)));
    }
    for run in list(flow, "runs") {
        let words = ["id", "status", "cause"].map(|key| text(run, key));
        lines.push(safe(&format!("  run {}", words.join("  "))));
    }
    for check in list(flow, "checks") {
        if let Ok(finding) = Finding::deserialize(check) {
            let explained = finding.text();
            let shown = explained.lines().take(MAX_LINES);
            lines.extend(shown.map(|line| format!("  {}", safe(line))));
        }
    }
    lines
}

fn colour(outcome: &str) -> Style {
    match outcome {
        "completed" | "running" | "would_start" => Style::Good,
        "failed" => Style::Bad,
        "not_heard" | "disabled" | "cancelled" => Style::Dim,
        _ => Style::Warn,
    }
}

pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
