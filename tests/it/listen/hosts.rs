//! Which requests `evt listen` answers: those for its own host names, and none of web pages of other sites.

use std::net::SocketAddr;

use super::*;

/// A POST with these headers and no others.
fn ask(address: SocketAddr, target: &str, headers: &[&str]) -> Reply {
    let head = format!("POST {target} HTTP/1.1\r\nconnection: close\r\ncontent-length: 2\r\n");
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let request = format!("{head}{headers}\r\n{{}}");
    exchange_bytes(address, request.as_bytes()).expect("the listener answers")
}

fn error(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap_or_else(|error| panic!("{error}: {reply:?}"))
}

#[test]
fn a_request_for_another_host_is_reported_and_neither_stored_nor_forwarded() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let (listener, address) = start(&sandbox, &[&app.url("")]);
    // What a web page sends whose name now resolves to 127.0.0.1.
    let rebound = ask(address, "/hook", &["host: rebind.evil.test:4871"]);
    assert_eq!(rebound.status, 421, "{rebound:?}");
    let error = error(&rebound);
    assert_eq!(error["error"], "foreign_host");
    let advice = "evt listen --allow-host rebind.evil.test:4871";
    assert!(
        error["message"].as_str().unwrap().contains(advice),
        "{error}"
    );
    listener.interrupt();
    let output = listener.finish().expect_exit(0);
    assert!(output.stderr.contains("\"status\":421"), "{output}");
    let summary = output.notice("summary");
    assert_eq!(
        (&summary["refused"], &summary["received"]),
        (&1.into(), &0.into())
    );
    assert_eq!(output.stdout, "");
    assert!(app.requests().is_empty());
    let stored = sandbox.run(["events", "list", "-o", "json"]).expect_exit(0);
    assert_eq!(stored.stdout, "");
}

#[test]
fn hosts_are_accepted_by_allow_host_and_public_url() {
    let sandbox = Sandbox::new();
    let args = [
        "--allow-host",
        "host.docker.internal",
        "--allow-host",
        "*.tunnel.test",
        "--public-url",
        "https://hooks.example.test/in",
    ];
    let (_listener, address) = start(&sandbox, &args);
    for host in [
        "host.docker.internal:4871",
        "a.tunnel.test",
        "hooks.example.test",
        "localhost:1",
        "[::1]:4871",
    ] {
        assert_eq!(
            ask(address, "/", &[&format!("host: {host}")]).status,
            200,
            "{host}"
        );
    }
    assert_eq!(ask(address, "/", &["host: tunnel.test"]).status, 421);
}

#[test]
fn every_form_of_naming_another_host_is_refused() {
    let sandbox = Sandbox::new();
    let (_listener, address) = start(&sandbox, &[]);
    for (target, headers, status) in [
        ("/", &[][..], 400),
        ("/", &["host: localhost", "host: evil.test"], 400),
        ("/", &["host:"], 421),
        ("/", &["host: localhost:x"], 421),
        ("/", &["host: u@localhost"], 421),
        ("/", &["host: 127.0.0.1.evil.test"], 421),
        ("http://evil.test/", &["host: localhost"], 421),
        ("http://localhost/", &["host: evil.test"], 421),
        ("http://localhost/", &["host: localhost"], 200),
    ] {
        let reply = ask(address, target, headers);
        assert_eq!(reply.status, status, "{target} {headers:?}");
    }
    let old = exchange_bytes(address, b"GET / HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(old.status, 421, "{old:?}");
}

#[test]
fn a_simple_post_of_a_web_page_does_not_reach_the_app() {
    let sandbox = Sandbox::new();
    let app = App::start();
    let allowed = ["--allow-host", "localhost:5173"];
    let (_listener, address) = start(&sandbox, &[&[&*app.url("")][..], &allowed].concat());
    let host = format!("host: {address}");
    for headers in [
        &["origin: https://evil.test", "sec-fetch-site: cross-site"][..],
        &["origin: null", "sec-fetch-site: cross-site"],
        &["sec-fetch-site: cross-site"],
        &["sec-fetch-site: same-site"],
        &["origin: http://localhost:3000", "sec-fetch-site: same-site"],
        // Browsers that do not send Sec-Fetch-Site.
        &["origin: https://evil.test"],
    ] {
        let headers = [&[&*host][..], headers].concat();
        let reply = ask(address, "/", &headers);
        assert_eq!(
            (reply.status, &error(&reply)["error"]),
            (403, &"foreign_origin".into())
        );
    }
    assert!(app.requests().is_empty());
    let page = ["origin: http://localhost:5173", "sec-fetch-site: same-site"];
    let own = ["origin: http://127.0.0.1", "sec-fetch-site: same-origin"];
    assert_eq!(
        ask(address, "/", &[&[&*host][..], &page].concat()).status,
        200
    );
    assert_eq!(
        ask(address, "/", &[&["host: 127.0.0.1"][..], &own].concat()).status,
        200
    );
}

#[test]
fn a_refused_host_is_escaped() {
    let sandbox = Sandbox::new();
    let mut listener = sandbox.spawn(["listen", "--port", "0", "-o", "text"]);
    let ready = listener.wait_for_stderr("Listening on");
    let address = ready
        .rsplit("http://")
        .next()
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let reply = ask(address, "/", &["host: \u{9b}31m\u{202e}"]);
    assert_eq!(reply.status, 421);
    let reply = ask(address, "/", &["host: evil;$(reboot)"]);
    assert!(reply.body.contains("--allow-host NAME"), "{reply:?}");
    let shown = listener.wait_for_stderr("reboot");
    assert!(
        !shown.contains(['\u{1b}', '\u{9b}', '\u{202e}']),
        "{shown:?}"
    );
}

#[test]
fn allowing_every_host_prints_a_warning() {
    let sandbox = Sandbox::new();
    let (mut listener, address) = start(&sandbox, &["--allow-host", "*"]);
    listener.wait_for_stderr("any web page");
    assert_eq!(ask(address, "/", &["host: evil.test"]).status, 200);
}

#[test]
fn a_project_cannot_allow_hosts() {
    let sandbox = Sandbox::new();
    sandbox.write("evt.toml", "listen.allow-host = [\"*\"]\n");
    let output = sandbox.run(["listen", "--port", "0"]).expect_exit(2);
    assert!(output.stderr.contains("not_in_project"), "{output}");
}
