//! Streams without a consumer group.

use serde_json::{Value, json};

use super::*;

fn add(redis: &Redis, stream: &str, fields: &[&str]) -> String {
    let mut words = vec!["XADD", stream, "*"];
    words.extend(fields);
    redis.client().must(&words)
}

fn numbers(records: &[Value]) -> Vec<String> {
    let number = |record: &Value| record["data"]["n"].as_str().unwrap().to_owned();
    records.iter().map(number).collect()
}

#[test]
fn each_start_begins_at_its_entry() {
    let Some(redis) = shared() else { return };
    let (sandbox, stream) = (Sandbox::new(), unique("start"));
    let mut client = redis.client();
    for (id, n) in [("1000-1", "1"), ("2000-0", "2"), ("2000-1", "3")] {
        client.must(&["XADD", &stream, id, "n", n]);
    }
    let url = redis.url(&format!("stream={stream}"));
    for (flags, expected) in [
        (["--start", "first"], &["1", "2", "3"][..]),
        (["--start", "last"], &["3"]),
        (["--start", "2000-1"], &["3"]),
        (["--start", "1000"], &["1", "2", "3"]),
        (["--since", "1970-01-01T00:00:02Z"], &["2", "3"]),
    ] {
        let count = expected.len().to_string();
        let args = [&flags[..], &["--count", &count]].concat();
        assert_eq!(
            numbers(&finished(follow(&sandbox, &url, &args))),
            expected,
            "{flags:?}"
        );
    }
    let running = follow(&sandbox, &url, &["--count", "1"]);
    client.must(&["XADD", &stream, "3000-0", "n", "4"]);
    assert_eq!(numbers(&finished(running)), ["4"]);
}

#[test]
fn an_entry_has_its_id_and_its_fields() {
    let Some(redis) = shared() else { return };
    let (sandbox, stream) = (Sandbox::new(), unique("fields"));
    let running = follow(
        &sandbox,
        &redis.url(&format!("stream={stream}")),
        &["--count", "3"],
    );
    let first = add(redis, &stream, &["a", "1", "b", "x"]);
    add(redis, &stream, &["payload", "{\"n\":1.0}"]);
    add(
        redis,
        &stream,
        &[
            "event",
            "failed",
            "jobId",
            "7",
            "failedReason",
            "no",
            "prev",
            "active",
        ],
    );
    let output = running.finish().expect_exit(0);
    let records = output.json_lines();
    assert_eq!(records[0]["id"], first);
    assert_eq!(records[0]["channel"], stream);
    assert_eq!(records[0]["data"], json!({ "a": "1", "b": "x" }));
    assert!(output.stdout.contains(r#""data":{"n":1.0}}"#), "{output}");
    assert_eq!(records[2]["type"], "failed");
    assert_eq!(records[2]["data"]["failedReason"], "no");
}

#[test]
fn what_evt_appends_is_read_again() {
    let Some(redis) = shared() else { return };
    let (sandbox, stream) = (Sandbox::new(), unique("append"));
    let url = redis.url(&format!("stream={stream}&maxlen=100"));
    let body = r#"{"specversion":"1.0","id":"1","source":"/s","type":"order.paid","data":{"n":1}}"#;
    let sent = send(&sandbox, &url, body, &[]);
    assert_eq!(sent["confirmed"], true);
    let id = redis
        .client()
        .must(&["XREVRANGE", &stream, "+", "-", "COUNT", "1"]);
    let id = id.split(' ').next().unwrap();
    assert_eq!(sent["stored"], format!("stream {stream}, entry {id}"));
    let url = redis.url(&format!("stream={stream}"));
    let records = finished(follow(
        &sandbox,
        &url,
        &["--start", "first", "--count", "1"],
    ));
    assert_eq!(
        (&records[0]["id"], &records[0]["type"]),
        (&json!(id), &json!("order.paid"))
    );
    assert_eq!(records[0]["headers"]["id"], sent["id"]);
    assert_eq!(records[0]["data"], json!({ "n": 1 }));
}

#[test]
fn a_stored_position_is_resumed_without_a_gap() {
    let Some(redis) = shared() else { return };
    let (sandbox, stream) = (Sandbox::new(), unique("resume"));
    let url = redis.url(&format!("stream={stream}"));
    for n in ["1", "2", "3"] {
        add(redis, &stream, &["n", n]);
    }
    let args = ["--start", "first", "--resume", "r", "--count"];
    let first = follow(&sandbox, &url, &[&args[..], &["2"]].concat());
    assert_eq!(numbers(&finished(first)), ["1", "2"]);
    add(redis, &stream, &["n", "4"]);
    let second = follow(
        &sandbox,
        &url,
        &[&args[..], &["2", "--fail-on-gap"]].concat(),
    );
    assert_eq!(numbers(&finished(second)), ["3", "4"]);
}

#[test]
fn trimmed_entries_are_a_gap_with_their_number() {
    let Some(redis) = shared() else { return };
    let (sandbox, stream) = (Sandbox::new(), unique("trim"));
    let url = redis.url(&format!("stream={stream}"));
    for n in 1..=3 {
        add(redis, &stream, &["n", &n.to_string()]);
    }
    let args = ["--start", "first", "--resume", "r", "--count", "3"];
    let _ = finished(follow(&sandbox, &url, &args));
    for n in 4..=20 {
        add(redis, &stream, &["n", &n.to_string()]);
    }
    redis.client().must(&["XTRIM", &stream, "MAXLEN", "5"]);
    let running = follow(
        &sandbox,
        &url,
        &["--start", "first", "--resume", "r", "--count", "5"],
    );
    let output = running.finish().expect_exit(0);
    assert_eq!(numbers(&output.json_lines())[0], "16");
    assert_eq!(output.notice("gap")["lost"], 12, "{output}");
}

#[test]
fn several_streams_are_read_together() {
    let Some(redis) = shared() else { return };
    let (sandbox, name) = (Sandbox::new(), unique("both"));
    let url = redis.url(&format!("stream={name}:a,{name}:b"));
    let args = ["--start", "first", "--resume", "r", "--count", "2"];
    add(redis, &format!("{name}:a"), &["n", "1"]);
    add(redis, &format!("{name}:b"), &["n", "2"]);
    let mut read = numbers(&finished(follow(&sandbox, &url, &args)));
    read.sort();
    assert_eq!(read, ["1", "2"]);
    add(redis, &format!("{name}:b"), &["n", "3"]);
    add(redis, &format!("{name}:a"), &["n", "4"]);
    let mut read = numbers(&finished(follow(&sandbox, &url, &args)));
    read.sort();
    assert_eq!(read, ["3", "4"]);
}

#[test]
fn large_entries_are_read_with_little_memory() {
    let Some(redis) = shared() else { return };
    let (sandbox, stream) = (Sandbox::new(), unique("large"));
    let large = "x".repeat(1 << 20);
    let command = vec!["XADD", &stream, "*", "n", &large];
    redis.client().pipeline(&vec![command; 100]);
    let url = redis.url(&format!("stream={stream}"));
    let mut running = follow(
        &sandbox,
        &url,
        &["--start", "first", "--jq", ".data.n | length"],
    );
    for _ in 0..2 {
        running.wait_for_stdout("1048576");
    }
    let memory = std::fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap();
    let peak = memory
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let peak: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(peak < 90_000, "{peak} KiB");
    redis.client().must(&["DEL", &stream]);
}
