//! What all sources have in common. Each claim is tested for every transport, against a minimal server of its protocol.

mod fairness;
mod life;
mod opening;

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use evt::dial::{AddressPolicy, DialError, Dialer};
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

use crate::support::Absent;

/// One value per source.
const KINDS: [Kind; 3] = [Kind::Sse, Kind::WebSocket, Kind::SocketIo];
/// Much longer than these tests take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Limit for the payload that a source may pass on before it calls `settle`.
const MAX_UNSETTLED: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sse,
    WebSocket,
    SocketIo,
}

impl Kind {
    fn source(self, at: SocketAddr) -> Box<dyn Source> {
        self.source_with(at, Arc::new(|| Ok(Authorisation::default())))
    }

    fn source_with(self, at: SocketAddr, credentials: Credentials) -> Box<dyn Source> {
        self.source_within(at, credentials, PATIENCE)
    }

    fn source_within(
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
struct Peer {
    kind: Kind,
    listener: TcpListener,
}

/// A client of a [`Peer`]. Dropping it closes the connection.
enum Link {
    Sse(TcpStream),
    Socket(Box<WebSocketStream<TcpStream>>, Kind),
}

impl Peer {
    async fn start(kind: Kind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { kind, listener }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// Accepts the next connection.
    ///
    /// # Panics
    /// After a minute.
    async fn stream(&self) -> TcpStream {
        let accepted = tokio::time::timeout(PATIENCE, self.listener.accept()).await;
        accepted.expect("the source connects").unwrap().0
    }

    async fn accept(&self) -> Link {
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
    async fn refuse(&self, status: &str) {
        let mut stream = self.stream().await;
        read_head(&mut stream).await;
        let answer =
            format!("HTTP/1.1 {status}\r\ncontent-length: 5\r\nconnection: close\r\n\r\nnope\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    }
}

async fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
}

impl Link {
    /// Sends `data`, which is JSON, as one message.
    async fn send(&mut self, data: &str) -> Result<(), Box<dyn std::error::Error>> {
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
    async fn close(self) {
        match self {
            Self::Sse(mut stream) => stream.shutdown().await.unwrap(),
            Self::Socket(socket, _) => socket.into_inner().shutdown().await.unwrap(),
        }
    }
}

/// Records messages and notices.
#[derive(Default)]
struct Recorder {
    observed: Option<mpsc::UnboundedSender<Observed>>,
    /// Accepts no more messages after this many.
    enough: Option<usize>,
    /// Closed while the outlet has no room.
    gate: Option<Arc<Notify>>,
    settling: bool,
    count: usize,
    since_settled: usize,
    max_unsettled: usize,
}

#[derive(Debug)]
enum Observed {
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
struct Following {
    observed: mpsc::UnboundedReceiver<Observed>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<(Result<Ended, SourceError>, Recorder)>,
}

impl Following {
    fn start(mut source: Box<dyn Source>, mut recorder: Recorder, reconnect: Reconnect) -> Self {
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

    async fn next(&mut self) -> Observed {
        let next = tokio::time::timeout(PATIENCE, self.observed.recv()).await;
        next.expect("something is observed")
            .expect("the source keeps running")
    }

    async fn message(&mut self) -> String {
        loop {
            if let Observed::Message(message) = self.next().await {
                return message;
            }
        }
    }

    async fn ended(self) -> (Result<Ended, SourceError>, Recorder) {
        let ended = tokio::time::timeout(PATIENCE, self.task).await;
        ended.expect("the source ends").expect("without a panic")
    }
}

#[tokio::test]
async fn messages_are_passed_on_completely_and_in_order() {
    for kind in KINDS {
        let peer = Peer::start(kind).await;
        let mut following = Following::start(
            kind.source(peer.address()),
            Recorder::default(),
            Reconnect::AfterLoss,
        );
        let mut link = peer.accept().await;
        for n in 0..100 {
            link.send(&format!("{{\"n\":{n}, \"big\":12345678901234567890}}"))
                .await
                .unwrap();
        }
        for n in 0..100 {
            let wanted = format!("{{\"n\":{n}, \"big\":12345678901234567890}}");
            assert_eq!(following.message().await, wanted, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_source_reconnects_after_a_loss_and_reports_a_gap() {
    for kind in KINDS {
        let peer = Peer::start(kind).await;
        let mut following = Following::start(
            kind.source(peer.address()),
            Recorder::default(),
            Reconnect::AfterLoss,
        );
        let mut link = peer.accept().await;
        link.send("1").await.unwrap();
        assert_eq!(following.message().await, "1", "{kind:?}");
        link.close().await;
        let mut link = peer.accept().await;
        link.send("2").await.unwrap();
        let mut gaps = 0;
        loop {
            match following.next().await {
                Observed::Message(message) => {
                    assert_eq!(message, "2", "{kind:?}");
                    break;
                }
                Observed::Notice(Notice::Gap(gap)) => {
                    assert_eq!(gap.lost, None, "{kind:?}");
                    gaps += 1;
                }
                Observed::Notice(_) | Observed::Full => {}
            }
        }
        assert_eq!(
            gaps, 1,
            "{kind:?}: the gap is reported before the next message"
        );
    }
}

#[tokio::test]
async fn a_stopped_source_ends_although_the_server_is_silent() {
    for kind in KINDS {
        let peer = Peer::start(kind).await;
        let following = Following::start(
            kind.source(peer.address()),
            Recorder::default(),
            Reconnect::AfterLoss,
        );
        // The connection stays open and is not read, so a close frame is not answered.
        let _link = peer.accept().await;
        following.stop.cancel();
        let (end, _) = following.ended().await;
        assert!(matches!(end, Ok(Ended::Stopped)), "{kind:?}: {end:?}");
    }
}

#[tokio::test]
async fn a_stopped_source_ends_while_its_credentials_are_created() {
    for kind in KINDS {
        let absent = Absent::new();
        let (asked, is_asked) = std::sync::mpsc::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let released = std::sync::Mutex::new(released);
        let credentials: Credentials = Arc::new(move || {
            let _ = asked.send(());
            // A command that does not return until the test is over.
            let _ = released.lock().unwrap().recv();
            Ok(Authorisation::default())
        });
        let source = kind.source_with(absent.address(), credentials);
        let following = Following::start(source, Recorder::default(), Reconnect::AfterLoss);
        let waiting = tokio::task::spawn_blocking(move || is_asked.recv().unwrap());
        waiting.await.unwrap();
        following.stop.cancel();
        let (end, _) = following.ended().await;
        drop(release);
        assert!(matches!(end, Ok(Ended::Stopped)), "{kind:?}: {end:?}");
    }
}

#[tokio::test]
async fn a_source_ends_when_its_outlet_wants_no_more_messages() {
    for kind in KINDS {
        let peer = Peer::start(kind).await;
        let recorder = Recorder {
            enough: Some(3),
            ..Recorder::default()
        };
        let following =
            Following::start(kind.source(peer.address()), recorder, Reconnect::AfterLoss);
        let mut link = peer.accept().await;
        for n in 0..10 {
            // The source may close the connection before all are sent.
            let _ = link.send(&n.to_string()).await;
        }
        let (end, recorder) = following.ended().await;
        assert!(matches!(end, Ok(Ended::Enough)), "{kind:?}: {end:?}");
        assert_eq!(recorder.count, 3, "{kind:?}");
    }
}

#[tokio::test]
async fn a_source_waits_for_room_and_loses_nothing() {
    const MESSAGES: usize = 20_000;
    for kind in KINDS {
        let peer = Peer::start(kind).await;
        let gate = Arc::new(Notify::new());
        let recorder = Recorder {
            gate: Some(Arc::clone(&gate)),
            enough: Some(MESSAGES),
            ..Recorder::default()
        };
        let mut following =
            Following::start(kind.source(peer.address()), recorder, Reconnect::AfterLoss);
        let mut link = peer.accept().await;
        let filler = "x".repeat(1000);
        let sending = tokio::spawn(async move {
            for n in 0..MESSAGES {
                // The source may have closed the connection before the last ones.
                if link.send(&format!("[{n},\"{filler}\"]")).await.is_err() {
                    break;
                }
            }
            link
        });
        while !matches!(following.next().await, Observed::Full) {}
        gate.notify_one();
        let (end, recorder) = following.ended().await;
        assert!(matches!(end, Ok(Ended::Enough)), "{kind:?}: {end:?}");
        assert_eq!(recorder.count, MESSAGES, "{kind:?}");
        assert!(
            recorder.max_unsettled <= MAX_UNSETTLED,
            "{kind:?}: {} bytes before it asked for room",
            recorder.max_unsettled
        );
        sending.abort();
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_named() {
    for kind in KINDS {
        let absent = Absent::new();
        let following = Following::start(
            kind.source(absent.address()),
            Recorder::default(),
            Reconnect::AfterLoss,
        );
        let (end, _) = following.ended().await;
        let error = end.expect_err("nothing listens there");
        let SourceError::Dial(DialError::Refused { peer, .. }) = error else {
            panic!("{kind:?}: {error:?}");
        };
        assert_eq!(peer, absent.address().to_string(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_an_error_with_status_and_body() {
    for kind in KINDS {
        let peer = Peer::start(kind).await;
        let following = Following::start(
            kind.source(peer.address()),
            Recorder::default(),
            Reconnect::AfterLoss,
        );
        peer.refuse("401 Unauthorized").await;
        let (end, _) = following.ended().await;
        let error = end.expect_err("it was refused");
        let SourceError::Refused { status, body, .. } = error else {
            panic!("{kind:?}: {error:?}");
        };
        assert_eq!(
            (status.as_u16(), body.as_str()),
            (401, "nope\n"),
            "{kind:?}"
        );
    }
}

/// A running source with input.
struct WithInput {
    input: mpsc::Sender<Outgoing>,
    task: tokio::task::JoinHandle<Result<Ended, SourceError>>,
}

impl WithInput {
    /// Stops after `enough` messages.
    fn start(mut source: Box<dyn Source>, enough: usize) -> Self {
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

#[tokio::test]
async fn input_is_sent_as_soon_as_a_silent_server_reads() {
    const LINES: usize = 16;
    for kind in [Kind::WebSocket, Kind::SocketIo] {
        let peer = Peer::start(kind).await;
        let typing = WithInput::start(kind.source(peer.address()), 1);
        let Link::Socket(mut socket, _) = peer.accept().await else {
            panic!("it can send");
        };
        let line = format!("say {}", "x".repeat(1 << 20));
        let input = typing.input.clone();
        let typed = tokio::spawn(async move {
            for _ in 0..LINES {
                input.send(Outgoing::Text(line.clone())).await.unwrap();
            }
        });
        let reading = async {
            for _ in 0..LINES {
                let frame = socket.next().await.unwrap().unwrap();
                assert!(frame.len() > 1 << 20, "{kind:?}");
            }
        };
        // Shorter than all heartbeat intervals, which would wake the source.
        let read = tokio::time::timeout(Duration::from_secs(15), reading).await;
        assert!(read.is_ok(), "{kind:?}");
        typed.await.unwrap();
    }
}

#[tokio::test]
async fn input_is_sent_while_many_messages_arrive() {
    for kind in [Kind::WebSocket, Kind::SocketIo] {
        let peer = Peer::start(kind).await;
        let typing = WithInput::start(kind.source(peer.address()), usize::MAX);
        let Link::Socket(socket, _) = peer.accept().await else {
            panic!("it can send");
        };
        let (mut out, mut back) = socket.split();
        let message = match kind {
            Kind::SocketIo => format!("42[\"tick\",\"{}\"]", "x".repeat(1000)),
            _ => "x".repeat(1000),
        };
        let flood =
            tokio::spawn(
                async move { while out.feed(Frame::text(message.clone())).await.is_ok() {} },
            );
        typing
            .input
            .send(Outgoing::Text("say".to_owned()))
            .await
            .unwrap();
        let read = tokio::time::timeout(Duration::from_secs(15), back.next()).await;
        assert!(read.is_ok(), "{kind:?}");
        flood.abort();
        typing.task.abort();
    }
}

#[tokio::test]
async fn a_socket_io_server_that_does_not_read_gets_few_pongs() {
    const PINGS: usize = 512;
    const PING: usize = 64 * 1024;
    let peer = Peer::start(Kind::SocketIo).await;
    let typing = WithInput::start(Kind::SocketIo.source(peer.address()), usize::MAX);
    let Link::Socket(mut socket, _) = peer.accept().await else {
        panic!("it can send");
    };
    let ping = format!("2{}", "x".repeat(PING));
    for _ in 0..PINGS {
        socket.feed(Frame::text(ping.clone())).await.unwrap();
    }
    socket.flush().await.unwrap();
    // It is sent after all pongs.
    let line = Outgoing::Text("say".to_owned());
    typing.input.send(line).await.unwrap();
    let mut answers = 0;
    loop {
        let frame = socket.next().await.unwrap().unwrap();
        if frame.to_text().unwrap().starts_with("42") {
            break;
        }
        answers += frame.len();
    }
    typing.task.abort();
    // The rest is in buffers of the operating system.
    assert!(answers < PINGS * PING / 2, "{answers} bytes of answers");
}

#[tokio::test]
async fn an_endless_polling_handshake_is_refused() {
    let peer = Peer::start(Kind::SocketIo).await;
    let options = SocketIoOptions {
        url: format!("http://{}", peer.address()).parse().unwrap(),
        namespaces: Vec::new(),
        credentials: Arc::new(|| Ok(Authorisation::default())),
        engine_transport: EngineTransport::Upgrade,
        send_on_connect: Vec::new(),
        ack: None,
        echo: false,
        resume: None,
        max_message: 1 << 20,
        connect_timeout: PATIENCE,
    };
    let source = SocketIo::new(options, Dialer::new(AddressPolicy::Local));
    let following = Following::start(Box::new(source), Recorder::default(), Reconnect::AfterLoss);
    let mut stream = peer.stream().await;
    read_head(&mut stream).await;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n";
    let open = r#"0{"sid":"s","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}"#;
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(open.as_bytes()).await.unwrap();
    while stream.write_all(&b"\x1e6".repeat(1000)).await.is_ok() {}
    let (end, _) = following.ended().await;
    let error = end.expect_err("the handshake is invalid").to_string();
    assert!(error.ends_with(" bytes came with the handshake"), "{error}");
}
