//! Socket.IO 5: the checks of the protocol's test suite (github.com/socketio/socket.io-protocol).

use serde_json::{Value, json};

use super::Platform;
use super::raw::{Ws, begin, next_packets, poll, post, refusal, sid_of};

fn opened(platform: &Platform) -> Ws {
    let mut ws = Ws::open(platform, "");
    ws.text();
    ws
}

#[test]
fn an_unknown_namespace_is_refused() {
    let platform = Platform::start();
    let mut ws = opened(&platform);
    for (packet, namespace) in [
        ("40/random", "/random,"),
        ("40", ""),
        ("40/chat2,{}", "/chat2,"),
    ] {
        ws.send(packet);
        let refusal = format!("44{namespace}{{\"message\":\"Invalid namespace\"}}");
        assert_eq!(ws.text(), refusal);
    }
}

#[test]
fn one_connection_carries_three_namespaces() {
    let platform = Platform::start();
    let mut ws = opened(&platform);
    for ns in ["/chat", "/community-chat", "/voice"] {
        ws.join(ns, &platform);
    }
    let listed = platform.order("GET", "/_evt/gateways", &json!(null)).json();
    let mut names: Vec<&str> = listed["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| session["namespace"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["/chat", "/community-chat", "/voice"]);
}

#[test]
fn an_acknowledgement_has_the_id_of_its_event() {
    let platform = Platform::start();
    let mut ws = Ws::in_chat(&platform);
    ws.send("42/chat,456[\"set-status\",{\"status\":\"away\"}]");
    assert_eq!(
        ws.text(),
        "43/chat,456[{\"success\":true,\"status\":\"away\"}]"
    );
}

#[test]
fn an_event_without_an_id_gets_no_acknowledgement() {
    let platform = Platform::start();
    let mut ws = Ws::in_chat(&platform);
    ws.send("42/chat,[\"set-status\",{\"status\":\"away\"}]");
    ws.send("42/chat,1[\"set-status\",{\"status\":\"back\"}]");
    assert!(ws.text().starts_with("43/chat,1["));
}

#[test]
fn attachments_are_returned_unchanged() {
    let platform = Platform::start();
    let mut ws = opened(&platform);
    ws.join("/voice", &platform);
    ws.send("42/voice,1[\"start\",{\"sessionId\":\"s\"}]");
    assert_eq!(
        ws.text(),
        "43/voice,1[{\"success\":true,\"sessionId\":\"s\"}]"
    );
    let audio = [0, 1, 0x1e, 0xff, b'"'];
    ws.send("451-/voice,2[\"media\",{\"payload\":{\"_placeholder\":true,\"num\":0}}]");
    ws.send_bytes(&audio);
    let back = ws.text();
    assert_eq!(
        back,
        "451-/voice,[\"media\",{\"sessionId\":\"s\",\"sequence\":1,\"payload\":{\"_placeholder\":true,\"num\":0}}]"
    );
    assert_eq!(ws.bytes(), audio);
    assert_eq!(ws.text(), "43/voice,2[{\"success\":true,\"sequence\":1}]");
}

#[test]
fn attachments_travel_in_base64_by_polling() {
    let platform = Platform::start();
    let open = begin(&platform);
    let sid = sid_of(&open);
    let auth = json!({ "token": platform.running().token, "orgId": "my-org" });
    assert_eq!(post(&platform, sid, &format!("40/voice,{auth}")).body, "ok");
    while !next_packets(&platform, sid).contains("authenticate") {}
    let packets = "42/voice,[\"start\"]\u{1e}451-/voice,[\"media\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAAH/";
    assert_eq!(post(&platform, sid, packets).body, "ok");
    let back = next_packets(&platform, sid);
    assert!(back.ends_with("\u{1e}bAAH/"), "{back}");
}

#[test]
fn an_invalid_packet_closes_the_connection() {
    let platform = Platform::start();
    for packet in [
        "4abc",
        "442/chat,[\"x\"",
        "42/chat,{\"a\":1}",
        "451-/chat,[\"a\"]4",
    ] {
        let mut ws = Ws::in_chat(&platform);
        ws.send(packet);
        ws.send("4abc");
        ws.rest();
    }
}

#[test]
fn unexpected_bytes_close_the_connection() {
    let platform = Platform::start();
    let mut ws = Ws::in_chat(&platform);
    ws.send_bytes(&[1, 2, 3]);
    ws.rest();
}

#[test]
fn leaving_a_namespace_keeps_the_connection() {
    let platform = Platform::start();
    let mut ws = Ws::in_chat(&platform);
    ws.send("41/chat,");
    // A client that rejoins before it has left gets no answer.
    while sessions(&platform) != json!([]) {
        std::thread::yield_now();
    }
    ws.join("/chat", &platform);
}

#[test]
fn a_session_ends_with_its_connection() {
    let platform = Platform::start();
    let mut ws = Ws::in_chat(&platform);
    ws.send("1");
    ws.rest();
    while sessions(&platform) != json!([]) {
        std::thread::yield_now();
    }
}

fn sessions(platform: &Platform) -> Value {
    let listed = platform.order("GET", "/_evt/gateways", &Value::Null);
    listed.json()["sessions"].clone()
}

#[test]
fn a_forbidden_packet_closes_the_connection() {
    let platform = Platform::start();
    for packet in [
        "40/voice,{bad",
        "40/voice,[]",
        "42/chat,[\"disconnect\"]",
        "42/chat,1[\"connect_error\",1]",
        "451-/chat,[\"message\",{\"_placeholder\":true,\"num\":1}]",
    ] {
        let mut ws = Ws::in_chat(&platform);
        ws.send(packet);
        assert_eq!(ws.rest(), Vec::<String>::new(), "{packet}");
    }
}

#[test]
fn a_forbidden_packet_closes_a_polling_session() {
    let platform = Platform::start();
    let open = begin(&platform);
    let sid = sid_of(&open);
    assert_eq!(post(&platform, sid, "40/voice,{bad").body, "ok");
    assert_eq!(refusal(&poll(&platform, sid)), (400, 1));
}
