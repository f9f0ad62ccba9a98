//! What else is done with records: `--forward`, `--exec`, `--save`, `--record`.

use std::net::TcpListener;

use serde_json::{Value, json};

use super::{Bench, emails, keys, notice, poll, table};
use crate::support::{Absent, Answer, App, Sandbox};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The ids of the deliveries that an app received, in the order of the records' keys.
fn ids(app: &App) -> Vec<String> {
    let mut ids: Vec<(String, String)> = app
        .requests()
        .iter()
        .map(|request| {
            let id = request.header("webhook-id").expect("a delivery has an id");
            (super::sk(&request.json()).to_owned(), id.to_owned())
        })
        .collect();
    ids.sort();
    ids.into_iter().map(|(_, id)| id).collect()
}

#[test]
fn each_record_is_delivered_unchanged() {
    let table = table(&["a", "b"]);
    let app = App::start();
    let output = poll(&table.sandbox(), &["--forward", &app.url("/hook")]).expect_exit(0);
    assert_eq!(keys(&output), ["a", "b"]);
    let mut bodies: Vec<String> = app
        .requests()
        .iter()
        .map(|request| String::from_utf8(request.body.clone()).unwrap() + "\n")
        .collect();
    bodies.sort();
    assert_eq!(bodies.concat(), output.stdout);
    let request = &app.requests()[0];
    assert_eq!(request.header("x-event-type"), Some("contact.updated"));
    assert!(output.stderr.contains("2 delivered"), "{output}");
}

#[test]
fn deliveries_are_signed() {
    let table = table(&["a"]);
    let receiver = Sandbox::new();
    let scheme = ["--verify", "standard-webhooks", "--secret", SECRET];
    let listen = ["listen", "--port", "0", "-o", "json"];
    let mut listener = receiver.spawn(listen.iter().chain(&scheme));
    let ready: Value = serde_json::from_str(&listener.wait_for_stderr("\"ready\"")).unwrap();
    let target = ready["url"].as_str().unwrap();
    let args = ["--forward", target, "--secret", SECRET];
    let _ = poll(&table.sandbox(), &args).expect_exit(0);
    let event: Value = serde_json::from_str(&listener.wait_for_stdout("\"ref\"")).unwrap();
    assert_eq!(event["verdict"]["ok"], true, "{event}");
}

#[test]
fn every_delivery_of_a_version_has_the_same_id() {
    let table = table(&["a", "b"]);
    let sandbox = table.sandbox();
    let (one, other) = (App::start(), App::start());
    for (app, state) in [(&one, "one"), (&other, "other")] {
        let args = ["--forward", &app.url("/"), "--state-key", state];
        let _ = poll(&sandbox, &args).expect_exit(0);
        app.wait_for(2);
    }
    assert_eq!(ids(&one), ids(&other));
    assert_ne!(ids(&one)[0], ids(&one)[1]);
}

#[test]
fn a_record_counts_as_read_once_its_delivery_is_stored() {
    let table = table(&["a", "b"]);
    let sandbox = table.sandbox();
    let absent = Absent::new();
    let forward = ["--forward", &format!("http://{}/hook", absent.address())];
    let output = poll(&sandbox, &forward).expect_exit(0);
    assert!(
        output
            .stderr
            .contains("2 deliveries are still queued for the next run"),
        "{output}"
    );
    assert_eq!(poll(&sandbox, &forward).expect_exit(0).stdout, "");
    let listed = sandbox.run(["queue", "list", "-o", "json"]).expect_exit(0);
    let waiting = listed.json_lines();
    let queue = waiting.iter().find(|line| line["queue"] == "forwards");
    assert_eq!(queue.unwrap()["jobs"], json!({"waiting": 2}), "{listed}");
}

#[test]
fn a_later_call_retries_a_failed_delivery() {
    let table = table(&["a"]);
    let sandbox = table.sandbox();
    let app = App::on(TcpListener::bind("127.0.0.1:0").unwrap());
    app.answer_next(Answer::Status(503, "not now".to_owned()));
    let forward = ["--forward", &app.url("/hook")];
    let _ = poll(&sandbox, &forward).expect_exit(0);
    let _ = sandbox.run(["queue", "retry", "--all", "--yes"]);
    while app.requests().len() < 2 {
        let _ = poll(&sandbox, &forward).expect_exit(0);
    }
    let ids: Vec<_> = app
        .requests()
        .iter()
        .map(|request| request.header("webhook-id").map(str::to_owned))
        .collect();
    assert_eq!(ids[0], ids[1]);
}

#[test]
#[cfg(unix)]
fn a_command_gets_each_record_on_its_stdin() {
    let table = table(&["a", "b"]);
    let command = "cat; echo \"$EVT_KEY $EVT_TYPE\"";
    let output = poll(&table.sandbox(), &["--exec", command]).expect_exit(0);
    let lines: Vec<&str> = output.stdout.lines().collect();
    let (a, b) = (
        super::row("a", "10:00:00.000", ""),
        super::row("b", "10:00:01.000", ""),
    );
    assert_eq!(lines, [&a, "a contact.updated", &b, "b contact.updated"]);
}

#[test]
#[cfg(unix)]
fn the_next_run_starts_with_the_record_that_the_command_failed_on() {
    let table = table(&["a", "b", "c", "d"]);
    let sandbox = table.sandbox();
    let fails = ["--exec", "cat; [ \"$EVT_KEY\" != c ]", "-o", "json"];
    let output = poll(&sandbox, &fails).expect_exit(7);
    assert_eq!(keys(&output), ["a", "b", "c"]);
    assert_eq!(notice(&output, "error")["error"]["code"], "exec_failed");
    assert_eq!(notice(&output, "summary")["records"], 2);
    let rest = poll(&sandbox, &["--exec", "cat"]).expect_exit(0);
    assert_eq!(keys(&rest), ["c", "d"]);
}

#[test]
#[cfg(unix)]
fn a_command_does_not_run_for_records_that_are_not_selected() {
    let bench = Bench::with_contacts(&["ada@x.test", "bob@x.test"]);
    let condition = r#"data.data.email == "bob@x.test""#;
    let output = bench.poll(&["--exec", "cat", "--where", condition]);
    assert_eq!(emails(&output.expect_exit(0)), ["bob@x.test"]);
}

#[test]
fn saved_records_are_listed_as_events() {
    let bench = Bench::with_contacts(&["ada@x.test"]);
    let printed = bench.poll(&["--save"]).expect_exit(0).json_lines();
    let listed = bench.sandbox.run(["events", "list", "-o", "json"]);
    let events = listed.expect_exit(0).json_lines();
    let event = events
        .iter()
        .find(|event| event["source"] == "poll")
        .expect("the record is stored as an event");
    assert_eq!(event["type"], "contact.created");
    assert_eq!(event["data"], printed[0]);
    assert_eq!(event["id"], printed[0]["sk"]);
}

#[test]
fn a_recording_can_be_imported_and_replayed() {
    let table = table(&["a"]);
    let sandbox = table.sandbox();
    let app = App::start();
    let _ = poll(&sandbox, &["--record", "contacts.ndjson"]).expect_exit(0);
    let import = sandbox.run(["events", "import", "contacts.ndjson"]);
    let _ = import.expect_exit(0);
    let replay = ["events", "replay", "e_0001", "--to", &app.url("/")];
    let _ = sandbox.run(replay).expect_exit(0);
    assert_eq!(super::sk(&app.wait_for(1)[0].json()), "a");
}
