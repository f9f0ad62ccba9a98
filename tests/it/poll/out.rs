//! `--out`: the content of the file, and when it is refused.

use std::path::PathBuf;

use serde_json::json;

use super::{Bench, notice, poll, row, table};
use crate::support::{Output, Sandbox};

fn file(sandbox: &Sandbox) -> PathBuf {
    sandbox.work().join("out.ndjson")
}

fn read(sandbox: &Sandbox) -> String {
    std::fs::read_to_string(file(sandbox)).expect("the file is there")
}

fn to_file(sandbox: &Sandbox) -> Output {
    poll(sandbox, &["--out", "out.ndjson", "-o", "json"])
}

/// A home folder whose file has two records, and the table they come from.
fn begun() -> (Sandbox, super::Table) {
    let table = table(&["a", "b"]);
    let sandbox = table.sandbox();
    let _ = to_file(&sandbox).expect_exit(0);
    (sandbox, table)
}

#[test]
fn each_record_is_in_the_file_once() {
    let bench = Bench::with_contacts(&["ada@x.test", "bob@x.test"]);
    let first = to_file(&bench.sandbox).expect_exit(0);
    assert_eq!(first.stdout, "");
    bench.create("contact", &json!({"email": "cleo@x.test"}));
    let _ = to_file(&bench.sandbox).expect_exit(0);
    let text = read(&bench.sandbox);
    let emails = text.lines().map(|line| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["data"]["email"].as_str().unwrap().to_owned()
    });
    assert_eq!(
        emails.collect::<Vec<_>>(),
        ["ada@x.test", "bob@x.test", "cleo@x.test"]
    );
}

#[test]
fn a_truncated_file_is_refused_and_left_unchanged() {
    let (sandbox, _table) = begun();
    sandbox.write("out.ndjson", "short\n");
    let output = to_file(&sandbox).expect_exit(1);
    assert_eq!(notice(&output, "error")["error"]["code"], "output_changed");
    assert_eq!(read(&sandbox), "short\n");
}

#[test]
fn a_deleted_file_is_refused() {
    let (sandbox, _table) = begun();
    std::fs::remove_file(file(&sandbox)).unwrap();
    let output = to_file(&sandbox).expect_exit(1);
    assert_eq!(notice(&output, "error")["error"]["code"], "output_changed");
    assert!(!file(&sandbox).exists());
}

#[test]
fn another_file_name_continues_in_that_file() {
    let (sandbox, table) = begun();
    let before = read(&sandbox);
    table.put(&row("c", "10:00:09.000", ""));
    let _ = poll(&sandbox, &["--out", "other.ndjson"]).expect_exit(0);
    let other = std::fs::read_to_string(sandbox.work().join("other.ndjson")).unwrap();
    assert_eq!(other, format!("{}\n", row("c", "10:00:09.000", "")));
    assert_eq!(read(&sandbox), before);
}

#[test]
fn a_file_with_lines_of_another_program_is_refused_and_left_unchanged() {
    let (sandbox, _table) = begun();
    let grown = format!("{}theirs\n", read(&sandbox));
    std::fs::write(file(&sandbox), &grown).unwrap();
    let refused = to_file(&sandbox).expect_exit(1);
    assert!(refused.stderr.contains("output_changed"), "{refused}");
    assert_eq!(read(&sandbox), grown);
}

#[test]
fn an_existing_file_is_continued_after_its_last_line() {
    let table = table(&["a"]);
    let sandbox = table.sandbox();
    sandbox.write("out.ndjson", "mine, without an end");
    let _ = to_file(&sandbox).expect_exit(0);
    let lines = format!("mine, without an end\n{}\n", row("a", "10:00:00.000", ""));
    assert_eq!(read(&sandbox), lines);
}

#[test]
fn a_missing_folder_is_an_error() {
    let table = table(&["a"]);
    let output = poll(&table.sandbox(), &["--out", "no/such/file", "-o", "json"]);
    let output = output.expect_exit(1);
    assert_eq!(
        notice(&output, "error")["error"]["code"],
        "output_unwritable"
    );
}
