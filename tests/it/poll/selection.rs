//! Which records a call prints, and where the next call continues.

use serde_json::json;

use super::{Bench, emails, keys, notice, poll, row, table};

#[test]
fn the_second_call_prints_what_has_changed_and_nothing_else() {
    let bench = Bench::with_contacts(&["ada@x.test", "bob@x.test"]);
    let first = bench.poll(&[]).expect_exit(0);
    assert_eq!(emails(&first), ["ada@x.test", "bob@x.test"]);
    bench.update(&first.json_lines()[0], &json!({"email": "countess@x.test"}));
    bench.create("contact", &json!({"email": "cleo@x.test"}));
    let second = bench.poll(&[]).expect_exit(0);
    assert_eq!(emails(&second), ["countess@x.test", "cleo@x.test"]);
    let third = bench.poll(&[]).expect_exit(0);
    assert_eq!(third.stdout, "");
    assert!(third.stderr.contains("Nothing new"), "{third}");
}

#[test]
fn each_state_continues_independently() {
    let bench = Bench::with_contacts(&["ada@x.test"]);
    let one = bench.poll(&["--state-key", "one"]).expect_exit(0);
    let other = bench.poll(&["--state-key", "other"]).expect_exit(0);
    assert_eq!(one.stdout, other.stdout);
    let again = bench.poll(&["--state-key", "one"]).expect_exit(0);
    assert_eq!(again.stdout, "");
}

#[test]
fn the_first_call_starts_at_since() {
    let table = table(&["a", "b", "c"]);
    let since = ["--since", "2026-04-25T10:00:01Z"];
    let output = poll(&table.sandbox(), &since).expect_exit(0);
    assert_eq!(keys(&output), ["b", "c"]);
}

#[test]
fn later_calls_ignore_since_with_a_notice() {
    let table = table(&["a"]);
    let sandbox = table.sandbox();
    let _ = poll(&sandbox, &[]).expect_exit(0);
    let again = poll(&sandbox, &["--since", "2020-01-01"]).expect_exit(0);
    assert_eq!(again.stdout, "");
    let note = "--since only applies to the first call";
    assert!(again.stderr.contains(note), "{again}");
}

#[test]
fn since_now_leaves_out_existing_records() {
    let bench = Bench::with_contacts(&["ada@x.test"]);
    // Dates have milliseconds: records created from now on have a later date.
    let created = evt::time::Timestamp::now();
    while evt::time::Timestamp::now() <= created {
        std::thread::yield_now();
    }
    assert_eq!(bench.poll(&["--since", "now"]).expect_exit(0).stdout, "");
    bench.create("contact", &json!({"email": "bob@x.test"}));
    assert_eq!(emails(&bench.poll(&[]).expect_exit(0)), ["bob@x.test"]);
}

#[test]
fn since_now_in_every_call_loses_no_record_in_between() {
    let bench = Bench::new();
    let call = || bench.poll(&["--since", "now"]).expect_exit(0);
    assert_eq!(call().stdout, "");
    bench.create("contact", &json!({"email": "ada@x.test"}));
    assert_eq!(emails(&call()), ["ada@x.test"]);
}

#[test]
fn max_ends_the_call_and_the_next_one_continues_after_it() {
    let table = table(&["a", "b", "c"]);
    let sandbox = table.sandbox();
    let two = poll(&sandbox, &["--max", "2"]).expect_exit(0);
    assert_eq!(keys(&two), ["a", "b"]);
    assert!(
        two.stderr.contains("Run the same command to continue."),
        "{two}"
    );
    let rest = poll(&sandbox, &["--max", "2"]).expect_exit(0);
    assert_eq!(keys(&rest), ["c"]);
}

#[test]
fn max_can_end_within_one_instant() {
    let table = super::Table::start(&[]);
    for key in ["a", "b", "c", "d", "e"] {
        table.put(&row(key, "10:00:00.000", ""));
    }
    let sandbox = table.sandbox();
    let call = || keys(&poll(&sandbox, &["--max", "2", "--page-size", "2"]).expect_exit(0));
    assert_eq!([call(), call(), call()].concat(), ["a", "b", "c", "d", "e"]);
}

#[test]
fn until_leaves_later_records_to_a_later_call() {
    let table = table(&["a", "b", "c"]);
    let sandbox = table.sandbox();
    let until = ["--until", "2026-04-25T10:00:01Z"];
    assert_eq!(keys(&poll(&sandbox, &until).expect_exit(0)), ["a"]);
    assert_eq!(keys(&poll(&sandbox, &[]).expect_exit(0)), ["b", "c"]);
}

#[test]
fn small_pages_give_the_same_records() {
    let table = table(&["a", "b", "c", "d", "e", "f", "g"]);
    let output = poll(&table.sandbox(), &["--page-size", "2"]).expect_exit(0);
    assert_eq!(keys(&output), ["a", "b", "c", "d", "e", "f", "g"]);
}

#[test]
fn a_query_uses_the_platforms_own_operators() {
    let bench = Bench::new();
    for (email, status) in [("ada@x.test", "lead"), ("bob@x.test", "customer")] {
        bench.create("contact", &json!({"email": email, "status": status}));
    }
    let output = bench.poll(&["--query", r#"{"data.status":"lead"}"#]);
    assert_eq!(emails(&output.expect_exit(0)), ["ada@x.test"]);
}

#[test]
fn a_state_of_another_query_is_refused() {
    let bench = Bench::with_contacts(&["ada@x.test"]);
    let _ = bench.poll(&[]).expect_exit(0);
    let other = ["--query", r#"{"data.status":"lead"}"#, "-o", "json"];
    let output = bench.poll(&other).expect_exit(2);
    assert_eq!(
        notice(&output, "error")["error"]["code"],
        "state_other_query"
    );
}

#[test]
fn records_that_are_not_selected_count_as_read() {
    let bench = Bench::with_contacts(&["ada@x.test"]);
    let output = bench.poll(&["--type", "contact.updated"]).expect_exit(0);
    assert_eq!(output.stdout, "");
    assert!(
        output.stderr.contains("1 record, 0 of them selected"),
        "{output}"
    );
    assert_eq!(bench.poll(&[]).expect_exit(0).stdout, "");
}

#[test]
fn a_type_selects_records_by_their_change() {
    let bench = Bench::with_contacts(&["ada@x.test", "bob@x.test"]);
    let all = ["--state-key", "all"];
    let first = bench.poll(&all).expect_exit(0).json_lines();
    bench.update(&first[0], &json!({"vip": true}));
    let created = bench.poll(&["--type", "contact.created"]).expect_exit(0);
    assert_eq!(emails(&created), ["bob@x.test"]);
    let updated = [all[0], all[1], "--type", "contact.updated"];
    assert_eq!(emails(&bench.poll(&updated).expect_exit(0)), ["ada@x.test"]);
}

#[test]
fn a_condition_selects_records_by_their_content() {
    let bench = Bench::new();
    for (email, status) in [("ada@x.test", "lead"), ("bob@x.test", "customer")] {
        bench.create("contact", &json!({"email": email, "status": status}));
    }
    let condition = ["--where", r#"data.data.status == "lead""#];
    assert_eq!(
        emails(&bench.poll(&condition).expect_exit(0)),
        ["ada@x.test"]
    );
}

#[test]
fn a_change_of_an_ignored_field_is_not_printed() {
    let table = super::Table::start(&[&row("a", "10:00:00.000", ",\"seen\":1")]);
    let sandbox = table.sandbox();
    let args = ["--ignore-field", "seen", "--ignore-field", "modifydate"];
    let _ = poll(&sandbox, &args).expect_exit(0);
    table.put(&row("a", "10:00:05.000", ",\"seen\":2"));
    assert_eq!(poll(&sandbox, &args).expect_exit(0).stdout, "");
    table.put(&row("a", "10:00:06.000", ",\"seen\":3,\"new\":true"));
    assert_eq!(keys(&poll(&sandbox, &args).expect_exit(0)), ["a"]);
}

#[test]
fn the_first_request_in_descending_order_is_the_documented_one() {
    let table = table(&["a", "b", "c"]);
    let output = poll(&table.sandbox(), &["--strategy", "desc"]).expect_exit(0);
    assert_eq!(keys(&output), ["c", "b", "a"]);
}
