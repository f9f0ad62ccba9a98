//! The clients of npm and PyPI publish for evt, and read what evt publishes.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{NatsServer, data, run, tail};
use crate::support::{Node, Output, Python, Running, Sandbox};

/// A client: its name, and the command that runs its script.
type Client = (&'static str, fn() -> Option<Command>);

const CLIENTS: [Client; 2] = [("npm", npm), ("pypi", pypi)];

fn npm() -> Option<Command> {
    Node::is_installed().then(|| script("node", "nats_client.mjs"))
}

fn pypi() -> Option<Command> {
    let mut command = Python::install()?.command("python");
    command.arg(folder().join("nats_client.py"));
    Some(command)
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop"))
}

fn script(program: &str, name: &str) -> Command {
    let mut command = Command::new(program);
    command.arg(folder().join(name));
    command
}

/// Starts the script of a client.
fn start(mut command: Command, server: &NatsServer, args: &[&str]) -> Running {
    command
        .arg(server.url("").trim_end_matches('/'))
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Running::start(&mut command)
}

/// Runs the test for each client that is installed.
fn each(test: impl Fn(&NatsServer, &str, &dyn Fn(&[&str]) -> Running)) {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    for (name, command) in CLIENTS {
        if command().is_some() {
            test(server, name, &|args| {
                start(command().unwrap(), server, args)
            });
        }
    }
}

fn finished(client: Running) -> Output {
    client.finish().expect_exit(0)
}

#[test]
fn messages_of_other_clients_are_printed() {
    each(|server, name, client| {
        let sandbox = Sandbox::new();
        let subject = format!("{name}.to.evt");
        let tail = tail(
            &sandbox,
            &server.url(&format!("{name}.>")),
            &["--count", "3"],
        );
        let _ = finished(client(&["publish", &subject]));
        let lines = tail.finish().expect_exit(0).json_lines();
        assert_eq!(lines[0]["data"], json!({ "n": 1 }));
        assert_eq!(lines[0]["headers"]["a"], "1", "{name}");
        assert_eq!(lines[0]["channel"], subject.as_str());
        assert_eq!(lines[1]["data"]["base64"], "/wA=", "{name}");
        assert_eq!(lines[2]["headers"]["nats-reply-to"], "in.box", "{name}");
    });
}

#[test]
fn other_clients_receive_what_is_sent() {
    each(|server, name, client| {
        let sandbox = Sandbox::new();
        let subject = format!("evt.to.{name}");
        let mut follower = client(&["follow", &subject]);
        follower.wait_for_stdout("ready");
        let to = server.url(&subject);
        let sent = sandbox.run(["send", "contact.created", "--to", &to, "-o", "json"]);
        let id = sent.expect_exit(0).json_lines()[0]["id"].clone();
        let received = &finished(follower).json_lines()[1];
        assert_eq!(received["subject"], subject.as_str());
        assert_eq!(
            (&received["id"], &received["type"]),
            (&id, &json!("application/json"))
        );
        let data: Value = serde_json::from_str(received["data"].as_str().unwrap()).unwrap();
        assert_eq!(data["event"], "contact.created", "{name}");
    });
}

#[test]
fn streams_are_shared_with_other_clients() {
    each(|server, name, client| {
        let sandbox = Sandbox::new();
        let stream = format!("shared-{name}");
        server
            .client()
            .create_stream(&stream, &[&stream], json!({}));
        let url = server.url(&format!("{stream}?stream={stream}"));
        let sent = sandbox.run(["send", "contact.created", "--to", &url, "-o", "json"]);
        assert_eq!(sent.expect_exit(0).json_lines()[0]["confirmed"], true);
        let read = &finished(client(&["read", &stream])).json_lines()[0];
        assert_eq!(read["seq"], 1, "{name}");
        let _ = finished(client(&["store", &stream, "100"]));
        let flags = ["--start", "2", "--count", "100"];
        let output = run(&sandbox, &url, &flags).expect_exit(0);
        let expected: Vec<Value> = (1..=100).map(|n| json!({ "n": n })).collect();
        assert_eq!(data(&output), expected, "{name}");
    });
}
