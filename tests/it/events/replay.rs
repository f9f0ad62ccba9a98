//! `evt events replay`.

use super::*;

#[test]
fn a_replay_stores_the_outcome() {
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
fn a_replay_to_a_closed_port_exits_with_7_and_a_hint() {
    let sandbox = Sandbox::new();
    import(&sandbox, &[line("a.b", "kept", "{}")]);
    let absent = Absent::new();
    let to = absent.address().to_string();
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
fn a_replay_that_fails_for_some_events_exits_with_10() {
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
fn a_replay_without_events_is_a_usage_error() {
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
fn selection_flags_filter_references() {
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
fn an_interrupted_replay_prints_the_summary() {
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
fn a_changed_body_warns_unless_it_is_resigned() {
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
fn a_resigned_event_is_verified_by_a_listener() {
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
    let url = format!("http://{}", listener.wait_until_ready());
    let resign = [
        "--unset",
        "n",
        "--resign",
        "stripe",
        "--secret",
        "other-secret",
    ];
    let args = ["events", "replay", "@last", "--to", &url]
        .into_iter()
        .chain(resign);
    let _ = sandbox.run(args).expect_exit(0);
    let received = listener.finish().expect_exit(0).json_lines();
    assert_eq!(received[0]["verdict"]["ok"], true, "{received:?}");
    assert_eq!(received[0]["data"]["n"], serde_json::Value::Null);
}

#[test]
fn an_impossible_change_is_a_usage_error() {
    let sandbox = Sandbox::new();
    import(&sandbox, &[line("a.b", "kept", "{}")]);
    let absent = Absent::new();
    let to = absent.address().to_string();
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
