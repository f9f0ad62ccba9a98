//! `evt events verify` and `diff`.

use super::*;

#[test]
fn a_verdict_has_a_reason() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let _ = send_odd(&sandbox, &app.url("/")).expect_exit(0);
    let verify = |flags: &[&str], exit| {
        let args = ["events", "verify", "@last"].iter().chain(flags);
        sandbox.run(args).expect_exit(exit).json_lines().remove(0)
    };
    assert_eq!(verify(&["--secret", SECRET], 0)["ok"], true);
    let verdict = verify(&["--secret", "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQh"], 8);
    assert_eq!(verdict["reason"], "signature_mismatch");
    let rotated = [
        "--secret",
        "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQh",
        "--secret",
        SECRET,
    ];
    assert_eq!(verify(&rotated, 0)["secret"], 2);
    let late = verify(&["--secret", SECRET, "--at", "2020-01-01"], 8);
    assert_eq!(late["reason"], "timestamp_too_new");
}

#[test]
fn a_verdict_explains_a_changed_body() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let _ = send_odd(&sandbox, &app.url("/")).expect_exit(0);
    let mut exported = sandbox
        .run(["events", "export"])
        .expect_exit(0)
        .json_lines();
    let body = exported[0]["body"].as_str().unwrap().trim_end().to_owned();
    exported[0]["body"] = body.into();
    import(&sandbox, &[exported[0].to_string()]);
    let args = ["events", "verify", "@last", "--secret", SECRET];
    let verdict = sandbox.run(args).expect_exit(8).json_lines().remove(0);
    let hint = verdict["hint"].as_str().unwrap();
    assert!(hint.starts_with("body_changed"), "{hint}");
}

#[test]
fn a_verification_without_scheme_or_secret_is_a_usage_error() {
    let sandbox = Sandbox::new();
    import(&sandbox, &[line("a.b", "kept", "{}")]);
    for flags in [
        &["--secret", "x"][..],
        &["--scheme", "stripe"],
        &["--scheme", "strpe", "--secret", "x"],
    ] {
        let args = ["events", "verify", "@last"].iter().chain(flags);
        let _ = sandbox.run(args).expect_exit(2);
    }
}

#[test]
fn diff_compares_json_by_value_unless_exact() {
    let sandbox = Sandbox::new();
    import(
        &sandbox,
        &[
            line("a.b", "kept", r#"{"amount":10.00,"n":1}"#),
            line("a.b", "kept", "{ \"amount\": 10.0,\n \"n\": 1 }"),
            line("a.b", "kept", "{ \"amount\": 10.00,\n \"n\": 1 }"),
        ],
    );
    let output = sandbox
        .run(["events", "diff", "@-3", "@-2", "-o", "text"])
        .expect_exit(0);
    assert_eq!(
        output.stdout,
        "--- @-3\n+++ @-2\n@@ body @@\n {\n-  \"amount\": 10.00,\n+  \"amount\": 10.0,\n   \"n\": 1\n }\n"
    );
    let _ = sandbox
        .run(["events", "diff", "@-3", "@-2", "--expect-same"])
        .expect_exit(9);
    let _ = sandbox
        .run(["events", "diff", "@-3", "@last", "--expect-same"])
        .expect_exit(0);
    let _ = sandbox
        .run(["events", "diff", "@-3", "@last", "--exact", "--expect-same"])
        .expect_exit(9);
}

#[test]
fn a_file_can_be_used_as_an_event() {
    let sandbox = Sandbox::new();
    let app = App::start();
    sandbox.write("body.json", ODD);
    let to = app.url("/in");
    let _ = sandbox
        .run(["events", "replay", "body.json", "--to", &to])
        .expect_exit(0);
    let requests = app.wait_for(1);
    assert_eq!(requests[0].body, ODD);
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
    let diff = ["events", "diff", "body.json", "-", "--expect-same"];
    let _ = sandbox.run_with_input(diff, ODD).expect_exit(0);
    let _ = sandbox.run_with_input(diff, b"{}").expect_exit(9);
}

#[test]
fn verify_asks_for_the_secret_if_the_platforms_differs() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let _ = send_odd(&sandbox, &app.url("/")).expect_exit(0);
    let export = sandbox.run(["events", "export"]).expect_exit(0);
    let mut received = export.json_lines().remove(0);
    received["verdict"] =
        serde_json::json!({ "scheme": "standard-webhooks", "ok": true, "reason": "ok" });
    import(&sandbox, &[received.to_string()]);
    let state = sandbox.home().join("state");
    std::fs::create_dir_all(&state).unwrap();
    evt::running::Running {
        pid: std::process::id(),
        url: "http://127.0.0.1:1".to_owned(),
        control_url: "http://127.0.0.1:1".to_owned(),
        control_token: "t".to_owned(),
        org: "my-org".to_owned(),
        token: "t".to_owned(),
        webhook_secret: Some("whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQh".to_owned()),
        data: None,
        platforms: std::collections::BTreeMap::new(),
    }
    .write(&state)
    .unwrap();
    let output = sandbox.run(["events", "verify", "@last"]).expect_exit(2);
    assert!(output.stderr.contains("--secret env:NAME"), "{output}");
}

#[test]
fn a_missing_file_is_reported_by_name() {
    let sandbox = Sandbox::new();
    import(&sandbox, &[line("a.b", "kept", "{}")]);
    let args = ["events", "diff", "@last", "nofile.json"];
    let output = sandbox.run(args).expect_exit(3);
    assert!(output.stderr.contains("no file `nofile.json`"), "{output}");
}
