//! WebSocket (RFC 6455), based on tungstenite: follows a URL over one connection after another.

mod close;
mod connection;
mod handshake;

use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_util::sync::WaitForCancellationFuture;

use super::budget::YieldBudget;
use super::heartbeat::Heartbeat;
use super::{BoxFuture, Credentials, Cx, Ended, Guarantee, Message, Outgoing, Source, SourceError};
use crate::dial::Dialer;
use crate::event::Transport;
use crate::secret;
use crate::time::Timestamp;
use close::CloseReason;

pub(super) use connection::Connection;
pub(super) use handshake::open;

/// How many bytes are handled before waiting for the outlet, and an estimate of the overhead of each message.
const BATCH: usize = 64 * 1024;
const PER_MESSAGE: usize = 16;

/// What to follow and how.
#[derive(Clone)]
pub struct WebSocketOptions {
    /// `ws` or `wss`.
    pub url: Uri,
    pub credentials: Credentials,
    pub subprotocols: Vec<String>,
    /// Messages to send after every connect, in order. They usually subscribe to something.
    pub send_on_connect: Vec<Outgoing>,
    /// Send every message back to the server.
    pub echo: bool,
    pub follow_redirects: bool,
    /// Maximum size of one message, and of one frame, in bytes.
    pub max_message: usize,
    /// Interval between pings, and time limit for the pong. Must not be zero.
    pub ping: Duration,
    /// Any close frame finishes the stream. The client reconnects only if the connection breaks without one.
    pub until_end: bool,
    /// Time limit from the first connection attempt to the open stream. Connecting to one address takes at most 5 s of
    /// it.
    pub connect_timeout: Duration,
}

/// A WebSocket.
pub struct WebSocket {
    options: WebSocketOptions,
    dialer: Dialer,
}

impl WebSocket {
    pub fn new(options: WebSocketOptions, dialer: Dialer) -> Self {
        Self { options, dialer }
    }
}

/// What happened while waiting.
enum Wakeup {
    /// `None`: pending messages were written.
    Received(Option<Result<tungstenite::Message, Error>>),
    /// `None`: the input has ended.
    Input(Option<Outgoing>),
    Heartbeat,
}

impl WebSocket {
    async fn follow_once(&self, cx: &mut Cx<'_>) -> Result<Ended, SourceError> {
        let stop = cx.stop.clone();
        let open = tokio::select! {
            () = stop.cancelled() => return Ok(Ended::Stopped),
            open = handshake::open(&self.options, &self.dialer, cx.outlet) => open?,
        };
        let max_message = self.options.max_message;
        let mut connection = Connection::new(open.upgraded, max_message);
        for message in &self.options.send_on_connect {
            connection.send(message.clone().into());
        }
        connection.flush();
        let subscribed = subscribed(open.subprotocol, self.options.send_on_connect.len());
        cx.connected(shown(&open.url), subscribed, Guarantee::AtMostOnce);
        cx.gap(None, None, "a WebSocket cannot be resumed");
        let reason = self.follow(&mut connection, cx).await;
        let result = reason.close(connection, &self.options).await;
        cx.report_too_large(&result);
        result
    }

    /// Passes messages on until the connection has to end.
    async fn follow(&self, connection: &mut Connection, cx: &mut Cx<'_>) -> CloseReason {
        let stop = cx.stop.clone();
        let mut stopped = pin!(stop.cancelled());
        let mut heartbeat = Heartbeat::new(self.options.ping);
        let mut budget = YieldBudget::default();
        let in_turn = self.options.echo;
        loop {
            // Received messages come last in the order of polling, because a flood of them must not delay anything
            // else. They are still read on every iteration.
            let wakeup = tokio::select! {
                biased;
                () = &mut stopped => return CloseReason::Stopped,
                () = heartbeat.tick() => Wakeup::Heartbeat,
                input = next_input(&mut cx.input), if !connection.is_blocked() => Wakeup::Input(input),
                received = connection.next(in_turn) => Wakeup::Received(received),
            };
            let first = match wakeup {
                Wakeup::Received(received) => received,
                Wakeup::Input(input) => {
                    match input {
                        Some(input) => connection.send(input.into()),
                        None => cx.input = None,
                    }
                    connection.ready(in_turn)
                }
                Wakeup::Heartbeat => {
                    // Read first: a reply may have arrived in time.
                    let first = connection.ready(in_turn);
                    if !heartbeat.is_alive(connection.activity()) {
                        return CloseReason::Silent(self.options.ping);
                    }
                    connection.send(tungstenite::Message::Ping(Bytes::new()));
                    first
                }
            };
            let passed = self.pass_on(first, connection, &mut budget, cx);
            // Pongs and echoes are sent before the wait.
            connection.flush();
            let settling = budget.settle(cx.outlet);
            let settled = settle(settling, connection, &mut heartbeat, stopped.as_mut()).await;
            if let ControlFlow::Break(reason) = passed {
                return reason;
            }
            if let ControlFlow::Break(reason) = settled {
                return reason;
            }
        }
    }

    /// Passes on `next` and the messages that have already arrived, up to [`BATCH`] bytes.
    fn pass_on(
        &self,
        mut next: Option<Result<tungstenite::Message, Error>>,
        connection: &mut Connection,
        budget: &mut YieldBudget,
        cx: &mut Cx<'_>,
    ) -> ControlFlow<CloseReason> {
        if let Some(Ok(_)) = next {
            cx.pulse.sign(Timestamp::now());
        }
        let mut room = BATCH;
        let mut is_message = false;
        let end = loop {
            let message = match next {
                None => break ControlFlow::Continue(()),
                Some(Ok(tungstenite::Message::Close(frame))) => {
                    break ControlFlow::Break(CloseReason::Closed(frame));
                }
                Some(Err(error)) => break ControlFlow::Break(CloseReason::Failed(error)),
                Some(Ok(message)) => message,
            };
            room = room.saturating_sub(message.len() + PER_MESSAGE);
            let mut flow = ControlFlow::Continue(());
            if let Some(data) = payload(&message) {
                is_message = true;
                flow = cx.outlet.take(&Message {
                    data,
                    ..Message::default()
                });
            }
            // Dropped before the next read, because the buffer is reused only if no part of it is borrowed.
            self.release(message, connection);
            if flow.is_break() {
                break ControlFlow::Break(CloseReason::Enough);
            }
            if room == 0 {
                break ControlFlow::Continue(());
            }
            next = connection.ready(self.options.echo);
        };
        budget.spend(BATCH - room);
        if is_message {
            cx.pulse.message(Timestamp::now());
        }
        end
    }

    fn release(&self, message: tungstenite::Message, connection: &mut Connection) {
        if self.options.echo && payload(&message).is_some() {
            connection.send(message);
        }
    }
}

/// Waits for the outlet. The heartbeat continues meanwhile, so that a slow reader does not cost the connection.
async fn settle(
    settling: impl Future<Output = ControlFlow<()>>,
    connection: &mut Connection,
    heartbeat: &mut Heartbeat,
    mut stopped: Pin<&mut WaitForCancellationFuture<'_>>,
) -> ControlFlow<CloseReason> {
    let mut settling = pin!(settling);
    loop {
        tokio::select! {
            biased;
            flow = &mut settling => {
                return flow.map_break(|()| CloseReason::Enough);
            }
            () = stopped.as_mut() => return ControlFlow::Break(CloseReason::Stopped),
            () = heartbeat.tick() => {
                // The client reads no pings meanwhile, so it sends an unsolicited pong (RFC 6455, 5.5.3).
                connection.send(tungstenite::Message::Pong(Bytes::new()));
                connection.flush();
            }
        }
    }
}

/// Waits for the next input; never returns if there is none.
async fn next_input(input: &mut Option<tokio::sync::mpsc::Receiver<Outgoing>>) -> Option<Outgoing> {
    match input {
        Some(input) => input.recv().await,
        None => std::future::pending().await,
    }
}

fn payload(message: &tungstenite::Message) -> Option<&[u8]> {
    match message {
        tungstenite::Message::Text(text) => Some(text.as_bytes()),
        tungstenite::Message::Binary(bytes) => Some(bytes),
        tungstenite::Message::Ping(_)
        | tungstenite::Message::Pong(_)
        | tungstenite::Message::Close(_)
        | tungstenite::Message::Frame(_) => None,
    }
}

/// The URL for messages. The whole query is masked, because browsers can send a WebSocket's token nowhere else.
fn shown(url: &Uri) -> String {
    let shown = secret::shown(url);
    match shown.split_once('?') {
        Some((place, _)) => format!("{place}?…"),
        None => shown,
    }
}

/// A short description of the subprotocol and of the messages sent.
fn subscribed(subprotocol: Option<String>, sent: usize) -> String {
    let sent = match sent {
        0 => None,
        1 => Some("1 message sent".to_owned()),
        sent => Some(format!("{sent} messages sent")),
    };
    let subprotocol = subprotocol.map(|name| format!("subprotocol {name}"));
    let parts: Vec<String> = subprotocol.into_iter().chain(sent).collect();
    parts.join(", ")
}

impl From<Outgoing> for tungstenite::Message {
    fn from(outgoing: Outgoing) -> Self {
        match outgoing {
            Outgoing::Text(text) => Self::text(text),
            Outgoing::Binary(bytes) => Self::Binary(bytes),
        }
    }
}

impl Source for WebSocket {
    fn transport(&self) -> Transport {
        Transport::WebSocket
    }

    fn target(&self) -> String {
        shown(&self.options.url)
    }

    fn run<'a>(&'a mut self, cx: &'a mut Cx<'_>) -> BoxFuture<'a, Result<Ended, SourceError>> {
        Box::pin(self.follow_once(cx))
    }

    fn position(&self) -> Option<String> {
        None
    }
}
