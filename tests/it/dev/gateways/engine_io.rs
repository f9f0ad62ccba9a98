//! Engine.IO 4: the checks of the protocol's test suite (github.com/socketio/engine.io-protocol).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use super::raw::{
    Ws, begin, begin_quiet, next_packets, open_packet, poll, polling, post, refusal, set_timing,
    sid_of,
};
use super::{Platform, send};

#[test]
fn an_open_packet_has_the_five_fields() {
    let platform = Platform::start();
    let open = begin(&platform);
    assert!(!sid_of(&open).is_empty());
    assert_eq!(open["upgrades"], json!(["websocket"]));
    assert_eq!(open["pingInterval"], 25_000);
    assert_eq!(open["pingTimeout"], 20_000);
    assert_eq!(open["maxPayload"], 1_000_000);
}

#[test]
fn a_websocket_is_opened_with_nothing_to_upgrade_to() {
    let platform = Platform::start();
    let open = open_packet(&Ws::open(&platform, "").text());
    assert_eq!(open["upgrades"], json!([]));
}

#[test]
fn requests_without_a_session_are_refused() {
    let platform = Platform::start();
    let refused = [
        ("GET", "?EIO=3&transport=polling", 5),
        ("GET", "?EIO=abc&transport=polling", 5),
        ("GET", "?transport=polling", 5),
        ("GET", "?EIO=4", 0),
        ("GET", "?EIO=4&transport=abc", 0),
        ("POST", "?EIO=4&transport=polling", 2),
        ("PUT", "?EIO=4&transport=polling", 2),
        ("GET", "?EIO=4&transport=polling&sid=abc", 1),
        ("POST", "?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAHs", 1),
    ];
    for (method, query, code) in refused {
        let reply = send(
            platform.address(),
            method,
            &format!("/socket.io/{query}"),
            "",
            "",
        );
        assert_eq!(refusal(&reply), (400, code), "{method} {query}");
    }
}

#[test]
fn a_payload_above_the_limit_is_refused() {
    let platform = Platform::start();
    let open = begin(&platform);
    let body = format!("4{}", "x".repeat(1_000_000));
    assert_eq!(post(&platform, sid_of(&open), &body).status, 413);
}

#[test]
fn an_invalid_packet_closes_the_session() {
    let platform = Platform::start();
    let open = begin(&platform);
    assert_eq!(post(&platform, sid_of(&open), "abc").status, 400);
    assert_eq!(refusal(&poll(&platform, sid_of(&open))), (400, 1));
}

#[test]
fn several_packets_travel_in_one_payload() {
    let platform = Platform::start();
    let open = begin(&platform);
    let sid = sid_of(&open);
    let payload = "40/none,{}\u{1e}40/neither,{}";
    assert_eq!(post(&platform, sid, payload).body, "ok");
    let answer = next_packets(&platform, sid);
    let packets: Vec<&str> = answer.split('\u{1e}').collect();
    let expected = [
        "44/none,{\"message\":\"Invalid namespace\"}",
        "44/neither,{\"message\":\"Invalid namespace\"}",
    ];
    assert_eq!(packets, expected);
}

#[test]
fn a_polling_client_is_pinged_and_dropped_when_it_does_not_answer() {
    let platform = Platform::start();
    set_timing(&platform, "50ms", "100ms", "30s");
    let open = begin(&platform);
    assert_eq!(poll(&platform, sid_of(&open)).body, "2");
    let end = poll(&platform, sid_of(&open));
    assert!(end.body == "1" || end.status == 400, "{end:?}");
    assert_eq!(refusal(&poll(&platform, sid_of(&open))), (400, 1));
}

#[test]
fn a_websocket_that_answers_pings_stays() {
    let platform = Platform::start();
    set_timing(&platform, "30ms", "5s", "30s");
    let mut ws = Ws::open(&platform, "");
    let open = open_packet(&ws.text());
    assert_eq!(open["pingInterval"], 30);
    for _ in 0..4 {
        assert_eq!(ws.packet(), "2");
        ws.send("3");
    }
}

#[test]
fn a_websocket_that_does_not_answer_a_ping_is_closed_in_time() {
    let platform = Platform::start();
    set_timing(&platform, "20ms", "100ms", "30s");
    let mut ws = Ws::open(&platform, "");
    ws.text();
    assert_eq!(ws.packet(), "2");
    let pinged = Instant::now();
    ws.rest();
    assert!(pinged.elapsed() >= Duration::from_millis(80));
}

#[test]
fn a_client_that_joins_no_namespace_is_closed() {
    let platform = Platform::start();
    set_timing(&platform, "10s", "10s", "50ms");
    let mut ws = Ws::open(&platform, "");
    ws.text();
    let received = ws.rest();
    assert_eq!(received, ["1"]);
}

#[test]
fn a_close_packet_ends_a_polling_session() {
    let platform = Platform::start();
    let open = begin(&platform);
    assert_eq!(post(&platform, sid_of(&open), "1").body, "ok");
    assert_eq!(refusal(&poll(&platform, sid_of(&open))), (400, 1));
}

#[test]
fn a_close_packet_ends_a_websocket() {
    let platform = Platform::start();
    let mut ws = Ws::open(&platform, "");
    ws.text();
    ws.send("1");
    let received = ws.rest();
    assert_eq!(received, Vec::<String>::new());
}

/// A poll that waits for packets.
fn waiting_poll(platform: &Platform, sid: &str) -> TcpStream {
    let mut stream = TcpStream::connect(platform.address()).expect("the platform listens");
    let head = format!(
        "GET /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
        platform.address()
    );
    stream.write_all(head.as_bytes()).expect("it is accepted");
    stream
}

fn answer_of(mut poll: TcpStream) -> String {
    let mut answer = String::new();
    poll.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn two_polls_at_once_close_the_session() {
    let platform = Platform::start();
    let sid = begin_quiet(&platform);
    let polls = [(); 2].map(|()| waiting_poll(&platform, &sid));
    let answers = polls.map(answer_of);
    assert!(
        answers.iter().any(|answer| answer.contains("400")),
        "{answers:?}"
    );
    assert_eq!(refusal(&poll(&platform, &sid)), (400, 1));
}

#[test]
fn a_session_is_upgraded_after_a_probe() {
    let platform = Platform::start();
    let sid = begin_quiet(&platform);
    let waiting = waiting_poll(&platform, &sid);
    let mut ws = Ws::open(&platform, &format!("&sid={sid}"));
    ws.send("2probe");
    assert_eq!(ws.text(), "3probe");
    assert!(answer_of(waiting).ends_with("\r\n\r\n6"));
    ws.send("5");
    ws.join("/chat", &platform);
    assert_eq!(poll(&platform, &sid).status, 400);
    assert_eq!(post(&platform, &sid, "3").status, 400);
}

#[test]
fn a_session_without_its_probe_is_not_upgraded() {
    let platform = Platform::start();
    let open = begin(&platform);
    let mut ws = Ws::open(&platform, &format!("&sid={}", sid_of(&open)));
    ws.send("3probe");
    let received = ws.rest();
    assert_eq!(received, Vec::<String>::new());
}

#[test]
fn foreign_hosts_and_pages_get_no_transport() {
    let platform = Platform::start();
    let port = platform.address().port();
    for headers in [
        ("origin", "http://evil.example".to_owned()),
        ("origin", "null".to_owned()),
        ("host", format!("evil.example:{port}")),
    ] {
        let header = [(headers.0, headers.1.as_str())];
        assert_eq!(
            Ws::try_open(&platform, "", &header).err(),
            Some(403),
            "{headers:?}"
        );
    }
    let page = [("origin", format!("http://localhost:{port}"))];
    let own = page.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert!(Ws::try_open(&platform, "", &own).is_ok());
    let reply = polling(&platform, "GET", "", "");
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

#[test]
fn a_platform_that_stops_closes_its_clients() {
    let platform = Platform::start();
    let mut ws = Ws::in_chat(&platform);
    let begun = Instant::now();
    drop(platform);
    let received = ws.rest();
    assert_eq!(received, ["1"]);
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn the_first_ping_comes_after_the_interval() {
    let platform = Platform::start();
    set_timing(&platform, "300ms", "5s", "30s");
    let begun = Instant::now();
    let mut ws = Ws::open(&platform, "");
    ws.packet();
    assert_eq!(ws.packet(), "2");
    assert!(begun.elapsed() >= Duration::from_millis(250));
    let begun = Instant::now();
    let open = begin(&platform);
    assert_eq!(poll(&platform, sid_of(&open)).body, "2");
    assert!(begun.elapsed() >= Duration::from_millis(250));
}

#[test]
fn a_refusal_without_a_code_has_that_of_a_bad_request() {
    let platform = Platform::start();
    let open = begin(&platform);
    assert_eq!(refusal(&post(&platform, sid_of(&open), "abc")), (400, 3));
}
