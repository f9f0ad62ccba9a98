//! The three namespaces, with socket.io-client.

use evt::dev::AuthMode;
use evt::dev::DevOptions;
use serde_json::{Value, json};

use super::Platform;
use super::client::Client;
use crate::support::App;

const CHAT: &str = "/chat";

fn strict() -> Platform {
    let options = DevOptions {
        auth: AuthMode::Strict,
        ..DevOptions::default()
    };
    Platform::with(options).expect("a platform on free ports")
}

#[test]
fn a_client_with_a_valid_token_receives_its_user() {
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
fn a_client_with_an_invalid_token_gets_the_reason_and_is_disconnected() {
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
fn a_message_is_acknowledged_and_stored() {
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

#[test]
fn a_client_can_be_refused_with_connect_error() {
    let platform = strict();
    let settings = json!({ "gateways.refuse": "connect-error" });
    assert_eq!(
        platform.order("POST", "/_evt/settings", &settings).status,
        200
    );
    let Some(mut client) = Client::of(&platform) else {
        return;
    };
    let auth = json!({ "token": "bad", "orgId": "my-org" });
    client.order(&json!({ "do": "connect", "ns": CHAT, "auth": auth }));
    let refused = client.happens(CHAT, "connect_error");
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("not accepted"), "{refused}");
}

#[test]
fn a_handshake_without_an_organisation_is_refused() {
    let platform = Platform::start();
    let Some(mut client) = Client::of(&platform) else {
        return;
    };
    let refused = client.enter_as(CHAT, &json!({ "token": "any" }));
    assert_eq!(refused["reason"], "missing_orgid");
}

#[test]
fn headers_and_query_replace_the_handshakes_auth() {
    let platform = strict();
    let token = &platform.running().token;
    let headers = json!({ "authorization": format!("Bearer {token}"), "orgid": "my-org" });
    let ways = [
        json!({ "transports": ["websocket"], "extraHeaders": headers }),
        json!({ "transports": ["websocket"], "query": { "token": token, "orgid": "my-org" } }),
    ];
    for options in ways {
        let Some(mut client) = Client::with(&platform, &options) else {
            return;
        };
        let welcome = client.enter_as(CHAT, &json!({}));
        assert_eq!(welcome["success"], true, "{options}");
    }
}

#[test]
fn a_client_for_broadcasts_needs_no_token_and_cannot_send() {
    let platform = strict();
    let Some(mut client) = Client::of(&platform) else {
        return;
    };
    let auth = json!({ "broadcastOnly": true, "orgId": "my-org", "deviceId": "tv" });
    let welcome = client.enter_as(CHAT, &auth);
    assert_eq!(
        (&welcome["success"], &welcome["isGuest"]),
        (&json!(true), &json!(true))
    );
    let reply = client.ask(CHAT, "chat-message", &json!({ "message": "Hello" }));
    assert_eq!(
        (&reply["success"], &reply["code"]),
        (&json!(false), &json!("broadcast_only"))
    );
    push(
        &platform,
        json!({ "namespace": "/chat", "event": "update", "data": { "n": 1 } }),
    );
    assert_eq!(client.event(CHAT, "update"), json!({ "n": 1 }));
}

fn push(platform: &Platform, order: Value) -> Value {
    platform.order("POST", "/_evt/gateways/emit", &order).json()
}

#[test]
fn a_chat_is_queued_assigned_and_closed() {
    let platform = Platform::start();
    let Some(mut customer) = Client::of(&platform) else {
        return;
    };
    let Some(mut agent) = Client::of(&platform) else {
        return;
    };
    customer.enter(CHAT, &platform);
    agent.enter(CHAT, &platform);
    let message = json!({ "message": "Help", "chatId": "chat-1" });
    customer.emit(CHAT, "chat-message", &message);
    assert_eq!(customer.event(CHAT, "queued")["position"], 1);
    assert_eq!(agent.event(CHAT, "queue-notification")["chatId"], "chat-1");
    assert_eq!(agent.event(CHAT, "queue-update")["length"], 1);
    assert_eq!(agent.event(CHAT, "message")["content"], "Help");

    let picked = agent.ask(CHAT, "pick-next", &json!({}));
    assert_eq!(picked["chat"]["messages"][0]["content"], "Help");
    let assigned = customer.event(CHAT, "agent-assigned");
    assert_eq!(assigned["agent"]["email"], "dev@evt.local");
    assert_eq!(agent.event(CHAT, "queue-update")["length"], 0);

    let answer = json!({ "chatId": "chat-1", "content": "Here I am" });
    agent.ask(CHAT, "sendMessage", &answer);
    let heard = customer.event(CHAT, "message");
    assert_eq!(
        (&heard["content"], &heard["sender"]),
        (&json!("Here I am"), &json!("agent"))
    );

    let end = json!({ "chatId": "chat-1", "reason": "solved" });
    customer.ask(CHAT, "close-chat", &end);
    assert_eq!(agent.event(CHAT, "chat-ended"), end);
}

#[test]
fn an_empty_queue_assigns_no_chat() {
    let platform = Platform::start();
    let Some(mut agent) = Client::of(&platform) else {
        return;
    };
    agent.enter(CHAT, &platform);
    let picked = agent.ask(CHAT, "pick-next", &json!({}));
    assert_eq!(picked, json!({ "success": true, "chat": null }));
}

#[test]
fn an_assistants_answer_is_streamed_and_then_sent_as_a_message() {
    let platform = Platform::start();
    let Some(mut client) = Client::of(&platform) else {
        return;
    };
    client.enter(CHAT, &platform);
    let message = json!({ "message": "tea", "chatId": "c", "assistantId": "assistant" });
    let reply = client.ask(CHAT, "chat-message", &message);
    assert_eq!(reply["routedTo"], "agent");
    let mut text = String::new();
    loop {
        let frame = client.event(CHAT, "chat-stream");
        assert_eq!(frame["chatId"], "c");
        match frame["event"].as_str().unwrap() {
            "chunk" => text.push_str(frame["data"].as_str().unwrap()),
            "end" => break,
            other => panic!("{other}"),
        }
    }
    assert!(text.contains("tea"), "{text}");
    let whole = client.event(CHAT, "message");
    assert_eq!(
        (&whole["content"], &whole["sender"]),
        (&json!(text), &json!("assistant"))
    );
}

#[test]
fn the_sender_learns_that_a_message_was_read() {
    let platform = Platform::start();
    let Some(mut writer) = Client::of(&platform) else {
        return;
    };
    let Some(mut reader) = Client::of(&platform) else {
        return;
    };
    writer.enter(CHAT, &platform);
    reader.enter(CHAT, &platform);
    let sent = writer.ask(
        CHAT,
        "chat-message",
        &json!({ "message": "Hi", "chatId": "c" }),
    );
    let read = json!({ "uid": sent["messageId"], "chatId": "c", "status": "read" });
    assert_eq!(
        reader.ask(CHAT, "updateMessageStatus", &read)["known"],
        true
    );
    let update = writer.event(CHAT, "update");
    assert_eq!(
        (&update["uid"], &update["status"]),
        (&sent["messageId"], &json!("read"))
    );
}

#[test]
fn files_are_passed_on_byte_for_byte() {
    let platform = Platform::start();
    let Some(mut writer) = Client::of(&platform) else {
        return;
    };
    let Some(mut reader) = Client::of(&platform) else {
        return;
    };
    writer.enter(CHAT, &platform);
    reader.enter(CHAT, &platform);
    let files = json!([{ "name": "a.bin", "content": { "$bytes": "AP8KDQ==" } }]);
    writer.emit(
        CHAT,
        "chat-message",
        &json!({ "message": "see", "files": files }),
    );
    assert_eq!(reader.event(CHAT, "message")["files"], files);
}

#[test]
fn an_unknown_event_is_an_error() {
    let platform = Platform::start();
    let Some(mut client) = Client::of(&platform) else {
        return;
    };
    client.enter(CHAT, &platform);
    let reply = client.ask(CHAT, "chat-mesage", &json!({}));
    assert_eq!(
        (&reply["success"], &reply["code"]),
        (&json!(false), &json!("unknown_event"))
    );
    assert_eq!(client.event(CHAT, "error")["event"], "chat-mesage");
}

#[test]
fn an_organisation_receives_no_events_of_another() {
    let platform = Platform::start();
    let Some(mut ours) = Client::of(&platform) else {
        return;
    };
    let Some(mut theirs) = Client::of(&platform) else {
        return;
    };
    ours.enter_as(CHAT, &json!({ "token": "any", "orgId": "ours" }));
    theirs.enter_as(CHAT, &json!({ "token": "any", "orgId": "theirs" }));
    theirs.ask(CHAT, "join-chat", &json!({ "chatId": "c" }));
    ours.ask(
        CHAT,
        "chat-message",
        &json!({ "message": "secret", "chatId": "c" }),
    );
    let history = theirs.ask(CHAT, "chat-history", &json!({ "chatId": "c" }));
    assert_eq!(history["history"], json!([]));
    theirs.ask(
        CHAT,
        "chat-message",
        &json!({ "message": "own", "chatId": "c" }),
    );
    assert_eq!(
        ours.ask(CHAT, "pick-next", &json!({}))["chat"]["messages"][0]["content"],
        "secret"
    );
}

#[test]
fn customers_cannot_send_events_of_the_staff() {
    let platform = strict();
    let credentials = json!({ "email": "ada@example.test", "password": "pw" });
    platform.create("customer", credentials.clone());
    let signed_in = platform
        .ask("POST", "/profile/customer/signin", &credentials)
        .json();
    let Some(mut customer) = Client::of(&platform) else {
        return;
    };
    let auth = json!({ "token": signed_in["token"], "orgId": "my-org" });
    let welcome = customer.enter_as(CHAT, &auth);
    assert_eq!(welcome["user"]["role"], "customer");
    let reply = customer.ask(CHAT, "pick-next", &json!({}));
    assert_eq!(reply["code"], "forbidden");
}

#[test]
fn a_group_receives_its_messages_and_joins_and_leaves() {
    const COMMUNITY: &str = "/community-chat";
    let platform = Platform::start();
    let Some(mut one) = Client::of(&platform) else {
        return;
    };
    let Some(mut other) = Client::of(&platform) else {
        return;
    };
    one.enter(COMMUNITY, &platform);
    other.enter(COMMUNITY, &platform);
    let group = json!({ "group": "team" });
    assert_eq!(
        one.ask(COMMUNITY, "join", &group)["members"],
        json!(["dev@evt.local"])
    );
    other.ask(COMMUNITY, "join", &group);
    assert_eq!(one.event(COMMUNITY, "presence")["status"], "online");
    one.ask(
        COMMUNITY,
        "message",
        &json!({ "group": "team", "content": "Lunch?" }),
    );
    for client in [&mut one, &mut other] {
        assert_eq!(client.event(COMMUNITY, "newMessage")["content"], "Lunch?");
    }
    other.emit(COMMUNITY, "typing", &group);
    assert_eq!(one.event(COMMUNITY, "typing")["isTyping"], true);
    other.order(&json!({ "do": "disconnect", "ns": COMMUNITY }));
    assert_eq!(one.event(COMMUNITY, "presence")["status"], "offline");
}

#[test]
fn only_members_can_write_to_a_group() {
    let platform = Platform::start();
    let Some(mut client) = Client::of(&platform) else {
        return;
    };
    client.enter("/community-chat", &platform);
    let message = json!({ "group": "team", "content": "Lunch?" });
    let reply = client.ask("/community-chat", "message", &message);
    assert_eq!(reply["code"], "not_a_member");
}

#[test]
fn a_voice_session_ends_with_its_transcript() {
    let platform = Platform::start();
    let Some(mut client) = Client::of(&platform) else {
        return;
    };
    client.enter("/voice", &platform);
    let early = client.ask("/voice", "media", &json!({ "payload": "AAAA" }));
    assert_eq!(early["code"], "not_started");
    client.ask("/voice", "start", &json!({}));
    client.ask("/voice", "media", &json!({ "payload": "AAAA" }));
    client.ask("/voice", "stop", &json!({}));
    let transcript = client.event("/voice", "transcript");
    assert_eq!(
        (&transcript["text"], &transcript["final"]),
        (&json!("1 pieces of audio, 3 bytes"), &json!(true))
    );
}

#[test]
fn a_push_reaches_the_selected_clients() {
    let platform = Platform::start();
    let Some(mut ours) = Client::of(&platform) else {
        return;
    };
    let Some(mut theirs) = Client::of(&platform) else {
        return;
    };
    ours.enter(CHAT, &platform);
    theirs.enter_as(CHAT, &json!({ "token": "any", "orgId": "theirs" }));
    ours.ask(CHAT, "join-chat", &json!({ "chatId": "c" }));
    let order = |more: Value| {
        let mut order = json!({ "namespace": "chat", "event": "update", "data": [1, 2] });
        order
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        order
    };
    for (more, count) in [
        (json!({}), 2),
        (json!({ "org": "theirs" }), 1),
        (json!({ "room": "c" }), 1),
        (json!({ "room": "d" }), 0),
        (json!({ "namespace": "voice" }), 0),
    ] {
        let sent = push(&platform, order(more.clone()));
        assert_eq!(sent, json!({ "sent": count, "lost": 0 }), "{more}");
    }
    assert_eq!(ours.event(CHAT, "update"), json!([1, 2]));
}

#[test]
fn a_push_of_a_reserved_event_is_refused() {
    let platform = Platform::start();
    for (order, code) in [
        (
            json!({ "namespace": "/chats", "event": "x" }),
            "unknown_namespace",
        ),
        (
            json!({ "namespace": "/chat", "event": "disconnect" }),
            "reserved_event",
        ),
        (json!({ "namespace": "/chat" }), "bad_order"),
    ] {
        let reply = platform.order("POST", "/_evt/gateways/emit", &order);
        assert_eq!(reply.refusal(), (400, code.into()), "{order}");
    }
}

#[test]
fn a_flow_starts_when_a_chat_is_queued() {
    let (platform, app) = (Platform::start(), App::start());
    let flow = json!({
        "name": "a chat waits",
        "trigger": { "type": "chat-queue-notification" },
        "actions": [{
            "type": "send_webhook",
            "config": { "url": app.url("/hook"), "method": "POST" },
        }],
    });
    let created = platform.ask("POST", "/automation/flows/create", &flow);
    assert_eq!(created.status, 201, "{created:?}");
    let Some(mut client) = Client::of(&platform) else {
        return;
    };
    client.enter(CHAT, &platform);
    let message = json!({ "message": "Help", "chatId": "chat-1" });
    client.ask(CHAT, "chat-message", &message);
    let delivered = app.wait_for(1)[0].json();
    assert!(
        delivered.to_string().contains("\"chatId\":\"chat-1\""),
        "{delivered}"
    );
}
