//! `evt events` on the real binary.

mod answers;
mod exchange;
#[cfg(target_os = "linux")]
mod full_disk;
mod list;
mod prune;
mod replay;
mod retention;
mod verify;

use std::io::Write;
use std::net::TcpStream;

use crate::support::app::Answer;
use crate::support::{Absent, App, Output, Sandbox};

/// JSON with white space, escapes and digits that a careless copy changes.
const ODD: &[u8] = b"{  \"url\": \"https:\\/\\/a.test\\/x\", \"amount\": 10.00, \"n\": 12345678901234567890, \"name\": \"Zo\xc3\xab\\u00e9\" }\n";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Imports events from exported lines, which needs no network. The same line can be imported several times.
fn import(sandbox: &Sandbox, lines: &[String]) {
    let text = lines.join("\n");
    let output = sandbox.run_with_input(["events", "import", "-", "--again"], text.as_bytes());
    let _ = output.expect_exit(0);
}

/// An exported event with this type, outcome and body.
fn line(kind: &str, outcome: &str, body: &str) -> String {
    serde_json::json!({
        "received_at": "2026-04-25T10:00:00.000Z",
        "transport": "http",
        "type": kind,
        "method": "POST",
        "target": "/hook?a=1",
        "outcome": outcome,
        "headers": [["content-type", "application/json"], ["authorization", "Bearer very-secret-9f2c"]],
        "body": body,
    })
    .to_string()
}

/// Sends `ODD` with a valid signature, and stores the event.
fn send_odd(sandbox: &Sandbox, to: &str) -> Output {
    let path = sandbox.write("odd.json", ODD);
    let body = format!("@{}", path.display());
    let sign = ["--sign", "standard-webhooks", "--secret", SECRET];
    sandbox.run(["send", &body, "--to", to].into_iter().chain(sign))
}

/// The references of the lines that name an event.
fn refs_of_events(output: &Output) -> Vec<String> {
    let lines = output.json_lines();
    let refs = lines.iter().filter_map(|line| line["ref"].as_str());
    refs.map(str::to_owned).collect()
}

fn refs(output: &Output) -> Vec<String> {
    let lines = output.json_lines();
    let text = |line: &serde_json::Value| line["ref"].as_str().unwrap().to_owned();
    lines.iter().map(text).collect()
}
