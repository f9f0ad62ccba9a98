//! What a source passes on: messages, notices, and the [`Outlet`] that receives them.

use std::ops::ControlFlow;
use std::time::Duration;

use http::HeaderMap;

use super::{BoxFuture, ConnectionLoss};
use crate::event::Transport;
use crate::time::Timestamp;
use crate::watermark::Digest;

/// One message, borrowed from the buffer that it was read into.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'a> {
    /// The transport's own name for it: `event:` of SSE, the name of a Socket.IO event.
    pub name: Option<&'a str>,
    /// The sender's position or id: `id:` of SSE, the offset of Socket.IO's recovery.
    pub id: Option<&'a str>,
    /// The namespace of a Socket.IO event, if the connection has several; a broker's subject, routing key or channel.
    pub channel: Option<&'a str>,
    /// What a broker delivered beside the payload. A name that HTTP does not allow is left out.
    pub headers: Option<&'a HeaderMap>,
    /// The payload, byte for byte. For a Socket.IO event these are its arguments as JSON: a single argument itself unless
    /// it is a list, otherwise the list of all arguments. Each binary attachment is inserted as `{"base64":…}`.
    pub data: &'a [u8],
    /// The number under which the sender waits for an acknowledgement.
    pub ack: Option<u64>,
    /// Set for a polled record. `data` is then the record itself, which is valid JSON.
    pub change: Option<Change<'a>>,
}

/// What is known of a polled record besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    pub op: Op,
    /// The record's key as JSON, and the path of the key in the record.
    pub key: &'a str,
    pub key_path: &'a str,
    /// The modification time as JSON, if the record has one.
    pub at: Option<&'a str>,
    pub digest: Digest,
}

/// How a record changed, as far as polling can detect it.
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

/// Receives what a source reads: filters, prints, stores and forwards it.
pub trait Outlet: Send {
    /// Accepts one message. Cheap; never waits. [`ControlFlow::Break`]: no more messages are wanted, and the source has to
    /// close its connection.
    fn take(&mut self, message: &Message<'_>) -> ControlFlow<()>;

    /// Waits until there is room for more messages, and until the accepted ones are stored if that was requested. A source
    /// calls it after each piece of input; one that acknowledges messages does so after it. Cancel safe: a source may drop
    /// the future to keep its connection alive, and call it again.
    fn settle(&mut self) -> BoxFuture<'_, ControlFlow<()>>;

    /// Waits until all accepted messages are written, stored and forwarded. Returns how many bytes stdout (or the output
    /// file) has received since the start. [`ControlFlow::Break`]: that failed, and nothing since the last flush may count
    /// as done.
    fn flush(&mut self) -> BoxFuture<'_, ControlFlow<(), u64>> {
        Box::pin(async {
            match self.settle().await {
                ControlFlow::Continue(()) => ControlFlow::Continue(0),
                ControlFlow::Break(()) => ControlFlow::Break(()),
            }
        })
    }

    /// Waits until all accepted messages are written and stored, whether or not more are wanted. Returns how many were accepted
    /// since the start; `None` if that failed, or if the outlet does neither. A source that takes messages away from a server
    /// does so for that many.
    fn secure(&mut self) -> BoxFuture<'_, Option<u64>> {
        Box::pin(std::future::ready(None))
    }

    /// Whether none of the messages so far could be selected, because none had a path of the condition. Their position should
    /// not be stored yet: the path may be mistyped.
    fn is_undecided(&self) -> bool {
        false
    }

    /// Reports that path, once.
    fn report_undecided(&mut self) {}

    /// Sets the position of the stream after the accepted messages, from which another process can resume
    /// ([`Source::position`](super::Source::position)). Called before [`Outlet::settle`], at most once per piece.
    fn reached(&mut self, position: &str) {
        let _ = position;
    }

    /// Changes the transport of further messages, if it depends on the server's response.
    fn carried_by(&mut self, transport: Transport) {
        let _ = transport;
    }

    /// Reports that the connection was lost and cannot be resumed, so a gap is certain. [`Cx::gap`](super::Cx::gap) reports
    /// the gap once its end is known. An outlet that does not want to wait for that cancels [`Cx::stop`](super::Cx::stop).
    fn lost(&mut self, loss: &ConnectionLoss) {
        let _ = loss;
    }

    /// Shows a notice to the user.
    fn notice(&mut self, notice: Notice);
}

/// Something that the user should know about a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The stream is open.
    Connected {
        /// Without secrets.
        target: String,
        /// What is subscribed, in a few words: `namespace /chat`, `resuming after id 41`.
        subscribed: String,
        guarantee: Guarantee,
        /// How many times the connection was lost before.
        reconnects: u64,
    },
    /// The connection is lost, or was refused for a temporary reason.
    Retrying {
        why: String,
        delay: Duration,
        /// Consecutive failures.
        attempt: u32,
    },
    Gap(Gap),
    /// Input that violates the protocol or exceeds a limit was skipped.
    Malformed {
        bytes: u64,
        why: String,
        /// Whether a complete message was skipped, so that it is certainly lost.
        is_lost: bool,
    },
    /// The server asked the client to wait.
    Waiting {
        until: Timestamp,
        why: String,
    },
    /// Information from the server or the protocol: an acknowledgement, a close code, a redirect.
    Remark(String),
}

/// Messages that may have been missed. Unknown facts are explicit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last position before the gap and the first one after it, if known.
    pub from: Option<String>,
    pub to: Option<String>,
    pub reason: String,
    /// How many messages were lost; `None` if unknown.
    pub lost: Option<u64>,
    pub since: Timestamp,
    pub until: Timestamp,
}

/// What a stream promises about delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    AtMostOnce,
    /// No event with an id has arrived yet, so it is not known whether the stream can be resumed.
    ResumableWithIds,
    /// The server stores messages while the connection is lost, within its own limits.
    ResumableByServer,
    /// The server delivers a message again until it is acknowledged.
    AtLeastOnce,
}

impl Guarantee {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtMostOnce => "at most once",
            Self::ResumableWithIds => "resumable if it sends ids",
            Self::ResumableByServer => "resumable by server",
            Self::AtLeastOnce => "at least once",
        }
    }
}
