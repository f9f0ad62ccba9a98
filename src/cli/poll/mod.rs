//! `evt poll`: records by their date of change.

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
    Forward, Keep, OnSlow, Pipeline, PipelineOptions, RecordForm, Show, SingerNames,
};
use crate::select::{Select, TypeRule, Where};
use crate::shape::Shape;
use crate::source::Pulse;
use crate::source::poll::{Find, OutFile, Poll, PollOptions, Strategy, Subject, Undated};
use crate::store::poll::PollState;
use crate::time::Timestamp;
use crate::watermark::Micros;
use ending::Ending;

/// How long a target of --forward may take.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);

/// Poll records by their date of change: all of them, then what has changed since the last call
///
/// The first call reads what was modified since --since; each later one goes on where the last one ended. Nothing is lost and
/// nothing repeated, whatever the server does and whenever this is killed, as far as it is stated in `evt man polling`.
/// Of several changes to a record between two polls only the last can be seen.
#[derive(Debug, clap::Args)]
#[command(
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  evt poll contact --since 2026-04-25          everything changed since then
  evt poll contact                             what has changed since the last call
  evt poll order --follow --interval 2s..1m --forward 3000/orders
  evt poll contact --out contacts.ndjson       exactly once, also across kill -9
  evt poll contact --where 'data.data.status == \"lead\"' --jq .data.email
  evt poll state list                          how far each one has come"
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
    which: WhichArgs,
    #[command(flatten)]
    show: ShowArgs,
    #[command(flatten)]
    sinks: SinkArgs,
    #[command(flatten)]
    stop: StopArgs,
    #[command(flatten)]
    ask: AskArgs,
    #[command(flatten)]
    state: StateArgs,
}

/// Which records.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Selecting")]
struct WhichArgs {
    /// Begin here, the first time: 2026-04-25, 2h (ago), now, RFC 3339
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Leave out what was modified at or after this
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// Only records that this filter finds, in the platform's own form (Mongo), as JSON; part of what is remembered
    #[arg(long, value_name = "JSON", value_parser = object)]
    query: Option<Map<String, Value>>,
    /// Print only these types: contact.created, '!*.deleted' (repeatable); what is left out counts as read
    #[arg(long = "type", value_name = "PATTERN")]
    types: Vec<TypeRule>,
    /// Print only records for which this holds, such as 'data.data.status == "lead"': `data` is the record, its own data in it
    #[arg(long = "where", value_name = "EXPR")]
    condition: Option<Where>,
    /// What to do with records that have no date: they are never found by one
    #[arg(long, value_name = "WHAT", value_enum, default_value = "warn")]
    undated: UndatedArg,
    /// How to notice deletions: by a state that says so, or by sweeping through all keys as well
    #[arg(long, value_name = "HOW", value_enum, default_value = "soft")]
    deletes: Deletes,
    /// Also walk through everything without a date: the first time to learn it, then to print what was never seen
    #[arg(long)]
    reconcile: bool,
}

/// What is printed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Printing")]
struct ShowArgs {
    /// Write records here in place of stdout, each exactly once whenever this is killed
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Records as JSON lines, or as messages of the Singer specification
    #[arg(long, value_name = "FORM", value_enum, default_value = "json")]
    format: FormatArg,
    /// Put each record into an envelope with an id by which a reader can drop what comes twice
    #[arg(long, conflicts_with = "format")]
    envelope: bool,
    /// Print what this jq expression makes of each record, such as .data.email
    #[arg(long, value_name = "EXPR", conflicts_with = "format")]
    jq: Option<Shape>,
}

/// What becomes of records beside being printed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Passing on")]
struct SinkArgs {
    /// Keep a delivery of each record and make it: 3000, host:port/path, a URL; what is not taken yet waits for the next call
    #[arg(long, value_name = "TARGET")]
    forward: Option<Target>,
    /// Sign what is forwarded, as Standard Webhooks: text, env:NAME, file:PATH, cmd:… or -
    #[arg(long, value_name = "REF", requires = "forward")]
    secret: Option<SecretRef>,
    /// Run this for each record, which stands on its stdin; it counts as read when that ends with 0
    #[arg(long, value_name = "CMD", conflicts_with_all = ["forward", "format", "envelope", "jq"])]
    exec: Option<String>,
    /// Keep the records as events, for `evt events`
    #[arg(long)]
    save: bool,
    /// Append records with their times to a file that `evt events import` and `replay` read
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// When it ends.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Stopping")]
struct StopArgs {
    /// Go on and ask again when all has been read
    #[arg(long)]
    follow: bool,
    /// Ask again after so long: the shortest wait while there is news, growing to the longest
    #[arg(long, value_name = "SPAN..SPAN", default_value = "5s..60s")]
    interval: Between,
    /// End after N records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max: Option<u64>,
}

/// How the server is asked.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Asking")]
struct AskArgs {
    /// Read again so far behind: a record may become visible so long after its date
    #[arg(long, value_name = "SPAN", default_value = "2m")]
    lookback: Span,
    /// Ask for so many records at a time
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    page_size: u32,
    /// Where a record has its key; found out where it is not given (sk, id, _id)
    #[arg(long, value_name = "PATH")]
    key: Option<String>,
    /// Where a record has its date of change
    #[arg(long, value_name = "PATH", default_value = "modifydate")]
    field: String,
    /// A change of this alone is no change (repeatable)
    #[arg(long, value_name = "PATH")]
    ignore_field: Vec<String>,
    /// The order in which to read: auto asks in ascending order and falls back where a server does not allow it
    #[arg(long, value_name = "ORDER", value_enum, default_value = "auto")]
    strategy: StrategyArg,
    /// No more requests than this: 5/s, 100/m
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,
    /// Give up a request that takes longer, and make it again
    #[arg(long, value_name = "SPAN", default_value = "60s")]
    timeout: Span,
    /// The longest wait that the server may ask for
    #[arg(long, value_name = "SPAN", default_value = "10m")]
    max_wait: Span,
}

/// Where it is remembered how far it got.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Remembering")]
struct StateArgs {
    /// Remember under this name, in place of PROFILE.DATATYPE
    #[arg(long, value_name = "NAME")]
    state_key: Option<String>,
    /// Take over from another poller that has the state; that one ends at its next commit
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum UndatedArg {
    /// Say how many there are
    Warn,
    /// Read them too
    Include,
    /// End with exit 11
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
    /// The oldest change first
    Asc,
    /// The newest first
    Desc,
    /// Page by page, until nothing new comes
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
        self.say_what_is_ignored(&state, &key, cx);
        let before = state.position().emitted;
        let output = self.show.out.as_deref();
        let output = output
            .map(|path| OutFile::open(path, state.position().output.as_ref()))
            .transpose()?;
        let ui = match &output {
            Some(file) => Arc::new(cx.ui.beside(Box::new(file.writer()?))),
            None => Arc::clone(&cx.ui),
        };
        let limit = self.ask.timeout.into();
        let asked = datatype.clone();
        let find: Find = Arc::new(move |body| {
            let (client, datatype) = (Arc::clone(&client), asked.clone());
            Box::pin(async move { client.find_as_is(&datatype, body, limit).await })
        });
        let stop = cx.shutdown.child_token();
        let options = self.options(&datatype);
        let poll_of = crate::ui::safe(&datatype).to_string();
        let mut poll = Poll::new(options, subject, find, state, output);
        let mut pipeline = Pipeline::new(self.pipeline(&datatype, cx)?, ui, stop.clone());
        let shown = progress::show(&datatype, poll.gauge(), self.show.out.is_some(), cx);
        if self.stop.follow {
            let (least, most) = self.stop.interval.ends();
            let (least, most) = (Span::new(least), Span::new(most));
            let facts = serde_json::json!({ "datatype": poll_of, "state": key });
            let text = format!(
                "Following {poll_of}: it is asked every {least} to {most}. Ctrl-C ends it."
            );
            cx.ui.notice("following", facts, &text);
        }
        let end = poll.run(&mut pipeline, &stop).await;
        drop(shown);
        let ending = Ending {
            end,
            key,
            before,
            follows: self.stop.follow,
        };
        ending.conclude(pipeline, poll, cx).await
    }

    /// The name under which it is remembered.
    fn key(&self, datatype: &str, cx: &Context) -> Result<String, CliError> {
        if let Some(key) = &self.state.state_key {
            if is_plain_name(key) {
                return Ok(key.clone());
            }
            return Err(CliError::usage(format!("`{key}` is no name for --state-key")).hint(
                "letters, digits, `.`, `-` and `_`, at most 64, a letter or digit first: --state-key contacts",
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
                "`{datatype}` does not make a name to remember by"
            ))
            .hint("--state-key contacts")),
        }
    }

    fn say_what_is_ignored(&self, state: &PollState, key: &str, cx: &Context) {
        let position = state.position();
        if position.has_begun() && self.which.since.is_some() {
            let place = position
                .frontier
                .map_or_else(String::new, |frontier| format!(", up to {frontier}"));
            cx.ui.status(&format!(
                "--since is for the first call alone; this goes on where the last one ended{place}. To begin anew: evt poll state reset {key}"
            ));
        }
    }

    fn options(&self, datatype: &str) -> PollOptions {
        let now = Timestamp::now();
        let at = |when: When| Micros::from(when.at(now));
        let interval = self.stop.interval;
        PollOptions {
            datatype: datatype.to_owned(),
            since: self.which.since.map(at),
            until: self.which.until.map(at),
            max: self.stop.max,
            lookback: self.ask.lookback.into(),
            page_size: self.ask.page_size,
            query: self.which.query.clone().unwrap_or_default(),
            key: self.ask.key.clone(),
            field: self.ask.field.clone(),
            ignore: self.ask.ignore_field.clone(),
            undated: self.which.undated.into(),
            strategy: self.ask.strategy.into(),
            pace: self.ask.rate.map(Rate::interval),
            max_wait: self.ask.max_wait.into(),
            sweep: self.which.deletes == Deletes::Sweep,
            reconcile: self.which.reconcile,
            follow: self.stop.follow.then(|| interval.ends()),
            one_by_one: self.sinks.exec.is_some(),
            tells_state: self.show.format == FormatArg::Singer,
        }
    }

    fn pipeline(&self, datatype: &str, cx: &Context) -> Result<PipelineOptions, CliError> {
        let sinks = &self.sinks;
        let secret = sinks.secret.as_ref().map(|secret| cx.secret(secret));
        let secret = secret.transpose()?;
        let forward = sinks.forward.clone().map(|target| Forward {
            target,
            retry: Retry::dev(),
            timeout: FORWARD_TIMEOUT,
            secret,
        });
        let keep = (sinks.save || forward.is_some()).then(|| {
            Ok::<_, CliError>(Keep {
                store: cx.inbox()?,
                events: true,
                forward,
                cursor: None,
            })
        });
        Ok(PipelineOptions {
            transport: Transport::Poll,
            name: format!("/repository/find/{datatype}"),
            select: Select {
                types: self.which.types.clone(),
                condition: self.which.condition.clone(),
                ..Select::default()
            },
            expect: None,
            count: None,
            show: self.shows(datatype),
            is_one_answer: false,
            shape: self.show.jq.clone(),
            on_slow: OnSlow::Block,
            keep: keep.transpose()?,
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
                replication_key: self.ask.field.clone(),
                key: self.ask.key.clone(),
            })),
            FormatArg::Json if self.show.envelope => Show::Records(RecordForm::Enveloped),
            // stdout is the command's then.
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
        "which records are to be polled is not said",
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
