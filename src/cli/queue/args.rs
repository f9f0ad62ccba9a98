//! The arguments of `evt queue`.

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::error::CliError;
use crate::grammar::quantity::Rate;
use crate::grammar::target::Target;
use crate::store::jobs::State;
use crate::store::queue::{BulkRequest, Selection};

/// List, retry, discard and pause deliveries and other jobs
///
/// A job is one delivery of one event to one endpoint, or one task in a queue of the platform, such as a notification. A job that fails waits for its next attempt; after its last attempt it is dead and
/// stays in the queue until it is retried or discarded.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt queue list                 queues and endpoints with the number of their jobs\n  evt queue list --dead          deliveries that failed for good\n  evt queue retry --dead         send all of them again\n  evt queue pause deliveries     attempt no deliveries until they are resumed"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    List(List),
    Show(Show),
    Retry(Retry),
    Discard(Discard),
    Pause(Pause),
    Resume(Resume),
}

/// Stop attempting the jobs of a queue
///
/// The queue still accepts jobs. Jobs that are active now end as usual. The queue stays paused when the platform restarts.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  evt queue pause notification\n  evt queue pause deliveries")]
pub(super) struct Pause {
    /// The name of the queue, as `evt queue list` shows it
    #[arg(value_name = "QUEUE")]
    pub(super) name: String,
    #[command(flatten)]
    pub(super) place: Where,
}

/// Attempt the jobs of a paused queue again, in order
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt queue resume notification")]
pub(super) struct Resume {
    /// The name of the queue
    #[arg(value_name = "QUEUE")]
    pub(super) name: String,
    #[command(flatten)]
    pub(super) place: Where,
}

/// The states that `--dead` selects.
const FAILED: [State; 2] = [State::Dead, State::Quarantined];

/// Whose deliveries.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Queues")]
pub(super) struct Where {
    /// Only deliveries of `evt listen --retry` and `evt tail --forward` (the inbox)
    #[arg(long, conflicts_with = "dev")]
    pub(super) inbox: bool,
    /// Only deliveries of the running `evt dev`
    #[arg(long)]
    pub(super) dev: bool,
}

/// List queues and endpoints, or jobs
///
/// Without a filter it shows the number of jobs in each queue and for each endpoint. With a filter it lists the jobs that match, newest first.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt queue list\n  evt queue list --state waiting --limit 20\n  evt queue list --endpoint http://127.0.0.1:3000/hook --dead"
)]
pub(super) struct List {
    /// List jobs in this state (repeatable)
    #[arg(long, value_name = "STATE", value_parser = states())]
    state: Vec<State>,
    /// List jobs of this queue
    #[arg(long, value_name = "QUEUE")]
    pub(super) queue: Option<String>,
    /// List jobs that failed for good: dead or quarantined
    #[arg(long)]
    dead: bool,
    #[command(flatten)]
    filter: Filter,
    /// List at most this many jobs (default: 100)
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    pub(super) place: Where,
}

/// Show a job and its attempts
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt queue show 17")]
pub(super) struct Show {
    /// The id of the job
    pub(super) id: i64,
    #[command(flatten)]
    pub(super) place: Where,
}

/// Bring waiting jobs forward, and send ended jobs again
///
/// An ended job is sent as a new job with the same message id, so that a receiver can recognise a message that it has processed. A
/// disabled endpoint is enabled.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt queue retry 17\n  evt queue retry --dead --rate 10/s\n  evt queue retry --endpoint http://127.0.0.1:3000/hook --dry-run"
)]
pub(super) struct Retry {
    #[command(flatten)]
    which: Which,
    /// Spread the retries over time, such as 10/s or 30/m
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,
    /// Only report how many jobs would be retried
    #[arg(short = 'n', long)]
    dry_run: bool,
    #[command(flatten)]
    pub(super) place: Where,
}

/// Remove jobs from their queue without delivering them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  evt queue discard 17\n  evt queue discard --dead --yes")]
pub(super) struct Discard {
    #[command(flatten)]
    pub(super) which: Which,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(super) yes: bool,
    /// Only report how many jobs would be discarded
    #[arg(short = 'n', long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) place: Where,
}

/// Which jobs to change.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// Ids of jobs
    #[arg(
        value_name = "ID",
        conflicts_with_all = ["all", "dead", "endpoint", "condition"]
    )]
    pub(super) ids: Vec<i64>,
    /// All jobs that are waiting, paused, dead or quarantined
    #[arg(long)]
    all: bool,
    /// All jobs that failed for good: dead or quarantined
    #[arg(long, conflicts_with = "all")]
    dead: bool,
    #[command(flatten)]
    filter: Filter,
}

/// Conditions on jobs.
#[derive(Debug, clap::Args)]
struct Filter {
    /// Only jobs for this server, or with a path for this target
    #[arg(long, value_name = "URL")]
    endpoint: Option<Target>,
    /// Only jobs whose event matches this condition, such as 'data.amount >= 100'
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

impl Filter {
    fn is_given(&self) -> bool {
        self.endpoint.is_some() || self.condition.is_some()
    }

    fn selection(&self, states: Vec<State>) -> Selection {
        Selection {
            states,
            endpoint: self.endpoint.as_ref().map(Target::to_string),
            condition: self.condition.clone(),
            ..Selection::default()
        }
    }
}

impl List {
    /// The jobs to list; `None` for the overview.
    pub(super) fn selection(&self) -> Option<Selection> {
        let mut states = self.state.clone();
        if self.dead {
            states.extend(FAILED);
        }
        let lists_jobs = !states.is_empty()
            || self.queue.is_some()
            || self.filter.is_given()
            || self.limit.is_some();
        lists_jobs.then(|| Selection {
            limit: self.limit,
            ..self.filter.selection(states)
        })
    }
}

impl Retry {
    pub(super) fn request(&self) -> Result<BulkRequest, CliError> {
        Ok(BulkRequest {
            select: self.which.selection("retry")?,
            rate: self.rate.map(|rate| rate.times / rate.per.as_secs_f64()),
            dry_run: self.dry_run,
        })
    }
}

impl Discard {
    pub(super) fn request(&self) -> Result<BulkRequest, CliError> {
        Ok(BulkRequest {
            select: self.which.selection("discard")?,
            rate: None,
            dry_run: self.dry_run,
        })
    }
}

impl Which {
    /// The selected jobs. It is an error to select none: `evt queue discard` must not mean all jobs.
    fn selection(&self, verb: &str) -> Result<Selection, CliError> {
        let is_given = self.all || self.dead || !self.ids.is_empty() || self.filter.is_given();
        if !is_given {
            return Err(CliError::usage(format!("select the jobs to {verb}"))
                .hint(format!("evt queue {verb} --dead     all dead jobs"))
                .hint(format!("evt queue {verb} --all      waiting jobs, too"))
                .hint("evt queue list --limit 20     shows their ids"));
        }
        let states = match (&self.ids[..], self.dead) {
            ([], true) => FAILED.to_vec(),
            ([], false) => vec![
                State::Waiting,
                State::Paused,
                State::Dead,
                State::Quarantined,
            ],
            _ => Vec::new(),
        };
        Ok(Selection {
            ids: self.ids.clone(),
            ..self.filter.selection(states)
        })
    }
}
