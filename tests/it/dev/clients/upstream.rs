//! Integrations with vendors: saved, connected by OAuth, and used by the receivers.

use bytes::Bytes;
use evt::secret::Secret;
use evt::signature::{self, Options, Outgoing};
use evt::time::Timestamp;
use http::HeaderMap;
use serde_json::{Value, json};

use super::super::wire::{Platform, Reply, exchange};
use super::client;
use crate::support::{LocalPlatform, Sandbox};

fn save(platform: &Platform, provider: &str, config: Value) -> Reply {
    let body = json!({"type": "payment", "provider": provider, "name": "Shop", "config": config});
    platform.ask("POST", "/upstream/save-integration", &body)
}

fn get(platform: &Platform, path: &str) -> Value {
    let reply = platform.ask("GET", path, &Value::Null);
    assert_eq!(reply.status, 200, "{path}: {reply:?}");
    reply.json()
}

fn vendor(platform: &Platform, name: &str) -> Value {
    let reply = platform.order("GET", &format!("/_evt/vendors/{name}"), &Value::Null);
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// Begins a round trip. Returns the state and the path of the consent page.
fn begin(platform: &Platform) -> (String, String) {
    let body = json!({"scopes": ["read", "<b>"], "returnUrl": "https://app.example/done?a=1"});
    let path = "/upstream/call/stripe-provider/get-auth-url";
    let begun = platform.ask("POST", path, &body).json();
    let url = begun["authUrl"].as_str().unwrap();
    let path = url.strip_prefix(&format!("http://{}", platform.address()));
    (
        begun["state"].as_str().unwrap().to_owned(),
        path.unwrap().to_owned(),
    )
}

/// A request of a browser, which has no token.
fn browse(platform: &Platform, method: &str, path: &str) -> Reply {
    client(platform, &format!("{method} {path}"), "")
}

fn target(platform: &Platform, reply: &Reply) -> String {
    assert_eq!(reply.status, 302, "{reply:?}");
    let target = reply.header("location").unwrap();
    target.replace(&format!("http://{}", platform.address()), "")
}

#[test]
fn types_name_the_vendors_that_are_received() {
    let platform = Platform::start();
    let types = get(&platform, "/upstream/integration-types");
    let payment = get(&platform, "/upstream/integration-types/payment");
    assert!(types["data"].as_array().unwrap().contains(&payment));
    let stripe = json!({"provider": "stripe", "webhookPath": "/storefront/stripe/webhook"});
    assert_eq!(payment["providers"][0], stripe);
    let unknown = platform.ask("GET", "/upstream/integration-types/none", &Value::Null);
    assert_eq!(unknown.status, 404);
}

#[test]
fn secrets_of_an_integration_are_not_read_back() {
    let platform = Platform::start();
    let config = json!({"webhookSecret": "whsec_mine", "mode": "test", "nested": {"apiKey": "k1"}, "email": {"password": "p1"}});
    let saved = save(&platform, "stripe", config);
    assert_eq!(saved.status, 200, "{saved:?}");
    let list = get(&platform, "/upstream/get-config");
    let one = get(&platform, "/upstream/get-config/payment/stripe");
    assert_eq!(list["data"][0], one);
    assert_eq!(
        (&one["name"], &one["config"]["mode"]),
        (&json!("Shop"), &json!("test"))
    );
    for answer in [saved.body, list.to_string(), one.to_string()] {
        for secret in ["whsec_mine", "k1", "p1"] {
            assert!(!answer.contains(secret), "{answer}");
        }
    }
    let other = platform.ask_as(
        "other",
        &platform.running().token,
        "GET",
        "/upstream/get-config",
        &Value::Null,
    );
    assert!(!other.body.contains("Shop"), "{other:?}");
}

#[test]
fn a_mask_that_is_saved_again_keeps_the_secret() {
    let platform = Platform::start();
    let _ = save(&platform, "stripe", json!({"webhookSecret": "whsec_mine"}));
    let mut config = get(&platform, "/upstream/get-config/payment/stripe")["config"].take();
    config["mode"] = json!("live");
    let _ = save(&platform, "stripe", config);
    assert_eq!(vendor(&platform, "stripe")["secret"], "whsec_mine");
}

#[test]
fn a_mask_without_a_secret_saves_nothing() {
    let platform = Platform::start();
    let before = vendor(&platform, "stripe")["secret"].clone();
    let _ = save(&platform, "stripe", json!({"webhookSecret": "********"}));
    assert_eq!(vendor(&platform, "stripe")["secret"], before);
}

#[test]
fn a_secret_that_the_scheme_cannot_use_is_refused() {
    let platform = Platform::start();
    let refused = save(&platform, "discord", json!({"webhookSecret": "no key"}));
    assert_eq!(refused.refusal(), (400, "bad_secret".into()));
    let without_provider =
        platform.ask("POST", "/upstream/save-integration", &json!({"config": {}}));
    assert_eq!(without_provider.status, 400, "{without_provider:?}");
}

#[test]
fn a_saved_public_key_leaves_the_platforms_own_key_in_use() {
    let platform = Platform::start();
    let before = vendor(&platform, "discord");
    let saved = save(
        &platform,
        "discord",
        json!({"webhookSecret": before["verify"]}),
    );
    assert_eq!(saved.status, 200, "{saved:?}");
    let after = vendor(&platform, "discord");
    assert_eq!(
        (&after["secret"], &after["verify"]),
        (&before["secret"], &before["verify"])
    );
}

/// A webhook of Stripe.
fn payment(platform: &Platform, secret: &str) -> Reply {
    let body = r#"{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1","amount":100,"currency":"usd"}}}"#;
    let url = format!("{}/storefront/stripe/webhook", platform.running().url);
    let scheme = signature::find("stripe").unwrap();
    let signer = scheme
        .signer(&Secret::new(secret), &Options::default())
        .unwrap();
    let signed = signer.sign(&Outgoing {
        id: "evt_1",
        timestamp: Timestamp::now(),
        url: &url,
        headers: &HeaderMap::new(),
        body: &Bytes::from_static(body.as_bytes()),
    });
    let headers = signed.unwrap().headers;
    let value = headers[0].1.to_str().unwrap();
    let head = format!(
        "POST /storefront/stripe/webhook\ncontent-type: application/json\nstripe-signature: {value}"
    );
    client(platform, &head, body)
}

#[test]
fn a_saved_secret_replaces_the_one_of_the_platform() {
    let platform = Platform::start();
    let own = vendor(&platform, "stripe")["secret"]
        .as_str()
        .unwrap()
        .to_owned();
    let _ = save(&platform, "stripe", json!({"webhookSecret": "whsec_mine"}));
    assert_eq!(payment(&platform, &own).status, 401);
    let accepted = payment(&platform, "whsec_mine");
    assert_eq!(
        (accepted.status, accepted.header("x-evt-raised")),
        (200, Some("payment.succeeded"))
    );
}

#[test]
fn a_webhook_is_sent_with_the_saved_secret() {
    let sandbox = Sandbox::new();
    let platform = LocalPlatform::start(&sandbox);
    let body = r#"{"provider":"stripe","config":{"webhookSecret":"whsec_mine"}}"#;
    let address = platform.running.url.strip_prefix("http://").unwrap();
    let request = format!(
        "POST /upstream/save-integration HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\norgid: my-org\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        platform.running.token,
        body.len()
    );
    assert_eq!(
        exchange(address.parse().unwrap(), request.as_bytes()).status,
        200
    );
    let listed = sandbox
        .run(["dev", "vendors", "stripe", "-o", "json"])
        .expect_exit(0);
    assert_eq!(listed.json_lines()[0]["secret"], "whsec_mine");
    let _ = sandbox
        .run(["send", "stripe/payment_intent.succeeded"])
        .expect_exit(0);
}

#[test]
fn an_approved_round_trip_connects_the_vendor() {
    let platform = Platform::start();
    let (state, path) = begin(&platform);
    let page = browse(&platform, "GET", &path);
    assert_eq!(page.status, 200, "{page:?}");
    assert!(
        page.body.contains("&lt;b&gt;") && !page.body.contains("<li><b>"),
        "{page:?}"
    );
    let callback = target(&platform, &browse(&platform, "POST", &path));
    assert!(callback.contains(&state), "{callback}");
    let done = target(&platform, &browse(&platform, "GET", &callback));
    assert_eq!(done, "https://app.example/done?a=1&integration=connected");
    assert_eq!(
        get(&platform, "/upstream/get-config/payment/stripe")["connected"],
        true
    );
    assert_eq!(vendor(&platform, "stripe")["integration"], "connected");
    let again = browse(&platform, "GET", &callback);
    assert_eq!(again.refusal(), (400, "unknown_state".into()));
}

#[test]
fn a_refused_round_trip_connects_nothing() {
    let platform = Platform::start();
    let (state, _) = begin(&platform);
    let path = format!("/connect/oauth2callback/stripe?error=access_denied&state={state}");
    let done = target(&platform, &browse(&platform, "GET", &path));
    assert_eq!(done, "https://app.example/done?a=1&integration=failed");
    assert_eq!(vendor(&platform, "stripe")["integration"], Value::Null);
}

#[test]
fn a_callback_needs_the_state_the_vendor_and_the_code_of_an_approval() {
    let platform = Platform::start();
    let refusal = |path: &str| browse(&platform, "GET", path).refusal();
    let callback = |vendor: &str, code: &str, state: &str| {
        format!("/connect/oauth2callback/{vendor}?code={code}&state={state}")
    };
    let (state, _) = begin(&platform);
    assert_eq!(
        refusal(&callback("paypal", "x", &state)),
        (400, "unknown_state".into())
    );
    assert_eq!(
        refusal(&callback("stripe", "", &state)),
        (400, "bad_code".into())
    );
    assert_eq!(
        refusal(&callback("stripe", "x", "none")),
        (400, "unknown_state".into())
    );
    assert_eq!(vendor(&platform, "stripe")["integration"], Value::Null);
}

#[test]
fn a_round_trip_only_returns_to_a_web_url() {
    let platform = Platform::start();
    for path in ["/upstream/connect/stripe", "/connect/stripe/auth-url"] {
        for url in ["javascript:alert(1)", "//evil.example"] {
            let refused = platform.ask("POST", path, &json!({"returnUrl": url}));
            assert_eq!(refused.refusal(), (400, "bad_url".into()), "{path} {url}");
        }
    }
}
