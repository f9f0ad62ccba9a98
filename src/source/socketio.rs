//! Socket.IO 5 over Engine.IO 4: the life of one connection after another.
//!
//! What is typed into a connection, and `send_on_connect`, are lines `event json…`: the event's name, then its arguments as
//! JSON; a bare word is sent as a string. `/chat event json…` names the namespace, which is else the first one. A line that
//! ends with ` ?` asks for an acknowledgement, whose arguments come as a remark (`ack 0: ["done"]`).

mod link;
mod namespace;
mod polling;
mod session;
mod typed;

use std::time::Duration;

use http::Uri;

use self::link::Opening;
use self::namespace::Namespace;
use self::session::Session;
use super::{
    BoxFuture, Credentials, CutOff, Cx, Ended, Notice, Outgoing, Source, SourceError, authorise,
};
use crate::dial::Dialer;
use crate::event::Transport;
use crate::time::Timestamp;
use crate::wire::socketio::PacketError;

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
    /// The server, `http` or `https`; its path is that of Engine.IO (`/socket.io/`, also where there is none).
    pub url: Uri,
    /// `/chat`; several share one connection; `/` where there is none.
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
    /// From the first byte dialled to the server's handshake; of it, a connection to an address takes 5 s at most.
    pub connect_timeout: Duration,
}

/// A Socket.IO connection.
pub struct SocketIo {
    options: SocketIoOptions,
    dialer: Dialer,
    namespaces: Vec<Namespace>,
}

impl SocketIo {
    pub fn new(options: SocketIoOptions, dialer: Dialer) -> Self {
        let mut namespaces: Vec<Namespace> = Vec::new();
        for name in &options.namespaces {
            let namespace = Namespace::new(name);
            // A server closes a connection that asks twice.
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
        }
    }

    async fn follow(&mut self, cx: &mut Cx<'_>) -> Result<Ended, SourceError> {
        if let Some(position) = self.options.resume.take() {
            if !namespace::resume(&mut self.namespaces, &position) {
                let remark = format!("`{position}` is no position of Socket.IO to go on from");
                cx.outlet.notice(Notice::Remark(remark));
            }
            cx.cut.get_or_insert_with(|| CutOff {
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
        let (open, authorisation) = tokio::select! {
            opened = opening => opened?,
            () = cx.stop.cancelled() => return Ok(Ended::Stopped),
        };
        let target = self.target();
        let auth = authorisation.auth.as_ref().map(|auth| auth.reveal());
        Session::new(&self.options, &mut self.namespaces, target, open)
            .run(auth, cx)
            .await
    }
}

impl Source for SocketIo {
    fn transport(&self) -> Transport {
        Transport::SocketIo
    }

    /// As it can be typed again.
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

/// Without the query, where tokens travel.
fn shown(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or_default();
    let path = url.path().trim_end_matches('/');
    format!("{scheme}://{}{path}", authority(url))
}

fn authority(url: &Uri) -> &str {
    url.authority().map_or("", |authority| authority.as_str())
}

/// Why a connection is followed no longer.
enum End {
    Ended(Ended),
    /// What came is no packet: the connection is closed and made again, as the reference client does.
    Malformed {
        bytes: u64,
        why: String,
    },
    Failed(SourceError),
}

impl End {
    fn lost(why: impl Into<String>) -> Self {
        Self::Ended(Ended::cut(why))
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
    /// For an end before the connection was open.
    fn from(end: End) -> Self {
        match end {
            End::Ended(Ended::Cut { why, .. }) => Self::Lost { why },
            End::Ended(other) => Self::Protocol {
                why: format!("{other:?}"),
            },
            End::Malformed { why, .. } => Self::Protocol { why },
            End::Failed(error) => error,
        }
    }
}
