//! `evt tail` from the wire to the reader: what is printed, kept, recorded and passed on, and what a slow or absent reader does.

use std::io::{BufRead, BufReader, Read};
use std::time::{Duration, Instant};

use evt::store::{Kind, Store, cursors};

use crate::support::app::App;
use crate::support::sandbox::{Output, Running, Sandbox, mode};
use crate::support::sse_server::{SseServer, Step};

/// A stream that ends.
fn ending(body: &str) -> SseServer {
    SseServer::start(vec![
        vec![Step::events(), Step::chunk(body), Step::end()],
        vec![Step::answer(204, "", "")],
    ])
}

/// A stream that stays open after what it sends.
fn open(body: &str) -> SseServer {
    SseServer::start(vec![vec![Step::events(), Step::chunk(body), Step::Hold]])
}

fn events(numbers: std::ops::Range<u64>) -> String {
    numbers
        .map(|number| format!("id: {number}\nevent: order.placed\ndata: {{\"n\":{number}}}\n\n"))
        .collect()
}

fn numbers(output: &Output) -> Vec<u64> {
    let lines = output.json_lines();
    lines
        .iter()
        .map(|line| line["data"]["n"].as_u64().unwrap())
        .collect()
}

fn notice(stderr: &str, name: &str) -> Option<serde_json::Value> {
    let mut notices = stderr
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    notices.find(|notice| notice["notice"] == name)
}

#[test]
fn a_reader_that_has_had_enough_ends_it_at_once_although_nothing_more_comes() {
    let server = open(&events(0..1));
    let sandbox = Sandbox::new();
    let mut child = sandbox.command(["tail", &server.url("/")]).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains(r#""data":{"n":0}"#), "{line}");
    let closed = Instant::now();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    // Far below any interval by which it could be found out by chance.
    assert!(closed.elapsed() < Duration::from_secs(5));
}

#[test]
fn conditions_and_jq_choose_and_shape_what_is_printed() {
    let server = ending(&events(0..10));
    let output = Sandbox::new().run([
        "tail",
        &server.url("/"),
        "--until-end",
        "--where",
        "data.n >= 8",
        "--jq",
        "{t: .type, n: .data.n, seq}",
    ]);
    let output = output.expect_exit(0);
    assert_eq!(
        output.stdout,
        "{\"t\":\"order.placed\",\"n\":8,\"seq\":9}\n{\"t\":\"order.placed\",\"n\":9,\"seq\":10}\n"
    );
}

#[test]
fn raw_is_the_payload_as_it_came() {
    let server = ending("data: one\ndata: two\n\ndata: { \"a\": 1.0 }\n\n");
    let output = Sandbox::new().run(["tail", &server.url("/"), "--until-end", "-o", "raw"]);
    assert_eq!(output.expect_exit(0).stdout, "one\ntwo\n{ \"a\": 1.0 }\n");
}

/// More than pipe, buffers and one piece hold.
const MANY: usize = 60_000;

fn chunk(body: &str) -> Vec<u8> {
    format!("{:x}\r\n{body}\r\n", body.len()).into_bytes()
}

/// Follows a stream of `MANY` messages and a last one, and reads nothing of stdout.
fn start_unread(on_slow: &str) -> (Sandbox, SseServer, std::process::Child) {
    let padding = "x".repeat(100);
    let event = format!("data: {{\"pad\":\"{padding}\"}}\n\n");
    let server = SseServer::start(vec![vec![
        Step::events(),
        Step::Repeat(chunk(&event.repeat(100)), MANY / 100),
        Step::chunk("event: last\ndata: 1\n\n"),
        Step::Hold,
    ]]);
    let url = server.url("/");
    let sandbox = Sandbox::new();
    let args = [
        "tail",
        "-o",
        "json",
        "--expect",
        "last",
        "--on-slow",
        on_slow,
        &url,
    ];
    let child = sandbox.command(args).spawn().unwrap();
    (sandbox, server, child)
}

#[test]
fn with_block_a_reader_that_comes_late_gets_everything() {
    let (_sandbox, _server, mut child) = start_unread("block");
    // The first line of stderr says that the stream is open: from here on it is read, and nobody reads stdout.
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut String::new()).unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(stdout.lines().count(), MANY + 1);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn with_drop_what_is_missing_is_what_the_gap_says() {
    let (_sandbox, _server, mut child) = start_unread("drop");
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let stdout = child.stdout.take().unwrap();
    // The summary is said once all that stdout takes is written: nobody has read until the stream is over.
    let mut said = String::new();
    while !said.contains("\"gap\"") && stderr.read_line(&mut said).unwrap() > 0 {}
    let reading = std::thread::spawn(move || BufReader::new(stdout).lines().count() as u64);
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
    let printed = reading.join().unwrap();
    let summary = notice(&said, "summary").unwrap();
    let dropped = summary["dropped"].as_u64().unwrap();
    assert_eq!(printed + dropped, MANY as u64 + 1, "{said}");
    let gaps: u64 = said
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|notice| notice["type"] == "gap")
        .map(|gap| gap["lost"].as_u64().unwrap())
        .sum();
    assert_eq!(gaps, dropped, "{said}");
}

#[test]
fn with_exit_a_reader_that_takes_nothing_ends_it_with_11() {
    let (_sandbox, _server, mut child) = start_unread("exit");
    let mut said = String::new();
    let mut stderr = child.stderr.take().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(11), "{said}");
}

fn cursor(sandbox: &Sandbox, url: &str) -> Option<String> {
    let path = sandbox.home().join("data/inbox.db");
    let store = Store::open(&path, Kind::Inbox).unwrap();
    let found = store.read_blocking(|connection| cursors::get(connection, "orders"));
    let found = found.unwrap()?;
    assert!(
        url.starts_with(&found.stream) || found.stream.starts_with(url),
        "{found:?}"
    );
    Some(found.position)
}

#[test]
fn a_cursor_stands_at_the_last_event_that_was_printed() {
    let server = open(&events(0..10));
    let url = server.url("/");
    let sandbox = Sandbox::new();
    let args = ["tail", &url, "--resume", "orders", "--count", "10"];
    let output = sandbox.run(args).expect_exit(0);
    assert_eq!(numbers(&output), (0..10).collect::<Vec<_>>());
    assert_eq!(cursor(&sandbox, &url).as_deref(), Some("9"));
}

#[test]
fn a_cursor_never_passes_what_a_killed_process_had_printed() {
    let mut script = vec![Step::events()];
    script.extend((0..400).map(|piece| Step::chunk(events(piece * 50..piece * 50 + 50))));
    script.push(Step::Hold);
    let server = SseServer::start(vec![script]);
    let url = server.url("/");
    let sandbox = Sandbox::new();
    let mut child = sandbox
        .command(["tail", &url, "--resume", "orders"])
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut printed = Vec::new();
    for _ in 0..2_000 {
        stdout.read_until(b'\n', &mut printed).unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What the pipe still holds was printed, too.
    stdout.read_to_end(&mut printed).unwrap();
    let whole = printed.iter().filter(|byte| **byte == b'\n').count() as u64;
    if let Some(position) = cursor(&sandbox, &url) {
        let position: u64 = position.parse().unwrap();
        assert!(
            position < whole,
            "the cursor is at {position}, {whole} were printed"
        );
    }
}

#[test]
fn what_is_forwarded_is_kept_first_and_delivered_signed() {
    let server = open("id: 41\nevent: order.placed\ndata: { \"n\": 1.0 }\n\n");
    let app = App::start();
    let sandbox = Sandbox::new();
    let output = sandbox.run([
        "tail",
        &server.url("/feed"),
        "--count",
        "1",
        "--forward",
        &app.url("/hook"),
        "--secret",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ]);
    let output = output.expect_exit(0);
    assert!(output.stdout.starts_with(r#"{"ref":"e_0001","#), "{output}");
    let requests = app.wait_for(1);
    let request = &requests[0];
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("POST", "/hook")
    );
    assert_eq!(request.body, b"{ \"n\": 1.0 }");
    assert_eq!(request.header("x-event-type"), Some("order.placed"));
    assert_eq!(request.header("last-event-id"), Some("41"));
    assert!(
        request
            .header("webhook-id")
            .is_some_and(|id| id.starts_with("msg_"))
    );
    assert!(
        request
            .header("webhook-signature")
            .is_some_and(|all| all.starts_with("v1,"))
    );
    let listed = sandbox.run(["events", "list", "-o", "json"]).expect_exit(0);
    let event = &listed.json_lines()[0];
    assert_eq!(
        (&event["source"], &event["outcome"]),
        (&"tail".into(), &"delivered".into())
    );
}

#[test]
fn a_delivery_that_cannot_be_made_yet_outlives_the_stream() {
    let server = open(&events(0..3));
    let sandbox = Sandbox::new();
    let absent = crate::support::absent::Absent::new();
    let output = sandbox.run([
        "tail",
        &server.url("/"),
        "-o",
        "json",
        "--count",
        "3",
        "--forward",
        &format!("http://{}/hook", absent.address()),
    ]);
    let output = output.expect_exit(0);
    let waiting = notice(&output.stderr, "waiting").unwrap();
    assert_eq!(waiting["deliveries"], 3, "{output}");
}

#[test]
fn a_recording_is_private_imported_and_replayed() {
    let body = "id: 41\nevent: order.placed\ndata: { \"n\": 1.0 }\n\n";
    let server = ending(body);
    let app = App::start();
    let sandbox = Sandbox::new();
    let args = [
        "tail",
        &server.url("/"),
        "--until-end",
        "--record",
        "feed.ndjson",
    ];
    let _ = sandbox.run(args).expect_exit(0);
    let file = sandbox.work().join("feed.ndjson");
    #[cfg(unix)]
    assert_eq!(mode(&file), 0o600);
    let _ = sandbox
        .run(["events", "import", "feed.ndjson"])
        .expect_exit(0);
    let listed = sandbox.run(["events", "list", "-o", "json"]).expect_exit(0);
    let event = &listed.json_lines()[0];
    assert_eq!(
        (&event["type"], &event["id"]),
        (&"order.placed".into(), &"41".into())
    );
    let to = app.url("");
    let replayed = sandbox.run(["events", "replay", "@last", "--to", &to]);
    let _ = replayed.expect_exit(0);
    assert_eq!(app.wait_for(1)[0].body, b"{ \"n\": 1.0 }");
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .contains("\"received_at\"")
    );
}

#[test]
fn memory_stays_flat_while_nobody_reads() {
    let (_sandbox, _server, mut child) = start_unread("block");
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut String::new()).unwrap();
    let peak = peak_memory(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    // A debug binary with its tables; what was sent beyond pipe and buffers would add some 15 MB.
    if let Some(kilobytes) = peak {
        assert!(kilobytes < 60_000, "{kilobytes} kB");
    }
}

/// The most that the process has had in memory, in kB; `None` where the system does not tell.
fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn a_wrong_expression_is_shown_with_its_place() {
    let output = Sandbox::new().run(["tail", "http://127.0.0.1:9/", "--jq", ".data | fooo"]);
    let output = output.expect_exit(2);
    assert!(output.stderr.contains("        ^"), "{output}");
}

#[test]
fn with_explicit_json_notices_are_lines_for_scripts() {
    let server = SseServer::start(vec![
        vec![Step::events(), Step::chunk(events(0..1))],
        vec![
            Step::events(),
            Step::chunk("data: {\"n\":5}\n\n"),
            Step::Hold,
        ],
    ]);
    let args = ["tail", &server.url("/"), "-o", "json", "--count", "2"];
    let output = Sandbox::new().run(args).expect_exit(0);
    assert!(notice(&output.stderr, "retrying").is_some(), "{output}");
    let connected = notice(&output.stderr, "connected").unwrap();
    assert_eq!(
        (&connected["transport"], &connected["reconnects"]),
        (&"sse".into(), &0.into())
    );
}

#[test]
fn ctrl_c_prints_what_came_and_ends_with_0() {
    let server = open(&events(0..3));
    let sandbox = Sandbox::new();
    let mut tail: Running = sandbox.spawn(["tail", &server.url("/")]);
    tail.wait_for_stdout(r#""n":2"#);
    tail.interrupt();
    let output = tail.finish().expect_exit(0);
    assert_eq!(numbers(&output), [0, 1, 2]);
}
