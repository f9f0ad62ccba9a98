//! Monthly invoices of what was sent, with the platform's clock.

use serde_json::{Value, json};

use super::time::{apply, clock, contact, dev};
use crate::support::{LocalPlatform, Sandbox};

/// A flow that sends each new contact an e-mail, and a text message to two numbers.
fn greet(sandbox: &Sandbox) {
    let mail = json!({"deliveryType": "email", "to": "{{contact.email}}", "body": "Hello"});
    let sms =
        json!({"deliveryType": "sms", "recipients": ["+15550100", "+15550101"], "body": "Hello"});
    let flow = json!({
        "name": "greet",
        "trigger": {"type": "contact.created"},
        "actions": [
            {"type": "send_notification", "config": mail},
            {"type": "send_notification", "config": sms}
        ]
    });
    let _ = apply(sandbox, &flow).expect_exit(0);
    set(sandbox, "2030-01-10T00:00:00Z");
}

fn set(sandbox: &Sandbox, time: &str) {
    let _ = clock(sandbox, &["set", time]).expect_exit(0);
}

/// Does the jobs that are due.
fn settle(sandbox: &Sandbox) {
    let _ = clock(sandbox, &["advance", "0s"]).expect_exit(0);
}

fn queue(sandbox: &Sandbox, verb: &str) {
    let _ = sandbox.run(["queue", verb, "billing"]).expect_exit(0);
}

/// The data of all invoices, oldest first.
fn invoices(sandbox: &Sandbox) -> Vec<Value> {
    let list = ["records", "list", "invoice", "--sort", "createdate"];
    let invoices = sandbox.run(list).expect_exit(0).json_lines();
    invoices
        .into_iter()
        .map(|invoice| invoice["data"].clone())
        .collect()
}

/// The quantities of all invoices.
fn quantities(sandbox: &Sandbox) -> Vec<Value> {
    let invoices = invoices(sandbox).into_iter();
    invoices
        .map(|invoice| invoice["quantity"].clone())
        .collect()
}

#[test]
fn an_invoice_counts_the_recipients_of_each_channel() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    greet(&sandbox);
    contact(&sandbox, "ada@example.com");
    contact(&sandbox, "bob@example.com");
    set(&sandbox, "2030-01-31T23:59:00Z");
    assert_eq!(quantities(&sandbox), [0; 0]);
    set(&sandbox, "2030-02-01T00:01:00Z");
    let lines = json!([{"item": "email", "quantity": 2}, {"item": "sms", "quantity": 4}]);
    assert_eq!(invoices(&sandbox)[0]["lines"], lines);
}

#[test]
fn each_month_with_messages_has_its_invoice() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    greet(&sandbox);
    contact(&sandbox, "ada@example.com");
    set(&sandbox, "2030-03-15T00:00:00Z");
    contact(&sandbox, "bob@example.com");
    contact(&sandbox, "cy@example.com");
    set(&sandbox, "2031-03-15T00:00:00Z");
    assert_eq!(quantities(&sandbox), [3, 6]);
}

#[test]
fn an_invoice_of_a_paused_queue_is_written_after_it_is_resumed() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    greet(&sandbox);
    queue(&sandbox, "pause");
    contact(&sandbox, "ada@example.com");
    set(&sandbox, "2030-02-02T00:00:00Z");
    contact(&sandbox, "bob@example.com");
    settle(&sandbox);
    assert_eq!(quantities(&sandbox), [0; 0]);
    queue(&sandbox, "resume");
    settle(&sandbox);
    assert_eq!(quantities(&sandbox), [6]);
}

#[test]
fn an_invoice_follows_a_clock_that_is_set_back() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    greet(&sandbox);
    contact(&sandbox, "ada@example.com");
    settle(&sandbox);
    let back = ["set", "2029-06-10T00:00:00Z", "--allow-backwards"];
    let _ = clock(&sandbox, &back).expect_exit(0);
    set(&sandbox, "2029-07-01T00:01:00Z");
    assert_eq!(quantities(&sandbox), [3]);
}

#[test]
fn counted_messages_survive_a_kill() {
    let sandbox = Sandbox::new();
    let platform = dev(&sandbox);
    greet(&sandbox);
    contact(&sandbox, "ada@example.com");
    settle(&sandbox);
    platform.kill();
    let _platform = dev(&sandbox);
    contact(&sandbox, "bob@example.com");
    settle(&sandbox);
    set(&sandbox, "2030-02-01T00:01:00Z");
    assert_eq!(quantities(&sandbox), [6]);
}

#[test]
fn a_platform_that_sends_nothing_has_no_job_in_a_year() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    contact(&sandbox, "ada@example.com");
    let _ = clock(&sandbox, &["advance", "365d"]).expect_exit(0);
    let jobs = sandbox.run(["queue", "list", "--dev", "-o", "json"]);
    let jobs = jobs.expect_exit(0).json_lines();
    assert_eq!((jobs.len(), quantities(&sandbox).len()), (0, 0));
}
