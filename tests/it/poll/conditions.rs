//! `--where`: the same path means the same in every command, and a mistyped one loses nothing.

use serde_json::json;

use super::{Bench, emails, keys, notice, poll, row, table};
use crate::support::{App, Table};

/// Two contacts, one of which is a lead.
fn leads() -> Bench {
    let bench = Bench::new();
    for (email, status) in [("ada@x.test", "lead"), ("bob@x.test", "customer")] {
        bench.create("contact", &json!({"email": email, "status": status}));
    }
    bench
}

const LEAD: &str = r#"data.status == "lead""#;

#[test]
fn a_path_into_data_means_the_fields_of_the_record_in_every_command() {
    let bench = leads();
    let sandbox = &bench.sandbox;
    let listed = sandbox.run(["records", "list", "contact", "--where", LEAD]);
    assert_eq!(emails(&listed.expect_exit(0)), ["ada@x.test"]);
    let polled = bench.poll(&["--where", LEAD, "--save"]).expect_exit(0);
    assert_eq!(emails(&polled), ["ada@x.test"]);
    for condition in [
        LEAD,
        r#"data.data.status == "lead""#,
        "data.datatype == 'contact'",
    ] {
        let events = sandbox.run(["events", "list", "--where", condition]);
        assert_eq!(events.expect_exit(0).json_lines().len(), 1, "{condition}");
    }
    let none = sandbox.run(["events", "list", "--where", r#"data.status == "customer""#]);
    assert_eq!(none.expect_exit(0).stdout, "");
}

#[test]
fn longer_paths_and_members_of_the_record_keep_working() {
    for (condition, expected) in [
        (r#"data.data.status == "lead""#, 1),
        (r#"data.datatype == "contact""#, 2),
        ("has(data.sk) && has(data.email)", 2),
        ("size(data.data.email) > 0", 2),
        ("data.email.size() == 10 && data.sk.size() > 0", 2),
        ("'email' in data && 'sk' in data", 2),
        (r#"data.status != "lead""#, 1),
    ] {
        let output = leads().poll(&["--where", condition]).expect_exit(0);
        assert_eq!(emails(&output).len(), expected, "{condition}");
    }
}

#[test]
fn a_field_wins_over_a_member_of_the_record_with_its_name() {
    let table = Table::start(&[&row(
        "a",
        "10:00:00.000",
        r#","state":"new","data":{"state":"lead"}"#,
    )]);
    let poll = |condition: &str| {
        let output = poll(&table.sandbox(), &["--where", condition]);
        keys(&output.expect_exit(0)).len()
    };
    assert_eq!(poll(r#"data.state == "lead""#), 1);
    assert_eq!(poll(r#"data.data.state == "lead""#), 1);
}

#[test]
fn a_mistyped_path_is_named_and_its_records_are_read_again() {
    let bench = leads();
    let args = ["--where", r#"data.stauts == "lead""#, "-o", "json"];
    for _ in 0..2 {
        let wrong = bench.poll(&args).expect_exit(10);
        assert_eq!(wrong.stdout, "");
        let absent = notice(&wrong, "never_there");
        assert_eq!(
            (&absent["path"], &absent["similar"]),
            (&json!("data.stauts"), &json!("data.status"))
        );
        assert_eq!(absent["events"], 2);
    }
    let right = bench.poll(&["--where", LEAD]).expect_exit(0);
    assert_eq!(emails(&right), ["ada@x.test"]);
}

#[test]
fn a_mistyped_path_delivers_and_runs_nothing_and_loses_nothing() {
    let app = App::start();
    let bench = leads();
    let target = app.url("/");
    for sink in [
        ["--forward", target.as_str()],
        ["--exec", "cat"],
        ["--out", "out.ndjson"],
    ] {
        let state = ["--state-key", sink[0].trim_start_matches('-')];
        let wrong = [&sink[..], &state, &["--where", r#"data.stauts == "lead""#]].concat();
        let _ = bench.poll(&wrong).expect_exit(10);
        let right = [&sink[..], &state, &["--where", LEAD, "-o", "json"]].concat();
        let right = bench.poll(&right).expect_exit(0);
        assert_eq!(notice(&right, "summary")["matched"], 1, "{sink:?}");
    }
}

#[test]
#[cfg(unix)]
fn a_mistyped_path_is_named_while_following_and_loses_nothing() {
    let bench = leads();
    let args = [
        "poll",
        "contact",
        "--follow",
        "--interval",
        "50ms..100ms",
        "--out",
        "out.ndjson",
    ];
    let wrong = args.iter().chain(&["--where", r#"data.stauts == "lead""#]);
    let mut following = bench.sandbox.spawn(wrong);
    following.wait_for_stderr("did you mean `data.status`?");
    following.interrupt();
    let _ = following.finish().expect_exit(10);
    let right = bench.poll(&["--out", "out.ndjson", "--where", LEAD, "-o", "json"]);
    assert_eq!(notice(&right.expect_exit(0), "summary")["matched"], 1);
}

#[test]
fn a_path_that_most_records_lack_is_written_with_has() {
    let bench = leads();
    let sparse = bench.poll(&["--where", "has(data.vip) && data.vip == true"]);
    assert_eq!(sparse.expect_exit(0).stdout, "");
    assert_eq!(bench.poll(&[]).expect_exit(0).stdout, "");
}

#[test]
fn a_path_that_a_record_has_had_is_not_mistyped_later() {
    let table = Table::start(&[&row("a", "10:00:00.000", r#","data":{"vip":false}"#)]);
    let sandbox = table.sandbox();
    let args = ["--where", "data.vip == true"];
    let _ = poll(&sandbox, &args).expect_exit(0);
    table.put(&row("b", "10:00:01.000", r#","data":{}"#));
    let _ = poll(&sandbox, &args).expect_exit(0);
    assert_eq!(poll(&sandbox, &[]).expect_exit(0).stdout, "");
}

#[test]
fn a_datatype_that_does_not_exist_is_not_found_and_leaves_no_state() {
    let bench = leads();
    let refused = bench.sandbox.run(["poll", "contakt"]).expect_exit(3);
    assert!(refused.stderr.contains("evt poll contact"), "{refused}");
    let states = bench.sandbox.run(["poll", "state", "list"]);
    assert_eq!(states.expect_exit(0).stdout, "");
    let files = std::fs::read_dir(bench.sandbox.home().join("state/poll")).unwrap();
    let names = files.map(|file| file.unwrap().file_name());
    let left: Vec<_> = names
        .filter(|name| name.to_string_lossy().ends_with("json"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let usual = bench.sandbox.run(["poll", "ticket"]).expect_exit(0);
    assert_eq!(usual.stdout, "");
}

#[test]
fn a_platform_that_cannot_tell_gets_a_note() {
    let table = table(&[]);
    let output = table.sandbox().run(["poll", "contakt"]).expect_exit(0);
    assert!(
        output.stderr.contains("did you mean `contact`?"),
        "{output}"
    );
}
