//! Long polling, and the upgrade to a WebSocket.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use evt::source::{Ended, EngineTransport, SocketIoOptions, SourceError};
use serde_json::json;

use super::RECOVERY;
use super::follower::{Server, Tail};
use crate::support::Sandbox;

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

/// A polling server that answers each request with status and body of `answer`, which gets the method, whether the request
/// belongs to a session, and the number of such requests before it.
fn polled(answer: fn(&str, bool, usize) -> (&'static str, &'static str)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let counts = Arc::new(Mutex::new(HashMap::new()));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, counts) = (stream.unwrap(), Arc::clone(&counts));
            std::thread::spawn(move || {
                let mut request = Vec::new();
                let mut piece = [0; 4096];
                // A POST's body arrives with its head or right after it; this server does not need it.
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read(&mut piece) {
                        Ok(1..) => request.extend_from_slice(&piece),
                        _ => return,
                    }
                }
                let line = String::from_utf8_lossy(&request);
                let line = line.lines().next().unwrap_or_default();
                let method = line.split(' ').next().unwrap_or_default().to_owned();
                let is_session = line.contains("sid=");
                let nth = {
                    let mut counts = counts.lock().unwrap();
                    let count = counts.entry((method.clone(), is_session)).or_insert(0);
                    *count += 1;
                    *count - 1
                };
                let (status, body) = answer(&method, is_session, nth);
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                );
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = stream.read(&mut piece);
            });
        }
    });
    format!("socketio+http://{address}/")
}

#[test]
fn a_server_of_version_2_is_recognized() {
    let url = polled(|_, _, _| {
        let body = "96:0{\"sid\":\"abcdefghijklmnopqrst\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,\"pingTimeout\":5000}2:40";
        ("200 OK", body)
    });
    for transport in ["polling", "upgrade"] {
        let args = ["tail", &url, "--transport", transport];
        let output = Sandbox::new().run(args).expect_exit(6);
        assert!(output.stderr.contains("older than version 3"), "{output}");
        assert!(!output.stderr.contains("--path"), "{output}");
    }
}

#[test]
fn a_pause_of_the_server_does_not_end_a_polling_client() {
    const HANDSHAKE: &str = "0{\"sid\":\"s\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}";
    const PAUSED: (&str, &str) = ("403 Forbidden", "{\"code\":4,\"message\":\"Forbidden\"}");
    let url = polled(|method, is_session, nth| match (method, is_session, nth) {
        ("POST", ..) => ("200 OK", "ok"),
        (_, false, 0 | 3) => ("200 OK", HANDSHAKE),
        (_, false, _) => PAUSED,
        (_, true, 0) => ("200 OK", "40{\"sid\":\"n\"}\u{1e}42[\"a\",1]"),
        (_, true, 1) => PAUSED,
        (_, true, _) => ("200 OK", "40{\"sid\":\"m\"}\u{1e}42[\"b\",2]"),
    });
    let args = [
        "tail",
        &url,
        "--transport",
        "polling",
        "--count",
        "2",
        "-o",
        "raw",
    ];
    assert_eq!(Sandbox::new().run(args).expect_exit(0).stdout, "1\n2\n");
}

#[test]
fn a_refusal_before_the_first_session_is_an_error() {
    let url = polled(|_, _, _| ("403 Forbidden", "{\"code\":4,\"message\":\"Forbidden\"}"));
    let args = ["tail", &url, "--transport", "polling"];
    let _ = Sandbox::new().run(args).expect_exit(4);
}
