//! The three namespaces, as socket.io-client meets them.

use evt::dev::DevOptions;
use evt::dev::auth::AuthMode;
use serde_json::{Value, json};

use super::Platform;
use super::client::Client;

const CHAT: &str = "/chat";

fn strict() -> Platform {
    let options = DevOptions {
        auth: AuthMode::Strict,
        ..DevOptions::default()
    };
    Platform::with(options).expect("a platform on free ports")
}

#[test]
fn a_good_token_is_told_who_it_stands_for() {
    let platform = strict();
    let Some(mut client) = Client::of(&platform) else {
        return;
    };
    let auth = json!({
        "token": platform.running().token, "orgId": "my-org", "context": { "chatSessionId": "chat-7" },
    });
    let welcome = client.enter_as(CHAT, &auth);
    assert_eq!(welcome["success"], true);
    assert_eq!(welcome["user"]["email"], "dev@evt.local");
    assert_eq!(welcome["chatSessionId"], "chat-7");
    assert_eq!(welcome["isGuest"], false);
}

#[test]
fn a_bad_token_is_told_so_and_disconnected() {
    let platform = strict();
    let Some(mut client) = Client::of(&platform) else {
        return;
    };
    let refused = client.enter_as(CHAT, &json!({ "token": "bad", "orgId": "my-org" }));
    assert_eq!(
        (&refused["success"], &refused["code"]),
        (&json!(false), &json!(401))
    );
    let end = client.happens(CHAT, "disconnect");
    assert_eq!(end["reason"], "io server disconnect");
}

#[test]
fn a_message_is_acknowledged_and_kept() {
    let platform = Platform::start();
    let Some(mut client) = Client::of(&platform) else {
        return;
    };
    client.enter(CHAT, &platform);
    let message = json!({ "message": "Hello", "chatId": "chat-1" });
    let reply = client.ask(CHAT, "chat-message", &message);
    assert_eq!(reply["success"], true);
    assert_eq!(reply["chatId"], "chat-1");
    assert_eq!(reply["routedTo"], "queued");
    let history = client.ask(CHAT, "chat-history", &json!({ "chatId": "chat-1" }));
    let kept: &Value = &history["history"][0];
    assert_eq!(kept["messageId"], reply["messageId"]);
    assert_eq!(kept["content"], "Hello");
}
