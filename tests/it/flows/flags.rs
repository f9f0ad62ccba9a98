//! `evt flows create` with schedules, waits, notifications and calls.

use serde_json::{Value, json};

use super::object;
use crate::support::{LocalPlatform, Sandbox};

fn dry(sandbox: &Sandbox, args: &[&str]) -> Value {
    let all = ["flows", "create", "--dry-run", "-o", "json"];
    object(&sandbox.run(all.iter().chain(args)).expect_exit(0))
}

#[test]
fn the_flags_become_a_schedule_a_delay_and_actions_in_this_order() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let weekly = [
        "--every",
        "0 9 * * MON",
        "--tz",
        "Europe/Berlin",
        "--webhook",
        "4871/weekly",
    ];
    assert_eq!(
        dry(&sandbox, &weekly)["trigger"],
        json!({"type": "scheduled", "config": {"schedule": {"type": "cron", "cronExpression": "0 9 * * MON", "timezone": "Europe/Berlin"}}})
    );
    let later = [
        "--on",
        "contact.created",
        "--after",
        "2d",
        "--notify",
        "email:a@b.de,c@d.de",
        "--subject",
        "S",
        "--body",
        "B",
        "--call",
        "+15550100",
    ];
    let flow = dry(&sandbox, &later);
    assert_eq!(flow["name"], "contact.created: email to a@b.de,c@d.de");
    assert_eq!(
        flow["actions"],
        json!([
            {"type": "delay", "config": {"duration": "2d"}},
            {"type": "send_notification", "config": {"deliveryType": "email", "to": ["a@b.de", "c@d.de"], "subject": "S", "body": "B"}},
            {"type": "make_call", "config": {"to": "+15550100", "message": "B"}}
        ])
    );
}

#[test]
fn actions_run_in_the_order_in_which_they_are_typed() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let args = "--on contact.created --call +1 --notify sms:+2 --webhook 4871 --notify email:a@b.de --call +3";
    let flow = dry(&sandbox, &args.split(' ').collect::<Vec<_>>());
    let actions = flow["actions"].as_array().unwrap();
    let targets: Vec<&Value> = actions
        .iter()
        .map(|action| {
            action["config"]
                .get("to")
                .unwrap_or(&action["config"]["url"])
        })
        .collect();
    assert_eq!(
        targets,
        ["+1", "+2", "http://127.0.0.1:4871/", "a@b.de", "+3"]
    );
    assert_eq!(flow["name"], "contact.created: call +1");
}

#[test]
fn a_notification_after_two_days_is_sent_then() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let create = [
        "flows",
        "create",
        "--on",
        "contact.created",
        "--after",
        "2d",
        "--notify",
        "email",
        "--name",
        "later",
    ];
    let _ = sandbox.run(create).expect_exit(0);
    let contact = ["records", "create", "contact", "email=ada@example.com"];
    let _ = sandbox.run(contact).expect_exit(0);
    let sent = || {
        sandbox
            .run(["-o", "json", "dev", "outbox"])
            .expect_exit(0)
            .json_lines()
    };
    let _ = sandbox
        .run(["dev", "clock", "advance", "47h"])
        .expect_exit(0);
    assert!(sent().is_empty());
    let _ = sandbox
        .run(["dev", "clock", "advance", "2h"])
        .expect_exit(0);
    let sent = sent();
    assert_eq!(sent[0]["to"], json!(["ada@example.com"]));
    assert_eq!(sent[0]["subject"], "contact.created");
}

#[test]
fn invalid_flags_are_refused() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    for (args, expected) in [
        (&["--every", "15m"][..], "the flow has no action"),
        (&["--notify", "email"], "the flow has no trigger"),
        (
            &["--on", "contact.created", "--notify", "mail:a@b"],
            "email, sms, whatsapp",
        ),
        (
            &["--every", "61 * * * *", "--notify", "sms"],
            "cron expression",
        ),
        (&["--at", "tomorrow", "--notify", "sms"], "a time such as"),
        (&["--tz", "UTC"], "`--tz` needs --every or --at"),
        (
            &[
                "--on",
                "contact.created",
                "--webhook",
                "4871/a",
                "--body",
                "B",
            ],
            "`--body` needs --notify or --call",
        ),
        (
            &[
                "--on",
                "contact.created",
                "--notify",
                "sms",
                "--secret",
                "env:S",
            ],
            "`--secret` needs --webhook",
        ),
        (
            &["--on", "contact.created", "--notify", "sms", "-H", "X-A: b"],
            "`--header` needs --webhook",
        ),
        (&["--manual", "--every", "1h", "--notify", "sms"], "--every"),
        (
            &["--every", "1h", "--at", "2030-01-01", "--notify", "sms"],
            "--at",
        ),
    ] {
        let refused = sandbox.run(["flows", "create"].iter().chain(args));
        let refused = refused.expect_exit(2);
        assert!(refused.stderr.contains(expected), "{args:?}: {refused}");
    }
}
