//! `evt records` against the real local platform.

use evt::dev::AuthMode;
use evt::dev::DevOptions;
use serde_json::{Value, json};

use crate::support::{LocalPlatform, Sandbox};

/// The one object on stdout.
fn object(stdout: &str) -> Value {
    serde_json::from_str(stdout.trim()).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

fn create(sandbox: &Sandbox, fields: &[&str]) -> Value {
    let args = ["records", "create", "contact"].iter().chain(fields);
    object(&sandbox.run(args).expect_exit(0).stdout)
}

fn id(record: &Value) -> String {
    record["sk"]
        .as_str()
        .expect("a record has an sk")
        .to_owned()
}

#[test]
fn a_record_is_created_from_fields_and_shown() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let made = create(
        &sandbox,
        &[
            "email=ada@example.com",
            "tags:=[\"vip\"]",
            "address.city=London",
        ],
    );
    assert_eq!(
        made["data"],
        json!({"email": "ada@example.com", "tags": ["vip"], "address": {"city": "London"}})
    );
    let shown = sandbox
        .run(["records", "show", "contact", &id(&made)])
        .expect_exit(0);
    assert_eq!(object(&shown.stdout)["sk"], made["sk"]);
}

#[test]
fn text_output_is_indented_and_contains_no_control_characters() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let made = create(&sandbox, &["name:=\"\\u001b[31mred\\u202e\""]);
    let shown = sandbox
        .run(["records", "show", "contact", &id(&made), "-o", "text"])
        .expect_exit(0);
    assert!(shown.stdout.contains("\n  \"data\": {\n"), "{shown}");
    assert!(!shown.stdout.contains(['\u{1b}', '\u{202e}']), "{shown}");
}

#[test]
fn each_line_of_a_file_becomes_a_record() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    sandbox.write(
        "people.ndjson",
        "{\"email\":\"a@x.test\"}\n{\"email\":\"b@x.test\"}\n",
    );
    let made = sandbox
        .run(["records", "create", "contact", "-f", "people.ndjson"])
        .expect_exit(0);
    assert_eq!(made.json_lines().len(), 2);
}

#[test]
fn fields_are_added_to_the_object_from_stdin() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let args = ["records", "create", "contact", "vip:=true", "-f", "-"];
    let made = sandbox
        .run_with_input(args, b"{\"email\":\"a@x.test\"}")
        .expect_exit(0);
    assert_eq!(
        object(&made.stdout)["data"],
        json!({"email": "a@x.test", "vip": true})
    );
}

#[test]
fn a_shown_record_can_be_created_again() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let made = create(&sandbox, &["email=a@x.test"]);
    let shown = sandbox
        .run(["records", "show", "contact", &id(&made)])
        .expect_exit(0);
    let again = sandbox
        .run_with_input(
            ["records", "create", "contact", "copy=yes", "-f", "-"],
            shown.stdout.as_bytes(),
        )
        .expect_exit(0);
    assert_eq!(
        object(&again.stdout)["data"],
        json!({"email": "a@x.test", "copy": "yes"})
    );
}

#[test]
fn a_list_has_one_line_per_record_that_matches() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    create(&sandbox, &["email=a@x.test", "score:=5"]);
    create(&sandbox, &["email=b@x.test", "score:=50"]);
    let all = sandbox.run(["records", "list", "contact"]).expect_exit(0);
    assert_eq!(all.json_lines().len(), 2);
    let some = sandbox
        .run(["records", "list", "contact", "--where", "score>=10"])
        .expect_exit(0);
    assert_eq!(some.json_lines()[0]["data"]["email"], "b@x.test");
    assert_eq!(some.json_lines().len(), 1);
}

#[test]
fn all_pages_are_read_in_the_requested_order() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let lines: String = (0..25).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    sandbox.write("many.ndjson", lines);
    let made = sandbox.run(["records", "create", "contact", "-f", "many.ndjson"]);
    assert_eq!(made.exit, Some(0), "{made}");
    let args = [
        "records",
        "list",
        "contact",
        "--all",
        "--page-size",
        "10",
        "--sort",
        "n:desc",
    ];
    let listed = sandbox.run(args).expect_exit(0).json_lines();
    let numbers: Vec<i64> = listed
        .iter()
        .filter_map(|record| record["data"]["n"].as_i64())
        .collect();
    assert_eq!(numbers, (0..25).rev().collect::<Vec<i64>>());
}

#[test]
fn a_table_has_the_first_fields_and_reports_how_many_records_are_left() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    create(&sandbox, &["email=a@x.test"]);
    create(&sandbox, &["email=b@x.test"]);
    let table = sandbox
        .run(["records", "list", "contact", "--limit", "1", "-o", "text"])
        .expect_exit(0);
    assert!(table.stdout.starts_with("ID"), "{table}");
    assert!(
        table.stdout.contains("EMAIL") && table.stdout.contains("b@x.test"),
        "{table}"
    );
    assert!(table.stderr.contains("1 of 2 shown"), "{table}");
}

#[test]
fn an_update_changes_only_the_given_fields() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let made = create(&sandbox, &["email=a@x.test", "address.city=London"]);
    let updated = sandbox
        .run(["records", "update", "contact", &id(&made), "address.zip=N1"])
        .expect_exit(0);
    let updated = object(&updated.stdout);
    assert_eq!(
        updated["data"],
        json!({"email": "a@x.test", "address": {"city": "London", "zip": "N1"}})
    );
    assert_eq!(
        updated["version"].as_i64(),
        made["version"].as_i64().map(|version| version + 1)
    );
}

#[test]
fn an_update_from_a_file_replaces_the_data() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let made = create(&sandbox, &["email=a@x.test", "old=1"]);
    let args = ["records", "update", "contact", &id(&made), "-f", "-"];
    let updated = sandbox
        .run_with_input(args, b"{\"email\":\"b@x.test\"}")
        .expect_exit(0);
    assert_eq!(
        object(&updated.stdout)["data"],
        json!({"email": "b@x.test"})
    );
}

#[test]
fn a_deleted_record_is_gone() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let made = create(&sandbox, &["email=a@x.test"]);
    let deleted = sandbox
        .run(["records", "delete", "contact", &id(&made), "--yes"])
        .expect_exit(0);
    assert_eq!(object(&deleted.stdout), json!({"deleted": id(&made)}));
    let shown = sandbox
        .run(["records", "show", "contact", &id(&made)])
        .expect_exit(3);
    assert!(
        shown.stderr.contains("try  evt records list contact"),
        "{shown}"
    );
}

#[test]
fn a_wrong_token_is_refused() {
    let sandbox = Sandbox::new();
    let options = DevOptions {
        auth: AuthMode::Strict,
        ..DevOptions::default()
    };
    let _platform = LocalPlatform::start_with(&sandbox, options);
    let output = sandbox
        .run(["records", "list", "contact", "--token", "nonsense"])
        .expect_exit(4);
    assert!(output.stderr.contains("evt profile login"), "{output}");
}

#[test]
fn a_refused_connection_is_unreachable() {
    let output = Sandbox::new()
        .run([
            "records",
            "list",
            "contact",
            "--url",
            "http://127.0.0.1:1",
            "--org",
            "my-org",
        ])
        .expect_exit(5);
    assert!(
        output
            .stderr
            .contains("error: cannot reach http://127.0.0.1:1"),
        "{output}"
    );
    assert!(output.stderr.contains("connection refused"), "{output}");
}

#[test]
fn no_proxy_is_used_for_loopback() {
    let sandbox = Sandbox::new()
        .with("HTTP_PROXY", "http://127.0.0.1:1")
        .with("ALL_PROXY", "http://127.0.0.1:1");
    let _platform = LocalPlatform::start(&sandbox);
    let listed = sandbox.run(["records", "list", "contact"]).expect_exit(0);
    assert_eq!(listed.stdout, "");
}

#[test]
fn an_unknown_filter_is_refused_by_the_platform() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let output = sandbox
        .run([
            "records",
            "list",
            "contact",
            "--query",
            "{\"a\":{\"$near\":1}}",
        ])
        .expect_exit(6);
    assert!(output.stderr.contains("$near"), "{output}");
}

#[test]
fn if_some_objects_are_refused_the_exit_code_is_partly() {
    let sandbox = Sandbox::new();
    let platform = crate::support::App::start();
    platform.answer_next(crate::support::Answer::Status(
        201,
        "{\"sk\":\"contact-1\",\"data\":{}}".to_owned(),
    ));
    platform.answer_next(crate::support::Answer::Status(
        400,
        "{\"message\":\"no\"}".to_owned(),
    ));
    sandbox.write("two.ndjson", "{}\n{}\n");
    let url = platform.url("");
    let output = sandbox
        .run([
            "records",
            "create",
            "contact",
            "-f",
            "two.ndjson",
            "--url",
            &url,
            "--org",
            "my-org",
        ])
        .expect_exit(10);
    assert!(
        output
            .stderr
            .contains("object 2: the platform refused (400): no"),
        "{output}"
    );
}

#[test]
fn an_invalid_field_condition_query_or_sort_is_a_usage_error() {
    let sandbox = Sandbox::new();
    for args in [
        ["records", "create", "contact", "email"],
        ["records", "list", "contact", "--where=email"],
        ["records", "list", "contact", "--query=[1]"],
        ["records", "list", "contact", "--sort=a:down"],
    ] {
        let output = sandbox.run(args);
        assert_eq!(output.exit, Some(2), "{output}");
    }
}

#[test]
fn an_unknown_id_does_not_stop_the_deletion_of_others() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let made = create(&sandbox, &["email=a@x.test"]);
    let deleted = sandbox
        .run(["records", "delete", "contact", "nope", &id(&made), "--yes"])
        .expect_exit(10);
    assert_eq!(object(&deleted.stdout), json!({"deleted": id(&made)}));
    assert!(deleted.stderr.contains("warning: nope"), "{deleted}");
}

#[test]
fn without_confirmation_nothing_is_deleted() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let made = create(&sandbox, &["email=a@x.test"]);
    let refused = sandbox
        .run(["records", "delete", "contact", &id(&made)])
        .expect_exit(2);
    assert!(refused.stderr.contains("--yes"), "{refused}");
    let _ = sandbox
        .run(["records", "show", "contact", &id(&made)])
        .expect_exit(0);
}

#[test]
fn a_silent_platform_is_waited_for_no_longer_than_the_timeout() {
    let table = crate::support::Table::start(&[]);
    table.hold();
    let sandbox = table.sandbox();
    let args = ["records", "list", "contact", "--timeout", "100ms"];
    let output = sandbox.run(args).expect_exit(5);
    assert!(
        output.stderr.contains("no response within 0.1 s"),
        "{output}"
    );
    assert!(output.stderr.contains("--timeout 2m"), "{output}");
    let invalid = sandbox.run(["records", "list", "contact", "--timeout", "0s"]);
    assert!(invalid.expect_exit(2).stderr.contains("--timeout 30s"));
}

#[test]
fn the_timeout_of_calls_is_a_setting() {
    let table = crate::support::Table::start(&[]);
    table.hold();
    let sandbox = table.sandbox().with("EVT_RECORDS_TIMEOUT", "100ms");
    let _ = sandbox.run(["records", "list", "contact"]).expect_exit(5);
}

#[test]
fn the_first_record_of_a_datatype_is_noted_with_a_similar_name() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let _ = create(&sandbox, &["email=ada@x.test"]);
    let made = sandbox.run(["records", "create", "contct", "email=b@x.test"]);
    let note = "First record of `contct`; did you mean `contact`?";
    assert!(made.clone().expect_exit(0).stderr.contains(note), "{made}");
    let again = sandbox.run(["records", "create", "contct", "email=c@x.test"]);
    assert_eq!(again.expect_exit(0).stderr, "");
    let new = sandbox
        .run(["records", "create", "zebra", "name=z"])
        .expect_exit(0);
    assert_eq!(new.stderr, "First record of `zebra`\n");
}

#[test]
fn a_field_that_is_set_twice_is_refused() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let twice = ["records", "create", "contact", "email=a", "email=b"];
    let refused = sandbox.run(twice).expect_exit(2);
    assert!(refused.stderr.contains("`email` is set twice"), "{refused}");
    let list = sandbox.run(["records", "list", "contact"]).expect_exit(0);
    assert_eq!(list.stdout, "");
    let update = ["records", "update", "contact", "x", "a.b=1", "a.b:=2"];
    assert!(
        sandbox
            .run(update)
            .expect_exit(2)
            .stderr
            .contains("`a.b` is set twice")
    );
}

#[test]
fn a_number_without_a_colon_is_text_and_the_note_shows_the_other_form() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let made = sandbox
        .run([
            "records",
            "create",
            "order",
            "total=500",
            "zip=01234",
            "paid:=true",
        ])
        .expect_exit(0);
    assert_eq!(
        made.stderr,
        "`total` is stored as text; as JSON: total:=500\n"
    );
    assert_eq!(
        object(&made.stdout)["data"],
        json!({"total": "500", "zip": "01234", "paid": true})
    );
}
