//! Streams of JetStream: where they begin, where they resume, and what was deleted.

use serde_json::{Value, json};

use super::{NatsServer, data, notices, run, tail};
use crate::support::nats::NatsClient;
use crate::support::{App, Sandbox};

/// A stream with the messages 1 to `count` on `name.a`.
fn stream(server: &NatsServer, name: &str, count: u64) -> NatsClient {
    let mut client = server.client();
    client.create_stream(name, &[&format!("{name}.>")], json!({}));
    for n in 1..=count {
        assert_eq!(client.store(&format!("{name}.a"), &json!(n)), Some(n));
    }
    client
}

fn numbers(numbers: impl IntoIterator<Item = u64>) -> Vec<Value> {
    numbers.into_iter().map(Value::from).collect()
}

#[test]
fn a_stream_begins_where_the_user_says() {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let mut client = stream(server, "begins", 3);
    client.store("begins.b", &json!(4));
    for (path, flags, expected) in [
        ("begins.>", &["--start", "first"][..], numbers(1..=4)),
        (
            "begins.>?stream=begins",
            &["--start", "first"],
            numbers(1..=4),
        ),
        ("?stream=begins", &["--start", "first"], numbers(1..=4)),
        ("begins.>", &["--start", "last"], numbers([4])),
        ("begins.a", &["--start", "last"], numbers([3])),
        ("begins.a", &["--start", "2"], numbers([2, 3])),
        ("begins.*", &["--since", "1h"], numbers(1..=4)),
    ] {
        let count = expected.len().to_string();
        let flags = [flags, &["--count", &count]].concat();
        let output = run(&sandbox, &server.url(path), &flags).expect_exit(0);
        assert_eq!(data(&output), expected, "{path} {flags:?}: {output}");
        let lines = output.json_lines();
        assert_eq!(lines[0]["id"], expected[0].to_string());
        assert!(output.stderr.contains("resumable by server"), "{output}");
    }
}

#[test]
fn without_a_start_only_new_messages_are_followed() {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let mut client = stream(server, "fresh", 3);
    let tail = tail(
        &sandbox,
        &server.url("fresh.>?stream=fresh"),
        &["--count", "1"],
    );
    client.store("fresh.a", &json!(4));
    assert_eq!(data(&tail.finish().expect_exit(0)), numbers([4]));
}

#[test]
fn a_named_position_resumes_without_loss() {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let mut client = stream(server, "resumed", 1);
    let url = server.url("resumed.>");
    // The position exists from the start, although nothing has arrived.
    let first = tail(&sandbox, &url, &["--resume", "r"]);
    first.interrupt();
    let _ = first.finish().expect_exit(0);
    for n in 2..=6 {
        client.store("resumed.a", &json!(n));
    }
    let flags = ["--resume", "r", "--count", "2"];
    let output = run(&sandbox, &url, &flags).expect_exit(0);
    assert_eq!(data(&output), numbers([2, 3]), "{output}");
    let output = run(&sandbox, &url, &flags).expect_exit(0);
    assert_eq!(data(&output), numbers([4, 5]), "{output}");
    assert_eq!(notices(&output, "gap").len(), 0, "{output}");
}

#[test]
fn deleted_messages_are_counted() {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let mut client = stream(server, "purged", 2);
    let flags = ["--resume", "r", "--start", "first", "--count", "2"];
    let _ = run(&sandbox, &server.url("purged.>"), &flags).expect_exit(0);
    for n in 3..=9 {
        client.store("purged.a", &json!(n));
    }
    client.jetstream("STREAM.PURGE.purged", &json!({ "seq": 6 }));
    client.jetstream("STREAM.MSG.DELETE.purged", &json!({ "seq": 8 }));
    let output = run(&sandbox, &server.url("purged.>"), &flags).expect_exit(0);
    assert_eq!(data(&output), numbers([6, 7]), "{output}");
    let gaps = notices(&output, "gap");
    assert_eq!(gaps.len(), 1, "{output}");
    assert_eq!(
        (&gaps[0]["lost"], &gaps[0]["from"], &gaps[0]["to"]),
        (&json!(3), &json!("2"), &json!("6"))
    );
    // The second gap is inside the stream.
    let output = run(
        &sandbox,
        &server.url("purged.>"),
        &["--resume", "r", "--count", "1"],
    );
    let output = output.expect_exit(0);
    assert_eq!(data(&output), numbers([9]), "{output}");
    assert_eq!(notices(&output, "gap")[0]["lost"], 1, "{output}");
    // What a filter leaves out is not lost, so the number is unknown.
    let flags = ["--resume", "f", "--start", "first", "--count", "1"];
    let _ = run(&sandbox, &server.url("purged.a"), &flags).expect_exit(0);
    client.store("purged.a", &json!(10));
    client.jetstream("STREAM.PURGE.purged", &json!({ "seq": 10 }));
    let output = run(&sandbox, &server.url("purged.a"), &flags).expect_exit(0);
    let gaps = notices(&output, "gap");
    assert_eq!(
        (gaps.len(), &gaps[0]["lost"]),
        (1, &json!("unknown")),
        "{output}"
    );
}

#[test]
fn a_stream_that_was_created_again_is_a_gap() {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let mut client = stream(server, "again", 3);
    let flags = ["--resume", "r", "--start", "first", "--count", "3"];
    let _ = run(&sandbox, &server.url("again.>"), &flags).expect_exit(0);
    client.jetstream("STREAM.DELETE.again", &json!({}));
    let _client = stream(server, "again", 2);
    let output = run(
        &sandbox,
        &server.url("again.>"),
        &["--resume", "r", "--count", "2"],
    );
    let output = output.expect_exit(0);
    assert_eq!(data(&output), numbers([1, 2]), "{output}");
    let gap = &notices(&output, "gap")[0];
    assert!(gap.to_string().contains("created again"), "{output}");
}

#[test]
fn an_ephemeral_consumer_is_deleted_at_the_end() {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let mut client = stream(server, "tidy", 2);
    let _ = run(
        &sandbox,
        &server.url("tidy.>"),
        &["--start", "first", "--count", "1"],
    )
    .expect_exit(0);
    let tail = tail(&sandbox, &server.url("tidy.>"), &["--start", "first"]);
    tail.interrupt();
    let _ = tail.finish().expect_exit(0);
    let names = client.jetstream("CONSUMER.NAMES.tidy", &json!({}));
    assert_eq!(names["total"], 0, "{names}");
}

#[test]
fn a_durable_consumer_continues_after_what_was_acknowledged() {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let mut client = stream(server, "durable", 10);
    let url = server.url("durable.>");
    let flags = ["--durable", "d", "--start", "first", "--count", "4"];
    let output = run(&sandbox, &url, &flags).expect_exit(0);
    assert_eq!(data(&output), numbers(1..=4), "{output}");
    assert!(output.stderr.contains("at least once"), "{output}");
    // The rest of the batch was returned, so it comes at once, marked as delivered before.
    let output = run(&sandbox, &url, &["--durable", "d", "--count", "6"]).expect_exit(0);
    assert_eq!(data(&output), numbers(5..=10), "{output}");
    assert_eq!(
        output.json_lines()[0]["headers"]["nats-num-delivered"],
        "2",
        "{output}"
    );
    let info = client.jetstream("CONSUMER.INFO.durable.d", &json!({}));
    assert_eq!(info["num_ack_pending"], 0, "{info}");
    assert_eq!(info["ack_floor"]["stream_seq"], 10, "{info}");
}

#[test]
fn a_durable_consumer_of_another_kind_is_refused() {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let mut client = stream(server, "kinds", 1);
    for (name, config) in [
        (
            "pushes",
            json!({ "ack_policy": "explicit", "deliver_subject": "x" }),
        ),
        ("unacked", json!({ "ack_policy": "none" })),
        (
            "filtered",
            json!({ "ack_policy": "explicit", "filter_subject": "kinds.b" }),
        ),
    ] {
        let mut config = config;
        config["durable_name"] = name.into();
        let request = json!({ "stream_name": "kinds", "config": config });
        client.jetstream(&format!("CONSUMER.DURABLE.CREATE.kinds.{name}"), &request);
        let output = run(&sandbox, &server.url("kinds.a"), &["--durable", name]);
        let output = output.expect_exit(6);
        assert!(output.stderr.contains("--durable OTHER"), "{output}");
    }
}

#[test]
fn events_are_stored_and_forwarded_from_the_position() {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let app = App::start();
    let mut client = stream(server, "kept", 3);
    client.create_stream("copies", &["copies"], json!({}));
    let target = app.address().to_string();
    let flags = [
        "--resume",
        "k",
        "--start",
        "first",
        "--save",
        "--count",
        "3",
        "--forward",
        &target,
    ];
    let _ = run(&sandbox, &server.url("kept.>"), &flags).expect_exit(0);
    assert_eq!(app.requests().len(), 3);
    client.store("kept.a", &json!(4));
    let copies = server.url("copies?stream=copies");
    let flags = ["--resume", "k", "--count", "1", "--forward", &copies];
    let output = run(&sandbox, &server.url("kept.>"), &flags).expect_exit(0);
    assert_eq!(data(&output), numbers([4]), "{output}");
    let output = run(&sandbox, &copies, &["--start", "first", "--count", "1"]).expect_exit(0);
    assert_eq!(data(&output), numbers([4]), "{output}");
}
