//! Engine.IO's connection: sends and receives frames over either transport.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Uri};
use tokio_tungstenite::tungstenite::{self, Utf8Bytes};

use super::polling::Polling;
use super::{End, EngineTransport, SocketIoOptions};
use crate::dial::{DialError, Dialer};
use crate::json::Raw;
use crate::source::keep_open::chain;
use crate::source::websocket::{self, Connection};
use crate::source::{Authorisation, Notice, Outlet, SourceError, WebSocketOptions};
use crate::wire::socketio::engine::{self, Handshake};

/// Time limit for the handshake on an open WebSocket. A server sends it immediately.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Limit for the packets that arrive with the handshake, in bytes, and an estimate of the overhead of each.
const MAX_EARLY: usize = 64 * 1024;
const PER_FRAME: usize = 64;
/// Time limit for the change from polling to WebSocket.
const PROBE: Duration = Duration::from_secs(5);

/// One unit on the wire: an Engine.IO packet as text, or an attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Text(Utf8Bytes),
    Binary(Bytes),
}

impl Frame {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

/// An open connection.
pub(super) struct Link {
    transport: Transport,
    /// Frames that arrived before the transport was changed.
    early: VecDeque<Frame>,
    /// Read only after everything is written. Set if the client answers what it reads.
    in_turn: bool,
}

enum Transport {
    WebSocket(Box<Connection>),
    Polling(Box<Polling>),
}

/// What is needed to open a connection.
pub(super) struct Opening<'a> {
    pub(super) dialer: &'a Dialer,
    pub(super) options: &'a SocketIoOptions,
    pub(super) headers: &'a HeaderMap,
}

impl Opening<'_> {
    /// Connects and reads the server's handshake. Cancel safe: dropping the future closes the connection.
    pub(super) async fn open(
        self,
        outlet: &mut dyn Outlet,
    ) -> Result<(Link, Handshake), SourceError> {
        let opening = async {
            match self.options.engine_transport {
                EngineTransport::WebSocket => {
                    let mut link = self.websocket(None, outlet).await?;
                    let handshake = self.handshake(&mut link, HANDSHAKE).await?;
                    Ok((link, handshake))
                }
                EngineTransport::Polling => self.polling().await,
                EngineTransport::Upgrade => {
                    let (link, handshake) = self.polling().await?;
                    Ok((self.upgraded(link, &handshake, outlet).await?, handshake))
                }
            }
        };
        let limit = self.options.connect_timeout;
        match tokio::time::timeout(limit, opening).await {
            Ok(result) => result.map_err(|error| self.as_refusal(error)),
            Err(_) => {
                let peer = super::authority(&self.options.url).to_owned();
                Err(SourceError::Dial(DialError::Silent { peer, limit }))
            }
        }
    }

    async fn websocket(
        &self,
        sid: Option<&str>,
        outlet: &mut dyn Outlet,
    ) -> Result<Link, SourceError> {
        let authorisation = Authorisation {
            headers: self.headers.clone(),
            ..Authorisation::default()
        };
        let options = WebSocketOptions {
            url: engine_url(&self.options.url, "websocket", sid)?,
            credentials: Arc::new(move || Ok(authorisation.clone())),
            subprotocols: Vec::new(),
            send_on_connect: Vec::new(),
            echo: false,
            follow_redirects: false,
            max_message: self.options.max_message,
            ping: Duration::MAX,
            until_end: false,
            connect_timeout: self.options.connect_timeout,
        };
        let open = websocket::open(&options, self.dialer, outlet).await?;
        let connection = Connection::new(open.upgraded, options.max_message);
        Ok(self.link(Transport::WebSocket(Box::new(connection))))
    }

    async fn polling(&self) -> Result<(Link, Handshake), SourceError> {
        let url = |sid| engine_url(&self.options.url, "polling", sid);
        let (dialer, headers) = (self.dialer.clone(), self.headers.clone());
        let polling = Polling::new(dialer, url(None)?, headers, self.options.max_message);
        let mut link = self.link(Transport::Polling(Box::new(polling)));
        let handshake = self.handshake(&mut link, self.options.connect_timeout);
        let handshake = handshake.await?;
        if let Transport::Polling(polling) = &mut link.transport {
            polling.session_opened(url(Some(&handshake.sid))?, &handshake);
        }
        Ok((link, handshake))
    }

    /// Reads the server's first packet, which it sends without a request.
    async fn handshake(&self, link: &mut Link, limit: Duration) -> Result<Handshake, SourceError> {
        let is_websocket = matches!(link.transport, Transport::WebSocket(_));
        let none = |why: String| SourceError::NotEngineIo {
            target: super::shown(&self.options.url),
            why,
            is_websocket,
        };
        let Ok(frame) = tokio::time::timeout(limit, link.awaited()).await else {
            let seconds = limit.as_secs_f64();
            return Err(none(format!("it sent nothing for {seconds} s")));
        };
        if let Frame::Text(text) = frame? {
            if let Ok(engine::Packet::Open(json)) = engine::Packet::parse(&text)
                && let Ok(handshake) = Handshake::parse(json)
            {
                return Ok(handshake);
            }
            if !is_websocket && engine::is_older_handshake(&text) {
                return Err(super::too_old("its handshake is that of Engine.IO 3"));
            }
        }
        Err(none("its first packet was not a handshake".to_owned()))
    }

    /// Converts a refusal: a server of Engine.IO explains it as JSON with a `code`, any other server does not.
    fn as_refusal(&self, error: SourceError) -> SourceError {
        let why = match &error {
            SourceError::Refused { status, body, .. }
                if matches!(status.as_u16(), 400 | 404 | 405 | 426)
                    && Raw::check(body.as_bytes())
                        .and_then(|body| body.member("code"))
                        .is_none() =>
            {
                format!("it answered {status}")
            }
            SourceError::NotAStream { content_type, .. } => {
                format!("it answered with {content_type}")
            }
            SourceError::Redirect { target, why } => {
                // Only a WebSocket has this flag.
                let why = why.trim_end_matches("; -L follows it").to_owned();
                let target = target.clone();
                return SourceError::Redirect { target, why };
            }
            _ => return error,
        };
        SourceError::NotEngineIo {
            target: super::shown(&self.options.url),
            why,
            is_websocket: false,
        }
    }

    /// Changes to a WebSocket while no request is active on the polling transport. If that fails, the session continues
    /// with polling.
    async fn upgraded(
        &self,
        mut link: Link,
        handshake: &Handshake,
        outlet: &mut dyn Outlet,
    ) -> Result<Link, SourceError> {
        if !handshake.upgrades.iter().any(|name| name == "websocket") {
            return Ok(link);
        }
        let early = link.rest().await?;
        let probing = async {
            let mut probe = self.websocket(Some(&handshake.sid), outlet).await?;
            probe.push(Frame::Text(Utf8Bytes::from_static("2probe")));
            probe.flush();
            match probe.awaited().await? {
                Frame::Text(text) if text.as_str() == "3probe" => Ok(probe),
                _ => Err(no_handshake()),
            }
        };
        let why = match tokio::time::timeout(PROBE.min(handshake.ping_timeout), probing).await {
            Ok(Ok(mut probe)) => {
                probe.push(Frame::Text(Utf8Bytes::from_static("5")));
                probe.flush();
                probe.early = early;
                return Ok(probe);
            }
            Ok(Err(error)) => chain(&error),
            Err(_) => "no answer to the probe".to_owned(),
        };
        let remark = format!("continuing with long polling, because WebSocket failed: {why}");
        outlet.notice(Notice::Remark(remark));
        link.early = early;
        Ok(link)
    }

    fn link(&self, transport: Transport) -> Link {
        Link {
            transport,
            early: VecDeque::new(),
            in_turn: self.options.echo || self.options.ack.is_some(),
        }
    }
}

impl Link {
    /// Reads the packets that follow the handshake in the same response.
    async fn rest(&mut self) -> Result<VecDeque<Frame>, SourceError> {
        let mut rest = VecDeque::new();
        let mut room = MAX_EARLY;
        while let Transport::Polling(polling) = &mut self.transport {
            let Some(frame) = poll_fn(|cx| polling.poll_rest(cx)).await? else {
                break;
            };
            room =
                room.checked_sub(frame.len() + PER_FRAME)
                    .ok_or_else(|| SourceError::Protocol {
                        why: format!("more than {MAX_EARLY} bytes came with the handshake"),
                    })?;
            rest.push_back(frame);
        }
        Ok(rest)
    }

    async fn awaited(&mut self) -> Result<Frame, End> {
        loop {
            if let Some(frame) = self.next().await? {
                return Ok(frame);
            }
        }
    }

    /// Returns whether sent frames are waiting for the server to read.
    pub(super) fn is_blocked(&self) -> bool {
        match &self.transport {
            Transport::Polling(polling) => polling.is_blocked(),
            Transport::WebSocket(connection) => connection.is_blocked(),
        }
    }

    /// Waits for the next frame, and writes pending frames meanwhile. `None`: the connection no longer [is
    /// blocked](Self::is_blocked), so more may be sent. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, End> {
        if let Some(frame) = self.early.pop_front() {
            return Ok(Some(frame));
        }
        match &mut self.transport {
            Transport::Polling(polling) => poll_fn(|cx| polling.poll_next(cx, self.in_turn)).await,
            Transport::WebSocket(connection) => loop {
                let Some(message) = connection.next(self.in_turn).await else {
                    return Ok(None);
                };
                if let Some(frame) = frame(message, connection)? {
                    return Ok(Some(frame));
                }
            },
        }
    }

    /// Returns the next frame if it has already arrived.
    pub(super) async fn ready(&mut self) -> Result<Option<Frame>, End> {
        if let Some(frame) = self.early.pop_front() {
            return Ok(Some(frame));
        }
        match &mut self.transport {
            Transport::Polling(polling) => {
                poll_fn(|cx| match polling.poll_next(cx, self.in_turn) {
                    Poll::Ready(frame) => Poll::Ready(frame),
                    Poll::Pending => Poll::Ready(Ok(None)),
                })
                .await
            }
            Transport::WebSocket(connection) => {
                while let Some(message) = connection.ready(self.in_turn) {
                    if let Some(frame) = frame(message, connection)? {
                        return Ok(Some(frame));
                    }
                }
                Ok(None)
            }
        }
    }

    /// Writes pending frames without reading. Returns only on failure.
    pub(super) async fn write(&mut self) -> Result<Infallible, End> {
        if let Transport::Polling(polling) = &mut self.transport {
            poll_fn(|cx| polling.poll_written(cx)).await?;
        }
        std::future::pending().await
    }

    /// Queues a frame, which is written by the next [`Self::flush`] at the latest.
    pub(super) fn push(&mut self, frame: Frame) {
        match &mut self.transport {
            Transport::Polling(polling) => polling.push(&frame),
            Transport::WebSocket(connection) => connection.send(match frame {
                Frame::Text(text) => tungstenite::Message::Text(text),
                Frame::Binary(bytes) => tungstenite::Message::Binary(bytes),
            }),
        }
    }

    /// Writes queued frames without waiting. [`Self::next`] and [`Self::write`] write the rest.
    pub(super) fn flush(&mut self) {
        if let Transport::WebSocket(connection) = &mut self.transport {
            connection.flush();
        }
    }

    /// Closes the connection after writing queued frames.
    pub(super) async fn close(mut self) {
        if let Transport::Polling(_) = &self.transport {
            self.push(Frame::Text(Utf8Bytes::from_static("1")));
        }
        match self.transport {
            Transport::WebSocket(connection) => connection.close(1000, "").await,
            Transport::Polling(mut polling) => {
                let _ = poll_fn(|cx| polling.poll_written(cx)).await;
            }
        }
    }
}

/// Converts a WebSocket message; `None` for pings and pongs.
fn frame(
    message: Result<tungstenite::Message, tungstenite::Error>,
    connection: &mut Connection,
) -> Result<Option<Frame>, End> {
    use tungstenite::Message;
    match message {
        Ok(Message::Text(text)) => Ok(Some(Frame::Text(text))),
        Ok(Message::Binary(bytes)) => Ok(Some(Frame::Binary(bytes))),
        Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => Ok(None),
        Ok(Message::Close(close)) => {
            // The reply to the close frame still has to be written.
            connection.flush();
            Err(End::lost(match close {
                Some(close) => format!("the server closed the connection with {}", close.code),
                None => "the server closed the connection".to_owned(),
            }))
        }
        Err(error) => Err(ended_by(error)),
    }
}

fn ended_by(error: tungstenite::Error) -> End {
    use tungstenite::Error;
    use tungstenite::error::{CapacityError, ProtocolError};
    match error {
        Error::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
            End::Failed(SourceError::TooLarge { limit: max_size })
        }
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
        | Error::ConnectionClosed
        | Error::AlreadyClosed => {
            End::lost("the server closed the connection without a close frame")
        }
        Error::Io(error) => End::lost(error.to_string()),
        // The frames themselves are invalid, not only the packets in them.
        error @ (Error::Protocol(_) | Error::Utf8(_)) => End::Failed(SourceError::Protocol {
            why: error.to_string(),
        }),
        other => End::Malformed {
            bytes: 0,
            why: other.to_string(),
        },
    }
}

fn no_handshake() -> SourceError {
    SourceError::Protocol {
        why: "the server did not send an Engine.IO 4 handshake".to_owned(),
    }
}

/// The error for a `peer` that did not answer in time.
pub(super) fn timed_out(peer: String, limit: Duration) -> SourceError {
    SourceError::Dial(DialError::Timeout { peer, limit })
}

/// The server's URL for a transport. The path defaults to `/socket.io/` and always ends with a slash, which servers
/// require.
fn engine_url(url: &Uri, transport: &str, sid: Option<&str>) -> Result<Uri, SourceError> {
    let path = match url.path() {
        "" | "/" => "/socket.io",
        path => path.trim_end_matches('/'),
    };
    let is_secure = matches!(url.scheme_str(), Some("https" | "wss"));
    let scheme = match (transport, is_secure) {
        ("websocket", false) => "ws",
        ("websocket", true) => "wss",
        (_, false) => "http",
        (_, true) => "https",
    };
    let authority = super::authority(url);
    let own = url
        .query()
        .map_or(String::new(), |query| format!("{query}&"));
    let sid = sid.map_or(String::new(), |sid| format!("&sid={sid}"));
    format!("{scheme}://{authority}{path}/?{own}EIO=4&transport={transport}{sid}")
        .parse()
        .map_err(|_| no_handshake())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_a_transport_has_its_path_and_query() {
        for (url, transport, sid, made) in [
            (
                "http://a.test",
                "websocket",
                None,
                "ws://a.test/socket.io/?EIO=4&transport=websocket",
            ),
            (
                "https://a.test:9/ws/io",
                "polling",
                Some("s"),
                "https://a.test:9/ws/io/?EIO=4&transport=polling&sid=s",
            ),
            (
                "https://a.test/?k=v",
                "websocket",
                None,
                "wss://a.test/socket.io/?k=v&EIO=4&transport=websocket",
            ),
        ] {
            let url = engine_url(&url.parse().unwrap(), transport, sid).unwrap();
            assert_eq!(url.to_string(), made);
        }
        let junk = engine_url(&"http://a.test".parse().unwrap(), "polling", Some("a b"));
        assert!(
            matches!(junk, Err(SourceError::Protocol { .. })),
            "{junk:?}"
        );
    }
}
