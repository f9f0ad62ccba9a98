//! `kill -9` at random moments under load: everything that was acknowledged is stored and delivered afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::app::Request;
use crate::support::raw::{Reply, exchange};
use crate::support::sandbox::Running;
use crate::support::{App, Sandbox};

/// Kills of each kind of process in one test.
const KILLS: usize = 30;
/// Kills while runs of schedules start.
const KILLS_WHILE_STARTING: usize = 5;
/// Runs on one page.
const PAGE: usize = 200;
/// Scheduled triggers of one flow; a flow may have 200.
const TRIGGERS: usize = 100;
/// Concurrent senders that keep the process busy while it is killed.
const SENDERS: usize = 4;

#[test]
fn a_killed_listener_loses_nothing_that_it_acknowledged() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    for round in 0..KILLS {
        let (listener, address) = listen(&sandbox, &app);
        under_load(round, address, listener, &acknowledged, post_event);
    }
    let (_listener, _) = listen(&sandbox, &app);
    let acknowledged = acknowledged.lock().unwrap().clone();
    assert!(
        acknowledged.len() > KILLS,
        "too few requests were acknowledged: {}",
        acknowledged.len()
    );
    wait_until_delivered(&app, &acknowledged, |request| {
        request.json()["id"].as_str().map(str::to_owned)
    });
    check_message_ids(&app, |request| {
        request.json()["id"].as_str().map(str::to_owned)
    });
    for request in app.requests() {
        let body = request.json();
        assert_eq!(
            request.header("webhook-id"),
            body["id"].as_str(),
            "the message id of the sender is forwarded: {request:?}"
        );
    }
}

#[test]
fn a_killed_platform_loses_nothing_that_it_acknowledged() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let mut finished: BTreeMap<String, Value> = BTreeMap::new();
    let (platform, address, token) = dev(&sandbox);
    let created = call(
        address,
        &token,
        "POST",
        "/automation/flows/create",
        &flow(&app),
    )
    .expect("the platform answers");
    assert!(created.body.contains("flowId"), "{created:?}");
    platform.kill();
    for round in 0..KILLS {
        let (platform, address, token) = dev(&sandbox);
        check_finished(address, &token, &mut finished);
        let post = move |address: SocketAddr, id: &str| create_contact(address, &token, id);
        under_load(round, address, platform, &acknowledged, post);
    }
    let (_platform, address, token) = dev(&sandbox);
    let acknowledged = acknowledged.lock().unwrap().clone();
    assert!(
        acknowledged.len() > KILLS,
        "too few requests were acknowledged: {}",
        acknowledged.len()
    );
    wait_until_delivered(&app, &acknowledged, |request| {
        request.json()["data"]["data"]["key"]
            .as_str()
            .map(str::to_owned)
    });
    check_message_ids(&app, |request| {
        request.json()["data"]["sk"].as_str().map(str::to_owned)
    });
    check_finished(address, &token, &mut finished);
}

#[test]
fn schedules_that_are_due_at_once_all_start_once_although_the_platform_is_killed_while_they_start()
{
    let sandbox = Sandbox::new();
    let (mut platform, mut address, mut token) = dev(&sandbox);
    let mut expected = BTreeSet::new();
    for _ in 0..schedules().div_ceil(TRIGGERS) {
        expected.extend(create_schedules(address, &token));
    }
    let mut advance = Some(sandbox.spawn(["dev", "clock", "set", "2030-01-01T00:00:30Z"]));
    for kill in 1..=KILLS_WHILE_STARTING {
        // A share of the runs is on the disk.
        let share = expected.len() * kill / (KILLS_WHILE_STARTING + 1);
        let started = wait_for_runs(address, &token, share);
        assert!(started < expected.len(), "all have started before a kill");
        platform.kill();
        drop(advance.take());
        (platform, address, token) = dev(&sandbox);
    }
    wait_for_runs(address, &token, expected.len());
    let mut started = BTreeSet::new();
    for run in runs(address, &token) {
        let part = |name: &str| run[name].as_str().expect("a run has ids").to_owned();
        assert_eq!(run["status"], "completed", "{run}");
        let schedule = (part("flowId"), part("triggerId"));
        assert!(started.insert(schedule), "a schedule started twice: {run}");
    }
    assert_eq!(started, expected);
}

/// The number of schedules that are due at once. `EVT_TEST_SCHEDULES` sets another number.
fn schedules() -> usize {
    match std::env::var("EVT_TEST_SCHEDULES") {
        Ok(count) => count.parse().expect("EVT_TEST_SCHEDULES is a number"),
        Err(_) => 2_000,
    }
}

/// Creates a flow whose triggers are all due at the same time. Returns the ids of the flow and its triggers.
fn create_schedules(address: SocketAddr, token: &str) -> Vec<(String, String)> {
    let ids: Vec<String> = (0..TRIGGERS).map(|n| format!("t{n}")).collect();
    let triggers = ids.iter().map(|id| {
        let schedule = json!({"type": "once", "executeAt": "2030-01-01T00:00:00Z"});
        json!({"id": id, "type": "scheduled", "config": {"schedule": schedule}})
    });
    let flow = json!({
        "name": format!("from {address} {}", spread(0)),
        "triggers": triggers.collect::<Vec<_>>(),
        "actions": [{"type": "create_data", "config": {"datatype": "note", "data": {"at": "{{scheduledAt}}"}}}],
    });
    let target = "/automation/flows/create";
    let created = call(address, token, "POST", target, &flow.to_string());
    let created = created.expect("the platform answers").body;
    let created: Value = serde_json::from_str(&created).expect("an answer in JSON");
    let flow = created["flowId"].as_str().expect("the flow is created");
    ids.into_iter().map(|id| (flow.to_owned(), id)).collect()
}

/// Waits until at least `least` runs have started, and returns how many.
fn wait_for_runs(address: SocketAddr, token: &str, least: usize) -> usize {
    loop {
        let count = page(address, token, 1, 1)["total"].as_u64();
        let count = usize::try_from(count.expect("a list has a total")).unwrap();
        if count >= least {
            return count;
        }
    }
}

/// Checks that all deliveries of one event have the same `webhook-id`. `key` identifies the event of a delivery.
fn check_message_ids(app: &App, key: impl Fn(&Request) -> Option<String>) {
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for request in app.requests() {
        let key = key(&request).expect("a delivery identifies its event");
        let id = request.header("webhook-id").expect("a delivery has an id");
        ids.entry(key).or_default().insert(id.to_owned());
    }
    let several: Vec<_> = ids.iter().filter(|(_, ids)| ids.len() > 1).collect();
    assert!(several.is_empty(), "{several:?}");
}

/// Checks that no run that had ended has changed or disappeared.
fn check_finished(address: SocketAddr, token: &str, finished: &mut BTreeMap<String, Value>) {
    let mut seen = BTreeSet::new();
    for run in runs(address, token) {
        let id = run["id"].as_str().expect("a run has an id").to_owned();
        seen.insert(id.clone());
        if let Some(before) = finished.get(&id) {
            assert_eq!(*before, run, "a finished run changed");
        } else if run["completedAt"].is_string() {
            finished.insert(id, run);
        }
    }
    let gone: Vec<_> = finished.keys().filter(|id| !seen.contains(*id)).collect();
    assert!(gone.is_empty(), "finished runs are gone: {gone:?}");
}

/// All runs, of all pages.
fn runs(address: SocketAddr, token: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for number in 1.. {
        let mut page = page(address, token, number, PAGE);
        let runs = page["data"].as_array_mut().expect("a list of executions");
        let is_last = runs.len() < PAGE;
        all.append(runs);
        if is_last {
            break;
        }
    }
    all
}

fn page(address: SocketAddr, token: &str, number: usize, limit: usize) -> Value {
    let target = format!("/automation/executions?limit={limit}&page={number}");
    let reply = call(address, token, "GET", &target, "").expect("the platform answers");
    assert_eq!(reply.status, 200, "{reply:?}");
    serde_json::from_str(&reply.body).expect("an answer in JSON")
}

/// Sends from several threads until the process is killed, and collects the ids that were acknowledged.
fn under_load(
    round: usize,
    address: SocketAddr,
    process: Running,
    acknowledged: &Arc<Mutex<BTreeSet<String>>>,
    post: impl Fn(SocketAddr, &str) -> bool + Clone + Send + 'static,
) {
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (stop, acknowledged, post) =
                (Arc::clone(&stop), Arc::clone(acknowledged), post.clone());
            std::thread::spawn(move || {
                for n in 0.. {
                    let id = format!("{round}-{sender}-{n}");
                    if stop.load(Ordering::Relaxed) || !post(address, &id) {
                        return;
                    }
                    acknowledged.lock().unwrap().insert(id);
                }
            })
        })
        .collect();
    // A random moment, anywhere between the first commit and full load.
    let moment = Duration::from_micros(500 + spread(round) % 60_000);
    std::thread::park_timeout(moment);
    process.kill();
    stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.join().unwrap();
    }
}

/// A random number that differs between rounds and between runs of the test.
fn spread(round: usize) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(round)
}

fn wait_until_delivered(
    app: &App,
    acknowledged: &BTreeSet<String>,
    id: impl Fn(&Request) -> Option<String>,
) {
    let mut count = acknowledged.len();
    loop {
        let requests = app.wait_for(count);
        let delivered: BTreeSet<String> = requests.iter().filter_map(&id).collect();
        let missing = acknowledged.difference(&delivered).count();
        if missing == 0 {
            return;
        }
        count = requests.len() + 1;
    }
}

fn listen(sandbox: &Sandbox, app: &App) -> (Running, SocketAddr) {
    let target = app.url("/app");
    let mut listener = sandbox.spawn(["listen", &target, "--port", "0", "--retry", "-o", "json"]);
    let ready: Value =
        serde_json::from_str(&listener.wait_for_stderr("\"ready\"")).expect("a notice in JSON");
    let address = ready["url"]
        .as_str()
        .expect("the notice has the address")
        .trim_start_matches("http://")
        .parse()
        .unwrap();
    (listener, address)
}

fn dev(sandbox: &Sandbox) -> (Running, SocketAddr, String) {
    let mut platform = sandbox.spawn(["dev", "--port", "0", "--console-port", "0", "-o", "json"]);
    let _ = platform.wait_for_stderr("\"ready\"");
    let file = sandbox.home().join("state/dev.json");
    let running: Value =
        serde_json::from_slice(&std::fs::read(file).expect("the platform wrote where it is"))
            .unwrap();
    let address = running["url"]
        .as_str()
        .unwrap()
        .trim_start_matches("http://")
        .parse()
        .unwrap();
    (
        platform,
        address,
        running["token"].as_str().unwrap().to_owned(),
    )
}

fn flow(app: &App) -> String {
    json!({
        "name": "tell the app",
        "trigger": { "type": "contact.created" },
        "actions": [{ "type": "send_webhook", "config": { "url": app.url("/app"), "method": "POST" } }],
    })
    .to_string()
}

fn post_event(address: SocketAddr, id: &str) -> bool {
    let body = format!("{{\"type\":\"load\",\"id\":\"{id}\"}}");
    let headers = [("webhook-id", id)];
    exchange(address, "POST", "/hook", &headers, body.as_bytes())
        .is_some_and(|reply| reply.status == 202)
}

fn create_contact(address: SocketAddr, token: &str, id: &str) -> bool {
    let body = format!(
        "{{\"datatype\":\"contact\",\"isNew\":true,\"data\":{{\"key\":\"{id}\",\"email\":\"{id}@example.test\"}}}}"
    );
    call(address, token, "POST", "/repository/create", &body)
        .is_some_and(|reply| matches!(reply.status, 200 | 201))
}

fn call(address: SocketAddr, token: &str, method: &str, target: &str, body: &str) -> Option<Reply> {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("orgid", "my-org"),
        ("content-type", "application/json"),
    ];
    exchange(address, method, target, &headers, body.as_bytes())
}
