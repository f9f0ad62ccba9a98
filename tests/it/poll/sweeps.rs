//! What a query by date cannot find: deletions, records that became visible too late, and records without a date.

use serde_json::json;

use super::{Bench, emails, keys, notice, poll, row, table};
use crate::support::Table;

const SWEEP: [&str; 2] = ["--deletes", "sweep"];
const UNDATED: &str = r#"{"sk":"u","name":"no date"}"#;

#[test]
fn a_deletion_is_printed_once_after_two_sweeps() {
    let bench = Bench::with_contacts(&["ada@x.test", "bob@x.test"]);
    let first = bench.poll(&SWEEP).expect_exit(0).json_lines();
    bench.delete(&first[0]);
    let printed: Vec<_> = (0..4)
        .flat_map(|_| bench.poll(&SWEEP).expect_exit(0).json_lines())
        .collect();
    assert_eq!(printed, [json!({"op": "delete", "key": first[0]["sk"]})]);
}

#[test]
fn deletions_are_printed_when_no_record_is_left() {
    let bench = Bench::with_contacts(&["ada@x.test", "bob@x.test"]);
    let first = bench.poll(&SWEEP).expect_exit(0).json_lines();
    for record in &first {
        bench.delete(record);
    }
    let printed: Vec<_> = (0..3)
        .flat_map(|_| bench.poll(&SWEEP).expect_exit(0).json_lines())
        .collect();
    let mut gone: Vec<_> = printed.iter().map(|line| line["key"].to_string()).collect();
    let mut keys: Vec<_> = first
        .iter()
        .map(|record| record["sk"].to_string())
        .collect();
    gone.sort();
    keys.sort();
    assert_eq!(gone, keys);
}

#[test]
fn a_record_that_is_created_again_is_printed_again() {
    let table = table(&["a", "b"]);
    let sandbox = table.sandbox();
    let sweep = || poll(&sandbox, &SWEEP).expect_exit(0);
    let first = sweep();
    table.remove("a");
    let gone = [sweep().stdout, sweep().stdout].concat();
    assert_eq!(gone, "{\"op\":\"delete\",\"key\":\"a\"}\n");
    // The same record, restored from a backup with its old date.
    table.put(&row("a", "10:00:00.000", ""));
    let back = [sweep().stdout, sweep().stdout].concat();
    assert_eq!(back, first.stdout.lines().next().unwrap().to_owned() + "\n");
    table.put(&row("a", "11:00:00.000", ""));
    assert_eq!(keys(&sweep()), ["a"]);
}

#[test]
fn the_envelope_of_a_deletion_names_the_key() {
    let table = table(&["a", "b"]);
    let sandbox = table.sandbox();
    let sweep = || {
        let args = ["--deletes", "sweep", "--envelope"];
        poll(&sandbox, &args).expect_exit(0).json_lines()
    };
    sweep();
    table.remove("a");
    let printed = [sweep(), sweep()].concat();
    assert_eq!(printed.len(), 1, "{printed:?}");
    assert_eq!(printed[0]["_evt"]["op"], "delete");
    assert_eq!(printed[0]["_evt"]["key"], "a");
}

#[test]
fn without_a_sweep_no_deletion_is_printed() {
    let table = table(&["a", "b"]);
    let sandbox = table.sandbox();
    let call = || poll(&sandbox, &[]).expect_exit(0).stdout;
    call();
    table.remove("a");
    assert_eq!([call(), call(), call()].concat(), "");
}

#[test]
fn reconcile_prints_a_record_once_that_became_visible_too_late() {
    let table = Table::start(&[&row("now", "10:00:00.000", "")]);
    let sandbox = table.sandbox();
    let reconcile = || keys(&poll(&sandbox, &["--reconcile"]).expect_exit(0));
    assert_eq!(reconcile(), ["now"]);
    // Long before the frontier minus the lookback.
    table.put(&row("late", "08:00:00.000", ""));
    assert_eq!(poll(&sandbox, &[]).expect_exit(0).stdout, "");
    assert_eq!(reconcile(), ["late"]);
    assert_eq!(reconcile(), [""; 0]);
}

#[test]
fn a_record_that_becomes_visible_within_the_lookback_is_printed() {
    let table = Table::start(&[&row("now", "10:00:00.000", "")]);
    let sandbox = table.sandbox();
    let _ = poll(&sandbox, &[]).expect_exit(0);
    table.put(&row("late", "09:59:00.000", ""));
    assert_eq!(keys(&poll(&sandbox, &[]).expect_exit(0)), ["late"]);
    table.put(&row("too-late", "09:50:00.000", ""));
    assert_eq!(poll(&sandbox, &[]).expect_exit(0).stdout, "");
}

#[test]
fn the_lookback_can_be_changed() {
    let table = Table::start(&[&row("now", "10:00:00.000", "")]);
    let sandbox = table.sandbox();
    let call = || keys(&poll(&sandbox, &["--lookback", "1h"]).expect_exit(0));
    assert_eq!(call(), ["now"]);
    table.put(&row("late", "09:10:00.000", ""));
    assert_eq!(call(), ["late"]);
}

#[test]
fn records_without_a_date_are_counted_and_left_out() {
    let table = table(&["a"]);
    table.put(UNDATED);
    let output = poll(&table.sandbox(), &[]).expect_exit(0);
    assert_eq!(keys(&output), ["a"]);
    let note = "have no `modifydate` and are left out";
    assert!(output.stderr.contains(note), "{output}");
}

#[test]
fn undated_include_prints_records_without_a_date_once() {
    let table = table(&["a"]);
    table.put(UNDATED);
    let sandbox = table.sandbox();
    let include = || keys(&poll(&sandbox, &["--undated", "include"]).expect_exit(0));
    assert_eq!(include(), ["a", "u"]);
    assert_eq!(include(), [""; 0]);
    table.put(r#"{"sk":"u","name":"changed"}"#);
    assert_eq!(include(), ["u"]);
}

#[test]
fn undated_fail_makes_records_without_a_date_an_error() {
    let table = table(&["a"]);
    table.put(UNDATED);
    let output = poll(&table.sandbox(), &["--undated", "fail", "-o", "json"]);
    let output = output.expect_exit(11);
    assert_eq!(notice(&output, "error")["error"]["code"], "undated");
}

#[test]
fn a_write_that_becomes_visible_late_is_printed_then() {
    let bench = Bench::new();
    bench.chaos(&json!({"late": "300ms"}));
    for email in ["ada@x.test", "bob@x.test", "cleo@x.test", "dan@x.test"] {
        bench.create("contact", &json!({ "email": email }));
    }
    let mut seen = Vec::new();
    while seen.len() < 4 {
        seen.extend(emails(&bench.poll(&[]).expect_exit(0)));
    }
    seen.sort();
    assert_eq!(
        seen,
        ["ada@x.test", "bob@x.test", "cleo@x.test", "dan@x.test"]
    );
}
