//! The common form of all events: what was received, byte for byte, and what could be read from it.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};

use crate::attempt::Attempt;
use crate::time::Timestamp;

/// The header of a stored event that has the transport's own name for it.
pub const TYPE_HEADER: HeaderName = HeaderName::from_static("x-event-type");

/// An event as it was received or sent: the exact body and headers of the request, and its [`Meta`].
///
/// Header names are in lower case, because HTTP ignores case. Values and their order within a name are as received.
#[derive(Clone, Debug)]
pub struct Event {
    /// Position in the store; `None` before the event is stored.
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
    /// The attempts to deliver it, oldest first. A scan of the store leaves them out.
    pub attempts: Vec<Arc<Attempt>>,
}

/// Position of an event in its store. Its text form is a reference to an event of the inbox (`e_7f3a`, the number in
/// hexadecimal). [`PlatformRef`] is the text form for events of the local platform.
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

/// Position of an event in the store of the local platform. Its text form is `p_7f3a`, because the platform and the inbox
/// count separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlatformRef(pub Seq);

impl fmt::Display for PlatformRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p_{:04x}", self.0.0)
    }
}

/// What the envelope says about the event; `None` for missing values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// The event type, such as `contact.created`. Users see it as `type`.
    pub kind: Option<String>,
    /// The sender's own id.
    pub id: Option<String>,
    /// `appengine`, `cloudevents`, `stripe`, …
    pub system: Option<String>,
    pub org: Option<String>,
    pub subject: Option<String>,
    /// As the sender wrote it.
    pub time: Option<String>,
    /// The range of the payload in the body if the body is an envelope. `None` means the whole body.
    pub data: Option<Range<usize>>,
}

/// Defines an enum whose variants have a word each, which records and the store use.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The value with this word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

words! {
    /// Which part of `evt` received or made the event.
    Source {
        Listen = "listen",
        Send = "send",
        Dev = "dev",
        Import = "import",
        /// A stream.
        Tail = "tail",
        /// Polled records.
        Poll = "poll",
    }
}

words! {
    /// What carried the event.
    Transport {
        Http = "http",
        /// Raised inside the local platform.
        Bus = "bus",
        /// Server-sent events.
        Sse = "sse",
        /// Lines of JSON in the body of an HTTP response.
        Ndjson = "ndjson",
        WebSocket = "ws",
        SocketIo = "socketio",
        Nats = "nats",
        /// RabbitMQ.
        Amqp = "amqp",
        Redis = "redis",
        /// Pages of a repository.
        Poll = "poll",
    }
}

/// What happened to a stored event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Stored; no further action was required.
    #[default]
    Kept,
    /// Not forwarded, because the signature was invalid.
    Rejected,
    /// Passed to the delivery engine, which stores the further result.
    Queued,
    /// The target responded with this 2xx status.
    Delivered { status: u16 },
    /// The target responded with another status, or (`None`) did not respond.
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

/// The result of a signature check, stored with the request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Verdict {
    /// `standard-webhooks`, `stripe`, …
    pub scheme: String,
    pub ok: bool,
    /// A reason code (`ok`, `signature_mismatch`, …).
    pub reason: String,
    /// A diagnosis in words, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Event {
    /// The event's reference, if it is stored: `p_…` for an event of the local platform, otherwise `e_…`.
    pub fn reference(&self) -> Option<String> {
        self.seq.map(|seq| match self.source {
            Source::Dev => PlatformRef(seq).to_string(),
            _ => seq.to_string(),
        })
    }

    /// An event that a local platform raises, as it is first stored.
    pub fn raised(body: Bytes, meta: Meta, now: Timestamp) -> Self {
        let json = HeaderValue::from_static("application/json");
        Self {
            seq: None,
            received_at: now,
            source: Source::Dev,
            transport: Transport::Bus,
            method: Method::POST,
            target: format!("/{}", meta.kind.as_deref().unwrap_or_default()),
            headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]),
            body,
            meta,
            verdict: None,
            outcome: Outcome::Kept,
            attempts: Vec::new(),
        }
    }

    /// The payload: the part of the body inside the envelope, or the whole body.
    pub fn data(&self) -> &[u8] {
        match &self.meta.data {
            Some(range) => self.body.get(range.clone()).unwrap_or(&self.body),
            None => &self.body,
        }
    }

    /// The URL that the sender called, built from the `Host` header.
    pub fn url(&self) -> String {
        let host = self
            .headers
            .get(http::header::HOST)
            .and_then(|host| host.to_str().ok())
            .filter(|host| host.parse::<http::uri::Authority>().is_ok())
            .unwrap_or("localhost");
        format!("http://{host}{}", self.target)
    }

    /// A short name for lists: the type, or method and path if the body has no type.
    pub fn title(&self) -> String {
        match &self.meta.kind {
            Some(kind) => kind.clone(),
            None => format!("{} {}", self.method, self.target),
        }
    }
}
