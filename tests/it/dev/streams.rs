//! AI streams by raw bytes: requests, framing, broken connections, resuming, and ends.

use evt::dev::AuthMode;
use evt::dev::DevOptions;
use serde_json::{Value, json};

use super::event_stream::{Ended, EventStream};
use super::wire::{Platform, Reply};

fn ask(platform: &Platform, body: &Value) -> Reply {
    platform.ask("POST", "/ai/agent/stream", body)
}

/// Sends a message to an agent. Returns the path of its answer.
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

/// Loads a script and sends a message to its agent. Returns the path of the answer.
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
fn an_unknown_agent_answers_and_repeats_the_message() {
    let platform = Platform::start();
    let path = asked(&platform, "whoever");
    let (body, _) = read(&platform, &path, "").rest();
    assert!(body.contains("Hello. "), "{body}");
    assert!(body.ends_with("data: {\"type\":\"end\"}\n\n"), "{body}");
}

#[test]
fn a_reader_resumes_after_its_last_event() {
    let platform = Platform::start();
    let path = scripted(&platform, &json!({"steps": [{"say": "a"}, {"say": "b"}]}));
    read(&platform, &path, "").rest();
    let (body, _) = read(&platform, &path, "last-event-id: 2\r\n").rest();
    assert_eq!(body, "id: 3\ndata: {\"type\":\"end\"}\n\n");
}

#[test]
fn a_reader_at_the_end_gets_204() {
    let platform = Platform::start();
    let path = scripted(&platform, &json!({"steps": [{"say": "a"}]}));
    read(&platform, &path, "").rest();
    let again = read(&platform, &path, "last-event-id: 2\r\n");
    assert_eq!(again.status, 204);
}

#[test]
fn a_second_reader_gets_the_whole_answer() {
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

#[test]
fn a_cut_breaks_the_connection_once_and_the_rest_follows() {
    let platform = Platform::start();
    let script = json!({"steps": [{"say": "a"}, {"cut": "data: {\"ty"}, {"say": "b"}]});
    let path = scripted(&platform, &script);
    let (body, ended) = read(&platform, &path, "").rest();
    assert_eq!(
        body,
        "id: 1\ndata: {\"type\":\"chunk\",\"content\":\"a\"}\n\ndata: {\"ty"
    );
    assert_eq!(ended, Ended::Cut);
    let (body, ended) = read(&platform, &path, "last-event-id: 1\r\n").rest();
    assert_eq!(
        body,
        "id: 2\ndata: {\"type\":\"chunk\",\"content\":\"b\"}\n\nid: 3\ndata: {\"type\":\"end\"}\n\n"
    );
    assert_eq!(ended, Ended::Properly);
}

#[test]
fn a_second_reader_is_not_cut() {
    let platform = Platform::start();
    let path = scripted(&platform, &json!({"steps": [{"cut": null}, {"say": "a"}]}));
    assert_eq!(
        read(&platform, &path, "").rest(),
        (String::new(), Ended::Cut)
    );
    assert_eq!(read(&platform, &path, "").rest().1, Ended::Properly);
}

#[test]
fn a_script_determines_the_framing() {
    let platform = Platform::start();
    let script = json!({
        "framing": {"bom": true, "line_end": "mixed", "pretty": true, "piece": 1},
        "retry": 50,
        "steps": [{"comment": "c"}, {"say": "é"}],
        "end": false,
    });
    let path = scripted(&platform, &script);
    let mut stream = read(&platform, &path, "");
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.chunk() {
        assert_eq!(chunk.len(), 1, "{chunk:?}");
        bytes.extend(chunk);
    }
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        "\u{feff}retry: 50\n\r: c\n\rid: 1\r\ndata: {\ndata:   \"type\": \"chunk\",\rdata:   \"content\": \"é\"\r\ndata: }\n\r"
    );
}

#[test]
fn a_custom_event_has_its_own_name_id_and_lines() {
    let platform = Platform::start();
    let script = json!({
        "end": false,
        "steps": [
            {"event": {"event": "done", "id": "x/1", "data": "two\nlines"}},
            {"event": {"data": {"n": 12_345_678_901_234_567_890_u64}}},
            {"event": {"data": "[DONE]"}},
        ],
    });
    let path = scripted(&platform, &script);
    assert_eq!(
        read(&platform, &path, "").rest().0,
        "id: x/1\nevent: done\ndata: two\ndata: lines\n\n\
         id: 1\ndata: {\"n\":12345678901234567890}\n\n\
         id: 2\ndata: [DONE]\n\n"
    );
    let (rest, _) = read(&platform, &path, "last-event-id: x/1\r\n").rest();
    assert!(rest.starts_with("id: 1\n"), "{rest}");
}

#[test]
fn an_error_is_the_last_frame() {
    let platform = Platform::start();
    let path = asked(&platform, "error");
    let (body, ended) = read(&platform, &path, "").rest();
    assert!(
        body.ends_with(
            "data: {\"type\":\"error\",\"message\":\"the model has run out of tokens\"}\n\n"
        ),
        "{body}"
    );
    assert_eq!(ended, Ended::Properly);
}

#[test]
fn a_malformed_frame_is_sent_between_valid_ones() {
    let platform = Platform::start();
    let path = asked(&platform, "malformed");
    let mut stream = read(&platform, &path, "");
    let frames: Vec<String> = std::iter::from_fn(|| stream.frame()).collect();
    assert_eq!(frames.len(), 4, "{frames:?}");
    assert_eq!(frames[1], "data: {\"type\":\"chunk\",\"content\":\n\n");
}

#[test]
fn a_silent_stream_sends_keepalives() {
    let platform = Platform::start();
    let set = platform.order("POST", "/_evt/settings", &json!({"stream.ping": "10ms"}));
    assert_eq!(set.status, 200, "{set:?}");
    let path = asked(&platform, "silent");
    let mut stream = read(&platform, &path, "");
    assert_eq!(stream.frame().unwrap(), ": ping\n\n");
    assert_eq!(stream.frame().unwrap(), ": ping\n\n");
}

#[test]
fn the_end_of_the_platform_ends_its_streams() {
    let platform = Platform::start();
    let path = asked(&platform, "silent");
    let stream = read(&platform, &path, "");
    drop(platform);
    assert_eq!(stream.rest(), (String::new(), Ended::Properly));
}

#[test]
fn a_browser_sends_its_credentials_in_the_query() {
    let options = DevOptions {
        auth: AuthMode::Strict,
        ..DevOptions::default()
    };
    let platform = Platform::with(options).unwrap();
    let path = asked(&platform, "assistant");
    let token = &platform.running().token;
    let open = |query: &str| EventStream::open(platform.address(), &format!("{path}{query}"), "");
    assert_eq!(open(&format!("?orgid=my-org&token={token}")).status, 200);
    assert_eq!(open("?orgid=my-org").status, 401);
    assert_eq!(open("?orgid=my-org&token=forged").status, 401);
    assert_eq!(open(&format!("?token={token}")).status, 400);
    assert_eq!(open("?orgid=my-org&token=a%0Ab").status, 400);
}

#[test]
fn the_long_form_of_a_request_is_accepted() {
    let platform = Platform::start();
    let body = json!({
        "task": "Summarise", "agentRole": "clerk", "agentInstructions": "be brief",
        "conversationHistory": [], "settings": {"temperature": 0},
    });
    let reply = ask(&platform, &body);
    let path = format!("/ai/stream/{}", reply.json()["streamId"].as_str().unwrap());
    let (body, _) = read(&platform, &path, "").rest();
    assert!(body.contains("Summarise. "), "{body}");
}

#[test]
fn a_request_without_a_message_is_refused() {
    let platform = Platform::start();
    let nothing = ask(&platform, &json!({"agentId": "assistant"}));
    assert_eq!(nothing.refusal(), (400, "missing_field".into()));
    let number = ask(&platform, &json!({"agentId": 7, "message": "x"}));
    assert_eq!(number.refusal(), (400, "bad_field".into()));
}

#[test]
fn an_invalid_script_is_refused_with_its_path() {
    let platform = Platform::start();
    let reply = load(
        &platform,
        "a",
        &json!({"steps": [{"say": "x"}, {"wait": 1}]}),
    );
    assert_eq!(reply.refusal(), (400, "bad_agent".into()));
    let message = reply.json()["message"].to_string();
    assert!(
        message.contains("`agents.a.steps[1]`: unknown variant `wait`"),
        "{message}"
    );
}

#[test]
fn a_loaded_agent_is_listed_and_replaces_another() {
    let platform = Platform::start();
    let script = json!({"about": "mine", "steps": [{"say": "own"}]});
    assert_eq!(load(&platform, "assistant", &script).status, 200);
    let listed = platform.order("GET", "/_evt/agents", &Value::Null).json();
    let row = json!({"id": "assistant", "about": "mine", "steps": 1, "built_in": false});
    assert_eq!(listed["agents"][0], row, "{listed}");
    let (body, _) = read(&platform, &asked(&platform, "whoever"), "").rest();
    assert!(body.contains("\"content\":\"own\""), "{body}");
}

#[test]
fn a_burst_is_complete_and_in_order() {
    let platform = Platform::start();
    let script = json!({"steps": [{"repeat": {"times": 20_000, "steps": [{"say": "x"}]}}]});
    let path = scripted(&platform, &script);
    let (body, _) = read(&platform, &path, "").rest();
    let ids: Vec<&str> = body
        .lines()
        .filter_map(|line| line.strip_prefix("id: "))
        .collect();
    assert_eq!(ids.len(), 20_001);
    assert!(
        ids.iter()
            .zip(1..)
            .all(|(id, number)| *id == number.to_string())
    );
}

#[test]
fn an_endless_answer_does_not_end() {
    let platform = Platform::start();
    let path = asked(&platform, "endless");
    let mut stream = read(&platform, &path, "");
    for number in 1..=5 {
        let frame = stream.frame().unwrap();
        assert!(frame.starts_with(&format!("id: {number}\n")), "{frame}");
    }
}

#[test]
fn the_documented_scripts_work_as_described() {
    let documented = include_str!("../../../docs/dev.md");
    let script = documented
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let script: Value = serde_saphyr::from_str(script.unwrap()).unwrap();
    let platform = Platform::start();
    let reply = platform.order("POST", "/_evt/agents", &script);
    assert_eq!(reply.json(), json!({"loaded": ["done", "support"]}));
    let path = asked(&platform, "support");
    let (before, ended) = read(&platform, &path, "").rest();
    assert!(before.starts_with("retry: 100\n\n"), "{before}");
    assert!(before.ends_with("data: {\"type\":\"chu"), "{before}");
    assert_eq!(ended, Ended::Cut);
    let (after, _) = read(&platform, &path, "last-event-id: 3\r\n").rest();
    assert!(after.contains("Here I am again."), "{after}");
    let (done, _) = read(&platform, &asked(&platform, "done"), "").rest();
    assert!(done.ends_with("data: [DONE]\r\n\r\n"), "{done}");
}
