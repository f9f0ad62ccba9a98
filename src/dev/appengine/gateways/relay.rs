//! What lies between clients and socketioxide, so that clients see what npm's server does: the first ping comes after the
//! ping interval, invalid packets close the connection, errors have numeric codes, and a cut connection ends without a
//! farewell.

use std::collections::HashSet;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

use super::MAX_PAYLOAD;
use super::packets::check;
use crate::wire::socketio::engine::Handshake;

/// Separates packets in a body of the polling transport.
const SEPARATOR: char = '\u{1e}';
const PING: &str = "2";
const PONG: &str = "3";
const CLOSE: &str = "1";
/// Limit for a polling response that is read, in bytes. The server fills it up to its own limit.
const MAX_BODY: usize = 4 * MAX_PAYLOAD;
/// Bytes between the two ends of a WebSocket inside this process.
const PIPE: usize = 64 * 1024;
/// Timeout for a client's reply to a close frame.
const CLOSE_TIME: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// The connections of a server.
pub(super) struct Relay {
    service: Router,
    /// Cancelled when all connections are cut.
    cut: CancellationToken,
    sockets: TaskTracker,
    /// Sessions of the polling transport whose first ping has not been sent yet. socketioxide sends it immediately.
    fresh: Mutex<HashSet<String>>,
}

impl Relay {
    pub(super) fn new(service: Router) -> Self {
        Self {
            service,
            cut: CancellationToken::new(),
            sockets: TaskTracker::new(),
            fresh: Mutex::default(),
        }
    }

    /// Breaks all connections, as a network failure does. Returns when they are broken.
    pub(super) async fn cut(&self) {
        self.cut.cancel();
        self.sockets.close();
        self.sockets.wait().await;
    }

    /// Waits briefly until the clients have received what the server sent before it closed.
    pub(super) async fn closed(&self) {
        self.sockets.close();
        let _ = tokio::time::timeout(CLOSE_TIME, self.sockets.wait()).await;
    }

    /// Handles a request of the transport whose body is complete.
    pub(super) async fn answer(self: &Arc<Self>, mut parts: Parts, body: Bytes) -> Response {
        let sid = session_of(&parts);
        let upgrade = parts.extensions.remove::<OnUpgrade>();
        let is_get = parts.method == Method::GET;
        if let (true, Some(upgrade)) = (is_get, upgrade) {
            return self.websocket(parts, sid, upgrade).await;
        }
        let response = match sid {
            Some(sid) if is_get => tokio::select! {
                biased;
                () = self.cut.cancelled() => return broken(),
                response = self.poll(&parts, &sid) => response,
            },
            None if is_get => self.handshake(parts).await,
            Some(_) if parts.method == Method::POST && !is_valid(&body) => {
                // The client has no use for the rest of the session.
                self.call(&parts, Bytes::from_static(CLOSE.as_bytes()))
                    .await
            }
            _ => self.call(&parts, body).await,
        };
        with_numeric_code(response).await
    }

    async fn call(&self, parts: &Parts, body: Bytes) -> Response {
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = parts.uri.clone();
        *request.headers_mut() = parts.headers.clone();
        *request.extensions_mut() = parts.extensions.clone();
        let Ok(response) = self.service.clone().call(request).await;
        response
    }

    /// Starts a session of the polling transport.
    async fn handshake(&self, parts: Parts) -> Response {
        let response = self.call(&parts, Bytes::new()).await;
        if response.status() != StatusCode::OK {
            return response;
        }
        let (head, body) = match read(response).await {
            Ok(read) => read,
            Err(response) => return response,
        };
        let text = String::from_utf8_lossy(&body);
        if let Some(Ok(open)) = text.strip_prefix('0').map(Handshake::parse) {
            let mut fresh = self.fresh();
            // Sessions that ended before their first ping are forgotten at some time.
            if fresh.len() >= super::sessions::MAX_SESSIONS {
                fresh.clear();
            }
            fresh.insert(open.sid);
        }
        Response::from_parts(head, Body::from(body))
    }

    /// Polls a session. Its first ping is answered here.
    async fn poll(&self, parts: &Parts, sid: &str) -> Response {
        loop {
            let response = self.call(parts, Bytes::new()).await;
            if response.status() != StatusCode::OK || !self.fresh().contains(sid) {
                return response;
            }
            let (mut head, body) = match read(response).await {
                Ok(read) => read,
                Err(response) => return response,
            };
            let text = String::from_utf8_lossy(&body);
            if text.split(SEPARATOR).all(|packet| packet != PING) {
                return Response::from_parts(head, Body::from(body));
            }
            self.fresh().remove(sid);
            let mut pong = parts.clone();
            pong.method = Method::POST;
            self.call(&pong, Bytes::from_static(PONG.as_bytes())).await;
            let rest: Vec<&str> = text
                .split(SEPARATOR)
                .filter(|packet| *packet != PING)
                .collect();
            if !rest.is_empty() {
                let rest = rest.join("\u{1e}");
                head.headers
                    .insert(header::CONTENT_LENGTH, rest.len().into());
                return Response::from_parts(head, Body::from(rest));
            }
        }
    }

    /// Opens a WebSocket to the server, and relays it to the client.
    async fn websocket(
        self: &Arc<Self>,
        parts: Parts,
        sid: Option<String>,
        upgrade: OnUpgrade,
    ) -> Response {
        let (response, server) = match self.dial(&parts).await {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!(%error, "The gateway's server did not answer.");
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
        };
        let Some(server) = server else {
            return with_numeric_code(response).await;
        };
        let (own, mut is_new) = (Arc::clone(self), sid.is_none());
        let is_first_ping = move || match &sid {
            // The session may have begun with polling.
            Some(sid) => own.fresh().remove(sid),
            None => std::mem::take(&mut is_new),
        };
        let cut = self.cut.clone();
        self.sockets.spawn(async move {
            let (client, server) = tokio::select! {
                () = cut.cancelled() => return,
                both = async { (upgrade.await, server.await) } => match both {
                    (Ok(client), Ok(server)) => (client, server),
                    _ => return,
                },
            };
            tokio::select! {
                biased;
                () = cut.cancelled() => {}
                () = relay(client, server, is_first_ping) => {}
            }
        });
        response
    }

    /// Sends a handshake to the server over a pipe. The connection is `None` if it refuses.
    async fn dial(&self, parts: &Parts) -> Result<(Response, Option<OnUpgrade>), hyper::Error> {
        let (near, far) = tokio::io::duplex(PIPE);
        let (service, extensions) = (self.service.clone(), parts.extensions.clone());
        let service = FnService(move |mut request: Request<hyper::body::Incoming>| {
            // The session keeps what belongs to its first request.
            request.extensions_mut().extend(extensions.clone());
            service.clone().call(request)
        });
        let server = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(far), TowerToHyperService::new(service))
            .with_upgrades();
        tokio::spawn(server);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(near)).await?;
        tokio::spawn(connection.with_upgrades());
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = parts.uri.clone();
        *request.headers_mut() = parts.headers.clone();
        let mut response = sender.send_request(request).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok((response.map(Body::new), None));
        }
        let upgrade = hyper::upgrade::on(&mut response);
        Ok((response.map(|_| Body::empty()), Some(upgrade)))
    }

    fn fresh(&self) -> MutexGuard<'_, HashSet<String>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A tower service from a function.
#[derive(Clone)]
struct FnService<F>(F);

impl<F, R> Service<Request<hyper::body::Incoming>> for FnService<F>
where
    F: FnMut(Request<hyper::body::Incoming>) -> R,
    R: Future<Output = Result<Response, Infallible>>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = R;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<hyper::body::Incoming>) -> R {
        (self.0)(request)
    }
}

/// Why the client's half of a WebSocket ended.
enum Ended {
    /// The client left, or its frames are invalid.
    Left,
    /// It sent a packet that the protocol forbids.
    Forbidden,
}

/// Relays the messages of both ends until one of them ends.
async fn relay(client: Upgraded, server: Upgraded, mut is_first_ping: impl FnMut() -> bool) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_PAYLOAD))
        .max_frame_size(Some(MAX_PAYLOAD));
    let client: Socket =
        WebSocketStream::from_raw_socket(TokioIo::new(client), Role::Server, Some(config)).await;
    let server: Socket =
        WebSocketStream::from_raw_socket(TokioIo::new(server), Role::Client, None).await;
    let (mut to_client, mut from_client) = client.split();
    let (to_server, mut from_server) = server.split();
    let to_server = tokio::sync::Mutex::new(to_server);
    let upwards = async {
        while let Some(Ok(message)) = from_client.next().await {
            match &message {
                Message::Text(text) if check(text).is_err() => return Ended::Forbidden,
                // Each end answers the pings of the peer next to it.
                Message::Ping(_) | Message::Pong(_) => continue,
                _ => {}
            }
            if to_server.lock().await.send(message).await.is_err() {
                break;
            }
        }
        Ended::Left
    };
    let downwards = async {
        while let Some(Ok(message)) = from_server.next().await {
            match &message {
                Message::Text(text) if text.as_str() == PING && is_first_ping() => {
                    let _ = to_server.lock().await.send(Message::text(PONG)).await;
                    continue;
                }
                Message::Ping(_) | Message::Pong(_) => continue,
                _ => {}
            }
            if to_client.send(message).await.is_err() {
                return;
            }
        }
    };
    let is_over = {
        tokio::pin!(upwards);
        tokio::select! {
            ended = &mut upwards => matches!(ended, Ended::Left),
            () = downwards => {
                // The server closed the connection. Its close frame is sent; the client may answer.
                let _ = tokio::time::timeout(CLOSE_TIME, upwards).await;
                true
            }
        }
    };
    if !is_over {
        let _ = tokio::time::timeout(CLOSE_TIME, to_client.close()).await;
    }
}

/// The session id in the query.
fn session_of(parts: &Parts) -> Option<String> {
    let query = parts.uri.query().unwrap_or_default();
    let mut parameters = query.split('&');
    parameters.find_map(|parameter| parameter.strip_prefix("sid=").map(str::to_owned))
}

/// Returns whether each packet in the body of a POST is valid.
fn is_valid(body: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(body) else {
        return true;
    };
    // What Engine.IO itself forbids is left to the server.
    text.split(SEPARATOR).all(|packet| check(packet).is_ok())
}

/// Reads a body that is known to be bounded.
async fn read(response: Response) -> Result<(axum::http::response::Parts, Bytes), Response> {
    let (head, body) = response.into_parts();
    match axum::body::to_bytes(body, MAX_BODY).await {
        Ok(body) => Ok((head, body)),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
    }
}

/// Rewrites an Engine.IO error: its code is a number, and it always has one.
async fn with_numeric_code(response: Response) -> Response {
    if response.status() != StatusCode::BAD_REQUEST {
        return response;
    }
    let (mut head, body) = match read(response).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    let text = String::from_utf8_lossy(&body);
    let text = match text.split_once("\"code\":\"") {
        Some((before, after)) => {
            let (code, after) = after.split_once('"').unwrap_or((after, ""));
            format!("{before}\"code\":{code}{after}")
        }
        None if text.is_empty() => r#"{"code":3,"message":"Bad request"}"#.to_owned(),
        None => text.into_owned(),
    };
    let json = axum::http::HeaderValue::from_static("application/json");
    head.headers.insert(header::CONTENT_TYPE, json);
    head.headers
        .insert(header::CONTENT_LENGTH, text.len().into());
    Response::from_parts(head, Body::from(text))
}

/// A response whose connection breaks.
fn broken() -> Response {
    let broken = futures_util::stream::once(async {
        Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset))
    });
    Response::new(Body::from_stream(broken))
}
