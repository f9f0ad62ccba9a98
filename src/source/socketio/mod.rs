//! Socket.IO 5 over Engine.IO 4: follows a server over one connection after another.
//!
//! A line to send (from `-i` or `send_on_connect`) is `event json…`: the event's name, then its arguments as JSON. A
//! bare word is sent as a string. `/chat event json…` selects the namespace; the default is the first one. A line that
//! ends with ` ?` requests an acknowledgement, whose arguments arrive as a remark (`ack 0: ["done"]`).

mod link;
mod namespace;
mod polling;
mod session;
mod typed;

use std::time::Duration;

use http::{StatusCode, Uri};

use self::link::Opening;
use self::namespace::Namespace;
use self::session::Session;
use super::{
    BoxFuture, ConnectionLoss, Credentials, Cx, Ended, Notice, Outgoing, Source, SourceError,
    authorise,
};
use crate::dial::Dialer;
use crate::event::Transport;
use crate::time::Timestamp;
use crate::wire::socketio::PacketError;

/// Which of Engine.IO's transports the client uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineTransport {
    /// WebSocket from the start.
    #[default]
    WebSocket,
    /// Long polling first, then WebSocket if the server offers it. This is what the JavaScript client does.
    Upgrade,
    Polling,
}

impl EngineTransport {
    /// Each value with its word on the command line.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("websocket", Self::WebSocket),
        ("upgrade", Self::Upgrade),
        ("polling", Self::Polling),
    ];
}

/// What to follow and how.
#[derive(Clone)]
pub struct SocketIoOptions {
    /// The server, `http` or `https`. The path is that of Engine.IO; an empty path means `/socket.io/`.
    pub url: Uri,
    /// Namespaces such as `/chat`, which share one connection. If empty, `/` is followed.
    pub namespaces: Vec<String>,
    pub credentials: Credentials,
    pub engine_transport: EngineTransport,
    /// Lines `event json…` to send after every connect, on the first namespace.
    pub send_on_connect: Vec<Outgoing>,
    /// Arguments (a JSON list) with which to acknowledge events that request it.
    pub ack: Option<String>,
    /// Send every event back to the server.
    pub echo: bool,
    /// A position that [`Source::position`] returned in an earlier process.
    pub resume: Option<String>,
    /// Maximum size of one event in bytes, attachments included.
    pub max_message: usize,
    /// Time limit from the first connection attempt to the server's handshake. Connecting to one address takes at most
    /// 5 s of it.
    pub connect_timeout: Duration,
}

/// A Socket.IO connection.
pub struct SocketIo {
    options: SocketIoOptions,
    dialer: Dialer,
    namespaces: Vec<Namespace>,
    /// Whether a connection was open before.
    was_open: bool,
}

impl SocketIo {
    pub fn new(options: SocketIoOptions, dialer: Dialer) -> Self {
        let mut namespaces: Vec<Namespace> = Vec::new();
        for name in &options.namespaces {
            let namespace = Namespace::new(name);
            // A server closes a connection that joins the same namespace twice.
            if namespaces.iter().all(|known| known.name != namespace.name) {
                namespaces.push(namespace);
            }
        }
        if namespaces.is_empty() {
            namespaces.push(Namespace::new("/"));
        }
        Self {
            options,
            dialer,
            namespaces,
            was_open: false,
        }
    }

    async fn follow(&mut self, cx: &mut Cx<'_>) -> Result<Ended, SourceError> {
        if let Some(position) = self.options.resume.take() {
            if !namespace::resume(&mut self.namespaces, &position) {
                let remark = format!(
                    "`{position}` is not a Socket.IO position, so the stream cannot be resumed"
                );
                cx.outlet.notice(Notice::Remark(remark));
            }
            cx.loss.get_or_insert_with(|| ConnectionLoss {
                since: Timestamp::now(),
                why: "an earlier run ended".to_owned(),
            });
        }
        let opening = async {
            let authorisation = authorise(&self.options.credentials).await?;
            let opening = Opening {
                dialer: &self.dialer,
                options: &self.options,
                headers: &authorisation.headers,
            };
            let open = opening.open(cx.outlet).await?;
            Ok::<_, SourceError>((open, authorisation))
        };
        let opened = tokio::select! {
            opened = opening => opened,
            () = cx.stop.cancelled() => return Ok(Ended::Stopped),
        };
        let (open, authorisation) = match opened {
            Err(error) if self.was_open && is_pause(&error) => {
                return Ok(Ended::lost(error.to_string()));
            }
            opened => opened?,
        };
        let target = self.target();
        let auth = authorisation.auth.as_ref().map(|auth| auth.reveal());
        let session = Session::new(&self.options, &mut self.namespaces, target, open);
        let result = session.run(auth, cx).await;
        self.was_open |= cx.pulse.last_sign().is_some();
        result
    }
}

impl Source for SocketIo {
    fn transport(&self) -> Transport {
        Transport::SocketIo
    }

    /// The URL as the user can type it again.
    fn target(&self) -> String {
        let scheme = self.options.url.scheme_str().unwrap_or_default();
        let namespace = self.namespaces.first().map_or("/", |first| &first.name);
        format!(
            "socketio+{scheme}://{}{namespace}",
            authority(&self.options.url)
        )
    }

    fn run<'a>(&'a mut self, cx: &'a mut Cx<'_>) -> BoxFuture<'a, Result<Ended, SourceError>> {
        Box::pin(self.follow(cx))
    }

    fn position(&self) -> Option<String> {
        namespace::position(&self.namespaces)
    }
}

/// Returns whether a server that accepted the client before refuses the transport for now. Engine.IO answers 403 while
/// `allowRequest` refuses requests, and the JavaScript client retries after it. Wrong credentials are usually a
/// CONNECT_ERROR of the namespace.
fn is_pause(error: &SourceError) -> bool {
    matches!(error, SourceError::Refused { status, .. } if *status == StatusCode::FORBIDDEN)
}

fn too_old(why: &str) -> SourceError {
    SourceError::Protocol {
        why: format!("{why}, so its Socket.IO is older than version 3, which this client requires"),
    }
}

/// The URL without its query, which may carry tokens.
fn shown(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or_default();
    let path = url.path().trim_end_matches('/');
    format!("{scheme}://{}{path}", authority(url))
}

fn authority(url: &Uri) -> &str {
    url.authority().map_or("", |authority| authority.as_str())
}

/// Why a connection is no longer followed.
enum End {
    Ended(Ended),
    /// The server sent an invalid packet. The connection is closed and opened again, as in the reference client.
    Malformed {
        bytes: u64,
        why: String,
    },
    Failed(SourceError),
}

impl End {
    fn lost(why: impl Into<String>) -> Self {
        Self::Ended(Ended::lost(why))
    }

    fn malformed(bytes: usize, error: PacketError) -> Self {
        match error {
            PacketError::TooLarge { limit } => Self::Failed(SourceError::TooLarge { limit }),
            error => Self::Malformed {
                bytes: bytes as u64,
                why: error.to_string(),
            },
        }
    }
}

impl From<End> for SourceError {
    /// Converts an end that happened before the connection was open.
    fn from(end: End) -> Self {
        match end {
            End::Ended(Ended::Lost { why, .. }) => Self::Lost { why },
            End::Ended(other) => Self::Protocol {
                why: format!("{other:?}"),
            },
            End::Malformed { why, .. } => Self::Protocol { why },
            End::Failed(error) => error,
        }
    }
}
