//! How polling ends: complete, interrupted, or with an error and a hint.

use evt::dev::AuthMode;
use evt::dev::DevOptions;
use serde_json::json;

use super::{Bench, keys, notice, poll, row, table};
use crate::support::{Sandbox, Table};

/// The code of an expected error.
fn refused(sandbox: &Sandbox, args: &[&str], exit: i32) -> String {
    let args: Vec<&str> = args.iter().copied().chain(["-o", "json"]).collect();
    let output = poll(sandbox, &args).expect_exit(exit);
    assert_eq!(output.stdout, "");
    let error = notice(&output, "error");
    error["error"]["code"].as_str().unwrap().to_owned()
}

#[test]
fn following_prints_what_is_created_while_it_runs() {
    let bench = Bench::with_contacts(&["ada@x.test"]);
    let args = ["poll", "contact", "--follow", "--interval", "50ms..100ms"];
    let mut poll = bench.sandbox.spawn(args);
    poll.wait_for_stdout("ada@x.test");
    bench.create("contact", &json!({"email": "bob@x.test"}));
    poll.wait_for_stdout("bob@x.test");
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_follow_with_exit_0_and_the_next_call_continues() {
    let table = table(&["a"]);
    let sandbox = table.sandbox();
    let args = ["poll", "contact", "--follow", "--interval", "50ms..100ms"];
    let mut following = sandbox.spawn(args);
    following.wait_for_stdout("\"a\"");
    following.interrupt();
    let output = following.finish().expect_exit(0);
    assert!(output.stderr.contains("1 record"), "{output}");
    table.put(&row("b", "10:00:09.000", ""));
    assert_eq!(keys(&poll(&sandbox, &[]).expect_exit(0)), ["b"]);
}

#[test]
#[cfg(unix)]
fn ctrl_c_before_the_end_exits_with_130() {
    let table = table(&["a"]);
    table.hold();
    let poll = table.sandbox().spawn(["poll", "contact"]);
    table.wait_for(1);
    poll.interrupt();
    let _ = poll.finish().expect_exit(130);
}

#[test]
fn the_summary_is_available_as_json() {
    let table = table(&["a", "b"]);
    let output = poll(&table.sandbox(), &["-o", "json"]).expect_exit(0);
    let summary = notice(&output, "summary");
    assert_eq!(summary["records"], 2);
    assert_eq!(summary["requests"], table.requests());
    assert!(summary["read"].as_u64() >= Some(2), "{summary}");
    assert_eq!(summary["complete"], true);
    assert_eq!(summary["frontier"], "2026-04-25T10:00:01.000Z");
    assert_eq!(summary["state"], "local.contact");
    let cut = poll(&table.sandbox(), &["-o", "json", "--max", "1"]).expect_exit(0);
    assert_eq!(notice(&cut, "summary")["complete"], false);
}

#[test]
fn quiet_leaves_stderr_empty() {
    let table = table(&["a"]);
    let output = poll(&table.sandbox(), &["--quiet"]).expect_exit(0);
    assert_eq!(output.stderr, "");
}

#[test]
fn without_a_platform_the_error_suggests_starting_one() {
    let output = poll(&Sandbox::new(), &[]).expect_exit(5);
    assert!(output.stderr.contains("evt dev"), "{output}");
    assert!(!output.stderr.contains("Nothing new"), "{output}");
}

#[test]
fn a_rejected_token_exits_with_4() {
    let bench = Bench::with(DevOptions {
        auth: AuthMode::Strict,
        ..DevOptions::default()
    });
    let output = bench.poll(&["--token", "stale"]).expect_exit(4);
    assert!(output.stderr.contains("401"), "{output}");
    assert!(!output.stderr.contains("Nothing new"), "{output}");
}

#[test]
fn an_unknown_datatype_has_nothing_new() {
    let bench = Bench::new();
    let output = bench.sandbox.run(["poll", "unicorn"]).expect_exit(0);
    assert_eq!(output.stdout, "");
    assert!(output.stderr.contains("Nothing new"), "{output}");
}

#[test]
fn records_without_a_date_are_an_error_that_suggests_field() {
    let table = Table::start(&[r#"{"sk":"a","changed":"2026-04-25T10:00:00.000Z"}"#]);
    let output = poll(&table.sandbox(), &["-o", "json"]).expect_exit(2);
    let error = notice(&output, "error");
    assert_eq!(error["error"]["code"], "no_date");
    assert!(
        error["error"]["hint"].as_str().unwrap().contains("--field"),
        "{output}"
    );
}

#[test]
fn records_without_a_known_key_are_an_error_that_suggests_key() {
    let table = Table::start(&[r#"{"nr":1,"modifydate":"2026-04-25T10:00:00.000Z"}"#]);
    let output = poll(&table.sandbox(), &["-o", "json"]).expect_exit(2);
    let error = notice(&output, "error");
    assert_eq!(error["error"]["code"], "no_key");
    assert!(
        error["error"]["hint"].as_str().unwrap().contains("--key"),
        "{output}"
    );
}

#[test]
fn invalid_flags_are_usage_errors() {
    let sandbox = Sandbox::new();
    for (args, code) in [
        (&["--query", "{oops"][..], "bad_value"),
        (&["--query", "[1]"], "bad_value"),
        (&["--interval", "60s..5s"], "bad_value"),
        (&["--since", "yesterday-ish"], "bad_value"),
        (&["--until", "soon"], "bad_value"),
        (&["--max", "0"], "bad_value"),
        (&["--page-size", "0"], "bad_value"),
        (&["--where", "status == "], "bad_value"),
        (&["--jq", ".["], "bad_value"),
        (&["--format", "xml"], "bad_value"),
        (&["--state-key", "../x"], "usage"),
        (&["--envelope", "--format", "singer"], "usage"),
        (&["--jq", ".", "--format", "singer"], "usage"),
        (&["--exec", "cat", "--forward", "3000"], "usage"),
        (&["--secret", "s"], "missing_argument"),
    ] {
        assert_eq!(refused(&sandbox, args, 2), code, "{args:?}");
    }
}

#[test]
fn a_missing_datatype_is_a_usage_error() {
    let output = Sandbox::new().run(["poll"]).expect_exit(2);
    assert!(output.stderr.contains("evt poll contact"), "{output}");
}
