//! WebSocket (RFC 6455) on tungstenite: the life of one connection after another.

use std::time::Duration;

use http::Uri;

use super::{BoxFuture, Credentials, Cx, Ended, Outgoing, Source, SourceError};
use crate::dial::Dialer;
use crate::event::Transport;

/// What to follow and how.
#[derive(Clone)]
pub struct WebSocketOptions {
    /// `ws` or `wss`.
    pub url: Uri,
    pub credentials: Credentials,
    pub subprotocols: Vec<String>,
    /// Sent at every connect, in order: what subscribes.
    pub send_on_connect: Vec<Outgoing>,
    /// Answer each message with itself.
    pub echo: bool,
    pub follow_redirects: bool,
    /// Bytes of one message.
    pub max_message: usize,
    /// Between pings, and as long again for the pong.
    pub ping: Duration,
}

/// A WebSocket.
pub struct WebSocket {
    options: WebSocketOptions,
    dialer: Dialer,
}

impl WebSocket {
    pub fn new(options: WebSocketOptions, dialer: Dialer) -> Self {
        Self { options, dialer }
    }
}

impl Source for WebSocket {
    fn transport(&self) -> Transport {
        Transport::WebSocket
    }

    fn target(&self) -> String {
        self.options.url.to_string()
    }

    fn run<'a>(&'a mut self, _cx: &'a mut Cx<'_>) -> BoxFuture<'a, Result<Ended, SourceError>> {
        let _ = &self.dialer;
        Box::pin(async {
            Err(SourceError::Protocol {
                why: "to be built".to_owned(),
            })
        })
    }

    fn position(&self) -> Option<String> {
        None
    }
}
