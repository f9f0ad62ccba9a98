//! Redis: `evt tail` and `evt send` with a real server.

mod errors;
mod groups;
mod interop;
mod losses;
mod nodes;
mod streams;
mod unconfirmed;

use serde_json::{Value, json};

use crate::support::redis::{Redis, shared, unique};
use crate::support::{Running, Sandbox};

/// Follows an address, and returns once the stream is open.
fn follow(sandbox: &Sandbox, url: &str, more: &[&str]) -> Running {
    let mut words = vec!["-o", "json", "tail", url];
    words.extend(more);
    let mut running = sandbox.spawn(words);
    running.wait_for_stderr("\"connected\"");
    running
}

/// The records that were printed.
fn finished(running: Running) -> Vec<Value> {
    running.finish().expect_exit(0).json_lines()
}

/// Sends a body, and returns the result as JSON.
fn send(sandbox: &Sandbox, url: &str, body: &str, more: &[&str]) -> Value {
    sandbox.write("body.json", body);
    let mut words = vec!["-o", "json", "send", "@body.json", "--to", url];
    words.extend(more);
    sandbox.run(words).expect_exit(0).json_lines().remove(0)
}

#[test]
fn a_message_in_a_channel_is_printed_with_its_bytes() {
    let Some(redis) = shared() else { return };
    let (sandbox, channel) = (Sandbox::new(), unique("channel"));
    let running = follow(
        &sandbox,
        &redis.url(&format!("channel={channel}")),
        &["--count", "3"],
    );
    let mut client = redis.client();
    for body in [
        &b"{\"n\":1.0, \"big\":12345678901234567890}"[..],
        b"text\x1b[2J",
        b"\xff\0",
    ] {
        assert_eq!(client.must(&[b"PUBLISH", channel.as_bytes(), body]), "1");
    }
    let output = running.finish().expect_exit(0);
    let lines: Vec<&str> = output.stdout.lines().collect();
    let first = r#""data":{"n":1.0, "big":12345678901234567890}}"#;
    assert!(lines[0].ends_with(first), "{output}");
    let records = output.json_lines();
    for record in &records {
        assert_eq!(record["transport"], "redis");
        assert_eq!(record["channel"], channel);
    }
    assert_eq!(records[1]["data"], "text\u{1b}[2J");
    assert!(!output.stdout.contains('\u{1b}'), "{output}");
    assert_eq!(records[2]["data"], json!({ "base64": "/wA=" }));
}

#[test]
fn several_channels_and_patterns_share_one_connection() {
    let Some(redis) = shared() else { return };
    let (sandbox, prefix) = (Sandbox::new(), unique("many"));
    let query = format!("channel={prefix}:a,{prefix}:b&pattern={prefix}:x.*");
    let running = follow(&sandbox, &redis.url(&query), &["--count", "3"]);
    let mut client = redis.client();
    for name in ["a", "other", "x.1", "b"] {
        client.must(&["PUBLISH", &format!("{prefix}:{name}"), name]);
    }
    let data: Vec<Value> = finished(running)
        .iter()
        .map(|record| record["data"].clone())
        .collect();
    assert_eq!(data, ["a", "x.1", "b"]);
}

#[test]
fn what_evt_sends_to_a_channel_arrives() {
    let Some(redis) = shared() else { return };
    let (sandbox, channel) = (Sandbox::new(), unique("sent"));
    let url = redis.url(&format!("channel={channel}"));
    let nowhere = send(&sandbox, &url, "{\"n\":0}", &[]);
    assert_eq!(
        (&nowhere["confirmed"], &nowhere["receivers"]),
        (&json!(false), &json!(0))
    );
    let running = follow(&sandbox, &url, &["--count", "1"]);
    assert_eq!(send(&sandbox, &url, "{\"n\":1}", &[])["receivers"], 1);
    assert_eq!(finished(running)[0]["data"], json!({ "n": 1 }));
}

#[test]
fn both_frames_of_a_room_are_decoded() {
    let Some(redis) = shared() else { return };
    let (sandbox, room) = (Sandbox::new(), format!("{}/x:y#z", unique("room")));
    let encoded = room.replace('#', "%23");
    let url = redis.url(&format!("room={encoded}"));
    let running = follow(&sandbox, &url, &["--count", "3"]);
    let body = r#"{"type":"inquiry.submitted","big":12345678901234567890}"#;
    assert_eq!(send(&sandbox, &url, body, &[])["receivers"], 1);
    let outreach = redis.url(&format!("room={encoded}&format=outreach"));
    assert_eq!(send(&sandbox, &outreach, body, &[])["receivers"], 1);
    let channel = format!("ws:room:{room}");
    redis.client().must(&["PUBLISH", &channel, "not a frame"]);
    let output = running.finish().expect_exit(0);
    let records = output.json_lines();
    for record in &records[..2] {
        assert_eq!(record["data"]["type"], "inquiry.submitted", "{output}");
    }
    assert_eq!(
        output.stdout.matches("12345678901234567890").count(),
        2,
        "{output}"
    );
    assert_eq!(
        (&records[2]["channel"], &records[2]["data"]),
        (&json!(channel), &json!("not a frame"))
    );
}

#[test]
fn a_preview_shows_the_command_without_a_server() {
    let sandbox = Sandbox::new();
    sandbox.write("body.json", "{\"n\":1}");
    let url = "redis://127.0.0.1:1/0?channel=orders";
    let output = sandbox.run(["send", "@body.json", "--to", url, "--dry-run"]);
    let preview = &output.expect_exit(0).json_lines()[0];
    assert_eq!(preview["frame"], "PUBLISH orders \"{\\\"n\\\":1}\"");
}

#[test]
fn an_event_that_is_forwarded_is_published() {
    let Some(redis) = shared() else { return };
    let (sandbox, name) = (Sandbox::new(), unique("forward"));
    let to = redis.url(&format!("stream={name}:to"));
    let follow_to = follow(&sandbox, &to, &["--start", "first", "--count", "2"]);
    let from = redis.url(&format!("channel={name}:from"));
    let running = follow(&sandbox, &from, &["--forward", &to, "--count", "2"]);
    let mut client = redis.client();
    for n in ["1", "2"] {
        client.must(&[
            "PUBLISH",
            &format!("{name}:from"),
            &format!("{{\"n\":{n}}}"),
        ]);
    }
    let _ = finished(running);
    let records = finished(follow_to);
    assert_eq!(records[0]["data"], json!({ "n": 1 }));
    assert!(
        records[0]["headers"]["id"]
            .as_str()
            .unwrap()
            .starts_with("msg_")
    );
}

#[test]
fn ctrl_c_ends_within_a_second() {
    let Some(redis) = shared() else { return };
    let (sandbox, name) = (Sandbox::new(), unique("end"));
    for query in [format!("channel={name}"), format!("stream={name}")] {
        let running = follow(&sandbox, &redis.url(&query), &[]);
        let started = std::time::Instant::now();
        running.interrupt();
        let _ = running.finish().expect_exit(0);
        assert!(started.elapsed().as_secs() < 10, "{query}");
    }
}

/// A private server with an append-only file.
fn durable() -> Option<Redis> {
    Redis::start(&["--appendonly", "yes", "--appendfsync", "always"])
}
