//! The flow engine in process, over a store and a few records: what an event sets going, and what comes of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use evt::event::Seq;
use evt::flow::{Cause, FlowError, FlowOptions, Flows, NewEvent, World, WorldError};
use evt::secret::Secret;
use evt::store::jobs::{self, Claimed, End, Room, Settled, State};
use evt::store::queue::{self, JobRow, Selection};
use evt::store::runs::{self, RunFilter, RunRow};
use evt::store::{Kind, Store, StoreError, Tx};
use evt::time::Timestamp;
use serde_json::{Value, json};

const ORG: &str = "my-org";

/// Records in memory; each change raises `collection-*`, a new contact `contact.created` too.
struct Records {
    flows: Arc<Flows>,
    kept: Mutex<BTreeMap<String, Value>>,
}

impl Records {
    fn raise(
        &self,
        tx: &Tx<'_>,
        kind: &str,
        data: &Value,
        cause: &Cause,
    ) -> Result<(), StoreError> {
        let event = NewEvent {
            org: ORG.to_owned(),
            kind: kind.to_owned(),
            data: data.clone(),
            before: None,
            cause: cause.clone(),
        };
        self.flows.raise(tx, self, &event).map(drop)
    }

    fn find_one(&self, id: &str) -> Result<Value, WorldError> {
        let kept = self.kept.lock().unwrap();
        kept.get(id).cloned().ok_or_else(|| WorldError::NotFound {
            datatype: "record".to_owned(),
            id: id.to_owned(),
        })
    }
}

impl World for Records {
    fn create(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: &str,
        data: Value,
        cause: &Cause,
    ) -> Result<Value, WorldError> {
        let id = format!("{datatype}-{}", self.kept.lock().unwrap().len() + 1);
        let model = json!({"pk": org, "sk": id, "datatype": datatype, "data": data});
        self.kept.lock().unwrap().insert(id, model.clone());
        self.raise(tx, "collection-create", &model, cause)?;
        if datatype == "contact" {
            self.raise(tx, "contact.created", &model, cause)?;
        }
        Ok(model)
    }

    fn update(
        &self,
        tx: &Tx<'_>,
        _: &str,
        _: &str,
        id: &str,
        changes: Value,
        cause: &Cause,
    ) -> Result<Value, WorldError> {
        let mut model = self.find_one(id)?;
        for (name, value) in changes.as_object().unwrap() {
            model["data"][name] = value.clone();
        }
        self.kept
            .lock()
            .unwrap()
            .insert(id.to_owned(), model.clone());
        self.raise(tx, "collection-update", &model, cause)?;
        Ok(model)
    }

    fn delete(
        &self,
        tx: &Tx<'_>,
        _: &str,
        _: &str,
        id: &str,
        cause: &Cause,
    ) -> Result<Value, WorldError> {
        let model = self.find_one(id)?;
        self.kept.lock().unwrap().remove(id);
        self.raise(tx, "collection-delete", &model, cause)?;
        Ok(model)
    }

    fn get(&self, _: &Tx<'_>, _: &str, _: &str, id: &str) -> Result<Option<Value>, WorldError> {
        Ok(self.kept.lock().unwrap().get(id).cloned())
    }

    fn find(
        &self,
        _: &Tx<'_>,
        _: &str,
        datatype: &str,
        _: &Value,
        limit: usize,
    ) -> Result<Vec<String>, WorldError> {
        let kept = self.kept.lock().unwrap();
        let ids = kept
            .iter()
            .filter(|(_, model)| model["datatype"] == datatype);
        Ok(ids.map(|(id, _)| id.clone()).take(limit).collect())
    }
}

/// A platform without its ports.
struct Bench {
    store: Store,
    flows: Arc<Flows>,
    records: Arc<Records>,
}

impl Bench {
    fn new() -> Self {
        Self::with(FlowOptions::default())
    }

    fn with(options: FlowOptions) -> Self {
        Self::over(Store::ephemeral(Kind::Platform).unwrap(), options)
    }

    fn open(path: &Path) -> Self {
        Self::over(
            Store::open(path, Kind::Platform).unwrap(),
            FlowOptions::default(),
        )
    }

    fn over(store: Store, options: FlowOptions) -> Self {
        let flows = Arc::new(Flows::new(options));
        let records = Arc::new(Records {
            flows: Arc::clone(&flows),
            kept: Mutex::default(),
        });
        Self {
            store,
            flows,
            records,
        }
    }

    fn write<T: Send + 'static>(
        &self,
        op: impl FnOnce(&Tx<'_>, &Flows, &Records) -> Result<T, FlowError> + Send + 'static,
    ) -> Result<T, FlowError> {
        let (flows, records) = (Arc::clone(&self.flows), Arc::clone(&self.records));
        self.store
            .write_blocking(move |tx| op(tx, &flows, &records))
    }

    fn flow(&self, document: Value) -> String {
        self.write(move |tx, flows, _| flows.create(tx, ORG, &document))
            .unwrap()
            .id
    }

    /// A contact comes into being.
    fn contact(&self, data: Value) -> Seq {
        self.event(
            "contact.created",
            json!({"sk": "contact-1", "datatype": "contact", "data": data}),
        )
    }

    fn event(&self, kind: &str, data: Value) -> Seq {
        let event = NewEvent {
            org: ORG.to_owned(),
            kind: kind.to_owned(),
            data,
            before: None,
            cause: Cause::default(),
        };
        self.write(move |tx, flows, world| Ok(flows.raise(tx, world, &event)?))
            .unwrap()
    }

    fn runs(&self) -> Vec<RunRow> {
        let filter = RunFilter {
            org: ORG.to_owned(),
            limit: 1000,
            ..RunFilter::default()
        };
        let mut runs = self
            .store
            .read_blocking::<_, StoreError, _>(|connection| runs::list(connection, &filter))
            .unwrap()
            .0;
        runs.reverse();
        runs
    }

    /// The only run there is, as the platform shows it.
    fn run(&self) -> Value {
        let runs = self.runs();
        assert_eq!(runs.len(), 1, "{runs:?}");
        self.view(&runs[0])
    }

    fn view(&self, run: &RunRow) -> Value {
        self.store
            .read_blocking::<_, StoreError, _>(|connection| {
                evt::flow::view_with_attempts(connection, run, None)
            })
            .unwrap()
    }

    fn jobs(&self) -> Vec<JobRow> {
        let mut jobs = self
            .store
            .read_blocking::<_, StoreError, _>(|connection| {
                queue::page(connection, &Selection::default(), i64::MAX, 100)
            })
            .unwrap();
        jobs.reverse();
        jobs
    }

    /// What the delivery engine would send now.
    fn sent(&self) -> Vec<Claimed> {
        self.store
            .write_blocking::<_, StoreError, _>(|tx| {
                let room = Room {
                    owner: 1,
                    now: Timestamp::now(),
                    total: 100,
                    of: std::collections::HashMap::new(),
                    of_others: 100,
                    probe: std::time::Duration::from_secs(30),
                };
                jobs::claim(tx, &room)
            })
            .unwrap()
            .jobs
    }

    /// The delivery of this job has come to its end.
    fn settle(&self, job: &JobRow, end: End) {
        let settled = Settled {
            job: job.id,
            run: job.run.clone().zip(job.step),
            event: None,
            end,
        };
        self.write(move |tx, flows, world| Ok(flows.settled(tx, world, &settled)?))
            .unwrap();
    }
}

fn webhook(config: Value) -> Value {
    let mut whole = json!({"url": "http://127.0.0.1:1/hook"});
    whole
        .as_object_mut()
        .unwrap()
        .extend(config.as_object().unwrap().clone());
    json!({"type": "send_webhook", "config": whole})
}

fn on_contact(actions: Value) -> Value {
    json!({"name": "Notify", "trigger": {"type": "contact.created"}, "actions": actions})
}

fn delivered() -> End {
    End::Delivered { status: 204 }
}

fn dead() -> End {
    End::Dead {
        status: Some(500),
        reason: "retries are spent".to_owned(),
    }
}

fn statuses(run: &Value) -> Vec<&str> {
    let steps = run["steps"].as_array().unwrap();
    steps
        .iter()
        .map(|step| step["status"].as_str().unwrap())
        .collect()
}

#[test]
fn an_event_becomes_a_run_and_a_delivery_of_the_platforms_webhook_body() {
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
fn a_flow_without_a_secret_is_signed_with_the_platforms() {
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
fn a_bare_platform_sends_only_what_the_flow_configures() {
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
    let headers = json!({"X-Bridge-Secret": "shared-secret-here", "X-Plain": "to be seen"});
    bench.flow(on_contact(json!([webhook(json!({"headers": headers}))])));
    bench.contact(json!({}));
    let request = bench.run()["steps"][0]["request"].to_string();
    assert!(request.contains("x-plain: to be seen"), "{request}");
    assert!(!request.contains("shared-secret-here"), "{request}");
}

#[test]
fn a_step_after_a_webhook_waits_for_its_outcome() {
    let bench = Bench::new();
    bench.flow(on_contact(json!([webhook(json!({})), {"type": "create_task", "config": {"title": "Call {{contact.email}}"}}])));
    bench.contact(json!({"email": "ada@example.test"}));
    assert_eq!(statuses(&bench.run()), ["running"]);
    bench.settle(&bench.jobs()[0], delivered());
    assert_eq!(statuses(&bench.run()), ["completed", "completed"]);
    let kept = bench.records.kept.lock().unwrap();
    assert_eq!(kept["task-1"]["data"]["title"], "Call ada@example.test");
}

#[test]
fn a_dead_delivery_fails_the_run_and_a_retry_goes_on_from_there_with_the_same_message() {
    let bench = Bench::new();
    bench.flow(on_contact(json!([{"type": "add_tag", "config": {"tag": "x", "recordId": "contact-1"}}, webhook(json!({}))])));
    let model = json!({"sk": "contact-1", "datatype": "contact", "data": {}});
    bench
        .records
        .kept
        .lock()
        .unwrap()
        .insert("contact-1".to_owned(), model);
    bench.contact(json!({}));
    bench.settle(&bench.jobs()[0], dead());
    let run = bench.run();
    assert_eq!(run["status"], "failed");
    assert_eq!(run["reason"], "step `step-2` failed: retries are spent");
    assert_eq!(run["errors"][0]["stepId"], "step-2");
    let id = run["id"].as_str().unwrap().to_owned();
    bench
        .write(move |tx, flows, world| flows.retry(tx, world, ORG, &id))
        .unwrap();
    let jobs = bench.jobs();
    assert_eq!(jobs.len(), 2);
    assert_eq!(jobs[0].message_id, jobs[1].message_id);
    bench.settle(&jobs[1], delivered());
    assert_eq!(statuses(&bench.run()), ["completed", "failed", "completed"]);
    assert_eq!(bench.run()["status"], "completed");
}

#[test]
fn a_flow_that_continues_after_errors_takes_its_next_step() {
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
fn a_finished_run_is_moved_by_nothing() {
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
fn an_event_that_comes_twice_starts_one_run() {
    let bench = Bench::new();
    bench.flow(on_contact(json!([webhook(json!({}))])));
    let seq = bench.contact(json!({}));
    let again = NewEvent {
        org: ORG.to_owned(),
        kind: "contact.created".to_owned(),
        data: json!({"sk": "contact-1", "datatype": "contact", "data": {}}),
        before: None,
        cause: Cause::default(),
    };
    bench
        .write(move |tx, flows, world| {
            Ok(flows.dispatch(tx, world, seq, &again, Timestamp::now())?)
        })
        .unwrap();
    assert_eq!(bench.runs().len(), 1);
    assert_eq!(bench.jobs().len(), 1);
}

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

#[test]
fn an_execution_sends_the_record_that_its_context_names() {
    let bench = Bench::new();
    let id = bench.flow(on_contact(json!([webhook(json!({}))])));
    let run = bench
        .write(move |tx, flows, world| {
            flows.execute(
                tx,
                world,
                ORG,
                &id,
                json!({"contact": {"email": "ada@example.test"}}),
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
fn an_execution_starts_no_other_flow() {
    let bench = Bench::new();
    let id = bench.flow(on_contact(json!([webhook(json!({}))])));
    let mut other = on_contact(json!([webhook(json!({}))]));
    other["name"] = json!("Other");
    bench.flow(other);
    bench
        .write(move |tx, flows, world| flows.execute(tx, world, ORG, &id, json!({})))
        .unwrap();
    assert_eq!(bench.runs().len(), 1);
}

#[test]
fn a_body_of_the_flows_own_is_filled_in_and_gaps_are_told() {
    let bench = Bench::new();
    let body = json!({"who": "{{contact.firstName}}", "tags": "{{contact.tags}}", "gap": "{{contact.nothing}}"});
    bench.flow(on_contact(json!([webhook(json!({"body": body}))])));
    bench.contact(json!({"firstName": "Ada", "tags": ["vip"]}));
    let sent: Value = serde_json::from_slice(bench.sent()[0].body.as_ref().unwrap()).unwrap();
    assert_eq!(sent, json!({"who": "Ada", "tags": ["vip"], "gap": ""}));
    let warnings = &bench.run()["steps"][0]["warnings"];
    assert_eq!(
        *warnings,
        json!(["`{{contact.nothing}}` names nothing and became empty"])
    );
}

#[test]
fn a_url_that_a_placeholder_spoils_fails_the_step() {
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

#[test]
fn steps_change_records_and_put_out_what_they_did() {
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
    assert!(bench.records.kept.lock().unwrap().is_empty());
}

#[test]
fn a_cancelled_run_takes_its_delivery_off_the_queue() {
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
fn a_replay_runs_the_flow_as_it_is_now_for_the_same_event() {
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
        .write(move |tx, flows, world| flows.replay(tx, world, ORG, &id))
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
fn a_run_goes_on_with_the_version_that_it_began_with() {
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
    assert!(bench.records.kept.lock().unwrap().contains_key("old-1"));
}

#[test]
fn a_disabled_flow_hears_nothing_and_an_enabled_one_hears_again() {
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
fn a_change_that_is_undone_is_not_heard() {
    let bench = Bench::new();
    bench.flow(on_contact(json!([webhook(json!({}))])));
    let undone = bench.write(|tx, flows, world| {
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
        // Compiles both flows, and then nothing of this has happened.
        flows.raise(tx, world, &event)?;
        Err::<(), _>(FlowError::NoSuchFlow { id: String::new() })
    });
    assert!(undone.is_err());
    bench.contact(json!({}));
    assert_eq!(bench.runs().len(), 1);
}

#[test]
fn a_second_flow_of_the_same_name_is_refused() {
    let bench = Bench::new();
    bench.flow(on_contact(json!([webhook(json!({}))])));
    let second = on_contact(json!([webhook(json!({}))]));
    let refused = bench.write(move |tx, flows, _| flows.create(tx, ORG, &second));
    assert!(matches!(refused, Err(FlowError::NameTaken { .. })));
}

#[test]
fn a_flow_is_read_back_as_it_was_sent() {
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
fn a_half_done_run_goes_on_where_it_was_after_a_restart() {
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
        bench.records.kept.lock().unwrap()["note-1"]["data"]["to"],
        "ada@example.test"
    );
    bench.contact(json!({}));
    assert_eq!(bench.runs().len(), 2);
}

/// The run that a flow with this trigger makes of a contact.
fn judged(trigger: Value, contact: Value) -> Value {
    let bench = Bench::new();
    let mut flow = on_contact(json!([webhook(json!({}))]));
    flow["trigger"] = trigger;
    bench.flow(flow);
    bench.contact(contact);
    bench.run()
}

#[test]
fn a_when_that_says_no_keeps_the_value_that_it_saw() {
    let trigger = json!({"type": "contact.created", "when": "data.status == \"lead\""});
    let run = judged(trigger.clone(), json!({"status": "customer"}));
    assert_eq!(run["status"], "skipped");
    let reason = run["reason"].as_str().unwrap();
    assert!(
        reason.contains("data.status") && reason.contains("customer"),
        "{reason}"
    );
    assert_eq!(
        judged(trigger, json!({"status": "lead"}))["status"],
        "running"
    );
}

#[test]
fn a_when_sees_the_event_the_record_and_the_variables() {
    let conditions = [
        "event.data.data.tags.exists(t, t == 'vip')",
        "data.tags.exists(t, t == 'vip')",
        "contact.email.endsWith('example.test') && type == 'contact.created'",
        "record.sk == 'contact-1' && org == 'my-org'",
    ];
    for when in conditions {
        let trigger = json!({"type": "contact.created", "when": when});
        let run = judged(
            trigger,
            json!({"tags": ["vip"], "email": "ada@example.test"}),
        );
        assert_eq!(run["status"], "running", "{when}: {run}");
    }
}

#[test]
fn conditions_name_fields_of_the_record_with_and_without_its_name() {
    for field in ["contact.score", "score", "data.score"] {
        let conditions = json!([{"field": field, "operator": "greater_than", "value": 50}]);
        let trigger = json!({"type": "contact.created", "conditions": conditions});
        assert_eq!(
            judged(trigger.clone(), json!({"score": 80}))["status"],
            "running",
            "{field}"
        );
        let run = judged(trigger, json!({"score": 40}));
        assert_eq!(run["status"], "skipped", "{field}");
        assert!(run["explain"].to_string().contains("40"), "{run}");
    }
}

#[test]
fn a_step_whose_condition_says_no_is_skipped_and_the_next_is_taken() {
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
fn a_condition_step_sends_the_run_one_way_or_the_other() {
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
        let kept = bench.records.kept.lock().unwrap();
        assert_eq!(kept.keys().collect::<Vec<_>>(), [expected]);
    }
}

#[test]
fn conditions_that_cannot_be_asked_are_refused_with_their_place() {
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
    for (key, value, place) in cases {
        let mut flow = on_contact(json!([webhook(json!({}))]));
        flow["trigger"][key] = value;
        let refused = bench
            .write(move |tx, flows, _| flows.create(tx, ORG, &flow))
            .unwrap_err();
        assert!(refused.to_string().starts_with(place), "{refused}");
    }
}
