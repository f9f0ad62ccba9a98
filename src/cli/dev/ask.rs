//! Commands for the running `evt dev`, which call its control API.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::Context;
use super::super::input::{Field, nested};
use crate::catalogue::{self, EventKind};
use crate::control::Control;
use crate::dev::appengine::control::sample;
use crate::error::{CliError, Exit};
use crate::running::{DEFAULT_PLATFORM, Running, process_exists};
use crate::ui::{Format, safe};

/// How long `stop` waits for the process to end: the time that it allows for open requests, and a little more.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
const STOP_INTERVAL: Duration = Duration::from_millis(20);

/// Show where the platform runs and how much it stores
///
/// If several run and none is named, lists them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  evt dev status\n  evt dev status --name staging")]
pub(super) struct Status {
    /// Show only this platform
    #[arg(long, value_name = "NAME")]
    platform: Option<String>,
}

/// Print a user token for the platform
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  curl -H \"orgid: my-org\" -H \"Authorization: Bearer $(evt dev token)\" http://127.0.0.1:4870/profile/whoami"
)]
pub(super) struct Token {
    /// The platform that issues the token
    #[arg(long, value_name = "NAME", default_value = DEFAULT_PLATFORM)]
    platform: String,
    /// Print the organisation's API key instead, for the header `x-api-key`
    #[arg(long)]
    api_key: bool,
}

/// Raise an event as if the platform had raised it
///
/// The event carries a sample record of its datatype, which `--set` changes: `data.email` is a field of its data, `sk` its id.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt dev emit contact.created\n  evt dev emit payment.succeeded --set data.amount:=99 --set sk=payment-1"
)]
pub(super) struct Emit {
    /// The event: payment.succeeded, collection-update, … (`evt send --list` lists them)
    event: String,
    /// Change the record that the event carries: path=text or path:=json (repeatable)
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<Field>,
    /// The platform that raises the event
    #[arg(long, value_name = "NAME", default_value = DEFAULT_PLATFORM)]
    platform: String,
}

/// Delete all records, flows, runs, events and deliveries, but not secrets and settings
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  evt dev reset --yes")]
pub(super) struct Reset {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Stop the running platform
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  evt dev stop\n  evt dev stop --name staging")]
pub(super) struct Stop {}

pub(super) fn control(cx: &Context) -> Result<Control, CliError> {
    Ok(Control::of(&running(cx)?))
}

/// The `evt dev` that the command line names, or else the default one.
pub(super) fn running(cx: &Context) -> Result<Running, CliError> {
    let running = cx.running()?.ok_or_else(|| cx.not_running())?;
    if let Some(url) = cx.globals.url.as_deref().filter(|_| cx.is_flag("url"))
        && !running.serves(url)
    {
        let message = format!("no local platform runs at {}", safe(url));
        return Err(CliError::new(Exit::Unreachable, "not_running", message).hint("evt dev status"));
    }
    Ok(running)
}

/// All that run, if the user has not named one and this process does not belong to one.
fn several(cx: &Context) -> Option<Vec<Running>> {
    let belongs = Running::around(|name| cx.env.get(name)).is_some();
    if cx.named().is_some() || cx.is_flag("url") || belongs {
        return None;
    }
    let all = Running::all(&cx.paths.state_dir);
    (all.len() > 1).then_some(all)
}

fn list(all: &[Running], cx: &Context) -> Result<Exit, CliError> {
    if cx.ui.format() == Format::Json {
        for running in all {
            cx.ui.json(&super::facts(running))?;
        }
        return Ok(Exit::Done);
    }
    let rows = all.iter().map(|running| {
        let data = match &running.data {
            Some(path) => path.display().to_string(),
            None => "deleted at the end".to_owned(),
        };
        vec![
            running.name.clone(),
            running.url.clone(),
            running.pid.to_string(),
            data,
        ]
    });
    cx.ui
        .table(&["NAME", "URL", "PID", "DATA"], rows.collect())?;
    cx.ui
        .status("evt dev status --name NAME     shows more about one");
    Ok(Exit::Done)
}

impl Status {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        if self.platform.is_none()
            && let Some(all) = several(cx)
        {
            return list(&all, cx);
        }
        let path = match &self.platform {
            Some(name) => {
                cx.running_platform(name)?;
                format!("/_evt/{name}/status")
            }
            None => "/_evt/status".to_owned(),
        };
        let mut status = control(cx)?.get(&path).await?;
        if let (Some(status), Ok(running), None) =
            (status.as_object_mut(), running(cx), &self.platform)
        {
            status.insert("name".into(), running.name.into());
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
            // The facts of the default platform are the other rows.
            ("platforms", Value::Object(all)) => rows.extend(all.iter().skip(1).map(address)),
            (_, Value::String(text)) => rows.push(vec![label, text.clone()]),
            (_, Value::Null) => rows.push(vec![label, "none".to_owned()]),
            (_, other) => rows.push(vec![label, other.to_string()]),
        }
    }
    rows
}

fn address((name, facts): (&String, &Value)) -> Vec<String> {
    let url = facts["url"].as_str().unwrap_or_default();
    vec![name.clone(), url.to_owned()]
}

/// Writes a time in its two largest units: `13 min 19 s`.
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
        cx.running_platform(&self.platform)?;
        let (route, field) = match self.api_key {
            true => ("api-key", "key"),
            false => ("token", "token"),
        };
        let path = format!("/_evt/{}/{route}", self.platform);
        let answer = control(cx)?.get(&path).await?;
        // `$(evt dev token)` needs the bare token, so JSON is printed only on request.
        if cx.ui.explicit_json() {
            cx.ui.json(&answer)?;
        } else {
            cx.ui.line(answer[field].as_str().unwrap_or_default())?;
        }
        Ok(Exit::Done)
    }
}

impl Emit {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        cx.running_platform(&self.platform)?;
        let record = if self.platform == DEFAULT_PLATFORM {
            sample(find_event(&self.event)?)
        } else {
            json!({})
        };
        let body = json!({ "event": self.event, "record": nested(record, &self.set)? });
        let path = format!("/_evt/{}/emit", self.platform);
        let answer = control(cx)?.post(&path, &body).await?;
        match cx.ui.format() {
            Format::Text => {
                let reference = answer["ref"].as_str().unwrap_or_default();
                cx.ui
                    .line(&format!("{}  {}", safe(reference), safe(&self.event)))?;
            }
            Format::Json | Format::Raw => cx.ui.json(&answer)?,
        }
        Ok(Exit::Done)
    }
}

/// Finds an event of AppEngine's catalogue.
fn find_event(name: &str) -> Result<&'static EventKind, CliError> {
    catalogue::find_event(name).map_err(|unknown| {
        let hint = match unknown.suggestion {
            Some(meant) => format!("evt dev emit {meant}"),
            None => "evt send --list".to_owned(),
        };
        CliError::new(Exit::Usage, "unknown_event", unknown).hint(hint)
    })
}

impl Reset {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        let control = control(cx)?;
        if !self.yes {
            let question = "Delete all records, flows, runs, events and deliveries?";
            if !cx.ui.confirm(question, false, "--yes")? {
                cx.ui.status("Nothing was changed");
                return Ok(Exit::Done);
            }
        }
        control.post("/_evt/reset", &json!({})).await?;
        cx.ui.notice("reset", json!({}), "All data is deleted");
        Ok(Exit::Done)
    }
}

impl Stop {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        let running = running(cx);
        control(cx)?.post("/_evt/stop", &json!({})).await?;
        if let Ok(running) = running {
            let ended = async {
                while process_exists(running.pid) && is_announced(&running, cx) {
                    tokio::time::sleep(STOP_INTERVAL).await;
                }
            };
            if tokio::time::timeout(STOP_TIMEOUT, ended).await.is_err() {
                cx.ui.warn("the platform is still finishing open requests");
                return Ok(Exit::Done);
            }
        }
        cx.ui
            .notice("stopped", json!({}), "The platform has stopped");
        Ok(Exit::Done)
    }
}

/// Whether the file that names the process still exists. The process removes it last.
fn is_announced(running: &Running, cx: &Context) -> bool {
    let found = Running::find_named(&cx.paths.state_dir, &running.name);
    matches!(found, Ok(Some(found)) if found.url == running.url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_its_two_largest_units() {
        for (seconds, text) in [
            (59, "59 s"),
            (799, "13 min 19 s"),
            (3_660, "1 h 1 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }
}
