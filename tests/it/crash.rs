//! `kill -9` at random moments under load: everything that was acknowledged is stored and delivered afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::support::app::Request;
use crate::support::raw::{Reply, exchange};
use crate::support::sandbox::Running;
use crate::support::{App, Sandbox};

/// Kills of each kind of process in one test.
const KILLS: usize = 30;
/// Runs on one page.
const PAGE: usize = 200;
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

/// Checks that no run that had ended has changed or disappeared. Reads all pages of runs.
fn check_finished(address: SocketAddr, token: &str, finished: &mut BTreeMap<String, Value>) {
    let mut seen = BTreeSet::new();
    for page in 1.. {
        let target = format!("/automation/executions?limit={PAGE}&page={page}");
        let reply = call(address, token, "GET", &target, "").expect("the platform answers");
        assert_eq!(reply.status, 200, "{reply:?}");
        let answer: Value = serde_json::from_str(&reply.body).expect("an answer in JSON");
        let runs = answer["data"].as_array().expect("a list of executions");
        for run in runs {
            let id = run["id"].as_str().expect("a run has an id").to_owned();
            seen.insert(id.clone());
            if let Some(before) = finished.get(&id) {
                assert_eq!(before, run, "a finished run changed");
            } else if run["completedAt"].is_string() {
                finished.insert(id, run.clone());
            }
        }
        if runs.len() < PAGE {
            break;
        }
    }
    let gone: Vec<_> = finished.keys().filter(|id| !seen.contains(*id)).collect();
    assert!(gone.is_empty(), "finished runs are gone: {gone:?}");
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
    serde_json::json!({
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
