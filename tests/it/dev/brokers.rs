//! `evt dev --with`: servers of brokers, which end with the platform.

use serde_json::Value;

use crate::support::{Running, Sandbox, server};

/// Starts a platform with these brokers, and returns its first line of stdout. `None` if a program is missing.
fn start(sandbox: &Sandbox, with: &str) -> Option<Running> {
    let programs = [
        ("nats", "/usr/sbin/nats-server", "nats-server"),
        ("redis", "/usr/bin/redis-server", "redis-server"),
        (
            "rabbitmq",
            "/usr/lib/rabbitmq/bin/rabbitmq-server",
            "rabbitmq-server",
        ),
    ];
    for (_, path, package) in programs.iter().filter(|(name, ..)| with.contains(name)) {
        server::program(&[path], package)?;
    }
    let fixed = ["dev", "--port", "0", "--with", with, "-o", "json"];
    let mut running = sandbox.spawn(fixed);
    running.wait_until_ready();
    Some(running)
}

fn status(sandbox: &Sandbox) -> Value {
    let shown = sandbox.run(["dev", "status", "-o", "json"]).expect_exit(0);
    shown.json_lines().remove(0)
}

/// The state of a broker once it is not `starting` any more.
fn settled(sandbox: &Sandbox, name: &str) -> String {
    loop {
        let state = status(sandbox)["brokers"][name]["state"].clone();
        if state != "starting" {
            return state.as_str().unwrap().to_owned();
        }
    }
}

/// The processes that were started for the brokers of this sandbox.
fn servers(sandbox: &Sandbox) -> Vec<String> {
    let mark = format!("EVT_BROKERS={}", sandbox.home().display());
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
        if String::from_utf8_lossy(&environment).contains(&mark) {
            let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            found.push(name.trim().to_owned());
        }
    }
    found
}

fn wait_until_none_runs(sandbox: &Sandbox) {
    while !servers(sandbox).is_empty() {
        std::thread::yield_now();
    }
}

#[test]
fn servers_start_and_end_with_the_platform() {
    let sandbox = Sandbox::new();
    let Some(platform) = start(&sandbox, "nats,redis") else {
        return;
    };
    assert_eq!(settled(&sandbox, "nats"), "ready");
    assert_eq!(settled(&sandbox, "redis"), "ready");
    let environment = sandbox.run(["dev", "--print-env"]).expect_exit(0).stdout;
    assert!(
        environment.contains("EVT_NATS_URL='nats://evt:"),
        "{environment}"
    );
    assert!(
        environment.contains("EVT_REDIS_URL='redis://evt:"),
        "{environment}"
    );
    let shown = status(&sandbox)["brokers"].to_string();
    assert!(!shown.contains("evt:"), "a status has no password: {shown}");
    platform.interrupt();
    let _ = platform.finish().expect_exit(0);
    assert_eq!(servers(&sandbox), [""; 0]);
}

#[test]
fn servers_end_when_the_platform_is_killed() {
    let sandbox = Sandbox::new();
    let Some(platform) = start(&sandbox, "nats,redis") else {
        return;
    };
    assert_eq!(settled(&sandbox, "nats"), "ready");
    platform.kill();
    wait_until_none_runs(&sandbox);
}

#[test]
fn a_server_keeps_its_address_and_data() {
    let sandbox = Sandbox::new();
    let Some(platform) = start(&sandbox, "redis") else {
        return;
    };
    assert_eq!(settled(&sandbox, "redis"), "ready");
    let first = status(&sandbox)["brokers"]["redis"]["url"].clone();
    platform.interrupt();
    let _ = platform.finish();
    let _second = start(&sandbox, "redis").unwrap();
    assert_eq!(settled(&sandbox, "redis"), "ready");
    assert_eq!(status(&sandbox)["brokers"]["redis"]["url"], first);
}

#[test]
fn rabbitmq_starts_and_leaves_nothing_behind() {
    let sandbox = Sandbox::new();
    let Some(platform) = start(&sandbox, "rabbitmq") else {
        return;
    };
    assert_eq!(settled(&sandbox, "rabbitmq"), "ready");
    platform.interrupt();
    let _ = platform.finish().expect_exit(0);
    assert_eq!(servers(&sandbox), [""; 0]);
}

#[test]
fn a_broker_is_started_or_attached_but_not_both() {
    let sandbox = Sandbox::new();
    let refused = sandbox.run(["dev", "--with", "nats", "--nats", "nats://127.0.0.1:4222"]);
    let refused = refused.expect_exit(2);
    assert!(
        refused.stderr.contains("--with nats starts a server"),
        "{}",
        refused.stderr
    );
}

#[test]
fn an_attached_broker_that_is_missing_is_reported() {
    let sandbox = Sandbox::new();
    let port = crate::support::Absent::new();
    let url = format!("nats://{}", port.address());
    let mut platform = sandbox.spawn(["dev", "--port", "0", "--nats", &url, "-o", "json"]);
    platform.wait_until_ready();
    assert_eq!(settled(&sandbox, "nats"), "unreachable");
}
