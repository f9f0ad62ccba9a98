//! The platform's queues over HTTP, and campaigns.

use serde_json::{Value, json};

use super::wire::Platform;
use crate::support::raw;

fn ask(platform: &Platform, method: &str, path: &str, body: Value) -> Value {
    let reply = platform.ask(method, path, &body);
    assert!(reply.status < 300, "{path}: {reply:?}");
    reply.json()
}

fn counts(platform: &Platform, queue: &str) -> Value {
    let path = format!("/monitoring/queues/{queue}");
    ask(platform, "GET", &path, Value::Null)["counts"].clone()
}

fn campaign(platform: &Platform, body: Value) -> String {
    let sent = ask(platform, "POST", "/broadcast/campaign/send", body);
    sent["id"].as_str().unwrap().to_owned()
}

/// Waits until a campaign waits for nothing more, and returns it.
fn finished(platform: &Platform, id: &str) -> Value {
    loop {
        let path = format!("/broadcast/campaign/{id}");
        let campaign = ask(platform, "GET", &path, Value::Null);
        if campaign["status"] == "sent" {
            return campaign;
        }
    }
}

#[test]
fn a_paused_queue_takes_jobs_and_does_none_until_it_is_resumed() {
    let platform = Platform::start();
    ask(&platform, "POST", "/sync/pause/Notification", json!({}));
    let to = json!(["ada@example.com", "bob@example.com"]);
    let id = campaign(&platform, json!({"to": to, "body": "Hi"}));
    while counts(&platform, "notification")["paused"] != 2 {}
    ask(&platform, "GET", "/sync/resume/notification", json!({}));
    let done = finished(&platform, &id);
    assert_eq!((&done["sent"], &done["failed"]), (&json!(2), &json!(0)));
    assert_eq!(counts(&platform, "notification")["completed"], 2);
}

#[test]
fn the_recipients_of_a_campaign_can_be_records() {
    let platform = Platform::start();
    for (email, plan) in [("ada@example.com", "pro"), ("bob@example.com", "free")] {
        platform.create("contact", json!({"email": email, "plan": plan}));
    }
    let to = json!({"datatype": "contact", "query": {"data.plan": "pro"}});
    let id = campaign(&platform, json!({"to": to, "body": "Hi"}));
    assert_eq!(finished(&platform, &id)["recipients"], 1);
}

#[test]
fn a_campaign_with_too_many_or_invalid_recipients_is_refused() {
    let platform = Platform::start();
    let many: Vec<_> = (0..=10_000).map(|n| format!("u{n}@example.com")).collect();
    for (to, reason) in [
        (json!(many), "10000"),
        (json!(["ada"]), "`ada`"),
        (json!([]), "no recipient"),
    ] {
        let body = json!({"to": to, "body": "Hi"});
        let reply = platform.ask("POST", "/broadcast/campaign/send", &body);
        assert_eq!(reply.status, 400, "{reply:?}");
        let message = reply.json()["message"].to_string();
        assert!(message.contains(reason), "{message}");
    }
}

#[test]
fn jobs_from_outside_are_refused_by_default() {
    let platform = Platform::start();
    let job = json!({"queue": "oneoff", "name": "x"});
    let reply = platform.ask("POST", "/sync/queue", &job);
    assert_eq!(
        (reply.status, &reply.json()["code"]),
        (403, &json!("queue_is_internal"))
    );
}

#[test]
fn an_unknown_queue_is_not_found_and_suggests_the_nearest() {
    let platform = Platform::start();
    for path in ["/monitoring/queues/scedule", "/sync/pause/scedule"] {
        let reply = platform.ask("GET", path, &Value::Null);
        assert_eq!(reply.status, 404, "{path}");
        let message = reply.json()["message"].to_string();
        assert!(message.contains("`schedule`"), "{message}");
    }
}

#[test]
fn runs_that_started_with_their_event_are_completed_jobs_of_automation() {
    let platform = Platform::start();
    let flow = json!({
        "name": "tagging",
        "trigger": {"type": "contact.created"},
        "actions": [{"type": "add_tag", "config": {"tag": "new"}}]
    });
    ask(&platform, "POST", "/automation/flows/create", flow);
    platform.create("contact", json!({"email": "ada@example.com"}));
    assert_eq!(counts(&platform, "automation")["completed"], 1);
}

#[test]
fn health_needs_no_token() {
    let platform = Platform::start();
    let reply = raw::exchange(platform.address(), "GET", "/monitoring/health", &[], b"");
    let body: Value = serde_json::from_str(&reply.unwrap().body).unwrap();
    assert_eq!(body["status"], "ok");
}

#[test]
fn a_job_that_fails_three_times_is_failed_and_can_be_retried() {
    let platform = Platform::start();
    let freeze = platform.order("POST", "/_evt/clock", &json!({"to": "freeze"}));
    assert_eq!(freeze.status, 200, "{freeze:?}");
    let to = json!(["ada@example.com"]);
    campaign(&platform, json!({"to": to, "template": "greeting"}));
    while counts(&platform, "notification")["delayed"] != 1 {}
    let advance = platform.order(
        "POST",
        "/_evt/clock",
        &json!({"to": {"forward": 3_600_000}}),
    );
    assert_eq!(advance.status, 200, "{advance:?}");
    let failed = ask(
        &platform,
        "GET",
        "/monitoring/queues/notification/failed",
        Value::Null,
    );
    let job = &failed["jobs"][0];
    assert_eq!(
        (&job["attemptsMade"], &job["opts"]["attempts"]),
        (&json!(3), &json!(3))
    );
    assert!(
        job["failedReason"].as_str().unwrap().contains("`greeting`"),
        "{job}"
    );
    platform.create("template", json!({"name": "greeting", "body": "Hi"}));
    let id: i64 = job["id"].as_str().unwrap().parse().unwrap();
    let retried = platform.order(
        "POST",
        "/_evt/queue/retry",
        &json!({"select": {"ids": [id]}}),
    );
    assert_eq!(retried.json()["done"], 1, "{retried:?}");
    while counts(&platform, "notification")["completed"] != 1 {}
}
