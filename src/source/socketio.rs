//! Socket.IO 5 over Engine.IO 4: the life of one connection after another.

use http::Uri;

use super::{BoxFuture, Credentials, Cx, Ended, Outgoing, Source, SourceError};
use crate::dial::Dialer;
use crate::event::Transport;

/// Which of Engine.IO's transports are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transports {
    /// WebSocket from the start.
    #[default]
    WebSocket,
    /// Long polling, then WebSocket where the server offers it: what the JavaScript client does.
    Upgrade,
    Polling,
}

/// What to follow and how.
#[derive(Clone)]
pub struct SocketIoOptions {
    /// The server, `http` or `https`; its path is that of Engine.IO (`/socket.io/`).
    pub url: Uri,
    /// `/chat`; several share one connection.
    pub namespaces: Vec<String>,
    pub credentials: Credentials,
    pub transports: Transports,
    /// Sent at every connect, each `event json…`, on the first namespace.
    pub send_on_connect: Vec<Outgoing>,
    /// Answer acknowledgements that the server waits for with this JSON list of arguments.
    pub ack: Option<String>,
    /// Answer each event with itself.
    pub echo: bool,
    /// What [`Source::position`] gave in an earlier process.
    pub resume: Option<String>,
    /// Bytes of one event, attachments included.
    pub max_message: usize,
}

/// A Socket.IO connection.
pub struct SocketIo {
    options: SocketIoOptions,
    dialer: Dialer,
}

impl SocketIo {
    pub fn new(options: SocketIoOptions, dialer: Dialer) -> Self {
        Self { options, dialer }
    }
}

impl Source for SocketIo {
    fn transport(&self) -> Transport {
        Transport::SocketIo
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
