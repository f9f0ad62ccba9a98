//! `evt flows test`: runs a flow against an event without effects.

use serde_json::{Value, json};

use super::why::{about, lines, list, text};
use super::{find, local};
use crate::api::Client;
use crate::cli::Context;
use crate::cli::input::Source;
use crate::error::{CliError, Exit};
use crate::ui::{Format, Style, clip, safe};

/// Characters of a value that are shown.
const MAX_VALUE: usize = 200;

/// Run a flow against an event without effects
///
/// Shows whether the flow would start, and what each step would do. Nothing is stored, sent or delivered. Deliveries are assumed
/// to succeed, and waits to end. Exits with 9 if the flow would not start. Only a local platform has this.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt flows test 'Notify CRM bridge' --event p_7f3a\n  echo '{\"event\":\"contact.created\",\"data\":{\"email\":\"ada@example.test\"}}' | evt flows test 'Notify CRM bridge' -f -"
)]
pub(crate) struct Args {
    /// The flow's id or name
    flow: String,
    /// JSON or YAML file with an event (`event`, `data`, `before`) or a record, or `-` for stdin
    #[arg(
        short,
        long,
        value_name = "FILE",
        conflicts_with = "event",
        required_unless_present = "event"
    )]
    file: Option<Source>,
    /// A stored event: p_7f3a (of `evt dev`), or a webhook of the inbox (e_7f3a, @last, @-3, @failed)
    #[arg(short, long, value_name = "REF")]
    event: Option<String>,
}

pub(super) async fn run(args: &Args, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    let control = local::control(cx)?;
    let flow = find::one(client, &args.flow).await?;
    let mut body = json!({ "flow": flow.id() });
    if let Some(org) = flow.value()["orgId"].as_str() {
        body["org"] = org.into();
    }
    match (&args.event, &args.file) {
        (Some(reference), _) => {
            let (key, value) = local::event_query(reference, cx)?;
            body[if key == "run" { "run" } else { "ref" }] = value.into();
        }
        (None, Some(source)) => body["event"] = source.document()?,
        (None, None) => {}
    }
    let answer = control.post(&local::path("test"), &body).await?;
    let starts = answer["run"].is_object();
    if cx.ui.format() == Format::Text {
        for line in about(&answer["event"], cx)
            .into_iter()
            .chain(lines(&answer["flow"], cx))
        {
            cx.ui.wrapped_line(&line)?;
        }
        for line in steps(&answer, cx) {
            cx.ui.wrapped_line(&line)?;
        }
        cx.ui.status("A test: nothing was stored or sent");
    } else {
        cx.ui.json(&answer)?;
    }
    Ok(if starts { Exit::Done } else { Exit::GoalNotMet })
}

/// What each step would do, and the events that it would raise.
fn steps(answer: &Value, cx: &Context) -> Vec<String> {
    let mut lines = Vec::new();
    for step in list(&answer["run"], "steps") {
        let status = text(step, "status");
        let style = match status {
            "completed" => Style::Good,
            "failed" => Style::Bad,
            _ => Style::Dim,
        };
        lines.push(format!(
            "  {}  {}  {}",
            safe(text(step, "stepId")),
            cx.ui.paint(Style::Name, &safe(text(step, "type"))),
            cx.ui.paint(style, &safe(status))
        ));
        lines.extend(values(step));
    }
    for effect in list(answer, "effects") {
        let (event, subject) = (text(effect, "event"), text(effect, "subject"));
        let flows: Vec<&str> = list(effect, "starts")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let starts = match flows.is_empty() {
            true => String::new(),
            false => format!(", which would start {}", flows.join(", ")),
        };
        lines.push(safe(&format!("  would raise {event}  {subject}{starts}")));
    }
    lines
}

/// The values of a step, one in a line.
fn values(step: &Value) -> Vec<String> {
    let request = step["request"].as_object();
    let input = step["input"].as_object().filter(|_| request.is_none());
    let named = request.or(input).into_iter().flatten();
    let mut lines: Vec<String> = named
        .filter(|(name, _)| name.as_str() != "messageId")
        .map(|(name, value)| format!("    {}  {}", safe(name), shown(value)))
        .collect();
    for key in ["until", "output", "error", "assumed"] {
        if let Some(value) = step.get(key).filter(|value| !value.is_null()) {
            lines.push(format!("    {key}  {}", shown(value)));
        }
    }
    for warning in list(step, "warnings") {
        lines.push(format!("    warning  {}", shown(warning)));
    }
    if let Some(explain) = step.get("explain").filter(|value| !value.is_null()) {
        lines.push(format!("    condition  {}", shown(&explain["what"])));
    }
    lines
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => clip(text, MAX_VALUE),
        other => clip(&other.to_string(), MAX_VALUE),
    }
}
