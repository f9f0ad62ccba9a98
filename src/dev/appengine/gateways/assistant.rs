//! Answers of AI assistants in a chat.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::chat::{CHAT, MAX_TEXT};
use super::chats::{NewMessage, Participant, Role};
use super::client::{self, Client, EventError};
use super::payload::Payload;

/// Maximum duration of an answer.
const ANSWER_TIME: Duration = Duration::from_secs(300);

/// Starts an assistant's answer to a message `(id, text)`: `chat-stream` for each frame, and `message` with the whole text.
pub(super) fn reply(
    client: &Client<'_>,
    chat: &str,
    assistant: &str,
    (id, question): (&str, &str),
) -> Result<(), EventError> {
    let room = client.room(CHAT, chat);
    let (state, session) = (Arc::clone(client.state), Arc::clone(&client.session));
    let (socket, chat) = (client.socket(), chat.to_owned());
    let (id, assistant, question) = (id.to_owned(), assistant.to_owned(), question.to_owned());
    client.state.gateways.spawn_task(async move {
        let push = |event: &str, data: Payload| {
            client::send(socket.within(room.clone()).sockets(), event, &data);
        };
        let store = |text: String| {
            let new = NewMessage {
                from: Participant {
                    email: String::new(),
                    name: assistant.clone(),
                },
                to: session.email().to_owned(),
                role: Role::Assistant,
                text,
                kind: Role::Assistant.message_type().to_owned(),
                files: Payload::Null,
                at: state.host.store.now(),
            };
            state.gateways.chats().add(&session.org, &chat, new)
        };
        let (mut text, mut stored) = (String::new(), None);
        let mut receive = |frame: Value| {
            if let Some(piece) = frame["content"].as_str()
                && text.len() + piece.len() <= MAX_TEXT
            {
                text.push_str(piece);
            }
            let is_end = frame["type"] == "end";
            if is_end && stored.is_none() && !text.is_empty() {
                stored = Some(store(std::mem::take(&mut text)));
            }
            let key = stored
                .as_ref()
                .filter(|_| is_end)
                .map(|message| message.id.as_str());
            push("chat-stream", stream_frame(&chat, &id, key, frame));
        };
        let answer = state.streams.converse(&assistant, &question, &mut receive);
        tokio::select! {
            () = session.gone.cancelled() => return,
            _ = tokio::time::timeout(ANSWER_TIME, answer) => {}
        }
        if stored.is_none() && !text.is_empty() {
            stored = Some(store(text));
        }
        if let Some(message) = stored {
            push("message", message.payload(&chat));
        }
    })
}

/// `{chatId, messageId, event, data}`: a frame of an AI stream inside a chat. `id` is the customer's message; `key` is the stored
/// answer.
fn stream_frame(chat: &str, id: &str, key: Option<&str>, mut frame: Value) -> Payload {
    let kind = frame
        .as_object_mut()
        .and_then(|frame| frame.remove("type"))
        .unwrap_or_default();
    let mut body = json!({ "chatId": chat, "messageId": id, "event": kind });
    match kind.as_str() {
        Some("chunk") => body["data"] = frame["content"].take(),
        Some("end") => {
            body["sk"] = key.into();
            body["data"] = json!({ "sk": key });
        }
        Some("error") => {
            body["error"] = frame["message"].clone();
            body["data"] = frame;
        }
        _ => body["data"] = frame,
    }
    body.into()
}
