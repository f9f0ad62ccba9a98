//! Which connections go through a proxy, and how it is asked.

use std::net::SocketAddr;

use super::Remote;
use super::servers::{Authority, Behaviour, Identity, Proxy, Tls, secure};
use crate::support::{App, Sandbox, SseServer, Step};

const TUNNEL: &str = "CONNECT example.test:443";

#[test]
fn the_api_goes_through_the_proxy() {
    let remote = Remote::start();
    let words = remote.args(&["records", "create", "contact", "email=ada@example.com"]);
    let _ = remote.sandbox.run(words).expect_exit(0);
    let words = remote.args(&["records", "list", "contact"]);
    let output = remote.sandbox.run(words).expect_exit(0);
    assert!(output.stdout.contains("ada@example.com"), "{output}");
    assert_eq!(remote.proxy.seen(), [TUNNEL, TUNNEL]);
}

#[test]
fn polling_goes_through_the_proxy() {
    let remote = Remote::start();
    let words = remote.args(&["records", "create", "contact", "email=ada@example.com"]);
    let _ = remote.sandbox.run(words).expect_exit(0);
    let words = remote.args(&["poll", "contact"]);
    let output = remote.sandbox.run(words).expect_exit(0);
    assert!(output.stdout.contains("ada@example.com"), "{output}");
    assert!(remote.proxy.seen().len() > 1);
}

#[test]
fn socket_io_goes_through_the_proxy_with_both_transports() {
    for transport in ["websocket", "polling"] {
        let remote = Remote::start();
        let words = [
            "tail",
            "--gateway",
            "chat",
            "--count",
            "1",
            "--transport",
            transport,
        ];
        let output = remote.sandbox.run(remote.args(&words)).expect_exit(0);
        assert_eq!(output.json_lines()[0]["type"], "authenticate", "{output}");
        let seen = remote.proxy.seen();
        assert!(
            !seen.is_empty() && seen.iter().all(|line| line == TUNNEL),
            "{seen:?}"
        );
    }
}

#[test]
fn an_agent_s_answer_goes_through_the_proxy() {
    let remote = Remote::start();
    let words = remote.args(&["tail", "--agent", "assistant", "hello", "-o", "raw"]);
    let output = remote.sandbox.run(words).expect_exit(0);
    assert!(output.stdout.ends_with("{\"type\":\"end\"}\n"), "{output}");
    assert!(remote.proxy.seen().iter().all(|line| line == TUNNEL));
}

/// A WebSocket server that sends one message.
fn websocket() -> SocketAddr {
    use tokio_tungstenite::tungstenite::{Message, accept};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut socket = accept(stream).unwrap();
        socket.send(Message::text("hello")).unwrap();
        while socket.read().is_ok() {}
    });
    address
}

#[test]
fn a_websocket_gets_a_tunnel_with_and_without_tls() {
    let authority = Authority::new();
    let identity = authority.issue(&["example.test"]);
    let server = secure(&identity, websocket(), &Tls::default());
    let proxy = Proxy::to(server.address);
    let sandbox = Sandbox::new().with("HTTPS_PROXY", proxy.url());
    sandbox.write("ca.pem", &authority.pem);
    let words = [
        "tail",
        "wss://example.test/",
        "--count",
        "1",
        "-o",
        "raw",
        "--ca",
        "ca.pem",
    ];
    assert_eq!(sandbox.run(words).expect_exit(0).stdout, "hello\n");
    assert_eq!(proxy.seen(), [TUNNEL]);

    let proxy = Proxy::to(websocket());
    let sandbox = Sandbox::new().with("http_proxy", proxy.url());
    let words = ["tail", "ws://example.test/", "--count", "1", "-o", "raw"];
    assert_eq!(sandbox.run(words).expect_exit(0).stdout, "hello\n");
    assert_eq!(proxy.seen(), ["CONNECT example.test:80"]);
}

#[test]
fn a_plain_event_stream_is_requested_with_its_whole_url() {
    let events = "data: {\"n\":1}\n\n";
    let server = SseServer::start(vec![vec![Step::events(), Step::chunk(events), Step::Hold]]);
    let address = server
        .url("")
        .trim_start_matches("http://")
        .parse()
        .unwrap();
    let proxy = Proxy::to(address);
    let sandbox = Sandbox::new().with("ALL_PROXY", proxy.url());
    let words = [
        "tail",
        "http://feed.test/events?x=1",
        "--count",
        "1",
        "-o",
        "raw",
    ];
    assert_eq!(sandbox.run(words).expect_exit(0).stdout, "{\"n\":1}\n");
    assert_eq!(proxy.seen(), ["GET http://feed.test/events?x=1"]);
    let request = server.requests().swap_remove(0);
    assert_eq!(request.header("host"), Some("feed.test"));
    assert_eq!(request.header("proxy-authorization"), None);
}

#[test]
fn a_plain_request_is_sent_with_its_whole_url_and_the_credentials() {
    let app = App::start();
    let login = Behaviour {
        login: Some("ada:p@ss"),
        ..Behaviour::default()
    };
    let proxy = Proxy::with(app.address(), login);
    let url = format!("http://ada:p%40ss@{}", proxy.address());
    let sandbox = Sandbox::new().with("http_proxy", url);
    let _ = sandbox
        .run([
            "send",
            "contact.created",
            "--to",
            "http://app.test:8080/hook",
        ])
        .expect_exit(0);
    assert_eq!(proxy.seen(), ["POST http://app.test:8080/hook"]);
    let request = app.wait_for(1).swap_remove(0);
    assert_eq!(request.header("host"), Some("app.test:8080"));
    let many = [
        "send",
        "contact.created",
        "--to",
        "http://app.test/x",
        "--times",
        "2",
    ];
    let _ = sandbox.run(many).expect_exit(0);
    assert_eq!(app.wait_for(3).len(), 3);
    let replay = ["events", "replay", "@last", "--to", "http://app.test/again"];
    let _ = sandbox.run(replay).expect_exit(0);
    assert_eq!(proxy.seen().last().unwrap(), "POST http://app.test/again");
}

#[test]
fn a_tunnel_gets_the_credentials_and_the_target_does_not() {
    let app = App::start();
    let authority = Authority::new();
    let server = secure(
        &authority.issue(&["app.test"]),
        app.address(),
        &Tls::default(),
    );
    let login = Behaviour {
        login: Some("ada:secret"),
        ..Behaviour::default()
    };
    let proxy = Proxy::with(server.address, login);
    let url = format!("http://ada:secret@{}", proxy.address());
    let sandbox = Sandbox::new().with("HTTPS_PROXY", url);
    sandbox.write("ca.pem", &authority.pem);
    let words = [
        "send",
        "contact.created",
        "--to",
        "https://app.test/hook",
        "--ca",
        "ca.pem",
    ];
    let _ = sandbox.run(words).expect_exit(0);
    assert_eq!(proxy.seen(), ["CONNECT app.test:443"]);
    let request = app.wait_for(1).swap_remove(0);
    assert_eq!(request.header("proxy-authorization"), None);
}

#[test]
fn forwards_of_a_listener_go_through_the_proxy() {
    for retry in [false, true] {
        let app = App::start();
        let proxy = Proxy::to(app.address());
        let sandbox = Sandbox::new().with("HTTP_PROXY", proxy.url());
        let mut words = vec!["listen", "http://app.test/in", "--port", "0", "-o", "json"];
        words.extend(retry.then_some("--retry"));
        let mut listener = sandbox.spawn(words);
        let to = format!("http://{}/", listener.wait_until_ready());
        let _ = sandbox
            .run(["send", "contact.created", "--to", &to])
            .expect_exit(0);
        assert_eq!(app.wait_for(1).len(), 1);
        assert_eq!(proxy.seen(), ["POST http://app.test/in"]);
    }
}

#[test]
fn forwards_of_a_stream_go_through_the_proxy() {
    let app = App::start();
    let proxy = Proxy::to(app.address());
    let events = "data: {\"n\":1}\n\n";
    let feed = SseServer::start(vec![vec![Step::events(), Step::chunk(events), Step::end()]]);
    let sandbox = Sandbox::new().with("HTTP_PROXY", proxy.url());
    let url = feed.url("/");
    let words = [
        "tail",
        &url,
        "--until-end",
        "--forward",
        "http://app.test/in",
    ];
    let _ = sandbox.run(words).expect_exit(0);
    assert_eq!(app.requests()[0].body, b"{\"n\":1}");
    assert_eq!(proxy.seen(), ["POST http://app.test/in"]);
}

#[test]
#[cfg(unix)]
fn webhooks_of_a_local_platform_go_through_the_proxy() {
    let app = App::start();
    let proxy = Proxy::to(app.address());
    let sandbox = Sandbox::new().with("HTTP_PROXY", proxy.url());
    let mut dev = sandbox.spawn(["dev", "--port", "0", "-o", "json"]);
    dev.wait_for_stderr("\"ready\"");
    let webhook = "http://app.test/hook";
    let flow = [
        "flows",
        "create",
        "--on",
        "contact.created",
        "--webhook",
        webhook,
    ];
    let _ = sandbox.run(flow).expect_exit(0);
    let record = ["records", "create", "contact", "email=ada@example.com"];
    let _ = sandbox.run(record).expect_exit(0);
    assert_eq!(app.wait_for(1)[0].target, "/hook");
    assert_eq!(proxy.seen(), ["POST http://app.test/hook"]);
    dev.interrupt();
    let _ = dev.finish().expect_exit(0);
}

#[test]
fn socks_passes_the_name_or_the_address() {
    let app = App::start();
    let login = Behaviour {
        login: Some("ada:secret"),
        ..Behaviour::default()
    };
    let proxy = Proxy::with(app.address(), login);
    let url = format!("socks5h://ada:secret@{}", proxy.address());
    let sandbox = Sandbox::new().with("ALL_PROXY", url);
    let words = ["send", "contact.created", "--to", "http://app.test:81/hook"];
    let _ = sandbox.run(words).expect_exit(0);
    assert_eq!(proxy.seen(), ["SOCKS app.test:81"]);

    let proxy = Proxy::to(app.address());
    let sandbox = Sandbox::new().with("ALL_PROXY", format!("socks5://{}", proxy.address()));
    let words = ["send", "contact.created", "--to", "http://192.0.2.1/hook"];
    let _ = sandbox.run(words).expect_exit(0);
    assert_eq!(proxy.seen(), ["SOCKS 192.0.2.1:80"]);
}

#[test]
fn a_proxy_can_be_reached_with_tls() {
    let app = App::start();
    let proxy = Proxy::to(app.address());
    let identity = Identity::self_signed(&["localhost"], "x");
    let server = secure(&identity, proxy.address(), &Tls::default());
    let sandbox = Sandbox::new().with(
        "HTTP_PROXY",
        format!("https://localhost:{}", server.address.port()),
    );
    sandbox.write("ca.pem", &identity.certificate);
    let words = [
        "send",
        "contact.created",
        "--to",
        "http://app.test/hook",
        "--ca",
        "ca.pem",
    ];
    let _ = sandbox.run(words).expect_exit(0);
    assert_eq!(proxy.seen(), ["POST http://app.test/hook"]);
}

#[test]
fn this_machine_and_excluded_hosts_are_reached_directly() {
    let app = App::start();
    let sandbox = Sandbox::new().with("ALL_PROXY", "http://127.0.0.1:1");
    let port = app.address().port();
    for host in ["127.0.0.1", "localhost", "127.1"] {
        let to = format!("http://{host}:{port}/");
        let _ = sandbox
            .run(["send", "contact.created", "--to", &to])
            .expect_exit(0);
    }
    let sandbox = sandbox.with("no_proxy", "192.0.2.0/24,.excluded.invalid");
    let to = "http://a.excluded.invalid/";
    let output = sandbox
        .run(["send", "contact.created", "--to", to])
        .expect_exit(5);
    assert!(output.stderr.contains("name_not_found"), "{output}");
}

#[test]
fn the_flag_replaces_the_variables() {
    let app = App::start();
    let proxy = Proxy::to(app.address());
    let sandbox = Sandbox::new().with("ALL_PROXY", "http://127.0.0.1:1");
    let url = proxy.url();
    let words = [
        "send",
        "contact.created",
        "--to",
        "http://app.test/",
        "--proxy",
        &url,
    ];
    let _ = sandbox.run(words).expect_exit(0);
    let words = [
        "send",
        "contact.created",
        "--to",
        "http://app.invalid/",
        "--proxy",
        "none",
    ];
    let output = sandbox.run(words).expect_exit(5);
    assert!(output.stderr.contains("name_not_found"), "{output}");
}

/// Sends an event to `to` through a proxy that answers with these bytes.
fn refused(answer: &'static str, to: &str) -> String {
    let behaviour = Behaviour {
        answer: Some(answer),
        ..Behaviour::default()
    };
    let proxy = Proxy::with(([127, 0, 0, 1], 1).into(), behaviour);
    let sandbox = Sandbox::new().with("ALL_PROXY", proxy.url());
    sandbox
        .run(["send", "contact.created", "--to", to])
        .expect_exit(5)
        .stderr
}

#[test]
fn a_refused_tunnel_is_reported_with_status_and_body_escaped() {
    let answer = "HTTP/1.1 403 Forbidden\r\ncontent-length: 12\r\n\r\nno \x1b[31mway!";
    let error = refused(answer, "https://app.test/");
    assert!(error.contains("403 Forbidden"), "{error}");
    assert!(error.contains("proxy_failed"), "{error}");
    assert!(error.contains("way!") && !error.contains('\x1b'), "{error}");
}

#[test]
fn a_proxy_that_requires_credentials_is_reported_for_tunnels_and_plain_requests() {
    let answer = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
    for to in ["https://app.test/", "http://app.test/"] {
        let error = refused(answer, to);
        assert!(error.contains("requires credentials"), "{error}");
        assert!(error.contains("export ALL_PROXY="), "{error}");
    }
}

#[test]
fn a_proxy_that_is_not_there_is_named_without_its_password() {
    let sandbox = Sandbox::new().with("HTTPS_PROXY", "http://ada:hunter2@127.0.0.1:1");
    let words = ["send", "contact.created", "--to", "https://app.test/"];
    let output = sandbox.run(words).expect_exit(5);
    assert!(output.stderr.contains("http://127.0.0.1:1"), "{output}");
    assert!(output.stderr.contains("HTTPS_PROXY"), "{output}");
    assert!(!output.stderr.contains("hunter2"), "{output}");
}

#[test]
fn an_invalid_proxy_is_a_usage_error_without_its_password() {
    let sandbox = Sandbox::new().with("HTTPS_PROXY", "ftp://ada:hunter2@proxy.test");
    let words = ["send", "contact.created", "--to", "https://app.test/"];
    let output = sandbox.run(words).expect_exit(2);
    assert!(output.stderr.contains("bad_proxy"), "{output}");
    assert!(!output.stderr.contains("hunter2"), "{output}");
    let words = [
        "send",
        "a.b",
        "--to",
        "https://a.test",
        "--proxy",
        "ftp://ada:hunter2@p",
    ];
    let output = Sandbox::new().run(words).expect_exit(2);
    assert!(!output.stderr.contains("hunter2"), "{output}");
}

#[test]
fn a_stream_reports_the_proxy_that_refuses_it() {
    let behaviour = Behaviour {
        answer: Some("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"),
        ..Behaviour::default()
    };
    let proxy = Proxy::with(([127, 0, 0, 1], 1).into(), behaviour);
    let sandbox = Sandbox::new().with("ALL_PROXY", proxy.url());
    for url in ["https://a.test/", "wss://a.test/", "ws://a.test/"] {
        let output = sandbox.run(["tail", url]).expect_exit(5);
        assert!(output.stderr.contains("403 Forbidden"), "{url} {output}");
    }
}
