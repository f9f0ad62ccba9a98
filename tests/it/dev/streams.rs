//! AI streams by raw bytes: how they are asked for, framed, cut, resumed and ended.

use serde_json::{Value, json};

use super::event_stream::{Ended, EventStream};
use super::wire::{Platform, Reply};

fn ask(platform: &Platform, body: &Value) -> Reply {
    platform.ask("POST", "/ai/agent/stream", body)
}

/// Asks an agent, and returns the path of its answer.
fn asked(platform: &Platform, agent: &str) -> String {
    let reply = ask(platform, &json!({"agentId": agent, "message": "Hello"}));
    assert_eq!(reply.status, 201, "{reply:?}");
    format!("/ai/stream/{}", reply.json()["streamId"].as_str().unwrap())
}

fn read(platform: &Platform, path: &str, more: &str) -> EventStream {
    let headers = format!("orgid: my-org\r\nauthorization: Bearer x\r\n{more}");
    EventStream::open(platform.address(), path, &headers)
}

fn load(platform: &Platform, agent: &str, script: &Value) -> Reply {
    let body = json!({ "agents": { agent: script } });
    platform.order("POST", "/_evt/agents", &body)
}

/// Loads a script, asks its agent, and returns the path of the answer.
fn scripted(platform: &Platform, script: &Value) -> String {
    let reply = load(platform, "scripted", script);
    assert_eq!(reply.status, 200, "{reply:?}");
    asked(platform, "scripted")
}

#[test]
fn an_answer_is_framed_to_the_byte() {
    let platform = Platform::start();
    let path = scripted(
        &platform,
        &json!({"steps": [{"say": "Hel"}, {"say": "lo, {message}"}]}),
    );
    let stream = read(&platform, &path, "");
    let head = stream.head.to_lowercase();
    assert!(
        head.contains("\r\ncontent-type: text/event-stream\r\n"),
        "{head}"
    );
    let (body, ended) = stream.rest();
    assert_eq!(
        body,
        "id: 1\ndata: {\"type\":\"chunk\",\"content\":\"Hel\"}\n\n\
         id: 2\ndata: {\"type\":\"chunk\",\"content\":\"lo, Hello\"}\n\n\
         id: 3\ndata: {\"type\":\"end\"}\n\n"
    );
    assert_eq!(ended, Ended::Properly);
}

#[test]
fn an_agent_that_nobody_knows_answers_and_mentions_the_message() {
    let platform = Platform::start();
    let path = asked(&platform, "whoever");
    let (body, _) = read(&platform, &path, "").rest();
    assert!(body.contains("Hello. "), "{body}");
    assert!(body.ends_with("data: {\"type\":\"end\"}\n\n"), "{body}");
}

#[test]
fn a_reader_goes_on_after_the_last_event_that_it_has() {
    let platform = Platform::start();
    let path = scripted(&platform, &json!({"steps": [{"say": "a"}, {"say": "b"}]}));
    read(&platform, &path, "").rest();
    let (body, _) = read(&platform, &path, "last-event-id: 2\r\n").rest();
    assert_eq!(body, "id: 3\ndata: {\"type\":\"end\"}\n\n");
}

#[test]
fn who_has_read_everything_is_told_to_stop() {
    let platform = Platform::start();
    let path = scripted(&platform, &json!({"steps": [{"say": "a"}]}));
    read(&platform, &path, "").rest();
    let again = read(&platform, &path, "last-event-id: 2\r\n");
    assert_eq!(again.status, 204);
}

#[test]
fn a_second_reader_gets_the_whole_too() {
    let platform = Platform::start();
    let path = asked(&platform, "tools");
    let (first, _) = read(&platform, &path, "").rest();
    let (second, _) = read(&platform, &path, "").rest();
    assert_eq!(first, second);
    assert!(first.contains("\"type\":\"tool-result\""), "{first}");
}

#[test]
fn an_unknown_stream_and_one_of_another_organisation_are_not_found() {
    let platform = Platform::start();
    let path = asked(&platform, "assistant");
    let foreign = platform.ask_as("other-org", "x", "GET", &path, &Value::Null);
    assert_eq!(foreign.refusal(), (404, "not_found".into()));
    let unknown = platform.ask("GET", "/ai/stream/strm_none", &Value::Null);
    assert_eq!(unknown.refusal(), (404, "not_found".into()));
}
