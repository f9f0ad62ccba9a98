//! From the stream to the output: printed, saved, recorded and forwarded events, and slow or missing readers.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use evt::store::{Kind, Store, cursors};

use crate::support::app::App;
use crate::support::sandbox::{Output, Running, Sandbox, mode, notice, stderr_json};
use crate::support::sse_server::{SseServer, Step};

/// A stream that ends.
fn ending(body: &str) -> SseServer {
    SseServer::start(vec![
        vec![Step::events(), Step::chunk(body), Step::end()],
        vec![Step::answer(204, "", "")],
    ])
}

/// A stream that stays open after its events.
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

#[test]
fn a_closed_stdout_ends_a_silent_stream_immediately() {
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
    // Much less than any interval of a periodic check.
    assert!(closed.elapsed() < Duration::from_secs(5));
}

#[test]
fn conditions_select_and_jq_transforms_records() {
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
fn raw_prints_the_unchanged_payload() {
    let server = ending("data: one\ndata: two\n\ndata: { \"a\": 1.0 }\n\n");
    let output = Sandbox::new().run(["tail", &server.url("/"), "--until-end", "-o", "raw"]);
    assert_eq!(output.expect_exit(0).stdout, "one\ntwo\n{ \"a\": 1.0 }\n");
}

/// More than the pipe, all buffers and one piece hold.
const MANY: usize = 60_000;

fn chunk(body: &str) -> Vec<u8> {
    format!("{:x}\r\n{body}\r\n", body.len()).into_bytes()
}

/// Follows a stream of `MANY` messages and a last one, and does not read stdout.
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
fn with_block_a_late_reader_gets_everything() {
    let (_sandbox, _server, mut child) = start_unread("block");
    // The first line of stderr says that the stream is open. It is read from here on, while stdout is not.
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut String::new()).unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(stdout.lines().count(), MANY + 1);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn with_drop_the_gaps_count_the_missing_messages() {
    let (_sandbox, _server, mut child) = start_unread("drop");
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let stdout = child.stdout.take().unwrap();
    // The gap is printed after stdout has accepted everything it can, so stdout is not read before the end of the
    // stream.
    let mut stderr = String::new();
    while !stderr.contains("\"gap\"") && errors.read_line(&mut stderr).unwrap() > 0 {}
    let reading = std::thread::spawn(move || BufReader::new(stdout).lines().count() as u64);
    errors.read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
    let printed = reading.join().unwrap();
    let summary = notice(&stderr, "summary").unwrap();
    let dropped = summary["dropped"].as_u64().unwrap();
    assert_eq!(printed + dropped, MANY as u64 + 1, "{stderr}");
    let gaps: u64 = stderr_json(&stderr)
        .filter(|notice| notice["type"] == "gap")
        .map(|gap| gap["lost"].as_u64().unwrap())
        .sum();
    assert_eq!(gaps, dropped, "{stderr}");
}

#[test]
fn with_exit_a_reader_that_reads_nothing_is_exit_11() {
    let (_sandbox, _server, mut child) = start_unread("exit");
    let mut stderr = String::new();
    let mut errors = child.stderr.take().unwrap();
    errors.read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(11), "{stderr}");
}

fn cursor(sandbox: &Sandbox, url: &str) -> Option<String> {
    let path = sandbox.home().join("data/inbox.db");
    let store = Store::open(&path, Kind::Inbox).unwrap();
    let all = store.read_blocking(cursors::list).unwrap();
    let found = all.into_iter().find(|cursor| cursor.name == "orders")?;
    assert!(
        url.starts_with(&found.stream) || found.stream.starts_with(url),
        "{found:?}"
    );
    Some(found.position)
}

#[test]
fn a_cursor_is_at_the_last_printed_event() {
    let server = open(&events(0..10));
    let url = server.url("/");
    let sandbox = Sandbox::new();
    let args = ["tail", &url, "--resume", "orders", "--count", "10"];
    let output = sandbox.run(args).expect_exit(0);
    assert_eq!(numbers(&output), (0..10).collect::<Vec<_>>());
    assert_eq!(cursor(&sandbox, &url).as_deref(), Some("9"));
}

#[test]
fn a_cursor_never_passes_the_output_of_a_killed_process() {
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
    // The rest in the pipe was printed, too.
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
fn a_forwarded_event_is_saved_signed_and_delivered() {
    let server = open("id: 41\nevent: order.placed\ndata: { \"n\": 1.0 }\n\n");
    let app = App::start();
    let sandbox = Sandbox::new().with("S", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let output = sandbox.run([
        "tail",
        &server.url("/feed"),
        "--count",
        "1",
        "--forward",
        &app.url("/hook"),
        "--secret",
        "env:S",
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
fn an_undelivered_event_stays_in_the_queue() {
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
    let waiting = output.notice("waiting");
    assert_eq!(waiting["deliveries"], 3, "{output}");
}

#[test]
fn a_recording_is_private_and_can_be_imported() {
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
fn memory_is_bounded_while_stdout_is_not_read() {
    let (_sandbox, _server, mut child) = start_unread("block");
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut String::new()).unwrap();
    let peak = peak_memory(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    // The size of a debug binary. Unbounded buffering would add about 15 MB.
    if let Some(kilobytes) = peak {
        assert!(kilobytes < 60_000, "{kilobytes} kB");
    }
}

/// The peak memory of the process in kB; `None` if the system does not report it.
fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn an_invalid_expression_is_shown_with_the_position_of_the_error() {
    let output = Sandbox::new().run(["tail", "http://127.0.0.1:9/", "--jq", ".data | fooo"]);
    let output = output.expect_exit(2);
    assert!(output.stderr.contains("        ^"), "{output}");
}

#[test]
fn with_explicit_json_notices_are_json_lines() {
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
    let connected = output.notice("connected");
    assert_eq!(
        (&connected["transport"], &connected["reconnects"]),
        (&"sse".into(), &0.into())
    );
}

#[test]
fn ctrl_c_after_all_events_is_exit_0() {
    let server = open(&events(0..3));
    let sandbox = Sandbox::new();
    let mut tail: Running = sandbox.spawn(["tail", &server.url("/")]);
    tail.wait_for_stdout(r#""n":2"#);
    tail.interrupt();
    let output = tail.finish().expect_exit(0);
    assert_eq!(numbers(&output), [0, 1, 2]);
}

/// A server with the events 1 to `last`, which it sends after `Last-Event-ID`, and then ends the response.
fn numbered(last: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                let mut after = 0;
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                for line in lines
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                {
                    if let Some(id) = line.to_lowercase().strip_prefix("last-event-id: ") {
                        after = id.parse().unwrap();
                    }
                }
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
                let _ = stream.write_all(head.as_bytes());
                let numbers: Vec<u64> = (after + 1..=last).collect();
                for some in numbers.chunks(25) {
                    let events: String = some
                        .iter()
                        .map(|number| format!("id: {number}\ndata: {{\"n\":{number}}}\n\n"))
                        .collect();
                    if stream.write_all(events.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    format!("http://{address}/")
}

#[test]
fn a_file_misses_no_forwarded_event_over_kills() {
    const LAST: u64 = 2_000;
    let (url, app, sandbox) = (numbered(LAST), App::start(), Sandbox::new());
    let target = app.url("/hook");
    let args = [
        "tail",
        &url,
        "--until-end",
        "--resume",
        "orders",
        "--forward",
        &target,
    ];
    let path = sandbox.write("out.ndjson", "");
    let open = || {
        let mut options = std::fs::OpenOptions::new();
        options.append(true).open(&path).unwrap()
    };
    for _ in 0..8 {
        let file = open();
        let before = file.metadata().unwrap().len();
        let mut child = sandbox.command(args).stdout(file).spawn().unwrap();
        // Killed in the middle of its work, or ended before that.
        while child.try_wait().unwrap().is_none()
            && std::fs::metadata(&path).unwrap().len() < before + 20_000
        {
            std::thread::yield_now();
        }
        let _ = child.kill();
        child.wait().unwrap();
    }
    let status = sandbox.command(args).stdout(open()).status().unwrap();
    assert!(status.success());
    let text = std::fs::read_to_string(&path).unwrap();
    let found: BTreeSet<u64> = text
        .lines()
        .filter_map(|line| {
            serde_json::from_str::<serde_json::Value>(line).ok()?["data"]["n"].as_u64()
        })
        .collect();
    assert_eq!(found, (1..=LAST).collect());
}

#[test]
fn a_run_without_events_delivers_what_an_earlier_run_left() {
    let (sandbox, absent) = (Sandbox::new(), crate::support::absent::Absent::new());
    let target = format!("http://{}/hook", absent.address());
    let first = open(&events(0..2));
    let url = first.url("/");
    let args = ["tail", &url, "--count", "2", "--forward", &target];
    let _ = sandbox.run(args).expect_exit(0);
    let second = ending("");
    let url = second.url("/");
    let args = [
        "tail",
        &url,
        "-o",
        "json",
        "--until-end",
        "--forward",
        &target,
    ];
    let output = sandbox.run(args).expect_exit(0);
    assert_eq!(output.notice("waiting")["deliveries"], 2, "{output}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_hangup_ends_the_command_as_sigterm_does() {
    let server = open(&events(0..3));
    let url = server.url("/");
    let sandbox = Sandbox::new();
    let mut running = sandbox.spawn(["tail", &url, "-o", "json", "--resume", "orders"]);
    running.wait_for_stdout("\"seq\":3");
    running.hang_up();
    let output = running.finish().expect_exit(0);
    assert_eq!(output.notice("summary")["end"], "terminated", "{output}");
    assert_eq!(cursor(&sandbox, &url).as_deref(), Some("2"));
}

#[test]
fn the_summary_has_the_reason_of_the_end() {
    for (args, exit, end) in [
        (&["--count", "1"][..], 0, "goal_met"),
        (&["--for", "300ms"], 0, "time_over"),
        (&["--until-end"], 0, "finished"),
        (&["--no-reconnect"], 5, "failed"),
    ] {
        let server = match args[0] {
            "--for" => open(&events(0..2)),
            _ => ending(&events(0..2)),
        };
        let url = server.url("/");
        let all = [&["tail", &url, "-o", "json"][..], args].concat();
        let output = Sandbox::new().run(&all).expect_exit(exit);
        assert_eq!(output.notice("summary")["end"], end, "{output}");
        assert!(output.notice("summary")["why"].is_string(), "{output}");
    }
}
