//! Notifications and phone calls of flows, and the outbox.

use serde_json::{Value, json};

use super::object;
use crate::support::{LocalPlatform, Output, Sandbox};

fn apply(sandbox: &Sandbox, steps: &Value) {
    let flow = json!({"name": "notify", "trigger": {"type": "contact.created"}, "actions": steps});
    let file = sandbox.write("flow.json", flow.to_string());
    let file = file.display().to_string();
    let applied = sandbox.run(["flows", "apply", "-f", &file, "--yes"]);
    let _ = applied.expect_exit(0);
}

fn contact(sandbox: &Sandbox) {
    let fields = [
        "records",
        "create",
        "contact",
        "email=ada@example.com",
        "firstName=Ada",
        "phone=+15550100",
    ];
    let _ = sandbox.run(fields).expect_exit(0);
    // Jobs that are due are done before this returns.
    let _ = advance(sandbox, "0s");
}

fn advance(sandbox: &Sandbox, span: &str) -> Output {
    sandbox
        .run(["dev", "clock", "advance", span])
        .expect_exit(0)
}

fn outbox(sandbox: &Sandbox, args: &[&str]) -> Vec<Value> {
    let listed = sandbox.run(["-o", "json", "dev", "outbox", "list"].iter().chain(args));
    listed.expect_exit(0).json_lines()
}

fn run(sandbox: &Sandbox) -> Value {
    sandbox
        .run(["flows", "runs", "notify"])
        .expect_exit(0)
        .json_lines()
        .remove(0)
}

#[test]
fn each_channel_puts_its_message_into_the_outbox_and_raises_an_event() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    apply(
        &sandbox,
        &json!([
            {"type": "send_notification", "config": {"deliveryType": "email", "to": "{{contact.email}}", "subject": "Welcome {{contact.firstName}}", "body": "Hello"}},
            {"type": "send-sms", "config": {"message": "Hi {{contact.firstName}}"}},
            {"type": "send_notification", "config": {"deliveryType": "whatsapp", "to": "+15550101", "body": "Hi"}},
            {"type": "send_notification", "config": {"deliveryType": "push", "to": "device-7", "title": "Ping", "body": "Pong"}},
            {"type": "send_notification", "config": {"deliveryType": "inapp", "body": "Seen?"}},
            {"type": "make_call", "config": {"to": "+15550102", "message": "Good morning"}}
        ]),
    );
    contact(&sandbox);
    assert_eq!(run(&sandbox)["status"], "completed", "{}", run(&sandbox));
    let sent: Vec<_> = outbox(&sandbox, &[])
        .iter()
        .map(|message| {
            json!([
                message["channel"],
                message["to"][0],
                message["subject"],
                message["body"]
            ])
        })
        .collect();
    assert_eq!(
        sent[0],
        json!(["email", "ada@example.com", "Welcome Ada", "Hello"])
    );
    // Without a recipient, the contact is meant.
    assert_eq!(sent[1], json!(["sms", "+15550100", null, "Hi Ada"]));
    assert_eq!(sent[2], json!(["whatsapp", "+15550101", null, "Hi"]));
    assert_eq!(sent[3], json!(["push", "device-7", "Ping", "Pong"]));
    assert_eq!(
        (&sent[4][0], &sent[4][3]),
        (&json!("inapp"), &json!("Seen?"))
    );
    assert_eq!(sent[5], json!(["call", "+15550102", null, "Good morning"]));
    assert_eq!(outbox(&sandbox, &["--channel", "sms"]).len(), 1);
    assert_eq!(outbox(&sandbox, &["--to", "ADA@"]).len(), 1);
    let event = outbox(&sandbox, &[])[0]["event"]
        .as_str()
        .unwrap()
        .to_owned();
    let event = object(
        &sandbox
            .run(["-o", "json", "events", "show", &event])
            .expect_exit(0),
    );
    assert_eq!(event["type"], "notification.sent");
    let shown = sandbox
        .run(["-o", "text", "dev", "outbox", "show", "1"])
        .expect_exit(0);
    assert!(
        shown.stdout.contains("subject     Welcome Ada\n"),
        "{shown}"
    );
    let _ = sandbox.run(["dev", "outbox", "clear"]).expect_exit(0);
    assert!(outbox(&sandbox, &[]).is_empty());
    let _ = sandbox.run(["dev", "outbox", "show", "1"]).expect_exit(3);
}

#[test]
fn a_template_is_a_record() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let template = [
        "records",
        "create",
        "template",
        "name=welcome",
        "subject=Hi {{contact.firstName}}",
        "body=Your mail is {{contact.email}}",
    ];
    let _ = sandbox.run(template).expect_exit(0);
    apply(
        &sandbox,
        &json!([{"type": "send_notification", "config": {"deliveryType": "email", "templateId": "welcome"}}]),
    );
    contact(&sandbox);
    let sent = outbox(&sandbox, &[]).remove(0);
    assert_eq!(
        (&sent["subject"], &sent["body"]),
        (&json!("Hi Ada"), &json!("Your mail is ada@example.com"))
    );
}

#[test]
fn a_notification_that_fails_three_times_is_dead_and_fails_its_run() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    apply(
        &sandbox,
        &json!([{"type": "send_notification", "config": {"deliveryType": "email", "templateId": "none"}}]),
    );
    contact(&sandbox);
    assert_eq!(run(&sandbox)["status"], "running");
    let _ = advance(&sandbox, "10s");
    let failed = run(&sandbox);
    assert_eq!(failed["status"], "failed");
    let reason = failed["reason"].as_str().unwrap();
    assert!(
        reason.contains("there is no record `none` of datatype `template`"),
        "{reason}"
    );
    let dead = sandbox.run(["queue", "show", &failed["steps"][0]["job"].to_string()]);
    let dead = object(&dead.expect_exit(0));
    assert_eq!(
        (&dead["state"], dead["tries"].as_array().unwrap().len()),
        (&json!("dead"), 3)
    );
    // Once the template exists, a retry of the dead job sends it.
    let template = [
        "records",
        "create",
        "template",
        "name=none",
        "subject=S",
        "body=B",
    ];
    let _ = sandbox.run(template).expect_exit(0);
    let _ = sandbox
        .run(["queue", "retry", &dead["id"].to_string()])
        .expect_exit(0);
    let _ = advance(&sandbox, "0s");
    assert_eq!(outbox(&sandbox, &[]).len(), 1);
}

#[test]
fn a_scheduled_call_is_made_at_its_time_and_does_not_hold_up_the_run() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let _ = sandbox
        .run(["dev", "clock", "set", "2030-01-01T00:00:00Z"])
        .expect_exit(0);
    apply(
        &sandbox,
        &json!([{"type": "schedule_call", "config": {"to": "+15550100", "scheduledFor": "2030-01-01T09:00:00Z", "message": "Good morning"}}]),
    );
    contact(&sandbox);
    assert_eq!(run(&sandbox)["status"], "completed");
    assert!(outbox(&sandbox, &[]).is_empty());
    let _ = advance(&sandbox, "9h");
    let made = outbox(&sandbox, &[]).remove(0);
    assert_eq!(made["sent_at"].as_str().unwrap()[..16], *"2030-01-01T09:00");
}

#[test]
fn a_step_without_a_valid_recipient_fails_at_once() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    apply(
        &sandbox,
        &json!([{"type": "send_notification", "config": {"deliveryType": "email", "to": "{{contact.firstName}}", "body": "B"}}]),
    );
    contact(&sandbox);
    let failed = run(&sandbox);
    assert_eq!(
        failed["reason"],
        "step `step-1` failed: `Ada` is not an address for email"
    );
}

#[test]
fn a_record_moves_to_a_stage() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    apply(
        &sandbox,
        &json!([{"type": "move-stage", "config": {"pipeline": "sales", "stage": "won"}}]),
    );
    contact(&sandbox);
    let moved = sandbox
        .run(["records", "list", "contact"])
        .expect_exit(0)
        .json_lines()
        .remove(0);
    assert_eq!(
        (&moved["data"]["pipeline"], &moved["data"]["stage"]),
        (&json!("sales"), &json!("won"))
    );
}

#[test]
fn a_condition_of_the_builder_has_two_branches() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let flow = json!({
        "name": "notify", "triggers": [{"id": "t", "type": "contact_created"}],
        "steps": [
            {"id": "score", "type": "condition", "config": {"conditionType": "check_engagement_score", "score": 50, "trueStepId": "hot", "falseStepId": "cold"}},
            {"id": "hot", "type": "action", "config": {"actionType": "add_tag", "tag": "hot"}, "nextStepId": "end"},
            {"id": "cold", "type": "action", "config": {"actionType": "add_tag", "tag": "cold"}, "nextStepId": "end"},
            {"id": "end", "type": "end"}
        ]
    });
    let file = sandbox
        .write("flow.json", flow.to_string())
        .display()
        .to_string();
    let _ = sandbox
        .run(["flows", "apply", "-f", &file, "--yes"])
        .expect_exit(0);
    for score in ["engagementScore:=80", "engagementScore:=20"] {
        let _ = sandbox
            .run(["records", "create", "contact", "email=a@example.com", score])
            .expect_exit(0);
    }
    let contacts = sandbox
        .run(["records", "list", "contact", "--sort", "createdate"])
        .expect_exit(0)
        .json_lines();
    let mut tags: Vec<_> = contacts
        .iter()
        .map(|contact| {
            (
                contact["data"]["engagementScore"].as_u64(),
                contact["data"]["tags"][0].as_str(),
            )
        })
        .collect();
    tags.sort();
    assert_eq!(tags, [(Some(20), Some("cold")), (Some(80), Some("hot"))]);
}
