//! Each fault of polling that `evt dev` can inject: every record is in the file exactly once.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::Bench;

const RECORDS: usize = 120;

/// Cases that affect writes. Each uses another datatype.
fn on_writes() -> Vec<Value> {
    vec![
        json!({"ties": 50}),
        json!({"ties": 500, "order": "shuffled", "page_cap": 25}),
        json!({"ties": 500, "429": 7, "5xx": 11, "retry_after": "10ms"}),
        json!({"skew": "500ms"}),
    ]
}

/// Cases that only affect reads.
fn on_reads() -> Vec<Value> {
    let mut cases = vec![
        json!({}),
        json!({"page_cap": 7}),
        json!({"window": 50}),
        json!({"ignore": "sort"}),
        json!({"ignore": "filter"}),
        json!({"ignore": "paging"}),
        json!({"ignore": "sort,filter"}),
        json!({"order": "shuffled"}),
        json!({"429": 3, "retry_after": "10ms"}),
        json!({"429": 9, "retry_after": "1s", "retry_after_form": "date"}),
        json!({"page_cap": 30, "429": 4, "duplicate": 3, "cut": 5, "retry_after": "0"}),
    ];
    for name in ["5xx", "cut", "html", "error", "empty", "duplicate"] {
        cases.extend([2, 3, 4].map(|every| json!({ name: every })));
    }
    let dates = [
        "iso-ms", "iso-s", "iso-us", "offset", "naive", "epoch-ms", "epoch-s", "mongo",
    ];
    cases.extend(dates.map(|shape| json!({"dates": shape, "page_cap": 30})));
    let envelopes = [
        "data", "items", "results", "records", "rows", "docs", "list", "nested",
    ];
    cases.extend(envelopes.map(|name| json!({ "envelope": name })));
    cases
}

fn fill(bench: &Bench, datatype: &str) {
    for n in 0..RECORDS {
        bench.create(datatype, &json!({ "n": n }));
    }
}

/// Polls into a file, and returns how often each record is in it.
fn counts(bench: &Bench, datatype: &str, case: &str) -> BTreeMap<u64, usize> {
    let file = format!("{case}.ndjson");
    let args = [
        "poll",
        datatype,
        "--out",
        &file,
        "--state-key",
        case,
        "--max-wait",
        "5s",
    ];
    let output = bench.sandbox.run(args);
    assert_eq!(output.exit, Some(0), "{output}");
    let text = std::fs::read_to_string(bench.sandbox.work().join(file)).unwrap();
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        *counts
            .entry(record["data"]["n"].as_u64().unwrap())
            .or_default() += 1;
    }
    counts
}

fn once() -> BTreeMap<u64, usize> {
    (0..RECORDS as u64).map(|n| (n, 1)).collect()
}

/// Runs the cases on two platforms in parallel.
fn play(cases: Vec<Value>, play: impl Fn(&Bench, &Value, usize) + Sync) {
    let cases = Mutex::new(cases.into_iter().enumerate());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let bench = Bench::new();
                fill(&bench, "contact");
                loop {
                    let next = cases.lock().unwrap().next();
                    let Some((number, case)) = next else { return };
                    bench.chaos(&case);
                    play(&bench, &case, number);
                }
            });
        }
    });
}

#[test]
fn each_record_is_printed_once_whatever_the_server_does() {
    play(on_reads(), |bench, case, number| {
        let counts = counts(bench, "contact", &format!("r{number}"));
        assert_eq!(counts, once(), "{case}");
    });
}

#[test]
fn each_record_is_printed_once_however_it_was_written() {
    play(on_writes(), |bench, case, number| {
        let datatype = format!("w{number}");
        fill(bench, &datatype);
        assert_eq!(counts(bench, &datatype, &datatype), once(), "{case}");
    });
}

#[test]
fn a_table_that_changes_while_it_is_read_is_read_completely() {
    let bench = Bench::new();
    fill(&bench, "contact");
    bench.chaos(&json!({"touch": 3, "page_cap": 30}));
    let read = counts(&bench, "contact", "touched");
    assert_eq!(read.len(), RECORDS);
    // After the last change, the file has the last version of each record, and no version twice.
    bench.chaos(&json!({}));
    counts(&bench, "contact", "touched");
    let text = std::fs::read_to_string(bench.sandbox.work().join("touched.ndjson")).unwrap();
    let mut versions = BTreeMap::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let key = super::sk(&record).to_owned();
        let version = record["version"].as_u64().unwrap();
        let was: Option<u64> = versions.insert((key, version), version);
        assert_eq!(was, None, "{record} is printed twice");
    }
    let now = bench.ask(
        "POST",
        "/repository/find/contact",
        &json!({"options": {"pageSize": 200}}),
    );
    let now: Value = serde_json::from_str(&now.body).unwrap();
    for record in now["data"].as_array().unwrap() {
        let key = super::sk(record).to_owned();
        let last = (key, record["version"].as_u64().unwrap());
        assert!(versions.contains_key(&last), "{record} is missing");
    }
}
