//! What a source works with during one connection, and the signs of life of a stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Gap, Guarantee, Notice, Outlet, SourceError};
use crate::time::Timestamp;

/// Input that is sent over a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    Text(String),
    Binary(Bytes),
}

/// What a source gets for one connection.
pub struct Cx<'a> {
    pub outlet: &'a mut dyn Outlet,
    /// Cancelled to close the connection. The source has a second for that.
    pub stop: CancellationToken,
    /// Messages to send; `None` if the source only listens.
    pub input: Option<mpsc::Receiver<Outgoing>>,
    pub pulse: Arc<Pulse>,
    /// The previous loss of the connection. [`Cx::lost`] sets it; [`Cx::resumed`] or [`Cx::gap`] clears it.
    pub loss: Option<ConnectionLoss>,
    /// How many times the connection was lost before.
    pub reconnects: u64,
}

/// The loss of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionLoss {
    /// The last sign of life. The loss is detected later, and messages sent in between are lost too.
    pub since: Timestamp,
    pub why: String,
}

impl Cx<'_> {
    /// Reports that the stream is open, and starts the pulse.
    pub fn connected(&mut self, target: String, subscribed: String, guarantee: Guarantee) {
        self.pulse.opened(Timestamp::now());
        self.outlet.notice(Notice::Connected {
            target,
            subscribed,
            guarantee,
            reconnects: self.reconnects,
        });
    }

    /// Records the loss of an open connection. [`keep_open`](super::keep_open) calls it after [`Source::run`] returned; a
    /// source whose client library reconnects by itself calls it while it runs, and [`Cx::connected`] again later.
    ///
    /// [`Source::run`]: super::Source::run
    pub fn lost(&mut self, loss: ConnectionLoss, can_resume: bool) {
        self.reconnects += 1;
        if !can_resume {
            self.outlet.lost(&loss);
        }
        // An earlier loss that is not explained yet started before this one.
        self.loss.get_or_insert(loss);
    }

    /// Reports that nothing was missed: the server continued where the last connection ended.
    pub fn resumed(&mut self) {
        self.loss = None;
    }

    /// Reports a message that exceeds the limit, if that is the error: the connection ends, and the message is lost.
    pub(super) fn report_too_large<T>(&mut self, result: &Result<T, SourceError>) {
        if let Err(SourceError::TooLarge { limit }) = result {
            self.outlet.notice(Notice::Malformed {
                bytes: *limit as u64 + 1,
                why: format!("too large: a message of more than {limit} bytes"),
                is_lost: true,
            });
        }
    }

    /// Reports what may have been missed since the last connection, if there was one. `from` and `to` are positions.
    pub fn gap(&mut self, from: Option<&str>, to: Option<&str>, reason: &str) {
        self.counted_gap(from, to, None, reason);
    }

    /// [`Self::gap`], with the number of lost messages if it is known.
    pub fn counted_gap(
        &mut self,
        from: Option<&str>,
        to: Option<&str>,
        lost: Option<u64>,
        reason: &str,
    ) {
        let Some(loss) = self.loss.take() else { return };
        self.outlet.notice(Notice::Gap(Gap {
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
            reason: format!("{}; {reason}", loss.why),
            lost,
            since: loss.since,
            until: Timestamp::now(),
        }));
    }
}

/// Signs of life, which distinguish a quiet stream from a dead one. Times are milliseconds since the epoch; 0 means never.
#[derive(Debug, Default)]
pub struct Pulse {
    connected: AtomicI64,
    message: AtomicI64,
    sign: AtomicI64,
    has_delivered: AtomicBool,
}

impl Pulse {
    /// The stream is open.
    pub fn opened(&self, now: Timestamp) {
        self.connected.store(now.millis(), Ordering::Relaxed);
        self.sign.store(now.millis(), Ordering::Relaxed);
    }

    /// The connection is closed.
    pub fn closed(&self) {
        self.connected.store(0, Ordering::Relaxed);
    }

    /// Some input arrived: a comment, a ping, a pong, part of a message.
    pub fn sign(&self, now: Timestamp) {
        self.sign.store(now.millis(), Ordering::Relaxed);
    }

    /// A message arrived.
    pub fn message(&self, now: Timestamp) {
        self.message.store(now.millis(), Ordering::Relaxed);
        self.sign.store(now.millis(), Ordering::Relaxed);
        self.has_delivered.store(true, Ordering::Relaxed);
    }

    /// Returns whether a message has arrived since the last call.
    pub fn take_delivered(&self) -> bool {
        self.has_delivered.swap(false, Ordering::Relaxed)
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
