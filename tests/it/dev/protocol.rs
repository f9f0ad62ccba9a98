//! The error format, and hostile requests.

use serde_json::{Value, json};

use super::wire::{Platform, exchange, send};

const CALLER: &str =
    "orgid: my-org\r\nauthorization: Bearer x\r\ncontent-type: application/json\r\n";

#[test]
fn every_error_has_the_fields_of_both_formats() {
    let platform = Platform::start();
    let replies = [
        send(platform.address(), "GET", "/profile/whoami", "", ""),
        send(platform.address(), "GET", "/nowhere", CALLER, ""),
        send(platform.address(), "DELETE", "/profile/whoami", CALLER, ""),
        send(
            platform.address(),
            "POST",
            "/repository/create",
            CALLER,
            "{",
        ),
        send(
            platform.address(),
            "GET",
            "/repository/get/contact/none",
            CALLER,
            "",
        ),
        send(
            platform.address(),
            "GET",
            "/repository/get/%ff/x",
            CALLER,
            "",
        ),
        send(
            platform.address(),
            "POST",
            "/repository/aggregate/contact",
            CALLER,
            "[{}]",
        ),
    ];
    for reply in replies {
        let body = reply.json();
        assert_eq!(body["statusCode"], reply.status, "{reply:?}");
        for field in ["error", "message", "reason", "code", "path"] {
            assert!(body[field].is_string(), "{field}: {reply:?}");
        }
        assert_eq!(reply.header("x-evt-system"), Some("appengine"));
        assert!(reply.header("x-evt-request-id").is_some());
    }
}

#[test]
fn every_route_is_served() {
    let platform = Platform::start();
    let routes = platform.order("GET", "/_evt/appengine/routes", &Value::Null);
    let routes = routes.json()["routes"].as_array().cloned().unwrap();
    assert!(routes.len() > 60, "{}", routes.len());
    for route in routes {
        let path: Vec<&str> = route["path"].as_str().unwrap().split('/').collect();
        let path = path
            .iter()
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        for method in route["methods"].as_array().unwrap() {
            let method = method.as_str().unwrap();
            let reply = send(platform.address(), method, &path, CALLER, "{}");
            let body = serde_json::from_str::<Value>(&reply.body).unwrap_or_default();
            let code = &body["code"];
            assert!(
                code != "unknown_route" && code != "method_not_allowed",
                "{method} {path}: {reply:?}"
            );
        }
    }
}

#[test]
fn a_mistyped_route_suggests_the_nearest() {
    let platform = Platform::start();
    let reply = send(
        platform.address(),
        "POST",
        "/repository/fnd/contact",
        CALLER,
        "{}",
    );
    assert_eq!(reply.refusal(), (404, "unknown_route".into()));
    let message = reply.json()["message"].to_string();
    assert!(
        message.contains("POST /repository/find/{datatype}"),
        "{message}"
    );
}

#[test]
fn hostile_bodies_are_refused_and_the_platform_continues() {
    let platform = Platform::start();
    let deep = format!(
        "{{\"datatype\":\"x\",\"isNew\":true,\"data\":{}",
        "{\"a\":".repeat(100_000)
    );
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(3 * 1024 * 1024));
    let bodies = [
        (deep.as_str(), 400, "too_deep"),
        (large.as_str(), 413, "body_too_large"),
        ("{\"a\":", 400, "bad_json"),
        ("[1,2]", 400, "bad_body"),
        ("\"\\ud800\"", 400, "bad_json"),
        (
            "{\"datatype\":\"../x\",\"isNew\":true,\"data\":{}}",
            400,
            "bad_request",
        ),
        (
            "{\"datatype\":7,\"isNew\":true,\"data\":{}}",
            400,
            "bad_field",
        ),
        (
            "{\"datatype\":\"x\",\"isNew\":true,\"data\":[]}",
            400,
            "missing_field",
        ),
    ];
    for (body, status, code) in bodies {
        let reply = send(
            platform.address(),
            "POST",
            "/repository/create",
            CALLER,
            body,
        );
        let shown = &body[..body.len().min(60)];
        assert_eq!(reply.refusal(), (status, code.to_owned()), "{shown}");
    }
    platform.create("contact", json!({"email": "still@example.com"}));
}

#[test]
fn an_incomplete_body_changes_nothing() {
    let platform = Platform::start();
    let head = format!(
        "POST /repository/create HTTP/1.1\r\nhost: {}\r\n{CALLER}content-length: 500\r\n\r\n",
        platform.address()
    );
    let body = "{\"datatype\":\"contact\",\"isNew\":true,\"data\":{}}";
    let reply = exchange(platform.address(), format!("{head}{body}").as_bytes());
    assert_eq!(reply.status, 400);
    let found = platform.ask("POST", "/repository/find/contact", &json!({}));
    assert_eq!(found.json()["total"], 0);
}

#[test]
fn records_nested_too_deep_for_their_readers_are_refused() {
    let platform = Platform::start();
    let data = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
    let body = format!("{{\"datatype\":\"x\",\"isNew\":true,\"data\":{data}}}");
    let reply = send(
        platform.address(),
        "POST",
        "/repository/create",
        CALLER,
        &body,
    );
    assert_eq!(reply.refusal(), (400, "bad_request".into()));
}

#[test]
fn dns_rebinding_and_other_origins_are_refused() {
    let platform = Platform::start();
    let evil = format!("evil.example:{}", platform.address().port());
    let own = platform.address();
    for head in [
        format!("host: {evil}\r\norigin: http://{evil}"),
        format!("host: {own}\r\norigin: http://{evil}"),
    ] {
        let request = format!(
            "GET /automation/flows HTTP/1.1\r\n{head}\r\n{CALLER}connection: close\r\n\r\n"
        );
        let reply = exchange(own, request.as_bytes());
        assert_eq!(reply.status, 403, "{reply:?}");
        let body = reply.json();
        assert_eq!(body["statusCode"], 403, "{reply:?}");
        let message = body["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("evt dev --allow-host {evil}")),
            "{message}"
        );
    }
}
