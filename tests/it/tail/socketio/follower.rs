//! The real server, and a running source.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use evt::dial::{AddressPolicy, Dialer};
use evt::secret::Secret;
use evt::source::{
    Authorisation, BoxFuture, Cx, Ended, EngineTransport, Gap, Guarantee, Message, Notice,
    Outgoing, Outlet, Pulse, Reconnect, SocketIo, SocketIoOptions, Source, SourceError, keep_open,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::node::Node;

/// Longer than these tests take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The server process.
pub(super) struct Server {
    pub(super) node: Node,
    port: u16,
}

impl Server {
    pub(super) fn start(options: &str) -> Option<Self> {
        let (node, port) = Node::serve("socketio_server.mjs", &[options])?;
        Some(Self { node, port })
    }

    pub(super) fn tell(&mut self, what: Value) {
        self.node.say(&what.to_string());
    }

    /// Reads the server's output until a line starts with `start`.
    pub(super) fn until(&mut self, start: &str) -> String {
        loop {
            let line = self.node.line();
            assert!(!line.is_empty(), "the server ended before {start:?}");
            if line.starts_with(start) {
                return line.trim_end().to_owned();
            }
        }
    }

    pub(super) fn options(&self) -> SocketIoOptions {
        SocketIoOptions {
            url: format!("http://127.0.0.1:{}", self.port).parse().unwrap(),
            namespaces: Vec::new(),
            credentials: Arc::new(|| Ok(Authorisation::default())),
            engine_transport: EngineTransport::WebSocket,
            send_on_connect: Vec::new(),
            ack: None,
            echo: false,
            resume: None,
            max_message: 8 * 1024 * 1024,
            connect_timeout: PATIENCE,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) id: Option<String>,
    pub(super) channel: Option<String>,
    pub(super) data: String,
    pub(super) ack: Option<u64>,
}

#[derive(Debug)]
enum Seen {
    Event(Event),
    Reached(String),
    Notice(Notice),
}

struct Recorder {
    seen: mpsc::UnboundedSender<Seen>,
    gate: Arc<tokio::sync::Semaphore>,
}

impl Outlet for Recorder {
    fn take(&mut self, message: &Message<'_>) -> ControlFlow<()> {
        let _ = self.seen.send(Seen::Event(Event {
            name: message.name.unwrap().to_owned(),
            id: message.id.map(str::to_owned),
            channel: message.channel.map(str::to_owned),
            data: String::from_utf8(message.data.to_vec()).unwrap(),
            ack: message.ack,
        }));
        ControlFlow::Continue(())
    }

    fn settle(&mut self) -> BoxFuture<'_, ControlFlow<()>> {
        Box::pin(async {
            let _ = self.gate.acquire().await;
            ControlFlow::Continue(())
        })
    }

    fn reached(&mut self, position: &str) {
        let _ = self.seen.send(Seen::Reached(position.to_owned()));
    }

    fn notice(&mut self, notice: Notice) {
        let _ = self.seen.send(Seen::Notice(notice));
    }
}

/// A running source, and what it passes on.
pub(super) struct Tail {
    seen: mpsc::UnboundedReceiver<Seen>,
    input: mpsc::Sender<Outgoing>,
    stop: CancellationToken,
    /// While its only permit is taken, the outlet has no room.
    pub(super) gate: Arc<tokio::sync::Semaphore>,
    end: JoinHandle<(Result<Ended, SourceError>, Option<String>)>,
    /// The gaps before the events so far.
    pub(super) gaps: Vec<Gap>,
}

impl Tail {
    pub(super) fn start(options: SocketIoOptions) -> Self {
        let (sender, seen) = mpsc::unbounded_channel();
        let (input, lines) = mpsc::channel(8);
        let stop = CancellationToken::new();
        let gate = Arc::new(tokio::sync::Semaphore::new(1));
        let recorder = Recorder {
            seen: sender,
            gate: Arc::clone(&gate),
        };
        let mut source = SocketIo::new(options, Dialer::new(AddressPolicy::Local));
        let token = stop.clone();
        let end = tokio::spawn(async move {
            let mut recorder = recorder;
            let mut cx = Cx {
                outlet: &mut recorder,
                stop: token,
                input: Some(lines),
                pulse: Arc::new(Pulse::default()),
                loss: None,
                reconnects: 0,
            };
            let at_once = || 0.0;
            let end = keep_open(&mut source, &mut cx, Reconnect::AfterLoss, None, at_once).await;
            (end, source.position())
        });
        Self {
            seen,
            input,
            stop,
            gate,
            end,
            gaps: Vec::new(),
        }
    }

    async fn next(&mut self) -> Seen {
        let seen = tokio::time::timeout(PATIENCE, self.seen.recv()).await;
        seen.expect("the source passes something on")
            .expect("the source keeps running")
    }

    pub(super) async fn event(&mut self) -> Event {
        loop {
            match self.next().await {
                Seen::Event(event) => return event,
                Seen::Notice(Notice::Gap(gap)) => self.gaps.push(gap),
                Seen::Notice(_) | Seen::Reached(_) => {}
            }
        }
    }

    /// The next position. Everything before it is skipped.
    pub(super) async fn reached(&mut self) -> String {
        loop {
            if let Seen::Reached(position) = self.next().await {
                return position;
            }
        }
    }

    /// The next notice that `pick` accepts. Everything before it is skipped.
    pub(super) async fn notice<T>(&mut self, pick: impl Fn(Notice) -> Option<T>) -> T {
        loop {
            if let Seen::Notice(notice) = self.next().await
                && let Some(picked) = pick(notice)
            {
                return picked;
            }
        }
    }

    pub(super) async fn connected(&mut self) -> (String, Guarantee) {
        self.notice(|notice| match notice {
            Notice::Connected {
                subscribed,
                guarantee,
                ..
            } => Some((subscribed, guarantee)),
            _ => None,
        })
        .await
    }

    pub(super) async fn retrying(&mut self) -> String {
        self.notice(|notice| match notice {
            Notice::Retrying { why, .. } => Some(why),
            _ => None,
        })
        .await
    }

    pub(super) async fn gap(&mut self) -> Gap {
        self.notice(|notice| match notice {
            Notice::Gap(gap) => Some(gap),
            _ => None,
        })
        .await
    }

    pub(super) async fn remark(&mut self) -> String {
        self.notice(|notice| match notice {
            Notice::Remark(remark) => Some(remark),
            _ => None,
        })
        .await
    }

    pub(super) async fn type_line(&self, line: &str) {
        self.input
            .send(Outgoing::Text(line.to_owned()))
            .await
            .unwrap();
    }

    /// How the source ended, and its position.
    pub(super) async fn ended(self) -> (Result<Ended, SourceError>, Option<String>) {
        let end = tokio::time::timeout(PATIENCE, self.end).await;
        end.expect("the source ends").unwrap()
    }

    /// Stops the source.
    pub(super) async fn stop(self) -> (Result<Ended, SourceError>, Option<String>) {
        self.stop.cancel();
        self.ended().await
    }
}

pub(super) fn with_token(options: SocketIoOptions, token: &'static str) -> SocketIoOptions {
    let auth = json!({ "token": token }).to_string();
    SocketIoOptions {
        credentials: Arc::new(move || {
            Ok(Authorisation {
                auth: Some(Secret::new(auth.clone())),
                ..Authorisation::default()
            })
        }),
        ..options
    }
}
