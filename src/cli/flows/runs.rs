//! `evt flows runs`: what flows did, and why some did not.

use std::collections::HashMap;
use std::time::Duration;

use super::{find, run_view};
use crate::api::Client;
use crate::api::flows::Run;
use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::flow::status;

/// How often a watched list is asked for.
const LOOK: Duration = Duration::from_millis(500);
/// Runs that are followed at once; the list is asked for no more than these.
const FOLLOWED: usize = 200;

/// Show runs: each step, each attempt, and why a condition said no
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt flows runs\n  evt flows runs 'Notify CRM bridge' --status failed\n  evt flows runs --watch"
)]
pub(crate) struct Args {
    /// A flow's id or name, or the id of one run
    #[arg(value_name = "FLOW|RUN")]
    of: Option<String>,
    /// Only runs that ended like this: completed, failed, skipped (a condition said no), blocked (a loop), …
    #[arg(long, value_name = "STATUS", value_parser = clap::builder::PossibleValuesParser::new(status::ALL))]
    status: Option<String>,
    /// The latest so many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Go on, and show runs as they come and change
    #[arg(short, long)]
    watch: bool,
}

impl Args {
    /// Whether only a signal ends the command.
    pub(super) fn is_open_ended(&self) -> bool {
        self.watch
    }
}

/// Which runs.
struct Filter {
    flow: Option<String>,
    status: Option<String>,
}

/// Prints the runs, the newest last, and goes on where asked.
pub(super) async fn run(args: &Args, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    if let Some(id) = args.of.as_deref().filter(|of| of.starts_with("exec-")) {
        return one(id, args.watch, cx, client).await;
    }
    let flow = match &args.of {
        Some(text) => Some(find::one(client, text).await?.id().to_owned()),
        None => None,
    };
    let filter = Filter {
        flow,
        status: args.status.clone(),
    };
    let mut known: HashMap<String, String> = HashMap::new();
    let shown = look(&filter, usize::from(args.limit), &mut known, cx, client).await?;
    if !args.watch {
        if shown == 0 {
            cx.ui.status("There are no such runs; try: evt flows execute FLOW contact.email=ada@example.test");
        }
        return Ok(Exit::Done);
    }
    cx.ui
        .notice("ready", serde_json::json!({}), "Watching; Ctrl-C ends it");
    loop {
        tokio::select! {
            () = cx.shutdown.cancelled() => return Ok(Exit::Done),
            () = tokio::time::sleep(LOOK) => {}
        }
        tokio::select! {
            () = cx.shutdown.cancelled() => return Ok(Exit::Done),
            looked = look(&filter, FOLLOWED, &mut known, cx, client) => drop(looked?),
        }
        cx.ui.flush()?;
    }
}

/// Prints every run that is new or changed since the last look, and returns how many.
async fn look(
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
        // The list leaves attempts out, and they are what changes while a run goes on.
        if listed.is_over() && known.get(listed.id()).is_some_and(|state| state == OVER) {
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
    if !is_first && known.len() > 20 * FOLLOWED {
        known.retain(|id, _| list.iter().any(|run| run.id() == id));
    }
    Ok(shown)
}

/// A run that will not change any more.
const OVER: &str = "over";

/// What tells one state of a run from the next.
fn state(run: &Run) -> String {
    if run.is_over() {
        OVER.to_owned()
    } else {
        run_view::in_brief(run)
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
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

fn missing(error: CliError) -> CliError {
    if error.exit == Exit::NotFound {
        return error.hint("evt flows runs");
    }
    error
}
