//! Sign-in, error bodies and what browsers need.

use evt::dev::{AuthMode, DevOptions};
use serde_json::{Value, json};

use super::super::wire::{Platform, Reply};
use super::{client, read};

const JSON: &str = "orgid: my-org\ncontent-type: application/json";

/// The JavaScript client and the web stores show `error`; the Dart client shows `message`.
#[test]
fn the_sentence_of_a_refusal_is_in_error_and_in_message() {
    let platform = Platform::start();
    let head = format!("POST /profile/customer/signin\n{JSON}");
    let refused = client(
        &platform,
        &head,
        r#"{"email":"a@example.com","password":"guess"}"#,
    );
    let body = refused.json();
    assert_eq!(refused.status, 401);
    assert_eq!(body["error"], body["message"]);
    assert!(
        body["error"]
            .as_str()
            .unwrap()
            .contains("password is wrong"),
        "{body}"
    );
}

#[test]
fn a_user_signs_in_and_reads_the_token() {
    let platform = Platform::start();
    let head = format!("POST /profile/user/signin\n{JSON}");
    let body = read(
        &platform,
        &head,
        r#"{"email":"dev@evt.local","password":"dev"}"#,
    );
    assert!(body["token"].is_string(), "{body}");
}

fn strict() -> Platform {
    let options = DevOptions {
        auth: AuthMode::Strict,
        ..DevOptions::default()
    };
    Platform::with(options).unwrap()
}

fn post(platform: &Platform, path: &str, body: &Value) -> Reply {
    client(platform, &format!("POST {path}\n{JSON}"), &body.to_string())
}

fn sign_up(platform: &Platform, kind: &str) -> Value {
    let body = json!({
        "email": "ada@example.com", "password": "correct horse", "firstName": "Ada",
        "lastName": "Lovelace", "phone": "+43 1",
    });
    let reply = post(platform, &format!("/profile/{kind}/signup"), &body);
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// What a browser sends before a request with additional headers.
fn preflight(platform: &Platform, origin: &str) -> Reply {
    let head = format!(
        "OPTIONS /profile/customer/signin
         origin: {origin}
         access-control-request-method: POST
         access-control-request-headers: content-type,orgid,domainasorg,x-device-id,x-evil
         access-control-request-private-network: true"
    );
    client(platform, &head, "")
}

#[test]
fn a_preflight_of_a_local_page_allows_the_clients_headers() {
    let platform = Platform::start();
    for origin in [
        "http://localhost:3000",
        "https://shop.localhost",
        "http://127.0.0.1:5173",
    ] {
        let reply = preflight(&platform, origin);
        assert_eq!(reply.status, 204, "{reply:?}");
        assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
        let allowed = reply.header("access-control-allow-headers").unwrap();
        for name in [
            "authorization",
            "cache-control",
            "content-type",
            "orgid",
            "pragma",
            "shared-org-id",
            "x-client-authorization",
            "domainAsOrg",
            "x-api-key",
            "x-device-id",
        ] {
            assert!(
                allowed.split(", ").any(|known| known == name),
                "{name}: {allowed}"
            );
        }
        assert!(!allowed.contains("x-evil"), "{allowed}");
        let methods = reply.header("access-control-allow-methods").unwrap();
        assert!(methods.contains("PUT") && methods.contains("DELETE"));
        assert_eq!(
            reply.header("access-control-allow-private-network"),
            Some("true")
        );
        assert!(reply.header("access-control-max-age").is_some());
        assert!(reply.header("vary").is_some());
        assert_eq!(reply.header("access-control-allow-credentials"), None);
    }
}

#[test]
fn answers_and_refusals_name_the_origin_of_the_page() {
    let platform = Platform::start();
    for (path, status) in [("/profile/whoami", 401), ("/nowhere", 404)] {
        let head = format!("GET {path}\norigin: http://localhost:3000\norgid: my-org");
        let reply = client(&platform, &head, "");
        assert_eq!(reply.status, status);
        let origin = reply.header("access-control-allow-origin");
        assert_eq!(origin, Some("http://localhost:3000"), "{reply:?}");
        let exposed = reply.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("x-evt-lint"), "{exposed}");
    }
}

#[test]
fn pages_of_other_sites_get_no_headers() {
    let platform = Platform::start();
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
    ] {
        let reply = preflight(&platform, origin);
        assert_eq!(reply.refusal(), (403, "foreign_origin".into()));
        assert_eq!(
            reply.header("access-control-allow-origin"),
            None,
            "{reply:?}"
        );
    }
}

#[test]
fn the_page_of_an_allowed_host_gets_the_headers() {
    let options = DevOptions {
        allowed_hosts: vec!["app.test".parse().unwrap()],
        ..DevOptions::default()
    };
    let platform = Platform::with(options).unwrap();
    let reply = preflight(&platform, "https://app.test");
    assert_eq!(
        reply.header("access-control-allow-origin"),
        Some("https://app.test")
    );
}

#[test]
fn the_control_port_answers_no_preflight() {
    let platform = Platform::start();
    let headers = "origin: http://localhost:3000\r\naccess-control-request-method: GET\r\n";
    let reply =
        super::super::wire::send(platform.control(), "OPTIONS", "/_evt/status", headers, "");
    assert_eq!(reply.status, 403);
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

#[test]
fn an_api_key_is_accepted_without_a_bearer() {
    let platform = strict();
    let key = platform
        .order("GET", "/_evt/appengine/api-key", &Value::Null)
        .json();
    let who = |key: &str| {
        client(
            &platform,
            &format!("GET /profile/whoami\norgid: my-org\nx-api-key: {key}"),
            "",
        )
    };
    assert_eq!(who(key["key"].as_str().unwrap()).status, 200);
    assert_eq!(who("guess").refusal(), (401, "invalid_api_key".into()));
}

#[test]
fn an_app_token_may_come_without_the_word_bearer() {
    let platform = strict();
    let app = post(
        &platform,
        "/profile/app/key",
        &json!({"appId": "shop", "key": "dev", "secret": "dev"}),
    );
    let user = sign_up(&platform, "customer");
    let head = format!(
        "GET /profile/customer/profile\norgid: my-org\nauthorization: {}\nx-client-authorization: {}",
        app.json()["token"].as_str().unwrap(),
        user["token"].as_str().unwrap()
    );
    assert_eq!(read(&platform, &head, "")["data"]["firstName"], "Ada");
}

#[test]
fn a_refresh_accepts_and_returns_both_spellings() {
    let platform = strict();
    for kind in ["user", "customer"] {
        let signed_in = sign_up(&platform, kind);
        for field in ["refresh_token", "refreshToken"] {
            let body = json!({ field: signed_in["refreshToken"] });
            let renewed = post(&platform, &format!("/profile/{kind}/refresh"), &body).json();
            assert!(renewed["token"].is_string(), "{renewed}");
            assert_eq!(renewed["refreshToken"], renewed["refresh_token"]);
            assert_eq!(renewed["token"], renewed["data"]["token"]);
        }
    }
}

#[test]
fn a_sign_up_creates_the_record_and_signs_in() {
    let platform = strict();
    let body = sign_up(&platform, "customer");
    assert_eq!(body["user"]["datatype"], "customer");
    assert_eq!(body["user"]["data"]["firstName"], "Ada");
    assert!(body["refreshToken"].is_string());
    let credentials = json!({"email": "Ada@example.com", "password": "correct horse"});
    let signed_in = post(&platform, "/profile/customer/signin", &credentials).json();
    assert_eq!(signed_in["user"]["sk"], body["user"]["sk"]);
    let wrong = json!({"email": "ada@example.com", "password": "wrong horse"});
    let refused = post(&platform, "/profile/customer/signin", &wrong);
    assert_eq!(refused.refusal(), (401, "invalid_credentials".into()));
}

#[test]
fn a_taken_email_and_a_weak_password_are_refused_with_a_sentence() {
    let platform = Platform::start();
    sign_up(&platform, "user");
    let again = json!({"email": "ADA@example.com", "password": "another horse"});
    let refused = post(&platform, "/profile/user/signup", &again);
    assert_eq!(refused.refusal(), (409, "email_taken".into()));
    let weak = json!({"email": "b@example.com", "password": "short"});
    let refused = post(&platform, "/profile/user/signup", &weak);
    assert_eq!(refused.refusal(), (400, "weak_password".into()));
    assert!(
        refused.json()["error"]
            .as_str()
            .unwrap()
            .contains("8 characters")
    );
}

#[test]
fn a_profile_is_the_record_of_the_token() {
    let platform = strict();
    let token = sign_up(&platform, "customer")["token"].clone();
    let head = format!(
        "GET /profile/customer/profile\norgid: my-org\nauthorization: Bearer {}",
        token.as_str().unwrap()
    );
    let profile = read(&platform, &head, "");
    assert_eq!(profile["data"]["email"], "ada@example.com");
}

#[test]
fn no_route_and_no_event_returns_a_password() {
    let platform = Platform::start();
    sign_up(&platform, "customer");
    let made = platform.create(
        "customer",
        json!({"email": "b@example.com", "password": "horse one"}),
    );
    let id = made["sk"].as_str().unwrap();
    let partial = format!("/repository/update-partial/customer/{id}");
    let changed = platform.ask("POST", &partial, &json!({"data.password": "horse two"}));
    let mut texts = vec![made.to_string(), changed.body];
    let replaced = json!({"data": {"email": "b@example.com", "password": "horse three"}});
    let path = format!("/repository/update/customer/{id}");
    texts.push(platform.ask("POST", &path, &replaced).body);
    for (method, path, body) in [
        ("POST", "/repository/find/customer", json!({})),
        (
            "POST",
            "/repository/search/customer",
            json!({"keyword": "horse"}),
        ),
        (
            "GET",
            &format!("/repository/get/customer/{id}"),
            Value::Null,
        ),
        ("GET", "/repository/find-page-data/customer", Value::Null),
    ] {
        texts.push(platform.ask(method, path, &body).body);
    }
    texts.push(
        platform
            .order("GET", "/_evt/events?limit=1000", &Value::Null)
            .body,
    );
    for text in texts {
        assert!(
            !text.contains("horse") && !text.contains("argon2"),
            "{text}"
        );
    }
    let body = json!({"email": "b@example.com", "password": "horse three"});
    let signed_in = post(&platform, "/profile/customer/signin", &body);
    assert_eq!(signed_in.status, 200, "{signed_in:?}");
}

fn challenge(platform: &Platform) -> Value {
    platform
        .order("POST", "/_evt/settings", &json!({"2fa": "on"}))
        .json();
    let body = json!({"email": "dev@evt.local", "password": "dev"});
    post(platform, "/profile/user/signin", &body).json()
}

fn verify(platform: &Platform, challenge: &Value, code: &str) -> Reply {
    let token = &challenge["challengeToken"];
    let body = json!({"challengeToken": token, "code": code, "trustDevice": true});
    let head = format!("POST /profile/security/challenge/verify\n{JSON}");
    client(platform, &head, &body.to_string())
}

#[test]
fn a_second_factor_has_the_fields_that_clients_read() {
    let platform = Platform::start();
    let challenge = challenge(&platform);
    assert_eq!(challenge["requiresTwoFactor"], true);
    for field in ["challengeToken", "twoFactorMethod", "message", "email"] {
        assert!(challenge[field].is_string(), "{field}: {challenge}");
    }
    assert_eq!(challenge["isNewDevice"], true);
    let send = json!({"challengeToken": challenge["challengeToken"], "method": "sms"});
    let sent = post(&platform, "/profile/security/challenge/send", &send);
    assert_eq!(sent.json()["twoFactorMethod"], "sms");
}

#[test]
fn a_code_is_in_the_outbox_of_the_method_that_was_asked_for() {
    let platform = strict();
    platform
        .order("POST", "/_evt/settings", &json!({"2fa": "on"}))
        .json();
    sign_up(&platform, "customer");
    let credentials = json!({"email": "ada@example.com", "password": "correct horse"});
    let challenge = post(&platform, "/profile/customer/signin", &credentials).json();
    for (method, channel, to) in [
        ("email", "email", "ada@example.com"),
        ("sms", "sms", "+43 1"),
        ("authenticator", "inapp", "ada@example.com"),
    ] {
        let send = json!({"challengeToken": challenge["challengeToken"], "method": method});
        let sent = post(&platform, "/profile/security/challenge/send", &send).json();
        assert!(!sent.to_string().contains(&platform.code_for(to)), "{sent}");
        let message = platform.last_message(to);
        assert_eq!(message["channel"], channel);
        assert_eq!(message["to"], json!([to]));
    }
}

#[test]
fn each_challenge_has_its_own_code() {
    let platform = Platform::start();
    let codes: std::collections::HashSet<String> = (0..5)
        .map(|_| {
            challenge(&platform);
            platform.code_for("dev@evt.local")
        })
        .collect();
    assert!(codes.len() > 1, "{codes:?}");
}

#[test]
fn a_challenge_survives_a_wrong_code_but_not_five() {
    let platform = Platform::start();
    let first = challenge(&platform);
    assert_eq!(
        verify(&platform, &first, "1").refusal(),
        (401, "invalid_code".into())
    );
    let code = platform.code_for("dev@evt.local");
    let done = verify(&platform, &first, &code).json();
    assert!(done["token"].is_string() && done["refreshToken"].is_string());
    assert_eq!(
        verify(&platform, &first, &code).refusal().1,
        "invalid_challenge"
    );
    let second = challenge(&platform);
    let codes: Vec<_> = (0..5)
        .map(|_| verify(&platform, &second, "1").refusal().1)
        .collect();
    assert_eq!(codes[3..], ["invalid_code", "too_many_codes"]);
    let code = platform.code_for("dev@evt.local");
    assert_eq!(
        verify(&platform, &second, &code).refusal().1,
        "invalid_challenge"
    );
}

#[test]
fn a_trusted_device_needs_no_code() {
    let platform = Platform::start();
    platform
        .order("POST", "/_evt/settings", &json!({"2fa": "on"}))
        .json();
    let sign_in = |device: &str| {
        let head = format!("POST /profile/user/signin\n{JSON}\nx-device-id: {device}");
        read(
            &platform,
            &head,
            r#"{"email":"dev@evt.local","password":"dev"}"#,
        )
    };
    let challenge = sign_in("phone");
    let code = platform.code_for("dev@evt.local");
    assert_eq!(verify(&platform, &challenge, &code).status, 200);
    assert!(sign_in("phone")["token"].is_string());
    assert_eq!(sign_in("laptop")["requiresTwoFactor"], true);
}

#[test]
fn a_magic_link_and_a_passcode_sign_in() {
    let platform = strict();
    sign_up(&platform, "customer");
    let head = "GET /profile/magic-link?email=ada@example.com\norgid: my-org";
    let asked = read(&platform, head, "");
    let link = platform.last_message("ada@example.com")["body"].clone();
    let (_, token) = link.as_str().unwrap().split_once("?token=").unwrap();
    assert!(!asked.to_string().contains(token), "{asked}");
    let done = post(
        &platform,
        "/profile/magic-link/redirect",
        &json!({ "token": token }),
    )
    .json();
    assert_eq!(done["user"]["data"]["firstName"], "Ada");
    let path = "/profile/customer/signin/passcode";
    let asked = post(&platform, path, &json!({"email": "ada@example.com"}));
    assert_eq!(asked.json()["success"], true);
    let body = |code: &str| json!({"email": "ada@example.com", "passcode": code});
    assert_eq!(
        post(&platform, path, &body("1")).refusal().1,
        "invalid_code"
    );
    let code = platform.code_for("ada@example.com");
    assert!(post(&platform, path, &body(&code)).json()["token"].is_string());
    assert_eq!(
        post(&platform, path, &body(&code)).refusal().1,
        "invalid_challenge"
    );
}
