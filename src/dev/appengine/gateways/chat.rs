//! `/chat`: customers who write, people and assistants who answer, and the queue between them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::desk::{Desk, Part, Person, Place, Saying};
use super::payload::Payload;
use super::session::is_name;
use super::turn::{self, Answer, Complaint, Turn, name, required, unknown};

/// The room of a chat.
const CHAT: &str = "chat";
const CHAT_NAMES: [&str; 5] = ["chatId", "chatSessionId", "room", "roomId", "id"];
const MESSAGE_NAMES: [&str; 3] = ["message", "content", "text"];
/// Bytes of the text of one message.
const MAX_TEXT: usize = 16 * 1024;
/// How long an assistant may go on.
const ANSWER_TIME: Duration = Duration::from_secs(300);

/// Answers one event. The names after the first are those of older clients.
pub(super) fn answer(turn: &Turn<'_>, event: &str, data: &Payload) -> Answer {
    match event {
        "chat-message" | "message" => chat_message(turn, data),
        "chat-history" => history(turn, data),
        "join-chat" | "join-room" => join(turn, data),
        "leave-room" => leave(turn, data),
        "typing" => typing(turn, data),
        "shareStatus" => share_status(turn, data),
        "updateMessageStatus" | "read" => update_status(turn, data),
        "close-chat" => close(turn, data),
        "sendMessage" => staff(turn).and_then(|()| send_message(turn, data)),
        "pick-next" => staff(turn).and_then(|()| pick_next(turn)),
        "set-status" => staff(turn).and_then(|()| set_status(turn, data)),
        _ => unknown(event),
    }
}

/// Tells the chats of a client that it has left.
pub(super) fn left(turn: &Turn<'_>) {
    for chat in turn.rooms(CHAT) {
        announce(turn, &chat, "user-left");
    }
}

fn staff(turn: &Turn<'_>) -> Result<(), Complaint> {
    match turn.session.is_staff() {
        true => Ok(()),
        false => Err(Complaint::new(
            "forbidden",
            "this is for the organisation's staff",
        )),
    }
}

/// The chat of an event: the one that it names, else the session's own.
fn chat_of<'a>(turn: &'a Turn<'_>, data: &'a Payload) -> Result<&'a str, Complaint> {
    match data {
        Payload::Text(name) if is_name(name) => Ok(name),
        _ => Ok(name(data, &CHAT_NAMES)?.unwrap_or(&turn.session.chat)),
    }
}

fn desk<T>(turn: &Turn<'_>, act: impl FnOnce(&mut Desk, &str) -> T) -> T {
    act(&mut turn.state.gateways.desk(), &turn.session.org)
}

/// What a client says; its files travel with the message that is pushed.
fn saying(turn: &Turn<'_>, part: Part, data: &Payload) -> Result<Saying, Complaint> {
    let text = data.text(&MESSAGE_NAMES).unwrap_or_default();
    let files = data.get("files").cloned().unwrap_or_default();
    if text.is_empty() && matches!(files, Payload::Null) {
        return Err(Complaint::new(
            "missing_field",
            "`message` is required, as a string",
        ));
    }
    if text.len() > MAX_TEXT {
        let message = format!("a message has {MAX_TEXT} bytes at most");
        return Err(Complaint::new("message_too_long", message));
    }
    Ok(Saying {
        from: turn.session.person(),
        part,
        text: text.to_owned(),
        kind: name(data, &["type"])?.unwrap_or("text").to_owned(),
        files,
    })
}

/// Where a customer's message goes.
struct Routed {
    id: String,
    message: Payload,
    to: &'static str,
    /// Its number in the queue, when it has just come there.
    queued: Option<usize>,
}

/// A customer writes: to the person or the assistant who has the chat, else into the queue.
fn chat_message(turn: &Turn<'_>, data: &Payload) -> Answer {
    let chat = chat_of(turn, data)?.to_owned();
    let assistant = name(data, &["assistantId"])?;
    let saying = saying(turn, Part::Customer, data)?;
    let text = saying.text.clone();
    enter(turn, &chat)?;
    let routed = desk(turn, |desk, org| route(desk, org, &chat, saying, assistant));
    let rooms = vec![turn.room(CHAT, &chat), turn.room("staff", "")];
    turn.push_to_others(rooms, "message", &routed.message);
    if let Some(position) = routed.queued {
        turn.push(
            "queued",
            &json!({ "chatId": chat, "position": position }).into(),
        );
        let notice = json!({ "chatId": chat, "message": text, "email": turn.session.email() });
        let staff = vec![turn.room("staff", "")];
        turn.push_to(staff, "queue-notification", &notice.clone().into());
        push_queue(turn);
        turn.raise("chat-queue-notification", "chat", notice)?;
    }
    if let Some(assistant) = assistant {
        reply(turn, &chat, assistant, &text)?;
    }
    Ok(json!({ "messageId": routed.id, "chatId": chat, "routedTo": routed.to }).into())
}

fn route(desk: &mut Desk, org: &str, id: &str, saying: Saying, assistant: Option<&str>) -> Routed {
    let chat = desk.open(org, id);
    if chat.customer == Person::default() {
        chat.customer = saying.from.clone();
    }
    if assistant.is_some() && !matches!(chat.place, Place::With(_)) {
        chat.place = Place::Assistant;
    }
    let place = chat.place.clone();
    let message = desk.say(org, id, saying);
    let (to, queued) = match place {
        Place::With(_) | Place::Assistant => ("agent", None),
        Place::Queued => ("queued", None),
        Place::Open | Place::Ended => ("queued", Some(desk.queue(org, id))),
    };
    Routed {
        message: message.payload(id),
        id: message.id,
        to,
        queued,
    }
}

/// Tells the staff how long the queue is.
fn push_queue(turn: &Turn<'_>) {
    let waiting: Vec<Value> = desk(turn, |desk, org| {
        let waiting = desk.waiting(org).into_iter();
        let shown = waiting.map(|(id, chat)| json!({ "chatId": id, "email": chat.customer.email }));
        shown.collect()
    });
    let body = json!({ "length": waiting.len(), "chats": waiting });
    turn.push_to(vec![turn.room("staff", "")], "queue-update", &body.into());
}

/// Lets an assistant answer: `chat-stream` while it speaks, `message` with all that it said.
fn reply(turn: &Turn<'_>, chat: &str, assistant: &str, question: &str) -> Result<(), Complaint> {
    let room = turn.room(CHAT, chat);
    let (state, session) = (Arc::clone(turn.state), Arc::clone(&turn.session));
    let (client, chat) = (turn.client(), chat.to_owned());
    let (assistant, question) = (assistant.to_owned(), question.to_owned());
    turn.state.gateways.errand(async move {
        let id = format!("stream-{}", uuid::Uuid::now_v7().simple());
        let push = |event: &str, data: Payload| {
            turn::send(client.within(room.clone()).sockets(), event, &data);
        };
        let mut said = String::new();
        let mut hear = |frame: Value| {
            if let Some(piece) = frame["content"].as_str()
                && said.len() + piece.len() <= MAX_TEXT
            {
                said.push_str(piece);
            }
            push("chat-stream", stream_frame(&chat, &id, frame));
        };
        let speaking = state.streams.tell(&assistant, &question, &mut hear);
        tokio::select! {
            () = session.gone.cancelled() => return,
            _ = tokio::time::timeout(ANSWER_TIME, speaking) => {}
        }
        if said.is_empty() {
            return;
        }
        let saying = Saying {
            from: Person {
                email: String::new(),
                name: assistant,
            },
            part: Part::Assistant,
            text: said,
            kind: "text".to_owned(),
            files: Payload::Null,
        };
        let message = state.gateways.desk().say(&session.org, &chat, saying);
        push("message", message.payload(&chat));
    })
}

/// `{chatId, messageId, event, data}`: a frame of an AI stream inside a chat.
fn stream_frame(chat: &str, id: &str, mut frame: Value) -> Payload {
    let kind = frame.as_object_mut().and_then(|frame| frame.remove("type"));
    json!({ "chatId": chat, "messageId": id, "event": kind, "data": frame }).into()
}

fn enter(turn: &Turn<'_>, chat: &str) -> Result<(), Complaint> {
    if turn.join(turn.room(CHAT, chat))? {
        announce(turn, chat, "user-joined");
    }
    Ok(())
}

fn announce(turn: &Turn<'_>, chat: &str, event: &str) {
    let body = json!({ "chatId": chat });
    let body = Payload::from(body).with("user", turn.session.person().payload());
    turn.push_to_others(vec![turn.room(CHAT, chat)], event, &body);
}

/// What was said in a chat, or in the last one of an address.
fn history(turn: &Turn<'_>, data: &Payload) -> Answer {
    let named = name(data, &CHAT_NAMES)?;
    let email = name(data, &["email"])?;
    let history = desk(turn, |desk, org| {
        let chat = match (named, email) {
            (Some(chat), _) => Some(chat),
            (None, Some(email)) => desk.last_of(org, email),
            (None, None) => Some(turn.session.chat.as_str()),
        };
        chat.map(|chat| (chat.to_owned(), desk.history(org, chat)))
    });
    let (chat, history) = history.unwrap_or_else(|| (String::new(), Payload::List(Vec::new())));
    Ok(Payload::from(json!({ "chatId": chat })).with("history", history))
}

fn join(turn: &Turn<'_>, data: &Payload) -> Answer {
    let chat = chat_of(turn, data)?;
    enter(turn, chat)?;
    Ok(json!({ "chatId": chat }).into())
}

fn leave(turn: &Turn<'_>, data: &Payload) -> Answer {
    let chat = chat_of(turn, data)?;
    if turn.leave(turn.room(CHAT, chat)) {
        announce(turn, chat, "user-left");
    }
    Ok(json!({ "chatId": chat }).into())
}

fn typing(turn: &Turn<'_>, data: &Payload) -> Answer {
    let chat = chat_of(turn, data)?;
    let is_typing = data.get("isTyping") != Some(&Payload::Bool(false));
    let body = Payload::from(json!({ "chatId": chat, "isTyping": is_typing }));
    let body = body.with("user", turn.session.person().payload());
    turn.push_to_others(vec![turn.room(CHAT, chat)], "typing", &body);
    Ok(Payload::Null)
}

/// Tells the staff, and those who are in the same chats, how somebody is: `{status, …}`.
fn share_status(turn: &Turn<'_>, data: &Payload) -> Answer {
    let body = Payload::from(json!({ "email": turn.session.email() })).merge(data.clone());
    let mut rooms = vec![turn.room("staff", "")];
    rooms.extend(turn.rooms(CHAT).iter().map(|chat| turn.room(CHAT, chat)));
    turn.push_to_others(rooms, "status", &body);
    Ok(Payload::Null)
}

/// `{uid, status, from, to}`: a message has been delivered or read.
fn update_status(turn: &Turn<'_>, data: &Payload) -> Answer {
    let chat = chat_of(turn, data)?;
    let message = required(data, &["uid", "messageId"])?;
    let status = name(data, &["status"])?.unwrap_or("read");
    let is_known = desk(turn, |desk, org| desk.mark(org, chat, message, status));
    let from = name(data, &["from"])?.unwrap_or(turn.session.email());
    let to = name(data, &["to"])?;
    let body = json!({ "uid": message, "chatId": chat, "status": status, "from": from, "to": to });
    let mut rooms = vec![turn.room(CHAT, chat)];
    rooms.extend(to.map(|to| turn.room("user", to)));
    turn.push_to_others(rooms, "update", &body.into());
    Ok(json!({ "known": is_known }).into())
}

fn close(turn: &Turn<'_>, data: &Payload) -> Answer {
    let chat = chat_of(turn, data)?;
    let reason = name(data, &["reason"])?.unwrap_or("closed");
    let was = desk(turn, |desk, org| {
        desk.chat(org, chat)?;
        Some(std::mem::replace(
            &mut desk.open(org, chat).place,
            Place::Ended,
        ))
    });
    let Some(was) = was else {
        return Err(Complaint::new("unknown_chat", "there is no such chat"));
    };
    let body = json!({ "chatId": chat, "reason": reason });
    turn.push_to(vec![turn.room(CHAT, chat)], "chat-ended", &body.into());
    if was == Place::Queued {
        push_queue(turn);
    }
    Ok(json!({ "chatId": chat }).into())
}

/// A person answers; whoever answers in another one's chat has it from then on.
fn send_message(turn: &Turn<'_>, data: &Payload) -> Answer {
    let chat = chat_of(turn, data)?.to_owned();
    let to = name(data, &["to"])?;
    let saying = saying(turn, Part::Agent, data)?;
    enter(turn, &chat)?;
    let agent = turn.session.person();
    let (message, was) = desk(turn, |desk, org| {
        let place = Place::With(agent.clone());
        let was = std::mem::replace(&mut desk.open(org, &chat).place, place);
        (desk.say(org, &chat, saying), was)
    });
    assigned(turn, &chat, &agent, &was);
    let mut rooms = vec![turn.room(CHAT, &chat)];
    rooms.extend(to.map(|to| turn.room("user", to)));
    turn.push_to_others(rooms, "message", &message.payload(&chat));
    Ok(json!({ "messageId": message.id, "chatId": chat }).into())
}

/// Tells a chat who has it now, where that is somebody else than before.
fn assigned(turn: &Turn<'_>, chat: &str, agent: &Person, was: &Place) {
    let room = vec![turn.room(CHAT, chat)];
    let body = Payload::from(json!({ "chatId": chat }));
    match was {
        Place::With(before) if before == agent => {}
        Place::With(_) => {
            let body = body
                .with("newAgent", agent.email.as_str())
                .with("newAgentName", agent.name.as_str());
            turn.push_to(room, "agent-changed", &body);
        }
        Place::Open | Place::Queued | Place::Assistant | Place::Ended => {
            turn.push_to(room, "agent-assigned", &body.with("agent", agent.payload()));
        }
    }
    if *was == Place::Queued {
        push_queue(turn);
    }
}

/// Takes the chat that has waited for longest; `chat` is null when none waits.
fn pick_next(turn: &Turn<'_>) -> Answer {
    let agent = turn.session.person();
    let picked = desk(turn, |desk, org| {
        let id = desk.pick(org, &agent)?;
        let customer = desk.chat(org, &id).map(|chat| chat.customer.payload());
        let shown = Payload::from(json!({ "chatId": id }))
            .with("customer", customer.unwrap_or_default())
            .with("messages", desk.history(org, &id));
        Some((id, shown))
    });
    let Some((id, shown)) = picked else {
        return Ok(json!({ "chat": null }).into());
    };
    enter(turn, &id)?;
    assigned(turn, &id, &agent, &Place::Queued);
    Ok(Payload::from(json!({})).with("chat", shown))
}

fn set_status(turn: &Turn<'_>, data: &Payload) -> Answer {
    let status = match data {
        Payload::Text(status) if is_name(status) => status,
        _ => required(data, &["status"])?,
    };
    let body = json!({ "email": turn.session.email(), "status": status });
    turn.push_to_others(vec![turn.room("staff", "")], "status", &body.into());
    Ok(json!({ "status": status }).into())
}
