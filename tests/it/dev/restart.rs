//! Restarts: stored data, locks, damage, seeds and full disks.

use evt::dev::{DevError, DevOptions};
use evt::store::StoreError;
use serde_json::{Value, json};

use super::wire::Platform;
#[cfg(unix)]
use super::wire::send;
use crate::support::App;
#[cfg(unix)]
use crate::support::{Running, Sandbox};

fn flow(url: &str) -> Value {
    json!({
        "name": "Notify",
        "trigger": {"type": "contact.created"},
        "actions": [{"type": "send_webhook", "config": {"url": url, "method": "POST"}}],
    })
}

#[test]
fn records_flows_and_secrets_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (record, id, secret, token) = {
        let platform = Platform::on(folder.path());
        let record = platform.create("contact", json!({"email": "a@example.com"}));
        let flow = platform.ask(
            "POST",
            "/automation/flows/create",
            &flow("http://127.0.0.1:9/"),
        );
        let id = flow.json()["id"].as_str().unwrap().to_owned();
        let running = platform.running();
        (
            record,
            id,
            running.webhook_secret.clone(),
            running.token.clone(),
        )
    };
    let platform = Platform::on(folder.path());
    assert_eq!(platform.running().webhook_secret, secret);
    let path = format!("/repository/get/contact/{}", record["sk"].as_str().unwrap());
    let again = platform.ask_as("my-org", &token, "GET", &path, &Value::Null);
    assert_eq!(again.json(), record);
    let kept = platform.ask("GET", &format!("/automation/flows/{id}"), &Value::Null);
    assert_eq!(kept.status, 200, "{kept:?}");
}

#[test]
fn a_waiting_delivery_is_sent_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::start();
    app.answer(crate::support::Answer::Status(503, String::new()));
    {
        let platform = Platform::on(folder.path());
        let created = platform.ask("POST", "/automation/flows/create", &flow(&app.url("/hook")));
        assert_eq!(created.status, 201, "{created:?}");
        platform.create("contact", json!({"email": "a@example.com"}));
        app.wait_for(1);
    }
    app.answer(crate::support::Answer::Status(200, String::new()));
    let platform = Platform::on(folder.path());
    let requests = app.wait_for(2);
    let id = |n: usize| requests[n].header("webhook-id").map(str::to_owned);
    assert_eq!(id(0), id(1), "a retry is the same message");
    drop(platform);
}

#[test]
fn modifydate_continues_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let create = |n: i32| {
        let platform = Platform::on(folder.path());
        platform.create("contact", json!({"n": n}))["modifydate"].clone()
    };
    let (first, second) = (create(1), create(2));
    assert!(second.as_str() > first.as_str(), "{first} {second}");
}

#[test]
fn a_data_folder_is_used_by_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Platform::on(folder.path());
    let options = DevOptions {
        data: Some(folder.path().to_owned()),
        ..DevOptions::default()
    };
    let Err(DevError::DataInUse { pid, .. }) = Platform::with(options) else {
        panic!("two platforms share a folder");
    };
    assert_eq!(pid, Some(std::process::id()));
}

#[test]
fn a_damaged_database_is_refused_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("platform.db");
    let garbage = vec![0x5a; 8192];
    std::fs::write(&database, &garbage).unwrap();
    let options = DevOptions {
        data: Some(folder.path().to_owned()),
        ..DevOptions::default()
    };
    let error = Platform::with(options).err().unwrap();
    assert!(
        matches!(error, DevError::Store(StoreError::Damaged { .. })),
        "{error:?}"
    );
    assert_eq!(std::fs::read(&database).unwrap(), garbage);
}

#[test]
fn a_seed_is_applied_once() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.yaml");
    let text = "records:\n  - datatype: contact\n    data: {email: a@example.com}\nflows:\n  - name: Notify\n    trigger: {type: contact.created}\n    actions: [{type: send_webhook, config: {url: 'http://127.0.0.1:9/', method: POST}}]\n";
    std::fs::write(&seed, text).unwrap();
    for _ in 0..2 {
        let options = DevOptions {
            data: Some(folder.path().join("data")),
            seed: Some(seed.clone()),
            ..DevOptions::default()
        };
        let platform = Platform::with(options).unwrap();
        let found = platform.ask("POST", "/repository/find/contact", &json!({}));
        assert_eq!(found.json()["total"], 1);
    }
}

/// The shell's limit on the size of a file simulates a full disk.
#[cfg(unix)]
#[test]
fn a_full_disk_is_reported_and_acknowledged_writes_are_stored() {
    let sandbox = Sandbox::new();
    let limited = "trap '' XFSZ; ulimit -f 1000; exec \"$0\" dev --port 0 -o json";
    let command = sandbox.command([""; 0]);
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", limited])
        .arg(command.get_program())
        .current_dir(sandbox.work());
    let variables = command.get_envs();
    shell.envs(variables.filter_map(|(name, value)| Some((name, value?))));
    shell
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut dev = Running::start(&mut shell);
    let mut address = ready(&mut dev);
    let text = "x".repeat(40_000);
    let mut acknowledged = Vec::new();
    let refused = (0..60).find_map(|number| {
        let body =
            json!({"datatype": "contact", "isNew": true, "data": {"number": number, "text": text}});
        let reply = send(
            address,
            "POST",
            "/repository/create",
            CALLER,
            &body.to_string(),
        );
        if reply.status != 201 {
            return Some(reply);
        }
        acknowledged.push(reply.json()["sk"].as_str().unwrap().to_owned());
        None
    });
    let refused = refused.expect("the disk fills up");
    // Above the limit the system reports "file too large" instead of "no space", which would be a 507.
    assert_eq!(refused.refusal(), (500, "storage_failed".to_owned()));
    assert!(!acknowledged.is_empty());
    dev.kill();
    let mut dev = sandbox.spawn(["dev", "--port", "0", "-o", "json"]);
    address = ready(&mut dev);
    for id in acknowledged {
        let path = format!("/repository/get/contact/{id}");
        assert_eq!(send(address, "GET", &path, CALLER, "").status, 200, "{id}");
    }
    let body = json!({"datatype": "contact", "isNew": true, "data": {"text": "again"}});
    let reply = send(
        address,
        "POST",
        "/repository/create",
        CALLER,
        &body.to_string(),
    );
    assert_eq!(reply.status, 201, "{reply:?}");
}

#[cfg(unix)]
const CALLER: &str =
    "orgid: my-org\r\nauthorization: Bearer x\r\ncontent-type: application/json\r\n";

#[cfg(unix)]
fn ready(dev: &mut Running) -> std::net::SocketAddr {
    let ready: Value = serde_json::from_str(&dev.wait_for_stderr("\"ready\"")).unwrap();
    let url = ready["url"].as_str().unwrap();
    url.trim_start_matches("http://").parse().unwrap()
}
