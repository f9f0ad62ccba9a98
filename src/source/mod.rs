//! Sources of streams: one file or folder per transport, and the only loop that reconnects.
//!
//! A source handles one connection at a time and stores what it needs to resume. It passes each message, borrowed from its
//! buffer, to an [`Outlet`], and everything else that the user should know as a [`Notice`].

#[cfg(feature = "amqp")]
mod amqp;
mod budget;
mod context;
mod error;
mod explain;
mod heartbeat;
mod keep_open;
#[cfg(feature = "nats")]
mod nats;
mod outlet;
pub mod poll;
#[cfg(feature = "redis")]
mod redis;
mod socketio;
mod sse;
mod stream;
mod websocket;

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use crate::broker::Login;
use crate::event::Transport;
use crate::secret::Secret;
use crate::time::Timestamp;

#[cfg(feature = "amqp")]
pub use amqp::{Amqp, AmqpOptions, Subscription};
pub use context::{ConnectionLoss, Cx, Outgoing, Pulse};
pub use error::SourceError;
pub use keep_open::{Reconnect, chain, keep_open};
#[cfg(feature = "nats")]
pub use nats::{Nats, NatsOptions};
pub use outlet::{Change, Gap, Guarantee, Message, Notice, Op, Outlet};
#[cfg(feature = "redis")]
pub use redis::{Group, Redis, RedisOptions};
pub use socketio::{EngineTransport, SocketIo, SocketIoOptions};
pub use sse::{Sse, SseOptions};
pub use stream::{Stream, StreamTransport, StreamUrl};
pub use websocket::{WebSocket, WebSocketOptions};

/// The transports that `evt tail` follows. Messages, help and manual are built from this table; `cli/tail` adds the flags.
pub static TRANSPORTS: &[StreamTransport] = &[
    StreamTransport {
        transport: Transport::Sse,
        name: "server-sent events",
        schemes: &["http", "https"],
        parse: stream::http_url,
        guarantee: "resumable if the server sends ids, otherwise at most once",
        is_resumable: true,
        without_position: "the server sends no ids",
        id_header: Some("last-event-id"),
        sends: false,
        is_broker: false,
        examples: &[
            "evt tail :3000/events --type 'order.*' --count 2 --for 20s",
            "evt tail https://example.test/events --resume orders --forward 3000",
        ],
    },
    StreamTransport {
        transport: Transport::WebSocket,
        name: "WebSocket",
        schemes: &["ws", "wss"],
        parse: stream::http_url,
        guarantee: "at most once",
        is_resumable: false,
        without_position: "a WebSocket has no positions",
        id_header: None,
        sends: true,
        is_broker: false,
        examples: &[
            "evt tail wss://example.test/ws --send-on-connect '{\"op\":\"subscribe\"}' -o json",
        ],
    },
    StreamTransport {
        transport: Transport::SocketIo,
        name: "Socket.IO",
        schemes: &["socketio+http", "socketio+https"],
        parse: stream::http_url,
        guarantee: "resumable if the server supports recovery, otherwise at most once",
        is_resumable: true,
        without_position: "the server does not support recovery",
        id_header: None,
        sends: true,
        is_broker: false,
        examples: &["evt tail socketio+https://example.test/chat --auth env:CHAT_AUTH"],
    },
    #[cfg(feature = "nats")]
    StreamTransport {
        transport: Transport::Nats,
        name: "NATS",
        schemes: &["nats", "tls"],
        parse: stream::broker_url,
        guarantee: "at most once; from a stream resumable, with --durable at least once",
        is_resumable: true,
        without_position: "NATS stores no messages without a stream",
        id_header: None,
        sends: false,
        is_broker: true,
        examples: &[
            "evt tail 'nats://127.0.0.1/orders.>'",
            "evt tail 'nats://127.0.0.1/orders.>?stream=ORDERS' --start first --resume orders",
        ],
    },
    #[cfg(feature = "amqp")]
    StreamTransport {
        transport: Transport::Amqp,
        name: "RabbitMQ",
        schemes: &["amqp", "amqps"],
        parse: stream::broker_url,
        guarantee: "exchange: at most once; --queue: at least once; stream: resumable by server",
        is_resumable: true,
        without_position: "only a stream of RabbitMQ (?stream=NAME) has positions",
        id_header: None,
        sends: false,
        is_broker: true,
        examples: &[
            "evt tail 'amqp://127.0.0.1/?exchange=orders&key=order.#' --type 'order.*'",
            "evt tail 'amqp://127.0.0.1/?queue=orders' --peek",
        ],
    },
    #[cfg(feature = "redis")]
    StreamTransport {
        transport: Transport::Redis,
        name: "Redis",
        schemes: crate::broker::redis::SCHEMES,
        parse: stream::broker_url,
        guarantee: "channels and rooms at most once; streams resumable by server, with a consumer group at least once",
        is_resumable: true,
        without_position: "pub/sub has no positions",
        id_header: None,
        sends: false,
        is_broker: true,
        examples: &[
            "evt tail 'redis://127.0.0.1/0?channel=orders'",
            "evt tail 'redis://127.0.0.1/0?stream=orders' --start first --resume orders",
        ],
    },
];

/// Default time limit for opening a stream.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Where a stream of a broker begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the oldest message that the broker has.
    First,
    /// With the newest message that the broker has.
    Last,
    /// With the next message that arrives.
    New,
    /// With the first message that the broker received at this time or later.
    Since(Timestamp),
    /// With the message at this position: a sequence number, an offset, an id.
    At(String),
}

/// A future that a trait's method returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A stream that is followed over one connection after another.
pub trait Source: Send {
    fn transport(&self) -> Transport;

    /// The server, for messages. Contains no secrets.
    fn target(&self) -> String;

    /// Connects, and passes messages on until the connection ends. State that is needed to resume is stored in `self`.
    ///
    /// It calls [`Cx::connected`] once the stream is open, and [`Cx::resumed`] or [`Cx::gap`] to report what an earlier loss
    /// means. It calls [`Outlet::settle`] after each piece of input, and returns within a second after [`Cx::stop`].
    ///
    /// A source whose client library reconnects by itself runs until the stream ends and reports each loss with
    /// [`Cx::lost`].
    fn run<'a>(&'a mut self, cx: &'a mut Cx<'_>) -> BoxFuture<'a, Result<Ended, SourceError>>;

    /// The delay that the server requests before any new connection, even if the last attempt did not reach it.
    fn min_delay(&self) -> Duration {
        Duration::ZERO
    }

    /// Where another process can resume, in the form that the source's options accept: an SSE id, Socket.IO's pid and
    /// offset. `None` if the stream has no positions.
    fn position(&self) -> Option<String>;
}

/// How one connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// [`Cx::stop`] was cancelled, and the connection was closed.
    Stopped,
    /// The outlet wants no more messages, and the connection was closed.
    Enough,
    /// The server finished the stream (204, a `done` event, a close with 1000, a disconnect). There is no reason to
    /// reconnect.
    Finished { why: String },
    /// The connection was lost.
    Lost {
        why: String,
        /// The delay that the server requested.
        min_delay: Duration,
    },
}

impl Ended {
    /// The connection was lost, and the server requested no delay.
    pub fn lost(why: impl Into<String>) -> Self {
        Self::Lost {
            why: why.into(),
            min_delay: Duration::ZERO,
        }
    }
}

/// Creates the credentials of a connection. Called for each connection, because a token may have been renewed.
pub type Credentials =
    Arc<dyn Fn() -> Result<Authorisation, Box<dyn Error + Send + Sync>> + Send + Sync>;

/// Headers of the request, the `auth` object of Socket.IO's handshake, and the login at a broker.
#[derive(Clone, Debug, Default)]
pub struct Authorisation {
    pub headers: HeaderMap,
    /// A JSON object.
    pub auth: Option<Secret>,
    pub login: Login,
}

/// Creates the credentials of one connection on a blocking thread, because they may come from a command, a file or a
/// password manager.
///
/// # Errors
/// [`SourceError::Credentials`] with the error of [`Credentials`].
pub async fn authorise(credentials: &Credentials) -> Result<Authorisation, SourceError> {
    let credentials = Arc::clone(credentials);
    match tokio::task::spawn_blocking(move || credentials()).await {
        Ok(made) => made.map_err(SourceError::Credentials),
        Err(panic) => Err(SourceError::Credentials(Box::new(panic))),
    }
}
