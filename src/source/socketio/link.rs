//! Engine.IO's connection: frames in, frames out, over whichever transport.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, Stream};
use http::{HeaderMap, Uri};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Utf8Bytes};

use super::{End, SocketIoOptions};
use crate::dial::{DialError, Dialer, Socket};
use crate::source::SourceError;
use crate::wire::socketio::engine::{self, Handshake};

/// From the first byte dialled to the server's handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Of the body of an answer that refuses, what is shown.
const SHOWN_BODY: usize = 1024;

/// What travels: a packet of Engine.IO as text, or an attachment.
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

/// An open connection, and what waits to be sent on it.
pub(super) struct Link {
    transport: Box<WebSocketStream<Socket>>,
    outbox: VecDeque<Frame>,
}

impl Link {
    /// Connects and takes the server's handshake. Cancel safe: dropping the future closes the connection.
    pub(super) async fn open(
        dialer: &Dialer,
        options: &SocketIoOptions,
        headers: &HeaderMap,
    ) -> Result<(Self, Handshake), SourceError> {
        let opening = async {
            let url = engine_url(&options.url, "websocket", None)?;
            let socket = websocket(dialer, &url, headers, options.max_message).await?;
            let mut link = Self {
                transport: Box::new(socket),
                outbox: VecDeque::new(),
            };
            let handshake = link.handshake().await?;
            Ok((link, handshake))
        };
        match tokio::time::timeout(HANDSHAKE, opening).await {
            Ok(result) => result,
            Err(_) => Err(late(super::authority(&options.url).to_owned(), HANDSHAKE)),
        }
    }

    async fn handshake(&mut self) -> Result<Handshake, SourceError> {
        let frame = self.next().await.map_err(SourceError::from)?;
        let Frame::Text(text) = &frame else {
            return Err(no_handshake());
        };
        match engine::Packet::parse(text) {
            Ok(engine::Packet::Open(json)) => Handshake::parse(json).map_err(|_| no_handshake()),
            _ => Err(no_handshake()),
        }
    }

    /// The next frame; waits for it. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Frame, End> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The next frame if it is there already.
    pub(super) async fn ready(&mut self) -> Result<Option<Frame>, End> {
        poll_fn(|cx| match self.poll_next(cx) {
            Poll::Ready(frame) => Poll::Ready(frame.map(Some)),
            Poll::Pending => Poll::Ready(Ok(None)),
        })
        .await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, End>> {
        use tungstenite::Message;
        loop {
            let message = std::task::ready!(Pin::new(&mut *self.transport).poll_next(cx));
            return Poll::Ready(match message {
                Some(Ok(Message::Text(text))) => Ok(Frame::Text(text)),
                Some(Ok(Message::Binary(bytes))) => Ok(Frame::Binary(bytes)),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Close(close))) => Err(End::lost(match close {
                    Some(close) => format!("the server closed the connection with {close}"),
                    None => "the server closed the connection".to_owned(),
                })),
                Some(Err(error)) => Err(ended_by(error)),
                None => Err(End::lost("the connection was closed")),
            });
        }
    }

    /// Adds a frame to what [`Self::flush`] sends.
    pub(super) fn push(&mut self, frame: Frame) {
        self.outbox.push_back(frame);
    }

    /// Sends what was pushed. A frame under way is lost when the future is dropped: only for those who give up the connection.
    pub(super) async fn flush(&mut self) -> Result<(), End> {
        if self.outbox.is_empty() {
            return Ok(());
        }
        while let Some(frame) = self.outbox.pop_front() {
            let message = match frame {
                Frame::Text(text) => tungstenite::Message::Text(text),
                Frame::Binary(bytes) => tungstenite::Message::Binary(bytes),
            };
            self.transport.feed(message).await.map_err(ended_by)?;
        }
        self.transport.flush().await.map_err(ended_by)
    }

    /// Closes politely: what was pushed is sent first, and the server's own close waited for.
    pub(super) async fn close(&mut self) {
        if self.flush().await.is_ok() && (*self.transport).close(None).await.is_ok() {
            while self.next().await.is_ok() {}
        }
    }
}

fn ended_by(error: tungstenite::Error) -> End {
    use tungstenite::Error;
    match error {
        Error::Capacity(tungstenite::error::CapacityError::MessageTooLong { max_size, .. }) => {
            End::Failed(SourceError::TooLarge { limit: max_size })
        }
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
        | Error::ConnectionClosed
        | Error::AlreadyClosed => End::lost("the connection broke off"),
        Error::Io(error) => End::lost(format!("the connection broke off: {error}")),
        other => End::Malformed {
            bytes: 0,
            why: other.to_string(),
        },
    }
}

fn no_handshake() -> SourceError {
    SourceError::Protocol {
        why: "the connection did not begin with the handshake of Engine.IO 4".to_owned(),
    }
}

/// `peer` did not answer in time.
pub(super) fn late(peer: String, limit: Duration) -> SourceError {
    SourceError::Dial(DialError::Timeout { peer, limit })
}

/// The server's URL for a transport: `/socket.io/` where it has no path, always with a slash at the end, which servers insist
/// on.
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

async fn websocket(
    dialer: &Dialer,
    url: &Uri,
    headers: &HeaderMap,
    max_message: usize,
) -> Result<WebSocketStream<Socket>, SourceError> {
    let failed = |error: tungstenite::Error| SourceError::Protocol {
        why: error.to_string(),
    };
    let mut request = url.clone().into_client_request().map_err(failed)?;
    request.headers_mut().extend(headers.clone());
    let config = WebSocketConfig::default()
        .max_message_size(Some(max_message))
        .max_frame_size(Some(max_message));
    let socket = dialer.socket(url).await?;
    match tokio_tungstenite::client_async_with_config(request, socket, Some(config)).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(answer)) => {
            let body = answer.body().as_deref().unwrap_or_default();
            Err(SourceError::Refused {
                target: super::shown(url),
                status: answer.status(),
                body: String::from_utf8_lossy(&body[..body.len().min(SHOWN_BODY)]).into_owned(),
                retry_after: None,
            })
        }
        Err(error) => Err(failed(error)),
    }
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
