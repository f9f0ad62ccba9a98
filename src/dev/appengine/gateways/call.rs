//! The raw stream of a phone call: a WebSocket (RFC 6455) with the protocol of Twilio's Media Streams.
//!
//! The caller sends `connected`, `start`, `media`, `mark`, `dtmf` and `stop`. The server sends its audio back as `media`, and a
//! `mark` after each second of it. A pressed key clears the audio that is not played yet.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State as FromState};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error as WsError};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};

use super::super::State;
use super::super::auth::checked_org;
use super::Timing;
use super::client::{event_of, raise_now};
use super::session::is_name;
use crate::dev::host::refusal::{Refusal, answer};

/// Half a minute of audio: a frame of 20 ms has 160 bytes.
const MAX_MESSAGE: usize = 512 * 1024;
/// A mark follows this many pieces of audio, which is a second.
const PIECES: u64 = 50;
/// Timeout for `start`.
const START_TIME: Duration = Duration::from_secs(10);
/// Timeout for the caller's close frame.
const CLOSE_TIME: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// `/simple-voice/stream/{orgId}/{assistantId}`
pub(super) async fn stream(
    FromState(state): FromState<Arc<State>>,
    Path((org, assistant)): Path<(String, String)>,
    mut request: Request,
) -> Result<Response, Refusal> {
    let org = checked_org(org.as_bytes())?;
    if !is_name(&assistant) {
        let message = "an assistant's id has at most 256 characters";
        return Err(Refusal::bad_request("bad_assistant", message));
    }
    let key = match handshake(request.version(), request.headers()) {
        Ok(key) => derive_accept_key(key.as_bytes()),
        Err(Handshake::Version) => {
            let message = "only version 13 of WebSocket is supported";
            let body = json!({ "code": "bad_handshake", "message": message });
            let mut response = answer(StatusCode::UPGRADE_REQUIRED, &body);
            let version = HeaderValue::from_static("13");
            let headers = response.headers_mut();
            headers.insert(header::SEC_WEBSOCKET_VERSION, version);
            return Ok(response);
        }
        Err(Handshake::Wrong(what)) => return Err(Refusal::bad_request("bad_handshake", what)),
    };
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        return Err(Refusal::bad_request(
            "bad_handshake",
            "the connection cannot be upgraded",
        ));
    };
    let accept = HeaderValue::try_from(key);
    let accept = accept.map_err(|_| Refusal::bad_request("bad_handshake", "the key is wrong"))?;
    let permit = state.gateways.enter(request.extensions(), false)?;
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => Call::new(state, org, assistant, upgraded).await.run().await,
            Err(error) => tracing::debug!(%error, "A call's connection was not upgraded."),
        }
        drop(permit);
    });
    let headers = [
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}

/// Why an opening handshake is refused.
#[derive(Debug, PartialEq, Eq)]
enum Handshake {
    /// The version is not 13.
    Version,
    Wrong(&'static str),
}

/// The key of an opening handshake (RFC 6455, 4.2.1).
fn handshake(version: Version, headers: &HeaderMap) -> Result<&HeaderValue, Handshake> {
    let has = |name, token: &str| {
        let values = headers.get_all(name).iter();
        let texts = values.filter_map(|value| value.to_str().ok());
        let mut tokens = texts.flat_map(|text| text.split(','));
        tokens.any(|known| known.trim().eq_ignore_ascii_case(token))
    };
    if version != Version::HTTP_11 {
        return Err(Handshake::Wrong("a WebSocket requires HTTP/1.1"));
    }
    if !has(header::UPGRADE, "websocket") || !has(header::CONNECTION, "upgrade") {
        let wrong = "this route is a WebSocket: `Upgrade: websocket` and `Connection: Upgrade` are required";
        return Err(Handshake::Wrong(wrong));
    }
    if !has(header::SEC_WEBSOCKET_VERSION, "13") {
        return Err(Handshake::Version);
    }
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    match (keys.next(), keys.next()) {
        (Some(key), None) if STANDARD.decode(key).is_ok_and(|key| key.len() == 16) => Ok(key),
        _ => Err(Handshake::Wrong(
            "`Sec-WebSocket-Key` must be 16 bytes in base64",
        )),
    }
}

/// A frame of the caller. Other members are ignored.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, rename = "streamSid")]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow)]
    start: Option<Start<'a>>,
    #[serde(borrow)]
    media: Option<Media<'a>>,
}

#[derive(Deserialize)]
struct Start<'a> {
    #[serde(borrow, rename = "streamSid")]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "callSid")]
    call: Option<Cow<'a, str>>,
    #[serde(default, rename = "customParameters")]
    parameters: Value,
}

#[derive(Deserialize)]
struct Media<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

/// Why a call ends.
type End = (CloseCode, &'static str);

struct Call {
    state: Arc<State>,
    org: String,
    assistant: String,
    socket: Socket,
    timing: Timing,
    /// Set by `start`.
    stream: Option<String>,
    call: Option<String>,
    /// The caller and the callee, if the parameters of `start` have them.
    numbers: [Option<Value>; 2],
    pieces: u64,
}

impl Call {
    async fn new(state: Arc<State>, org: String, assistant: String, upgraded: Upgraded) -> Self {
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        let io = TokioIo::new(upgraded);
        Self {
            timing: state.settings.timing(),
            socket: WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await,
            state,
            org,
            assistant,
            stream: None,
            call: None,
            numbers: [None, None],
            pieces: 0,
        }
    }

    async fn run(mut self) {
        let end = self.session().await;
        if self.stream.is_some() {
            self.raise("call.status", "completed").await;
        }
        let Some((code, reason)) = end else { return };
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let closing = async {
            if self.socket.close(Some(frame)).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        let _ = tokio::time::timeout(CLOSE_TIME, closing).await;
    }

    /// Runs until one side ends the call. Returns `None` if the caller closed or lost the connection.
    async fn session(&mut self) -> Option<End> {
        let shutdown = self.state.host.shutdown.clone();
        let start = Instant::now() + START_TIME;
        let mut heard = Instant::now();
        let mut pinged = false;
        loop {
            let silence = match pinged {
                false => self.timing.ping_interval,
                true => self.timing.ping_timeout,
            };
            let message = tokio::select! {
                () = shutdown.cancelled() => return Some((CloseCode::Away, "the platform is stopping")),
                () = tokio::time::sleep_until(start), if self.stream.is_none() => {
                    return Some((CloseCode::Policy, "`start` is missing"));
                }
                () = tokio::time::sleep_until(heard + silence) => {
                    if pinged {
                        return None;
                    }
                    pinged = true;
                    heard = Instant::now();
                    self.socket.send(Message::Ping(Default::default())).await.ok()?;
                    continue;
                }
                message = self.socket.next() => message?,
            };
            heard = Instant::now();
            pinged = false;
            let next = match message {
                Ok(Message::Text(text)) => self.handle_text(&text).await,
                Ok(Message::Binary(_)) => {
                    ControlFlow::Break(Some((CloseCode::Unsupported, "frames must be text")))
                }
                Ok(Message::Close(_)) => ControlFlow::Break(None),
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {
                    ControlFlow::Continue(())
                }
                Err(error) => ControlFlow::Break(broken(&error)),
            };
            if let ControlFlow::Break(end) = next {
                return end;
            }
        }
    }

    async fn handle_text(&mut self, text: &str) -> ControlFlow<Option<End>> {
        let invalid = |reason| ControlFlow::Break(Some((CloseCode::Invalid, reason)));
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) else {
            return invalid("a frame must be a JSON object with `event`");
        };
        match (frame.event.as_ref(), frame.start, frame.media) {
            ("start", Some(start), _) => self.begin(frame.stream, start).await,
            ("start", None, _) => invalid("`start` has no `start`"),
            ("media", _, Some(media)) => self.echo(&media.payload).await,
            ("media", _, None) => invalid("`media` has no `media.payload`"),
            ("dtmf", _, _) => self.send("clear", None).await,
            ("stop", _, _) => ControlFlow::Break(Some((CloseCode::Normal, ""))),
            // `connected`, `mark`, and future events of the protocol.
            _ => ControlFlow::Continue(()),
        }
    }

    async fn begin(
        &mut self,
        stream: Option<Cow<'_, str>>,
        start: Start<'_>,
    ) -> ControlFlow<Option<End>> {
        let stream = start.stream.or(stream).filter(|id| is_name(id));
        let (Some(stream), None) = (stream, &self.stream) else {
            let reason = "`start` must be sent once, with a `streamSid`";
            return ControlFlow::Break(Some((CloseCode::Invalid, reason)));
        };
        self.stream = Some(stream.into_owned());
        self.call = start.call.filter(|id| is_name(id)).map(Cow::into_owned);
        self.numbers = ["from", "to"].map(|name| start.parameters.get(name).cloned());
        self.raise("call.incoming", "in-progress").await;
        ControlFlow::Continue(())
    }

    /// Sends the audio back.
    async fn echo(&mut self, payload: &str) -> ControlFlow<Option<End>> {
        if self.stream.is_none() || STANDARD.decode(payload).is_err() {
            let reason = "`media` must follow `start`, and be base64";
            return ControlFlow::Break(Some((CloseCode::Invalid, reason)));
        }
        self.pieces += 1;
        self.send("media", Some(json!({ "payload": payload })))
            .await?;
        if self.pieces.is_multiple_of(PIECES) {
            let name = format!("second-{}", self.pieces / PIECES);
            self.send("mark", Some(json!({ "name": name }))).await?;
        }
        ControlFlow::Continue(())
    }

    async fn send(&mut self, event: &str, body: Option<Value>) -> ControlFlow<Option<End>> {
        let mut frame = json!({ "event": event, "streamSid": self.stream });
        if let Some(body) = body {
            frame[event] = body;
        }
        match self.socket.send(Message::text(frame.to_string())).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(None),
        }
    }

    /// Raises events one after the other, so that the event of a call's end is always stored after that of its start.
    async fn raise(&mut self, event: &str, status: &str) {
        let body = json!({
            "callSid": self.call,
            "streamSid": self.stream,
            "assistantId": self.assistant,
            "from": self.numbers[0],
            "to": self.numbers[1],
            "status": status,
            "pieces": self.pieces,
        });
        let event = event_of(&self.org, event, "call", body);
        raise_now(&self.state, event).await;
    }
}

/// The close frame for a protocol error of the caller.
fn broken(error: &WsError) -> Option<End> {
    match error {
        WsError::Utf8(_) => Some((CloseCode::Invalid, "text must be UTF-8")),
        WsError::Capacity(CapacityError::MessageTooLong { .. }) => {
            Some((CloseCode::Size, "a message is too long"))
        }
        WsError::Protocol(_) => Some((CloseCode::Protocol, "")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(more: &[(&'static str, &'static str)]) -> Result<(), Handshake> {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]
        .iter()
        .chain(more)
        {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        handshake(Version::HTTP_11, &headers).map(|_| ())
    }

    #[test]
    fn tokens_of_a_handshake_ignore_case_and_order() {
        assert_eq!(judge(&[]), Ok(()));
    }

    #[test]
    fn another_version_is_refused_with_the_supported_one() {
        assert_eq!(
            judge(&[("sec-websocket-version", "8")]),
            Err(Handshake::Version)
        );
    }

    #[test]
    fn an_invalid_handshake_is_refused() {
        for wrong in [
            ("upgrade", "h2c"),
            ("connection", "close"),
            ("sec-websocket-key", "c2hvcnQ="),
            ("sec-websocket-key", "not base64 at all!!!!!!!"),
        ] {
            assert!(
                matches!(judge(&[wrong]), Err(Handshake::Wrong(_))),
                "{wrong:?}"
            );
        }
    }
}
