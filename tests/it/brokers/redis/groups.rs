//! Consumer groups.

use super::*;

fn add(redis: &Redis, stream: &str, numbers: std::ops::RangeInclusive<u32>) {
    let mut client = redis.client();
    for n in numbers {
        client.must(&["XADD", stream, "*", "n", &n.to_string()]);
    }
}

fn numbers(records: &[Value]) -> Vec<u32> {
    let number = |record: &Value| record["data"]["n"].as_str().unwrap().parse().unwrap();
    records.iter().map(number).collect()
}

#[test]
fn entries_are_acknowledged_once_they_are_printed() {
    let Some(redis) = shared() else { return };
    let (sandbox, stream) = (Sandbox::new(), unique("group"));
    let url = redis.url(&format!("stream={stream}"));
    add(redis, &stream, 1..=5);
    let args = [
        "--group",
        "g",
        "--create-group",
        "--start",
        "first",
        "--count",
    ];
    let first = follow(&sandbox, &url, &[&args[..], &["3"]].concat());
    assert_eq!(numbers(&finished(first)), [1, 2, 3]);
    let pending = redis.client().must(&["XPENDING", &stream, "g"]);
    assert!(pending.starts_with("2 "), "{pending}");
    // The same consumer gets the rest again.
    let second = follow(&sandbox, &url, &["--group", "g", "--count", "2"]);
    assert_eq!(numbers(&finished(second)), [4, 5]);
    redis
        .client()
        .wait_until(&["XPENDING", &stream, "g"], |answer| {
            answer.starts_with("0 ")
        });
}

#[test]
fn two_consumers_share_the_entries() {
    let Some(redis) = shared() else { return };
    let (sandbox, stream) = (Sandbox::new(), unique("share"));
    let url = redis.url(&format!("stream={stream}"));
    let group = ["--group", "g", "--create-group", "--consumer"];
    let one = follow(&sandbox, &url, &[&group[..], &["one"]].concat());
    let two = follow(&sandbox, &url, &[&group[..], &["two"]].concat());
    add(redis, &stream, 1..=20);
    redis
        .client()
        .wait_until(&["XINFO", "GROUPS", &stream], |answer| {
            answer.contains("pending 0 ") && answer.contains("entries-read 20 ")
        });
    let mut all = Vec::new();
    for running in [one, two] {
        running.interrupt();
        all.extend(numbers(&finished(running)));
    }
    all.sort_unstable();
    assert_eq!(all, (1..=20).collect::<Vec<_>>());
}

#[test]
fn entries_of_a_dead_consumer_are_claimed() {
    let Some(redis) = shared() else { return };
    let (sandbox, stream) = (Sandbox::new(), unique("claim"));
    let url = redis.url(&format!("stream={stream}"));
    let mut client = redis.client();
    client.must(&["XGROUP", "CREATE", &stream, "g", "0", "MKSTREAM"]);
    add(redis, &stream, 1..=3);
    client.must(&["XREADGROUP", "GROUP", "g", "dead", "STREAMS", &stream, ">"]);
    client.must(&["XDEL", &stream, client_first(redis, &stream).as_str()]);
    let mut running = follow(&sandbox, &url, &["--group", "g", "--claim-after", "0s"]);
    running.wait_for_stderr("\"gap\"");
    running.interrupt();
    let output = running.finish().expect_exit(0);
    assert_eq!(numbers(&output.json_lines()), [2, 3]);
    assert_eq!(
        output.notice("gap")["lost"],
        1,
        "the deleted entry: {output}"
    );
}

fn client_first(redis: &Redis, stream: &str) -> String {
    let first = redis
        .client()
        .must(&["XRANGE", stream, "-", "+", "COUNT", "1"]);
    first.split(' ').next().unwrap().to_owned()
}

#[test]
fn a_killed_consumer_loses_no_entry() {
    let Some(redis) = shared() else { return };
    let (sandbox, stream) = (Sandbox::new(), unique("crash"));
    let url = redis.url(&format!("stream={stream}"));
    let args = [
        "--group",
        "g",
        "--create-group",
        "--start",
        "first",
        "--save",
    ];
    add(redis, &stream, 1..=50);
    let mut first = follow(&sandbox, &url, &args);
    first.wait_for_stdout("\"n\":\"1\"");
    first.kill();
    add(redis, &stream, 51..=60);
    let second = follow(&sandbox, &url, &args);
    redis
        .client()
        .wait_until(&["XINFO", "GROUPS", &stream], |answer| {
            answer.contains("pending 0 ") && answer.contains("entries-read 60 ")
        });
    second.interrupt();
    let _ = second.finish().expect_exit(0);
    let saved = sandbox.run(["-o", "json", "events", "list", "--limit", "1000"]);
    let mut saved = numbers(&saved.expect_exit(0).json_lines());
    saved.sort_unstable();
    saved.dedup();
    assert_eq!(saved, (1..=60).collect::<Vec<_>>());
}
