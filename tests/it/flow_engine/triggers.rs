//! Triggers, their filters, and circular prevention.

use super::*;

#[test]
fn a_run_that_the_triggers_settings_filter_shows_the_reason() {
    let bench = Bench::new();
    let mut flow = on_contact(json!([webhook(json!({}))]));
    flow["trigger"]["config"] = json!({"source": "form", "tags": ["vip"]});
    bench.flow(flow);
    bench.contact(json!({"source": "import", "tags": ["vip", "new"]}));
    let run = bench.run();
    assert_eq!(run["status"], "skipped");
    assert_eq!(bench.jobs().len(), 0);
    assert!(run["reason"].as_str().unwrap().contains("source"), "{run}");
    assert!(run["explain"].to_string().contains("import"), "{run}");
}

#[test]
fn only_the_latest_skipped_runs_of_a_flow_are_stored() {
    let bench = Bench::new();
    let mut flow = on_contact(json!([webhook(json!({}))]));
    flow["trigger"]["config"] = json!({"tags": ["vip"]});
    bench.flow(flow);
    for _ in 0..150 {
        bench.contact(json!({}));
    }
    let stored = bench.runs().len();
    assert!((100..120).contains(&stored), "{stored}");
}

#[test]
fn a_flow_that_triggers_itself_is_blocked_and_shows_the_chain() {
    let bench = Bench::new();
    let mut flow = on_contact(
        json!([{"type": "create_data", "config": {"datatype": "contact", "data": {"n": 1}}}]),
    );
    flow["settings"] = json!({"circularPrevention": {"enabled": true, "maxDepth": 2}});
    bench.flow(flow);
    bench.contact(json!({}));
    let runs = bench.runs();
    let of = |status: &str| runs.iter().filter(|run| run.status == status).count();
    assert_eq!((of("completed"), of("blocked")), (3, 1));
    let blocked = runs.iter().find(|run| run.status == "blocked").unwrap();
    let view = bench.view(blocked);
    assert!(
        view["reason"]
            .as_str()
            .unwrap()
            .starts_with("blocked: loop (3 events"),
        "{view}"
    );
    assert_eq!(view["explain"]["chain"].as_array().unwrap().len(), 4);
}

#[test]
fn a_flow_that_multiplies_without_prevention_is_stopped_by_the_step_limit() {
    let bench = Bench::new();
    let create = json!({"type": "create_data", "config": {"datatype": "contact"}});
    let mut flow = on_contact(json!([create, create, create]));
    flow["settings"] = json!({"circularPrevention": {"enabled": false}});
    bench.flow(flow);
    bench.contact(json!({}));
    assert!(bench.records.models.lock().unwrap().len() <= 10_000);
    let blocked = bench
        .runs()
        .iter()
        .filter(|run| run.status == "blocked")
        .count();
    assert!(blocked > 0);
}

#[test]
fn steps_that_form_a_loop_fail_the_run() {
    let bench = Bench::new();
    bench.flow(json!({
        "name": "Circle", "triggers": [{"type": "contact_created"}],
        "steps": [
            {"id": "a", "type": "action", "config": {"actionType": "create_data", "datatype": "note"}, "nextStepId": "b"},
            {"id": "b", "type": "trigger", "nextStepId": "a"}
        ]
    }));
    bench.contact(json!({}));
    let run = bench.run();
    assert_eq!(run["status"], "failed");
    assert!(run["reason"].as_str().unwrap().contains("loop"), "{run}");
    assert_eq!(bench.records.models.lock().unwrap().len(), 500);
}
