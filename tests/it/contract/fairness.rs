//! Servers that send without pausing must not block other tasks.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use evt::source::{BoxFuture, Cx, Ended, Message, Notice, Outlet, Pulse, Reconnect, keep_open};
use tokio_tungstenite::tungstenite;
use tokio_util::sync::CancellationToken;

use super::peer::{KINDS, Kind, PATIENCE};

/// The number of handled bytes after which the test stops the source.
const STOP_AFTER: usize = 1 << 20;
/// How many bytes a source may handle before it yields.
const MAX_BEFORE_YIELD: usize = 160 * 1024;

/// Serves one client from a separate thread, as fast as the client reads.
fn flood(kind: Kind) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut stream = opened(listener.accept().unwrap().0, kind);
        let data = format!("\"{}\"", "x".repeat(1000));
        let message = match kind {
            Kind::Sse => format!("data: {data}\n\n").into_bytes(),
            Kind::WebSocket => frame(&data),
            Kind::SocketIo => frame(&format!("42[\"tick\",{data}]")),
        };
        let burst = message.repeat(64);
        while stream.write_all(&burst).is_ok() {}
    });
    address
}

/// Returns the connection once the stream is open.
fn opened(mut stream: TcpStream, kind: Kind) -> TcpStream {
    if kind == Kind::Sse {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        stream.write_all(head).unwrap();
        return stream;
    }
    let mut socket = tungstenite::accept(stream).unwrap();
    if kind == Kind::SocketIo {
        let open = r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
        socket.send(tungstenite::Message::text(open)).unwrap();
        socket.read().unwrap();
        let joined = r#"40{"sid":"n"}"#;
        socket.send(tungstenite::Message::text(joined)).unwrap();
    }
    socket.into_inner()
}

/// One text frame of a server (RFC 6455, 5.2).
fn frame(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    [&[0x81, 126][..], &length, text.as_bytes()].concat()
}

/// Counts bytes.
struct Counter(Arc<AtomicUsize>);

impl Outlet for Counter {
    fn take(&mut self, message: &Message<'_>) -> ControlFlow<()> {
        self.0.fetch_add(message.data.len(), Ordering::Relaxed);
        ControlFlow::Continue(())
    }

    fn settle(&mut self) -> BoxFuture<'_, ControlFlow<()>> {
        Box::pin(std::future::ready(ControlFlow::Continue(())))
    }

    fn notice(&mut self, _: Notice) {}
}

#[tokio::test(flavor = "current_thread")]
async fn a_stream_that_never_pauses_does_not_block_other_tasks() {
    for kind in KINDS {
        let mut source = kind.source(flood(kind));
        let taken = Arc::new(AtomicUsize::new(0));
        let stop = CancellationToken::new();
        let (counted, own) = (Arc::clone(&taken), stop.clone());
        let stopping = tokio::spawn(async move {
            while counted.load(Ordering::Relaxed) < STOP_AFTER {
                tokio::task::yield_now().await;
            }
            own.cancel();
            counted.load(Ordering::Relaxed)
        });
        let mut outlet = Counter(taken);
        let mut cx = Cx {
            outlet: &mut outlet,
            stop,
            input: None,
            pulse: Arc::new(Pulse::default()),
            loss: None,
            reconnects: 0,
        };
        let following = keep_open(&mut *source, &mut cx, Reconnect::Never, None, || 0.0);
        let end = tokio::time::timeout(PATIENCE, following).await;
        let end = end.expect("it stops although the server does not pause");
        assert!(matches!(end, Ok(Ended::Stopped)), "{kind:?}: {end:?}");
        let taken = stopping.await.unwrap();
        assert!(
            taken < STOP_AFTER + MAX_BEFORE_YIELD,
            "{kind:?}: stopped at {taken} bytes"
        );
    }
}
