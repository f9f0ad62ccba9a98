//! Exchanges that go on: an answer whose body is read piece by piece, and a bare connection for other protocols over HTTP's port.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connect::{self, Stream};
use super::{DialError, Dialer, peer_of};
use crate::grammar::target::Target;

/// What a stream is read into at most at a time; hyper grows its buffer up to it.
const READ_BUFFER: usize = 128 * 1024;

/// A request whose answer is a stream.
#[derive(Clone, Debug)]
pub struct Opening {
    pub method: Method,
    /// `http` or `https`.
    pub url: Uri,
    /// `host` is added where it is missing.
    pub headers: HeaderMap,
    pub body: Bytes,
    /// From the first byte dialled to the head of the answer.
    pub timeout: Duration,
}

/// The head of an answer, and the rest of it as it comes.
pub struct Opened {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Incoming,
    link: Link,
}

/// An answer that has no proper end.
#[derive(Debug, Error)]
#[error("the connection broke off in the middle of the answer")]
struct BrokenOff(#[source] hyper::Error);

/// The connection under an exchange. It moves only while somebody waits for something that comes over it.
///
/// In a task of its own it would hand over one chunk for each switch between the two tasks; a server that sends each event in a
/// chunk of its own would cost a switch, and a write to stdout, an event.
pub(super) struct Link(Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>);

impl Link {
    /// Of a connection that the pool moves in a task of its own.
    pub(super) const POOLED: Self = Self(None);

    /// Waits for what comes over the connection. Cancel safe where the future is.
    pub(super) async fn bring<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        poll_fn(|cx| {
            if let Poll::Ready(brought) = future.as_mut().poll(cx) {
                return Poll::Ready(brought);
            }
            // How it ends is told by what it was to bring.
            if let Some(connection) = &mut self.0
                && connection.as_mut().poll(cx).is_ready()
            {
                self.0 = None;
            }
            future.as_mut().poll(cx)
        })
        .await
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Opened {
    pub(super) fn of((answer, link): (Response<Incoming>, Link)) -> Self {
        let (head, body) = answer.into_parts();
        Self {
            status: head.status,
            headers: head.headers,
            body,
            link,
        }
    }

    /// The next piece of the body as it came off the wire; `None` at its proper end.
    ///
    /// Cancel safe. Bounded by the connection's read buffer, 128 KiB.
    ///
    /// # Errors
    /// The connection broke off.
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            match self.link.bring(self.body.frame()).await? {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
                Err(error) => {
                    let cause: &(dyn Error + 'static) = &error;
                    tracing::debug!(cause, "An answer broke off.");
                    return Some(Err(io::Error::other(BrokenOff(error))));
                }
            }
        }
    }

    /// The start of the body, at most `limit` bytes or what comes within `patience`: for messages about answers that are not a
    /// stream.
    pub async fn start(&mut self, limit: usize, patience: Duration) -> Vec<u8> {
        let mut start = Vec::new();
        let reading = async {
            while start.len() < limit {
                let Some(Ok(piece)) = self.next().await else {
                    break;
                };
                let room = limit - start.len();
                start.extend_from_slice(&piece[..piece.len().min(room)]);
            }
        };
        let _ = tokio::time::timeout(patience, reading).await;
        start
    }
}

/// A connection to a server, through TLS where the URL says so.
pub struct Socket(Stream);

impl Dialer {
    /// Sends one request on a connection of its own and returns once the head of the answer is there. Any status is an
    /// answer; redirects are not followed.
    ///
    /// Cancel safe: dropping the future, or later the answer, closes the connection.
    pub async fn open(&self, opening: Opening) -> Result<Opened, DialError> {
        let peer = peer_of(&Target::Url(opening.url.clone()));
        let limit = opening.timeout;
        let mut is_connected = false;
        let exchange = self.exchange_open(opening, &peer, &mut is_connected);
        let result = tokio::time::timeout(limit, exchange).await;
        match result {
            Ok(result) => result.map(Opened::of),
            Err(_) => Err(late(peer, limit, is_connected)),
        }
    }

    /// Connects to the host of an `http`, `https`, `ws` or `wss` URL.
    ///
    /// Cancel safe: dropping the future closes the connection.
    pub async fn socket(&self, url: &Uri) -> Result<Socket, DialError> {
        let peer = peer_of(&Target::Url(url.clone()));
        if connect::is_socket_host(&peer) {
            return Err(DialError::BadTarget {
                url: url.to_string(),
            });
        }
        let connecting = self.connector.clone().connect(url.clone());
        match tokio::time::timeout(connect::CONNECT, connecting).await {
            Ok(Ok(stream)) => {
                let stream = stream.into_inner();
                stream.notice_a_dead_peer();
                Ok(Socket(stream))
            }
            Ok(Err(failure)) => Err(failure.as_dial_error(&peer)),
            Err(_) => Err(DialError::Timeout {
                peer,
                limit: connect::CONNECT,
            }),
        }
    }

    pub(super) async fn exchange_open(
        &self,
        opening: Opening,
        peer: &str,
        is_connected: &mut bool,
    ) -> Result<(Response<Incoming>, Link), DialError> {
        let broken = |source: hyper::Error| DialError::Broken {
            peer: peer.to_owned(),
            source: Box::new(source),
        };
        let bad = || DialError::BadTarget {
            url: opening.url.to_string(),
        };
        let socket = self.socket(&opening.url).await?;
        *is_connected = true;
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(READ_BUFFER)
            .handshake(TokioIo::new(socket))
            .await
            .map_err(broken)?;
        let mut link = Link(Some(Box::pin(connection.with_upgrades())));
        let path = opening
            .url
            .path_and_query()
            .map_or("/", |path| path.as_str());
        let mut request = Request::new(Full::new(opening.body));
        *request.method_mut() = opening.method;
        *request.uri_mut() = path.parse().map_err(|_| bad())?;
        *request.headers_mut() = opening.headers;
        let host = HeaderValue::try_from(peer).map_err(|_| bad())?;
        request.headers_mut().entry(HOST).or_insert(host);
        let answer = link.bring(sender.send_request(request)).await;
        Ok((answer.map_err(broken)?, link))
    }
}

/// No head of an answer came in time.
pub(super) fn late(peer: String, limit: Duration, is_connected: bool) -> DialError {
    match is_connected {
        true => DialError::Silent { peer, limit },
        false => DialError::Timeout { peer, limit },
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
