//! WebSocket (RFC 6455) on tungstenite: the life of one connection after another.

mod beat;
mod connection;
mod handshake;
mod parting;

use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_util::sync::WaitForCancellationFuture;

use super::turns::Turns;
use super::{BoxFuture, Credentials, Cx, Ended, Guarantee, Message, Outgoing, Source, SourceError};
use crate::dial::Dialer;
use crate::event::Transport;
use crate::secret;
use crate::time::Timestamp;
use beat::Beat;
use parting::Parting;

pub(super) use connection::Connection;
pub(super) use handshake::open;

/// Handed on at most before the outlet is waited for, in bytes of payload and an estimate of what carries it.
const PIECE: usize = 64 * 1024;
const PER_MESSAGE: usize = 16;

/// What to follow and how.
#[derive(Clone)]
pub struct WebSocketOptions {
    /// `ws` or `wss`.
    pub url: Uri,
    pub credentials: Credentials,
    pub subprotocols: Vec<String>,
    /// Sent at every connect, in order: what subscribes.
    pub send_on_connect: Vec<Outgoing>,
    /// Answer each message with itself.
    pub echo: bool,
    pub follow_redirects: bool,
    /// Bytes of one message, and of one frame.
    pub max_message: usize,
    /// Between pings, and as long again for the pong; not zero.
    pub ping: Duration,
    /// Whatever close the peer sends is the end: only a cut without one is made again.
    pub until_end: bool,
    /// From the first byte dialled until the stream is open; of it, a connection to an address takes 5 s at most.
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

/// What a wait ended with.
enum Turn {
    /// `None`: what had to wait was written.
    Came(Option<Result<tungstenite::Message, Error>>),
    /// `None`: there will be no more.
    Typed(Option<Outgoing>),
    Beat,
}

impl WebSocket {
    async fn live(&self, cx: &mut Cx<'_>) -> Result<Ended, SourceError> {
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
        cx.gap(None, None, "WebSocket has no resume");
        let parting = self.follow(&mut connection, cx).await;
        parting.part(connection, &self.options).await
    }

    /// Hands on what comes until the connection is to end.
    async fn follow(&self, connection: &mut Connection, cx: &mut Cx<'_>) -> Parting {
        let stop = cx.stop.clone();
        let mut stopped = pin!(stop.cancelled());
        let mut beat = Beat::new(self.options.ping);
        let mut turns = Turns::default();
        let in_turn = self.options.echo;
        loop {
            // What comes is last, because a flood of it must not keep anything else waiting; it is looked for at every turn.
            let turn = tokio::select! {
                biased;
                () = &mut stopped => return Parting::Stopped,
                () = beat.tick() => Turn::Beat,
                typed = typed(&mut cx.input), if !connection.is_blocked() => Turn::Typed(typed),
                came = connection.next(in_turn) => Turn::Came(came),
            };
            let first = match turn {
                Turn::Came(came) => came,
                Turn::Typed(typed) => {
                    match typed {
                        Some(typed) => connection.send(typed.into()),
                        None => cx.input = None,
                    }
                    connection.ready(in_turn)
                }
                Turn::Beat => {
                    // First what lies there unread: it may have come in time.
                    let first = connection.ready(in_turn);
                    if !beat.is_heard(connection.signs()) {
                        return Parting::Silent(self.options.ping);
                    }
                    connection.send(tungstenite::Message::Ping(Bytes::new()));
                    first
                }
            };
            let handed = self.hand_on(first, connection, &mut turns, cx);
            // Pongs and echoes go out before the wait.
            connection.flush();
            let settling = turns.settle(cx.outlet);
            let settled = settle(settling, connection, &mut beat, stopped.as_mut()).await;
            if let ControlFlow::Break(parting) = handed {
                return parting;
            }
            if let ControlFlow::Break(parting) = settled {
                return parting;
            }
        }
    }

    /// Hands on `next` and what else is there, up to a [`PIECE`].
    fn hand_on(
        &self,
        mut next: Option<Result<tungstenite::Message, Error>>,
        connection: &mut Connection,
        turns: &mut Turns,
        cx: &mut Cx<'_>,
    ) -> ControlFlow<Parting> {
        if let Some(Ok(_)) = next {
            cx.pulse.sign(Timestamp::now());
        }
        let mut room = PIECE;
        let mut is_message = false;
        let parting = loop {
            let message = match next {
                None => break ControlFlow::Continue(()),
                Some(Ok(tungstenite::Message::Close(frame))) => {
                    break ControlFlow::Break(Parting::Closed(frame));
                }
                Some(Err(error)) => break ControlFlow::Break(Parting::Failed(error)),
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
            // Gone before the next is read: the buffer is used again only where nobody holds a part of it.
            self.done_with(message, connection);
            if flow.is_break() {
                break ControlFlow::Break(Parting::Enough);
            }
            if room == 0 {
                break ControlFlow::Continue(());
            }
            next = connection.ready(self.options.echo);
        };
        turns.took(PIECE - room);
        if is_message {
            cx.pulse.message(Timestamp::now());
        }
        parting
    }

    fn done_with(&self, message: tungstenite::Message, connection: &mut Connection) {
        if self.options.echo && payload(&message).is_some() {
            connection.send(message);
        }
    }
}

/// Waits for the outlet. A slow reader behind it keeps nobody from the connection: the peer hears from us meanwhile.
async fn settle(
    settling: impl Future<Output = ControlFlow<()>>,
    connection: &mut Connection,
    beat: &mut Beat,
    mut stopped: Pin<&mut WaitForCancellationFuture<'_>>,
) -> ControlFlow<Parting> {
    let mut settling = pin!(settling);
    loop {
        tokio::select! {
            biased;
            flow = &mut settling => {
                return flow.map_break(|()| Parting::Enough);
            }
            () = stopped.as_mut() => return ControlFlow::Break(Parting::Stopped),
            () = beat.tick() => {
                // Its own pings lie unread, so that it is told unasked (RFC 6455, 5.5.3).
                connection.send(tungstenite::Message::Pong(Bytes::new()));
                connection.flush();
            }
        }
    }
}

/// The next thing typed; never, where nothing is.
async fn typed(input: &mut Option<tokio::sync::mpsc::Receiver<Outgoing>>) -> Option<Outgoing> {
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

/// The URL for messages: of a query only that there is one, because a browser's tokens for a WebSocket can travel nowhere else.
fn shown(url: &Uri) -> String {
    let shown = secret::shown(url);
    match shown.split_once('?') {
        Some((place, _)) => format!("{place}?…"),
        None => shown,
    }
}

/// What was agreed and sent, in a few words.
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
        Box::pin(self.live(cx))
    }

    fn position(&self) -> Option<String> {
        None
    }
}
