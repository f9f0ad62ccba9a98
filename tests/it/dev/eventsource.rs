//! Two independent clients read the platform's event streams: Rust's `eventsource-client` and npm's `eventsource`.

use std::net::SocketAddr;

use eventsource_client::{Client, ClientBuilder, ReconnectOptions, SSE};
use futures_util::StreamExt;
use launchdarkly_sdk_transport::HyperTransport;
use serde_json::{Value, json};

use super::wire::Platform;
use crate::support::node::Node;

const CUT: &str = "One, two, three, four, five.";

fn asked(platform: &Platform, agent: &str) -> String {
    let body = json!({"agentId": agent, "message": "Hello"});
    let reply = platform.ask("POST", "/ai/agent/stream", &body);
    format!("/ai/stream/{}", reply.json()["streamId"].as_str().unwrap())
}

fn emit(platform: &Platform, event: &str) {
    let reply = platform.order("POST", "/_evt/emit", &json!({"event": event}));
    assert_eq!(reply.status, 200, "{reply:?}");
}

/// The events that the Rust client returns, up to one for which `is_last` holds.
fn follow(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    is_last: impl Fn(&eventsource_client::Event) -> bool,
) -> Vec<eventsource_client::Event> {
    let reconnect = ReconnectOptions::reconnect(true).delay(std::time::Duration::from_millis(5));
    let mut client = ClientBuilder::for_url(&format!("http://{address}{path}"))
        .unwrap()
        .reconnect(reconnect.build());
    for (name, value) in headers {
        client = client.header(name, value).unwrap();
    }
    let client = client.build_with_transport(HyperTransport::builder().build_http().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut events = Vec::new();
        let mut stream = client.stream();
        while let Some(item) = stream.next().await {
            // A broken connection is an item, too; the next item comes from a new connection.
            if let Ok(SSE::Event(event)) = item {
                let is_last = is_last(&event);
                events.push(event);
                if is_last {
                    break;
                }
            }
        }
        events
    })
}

/// The text of an answer: its chunks together.
fn text_of<'a>(frames: impl IntoIterator<Item = &'a str>) -> String {
    let frames = frames
        .into_iter()
        .map(|data| serde_json::from_str::<Value>(data).unwrap());
    let chunks = frames.filter(|frame| frame["type"] == "chunk");
    chunks
        .map(|frame| frame["content"].as_str().unwrap().to_owned())
        .collect()
}

fn is_end(data: &str) -> bool {
    data.contains("\"end\"")
}

#[test]
fn the_rust_client_reads_a_whole_answer_over_two_broken_connections() {
    let platform = Platform::start();
    let path = asked(&platform, "cut");
    let headers = [("orgid", "my-org"), ("authorization", "Bearer x")];
    let events = follow(platform.address(), &path, &headers, |event| {
        is_end(&event.data)
    });
    assert_eq!(text_of(events.iter().map(|event| event.data.as_str())), CUT);
}

#[test]
fn the_rust_client_follows_the_feed() {
    let platform = Platform::start();
    for _ in 0..3 {
        emit(&platform, "order.placed");
    }
    let bearer = format!("Bearer {}", platform.running().control_token);
    let headers = [("authorization", bearer.as_str())];
    let events = follow(
        platform.control(),
        "/_evt/feed?since=1",
        &headers,
        |event| event.id.as_deref() == Some("3"),
    );
    let seen: Vec<_> = events
        .iter()
        .map(|event| (event.event_type.as_str(), event.id.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [("order.placed", Some("2")), ("order.placed", Some("3"))]
    );
}

/// The lines that npm's client prints, up to one for which `is_last` holds.
fn node_follow(url: &str, token: &[&str], is_last: impl Fn(&Value) -> bool) -> Option<Vec<Value>> {
    let mut args = vec![url];
    args.extend(token);
    let mut node = Node::start("eventsource_client.mjs", &args)?;
    let mut lines = Vec::new();
    loop {
        let line = node.line();
        let line: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}: {lines:?}"));
        let is_last = is_last(&line);
        lines.push(line);
        if is_last {
            return Some(lines);
        }
    }
}

#[test]
fn an_eventsource_reads_over_two_broken_connections_and_stops_at_the_end() {
    let platform = Platform::start();
    let path = asked(&platform, "cut");
    let url = format!("http://{}{path}?orgid=my-org&token=x", platform.address());
    let Some(lines) = node_follow(&url, &[], |line| line["closed"] == true) else {
        return;
    };
    let data = lines.iter().filter_map(|line| line["data"].as_str());
    assert_eq!(text_of(data), CUT);
    // Two broken connections, the end of the answer, and the 204 that stops the client.
    let errors: Vec<_> = lines.iter().filter_map(|line| line.get("error")).collect();
    assert_eq!(errors.len(), 4, "{lines:?}");
    assert_eq!(*errors[3], 204, "{lines:?}");
}

#[test]
fn an_eventsource_reads_every_oddity_of_the_standard() {
    let platform = Platform::start();
    let path = asked(&platform, "odd");
    let url = format!("http://{}{path}?orgid=my-org&token=x", platform.address());
    let is_last = |line: &Value| line["data"].as_str().is_some_and(is_end);
    let Some(lines) = node_follow(&url, &[], is_last) else {
        return;
    };
    let data = lines.iter().filter_map(|line| line["data"].as_str());
    assert_eq!(text_of(data), "Hello é世🚀.");
}

#[test]
fn an_eventsource_follows_the_feed() {
    let platform = Platform::start();
    emit(&platform, "order.placed");
    emit(&platform, "contact.created");
    let url = format!("http://{}/_evt/feed?since=0", platform.control());
    let token = platform.running().control_token.as_str();
    let Some(lines) = node_follow(&url, &[token], |line| line["id"] == "2") else {
        return;
    };
    let types: Vec<_> = lines
        .iter()
        .filter_map(|line| line["type"].as_str())
        .collect();
    assert_eq!(types, ["order.placed", "contact.created"], "{lines:?}");
}
