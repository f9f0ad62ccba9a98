//! `evt events`

use std::io::Write;
use std::net::{TcpListener, TcpStream};

use evt::running::Running;

use crate::support::app::Answer;
use crate::support::{App, Output, Sandbox};

/// A body whose every oddity a careless copy loses.
const ODD: &[u8] = b"{  \"url\": \"https:\\/\\/a.test\\/x\", \"amount\": 10.00, \"n\": 12345678901234567890, \"name\": \"Zo\xc3\xab\\u00e9\" }\n";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A port on which nothing listens.
fn dead_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Keeps events as exported lines, the way that needs no network.
fn import(sandbox: &Sandbox, lines: &[String]) {
    let text = lines.join("\n");
    let output = sandbox.run_with_input(["events", "import", "-"], text.as_bytes());
    let _ = output.expect_exit(0);
}

/// An exported line with this type, outcome and text body.
fn line(kind: &str, outcome: &str, body: &str) -> String {
    serde_json::json!({
        "received_at": "2026-04-25T10:00:00.000Z",
        "transport": "http",
        "type": kind,
        "method": "POST",
        "target": "/hook?a=1",
        "outcome": outcome,
        "headers": [["content-type", "application/json"], ["authorization", "Bearer very-secret-9f2c"]],
        "body": body,
    })
    .to_string()
}

/// Sends `ODD` with a valid signature to the app and keeps it.
fn send_odd(sandbox: &Sandbox, to: &str) -> Output {
    let path = sandbox.write("odd.json", ODD);
    let body = format!("@{}", path.display());
    let sign = ["--sign", "standard-webhooks", "--secret", SECRET];
    sandbox.run(["send", &body, "--to", to].into_iter().chain(sign))
}

fn refs(output: &Output) -> Vec<String> {
    let lines = output.json_lines();
    let text = |line: &serde_json::Value| line["ref"].as_str().unwrap().to_owned();
    lines.iter().map(text).collect()
}

#[test]
fn an_odd_body_is_the_same_after_keep_export_import_and_replay() {
    let (first, second) = (Sandbox::new(), Sandbox::new());
    let app = App::start();
    let _ = send_odd(&first, &app.url("/hook?a=1")).expect_exit(0);
    for form in ["ndjson", "har"] {
        let exported = first
            .run(["events", "export", "--format", form])
            .expect_exit(0);
        let output = second.run_with_input(["events", "import", "-"], exported.stdout.as_bytes());
        let _ = output.expect_exit(0);
        let to = app.url("");
        let output = second.run(["events", "replay", "@last", "--to", &to]);
        let _ = output.expect_exit(0);
    }
    let requests = app.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(request.body, ODD);
        assert_eq!(request.target, "/hook?a=1");
        for name in [
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
            "content-type",
        ] {
            assert_eq!(request.header(name), requests[0].header(name), "{name}");
        }
    }
    let verified = second.run(["events", "verify", "@last", "--secret", SECRET]);
    let _ = verified.expect_exit(0);
}

#[test]
fn an_exported_body_is_shown_byte_for_byte() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let _ = send_odd(&sandbox, &app.url("/")).expect_exit(0);
    let output = sandbox
        .command(["events", "show", "@last", "-o", "raw"])
        .output()
        .unwrap();
    assert_eq!(output.stdout, ODD);
}

#[test]
fn bytes_that_are_no_text_survive_export_and_import() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let body: Vec<u8> = (0..=255).collect();
    let path = sandbox.write("bytes", &body);
    let event = format!("@{}", path.display());
    let to = app.url("/");
    let _ = sandbox
        .run(["send", &event, "--sign", "none", "--to", &to])
        .expect_exit(0);
    let _ = sandbox
        .run(["events", "export", "-f", "out.ndjson"])
        .expect_exit(0);
    let _ = sandbox
        .run(["events", "import", "out.ndjson"])
        .expect_exit(0);
    let _ = sandbox
        .run(["events", "replay", "@last", "--to", &to])
        .expect_exit(0);
    assert_eq!(app.wait_for(2)[1].body, body);
}

#[cfg(unix)]
#[test]
fn an_export_is_readable_by_its_owner_alone() {
    let sandbox = Sandbox::new();
    import(&sandbox, &[line("a.b", "kept", "{}")]);
    let _ = sandbox
        .run(["events", "export", "-f", "out.ndjson"])
        .expect_exit(0);
    let mode = crate::support::sandbox::mode(&sandbox.work().join("out.ndjson"));
    assert_eq!(mode, 0o600);
}

#[test]
fn a_list_shows_the_newest_last_and_selects() {
    let sandbox = Sandbox::new();
    import(
        &sandbox,
        &[
            line("contact.created", "kept", r#"{"amount":5}"#),
            line("contact.deleted", "failed", r#"{"amount":50}"#),
            line("order.created", "delivered", r#"{"amount":500}"#),
        ],
    );
    for (flags, expected) in [
        (&[][..], &["e_0001", "e_0002", "e_0003"][..]),
        (&["--type", "contact.*"], &["e_0001", "e_0002"]),
        (&["--type", "!contact.deleted"], &["e_0001", "e_0003"]),
        (
            &["--type", "contact.*", "--type", "!*.deleted"],
            &["e_0001"],
        ),
        (&["--where", "data.amount >= 50"], &["e_0002", "e_0003"]),
        (&["--status", "failed"], &["e_0002"]),
        (&["--status", "failed,delivered"], &["e_0002", "e_0003"]),
        (&["--limit", "2"], &["e_0002", "e_0003"]),
        (&["--since", "2026-04-26"], &[]),
        (&["--until", "2026-04-26", "--limit", "1"], &["e_0003"]),
    ] {
        let args = ["events", "list"].iter().chain(flags);
        let output = sandbox.run(args).expect_exit(0);
        assert_eq!(refs(&output), expected, "{flags:?}");
    }
}

#[test]
fn a_list_for_people_is_a_table() {
    let sandbox = Sandbox::new();
    import(&sandbox, &[line("contact.created", "failed", "{}")]);
    let output = sandbox.run(["events", "list", "-o", "text"]).expect_exit(0);
    assert_eq!(
        output.stdout,
        "REF     TIME                 SOURCE  TYPE             VERDICT      OUTCOME  SIZE\n\
         e_0001  2026-04-25 10:00:00  import  contact.created  · unchecked  failed   2 B\n"
    );
}

#[test]
fn a_selection_that_cannot_be_read_is_a_usage_error() {
    let sandbox = Sandbox::new();
    for flags in [
        ["--status", "faild"],
        ["--where", "data.amount >="],
        ["--type", "a..b"],
        ["--since", "yesterday"],
    ] {
        let _ = sandbox
            .run(["events", "list"].iter().chain(&flags))
            .expect_exit(2);
    }
}

#[test]
fn an_unknown_reference_is_not_found() {
    let sandbox = Sandbox::new();
    for args in [
        &["show", "e_7f3a"][..],
        &["show", "@last"],
        &["show", "@failed"],
        &["show", "no-such-file"],
        &["replay", "e_7f3a"],
        &["replay", "--type", "contact.*"],
        &["verify", "@-3", "--scheme", "stripe", "--secret", "x"],
        &["diff", "e_0001", "e_0002"],
        &["export"],
    ] {
        let output = sandbox.run(["events"].iter().chain(args)).expect_exit(3);
        assert!(output.stderr.contains("try  evt events list"), "{output}");
    }
}

#[test]
fn what_steers_a_terminal_is_never_raw_in_text() {
    let sandbox = Sandbox::new();
    let body = "{\"a\":\"\u{9b}31m\u{202e}\"}";
    let mut hostile =
        serde_json::from_str::<serde_json::Value>(&line("x\u{1b}[2Jy", "kept", body)).unwrap();
    hostile["headers"] =
        serde_json::json!([["x-a", { "base64": "m1sySg==" }], ["x-b", "\u{9b}2J"]]);
    import(
        &sandbox,
        &[
            hostile.to_string(),
            line("z", "kept", "\u{1b}]0;t\u{7}\r\n"),
        ],
    );
    for args in [
        &["show", "@-2"][..],
        &["show", "@last"],
        &["list"],
        &["diff", "@-2", "@last"],
        &["export", "--format", "curl"],
        &["replay", "--all", "--dry-run"],
    ] {
        let output = sandbox.run(["events", "-o", "text"].iter().chain(args));
        let shown = output.expect_exit(0).stdout;
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!shown.is_empty(), "{args:?}");
        assert!(!shown.contains(steers), "{args:?}: {shown:?}");
    }
}

#[test]
fn what_authorises_is_masked() {
    let sandbox = Sandbox::new();
    import(
        &sandbox,
        &[line("a.b", "kept", "{}"), line("a.b", "kept", "[]")],
    );
    for args in [&["show", "@last"][..], &["diff", "@-2", "@last"]] {
        let output = sandbox.run(["events", "-o", "text"].iter().chain(args));
        assert!(
            !output.expect_exit(0).stdout.contains("very-secret"),
            "{args:?}"
        );
    }
    let _ = sandbox
        .run(["events", "show", "--show-secrets"])
        .expect_exit(2);
}

#[test]
fn a_replay_notes_what_answered() {
    let sandbox = Sandbox::new();
    let app = App::start();
    import(
        &sandbox,
        &[line("a.b", "failed", "{}"), line("c.d", "failed", "{}")],
    );
    let to = app.url("/in");
    let output = sandbox.run(["events", "replay", "@failed", "--to", &to]);
    let lines = output.expect_exit(0).json_lines();
    assert_eq!(
        (&lines[0]["status"], &lines[0]["ref"]),
        (&200.into(), &"e_0001".into())
    );
    assert_eq!(app.wait_for(2)[0].target, "/in?a=1");
    let listed = sandbox.run(["events", "list", "--status", "delivered"]);
    assert_eq!(refs(&listed.expect_exit(0)), ["e_0001", "e_0002"]);
    let _ = sandbox
        .run(["events", "replay", "@failed", "--to", &to])
        .expect_exit(3);
}

#[test]
fn a_replay_to_a_dead_port_is_undelivered_and_says_what_to_try() {
    let sandbox = Sandbox::new();
    import(&sandbox, &[line("a.b", "kept", "{}")]);
    let to = dead_port();
    let output = sandbox
        .run(["events", "replay", "@last", "--to", &to])
        .expect_exit(7);
    assert!(
        output.stderr.contains("evt events replay @failed --to"),
        "{output}"
    );
    assert_eq!(output.json_lines()[0]["error"]["code"], "target_refused");
    let listed = sandbox.run(["events", "list", "--status", "failed"]);
    assert_eq!(refs(&listed.expect_exit(0)), ["e_0001"]);
}

#[test]
fn a_replay_of_which_some_fail_is_partly_done() {
    let sandbox = Sandbox::new();
    let app = App::start();
    import(
        &sandbox,
        &[line("a.b", "kept", "{}"), line("c.d", "kept", "{}")],
    );
    app.answer_next(Answer::Status(500, "no".to_owned()));
    let output = sandbox
        .run(["events", "replay", "--all", "--to", &app.url("/")])
        .expect_exit(10);
    assert!(
        output.stderr.contains("1 of 2 events were not delivered"),
        "{output}"
    );
}

#[test]
fn a_replay_that_names_nothing_is_a_usage_error() {
    let output = Sandbox::new()
        .run(["events", "replay", "--to", "3000"])
        .expect_exit(2);
    assert!(
        output
            .stderr
            .contains("evt events replay @failed --to 3000"),
        "{output}"
    );
}

#[test]
fn references_and_flags_narrow_each_other() {
    let sandbox = Sandbox::new();
    let lines = ["a.b", "c.d", "a.b"].map(|kind| line(kind, "failed", "{}"));
    import(&sandbox, &lines);
    let export = |flags: &[&str]| {
        let args = ["events", "export", "@failed"].iter().chain(flags);
        refs(&sandbox.run(args).expect_exit(0))
    };
    assert_eq!(export(&["--type", "a.*"]), ["e_0001", "e_0003"]);
    assert_eq!(export(&["--type", "a.*", "--limit", "1"]), ["e_0003"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_replay_says_how_far_it_came() {
    let sandbox = Sandbox::new();
    let app = App::start();
    import(
        &sandbox,
        &[line("a.b", "kept", "{}"), line("c.d", "kept", "{}")],
    );
    let to = app.url("/");
    let mut replay = sandbox.spawn(["events", "replay", "--all", "--rate", "1/h", "--to", &to]);
    replay.wait_for_stdout("e_0001");
    replay.interrupt();
    let output = replay.finish().expect_exit(130);
    assert!(
        output.stderr.contains("Replayed 1: 1 delivered"),
        "{output}"
    );
}

#[test]
fn a_dry_run_sends_nothing() {
    let sandbox = Sandbox::new();
    let app = App::start();
    import(&sandbox, &[line("a.b", "kept", "{}")]);
    let to = app.url("/in");
    let output = sandbox
        .run(["events", "replay", "@last", "--to", &to, "--dry-run"])
        .expect_exit(0);
    assert_eq!(output.json_lines()[0]["url"], app.url("/in?a=1"));
    let raw = sandbox
        .run([
            "events",
            "replay",
            "@last",
            "--to",
            &to,
            "--dry-run",
            "-o",
            "raw",
        ])
        .expect_exit(0);
    assert!(raw.stdout.starts_with("POST /in?a=1 HTTP/1.1\r\n"), "{raw}");
    assert_eq!(app.requests(), []);
}

#[test]
fn a_change_without_a_new_signature_warns_and_one_with_it_verifies() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let to = app.url("/");
    let _ = send_odd(&sandbox, &to).expect_exit(0);
    let change = [
        "events",
        "replay",
        "@last",
        "--to",
        &to,
        "--set",
        "amount:=11.50",
        "-H",
        "X-Try: 2",
    ];
    let output = sandbox.run(change).expect_exit(0);
    assert!(output.stderr.contains("--resign"), "{output}");
    let resign = ["--resign", "--secret", SECRET];
    let output = sandbox.run(change.into_iter().chain(resign)).expect_exit(0);
    assert!(!output.stderr.contains("warning"), "{output}");

    let requests = app.wait_for(3);
    let expected = String::from_utf8(ODD.to_vec())
        .unwrap()
        .replace("10.00", "11.50");
    assert_eq!(String::from_utf8_lossy(&requests[2].body), expected);
    assert_eq!(requests[2].header("x-try"), Some("2"));
    assert_eq!(
        requests[1].header("webhook-signature"),
        requests[0].header("webhook-signature")
    );
    assert_ne!(
        requests[2].header("webhook-signature"),
        requests[0].header("webhook-signature")
    );
    assert_eq!(
        requests[2].header("webhook-id"),
        requests[0].header("webhook-id")
    );
}

#[test]
fn a_resigned_event_verifies_at_a_listener() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let _ = send_odd(&sandbox, &app.url("/")).expect_exit(0);
    let verify = ["--verify", "stripe", "--secret", "other-secret"];
    let mut listener = sandbox.spawn(
        [
            "listen", "--port", "0", "--count", "1", "--for", "60s", "-o", "json",
        ]
        .into_iter()
        .chain(verify),
    );
    let ready: serde_json::Value =
        serde_json::from_str(&listener.wait_for_stderr("ready")).unwrap();
    let url = ready["url"].as_str().unwrap();
    let resign = [
        "--unset",
        "n",
        "--resign",
        "stripe",
        "--secret",
        "other-secret",
    ];
    let args = ["events", "replay", "@last", "--to", url]
        .into_iter()
        .chain(resign);
    let _ = sandbox.run(args).expect_exit(0);
    let received = listener.finish().expect_exit(0).json_lines();
    assert_eq!(received[0]["verdict"]["ok"], true, "{received:?}");
    assert_eq!(received[0]["data"]["n"], serde_json::Value::Null);
}

#[test]
fn a_change_that_cannot_be_made_is_a_usage_error() {
    let sandbox = Sandbox::new();
    import(&sandbox, &[line("a.b", "kept", "{}")]);
    let to = dead_port();
    for (flags, code) in [
        (&["--set", "no.such=1"][..], "no_such_path"),
        (&["--resign"], "no_scheme"),
        (&["--resign", "strpe", "--secret", "x"], "unknown_scheme"),
        (&["--resign", "stripe"], "no_secret"),
        (&["--edit"], "not_asked"),
    ] {
        let args = ["events", "replay", "@last", "--to", &to].into_iter();
        let output = sandbox
            .run(args.chain(flags.iter().copied()))
            .expect_exit(2);
        assert!(output.stderr.contains(&format!("code {code} ")), "{output}");
    }
}

#[test]
fn a_verdict_says_why() {
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
fn another_secret_than_the_one_on_receipt_is_asked_for() {
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
    Running {
        pid: std::process::id(),
        url: "http://127.0.0.1:1".to_owned(),
        control_url: "http://127.0.0.1:1".to_owned(),
        control_token: "t".to_owned(),
        org: "my-org".to_owned(),
        token: "t".to_owned(),
        webhook_secret: Some("whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQh".to_owned()),
        data: None,
    }
    .write(&state)
    .unwrap();
    let output = sandbox.run(["events", "verify", "@last"]).expect_exit(2);
    assert!(output.stderr.contains("--secret env:NAME"), "{output}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let sandbox = Sandbox::new();
    import(&sandbox, &[line("a.b", "kept", "{}")]);
    let args = ["events", "diff", "@last", "nofile.json"];
    let output = sandbox.run(args).expect_exit(3);
    assert!(output.stderr.contains("no file `nofile.json`"), "{output}");
}

#[test]
fn a_verdict_names_what_was_changed() {
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
fn a_difference_is_shown_by_value_and_can_be_a_goal() {
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
fn a_file_can_stand_for_an_event() {
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

#[cfg(unix)]
#[test]
fn a_curl_command_sends_the_same_request() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let _ = send_odd(&sandbox, &app.url("/hook?a=1")).expect_exit(0);
    let to = app.url("");
    let output = sandbox
        .run(["events", "export", "@last", "--format", "curl", "--to", &to])
        .expect_exit(0);
    let curl = std::process::Command::new("sh")
        .args(["-c", &output.stdout])
        .output()
        .unwrap();
    if curl.status.code() == Some(127) {
        eprintln!("passed over: there is no curl here");
        return;
    }
    let requests = app.wait_for(2);
    let without_host = |at: usize| {
        let mut headers = requests[at].headers.clone();
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case("host"));
        headers
            .iter_mut()
            .for_each(|(name, _)| name.make_ascii_lowercase());
        headers.sort();
        headers
    };
    assert_eq!(requests[1].body, ODD);
    assert_eq!(requests[1].target, "/hook?a=1");
    assert_eq!(without_host(1), without_host(0));
}

#[test]
fn bad_lines_are_named_and_the_others_taken() {
    let sandbox = Sandbox::new();
    let good = line("a.b", "kept", "{}");
    let text = format!("{good}\n\n{{\"no\":1}}\n{good}\nnonsense\n");
    let output = sandbox
        .run_with_input(["events", "import", "-"], text.as_bytes())
        .expect_exit(10);
    assert!(output.stderr.contains("line 3 is left out"), "{output}");
    assert!(output.stderr.contains("line 5 is left out"), "{output}");
    assert_eq!(output.json_lines()[0]["imported"], 2);
    assert_eq!(
        refs(&sandbox.run(["events", "list"]).expect_exit(0)),
        ["e_0001", "e_0002"]
    );
}

#[test]
fn nonsense_is_not_imported() {
    let sandbox = Sandbox::new();
    for text in [
        "",
        "nonsense",
        "[]",
        "{\"log\":{}}",
        "{\"log\":{\"entries\":[]}}",
        "\u{0}\u{1}",
    ] {
        let output = sandbox.run_with_input(["events", "import", "-"], text.as_bytes());
        assert_eq!(output.exit, Some(2), "{text:?}: {output}");
    }
    let _ = sandbox
        .run(["events", "import", "no-such-file"])
        .expect_exit(2);
}

#[test]
fn an_import_with_a_byte_order_mark_is_taken() {
    let sandbox = Sandbox::new();
    let text = format!("\u{feff}{}", line("a.b", "kept", "{}"));
    let output = sandbox.run_with_input(["events", "import", "-"], text.as_bytes());
    let _ = output.expect_exit(0);
}

#[test]
fn pruning_removes_what_is_old_and_asks_first() {
    let sandbox = Sandbox::new();
    import(&sandbox, &[line("old.one", "kept", "{}")]);
    let app = App::start();
    let to = app.url("/");
    let _ = sandbox
        .run(["send", "contact.created", "--sign", "none", "--to", &to])
        .expect_exit(0);
    let keep = ["events", "prune", "--keep", "1d"];
    let output = sandbox.run(keep).expect_exit(2);
    assert!(output.stderr.contains("--yes"), "{output}");
    let output = sandbox
        .run(keep.into_iter().chain(["--dry-run"]))
        .expect_exit(0);
    assert_eq!(output.json_lines()[0]["would_remove"], 1);
    let output = sandbox
        .run(keep.into_iter().chain(["--yes"]))
        .expect_exit(0);
    assert_eq!(output.json_lines()[0]["removed"], 1);
    assert_eq!(
        refs(&sandbox.run(["events", "list"]).expect_exit(0)),
        ["e_0002"]
    );
}

#[test]
fn pruning_to_a_size_removes_the_oldest() {
    let sandbox = Sandbox::new();
    let body = "x".repeat(10_000);
    let lines: Vec<String> = (0..5).map(|_| line("a.b", "kept", &body)).collect();
    import(&sandbox, &lines);
    let _ = sandbox
        .run(["events", "prune", "--max-size", "25KB", "--yes"])
        .expect_exit(0);
    assert_eq!(
        refs(&sandbox.run(["events", "list"]).expect_exit(0)),
        ["e_0004", "e_0005"]
    );
}

#[test]
fn pruning_leaves_what_a_delivery_needs() {
    let sandbox = Sandbox::new();
    let to = dead_port();
    let mut listener = sandbox.spawn(["listen", &to, "--port", "0", "--retry=9", "-o", "json"]);
    let ready: serde_json::Value =
        serde_json::from_str(&listener.wait_for_stderr("ready")).unwrap();
    let address = ready["url"]
        .as_str()
        .unwrap()
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"POST /hook HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}")
        .unwrap();
    listener.wait_for_stdout("e_0001");
    let output = sandbox
        .run(["events", "prune", "--all", "--yes"])
        .expect_exit(0);
    let report = &output.json_lines()[0];
    assert_eq!(
        (
            &report["needed"],
            report.get("removed").or(report.get("would_remove"))
        ),
        (&1.into(), Some(&0.into()))
    );
    assert_eq!(
        refs(&sandbox.run(["events", "list"]).expect_exit(0)),
        ["e_0001"]
    );
}
