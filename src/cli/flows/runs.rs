//! `evt flows runs`: prints runs of flows.

use std::collections::HashMap;
use std::time::Duration;

use super::{find, run_view};
use crate::api::Client;
use crate::api::flows::Run;
use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::flow::status;

/// How often `--watch` polls.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Runs that `--watch` requests at once.
const MAX_WATCHED: usize = 200;

/// Show runs with their steps, attempts and conditions
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt flows runs\n  evt flows runs 'Notify CRM bridge' --status failed\n  evt flows runs --watch"
)]
pub(crate) struct Args {
    /// A flow's id or name, or the id of one run
    #[arg(value_name = "FLOW|RUN")]
    of: Option<String>,
    /// Only runs with this status; skipped: a condition did not hold; blocked: the flow caused a loop
    #[arg(long, value_name = "STATUS", value_parser = clap::builder::PossibleValuesParser::new(status::ALL))]
    status: Option<String>,
    /// Show the latest N runs
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Keep watching, and print runs when they start or change
    #[arg(short, long)]
    watch: bool,
}

impl Args {
    /// Whether only a signal ends the command.
    pub(super) fn is_open_ended(&self) -> bool {
        self.watch
    }
}

/// Selects runs.
struct Filter {
    flow: Option<String>,
    status: Option<String>,
}

/// Prints the runs, newest last.
pub(super) async fn run(args: &Args, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    if let Some(id) = args.of.as_deref().filter(|of| of.starts_with("exec-")) {
        return one(id, args.watch, cx, client).await;
    }
    let flow = match &args.of {
        Some(text) => Some(find::id(client, text).await?.id().to_owned()),
        None => None,
    };
    let filter = Filter {
        flow,
        status: args.status.clone(),
    };
    let mut known: HashMap<String, String> = HashMap::new();
    let shown = print_changed(&filter, usize::from(args.limit), &mut known, cx, client).await?;
    if !args.watch {
        if shown == 0 {
            cx.ui.status("No matching runs. To start one: evt flows execute FLOW contact.email=ada@example.test");
        }
        return Ok(Exit::Done);
    }
    cx.ui.notice(
        "ready",
        serde_json::json!({}),
        "Watching for runs. Press Ctrl-C to stop.",
    );
    loop {
        tokio::select! {
            () = cx.shutdown.cancelled() => return Ok(Exit::Done),
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
        tokio::select! {
            () = cx.shutdown.cancelled() => return Ok(Exit::Done),
            shown = print_changed(&filter, MAX_WATCHED, &mut known, cx, client) => drop(shown?),
        }
        cx.ui.flush()?;
    }
}

/// Prints the runs that are new or have changed since the last call, and returns their number.
async fn print_changed(
    filter: &Filter,
    limit: usize,
    known: &mut HashMap<String, String>,
    cx: &Context,
    client: &Client,
) -> Result<usize, CliError> {
    let is_first = known.is_empty();
    let list = client
        .list_runs(filter.flow.as_deref(), filter.status.as_deref(), limit)
        .await?;
    let mut shown = 0;
    for listed in list.iter().rev() {
        // The list does not contain attempts, so each run that may have changed is requested separately.
        if listed.is_over() && known.get(listed.id()).is_some_and(|state| state == ENDED) {
            continue;
        }
        let run = client.get_run(listed.id()).await?;
        let state = state(&run);
        if known.get(run.id()) != Some(&state) {
            run_view::print(cx, &run)?;
            shown += 1;
            known.insert(run.id().to_owned(), state);
        }
    }
    if !is_first && known.len() > 20 * MAX_WATCHED {
        known.retain(|id, _| list.iter().any(|run| run.id() == id));
    }
    Ok(shown)
}

/// The state of a run that does not change any more.
const ENDED: &str = "ended";

/// A text that changes whenever the run does.
fn state(run: &Run) -> String {
    if run.is_over() {
        ENDED.to_owned()
    } else {
        run_view::one_line(run)
    }
}

async fn one(id: &str, watch: bool, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    let mut last = String::new();
    loop {
        let run = client
            .get_run(id)
            .await
            .map_err(|error| missing(error.into()))?;
        let state = state(&run);
        if state != last {
            run_view::print(cx, &run)?;
            cx.ui.flush()?;
            last = state;
        }
        if !watch || run.is_over() {
            return Ok(Exit::Done);
        }
        tokio::select! {
            () = cx.shutdown.cancelled() => return Ok(cx.interrupted().unwrap_or(Exit::Done)),
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}

fn missing(error: CliError) -> CliError {
    if error.exit == Exit::NotFound {
        return error.hint("evt flows runs");
    }
    error
}
