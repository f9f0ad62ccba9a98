//! Escalation of tickets, with the platform's clock.

use serde_json::{Value, json};

use super::object;
use super::time::{apply, clock, dev};
use crate::support::{LocalPlatform, Sandbox};

/// Creates a ticket and returns its id.
fn ticket(sandbox: &Sandbox, title: &str) -> String {
    let title = format!("title={title}");
    let made = sandbox.run(["records", "create", "ticket", &title, "priority=low"]);
    object(&made.expect_exit(0))["sk"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn update(sandbox: &Sandbox, id: &str, change: &str) {
    let _ = sandbox
        .run(["records", "update", "ticket", id, change])
        .expect_exit(0);
}

fn advance(sandbox: &Sandbox, by: &str) {
    let _ = clock(sandbox, &["advance", by]).expect_exit(0);
}

/// The titles of the escalated tickets, oldest ticket first.
fn escalated(sandbox: &Sandbox) -> Vec<String> {
    let list = ["records", "list", "ticket", "--sort", "createdate"];
    let tickets = sandbox.run(list).expect_exit(0).json_lines();
    let escalated = tickets
        .iter()
        .filter(|ticket| ticket["data"]["escalated"] == true);
    let titles = escalated.map(|ticket| ticket["data"]["title"].as_str());
    titles.map(|title| title.unwrap().to_owned()).collect()
}

/// The states of the jobs of the queue `escalation`.
fn jobs(sandbox: &Sandbox) -> Vec<Value> {
    let list = ["queue", "list", "--queue", "escalation", "-o", "json"];
    let jobs = sandbox.run(list).expect_exit(0).json_lines();
    jobs.iter().map(|job| job["state"].clone()).collect()
}

#[test]
fn an_open_ticket_is_escalated_after_a_day_and_starts_flows() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let note = json!({"datatype": "note", "data": {"text": "{{record.data.title}} is {{record.data.priority}}"}});
    let flow = json!({
        "name": "warn",
        "trigger": {"type": "ticket.escalated"},
        "actions": [{"type": "create_data", "config": note}]
    });
    let _ = apply(&sandbox, &flow).expect_exit(0);
    ticket(&sandbox, "No sound");
    advance(&sandbox, "23h");
    assert_eq!(escalated(&sandbox), [""; 0]);
    advance(&sandbox, "2h");
    assert_eq!(escalated(&sandbox), ["No sound"]);
    let notes = sandbox.run(["records", "list", "note"]).expect_exit(0);
    let text = &notes.json_lines()[0]["data"]["text"];
    assert_eq!(text, "No sound is medium");
}

#[test]
fn a_ticket_is_escalated_once() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let id = ticket(&sandbox, "No sound");
    advance(&sandbox, "25h");
    update(&sandbox, &id, "title=Still none");
    advance(&sandbox, "30d");
    let shown = sandbox.run(["records", "show", "ticket", &id]);
    assert_eq!(object(&shown.expect_exit(0))["data"]["priority"], "medium");
}

#[test]
fn a_closed_or_deleted_ticket_has_no_job() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let [solved, completed, deleted] =
        ["solved", "completed", "deleted"].map(|title| ticket(&sandbox, title));
    assert_eq!(jobs(&sandbox).len(), 3);
    update(&sandbox, &solved, "data.status=resolved");
    update(&sandbox, &completed, "state=completed");
    let delete = ["records", "delete", "ticket", &deleted, "--yes"];
    let _ = sandbox.run(delete).expect_exit(0);
    assert_eq!(jobs(&sandbox), [""; 0]);
}

#[test]
fn a_change_of_the_limit_applies_to_tickets_that_exist() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    ticket(&sandbox, "No sound");
    let set = ["dev", "set", "escalation.after=4h"];
    let _ = sandbox.run(set).expect_exit(0);
    advance(&sandbox, "3h");
    assert_eq!(escalated(&sandbox), [""; 0]);
    advance(&sandbox, "61m");
    assert_eq!(escalated(&sandbox), ["No sound"]);
}

#[test]
fn a_reopened_ticket_is_escalated_at_once_if_it_is_old_enough() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let id = ticket(&sandbox, "No sound");
    update(&sandbox, &id, "data.status=closed");
    advance(&sandbox, "48h");
    update(&sandbox, &id, "data.status=open");
    advance(&sandbox, "0s");
    assert_eq!(escalated(&sandbox), ["No sound"]);
}

#[test]
fn a_paused_queue_escalates_tickets_after_it_is_resumed() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let _ = sandbox.run(["queue", "pause", "escalation"]).expect_exit(0);
    ticket(&sandbox, "No sound");
    advance(&sandbox, "48h");
    assert_eq!(escalated(&sandbox), [""; 0]);
    let resume = ["queue", "resume", "escalation"];
    let _ = sandbox.run(resume).expect_exit(0);
    advance(&sandbox, "0s");
    assert_eq!(escalated(&sandbox), ["No sound"]);
}

#[test]
fn a_ticket_follows_a_clock_that_is_set_back() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let _ = clock(&sandbox, &["set", "2040-01-01T00:00:00Z"]).expect_exit(0);
    ticket(&sandbox, "No sound");
    let back = ["set", "2035-01-01T00:00:00Z", "--allow-backwards"];
    let _ = clock(&sandbox, &back).expect_exit(0);
    advance(&sandbox, "25h");
    assert_eq!(escalated(&sandbox), ["No sound"]);
}

#[test]
fn a_planned_escalation_survives_a_kill() {
    let sandbox = Sandbox::new();
    let platform = dev(&sandbox);
    ticket(&sandbox, "No sound");
    platform.kill();
    let _platform = dev(&sandbox);
    advance(&sandbox, "25h");
    assert_eq!(escalated(&sandbox), ["No sound"]);
}

#[test]
fn a_completed_escalation_is_counted() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    ticket(&sandbox, "No sound");
    advance(&sandbox, "25h");
    let list = ["queue", "list", "--queue", "escalation", "--state", "done"];
    let done = sandbox.run(list.iter().chain(&["-o", "json"]));
    assert_eq!(done.expect_exit(0).json_lines().len(), 1);
}
