//! Sign-in, tokens and the organisation.

use evt::dev::AuthMode;
use evt::dev::DevOptions;
use serde_json::{Value, json};

use super::wire::{Platform, Reply, send};

fn strict() -> Platform {
    let options = DevOptions {
        auth: AuthMode::Strict,
        ..DevOptions::default()
    };
    Platform::with(options).unwrap()
}

fn sign_in(platform: &Platform, path: &str, email: &str, password: &str) -> Reply {
    let body = json!({"email": email, "password": password});
    let headers = "orgid: my-org\r\ncontent-type: application/json\r\n";
    send(platform.address(), "POST", path, headers, &body.to_string())
}

#[test]
fn a_sign_in_is_answered_at_the_root_and_below_data() {
    let platform = strict();
    for path in ["/profile/signin", "/profile/user/signin", "/user/signin"] {
        let body = sign_in(&platform, path, "dev@evt.local", "dev").json();
        assert_eq!(body["token"], body["data"]["token"], "{path}");
        assert_eq!(
            body["refreshToken"], body["data"]["refresh_token"],
            "{path}"
        );
        assert_eq!(body["user"]["data"]["email"], "dev@evt.local", "{path}");
    }
}

#[test]
fn a_strict_platform_accepts_the_token_of_a_sign_in() {
    let platform = strict();
    let token =
        sign_in(&platform, "/profile/signin", "dev@evt.local", "dev").json()["token"].clone();
    let token = token.as_str().unwrap();
    let who = platform.ask_as("my-org", token, "GET", "/profile/whoami", &Value::Null);
    assert_eq!(
        (who.status, who.json()["email"].clone()),
        (200, "dev@evt.local".into())
    );
}

#[test]
fn a_wrong_password_is_refused() {
    let reply = sign_in(
        &Platform::start(),
        "/profile/signin",
        "dev@evt.local",
        "guess",
    );
    assert_eq!(reply.refusal(), (401, "invalid_credentials".into()));
}

#[test]
fn a_customer_signs_in_with_a_record() {
    let platform = Platform::start();
    platform.create(
        "customer",
        json!({"email": "c@example.com", "password": "pw"}),
    );
    let reply = sign_in(&platform, "/profile/customer/signin", "c@example.com", "pw");
    assert_eq!(
        reply.json()["user"]["data"],
        json!({"email": "c@example.com", "roles": []})
    );
}

#[test]
fn a_refresh_token_is_accepted_only_for_new_tokens() {
    let platform = strict();
    let signed_in = sign_in(&platform, "/profile/signin", "dev@evt.local", "dev").json();
    let refresh = signed_in["refreshToken"].as_str().unwrap();
    let as_bearer = platform.ask_as("my-org", refresh, "GET", "/profile/whoami", &Value::Null);
    assert_eq!(as_bearer.refusal(), (401, "invalid_token".into()));
    let body = json!({"refreshToken": refresh});
    let renewed = platform
        .ask_as("my-org", "none", "POST", "/profile/user/refresh", &body)
        .json();
    let token = renewed["token"].as_str().unwrap();
    let who = platform.ask_as("my-org", token, "GET", "/profile/whoami", &Value::Null);
    assert_eq!(who.status, 200);
}

#[test]
fn an_expired_token_has_its_own_code() {
    let platform = Platform::start();
    let set = platform.order("POST", "/_evt/settings", &json!({"token.ttl": "1"}));
    assert_eq!(set.status, 200);
    let token =
        sign_in(&platform, "/profile/signin", "dev@evt.local", "dev").json()["token"].clone();
    let token = token.as_str().unwrap();
    // The lifetime has whole seconds, so the token expires after at most two.
    let refusal = loop {
        let reply = platform.ask_as("my-org", token, "GET", "/profile/whoami", &Value::Null);
        if reply.status != 200 {
            break reply.refusal();
        }
    };
    assert_eq!(refusal, (401, "token_expired".into()));
}

#[test]
fn an_app_signs_in_with_its_key_and_sends_the_users_token() {
    let platform = strict();
    let key = json!({"appId": "shop", "key": "dev", "secret": "dev"});
    let app = platform
        .ask_as("my-org", "none", "POST", "/profile/app/key", &key)
        .json();
    let person = &platform.running().token;
    let headers = format!(
        "orgid: my-org\r\nauthorization: Bearer {}\r\nx-client-authorization: {person}\r\n",
        app["token"].as_str().unwrap()
    );
    let who = send(platform.address(), "GET", "/profile/whoami", &headers, "");
    assert_eq!(who.json()["email"], "dev@evt.local");
    let wrong = json!({"appId": "shop", "key": "dev", "secret": "guess"});
    let refused = platform.ask_as("my-org", "none", "POST", "/profile/app/key", &wrong);
    assert_eq!(refused.refusal(), (401, "invalid_credentials".into()));
}

#[test]
fn a_second_factor_is_required_between_password_and_token() {
    let platform = Platform::start();
    let set = platform.order("POST", "/_evt/settings", &json!({"2fa": "on"}));
    assert_eq!(set.status, 200);
    let challenge = sign_in(&platform, "/profile/signin", "dev@evt.local", "dev").json();
    assert_eq!(
        (&challenge["requiresTwoFactor"], &challenge["token"]),
        (&json!(true), &Value::Null)
    );
    let answer = |code: &str| {
        let body = json!({"challengeToken": challenge["challengeToken"], "code": code});
        platform.ask("POST", "/profile/2fa/verify", &body)
    };
    assert_eq!(answer("12345x").refusal(), (401, "invalid_code".into()));
    let code = platform.code_for("dev@evt.local");
    assert!(answer(&code).json()["token"].is_string());
}

#[test]
fn modes_accept_different_tokens() {
    let code = |mode, authorization: &str| {
        let options = DevOptions {
            auth: mode,
            ..DevOptions::default()
        };
        let platform = Platform::with(options).unwrap();
        let headers = format!("orgid: my-org\r\n{authorization}");
        send(platform.address(), "GET", "/profile/whoami", &headers, "").status
    };
    let any = "authorization: Bearer anything\r\n";
    assert_eq!(
        (code(AuthMode::Off, ""), code(AuthMode::Off, any)),
        (200, 200)
    );
    assert_eq!(
        (code(AuthMode::Lenient, ""), code(AuthMode::Lenient, any)),
        (401, 200)
    );
    assert_eq!(
        (code(AuthMode::Strict, ""), code(AuthMode::Strict, any)),
        (401, 401)
    );
    let no_bearer = "authorization: Basic ZGV2OmRldg==\r\n";
    assert_eq!(code(AuthMode::Lenient, no_bearer), 401);
}

#[test]
fn a_request_without_orgid_is_refused() {
    let platform = Platform::start();
    let paths = [
        ("GET", "/profile/whoami"),
        ("POST", "/repository/find/contact"),
        ("POST", "/profile/signin"),
    ];
    for (method, path) in paths {
        let reply = send(
            platform.address(),
            method,
            path,
            "authorization: Bearer x\r\n",
            "",
        );
        assert_eq!(reply.refusal(), (400, "missing_orgid".into()), "{path}");
    }
}

#[test]
fn another_organisation_finds_no_records_and_gets_a_lint() {
    let platform = Platform::start();
    platform.create("contact", json!({"email": "a@example.com"}));
    let reply = platform.ask_as("other", "x", "POST", "/repository/find/contact", &json!({}));
    assert_eq!(reply.json()["total"], 0);
    assert!(
        reply.header("x-evt-lint").unwrap().contains("my-org"),
        "{reply:?}"
    );
    let strict = strict();
    let token = strict.running().token.clone();
    let refused = strict.ask_as(
        "other",
        &token,
        "POST",
        "/repository/find/contact",
        &json!({}),
    );
    assert_eq!(refused.refusal(), (403, "wrong_org".into()));
}
