//! Connections of socket.io-client: opening, keeping and losing them.

use serde_json::{Value, json};

use super::Platform;
use super::client::Client;
use super::raw::{Ws, set_timing};

const CHAT: &str = "/chat";

fn cut(platform: &Platform, order: &Value) -> Value {
    platform.order("POST", "/_evt/gateways/cut", order).json()
}

#[test]
fn a_client_starts_with_polling_and_upgrades() {
    let platform = Platform::start();
    let options = json!({ "transports": ["polling", "websocket"] });
    let Some(mut client) = Client::with(&platform, &options) else {
        return;
    };
    client.enter(CHAT, &platform);
    assert_eq!(client.transport("open")["transport"], "polling");
    assert_eq!(client.transport("upgrade")["transport"], "websocket");
    assert_eq!(client.ask(CHAT, "join-chat", &json!({}))["success"], true);
}

#[test]
fn polling_alone_carries_events_both_ways() {
    let platform = Platform::start();
    let options = json!({ "transports": ["polling"] });
    let Some(mut client) = Client::with(&platform, &options) else {
        return;
    };
    client.enter("/voice", &platform);
    client.ask("/voice", "start", &json!({}));
    let audio = json!({ "$bytes": "AAECAwT/" });
    client.emit("/voice", "media", &json!({ "payload": audio }));
    assert_eq!(client.event("/voice", "media")["payload"], audio);
}

#[test]
fn pings_keep_a_client_connected() {
    let platform = Platform::start();
    set_timing(&platform, "30ms", "5s", "5s");
    let Some(mut client) = Client::of(&platform) else {
        return;
    };
    client.enter(CHAT, &platform);
    for _ in 0..3 {
        client.transport("ping");
    }
    assert_eq!(client.ask(CHAT, "join-chat", &json!({}))["success"], true);
}

#[test]
fn a_client_reconnects_after_its_connection_breaks() {
    let platform = Platform::start();
    let Some(mut client) = Client::of(&platform) else {
        return;
    };
    client.enter(CHAT, &platform);
    assert_eq!(cut(&platform, &json!({})), json!({ "cut": 1 }));
    let end = client.happens(CHAT, "disconnect");
    assert_eq!(
        (&end["reason"], &end["again"]),
        (&json!("transport close"), &json!(true))
    );
    assert_eq!(client.event(CHAT, "authenticate")["success"], true);
}

#[test]
fn a_polling_client_reconnects_after_its_connection_breaks() {
    let platform = Platform::start();
    let options = json!({ "transports": ["polling"] });
    let Some(mut client) = Client::with(&platform, &options) else {
        return;
    };
    client.enter(CHAT, &platform);
    assert_eq!(cut(&platform, &json!({})), json!({ "cut": 1 }));
    assert_eq!(client.happens(CHAT, "disconnect")["again"], true);
    assert_eq!(client.event(CHAT, "authenticate")["success"], true);
}

#[test]
fn a_broken_connection_ends_without_a_farewell() {
    let platform = Platform::start();
    let mut ws = Ws::in_chat(&platform);
    cut(&platform, &json!({}));
    assert!(!ws.has_farewell());
}

#[test]
fn a_client_does_not_reconnect_after_the_server_disconnects_it() {
    let platform = Platform::start();
    let Some(mut client) = Client::of(&platform) else {
        return;
    };
    client.enter(CHAT, &platform);
    client.enter("/voice", &platform);
    let one = json!({ "namespace": "chat" });
    assert_eq!(cut(&platform, &one), json!({ "cut": 1 }));
    let end = client.happens(CHAT, "disconnect");
    let expected = (&json!("io server disconnect"), &json!(false));
    assert_eq!((&end["reason"], &end["again"]), expected);
    assert_eq!(client.ask("/voice", "start", &json!({}))["success"], true);
}

#[test]
fn new_timing_applies_to_new_connections() {
    let platform = Platform::start();
    let Some(mut client) = Client::of(&platform) else {
        return;
    };
    client.enter(CHAT, &platform);
    set_timing(&platform, "31ms", "5s", "5s");
    cut(&platform, &json!({}));
    client.happens(CHAT, "disconnect");
    client.transport("ping");
}

#[test]
fn a_session_ends_with_its_token() {
    let platform = Platform::start();
    let Some(mut client) = Client::of(&platform) else {
        return;
    };
    // The short lifetime of the token starts when the client is connected.
    client.enter("/voice", &platform);
    let settings = json!({ "token.ttl": "2" });
    let set = platform.order("POST", "/_evt/settings", &settings);
    assert_eq!(set.status, 200, "{set:?}");
    let credentials = json!({ "email": "dev@evt.local", "password": "dev" });
    let signed_in = platform.ask("POST", "/profile/signin", &credentials).json();
    let auth = json!({ "token": signed_in["token"], "orgId": "my-org" });
    assert_eq!(client.enter_as(CHAT, &auth)["success"], true);
    client.event(CHAT, "token_expired");
    let end = client.happens(CHAT, "disconnect");
    assert_eq!(end["reason"], "io server disconnect");
}

#[test]
fn a_client_that_leaves_during_its_handshake_leaves_no_session() {
    let platform = Platform::start();
    for _ in 0..200 {
        let mut ws = Ws::open(&platform, "");
        ws.text();
        let auth = json!({ "token": platform.running().token, "orgId": "my-org" });
        ws.send(&format!("40{CHAT},{auth}"));
        // Engine.IO's packet `close`.
        ws.send("1");
    }
    let sessions =
        || platform.order("GET", "/_evt/gateways", &json!({})).json()["sessions"].clone();
    while sessions() != json!([]) {
        std::thread::yield_now();
    }
}
