//! `evt tail`: follow a stream.

mod advice;
mod agent;
mod choose;
mod credentials;
mod ending;
mod input;
mod name;
mod resume;
mod source;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{Context, RuntimeError};
use crate::backoff::Retry;
use crate::error::{CliError, Exit};
use crate::grammar::header_line::HeaderLine;
use crate::grammar::quantity::{Size, Span};
use crate::grammar::secret_ref::SecretRef;
use crate::grammar::target::Target;
use crate::pipeline::{Cursor, Forward, Keep, OnSlow, Pipeline, PipelineOptions, Show};
use crate::select::{Select, TypeRule, Where};
use crate::shape::Shape;
use crate::source::{Cx, Ended, Pulse, Reconnect, Source, SourceError, Transports, keep_open};
use crate::ui::{Ui, safe};
use ending::Ending;
use source::{Following, Subject};

/// How long a target of --forward may take.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);
/// Connecting that takes longer is told.
const SLOW: Duration = Duration::from_secs(1);

/// Follow a stream: server-sent events, WebSocket, Socket.IO, an AI agent's answer
///
/// What arrives is printed whole and in order; what may have been missed is said. With no source it is the live feed of the
/// running `evt dev`, and on a terminal you choose. How each kind of stream promises, resumes and ends: `evt man streams`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt tail                                     what the platform emits, as it happens
  evt tail --agent assistant \"hello\" --text    ask an AI agent and watch the answer grow
  evt tail --gateway chat -i                   the platform's chat; lines that you type are sent
  evt tail :3000/events --type 'order.*' --count 2 --for 20s
  evt tail wss://example.test/ws --send-on-connect '{\"op\":\"subscribe\"}' -o json
  evt tail socketio+https://example.test/chat --auth env:CHAT_AUTH
  evt tail https://example.test/events --resume orders --forward 3000")]
pub(crate) struct Args {
    /// An AI stream's id, :3000/events, an http(s), ws(s) or socketio+http(s) URL; with --agent, the message
    #[arg(value_name = "SOURCE")]
    source: Option<String>,
    /// The same as SOURCE
    #[arg(long, value_name = "SOURCE", conflicts_with_all = ["source", "agent", "gateway"])]
    stream: Option<String>,
    /// A Socket.IO gateway of the profile's platform
    #[arg(long, value_name = "NAME", conflicts_with_all = ["source", "agent"])]
    gateway: Option<source::Gateway>,
    /// Ask this AI agent the message (- for stdin) and follow its answer
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,

    #[command(flatten)]
    show: ShowArgs,
    #[command(flatten)]
    stop: StopArgs,
    #[command(flatten)]
    keep: KeepArgs,
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    speak: SpeakArgs,
}

/// What is printed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Selecting")]
struct ShowArgs {
    /// Only these types: contact.created, 'contact.*', or all but '!contact.*' (repeatable)
    #[arg(long = "type", value_name = "PATTERN")]
    types: Vec<TypeRule>,
    /// Only those for which this holds, such as 'data.amount >= 100' (`evt man grammar`)
    #[arg(long = "where", value_name = "EXPR")]
    condition: Option<Where>,
    /// Print what this jq expression makes of each record, such as '.data.id'
    #[arg(long, value_name = "EXPR", conflicts_with = "text")]
    jq: Option<Shape>,
    /// Print only the text of an AI answer, as it grows
    #[arg(long)]
    text: bool,
    /// When stdout is read too slowly: wait, drop and count, or end with exit 11
    #[arg(long, value_name = "WHAT", value_enum, default_value = "block")]
    on_slow: Slow,
}

/// When it ends.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Stopping")]
struct StopArgs {
    /// End after N events
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    count: Option<u64>,
    /// End after this long; exit 9 if --count, --expect or --until-end was not met
    #[arg(long = "for", value_name = "SPAN")]
    for_: Option<Span>,
    /// End when an event like this has come: a type, 'contact.*', or an expression such as 'data.amount > 10'
    #[arg(long, value_name = "SELECT")]
    expect: Option<Select>,
    /// End when the server ends the stream, in place of connecting again
    #[arg(long)]
    until_end: bool,
    /// End with exit 11 as soon as something may have been missed
    #[arg(long)]
    fail_on_gap: bool,
}

/// What becomes of events beside being printed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Keeping")]
struct KeepArgs {
    /// Keep the events, for `evt events`
    #[arg(long)]
    save: bool,
    /// Append events with their times to a file that `evt events import` and `replay` read
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Keep each event and deliver it here until it is taken: 3000, host:port/path, a URL
    #[arg(long, value_name = "TARGET")]
    forward: Option<Target>,
    /// Sign what is forwarded, as Standard Webhooks: text, env:NAME, file:PATH, cmd:… or -
    #[arg(long, value_name = "REF", requires = "forward")]
    secret: Option<SecretRef>,
    /// Remember under this name how far it got, and go on from there (not for WebSocket)
    #[arg(long, value_name = "NAME")]
    resume: Option<String>,
}

/// How it is connected.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connecting")]
struct ConnectArgs {
    /// Send a header; its value may be env:NAME, file:PATH or cmd:… (repeatable)
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    header: Vec<HeaderLine>,
    /// Make the token by this command, anew for each connection
    #[arg(long, value_name = "CMD")]
    token_cmd: Option<String>,
    /// Give up an attempt to connect that takes longer
    #[arg(long, value_name = "SPAN", default_value = "30s")]
    timeout: Span,
    /// Connect again also when the first attempt fails and when the server ends the stream
    #[arg(long, conflicts_with_all = ["no_reconnect", "until_end"])]
    reconnect: bool,
    /// Never connect again: a lost connection is exit 5
    #[arg(long)]
    no_reconnect: bool,
    /// Give up after so many failures in a row
    #[arg(long, value_name = "N", conflicts_with = "no_reconnect")]
    max_retries: Option<u32>,
    /// Largest message that is taken, and longest line that -i sends
    #[arg(long, value_name = "SIZE", default_value = "8MiB")]
    max_message_size: Size,
    /// Server-sent events: go on after this id
    #[arg(long, value_name = "ID", conflicts_with = "resume")]
    last_event_id: Option<String>,
    /// Server-sent events: take the connection for lost when nothing came for this long, comments included
    #[arg(long, value_name = "SPAN")]
    idle: Option<Span>,
    /// WebSocket: follow redirects
    #[arg(short = 'L', long)]
    location: bool,
    /// WebSocket: offer this subprotocol (repeatable)
    #[arg(long, value_name = "NAME")]
    subprotocol: Vec<String>,
    /// WebSocket: ping so often, and wait as long for the pong
    #[arg(long, value_name = "SPAN", default_value = "20s")]
    ping: Span,
    /// Socket.IO: the object to authorise with, as JSON or as env:NAME, file:PATH, cmd:…
    #[arg(long, value_name = "JSON|REF")]
    auth: Option<SecretRef>,
    /// Socket.IO: also this namespace, over the same connection (repeatable)
    #[arg(long, value_name = "NAME")]
    namespace: Vec<String>,
    /// Socket.IO: where the server has it
    #[arg(long, value_name = "PATH", default_value = "/socket.io/")]
    path: String,
    /// Socket.IO: how it is carried
    #[arg(long, value_name = "HOW", value_enum, default_value = "websocket")]
    transport: Carrier,
}

/// What is said to the server.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Sending (WebSocket, Socket.IO)")]
struct SpeakArgs {
    /// Send each line of stdin: text, or for Socket.IO `event json…`
    #[arg(short, long)]
    interactive: bool,
    /// Send this at every connect (repeatable)
    #[arg(long, value_name = "TEXT")]
    send_on_connect: Vec<String>,
    /// Answer each message with itself
    #[arg(long)]
    echo: bool,
    /// Socket.IO: acknowledge what wants it, with these arguments (a JSON list)
    #[arg(long, value_name = "JSON", num_args = 0..=1, require_equals = true, default_missing_value = "[]")]
    ack: Option<String>,
}

/// `--on-slow`
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Slow {
    Block,
    Drop,
    Exit,
}

/// `--transport`
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Carrier {
    /// WebSocket from the start
    Websocket,
    /// Long polling, then WebSocket
    Upgrade,
    /// Long polling alone
    Polling,
}

impl From<Carrier> for Transports {
    fn from(carrier: Carrier) -> Self {
        match carrier {
            Carrier::Websocket => Self::WebSocket,
            Carrier::Upgrade => Self::Upgrade,
            Carrier::Polling => Self::Polling,
        }
    }
}

impl From<Slow> for OnSlow {
    fn from(slow: Slow) -> Self {
        match slow {
            Slow::Block => Self::Block,
            Slow::Drop => Self::Drop,
            Slow::Exit => Self::Exit,
        }
    }
}

pub(crate) async fn run(mut args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    args.check(&cx)?;
    let subject = source::subject(&mut args, &cx).await?;
    let args = Arc::new(args);
    let _name = name::take(args.keep.resume.as_deref(), &cx)?;
    let mut following = open(subject, &args, &cx).await?;
    let stop = cx.shutdown.child_token();
    let pulse = Arc::new(Pulse::default());
    let options = args.pipeline(&following, Arc::clone(&pulse), &cx)?;
    let mut pipeline = Pipeline::new(options, Arc::clone(&cx.ui), stop.clone());
    if let Some(place) = following.source.position() {
        pipeline.begins_at(&place);
    }
    let mut source_cx = Cx {
        outlet: &mut pipeline,
        input: args.speak.interactive.then(|| {
            let longest = args.connect.max_message_size.bytes();
            input::read(&cx, longest, stop.clone())
        }),
        stop,
        pulse,
        cut: following.cut.take(),
        reconnects: 0,
    };
    let (end, time_over) = follow(&args, following.source.as_mut(), &mut source_cx, &cx.ui).await;
    let ending = Ending {
        end,
        time_over,
        transport: following.source.transport(),
        target: following.source.target(),
        is_answer: following.is_answer() || args.show.text,
        server: following.server,
        stream: following.name,
    };
    drop(following.source);
    ending.conclude(pipeline, &args, &cx).await
}

/// Makes the source on a thread that may wait: a token's command can take its time, and Ctrl-C ends it all the same.
async fn open(
    subject: Subject,
    args: &Arc<Args>,
    cx: &Arc<Context>,
) -> Result<Following, CliError> {
    let (own, its) = (Arc::clone(args), Arc::clone(cx));
    let opening = tokio::task::spawn_blocking(move || Following::open(subject, &own, &its));
    tokio::select! {
        opened = opening => opened.unwrap_or_else(|_| Err(RuntimeError::Fault.into())),
        () = cx.shutdown.cancelled() => Err(interrupted(cx)),
    }
}

/// The end of a command that was stopped before it had begun.
fn interrupted(cx: &Context) -> CliError {
    let exit = cx.interrupted().unwrap_or(Exit::Interrupted);
    CliError::new(
        exit,
        "interrupted",
        "interrupted before the stream was open",
    )
}

/// Follows the source to its end, or until `--for` is over; says which.
async fn follow(
    args: &Args,
    source: &mut dyn Source,
    cx: &mut Cx<'_>,
    ui: &Arc<Ui>,
) -> (Result<Ended, SourceError>, bool) {
    let stop: CancellationToken = cx.stop.clone();
    let _telling = tell_if_slow(source.target(), Arc::clone(&cx.pulse), Arc::clone(ui));
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

/// Says what is being connected to, once that takes long.
fn tell_if_slow(target: String, pulse: Arc<Pulse>, ui: Arc<Ui>) -> AbortOnDropHandle<()> {
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
        Ok(0) => Err("at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("a number, at least 1".to_owned()),
    }
}

impl Args {
    /// Refuses what cannot be meant.
    fn check(&self, cx: &Context) -> Result<(), CliError> {
        if self.show.text && cx.ui.explicit_json() {
            return Err(
                CliError::usage("--text prints text, and JSON was asked for")
                    .hint("leave --text out, and each event is a line of JSON")
                    .hint("leave -o json out, and the answer's text is printed"),
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

    /// Whether the command is asked for more than to follow.
    fn has_goal(&self) -> bool {
        self.stop.count.is_some() || self.stop.expect.is_some() || self.stop.until_end
    }

    /// Whether events are counted towards a goal, which the end of the stream does not meet.
    fn has_count(&self) -> bool {
        self.stop.count.is_some() || self.stop.expect.is_some()
    }

    fn pipeline(
        &self,
        following: &Following,
        pulse: Arc<Pulse>,
        cx: &Context,
    ) -> Result<PipelineOptions, CliError> {
        let keep = &self.keep;
        let secret = keep.secret.as_ref().map(|secret| cx.secret(secret));
        let secret = secret.transpose()?;
        let forward = keep.forward.clone().map(|target| Forward {
            target,
            retry: Retry::dev(),
            timeout: FORWARD_TIMEOUT,
            secret,
        });
        let keeps = keep.save || forward.is_some() || keep.resume.is_some();
        let kept = keeps.then(|| {
            Ok::<_, CliError>(Keep {
                store: cx.inbox()?,
                events: keep.save || forward.is_some(),
                forward,
                cursor: keep.resume.clone().map(|name| Cursor {
                    name,
                    stream: following.name.clone(),
                }),
            })
        });
        Ok(PipelineOptions {
            transport: following.source.transport(),
            name: following.source.target(),
            select: Select {
                types: self.show.types.clone(),
                condition: self.show.condition.clone(),
                ..Select::default()
            },
            expect: self.stop.expect.clone(),
            count: self.stop.count,
            show: if self.show.text {
                Show::Answer
            } else {
                Show::Event
            },
            is_one_answer: following.is_answer() || (self.show.text && self.stop.until_end),
            shape: self.show.jq.clone(),
            on_slow: self.show.on_slow.into(),
            keep: kept.transpose()?,
            exec: None,
            record: keep.record.clone(),
            fail_on_gap: self.stop.fail_on_gap,
            pulse,
        })
    }
}
