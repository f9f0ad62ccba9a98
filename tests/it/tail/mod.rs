//! `evt tail` as a command: sources, goals, exit codes, credentials. Each transport has its own module.

mod notices;
mod output;
mod socketio;
mod sse;
mod websocket;

use crate::support::{Answer, App, LocalPlatform, Output, Running, Sandbox, SseServer, Step};

const TWO: &str = "id: 41\nevent: order.created\ndata: {\"n\":1}\n\nid: 42\nevent: order.paid\ndata: {\"n\":2}\n\n";

/// A connection that stays open after these events.
fn holds(events: &str) -> Vec<Step> {
    vec![Step::events(), Step::chunk(events), Step::Hold]
}

/// A connection that the server closes after these events.
fn closes(events: &str) -> Vec<Step> {
    vec![Step::events(), Step::chunk(events), Step::end()]
}

/// A header of the server's `nth` request.
fn header(server: &SseServer, nth: usize, name: &str) -> Option<String> {
    let request = server.requests().swap_remove(nth);
    let mut found = request
        .headers
        .into_iter()
        .filter(|header| header.0.eq_ignore_ascii_case(name));
    found.next().map(|header| header.1)
}

/// Follows `url`, with JSON on stdout and stderr.
fn tail(sandbox: &Sandbox, url: &str, args: &[&str]) -> Output {
    let mut all = vec!["tail", url, "-o", "json"];
    all.extend_from_slice(args);
    sandbox.run(all)
}

fn start(sandbox: &Sandbox, url: &str, args: &[&str]) -> Running {
    let mut all = vec!["tail", url, "-o", "json"];
    all.extend_from_slice(args);
    sandbox.spawn(all)
}

#[test]
fn without_a_source_the_live_feed_is_followed() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let mut tail = sandbox.spawn(["tail", "--type", "contact.created", "--count", "1"]);
    tail.wait_for_stderr("_evt/feed");
    let created = sandbox.run(["records", "create", "contact", "email=ada@example.com"]);
    assert_eq!(created.exit, Some(0), "{created}");
    let output = tail.finish().expect_exit(0);
    assert!(output.stdout.contains("contact.created"), "{output}");
    assert!(!output.stdout.contains("collection-create\""), "{output}");
}

#[test]
fn without_a_platform_the_error_shows_how_to_start_one() {
    let output = Sandbox::new().run(["tail"]).expect_exit(5);
    assert!(output.stderr.contains("start one: evt dev"), "{output}");
}

#[test]
fn an_agent_that_does_not_exist_is_not_found_and_the_others_are_listed() {
    let sandbox = Sandbox::new();
    let _platform = crate::support::LocalPlatform::start(&sandbox);
    let output = sandbox.run(["tail", "--agent", "asistant", "hello"]);
    let output = output.expect_exit(3);
    assert!(output.stderr.contains("there are assistant, "), "{output}");
    assert!(output.stderr.contains("--agent assistant"), "{output}");
}

#[test]
fn an_agent_s_answer_is_followed_to_its_end() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let output = sandbox.run(["tail", "--agent", "assistant", "hello", "-o", "raw"]);
    let output = output.expect_exit(0);
    assert!(output.stdout.contains("\"hello. \""), "{output}");
    assert!(output.stdout.ends_with("{\"type\":\"end\"}\n"), "{output}");
}

#[test]
fn a_question_to_an_agent_has_both_documented_forms() {
    let app = App::start();
    let started = serde_json::json!({ "streamId": "s1" }).to_string();
    app.answer_next(Answer::Status(201, started));
    let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
    let end = "data: {\"type\":\"end\"}\n\n".to_owned();
    app.answer(Answer::With(200, headers, end));
    let url = app.url("");
    let args = [
        "tail", "--agent", "clerk", "hello", "--url", &url, "--org", "o",
    ];
    let _ = Sandbox::new().run(args).expect_exit(0);
    let requests = app.requests();
    let expected = serde_json::json!({
        "agentId": "clerk", "message": "hello", "agentRole": "clerk", "task": "hello",
    });
    assert_eq!(requests[0].json(), expected);
    assert_eq!(requests[1].target, "/ai/stream/s1");
}

#[test]
fn text_prints_only_the_text_of_an_answer() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let output = sandbox.run(["tail", "--agent", "assistant", "--text", "hello"]);
    let text = "You said: hello. I am a scripted assistant of evt dev.";
    assert_eq!(output.expect_exit(0).stdout.trim_end(), text);
}

#[test]
fn a_failed_answer_is_exit_6() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let output = sandbox
        .run(["tail", "--agent", "error", "hello"])
        .expect_exit(6);
    assert!(output.stderr.contains("run out of tokens"), "{output}");
}

#[test]
fn a_message_for_an_agent_can_be_read_from_stdin() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let output = sandbox.run_with_input(["tail", "--agent", "assistant", "-"], b"from a file");
    assert!(output.expect_exit(0).stdout.contains("from a file"));
}

#[test]
fn an_agent_without_a_message_is_a_usage_error_with_an_example() {
    let output = Sandbox::new()
        .run(["tail", "--agent", "assistant"])
        .expect_exit(2);
    let hint = "try  evt tail --agent assistant \"hello\" --text";
    assert!(output.stderr.contains(hint), "{output}");
}

#[test]
fn a_missing_stream_is_exit_3_with_the_platform_s_message() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let output = tail(&sandbox, "strm_nosuch", &[]).expect_exit(3);
    assert_eq!(output.error()["code"], "no_such_stream");
    let why = &output.error()["why"];
    assert_eq!(
        *why, "it said: there is no stream `strm_nosuch`",
        "{output}"
    );
}

#[test]
fn a_401_of_another_server_is_exit_4_and_suggests_a_header() {
    let server = SseServer::start(vec![vec![Step::answer(401, "", "no way!")]]);
    let output = tail(&Sandbox::new(), &server.url("/"), &[]).expect_exit(4);
    let error = output.error();
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.starts_with("-H 'Authorization: Bearer …'"), "{hint}");
    assert_eq!(error["why"], "it said: no way!");
}

#[test]
fn a_response_that_is_not_a_stream_is_shown() {
    let page = Step::answer(200, "content-type: text/html\r\n", "<html>Hello!\n");
    let server = SseServer::start(vec![vec![page]]);
    let output = tail(&Sandbox::new(), &server.url("/"), &[]).expect_exit(6);
    let error = output.error();
    assert_eq!(error["code"], "not_a_stream");
    assert!(
        error["message"].as_str().unwrap().contains("text/html"),
        "{output}"
    );
    assert_eq!(error["why"], "it said: <html>Hello!");
}

#[test]
fn a_refused_connection_suggests_to_start_the_server() {
    let output = Sandbox::new()
        .run(["tail", "127.0.0.1:1/events"])
        .expect_exit(5);
    assert!(
        output.stderr.contains("start what listens on 127.0.0.1:1"),
        "{output}"
    );
    assert!(!output.stderr.contains("0 events"), "{output}");
}

#[test]
fn a_met_goal_ends_the_command() {
    for goal in [["--count", "1"], ["--expect", "order.created"]] {
        let server = SseServer::start(vec![holds(TWO)]);
        let output = tail(&Sandbox::new(), &server.url("/"), &goal).expect_exit(0);
        assert_eq!(output.stdout.lines().count(), 1, "{output}");
    }
}

#[test]
fn a_goal_that_is_not_met_in_time_is_exit_9() {
    for goal in [["--count", "3"], ["--expect", "order.lost"]] {
        let server = SseServer::start(vec![holds(TWO)]);
        let args = [goal[0], goal[1], "--for", "300ms"];
        let output = tail(&Sandbox::new(), &server.url("/"), &args).expect_exit(9);
        assert_eq!(output.notice("goal_not_met")["why"], "the time is over");
    }
}

#[test]
fn until_end_is_not_met_by_the_end_of_the_time() {
    let server = SseServer::start(vec![holds(TWO)]);
    let args = ["--until-end", "--for", "300ms"];
    let _ = tail(&Sandbox::new(), &server.url("/"), &args).expect_exit(9);
}

#[test]
fn without_a_goal_the_end_of_the_time_is_exit_0() {
    let server = SseServer::start(vec![holds(TWO)]);
    let output = tail(&Sandbox::new(), &server.url("/"), &["--for", "300ms"]).expect_exit(0);
    assert_eq!(output.notice("summary")["events"], 2);
}

#[test]
fn until_end_stops_when_the_server_ends_the_stream() {
    let server = SseServer::start(vec![closes(TWO), closes("")]);
    let output = tail(&Sandbox::new(), &server.url("/"), &["--until-end"]).expect_exit(0);
    assert_eq!(output.stdout.lines().count(), 2, "{output}");
}

#[test]
fn an_end_before_the_goal_is_exit_9() {
    let server = SseServer::start(vec![closes(TWO)]);
    let args = ["--until-end", "--count", "3"];
    let output = tail(&Sandbox::new(), &server.url("/"), &args).expect_exit(9);
    assert_eq!(output.notice("goal_not_met")["counted"], 2);
}

#[test]
fn a_lost_connection_without_reconnecting_is_exit_5() {
    let server = SseServer::start(vec![closes(TWO)]);
    let output = tail(&Sandbox::new(), &server.url("/"), &["--no-reconnect"]).expect_exit(5);
    assert_eq!(output.error()["code"], "connection_lost");
    assert_eq!(output.notice("summary")["events"], 2);
}

#[test]
fn the_last_failed_retry_is_exit_5() {
    let busy = || vec![Step::answer(503, "", "")];
    let server = SseServer::start(vec![busy(), busy()]);
    let args = ["--reconnect", "--max-retries", "1"];
    let output = tail(&Sandbox::new(), &server.url("/"), &args).expect_exit(5);
    assert_eq!(output.error()["code"], "retries_spent");
}

#[test]
fn a_gap_with_fail_on_gap_is_exit_11() {
    let again = "id: 41\ndata: again\n\n";
    let server = SseServer::start(vec![closes(TWO), holds(again)]);
    let output = tail(&Sandbox::new(), &server.url("/"), &["--fail-on-gap"]).expect_exit(11);
    assert_eq!(output.error()["code"], "gap");
    assert_eq!(output.notice("gap")["from"], "42");
}

#[test]
#[cfg(unix)]
fn ctrl_c_prints_a_summary_and_the_command_that_continues() {
    let sandbox = Sandbox::new();
    let server = SseServer::start(vec![holds(TWO), holds("id: 43\ndata: last\n\n")]);
    let url = server.url("/events?a=1&b=2");
    let args = ["--type", "!order.lost", "-H", "X-Trace: 7"];
    let mut tail = start(&sandbox, &url, &args);
    tail.wait_for_stdout("order.paid");
    tail.interrupt();
    let summary = tail.finish().expect_exit(0).notice("summary");
    assert_eq!(
        (&summary["events"], &summary["bytes"]),
        (&2.into(), &14.into())
    );
    let mut again = shell(&sandbox, summary["resume"].as_str().unwrap());
    again.wait_for_stdout("last");
    assert_eq!(header(&server, 1, "last-event-id").unwrap(), "42");
    assert_eq!(header(&server, 1, "x-trace").unwrap(), "7");
    assert_eq!(server.requests()[1].target, "/events?a=1&b=2");
}

#[test]
fn a_secret_in_the_url_is_neither_printed_nor_stored() {
    let sandbox = Sandbox::new();
    let server = SseServer::start(vec![holds(TWO), holds(TWO)]);
    let args = ["--resume", "orders", "--count", "1"];
    let output = tail(&sandbox, &server.url("/?token=t0ps3cret&a=1"), &args).expect_exit(0);
    assert!(!output.stderr.contains("t0ps3cret"), "{output}");
    let other = tail(&sandbox, &server.url("/?token=t0ps3cret&a=2"), &args).expect_exit(2);
    assert!(!other.stderr.contains("t0ps3cret"), "{other}");
    let renewed = tail(&sandbox, &server.url("/?token=n3w&a=1"), &args);
    let _ = renewed.expect_exit(0);
    assert_eq!(header(&server, 1, "last-event-id").unwrap(), "41");
}

/// Runs a printed command in a shell, like a user who pastes it.
#[cfg(unix)]
fn shell(sandbox: &Sandbox, line: &str) -> Running {
    let words = line.strip_prefix("evt ").expect("a command of evt");
    let model = sandbox.command([""; 0]);
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", &format!("exec {} {words}", env!("CARGO_BIN_EXE_evt"))])
        .env_clear()
        .envs(
            model
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(sandbox.work())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    Running::start(&mut command)
}

#[test]
#[cfg(unix)]
fn without_a_stdout_the_command_ends() {
    let server = SseServer::start(vec![holds(TWO)]);
    let line = format!("evt tail {} >&-", server.url("/"));
    let _ = shell(&Sandbox::new(), &line).finish().expect_exit(0);
}

#[test]
#[cfg(unix)]
fn with_dev_null_as_stdout_the_command_continues() {
    let server = SseServer::start(vec![holds(TWO)]);
    let line = format!("evt tail {} --count 2 -o json >/dev/null", server.url("/"));
    let output = shell(&Sandbox::new(), &line).finish().expect_exit(0);
    assert_eq!(output.notice("summary")["events"], 2, "{output}");
}

#[test]
#[cfg(unix)]
fn ctrl_c_before_a_goal_is_exit_130() {
    let server = SseServer::start(vec![holds(TWO)]);
    let mut tail = start(&Sandbox::new(), &server.url("/"), &["--count", "3"]);
    tail.wait_for_stdout("order.paid");
    tail.interrupt();
    let _ = tail.finish().expect_exit(130);
}

#[test]
fn a_name_resumes_at_its_position() {
    let sandbox = Sandbox::new();
    let server = SseServer::start(vec![holds(TWO), holds(TWO)]);
    let args = ["--resume", "orders", "--count", "1"];
    let _ = tail(&sandbox, &server.url("/"), &args).expect_exit(0);
    let _ = tail(&sandbox, &server.url("/"), &args).expect_exit(0);
    assert_eq!(header(&server, 0, "last-event-id"), None);
    assert_eq!(header(&server, 1, "last-event-id").unwrap(), "41");
}

#[test]
fn a_server_that_does_not_resume_has_a_gap_since_the_last_run() {
    let sandbox = Sandbox::new();
    let server = SseServer::start(vec![holds(TWO), holds(TWO)]);
    let args = ["--resume", "orders", "--count", "1"];
    let before = evt::time::Timestamp::now();
    let _ = tail(&sandbox, &server.url("/"), &args).expect_exit(0);
    let between = evt::time::Timestamp::now();
    let output = tail(&sandbox, &server.url("/"), &args).expect_exit(0);
    let gap = output.notice("gap");
    assert_eq!(gap["from"], "41");
    let since = gap["since"].as_str().unwrap();
    let run = before.to_string()..=between.to_string();
    assert!(run.contains(&since.to_owned()), "{gap}");
}

#[test]
fn lines_of_json_cannot_resume_and_have_a_gap() {
    let lines = vec![
        Step::head("application/x-ndjson"),
        Step::chunk("{}\n"),
        Step::end(),
    ];
    let server = SseServer::start(vec![lines]);
    let output = tail(
        &Sandbox::new(),
        &server.url("/"),
        &["--last-event-id", "41"],
    );
    assert_eq!(output.expect_exit(0).notice("gap")["lost"], "unknown");
}

#[test]
fn a_name_of_another_stream_is_refused() {
    let sandbox = Sandbox::new();
    let server = SseServer::start(vec![holds(TWO)]);
    let args = ["--resume", "orders", "--count", "1"];
    let _ = tail(&sandbox, &server.url("/"), &args).expect_exit(0);
    let output = tail(&sandbox, &server.url("/other"), &args).expect_exit(2);
    assert!(
        output.error()["message"]
            .as_str()
            .unwrap()
            .contains("orders"),
        "{output}"
    );
}

#[test]
fn the_profile_s_token_is_sent_only_to_its_platform() {
    let own = SseServer::start(vec![closes(TWO)]);
    let other = SseServer::start(vec![closes(TWO)]);
    let sandbox = Sandbox::new()
        .with("EVT_URL", own.url(""))
        .with("EVT_ORG", "acme")
        .with("EVT_TOKEN", "t0p");
    for server in [&own, &other] {
        let _ = tail(&sandbox, &server.url("/"), &["--until-end"]).expect_exit(0);
    }
    assert_eq!(header(&own, 0, "authorization").unwrap(), "Bearer t0p");
    assert_eq!(header(&own, 0, "orgid").unwrap(), "acme");
    let foreign = format!("{:?}", other.requests());
    assert!(
        !foreign.contains("t0p") && !foreign.contains("acme"),
        "{foreign}"
    );
}

#[test]
#[cfg(unix)]
fn the_token_command_runs_for_each_connection() {
    let sandbox = Sandbox::new();
    let server = SseServer::start(vec![closes(TWO), holds(TWO)]);
    let command = "echo x >> made; wc -l < made | tr -d ' '";
    let args = ["--token-cmd", command, "--count", "3"];
    let _ = tail(&sandbox, &server.url("/"), &args).expect_exit(0);
    assert_eq!(header(&server, 0, "authorization").unwrap(), "Bearer 1");
    assert_eq!(header(&server, 1, "authorization").unwrap(), "Bearer 2");
}

#[test]
fn a_header_can_be_a_reference() {
    let sandbox = Sandbox::new().with("KEY", "k1");
    let server = SseServer::start(vec![closes(TWO)]);
    let args = ["-H", "X-Key: env:KEY", "-H", "X-Plain: a:b", "--until-end"];
    let _ = tail(&sandbox, &server.url("/"), &args).expect_exit(0);
    assert_eq!(header(&server, 0, "x-key").unwrap(), "k1");
    assert_eq!(header(&server, 0, "x-plain").unwrap(), "a:b");
}

#[test]
fn a_missing_secret_is_reported_before_connecting() {
    let args = ["-H", "X-Key: env:NOSUCH"];
    let output = tail(&Sandbox::new(), "http://127.0.0.1:1/", &args).expect_exit(2);
    assert_eq!(output.error()["hint"], "export NOSUCH=…");
}

#[test]
fn an_idle_stream_is_lost_after_its_limit() {
    let server = SseServer::start(vec![holds(": here\n")]);
    let args = ["--idle", "200ms", "--no-reconnect"];
    let output = tail(&Sandbox::new(), &server.url("/"), &args).expect_exit(5);
    assert!(
        output.stderr.contains("nothing arrived for 0.2 s"),
        "{output}"
    );
}

#[test]
fn a_flag_of_another_transport_is_refused_and_names_its_transports() {
    let resume = tail(
        &Sandbox::new(),
        "ws://127.0.0.1:1/",
        &["--resume", "orders"],
    )
    .expect_exit(2);
    let message = resume.error()["message"].to_string();
    assert!(
        message.ends_with(", and this is WebSocket: a WebSocket has no positions\""),
        "{message}"
    );
    for (url, flag, whose) in [
        (
            "http://127.0.0.1:1/",
            ["--ping", "3s"],
            "--ping is for WebSocket",
        ),
        (
            "ws://127.0.0.1:1/",
            ["--resume", "orders"],
            "--resume is for server-sent events, Socket.IO",
        ),
        (
            "ws://127.0.0.1:1/",
            ["--auth", "{}"],
            "--auth is for Socket.IO",
        ),
        (
            "socketio+http://127.0.0.1:1/",
            ["--last-event-id", "4"],
            "--last-event-id is for server-sent events",
        ),
        (
            "http://127.0.0.1:1/",
            ["--send-on-connect", "x"],
            "--send-on-connect is for WebSocket and Socket.IO",
        ),
    ] {
        let output = tail(&Sandbox::new(), url, &flag).expect_exit(2);
        assert!(
            output.error()["message"]
                .as_str()
                .unwrap()
                .starts_with(whose),
            "{output}"
        );
    }
}

#[test]
fn a_setting_for_one_transport_does_not_affect_another() {
    let sandbox = Sandbox::new().with("EVT_TAIL_PING", "3s");
    let server = SseServer::start(vec![closes(TWO)]);
    let _ = tail(&sandbox, &server.url("/"), &["--until-end"]).expect_exit(0);
}

#[test]
fn a_source_can_be_given_only_once() {
    let both = ["tail", ":1/a", "--stream", ":1/b"];
    let output = Sandbox::new().run(both).expect_exit(2);
    assert!(output.stderr.contains("cannot be used with"), "{output}");
}

#[test]
fn an_invalid_source_is_shown_with_the_position_of_the_error() {
    let output = Sandbox::new().run(["tail", "ftp://a.test"]).expect_exit(2);
    assert!(output.stderr.contains("ftp://a.test\n       ^"), "{output}");
}

#[test]
fn a_mistyped_gateway_suggests_the_nearest() {
    let output = Sandbox::new()
        .run(["tail", "--gateway", "comunity-chat"])
        .expect_exit(2);
    assert!(output.stderr.contains("try  community-chat\n"), "{output}");
}

#[test]
fn a_gateway_accepts_the_profile_s_credentials() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let args = ["tail", "--gateway", "chat", "--count", "1", "-o", "json"];
    let output = sandbox.run(args).expect_exit(0);
    assert_eq!(output.json_lines()[0]["type"], "authenticate", "{output}");
}

/// A WebSocket server that sends back what it receives.
fn echo_server() -> String {
    use tokio_tungstenite::tungstenite::{Message, accept};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut socket = accept(stream).unwrap();
        while let Ok(message) = socket.read() {
            if let Message::Text(text) = message {
                let answer = format!("heard {text}");
                // The command may have ended after the expected messages.
                let _ = socket.send(Message::text(answer));
            }
        }
    });
    url
}

#[test]
fn lines_of_a_pipe_are_sent_and_its_end_does_not_end_the_stream() {
    let args = ["tail", &echo_server(), "-i", "--count", "2", "-o", "raw"];
    let output = Sandbox::new().run_with_input(args, b"one\r\ntwo");
    assert_eq!(output.expect_exit(0).stdout, "heard one\nheard two\n");
}

#[test]
fn a_recording_is_replayed_with_its_timing() {
    let sandbox = Sandbox::new();
    let server = SseServer::start(vec![closes(TWO)]);
    let args = ["--until-end", "--record", "orders.ndjson"];
    let _ = tail(&sandbox, &server.url("/"), &args).expect_exit(0);
    let app = App::start();
    let url = app.url("/");
    let args = [
        "events",
        "replay",
        "orders.ndjson",
        "--timing=100",
        "--to",
        &url,
    ];
    let _ = sandbox.run(args).expect_exit(0);
    let bodies: Vec<Vec<u8>> = app
        .requests()
        .into_iter()
        .map(|request| request.body)
        .collect();
    assert_eq!(bodies, [b"{\"n\":1}", b"{\"n\":2}"]);
}

#[test]
#[cfg(unix)]
fn the_command_that_continues_names_the_feed() {
    let sandbox = Sandbox::new();
    let platform = LocalPlatform::start(&sandbox);
    let mut tail = sandbox.spawn(["tail", "-o", "json"]);
    tail.wait_for_stderr("\"connected\"");
    let created = sandbox.run(["records", "create", "contact", "email=ada@example.com"]);
    assert_eq!(created.exit, Some(0), "{created}");
    tail.wait_for_stdout("contact.created");
    tail.interrupt();
    let summary = tail.finish().expect_exit(0).notice("summary");
    let url = format!("{}/_evt/feed", platform.running.control_url);
    let expected = format!("evt tail {url} --output json --last-event-id 2");
    assert_eq!(summary["resume"], expected);
    let created = sandbox.run(["records", "create", "contact", "email=grace@example.com"]);
    assert_eq!(created.exit, Some(0), "{created}");
    shell(&sandbox, &expected).wait_for_stdout("grace@example.com");
}
