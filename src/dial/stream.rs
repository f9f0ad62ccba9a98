//! Exchanges that go on: an answer whose body is read piece by piece, and a bare connection for other protocols over HTTP's port.

use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Method, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::answer::{self, Answered};
use super::connect::{self, Stream};
use super::{DialError, Dialer, peer_of};
use crate::grammar::target::Target;

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
    rest: Rest,
}

/// An answer that has no proper end.
#[derive(Debug, Error)]
#[error("the connection broke off in the middle of the answer")]
struct BrokenOff(#[source] Box<dyn Error + Send + Sync>);

/// Where the rest of an answer comes from.
enum Rest {
    /// A connection of its own.
    Own(Answered<Socket>),
    /// One that the pool shares between exchanges.
    Pooled(Incoming),
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Opened {
    pub(super) fn own(status: StatusCode, headers: HeaderMap, rest: Answered<Socket>) -> Self {
        let rest = Rest::Own(rest);
        Self {
            status,
            headers,
            rest,
        }
    }

    pub(super) fn pooled(answer: Response<Incoming>) -> Self {
        let (head, body) = answer.into_parts();
        Self {
            status: head.status,
            headers: head.headers,
            rest: Rest::Pooled(body),
        }
    }

    /// The next piece of the body as it came off the wire; `None` at its proper end.
    ///
    /// Cancel safe. Bounded by the connection's read buffer, 128 KiB.
    ///
    /// # Errors
    /// The connection broke off.
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        let next: Result<Bytes, Box<dyn Error + Send + Sync>> = match &mut self.rest {
            Rest::Own(answered) => answered.next().await?.map_err(Into::into),
            Rest::Pooled(body) => loop {
                match body.frame().await?.map(hyper::body::Frame::into_data) {
                    Ok(Ok(data)) => break Ok(data),
                    Ok(Err(_)) => {}
                    Err(error) => break Err(error.into()),
                }
            },
        };
        Some(next.map_err(|error| {
            tracing::debug!(%error, "An answer broke off.");
            io::Error::other(BrokenOff(error))
        }))
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
        let exchange = self.ask(opening, &peer, &mut is_connected);
        match tokio::time::timeout(limit, exchange).await {
            Ok(Ok((status, headers, rest))) => Ok(Opened::own(status, headers, rest)),
            Ok(Err(error)) => Err(error),
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

    /// Sends one request on a connection of its own, and reads the head of the answer.
    pub(super) async fn ask(
        &self,
        opening: Opening,
        peer: &str,
        is_connected: &mut bool,
    ) -> Result<(StatusCode, HeaderMap, Answered<Socket>), DialError> {
        let mut socket = self.socket(&opening.url).await?;
        *is_connected = true;
        let exchange = async {
            socket.write_all(&request(&opening, peer)).await?;
            socket.flush().await?;
            answer::read(socket).await
        };
        exchange.await.map_err(|source| DialError::Broken {
            peer: peer.to_owned(),
            source: Box::new(source),
        })
    }
}

/// The request as it goes over the wire; its parts cannot hold a line break, which their types forbid.
fn request(opening: &Opening, peer: &str) -> Vec<u8> {
    let target = opening.url.path_and_query();
    let target = target.map_or("/", |target| target.as_str());
    let mut text = format!("{} {target} HTTP/1.1\r\n", opening.method).into_bytes();
    let mut line = |name: &str, value: &[u8]| {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value);
        text.extend_from_slice(b"\r\n");
    };
    if !opening.headers.contains_key(HOST) {
        line("host", peer.as_bytes());
    }
    for (name, value) in &opening.headers {
        line(name.as_str(), value.as_bytes());
    }
    if !opening.body.is_empty() {
        line("content-length", opening.body.len().to_string().as_bytes());
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(&opening.body);
    text
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
