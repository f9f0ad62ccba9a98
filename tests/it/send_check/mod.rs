//! `evt send --check` against endpoints that are safe, careless, broken, slow and absent.

mod careless;

use std::time::Duration;

use serde_json::Value;

use crate::support::app::{Answer, App};
use crate::support::{Absent, Output, Running, Sandbox};

const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Checks a target with a scheme and its secret.
#[must_use]
fn check(scheme: &str, secret: &str, to: &str, more: &[&str]) -> Output {
    let args = [
        "send",
        "contact.created",
        "--sign",
        scheme,
        "--secret",
        secret,
        "--to",
        to,
        "--check",
    ];
    Sandbox::new().run(args.iter().chain(more))
}

/// A listener that verifies, and its port.
fn listener(sandbox: &Sandbox, scheme: &str, secret: &str) -> (Running, String) {
    let mut running = sandbox.spawn([
        "listen", "--port", "0", "--verify", scheme, "--secret", secret, "-o", "json",
    ]);
    let ready = running.wait_for_stderr("\"ready\"");
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let url = ready["url"].as_str().unwrap().to_owned();
    (running, url)
}

/// The verdict of a case.
fn verdict<'a>(rows: &'a [Value], case: &str) -> &'a str {
    let row = rows.iter().find(|row| row["case"] == case);
    row.unwrap_or_else(|| panic!("no {case} in {rows:?}"))["verdict"]
        .as_str()
        .unwrap()
}

fn summary(rows: &[Value]) -> &Value {
    let last = rows.last().unwrap();
    assert_eq!(last["summary"], true);
    last
}

#[test]
fn a_listener_that_verifies_is_safe() {
    for (scheme, signing, secret) in [
        ("stripe", "stripe", "whsec_abc"),
        ("standard-webhooks", "standard-webhooks", WEBHOOK_SECRET),
        ("github", "github", "It's a Secret to Everybody"),
        ("shared-secret-header", "shared-secret-header", "abc123def"),
        ("slack", "slack", "8f742231b10e8888abcd99yyyzzz85a5"),
        ("twitter", "twitter", "consumer"),
        (
            "meta:verify-token=to-ken",
            "meta:verify-token=to-ken",
            "app",
        ),
    ] {
        let sandbox = Sandbox::new();
        let (_listener, url) = listener(&sandbox, scheme, secret);
        let output = check(signing, secret, &url, &[]);
        let rows = output.json_lines();
        assert_eq!(output.exit, Some(0), "{scheme}: {output}");
        assert_eq!(summary(&rows)["leaks"], 0, "{scheme}: {output}");
        assert_eq!(summary(&rows)["failed"], 0, "{scheme}: {output}");
        assert_eq!(verdict(&rows, "a changed signature"), "refuses", "{scheme}");
    }
}

#[test]
fn an_endpoint_that_accepts_everything_leaks() {
    let app = App::start();
    let output = check("stripe", "whsec_abc", &app.url("/hook"), &[]).expect_exit(8);
    let rows = output.json_lines();
    for case in ["a changed body", "another key", "no signature at all"] {
        assert_eq!(verdict(&rows, case), "leaks");
    }
    assert_eq!(verdict(&rows, "a valid request"), "passes");
    assert_eq!(verdict(&rows, "signed an hour ahead"), "passes");
    assert_eq!(verdict(&rows, "no id header"), "skipped");
    assert_eq!(summary(&rows)["failed"], 0);
    let row = rows.iter().find(|row| row["case"] == "a changed body");
    let row = row.unwrap();
    assert_eq!(
        (&row["status"], &row["expected"]),
        (&200.into(), &"4xx".into())
    );
    assert!(row["hint"].as_str().unwrap().contains("raw bytes"));
    assert!(row["took_ms"].is_number());
}

#[test]
fn two_values_of_a_header_are_sent() {
    let app = App::start();
    let _ = check("github", "s", &app.url("/hook"), &[]).expect_exit(8);
    let requests = app.requests();
    let doubled = requests.iter().filter(|request| {
        let mut values = request
            .headers
            .iter()
            .filter(|(name, _)| name == "x-hub-signature-256");
        values.next().is_some() && values.next().is_some()
    });
    assert_eq!(doubled.count(), 2);
}

#[test]
fn an_endpoint_that_fails_is_not_safe() {
    let app = App::start();
    app.answer(Answer::Status(500, "oops".to_owned()));
    let output = check("github", "s", &app.url("/hook"), &[]).expect_exit(8);
    let rows = output.json_lines();
    assert_eq!(verdict(&rows, "a changed body"), "fails");
    assert_eq!(summary(&rows)["passed"], 0);
    assert_eq!(summary(&rows)["leaks"], 0);
}

#[test]
fn refusals_by_an_endpoint_that_refuses_everything_are_skipped() {
    let app = App::start();
    app.answer(Answer::Status(401, String::new()));
    let output = check("github", "s", &app.url("/hook"), &[]).expect_exit(8);
    let rows = output.json_lines();
    assert_eq!(verdict(&rows, "a valid request"), "fails");
    assert_eq!(verdict(&rows, "a changed body"), "skipped");
}

#[test]
fn a_wrong_path_or_method_only_fails_the_valid_request() {
    for status in [404, 405, 501] {
        let app = App::start();
        app.answer(Answer::Status(status, String::new()));
        let output = check("github", "s", &app.url("/hook"), &[]).expect_exit(8);
        let rows = output.json_lines();
        assert_eq!(verdict(&rows, "a valid request"), "fails");
        assert_eq!(verdict(&rows, "an empty body"), "skipped");
        assert_eq!(verdict(&rows, "a changed body"), "skipped");
        assert_eq!(verdict(&rows, "a GET without signature"), "passes");
        assert_eq!(summary(&rows)["failed"], 1, "{output}");
        let hint = rows[0]["hint"].as_str().unwrap();
        assert!(hint.contains(&status.to_string()), "{hint}");
    }
}

#[test]
fn two_values_of_a_header_are_reported_for_information() {
    let app = App::start();
    let output = check("github", "s", &app.url("/hook"), &[]).expect_exit(8);
    let rows = output.json_lines();
    for case in ["a wrong header first", "a wrong header second"] {
        assert_eq!(verdict(&rows, case), "passes");
        let row = rows.iter().find(|row| row["case"] == case).unwrap();
        assert!(row["hint"].as_str().unwrap().starts_with("for information"));
    }
}

#[test]
fn the_check_ends_if_the_endpoint_never_answers() {
    let app = App::start();
    app.answer(Answer::Hang);
    let more = ["--timeout", "200ms"];
    let output = check("github", "s", &app.url("/hook"), &more).expect_exit(5);
    assert_eq!(app.requests().len(), 2);
    assert_eq!(verdict(&output.json_lines(), "a valid request"), "fails");
}

#[test]
fn a_slow_answer_only_fails_its_own_case() {
    let app = App::start();
    app.answer_next(Answer::Status(200, String::new()));
    app.answer_next(Answer::After(Duration::from_secs(2), 200));
    let more = ["--timeout", "500ms"];
    let output = check("github", "s", &app.url("/hook"), &more).expect_exit(8);
    let rows = output.json_lines();
    assert_eq!(rows[1]["verdict"], "fails");
    assert_eq!(rows[1]["error"], "target_timeout");
    assert_eq!(summary(&rows)["failed"], 1);
}

#[test]
fn a_refused_connection_ends_the_check() {
    let absent = Absent::new();
    let output = check("github", "s", &absent.address().to_string(), &[]).expect_exit(5);
    assert!(output.stderr.contains("target_refused"), "{output}");
}

#[test]
fn an_unsigned_event_cannot_be_checked() {
    let app = App::start();
    let to = app.url("/");
    let args = [
        "send",
        "contact.created",
        "--sign",
        "none",
        "--to",
        &to,
        "--check",
    ];
    let output = Sandbox::new().run(args).expect_exit(2);
    assert!(
        output.stderr.contains("--sign SCHEME --secret REF"),
        "{output}"
    );
    assert_eq!(app.requests(), []);
}

#[test]
fn a_check_stores_no_events() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    let to = app.url("/");
    let args = [
        "send",
        "github/push",
        "--secret",
        "s",
        "--to",
        &to,
        "--check",
    ];
    let _ = sandbox.run(args).expect_exit(8);
    assert_eq!(sandbox.run(["events", "list"]).expect_exit(0).stdout, "");
}

#[test]
fn a_scheme_that_does_not_cover_the_body_causes_a_warning() {
    let app = App::start();
    let output = check("bearer", "abc", &app.url("/"), &[]).expect_exit(8);
    assert!(
        output.stderr.contains("bearer does not sign the body"),
        "{output}"
    );
}
