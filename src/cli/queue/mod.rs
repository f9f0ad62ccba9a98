//! `evt queue`: queues, deliveries, dead letters.

mod place;
mod show;

use std::sync::Arc;

use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;

use super::Context;
use crate::error::{CliError, Exit};
use crate::grammar::quantity::Rate;
use crate::grammar::target::Target;
use crate::store::jobs::State;
use crate::store::queue::{Order, Report, Selection};
use crate::ui::{Format, safe};
use place::Place;

/// See deliveries that wait or failed, and run them again
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt queue list                 how many wait, how many are dead, which endpoints are down\n  evt queue list --dead          deliveries that were given up\n  evt queue retry --dead         try all of them again"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Show(Show),
    Retry(Retry),
    Discard(Discard),
}

/// Whose queues.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Where")]
struct Whose {
    /// Only deliveries of `evt listen --retry` (the inbox)
    #[arg(long, conflicts_with = "dev")]
    inbox: bool,
    /// Only deliveries of the running `evt dev`
    #[arg(long)]
    dev: bool,
}

/// List queues and endpoints, or jobs
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt queue list\n  evt queue list --state waiting --limit 20\n  evt queue list --endpoint http://127.0.0.1:3000/hook --dead"
)]
struct List {
    /// List jobs in this state (repeatable)
    #[arg(long, value_name = "STATE", value_parser = states())]
    state: Vec<State>,
    /// List jobs that were given up: dead and quarantined
    #[arg(long)]
    dead: bool,
    /// List jobs for this server, or with a path for this target
    #[arg(long, value_name = "URL")]
    endpoint: Option<Target>,
    /// List jobs whose event fits this condition, such as 'data.data.amount >= 100'
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,
    /// List this many of the newest jobs
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    whose: Whose,
}

/// Show a job and each of its attempts
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt queue show 17")]
struct Show {
    /// The job's number
    id: i64,
    #[command(flatten)]
    whose: Whose,
}

/// Run jobs again: sooner where they wait, as new jobs under the same message id where they are over
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt queue retry 17\n  evt queue retry --dead --rate 10/s\n  evt queue retry --endpoint http://127.0.0.1:3000/hook --dry-run"
)]
struct Retry {
    #[command(flatten)]
    which: Which,
    /// Spread the deliveries: so many a second
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,
    /// Only say how many there are
    #[arg(short = 'n', long)]
    dry_run: bool,
    #[command(flatten)]
    whose: Whose,
}

/// Take jobs off their queue for good
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  evt queue discard 17\n  evt queue discard --dead --yes")]
struct Discard {
    #[command(flatten)]
    which: Which,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Only say how many there are
    #[arg(short = 'n', long)]
    dry_run: bool,
    #[command(flatten)]
    whose: Whose,
}

/// Which jobs.
#[derive(Debug, clap::Args)]
struct Which {
    /// Numbers of jobs
    #[arg(
        value_name = "ID",
        conflicts_with_all = ["all", "dead", "endpoint", "condition"]
    )]
    ids: Vec<i64>,
    /// All that wait, are dead or quarantined
    #[arg(long)]
    all: bool,
    /// All that are dead
    #[arg(long, conflicts_with = "all")]
    dead: bool,
    /// All for this server, or with a path for this target; a disabled one is enabled by a retry
    #[arg(long, value_name = "URL")]
    endpoint: Option<Target>,
    /// All whose event fits this condition, such as 'data.data.amount >= 100'
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,
}

fn states() -> impl TypedValueParser<Value = State> {
    PossibleValuesParser::new(State::ALL.map(State::as_str)).map(|name| {
        State::ALL
            .into_iter()
            .find(|state| state.as_str() == name)
            .expect("clap has checked that it is one of them")
    })
}

impl List {
    /// The jobs to list; `None` for the overview.
    fn selection(&self) -> Option<Selection> {
        let lists_jobs = self.dead
            || !self.state.is_empty()
            || self.endpoint.is_some()
            || self.condition.is_some()
            || self.limit.is_some();
        let mut states = self.state.clone();
        if self.dead {
            states.extend([State::Dead, State::Quarantined]);
        }
        lists_jobs.then(|| Selection {
            states,
            endpoint: self.endpoint.as_ref().map(Target::to_string),
            condition: self.condition.clone(),
            limit: self.limit,
            ..Selection::default()
        })
    }
}

impl Which {
    /// Without a word on which jobs, none is touched.
    fn chosen(&self, word: &str) -> Result<Selection, CliError> {
        let is_given = self.all
            || self.dead
            || !self.ids.is_empty()
            || self.endpoint.is_some()
            || self.condition.is_some();
        if is_given {
            return Ok(self.selection());
        }
        Err(
            CliError::usage(format!("nothing says which jobs to {word}"))
                .hint(format!(
                    "evt queue {word} --dead     all that were given up"
                ))
                .hint(format!("evt queue {word} --all      those that wait, too"))
                .hint("evt queue list --limit 20     shows their numbers"),
        )
    }

    fn selection(&self) -> Selection {
        let open = [State::Waiting, State::Held, State::Dead, State::Quarantined];
        let states = match (&self.ids[..], self.dead) {
            ([], true) => vec![State::Dead],
            ([], false) => open.to_vec(),
            _ => Vec::new(),
        };
        Selection {
            ids: self.ids.clone(),
            states,
            endpoint: self.endpoint.as_ref().map(Target::to_string),
            condition: self.condition.clone(),
            ..Selection::default()
        }
    }
}

/// Runs the command.
pub(super) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    match args.command {
        Command::List(args) => list(&args, &cx).await,
        Command::Show(args) => show(&args, &cx).await,
        Command::Retry(args) => retry(&args, &cx).await,
        Command::Discard(args) => discard(&args, &cx).await,
    }
}

async fn list(args: &List, cx: &Context) -> Result<Exit, CliError> {
    let places = place::places(cx, &args.whose)?;
    let selection = args.selection();
    let mut shown = show::Shown::default();
    for place in &places {
        let found = match &selection {
            None => place.overview().await.map(show::Found::Overview),
            Some(selection) => place.jobs(selection).await.map(show::Found::Jobs),
        };
        match found {
            Ok(found) => shown.add(place.name(), found),
            Err(error) => place.missing(cx, error)?,
        }
    }
    shown.print(cx)?;
    Ok(Exit::Done)
}

async fn show(args: &Show, cx: &Context) -> Result<Exit, CliError> {
    let places = place::places(cx, &args.whose)?;
    one_place(&places, &[args.id]).await?;
    for place in places {
        match place.job(args.id).await {
            Ok(Some(job)) => {
                show::detail(cx, place.name(), &job)?;
                return Ok(Exit::Done);
            }
            Ok(None) => {}
            Err(error) => place.missing(cx, error)?,
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
    let order = Order {
        select: args.which.chosen("retry")?,
        rate: args.rate.map(|rate| rate.times / rate.per.as_secs_f64()),
        dry_run: args.dry_run,
    };
    carry_out(cx, &args.whose, order, Deed::Retry).await
}

async fn discard(args: &Discard, cx: &Context) -> Result<Exit, CliError> {
    let order = Order {
        select: args.which.chosen("discard")?,
        rate: None,
        dry_run: args.dry_run,
    };
    if !args.yes && !args.dry_run {
        let what = match &args.which.ids[..] {
            [] => "the selected jobs".to_owned(),
            [id] => format!("job {id}"),
            many => format!("{} jobs", many.len()),
        };
        if !cx
            .ui
            .confirm(&format!("Discard {what} for good?"), false, "--yes")?
        {
            cx.ui.status("Nothing was discarded");
            return Ok(Exit::Done);
        }
    }
    carry_out(cx, &args.whose, order, Deed::Discard).await
}

/// What an order does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Retry,
    Discard,
}

impl Deed {
    async fn on(self, place: &Place, order: &Order) -> Result<Report, CliError> {
        match self {
            Self::Retry => place.retry(order).await,
            Self::Discard => place.discard(order).await,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Retry => "retried",
            Self::Discard => "discarded",
        }
    }
}

/// Refuses numbers that jobs of two places have: nobody is to retry or discard another one than was meant.
async fn one_place(places: &[Place], ids: &[i64]) -> Result<(), CliError> {
    let [first, second] = places else {
        return Ok(());
    };
    for id in ids {
        // A platform that does not answer has no say; whoever goes on tells so.
        if matches!(second.job(*id).await, Ok(Some(_))) && first.job(*id).await?.is_some() {
            let message =
                format!("there is a job {id} in the inbox and one in the running `evt dev`");
            return Err(CliError::new(Exit::Usage, "two_jobs", message)
                .hint("--inbox     the one of `evt listen --retry`")
                .hint("--dev       the one of the platform"));
        }
    }
    Ok(())
}

/// Carries an order out where its jobs are.
async fn carry_out(
    cx: &Context,
    whose: &Whose,
    mut order: Order,
    deed: Deed,
) -> Result<Exit, CliError> {
    let names_jobs = !order.select.ids.is_empty();
    let mut reports = Vec::new();
    let places = place::places(cx, whose)?;
    one_place(&places, &order.select.ids).await?;
    for place in places {
        match deed.on(&place, &order).await {
            Ok(report) => {
                if names_jobs {
                    order.select.ids.clone_from(&report.missing);
                }
                if !names_jobs || report.done + report.skipped_count > 0 {
                    reports.push((place.name(), report));
                }
            }
            Err(error) => place.missing(cx, error)?,
        }
        if names_jobs && order.select.ids.is_empty() {
            break;
        }
    }
    let missing = order.select.ids;
    let done: u64 = reports.iter().map(|(_, report)| report.done).sum();
    let skipped: u64 = reports.iter().map(|(_, report)| report.skipped_count).sum();
    if names_jobs && done + skipped == 0 {
        return Err(not_found(&missing));
    }
    tell(cx, &reports, deed)?;
    for id in &missing {
        cx.ui.warn(&format!("there is no job {id}"));
    }
    let is_part = names_jobs && (skipped > 0 || !missing.is_empty());
    Ok(if is_part { Exit::Partly } else { Exit::Done })
}

fn tell(cx: &Context, reports: &[(&'static str, Report)], deed: Deed) -> Result<(), CliError> {
    for (place, report) in reports {
        for skipped in &report.skipped {
            let state = skipped.state.as_str();
            cx.ui.warn(&format!(
                "job {} is {state} and was left: {}",
                skipped.id, skipped.reason
            ));
        }
        for endpoint in &report.enabled {
            cx.ui.status(&format!("Enabled {} again", safe(endpoint)));
        }
        match cx.ui.format() {
            Format::Json => {
                let mut value = serde_json::to_value(report).map_err(std::io::Error::from)?;
                value["in"] = (*place).into();
                cx.ui.json(&value)?;
            }
            Format::Text | Format::Raw => {
                let would = if report.dry_run { "would be " } else { "" };
                let jobs = if report.done == 1 { "job" } else { "jobs" };
                let word = deed.word();
                cx.ui
                    .line(&format!("{place}: {} {jobs} {would}{word}", report.done))?;
            }
        }
    }
    Ok(())
}
