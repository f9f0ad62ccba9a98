//! `evt send`: what arrives, what is stored, and the exit code.

mod many;
mod tamper;

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpListener;

use evt::running::Running as Platform;
use evt::secret::Secret;
use evt::signature::{self, Options, Reason, Received};
use evt::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use crate::support::app::{Answer, App, Request};
use crate::support::{Absent, Output, Sandbox};

const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A body that every JSON library would format differently.
const ODD_BODY: &[u8] =
    b"{ \"url\": \"https:\\/\\/a.test\\/x\",  \"amount\": 10.00, \"n\": 12345678901234567890, \"name\": \"Zo\xc3\xab\\u00e9\" }\n";

#[must_use]
fn send(sandbox: &Sandbox, app: &App, args: &[&str]) -> Output {
    let to = app.url("/hook");
    let args: Vec<&str> = ["send"]
        .into_iter()
        .chain(args.iter().copied())
        .chain(["--to", &to])
        .collect();
    sandbox.run(args)
}

/// The reason that a receiver with this secret gives for the request.
fn judged(scheme: &str, secret: &str, request: &Request) -> Reason {
    let headers: HeaderMap = request
        .headers
        .iter()
        .map(|(name, value)| {
            let name: HeaderName = name.parse().expect("a header name");
            (name, HeaderValue::from_str(value).expect("a header value"))
        })
        .collect();
    let received = Received {
        method: &request.method,
        url: &request.target,
        headers: &headers,
        body: &request.body,
    };
    let scheme = signature::find(scheme).expect("a scheme");
    scheme
        .verifier(&[Secret::new(secret)], &Options::default())
        .expect("a secret of the right form")
        .verify(&received, Timestamp::now(), None)
        .reason
}

#[test]
fn an_event_of_the_platform_arrives_signed_in_its_envelope() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    send(
        &sandbox,
        &app,
        &["contact.created", "--secret", WEBHOOK_SECRET],
    )
    .expect_exit(0);
    let request = &app.requests()[0];
    assert_eq!(
        judged("standard-webhooks", WEBHOOK_SECRET, request),
        Reason::Ok
    );
    assert_eq!(request.json()["event"], "contact.created");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("POST", "/hook")
    );
}

#[test]
fn a_vendors_event_is_signed_with_the_vendors_scheme() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    let secret = ["--secret", "whsec_abc"];
    for event in ["stripe/payment_intent.succeeded", "github/push"] {
        send(&sandbox, &app, &[&[event], &secret[..]].concat()).expect_exit(0);
    }
    let requests = app.requests();
    assert_eq!(judged("stripe", "whsec_abc", &requests[0]), Reason::Ok);
    assert_eq!(judged("github", "whsec_abc", &requests[1]), Reason::Ok);
    assert_eq!(requests[1].header("x-github-event"), Some("push"));
}

#[test]
fn a_single_event_is_stored_with_its_answer() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    app.answer(Answer::Status(201, r#"{"made": 1.00}"#.to_owned()));
    let output = send(&sandbox, &app, &["github/ping", "--sign", "none"]).expect_exit(0);
    let record = &output.json_lines()[0];
    assert_eq!(record["ref"], "e_0001");
    assert_eq!(record["source"], "send");
    assert_eq!(record["outcome"], "delivered");
    assert_eq!(record["answer"]["status"], 201);
    assert!(
        output.stdout.contains(r#""body":{"made":1.00}"#),
        "{output}"
    );
}

#[test]
fn a_file_is_sent_and_signed_byte_for_byte() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    sandbox.write("body.json", ODD_BODY);
    let args = ["@body.json", "--sign", "github", "--secret", "s3cret"];
    send(&sandbox, &app, &args).expect_exit(0);
    let request = &app.requests()[0];
    assert_eq!(request.body, ODD_BODY);
    assert_eq!(judged("github", "s3cret", request), Reason::Ok);
}

#[test]
fn stdin_is_sent_byte_for_byte() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    let to = app.url("/");
    let args = ["send", "-", "--to", &to, "-H", "Content-Type: text/csv"];
    sandbox
        .run_with_input(args, b"a,b\r\n\xff,2")
        .expect_exit(0);
    let request = &app.requests()[0];
    assert_eq!(request.body, b"a,b\r\n\xff,2");
    assert_eq!(request.header("content-type"), Some("text/csv"));
}

#[test]
fn the_running_platforms_secret_signs_without_a_flag() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    running_platform(&sandbox, Some(WEBHOOK_SECRET));
    send(&sandbox, &app, &["contact.created"]).expect_exit(0);
    let request = &app.requests()[0];
    assert_eq!(
        judged("standard-webhooks", WEBHOOK_SECRET, request),
        Reason::Ok
    );
    assert_eq!(request.json()["orgId"], "their-org");
}

#[test]
fn without_a_platform_its_events_are_sent_unsigned_with_a_notice() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    let output = send(&sandbox, &app, &["contact.created"]).expect_exit(0);
    assert!(output.stderr.contains("unsigned"), "{output}");
    assert_eq!(app.requests()[0].header("webhook-signature"), None);
}

/// Registers this process as the running platform. It lives as long as the test.
fn running_platform(sandbox: &Sandbox, secret: Option<&str>) {
    let state = sandbox.home().join("state");
    std::fs::create_dir_all(&state).unwrap();
    let platform = Platform {
        brokers: Default::default(),
        name: "local".to_owned(),
        pid: std::process::id(),
        url: "http://127.0.0.1:1".to_owned(),
        control_url: "http://127.0.0.1:1".to_owned(),
        control_token: "t".to_owned(),
        org: "their-org".to_owned(),
        token: "t".to_owned(),
        webhook_secret: secret.map(str::to_owned),
        data: None,
        platforms: std::collections::BTreeMap::new(),
    };
    platform.write(&state).unwrap();
}

#[test]
fn a_vendors_event_without_a_secret_is_a_usage_error_with_a_command() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    let output = send(&sandbox, &app, &["stripe/invoice.paid"]).expect_exit(2);
    assert!(
        output
            .stderr
            .contains("evt send stripe/invoice.paid --secret env:NAME"),
        "{output}"
    );
    assert!(app.requests().is_empty());
}

#[test]
fn a_mistyped_event_gets_a_suggestion() {
    let output = Sandbox::new()
        .run(["send", "payment_intent.succeded"])
        .expect_exit(2);
    assert!(
        output
            .stderr
            .contains("evt send stripe/payment_intent.succeeded"),
        "{output}"
    );
}

#[test]
fn a_mistyped_scheme_gets_a_suggestion() {
    let args = [
        "send",
        "contact.created",
        "--sign",
        "strpie",
        "--secret",
        "x",
    ];
    let output = Sandbox::new().run(args).expect_exit(2);
    assert!(output.stderr.contains("--sign stripe"), "{output}");
}

#[test]
fn every_sample_is_listed_with_its_scheme() {
    let lines = Sandbox::new()
        .run(["send", "--list", "-o", "json"])
        .expect_exit(0)
        .json_lines();
    let stripe = lines
        .iter()
        .find(|line| line["name"] == "stripe/payment_intent.succeeded");
    assert_eq!(stripe.unwrap()["scheme"], "stripe");
    assert!(lines.iter().any(|line| line["name"] == "collection-create"));
}

#[test]
fn the_list_is_filtered_by_vendor_or_glob() {
    let sandbox = Sandbox::new();
    let list = |glob| {
        let list = ["send", "--list", glob, "-o", "json"];
        let output = sandbox.run(list).expect_exit(0);
        output.json_lines()
    };
    let rows = list("facebook");
    assert!(rows.len() >= 6);
    assert!(rows.iter().all(|row| row["vendor"] == "meta"));
    let rows = list("stripe/charge.ref*");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["event"], "charge.refunded");
    assert!(rows[0]["size"].as_u64() > Some(500));
    let table = sandbox
        .run(["send", "--list", "contact.*", "-o", "text"])
        .expect_exit(0);
    assert!(table.stdout.contains("SENT WHEN"), "{table}");
}

#[test]
fn an_empty_list_is_exit_3_with_a_suggestion() {
    let sandbox = Sandbox::new();
    for (glob, hint) in [
        ("strpie", "evt send --list 'stripe'"),
        ("refund", "evt send --list '*refund*'"),
        ("zzz", "evt send --list"),
    ] {
        let output = sandbox.run(["send", "--list", glob]).expect_exit(3);
        assert!(output.stderr.contains(hint), "{output}");
    }
    sandbox
        .run(["send", "contact.created", "--list"])
        .expect_exit(2);
}

#[test]
fn a_seed_makes_the_same_event_again() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    for seed in ["7", "7", "8"] {
        let args = [
            "stripe/invoice.paid",
            "--sign",
            "standard-webhooks",
            "--secret",
            WEBHOOK_SECRET,
            "--seed",
            seed,
        ];
        send(&sandbox, &app, &args).expect_exit(0);
    }
    let requests = app.requests();
    let ids: Vec<_> = requests
        .iter()
        .map(|request| request.header("webhook-id"))
        .collect();
    assert_eq!((ids[0], &requests[0].body), (ids[1], &requests[1].body));
    assert_ne!(ids[0], ids[2]);
    assert_ne!(requests[0].json()["id"], requests[2].json()["id"]);
    // The signed timestamp is the current time, not the seeded one.
    for request in &requests {
        let reason = judged("standard-webhooks", WEBHOOK_SECRET, request);
        assert_eq!(reason, Reason::Ok);
    }
}

#[test]
fn an_error_status_is_exit_7_and_the_event_is_stored_as_failed() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    app.answer(Answer::Status(500, "broken".to_owned()));
    let output = send(&sandbox, &app, &["contact.created"]).expect_exit(7);
    assert_eq!(output.json_lines()[0]["outcome"], "failed");
    assert!(
        output.stderr.contains("evt events replay e_0001 --to"),
        "{output}"
    );
}

#[test]
fn a_refused_signature_gets_a_hint_to_verify_and_not_to_replay() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    let args = ["github/ping", "--secret", "x"];
    let body = r#"{"error":"bad signature","hint":"secret_whitespace: a\u001b line"}"#;
    app.answer_next(Answer::Status(401, body.to_owned()));
    let output = send(&sandbox, &app, &args).expect_exit(7);
    for part in [
        "evt events verify e_0001 --scheme github --secret REF   explains why",
        "the endpoint says: secret_whitespace: a",
    ] {
        assert!(output.stderr.contains(part), "{output}");
    }
    assert!(!output.stderr.contains("replay"), "{output}");
    app.answer_next(Answer::Status(403, "no".to_owned()));
    let output = send(&sandbox, &app, &args).expect_exit(7);
    assert!(output.stderr.contains("evt events verify"), "{output}");
    assert!(!output.stderr.contains("the endpoint says"), "{output}");
}

#[test]
fn a_redirect_is_not_followed() {
    let (sandbox, app, elsewhere) = (Sandbox::new(), App::start(), App::start());
    let location = vec![("location".to_owned(), elsewhere.url("/"))];
    app.answer(Answer::With(302, location, String::new()));
    send(&sandbox, &app, &["contact.created"]).expect_exit(7);
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn a_refused_connection_is_exit_5_and_the_event_is_stored() {
    let (sandbox, absent) = (Sandbox::new(), Absent::new());
    let to = absent.address().to_string();
    let output = sandbox
        .run(["send", "contact.created", "--to", &to])
        .expect_exit(5);
    assert_eq!(output.json_lines()[0]["ref"], "e_0001");
    assert!(output.stderr.contains("target_refused"), "{output}");
}

#[test]
fn a_hanging_target_is_exit_5_after_the_timeout() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    app.answer(Answer::Hang);
    let args = ["contact.created", "--timeout", "50ms"];
    let output = send(&sandbox, &app, &args).expect_exit(5);
    assert!(output.stderr.contains("target_timeout"), "{output}");
}

#[test]
fn an_expected_status_is_exit_0_and_another_one_is_exit_9() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    app.answer(Answer::Status(404, String::new()));
    let args = ["contact.created", "--expect-status", "200,4xx"];
    send(&sandbox, &app, &args).expect_exit(0);
    let args = ["contact.created", "--expect-status", "2xx"];
    let output = send(&sandbox, &app, &args).expect_exit(9);
    assert!(output.stderr.contains("expected 2xx"), "{output}");
}

#[test]
fn a_secret_without_a_scheme_signs_and_names_the_scheme() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    let args = ["outreach/inquiry.submitted", "--secret", WEBHOOK_SECRET];
    let output = send(&sandbox, &app, &args).expect_exit(0);
    assert!(output.stderr.contains("Standard Webhooks"), "{output}");
}

#[cfg(unix)]
#[test]
fn a_dry_run_sends_and_stores_nothing() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    send(&sandbox, &app, &["contact.created", "--dry-run"]).expect_exit(0);
    assert!(app.requests().is_empty());
    let next = send(&sandbox, &app, &["contact.created"]).expect_exit(0);
    assert_eq!(next.json_lines()[0]["ref"], "e_0001");
}

#[test]
fn a_raw_dry_run_prints_the_exact_request() {
    let sandbox = Sandbox::new();
    sandbox.write("body.json", ODD_BODY);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("http://{}/hook?a=1", listener.local_addr().unwrap());
    // A scheme without timestamp and id, so that two runs are alike.
    let args = [
        "send",
        "@body.json",
        "--to",
        &to,
        "--sign",
        "shared-secret-header",
        "--secret",
        "s3cret",
        "-H",
        "X-Two: 1",
        "-H",
        "X-Two: 2",
        "-H",
        "X-Empty:",
    ];
    let shown = sandbox
        .run(args.iter().chain(&["--dry-run", "-o", "raw"]))
        .expect_exit(0);
    let length = shown.stdout.len();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).unwrap();
        stream
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .unwrap();
        String::from_utf8(bytes).unwrap()
    });
    sandbox.run(args).expect_exit(0);
    assert_eq!(server.join().unwrap(), shown.stdout);
}

#[cfg(unix)]
#[test]
fn the_curl_command_sends_the_same_request() {
    let sandbox = Sandbox::new();
    if !has_curl() {
        return;
    }
    let bodies: [&[u8]; 3] = [ODD_BODY, b"it's \xff\x00 not text", b"@not-a-file"];
    for body in bodies {
        let app = App::start();
        sandbox.write("body", body);
        let args = [
            "@body", "--sign", "github", "--secret", "s3cret", "-H", "X-Empty:",
        ];
        let command = send(
            &sandbox,
            &app,
            &[&args[..], &["--dry-run", "-o", "curl"]].concat(),
        );
        let status = std::process::Command::new("sh")
            .args(["-c", &command.expect_exit(0).stdout])
            .stdout(std::process::Stdio::null())
            .status();
        assert!(status.unwrap().success());
        send(&sandbox, &app, &args).expect_exit(0);
        let [by_curl, by_evt] = app.requests().try_into().unwrap();
        assert_eq!(without_id(by_curl), without_id(by_evt));
    }
}

/// Prints a notice if curl is missing; fails with `EVT_TEST_REQUIRE=all`.
fn has_curl() -> bool {
    let found = std::process::Command::new("curl")
        .arg("--version")
        .output()
        .is_ok();
    let required = std::env::var("EVT_TEST_REQUIRE").is_ok_and(|what| what == "all");
    assert!(found || !required, "curl is not installed");
    if !found {
        eprintln!("skipped: curl is not installed");
    }
    found
}

/// Removes what may differ: the delivery id, and the order and case of the headers.
fn without_id(mut request: Request) -> Request {
    request
        .headers
        .retain(|(name, _)| name != "x-github-delivery");
    for (name, _) in &mut request.headers {
        name.make_ascii_lowercase();
    }
    request.headers.sort();
    request
}

#[test]
fn curl_output_needs_a_dry_run() {
    Sandbox::new()
        .run(["send", "contact.created", "-o", "curl"])
        .expect_exit(2);
}

#[test]
fn control_characters_of_an_answer_are_escaped() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    app.answer(Answer::Status(200, "\u{1b}[31mred\u{202e}".to_owned()));
    let output = send(&sandbox, &app, &["contact.created", "-o", "text"]).expect_exit(0);
    assert!(
        output.stdout.contains("\\u{1b}[31mred\\u{202e}"),
        "{output}"
    );
}

#[test]
fn the_body_and_the_secret_cannot_both_come_from_stdin() {
    let args = ["send", "-", "--sign", "github", "--secret", "-"];
    Sandbox::new().run_with_input(args, b"{}").expect_exit(2);
}

#[test]
fn the_secret_is_never_printed() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    let args = [
        "contact.created",
        "--secret",
        WEBHOOK_SECRET,
        "-v",
        "-o",
        "text",
    ];
    let output = send(&sandbox, &app, &args).expect_exit(0);
    let secret = WEBHOOK_SECRET.trim_start_matches("whsec_");
    assert!(!output.to_string().contains(secret), "{output}");
}

#[test]
fn a_change_is_signed_and_leaves_every_other_byte() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    sandbox.write("body.json", ODD_BODY);
    let args = [
        "@body.json",
        "--sign",
        "github",
        "--secret",
        "s3cret",
        "--set",
        "amount:=20.00",
    ];
    send(&sandbox, &app, &args).expect_exit(0);
    let request = &app.requests()[0];
    let expected = String::from_utf8_lossy(ODD_BODY).replace("10.00", "20.00");
    assert_eq!(String::from_utf8_lossy(&request.body), expected);
    assert_eq!(judged("github", "s3cret", request), Reason::Ok);
}

#[test]
fn a_new_member_needs_set_new() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    let set = ["contact.created", "--set", "data.data.score:=80"];
    let refused = send(&sandbox, &app, &set).expect_exit(2);
    assert!(refused.stderr.contains("--set-new"), "{refused}");
    send(&sandbox, &app, &[&set[..], &["--set-new"]].concat()).expect_exit(0);
    assert_eq!(app.requests()[0].json()["data"]["data"]["score"], 80);
}

#[test]
fn an_unset_member_is_not_sent() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    let args = ["contact.created", "--unset", "data.data.tags"];
    send(&sandbox, &app, &args).expect_exit(0);
    let body = app.requests()[0].json();
    assert_eq!(body["data"]["data"]["tags"], serde_json::Value::Null);
    assert_eq!(body["data"]["data"]["firstName"], "Ada");
}

#[test]
fn a_listener_names_the_other_secret_that_matches() {
    let sandbox = Sandbox::new();
    let args = [
        "listen",
        "--port",
        "0",
        "-o",
        "json",
        "--verify",
        "stripe",
        "--secret",
        "for-stripe",
        "--verify",
        "github",
        "--secret",
        "for-github",
    ];
    let mut listener = sandbox.spawn(args);
    let ready: serde_json::Value =
        serde_json::from_str(&listener.wait_for_stderr("\"ready\"")).unwrap();
    let to = ready["url"].as_str().unwrap();
    let args = [
        "send",
        "stripe/invoice.paid",
        "--secret",
        "for-github",
        "--to",
        to,
    ];
    sandbox.run(args).expect_exit(7);
    let line = listener.wait_for_stdout("\"ref\"");
    assert!(
        line.contains("wrong_secret: the signature matches the secret of github"),
        "{line}"
    );
}
