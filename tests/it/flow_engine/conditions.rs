//! `when` and `conditions`: the variables they can use, and the explanation of a skipped run.

use super::*;

/// The run that a new contact starts in a flow with this trigger.
fn run_with(trigger: Value, contact: Value) -> Value {
    let bench = Bench::new();
    let mut flow = on_contact(json!([webhook(json!({}))]));
    flow["trigger"] = trigger;
    bench.flow(flow);
    bench.contact(contact);
    bench.run()
}

#[test]
fn a_skipped_run_shows_the_value_that_its_when_saw() {
    let trigger = json!({"type": "contact.created", "when": "data.status == \"lead\""});
    let run = run_with(trigger.clone(), json!({"status": "customer"}));
    assert_eq!(run["status"], "skipped");
    let reason = run["reason"].as_str().unwrap();
    assert!(
        reason.contains("data.status") && reason.contains("customer"),
        "{reason}"
    );
    assert_eq!(
        run_with(trigger, json!({"status": "lead"}))["status"],
        "running"
    );
}

#[test]
fn a_when_can_use_the_event_the_record_and_the_variables() {
    let conditions = [
        "event.data.data.tags.exists(t, t == 'vip')",
        "data.tags.exists(t, t == 'vip')",
        "contact.email.endsWith('example.test') && type == 'contact.created'",
        "record.sk == 'contact-1' && org == 'my-org'",
    ];
    for when in conditions {
        let trigger = json!({"type": "contact.created", "when": when});
        let run = run_with(
            trigger,
            json!({"tags": ["vip"], "email": "ada@example.test"}),
        );
        assert_eq!(run["status"], "running", "{when}: {run}");
    }
}

#[test]
fn conditions_accept_fields_with_and_without_the_records_name() {
    for field in ["contact.score", "score", "data.score"] {
        let conditions = json!([{"field": field, "operator": "greater_than", "value": 50}]);
        let trigger = json!({"type": "contact.created", "conditions": conditions});
        assert_eq!(
            run_with(trigger.clone(), json!({"score": 80}))["status"],
            "running",
            "{field}"
        );
        let run = run_with(trigger, json!({"score": 40}));
        assert_eq!(run["status"], "skipped", "{field}");
        assert!(run["explain"].to_string().contains("40"), "{run}");
    }
}

#[test]
fn a_step_whose_condition_does_not_hold_is_skipped() {
    let bench = Bench::new();
    let mut note = json!({"type": "create_data", "config": {"datatype": "note"}});
    let task = note.clone();
    note["when"] = json!("data.score > 50");
    bench.flow(on_contact(json!([note, task])));
    bench.contact(json!({"score": 1}));
    let run = bench.run();
    assert_eq!(statuses(&run), ["skipped", "completed"]);
    assert!(
        run["steps"][0]["explain"]
            .to_string()
            .contains("data.score"),
        "{run}"
    );
}

#[test]
fn a_condition_step_branches() {
    let flow = json!({
        "name": "Branch", "triggers": [{"type": "contact_created"}],
        "steps": [
            {"id": "if", "type": "condition", "config": {"conditionType": "check_field_value", "field": "contact.score", "operator": "greater_than", "value": 50, "elseStepId": "low"}, "nextStepId": "high"},
            {"id": "high", "type": "action", "config": {"actionType": "create_data", "datatype": "high"}},
            {"id": "low", "type": "action", "config": {"actionType": "create_data", "datatype": "low"}}
        ]
    });
    for (score, expected) in [(80, "high-1"), (20, "low-1")] {
        let bench = Bench::new();
        bench.flow(flow.clone());
        bench.contact(json!({"score": score}));
        let models = bench.records.models.lock().unwrap();
        assert_eq!(models.keys().collect::<Vec<_>>(), [expected]);
    }
}

#[test]
fn invalid_conditions_are_refused_with_their_location() {
    let bench = Bench::new();
    let cases = [
        ("when", json!("data.score >"), "`trigger.when`"),
        (
            "conditions",
            json!([{"field": "score", "operator": "greater", "value": 1}]),
            "`trigger.conditions[0]`",
        ),
        (
            "conditions",
            json!([{"operator": "equals", "value": 1}]),
            "`trigger.conditions[0]`",
        ),
    ];
    for (key, value, location) in cases {
        let mut flow = on_contact(json!([webhook(json!({}))]));
        flow["trigger"][key] = value;
        let refused = bench
            .write(move |tx, flows, _| flows.create(tx, ORG, &flow))
            .unwrap_err();
        assert!(refused.to_string().starts_with(location), "{refused}");
    }
}
