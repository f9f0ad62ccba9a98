//! Publishing: `evt send --to nats://…`.

use serde_json::json;

use super::{NatsServer, tail};
use crate::support::{Output, Sandbox};

fn send(sandbox: &Sandbox, to: &str, more: &[&str]) -> Output {
    let mut all = vec!["send", "contact.created", "--to", to, "-o", "json"];
    all.extend_from_slice(more);
    sandbox.run(all)
}

#[test]
fn a_message_without_a_stream_is_sent() {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let tail = tail(&sandbox, &server.url("sent.a"), &["--count", "1"]);
    let output = send(&sandbox, &server.url("sent.a"), &["-H", "x-trace: 7"]).expect_exit(0);
    let sent = &output.json_lines()[0];
    assert_eq!(sent["confirmed"], false);
    let printed = &tail.finish().expect_exit(0).json_lines()[0];
    assert_eq!(printed["type"], "contact.created");
    assert_eq!(printed["id"], sent["id"]);
    assert_eq!(printed["headers"]["x-trace"], "7");
    assert_eq!(printed["headers"]["content-type"], "application/json");
}

#[test]
fn a_stream_confirms_and_recognises_a_repetition() {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    server
        .client()
        .create_stream("CONFIRMED", &["confirmed.>"], json!({}));
    let to = server.url("confirmed.a?stream=CONFIRMED");
    for duplicate in [false, true] {
        let output = send(&sandbox, &to, &["--seed", "1"]).expect_exit(0);
        let receipt = &output.json_lines()[0];
        assert_eq!(receipt["stored"], "stream CONFIRMED, sequence 1");
        assert_eq!(receipt["duplicate"], duplicate);
    }
    let output = send(
        &sandbox,
        &server.url("confirmed.a?jetstream"),
        &["--times", "50"],
    );
    assert_eq!(output.expect_exit(0).json_lines()[0]["confirmed"], 50);
}

#[test]
fn a_subject_without_a_stream_is_exit_7_with_the_command_that_creates_one() {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    server
        .client()
        .create_stream("ELSEWHERE", &["elsewhere"], json!({}));
    // A subscriber does not count.
    let _tail = tail(&sandbox, &server.url("nowhere"), &[]);
    for query in ["jetstream", "stream=ELSEWHERE"] {
        let output = send(&sandbox, &server.url(&format!("nowhere?{query}")), &[]).expect_exit(7);
        assert!(output.stderr.contains("nats stream add"), "{output}");
    }
    let output = send(&sandbox, &server.url("elsewhere?stream=OTHER"), &[]).expect_exit(7);
    assert!(
        output
            .stderr
            .contains("stream OTHER does not store elsewhere"),
        "{output}"
    );
}

#[test]
fn a_full_stream_rejects_a_message() {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let limits = json!({ "max_msgs": 1, "discard": "new" });
    server.client().create_stream("FULL", &["full"], limits);
    let to = server.url("full?stream=FULL");
    let _ = send(&sandbox, &to, &[]).expect_exit(0);
    let output = send(&sandbox, &to, &[]).expect_exit(7);
    assert!(output.stderr.contains("rejected_by_broker"), "{output}");
}

#[test]
fn a_forbidden_subject_is_exit_4() {
    let users = r#"authorization { users: [ { user: w, password: p, permissions: { publish: ["open"] } } ] }"#;
    let Some(server) = NatsServer::start(users) else {
        return;
    };
    let sandbox = Sandbox::new().with("P", "p");
    let login = ["--user", "w", "--password", "env:P"];
    let _ = send(&sandbox, &server.url("open"), &login).expect_exit(0);
    let output = send(&sandbox, &server.url("closed"), &login).expect_exit(4);
    assert!(output.stderr.contains("publishing to closed"), "{output}");
}

#[test]
fn a_message_above_the_servers_limit_is_refused() {
    let Some(server) = NatsServer::start("max_payload: 100") else {
        return;
    };
    let sandbox = Sandbox::new();
    let output = send(&sandbox, &server.url("a"), &[]).expect_exit(6);
    assert!(output.stderr.contains("100 bytes"), "{output}");
}

#[test]
fn a_dry_run_prints_the_frame() {
    let sandbox = Sandbox::new();
    let flags = [
        "send",
        "contact.created",
        "--to",
        "nats://h/a.b?stream=S",
        "--dry-run",
    ];
    let output = sandbox.run(flags).expect_exit(0);
    let frame = output.json_lines()[0]["frame"].to_string();
    assert!(frame.starts_with("\"HPUB a.b _INBOX.… "), "{output}");
    assert!(frame.contains("Nats-Expected-Stream: S"), "{output}");
}
