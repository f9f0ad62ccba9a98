//! A connection while it is followed: keeps it alive, detects its loss, and waits for the outlet.

use std::ops::ControlFlow;
use std::pin::pin;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::budget::YieldBudget;
use super::super::{ConnectionLoss, Cx, Ended, Message, Notice, SourceError};
use crate::broker::BrokerError;
use crate::broker::nats::Connection;
use crate::time::Timestamp;
use crate::wire::nats::{Delivery, header_map};

/// After this time without input the server is asked whether it is alive, and has the same time to answer.
const IDLE: Duration = Duration::from_secs(20);
/// A reader that is slower than this may cost the connection: the server waits 10 s (`write_deadline`).
const SLOW: Duration = Duration::from_secs(2);

const REPLY_TO: HeaderName = HeaderName::from_static("nats-reply-to");
const MESSAGE_ID: HeaderName = HeaderName::from_static("nats-msg-id");
const DELIVERIES: HeaderName = HeaderName::from_static("nats-num-delivered");

pub(super) struct Line {
    pub(super) connection: Connection,
    pub(super) budget: YieldBudget,
    /// Whether there are other servers to move to.
    has_others: bool,
    has_reported_shutdown: bool,
    /// The end of the last long wait for the outlet.
    slow: Option<Timestamp>,
}

/// How much of a message is passed on besides its payload.
pub(super) struct Extra<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) has_reply: bool,
    pub(super) deliveries: u64,
}

impl Line {
    pub(super) fn new(connection: Connection, has_others: bool) -> Self {
        Self {
            connection,
            budget: YieldBudget::default(),
            has_others,
            has_reported_shutdown: false,
            slow: None,
        }
    }

    /// Waits for input. Returns how the stream ends if it was stopped.
    pub(super) async fn wait(&mut self, cx: &mut Cx<'_>) -> Result<Option<Ended>, SourceError> {
        let stop = cx.stop.clone();
        let mut is_asked = false;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Some(Ended::Stopped)),
                written = tokio::time::timeout(IDLE, self.connection.flush()) => {
                    written.map_err(|_| silent())??;
                }
            }
            let read = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Some(Ended::Stopped)),
                read = tokio::time::timeout(IDLE, self.connection.fill()) => read,
            };
            match read {
                Ok(filled) => {
                    filled?;
                    cx.pulse.sign(Timestamp::now());
                    return Ok(None);
                }
                Err(_) if is_asked => return Err(silent().into()),
                Err(_) => {
                    is_asked = true;
                    self.connection.output().extend_from_slice(b"PING\r\n");
                }
            }
        }
    }

    /// Waits for the outlet; with `is_durable` until everything is written. The connection is kept alive meanwhile.
    pub(super) async fn settle(&mut self, is_durable: bool, cx: &mut Cx<'_>) -> ControlFlow<Ended> {
        let stop = cx.stop.clone();
        let started = Instant::now();
        let Self {
            budget, connection, ..
        } = self;
        let mut settling = pin!(async {
            match is_durable {
                true => cx.outlet.flush().await.map_continue(|_| ()),
                false => budget.settle(cx.outlet).await,
            }
        });
        let settled = loop {
            tokio::select! {
                biased;
                settled = &mut settling => break settled,
                () = stop.cancelled() => return ControlFlow::Break(Ended::Stopped),
                () = tokio::time::sleep(IDLE) => {
                    // The server's PING is not read meanwhile.
                    connection.output().extend_from_slice(b"PONG\r\n");
                    let _ = tokio::time::timeout(SLOW, connection.flush()).await;
                }
            }
        };
        if started.elapsed() >= SLOW {
            self.slow = Some(Timestamp::now());
        }
        settled.map_break(|()| Ended::Enough)
    }

    /// Reports that the server is about to shut down. Returns how the connection ends if there is another server.
    pub(super) fn check_shutdown(&mut self, cx: &mut Cx<'_>) -> ControlFlow<Ended> {
        let info = self.connection.info();
        if !info.is_lame_duck || self.has_reported_shutdown {
            return ControlFlow::Continue(());
        }
        self.has_reported_shutdown = true;
        let text = format!("{} is about to shut down (lame duck mode)", info.shown());
        if self.has_others {
            return ControlFlow::Break(self.lost(format!("{text}, so evt moves to another"), cx));
        }
        cx.outlet.notice(Notice::Remark(text));
        ControlFlow::Continue(())
    }

    /// The end of a lost connection. What was published since the last read may be missed.
    pub(super) fn lost(&self, why: String, cx: &mut Cx<'_>) -> Ended {
        let since = self.connection.caught_up();
        let why = match self.slow {
            Some(slow) if since <= slow => {
                format!("{why}; the output was read too slowly for the server")
            }
            _ => why,
        };
        cx.loss.get_or_insert_with(|| ConnectionLoss {
            since,
            why: why.clone(),
        });
        Ended::lost(why)
    }
}

fn silent() -> BrokerError {
    BrokerError::Lost {
        why: format!(
            "the server did not answer a PING within {} s",
            IDLE.as_secs()
        ),
    }
}

/// Passes a message on.
pub(super) fn take(message: &Delivery<'_>, extra: &Extra<'_>, cx: &mut Cx<'_>) -> ControlFlow<()> {
    let headers = headers(message, extra);
    let own_id = headers.as_ref().and_then(|headers| headers.get(MESSAGE_ID));
    let subject = String::from_utf8_lossy(message.subject);
    cx.outlet.take(&Message {
        id: extra.id.or(own_id.and_then(|id| id.to_str().ok())),
        channel: Some(&subject),
        headers: headers.as_ref(),
        data: message.payload,
        ..Message::default()
    })
}

fn headers(message: &Delivery<'_>, extra: &Extra<'_>) -> Option<HeaderMap> {
    let mut headers = match message.headers.is_empty() {
        true => HeaderMap::new(),
        false => header_map(message.headers),
    };
    if extra.has_reply
        && !message.reply.is_empty()
        && let Ok(reply) = HeaderValue::from_bytes(message.reply)
    {
        headers.insert(REPLY_TO, reply);
    }
    if extra.deliveries > 1 {
        headers.insert(DELIVERIES, extra.deliveries.into());
    }
    (!headers.is_empty()).then_some(headers)
}
