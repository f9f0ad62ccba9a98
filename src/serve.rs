//! The HTTP server: HTTP/1 on hyper, with limits on everything a peer controls. The listener and `evt dev` use it.
//!
//! Connections of a router can be upgraded (RFC 9110, 7.8). An upgraded connection still counts towards the limit and
//! keeps its write timeout. If it has not ended some time after a shutdown, it is closed.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tracing::{debug, warn};

/// Time limit for a whole request head, and for the idle time between two requests.
const HEAD_TIME: Duration = Duration::from_secs(5);
const HEAD_BYTES: usize = 64 * 1024;
const HEADERS: usize = 100;
const TARGET_BYTES: usize = 8 * 1024;
/// How long a peer may read nothing of a response before the connection is closed.
const WRITE_TIME: Duration = Duration::from_secs(10);
/// How long active responses may take after a shutdown.
const DRAIN: Duration = Duration::from_secs(5);
const CONNECTIONS: u64 = 12_000;
/// File descriptors reserved for files and outgoing connections.
const SPARE_DESCRIPTORS: u64 = 256;
/// Many tiny frames use far more memory than their data. After this many frames the average size must be at least
/// [`FRAME_BYTES`].
const FRAMES: usize = 1000;
const FRAME_BYTES: usize = 16;

/// Limits for a request's body.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    pub bytes: usize,
    /// Longest pause between two pieces.
    pub idle: Duration,
    pub total: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            bytes: 2 * 1024 * 1024,
            idle: Duration::from_secs(10),
            total: Duration::from_secs(30),
        }
    }
}

/// Why a body was refused.
#[derive(Debug, Error)]
pub enum BodyError {
    #[error("the body is larger than the {limit} bytes allowed")]
    TooLarge { limit: usize },
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("the body came in too many small pieces")]
    TooManyPieces,
    #[error("the body was interrupted")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
}

impl BodyError {
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooManyPieces | Self::Broken(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// The address of the peer that sent a request: an extension of the requests that a router gets.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Serves connections until `shutdown`, then lets active responses finish (for at most five seconds).
///
/// If the service returns an error, the connection is closed without a response. Heads that exceed a limit, and
/// requests without exactly one `host`, are refused here and never reach the service. Connections cannot be upgraded.
pub async fn serve<S, B>(listener: TcpListener, service: S, shutdown: CancellationToken)
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>> + Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    accept_all(listener, service, shutdown, None).await;
}

/// Like [`serve`], for an axum router, which turns errors into responses. Connections can be upgraded.
///
/// After `shutdown`, upgraded connections have the same five seconds to end, and are closed then.
pub async fn serve_router(
    listener: TcpListener,
    router: axum::Router,
    shutdown: CancellationToken,
) {
    let service = hyper_util::service::TowerToHyperService::new(router);
    let abort = CancellationToken::new();
    accept_all(listener, service, shutdown, Some(&abort)).await;
    abort.cancel();
}

/// Accepts connections until `shutdown`, then drains. After `abort`, reads from a connection fail.
async fn accept_all<S, B>(
    listener: TcpListener,
    service: S,
    shutdown: CancellationToken,
    abort: Option<&CancellationToken>,
) where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>> + Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let limit = connections();
    let permits = Arc::new(Semaphore::new(limit as usize));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &permits) => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Some((stream, permit)) = accepted else {
            break;
        };
        let peer = stream.peer_addr().ok().filter(|_| abort.is_some());
        let checked = Checked {
            inner: service.clone(),
            peer: peer.map(|address| Peer(address.ip())),
        };
        let stream = TimedStream::new(stream, permit, abort);
        connections.spawn(connection(stream, checked, shutdown.clone()));
    }
    drop(listener);
    let drained = async {
        while connections.join_next().await.is_some() {}
        // Upgraded connections still hold their permits.
        let _ = permits.acquire_many(limit).await;
    };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        debug!("Connections were still open after the drain.");
    }
}

/// Reads a body within its limits. The declared length is checked before any data is read.
pub async fn read_body<B>(body: B, limits: &BodyLimits) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    if body.size_hint().lower() > limits.bytes as u64 {
        return Err(BodyError::TooLarge {
            limit: limits.bytes,
        });
    }
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    tokio::time::timeout(limits.total, collect(body, limits))
        .await
        .unwrap_or(Err(BodyError::TooSlow))
}

async fn collect<B>(mut body: B, limits: &BodyLimits) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut only = Bytes::new();
    let mut many = BytesMut::new();
    let mut frames = 0;
    loop {
        let frame = tokio::time::timeout(limits.idle, body.frame())
            .await
            .map_err(|_| BodyError::TooSlow)?;
        let Some(frame) = frame else { break };
        let Ok(data) = frame
            .map_err(|error| BodyError::Broken(error.into()))?
            .into_data()
        else {
            continue;
        };
        frames += 1;
        let length = only.len() + many.len() + data.len();
        if length > limits.bytes {
            return Err(BodyError::TooLarge {
                limit: limits.bytes,
            });
        }
        if frames > FRAMES && length < frames * FRAME_BYTES {
            return Err(BodyError::TooManyPieces);
        }
        match (only.is_empty(), many.is_empty()) {
            (true, true) => only = data,
            (false, _) => {
                many.reserve(length);
                many.extend_from_slice(&std::mem::take(&mut only));
                many.extend_from_slice(&data);
            }
            (true, false) => many.extend_from_slice(&data),
        }
    }
    Ok(if many.is_empty() { only } else { many.freeze() })
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                return Some((stream, permit));
            }
            // Usually there are no more descriptors; an immediate retry would use the CPU without effect.
            Err(error) => {
                warn!(%error, "Cannot accept a connection.");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection<S, B>(stream: TimedStream, checked: Checked<S>, shutdown: CancellationToken)
where
    S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>> + Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let io = TokioIo::new(stream);
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        // A peer that closes its sending half still waits for the response.
        .half_close(true)
        .keep_alive(true);
    // A service without upgrades never responds with 101, so none can start.
    let connection = builder.serve_connection(io, checked).with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => {
            if let Err(error) = result {
                debug!(%error, "A connection ended early.");
            }
        }
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

fn connections() -> u32 {
    #[cfg(unix)]
    let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile)
        .current
        .unwrap_or(u64::MAX);
    #[cfg(not(unix))]
    let descriptors = u64::MAX;
    CONNECTIONS
        .min(descriptors.saturating_sub(SPARE_DESCRIPTORS))
        .max(16) as u32
}

/// Refuses requests that HTTP forbids and hyper accepts.
struct Checked<S> {
    inner: S,
    peer: Option<Peer>,
}

impl<S, B> Service<Request<Incoming>> for Checked<S>
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Body<Data = Bytes> + 'static,
{
    type Response = Response<http_body_util::Either<B, Full<Bytes>>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if let Some((status, reason)) = refused(&request) {
            return Box::pin(async move {
                Ok(refusal(status, reason).map(http_body_util::Either::Right))
            });
        }
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        let answer = self.inner.call(request);
        Box::pin(async move { Ok(answer.await?.map(http_body_util::Either::Left)) })
    }
}

fn refused<B>(request: &Request<B>) -> Option<(StatusCode, &'static str)> {
    let headers = request.headers();
    if request
        .uri()
        .path_and_query()
        .map_or(0, |target| target.as_str().len())
        > TARGET_BYTES
    {
        return Some((StatusCode::URI_TOO_LONG, "the request target is too long"));
    }
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() >= Version::HTTP_11 => {
            return Some((StatusCode::BAD_REQUEST, "the host header is missing"));
        }
        (Some(_), Some(_)) => {
            return Some((StatusCode::BAD_REQUEST, "the host header was sent twice"));
        }
        _ => {}
    }
    None
}

fn refusal(status: StatusCode, reason: &'static str) -> Response<Full<Bytes>> {
    let body = format!("{{\"error\":\"bad_request\",\"message\":\"{reason}\"}}\n");
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    response.headers_mut().insert(
        http::header::CONNECTION,
        http::HeaderValue::from_static("close"),
    );
    response
}

/// A service built from a function, for servers without routes.
#[derive(Clone)]
pub struct Handler<F>(pub F);

impl<F, R, B> Service<Request<Incoming>> for Handler<F>
where
    F: Fn(Request<Incoming>) -> R,
    R: Future<Output = Result<Response<B>, Dropped>> + Send,
{
    type Response = Response<B>;
    type Error = Dropped;
    type Future = R;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        (self.0)(request)
    }
}

/// Returned by a handler to close the connection without a response.
#[derive(Debug, Error)]
#[error("the connection was dropped on purpose")]
pub struct Dropped;

impl From<Infallible> for Dropped {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// A stream whose writes fail if the peer reads nothing for too long. It holds a permit of the connection limit.
struct TimedStream {
    stream: TcpStream,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Fails reads that wait for the peer.
    abort: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// Released when the stream is dropped, upgraded or not.
    _permit: OwnedSemaphorePermit,
}

impl TimedStream {
    fn new(
        stream: TcpStream,
        permit: OwnedSemaphorePermit,
        abort: Option<&CancellationToken>,
    ) -> Self {
        Self {
            stream,
            deadline: None,
            abort: abort.map(|abort| Box::pin(abort.clone().cancelled_owned())),
            _permit: permit,
        }
    }

    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.deadline = None;
            return written;
        }
        let deadline = self
            .deadline
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + WRITE_TIME)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_pending()
            && let Some(abort) = &mut self.abort
        {
            ready!(abort.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        read
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// An echo server that stops when the returned guard is dropped.
    async fn echo(limits: BodyLimits) -> (SocketAddr, tokio_util::sync::DropGuard) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let handler = Handler(move |request: Request<Incoming>| async move {
            Ok(match read_body(request.into_body(), &limits).await {
                Ok(body) => Response::new(Full::new(body)),
                Err(error) => {
                    let mut response = Response::new(Full::new(Bytes::from(error.to_string())));
                    *response.status_mut() = error.status();
                    response
                }
            })
        });
        tokio::spawn(serve(listener, handler, shutdown.clone()));
        (address, shutdown.drop_guard())
    }

    async fn exchange(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn a_half_closed_request_is_answered() {
        let (address, _guard) = echo(BodyLimits::default()).await;
        let answer = exchange(
            address,
            b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello",
        )
        .await;
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"),
            "{answer}"
        );
    }

    #[tokio::test]
    async fn a_request_with_no_host_or_two_is_refused() {
        let (address, _guard) = echo(BodyLimits::default()).await;
        for head in [
            "POST / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        ] {
            let answer = exchange(address, head.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        }
    }

    // hyper reads such a request as chunked, ignores the declared length, and closes the connection afterwards (RFC
    // 9112, 6.1).
    #[tokio::test]
    async fn conflicting_lengths_cannot_smuggle_a_second_request() {
        let (address, _guard) = echo(BodyLimits::default()).await;
        let smuggled = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n\
                        GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n";
        let answer = exchange(address, smuggled.as_bytes()).await;
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }

    #[tokio::test]
    async fn a_declared_length_over_the_limit_is_refused_before_the_body() {
        let (address, _guard) = echo(BodyLimits {
            bytes: 10,
            ..BodyLimits::default()
        })
        .await;
        let answer = exchange(
            address,
            b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999\r\n\r\n",
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    }

    #[tokio::test]
    async fn a_chunked_body_over_the_limit_is_refused() {
        let (address, _guard) = echo(BodyLimits {
            bytes: 10,
            ..BodyLimits::default()
        })
        .await;
        let request = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n";
        let answer = exchange(address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    }

    #[tokio::test]
    async fn a_body_in_one_byte_chunks_is_refused() {
        let (address, _guard) = echo(BodyLimits::default()).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
            .await
            .unwrap();
        for _ in 0..3000 {
            if stream.write_all(b"1\r\nx\r\n").await.is_err() {
                break;
            }
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(
            String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 400"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_is_refused() {
        let (address, _guard) = echo(BodyLimits::default()).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhe")
            .await
            .unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(
            String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 408"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_head_times_out() {
        let (address, _guard) = echo(BodyLimits::default()).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"POST / HTTP/1.1\r\nhost: a\r\nx-slow: ")
            .await
            .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(
            !String::from_utf8_lossy(&answer).contains(" 200 "),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
}
