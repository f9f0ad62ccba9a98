//! `evt events prune`

use std::ops::ControlFlow;
use std::time::Duration;

use serde_json::json;

use super::stopped;
use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::event::Seq;
use crate::grammar::quantity::{Size, Span};
use crate::store::events::{self, Weight};
use crate::store::{Store, StoreError};
use crate::time::Timestamp;
use crate::ui::{self, Format};

/// Events that one commit removes: others that write wait no longer than that.
const BATCH: usize = 500;

/// Remove old events, the oldest first
///
/// What a delivery still needs stays: `evt queue list` shows it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt events prune --keep 7d
  evt events prune --max-size 1GiB --dry-run
  evt events prune --all --yes")]
#[group(id = "what", required = true, multiple = true, args = ["keep", "max_size", "all"])]
pub(crate) struct Args {
    /// Remove what is older than this
    #[arg(long, value_name = "SPAN")]
    keep: Option<Span>,
    /// Remove the oldest until bodies and headers take no more than this
    #[arg(long, value_name = "SIZE")]
    max_size: Option<Size>,
    /// Remove everything
    #[arg(long, conflicts_with_all = ["keep", "max_size"])]
    all: bool,
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// What is to go.
#[derive(Default)]
struct Plan {
    seqs: Vec<Seq>,
    bytes: u64,
    /// Would go if no delivery needed them.
    needed: u64,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    let store = cx.inbox()?;
    let plan = plan(args, &store)?;
    if plan.seqs.is_empty() || args.dry_run {
        report(&plan, "Would remove", "would_remove", plan.seqs.len(), cx)?;
        return Ok(Exit::Done);
    }
    if !args.yes {
        let size = in_words(plan.bytes);
        let question = format!("Remove {} events ({size})?", plan.seqs.len());
        if !cx.ui.confirm(&question, false, "--yes")? {
            cx.ui.status("Nothing was removed.");
            return Ok(Exit::Done);
        }
    }
    let removed = remove(&plan, &store, cx)?;
    report(&plan, "Removed", "removed", removed, cx)?;
    if cx.shutdown.is_cancelled() {
        return Ok(stopped(cx));
    }
    // The events are gone either way; the room is only not given back while another process is at work.
    if let Err(error) = store.read_blocking(events::compact) {
        cx.ui.status(&format!(
            "The file keeps its size for now and the room is used again: {error}"
        ));
    }
    Ok(Exit::Done)
}

fn plan(args: &Args, store: &Store) -> Result<Plan, CliError> {
    let before = args
        .keep
        .map(|keep| Timestamp::now().minus(Duration::from(keep)));
    let (_, total) = store.read_blocking(events::size)?;
    let mut total = u64::try_from(total).unwrap_or(0);
    let max = args.max_size.map(Size::bytes);
    let mut plan = Plan::default();
    store.read_blocking(|db| {
        events::weigh(db, |event: Weight| {
            let old = before.is_some_and(|before| event.received_at < before);
            let too_much = max.is_some_and(|max| total > max);
            if !(args.all || old || too_much) {
                // Events may be imported with times of their own, so the old ones need not come first.
                return ControlFlow::Continue(());
            }
            if event.needed {
                plan.needed += 1;
            } else {
                plan.seqs.push(event.seq);
                plan.bytes += event.bytes;
                total = total.saturating_sub(event.bytes);
            }
            ControlFlow::Continue(())
        })
    })?;
    Ok(plan)
}

fn remove(plan: &Plan, store: &Store, cx: &Context) -> Result<usize, CliError> {
    let progress = cx.ui.progress("removing", Some(plan.seqs.len() as u64));
    let mut removed = 0;
    for batch in plan.seqs.chunks(BATCH) {
        if cx.shutdown.is_cancelled() {
            break;
        }
        let batch = batch.to_vec();
        progress.add(batch.len() as u64);
        removed += store.write_blocking(move |tx| -> Result<usize, StoreError> {
            let mut gone = 0;
            for seq in batch {
                gone += usize::from(events::remove(tx, seq)?);
            }
            Ok(gone)
        })?;
    }
    Ok(removed)
}

fn report(plan: &Plan, verb: &str, name: &str, count: usize, cx: &Context) -> Result<(), CliError> {
    if cx.ui.format() != Format::Text {
        let mut facts = json!({ "bytes": plan.bytes, "needed": plan.needed });
        facts[name] = count.into();
        return Ok(cx.ui.json(&facts)?);
    }
    let size = in_words(plan.bytes);
    cx.ui.line(&format!("{verb} {count} events ({size})"))?;
    if plan.needed > 0 {
        cx.ui.status(&format!(
            "{} stay, because a delivery still needs them: evt queue list",
            plan.needed
        ));
    }
    Ok(())
}

fn in_words(bytes: u64) -> String {
    ui::size(usize::try_from(bytes).unwrap_or(usize::MAX))
}
