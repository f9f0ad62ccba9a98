//! `/chat`: chats between customers and agents or assistants, and the queue of customers who wait.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::chats::{Assignment, Chats, NewMessage, Participant, Role};
use super::client::{self, Answer, Client, EventError, name, required, unknown};
use super::payload::Payload;
use super::session::is_name;

/// The room of a chat.
const CHAT: &str = "chat";
const CHAT_NAMES: [&str; 5] = ["chatId", "chatSessionId", "room", "roomId", "id"];
const MESSAGE_NAMES: [&str; 3] = ["message", "content", "text"];
/// Maximum length of a message's text, in bytes.
const MAX_TEXT: usize = 16 * 1024;
/// Maximum duration of an assistant's answer.
const ANSWER_TIME: Duration = Duration::from_secs(300);

/// Handles an event. Alternative names are those of older clients.
pub(super) fn answer(client: &Client<'_>, event: &str, data: &Payload) -> Answer {
    match event {
        "chat-message" | "message" => chat_message(client, data),
        "chat-history" => history(client, data),
        "join-chat" | "join-room" => join(client, data),
        "leave-room" => leave(client, data),
        "typing" => typing(client, data),
        "shareStatus" => share_status(client, data),
        "updateMessageStatus" | "read" => update_status(client, data),
        "close-chat" => close(client, data),
        "sendMessage" => staff(client).and_then(|()| send_message(client, data)),
        "pick-next" => staff(client).and_then(|()| pick_next(client)),
        "set-status" => staff(client).and_then(|()| set_status(client, data)),
        _ => unknown(event),
    }
}

/// Announces in the client's chats that it has left.
pub(super) fn left(client: &Client<'_>) {
    for chat in client.rooms(CHAT) {
        announce(client, &chat, "user-left");
    }
}

fn staff(client: &Client<'_>) -> Result<(), EventError> {
    match client.session.is_staff() {
        true => Ok(()),
        false => Err(EventError::new(
            "forbidden",
            "only staff of the organisation may do this",
        )),
    }
}

/// The chat of an event: the named one, or by default the session's.
fn chat_of<'a>(client: &'a Client<'_>, data: &'a Payload) -> Result<&'a str, EventError> {
    match data {
        Payload::Text(name) if is_name(name) => Ok(name),
        _ => Ok(name(data, &CHAT_NAMES)?.unwrap_or(&client.session.chat)),
    }
}

fn with_chats<T>(client: &Client<'_>, act: impl FnOnce(&mut Chats, &str) -> T) -> T {
    act(&mut client.state.gateways.chats(), &client.session.org)
}

/// Reads a new message. Files are passed on with it.
fn new_message(client: &Client<'_>, role: Role, data: &Payload) -> Result<NewMessage, EventError> {
    let text = data.text(&MESSAGE_NAMES).unwrap_or_default();
    let files = data.get("files").cloned().unwrap_or_default();
    if text.is_empty() && matches!(files, Payload::Null) {
        return Err(EventError::new(
            "missing_field",
            "`message` is required, as a string",
        ));
    }
    if text.len() > MAX_TEXT {
        let message = format!("a message has at most {MAX_TEXT} bytes");
        return Err(EventError::new("message_too_long", message));
    }
    Ok(NewMessage {
        from: client.session.person(),
        role,
        text: text.to_owned(),
        kind: name(data, &["type"])?.unwrap_or("text").to_owned(),
        files,
    })
}

/// A stored message of a customer, and who receives it.
struct Routed {
    id: String,
    message: Payload,
    to: &'static str,
    /// The position of the chat in the queue, if it has just been added.
    queued: Option<usize>,
}

/// Handles a customer's message: it goes to the agent or assistant of the chat, or else the chat joins the queue.
fn chat_message(client: &Client<'_>, data: &Payload) -> Answer {
    let chat = chat_of(client, data)?.to_owned();
    let assistant = name(data, &["assistantId"])?;
    let new = new_message(client, Role::Customer, data)?;
    let text = new.text.clone();
    enter(client, &chat)?;
    let routed = with_chats(client, |chats, org| {
        route(chats, org, &chat, new, assistant)
    });
    let rooms = vec![client.room(CHAT, &chat), client.room("staff", "")];
    client.push_to_others(rooms, "message", &routed.message);
    if let Some(position) = routed.queued {
        client.push(
            "queued",
            &json!({ "chatId": chat, "position": position }).into(),
        );
        let notice = json!({ "chatId": chat, "message": text, "email": client.session.email() });
        let staff = vec![client.room("staff", "")];
        client.push_to(staff, "queue-notification", &notice.clone().into());
        push_queue(client);
        client.raise("chat-queue-notification", "chat", notice)?;
    }
    if let Some(assistant) = assistant {
        reply(client, &chat, assistant, &text)?;
    }
    Ok(json!({ "messageId": routed.id, "chatId": chat, "routedTo": routed.to }).into())
}

fn route(
    chats: &mut Chats,
    org: &str,
    id: &str,
    new: NewMessage,
    assistant: Option<&str>,
) -> Routed {
    let chat = chats.open(org, id);
    if chat.customer == Participant::default() {
        chat.customer = new.from.clone();
    }
    if assistant.is_some() && !matches!(chat.assignment, Assignment::Agent(_)) {
        chat.assignment = Assignment::Assistant;
    }
    let assignment = chat.assignment.clone();
    let message = chats.add(org, id, new);
    let (to, queued) = match assignment {
        Assignment::Agent(_) | Assignment::Assistant => ("agent", None),
        Assignment::Queued => ("queued", None),
        Assignment::Open | Assignment::Ended => ("queued", Some(chats.queue(org, id))),
    };
    Routed {
        message: message.payload(id),
        id: message.id,
        to,
        queued,
    }
}

/// Sends the queue to the staff.
fn push_queue(client: &Client<'_>) {
    let waiting: Vec<Value> = with_chats(client, |chats, org| {
        let waiting = chats.waiting(org).into_iter();
        let shown = waiting.map(|(id, chat)| json!({ "chatId": id, "email": chat.customer.email }));
        shown.collect()
    });
    let body = json!({ "length": waiting.len(), "chats": waiting });
    client.push_to(vec![client.room("staff", "")], "queue-update", &body.into());
}

/// Starts an assistant's answer: `chat-stream` for each frame, then `message` with the whole text.
fn reply(
    client: &Client<'_>,
    chat: &str,
    assistant: &str,
    question: &str,
) -> Result<(), EventError> {
    let room = client.room(CHAT, chat);
    let (state, session) = (Arc::clone(client.state), Arc::clone(&client.session));
    let (socket, chat) = (client.socket(), chat.to_owned());
    let (assistant, question) = (assistant.to_owned(), question.to_owned());
    client.state.gateways.spawn_task(async move {
        let id = format!("stream-{}", uuid::Uuid::now_v7().simple());
        let push = |event: &str, data: Payload| {
            client::send(socket.within(room.clone()).sockets(), event, &data);
        };
        let mut text = String::new();
        let mut receive = |frame: Value| {
            if let Some(piece) = frame["content"].as_str()
                && text.len() + piece.len() <= MAX_TEXT
            {
                text.push_str(piece);
            }
            push("chat-stream", stream_frame(&chat, &id, frame));
        };
        let answer = state.streams.converse(&assistant, &question, &mut receive);
        tokio::select! {
            () = session.gone.cancelled() => return,
            _ = tokio::time::timeout(ANSWER_TIME, answer) => {}
        }
        if text.is_empty() {
            return;
        }
        let new = NewMessage {
            from: Participant {
                email: String::new(),
                name: assistant,
            },
            role: Role::Assistant,
            text,
            kind: "text".to_owned(),
            files: Payload::Null,
        };
        let message = state.gateways.chats().add(&session.org, &chat, new);
        push("message", message.payload(&chat));
    })
}

/// `{chatId, messageId, event, data}`: a frame of an AI stream inside a chat.
fn stream_frame(chat: &str, id: &str, mut frame: Value) -> Payload {
    let kind = frame.as_object_mut().and_then(|frame| frame.remove("type"));
    json!({ "chatId": chat, "messageId": id, "event": kind, "data": frame }).into()
}

fn enter(client: &Client<'_>, chat: &str) -> Result<(), EventError> {
    if client.join(client.room(CHAT, chat))? {
        announce(client, chat, "user-joined");
    }
    Ok(())
}

fn announce(client: &Client<'_>, chat: &str, event: &str) {
    let body = json!({ "chatId": chat });
    let body = Payload::from(body).with("user", client.session.person().payload());
    client.push_to_others(vec![client.room(CHAT, chat)], event, &body);
}

/// Returns the messages of a chat, or of the last chat of an email address.
fn history(client: &Client<'_>, data: &Payload) -> Answer {
    let named = name(data, &CHAT_NAMES)?;
    let email = name(data, &["email"])?;
    let history = with_chats(client, |chats, org| {
        let chat = match (named, email) {
            (Some(chat), _) => Some(chat),
            (None, Some(email)) => chats.last_of(org, email),
            (None, None) => Some(client.session.chat.as_str()),
        };
        chat.map(|chat| (chat.to_owned(), chats.history(org, chat)))
    });
    let (chat, history) = history.unwrap_or_else(|| (String::new(), Payload::List(Vec::new())));
    Ok(Payload::from(json!({ "chatId": chat })).with("history", history))
}

fn join(client: &Client<'_>, data: &Payload) -> Answer {
    let chat = chat_of(client, data)?;
    enter(client, chat)?;
    Ok(json!({ "chatId": chat }).into())
}

fn leave(client: &Client<'_>, data: &Payload) -> Answer {
    let chat = chat_of(client, data)?;
    if client.leave(client.room(CHAT, chat)) {
        announce(client, chat, "user-left");
    }
    Ok(json!({ "chatId": chat }).into())
}

fn typing(client: &Client<'_>, data: &Payload) -> Answer {
    let chat = chat_of(client, data)?;
    let is_typing = data.get("isTyping") != Some(&Payload::Bool(false));
    let body = Payload::from(json!({ "chatId": chat, "isTyping": is_typing }));
    let body = body.with("user", client.session.person().payload());
    client.push_to_others(vec![client.room(CHAT, chat)], "typing", &body);
    Ok(Payload::Null)
}

/// Sends the client's status (`{status, …}`) to the staff and to the members of its chats.
fn share_status(client: &Client<'_>, data: &Payload) -> Answer {
    let body = Payload::from(json!({ "email": client.session.email() })).merge(data.clone());
    let mut rooms = vec![client.room("staff", "")];
    rooms.extend(
        client
            .rooms(CHAT)
            .iter()
            .map(|chat| client.room(CHAT, chat)),
    );
    client.push_to_others(rooms, "status", &body);
    Ok(Payload::Null)
}

/// `{uid, status, from, to}`: a message was delivered or read.
fn update_status(client: &Client<'_>, data: &Payload) -> Answer {
    let chat = chat_of(client, data)?;
    let message = required(data, &["uid", "messageId"])?;
    let status = name(data, &["status"])?.unwrap_or("read");
    let is_known = with_chats(client, |chats, org| chats.mark(org, chat, message, status));
    let from = name(data, &["from"])?.unwrap_or(client.session.email());
    let to = name(data, &["to"])?;
    let body = json!({ "uid": message, "chatId": chat, "status": status, "from": from, "to": to });
    let mut rooms = vec![client.room(CHAT, chat)];
    rooms.extend(to.map(|to| client.room("user", to)));
    client.push_to_others(rooms, "update", &body.into());
    Ok(json!({ "known": is_known }).into())
}

fn close(client: &Client<'_>, data: &Payload) -> Answer {
    let chat = chat_of(client, data)?;
    let reason = name(data, &["reason"])?.unwrap_or("closed");
    let was = with_chats(client, |chats, org| {
        chats.chat(org, chat)?;
        Some(std::mem::replace(
            &mut chats.open(org, chat).assignment,
            Assignment::Ended,
        ))
    });
    let Some(was) = was else {
        return Err(EventError::new("unknown_chat", "there is no such chat"));
    };
    let body = json!({ "chatId": chat, "reason": reason });
    client.push_to(vec![client.room(CHAT, chat)], "chat-ended", &body.into());
    if was == Assignment::Queued {
        push_queue(client);
    }
    Ok(json!({ "chatId": chat }).into())
}

/// Handles an agent's message. The chat is assigned to the agent, even if it had another one.
fn send_message(client: &Client<'_>, data: &Payload) -> Answer {
    let chat = chat_of(client, data)?.to_owned();
    let to = name(data, &["to"])?;
    let new = new_message(client, Role::Agent, data)?;
    enter(client, &chat)?;
    let agent = client.session.person();
    let (message, was) = with_chats(client, |chats, org| {
        let assignment = Assignment::Agent(agent.clone());
        let was = std::mem::replace(&mut chats.open(org, &chat).assignment, assignment);
        (chats.add(org, &chat, new), was)
    });
    assigned(client, &chat, &agent, &was);
    let mut rooms = vec![client.room(CHAT, &chat)];
    rooms.extend(to.map(|to| client.room("user", to)));
    client.push_to_others(rooms, "message", &message.payload(&chat));
    Ok(json!({ "messageId": message.id, "chatId": chat }).into())
}

/// Announces the agent of a chat, unless it is the same as before.
fn assigned(client: &Client<'_>, chat: &str, agent: &Participant, was: &Assignment) {
    let room = vec![client.room(CHAT, chat)];
    let body = Payload::from(json!({ "chatId": chat }));
    match was {
        Assignment::Agent(before) if before == agent => {}
        Assignment::Agent(_) => {
            let body = body
                .with("newAgent", agent.email.as_str())
                .with("newAgentName", agent.name.as_str());
            client.push_to(room, "agent-changed", &body);
        }
        Assignment::Open | Assignment::Queued | Assignment::Assistant | Assignment::Ended => {
            client.push_to(room, "agent-assigned", &body.with("agent", agent.payload()));
        }
    }
    if *was == Assignment::Queued {
        push_queue(client);
    }
}

/// Assigns the longest waiting chat to the agent; `chat` is null if none is waiting.
fn pick_next(client: &Client<'_>) -> Answer {
    let agent = client.session.person();
    let picked = with_chats(client, |chats, org| {
        let id = chats.pick(org, &agent)?;
        let customer = chats.chat(org, &id).map(|chat| chat.customer.payload());
        let shown = Payload::from(json!({ "chatId": id }))
            .with("customer", customer.unwrap_or_default())
            .with("messages", chats.history(org, &id));
        Some((id, shown))
    });
    let Some((id, shown)) = picked else {
        return Ok(json!({ "chat": null }).into());
    };
    enter(client, &id)?;
    assigned(client, &id, &agent, &Assignment::Queued);
    Ok(Payload::from(json!({})).with("chat", shown))
}

fn set_status(client: &Client<'_>, data: &Payload) -> Answer {
    let status = match data {
        Payload::Text(status) if is_name(status) => status,
        _ => required(data, &["status"])?,
    };
    let body = json!({ "email": client.session.email(), "status": status });
    client.push_to_others(vec![client.room("staff", "")], "status", &body.into());
    Ok(json!({ "status": status }).into())
}
