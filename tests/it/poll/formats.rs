//! Output formats of records.

use serde_json::json;

use super::{Bench, poll, row};
use crate::support::Table;

/// JSON that a library would write in another way.
const ODD: &str = "{ \"sk\": \"\\u0061\",  \"amount\": 1.50, \"n\": 12345678901234567890, \"url\": \"https:\\/\\/x.test\", \"e\": 1E+2,\
 \"modifydate\": \"2026-04-25T10:00:00.000Z\", \"twice\": 1, \"twice\": 2 }";

#[test]
fn a_record_is_printed_byte_for_byte() {
    let table = Table::start(&[ODD]);
    for form in ["json", "raw", "auto"] {
        let args = ["-o", form, "--state-key", form];
        let output = poll(&table.sandbox(), &args).expect_exit(0);
        assert_eq!(output.stdout, format!("{ODD}\n"), "{form}");
    }
}

#[test]
fn a_record_of_several_lines_is_printed_on_one() {
    let table = Table::start(&[
        "{\n  \"sk\": \"a\",\r\n  \"note\": \"one\\ntwo\",\n  \"modifydate\": \"2026-04-25T10:00:00.000Z\"\n}",
    ]);
    let output = poll(&table.sandbox(), &[]).expect_exit(0);
    assert_eq!(output.stdout.lines().count(), 1, "{output}");
    assert!(output.stdout.contains(r#""note": "one\ntwo""#), "{output}");
}

#[test]
fn a_line_of_text_has_date_change_key_and_data() {
    let table = Table::start(&[
        &row("a", "10:00:00.000", r#","version":1,"data":{"n":1}"#),
        &row("b", "10:00:01.000", r#","version":7,"data":{"n":2}"#),
        &row("c", "10:00:02.000", r#","state":"deleted","data":{"n":3}"#),
    ]);
    let output = poll(&table.sandbox(), &["-o", "text"]).expect_exit(0);
    let words: Vec<Vec<&str>> = output
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        words,
        [
            ["2026-04-25T10:00:00.000Z", "created", "a", r#"{"n":1}"#],
            ["2026-04-25T10:00:01.000Z", "updated", "b", r#"{"n":2}"#],
            ["2026-04-25T10:00:02.000Z", "deleted", "c", r#"{"n":3}"#],
        ]
    );
}

#[test]
fn text_output_has_no_escape_sequences_of_a_record() {
    let table = Table::start(&[&row("a", "10:00:00.000", r#","data":{"x":"\u001b[31m"}"#)]);
    table.put(&row("b\\u001b[2J", "10:00:01.000", ""));
    let output = poll(&table.sandbox(), &["-o", "text"]).expect_exit(0);
    assert!(!output.stdout.contains('\u{1b}'), "{output:?}");
}

#[test]
fn the_id_in_the_envelope_depends_only_on_the_version() {
    let bench = Bench::with_contacts(&["ada@x.test"]);
    let read = |state| {
        let args = ["--envelope", "--state-key", state];
        bench.poll(&args).expect_exit(0).json_lines().remove(0)
    };
    let (one, other) = (read("one"), read("other"));
    assert_eq!(one, other);
    let record = &one["data"];
    let envelope = &one["_evt"];
    assert_eq!(envelope["op"], "upsert");
    assert_eq!(envelope["key"], record["sk"]);
    assert_eq!(envelope["at"], record["modifydate"]);
    let id = envelope["id"].as_str().unwrap();
    assert!(id.starts_with(&format!("contact/{}/", super::sk(record))));
    bench.update(record, &json!({"vip": true}));
    assert_ne!(read("one")["_evt"]["id"], id);
}

#[test]
fn an_envelope_keeps_the_record_byte_for_byte() {
    let table = Table::start(&[ODD]);
    let output = poll(&table.sandbox(), &["--envelope"]).expect_exit(0);
    assert!(
        output.stdout.ends_with(&format!(",\"data\":{ODD}}}\n")),
        "{output}"
    );
}

#[test]
fn the_envelope_of_a_record_with_state_deleted_is_a_deletion() {
    let table = Table::start(&[&row("a", "10:00:00.000", r#","state":"deleted""#)]);
    let output = poll(&table.sandbox(), &["--envelope"]).expect_exit(0);
    assert_eq!(output.json_lines()[0]["_evt"]["op"], "delete");
}

#[test]
fn jq_prints_its_result_for_each_record() {
    let bench = Bench::with_contacts(&["ada@x.test", "bob@x.test"]);
    let output = bench.poll(&["--jq", ".data.email"]).expect_exit(0);
    assert_eq!(output.stdout, "\"ada@x.test\"\n\"bob@x.test\"\n");
}
