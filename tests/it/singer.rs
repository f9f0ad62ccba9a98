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

/// Runs evt as a tap and returns its messages.
fn tap(sandbox: &Sandbox, args: &[&str]) -> Vec<Value> {
    let output = sandbox.run(["poll"].iter().chain(args)).expect_exit(0);
    output.json_lines()
}

fn of_type<'a>(messages: &'a [Value], kind: &str) -> Vec<&'a Value> {
    messages
        .iter()
        .filter(|message| message["type"] == kind)
        .collect()
}

/// The keys of the records of a stream.
fn records(messages: &[Value], stream: &str) -> Vec<String> {
    let records = of_type(messages, "RECORD").into_iter();
    records
        .filter(|message| message["stream"] == stream)
        .map(|message| message["record"]["sk"].as_str().unwrap().to_owned())
        .collect()
}

fn last_state(messages: &[Value]) -> Value {
    of_type(messages, "STATE").last().unwrap()["value"].clone()
}

/// Three records, one hour apart.
fn hours() -> Table {
    let rows = [
        row("a", "10:00:00.000", ""),
        row("b", "11:00:00.000", ""),
        row("c", "12:00:00.000", ""),
    ];
    Table::start(&rows.each_ref().map(String::as_str))
}

#[test]
fn the_state_file_alone_decides_where_a_tap_starts() {
    let table = hours();
    let sandbox = table.sandbox();
    // A stored state that has read everything.
    let _ = poll(&sandbox, &[]).expect_exit(0);
    let stored = |sandbox: &Sandbox| sandbox.run(["poll", "state", "list"]).stdout;
    let before = stored(&sandbox);
    let singer = ["contact", "--format", "singer", "--state", "state.json"];
    for (state, expected) in [
        (json!({}), &["a", "b", "c"][..]),
        (
            json!({"bookmarks": {"order": {"replication_key_value": "2030-01-01T00:00:00Z"}}}),
            &["a", "b", "c"],
        ),
        (
            json!({"bookmarks": {"contact": {"replication_key_value": "2026-04-25T11:30:00Z"}}}),
            &["c"],
        ),
        (
            json!({"singer_state": {"bookmarks": {"contact": {"modifydate": "2026-04-25T10:30:00Z"}}}}),
            &["b", "c"],
        ),
        (json!({"bookmarks": {"contact": {}}}), &["a", "b", "c"]),
    ] {
        sandbox.write("state.json", state.to_string());
        assert_eq!(
            records(&tap(&sandbox, &singer), "contact"),
            expected,
            "{state}"
        );
    }
    assert_eq!(stored(&sandbox), before);
}

#[test]
fn the_last_state_of_a_tap_continues_it() {
    let table = hours();
    let sandbox = table.sandbox();
    let singer = ["contact", "--format", "singer", "--state", "state.json"];
    sandbox.write("state.json", "");
    let first = tap(&sandbox, &singer);
    assert_eq!(records(&first, "contact").len(), 3);
    sandbox.write("state.json", last_state(&first).to_string());
    assert!(records(&tap(&sandbox, &singer), "contact").is_empty());
    // Within the lookback, so only the state shows which of them is known.
    table.put(&row("d", "12:00:00.000", ""));
    assert_eq!(records(&tap(&sandbox, &singer), "contact"), ["d"]);
}

#[test]
fn a_state_file_that_is_none_is_refused() {
    let table = hours();
    let sandbox = table.sandbox();
    for (state, why) in [
        ("[]", "Singer STATE"),
        ("no", "Singer STATE"),
        (
            r#"{"bookmarks":{"contact":{"replication_key_value":"soon"}}}"#,
            "is not a time",
        ),
    ] {
        sandbox.write("state.json", state);
        let args = ["poll", "contact", "--state", "state.json"];
        let refused = sandbox.run(args).expect_exit(2);
        assert!(refused.stderr.contains(why), "{refused}");
        assert_eq!(refused.stdout, "");
    }
    let missing = ["poll", "contact", "--state", "missing.json"];
    assert!(
        sandbox
            .run(missing)
            .expect_exit(2)
            .stderr
            .contains("missing.json")
    );
}

#[test]
fn several_datatypes_share_one_state() {
    let bench = Bench::new();
    bench.create("contact", &lead(1));
    bench.create("order", &json!({"total": 5}));
    let state = json!({"bookmarks": {"ticket": {"replication_key_value": "2020-01-01T00:00:00Z"}}});
    bench.sandbox.write("state.json", state.to_string());
    let args = [
        "contact,order",
        "--format",
        "singer",
        "--state",
        "state.json",
    ];
    let messages = tap(&bench.sandbox, &args);
    assert_eq!(records(&messages, "contact").len(), 1);
    assert_eq!(records(&messages, "order").len(), 1);
    let last = last_state(&messages);
    let streams: Vec<&String> = last["bookmarks"].as_object().unwrap().keys().collect();
    assert_eq!(streams, ["ticket", "contact", "order"]);
    assert_eq!(last["bookmarks"]["ticket"], state["bookmarks"]["ticket"]);
    bench.sandbox.write("state.json", last.to_string());
    assert!(of_type(&tap(&bench.sandbox, &args), "RECORD").is_empty());
    let refused = bench.sandbox.run(["poll", "contact,order"]).expect_exit(2);
    assert!(refused.stderr.contains("--format singer"), "{refused}");
}

#[test]
fn dates_have_their_format_in_the_schema() {
    let table = hours();
    let messages = tap(&table.sandbox(), &["contact", "--format", "singer"]);
    let schema = &of_type(&messages, "SCHEMA")[0]["schema"]["properties"];
    assert_eq!(schema["modifydate"]["format"], "date-time");
    assert_eq!(schema["sk"].get("format"), None);
}

#[test]
fn a_catalog_selects_streams_and_properties() {
    let bench = Bench::new();
    bench.create("contact", &lead(1));
    bench.create("order", &json!({"total": 5}));
    let sandbox = &bench.sandbox;
    let catalog = sandbox.run(["poll", "--discover"]).expect_exit(0).stdout;
    let mut catalog: Value = serde_json::from_str(&catalog).unwrap();
    let streams = |catalog: &Value| -> Vec<String> {
        let streams = catalog["streams"].as_array().unwrap().iter();
        streams
            .map(|stream| stream["tap_stream_id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(streams(&catalog), ["contact", "order"]);
    sandbox.write("catalog.json", catalog.to_string());
    let all = tap(sandbox, &["--catalog", "catalog.json"]);
    assert_eq!(of_type(&all, "RECORD").len(), 2);
    catalog["streams"][1]["metadata"][0]["metadata"]["selected"] = false.into();
    for entry in catalog["streams"][0]["metadata"].as_array_mut().unwrap() {
        if entry["breadcrumb"] == json!(["properties", "data"])
            || entry["breadcrumb"] == json!(["properties", "sk"])
        {
            entry["metadata"]["selected"] = false.into();
        }
    }
    sandbox.write("catalog.json", catalog.to_string());
    let some = tap(sandbox, &["--catalog", "catalog.json"]);
    assert_eq!(records(&some, "order").len(), 0);
    let record = &of_type(&some, "RECORD")[0]["record"];
    assert_eq!(record.get("data"), None);
    assert!(record["sk"].is_string(), "the key is always selected");
    assert_eq!(of_type(&some, "SCHEMA").len(), 1);
    assert_eq!(
        of_type(&some, "SCHEMA")[0]["schema"]["properties"].get("data"),
        None
    );
}

#[test]
fn a_tap_gets_its_settings_from_a_file() {
    let table = hours();
    let sandbox = Sandbox::new().with("TAP_TOKEN", "t0k");
    let settings = json!({
        "url": table.url(), "org": "acme", "token": "env:TAP_TOKEN", "datatypes": ["contact"],
        "start_date": "2026-04-25T10:30:00Z", "stream_maps": {}, "colour": "red",
    });
    sandbox.write("config.json", settings.to_string());
    let output = sandbox
        .run(["poll", "--config", "config.json"])
        .expect_exit(0);
    assert_eq!(records(&output.json_lines(), "contact"), ["b", "c"]);
    assert!(
        output
            .stderr
            .contains("the setting `colour` of the tap is not used"),
        "{output}"
    );
    let discover = ["poll", "--config", "config.json", "--discover"];
    let catalog = sandbox.run(discover).expect_exit(0).stdout;
    sandbox.write("catalog.json", catalog);
    sandbox.write(
        "state.json",
        r#"{"bookmarks":{"contact":{"replication_key_value":"2026-04-25T11:30:00Z"}}}"#,
    );
    let args = [
        "--config",
        "config.json",
        "--catalog",
        "catalog.json",
        "--state",
        "state.json",
    ];
    assert_eq!(records(&tap(&sandbox, &args), "contact"), ["c"]);
}

#[test]
fn the_helpers_of_singer_python_read_a_discovered_catalog() {
    let Some(python) = Python::install() else {
        return;
    };
    let bench = Bench::new();
    bench.create("contact", &lead(1));
    let catalog = bench
        .sandbox
        .run(["poll", "--discover"])
        .expect_exit(0)
        .stdout;
    bench.sandbox.write("catalog.json", catalog);
    let program = "from singer.catalog import Catalog
catalog = Catalog.load('catalog.json')
for stream in catalog.get_selected_streams({}):
    print(stream.tap_stream_id, stream.key_properties, stream.schema.properties['modifydate'].format)";
    let mut python = python.command("python");
    let output = python
        .args(["-c", program])
        .current_dir(bench.sandbox.work())
        .output()
        .expect("python starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed.trim(), "contact ['sk'] date-time", "{output:?}");
}

#[test]
fn a_target_gets_several_streams_and_its_state_continues_them() {
    let Some(python) = Python::install() else {
        return;
    };
    let bench = Bench::new();
    bench.create("contact", &lead(1));
    bench.create("order", &json!({"total": 5, "at": "2026-04-25T10:00:00Z"}));
    let args = ["poll", "contact,order", "--format", "singer"];
    let messages = bench.sandbox.run(args).expect_exit(0).stdout;
    let output = target(python, &bench.sandbox, Stdio::piped(), messages.as_bytes());
    let state = output.expect_exit(0).stdout;
    for stream in ["contact", "order"] {
        let file = bench.sandbox.work().join(format!("target/{stream}.jsonl"));
        assert_eq!(std::fs::read_to_string(file).unwrap().lines().count(), 1);
    }
    bench.sandbox.write("state.json", state);
    let args = ["contact,order", "--state", "state.json"];
    assert!(of_type(&tap(&bench.sandbox, &args), "RECORD").is_empty());
}
