//! Long polling: one GET whose response carries packets to the client, and one POST at a time that sends packets.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::link::Frame;
use super::{End, shown};
use crate::dial::{Dialer, Opened, Opening};
use crate::source::keep_open::chain;
use crate::source::{BoxFuture, SourceError};
use crate::wire::socketio::PacketError;
use crate::wire::socketio::engine::{Body, Handshake, Piece, Splitter};

/// How much of a refusal's body is read, and for how long.
const REFUSAL: usize = 4096;
const PATIENCE: Duration = Duration::from_secs(1);
/// Longer than any server holds a GET. A silent server is detected earlier by its heartbeat.
const WAIT: Duration = Duration::from_secs(24 * 60 * 60);

type Exchange = BoxFuture<'static, Result<Opened, SourceError>>;

/// An Engine.IO session over plain HTTP requests.
pub(super) struct Polling {
    dialer: Dialer,
    /// Includes the session id once it is known.
    url: Uri,
    headers: HeaderMap,
    get: Get,
    /// Splits the body of the GET's response into packets.
    splitter: Splitter,
    post: Option<Exchange>,
    bodies: VecDeque<Body>,
    /// Largest POST body that the server accepts, in bytes; `None` before its handshake.
    max_payload: Option<usize>,
}

enum Get {
    Idle,
    Requested(Exchange),
    Responded(Box<Opened>),
}

impl Polling {
    /// `limit` is the maximum size of one packet in bytes.
    pub(super) fn new(dialer: Dialer, url: Uri, headers: HeaderMap, limit: usize) -> Self {
        Self {
            dialer,
            url,
            headers,
            get: Get::Idle,
            // Attachments arrive as base64.
            splitter: Splitter::new(limit.saturating_mul(4) / 3 + 8),
            post: None,
            bodies: VecDeque::new(),
            max_payload: None,
        }
    }

    /// Switches to the URL of the session that the server opened.
    pub(super) fn session_opened(&mut self, url: Uri, handshake: &Handshake) {
        self.url = url;
        self.max_payload = Some(handshake.max_payload);
    }

    /// Returns the next packet of the current response; `None` at its end.
    pub(super) fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame>, End>> {
        let malformed = |error| End::malformed(0, error);
        while let Get::Responded(opened) = &mut self.get {
            if let Some(piece) = self.splitter.next_piece().map_err(malformed)? {
                return Poll::Ready(frame(piece).map(Some));
            }
            // `next` is cancel safe, so a new future can be created for each poll.
            let read = ready!(pin!(opened.next()).poll(cx));
            match read {
                Some(Ok(bytes)) => self.splitter.push(&bytes),
                Some(Err(error)) => {
                    return Poll::Ready(Err(End::lost(error.to_string())));
                }
                None => {
                    self.get = Get::Idle;
                    let last = self.splitter.last_piece().map_err(malformed)?;
                    return Poll::Ready(last.map(frame).transpose());
                }
            }
        }
        Poll::Ready(Ok(None))
    }

    /// Returns whether packets are waiting for a POST.
    pub(super) fn is_blocked(&self) -> bool {
        !self.bodies.is_empty()
    }

    /// Returns the next packet, and sends pending packets meanwhile. With `in_turn` it reads only after everything is
    /// sent. `None`: the transport no longer [is blocked](Self::is_blocked). No data is lost if it is not polled again.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        in_turn: bool,
    ) -> Poll<Result<Option<Frame>, End>> {
        let was_blocked = self.is_blocked();
        let written = self.poll_written(cx)?;
        if was_blocked && !self.is_blocked() {
            return Poll::Ready(Ok(None));
        }
        if in_turn && written.is_pending() {
            return Poll::Pending;
        }
        loop {
            match &mut self.get {
                Get::Idle => self.get = Get::Requested(self.ask(Method::GET, Bytes::new())),
                Get::Requested(asked) => match ready!(asked.as_mut().poll(cx)) {
                    Ok(opened) => self.get = Get::Responded(Box::new(opened)),
                    Err(error) => return Poll::Ready(Err(self.failed(error))),
                },
                Get::Responded(_) => {
                    if let Some(frame) = ready!(self.poll_rest(cx))? {
                        return Poll::Ready(Ok(Some(frame)));
                    }
                }
            }
        }
    }

    /// Sends pending packets, one POST after another. Ready when all are sent.
    pub(super) fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        loop {
            if let Some(post) = &mut self.post {
                let posted = ready!(post.as_mut().poll(cx));
                self.post = None;
                if let Err(error) = posted {
                    return Poll::Ready(Err(self.failed(error)));
                }
            }
            match self.bodies.pop_front() {
                Some(body) => self.post = Some(self.ask(Method::POST, body.into_bytes())),
                None => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Queues a packet.
    pub(super) fn push(&mut self, frame: &Frame) {
        let length = match frame {
            Frame::Text(text) => text.len(),
            Frame::Binary(bytes) => bytes.len().div_ceil(3) * 4 + 1,
        };
        let limit = self.max_payload.unwrap_or(usize::MAX);
        let last = self.bodies.back().map_or(usize::MAX, Body::len);
        if last.saturating_add(1 + length) > limit {
            self.bodies.push_back(Body::default());
        }
        match (self.bodies.back_mut(), frame) {
            (Some(body), Frame::Text(text)) => body.push(text),
            (Some(body), Frame::Binary(bytes)) => body.push_binary(bytes),
            (None, _) => {}
        }
    }

    /// Before the handshake an error is the server's refusal. Later it means that the session is lost, and a new one
    /// can be opened.
    fn failed(&self, error: SourceError) -> End {
        match (self.max_payload, error) {
            (Some(_), SourceError::Refused { status, body, .. }) => {
                End::lost(format!("the server answered {status}: {body}"))
            }
            (Some(_), error) => End::lost(chain(&error)),
            (None, error) => End::Failed(error),
        }
    }

    fn ask(&self, method: Method, body: Bytes) -> Exchange {
        let dialer = self.dialer.clone();
        let mut headers = self.headers.clone();
        if method == Method::POST {
            let text = HeaderValue::from_static("text/plain;charset=UTF-8");
            headers.insert(CONTENT_TYPE, text);
        }
        let opening = Opening {
            method,
            url: self.url.clone(),
            headers,
            body,
            timeout: WAIT,
        };
        Box::pin(exchange(dialer, opening))
    }
}

async fn exchange(dialer: Dialer, opening: Opening) -> Result<Opened, SourceError> {
    let (method, target) = (opening.method.clone(), shown(&opening.url));
    let mut opened = dialer.begin(opening).await?;
    if opened.status == StatusCode::OK {
        if method == Method::POST {
            // The body is `ok`. Reading it lets the connection be reused.
            opened.start(REFUSAL, PATIENCE).await;
        }
        return Ok(opened);
    }
    let body = opened.start(REFUSAL, PATIENCE).await;
    Err(SourceError::Refused {
        target,
        status: opened.status,
        body: String::from_utf8_lossy(&body).into_owned(),
        retry_after: None,
    })
}

fn frame(piece: Piece) -> Result<Frame, End> {
    match piece {
        Piece::Text(text) => Utf8Bytes::try_from(text)
            .map(Frame::Text)
            .map_err(|_| End::malformed(0, PacketError::NotText)),
        Piece::Binary(bytes) => Ok(Frame::Binary(bytes.into())),
    }
}
