//! Chats and who has them: in memory, bounded, each organisation for itself.

use std::collections::{HashMap, VecDeque};

use serde_json::json;

use super::payload::Payload;
use crate::time::Timestamp;

/// Chats at a time; the one that has been quiet for longest makes room, one that has ended before all others.
const CHATS: usize = 1_000;
/// Messages kept of all chats, and the bytes that they may take; the oldest are forgotten first.
const MESSAGES: usize = 10_000;
const MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// Someone in a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) email: String,
    pub(super) name: String,
}

impl Person {
    pub(super) fn payload(&self) -> Payload {
        json!({ "email": self.email, "name": self.name }).into()
    }
}

/// In what part somebody speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Customer,
    Agent,
    Assistant,
}

impl Part {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Agent => "agent",
            Self::Assistant => "assistant",
        }
    }
}

/// Who answers in a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    /// Nobody has been asked for.
    #[default]
    Open,
    /// It waits for a person.
    Queued,
    With(Person),
    Assistant,
    Ended,
}

/// What is said, before it has an id.
#[derive(Clone, Debug)]
pub(super) struct Saying {
    pub(super) from: Person,
    pub(super) part: Part,
    pub(super) text: String,
    /// `text`, unless the sender says otherwise.
    pub(super) kind: String,
    pub(super) files: Payload,
}

/// What was said.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: String,
    saying: Saying,
    at: Timestamp,
    status: String,
}

impl Message {
    pub(super) fn payload(&self, chat: &str) -> Payload {
        let Saying {
            from,
            part,
            text,
            kind,
            files,
        } = &self.saying;
        // Clients of both generations: the older ones read `message`, the newer ones `content`.
        let body = json!({
            "messageId": self.id,
            "chatId": chat,
            "message": text,
            "content": text,
            "type": kind,
            "sender": part.as_str(),
            "status": self.status,
            "timestamp": self.at,
        });
        Payload::from(body)
            .with("from", from.payload())
            .with("files", files.clone())
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.saying.text.len() + self.saying.files.size()
    }
}

/// One chat.
#[derive(Debug, Default)]
pub(super) struct Chat {
    pub(super) customer: Person,
    pub(super) place: Place,
    messages: VecDeque<Message>,
    /// Its place among all chats by their last change.
    touched: u64,
    /// Its place in the queue.
    queued: u64,
}

type Key = (String, String);

/// All chats of all organisations.
#[derive(Debug, Default)]
pub(super) struct Desk {
    chats: HashMap<Key, Chat>,
    /// The chats of the messages that are kept, oldest message first.
    order: VecDeque<Key>,
    bytes: usize,
    clock: u64,
}

impl Desk {
    pub(super) fn len(&self) -> usize {
        self.chats.len()
    }

    /// The chat of this id; a new one where there is none.
    pub(super) fn open(&mut self, org: &str, id: &str) -> &mut Chat {
        let key = (org.to_owned(), id.to_owned());
        if !self.chats.contains_key(&key) && self.chats.len() >= CHATS {
            self.forget_one();
        }
        self.clock += 1;
        let chat = self.chats.entry(key).or_default();
        chat.touched = self.clock;
        chat
    }

    pub(super) fn chat(&self, org: &str, id: &str) -> Option<&Chat> {
        self.chats.get(&(org.to_owned(), id.to_owned()))
    }

    /// Keeps what is said in a chat.
    pub(super) fn say(&mut self, org: &str, id: &str, saying: Saying) -> Message {
        let message = Message {
            id: format!("msg-{}", uuid::Uuid::now_v7().simple()),
            saying,
            at: Timestamp::now(),
            status: "sent".to_owned(),
        };
        let size = message.size();
        self.open(org, id).messages.push_back(message.clone());
        self.order.push_back((org.to_owned(), id.to_owned()));
        self.bytes += size;
        while self.order.len() > MESSAGES || self.bytes > MESSAGE_BYTES {
            self.forget_message();
        }
        message
    }

    /// Lets a chat wait for a person; its number in the queue, from 1.
    pub(super) fn queue(&mut self, org: &str, id: &str) -> usize {
        self.clock += 1;
        let now = self.clock;
        let chat = self.open(org, id);
        if chat.place != Place::Queued {
            chat.place = Place::Queued;
            chat.queued = now;
        }
        let waiting = self.waiting(org);
        let place = waiting.iter().position(|(known, _)| *known == id);
        place.map_or(waiting.len(), |before| before + 1)
    }

    /// The chats that wait for a person, the first one first.
    pub(super) fn waiting(&self, org: &str) -> Vec<(&str, &Chat)> {
        let mut waiting: Vec<(&str, &Chat)> = self
            .chats
            .iter()
            .filter(|((of, _), chat)| of == org && chat.place == Place::Queued)
            .map(|((_, id), chat)| (id.as_str(), chat))
            .collect();
        waiting.sort_by_key(|(_, chat)| chat.queued);
        waiting
    }

    /// Gives the first chat that waits to a person.
    pub(super) fn pick(&mut self, org: &str, agent: &Person) -> Option<String> {
        let id = self.waiting(org).first()?.0.to_owned();
        self.open(org, &id).place = Place::With(agent.clone());
        Some(id)
    }

    /// What was said in a chat, and is still kept.
    pub(super) fn history(&self, org: &str, id: &str) -> Payload {
        let chat = self.chat(org, id);
        let messages = chat.into_iter().flat_map(|chat| &chat.messages);
        messages.map(|message| message.payload(id)).collect()
    }

    /// The chat of somebody's that changed last.
    pub(super) fn last_of(&self, org: &str, email: &str) -> Option<&str> {
        let own = self
            .chats
            .iter()
            .filter(|((of, _), chat)| of == org && chat.customer.email == email);
        let last = own.max_by_key(|(_, chat)| chat.touched);
        last.map(|((_, id), _)| id.as_str())
    }

    /// Notes that a message was delivered or read; whether it is there.
    pub(super) fn mark(&mut self, org: &str, id: &str, message: &str, status: &str) -> bool {
        let chat = self.chats.get_mut(&(org.to_owned(), id.to_owned()));
        let mut messages = chat.into_iter().flat_map(|chat| chat.messages.iter_mut());
        let Some(message) = messages.find(|known| known.id == message) else {
            return false;
        };
        message.status = status.to_owned();
        true
    }

    fn forget_message(&mut self) {
        let Some(key) = self.order.pop_front() else {
            self.bytes = 0;
            return;
        };
        let chat = self.chats.get_mut(&key);
        if let Some(message) = chat.and_then(|chat| chat.messages.pop_front()) {
            self.bytes = self.bytes.saturating_sub(message.size());
        }
    }

    fn forget_one(&mut self) {
        let oldest = self
            .chats
            .iter()
            .min_by_key(|(_, chat)| (chat.place != Place::Ended, chat.touched))
            .map(|(key, _)| key.clone());
        let Some(key) = oldest else { return };
        let Some(chat) = self.chats.remove(&key) else {
            return;
        };
        self.order.retain(|of| *of != key);
        let freed: usize = chat.messages.iter().map(Message::size).sum();
        self.bytes = self.bytes.saturating_sub(freed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saying(text: &str) -> Saying {
        Saying {
            from: Person::default(),
            part: Part::Customer,
            text: text.to_owned(),
            kind: "text".to_owned(),
            files: Payload::Null,
        }
    }

    fn count(history: &Payload) -> usize {
        match history {
            Payload::List(messages) => messages.len(),
            _ => 0,
        }
    }

    #[test]
    fn organisations_see_only_their_own_chats() {
        let mut desk = Desk::default();
        desk.say("a", "chat-1", saying("hello"));
        desk.queue("a", "chat-1");
        assert_eq!(count(&desk.history("b", "chat-1")), 0);
        assert_eq!(desk.pick("b", &Person::default()), None);
    }

    #[test]
    fn chats_are_picked_in_the_order_in_which_they_asked() {
        let mut desk = Desk::default();
        assert_eq!(desk.queue("a", "first"), 1);
        assert_eq!(desk.queue("a", "second"), 2);
        assert_eq!(desk.queue("a", "first"), 1);
        let agent = Person::default();
        assert_eq!(desk.pick("a", &agent).as_deref(), Some("first"));
        assert_eq!(desk.pick("a", &agent).as_deref(), Some("second"));
        assert_eq!(desk.pick("a", &agent), None);
    }

    #[test]
    fn the_oldest_messages_are_forgotten_beyond_the_bytes_allowed() {
        let mut desk = Desk::default();
        let long = "x".repeat(1024 * 1024);
        desk.say("a", "quiet", saying("hello"));
        for _ in 0..20 {
            desk.say("a", "loud", saying(&long));
        }
        assert_eq!(count(&desk.history("a", "quiet")), 0);
        assert!((10..17).contains(&count(&desk.history("a", "loud"))));
        assert!(desk.bytes <= MESSAGE_BYTES);
    }

    #[test]
    fn a_chat_that_has_ended_makes_room_first() {
        let mut desk = Desk::default();
        desk.say("a", "old", saying("hello"));
        desk.open("a", "ended").place = Place::Ended;
        for n in 2..=CHATS {
            desk.open("a", &n.to_string());
        }
        assert_eq!(desk.len(), CHATS);
        assert!(desk.chat("a", "ended").is_none());
        assert!(desk.chat("a", "old").is_some());
    }

    #[test]
    fn a_message_that_is_read_says_so() {
        let mut desk = Desk::default();
        let message = desk.say("a", "c", saying("hello"));
        assert!(desk.mark("a", "c", &message.id, "read"));
        assert!(!desk.mark("a", "c", "msg-0", "read"));
        let Payload::List(history) = desk.history("a", "c") else {
            panic!("a list")
        };
        assert_eq!(history[0].text(&["status"]), Some("read"));
    }
}
