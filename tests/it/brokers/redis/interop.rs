//! Clients from npm and PyPI.

use super::*;
use crate::support::{Node, Python};

/// Runs an action of the script and returns what it prints.
fn act(node: &mut Node, action: &Value) -> Value {
    node.say(&action.to_string());
    serde_json::from_str(&node.line()).unwrap()
}

fn node(redis: &Redis) -> Option<Node> {
    Node::start("redis_client.mjs", &[&redis.port.to_string()])
}

#[test]
fn ioredis_and_evt_read_each_other() {
    let Some(redis) = shared() else { return };
    let Some(mut node) = node(redis) else { return };
    let (sandbox, name) = (Sandbox::new(), unique("ioredis"));
    let channel = redis.url(&format!("channel={name}"));
    let running = follow(&sandbox, &channel, &["--count", "1"]);
    act(
        &mut node,
        &json!({ "do": "publish", "channel": name, "text": "{\"n\":1}" }),
    );
    assert_eq!(finished(running)[0]["data"], json!({ "n": 1 }));
    act(&mut node, &json!({ "do": "subscribe", "channel": name }));
    send(&sandbox, &channel, "{\"n\":2}", &[]);
    assert_eq!(
        serde_json::from_str::<Value>(&node.line()).unwrap(),
        "{\"n\":2}"
    );

    let stream = format!("{name}:s");
    let url = redis.url(&format!("stream={stream}"));
    let sent = send(&sandbox, &url, "{\"n\":3}", &[]);
    let read = act(&mut node, &json!({ "do": "read", "stream": stream }));
    assert_eq!(
        read["fields"],
        json!(["id", sent["id"], "data", "{\"n\":3}"])
    );
    let running = follow(&sandbox, &url, &["--count", "1"]);
    act(
        &mut node,
        &json!({ "do": "add", "stream": stream, "fields": ["n", "4"] }),
    );
    assert_eq!(finished(running)[0]["data"], json!({ "n": "4" }));
}

#[test]
fn frames_of_the_socket_io_emitter_are_decoded() {
    let Some(redis) = shared() else { return };
    let Some(mut node) = node(redis) else { return };
    let (sandbox, room) = (Sandbox::new(), unique("emitter"));
    let url = redis.url(&format!("room={room}"));
    let running = follow(&sandbox, &url, &["--count", "3"]);
    act(&mut node, &json!({ "do": "emit", "room": room }));
    let records = finished(running);
    let types: Vec<&Value> = records.iter().map(|record| &record["type"]).collect();
    assert_eq!(types, ["rich", "several", "all"]);
    assert_eq!(
        records[0]["data"],
        json!({
            "big": 4_294_967_296_123_u64,
            "date": "2023-11-14T22:13:20.123Z",
            "bytes": { "base64": "/wA=" },
            "nothing": null,
            "nan": "NaN",
        })
    );
    assert_eq!(records[1]["data"], json!([1, [2]]));
    assert_eq!(records[2]["data"], json!([]));
}

#[test]
fn a_frame_that_evt_sends_is_one_of_the_emitter() {
    let Some(redis) = shared() else { return };
    let Some(mut node) = node(redis) else { return };
    let (sandbox, room) = (Sandbox::new(), unique("frame"));
    let channel = format!("socket.io#/#{room}#");
    act(&mut node, &json!({ "do": "subscribe", "channel": channel }));
    let body = r#"{"type":"a.b","n":[1,-1,300,70000,4294967296,0.5,null,true]}"#;
    let url = redis.url(&format!("room={room}"));
    send(&sandbox, &url, body, &[]);
    let frame: Value = serde_json::from_str(&node.line()).unwrap();
    assert_eq!(frame[1]["type"], 2);
    assert_eq!(frame[1]["nsp"], "/");
    assert_eq!(
        frame[1]["data"][1],
        serde_json::from_str::<Value>(body).unwrap()
    );
    assert_eq!(frame[2]["rooms"], json!([room]));
}

#[test]
fn the_events_of_a_bullmq_queue_are_shown() {
    let Some(redis) = shared() else { return };
    let Some(mut node) = node(redis) else { return };
    let (sandbox, queue) = (Sandbox::new(), unique("queue"));
    let url = redis.url(&format!("stream=bull:{queue}:events"));
    let running = follow(&sandbox, &url, &["--start", "first", "--expect", "failed"]);
    act(&mut node, &json!({ "do": "fail", "queue": queue }));
    let records = finished(running);
    let failed = records.last().unwrap();
    assert_eq!(failed["type"], "failed");
    assert_eq!(failed["data"]["jobId"], "1");
    assert_eq!(failed["data"]["failedReason"], "no");
    assert!(
        records.iter().any(|record| record["type"] == "added"),
        "{records:?}"
    );
}

#[test]
fn redis_py_and_evt_read_each_other() {
    const SCRIPT: &str = "
import redis, sys
client = redis.Redis(port=int(sys.argv[1]), decode_responses=True)
name = sys.argv[2]
print(client.publish(name, '{\"n\":1}'))
print(client.xread({name + ':s': '0'})[0][1][0][1]['data'])
";
    let Some(redis) = shared() else { return };
    let Some(python) = Python::install() else {
        return;
    };
    let (sandbox, name) = (Sandbox::new(), unique("python"));
    send(
        &sandbox,
        &redis.url(&format!("stream={name}:s")),
        "{\"n\":2}",
        &[],
    );
    let running = follow(
        &sandbox,
        &redis.url(&format!("channel={name}")),
        &["--count", "1"],
    );
    let mut command = python.command("python");
    let output = command
        .args(["-c", SCRIPT, &redis.port.to_string(), &name])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "1\n{\"n\":2}\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(finished(running)[0]["data"], json!({ "n": 1 }));
}
