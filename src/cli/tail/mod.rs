//! `evt tail`: follow a stream.
//!
//! A transport has a row in [`TRANSPORTS`], a file here with its flags and the function that opens it, and its lines in
//! [`Args`] and [`OPENERS`].

#[cfg(feature = "amqp")]
mod amqp;
mod broker;
mod credentials;
mod finish;
mod hints;
mod input;
mod lock;
#[cfg(feature = "nats")]
mod nats;
mod open;
#[cfg(feature = "redis")]
mod redis;
mod resume;
mod socketio;
mod sse;
mod subject;
mod websocket;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use super::parse::one_of;
use super::{Context, RuntimeError, brokers, retention};
use crate::backoff::Retry;
use crate::error::{CliError, Exit};
use crate::event;
use crate::grammar::destination::Destination;
use crate::grammar::header_line::HeaderLine;
use crate::grammar::quantity::{Size, Span};
use crate::grammar::secret_ref::SecretRef;
use crate::pipeline::{Cursor, Forward, OnSlow, Pipeline, PipelineOptions, Save, Show};
use crate::select::{Select, TypeRule, Where};
use crate::shape::Shape;
use crate::source::{Cx, Ended, Pulse, Reconnect, Source, SourceError, TRANSPORTS, keep_open};
use crate::store::Kind;
use crate::ui::{Ui, safe};
use finish::FollowResult;
use open::{Following, Opener};
use subject::Subject;

static OPENERS: &[Opener] = &[
    sse::OPENER,
    websocket::OPENER,
    socketio::OPENER,
    #[cfg(feature = "nats")]
    nats::OPENER,
    #[cfg(feature = "amqp")]
    amqp::OPENER,
    #[cfg(feature = "redis")]
    redis::OPENER,
];

/// Time limit for one attempt to deliver to the target of --forward.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);
/// When connecting takes longer, the target is printed.
const SLOW: Duration = Duration::from_secs(1);

/// Follow a stream: server-sent events, WebSocket, Socket.IO, RabbitMQ, an AI agent's answer
///
/// Messages are printed completely and in order. Events that may have been missed are reported as a gap. Without SOURCE the
/// command follows the live feed of the running `evt dev`. `evt man streams` describes how each kind of stream is
/// delivered, resumed and ended.
#[derive(Debug, clap::Args)]
#[command(after_help = examples())]
pub(crate) struct Args {
    #[arg(value_name = "SOURCE", help = source_help())]
    source: Option<String>,
    /// The same as SOURCE
    #[arg(long, value_name = "SOURCE", conflicts_with_all = ["source", "agent", "gateway"])]
    stream: Option<String>,
    /// Follow a Socket.IO gateway of the profile's platform
    #[arg(long, value_name = "NAME", conflicts_with_all = ["source", "agent"])]
    gateway: Option<subject::Gateway>,
    /// Send the message (- for stdin) to this AI agent and follow its answer
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,

    #[command(flatten)]
    show: ShowArgs,
    #[command(flatten)]
    stop: StopArgs,
    #[command(flatten)]
    save: SaveArgs,
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    send: SendArgs,
    #[command(flatten)]
    broker: broker::Flags,
    #[cfg(feature = "nats")]
    #[command(flatten)]
    nats: nats::Flags,
    #[cfg(feature = "amqp")]
    #[command(flatten)]
    amqp: amqp::Flags,
    #[command(flatten)]
    sse: sse::Flags,
    #[command(flatten)]
    websocket: websocket::Flags,
    #[command(flatten)]
    socketio: socketio::Flags,
    #[cfg(feature = "redis")]
    #[command(flatten)]
    redis: redis::Flags,
}

fn source_help() -> String {
    let schemes = TRANSPORTS.iter().flat_map(|row| row.schemes);
    let schemes: Vec<&str> = schemes.copied().collect();
    format!(
        "An AI stream's id, :3000/events, or a URL ({}); with --agent, the message",
        schemes.join(", ")
    )
}

fn examples() -> String {
    let general = [
        "evt tail                                     everything that the platform emits",
        "evt tail --agent assistant \"hello\" --text    ask an AI agent and print its answer",
        "evt tail --gateway chat -i                   the platform's chat; send lines that you type",
    ];
    let examples = TRANSPORTS.iter().flat_map(|row| row.examples);
    let lines: Vec<&str> = general.iter().chain(examples).copied().collect();
    format!("Examples:\n  {}", lines.join("\n  "))
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Selecting")]
struct ShowArgs {
    /// Only these types: contact.created, 'contact.*', or all except '!contact.*' (repeatable)
    #[arg(long = "type", value_name = "PATTERN")]
    types: Vec<TypeRule>,
    /// Only events for which this holds, such as 'data.amount >= 100' (`evt man grammar`)
    #[arg(long = "where", value_name = "EXPR")]
    condition: Option<Where>,
    /// Transform each printed record with this jq expression, such as '.data.id'
    #[arg(long, value_name = "EXPR", conflicts_with = "text")]
    jq: Option<Shape>,
    /// If stdout is read too slowly: wait, drop and count events, or exit with 11
    #[arg(long, value_name = "WHAT", value_parser = one_of(&OnSlow::WORDS), default_value = "block")]
    on_slow: OnSlow,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Stopping")]
struct StopArgs {
    /// Stop after N events
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    count: Option<u64>,
    /// Stop after this time; exit 9 if --count, --expect or --until-end was not met
    #[arg(long = "for", value_name = "SPAN")]
    for_: Option<Span>,
    /// Stop at the first event that matches a type, 'contact.*', or an expression such as 'data.amount > 10'
    #[arg(long, value_name = "SELECT")]
    expect: Option<Select>,
    /// Stop when the server ends the stream, instead of reconnecting
    #[arg(long)]
    until_end: bool,
    /// Stop with exit 11 as soon as events may have been missed
    #[arg(long)]
    fail_on_gap: bool,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Saving")]
struct SaveArgs {
    /// Save the events, for `evt events`
    #[arg(long)]
    save: bool,
    /// Append events with their times to a file that `evt events import` and `replay` read
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Save each event and deliver it to this target until it is accepted: 3000, host:port/path, a URL, or a broker
    #[arg(long, value_name = "TARGET")]
    forward: Option<Destination>,
    /// Sign forwarded events as Standard Webhooks with this secret: text, env:NAME, file:PATH, cmd:… or -
    #[arg(long, value_name = "REF", requires = "forward")]
    secret: Option<SecretRef>,
    /// Save the position of the stream under this name, and resume there (not for WebSocket)
    #[arg(long, value_name = "NAME", group = open::RESUMING)]
    resume: Option<String>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connecting")]
struct ConnectArgs {
    /// Send a header; its value may be env:NAME, file:PATH or cmd:… (repeatable)
    #[arg(short = 'H', long, value_name = "NAME: VALUE", group = open::REQUEST)]
    header: Vec<HeaderLine>,
    /// Get the token from this command, again for each connection
    #[arg(long, value_name = "CMD")]
    token_cmd: Option<String>,
    /// Time limit for one attempt to connect
    #[arg(long, value_name = "SPAN", default_value = "30s")]
    timeout: Span,
    /// Reconnect also if the first attempt fails or the server ends the stream
    #[arg(long, conflicts_with_all = ["no_reconnect", "until_end"])]
    reconnect: bool,
    /// Never reconnect: a lost connection is exit 5
    #[arg(long)]
    no_reconnect: bool,
    /// Give up after N consecutive failures
    #[arg(long, value_name = "N", conflicts_with = "no_reconnect")]
    max_retries: Option<u32>,
    /// Largest message to accept, and longest line to send with -i
    #[arg(long, value_name = "SIZE", default_value = "8MiB")]
    max_message_size: Size,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Sending")]
#[group(id = "sending")]
struct SendArgs {
    /// Send each line of stdin: text, or `event json…` for Socket.IO
    #[arg(short, long)]
    interactive: bool,
    /// Send this after every connect (repeatable)
    #[arg(long, value_name = "TEXT")]
    send_on_connect: Vec<String>,
    /// Send every message back
    #[arg(long)]
    echo: bool,
}

pub(crate) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    args.check(&cx)?;
    let subject = subject::subject(&args, &cx).await?;
    let args = Arc::new(args);
    let _lock = lock::lock(args.save.resume.as_deref(), &cx)?;
    let mut following = open(subject, &args, &cx).await?;
    let stop = cx.shutdown.child_token();
    let pulse = Arc::new(Pulse::default());
    let options = args.pipeline(&following, Arc::clone(&pulse), &cx)?;
    let mut pipeline = Pipeline::new(options, Arc::clone(&cx.ui), stop.clone());
    if args.save.save || args.save.forward.is_some() {
        retention::start(&cx, cx.inbox()?, Kind::Inbox, stop.clone())?;
    }
    if let Some(position) = following.source.position() {
        pipeline.starts_at(&position);
    }
    let mut source_cx = Cx {
        outlet: &mut pipeline,
        input: args.send.interactive.then(|| {
            let longest = args.connect.max_message_size.bytes();
            input::read(&cx, longest, stop.clone())
        }),
        stop,
        pulse,
        loss: following.loss.take(),
        reconnects: 0,
    };
    let (end, time_over) = follow(&args, following.source.as_mut(), &mut source_cx, &cx.ui).await;
    let result = FollowResult {
        end,
        time_over,
        target: following.source.target(),
        transport: following.transport,
        server: following.server,
        stream: following.name,
        is_answer: following.is_answer || args.sse.text,
    };
    drop(following.source);
    result.report(pipeline, &args, &cx).await
}

/// Opens the source on a blocking thread, because a token's command can take long. Ctrl-C cancels the wait.
async fn open(
    subject: Subject,
    args: &Arc<Args>,
    cx: &Arc<Context>,
) -> Result<Following, CliError> {
    let (own_args, own_cx) = (Arc::clone(args), Arc::clone(cx));
    let opening = tokio::task::spawn_blocking(move || Following::open(subject, &own_args, &own_cx));
    tokio::select! {
        opened = opening => opened.unwrap_or_else(|_| Err(RuntimeError::Panicked.into())),
        () = cx.shutdown.cancelled() => Err(interrupted(cx)),
    }
}

/// The error for a command that was interrupted before the stream was open.
fn interrupted(cx: &Context) -> CliError {
    let exit = cx.interrupted().unwrap_or(Exit::Interrupted);
    CliError::new(
        exit,
        "interrupted",
        "interrupted before the stream was open",
    )
}

/// Follows the source until it ends or the time of `--for` is over. Returns whether the time is over.
async fn follow(
    args: &Args,
    source: &mut dyn Source,
    cx: &mut Cx<'_>,
    ui: &Arc<Ui>,
) -> (Result<Ended, SourceError>, bool) {
    let stop = cx.stop.clone();
    let _notice = notice_if_slow(source.target(), Arc::clone(&cx.pulse), Arc::clone(ui));
    let open = keep_open(
        source,
        cx,
        args.reconnect(),
        args.connect.max_retries,
        fastrand::f64,
    );
    tokio::pin!(open);
    let Some(span) = args.stop.for_ else {
        return (open.await, false);
    };
    tokio::select! {
        end = &mut open => (end, false),
        () = tokio::time::sleep(span.into()) => {
            stop.cancel();
            (open.await, true)
        }
    }
}

/// Prints the target if connecting takes long.
fn notice_if_slow(target: String, pulse: Arc<Pulse>, ui: Arc<Ui>) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        tokio::time::sleep(SLOW).await;
        if pulse.last_sign().is_none() {
            let facts = serde_json::json!({ "target": target });
            let text = format!("Connecting to {} …", safe(&target));
            ui.notice("connecting", facts, &text);
        }
    }))
}

fn at_least_one(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("not a number".to_owned()),
    }
}

impl Args {
    /// Refuses contradictory arguments.
    fn check(&self, cx: &Context) -> Result<(), CliError> {
        if self.sse.text && cx.ui.explicit_json() {
            return Err(
                CliError::usage("--text prints text, but JSON was requested")
                    .hint("leave --text out to print each event as a line of JSON")
                    .hint("leave -o json out to print the text of the answer"),
            );
        }
        Ok(())
    }

    fn reconnect(&self) -> Reconnect {
        match (self.connect.reconnect, self.connect.no_reconnect) {
            (true, _) => Reconnect::Always,
            (_, true) => Reconnect::Never,
            _ => Reconnect::AfterLoss,
        }
    }

    /// Whether events are stored, recorded or delivered.
    fn keeps_events(&self) -> bool {
        let save = &self.save;
        save.save || save.record.is_some() || save.forward.is_some() || save.resume.is_some()
    }

    /// Whether the command has a goal, which an interruption does not meet.
    fn has_goal(&self) -> bool {
        self.stop.until_end || self.has_count()
    }

    /// Whether events count towards a goal, which the end of the stream does not meet.
    fn has_count(&self) -> bool {
        self.stop.count.is_some() || self.stop.expect.is_some()
    }

    fn pipeline(
        &self,
        following: &Following,
        pulse: Arc<Pulse>,
        cx: &Context,
    ) -> Result<PipelineOptions, CliError> {
        Ok(PipelineOptions {
            source: event::Source::Tail,
            transport: following.source.transport(),
            name: following.source.target(),
            select: Select {
                types: self.show.types.clone(),
                condition: self.show.condition.clone(),
                ..Select::default()
            },
            expect: self.stop.expect.clone(),
            count: self.stop.count,
            show: if self.sse.text {
                Show::Answer
            } else {
                Show::Event
            },
            is_one_answer: following.is_answer || (self.sse.text && self.stop.until_end),
            shape: self.show.jq.clone(),
            on_slow: self.show.on_slow,
            save: self.save(&following.name, cx)?,
            exec: None,
            record: self.save.record.clone(),
            fail_on_gap: self.stop.fail_on_gap,
            known_paths: Vec::new(),
            pulse,
        })
    }

    /// What the store saves of `stream`, if anything.
    fn save(&self, stream: &str, cx: &Context) -> Result<Option<Save>, CliError> {
        let args = &self.save;
        let secret = args.secret.as_ref().map(|secret| cx.secret(secret));
        let secret = secret.transpose()?;
        let dialer = cx.dialer()?;
        let forward = args.forward.clone().map(|to| Forward {
            to,
            retry: Retry::dev(),
            timeout: FORWARD_TIMEOUT,
            secret,
            dialer: dialer.clone(),
            complete: brokers::completer(cx),
        });
        if !args.save && forward.is_none() && args.resume.is_none() {
            return Ok(None);
        }
        Ok(Some(Save {
            store: cx.inbox()?,
            events: args.save || forward.is_some(),
            forward,
            cursor: args.resume.clone().map(|name| Cursor {
                name,
                stream: stream.to_owned(),
            }),
        }))
    }
}
