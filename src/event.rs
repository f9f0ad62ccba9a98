//! The one shape of an event, wherever it came from: what was received, byte for byte, and what could be read from it.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::time::Timestamp;

/// An event as it was received or sent: the request's exact body and headers, and its [`Meta`].
///
/// Header names are in lower case, as HTTP compares them; values and their order within a name are as they came.
#[derive(Clone, Debug)]
pub struct Event {
    /// Position in the store that keeps the event; `None` until it is kept.
    pub seq: Option<Seq>,
    pub received_at: Timestamp,
    pub source: Source,
    pub transport: Transport,
    pub method: Method,
    /// Path and query, as in the request line.
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub meta: Meta,
    pub verdict: Option<Verdict>,
    pub outcome: Outcome,
}

/// Position of an event in its store; people write it as a reference (`e_7f3a`, the number in hexadecimal).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub i64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e_{:04x}", self.0)
    }
}

impl FromStr for Seq {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        i64::from_str_radix(text.strip_prefix("e_").unwrap_or(text), 16).map(Self)
    }
}

/// What an envelope told about the event; `None` where it did not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// `contact.created`; called `type` wherever a person sees it.
    pub kind: Option<String>,
    /// The sender's own id.
    pub id: Option<String>,
    /// `appengine`, `cloudevents`, `stripe`, …
    pub system: Option<String>,
    pub org: Option<String>,
    pub subject: Option<String>,
    /// As the sender wrote it.
    pub time: Option<String>,
    /// Where the payload proper lies in the body, when the body is an envelope around it; `None` means the whole body.
    pub data: Option<Range<usize>>,
}

/// Which part of `evt` got or made the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    Listen,
    Send,
    Dev,
    Import,
    /// A stream that was followed.
    Tail,
    /// Records that were polled.
    Poll,
}

impl Source {
    pub const ALL: [Self; 6] = [
        Self::Listen,
        Self::Send,
        Self::Dev,
        Self::Import,
        Self::Tail,
        Self::Poll,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::Send => "send",
            Self::Dev => "dev",
            Self::Import => "import",
            Self::Tail => "tail",
            Self::Poll => "poll",
        }
    }
}

/// What carried the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    Http,
    /// Raised inside the local platform.
    Bus,
    /// Server-sent events.
    Sse,
    /// Lines of JSON in the body of an HTTP answer.
    Ndjson,
    WebSocket,
    SocketIo,
    /// Pages of a repository.
    Poll,
}

impl Transport {
    pub const ALL: [Self; 7] = [
        Self::Http,
        Self::Bus,
        Self::Sse,
        Self::Ndjson,
        Self::WebSocket,
        Self::SocketIo,
        Self::Poll,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Bus => "bus",
            Self::Sse => "sse",
            Self::Ndjson => "ndjson",
            Self::WebSocket => "ws",
            Self::SocketIo => "socketio",
            Self::Poll => "poll",
        }
    }
}

/// What became of a kept event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Kept; nothing was to be done with it.
    #[default]
    Kept,
    /// The signature was not valid; it was not passed on.
    Rejected,
    /// Handed to the delivery engine, which has its own record of what follows.
    Queued,
    /// The target answered with this 2xx status.
    Delivered { status: u16 },
    /// The target answered with another status, or (`None`) not at all.
    Failed { status: Option<u16> },
}

impl Outcome {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Rejected => "rejected",
            Self::Queued => "queued",
            Self::Delivered { .. } => "delivered",
            Self::Failed { .. } => "failed",
        }
    }

    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Delivered { status } => Some(status),
            Self::Failed { status } => status,
            Self::Kept | Self::Rejected | Self::Queued => None,
        }
    }
}

/// What a signature scheme said about a request, kept beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// `standard-webhooks`, `stripe`, …
    pub scheme: String,
    pub ok: bool,
    /// A reason code (`ok`, `signature_mismatch`, …).
    pub reason: String,
    /// The diagnosis in words, where there is one.
    pub hint: Option<String>,
}

impl Event {
    /// The payload: the part of the body that the envelope wraps, or the whole body.
    pub fn data(&self) -> &[u8] {
        match &self.meta.data {
            Some(range) => self.body.get(range.clone()).unwrap_or(&self.body),
            None => &self.body,
        }
    }

    /// The URL as the sender knew it, as far as the request tells: by the host that it called.
    pub fn url(&self) -> String {
        let host = self
            .headers
            .get(http::header::HOST)
            .and_then(|host| host.to_str().ok())
            .filter(|host| host.parse::<http::uri::Authority>().is_ok())
            .unwrap_or("localhost");
        format!("http://{host}{}", self.target)
    }

    /// A short name for lists: the type, or method and path where the body names none.
    pub fn title(&self) -> String {
        match &self.meta.kind {
            Some(kind) => kind.clone(),
            None => format!("{} {}", self.method, self.target),
        }
    }
}
