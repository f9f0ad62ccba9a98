//! AI and chat: what the chat clients send with socket.io-client, and the fields that they read.

use evt::dev::{AuthMode, DevOptions};
use serde_json::{Value, json};

use super::super::gateways::client::Client;
use super::super::wire::Platform;

const CHAT: &str = "/chat";

fn strict() -> Platform {
    let options = DevOptions {
        auth: AuthMode::Strict,
        ..DevOptions::default()
    };
    Platform::with(options).expect("a platform on free ports")
}

/// The token of a new customer.
fn customer(platform: &Platform, name: &str) -> Value {
    let email = format!("{}@example.com", name.to_lowercase());
    let password = "correct horse";
    let data = json!({ "email": email, "password": password, "firstName": name });
    platform.create("customer", data);
    let body = json!({ "email": email, "password": password });
    let signed_in = platform.ask("POST", "/profile/customer/signin", &body);
    signed_in.json()["token"].clone()
}

/// A customer's client. Returns its `authenticate`, too.
fn enter(platform: &Platform, name: &str, more: &Value) -> Option<(Client, Value)> {
    let mut client = Client::of(platform)?;
    let mut auth = json!({ "token": customer(platform, name), "orgId": "my-org" });
    auth.as_object_mut()?.extend(more.as_object()?.clone());
    let welcome = client.enter_as(CHAT, &auth);
    Some((client, welcome))
}

/// A customer whose chat is `chat-1`.
fn ada(platform: &Platform) -> Option<Client> {
    let context = json!({ "context": { "chatSessionId": "chat-1" } });
    Some(enter(platform, "Ada", &context)?.0)
}

fn staff(platform: &Platform) -> Option<Client> {
    let mut client = Client::of(platform)?;
    client.enter(CHAT, platform);
    Some(client)
}

fn set(platform: &Platform, settings: &Value) {
    let reply = platform.order("POST", "/_evt/settings", settings);
    assert_eq!(reply.status, 200, "{reply:?}");
}

/// The frames of an answer up to `end`. The last one is `end`.
fn frames(client: &mut Client) -> Vec<Value> {
    let mut frames = Vec::new();
    loop {
        frames.push(client.event(CHAT, "chat-stream"));
        if frames.last().is_some_and(|frame| frame["event"] == "end") {
            return frames;
        }
    }
}

fn text_of(frames: &[Value]) -> String {
    frames
        .iter()
        .filter(|frame| frame["event"] == "chunk")
        .map(|frame| frame["data"].as_str().expect("a chunk's data is text"))
        .collect()
}

#[test]
fn a_page_learns_whether_an_automation_is_valid() {
    let platform = Platform::start();
    let ask = |document: &Value| {
        let body = json!({ "automation": document });
        let reply = platform.ask("POST", "/automation/ai/validate", &body);
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    };
    let action = json!({ "type": "send_webhook", "config": { "url": "https://a.example", "method": "POST" } });
    let good = ask(
        &json!({ "name": "Notify", "trigger": { "type": "contact.created" }, "actions": [action] }),
    );
    assert_eq!(
        (&good["valid"], &good["errors"]),
        (&json!(true), &json!([]))
    );
    let bad = ask(&json!({ "name": "Notify", "trigger": 1 }));
    assert_eq!(bad["valid"], false);
    assert!(bad["errors"][0]["message"].is_string(), "{bad}");
}

#[test]
fn an_agent_is_asked_by_its_path() {
    let platform = Platform::start();
    let body = json!({ "message": "tea" });
    let reply = platform.ask("POST", "/ai/agent/agent-1/stream", &body);
    assert_eq!(reply.status, 201, "{reply:?}");
    assert!(reply.json()["streamId"].is_string(), "{reply:?}");
}

#[test]
fn a_message_is_flat_and_repeated_in_data() {
    let platform = strict();
    let (Some(mut agent), Some(mut ada)) = (staff(&platform), ada(&platform)) else {
        return;
    };
    let sent = ada.ask(CHAT, "chat-message", &json!({ "message": "Help" }));
    let mut message = agent.event(CHAT, "message");
    let data = message.as_object_mut().unwrap().remove("data");
    assert_eq!(data.as_ref(), Some(&message));
    assert!(message["sentTime"].is_string(), "{message}");
    for (name, value) in [
        ("messageId", sent["messageId"].as_str().unwrap()),
        ("sk", sent["messageId"].as_str().unwrap()),
        ("chatId", "chat-1"),
        ("from", "ada@example.com"),
        ("to", "queued"),
        ("content", "Help"),
        ("type", "user"),
        ("status", "sent"),
        ("senderRole", "customer"),
        ("senderName", "Ada"),
    ] {
        assert_eq!(message[name], value, "{name}");
    }
}

#[test]
fn the_next_chat_names_its_customer() {
    let platform = strict();
    let (Some(mut agent), Some(mut ada)) = (staff(&platform), ada(&platform)) else {
        return;
    };
    ada.ask(CHAT, "chat-message", &json!({ "message": "Help" }));
    let picked = agent.ask(CHAT, "pick-next", &json!({}));
    let chat = &picked["chat"];
    assert_eq!(
        (
            &chat["chatId"],
            &chat["customerEmail"],
            &chat["customerName"]
        ),
        (&json!("chat-1"), &json!("ada@example.com"), &json!("Ada"))
    );
}

#[test]
fn an_author_learns_the_status_of_a_message_by_its_id_alone() {
    let platform = strict();
    let (Some(mut agent), Some(mut ada)) = (staff(&platform), ada(&platform)) else {
        return;
    };
    let sent = ada.ask(CHAT, "chat-message", &json!({ "message": "Help" }));
    let read = json!({
        "uid": sent["messageId"], "status": "read", "from": "dev@evt.local", "to": "ada@example.com",
    });
    agent.emit(CHAT, "updateMessageStatus", &read);
    let update = ada.event(CHAT, "update");
    for name in ["uid", "status", "from", "to"] {
        assert_eq!(update[name], read[name], "{name}");
    }
}

#[test]
fn a_customer_cannot_change_a_message_of_another_chat() {
    let platform = strict();
    let (Some((mut eve, _)), Some(mut ada)) = (enter(&platform, "Eve", &json!({})), ada(&platform))
    else {
        return;
    };
    let sent = ada.ask(CHAT, "chat-message", &json!({ "message": "Help" }));
    let read = json!({ "uid": sent["messageId"], "status": "read" });
    let reply = eve.ask(CHAT, "updateMessageStatus", &read);
    assert_eq!(reply["code"], "forbidden");
}

#[test]
fn the_frames_of_an_answer_name_the_question_and_the_stored_answer() {
    let platform = strict();
    let Some(mut ada) = ada(&platform) else {
        return;
    };
    let question = json!({ "message": "tea", "assistantId": "agent-1" });
    let sent = ada.ask(CHAT, "chat-message", &question);
    let frames = frames(&mut ada);
    for frame in &frames {
        assert_eq!(
            (&frame["chatId"], &frame["messageId"]),
            (&json!("chat-1"), &sent["messageId"])
        );
    }
    let stored = ada.event(CHAT, "message");
    assert_eq!(frames.last().unwrap()["sk"], stored["sk"]);
    assert_eq!(stored["content"], text_of(&frames));
    assert_eq!(
        (&stored["type"], &stored["senderRole"]),
        (&json!("ai-assistant"), &json!("system"))
    );
}

#[test]
fn an_error_of_an_answer_is_at_the_root_of_its_frame() {
    let platform = strict();
    let script = json!({ "steps": [{ "error": "no tea" }] });
    let agents = json!({ "agents": { "agent-1": script } });
    assert_eq!(platform.order("POST", "/_evt/agents", &agents).status, 200);
    let Some(mut ada) = ada(&platform) else {
        return;
    };
    let question = json!({ "message": "tea", "assistantId": "agent-1" });
    ada.emit(CHAT, "chat-message", &question);
    let frame = ada.event(CHAT, "chat-stream");
    assert_eq!(
        (&frame["event"], &frame["error"]),
        (&json!("error"), &json!("no tea"))
    );
}

#[test]
fn a_refused_client_reads_the_reason_and_a_sentence() {
    let platform = strict();
    let Some(mut client) = Client::of(&platform) else {
        return;
    };
    let refused = client.enter_as(CHAT, &json!({ "token": "bad", "orgId": "my-org" }));
    assert_eq!(refused["success"], false);
    assert_eq!(refused["error"], refused["reason"]);
    assert!(
        refused["message"].as_str().unwrap().contains(' '),
        "{refused}"
    );
}

#[test]
fn a_configuration_is_named_and_its_assistant_answers() {
    let platform = strict();
    let config = json!({ "configId": "shop" });
    let Some((mut ada, welcome)) = enter(&platform, "Ada", &config) else {
        return;
    };
    let config = &welcome["config"];
    assert_eq!(
        (&config["configId"], &config["status"]),
        (&json!("shop"), &json!("active"))
    );
    assert!(config["ai"].is_object(), "{config}");
    assert!(config["agents"][0]["user"].is_string(), "{config}");
    assert!(config["defaultPath"].is_string(), "{config}");
    ada.emit(CHAT, "chat-message", &json!({ "message": "tea" }));
    assert!(text_of(&frames(&mut ada)).contains("tea"));
}

#[test]
fn a_waiting_customer_learns_the_position_again_and_again() {
    let platform = strict();
    set(&platform, &json!({ "chat.queue_update": "20ms" }));
    let Some(mut ada) = ada(&platform) else {
        return;
    };
    ada.emit(CHAT, "chat-message", &json!({ "message": "Help" }));
    let queued = ada.event(CHAT, "queued");
    assert_eq!(
        (&queued["position"], &queued["ahead"]),
        (&json!(1), &json!(0))
    );
    // The first one follows the change of the queue.
    for _ in 0..3 {
        assert_eq!(ada.event(CHAT, "queue-update"), queued);
    }
}

#[test]
fn a_message_has_the_date_of_the_platforms_clock() {
    let platform = strict();
    let Some(mut ada) = ada(&platform) else {
        return;
    };
    let day = json!({ "to": { "forward": 24 * 3600 * 1000 } });
    let clock = platform.order("POST", "/_evt/clock", &day).json();
    ada.ask(CHAT, "chat-message", &json!({ "message": "Help" }));
    let history = ada.ask(CHAT, "chat-history", &json!({}));
    let sent = history["history"][0]["sentTime"].as_str().unwrap();
    assert!(sent >= clock["now"].as_str().unwrap(), "{sent} {clock}");
}

/// The conversation of the chat demo.
#[test]
fn a_conversation_runs_from_the_greeting_to_its_end() {
    let platform = strict();
    let context = json!({ "configId": "shop", "context": { "chatSessionId": "chat-1" } });
    let (Some(mut agent), Some((mut ada, welcome))) =
        (staff(&platform), enter(&platform, "Ada", &context))
    else {
        return;
    };
    assert_eq!(welcome["user"]["name"], "Ada");

    let question = json!({ "message": "tea", "chatId": "chat-1" });
    assert_eq!(
        ada.ask(CHAT, "chat-message", &question)["routedTo"],
        "agent"
    );
    let answer = frames(&mut ada);
    assert!(text_of(&answer).contains("tea"));
    assert_eq!(agent.event(CHAT, "message")["content"], "tea");

    let human = json!({ "message": "A human, please", "chatId": "chat-1", "to": "queued" });
    let sent = ada.ask(CHAT, "chat-message", &human);
    assert_eq!(sent["routedTo"], "queued");
    assert_eq!(ada.event(CHAT, "queued")["position"], 1);
    assert_eq!(agent.event(CHAT, "queue-notification")["chatId"], "chat-1");
    let picked = agent.ask(CHAT, "pick-next", &json!({}));
    assert_eq!(picked["chat"]["customerName"], "Ada");
    let assigned = ada.event(CHAT, "agent-assigned");
    assert_eq!(assigned["agent"]["email"], "dev@evt.local");

    let read = json!({ "uid": sent["messageId"], "status": "read" });
    agent.emit(CHAT, "updateMessageStatus", &read);
    assert_eq!(ada.event(CHAT, "update")["uid"], sent["messageId"]);
    assert_eq!(ada.event(CHAT, "message")["type"], "ai-assistant");
    let reply = json!({ "chatId": "chat-1", "content": "Here I am", "to": "ada@example.com" });
    agent.ask(CHAT, "sendMessage", &reply);
    let heard = ada.event(CHAT, "message");
    assert_eq!(
        (&heard["content"], &heard["senderRole"], &heard["to"]),
        (
            &json!("Here I am"),
            &json!("agent"),
            &json!("ada@example.com")
        )
    );

    let end = json!({ "chatId": "chat-1", "reason": "solved" });
    agent.ask(CHAT, "close-chat", &end);
    assert_eq!(ada.event(CHAT, "chat-ended"), end);
}

#[test]
fn an_expired_token_has_its_own_reason() {
    let platform = strict();
    let token = customer(&platform, "Ada");
    let Some(mut client) = Client::of(&platform) else {
        return;
    };
    let day = json!({ "to": { "forward": 24 * 3600 * 1000 } });
    let reply = platform.order("POST", "/_evt/clock", &day);
    assert_eq!(reply.status, 200, "{reply:?}");
    let refused = client.enter_as(CHAT, &json!({ "token": token, "orgId": "my-org" }));
    assert_eq!(
        (&refused["success"], &refused["error"]),
        (&json!(false), &json!("token_expired"))
    );
}

#[test]
fn a_customer_cannot_use_the_chat_of_another() {
    let platform = strict();
    let (Some((mut eve, _)), Some(mut ada)) = (enter(&platform, "Eve", &json!({})), ada(&platform))
    else {
        return;
    };
    ada.ask(CHAT, "chat-message", &json!({ "message": "Help" }));
    let chat = json!({ "chatId": "chat-1", "message": "Hello" });
    for event in [
        "chat-message",
        "chat-history",
        "join-chat",
        "typing",
        "close-chat",
    ] {
        assert_eq!(eve.ask(CHAT, event, &chat)["code"], "forbidden", "{event}");
    }
}
