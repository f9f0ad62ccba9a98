//! A minimal server of each protocol, and an outlet that checks how a source uses it.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use evt::dial::{AddressPolicy, Dialer};
use evt::source::{
    Authorisation, BoxFuture, Credentials, Cx, Ended, EngineTransport, Message, Notice, Outgoing,
    Outlet, Pulse, Reconnect, SocketIo, SocketIoOptions, Source, SourceError, Sse, SseOptions,
    WebSocket, WebSocketOptions, keep_open,
};
use futures_util::{SinkExt, StreamExt};
use http::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_util::sync::CancellationToken;

/// One value per source.
pub(super) const KINDS: [Kind; 3] = [Kind::Sse, Kind::WebSocket, Kind::SocketIo];
/// Much longer than these tests take.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Limit for the payload that a source may pass on before it calls `settle`.
pub(super) const MAX_UNSETTLED: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sse,
    WebSocket,
    SocketIo,
}

impl Kind {
    pub(super) fn source(self, at: SocketAddr) -> Box<dyn Source> {
        self.source_with(at, Arc::new(|| Ok(Authorisation::default())))
    }

    pub(super) fn source_with(self, at: SocketAddr, credentials: Credentials) -> Box<dyn Source> {
        self.source_within(at, credentials, PATIENCE)
    }

    pub(super) fn source_within(
        self,
        at: SocketAddr,
        credentials: Credentials,
        connect_timeout: Duration,
    ) -> Box<dyn Source> {
        let dialer = Dialer::new(AddressPolicy::Local);
        let url = |scheme: &str| -> Uri { format!("{scheme}://{at}/").parse().unwrap() };
        match self {
            Self::Sse => Box::new(Sse::new(
                SseOptions {
                    url: url("http"),
                    credentials,
                    last_event_id: None,
                    max_message: 1 << 20,
                    is_one_answer: false,
                    until_end: false,
                    idle: None,
                    connect_timeout,
                },
                dialer,
            )),
            Self::WebSocket => Box::new(WebSocket::new(
                WebSocketOptions {
                    url: url("ws"),
                    credentials,
                    subprotocols: Vec::new(),
                    send_on_connect: Vec::new(),
                    echo: false,
                    follow_redirects: false,
                    max_message: 1 << 20,
                    ping: Duration::from_secs(20),
                    until_end: false,
                    connect_timeout,
                },
                dialer,
            )),
            Self::SocketIo => Box::new(SocketIo::new(
                SocketIoOptions {
                    url: url("http"),
                    namespaces: vec!["/".to_owned()],
                    credentials,
                    engine_transport: EngineTransport::WebSocket,
                    send_on_connect: Vec::new(),
                    ack: None,
                    echo: false,
                    resume: None,
                    max_message: 1 << 20,
                    connect_timeout,
                },
                dialer,
            )),
        }
    }
}

/// A minimal server of a protocol.
pub(super) struct Peer {
    pub(super) kind: Kind,
    pub(super) listener: TcpListener,
}

/// A client of a [`Peer`]. Dropping it closes the connection.
pub(super) enum Link {
    Sse(TcpStream),
    Socket(Box<WebSocketStream<TcpStream>>, Kind),
}

impl Peer {
    pub(super) async fn start(kind: Kind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { kind, listener }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// Accepts the next connection.
    ///
    /// # Panics
    /// After a minute.
    pub(super) async fn stream(&self) -> TcpStream {
        let accepted = tokio::time::timeout(PATIENCE, self.listener.accept()).await;
        accepted.expect("the source connects").unwrap().0
    }

    pub(super) async fn accept(&self) -> Link {
        let mut stream = self.stream().await;
        if self.kind == Kind::Sse {
            read_head(&mut stream).await;
            let head =
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\nretry: 0\n\n";
            stream.write_all(head).await.unwrap();
            return Link::Sse(stream);
        }
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        if self.kind == Kind::SocketIo {
            let open = r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
            socket.send(Frame::text(open)).await.unwrap();
            let asked = socket.next().await.unwrap().unwrap();
            assert!(asked.to_text().unwrap().starts_with("40"), "{asked:?}");
            socket.send(Frame::text(r#"40{"sid":"n"}"#)).await.unwrap();
        }
        Link::Socket(Box::new(socket), self.kind)
    }

    /// Responds to the next request with an HTTP status.
    pub(super) async fn refuse(&self, status: &str) {
        let mut stream = self.stream().await;
        read_head(&mut stream).await;
        let answer =
            format!("HTTP/1.1 {status}\r\ncontent-length: 5\r\nconnection: close\r\n\r\nnope\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    }
}

pub(super) async fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
}

impl Link {
    /// Sends `data`, which is JSON, as one message.
    pub(super) async fn send(&mut self, data: &str) -> Result<(), Box<dyn std::error::Error>> {
        match self {
            Self::Sse(stream) => {
                stream
                    .write_all(format!("data: {data}\n\n").as_bytes())
                    .await?;
            }
            Self::Socket(socket, Kind::SocketIo) => {
                socket
                    .send(Frame::text(format!("42[\"tick\",{data}]")))
                    .await?;
            }
            Self::Socket(socket, _) => socket.send(Frame::text(data)).await?,
        }
        Ok(())
    }

    /// Closes the connection without a goodbye of the protocol.
    pub(super) async fn close(self) {
        match self {
            Self::Sse(mut stream) => stream.shutdown().await.unwrap(),
            Self::Socket(socket, _) => socket.into_inner().shutdown().await.unwrap(),
        }
    }
}

/// Records messages and notices.
#[derive(Default)]
pub(super) struct Recorder {
    pub(super) observed: Option<mpsc::UnboundedSender<Observed>>,
    /// Accepts no more messages after this many.
    pub(super) enough: Option<usize>,
    /// Closed while the outlet has no room.
    pub(super) gate: Option<Arc<Notify>>,
    pub(super) settling: bool,
    pub(super) count: usize,
    pub(super) since_settled: usize,
    pub(super) max_unsettled: usize,
}

#[derive(Debug)]
pub(super) enum Observed {
    Message(String),
    Notice(Notice),
    /// The outlet has no room.
    Full,
}

impl Recorder {
    fn record(&self, observed: Observed) {
        if let Some(listener) = &self.observed {
            // A test that has finished no longer receives.
            let _ = listener.send(observed);
        }
    }
}

impl Outlet for Recorder {
    fn take(&mut self, message: &Message<'_>) -> ControlFlow<()> {
        assert!(
            !self.settling,
            "a message was passed on while there was no room"
        );
        self.count += 1;
        self.since_settled += message.data.len();
        self.max_unsettled = self.max_unsettled.max(self.since_settled);
        self.record(Observed::Message(
            String::from_utf8(message.data.to_vec()).unwrap(),
        ));
        match self.enough {
            Some(enough) if self.count >= enough => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn settle(&mut self) -> BoxFuture<'_, ControlFlow<()>> {
        Box::pin(async {
            if let Some(gate) = self.gate.clone()
                && self.count > 0
            {
                if !self.settling {
                    self.settling = true;
                    self.record(Observed::Full);
                }
                gate.notified().await;
                self.gate = None;
                self.settling = false;
            }
            self.since_settled = 0;
            ControlFlow::Continue(())
        })
    }

    fn notice(&mut self, notice: Notice) {
        self.record(Observed::Notice(notice));
    }
}

/// A running source.
pub(super) struct Following {
    pub(super) observed: mpsc::UnboundedReceiver<Observed>,
    pub(super) stop: CancellationToken,
    pub(super) task: tokio::task::JoinHandle<(Result<Ended, SourceError>, Recorder)>,
}

impl Following {
    pub(super) fn start(
        mut source: Box<dyn Source>,
        mut recorder: Recorder,
        reconnect: Reconnect,
    ) -> Self {
        let (sender, observed) = mpsc::unbounded_channel();
        recorder.observed = Some(sender);
        let stop = CancellationToken::new();
        let own = stop.clone();
        let task = tokio::spawn(async move {
            let mut cx = Cx {
                outlet: &mut recorder,
                stop: own,
                input: None,
                pulse: Arc::new(Pulse::default()),
                loss: None,
                reconnects: 0,
            };
            let end = keep_open(&mut *source, &mut cx, reconnect, None, || 0.0).await;
            (end, recorder)
        });
        Self {
            observed,
            stop,
            task,
        }
    }

    pub(super) async fn next(&mut self) -> Observed {
        let next = tokio::time::timeout(PATIENCE, self.observed.recv()).await;
        next.expect("something is observed")
            .expect("the source keeps running")
    }

    pub(super) async fn message(&mut self) -> String {
        loop {
            if let Observed::Message(message) = self.next().await {
                return message;
            }
        }
    }

    pub(super) async fn ended(self) -> (Result<Ended, SourceError>, Recorder) {
        let ended = tokio::time::timeout(PATIENCE, self.task).await;
        ended.expect("the source ends").expect("without a panic")
    }
}

/// A running source with input.
pub(super) struct WithInput {
    pub(super) input: mpsc::Sender<Outgoing>,
    pub(super) task: tokio::task::JoinHandle<Result<Ended, SourceError>>,
}

impl WithInput {
    /// Stops after `enough` messages.
    pub(super) fn start(mut source: Box<dyn Source>, enough: usize) -> Self {
        let (input, lines) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            let mut recorder = Recorder {
                enough: Some(enough),
                ..Recorder::default()
            };
            let mut cx = Cx {
                outlet: &mut recorder,
                stop: CancellationToken::new(),
                input: Some(lines),
                pulse: Arc::new(Pulse::default()),
                loss: None,
                reconnects: 0,
            };
            source.run(&mut cx).await
        });
        Self { input, task }
    }
}
