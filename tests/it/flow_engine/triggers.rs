//! What sets a flow going, and what keeps it from setting itself going.

use super::*;

#[test]
fn a_trigger_whose_settings_say_no_keeps_the_reason() {
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
fn only_the_latest_reasons_of_a_flow_are_kept() {
    let bench = Bench::new();
    let mut flow = on_contact(json!([webhook(json!({}))]));
    flow["trigger"]["config"] = json!({"tags": ["vip"]});
    bench.flow(flow);
    for _ in 0..150 {
        bench.contact(json!({}));
    }
    let kept = bench.runs().len();
    assert!((100..120).contains(&kept), "{kept}");
}

#[test]
fn a_flow_that_causes_itself_is_stopped_and_shows_the_chain() {
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
fn a_flow_that_multiplies_without_prevention_ends_within_one_commit() {
    let bench = Bench::new();
    let create = json!({"type": "create_data", "config": {"datatype": "contact"}});
    let mut flow = on_contact(json!([create, create, create]));
    flow["settings"] = json!({"circularPrevention": {"enabled": false}});
    bench.flow(flow);
    bench.contact(json!({}));
    assert!(bench.records.kept.lock().unwrap().len() <= 10_000);
    let blocked = bench
        .runs()
        .iter()
        .filter(|run| run.status == "blocked")
        .count();
    assert!(blocked > 0);
}

#[test]
fn steps_that_lead_in_a_circle_end_as_a_failure() {
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
    assert!(run["reason"].as_str().unwrap().contains("circle"), "{run}");
    assert_eq!(bench.records.kept.lock().unwrap().len(), 500);
}
