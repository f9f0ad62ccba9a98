//! `evt poll`: read records by their date of change.

mod ending;
mod job;
mod progress;
pub(crate) mod state;
mod tap;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::Context;
use crate::error::{CliError, Exit};
use crate::grammar::destination::Destination;
use crate::grammar::quantity::{Between, Rate, Span, When};
use crate::grammar::secret_ref::SecretRef;
use crate::paths::is_plain_name;
use crate::pipeline::SingerNames;
use crate::select::{TypeRule, Where};
use crate::shape::Shape;
use crate::source::poll::{Strategy, Undated};
use crate::time::Timestamp;
use crate::watermark::Micros;
use job::Job;

/// Poll records by their date of change: all of them, then only what has changed since the last call
///
/// The first call reads records modified since --since. Each later call continues where the last one ended. No change is lost or
/// repeated, whatever the server does and whenever the process is killed, within the limits described in `evt man polling`.
/// If a record changes several times between two polls, only the last version is visible.
#[derive(Debug, clap::Args)]
#[command(
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  evt poll contact --since 2026-04-25          records changed since then
  evt poll contact                             records changed since the last call
  evt poll order --follow --interval 2s..1m --forward 3000/orders
  evt poll contact --out contacts.ndjson       each record exactly once, even after kill -9
  evt poll contact --where 'data.status == \"lead\"' --jq .data.email
  evt poll contact,order --format singer --state state.json | target-jsonl
  evt poll state list                          how far each datatype was read"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    poll: PollArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    State(state::Args),
}

#[derive(Debug, clap::Args)]
struct PollArgs {
    /// The kind of record: contact, order, ticket, …; with --format singer, several separated by commas
    datatype: Option<String>,

    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    show: ShowArgs,
    #[command(flatten)]
    sinks: SinkArgs,
    #[command(flatten)]
    stop: StopArgs,
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    state: StateArgs,
    #[command(flatten)]
    tap: tap::TapArgs,
}

/// Which records.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Selecting")]
struct SelectArgs {
    /// Start here in the first call: 2026-04-25, 2h (ago), now, RFC 3339
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Leave out records modified at or after this time
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// Only records that match this filter, in the platform's own syntax (Mongo), as JSON; later calls need the same filter
    #[arg(long, value_name = "JSON", value_parser = object)]
    query: Option<Map<String, Value>>,
    /// Print only these types: contact.created, '!*.deleted' (repeatable); other records count as read
    #[arg(long = "type", value_name = "PATTERN")]
    types: Vec<TypeRule>,
    /// Print only records that satisfy this condition, such as 'data.status == "lead"'; `data` has the fields of the record
    #[arg(long = "where", value_name = "EXPR")]
    condition: Option<Where>,
    /// What to do with records that have no date of change
    #[arg(long, value_name = "WHAT", value_enum, default_value = "warn")]
    undated: UndatedArg,
    /// Skip records that cannot be read, such as invalid JSON, and report each of them; the command ends with exit 10
    #[arg(long)]
    skip_malformed: bool,
    /// How to detect deletions: by a state in the record, or also by a sweep through all keys
    #[arg(long, value_name = "HOW", value_enum, default_value = "soft")]
    deletes: Deletes,
    /// Accept that more than half of the known records are deleted; without it, --deletes sweep fails with exit 11
    #[arg(long)]
    allow_mass_deletion: bool,
    /// Also sweep through all keys and print records that were missed; the first sweep only learns which records exist
    #[arg(long)]
    reconcile: bool,
}

/// What is printed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Printing")]
struct ShowArgs {
    /// Write records to this file instead of stdout, each exactly once even if the process is killed
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write records as JSON lines, or as messages of the Singer specification
    #[arg(long, value_name = "FORM", value_enum, default_value = "json")]
    format: FormatArg,
    /// Wrap each record in an envelope with an id, so that a reader can drop duplicates
    #[arg(long, conflicts_with = "format")]
    envelope: bool,
    /// Print the result of this jq expression for each record, such as .data.email
    #[arg(long, value_name = "EXPR", conflicts_with = "format")]
    jq: Option<Shape>,
}

/// What else to do with records.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Forwarding")]
struct SinkArgs {
    /// Deliver each record to this target: 3000, host:port/path, a URL; failed deliveries are retried by the next call
    #[arg(long, value_name = "TARGET")]
    forward: Option<Destination>,
    /// Sign deliveries as Standard Webhooks with this secret: text, env:NAME, file:PATH, cmd:… or -
    #[arg(long, value_name = "REF", requires = "forward")]
    secret: Option<SecretRef>,
    /// Run this command for each record, with the record on stdin; the record counts as read when it exits with 0
    #[arg(long, value_name = "CMD", conflicts_with_all = ["forward", "format", "envelope", "jq"])]
    exec: Option<String>,
    /// Store the records as events, for `evt events`
    #[arg(long)]
    save: bool,
    /// Append records and their times to a file for `evt events import` and `replay`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// When to stop.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Stopping")]
struct StopArgs {
    /// Keep polling after everything has been read
    #[arg(long)]
    follow: bool,
    /// How long to wait between polls: the shortest wait while records change, growing to the longest
    #[arg(long, value_name = "SPAN..SPAN", default_value = "5s..60s")]
    interval: Between,
    /// Fail with exit 11 if the server's clock went back, instead of reading again from the earlier time
    #[arg(long)]
    fail_on_gap: bool,
    /// Stop after N records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max: Option<u64>,
}

/// How to send requests.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Requesting")]
struct RequestArgs {
    /// Read this far back again, for records that become visible after their date of change
    #[arg(long, value_name = "SPAN", default_value = "2m")]
    lookback: Span,
    /// Request N records per page
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    page_size: u32,
    /// Path of a record's key; by default, the first of sk, id and _id that exists
    #[arg(long, value_name = "PATH")]
    key: Option<String>,
    /// Path of a record's date of change
    #[arg(long, value_name = "PATH", default_value = "modifydate")]
    field: String,
    /// Ignore changes of this field (repeatable)
    #[arg(long, value_name = "PATH")]
    ignore_field: Vec<String>,
    /// The order in which to read; auto reads in ascending order and falls back if the server does not support it
    #[arg(long, value_name = "ORDER", value_enum, default_value = "auto")]
    strategy: StrategyArg,
    /// Limit the rate of requests: 5/s, 100/m
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,
    /// Cancel a request that takes longer, and retry it
    #[arg(long, value_name = "SPAN", default_value = "60s")]
    timeout: Span,
    /// Fail if the server asks to wait longer than this
    #[arg(long, value_name = "SPAN", default_value = "10m")]
    max_wait: Span,
}

/// Where the state is stored.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "State")]
struct StateArgs {
    /// Store the state under this name instead of PROFILE.DATATYPE
    #[arg(long, value_name = "NAME")]
    state_key: Option<String>,
    /// Take the state over from another poller, which stops at its next commit
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum UndatedArg {
    /// Report how many there are
    Warn,
    /// Read them too
    Include,
    /// Fail with exit 11
    Fail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Deletes {
    Soft,
    Sweep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FormatArg {
    Json,
    Singer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum StrategyArg {
    Auto,
    /// Oldest change first
    Asc,
    /// Newest change first
    Desc,
    /// Page by page, until a pass finds nothing new
    Pages,
}

impl From<UndatedArg> for Undated {
    fn from(arg: UndatedArg) -> Self {
        match arg {
            UndatedArg::Warn => Self::Warn,
            UndatedArg::Include => Self::Include,
            UndatedArg::Fail => Self::Fail,
        }
    }
}

impl From<StrategyArg> for Strategy {
    fn from(arg: StrategyArg) -> Self {
        match arg {
            StrategyArg::Auto => Self::Auto,
            StrategyArg::Asc => Self::Ascending,
            StrategyArg::Desc => Self::Descending,
            StrategyArg::Pages => Self::Pages,
        }
    }
}

pub(crate) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    match args.command {
        Some(Command::State(args)) => state::run(args, cx).await,
        None => args.poll.run(&cx).await,
    }
}

impl PollArgs {
    async fn run(&self, cx: &Arc<Context>) -> Result<Exit, CliError> {
        if self.is_tap(cx) {
            return tap::run(self, cx).await;
        }
        let datatype = self.datatype.clone().ok_or_else(no_datatype)?;
        if datatype.contains(',') {
            return Err(
                CliError::usage("only --format singer reads several datatypes in one run")
                    .hint(format!("evt poll {datatype} --format singer")),
            );
        }
        let key = self.key(&datatype, cx)?;
        let singer = self.is_singer().then(|| self.names(&datatype));
        let job = Job {
            args: self,
            key,
            folder: state::folder(cx),
            profile: cx.profile()?,
            since: self.since(),
            is_tap: false,
            singer,
            datatype,
        };
        Ok(job.run(cx).await?.exit)
    }

    fn is_singer(&self) -> bool {
        self.show.format == FormatArg::Singer
    }

    fn since(&self) -> Option<Micros> {
        let now = Timestamp::now();
        self.select.since.map(|since| Micros::from(since.at(now)))
    }

    /// The names in the Singer messages of a datatype.
    fn names(&self, datatype: &str) -> SingerNames {
        SingerNames {
            stream: datatype.to_owned(),
            replication_key: self.request.field.clone(),
            key: self.request.key.clone(),
            ..SingerNames::default()
        }
    }

    /// The name of the state.
    fn key(&self, datatype: &str, cx: &Context) -> Result<String, CliError> {
        if let Some(key) = &self.state.state_key {
            if is_plain_name(key) {
                return Ok(key.clone());
            }
            return Err(CliError::usage(format!("`{key}` is not a valid --state-key")).hint(
                "use at most 64 letters, digits, `.`, `-` and `_`, starting with a letter or digit: --state-key contacts",
            ));
        }
        let name = format!("{}.{datatype}", cx.profile_name());
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        let name: String = name
            .chars()
            .map(|c| if plain(c) { c } else { '-' })
            .collect();
        match is_plain_name(&name) {
            true => Ok(name),
            false => Err(CliError::usage(format!(
                "`{datatype}` cannot be part of the name of a state"
            ))
            .hint("--state-key contacts")),
        }
    }
}

fn no_datatype() -> CliError {
    CliError::new(
        Exit::Usage,
        "missing_argument",
        "the datatype to poll is missing",
    )
    .hint("evt poll contact")
    .hint("evt poll --help")
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("a JSON object, such as {\"data.status\": \"lead\"}".to_owned()),
        Err(error) => Err(format!("not JSON: {error}")),
    }
}
