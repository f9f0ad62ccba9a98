//! `evt poll --format singer` with a real target: target-jsonl (PyPI), which validates each record against the schema before it.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::poll::{Bench, poll, row, table};
use crate::support::{Output, Python, Sandbox, Table};

/// Pipes the output of a call into the target. Returns the target's output and the content of its file.
fn into_target(python: Python, sandbox: &Sandbox) -> (Output, Vec<Value>) {
    let mut evt = sandbox
        .command(["poll", "contact", "--format", "singer"])
        .spawn()
        .expect("the binary starts");
    let messages = Stdio::from(evt.stdout.take().expect("stdout is piped"));
    let output = target(python, sandbox, messages, &[]);
    let ended = evt.wait_with_output().expect("the command ends");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}");
    let written = std::fs::read_to_string(sandbox.work().join("target/contact.jsonl"));
    let written = written.unwrap_or_default();
    let lines = written
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    (output, lines.collect())
}

fn target(python: Python, sandbox: &Sandbox, stdin: Stdio, input: &[u8]) -> Output {
    let config = json!({"destination_path": "target", "do_timestamp_file": false});
    let config = sandbox.write("target.json", config.to_string());
    let mut target = python.command("target-jsonl");
    target
        .arg("--config")
        .arg(config)
        .current_dir(sandbox.work());
    target
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut target = target.spawn().expect("the target starts");
    if let Some(mut stdin) = target.stdin.take() {
        stdin.write_all(input).expect("the target reads");
    }
    let output = target.wait_with_output().expect("the target ends");
    Output {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        exit: output.status.code(),
    }
}

fn lead(n: u32) -> Value {
    json!({"n": n, "name": "Zoë \"x\" \u{1f600}", "amount": 1.5, "tags": ["a", null, {"b": true}], "none": null})
}

#[test]
fn a_target_gets_every_record_and_a_second_run_adds_new_ones() {
    let Some(python) = Python::install() else {
        return;
    };
    let bench = Bench::new();
    for n in 0..25 {
        bench.create("contact", &lead(n));
    }
    let all = |state: &str| {
        let output = bench.poll(&["--state-key", state]);
        output.expect_exit(0).json_lines()
    };
    let (output, arrived) = into_target(python, &bench.sandbox);
    let _ = output.expect_exit(0);
    assert_eq!(arrived, all("first"));
    bench.update(&arrived[3], &json!({"name": "changed"}));
    bench.create("contact", &lead(25));
    let (output, arrived) = into_target(python, &bench.sandbox);
    let _ = output.expect_exit(0);
    assert_eq!(arrived.len(), 27);
    assert_eq!(arrived[25..], all("first"));
}

#[test]
fn a_record_with_new_fields_is_valid_for_a_target() {
    let Some(python) = Python::install() else {
        return;
    };
    let rows = [
        row("a", "10:00:00.000", r#","n":1"#),
        row("b", "10:00:01.000", r#","n":"one","more":{"x":1}"#),
        row("c", "10:00:02.000", r#","n":null,"more":[1.50,-2e3]"#),
        row("d", "10:00:03.000", r#","n":true"#),
        row("e", "10:00:04.000", ""),
    ];
    let table = Table::start(&rows.each_ref().map(String::as_str));
    let (output, arrived) = into_target(python, &table.sandbox());
    let _ = output.expect_exit(0);
    let rows = rows.map(|row| serde_json::from_str::<Value>(&row).unwrap());
    assert_eq!(arrived, rows);
}

/// Without this, the tests above would prove nothing.
#[test]
fn the_target_refuses_records_that_violate_the_schema() {
    let Some(python) = Python::install() else {
        return;
    };
    let sandbox = Sandbox::new();
    let messages = [
        json!({"type": "SCHEMA", "stream": "contact", "key_properties": ["sk"],
            "schema": {"properties": {"n": {"type": ["null", "number"]}}}}),
        json!({"type": "RECORD", "stream": "contact", "record": {"sk": "a", "n": "one"}}),
    ];
    let messages = messages.map(|message| format!("{message}\n")).concat();
    let output = target(python, &sandbox, Stdio::piped(), messages.as_bytes());
    let output = output.expect_exit(1);
    assert!(output.stderr.contains("ValidationError"), "{output}");
}

#[test]
fn the_state_from_a_target_continues_in_another_home() {
    let Some(python) = Python::install() else {
        return;
    };
    let table = table(&["a", "b", "c"]);
    let (output, arrived) = into_target(python, &table.sandbox());
    assert_eq!(arrived.len(), 3);
    let state = output.expect_exit(0).stdout;
    let other = table.sandbox();
    let set = ["poll", "state", "set", "local.contact", "-"];
    let _ = other.run_with_input(set, state.as_bytes()).expect_exit(0);
    assert_eq!(poll(&other, &[]).expect_exit(0).stdout, "");
    // Both are within the lookback, so only the state shows which of them is known.
    table.put(&row("d", "10:00:00.500", ""));
    let new = poll(&other, &[]).expect_exit(0);
    assert_eq!(crate::poll::keys(&new), ["d"]);
}
