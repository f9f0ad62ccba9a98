//! What the next call prints, and which records a call is about.

use serde_json::json;

use super::{Bench, emails, keys, poll, row, table, told};

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
fn each_state_goes_on_by_itself() {
    let bench = Bench::with_contacts(&["ada@x.test"]);
    let one = bench.poll(&["--state-key", "one"]).expect_exit(0);
    let other = bench.poll(&["--state-key", "other"]).expect_exit(0);
    assert_eq!(one.stdout, other.stdout);
    let again = bench.poll(&["--state-key", "one"]).expect_exit(0);
    assert_eq!(again.stdout, "");
}

#[test]
fn since_is_where_the_first_call_begins() {
    let table = table(&["a", "b", "c"]);
    let since = ["--since", "2026-04-25T10:00:01Z"];
    let output = poll(&table.sandbox(), &since).expect_exit(0);
    assert_eq!(keys(&output), ["b", "c"]);
}

#[test]
fn since_is_for_the_first_call_alone_and_says_so() {
    let table = table(&["a"]);
    let sandbox = table.sandbox();
    let _ = poll(&sandbox, &[]).expect_exit(0);
    let again = poll(&sandbox, &["--since", "2020-01-01"]).expect_exit(0);
    assert_eq!(again.stdout, "");
    let note = "--since is for the first call alone";
    assert!(again.stderr.contains(note), "{again}");
}

#[test]
fn since_now_leaves_out_what_was_there() {
    let bench = Bench::with_contacts(&["ada@x.test"]);
    // Dates have milliseconds: what is created from now on is dated later.
    let created = evt::time::Timestamp::now();
    while evt::time::Timestamp::now() <= created {
        std::thread::yield_now();
    }
    assert_eq!(bench.poll(&["--since", "now"]).expect_exit(0).stdout, "");
    bench.create("contact", &json!({"email": "bob@x.test"}));
    assert_eq!(emails(&bench.poll(&[]).expect_exit(0)), ["bob@x.test"]);
}

#[test]
fn since_now_at_every_call_loses_nothing_between_two() {
    let bench = Bench::new();
    let call = || bench.poll(&["--since", "now"]).expect_exit(0);
    assert_eq!(call().stdout, "");
    bench.create("contact", &json!({"email": "ada@x.test"}));
    assert_eq!(emails(&call()), ["ada@x.test"]);
}

#[test]
fn it_ends_after_so_many_and_the_next_call_goes_on_behind_them() {
    let table = table(&["a", "b", "c"]);
    let sandbox = table.sandbox();
    let two = poll(&sandbox, &["--max", "2"]).expect_exit(0);
    assert_eq!(keys(&two), ["a", "b"]);
    assert!(two.stderr.contains("The same command goes on."), "{two}");
    let rest = poll(&sandbox, &["--max", "2"]).expect_exit(0);
    assert_eq!(keys(&rest), ["c"]);
}

#[test]
fn so_many_may_end_amid_one_instant() {
    let table = super::Table::start(&[]);
    for key in ["a", "b", "c", "d", "e"] {
        table.put(&row(key, "10:00:00.000", ""));
    }
    let sandbox = table.sandbox();
    let call = || keys(&poll(&sandbox, &["--max", "2", "--page-size", "2"]).expect_exit(0));
    assert_eq!([call(), call(), call()].concat(), ["a", "b", "c", "d", "e"]);
}

#[test]
fn until_leaves_the_rest_to_a_later_call() {
    let table = table(&["a", "b", "c"]);
    let sandbox = table.sandbox();
    let until = ["--until", "2026-04-25T10:00:01Z"];
    assert_eq!(keys(&poll(&sandbox, &until).expect_exit(0)), ["a"]);
    assert_eq!(keys(&poll(&sandbox, &[]).expect_exit(0)), ["b", "c"]);
}

#[test]
fn small_pages_lead_to_the_same_records() {
    let table = table(&["a", "b", "c", "d", "e", "f", "g"]);
    let output = poll(&table.sandbox(), &["--page-size", "2"]).expect_exit(0);
    assert_eq!(keys(&output), ["a", "b", "c", "d", "e", "f", "g"]);
}

#[test]
fn a_query_is_the_platforms_own() {
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
    assert_eq!(told(&output, "error")["error"]["code"], "state_other_query");
}

#[test]
fn what_is_not_printed_counts_as_read() {
    let bench = Bench::with_contacts(&["ada@x.test"]);
    let output = bench.poll(&["--type", "contact.updated"]).expect_exit(0);
    assert_eq!(output.stdout, "");
    assert!(
        output.stderr.contains("1 record, 0 of them wanted"),
        "{output}"
    );
    assert_eq!(bench.poll(&[]).expect_exit(0).stdout, "");
}

#[test]
fn a_type_says_what_became_of_a_record() {
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
fn a_condition_selects_by_what_the_record_says() {
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
fn a_change_of_what_is_ignored_alone_is_none() {
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
fn newest_first_is_the_first_request_of_the_documentation() {
    let table = table(&["a", "b", "c"]);
    let output = poll(&table.sandbox(), &["--strategy", "desc"]).expect_exit(0);
    assert_eq!(keys(&output), ["c", "b", "a"]);
}
