//! `evt listen`: what senders receive and what the user sees.

mod expectation;
mod forwarding;
mod handshakes;
mod hosts;
mod loops;
mod public_url;

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::support::app::Answer;
use crate::support::raw::{Reply, exchange, exchange_bytes};
use crate::support::sandbox::{Running, ready_address};
use crate::support::{Absent, App, Sandbox};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Verifies with [`SECRET`].
const VERIFY: [&str; 4] = ["--verify", "standard-webhooks", "--secret", SECRET];
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDAAAA";
/// JSON with escapes, digits and white space that a JSON library would change.
const BODY: &str = "{  \"url\": \"https:\\/\\/a.test\\/x\", \"amount\": 10.00, \"n\": 12345678901234567890, \"name\": \"Zoë\\u00e9\" }\n";

fn start(sandbox: &Sandbox, args: &[&str]) -> (Running, SocketAddr) {
    let mut all = vec!["listen", "--port", "0", "-o", "json"];
    all.extend_from_slice(args);
    let mut listener = sandbox.spawn(all);
    let address = listener.wait_until_ready();
    (listener, address)
}

fn signed(secret: &str, body: &str) -> Vec<(&'static str, String)> {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let key = STANDARD
        .decode(secret.trim_start_matches("whsec_"))
        .unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, format!("msg_1.{now}.{body}").as_bytes());
    vec![
        ("webhook-id", "msg_1".to_owned()),
        ("webhook-timestamp", now.to_string()),
        ("webhook-signature", format!("v1,{}", STANDARD.encode(tag))),
    ]
}

fn post(address: SocketAddr, headers: &[(&'static str, String)], body: &str) -> Reply {
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    exchange(address, "POST", "/hook?a=1", &headers, body.as_bytes()).expect("the listener answers")
}

/// The line that the listener prints for its `nth` event.
fn line(listener: &mut Running, nth: u32) -> Value {
    serde_json::from_str(&listener.wait_for_stdout(&format!("\"e_{nth:04x}\""))).unwrap()
}

#[test]
fn verified_events_count_for_count() {
    let sandbox = Sandbox::new();
    let (listener, address) = start(
        &sandbox,
        &[&VERIFY[..], &["--count", "2", "--for", "50s"]].concat(),
    );
    assert_eq!(post(address, &signed(SECRET, BODY), BODY).status, 200);
    assert_eq!(post(address, &signed(SECRET, "{}"), "{}").status, 200);
    let output = listener.finish().expect_exit(0);
    let verdicts: Vec<Value> = output
        .json_lines()
        .iter()
        .map(|event| event["verdict"]["ok"].clone())
        .collect();
    assert_eq!(verdicts, [true, true]);
}

#[test]
fn an_event_with_a_wrong_secret_is_rejected_stored_and_not_counted() {
    let sandbox = Sandbox::new();
    let (listener, address) = start(
        &sandbox,
        &[&VERIFY[..], &["--count", "1", "--for", "5s"]].concat(),
    );
    let reply = post(address, &signed(OTHER, BODY), BODY);
    assert_eq!(reply.status, 401);
    assert!(reply.body.contains("signature_mismatch"), "{reply:?}");
    let output = listener.finish().expect_exit(9);
    let event = &output.json_lines()[0];
    assert_eq!(
        (&event["verdict"]["reason"], &event["outcome"]),
        (&"signature_mismatch".into(), &"rejected".into())
    );
    assert!(
        event["ref"].is_string(),
        "a rejected event is kept: {event}"
    );
}

#[test]
fn any_of_several_secrets_and_schemes_may_match() {
    let sandbox = Sandbox::new();
    let args = [
        "--verify",
        "stripe",
        "--secret",
        "stripe-key",
        "--verify",
        "standard-webhooks",
        "--secret",
        OTHER,
        "--secret",
        SECRET,
        "--verify",
        "shared-secret-header:header=X-Bridge-Secret",
        "--secret",
        "bridge",
    ];
    let (mut listener, address) = start(&sandbox, &args);
    assert_eq!(post(address, &signed(SECRET, BODY), BODY).status, 200);
    assert_eq!(
        line(&mut listener, 1)["verdict"]["scheme"],
        "standard-webhooks"
    );
    assert_eq!(
        post(address, &[("x-bridge-secret", "bridge".to_owned())], BODY).status,
        200
    );
    assert_eq!(
        line(&mut listener, 2)["verdict"]["scheme"],
        "shared-secret-header"
    );
    assert_eq!(
        post(
            address,
            &[("x-bridge-secret", "stripe-key".to_owned())],
            BODY
        )
        .status,
        401
    );
}

#[test]
fn without_verify_events_have_no_verdict() {
    let sandbox = Sandbox::new();
    let (mut listener, address) = start(&sandbox, &[]);
    assert_eq!(post(address, &signed(SECRET, BODY), BODY).status, 200);
    assert_eq!(line(&mut listener, 1).get("verdict"), None);
}

#[test]
fn a_request_is_forwarded_byte_for_byte() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let (mut listener, address) = start(&sandbox, &[&[&*app.url("")][..], &VERIFY].concat());
    let headers = signed(SECRET, BODY);
    assert_eq!(post(address, &headers, BODY).status, 200);
    let request = app.wait_for(1).remove(0);
    assert_eq!(request.body, BODY.as_bytes());
    assert_eq!(request.target, "/hook?a=1");
    for (name, value) in &headers {
        assert_eq!(request.header(name), Some(value.as_str()), "{name}");
    }
    assert_eq!(
        line(&mut listener, 1)["data"].to_string(),
        serde_json::from_str::<Value>(BODY).unwrap().to_string()
    );
}

#[test]
fn the_sender_receives_the_apps_response() {
    let sandbox = Sandbox::new();
    let app = App::start();
    app.answer(Answer::With(
        422,
        vec![("x-why".to_owned(), "no email".to_owned())],
        "{\"error\":\"email\"}".to_owned(),
    ));
    let (mut listener, address) = start(&sandbox, &[&app.url("")]);
    let reply = post(address, &[], "{}");
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (422, "{\"error\":\"email\"}")
    );
    assert!(reply.head.contains("x-why: no email"), "{reply:?}");
    let event = line(&mut listener, 1);
    assert_eq!(
        (&event["outcome"], &event["status"]),
        (&"failed".into(), &422.into())
    );
}

#[test]
fn an_event_for_an_app_that_is_down_is_stored_as_failed() {
    let sandbox = Sandbox::new();
    let app = Absent::new();
    let (mut listener, address) = start(&sandbox, &[&app.address().to_string()]);
    listener.wait_for_stderr("\"up\":false");
    assert_eq!(post(address, &[], "{}").status, 502);
    assert_eq!(line(&mut listener, 1)["outcome"], "failed");
}

#[test]
fn an_app_that_hangs_results_in_504() {
    let sandbox = Sandbox::new();
    let app = App::start();
    app.answer(Answer::Hang);
    let (_listener, address) = start(&sandbox, &[&app.url(""), "--timeout", "200ms"]);
    assert_eq!(post(address, &[], "{}").status, 504);
}

#[test]
fn with_retry_the_sender_receives_202_and_the_app_gets_the_event_later() {
    let sandbox = Sandbox::new();
    let app = App::start();
    app.answer_next(Answer::Status(500, String::new()));
    let (mut listener, address) = start(&sandbox, &[&app.url(""), "--retry"]);
    assert_eq!(post(address, &[], BODY).status, 202);
    let requests = app.wait_for(2);
    assert_eq!(requests[1].body, BODY.as_bytes());
    listener.wait_for_stderr("\"delivered\"");
}

#[test]
fn routes_match_the_path_or_the_type() {
    let sandbox = Sandbox::new();
    let (app, contacts, rest) = (App::start(), App::start(), App::start());
    let by_path = format!("/hook*={}", app.url("/by-path"));
    let by_type = format!("contact.*={}", contacts.url("/by-type"));
    let (_listener, address) = start(
        &sandbox,
        &[&rest.url(""), "--route", &by_type, "--route", &by_path],
    );
    assert_eq!(
        post(address, &[], "{\"type\":\"contact.created\"}").status,
        200
    );
    assert_eq!(post(address, &[], "{\"type\":\"order.paid\"}").status, 200);
    assert_eq!(
        exchange(address, "PUT", "/else", &[], b"{}")
            .unwrap()
            .status,
        200
    );
    assert_eq!(contacts.wait_for(1)[0].target, "/by-type?a=1");
    assert_eq!(app.wait_for(1)[0].target, "/by-path?a=1");
    assert_eq!(
        (
            rest.wait_for(1)[0].method.as_str(),
            rest.wait_for(1)[0].target.as_str()
        ),
        ("PUT", "/else")
    );
}

#[test]
fn respond_replaces_the_response() {
    let sandbox = Sandbox::new();
    let (_listener, address) = start(&sandbox, &["--respond", "503:try again"]);
    let reply = post(address, &[], "{}");
    assert_eq!((reply.status, reply.body.as_str()), (503, "try again"));
}

#[test]
fn chaos_drop_closes_the_connection_but_stores_the_event() {
    let sandbox = Sandbox::new();
    let (mut listener, address) = start(&sandbox, &["--chaos", "drop=100%"]);
    assert_eq!(exchange(address, "POST", "/", &[], b"{}"), None);
    assert!(line(&mut listener, 1)["ref"].is_string());
}

#[test]
fn chaos_dup_forwards_every_event_twice() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let (_listener, address) = start(&sandbox, &[&app.url(""), "--chaos", "dup=100%"]);
    let headers = signed(SECRET, BODY);
    assert_eq!(post(address, &headers, BODY).status, 200);
    let requests = app.wait_for(2);
    assert_eq!(requests.len(), 2);
    for request in &requests {
        assert_eq!(request.body, BODY.as_bytes());
        assert_eq!(request.header("webhook-id"), Some("msg_1"));
    }
}

/// Only checks that the delay is not too short: on a busy machine any delay may be longer.
#[test]
fn chaos_latency_delays_the_response() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let (_listener, address) = start(&sandbox, &[&app.url(""), "--chaos", "latency=300ms"]);
    let begun = Instant::now();
    assert_eq!(post(address, &[], BODY).status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!(app.wait_for(1)[0].body, BODY.as_bytes());
}

#[test]
fn the_command_gets_the_url_and_its_exit_code_is_returned() {
    let sandbox = Sandbox::new();
    let script = "case $EVT_LISTEN_URL in http://127.0.0.1:*) exit 42;; *) exit 1;; esac";
    let _ = sandbox
        .run(["listen", "--port", "0", "--", "sh", "-c", script])
        .expect_exit(42);
}

#[test]
fn an_expected_event_ends_the_listener() {
    let sandbox = Sandbox::new();
    let (listener, address) = start(&sandbox, &["--expect", "contact.*", "--for", "50s"]);
    assert_eq!(post(address, &[], "{\"type\":\"order.paid\"}").status, 200);
    assert_eq!(
        post(address, &[], "{\"type\":\"contact.created\"}").status,
        200
    );
    let output = listener.finish().expect_exit(0);
    assert_eq!(output.json_lines().len(), 2);
}

#[test]
fn an_interrupt_exits_with_130_before_the_goal_and_with_0_without_one() {
    let sandbox = Sandbox::new();
    let (listener, _) = start(&sandbox, &["--count", "1"]);
    listener.interrupt();
    let _ = listener.finish().expect_exit(130);
    let (listener, _) = start(&sandbox, &[]);
    listener.interrupt();
    let _ = listener.finish().expect_exit(0);
}

#[test]
fn a_body_over_the_limit_is_answered_with_413() {
    let sandbox = Sandbox::new();
    let (_listener, address) = start(&sandbox, &["--max-body", "1KiB"]);
    assert_eq!(post(address, &[], &"x".repeat(2000)).status, 413);
    assert_eq!(post(address, &[], "small").status, 200);
}

#[test]
fn deeply_nested_json_is_stored_like_any_other_body() {
    let sandbox = Sandbox::new();
    let (mut listener, address) = start(&sandbox, &[]);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(post(address, &[], &deep).status, 200);
    assert!(listener.wait_for_stdout("received_at").contains("[[[["));
}

#[test]
fn control_characters_are_escaped_on_a_terminal() {
    let sandbox = Sandbox::new();
    let mut listener = sandbox.spawn(["listen", "--port", "0", "-o", "text"]);
    let ready = listener.wait_for_stderr("Listening on");
    let address = ready
        .rsplit("http://")
        .next()
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let hostile = "{\"type\":\"\\u001b]0;owned\\u0007\\u202e\\u009b31m\"}";
    assert_eq!(post(address, &[], hostile).status, 200);
    let shown = listener.wait_for_stdout("e_0001");
    let raw: Vec<char> = shown
        .chars()
        .filter(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(c))
        .collect();
    assert!(raw.is_empty(), "{shown:?}");
}

#[test]
fn a_taken_port_is_reported_with_a_hint() {
    let sandbox = Sandbox::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = sandbox.run(["listen", "--port", &port]).expect_exit(1);
    assert!(
        output.stderr.contains("--port 0") && output.stderr.contains("port_taken"),
        "{output:?}"
    );
}

#[test]
fn flags_that_do_not_fit_verify_are_usage_errors_with_a_hint() {
    let sandbox = Sandbox::new();
    for (flags, hint) in [
        (
            &["--bind", "0.0.0.0", "--i-understand-public"][..],
            "--verify",
        ),
        (&["--verify", "strpe", "--secret", "x"], "stripe"),
        (&["--secret", "x"], "--verify"),
    ] {
        let args = ["listen", "--port", "0"].iter().chain(flags);
        let output = sandbox.run(args).expect_exit(2);
        assert!(output.stderr.contains(hint), "{output:?}");
    }
}

#[test]
fn a_damaged_inbox_is_reported_and_not_changed() {
    let sandbox = Sandbox::new();
    let inbox = sandbox.home().join("data/inbox.db");
    std::fs::create_dir_all(inbox.parent().unwrap()).unwrap();
    std::fs::write(
        &inbox,
        b"this is not a database, but it is long enough for SQLite to open it as one".repeat(20),
    )
    .unwrap();
    let output = sandbox
        .run(["listen", "--port", "0", "--for", "1s"])
        .expect_exit(1);
    assert!(
        output.stderr.contains("damaged") && output.stderr.contains("inbox.db"),
        "{output:?}"
    );
    assert!(std::fs::read(&inbox).unwrap().starts_with(b"this is not"));
}

/// A limit on the file size (`ulimit -f`) simulates a full disk.
#[cfg(unix)]
#[test]
fn a_full_disk_is_answered_with_503() {
    let sandbox = Sandbox::new();
    let limited = "trap '' XFSZ; ulimit -f 400; exec \"$0\" listen --port 0 -o json";
    let command = sandbox.command([""; 0]);
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", limited])
        .arg(command.get_program())
        .current_dir(sandbox.work());
    shell.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    shell
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut listener = Running::start(&mut shell);
    let address = listener.wait_until_ready();
    let body = "x".repeat(40_000);
    let refused = (0..40)
        .map(|_| post(address, &[], &body))
        .find(|reply| reply.status != 200)
        .expect("the disk fills up");
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.head.contains("retry-after"), "{refused:?}");
}

#[test]
fn a_request_line_over_the_limit_is_refused() {
    let sandbox = Sandbox::new();
    let (_listener, address) = start(&sandbox, &[]);
    let long = format!(
        "GET /{} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        "x".repeat(9000)
    );
    assert_eq!(
        exchange_bytes(address, long.as_bytes()).unwrap().status,
        414
    );
}

#[test]
fn a_stalled_reader_of_stdout_blocks_neither_senders_nor_the_exit() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["listen", "--port", "0", "-o", "json"]);
    // Nothing reads this pipe.
    let mut listener = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut notices = std::io::BufReader::new(listener.stderr.take().unwrap());
    let mut ready = String::new();
    std::io::BufRead::read_line(&mut notices, &mut ready).unwrap();
    let address = ready_address(&ready);
    let body = "x".repeat(60_000);
    for _ in 0..60 {
        assert_eq!(post(address, &[], &body).status, 200);
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(listener.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(listener.wait().unwrap().code(), Some(0));
}

#[test]
fn an_event_whose_forward_was_killed_is_listed_as_failed() {
    let sandbox = Sandbox::new();
    let app = App::start();
    app.answer(Answer::Hang);
    let (listener, address) = start(&sandbox, &[&app.url("")]);
    let sender = std::thread::spawn(move || exchange(address, "POST", "/", &[], b"{}"));
    app.wait_for(1);
    listener.kill();
    let _ = sender.join();
    let failed = sandbox
        .run(["events", "list", "--status", "failed", "-o", "json"])
        .expect_exit(0);
    assert_eq!(failed.json_lines().len(), 1);
}

#[test]
fn an_interrupt_during_a_forward_counts_the_event_as_failed() {
    let sandbox = Sandbox::new();
    let app = App::start();
    app.answer(Answer::Hang);
    let (listener, address) = start(&sandbox, &[&app.url("")]);
    let sender = std::thread::spawn(move || exchange(address, "POST", "/", &[], b"{}"));
    app.wait_for(1);
    listener.interrupt();
    let output = listener.finish().expect_exit(0);
    let _ = sender.join();
    assert!(
        output.stderr.contains("\"received\":1") && output.stderr.contains("\"failed\":1"),
        "{output:?}"
    );
}

#[test]
fn a_refused_body_is_reported() {
    let sandbox = Sandbox::new();
    let (mut listener, address) = start(&sandbox, &["--max-body", "1KiB"]);
    assert_eq!(post(address, &[], &"x".repeat(2000)).status, 413);
    listener.wait_for_stderr("\"refused\"");
}
