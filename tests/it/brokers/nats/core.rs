//! Subscriptions without a stream.

use serde_json::json;

use super::{NatsServer, data, notices, tail};
use crate::support::Sandbox;

#[test]
fn a_record_has_the_subject_the_headers_and_the_reply() {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let tail = tail(&sandbox, &server.url("rec.*.created"), &["--count", "3"]);
    let mut client = server.client();
    client.publish("rec.other", "{}");
    client.publish("rec.a.created", r#"{"n":12345678901234567890}"#);
    client.send(
        "HPUB rec.b.created in.box 53 53\r\nNATS/1.0\r\nNats-Msg-Id: 7\r\nA: 1\r\nA: 2\r\nbad name: 3\r\n\r\n\r\n",
    );
    client.publish("rec.c.created", b"\xff\x00");
    let output = tail.finish().expect_exit(0);
    let lines = output.json_lines();
    assert!(
        output
            .stdout
            .contains(r#""data":{"n":12345678901234567890}"#),
        "{output}"
    );
    assert_eq!(lines[0]["channel"], "rec.a.created");
    assert_eq!(lines[1]["id"], "7");
    assert_eq!(
        lines[1]["headers"],
        json!({ "nats-msg-id": "7", "a": ["1", "2"], "nats-reply-to": "in.box" })
    );
    assert_eq!(lines[1]["data"], "");
    assert_eq!(lines[2]["data"]["base64"], "/wA=", "{output}");
}

#[test]
fn the_connect_line_names_the_server_and_the_guarantee() {
    let Some(server) = NatsServer::start("server_name: n1") else {
        return;
    };
    let sandbox = Sandbox::new();
    let mut tail = sandbox.spawn(["tail", &server.url("a.>")]);
    let line = tail.wait_for_stderr("Connected");
    assert!(line.contains("a.> at n1 2."), "{line}");
    assert!(line.contains("with JetStream; at most once"), "{line}");
    tail.interrupt();
    let _ = tail.finish().expect_exit(0);
}

#[test]
fn the_members_of_a_queue_group_share_the_messages() {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let mut tail = tail(&sandbox, &server.url("queued?queue=g"), &[]);
    let mut member = server.client();
    member.send("SUB queued g 9\r\n");
    server
        .client()
        .publish_all("queued", (0..100).map(|n| n.to_string()));
    let others = member.received();
    let own: Vec<String> = (0..100)
        .map(|n: u32| n.to_string())
        .filter(|n| !others.contains(n))
        .collect();
    let last = own.last().expect("some of 100 messages");
    tail.wait_for_stdout(&format!("\"data\":{last}}}"));
    tail.interrupt();
    let output = tail.finish().expect_exit(0);
    let printed: Vec<String> = data(&output).iter().map(ToString::to_string).collect();
    assert_eq!(printed, own);
}

#[test]
fn a_message_that_is_too_large_is_skipped_and_reported() {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let tail = tail(
        &sandbox,
        &server.url("large"),
        &["--count", "2", "--max-message-size", "100KiB"],
    );
    let mut client = server.client();
    client.publish_all("large", ["1", &"x".repeat(200 * 1024), "2"]);
    let output = tail.finish().expect_exit(0);
    assert_eq!(data(&output), [json!(1), json!(2)]);
    assert_eq!(notices(&output, "malformed").len(), 1, "{output}");
}

#[test]
fn a_server_that_shuts_down_slowly_is_reported_and_awaited() {
    let Some(server) =
        NatsServer::start("lame_duck_duration: \"30s\"\nlame_duck_grace_period: \"1s\"")
    else {
        return;
    };
    let sandbox = Sandbox::new();
    let mut tail = tail(&sandbox, &server.url("duck"), &[]);
    server.signal(rustix::process::Signal::USR2);
    tail.wait_for_stderr("lame duck mode");
    tail.wait_for_stderr("\"retrying\"");
    tail.interrupt();
    let _ = tail.finish().expect_exit(0);
}

/// The memory of a process at its peak, in KiB.
#[cfg(target_os = "linux")]
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn memory_stays_bounded_while_nobody_reads_stdout() {
    use std::io::{BufRead, BufReader};
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let mut child = sandbox
        .command(["tail", &server.url("stalled"), "-o", "json"])
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("connected"), "{line}");
    let before = peak(child.id());
    let mut client = server.client();
    let payload = vec![b'x'; 200_000];
    for _ in 0..200 {
        client.publish("stalled", &payload);
    }
    let after = peak(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    let grown = after - before;
    assert!(
        grown < 20_000,
        "40 MB arrived and the process grew by {grown} KiB"
    );
}
