//! `evt flows execute`: runs a flow now, with a given context.

use std::time::Duration;

use serde_json::Value;

use super::{find, run_view};
use crate::api::Client;
use crate::api::flows::Run;
use crate::cli::Context;
use crate::cli::input::{self, Field, Source};
use crate::error::{CliError, Exit};
use crate::ui::{Format, Style, safe};

/// Poll intervals of `--watch`: short at first, because most runs end within milliseconds.
const MIN_INTERVAL: Duration = Duration::from_millis(50);
const MAX_INTERVAL: Duration = Duration::from_secs(1);

/// Run a flow now, without its trigger
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt flows execute 'Notify CRM bridge' contact.email=ada@example.test --watch\n  evt flows execute automation-0198c1f2 -f context.json"
)]
pub(crate) struct Args {
    /// The flow's id or name
    flow: String,
    /// Fields of the context: `path=text` or `path:=json`
    #[arg(value_name = "FIELD=VALUE")]
    fields: Vec<Field>,
    /// JSON file with the context, or `-` for stdin; fields override it
    #[arg(short, long, value_name = "FILE")]
    file: Option<Source>,
    /// Wait until the run has ended, and print its steps and attempts
    #[arg(short, long)]
    watch: bool,
}

pub(super) async fn run(args: &Args, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    let context = context(args)?;
    let flow = find::id(client, &args.flow).await?;
    let started = client.execute_flow(flow.id(), &context).await?;
    if !args.watch {
        if cx.ui.format() == Format::Text {
            cx.ui.line(&format!(
                "{} {} ({})",
                cx.ui.paint(Style::Good, "started"),
                cx.ui.paint(Style::Name, &safe(started.id())),
                safe(started.status())
            ))?;
            cx.ui
                .status(&format!("try  evt flows runs {}", safe(started.id())));
        } else {
            cx.ui.json(started.value())?;
        }
        return Ok(Exit::Done);
    }
    let run = wait_until_ended(started.id(), cx, client).await?;
    run_view::print(cx, &run)?;
    Ok(exit(&run))
}

fn context(args: &Args) -> Result<Value, CliError> {
    let base = match &args.file {
        None => Value::Null,
        Some(source) => {
            let objects = source.objects()?;
            let [object] = objects.as_slice() else {
                return Err(CliError::usage(format!(
                    "{} contains {} objects; expected one context",
                    source.name(),
                    objects.len()
                )));
            };
            let whole: Value =
                serde_json::from_str(object.get()).map_err(|error| input::InputError::Json {
                    name: source.name(),
                    source: error,
                })?;
            // The request body of the platform's API, `{"context": {…}}`, is accepted too.
            match whole.get("context") {
                Some(inner)
                    if inner.is_object() && whole.as_object().is_some_and(|map| map.len() == 1) =>
                {
                    inner.clone()
                }
                _ => whole,
            }
        }
    };
    Ok(input::nested(base, &args.fields)?)
}

/// Waits until the run has ended. Prints the state of its steps when it changes.
async fn wait_until_ended(id: &str, cx: &Context, client: &Client) -> Result<Run, CliError> {
    let mut last = String::new();
    let mut interval = MIN_INTERVAL;
    loop {
        let run = client.get_run(id).await?;
        if run.is_over() {
            return Ok(run);
        }
        let now = run_view::one_line(&run);
        if now != last {
            cx.ui.status(&now);
            last = now;
        }
        tokio::time::sleep(interval).await;
        interval = (interval * 2).min(MAX_INTERVAL);
    }
}

/// The exit code for a run that has ended.
fn exit(run: &Run) -> Exit {
    match run.status() {
        "completed" => Exit::Done,
        "failed" => Exit::Undelivered,
        _ => Exit::GoalNotMet,
    }
}
