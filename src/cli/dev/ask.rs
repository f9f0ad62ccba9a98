//! Questions and orders to the platform that runs, through its control API.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::Context;
use super::super::input::{Field, nested};
use crate::catalogue;
use crate::config::ConfigError;
use crate::control::Control;
use crate::dev::control::sample;
use crate::error::{CliError, Exit};
use crate::running::{Running, process_lives};
use crate::ui::{Format, safe};

/// How long `stop` waits for the platform to be gone: its own drain, and a little.
const PATIENCE: Duration = Duration::from_secs(15);
const GLANCE: Duration = Duration::from_millis(20);

/// Show where the platform runs and what it holds
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  evt dev status")]
pub(super) struct Status {}

/// Print a user token for the platform
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  curl -H \"orgid: my-org\" -H \"Authorization: Bearer $(evt dev token)\" http://127.0.0.1:4870/profile/whoami"
)]
pub(super) struct Token {}

/// Raise an event, as if the platform had
///
/// The event carries a sample record of its datatype. `--set` changes it: `data.email` is a field of its data, `sk` its id.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt dev emit contact.created\n  evt dev emit payment.succeeded --set data.amount:=99 --set sk=payment-1"
)]
pub(super) struct Emit {
    /// The event: payment.succeeded, collection-update, … (`evt send --list` names them)
    event: String,
    /// Change the record that the event carries: path=text or path:=json (repeatable)
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<Field>,
}

/// Show the platform's switches, or set some
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt dev set                               show them all\n  evt dev set 2fa=on                        ask for a second factor at sign-in\n  evt dev set listener.throw=contact.created\n  evt dev set poll.ties=50 poll.429=5       make polling hard"
)]
pub(super) struct Set {
    /// A switch and its value
    #[arg(value_name = "NAME=VALUE", value_parser = switch)]
    changes: Vec<(String, String)>,
}

/// Forget all records, flows, runs, events and deliveries; secrets and switches stay
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  evt dev reset --yes")]
pub(super) struct Reset {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// End the platform that runs
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  evt dev stop")]
pub(super) struct Stop {}

fn switch(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a switch is set as `name=value`, such as 2fa=on".to_owned()),
    }
}

pub(super) fn control(cx: &Context) -> Result<Control, CliError> {
    Ok(Control::of(&running(cx)?))
}

fn running(cx: &Context) -> Result<Running, CliError> {
    Ok(cx.running()?.ok_or(ConfigError::NotRunning)?)
}

impl Status {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        let mut status = control(cx)?.get("/_evt/status").await?;
        if let (Some(status), Ok(running)) = (status.as_object_mut(), running(cx)) {
            status.insert("url".into(), running.url.into());
            status.insert("control_url".into(), running.control_url.into());
        }
        match cx.ui.format() {
            Format::Text => cx.ui.table(&["WHAT", "IS"], rows(&status))?,
            Format::Json | Format::Raw => cx.ui.json(&status)?,
        }
        Ok(Exit::Done)
    }
}

fn rows(status: &Value) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (name, value) in status.as_object().into_iter().flatten() {
        let label = name.replace('_', " ");
        if name == "uptime_seconds" {
            let uptime = span(value.as_u64().unwrap_or_default());
            rows.push(vec!["running for".to_owned(), uptime]);
            continue;
        }
        match (name.as_str(), value) {
            ("records", Value::Object(orgs)) => rows.extend(counts(orgs)),
            (_, Value::String(text)) => rows.push(vec![label, text.clone()]),
            (_, Value::Null) => rows.push(vec![label, "none".to_owned()]),
            (_, other) => rows.push(vec![label, other.to_string()]),
        }
    }
    rows
}

/// A span in its two greatest units: `13 min 19 s`.
fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

fn counts(orgs: &Map<String, Value>) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (org, datatypes) in orgs {
        for (datatype, count) in datatypes.as_object().into_iter().flatten() {
            rows.push(vec![
                format!("{datatype} records of {org}"),
                count.to_string(),
            ]);
        }
    }
    rows
}

impl Token {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        let answer = control(cx)?.get("/_evt/token").await?;
        // A token is for `$(evt dev token)`: JSON only where it was asked for by name.
        if cx.ui.explicit_json() {
            cx.ui.json(&answer)?;
        } else {
            cx.ui.line(answer["token"].as_str().unwrap_or_default())?;
        }
        Ok(Exit::Done)
    }
}

impl Emit {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        let kind = catalogue::find_event(&self.event).map_err(|unknown| {
            let hint = match unknown.suggestion {
                Some(meant) => format!("evt dev emit {meant}"),
                None => "evt send --list".to_owned(),
            };
            CliError::new(Exit::Usage, "unknown_event", unknown).hint(hint)
        })?;
        let record = nested(sample(kind), &self.set)?;
        let body = json!({ "event": kind.name, "record": record });
        let answer = control(cx)?.post("/_evt/emit", &body).await?;
        match cx.ui.format() {
            Format::Text => {
                let reference = answer["ref"].as_str().unwrap_or_default();
                cx.ui.line(&format!("{}  {}", safe(reference), kind.name))?;
            }
            Format::Json | Format::Raw => cx.ui.json(&answer)?,
        }
        Ok(Exit::Done)
    }
}

impl Set {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        let control = control(cx)?;
        if self.changes.is_empty() {
            return show(&control.get("/_evt/settings").await?, cx);
        }
        let changes: Map<String, Value> = self
            .changes
            .into_iter()
            .map(|(name, value)| (name, Value::String(value)))
            .collect();
        let set = control
            .post("/_evt/settings", &Value::Object(changes))
            .await?;
        match cx.ui.format() {
            Format::Text => {
                for (name, value) in set.as_object().into_iter().flatten() {
                    let value = value.as_str().unwrap_or_default();
                    cx.ui.line(&format!("{} = {}", safe(name), safe(value)))?;
                }
            }
            Format::Json | Format::Raw => cx.ui.json(&set)?,
        }
        Ok(Exit::Done)
    }
}

fn show(answer: &Value, cx: &Context) -> Result<Exit, CliError> {
    let settings = answer["settings"].as_array().cloned().unwrap_or_default();
    if cx.ui.format() != Format::Text {
        for setting in &settings {
            cx.ui.json(setting)?;
        }
        return Ok(Exit::Done);
    }
    let text =
        |setting: &Value, field: &str| setting[field].as_str().unwrap_or_default().to_owned();
    let rows = settings
        .iter()
        .map(|setting| {
            ["name", "value", "takes", "help"]
                .map(|field| text(setting, field))
                .to_vec()
        })
        .collect();
    cx.ui
        .table(&["SWITCH", "IS", "TAKES", "WHAT IT DOES"], rows)?;
    Ok(Exit::Done)
}

impl Reset {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        let control = control(cx)?;
        if !self.yes {
            let question = "Forget all records, flows, runs, events and deliveries?";
            if !cx.ui.confirm(question, false, "--yes")? {
                cx.ui.status("Nothing was changed");
                return Ok(Exit::Done);
            }
        }
        control.post("/_evt/reset", &json!({})).await?;
        cx.ui.notice("reset", json!({}), "The platform is as new");
        Ok(Exit::Done)
    }
}

impl Stop {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        let running = running(cx);
        control(cx)?.post("/_evt/stop", &json!({})).await?;
        if let Ok(running) = running {
            let gone = async {
                while process_lives(running.pid) && is_announced(&running, cx) {
                    tokio::time::sleep(GLANCE).await;
                }
            };
            if tokio::time::timeout(PATIENCE, gone).await.is_err() {
                cx.ui.warn("the platform still finishes what it has begun");
                return Ok(Exit::Done);
            }
        }
        cx.ui
            .notice("stopped", json!({}), "The platform has stopped");
        Ok(Exit::Done)
    }
}

/// Whether the file that names the platform is still there, which is the last thing that it removes.
fn is_announced(running: &Running, cx: &Context) -> bool {
    matches!(Running::find(&cx.paths.state_dir), Ok(Some(found)) if found.url == running.url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_its_two_greatest_units() {
        for (seconds, told) in [
            (59, "59 s"),
            (799, "13 min 19 s"),
            (3_660, "1 h 1 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(span(seconds), told);
        }
    }
}
