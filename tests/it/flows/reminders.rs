//! Reminders of events, with the platform's clock.

use serde_json::json;

use super::time::{apply, clock, dev};
use crate::support::{LocalPlatform, Sandbox};

/// A sandbox whose platform writes a note for each reminder, with its clock at noon.
fn remind(sandbox: &Sandbox) {
    let note = json!({"datatype": "note", "data": {"text": "{{record.data.title}} in {{record.reminder.minutesBefore}}"}});
    let flow = json!({
        "name": "remind",
        "trigger": {"type": "event.reminder"},
        "actions": [{"type": "create_data", "config": note}]
    });
    let _ = apply(sandbox, &flow).expect_exit(0);
    let _ = clock(sandbox, &["set", "2030-01-01T12:00:00Z"]).expect_exit(0);
}

/// Creates an event and returns its id.
fn event(sandbox: &Sandbox, title: &str, start: &str, more: &[&str]) -> String {
    let (title, start) = (format!("title={title}"), format!("startTime={start}"));
    let args = ["records", "create", "event", &title, &start];
    let created = sandbox.run(args.iter().chain(more)).expect_exit(0);
    super::object(&created)["sk"].as_str().unwrap().to_owned()
}

fn notes(sandbox: &Sandbox) -> Vec<String> {
    let list = ["records", "list", "note", "--sort", "createdate"];
    let notes = sandbox.run(list).expect_exit(0).json_lines();
    let texts = notes.iter().map(|note| note["data"]["text"].as_str());
    texts.map(|text| text.unwrap().to_owned()).collect()
}

#[test]
fn each_reminder_starts_flows_at_its_time() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    remind(&sandbox);
    event(&sandbox, "Webinar", "2030-01-01T13:00:00Z", &[]);
    let listed = r#"reminders:=[{"value":2,"unit":"hours"},{"value":30,"unit":"minutes"}]"#;
    event(&sandbox, "Party", "2030-01-01T15:00:00Z", &[listed]);
    let _ = clock(&sandbox, &["set", "2030-01-01T12:44:00Z"]).expect_exit(0);
    assert_eq!(notes(&sandbox), [""; 0]);
    let _ = clock(&sandbox, &["set", "2030-01-01T16:00:00Z"]).expect_exit(0);
    assert_eq!(
        notes(&sandbox),
        ["Webinar in 15", "Party in 120", "Party in 30"]
    );
}

#[test]
fn a_reminder_follows_its_record() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    remind(&sandbox);
    let [moved, called_off, deleted] = ["moved", "called off", "deleted"]
        .map(|title| event(&sandbox, title, "2030-01-01T13:00:00Z", &[]));
    for args in [
        ["update", &moved, "data.startTime=2030-01-01T14:00:00Z"],
        ["update", &called_off, "state=cancelled"],
        ["delete", &deleted, "--yes"],
    ] {
        let args = ["records", args[0], "event", args[1], args[2]];
        let _ = sandbox.run(args).expect_exit(0);
    }
    let _ = clock(&sandbox, &["set", "2030-01-01T13:30:00Z"]).expect_exit(0);
    assert_eq!(notes(&sandbox), [""; 0]);
    let _ = clock(&sandbox, &["set", "2030-01-01T15:00:00Z"]).expect_exit(0);
    assert_eq!(notes(&sandbox), ["moved in 15"]);
}

#[test]
fn a_reminder_survives_a_kill() {
    let sandbox = Sandbox::new();
    let platform = dev(&sandbox);
    remind(&sandbox);
    event(&sandbox, "Webinar", "2030-01-01T13:00:00Z", &[]);
    platform.kill();
    let _platform = dev(&sandbox);
    let _ = clock(&sandbox, &["set", "2030-01-01T14:00:00Z"]).expect_exit(0);
    assert_eq!(notes(&sandbox), ["Webinar in 15"]);
}
