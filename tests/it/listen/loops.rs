//! Events that return to their sender: every loop ends, with a reason.

use std::net::{Ipv6Addr, TcpListener};

use super::*;
use crate::support::LocalPlatform;

/// A port on which nothing listens.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn the_listeners_own_address_is_refused_as_a_target() {
    let sandbox = Sandbox::new();
    let port = free_port().to_string();
    for target in [
        "PORT",
        ":PORT/hook",
        "localhost:PORT",
        "127.0.0.1:PORT",
        "http://[::1]:PORT/",
        "http://0.0.0.0:PORT",
    ] {
        let target = target.replace("PORT", &port);
        let output = sandbox
            .run(["listen", &target, "--port", &port])
            .expect_exit(2);
        assert!(
            output.stderr.contains("target_is_listener") && output.stderr.contains("itself"),
            "{output}"
        );
    }
    let route = format!("/in*=localhost:{port}");
    let output = sandbox.run(["listen", "3000", "--port", &port, "--route", &route]);
    assert!(output.stderr.contains("target_is_listener"), "{output}");
    let public = ["--public-url", "https://hooks.example.test"];
    let args = ["listen", "https://hooks.example.test/x", "--port", &port];
    let output = sandbox.run(args.iter().chain(&public)).expect_exit(2);
    assert!(output.stderr.contains("target_is_listener"), "{output}");
}

#[test]
fn a_forwarded_event_has_one_hop_more_and_is_stored_as_received() {
    let sandbox = Sandbox::new();
    let app = App::start();
    for (nth, more) in [(1, &[][..]), (2, &["--retry"])] {
        let (mut listener, address) = start(&sandbox, &[&[&*app.url("")][..], more].concat());
        let hops = [("x-evt-hops", "3".to_owned())];
        assert!(post(address, &hops, "{}").status < 300);
        let event = line(&mut listener, nth);
        app.wait_for(nth as usize);
        let reference = event["ref"].as_str().unwrap().to_owned();
        listener.interrupt();
        let _ = listener.finish();
        let shown = sandbox.run(["events", "show", &reference, "-o", "text"]);
        assert!(shown.stdout.contains("x-evt-hops: 3"), "{shown}");
    }
    for request in app.requests() {
        assert_eq!(request.header("x-evt-hops"), Some("4"));
    }
}

#[test]
fn an_event_that_has_used_up_its_hops_is_answered_with_508() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let (mut listener, address) = start(&sandbox, &[&app.url("")]);
    let reply = post(address, &[("x-evt-hops", "8".to_owned())], "{}");
    assert_eq!(reply.status, 508, "{reply:?}");
    assert!(reply.body.contains("loop_detected"), "{reply:?}");
    listener.wait_for_stderr("in a loop");
    assert!(app.requests().is_empty());
}

/// Two listeners that forward to each other, and what both have printed when the loop has ended.
fn circle(more: &[&str], ends_with: &str) -> usize {
    let (one, other) = (Sandbox::new(), Sandbox::new());
    // Bound until the second listener starts, so that no other test gets the port.
    let port = free_port();
    let target = format!("127.0.0.1:{port}");
    let (mut first, address) = start(&one, &[&[&*target][..], more].concat());
    let back = address.to_string();
    let port = port.to_string();
    let args = ["listen", &back, "--port", &port, "-o", "json"];
    let mut second = other.spawn(args.iter().chain(more));
    second.wait_until_ready();
    let _ = post(address, &[], "{}");
    if ends_with == "refused" {
        first.wait_for_stderr("in a loop");
    } else {
        second.wait_for_stderr(ends_with);
    }
    let count = |listener: Running| {
        listener.interrupt();
        listener.finish().json_lines().len()
    };
    count(first) + count(second)
}

#[test]
fn two_listeners_that_forward_to_each_other_stop() {
    assert_eq!(circle(&[], "refused"), 8);
}

#[test]
fn two_listeners_that_retry_stop_without_retries() {
    assert_eq!(circle(&["--retry"], "\"dead\""), 8);
}

#[test]
fn a_flow_that_calls_its_own_receiver_stops_with_a_reason() {
    let sandbox = Sandbox::new();
    let platform = LocalPlatform::start(&sandbox);
    let receiver = format!("{}/banking/webhook", platform.running.url);
    let create = [
        "flows",
        "create",
        "--on",
        "transfer.settled",
        "--name",
        "echo",
    ];
    let _ = sandbox
        .run(create.iter().copied().chain(["--webhook", &receiver]))
        .expect_exit(0);
    let address = platform
        .running
        .url
        .trim_start_matches("http://")
        .parse()
        .unwrap();
    let json = [("content-type", "application/json")];
    let body = b"{\"event\":\"transfer.settled\"}";
    let reply = exchange(address, "POST", "/banking/webhook", &json, body).unwrap();
    assert_eq!(reply.status, 200, "{reply:?}");
    let runs = ended_runs(&sandbox, "echo");
    assert_eq!(runs.len(), 7, "{runs:?}");
    assert_loop(&runs[6]);
}

#[test]
fn a_record_made_by_a_flows_own_request_counts_as_its_effect() {
    let sandbox = Sandbox::new();
    let platform = LocalPlatform::start(&sandbox);
    let running = &platform.running;
    let flow = format!(
        "\
name: echo
trigger:
  type: contact.created
actions:
  - type: send_webhook
    config:
      url: {}/repository/create/contact
      headers: {{ orgid: {}, Authorization: Bearer {} }}
      body: {{ isNew: true, data: {{ email: '{{{{contact.sk}}}}@example.test' }} }}
",
        running.url, running.org, running.token
    );
    sandbox.write("echo.yaml", flow);
    let _ = sandbox
        .run(["flows", "create", "-f", "echo.yaml"])
        .expect_exit(0);
    let _ = sandbox
        .run(["records", "create", "contact", "email=ada@example.test"])
        .expect_exit(0);
    let runs = ended_runs(&sandbox, "echo");
    assert_eq!(runs.len(), 7, "{runs:?}");
    assert_loop(&runs[6]);
}

fn assert_loop(run: &Value) {
    let reason = run["reason"].as_str().unwrap_or_default();
    assert!(
        run["status"] == "blocked" && reason.contains("loop"),
        "{run}"
    );
}

/// The flow's runs, oldest first, when one of them has ended without success.
fn ended_runs(sandbox: &Sandbox, flow: &str) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let runs = sandbox
            .run(["flows", "runs", flow, "-o", "json"])
            .expect_exit(0);
        let runs = runs.json_lines();
        let has_ended = |run: &Value| run["status"] == "blocked" || run["status"] == "failed";
        if runs.iter().any(has_ended) {
            return runs;
        }
        assert!(Instant::now() < deadline, "{runs:?}");
    }
}

#[test]
fn an_app_on_the_other_loopback_address_is_reached() {
    let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else {
        return;
    };
    let port = listener.local_addr().unwrap().port();
    let app = App::on(listener);
    let sandbox = Sandbox::new();
    for target in [format!("{port}"), format!("localhost:{port}")] {
        let (_listener, address) = start(&sandbox, &[&target]);
        assert_eq!(post(address, &[], "{}").status, 200, "{target}");
    }
    assert_eq!(app.requests().len(), 2);
}

#[test]
fn an_app_on_no_loopback_address_is_named_with_both() {
    let sandbox = Sandbox::new();
    let target = Absent::new().address().port().to_string();
    let args = ["send", "contact.created", "--sign", "none", "--to", &target];
    let output = sandbox.run(args).expect_exit(5);
    assert!(
        output.stderr.contains("127.0.0.1:") && output.stderr.contains("[::1]:"),
        "{output}"
    );
}
