//! The Socket.IO source with the real `socket.io` server (npm): nothing is lost if the server recovers sessions, and
//! otherwise a gap is reported.

mod follower;
mod polling;

use std::sync::Arc;

use evt::secret::Secret;
use evt::source::{
    Authorisation, Ended, Guarantee, Notice, Outgoing, SocketIoOptions, SourceError,
};
use serde_json::json;

use crate::support::Sandbox;
use follower::{Server, Tail, with_token};

const RECOVERY: &str = r#"{"connectionStateRecovery":{"maxDisconnectionDuration":60000}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn events_have_the_arguments_that_the_server_sent() {
    let Some(mut server) = Server::start("{}") else {
        return;
    };
    let mut tail = Tail::start(server.options());
    assert_eq!(
        tail.connected().await,
        ("namespace /".to_owned(), Guarantee::AtMostOnce)
    );
    for args in [
        json!(["none"]),
        json!(["one", {"a": "é"}]),
        json!(["two", 1, "b"]),
    ] {
        server.tell(json!({"do": "emit", "args": args}));
    }
    let mut shown = Vec::new();
    for _ in 0..3 {
        let event = tail.event().await;
        shown.push((event.name, event.data));
    }
    let expected = [
        ("none", "[]"),
        ("one", "{\"a\":\"é\"}"),
        ("two", "[1,\"b\"]"),
    ];
    assert_eq!(shown, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    let (end, position) = tail.stop().await;
    assert_eq!((end.unwrap(), position), (Ended::Stopped, None));
    assert_eq!(server.until("left"), "left / client namespace disconnect");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_a_credentials_error() {
    let Some(server) = Server::start(r#"{"token":"right"}"#) else {
        return;
    };
    let (end, _) = Tail::start(with_token(server.options(), "wrong"))
        .ended()
        .await;
    let Err(SourceError::Denied {
        what,
        message,
        data,
        auth,
    }) = end
    else {
        panic!("{end:?}");
    };
    assert_eq!(
        (what.as_str(), message.as_str(), auth),
        ("namespace /", "not authorized", true)
    );
    assert_eq!(data.as_deref(), Some(r#"{"code":401,"hint":"renew it"}"#));
    let mut tail = Tail::start(with_token(server.options(), "right"));
    tail.connected().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_created_for_each_connection() {
    let Some(mut server) = Server::start(r#"{"token":"fresh"}"#) else {
        return;
    };
    let tokens = std::sync::Mutex::new(["stale", "fresh"].to_vec());
    let mut tail = Tail::start(SocketIoOptions {
        credentials: Arc::new(move || {
            let token = tokens.lock().unwrap().pop().unwrap_or("none");
            let mut headers = http::HeaderMap::new();
            headers.insert("x-token", token.parse()?);
            let auth = Some(Secret::new(json!({ "token": token }).to_string()));
            Ok(Authorisation {
                headers,
                auth,
                ..Authorisation::default()
            })
        }),
        ..server.options()
    });
    tail.connected().await;
    server.tell(json!({"do": "header", "name": "x-token"}));
    assert_eq!(server.until("fresh"), "fresh");
    server.tell(json!({"do": "kill"}));
    let (end, _) = tail.ended().await;
    assert!(
        matches!(end, Err(SourceError::Denied { auth: true, .. })),
        "{end:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_namespace_is_not_a_credentials_error() {
    let Some(server) = Server::start("{}") else {
        return;
    };
    let namespaces = vec!["/nowhere".to_owned()];
    let options = SocketIoOptions {
        namespaces,
        ..server.options()
    };
    let (end, _) = Tail::start(options).ended().await;
    assert!(
        matches!(&end, Err(SourceError::Denied { message, auth: false, .. }) if message == "Invalid namespace"),
        "{end:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn three_namespaces_share_one_connection() {
    let Some(mut server) = Server::start("{}") else {
        return;
    };
    let mut tail = Tail::start(SocketIoOptions {
        namespaces: ["/", "chat", "/voice", "/chat"].map(str::to_owned).to_vec(),
        ..server.options()
    });
    assert_eq!(tail.connected().await.0, "namespaces /, /chat, /voice");
    let mut channels = Vec::new();
    for namespace in ["/voice", "/", "/chat"] {
        server.tell(json!({"do": "emit", "namespace": namespace, "args": ["x"]}));
        channels.push(tail.event().await.channel);
    }
    assert_eq!(
        channels,
        [Some("/voice".to_owned()), None, Some("/chat".to_owned())]
    );
    server.tell(json!({"do": "transports"}));
    assert_eq!(server.until("websocket"), "websocket");
    server.tell(json!({"do": "disconnect", "namespace": "/chat"}));
    assert_eq!(
        tail.remark().await,
        "the server disconnected namespace /chat"
    );
    server.tell(json!({"do": "emit", "args": ["still"]}));
    assert_eq!(tail.event().await.name, "still");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_the_server_disconnected_is_not_joined_again() {
    let Some(mut server) = Server::start("{}") else {
        return;
    };
    let mut tail = Tail::start(SocketIoOptions {
        namespaces: ["/", "/chat"].map(str::to_owned).to_vec(),
        ..server.options()
    });
    tail.connected().await;
    server.tell(json!({"do": "disconnect", "namespace": "/chat"}));
    tail.remark().await;
    server.tell(json!({"do": "kill"}));
    assert_eq!(tail.connected().await.0, "namespace /");
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_are_inserted_at_any_depth() {
    let Some(mut server) = Server::start("{}") else {
        return;
    };
    let mut tail = Tail::start(SocketIoOptions {
        namespaces: vec!["/chat".to_owned()],
        ..server.options()
    });
    tail.connected().await;
    let args = json!(["file", {"bytes": [1, 2, 3]}, {"deep": [{"er": {"bytes": []}}], "n": 1}]);
    server.tell(json!({"do": "emit", "namespace": "/chat", "args": args}));
    assert_eq!(
        tail.event().await.data,
        r#"[{"base64":"AQID"},{"deep":[{"er":{"base64":""}}],"n":1}]"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledgements_work_in_both_directions() {
    let Some(mut server) = Server::start("{}") else {
        return;
    };
    let mut tail = Tail::start(SocketIoOptions {
        ack: Some(r#"["seen",1.0]"#.to_owned()),
        send_on_connect: vec![Outgoing::Text("subscribe {\"to\": 1} bare".to_owned())],
        ..server.options()
    });
    tail.connected().await;
    assert_eq!(
        server.until("got"),
        r#"got / ["subscribe",{"to":1},"bare"]"#
    );
    server.tell(json!({"do": "ask", "args": ["question", 7]}));
    let question = tail.event().await;
    assert_eq!((question.data.as_str(), question.ack), ("7", Some(0)));
    assert_eq!(server.until("answered"), r#"answered ["seen"]"#);
    tail.type_line("hello 1 2 ?").await;
    assert_eq!(tail.remark().await, r#"ack 0: ["done",3]"#);
    tail.type_line("hello {\"a\"").await;
    assert_eq!(tail.remark().await, "not sent: `{\"a\"` is not JSON");
}

#[tokio::test(flavor = "multi_thread")]
async fn echo_sends_each_event_back() {
    let Some(mut server) = Server::start(RECOVERY) else {
        return;
    };
    let mut tail = Tail::start(SocketIoOptions {
        echo: true,
        ..server.options()
    });
    tail.connected().await;
    server.tell(json!({"do": "emit", "args": ["a", [1, "x"]]}));
    assert_eq!(server.until("got"), r#"got / ["a",[1,"x"]]"#);
    server.tell(json!({"do": "emit", "args": ["b", {"bytes": [9]}]}));
    assert_eq!(
        server.until("got"),
        r#"got / ["b",{"type":"Buffer","data":[9]}]"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_if_the_server_recovers_the_session() {
    let Some(mut server) = Server::start(RECOVERY) else {
        return;
    };
    let mut tail = Tail::start(server.options());
    assert_eq!(tail.connected().await.1, Guarantee::ResumableByServer);
    let mut numbers = Vec::new();
    for round in 0..4 {
        server.tell(json!({"do": "count", "from": round * 50 + 1, "to": round * 50 + 25}));
        for _ in 0..25 {
            numbers.push(tail.event().await);
        }
        server.tell(json!({"do": "kill"}));
        server.tell(json!({"do": "count", "from": round * 50 + 26, "to": round * 50 + 50}));
        for _ in 0..25 {
            numbers.push(tail.event().await);
        }
        assert_eq!(server.until("joined"), format!("joined / {}", round > 0));
    }
    let data: Vec<String> = numbers.iter().map(|event| event.data.clone()).collect();
    assert_eq!(data, (1..=200).map(|n| n.to_string()).collect::<Vec<_>>());
    assert!(numbers.iter().all(|event| event.id.is_some()));
    assert_eq!(tail.gaps, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_position_is_reported_with_events() {
    let Some(mut server) = Server::start(RECOVERY) else {
        return;
    };
    let mut tail = Tail::start(server.options());
    tail.connected().await;
    server.tell(json!({"do": "count", "to": 1}));
    let reached = tail.reached().await;
    let (_, position) = tail.stop().await;
    assert_eq!(Some(reached), position);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_resumes_at_the_position() {
    let Some(mut server) = Server::start(RECOVERY) else {
        return;
    };
    let mut tail = Tail::start(server.options());
    tail.connected().await;
    server.tell(json!({"do": "count", "to": 3}));
    for _ in 0..3 {
        tail.event().await;
    }
    let (_, position) = tail.stop().await;
    server.until("left");
    server.tell(json!({"do": "count", "from": 4, "to": 6}));
    let mut next = Tail::start(SocketIoOptions {
        resume: position,
        ..server.options()
    });
    for number in 4..=6 {
        assert_eq!(next.event().await.data, number.to_string());
    }
    assert_eq!(next.gaps, []);
}

#[test]
fn the_command_resumes_the_stored_session() {
    let Some(mut server) = Server::start(RECOVERY) else {
        return;
    };
    let sandbox = Sandbox::new();
    let url = format!("socketio+{}", server.options().url);
    let follow = || sandbox.spawn(["tail", &url, "--resume", "orders", "--count", "3"]);
    let mut first = follow();
    first.wait_for_stderr("Connected");
    server.tell(json!({"do": "count", "to": 3}));
    let output = first.finish();
    assert_eq!(output.exit, Some(0), "{output}");
    server.until("left");
    server.tell(json!({"do": "count", "from": 4, "to": 6}));
    let output = follow().finish();
    let numbers: Vec<_> = output
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["data"].clone())
        .collect();
    assert_eq!(numbers, [4, 5, 6], "{output}");
    assert!(!output.stderr.contains("Gap:"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_causes_a_gap_from_the_last_offset() {
    let Some(mut server) = Server::start(RECOVERY) else {
        return;
    };
    let mut tail = Tail::start(server.options());
    tail.connected().await;
    server.tell(json!({"do": "count", "to": 2}));
    tail.event().await;
    let last = tail.event().await.id;
    server.tell(json!({"do": "restart"}));
    let gap = tail.gap().await;
    assert_eq!((gap.from, gap.to, gap.lost), (last, None, None));
    assert!(
        gap.reason
            .ends_with("; the server no longer has the session"),
        "{}",
        gap.reason
    );
    assert!(gap.until >= gap.since);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_after_the_server_s_limit_is_a_gap() {
    let options = r#"{"connectionStateRecovery":{"maxDisconnectionDuration":-1}}"#;
    let Some(mut server) = Server::start(options) else {
        return;
    };
    let mut tail = Tail::start(server.options());
    tail.connected().await;
    server.tell(json!({"do": "count", "to": 1}));
    let last = tail.event().await.id;
    server.tell(json!({"do": "kill"}));
    assert_eq!(tail.gap().await.from, last);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_recovery_every_loss_is_a_gap_of_unknown_size() {
    let Some(mut server) = Server::start("{}") else {
        return;
    };
    let mut tail = Tail::start(server.options());
    tail.connected().await;
    for _ in 0..2 {
        server.tell(json!({"do": "close"}));
        let gap = tail.gap().await;
        assert_eq!((gap.from, gap.to, gap.lost), (None, None, None));
        assert!(
            gap.reason.ends_with("; the server does not store sessions"),
            "{}",
            gap.reason
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_server_is_detected_and_followed_again() {
    let options = r#"{"pingInterval":150,"pingTimeout":150,"connectionStateRecovery":{}}"#;
    let Some(mut server) = Server::start(options) else {
        return;
    };
    let mut tail = Tail::start(server.options());
    tail.connected().await;
    server.tell(json!({"do": "count", "to": 1}));
    tail.event().await;
    server.tell(json!({"do": "block", "millis": 2000}));
    let why = tail.retrying().await;
    assert_eq!(why, "nothing arrived for 0.3 s, not even a ping");
    server.until("awake");
    server.tell(json!({"do": "count", "from": 2, "to": 2}));
    assert_eq!(tail.event().await.data, "2");
    assert_eq!(tail.gaps, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_costs_neither_the_connection_nor_events() {
    let options = r#"{"pingInterval":200,"pingTimeout":200}"#;
    let Some(mut server) = Server::start(options) else {
        return;
    };
    let mut tail = Tail::start(server.options());
    tail.connected().await;
    let closed = Arc::clone(&tail.gate).acquire_owned().await.unwrap();
    server.tell(json!({"do": "count", "to": 3}));
    assert_eq!(server.node.line(), "joined / false\n");
    // Without pongs the server would disconnect after 400 ms.
    server.tell(json!({"do": "pongs", "count": 10}));
    assert_eq!(server.node.line(), "pongs\n");
    drop(closed);
    for number in 1..=3 {
        assert_eq!(tail.event().await.data, number.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnect_by_the_server_ends_the_stream() {
    let Some(mut server) = Server::start("{}") else {
        return;
    };
    let mut tail = Tail::start(server.options());
    tail.connected().await;
    server.tell(json!({"do": "disconnect"}));
    let why = "the server disconnected namespace /".to_owned();
    assert_eq!(tail.ended().await.0.unwrap(), Ended::Finished { why });
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_packets_are_reported_and_the_client_reconnects() {
    let Some(mut server) = Server::start("{}") else {
        return;
    };
    let mut tail = Tail::start(server.options());
    for (packet, expected) in [
        ("47", "a packet of an unknown type"),
        ("42{}", "a packet whose payload does not fit its type"),
        (
            "451-[\"a\",{\"_placeholder\":true,\"num\":0}]",
            "text where an attachment was expected",
        ),
    ] {
        tail.connected().await;
        server.tell(json!({"do": "raw", "packet": packet}));
        server.tell(json!({"do": "emit", "args": ["after"]}));
        let why = tail
            .notice(|notice| match notice {
                Notice::Malformed { why, .. } => Some(why),
                _ => None,
            })
            .await;
        assert_eq!(why, expected);
    }
    tail.connected().await;
    server.tell(json!({"do": "raw", "bytes": {"bytes": [1]}}));
    assert_eq!(
        tail.retrying().await,
        "an attachment that no packet announced"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_over_the_limit_ends_the_stream() {
    let Some(mut server) = Server::start("{}") else {
        return;
    };
    let mut tail = Tail::start(SocketIoOptions {
        max_message: 1000,
        ..server.options()
    });
    tail.connected().await;
    let args = json!(["x", {"bytes": vec![0; 600]}, {"bytes": vec![0; 600]}]);
    server.tell(json!({"do": "emit", "args": args}));
    let (end, _) = tail.ended().await;
    assert!(
        matches!(end, Err(SourceError::TooLarge { limit: 1000 })),
        "{end:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_arrives_completely_and_in_order() {
    let Some(mut server) = Server::start("{}") else {
        return;
    };
    let mut tail = Tail::start(server.options());
    tail.connected().await;
    server.tell(json!({"do": "count", "to": 200_000}));
    for number in 1..=200_000 {
        assert_eq!(tail.event().await.data, number.to_string());
    }
}

#[tokio::test]
async fn joining_a_namespace_times_out_after_ten_seconds() {
    let Some(mut server) = Server::start("{}") else {
        return;
    };
    let tail = Tail::start(SocketIoOptions {
        namespaces: vec!["/silent".to_owned()],
        ..server.options()
    });
    let waiting = tokio::task::spawn_blocking(move || {
        server.until("asked /silent");
        server
    });
    let _server = waiting.await.unwrap();
    // No other timer is due, so the paused clock advances past the time limit.
    tokio::time::pause();
    let (end, _) = tail.ended().await;
    let error = end.unwrap_err().to_string();
    assert!(
        error.starts_with("namespace /silent of http://127.0.0.1:"),
        "{error}"
    );
    assert!(error.ends_with(" did not answer within 10 s"), "{error}");
}
