//! What `evt tail` tells a person beside the events: where to go on, what is wrong and what to try.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Output, Sandbox, SseServer, Step};

const TWO: &str = "id: 41\ndata: {\"n\":1}\n\nid: 42\ndata: {\"n\":2}\n\n";
const WITHOUT_IDS: &str = "data: {\"n\":1}\n\n";

/// A server whose connections stay open after these events.
fn serve(events: &str, connections: usize) -> SseServer {
    let script = || vec![Step::events(), Step::chunk(events), Step::Hold];
    SseServer::start((0..connections).map(|_| script()).collect())
}

fn answers(status: u16, headers: &str) -> SseServer {
    SseServer::start(vec![vec![Step::answer(status, headers, "")]])
}

fn lines(output: &Output) -> Vec<Value> {
    let lines = output.stderr.lines();
    lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn notice(output: &Output, name: &str) -> Value {
    let mut lines = lines(output).into_iter();
    lines
        .find(|line| line["notice"] == name)
        .unwrap_or_else(|| panic!("no notice `{name}`: {output}"))
}

fn tail(sandbox: &Sandbox, url: &str, args: &[&str]) -> Output {
    let mut all = vec!["tail", url, "-o", "json"];
    all.extend_from_slice(args);
    sandbox.run(all)
}

#[test]
#[cfg(unix)]
fn after_a_closed_pipe_nobody_knows_where_to_go_on() {
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
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let summary = said
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|line| line["notice"] == "summary")
        .expect("a summary");
    assert_eq!(
        (&summary["position"], &summary["resume"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_stream_without_ids_says_that_a_name_is_of_no_use_and_the_next_run_has_a_gap() {
    let sandbox = Sandbox::new();
    let server = serve(WITHOUT_IDS, 3);
    let args = ["--resume", "orders", "--count", "1"];
    let first = tail(&sandbox, &server.url("/"), &args).expect_exit(0);
    let warning = notice(&first, "warning");
    assert_eq!(
        warning["message"],
        "it sends no ids: --resume cannot go on here"
    );
    assert_eq!(notice(&first, "summary")["resume"], Value::Null);
    let second = tail(&sandbox, &server.url("/"), &args).expect_exit(0);
    let reason = notice(&second, "gap")["reason"].to_string();
    assert!(reason.contains("an earlier run ended"), "{second}");
    let mut strict = args.to_vec();
    strict.push("--fail-on-gap");
    let _ = tail(&sandbox, &server.url("/"), &strict).expect_exit(11);
}

#[test]
fn a_name_for_a_websocket_is_refused_with_the_reason() {
    let output = Sandbox::new()
        .run(["tail", "ws://127.0.0.1:1/", "--resume", "orders"])
        .expect_exit(2);
    assert!(
        output.stderr.contains("no positions to go on from"),
        "{output}"
    );
}

#[test]
fn a_name_is_letters_digits_and_three_signs() {
    let output = Sandbox::new()
        .run(["tail", "127.0.0.1:1/", "--resume", "my orders/../x"])
        .expect_exit(2);
    assert!(output.stderr.contains("try  letters, digits"), "{output}");
}

#[test]
fn a_name_is_one_commands_at_a_time() {
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
fn a_time_that_is_over_before_the_stream_is_open_is_exit_5() {
    // It takes connections and never answers.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = deaf.local_addr().unwrap().to_string();
    let url = format!("http://{address}/");
    let output = tail(&Sandbox::new(), &url, &["--for", "1200ms"]).expect_exit(5);
    let lines = lines(&output);
    let error = lines.iter().find(|line| line["error"].is_object()).unwrap();
    let message = error["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("not connected after 1.2 s: "),
        "{message}"
    );
    assert!(message.contains(&address), "{message}");
    assert!(!output.stderr.contains("summary"), "{output}");
    notice(&output, "connecting");
}

#[test]
fn connecting_has_a_limit_that_a_flag_sets() {
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", deaf.local_addr().unwrap());
    let output = Sandbox::new().run(["tail", &url, "--timeout", "200ms"]);
    let output = output.expect_exit(5);
    assert!(output.stderr.contains("--timeout 60s"), "{output}");
}

#[test]
fn quiet_json_keeps_gaps_and_errors_alone() {
    let server = SseServer::start(vec![
        vec![Step::events(), Step::chunk(WITHOUT_IDS), Step::end()],
        vec![Step::events(), Step::chunk(WITHOUT_IDS), Step::Hold],
    ]);
    let output = tail(&Sandbox::new(), &server.url("/"), &["-q", "--count", "2"]);
    let said: Vec<Value> = lines(&output.expect_exit(0));
    let names: Vec<&Value> = said.iter().map(|line| &line["notice"]).collect();
    assert_eq!(names, ["gap"]);
}

#[test]
fn text_of_what_is_no_answer_is_a_warning() {
    let server = serve("data: [1]\n\n", 1);
    let output = Sandbox::new().run(["tail", &server.url("/"), "--text", "--count", "1"]);
    let output = output.expect_exit(0);
    assert!(output.stderr.contains("leave --text out"), "{output}");
}

#[test]
fn text_is_not_json() {
    let output = Sandbox::new()
        .run(["tail", "127.0.0.1:1/", "--text", "-o", "json"])
        .expect_exit(2);
    assert!(output.stderr.contains("JSON was asked for"), "{output}");
}

#[test]
fn a_foreign_server_is_not_taken_for_the_platform() {
    let output = tail(&Sandbox::new(), &answers(404, "").url("/"), &[]).expect_exit(3);
    assert!(output.stderr.contains("check the path"), "{output}");
    assert!(!output.stderr.contains("platform"), "{output}");
}

#[test]
fn a_stream_of_another_kind_is_named_with_its_url() {
    let events = SseServer::start(vec![vec![Step::events(), Step::Hold]]);
    let http = events.url("/events");
    let ws = http.replace("http://", "ws://");
    let output = tail(&Sandbox::new(), &ws, &[]).expect_exit(6);
    assert!(
        output.stderr.contains(&format!("evt tail {http}")),
        "{output}"
    );

    let socket = answers(426, "upgrade: websocket\r\n").url("/ws");
    let output = tail(&Sandbox::new(), &socket, &[]).expect_exit(6);
    let hint = format!("evt tail {}", socket.replace("http://", "ws://"));
    assert!(output.stderr.contains(&hint), "{output}");
}

#[test]
fn only_a_reconnect_that_succeeded_is_counted() {
    let server = SseServer::start(vec![
        vec![Step::events(), Step::chunk(TWO), Step::end()],
        vec![Step::answer(503, "", "")],
        vec![Step::answer(503, "", "")],
    ]);
    let output = tail(&Sandbox::new(), &server.url("/"), &["--max-retries", "2"]);
    assert_eq!(notice(&output.expect_exit(5), "summary")["reconnects"], 0);
}

const CHUNK: &str = "data: {\"type\":\"chunk\",\"content\":\"Hello\"}\n\n";

#[test]
fn an_answer_that_is_cut_by_the_time_is_exit_9() {
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
fn a_notice_does_not_follow_half_a_line_of_an_answer_in_one_file() {
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
fn an_answer_that_failed_is_said_to_have_once() {
    let failed = "data: {\"type\":\"error\",\"message\":\"overloaded\"}\n\n";
    let server = SseServer::start(vec![vec![Step::events(), Step::chunk(failed), Step::end()]]);
    let args = ["tail", &server.url("/"), "--text", "--until-end"];
    let output = Sandbox::new().run(args).expect_exit(6);
    assert_eq!(output.stderr.matches("overloaded").count(), 1, "{output}");
    assert!(!output.stderr.contains("complete"), "{output}");
}

#[test]
fn what_cannot_be_meant_is_explained_in_words() {
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
fn a_field_that_was_in_no_event_is_named() {
    let server = serve(TWO, 1);
    let args = ["--where", "data.amont > 1", "--for", "500ms"];
    let output = tail(&Sandbox::new(), &server.url("/"), &args).expect_exit(0);
    let hint = notice(&output, "never_there");
    assert_eq!(
        (&hint["condition"], &hint["events"]),
        (&"data.amont > 1".into(), &2.into())
    );
}
