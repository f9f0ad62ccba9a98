//! The live feed on the control port, by raw bytes.

use serde_json::{Value, json};

use super::event_stream::{Ended, EventStream};
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

/// The frames of `count` events.
fn frames(feed: &mut EventStream, count: usize) -> Vec<String> {
    std::iter::from_fn(|| feed.frame()).take(count).collect()
}

fn ids(frames: &[String]) -> Vec<&str> {
    let firsts = frames.iter().filter_map(|frame| frame.lines().next());
    firsts
        .filter_map(|line| line.strip_prefix("id: "))
        .collect()
}

#[test]
fn it_continues_after_the_last_event_of_a_reader() {
    let platform = Platform::start();
    for _ in 0..3 {
        emit(&platform, "order.placed");
    }
    let mut feed = follow(&platform, "", "last-event-id: 1\r\n");
    assert_eq!(ids(&frames(&mut feed, 2)), ["2", "3"]);
}

#[test]
fn last_event_id_takes_precedence_over_the_query() {
    let platform = Platform::start();
    for _ in 0..3 {
        emit(&platform, "order.placed");
    }
    let mut from_start = follow(&platform, "?since=0", "");
    assert_eq!(ids(&frames(&mut from_start, 3)), ["1", "2", "3"]);
    let mut again = follow(&platform, "?since=0", "last-event-id: 2\r\n");
    assert_eq!(ids(&frames(&mut again, 1)), ["3"]);
    let mut reference = follow(&platform, "?since=p_0002", "");
    assert_eq!(ids(&frames(&mut reference, 1)), ["3"]);
}

#[test]
fn a_restart_loses_no_event() {
    let folder = tempfile::tempdir().unwrap();
    let mut feed = {
        let platform = Platform::on(folder.path());
        emit(&platform, "order.placed");
        emit(&platform, "contact.created");
        follow(&platform, "?since=0", "")
    };
    assert_eq!(ids(&frames(&mut feed, 2)), ["1", "2"]);
    assert_eq!(feed.rest().1, Ended::Properly);
    let platform = Platform::on(folder.path());
    emit(&platform, "lead.qualified");
    let mut feed = follow(&platform, "", "last-event-id: 1\r\n");
    let two = frames(&mut feed, 2);
    assert_eq!(ids(&two), ["2", "3"]);
    assert!(two[1].contains("\nevent: lead.qualified\n"), "{two:?}");
}

#[test]
fn a_position_of_other_data_gets_all_stored_events() {
    let platform = Platform::start();
    emit(&platform, "order.placed");
    let mut feed = follow(&platform, "", "last-event-id: 500\r\n");
    let comment = feed.frame().unwrap();
    assert!(comment.starts_with(": 500 is not a position"), "{comment}");
    assert_eq!(ids(&frames(&mut feed, 1)), ["1"]);
}

#[test]
fn an_invalid_position_is_refused() {
    let platform = Platform::start();
    let reply = platform.order("GET", "/_evt/feed?since=yesterday", &Value::Null);
    assert_eq!(reply.refusal(), (400, "bad_position".into()));
}

#[test]
fn a_reset_does_not_reuse_positions() {
    let platform = Platform::start();
    emit(&platform, "order.placed");
    let mut feed = follow(&platform, "", "last-event-id: 1\r\n");
    let reset = platform.order("POST", "/_evt/reset", &Value::Null);
    assert_eq!(reset.status, 200, "{reset:?}");
    emit(&platform, "order.placed");
    assert_eq!(ids(&frames(&mut feed, 1)), ["2"]);
}

#[test]
fn a_silent_feed_sends_keepalives() {
    let platform = Platform::start();
    let set = platform.order("POST", "/_evt/settings", &json!({"stream.ping": "10ms"}));
    assert_eq!(set.status, 200, "{set:?}");
    let mut feed = follow(&platform, "?since=0", "");
    assert_eq!(feed.frame().unwrap(), ": keepalive\n\n");
}

#[test]
fn the_feed_requires_the_token_of_this_start() {
    let platform = Platform::start();
    for headers in ["", "authorization: Bearer x\r\n"] {
        let feed = EventStream::open(platform.control(), "/_evt/feed", headers);
        assert_eq!(feed.status, 401, "{headers}");
    }
}

#[test]
fn a_burst_is_complete_in_order_and_blocks_no_request() {
    const EVENTS: usize = 200_000;
    let platform = Platform::start();
    let feed = follow(&platform, "", "");
    // No client reads yet; the platform continues anyway.
    platform.raise(EVENTS);
    emit(&platform, "order.placed");
    let mut feed = feed;
    assert_eq!(feed.frame().unwrap(), "id: 0\n\n");
    for number in 1..=EVENTS {
        let frame = feed.frame().unwrap();
        let id = frame
            .strip_prefix("id: ")
            .and_then(|rest| rest.split_once('\n'));
        assert_eq!(id.unwrap().0, number.to_string());
    }
    assert!(feed.frame().unwrap().contains("event: order.placed\n"));
}
