//! `evt poll`: read records by their date of change.

mod ending;
mod progress;
pub(crate) mod state;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::Context;
use crate::backoff::Retry;
use crate::error::{CliError, Exit};
use crate::event::Transport;
use crate::grammar::quantity::{Between, Rate, Span, When};
use crate::grammar::secret_ref::SecretRef;
use crate::grammar::target::Target;
use crate::paths::is_plain_name;
use crate::pipeline::{
    Forward, OnSlow, Pipeline, PipelineOptions, RecordForm, Save, Show, SingerNames,
};
use crate::select::{Select, TypeRule, Where};
use crate::shape::Shape;
use crate::source::Pulse;
use crate::source::poll::{Find, OutFile, Poll, PollOptions, Strategy, Subject, Undated};
use crate::store::poll::PollState;
use crate::time::Timestamp;
use crate::watermark::Micros;
use ending::Ending;

/// Timeout of a delivery by --forward.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);

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
  evt poll contact --where 'data.data.status == \"lead\"' --jq .data.email
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
    /// The kind of record: contact, order, ticket, …
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
    /// Print only records that satisfy this condition, such as 'data.data.status == "lead"'; `data` is the record
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
    forward: Option<Target>,
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
        let datatype = self.datatype.clone().ok_or_else(no_datatype)?;
        let key = self.key(&datatype, cx)?;
        let profile = cx.profile()?;
        let client = cx.api()?;
        let subject = Subject {
            url: profile.url.clone(),
            org: profile.org.clone(),
            is_loopback: client.is_loopback(),
        };
        let state = PollState::open(&state::folder(cx), &key, self.state.force)?;
        self.report_ignored_flags(&state, &key, cx);
        let before = state.position().emitted;
        let file = self.show.out.as_deref();
        let file = file
            .map(|path| OutFile::open(path, state.position().output.as_ref()))
            .transpose()?;
        let ui = match &file {
            Some(file) => Arc::new(cx.ui.beside(Box::new(file.writer()?))),
            None => Arc::clone(&cx.ui),
        };
        let limit = self.request.timeout.into();
        let asked = datatype.clone();
        let find: Find = Arc::new(move |body| {
            let (client, datatype) = (Arc::clone(&client), asked.clone());
            Box::pin(async move { client.find_unparsed(&datatype, body, limit).await })
        });
        let stop = cx.shutdown.child_token();
        let options = self.options(&datatype);
        let shown_datatype = crate::ui::safe(&datatype).to_string();
        let mut poll = Poll::new(options, subject, find, state, file);
        let mut pipeline = Pipeline::new(self.pipeline(&datatype, cx)?, ui, stop.clone());
        let display = progress::show(&datatype, poll.progress(), self.show.out.is_some(), cx);
        if self.stop.follow {
            let (least, most) = self.stop.interval.ends();
            let (least, most) = (Span::new(least), Span::new(most));
            let facts = serde_json::json!({ "datatype": shown_datatype, "state": key });
            let text = format!(
                "Following {shown_datatype}: polling every {least} to {most}. Ctrl-C stops it."
            );
            cx.ui.notice("following", facts, &text);
        }
        let end = poll.run(&mut pipeline, &stop).await;
        drop(display);
        let ending = Ending {
            end,
            key,
            before,
            follows: self.stop.follow,
        };
        ending.conclude(pipeline, poll, cx).await
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

    fn report_ignored_flags(&self, state: &PollState, key: &str, cx: &Context) {
        let position = state.position();
        if position.has_begun() && self.select.since.is_some() {
            let reached = position
                .frontier
                .map_or_else(String::new, |frontier| format!(", up to {frontier}"));
            cx.ui.status(&format!(
                "--since only applies to the first call; this one continues where the last one ended{reached}. To start over: evt poll state reset {key}"
            ));
        }
    }

    fn options(&self, datatype: &str) -> PollOptions {
        let now = Timestamp::now();
        let at = |when: When| Micros::from(when.at(now));
        let interval = self.stop.interval;
        PollOptions {
            datatype: datatype.to_owned(),
            since: self.select.since.map(at),
            until: self.select.until.map(at),
            max: self.stop.max,
            lookback: self.request.lookback.into(),
            page_size: self.request.page_size,
            query: self.select.query.clone().unwrap_or_default(),
            key: self.request.key.clone(),
            field: self.request.field.clone(),
            ignore: self.request.ignore_field.clone(),
            undated: self.select.undated.into(),
            strategy: self.request.strategy.into(),
            pace: self.request.rate.map(Rate::interval),
            max_wait: self.request.max_wait.into(),
            sweep: self.select.deletes == Deletes::Sweep,
            allow_mass_deletion: self.select.allow_mass_deletion,
            reconcile: self.select.reconcile,
            fail_on_gap: self.stop.fail_on_gap,
            follow: self.stop.follow.then(|| interval.ends()),
            skip_malformed: self.select.skip_malformed,
            commit_each_record: self.sinks.exec.is_some(),
            writes_bookmarks: self.show.format == FormatArg::Singer,
        }
    }

    fn pipeline(&self, datatype: &str, cx: &Context) -> Result<PipelineOptions, CliError> {
        let sinks = &self.sinks;
        let secret = sinks.secret.as_ref().map(|secret| cx.secret(secret));
        let secret = secret.transpose()?;
        let dialer = cx.dialer()?;
        let forward = sinks.forward.clone().map(|target| Forward {
            target,
            retry: Retry::dev(),
            timeout: FORWARD_TIMEOUT,
            secret,
            dialer: dialer.clone(),
        });
        let save = (sinks.save || forward.is_some()).then(|| {
            Ok::<_, CliError>(Save {
                store: cx.inbox()?,
                events: true,
                forward,
                cursor: None,
            })
        });
        Ok(PipelineOptions {
            source: crate::event::Source::Poll,
            transport: Transport::Poll,
            name: format!("/repository/find/{datatype}"),
            select: Select {
                types: self.select.types.clone(),
                condition: self.select.condition.clone(),
                ..Select::default()
            },
            expect: None,
            count: None,
            show: self.shows(datatype),
            is_one_answer: false,
            shape: self.show.jq.clone(),
            on_slow: OnSlow::Block,
            save: save.transpose()?,
            exec: sinks.exec.clone(),
            record: sinks.record.clone(),
            fail_on_gap: false,
            pulse: Arc::new(Pulse::default()),
        })
    }

    fn shows(&self, datatype: &str) -> Show {
        match self.show.format {
            FormatArg::Singer => Show::Records(RecordForm::Singer(SingerNames {
                stream: datatype.to_owned(),
                replication_key: self.request.field.clone(),
                key: self.request.key.clone(),
            })),
            FormatArg::Json if self.show.envelope => Show::Records(RecordForm::Enveloped),
            // The command of --exec writes to stdout.
            FormatArg::Json if self.sinks.exec.is_some() && self.show.out.is_none() => {
                Show::Nothing
            }
            FormatArg::Json => Show::Records(RecordForm::AsTheyCame),
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
