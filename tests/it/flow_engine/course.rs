//! The course of a run: steps, cancel, retry, replay, and restarts.

use evt::flow::Start;

use super::*;

fn by_hand(context: Value) -> Start {
    Start {
        context,
        ..Start::default()
    }
}

#[test]
fn a_finished_run_ignores_later_results() {
    let bench = Bench::new();
    bench.flow(on_contact(json!([webhook(json!({}))])));
    bench.contact(json!({}));
    let job = bench.jobs().remove(0);
    bench.settle(&job, delivered());
    let finished = bench.run();
    bench.settle(&job, dead());
    assert_eq!(bench.run(), finished);
}

#[test]
fn an_execution_sends_the_record_in_its_context() {
    let bench = Bench::new();
    let id = bench.flow(on_contact(json!([webhook(json!({}))])));
    let run = bench
        .write(move |tx, flows, records| {
            flows.execute(
                tx,
                records,
                ORG,
                &id,
                by_hand(json!({"contact": {"email": "ada@example.test"}})),
                0,
            )
        })
        .unwrap();
    assert!(run.starts_with("exec-"));
    let body: Value = serde_json::from_slice(bench.sent()[0].body.as_ref().unwrap()).unwrap();
    assert_eq!(body["event"], "contact.created");
    assert_eq!(
        body["data"],
        json!({"sk": "contact-test", "datatype": "contact", "data": {"email": "ada@example.test"}})
    );
}

#[test]
fn an_execution_does_not_start_other_flows() {
    let bench = Bench::new();
    let id = bench.flow(on_contact(json!([webhook(json!({}))])));
    let mut other = on_contact(json!([webhook(json!({}))]));
    other["name"] = json!("Other");
    bench.flow(other);
    bench
        .write(move |tx, flows, records| {
            flows.execute(tx, records, ORG, &id, by_hand(json!({})), 0)
        })
        .unwrap();
    assert_eq!(bench.runs().len(), 1);
}

#[test]
fn steps_change_records_and_output_the_results() {
    let bench = Bench::new();
    bench.flow(on_contact(json!([
        {"id": "note", "type": "create_data", "config": {"datatype": "note", "data": {"of": "{{contact.id}}"}}},
        {"type": "update_data", "config": {"recordId": "{{steps.note.output.sk}}", "updates": {"done": true}}},
        {"type": "delete_data", "config": {"recordId": "{{steps.note.output.sk}}"}}
    ])));
    bench.contact(json!({}));
    let run = bench.run();
    assert_eq!(run["status"], "completed", "{run}");
    assert_eq!(
        run["steps"][1]["output"]["data"],
        json!({"of": "contact-1", "done": true})
    );
    assert_eq!(run["steps"][2]["output"]["sk"], "note-1");
    assert!(bench.records.models.lock().unwrap().is_empty());
}

#[test]
fn cancelling_a_run_discards_its_delivery() {
    let bench = Bench::new();
    bench.flow(on_contact(json!([webhook(json!({}))])));
    bench.contact(json!({}));
    let id = bench.runs()[0].id.clone();
    bench
        .write(move |tx, flows, _| flows.cancel(tx, ORG, &id))
        .unwrap();
    assert_eq!(bench.run()["status"], "cancelled");
    assert_eq!(bench.jobs()[0].state, State::Discarded);
    let id = bench.runs()[0].id.clone();
    let again = bench.write(move |tx, flows, _| flows.cancel(tx, ORG, &id));
    assert!(matches!(again, Err(FlowError::WrongState { .. })));
}

#[test]
fn a_replay_runs_the_current_flow_for_the_same_event() {
    let bench = Bench::new();
    let flow = bench.flow(on_contact(json!([webhook(json!({}))])));
    bench.contact(json!({"email": "ada@example.test"}));
    bench.settle(&bench.jobs()[0], delivered());
    let changed = on_contact(json!([webhook(
        json!({"body": {"to": "{{contact.email}}"}})
    )]));
    bench
        .write(move |tx, flows, _| flows.update(tx, ORG, &flow, &changed))
        .unwrap();
    let id = bench.runs()[0].id.clone();
    bench
        .write(move |tx, flows, records| flows.replay(tx, records, ORG, &id))
        .unwrap();
    let runs = bench.runs();
    assert_eq!(
        (runs[0].status.as_str(), runs[1].cause.as_str()),
        ("completed", "replay")
    );
    let sent = bench.sent();
    let bodies: Vec<&[u8]> = sent
        .iter()
        .map(|job| job.body.as_deref().unwrap())
        .collect();
    assert!(bodies.contains(&br#"{"to":"ada@example.test"}"#.as_slice()));
}

#[test]
fn a_run_continues_with_the_version_that_it_started_with() {
    let bench = Bench::new();
    let flow = bench.flow(on_contact(
        json!([webhook(json!({})), {"type": "create_data", "config": {"datatype": "old"}}]),
    ));
    bench.contact(json!({}));
    bench
        .write(move |tx, flows, _| {
            flows.update(tx, ORG, &flow, &on_contact(json!([webhook(json!({}))])))?;
            flows.delete(tx, ORG, &flow)
        })
        .unwrap();
    bench.settle(&bench.jobs()[0], delivered());
    assert_eq!(bench.run()["status"], "completed");
    assert!(bench.records.models.lock().unwrap().contains_key("old-1"));
}

#[test]
fn a_disabled_flow_does_not_run_until_it_is_enabled() {
    let bench = Bench::new();
    let id = bench.flow(on_contact(json!([webhook(json!({}))])));
    for enabled in [false, true] {
        let id = id.clone();
        bench
            .write(move |tx, flows, _| flows.set_enabled(tx, ORG, &id, enabled))
            .unwrap();
        bench.contact(json!({}));
    }
    assert_eq!(bench.runs().len(), 1);
}

#[test]
fn a_rolled_back_flow_does_not_run() {
    let bench = Bench::new();
    bench.flow(on_contact(json!([webhook(json!({}))])));
    let undone = bench.write(|tx, flows, records| {
        let mut second = on_contact(json!([webhook(json!({}))]));
        second["name"] = json!("Second");
        flows.create(tx, ORG, &second)?;
        let event = NewEvent {
            org: ORG.to_owned(),
            kind: "contact.created".to_owned(),
            data: json!({}),
            before: None,
            cause: Cause::default(),
        };
        // Compiles both flows. The transaction is then rolled back.
        flows.raise(tx, records, &event)?;
        Err::<(), _>(FlowError::NoSuchFlow { id: String::new() })
    });
    assert!(undone.is_err());
    bench.contact(json!({}));
    assert_eq!(bench.runs().len(), 1);
}

#[test]
fn a_duplicate_flow_name_is_refused() {
    let bench = Bench::new();
    bench.flow(on_contact(json!([webhook(json!({}))])));
    let second = on_contact(json!([webhook(json!({}))]));
    let refused = bench.write(move |tx, flows, _| flows.create(tx, ORG, &second));
    assert!(matches!(refused, Err(FlowError::NameTaken { .. })));
}

#[test]
fn a_flow_is_returned_as_it_was_sent() {
    let bench = Bench::new();
    let document = json!({
        "name": "Echo", "description": "as it was",
        "triggers": [{"id": "t", "type": "tagged", "config": {"tag": "vip"}}],
        "steps": [{"id": "s", "type": "action", "config": {"actionType": "send-webhook", "url": "http://127.0.0.1:1/"}}]
    });
    let sent = document.clone();
    let row = bench
        .write(move |tx, flows, _| flows.create(tx, ORG, &sent))
        .unwrap();
    let model = evt::flow::model(&row);
    assert_eq!(model["data"], document);
    assert_eq!(model["datatype"], "automation");
    assert_eq!(model["sk"], model["flowId"]);
    assert!(row.id.starts_with("automation-"));
}

#[test]
fn a_run_continues_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("platform.db");
    {
        let bench = Bench::open(&path);
        bench.flow(on_contact(json!([webhook(json!({})), {"type": "create_data", "config": {"datatype": "note", "data": {"to": "{{contact.email}}"}}}])));
        bench.contact(json!({"email": "ada@example.test"}));
    }
    let bench = Bench::open(&path);
    assert_eq!(statuses(&bench.run()), ["running"]);
    bench.settle(&bench.jobs()[0], delivered());
    assert_eq!(statuses(&bench.run()), ["completed", "completed"]);
    assert_eq!(
        bench.records.models.lock().unwrap()["note-1"]["data"]["to"],
        "ada@example.test"
    );
    bench.contact(json!({}));
    assert_eq!(bench.runs().len(), 2);
}
