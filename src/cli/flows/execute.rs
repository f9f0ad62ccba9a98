//! `evt flows execute`: runs a flow now, with a context of the person's making.

use std::time::Duration;

use serde_json::Value;

use super::{find, run_view};
use crate::api::Client;
use crate::api::flows::Run;
use crate::cli::Context;
use crate::cli::input::{self, Field, Source};
use crate::error::{CliError, Exit};
use crate::ui::{Format, Style, safe};

/// How long to wait before a run is looked at again: short at first, for most runs end in a moment.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LAST_LOOK: Duration = Duration::from_secs(1);

/// Run a flow now, whatever it starts on
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt flows execute 'Notify CRM bridge' contact.email=ada@example.test --watch\n  evt flows execute automation-0198c1f2 -f context.json"
)]
pub(crate) struct Args {
    /// The flow's id or name
    flow: String,
    /// The context: `path=text` or `path:=json`
    #[arg(value_name = "FIELD=VALUE")]
    fields: Vec<Field>,
    /// Read the context from a JSON file, or from stdin with `-`; fields are set on top
    #[arg(short, long, value_name = "FILE")]
    file: Option<Source>,
    /// Wait until the run is over and show each step and attempt
    #[arg(short, long)]
    watch: bool,
}

/// Starts the run and, where asked, waits for its end.
pub(super) async fn run(args: &Args, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    let context = context(args)?;
    let flow = find::one(client, &args.flow).await?;
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
    let run = until_over(started.id(), cx, client).await?;
    run_view::print(cx, &run)?;
    Ok(outcome(&run))
}

fn context(args: &Args) -> Result<Value, CliError> {
    let base = match &args.file {
        None => Value::Null,
        Some(source) => {
            let objects = source.objects()?;
            let [object] = objects.as_slice() else {
                return Err(CliError::usage(format!(
                    "{} holds {} objects; a run has one context",
                    source.name(),
                    objects.len()
                )));
            };
            let whole: Value =
                serde_json::from_str(object.get()).map_err(|error| input::InputError::Json {
                    name: source.name(),
                    source: error,
                })?;
            // The body of the platform's own request is taken as it is printed in its pages.
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

/// Looks at the run until it is over; what its steps come to is told on the way.
async fn until_over(id: &str, cx: &Context, client: &Client) -> Result<Run, CliError> {
    let mut told = String::new();
    let mut pause = FIRST_LOOK;
    loop {
        let run = client.get_run(id).await?;
        if run.is_over() {
            return Ok(run);
        }
        let now = run_view::in_brief(&run);
        if now != told {
            cx.ui.status(&now);
            told = now;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_LOOK);
    }
}

/// A run that did not complete is a goal that was not met; one that could not deliver says so.
fn outcome(run: &Run) -> Exit {
    match run.status() {
        "completed" => Exit::Done,
        "failed" => Exit::Undelivered,
        _ => Exit::GoalNotMet,
    }
}
