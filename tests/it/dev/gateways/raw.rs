//! Raw Engine.IO: polls, posts, and WebSocket frames.

use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocket};
use tokio_tungstenite::tungstenite::{Error, client};

use super::{Platform, Reply, send};

/// The timeout of a response, much longer than needed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request to the transport; `query` follows `EIO=4&transport=polling`.
pub(super) fn polling(platform: &Platform, method: &str, query: &str, body: &str) -> Reply {
    let path = format!("/socket.io/?EIO=4&transport=polling{query}");
    send(platform.address(), method, &path, "", body)
}

pub(super) fn poll(platform: &Platform, sid: &str) -> Reply {
    polling(platform, "GET", &format!("&sid={sid}"), "")
}

/// The next packets other than pings, which are answered.
pub(super) fn next_packets(platform: &Platform, sid: &str) -> String {
    loop {
        let reply = poll(platform, sid);
        assert_eq!(reply.status, 200, "{reply:?}");
        let packets = reply.body.split('\u{1e}').filter(|packet| *packet != "2");
        let packets: Vec<&str> = packets.collect();
        if !packets.is_empty() {
            return packets.join("\u{1e}");
        }
        assert_eq!(post(platform, sid, "3").body, "ok");
    }
}

/// Starts a session by polling. Returns its id.
pub(super) fn begin_quiet(platform: &Platform) -> String {
    sid_of(&begin(platform)).to_owned()
}

/// The status and the code of an error of Engine.IO.
pub(super) fn refusal(reply: &Reply) -> (u16, i64) {
    let code = reply.json()["code"].as_i64();
    (reply.status, code.unwrap_or_else(|| panic!("{reply:?}")))
}

pub(super) fn post(platform: &Platform, sid: &str, body: &str) -> Reply {
    polling(platform, "POST", &format!("&sid={sid}"), body)
}

/// Starts a session by polling. Returns its open packet.
pub(super) fn begin(platform: &Platform) -> Value {
    let reply = polling(platform, "GET", "", "");
    assert_eq!(reply.status, 200, "{reply:?}");
    open_packet(&reply.body)
}

pub(super) fn open_packet(packet: &str) -> Value {
    let fields = packet.strip_prefix('0');
    let fields = fields.unwrap_or_else(|| panic!("no open packet: {packet}"));
    serde_json::from_str(fields).expect("the open packet is JSON")
}

pub(super) fn sid_of(open: &Value) -> &str {
    open["sid"].as_str().expect("the open packet has a sid")
}

/// Sets the timing of the transport.
pub(super) fn set_timing(platform: &Platform, interval: &str, timeout: &str, connect: &str) {
    let settings = json!({
        "gateways.ping_interval": interval,
        "gateways.ping_timeout": timeout,
        "gateways.connect_timeout": connect,
    });
    let reply = platform.order("POST", "/_evt/settings", &settings);
    assert_eq!(reply.status, 200, "{reply:?}");
}

/// A WebSocket of the transport.
pub(super) struct Ws(WebSocket<TcpStream>);

impl Ws {
    /// Opens a WebSocket. `query` follows `EIO=4&transport=websocket`.
    pub(super) fn open(platform: &Platform, query: &str) -> Self {
        Self::try_open(platform, query, &[]).expect("it is upgraded")
    }

    pub(super) fn try_open(
        platform: &Platform,
        query: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, u16> {
        let address = platform.address();
        let stream = TcpStream::connect(address).expect("the platform listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut request = Request::builder()
            .uri(format!(
                "ws://{address}/socket.io/?EIO=4&transport=websocket{query}"
            ))
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", address.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match client(request.body(()).expect("a request"), stream) {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(error) => match error {
                tokio_tungstenite::tungstenite::HandshakeError::Failure(Error::Http(answer)) => {
                    Err(answer.status().as_u16())
                }
                other => panic!("{other}"),
            },
        }
    }

    /// A WebSocket that has joined `/chat` as the built-in user.
    pub(super) fn in_chat(platform: &Platform) -> Self {
        let mut ws = Self::open(platform, "");
        ws.text();
        ws.join("/chat", platform);
        ws
    }

    /// Joins a namespace, and reads the two packets that follow.
    pub(super) fn join(&mut self, ns: &str, platform: &Platform) {
        let auth = json!({ "token": platform.running().token, "orgId": "my-org" });
        self.send(&format!("40{ns},{auth}"));
        let connected = self.text();
        assert!(
            connected.starts_with(&format!("40{ns},{{\"sid\":")),
            "{connected}"
        );
        let welcome = self.text();
        assert!(
            welcome.starts_with(&format!("42{ns},[\"authenticate\",")),
            "{welcome}"
        );
    }

    pub(super) fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).expect("it is accepted");
    }

    pub(super) fn send_bytes(&mut self, bytes: &[u8]) {
        self.0
            .send(Message::binary(bytes.to_vec()))
            .expect("it is accepted");
    }

    /// The next text message, including pings.
    pub(super) fn packet(&mut self) -> String {
        match self.0.read().expect("a message") {
            Message::Text(text) => text.to_string(),
            other => panic!("no text: {other:?}"),
        }
    }

    /// The next text message other than a ping. Pings are answered.
    pub(super) fn text(&mut self) -> String {
        loop {
            match self.packet().as_str() {
                "2" => self.send("3"),
                text => return text.to_owned(),
            }
        }
    }

    pub(super) fn bytes(&mut self) -> Vec<u8> {
        match self.0.read().expect("a message") {
            Message::Binary(bytes) => bytes.to_vec(),
            other => panic!("no bytes: {other:?}"),
        }
    }

    /// Reads until the other side closes. Returns whether it sent a close frame.
    pub(super) fn has_farewell(&mut self) -> bool {
        loop {
            match self.0.read() {
                Ok(Message::Close(_)) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    /// The messages other than pings, until the other side closes.
    pub(super) fn rest(&mut self) -> Vec<String> {
        let mut texts = Vec::new();
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) if text.as_str() == "2" => {}
                Ok(Message::Text(text)) => texts.push(text.to_string()),
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("it stays open after {texts:?}")
                }
                Err(_) => return texts,
            }
        }
    }
}
