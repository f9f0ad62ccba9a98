//! Where streams come from: one file a transport, and the one loop that reconnects.
//!
//! A source lives for one connection at a time and keeps, between two of them, what it needs to go on. It knows nothing of
//! what becomes of a message: it hands each one, borrowed from its own buffer, to an [`Outlet`], and what a person wants to
//! know as a [`Notice`].

mod explain;
mod keep_open;
pub mod poll;
mod socketio;
mod sse;
mod turns;
mod websocket;

use std::error::Error;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::dial::DialError;
use crate::event::Transport;
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::watermark::Digest;

pub use keep_open::{Reconnect, keep_open};
pub use socketio::{SocketIo, SocketIoOptions, Transports};
pub use sse::{Sse, SseOptions};
pub use websocket::{WebSocket, WebSocketOptions};

/// How long a server has to open a stream, where nobody says otherwise.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A future that a trait's method returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One message as it came, borrowed from the buffer that it was read into.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'a> {
    /// What the transport itself calls it: `event:` of SSE, an event's name in Socket.IO.
    pub name: Option<&'a str>,
    /// The sender's position or id: `id:` of SSE, the offset of Socket.IO's recovery.
    pub id: Option<&'a str>,
    /// The namespace it came on, where a connection has several.
    pub channel: Option<&'a str>,
    /// The payload, byte for byte. Of a Socket.IO event: its arguments as JSON, each binary attachment in its
    /// place as `{"base64":…}`: the one argument alone unless it is itself a list, else the list of all.
    pub data: &'a [u8],
    /// The number under which the sender waits for an acknowledgement.
    pub ack: Option<u64>,
    /// Of a record that was polled: `data` is the record itself, JSON that has been checked.
    pub change: Option<Change<'a>>,
}

/// What is known of a polled record beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    pub op: Op,
    /// The record's key, as JSON, and the path at which it has it.
    pub key: &'a str,
    pub key_path: &'a str,
    /// When it was modified, as JSON; `None` where it does not say.
    pub at: Option<&'a str>,
    pub digest: Digest,
}

/// What became of a record, as far as polling can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Created,
    Updated,
    Deleted,
}

impl Op {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

/// Takes what a source hands on: filters, prints, keeps, passes on.
pub trait Outlet: Send {
    /// Takes one message. Cheap, never waits. [`ControlFlow::Break`]: no more are wanted, the source is to end politely.
    fn take(&mut self, message: &Message<'_>) -> ControlFlow<()>;

    /// Waits until there is room for more, and until what was taken is as safe as was asked for; called after each piece that
    /// came off the wire. Cancel safe: a source may drop it to keep its connection alive and call it again.
    fn settle(&mut self) -> BoxFuture<'_, ControlFlow<()>>;

    /// Waits until all that was taken is where it was to go: written, kept, passed on. Returns the bytes that stdout, or the file
    /// in its place, has got since the start. [`ControlFlow::Break`]: that cannot be had, and nothing since the last
    /// flush may count as done.
    fn flush(&mut self) -> BoxFuture<'_, ControlFlow<(), u64>> {
        Box::pin(async {
            match self.settle().await {
                ControlFlow::Continue(()) => ControlFlow::Continue(0),
                ControlFlow::Break(()) => ControlFlow::Break(()),
            }
        })
    }

    /// What was taken so far brings the stream to `position`, from where another process can go on ([`Source::position`]).
    /// Called before [`Outlet::settle`], once a piece is enough.
    fn reached(&mut self, position: &str) {
        let _ = position;
    }

    /// What carries the messages from now on, where only the server's answer tells ([`Source::transport`]).
    fn carried_by(&mut self, transport: Transport) {
        let _ = transport;
    }

    /// The connection was lost, and there is no position to go on from: a gap is certain. [`Cx::gap`] says it once it is known how
    /// long it lasts; who cannot wait for that may cancel [`Cx::stop`].
    fn lost(&mut self, cut: &CutOff) {
        let _ = cut;
    }

    /// Tells the person.
    fn notice(&mut self, notice: Notice);
}

/// What a source wants a person to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The stream is open.
    Connected {
        /// Without secrets.
        target: String,
        /// What is subscribed, in a few words: `namespace /chat`, `from id 41`.
        subscribed: String,
        guarantee: Guarantee,
        /// How many times the connection was lost before this one.
        reconnects: u64,
    },
    /// The connection is lost, or was refused for a reason that may pass.
    Retrying {
        why: String,
        delay: Duration,
        /// Failures in a row.
        attempt: u32,
    },
    Gap(Gap),
    /// Something came that the protocol does not allow, or that is over a limit, and was left out.
    Malformed {
        bytes: u64,
        why: String,
    },
    /// The server asked to be left alone until then.
    Waiting {
        until: Timestamp,
        why: String,
    },
    /// A remark of the server or the protocol: an acknowledgement, a close code, a redirect.
    Remark(String),
}

/// What may have been missed. Never silence: where nothing is known, that is what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last position before it and the first one after, where they are known.
    pub from: Option<String>,
    pub to: Option<String>,
    pub reason: String,
    /// `None`: nobody can know.
    pub lost: Option<u64>,
    pub since: Timestamp,
    pub until: Timestamp,
}

/// What a stream promises about delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    AtMostOnce,
    /// No event came yet that would have an id to go on from.
    ResumableWithIds,
    /// The server keeps what is missed while the connection is lost, as far as it says.
    ResumableByServer,
}

impl Guarantee {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtMostOnce => "at most once",
            Self::ResumableWithIds => "resumable if it sends ids",
            Self::ResumableByServer => "resumable by server",
        }
    }
}

/// How one connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// [`Cx::stop`] was cancelled; the connection was closed politely.
    Stopped,
    /// The outlet wants no more; the connection was closed politely.
    Enough,
    /// The stream is over by its own word (204, a `done` event, a close with 1000, a disconnect by the server): no reason to
    /// connect again.
    Finished { why: String },
    /// The connection was lost.
    Cut {
        why: String,
        /// The wait that the server asked for.
        server_minimum: Duration,
    },
}

impl Ended {
    /// The connection was lost, and the server asked for no wait.
    pub fn cut(why: impl Into<String>) -> Self {
        Self::Cut {
            why: why.into(),
            server_minimum: Duration::ZERO,
        }
    }
}

/// Why a stream cannot be followed.
#[derive(Debug, Error)]
pub enum SourceError {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("{target} answered {status}")]
    Refused {
        target: String,
        status: StatusCode,
        /// The start of the body, as text.
        body: String,
        retry_after: Option<Duration>,
    },
    #[error("{target} is no stream: it answered with {content_type}")]
    NotAStream {
        target: String,
        content_type: String,
        body: String,
    },
    #[error("{target} redirects {why}")]
    Redirect { target: String, why: String },
    /// Refused inside the protocol: Socket.IO's `CONNECT_ERROR`.
    #[error("the server refused {what}: {message}")]
    Denied {
        what: String,
        message: String,
        /// The server's own details, as JSON.
        data: Option<String>,
        /// Whether it reads as a matter of credentials.
        auth: bool,
    },
    #[error("the server closed the connection with {code}{}{reason}", if reason.is_empty() { "" } else { ": " })]
    Closed { code: u16, reason: String },
    #[error("a message is over the {limit} bytes allowed")]
    TooLarge { limit: usize },
    #[error("cannot make the credentials")]
    Credentials(#[source] Box<dyn Error + Send + Sync>),
    /// What answers is no server of Socket.IO, or has it at another path.
    #[error("no Engine.IO handshake came from {target}: {why}")]
    NotEngineIo {
        target: String,
        why: String,
        /// It did open a WebSocket.
        is_websocket: bool,
    },
    #[error("the peer does not keep to the protocol: {why}")]
    Protocol { why: String },
    #[error("gave up after {retries} retries")]
    Spent {
        retries: u32,
        /// The last failure.
        source: Box<SourceError>,
    },
    /// None is to be made again.
    #[error("the connection was lost: {why}")]
    Lost { why: String },
}

impl SourceError {
    /// Whether the same attempt may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Dial(error) => matches!(
                error,
                DialError::Name { .. }
                    | DialError::Refused { .. }
                    | DialError::Timeout { .. }
                    | DialError::Silent { .. }
                    | DialError::Broken { .. }
            ),
            Self::Refused { status, .. } => {
                status.is_server_error()
                    || *status == StatusCode::TOO_MANY_REQUESTS
                    || *status == StatusCode::REQUEST_TIMEOUT
            }
            Self::Protocol { .. } | Self::Lost { .. } | Self::NotEngineIo { .. } => true,
            Self::NotAStream { .. }
            | Self::Redirect { .. }
            | Self::Denied { .. }
            | Self::Closed { .. }
            | Self::TooLarge { .. }
            | Self::Credentials(_)
            | Self::Spent { .. } => false,
        }
    }

    /// The wait that the server asked for.
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::Refused {
                retry_after: Some(wait),
                ..
            } => *wait,
            _ => Duration::ZERO,
        }
    }
}

/// What authorises a connection, made anew for each one: a token may have been renewed.
pub type Credentials =
    Arc<dyn Fn() -> Result<Authorisation, Box<dyn Error + Send + Sync>> + Send + Sync>;

/// Headers of the request, and the `auth` object of Socket.IO's handshake.
#[derive(Clone, Debug, Default)]
pub struct Authorisation {
    pub headers: HeaderMap,
    /// A JSON object.
    pub auth: Option<Secret>,
}

/// Makes the credentials of one connection, on a thread where they may wait: for a command, a file, a password manager.
///
/// # Errors
/// [`SourceError::Credentials`] around what [`Credentials`] gave.
pub async fn authorise(credentials: &Credentials) -> Result<Authorisation, SourceError> {
    let credentials = Arc::clone(credentials);
    match tokio::task::spawn_blocking(move || credentials()).await {
        Ok(made) => made.map_err(SourceError::Credentials),
        Err(fault) => Err(SourceError::Credentials(Box::new(fault))),
    }
}

/// What is typed into a connection that goes both ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    Text(String),
    Binary(Bytes),
}

/// What a source is given for the life of one connection.
pub struct Cx<'a> {
    pub outlet: &'a mut dyn Outlet,
    /// Ends the connection politely, within a second.
    pub stop: CancellationToken,
    /// What is to be sent; `None` where a call only listens.
    pub input: Option<mpsc::Receiver<Outgoing>>,
    pub pulse: Arc<Pulse>,
    /// The loss before this connection until somebody has said what it means: set by [`keep_open`], taken by [`Cx::resumed`]
    /// or [`Cx::gap`].
    pub cut: Option<CutOff>,
    /// How many times the connection was lost before.
    pub reconnects: u64,
}

/// A connection that was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutOff {
    /// The last sign of life: a loss is noticed later, and what was sent meanwhile is lost too.
    pub since: Timestamp,
    pub why: String,
}

impl Cx<'_> {
    /// The stream is open: tells the person, and starts the pulse.
    pub fn connected(&mut self, target: String, subscribed: String, guarantee: Guarantee) {
        self.pulse.opened(Timestamp::now());
        self.outlet.notice(Notice::Connected {
            target,
            subscribed,
            guarantee,
            reconnects: self.reconnects,
        });
    }

    /// Whether a connection before was lost and nobody has said yet what that means.
    pub fn is_unexplained(&self) -> bool {
        self.cut.is_some()
    }

    /// Nothing was missed: the server went on where the last connection ended.
    pub fn resumed(&mut self) {
        self.cut = None;
    }

    /// Says what may have been missed since the last connection, where there was one; `from` and `to` are positions.
    pub fn gap(&mut self, from: Option<&str>, to: Option<&str>, reason: &str) {
        let Some(cut) = self.cut.take() else { return };
        self.outlet.notice(Notice::Gap(Gap {
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
            reason: format!("{}; {reason}", cut.why),
            lost: None,
            since: cut.since,
            until: Timestamp::now(),
        }));
    }
}

/// Signs of life, for whoever tells a quiet stream from a dead one. Milliseconds since the epoch; 0 is never.
#[derive(Debug, Default)]
pub struct Pulse {
    connected: AtomicI64,
    message: AtomicI64,
    sign: AtomicI64,
}

impl Pulse {
    /// The stream is open.
    pub fn opened(&self, now: Timestamp) {
        self.connected.store(now.millis(), Ordering::Relaxed);
        self.sign.store(now.millis(), Ordering::Relaxed);
    }

    /// The connection is gone.
    pub fn closed(&self) {
        self.connected.store(0, Ordering::Relaxed);
    }

    /// Something came: a comment, a ping, a pong, part of a message.
    pub fn sign(&self, now: Timestamp) {
        self.sign.store(now.millis(), Ordering::Relaxed);
    }

    /// A message came.
    pub fn message(&self, now: Timestamp) {
        self.message.store(now.millis(), Ordering::Relaxed);
        self.sign.store(now.millis(), Ordering::Relaxed);
    }

    /// The last sign of life of the open stream; `None` while it is not open.
    pub fn last_sign(&self) -> Option<Timestamp> {
        let is_open = self.connected.load(Ordering::Relaxed) != 0;
        is_open.then(|| Timestamp::from_millis(self.sign.load(Ordering::Relaxed)))
    }

    /// How long the open stream has had no message, and no sign of life at all; `None` while it is not open.
    pub fn silence(&self, now: Timestamp) -> Option<(Duration, Duration)> {
        let since = |millis: i64| now.since(Timestamp::from_millis(millis));
        let connected = self.connected.load(Ordering::Relaxed);
        if connected == 0 {
            return None;
        }
        let message = self.message.load(Ordering::Relaxed).max(connected);
        Some((since(message), since(self.sign.load(Ordering::Relaxed))))
    }
}

/// One stream, followed over one connection at a time.
pub trait Source: Send {
    fn transport(&self) -> Transport;

    /// The server, without secrets: for messages.
    fn target(&self) -> String;

    /// Connects, and hands on what comes until the connection ends. What is needed to go on stays in `self`.
    ///
    /// Calls [`Cx::connected`] once the stream is open and [`Outlet::settle`] after each piece, ends within a second of
    /// [`Cx::stop`], and says with [`Cx::resumed`] or [`Cx::gap`] what an earlier loss means.
    fn run<'a>(&'a mut self, cx: &'a mut Cx<'_>) -> BoxFuture<'a, Result<Ended, SourceError>>;

    /// The wait before any new connection that the server asked for, also when the last attempt did not reach it.
    fn server_minimum(&self) -> Duration {
        Duration::ZERO
    }

    /// Where to go on in another process, as the source's own options take it: an SSE id, Socket.IO's pid and offset. `None`
    /// where the stream has no such thing.
    fn position(&self) -> Option<String>;
}
