//! Long exchanges: a response whose body is read piece by piece, and a plain connection for other protocols on HTTP's
//! port.

use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderMap, Method, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use rustls::ClientConfig;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use super::answer::{self, Answered};
use super::connect;
use super::plumbing::Stream;
use super::proxy::authority;
use super::{DialError, Dialer, Proxy, TlsError, check_login, peer_of};
use crate::grammar::target::Target;

/// A request whose response is a stream.
#[derive(Clone, Debug)]
pub struct Opening {
    pub method: Method,
    /// `http` or `https`.
    pub url: Uri,
    /// `host` is added if it is missing.
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Time limit from the first connection attempt to the head of the response.
    pub timeout: Duration,
}

/// The head of a response, and its body as it arrives.
pub struct Opened {
    pub status: StatusCode,
    pub headers: HeaderMap,
    rest: Rest,
}

/// The body of a response is incomplete.
#[derive(Debug, Error)]
#[error("the connection broke in the middle of the response")]
struct BrokenOff(#[source] Box<dyn Error + Send + Sync>);

/// The source of the body.
enum Rest {
    /// A separate connection.
    Own(Answered<Socket>),
    /// A pooled connection.
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

    /// Returns the next piece of the body; `None` at the end of a complete body.
    ///
    /// Cancel safe. A piece is at most as large as the connection's read buffer, 128 KiB.
    ///
    /// # Errors
    /// The connection broke.
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

    /// Reads the start of the body: at most `limit` bytes, and what arrives within `patience`. Used to show responses
    /// that are not a stream.
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

/// A connection to a server, with TLS if the URL requires it.
pub struct Socket(Stream);

impl Dialer {
    /// Sends one request on a separate connection and returns after the head of the response. Any status is a success;
    /// redirects are not followed.
    ///
    /// Cancel safe: dropping the future, or later the response, closes the connection.
    pub async fn open(&self, opening: Opening) -> Result<Opened, DialError> {
        let peer = peer_of(&Target::Url(opening.url.clone()));
        let limit = opening.timeout;
        let mut is_connected = false;
        let exchange = self.ask(opening, &peer, false, &mut is_connected);
        match tokio::time::timeout(limit, exchange).await {
            Ok(Ok((status, headers, rest))) => Ok(Opened::own(status, headers, rest)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(timed_out(peer, limit, is_connected)),
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
        self.socket_to(url, &peer, true).await
    }

    /// Connects to a server that does not speak HTTP, such as a broker. No proxy is used.
    ///
    /// Cancel safe: dropping the future closes the connection.
    pub async fn connect(&self, host: &str, port: u16, secure: bool) -> Result<Socket, DialError> {
        let stream = self.connector.connect_directly(host, port, secure).await;
        let peer = authority(host, port);
        let stream = stream.map_err(|failure| failure.as_dial_error(&peer))?;
        stream.enable_keepalive();
        Ok(Socket(stream))
    }

    /// Starts TLS on a connection of [`Self::connect`], for protocols that begin without it.
    ///
    /// Cancel safe: dropping the future closes the connection.
    pub async fn start_tls(
        &self,
        socket: Socket,
        host: &str,
        port: u16,
    ) -> Result<Socket, DialError> {
        let stream = self.connector.start_tls_in_time(socket.0, host).await;
        stream
            .map(Socket)
            .map_err(|failure| failure.as_dial_error(&authority(host, port)))
    }

    /// [`Self::connect`] without TLS, for libraries that open a socket themselves.
    pub async fn connect_tcp(&self, host: &str, port: u16) -> Result<TcpStream, DialError> {
        let stream = self.connector.connect_tcp_in_time(host, port).await;
        stream.map_err(|failure| failure.as_dial_error(&authority(host, port)))
    }

    /// The TLS settings of all connections, for libraries that start TLS themselves.
    ///
    /// # Errors
    /// The certificates of the system or of the user cannot be used.
    pub fn tls(&self, host: &str, port: u16) -> Result<Arc<ClientConfig>, DialError> {
        self.connector.tls().map_err(|error| DialError::Tls {
            peer: authority(host, port),
            source: Box::new(TlsError::Setup(error)),
        })
    }

    async fn socket_to(&self, url: &Uri, peer: &str, tunnel: bool) -> Result<Socket, DialError> {
        let stream = self
            .connector
            .connect_in_time(url, tunnel)
            .await
            .map_err(|failure| failure.as_dial_error(peer))?;
        stream.enable_keepalive();
        Ok(Socket(stream))
    }

    /// Sends one request on a separate connection, and reads the head of the response.
    pub(super) async fn ask(
        &self,
        opening: Opening,
        peer: &str,
        tunnel: bool,
        is_connected: &mut bool,
    ) -> Result<(StatusCode, HeaderMap, Answered<Socket>), DialError> {
        let url = &opening.url;
        if connect::is_socket_host(peer) {
            return Err(DialError::BadTarget {
                url: url.to_string(),
            });
        }
        let mut socket = self.socket_to(url, peer, tunnel).await?;
        *is_connected = true;
        let proxy = match tunnel {
            true => None,
            false => self.connector.forwarding_proxy(url),
        };
        let exchange = async {
            let request = request(&opening, peer, proxy);
            socket.write_all(&request).await?;
            socket.flush().await?;
            answer::read(socket).await
        };
        let answered = exchange
            .await
            .map_err(|source| DialError::broken(peer, source))?;
        check_login(proxy, answered.0, peer)?;
        Ok(answered)
    }
}

/// The request in its wire format. The types of its parts exclude line breaks. A proxy that forwards it needs the whole URL.
fn request(opening: &Opening, peer: &str, proxy: Option<&Proxy>) -> Vec<u8> {
    let target = opening.url.path_and_query();
    let target = target.map_or("/", |target| target.as_str());
    let origin = proxy.map_or_else(String::new, |_| format!("http://{peer}"));
    let mut text = format!("{} {origin}{target} HTTP/1.1\r\n", opening.method).into_bytes();
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
    if let Some(login) = proxy.and_then(Proxy::authorization) {
        line(PROXY_AUTHORIZATION.as_str(), login.as_bytes());
    }
    if !opening.body.is_empty() {
        line("content-length", opening.body.len().to_string().as_bytes());
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(&opening.body);
    text
}

/// The error for a response whose head did not arrive in time.
pub(super) fn timed_out(peer: String, limit: Duration, is_connected: bool) -> DialError {
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
