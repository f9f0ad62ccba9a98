//! `/chat`: chats between customers and agents or assistants, and the queue of customers who wait.

use serde_json::{Value, json};

use super::assistant;
use super::chats::{Assignment, Chats, NewMessage, Participant, Role};
use super::client::{Answer, Client, EventError, name, required, unknown};
use super::payload::Payload;
use super::session::is_name;
use super::waiting;

/// The room of a chat.
pub(super) const CHAT: &str = "chat";
/// The recipient of messages that wait for a member of the staff.
const QUEUED: &str = "queued";
const CHAT_NAMES: [&str; 5] = ["chatId", "chatSessionId", "room", "roomId", "id"];
const MESSAGE_NAMES: [&str; 3] = ["message", "content", "text"];
/// Maximum length of a message's text, in bytes.
pub(super) const MAX_TEXT: usize = 16 * 1024;

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
///
/// A customer can only use the own chats and free ones.
fn chat_of<'a>(client: &'a Client<'_>, data: &'a Payload) -> Result<&'a str, EventError> {
    let chat = match data {
        Payload::Text(name) if is_name(name) => name,
        _ => name(data, &CHAT_NAMES)?.unwrap_or(&client.session.chat),
    };
    allowed(client, chat)
}

/// Refuses the chat of another customer.
fn allowed<'a>(client: &Client<'_>, chat: &'a str) -> Result<&'a str, EventError> {
    let session = &client.session;
    let is_open = with_chats(client, |chats, org| {
        let known = chats.chat(org, chat);
        known.is_none_or(|chat| chat.is_open_to(session.email()))
    });
    match is_open || session.is_staff() {
        true => Ok(chat),
        false => Err(EventError::new(
            "forbidden",
            "the chat belongs to another customer",
        )),
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
        to: String::new(),
        role,
        text: text.to_owned(),
        kind: message_type(role, name(data, &["type"])?).to_owned(),
        files,
        at: client.state.host.store.now(),
    })
}

/// The sender's type. Only the platform sends messages of the system and of assistants.
fn message_type(role: Role, given: Option<&str>) -> &str {
    let given = given.filter(|given| !matches!(*given, "system" | "ai-assistant"));
    given.unwrap_or(role.message_type())
}

/// A stored message of a customer, and who receives it.
struct Routed {
    id: String,
    message: Payload,
    routed_to: &'static str,
    /// The assistant that answers, if any.
    assistant: Option<String>,
    /// The position of the chat in the queue, if it has just been added.
    queued: Option<usize>,
}

/// Handles a customer's message: it goes to the agent or assistant of the chat, or else the chat joins the queue.
fn chat_message(client: &Client<'_>, data: &Payload) -> Answer {
    let chat = chat_of(client, data)?.to_owned();
    let wanted = Wanted {
        assistant: name(data, &["assistantId"])?,
        config: client.session.config(),
        is_human: data.text(&["to"]) == Some(QUEUED),
    };
    let new = new_message(client, Role::Customer, data)?;
    let text = new.text.clone();
    enter(client, &chat)?;
    let routed = with_chats(client, |chats, org| route(chats, org, &chat, new, &wanted));
    let rooms = vec![client.room(CHAT, &chat), client.room("staff", "")];
    client.push_to_others(rooms, "message", &routed.message);
    if let Some(position) = routed.queued {
        client.push("queued", &waiting::place(&chat, position));
        let notice = json!({ "chatId": chat, "message": text, "email": client.session.email() });
        let staff = vec![client.room("staff", "")];
        client.push_to(staff, "queue-notification", &notice.clone().into());
        push_queue(client);
        client.raise("chat-queue-notification", "chat", notice)?;
    }
    if let Some(id) = &routed.assistant {
        assistant::reply(client, &chat, id, (&routed.id, &text))?;
    }
    Ok(json!({ "messageId": routed.id, "chatId": chat, "routedTo": routed.routed_to }).into())
}

/// The recipient that a customer's message names.
struct Wanted<'a> {
    assistant: Option<&'a str>,
    /// The session's configuration, whose assistant answers until the chat is queued.
    config: Option<&'a str>,
    /// The customer asks for a member of the staff.
    is_human: bool,
}

impl Wanted<'_> {
    /// The assistant that answers in a chat with this assignment.
    fn assistant(&self, assignment: &Assignment) -> Option<&str> {
        match assignment {
            Assignment::Agent(_) => None,
            _ if self.is_human => None,
            Assignment::Queued => self.assistant,
            Assignment::Open | Assignment::Assistant | Assignment::Ended => {
                self.assistant.or(self.config)
            }
        }
    }
}

fn route(chats: &mut Chats, org: &str, id: &str, new: NewMessage, wanted: &Wanted<'_>) -> Routed {
    let chat = chats.open(org, id);
    if chat.customer == Participant::default() {
        chat.customer = new.from.clone();
    }
    let assistant = wanted.assistant(&chat.assignment).map(str::to_owned);
    if assistant.is_some() {
        chat.assignment = Assignment::Assistant;
    } else if wanted.is_human && chat.assignment == Assignment::Assistant {
        chat.assignment = Assignment::Open;
    }
    let assignment = chat.assignment.clone();
    let to = match (&assignment, &assistant) {
        (Assignment::Agent(agent), _) => agent.email.clone(),
        (_, Some(assistant)) => assistant.clone(),
        (Assignment::Assistant, None) => String::new(),
        (Assignment::Open | Assignment::Queued | Assignment::Ended, None) => QUEUED.to_owned(),
    };
    let message = chats.add(org, id, NewMessage { to, ..new });
    let (routed_to, queued) = match assignment {
        Assignment::Agent(_) | Assignment::Assistant => ("agent", None),
        Assignment::Queued => (QUEUED, None),
        Assignment::Open | Assignment::Ended => (QUEUED, Some(chats.queue(org, id))),
    };
    Routed {
        message: message.payload(id),
        id: message.id,
        routed_to,
        assistant,
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
    waiting::report(client.state);
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
    let chat = match (named, email) {
        (Some(chat), _) => chat.to_owned(),
        (None, Some(email)) => with_chats(client, |chats, org| {
            chats.last_of(org, email).unwrap_or_default().to_owned()
        }),
        (None, None) => client.session.chat.clone(),
    };
    allowed(client, &chat)?;
    let history = with_chats(client, |chats, org| chats.history(org, &chat));
    Ok(Payload::from(json!({ "chatId": chat })).with("history", history))
}

fn join(client: &Client<'_>, data: &Payload) -> Answer {
    let chat = chat_of(client, data)?;
    if !client.session.is_staff() {
        // A customer who joins a free chat owns it, so that no other customer can listen in it.
        with_chats(client, |chats, org| {
            chats.open(org, chat).customer = client.session.person();
        });
    }
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

/// `{uid, status, from, to}`: a message was delivered or read. The author receives `update`. The chat is that of the message.
fn update_status(client: &Client<'_>, data: &Payload) -> Answer {
    let message = required(data, &["uid", "messageId"])?;
    let status = name(data, &["status"])?.unwrap_or("read");
    let unknown = || EventError::new("unknown_message", "there is no such message");
    let chat = with_chats(client, |chats, org| {
        chats.of_message(org, message).map(str::to_owned)
    });
    let chat = chat.ok_or_else(unknown)?;
    allowed(client, &chat)?;
    let author = with_chats(client, |chats, org| chats.mark(org, &chat, message, status));
    let author = author.ok_or_else(unknown)?;
    let body = json!({
        "uid": message, "chatId": chat, "status": status, "from": client.session.email(),
        "to": name(data, &["to"])?.unwrap_or(&author),
    });
    let mut rooms = vec![client.room(CHAT, &chat)];
    if !author.is_empty() {
        rooms.push(client.room("user", &author));
    }
    client.push_to_others(rooms, "update", &body.into());
    Ok(json!({ "known": true }).into())
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
        let opened = chats.open(org, &chat);
        let was = std::mem::replace(&mut opened.assignment, assignment);
        let to = match to {
            Some(to) => to.to_owned(),
            None => opened.customer.email.clone(),
        };
        (chats.add(org, &chat, NewMessage { to, ..new }), was)
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
        let customer = chats.chat(org, &id).map(|chat| chat.customer.clone());
        let customer = customer.unwrap_or_default();
        let shown = json!({
            "chatId": id, "customerEmail": customer.email, "customerName": customer.name,
        });
        let shown = Payload::from(shown)
            .with("customer", customer.payload())
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
