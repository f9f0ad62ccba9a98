//! The live feed on the control port, by raw bytes.

use serde_json::{Value, json};

use super::event_stream::EventStream;
use super::wire::Platform;

fn follow(platform: &Platform, query: &str, more: &str) -> EventStream {
    let token = &platform.running().control_token;
    let headers = format!("authorization: Bearer {token}\r\n{more}");
    EventStream::open(platform.control(), &format!("/_evt/feed{query}"), &headers)
}

fn emit(platform: &Platform, event: &str) {
    let reply = platform.order("POST", "/_evt/emit", &json!({"event": event}));
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[test]
fn an_event_is_a_frame_with_its_position_type_and_body() {
    let platform = Platform::start();
    let mut feed = follow(&platform, "", "");
    assert_eq!(feed.frame().unwrap(), "id: 0\n\n");
    emit(&platform, "order.placed");
    let frame = feed.frame().unwrap();
    let lines: Vec<&str> = frame.lines().collect();
    assert_eq!(lines[..2], ["id: 1", "event: order.placed"]);
    let body: Value = serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(body["event"], "order.placed");
    assert_eq!(body["orgId"], "my-org");
}
