//! `evt queue`: list, inspect, retry and discard deliveries.

use evt::running::Running;
use evt::store::endpoints::{self, Change, Health};
use evt::store::jobs::{self, Attempt, Capacity, JobBody, NewJob, Next, State};
use evt::store::queue;
use evt::store::{Kind, Store, StoreError, leases};
use evt::time::Timestamp;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::support::{Answer, App, Output, Sandbox};

const URL: &str = "http://127.0.0.1:9/hook";

/// The inbox of a sandbox, as `evt listen --retry` leaves it.
fn inbox(sandbox: &Sandbox) -> Store {
    let path = sandbox.home().join("data").join("inbox.db");
    Store::open(&path, Kind::Inbox).unwrap()
}

fn enqueue(store: &Store, url: &str, message: &str) -> i64 {
    enqueue_body(store, url, message, "{}")
}

fn enqueue_body(store: &Store, url: &str, message: &str, body: &'static str) -> i64 {
    let job = NewJob {
        message_id: Some(message.to_owned()),
        body: JobBody::Bytes(body.into()),
        ..NewJob::post(url)
    };
    let enqueued: Result<i64, StoreError> = store.write_blocking(move |tx| jobs::enqueue(tx, &job));
    enqueued.unwrap()
}

fn capacity(owner: i64, now: Timestamp) -> Capacity {
    Capacity {
        owner,
        now,
        total: 1_000,
        per_endpoint: std::collections::HashMap::new(),
        unknown_endpoint: 1_000,
        probe: std::time::Duration::ZERO,
    }
}

/// Settles every due job as dead, with this response body.
fn fail_all(store: &Store, body: &'static str) {
    let failed: Result<(), StoreError> = store.write_blocking(move |tx| {
        let now = Timestamp::now();
        let owner = leases::register(tx, "test", now)?;
        for job in jobs::claim(tx, &capacity(owner, now))?.jobs {
            let attempt = Attempt::answered(
                now,
                std::time::Duration::from_millis(12),
                StatusCode::INTERNAL_SERVER_ERROR,
                HeaderMap::new(),
                body.as_bytes(),
                false,
            );
            let reason = "it answered 500".to_owned();
            jobs::settle(tx, job.lease, &attempt, &Next::Dead { reason })?;
        }
        Ok(())
    });
    failed.unwrap();
}

fn state(store: &Store, id: i64) -> Option<State> {
    let found: Result<_, StoreError> = store.read_blocking(|db| queue::state(db, id));
    found.unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    output
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn an_empty_inbox_has_no_queues() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(["queue", "list"]);
    assert_eq!((output.stdout.as_str(), output.exit), ("", Some(0)));
}

#[test]
fn queues_and_endpoints_are_listed_with_their_job_counts() {
    let sandbox = Sandbox::new();
    let store = inbox(&sandbox);
    enqueue(&store, URL, "m1");
    fail_all(&store, "no");
    enqueue(&store, URL, "m2");
    let output = sandbox.run(["queue", "list"]);
    let found = lines(&output);
    assert_eq!(found[0]["queue"], "deliveries");
    assert_eq!(found[0]["jobs"]["dead"], 1);
    assert_eq!(found[0]["jobs"]["waiting"], 1);
    assert_eq!(found[1]["endpoint"], "http://127.0.0.1:9");
    assert_eq!(found[1]["circuit"], "closed");
    assert_eq!(found[1]["in"], "inbox");
}

#[test]
fn text_output_is_a_table() {
    let sandbox = Sandbox::new();
    let store = inbox(&sandbox);
    enqueue(&store, URL, "m1");
    let output = sandbox.run(["queue", "list", "-o", "text"]);
    assert!(output.stdout.contains("QUEUE"), "{output:?}");
    assert!(output.stdout.contains("CIRCUIT"), "{output:?}");
    let jobs = sandbox.run(["queue", "list", "--state", "waiting", "-o", "text"]);
    assert!(jobs.stdout.contains("m1"), "{jobs:?}");
}

#[test]
fn jobs_are_listed_by_state_and_endpoint() {
    let sandbox = Sandbox::new();
    let store = inbox(&sandbox);
    let dead = enqueue(&store, URL, "m1");
    fail_all(&store, "no");
    let waiting = enqueue(&store, URL, "m2");
    enqueue(&store, "http://127.0.0.1:9/other", "m3");
    let ids = |args: &[&str]| -> Vec<i64> {
        let words = [&["queue", "list"][..], args].concat();
        let output = sandbox.run(words);
        lines(&output)
            .iter()
            .map(|job| job["id"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(ids(&["--dead"]), [dead]);
    assert_eq!(ids(&["--state", "waiting", "--endpoint", URL]), [waiting]);
    assert_eq!(
        ids(&["--state", "waiting", "--endpoint", "127.0.0.1:9"]).len(),
        2
    );
    assert_eq!(ids(&["--limit", "2"]).len(), 2);
}

#[test]
fn a_condition_on_the_event_selects_jobs() {
    let sandbox = Sandbox::new();
    let store = inbox(&sandbox);
    enqueue_body(&store, URL, "m1", r#"{"amount": 5}"#);
    let large = enqueue_body(&store, URL, "m2", r#"{"amount": 500}"#);
    fail_all(&store, "no");
    let output = sandbox.run(["queue", "list", "--where", "data.amount >= 100"]);
    let found = lines(&output);
    assert_eq!(found.len(), 1, "{output:?}");
    assert_eq!(found[0]["id"], large);
    let output = sandbox.run(["queue", "retry", "--where", "data.amount >= 100"]);
    assert_eq!(lines(&output)[0]["done"], 1);
    assert_eq!(state(&store, large), Some(State::Redriven));
    let bad = sandbox.run(["queue", "list", "--where", "data.amount >="]);
    assert_eq!(bad.exit, Some(2), "{bad:?}");
}

#[test]
fn an_unknown_state_is_a_usage_error() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(["queue", "list", "--state", "ded"]);
    assert_eq!(output.exit, Some(2));
}

#[test]
fn a_job_is_shown_with_its_attempts_and_responses() {
    let sandbox = Sandbox::new();
    let store = inbox(&sandbox);
    let id = enqueue(&store, URL, "m1");
    fail_all(&store, "no such \u{1b}[31mcustomer");
    let output = sandbox.run(["queue", "show", &id.to_string(), "-o", "text"]);
    assert!(output.stdout.contains("attempt 1"), "{output:?}");
    assert!(output.stdout.contains("500"), "{output:?}");
    assert!(output.stdout.contains("customer"), "{output:?}");
    assert!(!output.stdout.contains('\u{1b}'), "{output:?}");
    let json = sandbox.run(["queue", "show", &id.to_string()]);
    let job = &lines(&json)[0];
    assert_eq!(job["tries"][0]["status"], 500);
    assert_eq!(job["message_id"], "m1");
}

#[test]
fn a_job_that_does_not_exist_is_not_found() {
    let sandbox = Sandbox::new();
    for words in [
        &["queue", "show", "99"][..],
        &["queue", "retry", "99"],
        &["queue", "discard", "99", "--yes"],
    ] {
        let output = sandbox.run(words);
        assert_eq!(output.exit, Some(3), "{output:?}");
        assert!(output.stderr.contains("there is no job `99`"), "{output:?}");
    }
}

#[test]
fn a_retry_enqueues_the_same_message_again() {
    let sandbox = Sandbox::new();
    let store = inbox(&sandbox);
    let id = enqueue(&store, URL, "m1");
    fail_all(&store, "no");
    let output = sandbox.run(["queue", "retry", "--dead"]);
    assert_eq!(output.exit, Some(0));
    assert_eq!(lines(&output)[0]["done"], 1);
    assert_eq!(state(&store, id), Some(State::Redriven));
    let waiting = sandbox.run(["queue", "list", "--state", "waiting"]);
    let job = &lines(&waiting)[0];
    assert_eq!(job["message_id"], "m1");
    assert_eq!(job["redrive_of"], id);
}

#[test]
fn dead_selects_quarantined_jobs_in_every_command() {
    let sandbox = Sandbox::new();
    let store = inbox(&sandbox);
    let id = enqueue(&store, URL, "m1");
    let crashed: Result<_, StoreError> = store.write_blocking(move |tx| {
        let now = Timestamp::now();
        let owner = leases::register(tx, "test", now)?;
        jobs::claim(tx, &capacity(owner, now))?;
        leases::take_over(tx, owner, now, 1)
    });
    assert_eq!(crashed.unwrap().len(), 1);
    assert_eq!(state(&store, id), Some(State::Quarantined));
    let listed = sandbox.run(["queue", "list", "--dead"]);
    assert_eq!(lines(&listed)[0]["id"], id);
    for words in [
        &["queue", "discard", "--dead", "--dry-run"][..],
        &["queue", "retry", "--dead"],
    ] {
        assert_eq!(lines(&sandbox.run(words))[0]["done"], 1, "{words:?}");
    }
}

#[test]
fn a_dry_run_counts_and_changes_nothing() {
    let sandbox = Sandbox::new();
    let store = inbox(&sandbox);
    let id = enqueue(&store, URL, "m1");
    fail_all(&store, "no");
    let output = sandbox.run(["queue", "retry", "--dead", "--dry-run"]);
    assert_eq!(lines(&output)[0]["done"], 1);
    assert_eq!(state(&store, id), Some(State::Dead));
    let output = sandbox.run(["queue", "discard", "--all", "--dry-run"]);
    assert_eq!(lines(&output)[0]["done"], 1);
    assert_eq!(state(&store, id), Some(State::Dead));
}

#[test]
fn without_a_matching_job_nothing_is_retried() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(["queue", "retry", "--dead", "-o", "text"]);
    assert_eq!((output.stdout.as_str(), output.exit), ("", Some(0)));
    assert!(output.stderr.contains("No jobs match"), "{output:?}");
}

#[test]
fn a_rate_spreads_the_retries() {
    let sandbox = Sandbox::new();
    let store = inbox(&sandbox);
    for n in 0..3 {
        enqueue(&store, URL, &n.to_string());
    }
    fail_all(&store, "no");
    let output = sandbox.run(["queue", "retry", "--dead", "--rate", "1/m"]);
    assert_eq!(lines(&output)[0]["done"], 3);
    let waiting = sandbox.run(["queue", "list", "--state", "waiting"]);
    let mut times: Vec<Timestamp> = lines(&waiting)
        .iter()
        .map(|job| job["run_at"].as_str().unwrap().parse().unwrap())
        .collect();
    times.sort();
    assert_eq!(times[1].since(times[0]).as_secs(), 60);
    assert_eq!(times[2].since(times[1]).as_secs(), 60);
}

#[test]
fn a_rate_of_zero_is_refused() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(["queue", "retry", "--dead", "--rate", "0/s"]);
    assert_eq!(output.exit, Some(2), "{output:?}");
}

#[test]
fn a_job_that_cannot_be_retried_is_reported_with_the_reason() {
    let sandbox = Sandbox::new();
    let store = inbox(&sandbox);
    let dead = enqueue(&store, URL, "m1");
    fail_all(&store, "no");
    let (id, none) = (dead.to_string(), "99".to_owned());
    let output = sandbox.run(["queue", "retry", &id]);
    assert_eq!(output.exit, Some(0));
    let again = sandbox.run(["queue", "retry", &id, &none]);
    assert_eq!(again.exit, Some(10), "{again:?}");
    assert!(again.stderr.contains("it was already retried"), "{again:?}");
    assert!(again.stderr.contains("there is no job 99"), "{again:?}");
}

#[test]
fn a_discarded_job_is_never_delivered() {
    let sandbox = Sandbox::new();
    let store = inbox(&sandbox);
    let id = enqueue(&store, URL, "m1");
    let output = sandbox.run(["queue", "discard", &id.to_string(), "--yes"]);
    assert_eq!(output.exit, Some(0), "{output:?}");
    assert_eq!(state(&store, id), Some(State::Discarded));
    let again = sandbox.run(["queue", "discard", &id.to_string(), "--yes"]);
    assert_eq!(again.exit, Some(10), "{again:?}");
}

#[test]
fn without_a_selection_the_error_shows_how_to_select_jobs() {
    let sandbox = Sandbox::new();
    for verb in ["retry", "discard"] {
        let output = sandbox.run(["queue", verb]);
        assert_eq!(output.exit, Some(2), "{output:?}");
        let hint = format!("evt queue {verb} --dead");
        assert!(output.stderr.contains(&hint), "{output:?}");
    }
}

#[test]
fn an_id_that_exists_in_the_inbox_and_in_dev_is_refused() {
    let sandbox = Sandbox::new();
    let store = inbox(&sandbox);
    let id = enqueue(&store, URL, "m1").to_string();
    let platform = App::start();
    let job = sandbox.run(["queue", "show", &id]).stdout;
    platform.answer(Answer::Status(200, job));
    let state = sandbox.home().join("state");
    std::fs::create_dir_all(&state).unwrap();
    Running {
        brokers: Default::default(),
        name: "local".to_owned(),
        pid: std::process::id(),
        url: platform.url(""),
        control_url: platform.url(""),
        control_token: "t".to_owned(),
        org: "my-org".to_owned(),
        token: "t".to_owned(),
        webhook_secret: None,
        data: None,
        platforms: std::collections::BTreeMap::new(),
    }
    .write(&state)
    .unwrap();
    let retried = sandbox.run(["queue", "retry", &id]);
    assert_eq!(retried.exit, Some(2), "{retried:?}");
    let shown = sandbox.run(["queue", "show", &id, "--inbox"]);
    assert_eq!(shown.exit, Some(0), "{shown:?}");
}

#[test]
fn an_endpoint_without_jobs_is_not_listed() {
    let sandbox = Sandbox::new();
    let store = inbox(&sandbox);
    let id = enqueue(&store, URL, "m1");
    let failing = Change {
        health: Health::Open,
        at: Timestamp::now(),
        held_until: Timestamp::now(),
        fail_since: Some(Timestamp::now()),
        reason: None,
    };
    let opened: Result<bool, StoreError> =
        store.write_blocking(move |tx| endpoints::change(tx, 1, &failing));
    assert!(opened.unwrap());
    let _ = sandbox.run(["queue", "discard", &id.to_string(), "--yes"]);
    let found = lines(&sandbox.run(["queue", "list"]));
    assert!(
        found.iter().all(|row| row["endpoint"].is_null()),
        "{found:?}"
    );
}

#[test]
fn without_a_platform_dev_is_an_error_with_a_hint() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(["queue", "list", "--dev"]);
    assert_ne!(output.exit, Some(0));
    assert!(output.stderr.contains("evt dev"), "{output:?}");
}

#[test]
fn jobs_of_the_running_platform_are_shown_and_retried() {
    let sandbox = Sandbox::new();
    let app = App::start();
    app.answer(Answer::Status(410, "away".to_owned()));
    let mut dev = sandbox.spawn(["dev", "--port", "0", "--console-port", "0", "-o", "json"]);
    dev.wait_for_stderr("ready");
    let hook = app.url("/hook");
    let flow = [
        "flows",
        "create",
        "--on",
        "contact.created",
        "--webhook",
        &hook,
    ];
    assert_eq!(sandbox.run(flow).exit, Some(0));
    let record = ["records", "create", "contact", "email=ada@example.com"];
    assert_eq!(sandbox.run(record).exit, Some(0));
    app.wait_for(1);
    // The result is stored a moment after the response.
    let job = loop {
        let dead = sandbox.run(["queue", "list", "--dead", "--dev"]);
        if let Some(job) = lines(&dead).into_iter().next() {
            break job;
        }
    };
    assert_eq!(job["in"], "dev");
    assert_eq!(job["endpoint"], app.url(""));
    let id = job["id"].to_string();
    let shown = sandbox.run(["queue", "show", &id]);
    assert_eq!(lines(&shown)[0]["tries"][0]["body"], "away");
    app.answer(Answer::Status(200, String::new()));
    let retried = sandbox.run(["queue", "retry", &id]);
    assert_eq!(lines(&retried)[0]["done"], 1, "{retried:?}");
    assert!(retried.stderr.contains("Enabled"), "{retried:?}");
    let requests = app.wait_for(2);
    assert_eq!(
        requests[0].header("webhook-id"),
        requests[1].header("webhook-id")
    );
}

#[test]
fn a_paused_queue_keeps_its_deliveries_over_a_restart_and_sends_them_when_resumed() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let start = || {
        let mut dev = sandbox.spawn(["dev", "--port", "0", "--console-port", "0", "-o", "json"]);
        dev.wait_for_stderr("ready");
        dev
    };
    let dev = start();
    let hook = app.url("/hook");
    let flow = ["flows", "create", "--on", "contact.created", "--webhook"];
    let _ = sandbox
        .run(flow.iter().copied().chain([&*hook]))
        .expect_exit(0);
    let paused = sandbox.run(["queue", "pause", "Deliveries"]).expect_exit(0);
    assert_eq!(lines(&paused)[0]["changed"], true, "{paused:?}");
    for n in 1..=3 {
        let email = format!("email=ada{n}@example.com");
        let _ = sandbox
            .run(["records", "create", "contact", &email])
            .expect_exit(0);
    }
    dev.kill();
    let _dev = start();
    let listed = sandbox.run(["queue", "list", "--queue", "deliveries"]);
    let states: Vec<_> = lines(&listed)
        .iter()
        .map(|job| job["state"].clone())
        .collect();
    assert_eq!(states, ["paused", "paused", "paused"]);
    assert!(app.requests().is_empty());
    let resumed = sandbox
        .run(["queue", "resume", "deliveries"])
        .expect_exit(0);
    assert_eq!(lines(&resumed)[0]["jobs"], 3, "{resumed:?}");
    assert_eq!(app.wait_for(3).len(), 3);
}

#[test]
fn a_mistyped_queue_suggests_the_nearest() {
    let sandbox = Sandbox::new();
    let _platform = crate::support::LocalPlatform::start(&sandbox);
    let output = sandbox.run(["queue", "pause", "delivries"]);
    assert_ne!(output.exit, Some(0), "{output:?}");
    assert!(output.stderr.contains("`deliveries`"), "{output:?}");
    let inbox = sandbox.run(["queue", "list", "--inbox", "--queue", "forward"]);
    assert!(inbox.stderr.contains("`forwards`"), "{inbox:?}");
}
