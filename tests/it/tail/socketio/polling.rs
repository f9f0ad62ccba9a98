//! Long polling, and the upgrade to a WebSocket.

use evt::source::{Ended, EngineTransport, SocketIoOptions, SourceError};
use serde_json::json;

use super::RECOVERY;
use super::follower::{Server, Tail};

async fn exchanges_a_binary_event_and_an_acknowledgement(
    engine_transport: EngineTransport,
    name: &str,
) {
    let Some(mut server) = Server::start(RECOVERY) else {
        return;
    };
    let mut tail = Tail::start(SocketIoOptions {
        engine_transport,
        ..server.options()
    });
    tail.connected().await;
    server.tell(json!({"do": "transports"}));
    assert_eq!(server.until(name), name);
    server.tell(json!({"do": "emit", "args": ["file", {"bytes": [1, 2, 3]}, "é"]}));
    assert_eq!(tail.event().await.data, r#"[{"base64":"AQID"},"é"]"#);
    tail.type_line("hello there ?").await;
    assert_eq!(tail.remark().await, r#"ack 0: ["done",2]"#);
    assert_eq!(server.until("got"), r#"got / ["hello","there"]"#);
    let (end, _) = tail.stop().await;
    assert_eq!(end.unwrap(), Ended::Stopped);
    assert_eq!(server.until("left"), "left / transport close");
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_supports_everything() {
    exchanges_a_binary_event_and_an_acknowledgement(EngineTransport::Polling, "polling").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_is_upgraded_to_a_websocket() {
    exchanges_a_binary_event_and_an_acknowledgement(EngineTransport::Upgrade, "websocket").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_websocket_is_polled() {
    let Some(mut server) = Server::start(r#"{"transports":["polling"]}"#) else {
        return;
    };
    let mut tail = Tail::start(SocketIoOptions {
        engine_transport: EngineTransport::Upgrade,
        ..server.options()
    });
    tail.connected().await;
    server.tell(json!({"do": "count", "to": 5000}));
    for number in 1..=5000 {
        assert_eq!(tail.event().await.data, number.to_string());
    }
    server.tell(json!({"do": "transports"}));
    assert_eq!(server.until("polling"), "polling");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_polling_session_is_recovered() {
    let Some(mut server) = Server::start(RECOVERY) else {
        return;
    };
    let mut tail = Tail::start(SocketIoOptions {
        engine_transport: EngineTransport::Polling,
        ..server.options()
    });
    tail.connected().await;
    server.tell(json!({"do": "count", "to": 1}));
    assert_eq!(tail.event().await.data, "1");
    server.tell(json!({"do": "close"}));
    server.tell(json!({"do": "count", "from": 2, "to": 2}));
    assert_eq!(tail.event().await.data, "2");
    assert_eq!(tail.gaps, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_polling_server_is_detected() {
    let Some(mut server) = Server::start(r#"{"pingInterval":150,"pingTimeout":150}"#) else {
        return;
    };
    let mut tail = Tail::start(SocketIoOptions {
        engine_transport: EngineTransport::Polling,
        ..server.options()
    });
    tail.connected().await;
    server.tell(json!({"do": "block", "millis": 2000}));
    let why = tail.retrying().await;
    assert_eq!(why, "nothing arrived for 0.3 s, not even a ping");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_handshake_has_the_server_s_message() {
    for (offered, asked) in [
        (r#"{"transports":["polling"]}"#, EngineTransport::WebSocket),
        (r#"{"transports":["websocket"]}"#, EngineTransport::Polling),
    ] {
        let Some(server) = Server::start(offered) else {
            return;
        };
        let (end, _) = Tail::start(SocketIoOptions {
            engine_transport: asked,
            ..server.options()
        })
        .ended()
        .await;
        let Err(SourceError::Refused { status, body, .. }) = end else {
            panic!("{end:?}");
        };
        assert_eq!(status, 400);
        assert!(body.contains("Transport unknown"), "{body}");
    }
}
