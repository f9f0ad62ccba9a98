//! What is followed, and the source that follows it.

use std::sync::Arc;
use std::time::Duration;

use clap::parser::ValueSource;
use http::Uri;

use super::credentials::{self, Server};
use super::{Args, agent, choose};
use crate::cli::Context;
use crate::config::{ConfigError, LOCAL};
use crate::dial::{AddressPolicy, Dialer};
use crate::error::CliError;
use crate::event::Transport;
use crate::grammar::stream::Stream;
use crate::running::Running;
use crate::source::{
    Credentials, CutOff, Outgoing, SocketIo, SocketIoOptions, Source, Sse, SseOptions, WebSocket,
    WebSocketOptions,
};
use crate::store::cursors;
use crate::time::Timestamp;

/// The largest message that a flag can allow.
const MAX_MESSAGE: u64 = 1 << 30;

/// The live feed, on the platform's control port.
const FEED: &str = "/_evt/feed";

/// Socket.IO namespaces of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Gateway {
    Chat,
    CommunityChat,
    Voice,
}

impl Gateway {
    pub(super) const ALL: [Self; 3] = [Self::Chat, Self::CommunityChat, Self::Voice];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::CommunityChat => "community-chat",
            Self::Voice => "voice",
        }
    }
}

/// What is followed.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// Everything that the running `evt dev` emits.
    Feed(Running),
    Gateway(Gateway),
    /// An AI agent's answer, which was asked for by this command.
    Answer(String),
    Stream(Stream),
}

impl Subject {
    /// The same as a stream: what is opened, and what a cursor belongs to.
    fn stream(&self, cx: &Context) -> Result<Stream, CliError> {
        Ok(match self {
            Self::Feed(running) => Stream::Http(uri(&running.control_url, FEED)?),
            Self::Gateway(gateway) => Stream::SocketIo {
                url: origin(&cx.platform_url()?)?,
                namespace: format!("/{}", gateway.name()),
            },
            Self::Answer(id) => Stream::Agent(id.clone()),
            Self::Stream(stream) => stream.clone(),
        })
    }
}

/// The subject, as the arguments name it or as the person chooses, who may also choose a cursor. Asks the agent, where there
/// is one to be asked.
pub(super) async fn subject(args: &mut Args, cx: &Arc<Context>) -> Result<Subject, CliError> {
    if let Some(name) = &args.agent {
        // An agent is not put to work for a command line that is refused.
        fits(cx, Transport::Sse)?;
        let message = args.source.as_deref().unwrap_or_default();
        return Ok(Subject::Answer(agent::ask(name, message, cx).await?));
    }
    if let Some(gateway) = args.gateway {
        return Ok(Subject::Gateway(gateway));
    }
    match args.source.as_ref().or(args.stream.as_ref()) {
        Some(text) => Ok(Subject::Stream(text.parse()?)),
        None if cx.ui.may_ask() => choose::subject(args, cx),
        None => feed(cx),
    }
}

/// The live feed of the platform of this machine.
pub(super) fn feed(cx: &Context) -> Result<Subject, CliError> {
    let profile = cx.profile_name();
    if profile != LOCAL {
        return Err(CliError::usage(format!(
            "the platform of profile `{profile}` has no live feed: name a source"
        ))
        .hint("evt tail --gateway chat")
        .hint("evt tail --profile local     follows the platform of this machine"));
    }
    let running = cx.running()?.ok_or(ConfigError::NotRunning)?;
    Ok(Subject::Feed(running))
}

/// A source, ready to be opened.
pub(super) struct Following {
    pub(super) source: Box<dyn Source>,
    pub(super) subject: Subject,
    pub(super) server: Server,
    /// The stream as it can be named again: what a cursor belongs to.
    pub(super) name: String,
    /// Where an earlier run is gone on with: its end, until the server has shown that nothing was missed since.
    pub(super) cut: Option<CutOff>,
}

impl Following {
    pub(super) fn open(subject: Subject, args: &Args, cx: &Arc<Context>) -> Result<Self, CliError> {
        let limit = args.connect.max_message_size.bytes();
        if limit == 0 || limit > MAX_MESSAGE {
            return Err(
                CliError::usage("--max-message-size must be from 1 byte to 1GiB")
                    .hint("evt tail … --max-message-size 64MiB"),
            );
        }
        if Duration::from(args.connect.timeout).is_zero() {
            return Err(
                CliError::usage("--timeout must be longer than nothing").hint("--timeout 30s")
            );
        }
        let stream = subject.stream(cx)?;
        let name = stream.to_string();
        let place = Place::of(args, &name, cx)?;
        let max_message = usize::try_from(limit).unwrap_or(usize::MAX);
        let dialer = Dialer::new(AddressPolicy::Local);
        let maker = Maker {
            args,
            cx,
            dialer,
            max_message,
            place: place.as_ref().and_then(|place| place.position.clone()),
        };
        let source = match &stream {
            Stream::Agent(id) => maker.answer(id)?,
            Stream::Http(url) => maker.sse(url, args.stop.until_end)?,
            Stream::WebSocket(url) => maker.websocket(url)?,
            Stream::SocketIo { url, namespace } => maker.socketio(url, namespace)?,
        };
        let server = match &stream {
            Stream::Agent(_) => Server::Platform,
            Stream::Http(url) | Stream::WebSocket(url) | Stream::SocketIo { url, .. } => {
                Server::of(url, cx)?
            }
        };
        Ok(Self {
            source,
            subject,
            server,
            name,
            cut: place.map(|place| CutOff {
                since: place.since,
                why: "an earlier run ended".to_owned(),
            }),
        })
    }

    /// Whether this is an AI agent's answer.
    pub(super) fn is_answer(&self) -> bool {
        matches!(
            self.subject,
            Subject::Answer(_) | Subject::Stream(Stream::Agent(_))
        )
    }
}

/// Where an earlier run got to.
struct Place {
    /// `None`: it was followed, and has no positions.
    position: Option<String>,
    /// When it did; now, where nobody knows.
    since: Timestamp,
}

impl Place {
    /// By the cursor, or by the id that was typed.
    fn of(args: &Args, stream: &str, cx: &Context) -> Result<Option<Self>, CliError> {
        let Some(cursor) = &args.keep.resume else {
            let typed = args.connect.last_event_id.clone();
            return Ok(typed.map(|position| Self {
                position: Some(position),
                since: Timestamp::now(),
            }));
        };
        let kept = cx
            .inbox()?
            .read_blocking(|db| cursors::find(db, cursor, stream))?;
        Ok(kept.map(|kept| Self {
            position: Some(kept.position).filter(|position| !position.is_empty()),
            since: kept.updated_at,
        }))
    }
}

/// Makes sources of one command line.
struct Maker<'a> {
    args: &'a Args,
    cx: &'a Arc<Context>,
    dialer: Dialer,
    max_message: usize,
    /// Where to go on.
    place: Option<String>,
}

impl Maker<'_> {
    fn answer(&self, id: &str) -> Result<Box<dyn Source>, CliError> {
        let path = format!("/ai/stream/{}", segment(id)?);
        self.sse(&uri(&self.cx.platform_url()?, &path)?, true)
    }

    fn sse(&self, url: &Uri, is_one_answer: bool) -> Result<Box<dyn Source>, CliError> {
        fits(self.cx, Transport::Sse)?;
        let options = SseOptions {
            url: url.clone(),
            credentials: self.credentials(url)?,
            last_event_id: self.place.clone(),
            max_message: self.max_message,
            is_one_answer,
            idle: self.args.connect.idle.map(Duration::from),
            connect_timeout: self.args.connect.timeout.into(),
        };
        Ok(Box::new(Sse::new(options, self.dialer.clone())))
    }

    fn websocket(&self, url: &Uri) -> Result<Box<dyn Source>, CliError> {
        fits(self.cx, Transport::WebSocket)?;
        let connect = &self.args.connect;
        let ping = Duration::from(connect.ping);
        if ping < Duration::from_secs(1) {
            return Err(CliError::usage("--ping must be at least a second").hint("--ping 20s"));
        }
        let options = WebSocketOptions {
            url: url.clone(),
            credentials: self.credentials(url)?,
            subprotocols: connect.subprotocol.clone(),
            send_on_connect: self.greetings(),
            echo: self.args.speak.echo,
            follow_redirects: connect.location,
            max_message: self.max_message,
            ping,
            until_end: self.args.stop.until_end,
            connect_timeout: self.args.connect.timeout.into(),
        };
        Ok(Box::new(WebSocket::new(options, self.dialer.clone())))
    }

    fn socketio(&self, server: &Uri, namespace: &str) -> Result<Box<dyn Source>, CliError> {
        fits(self.cx, Transport::SocketIo)?;
        let connect = &self.args.connect;
        let ack = self.args.speak.ack.clone();
        if let Some(ack) = &ack
            && !is_list(ack)
        {
            return Err(
                CliError::usage("--ack takes a JSON list of arguments").hint("--ack='[\"ok\"]'")
            );
        }
        let mut namespaces = vec![namespace.to_owned()];
        namespaces.extend(connect.namespace.iter().map(|name| slashed(name)));
        namespaces.dedup();
        let options = SocketIoOptions {
            url: with_path(server, &slashed(&connect.path))?,
            namespaces,
            credentials: self.credentials(server)?,
            transports: connect.transport.into(),
            send_on_connect: self.greetings(),
            ack,
            echo: self.args.speak.echo,
            resume: self.place.clone(),
            max_message: self.max_message,
            connect_timeout: self.args.connect.timeout.into(),
        };
        Ok(Box::new(SocketIo::new(options, self.dialer.clone())))
    }

    fn credentials(&self, url: &Uri) -> Result<Credentials, CliError> {
        credentials::of(Server::of(url, self.cx)?, self.args, self.cx)
    }

    fn greetings(&self) -> Vec<Outgoing> {
        let texts = self.args.speak.send_on_connect.iter();
        texts.map(|text| Outgoing::Text(text.clone())).collect()
    }
}

/// Flags that only some transports have, by the names of their arguments.
const PARTICULAR: [(&str, &str, &[Transport]); 15] = [
    // A WebSocket has no positions: a name would remember nothing.
    ("resume", "--resume", &[Transport::Sse, Transport::SocketIo]),
    ("idle", "--idle", &[Transport::Sse]),
    ("last_event_id", "--last-event-id", &[Transport::Sse]),
    ("text", "--text", &[Transport::Sse]),
    (
        "location",
        "--location",
        &[Transport::Sse, Transport::WebSocket],
    ),
    ("subprotocol", "--subprotocol", &[Transport::WebSocket]),
    ("ping", "--ping", &[Transport::WebSocket]),
    ("auth", "--auth", &[Transport::SocketIo]),
    ("namespace", "--namespace", &[Transport::SocketIo]),
    ("path", "--path", &[Transport::SocketIo]),
    ("transport", "--transport", &[Transport::SocketIo]),
    ("ack", "--ack", &[Transport::SocketIo]),
    (
        "interactive",
        "--interactive",
        &[Transport::WebSocket, Transport::SocketIo],
    ),
    (
        "send_on_connect",
        "--send-on-connect",
        &[Transport::WebSocket, Transport::SocketIo],
    ),
    (
        "echo",
        "--echo",
        &[Transport::WebSocket, Transport::SocketIo],
    ),
];

/// Refuses flags of other transports. Only what was typed counts: a variable or a setting is meant for whom it fits.
fn fits(cx: &Context, transport: Transport) -> Result<(), CliError> {
    let Some(typed) = cx.matches.subcommand_matches("tail") else {
        return Ok(());
    };
    for (argument, flag, transports) in PARTICULAR {
        let is_typed = typed.value_source(argument) == Some(ValueSource::CommandLine);
        if is_typed && !transports.contains(&transport) {
            let fit: Vec<&str> = transports.iter().map(|fit| spoken(*fit)).collect();
            let why = match (argument, transport) {
                ("resume", Transport::WebSocket) => ", which has no positions to go on from",
                _ => "",
            };
            return Err(CliError::usage(format!(
                "{flag} is for {}, and this is {}{why}",
                fit.join(" and "),
                spoken(transport)
            ))
            .hint(format!("leave {flag} out"))
            .hint("evt man streams     tells the transports apart"));
        }
    }
    Ok(())
}

/// The transport as people call it.
pub(super) const fn spoken(transport: Transport) -> &'static str {
    match transport {
        Transport::Sse => "server-sent events",
        Transport::Ndjson => "lines of JSON",
        Transport::WebSocket => "WebSocket",
        Transport::SocketIo => "Socket.IO",
        Transport::Http => "HTTP",
        Transport::Bus => "the platform",
        Transport::Poll => "polling",
    }
}

fn is_list(json: &str) -> bool {
    serde_json::from_str::<Vec<&serde_json::value::RawValue>>(json).is_ok()
}

fn slashed(name: &str) -> String {
    match name.strip_prefix('/') {
        Some(_) => name.to_owned(),
        None => format!("/{name}"),
    }
}

/// The server alone.
fn origin(url: &str) -> Result<Uri, CliError> {
    with_path(&uri(url, "/")?, "/")
}

/// `base` and `path` as one address.
fn uri(base: &str, path: &str) -> Result<Uri, CliError> {
    format!("{}{path}", base.trim_end_matches('/'))
        .parse()
        .map_err(|_| CliError::usage(format!("`{base}` is no address")).hint("evt profile list"))
}

/// The same server at another path, its query kept.
fn with_path(url: &Uri, path: &str) -> Result<Uri, CliError> {
    let mut parts = url.clone().into_parts();
    let path = match url.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let bad =
        || CliError::usage(format!("`{path}` is no path of a server")).hint("--path /socket.io/");
    parts.path_and_query = Some(path.parse().map_err(|_| bad())?);
    Uri::from_parts(parts).map_err(|_| bad())
}

/// An id as one segment of a path.
fn segment(id: &str) -> Result<&str, CliError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~:@!$&'()*+,;=".contains(&byte);
    if id.bytes().all(is_plain) && !matches!(id, "" | "." | "..") {
        return Ok(id);
    }
    Err(CliError::usage(format!("`{id}` is no id of a stream"))
        .hint("evt tail --agent NAME \"message\"     asks, and follows the answer"))
}
