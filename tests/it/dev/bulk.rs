//! Changes of many records by the queue `datatype`.

use serde_json::{Value, json};

use super::wire::{Platform, Reply};

fn process(platform: &Platform, body: &Value) -> Reply {
    platform.ask("POST", "/repository/process/contact", body)
}

/// Requests a change, and returns the numbers of its records and jobs.
fn accepted(platform: &Platform, body: &Value) -> (u64, u64) {
    let reply = process(platform, body);
    assert_eq!(reply.status, 202, "{reply:?}");
    let number = |field: &str| reply.json()[field].as_u64().unwrap();
    (number("records"), number("jobs"))
}

/// Does the jobs that are due.
fn settle(platform: &Platform) {
    let change = json!({"to": {"forward": 0}});
    let settled = platform.order("POST", "/_evt/clock", &change);
    assert_eq!(settled.status, 200, "{settled:?}");
}

fn queue(platform: &Platform, verb: &str) {
    let changed = platform.ask("POST", &format!("/sync/{verb}/datatype"), &json!({}));
    assert_eq!(changed.status, 200, "{changed:?}");
}

/// Creates contacts with these plans.
fn contacts(platform: &Platform, plans: &[&str]) -> Vec<Value> {
    let create = |(n, plan)| platform.create("contact", json!({"n": n, "plan": plan}));
    plans.iter().enumerate().map(create).collect()
}

fn count(platform: &Platform, query: &Value) -> u64 {
    let found = platform.ask(
        "POST",
        "/repository/find/contact",
        &json!({ "query": query }),
    );
    found.json()["total"].as_u64().unwrap()
}

#[test]
fn an_update_changes_all_records_that_match_and_raises_their_events() {
    let platform = Platform::start();
    let mut plans = vec!["free"; 101];
    plans.push("pro");
    contacts(&platform, &plans);
    let body = json!({"query": {"data.plan": "free"}, "update": {"data.plan": "trial"}});
    assert_eq!(accepted(&platform, &body), (101, 2));
    settle(&platform);
    assert_eq!(count(&platform, &json!({"data.plan": "trial"})), 101);
    let events = platform.events();
    let updates = events.iter().filter(|kind| *kind == "collection-update");
    assert_eq!(updates.count(), 101);
}

#[test]
fn a_deletion_removes_the_records_that_match() {
    let platform = Platform::start();
    contacts(&platform, &["free", "pro", "free"]);
    let body = json!({"query": {"data.plan": "free"}, "delete": true});
    assert_eq!(accepted(&platform, &body), (2, 1));
    settle(&platform);
    assert_eq!(count(&platform, &json!({})), 1);
}

#[test]
fn a_paused_queue_keeps_its_jobs_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    {
        let platform = Platform::on(folder.path());
        contacts(&platform, &["free"]);
        queue(&platform, "pause");
        accepted(&platform, &json!({"query": {}, "delete": true}));
    }
    let platform = Platform::on(folder.path());
    settle(&platform);
    assert_eq!(count(&platform, &json!({})), 1);
    queue(&platform, "resume");
    settle(&platform);
    assert_eq!(count(&platform, &json!({})), 0);
}

#[test]
fn a_record_that_does_not_match_any_more_stays_as_it_is() {
    let platform = Platform::start();
    let [changed, _] = <[Value; 2]>::try_from(contacts(&platform, &["free", "free"])).unwrap();
    queue(&platform, "pause");
    let body = json!({"query": {"data.plan": "free"}, "delete": true});
    assert_eq!(accepted(&platform, &body), (2, 1));
    let path = format!(
        "/repository/update-partial/contact/{}",
        changed["sk"].as_str().unwrap()
    );
    let updated = platform.ask("POST", &path, &json!({"data.plan": "pro"}));
    assert_eq!(updated.status, 200, "{updated:?}");
    queue(&platform, "resume");
    settle(&platform);
    assert_eq!(count(&platform, &json!({"data.plan": "pro"})), 1);
}

#[test]
fn a_change_that_one_record_refuses_changes_no_record_of_its_job() {
    let platform = Platform::start();
    contacts(&platform, &["free"]);
    let long = "x".repeat(2 * 1024 * 1024 - 1_000);
    let large = json!({"datatype": "contact", "isNew": true, "data": {"text": long}});
    let created = platform.ask("POST", "/repository/create", &large);
    assert_eq!(created.status, 201);
    let note = "y".repeat(2_000);
    accepted(
        &platform,
        &json!({"query": {}, "update": {"data.note": note}}),
    );
    let hour = json!({"to": {"forward": 3_600_000}});
    let advanced = platform.order("POST", "/_evt/clock", &hour);
    assert_eq!(advanced.status, 200, "{advanced:?}");
    let path = "/monitoring/queues/datatype/failed";
    let failed = platform.ask("GET", path, &Value::Null).json();
    let reason = failed["jobs"][0]["failedReason"].to_string();
    assert!(reason.contains("at most"), "{failed}");
    assert_eq!(
        count(&platform, &json!({"data.note": {"$exists": true}})),
        0
    );
}

#[test]
fn a_request_without_a_query_or_with_an_invalid_change_is_refused() {
    let platform = Platform::start();
    for body in [
        json!({"delete": true}),
        json!({"query": {}}),
        json!({"query": {}, "delete": true, "update": {"data.a": 1}}),
        json!({"query": {}, "update": {}}),
        json!({"query": {}, "update": {"plan": "pro"}}),
        json!({"query": {}, "update": {"state": "perhaps"}}),
        json!({"query": {}, "update": {"sk": "x"}}),
        json!({"query": {"a": {"$near": 1}}, "delete": true}),
        json!({"query": {}, "update": {"data.text": "x".repeat(20_000)}}),
    ] {
        let reply = process(&platform, &body);
        assert_eq!(reply.status, 400, "{body}: {reply:?}");
    }
}

#[test]
fn a_password_is_not_changed_in_many_records() {
    let platform = Platform::start();
    let body = json!({"query": {}, "update": {"data.password": "secret"}});
    let reply = platform.ask("POST", "/repository/process/user", &body);
    assert_eq!(reply.refusal(), (400, "bad_field".to_owned()));
}
