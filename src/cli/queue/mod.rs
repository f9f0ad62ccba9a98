//! `evt queue`: queues, deliveries and dead letters.

mod args;
mod backend;
mod show;

use std::sync::Arc;

use super::Context;
use crate::config::ConfigError;
use crate::error::{CliError, Exit};
use crate::store::queue::{BulkRequest, Report};
use crate::store::space;
use crate::ui::{Format, safe};
use args::{Command, Discard, List, Retry, Show, Where};
use backend::{Backend, backends};

pub(crate) use args::Args;

/// Runs the command.
pub(super) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    match args.command {
        Command::List(args) => list(&args, &cx).await,
        Command::Show(args) => show(&args, &cx).await,
        Command::Retry(args) => retry(&args, &cx).await,
        Command::Discard(args) => discard(&args, &cx).await,
        Command::Pause(args) => pause(&args.name, &args.place, &cx, true).await,
        Command::Resume(args) => pause(&args.name, &args.place, &cx, false).await,
    }
}

async fn list(args: &List, cx: &Context) -> Result<Exit, CliError> {
    let mut listing = show::Listing::default();
    let mut selection = args.selection();
    let mut backends = backends(cx, &args.place)?;
    if let (Some(name), Some(selection)) = (&args.queue, &mut selection) {
        let (backend, queue) = with_queue(cx, backends, name).await?;
        selection.queues = vec![queue];
        backends = vec![backend];
    }
    for backend in backends {
        let added = match &selection {
            None => backend
                .overview()
                .await
                .map(|overview| listing.add_overview(backend.name(), overview)),
            Some(selection) => backend
                .jobs(selection)
                .await
                .map(|jobs| listing.add_jobs(backend.name(), jobs)),
        };
        added.or_else(|error| backend.unavailable(cx, error))?;
    }
    listing.print(cx, selection.is_some())?;
    Ok(Exit::Done)
}

/// The backend that has a queue, and the queue's full name.
async fn with_queue(
    cx: &Context,
    backends: Vec<Backend>,
    name: &str,
) -> Result<(Backend, String), CliError> {
    let mut unknown = None;
    for backend in backends {
        match backend.queue_named(name).await {
            Ok(queue) => return Ok((backend, queue)),
            Err(error) if error.code == "unknown_queue" => unknown = Some(error),
            Err(error) => backend.unavailable(cx, error)?,
        }
    }
    Err(unknown.unwrap_or_else(|| ConfigError::NotRunning.into()))
}

/// Pauses or resumes a queue.
async fn pause(name: &str, place: &Where, cx: &Context, pauses: bool) -> Result<Exit, CliError> {
    let (backend, queue) = with_queue(cx, backends(cx, place)?, name).await?;
    let changed = backend.pause(&queue, pauses).await?;
    if cx.ui.format() == Format::Json {
        show::json(cx, backend.name(), &changed)?;
        return Ok(Exit::Done);
    }
    let jobs = match changed.jobs {
        1 => "1 job waits".to_owned(),
        jobs => format!("{jobs} jobs wait"),
    };
    let text = match (pauses, changed.changed) {
        (true, true) => format!("Paused {queue}: {jobs} until evt queue resume {queue}"),
        (true, false) => format!("{queue} was paused before: {jobs}"),
        (false, true) => format!("Resumed {queue}: {jobs} for their turn"),
        (false, false) => format!("{queue} was not paused"),
    };
    cx.ui.status(&text);
    Ok(Exit::Done)
}

async fn show(args: &Show, cx: &Context) -> Result<Exit, CliError> {
    let backends = backends(cx, &args.place)?;
    refuse_ambiguous(&backends, &[args.id]).await?;
    for backend in backends {
        match backend.job(args.id).await {
            Ok(Some(job)) => {
                show::detail(cx, backend.name(), &job)?;
                return Ok(Exit::Done);
            }
            Ok(None) => {}
            Err(error) => backend.unavailable(cx, error)?,
        }
    }
    Err(not_found(&[args.id]))
}

fn not_found(ids: &[i64]) -> CliError {
    let ids: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
    let text = match &ids[..] {
        [id] => format!("there is no job {id}"),
        many => format!("there are no jobs {}", many.join(", ")),
    };
    CliError::new(Exit::NotFound, "no_such_job", text).hint("evt queue list --limit 20")
}

async fn retry(args: &Retry, cx: &Context) -> Result<Exit, CliError> {
    change(cx, &args.place, args.request()?, Action::Retry).await
}

async fn discard(args: &Discard, cx: &Context) -> Result<Exit, CliError> {
    let request = args.request()?;
    if !args.yes && !args.dry_run {
        let what = match &args.which.ids[..] {
            [] => "the selected jobs".to_owned(),
            [id] => format!("job {id}"),
            many => format!("{} jobs", many.len()),
        };
        let question = format!("Discard {what} permanently?");
        if !cx.ui.confirm(&question, false, "--yes")? {
            cx.ui.status("Nothing was discarded");
            return Ok(Exit::Done);
        }
    }
    space::make_room(&cx.paths.inbox());
    change(cx, &args.place, request, Action::Discard).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Retry,
    Discard,
}

impl Action {
    const fn participle(self) -> &'static str {
        match self {
            Self::Retry => "retried",
            Self::Discard => "discarded",
        }
    }
}

/// Refuses an id that a job of the inbox and a job of `evt dev` share, so that the command never changes the wrong one.
async fn refuse_ambiguous(backends: &[Backend], ids: &[i64]) -> Result<(), CliError> {
    let [first, second] = backends else {
        return Ok(());
    };
    for id in ids {
        // An error of the platform is ignored here; the command reports it when it asks again.
        if matches!(second.job(*id).await, Ok(Some(_))) && first.job(*id).await?.is_some() {
            let message = format!("job {id} exists in the inbox and in the running `evt dev`");
            return Err(CliError::new(Exit::Usage, "two_jobs", message)
                .hint("--inbox     the job of `evt listen --retry`")
                .hint("--dev       the job of the platform"));
        }
    }
    Ok(())
}

/// Retries or discards jobs in all selected backends and prints a report for each.
async fn change(
    cx: &Context,
    place: &Where,
    mut request: BulkRequest,
    action: Action,
) -> Result<Exit, CliError> {
    let by_id = !request.select.ids.is_empty();
    let mut reports = Vec::new();
    let backends = backends(cx, place)?;
    refuse_ambiguous(&backends, &request.select.ids).await?;
    for backend in backends {
        let result = match action {
            Action::Retry => backend.retry(&request).await,
            Action::Discard => backend.discard(&request).await,
        };
        match result {
            Ok(report) => {
                // The next backend is asked only for ids that this one does not have.
                if by_id {
                    request.select.ids.clone_from(&report.missing);
                }
                if !by_id || report.done + report.skipped_count > 0 {
                    reports.push((backend.name(), report));
                }
            }
            Err(error) => backend.unavailable(cx, error)?,
        }
        if by_id && request.select.ids.is_empty() {
            break;
        }
    }
    let missing = request.select.ids;
    let done: u64 = reports.iter().map(|(_, report)| report.done).sum();
    let skipped: u64 = reports.iter().map(|(_, report)| report.skipped_count).sum();
    if by_id && done + skipped == 0 {
        return Err(not_found(&missing));
    }
    print_reports(cx, &reports, action)?;
    if done + skipped == 0 {
        cx.ui.status("No jobs match");
    }
    for id in &missing {
        cx.ui.warn(&format!("there is no job {id}"));
    }
    let is_partial = by_id && (skipped > 0 || !missing.is_empty());
    Ok(if is_partial { Exit::Partly } else { Exit::Done })
}

fn print_reports(
    cx: &Context,
    reports: &[(&'static str, Report)],
    action: Action,
) -> Result<(), CliError> {
    for (place, report) in reports {
        for skipped in &report.skipped {
            cx.ui.warn(&format!(
                "job {} ({}) was not {}: {}",
                skipped.id,
                skipped.state.as_str(),
                action.participle(),
                skipped.reason
            ));
        }
        for endpoint in &report.enabled {
            cx.ui.status(&format!("Enabled {} again", safe(endpoint)));
        }
        if cx.ui.format() == Format::Json {
            show::json(cx, place, report)?;
            continue;
        }
        if report.done == 0 {
            continue;
        }
        let would = if report.dry_run { "would be " } else { "" };
        let jobs = if report.done == 1 { "job" } else { "jobs" };
        cx.ui.line(&format!(
            "{place}: {} {jobs} {would}{}",
            report.done,
            action.participle()
        ))?;
    }
    Ok(())
}
