//! What every source owes to whoever follows it: all of them are held to the same claims, against a peer that speaks just
//! enough of each protocol.

mod life;
mod opening;
mod turns;

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use evt::dial::{AddressPolicy, DialError, Dialer};
use evt::source::{
    Authorisation, BoxFuture, Credentials, Cx, Ended, Message, Notice, Outgoing, Outlet, Pulse,
    Reconnect, SocketIo, SocketIoOptions, Source, SourceError, Sse, SseOptions, Transports,
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

/// One row a source.
const KINDS: [Kind; 3] = [Kind::Sse, Kind::WebSocket, Kind::SocketIo];
/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of payload that a source may hand on before it asks whether there is room for more.
const MOST_AT_ONCE: usize = 1 << 20;

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
                    transports: Transports::WebSocket,
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

/// A server that speaks as much of a protocol as it takes to be followed.
struct Peer {
    kind: Kind,
    listener: TcpListener,
}

/// One follower of a [`Peer`]; dropping it cuts the connection.
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

    /// The next connection.
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

    /// Answers the next request with a status, in the way of HTTP.
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

    /// Breaks the connection off, without a word of goodbye.
    async fn cut(self) {
        match self {
            Self::Sse(mut stream) => stream.shutdown().await.unwrap(),
            Self::Socket(socket, _) => socket.into_inner().shutdown().await.unwrap(),
        }
    }
}

/// Writes down what comes.
#[derive(Default)]
struct Recorder {
    heard: Option<mpsc::UnboundedSender<Heard>>,
    /// After so many messages no more are wanted.
    enough: Option<usize>,
    /// Closed while the outlet has no room.
    gate: Option<Arc<Notify>>,
    settling: bool,
    count: usize,
    since_settled: usize,
    most_at_once: usize,
}

#[derive(Debug)]
enum Heard {
    Message(String),
    Notice(Notice),
    /// There is no room for more.
    Full,
}

impl Recorder {
    fn say(&self, heard: Heard) {
        if let Some(listener) = &self.heard {
            // A test that has heard enough listens no more.
            let _ = listener.send(heard);
        }
    }
}

impl Outlet for Recorder {
    fn take(&mut self, message: &Message<'_>) -> ControlFlow<()> {
        assert!(
            !self.settling,
            "a message was handed on while there was no room"
        );
        self.count += 1;
        self.since_settled += message.data.len();
        self.most_at_once = self.most_at_once.max(self.since_settled);
        self.say(Heard::Message(
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
                    self.say(Heard::Full);
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
        self.say(Heard::Notice(notice));
    }
}

/// A source under way.
struct Following {
    heard: mpsc::UnboundedReceiver<Heard>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<(Result<Ended, SourceError>, Recorder)>,
}

impl Following {
    fn start(mut source: Box<dyn Source>, mut recorder: Recorder, reconnect: Reconnect) -> Self {
        let (sender, heard) = mpsc::unbounded_channel();
        recorder.heard = Some(sender);
        let stop = CancellationToken::new();
        let own = stop.clone();
        let task = tokio::spawn(async move {
            let mut cx = Cx {
                outlet: &mut recorder,
                stop: own,
                input: None,
                pulse: Arc::new(Pulse::default()),
                cut: None,
                reconnects: 0,
            };
            let end = keep_open(&mut *source, &mut cx, reconnect, None, || 0.0).await;
            (end, recorder)
        });
        Self { heard, stop, task }
    }

    async fn next(&mut self) -> Heard {
        let next = tokio::time::timeout(PATIENCE, self.heard.recv()).await;
        next.expect("something is heard")
            .expect("the source goes on")
    }

    async fn message(&mut self) -> String {
        loop {
            if let Heard::Message(message) = self.next().await {
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
async fn a_source_hands_on_what_comes_whole_and_in_order() {
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
async fn a_source_goes_on_after_a_cut_and_says_that_something_may_be_missing() {
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
        link.cut().await;
        let mut link = peer.accept().await;
        link.send("2").await.unwrap();
        let mut gaps = 0;
        loop {
            match following.next().await {
                Heard::Message(message) => {
                    assert_eq!(message, "2", "{kind:?}");
                    break;
                }
                Heard::Notice(Notice::Gap(gap)) => {
                    assert_eq!(gap.lost, None, "{kind:?}");
                    gaps += 1;
                }
                Heard::Notice(_) | Heard::Full => {}
            }
        }
        assert_eq!(
            gaps, 1,
            "{kind:?}: the gap is said before what comes after it"
        );
    }
}

#[tokio::test]
async fn a_source_that_is_stopped_ends_although_its_peer_says_nothing() {
    for kind in KINDS {
        let peer = Peer::start(kind).await;
        let following = Following::start(
            kind.source(peer.address()),
            Recorder::default(),
            Reconnect::AfterLoss,
        );
        // Held open, and never read again: no answer to a close comes from here.
        let _link = peer.accept().await;
        following.stop.cancel();
        let (end, _) = following.ended().await;
        assert!(matches!(end, Ok(Ended::Stopped)), "{kind:?}: {end:?}");
    }
}

#[tokio::test]
async fn a_source_that_is_stopped_ends_although_its_credentials_are_not_made() {
    for kind in KINDS {
        let absent = Absent::new();
        let (asked, is_asked) = std::sync::mpsc::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let released = std::sync::Mutex::new(released);
        let credentials: Credentials = Arc::new(move || {
            let _ = asked.send(());
            // A command that does not come back, until the test is over.
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
async fn a_source_ends_when_its_outlet_wants_no_more() {
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
            // The source may be gone before all are sent.
            let _ = link.send(&n.to_string()).await;
        }
        let (end, recorder) = following.ended().await;
        assert!(matches!(end, Ok(Ended::Enough)), "{kind:?}: {end:?}");
        assert_eq!(recorder.count, 3, "{kind:?}");
    }
}

#[tokio::test]
async fn a_source_waits_while_there_is_no_room_and_loses_nothing() {
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
                // The last ones may meet a source that has enough.
                if link.send(&format!("[{n},\"{filler}\"]")).await.is_err() {
                    break;
                }
            }
            link
        });
        while !matches!(following.next().await, Heard::Full) {}
        gate.notify_one();
        let (end, recorder) = following.ended().await;
        assert!(matches!(end, Ok(Ended::Enough)), "{kind:?}: {end:?}");
        assert_eq!(recorder.count, MESSAGES, "{kind:?}");
        assert!(
            recorder.most_at_once <= MOST_AT_ONCE,
            "{kind:?}: {} bytes before it asked for room",
            recorder.most_at_once
        );
        sending.abort();
    }
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_named() {
    for kind in KINDS {
        let absent = Absent::new();
        let following = Following::start(
            kind.source(absent.address()),
            Recorder::default(),
            Reconnect::AfterLoss,
        );
        let (end, _) = following.ended().await;
        let error = end.expect_err("nobody is there");
        let SourceError::Dial(DialError::Refused { peer, .. }) = error else {
            panic!("{kind:?}: {error:?}");
        };
        assert_eq!(peer, absent.address().to_string(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_peer_that_refuses_is_an_error_with_its_status_and_words() {
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

/// What is typed into a source, and the source at work on it.
struct Typing {
    input: mpsc::Sender<Outgoing>,
    task: tokio::task::JoinHandle<Result<Ended, SourceError>>,
}

impl Typing {
    /// Ends after `enough` messages.
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
                cut: None,
                reconnects: 0,
            };
            source.run(&mut cx).await
        });
        Self { input, task }
    }
}

#[tokio::test]
async fn what_is_typed_goes_on_as_soon_as_a_peer_that_says_nothing_reads_it() {
    const LINES: usize = 16;
    for kind in [Kind::WebSocket, Kind::SocketIo] {
        let peer = Peer::start(kind).await;
        let typing = Typing::start(kind.source(peer.address()), 1);
        let Link::Socket(mut socket, _) = peer.accept().await else {
            panic!("it goes both ways");
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
        // Shorter than the beat of any of them, which would bring the source round again.
        let read = tokio::time::timeout(Duration::from_secs(15), reading).await;
        assert!(read.is_ok(), "{kind:?}");
        typed.await.unwrap();
    }
}

#[tokio::test]
async fn what_is_typed_is_sent_while_a_flood_comes_in() {
    for kind in [Kind::WebSocket, Kind::SocketIo] {
        let peer = Peer::start(kind).await;
        let typing = Typing::start(kind.source(peer.address()), usize::MAX);
        let Link::Socket(socket, _) = peer.accept().await else {
            panic!("it goes both ways");
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
async fn a_socket_io_server_that_pings_and_does_not_read_gets_few_answers() {
    const PINGS: usize = 512;
    const PING: usize = 64 * 1024;
    let peer = Peer::start(Kind::SocketIo).await;
    let typing = Typing::start(Kind::SocketIo.source(peer.address()), usize::MAX);
    let Link::Socket(mut socket, _) = peer.accept().await else {
        panic!("it goes both ways");
    };
    let ping = format!("2{}", "x".repeat(PING));
    for _ in 0..PINGS {
        socket.feed(Frame::text(ping.clone())).await.unwrap();
    }
    socket.flush().await.unwrap();
    // It goes out behind all the answers.
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
    // What there is beside a mebibyte is what the system holds of a connection.
    assert!(answers < PINGS * PING / 2, "{answers} bytes of answers");
}

#[tokio::test]
async fn a_polling_handshake_that_goes_on_and_on_is_refused() {
    let peer = Peer::start(Kind::SocketIo).await;
    let options = SocketIoOptions {
        url: format!("http://{}", peer.address()).parse().unwrap(),
        namespaces: Vec::new(),
        credentials: Arc::new(|| Ok(Authorisation::default())),
        transports: Transports::Upgrade,
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
    let error = end.expect_err("it is no handshake").to_string();
    assert!(error.ends_with(" bytes came with the handshake"), "{error}");
}
