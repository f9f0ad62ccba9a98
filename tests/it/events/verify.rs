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

/// Imports a request, and verifies it with a scheme and a secret.
fn verdict_on(sandbox: &Sandbox, headers: &[[&str; 2]], body: &[u8], args: &[&str]) -> Output {
    let line = serde_json::json!({
        "received_at": "2026-04-25T10:00:00.000Z",
        "transport": "http",
        "headers": headers,
        "body": {"base64": base64::Engine::encode(&base64::engine::general_purpose::STANDARD, body)},
    });
    import(sandbox, &[line.to_string()]);
    sandbox.run(["events", "verify", "@last", "--scheme"].iter().chain(args))
}

/// The signature of a body with the key `k`.
fn mac(body: &[u8]) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"k");
    let tag = aws_lc_rs::hmac::sign(&key, body);
    tag.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn a_body_of_another_writer_is_named() {
    let sandbox = Sandbox::new();
    for (signed, received, named) in [
        (&br#"{"q":"a\u0026b"}"#[..], &br#"{"q":"a&b"}"#[..], "Go"),
        (
            br#"{"b":1,"a":1.0}"#,
            br#"{"a":1.0,"b":1}"#,
            "another order",
        ),
        (
            b"[{\"e\":1},\r\n{\"e\":2}]\r\n",
            b"[{\"e\":1},{\"e\":2}]",
            "CRLF after each event",
        ),
    ] {
        let signature = format!("sha256={}", mac(signed));
        let headers = [["x-hub-signature-256", signature.as_str()]];
        let output = verdict_on(&sandbox, &headers, received, &["github", "--secret", "k"]);
        let verdict = output.expect_exit(8).json_lines().remove(0);
        let hint = verdict["hint"].as_str().unwrap();
        assert!(
            hint.starts_with("body_changed") && hint.contains(named),
            "{hint}"
        );
    }
}

#[test]
fn a_list_of_signatures_and_an_element_are_verified() {
    let sandbox = Sandbox::new();
    let body = b"{}";
    let list = format!("sha256={},sha256={}", mac(b"other"), mac(body));
    let stamped = format!("t=1777111200,v1={}", mac(b"1777111200.{}"));
    for (header, scheme) in [
        (&list, "hmac:header=X-Sig,prefix=sha256="),
        (&stamped, "hmac:header=X-Sig,template={timestamp}.{body}"),
    ] {
        let headers = [["x-sig", header.as_str()]];
        let output = verdict_on(&sandbox, &headers, body, &[scheme, "--secret", "k"]);
        let _ = output.expect_exit(0);
    }
}

#[test]
fn a_header_that_may_hold_a_signature_is_named() {
    let sandbox = Sandbox::new();
    let headers = [["calendly-webhook-signature", "t=1,v1=ab"]];
    let output = verdict_on(&sandbox, &headers, b"{}", &["stripe", "--secret", "k"]);
    let verdict = output.expect_exit(8).json_lines().remove(0);
    assert_eq!(verdict["reason"], "missing_header");
    let hint = verdict["hint"].as_str().unwrap();
    assert!(
        hint.contains("hmac:header=calendly-webhook-signature"),
        "{hint}"
    );
}

#[test]
fn a_scheme_without_a_secret_refuses_one() {
    let sandbox = Sandbox::new();
    let output = verdict_on(&sandbox, &[], b"{}", &["sns", "--secret", "x"]);
    assert!(output.expect_exit(2).stderr.contains("leave --secret out"));
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
        brokers: Default::default(),
        name: "local".to_owned(),
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
