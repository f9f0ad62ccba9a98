//! The control port: access, and its routes.

use serde_json::{Value, json};

use super::wire::{Platform, Reply, exchange};

fn ask(platform: &Platform, head: &str) -> Reply {
    exchange(
        platform.control(),
        format!("{head}connection: close\r\n\r\n").as_bytes(),
    )
}

fn status(platform: &Platform, host: &str, more: &str) -> Reply {
    let token = &platform.running().control_token;
    let head = format!(
        "GET /_evt/status HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n{more}"
    );
    ask(platform, &head)
}

#[test]
fn the_three_names_of_loopback_are_accepted() {
    let platform = Platform::start();
    let port = platform.control().port();
    for name in ["127.0.0.1", "localhost", "[::1]"] {
        assert_eq!(
            status(&platform, &format!("{name}:{port}"), "").status,
            200,
            "{name}"
        );
    }
}

#[test]
fn eleven_foreign_hosts_are_refused() {
    let platform = Platform::start();
    let port = platform.control().port();
    let hosts = [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        "127.0.0.1".to_owned(),
        format!("127.0.0.1:{}", platform.address().port()),
        format!("127.0.0.1.evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        format!("a@127.0.0.1:{port}"),
        format!("127.1:{port}"),
        format!("2130706433:{port}"),
        format!("0.0.0.0:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
    ];
    for host in hosts {
        let reply = status(&platform, &host, "");
        assert!((400..500).contains(&reply.status), "{host}: {reply:?}");
    }
}

#[test]
fn pages_of_other_sites_are_refused() {
    let platform = Platform::start();
    let host = platform.control().to_string();
    let shapes = [
        "origin: http://evil.example\r\n",
        "origin: null\r\n",
        "sec-fetch-site: cross-site\r\n",
        "sec-fetch-site: same-site\r\n",
    ];
    for shape in shapes {
        let reply = status(&platform, &host, shape);
        assert_eq!(reply.refusal(), (403, "foreign_origin".into()), "{shape}");
        assert_eq!(reply.header("access-control-allow-origin"), None);
    }
}

#[test]
fn every_route_requires_the_token() {
    let platform = Platform::start();
    let paths = [
        "status", "token", "emit", "settings", "chaos", "reset", "stop", "events", "nowhere",
    ];
    for path in paths {
        for method in ["GET", "POST", "OPTIONS"] {
            let head = format!(
                "{method} /_evt/{path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n",
                platform.control()
            );
            let reply = ask(&platform, &head);
            assert_eq!(
                reply.refusal(),
                (401, "bad_control_token".into()),
                "{method} {path}"
            );
        }
    }
    assert_eq!(
        status(&platform, &platform.control().to_string(), "").status,
        200
    );
}

#[test]
fn the_shared_port_serves_no_control_route() {
    let platform = Platform::start();
    let reply = platform.ask("GET", "/_evt/status", &Value::Null);
    assert_eq!(reply.refusal(), (404, "unknown_route".into()));
}

#[test]
fn responses_forbid_caching_framing_and_sniffing() {
    let platform = Platform::start();
    let reply = platform.order("GET", "/_evt/status", &Value::Null);
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert!(
        reply
            .header("content-security-policy")
            .unwrap()
            .contains("frame-ancestors 'none'")
    );
}

#[test]
fn a_page_of_events_continues_after_the_previous_one() {
    let platform = Platform::start();
    for n in 0..5 {
        platform.create("lead", json!({"n": n}));
    }
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let path = format!("/_evt/events?after={after}&limit=2");
        let page = platform.order("GET", &path, &Value::Null).json();
        let events = page["events"].as_array().unwrap().clone();
        if events.is_empty() {
            break;
        }
        seen.extend(events.iter().map(|event| event["seq"].as_i64().unwrap()));
        after = page["next"].as_i64().unwrap();
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
}

#[test]
fn a_reset_deletes_the_data_but_not_the_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let secret = {
        let platform = Platform::on(folder.path());
        platform.create("contact", json!({}));
        let reply = platform.order("POST", "/_evt/reset", &json!({}));
        assert_eq!(reply.status, 200);
        let found = platform.ask("POST", "/repository/find/contact", &json!({}));
        assert_eq!(
            (&found.json()["total"], platform.events().len()),
            (&json!(0), 0)
        );
        platform.running().webhook_secret.clone()
    };
    assert_eq!(Platform::on(folder.path()).running().webhook_secret, secret);
}

#[test]
fn a_refused_setting_changes_none_of_its_request() {
    let platform = Platform::start();
    let reply = platform.order(
        "POST",
        "/_evt/settings",
        &json!({"2fa": "on", "token.ttl": "never"}),
    );
    assert_eq!(reply.refusal(), (400, "bad_setting".into()));
    let settings = platform.order("GET", "/_evt/settings", &Value::Null).json();
    assert_eq!(
        settings["settings"][0],
        json!({
            "name": "2fa", "value": "off", "default": "off", "takes": "on or off",
            "help": "sign-in requires a second factor",
        })
    );
}
