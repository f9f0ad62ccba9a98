//! Deliveries of flows, and how their results continue the run.

use super::*;

#[test]
fn an_event_starts_a_run_that_delivers_the_platforms_webhook_body() {
    let bench = Bench::new();
    bench.flow(on_contact(json!([webhook(
        json!({"headers": {"X-Bridge-Secret": "s"}})
    )])));
    bench.contact(json!({"email": "ada@example.test"}));
    let run = bench.run();
    assert_eq!(run["status"], "running");
    let sent = bench.sent();
    let body: Value = serde_json::from_slice(sent[0].body.as_ref().unwrap()).unwrap();
    let timestamp = body["timestamp"].as_str().unwrap();
    assert!(
        timestamp.len() == 20 && timestamp.ends_with('Z'),
        "{timestamp}"
    );
    assert_eq!(
        body,
        json!({
            "event": "contact.created", "orgId": ORG, "timestamp": timestamp,
            "data": {"sk": "contact-1", "datatype": "contact", "data": {"email": "ada@example.test"}}
        })
    );
    let headers = &sent[0].headers;
    assert_eq!(headers["x-bridge-secret"], "s");
    assert_eq!(headers["user-agent"], "AppEngine (evt dev)");
    let key = format!("{}.step-1", run["id"].as_str().unwrap());
    assert_eq!(headers["idempotency-key"], key.as_str());
    assert!(sent[0].message_id.as_ref().unwrap().starts_with("msg_"));
    assert!(sent[0].secret.is_none());
}

#[test]
fn a_webhook_without_a_secret_is_signed_with_the_platforms_secret() {
    let bench = Bench::with(FlowOptions {
        secret: Some(Secret::new("whsec_platform")),
        is_bare: false,
    });
    bench.flow(on_contact(json!([
        webhook(json!({})),
        webhook(json!({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}))
    ])));
    bench.contact(json!({}));
    assert_eq!(
        bench.sent()[0].secret.as_ref().unwrap().reveal(),
        "whsec_platform"
    );
    bench.settle(&bench.jobs()[0], delivered());
    assert_eq!(
        bench.sent()[0].secret.as_ref().unwrap().reveal(),
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    );
}

#[test]
fn with_bare_only_configured_headers_are_sent() {
    let bench = Bench::with(FlowOptions {
        secret: None,
        is_bare: true,
    });
    bench.flow(on_contact(json!([webhook(json!({"headers": {"a": "b"}}))])));
    bench.contact(json!({}));
    let sent = &bench.sent()[0];
    let names: Vec<_> = sent.headers.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["a", "content-type"]);
    assert_eq!(sent.message_id, None);
}

#[test]
fn a_delivered_webhook_completes_the_run() {
    let bench = Bench::new();
    bench.flow(on_contact(json!([webhook(json!({}))])));
    bench.contact(json!({}));
    bench.settle(&bench.jobs()[0], delivered());
    let run = bench.run();
    assert_eq!(run["status"], "completed");
    assert_eq!(run["steps"][0]["output"], json!({"status": 204}));
    assert!(run["completedAt"].is_string());
}

#[test]
fn a_run_shows_the_request_of_its_delivery_with_secrets_masked() {
    let bench = Bench::new();
    let headers = json!({"X-Bridge-Secret": "shared-secret-here", "X-Plain": "visible"});
    bench.flow(on_contact(json!([webhook(json!({"headers": headers}))])));
    bench.contact(json!({}));
    let request = bench.run()["steps"][0]["request"].to_string();
    assert!(request.contains("x-plain: visible"), "{request}");
    assert!(!request.contains("shared-secret-here"), "{request}");
}

#[test]
fn a_step_after_a_webhook_waits_for_the_delivery() {
    let bench = Bench::new();
    bench.flow(on_contact(json!([webhook(json!({})), {"type": "create_task", "config": {"title": "Call {{contact.email}}"}}])));
    bench.contact(json!({"email": "ada@example.test"}));
    assert_eq!(statuses(&bench.run()), ["running"]);
    bench.settle(&bench.jobs()[0], delivered());
    assert_eq!(statuses(&bench.run()), ["completed", "completed"]);
    let models = bench.records.models.lock().unwrap();
    assert_eq!(models["task-1"]["data"]["title"], "Call ada@example.test");
}

#[test]
fn a_retry_continues_a_run_whose_delivery_failed_with_the_same_message_id() {
    let bench = Bench::new();
    bench.flow(on_contact(json!([{"type": "add_tag", "config": {"tag": "x", "recordId": "contact-1"}}, webhook(json!({}))])));
    let model = json!({"sk": "contact-1", "datatype": "contact", "data": {}});
    bench
        .records
        .models
        .lock()
        .unwrap()
        .insert("contact-1".to_owned(), model);
    bench.contact(json!({}));
    bench.settle(&bench.jobs()[0], dead());
    let run = bench.run();
    assert_eq!(run["status"], "failed");
    assert_eq!(run["reason"], "step `step-2` failed: no retries left");
    assert_eq!(run["errors"][0]["stepId"], "step-2");
    let id = run["id"].as_str().unwrap().to_owned();
    bench
        .write(move |tx, flows, records| flows.retry(tx, records, ORG, &id))
        .unwrap();
    let jobs = bench.jobs();
    assert_eq!(jobs.len(), 2);
    assert_eq!(jobs[0].message_id, jobs[1].message_id);
    bench.settle(&jobs[1], delivered());
    assert_eq!(statuses(&bench.run()), ["completed", "failed", "completed"]);
    assert_eq!(bench.run()["status"], "completed");
}

#[test]
fn a_flow_that_continues_after_errors_executes_the_next_step() {
    let bench = Bench::new();
    let mut flow = on_contact(
        json!([webhook(json!({})), {"type": "create_data", "config": {"datatype": "note"}}]),
    );
    flow["errorHandling"] = json!("continue");
    bench.flow(flow);
    bench.contact(json!({}));
    bench.settle(&bench.jobs()[0], dead());
    let run = bench.run();
    assert_eq!(statuses(&run), ["failed", "completed"]);
    assert_eq!(run["status"], "completed");
}

#[test]
fn a_configured_body_is_rendered_and_missing_variables_are_warned_about() {
    let bench = Bench::new();
    let body = json!({"who": "{{contact.firstName}}", "tags": "{{contact.tags}}", "gap": "{{contact.nothing}}"});
    bench.flow(on_contact(json!([webhook(json!({"body": body}))])));
    bench.contact(json!({"firstName": "Ada", "tags": ["vip"]}));
    let sent: Value = serde_json::from_slice(bench.sent()[0].body.as_ref().unwrap()).unwrap();
    assert_eq!(sent, json!({"who": "Ada", "tags": ["vip"], "gap": ""}));
    let warnings = &bench.run()["steps"][0]["warnings"];
    assert_eq!(
        *warnings,
        json!(["variable `{{contact.nothing}}` does not exist; used an empty string"])
    );
}

#[test]
fn a_placeholder_that_makes_the_url_invalid_fails_the_step() {
    let bench = Bench::new();
    bench.flow(on_contact(json!([webhook(
        json!({"url": "{{contact.url}}"})
    )])));
    bench.contact(json!({"url": "not a url"}));
    let run = bench.run();
    assert_eq!(run["status"], "failed");
    assert!(
        run["reason"]
            .as_str()
            .unwrap()
            .contains("`not a url` is not an http or https URL")
    );
}
