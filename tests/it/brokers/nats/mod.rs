//! NATS, with nats-server.

mod core;
mod crash;
mod interop;
mod refusals;
mod send;
mod stream;
mod tls;

use serde_json::Value;

use crate::support::nats::NatsServer;
use crate::support::{Output, Running, Sandbox};

/// Starts to follow a subject, and waits until it is subscribed.
fn tail(sandbox: &Sandbox, url: &str, args: &[&str]) -> Running {
    let mut all = vec!["tail", url, "-o", "json"];
    all.extend_from_slice(args);
    let mut tail = sandbox.spawn(all);
    tail.wait_for_stderr("\"connected\"");
    tail
}

fn run(sandbox: &Sandbox, url: &str, args: &[&str]) -> Output {
    let mut all = vec!["tail", url, "-o", "json"];
    all.extend_from_slice(args);
    sandbox.run(all)
}

/// The payloads of the printed records.
fn data(output: &Output) -> Vec<Value> {
    let lines = output.json_lines().into_iter();
    lines.map(|mut line| line["data"].take()).collect()
}

/// The notices with this name on stderr.
fn notices(output: &Output, name: &str) -> Vec<Value> {
    let lines = crate::support::sandbox::stderr_json(&output.stderr);
    lines.filter(|line| line["notice"] == name).collect()
}
