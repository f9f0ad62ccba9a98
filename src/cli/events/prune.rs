//! `evt events prune`: deletes old events.

use std::ops::ControlFlow;
use std::time::Duration;

use serde_json::json;

use super::stopped;
use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::event::Seq;
use crate::grammar::quantity::{Size, Span};
use crate::store::events::{self, EventSize};
use crate::store::{Store, StoreError, space};
use crate::time::Timestamp;
use crate::ui::{self, Format};

/// Events deleted by one transaction, and their bytes. Other writers wait for a transaction, so it must be short, and on a full
/// disk it must fit into the reserve.
const BATCH: usize = 500;
const BATCH_BYTES: u64 = 4 << 20;

/// Delete old events, oldest first
///
/// Events that a pending delivery needs are not deleted (see `evt queue list`). Works on a full disk, and can be interrupted
/// at any time. Without this command, old events are deleted as `evt config show --all` prints below `retention`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt events prune --keep 7d
  evt events prune --max-size 1GiB --dry-run
  evt events prune --all --yes")]
#[group(skip)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["keep", "max_size", "all"]))]
pub(crate) struct Args {
    /// Delete events older than this
    #[arg(long, value_name = "SPAN")]
    keep: Option<Span>,
    /// Delete the oldest events until the rest takes at most this much space
    #[arg(long, value_name = "SIZE")]
    max_size: Option<Size>,
    /// Delete all events
    #[arg(long, conflicts_with_all = ["keep", "max_size"])]
    all: bool,
    /// Only print what would be deleted
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

/// The events to delete.
#[derive(Default)]
struct Plan {
    seqs: Vec<Seq>,
    /// Where each transaction ends in `seqs`.
    ends: Vec<usize>,
    /// Bytes since the last end.
    pending: u64,
    bytes: u64,
    /// Number of selected events that pending deliveries need.
    needed: u64,
}

impl Plan {
    fn add(&mut self, event: EventSize) {
        self.seqs.push(event.seq);
        self.bytes += event.bytes;
        self.pending += event.bytes;
        let last = self.ends.last().copied().unwrap_or(0);
        if self.pending >= BATCH_BYTES || self.seqs.len() - last >= BATCH {
            self.ends.push(self.seqs.len());
            self.pending = 0;
        }
    }

    fn batches(&self) -> impl Iterator<Item = &[Seq]> {
        let ends = self.ends.iter().copied().chain([self.seqs.len()]);
        ends.scan(0, |begin, end| {
            let batch = &self.seqs[*begin..end];
            *begin = end;
            Some(batch)
        })
    }
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    if !args.dry_run {
        space::make_room(&cx.paths.inbox());
    }
    let store = cx.inbox()?;
    let plan = plan(args, &store)?;
    if plan.seqs.is_empty() || args.dry_run {
        report(&plan, "Would delete", "would_remove", plan.seqs.len(), cx)?;
        return Ok(Exit::Done);
    }
    if !args.yes {
        let size = size_text(plan.bytes);
        let question = format!("Delete {} events ({size})?", plan.seqs.len());
        if !cx.ui.confirm(&question, false, "--yes")? {
            cx.ui.status("Nothing was deleted.");
            return Ok(Exit::Done);
        }
    }
    let removed = remove(&plan, &store, cx)?;
    report(&plan, "Deleted", "removed", removed, cx)?;
    if cx.shutdown.is_cancelled() {
        return Ok(stopped(cx));
    }
    shrink(&store, cx)?;
    match cx.shutdown.is_cancelled() {
        true => Ok(stopped(cx)),
        false => Ok(Exit::Done),
    }
}

/// Returns the space of the deleted events to the file system.
fn shrink(store: &Store, cx: &Context) -> Result<(), CliError> {
    let free = store.read_blocking(space::usage)?.free;
    let progress = cx.ui.progress("freeing space", Some(free));
    let mut left = free;
    let usage = store.shrink(|now| {
        progress.add(left.saturating_sub(now));
        left = now;
        !cx.shutdown.is_cancelled()
    })?;
    drop(progress);
    // A tenth is not worth a message: another process may have deleted something meanwhile.
    if usage.free > usage.file / 10 && !cx.shutdown.is_cancelled() {
        cx.ui.status(&format!(
            "The database file keeps its size ({}), because an older evt created it. New events use the free space ({}).",
            size_text(usage.file),
            size_text(usage.free)
        ));
    }
    Ok(())
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
        events::sizes(db, |event: EventSize| {
            let is_old = before.is_some_and(|before| event.received_at < before);
            let is_over_size = max.is_some_and(|max| total > max);
            if !(args.all || is_old || is_over_size) {
                // Imported events have their original times, so later rows may be older.
                return ControlFlow::Continue(());
            }
            if event.needed {
                plan.needed += 1;
            } else {
                plan.add(event);
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
    for batch in plan.batches() {
        if cx.shutdown.is_cancelled() {
            break;
        }
        progress.add(batch.len() as u64);
        let batch = batch.to_vec();
        removed += store.write_blocking(move |tx| -> Result<usize, StoreError> {
            let mut removed = 0;
            for seq in batch {
                removed += usize::from(events::remove(tx, seq)?);
            }
            Ok(removed)
        })?;
        store.bound_log()?;
    }
    Ok(removed)
}

fn report(plan: &Plan, verb: &str, name: &str, count: usize, cx: &Context) -> Result<(), CliError> {
    if cx.ui.format() != Format::Text {
        let mut facts = json!({ "bytes": plan.bytes, "needed": plan.needed });
        facts[name] = count.into();
        return Ok(cx.ui.json(&facts)?);
    }
    if count == 0 {
        cx.ui.status("Nothing to delete.");
    } else {
        let size = size_text(plan.bytes);
        cx.ui.line(&format!("{verb} {count} events ({size})"))?;
    }
    if plan.needed > 0 {
        cx.ui.status(&format!(
            "{} events were not deleted because deliveries need them (see: evt queue list)",
            plan.needed
        ));
    }
    Ok(())
}

fn size_text(bytes: u64) -> String {
    ui::size(usize::try_from(bytes).unwrap_or(usize::MAX))
}
