//! What all sources have in common. Each claim is tested for every transport, against a minimal server of its protocol.

mod fairness;
mod life;
mod opening;
mod peer;

use std::sync::Arc;
use std::time::Duration;

use evt::dial::{AddressPolicy, DialError, Dialer};
use evt::source::{
    Authorisation, Credentials, Ended, EngineTransport, Notice, Outgoing, Reconnect, SocketIo,
    SocketIoOptions, SourceError,
};
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::support::Absent;
use peer::{
    Following, KINDS, Kind, Link, MAX_UNSETTLED, Observed, PATIENCE, Peer, Recorder, WithInput,
    read_head,
};

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
    // This message is sent after all pongs.
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
    // The pongs that were sent fit into the buffers of the operating system; the source dropped the others.
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
