//! What `evt tail` prints on stderr: how to resume, what failed, and what to try.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Stdio;

use serde_json::Value;

use super::{TWO, tail};
use crate::support::sandbox::{notice, stderr_json};
use crate::support::{Sandbox, SseServer, Step};

const WITHOUT_IDS: &str = "data: {\"n\":1}\n\n";

/// A server whose connections stay open after these events.
fn serve(events: &str, connections: usize) -> SseServer {
    let script = || vec![Step::events(), Step::chunk(events), Step::Hold];
    SseServer::start((0..connections).map(|_| script()).collect())
}

fn answers(status: u16, headers: &str) -> SseServer {
    SseServer::start(vec![vec![Step::answer(status, headers, "")]])
}

#[test]
#[cfg(unix)]
fn a_closed_stdout_ends_the_command_quietly_and_without_a_position() {
    let sandbox = Sandbox::new();
    let server = serve(&TWO.repeat(5_000), 1);
    let mut child = sandbox
        .command(["tail", &server.url("/"), "-o", "json"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!stderr.contains("error"), "{stderr}");
    let summary = notice(&stderr, "summary").expect("a summary");
    assert_eq!(
        (&summary["position"], &summary["resume"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_stream_without_ids_warns_about_resume_and_the_next_run_has_a_gap() {
    let sandbox = Sandbox::new();
    let server = serve(WITHOUT_IDS, 3);
    let args = ["--resume", "orders", "--count", "1"];
    let first = tail(&sandbox, &server.url("/"), &args).expect_exit(0);
    let warning = first.notice("warning");
    assert_eq!(
        warning["message"],
        "the server sends no ids: --resume cannot continue here"
    );
    assert_eq!(first.notice("summary")["resume"], Value::Null);
    let second = tail(&sandbox, &server.url("/"), &args).expect_exit(0);
    let reason = second.notice("gap")["reason"].to_string();
    assert!(reason.contains("an earlier run ended"), "{second}");
    let mut strict = args.to_vec();
    strict.push("--fail-on-gap");
    let _ = tail(&sandbox, &server.url("/"), &strict).expect_exit(11);
}

#[test]
fn an_invalid_resume_name_is_refused() {
    let output = Sandbox::new()
        .run(["tail", "127.0.0.1:1/", "--resume", "my orders/../x"])
        .expect_exit(2);
    assert!(
        output.stderr.contains("try  use up to 64 letters"),
        "{output}"
    );
}

#[test]
fn a_resume_name_is_locked_by_one_process() {
    let sandbox = Sandbox::new();
    let server = serve(TWO, 2);
    let args = ["tail", &server.url("/"), "--resume", "orders"];
    let mut first = sandbox.spawn(args);
    first.wait_for_stdout("\"n\":2");
    let second = sandbox.run(args).expect_exit(2);
    let holder = format!("in use by another evt tail, process {}", first.pid());
    assert!(second.stderr.contains(&holder), "{second}");
    first.kill();
    let mut third = sandbox.spawn(args);
    third.wait_for_stdout("\"n\":2");
    third.kill();
}

#[test]
fn a_stream_that_is_not_open_in_time_is_exit_5() {
    // It accepts connections and never responds.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let url = format!("http://{address}/");
    let output = tail(&Sandbox::new(), &url, &["--for", "1200ms"]).expect_exit(5);
    let error = output.error();
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with("not connected after 1.2 s: "),
        "{message}"
    );
    assert!(message.contains(&address), "{message}");
    assert!(!output.stderr.contains("summary"), "{output}");
    output.notice("connecting");
}

#[test]
fn timeout_limits_the_time_to_connect() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let output = Sandbox::new().run(["tail", &url, "--timeout", "200ms"]);
    let output = output.expect_exit(5);
    assert!(output.stderr.contains("--timeout 60s"), "{output}");
}

#[test]
fn quiet_json_prints_only_gaps_and_errors() {
    let server = SseServer::start(vec![
        vec![Step::events(), Step::chunk(WITHOUT_IDS), Step::end()],
        vec![Step::events(), Step::chunk(WITHOUT_IDS), Step::Hold],
    ]);
    let output = tail(&Sandbox::new(), &server.url("/"), &["-q", "--count", "2"]);
    let stderr = output.expect_exit(0).stderr;
    let names: Vec<Value> = stderr_json(&stderr)
        .map(|mut line| line["notice"].take())
        .collect();
    assert_eq!(names, ["gap"]);
}

#[test]
fn text_without_an_answer_is_a_warning() {
    let server = serve("data: [1]\n\n", 1);
    let output = Sandbox::new().run(["tail", &server.url("/"), "--text", "--count", "1"]);
    let output = output.expect_exit(0);
    assert!(output.stderr.contains("leave --text out"), "{output}");
}

#[test]
fn text_conflicts_with_json() {
    let output = Sandbox::new()
        .run(["tail", "127.0.0.1:1/", "--text", "-o", "json"])
        .expect_exit(2);
    assert!(output.stderr.contains("JSON was requested"), "{output}");
}

#[test]
fn hints_for_another_server_do_not_mention_the_platform() {
    let output = tail(&Sandbox::new(), &answers(404, "").url("/"), &[]).expect_exit(3);
    assert!(output.stderr.contains("check the path"), "{output}");
    assert!(!output.stderr.contains("platform"), "{output}");
}

#[test]
fn a_stream_of_another_transport_is_suggested_with_its_url() {
    let events = SseServer::start(vec![vec![Step::events(), Step::Hold]]);
    let http = events.url("/events");
    let ws = http.replace("http://", "ws://");
    let output = tail(&Sandbox::new(), &ws, &[]).expect_exit(6);
    assert!(
        output.stderr.contains(&format!("evt tail {http}")),
        "{output}"
    );

    let server = answers(426, "upgrade: websocket\r\n");
    let socket = server.url("/ws");
    let output = tail(&Sandbox::new(), &socket, &[]).expect_exit(6);
    let hint = format!("evt tail {}", socket.replace("http://", "ws://"));
    assert!(output.stderr.contains(&hint), "{output}");
}

#[test]
fn only_successful_reconnects_are_counted() {
    let server = SseServer::start(vec![
        vec![Step::events(), Step::chunk(TWO), Step::end()],
        vec![Step::answer(503, "", "")],
        vec![Step::answer(503, "", "")],
    ]);
    let output = tail(&Sandbox::new(), &server.url("/"), &["--max-retries", "2"]);
    assert_eq!(output.expect_exit(5).notice("summary")["reconnects"], 0);
}

const CHUNK: &str = "data: {\"type\":\"chunk\",\"content\":\"Hello\"}\n\n";

#[test]
fn an_incomplete_answer_at_the_end_of_the_time_is_exit_9() {
    let server = serve(CHUNK, 1);
    let output = Sandbox::new()
        .run(["tail", &server.url("/"), "--text", "--for", "500ms"])
        .expect_exit(9);
    assert!(
        output.stderr.contains("the answer is not complete"),
        "{output}"
    );
    assert_eq!(output.stdout, "Hello\n");
}

#[test]
#[cfg(unix)]
fn a_notice_starts_on_a_new_line_after_text() {
    let server = SseServer::start(vec![
        vec![Step::events(), Step::chunk(CHUNK), Step::end()],
        vec![Step::answer(204, "", "")],
    ]);
    let sandbox = Sandbox::new();
    let path = sandbox.work().join("both.txt");
    let file = std::fs::File::create(&path).unwrap();
    let status = sandbox
        .command(["tail", &server.url("/"), "--text"])
        .stderr(file.try_clone().unwrap())
        .stdout(file)
        .status()
        .unwrap();
    assert!(status.success());
    let both = std::fs::read_to_string(path).unwrap();
    assert!(both.contains("Hello\nThe connection was lost"), "{both}");
}

#[test]
fn a_failed_answer_is_reported_once() {
    let failed = "data: {\"type\":\"error\",\"message\":\"overloaded\"}\n\n";
    let server = SseServer::start(vec![vec![Step::events(), Step::chunk(failed), Step::end()]]);
    let args = ["tail", &server.url("/"), "--text", "--until-end"];
    let output = Sandbox::new().run(args).expect_exit(6);
    assert_eq!(output.stderr.matches("overloaded").count(), 1, "{output}");
    assert!(!output.stderr.contains("complete"), "{output}");
}

#[test]
fn invalid_arguments_are_explained() {
    for (args, words) in [
        (["--count", "0"], "at least 1"),
        (["--expect", "data.amount>"], "is not a condition"),
        (["--record", "/nonexist/x"], "/nonexist/x"),
        (["--record", "/nonexist/x"], "mkdir -p /nonexist"),
    ] {
        let server = serve(TWO, 1);
        let output = Sandbox::new().run(["tail", &server.url("/"), args[0], args[1]]);
        let output = output.expect_exit(2);
        assert!(output.stderr.contains(words), "{output}");
    }
}

#[test]
fn a_field_that_no_event_has_is_reported() {
    let server = serve(TWO, 1);
    let args = ["--where", "data.amont > 1", "--for", "500ms"];
    let output = tail(&Sandbox::new(), &server.url("/"), &args).expect_exit(0);
    let hint = output.notice("never_there");
    assert_eq!(
        (&hint["condition"], &hint["events"]),
        (&"data.amont > 1".into(), &2.into())
    );
}
