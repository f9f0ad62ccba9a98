//! Chats and their assignments: in memory, bounded, separate for each organisation.

use std::collections::{HashMap, VecDeque};

use serde_json::json;

use super::payload::Payload;
use crate::time::Timestamp;

/// Maximum number of chats. Beyond it the least recently used one is deleted, ended chats first.
const CHATS: usize = 1_000;
/// Maximum number and size of the messages of all chats. The oldest are deleted first.
const MESSAGES: usize = 10_000;
const MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// A participant of a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Participant {
    pub(super) email: String,
    pub(super) name: String,
}

impl Participant {
    pub(super) fn payload(&self) -> Payload {
        json!({ "email": self.email, "name": self.name }).into()
    }
}

/// The role of a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Customer,
    Agent,
    Assistant,
}

impl Role {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Agent => "agent",
            Self::Assistant => "assistant",
        }
    }

    /// The value of `senderRole`.
    const fn sender_role(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Agent => "agent",
            Self::Assistant => "system",
        }
    }

    /// The `type` of a message, unless the sender chose one.
    pub(super) const fn message_type(self) -> &'static str {
        match self {
            Self::Customer | Self::Agent => "user",
            Self::Assistant => "ai-assistant",
        }
    }
}

/// Who answers the customer of a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Assignment {
    /// No agent has been requested yet.
    #[default]
    Open,
    /// The chat waits for an agent.
    Queued,
    Agent(Participant),
    Assistant,
    Ended,
}

/// A message before it has an id.
#[derive(Clone, Debug)]
pub(super) struct NewMessage {
    pub(super) from: Participant,
    /// The email address of the recipient, the id of the assistant, or `queued`.
    pub(super) to: String,
    pub(super) role: Role,
    pub(super) text: String,
    /// The sender's `type`, or the default of its role.
    pub(super) kind: String,
    pub(super) files: Payload,
    /// When it was sent, by the platform's clock.
    pub(super) at: Timestamp,
}

/// A stored message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: String,
    new: NewMessage,
    status: String,
}

impl Message {
    pub(super) fn payload(&self, chat: &str) -> Payload {
        let NewMessage {
            from,
            to,
            role,
            text,
            kind,
            files,
            at,
        } = &self.new;
        // Older clients read `message`, newer ones `content`.
        let body = json!({
            "messageId": self.id,
            "sk": self.id,
            "chatId": chat,
            "from": author(from),
            "to": to,
            "message": text,
            "content": text,
            "type": kind,
            "sender": role.as_str(),
            "senderRole": role.sender_role(),
            "senderName": from.name,
            "status": self.status,
            "sentTime": at,
            "timestamp": at,
        });
        let body = Payload::from(body).with("files", files.clone());
        // Clients read the members either here or in `data`.
        body.clone().with("data", body)
    }

    /// The email address of the author; empty for an assistant.
    pub(super) fn author(&self) -> &str {
        &self.new.from.email
    }

    fn size(&self) -> usize {
        let NewMessage {
            from,
            to,
            text,
            kind,
            files,
            ..
        } = &self.new;
        let texts = [&from.email, &from.name, to, text, kind, &self.status];
        size_of::<Self>() + texts.iter().map(|text| text.len()).sum::<usize>() + files.size()
    }
}

/// The text of `from`: an assistant has no email address.
fn author(from: &Participant) -> &str {
    match from.email.is_empty() {
        true => &from.name,
        false => &from.email,
    }
}

/// A chat.
#[derive(Debug, Default)]
pub(super) struct Chat {
    pub(super) customer: Participant,
    pub(super) assignment: Assignment,
    messages: VecDeque<Message>,
    /// Orders chats by their last change.
    touched: u64,
    /// Orders chats in the queue.
    queued: u64,
}

impl Chat {
    /// Whether a customer may read and write this chat. A chat without a customer is free.
    pub(super) fn is_open_to(&self, email: &str) -> bool {
        self.customer == Participant::default() || self.customer.email == email
    }
}

type Key = (String, String);

/// All chats of all organisations.
#[derive(Debug, Default)]
pub(super) struct Chats {
    chats: HashMap<Key, Chat>,
    /// The chat of each stored message, oldest message first.
    order: VecDeque<Key>,
    bytes: usize,
    clock: u64,
    /// Whether a task reports their positions to the customers who wait.
    pub(super) is_reporting: bool,
}

impl Chats {
    pub(super) fn len(&self) -> usize {
        self.chats.len()
    }

    /// Finds or creates a chat.
    pub(super) fn open(&mut self, org: &str, id: &str) -> &mut Chat {
        let key = (org.to_owned(), id.to_owned());
        if !self.chats.contains_key(&key) && self.chats.len() >= CHATS {
            self.delete_one();
        }
        self.clock += 1;
        let chat = self.chats.entry(key).or_default();
        chat.touched = self.clock;
        chat
    }

    pub(super) fn chat(&self, org: &str, id: &str) -> Option<&Chat> {
        self.chats.get(&(org.to_owned(), id.to_owned()))
    }

    /// Stores a message.
    pub(super) fn add(&mut self, org: &str, id: &str, new: NewMessage) -> Message {
        let message = Message {
            id: format!("msg-{}", uuid::Uuid::now_v7().simple()),
            new,
            status: "sent".to_owned(),
        };
        let size = message.size();
        self.open(org, id).messages.push_back(message.clone());
        self.order.push_back((org.to_owned(), id.to_owned()));
        self.bytes += size;
        while self.order.len() > MESSAGES || self.bytes > MESSAGE_BYTES {
            self.delete_message();
        }
        message
    }

    /// Adds a chat to the queue. Returns its position, from 1.
    pub(super) fn queue(&mut self, org: &str, id: &str) -> usize {
        self.clock += 1;
        let now = self.clock;
        let chat = self.open(org, id);
        if chat.assignment != Assignment::Queued {
            chat.assignment = Assignment::Queued;
            chat.queued = now;
        }
        let waiting = self.waiting(org);
        let assignment = waiting.iter().position(|(known, _)| *known == id);
        assignment.map_or(waiting.len(), |before| before + 1)
    }

    /// The chats in the queue, the longest waiting one first.
    pub(super) fn waiting(&self, org: &str) -> Vec<(&str, &Chat)> {
        let mut waiting: Vec<(&str, &Chat)> = self
            .chats
            .iter()
            .filter(|((of, _), chat)| of == org && chat.assignment == Assignment::Queued)
            .map(|((_, id), chat)| (id.as_str(), chat))
            .collect();
        waiting.sort_by_key(|(_, chat)| chat.queued);
        waiting
    }

    /// The position from 1 of each chat in the queue of its organisation.
    pub(super) fn positions(&self) -> Vec<(String, String, usize)> {
        let queued = |chat: &&Chat| chat.assignment == Assignment::Queued;
        let mut orgs: Vec<&str> = self
            .chats
            .iter()
            .filter(|(_, chat)| queued(chat))
            .map(|((org, _), _)| org.as_str())
            .collect();
        orgs.sort_unstable();
        orgs.dedup();
        let of_org = |org: &str| {
            let waiting = self.waiting(org).into_iter().zip(1..);
            let rows = waiting.map(|((id, _), position)| (org.to_owned(), id.to_owned(), position));
            rows.collect::<Vec<_>>()
        };
        orgs.into_iter().flat_map(of_org).collect()
    }

    /// Assigns the first chat in the queue to an agent.
    pub(super) fn pick(&mut self, org: &str, agent: &Participant) -> Option<String> {
        let id = self.waiting(org).first()?.0.to_owned();
        self.open(org, &id).assignment = Assignment::Agent(agent.clone());
        Some(id)
    }

    /// The stored messages of a chat.
    pub(super) fn history(&self, org: &str, id: &str) -> Payload {
        let chat = self.chat(org, id);
        let messages = chat.into_iter().flat_map(|chat| &chat.messages);
        messages.map(|message| message.payload(id)).collect()
    }

    /// The customer's chat that changed last.
    pub(super) fn last_of(&self, org: &str, email: &str) -> Option<&str> {
        let own = self
            .chats
            .iter()
            .filter(|((of, _), chat)| of == org && chat.customer.email == email);
        let last = own.max_by_key(|(_, chat)| chat.touched);
        last.map(|((_, id), _)| id.as_str())
    }

    /// The chat of a message.
    pub(super) fn of_message(&self, org: &str, message: &str) -> Option<&str> {
        let has = |chat: &Chat| chat.messages.iter().any(|known| known.id == message);
        let mut own = self.chats.iter().filter(|((of, _), _)| of == org);
        own.find(|(_, chat)| has(chat))
            .map(|((_, id), _)| id.as_str())
    }

    /// Sets the status of a message. Returns its author's email address if the message exists.
    pub(super) fn mark(
        &mut self,
        org: &str,
        id: &str,
        message: &str,
        status: &str,
    ) -> Option<String> {
        let chat = self.chats.get_mut(&(org.to_owned(), id.to_owned()));
        let mut messages = chat.into_iter().flat_map(|chat| chat.messages.iter_mut());
        let message = messages.find(|known| known.id == message)?;
        let before = message.status.len();
        message.status = status.to_owned();
        let author = message.author().to_owned();
        self.bytes = (self.bytes + status.len()).saturating_sub(before);
        Some(author)
    }

    fn delete_message(&mut self) {
        let Some(key) = self.order.pop_front() else {
            self.bytes = 0;
            return;
        };
        let chat = self.chats.get_mut(&key);
        if let Some(message) = chat.and_then(|chat| chat.messages.pop_front()) {
            self.bytes = self.bytes.saturating_sub(message.size());
        }
    }

    fn delete_one(&mut self) {
        let oldest = self
            .chats
            .iter()
            .min_by_key(|(_, chat)| (chat.assignment != Assignment::Ended, chat.touched))
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

    fn new(text: &str) -> NewMessage {
        NewMessage {
            from: Participant::default(),
            to: "queued".to_owned(),
            role: Role::Customer,
            text: text.to_owned(),
            kind: "text".to_owned(),
            files: Payload::Null,
            at: Timestamp::now(),
        }
    }

    fn count(history: &Payload) -> usize {
        match history {
            Payload::List(messages) => messages.len(),
            _ => 0,
        }
    }

    #[test]
    fn an_organisation_sees_only_its_own_chats() {
        let mut chats = Chats::default();
        chats.add("a", "chat-1", new("hello"));
        chats.queue("a", "chat-1");
        assert_eq!(count(&chats.history("b", "chat-1")), 0);
        assert_eq!(chats.pick("b", &Participant::default()), None);
    }

    #[test]
    fn chats_are_assigned_in_the_order_of_the_queue() {
        let mut chats = Chats::default();
        assert_eq!(chats.queue("a", "first"), 1);
        assert_eq!(chats.queue("a", "second"), 2);
        assert_eq!(chats.queue("a", "first"), 1);
        let agent = Participant::default();
        assert_eq!(chats.pick("a", &agent).as_deref(), Some("first"));
        assert_eq!(chats.pick("a", &agent).as_deref(), Some("second"));
        assert_eq!(chats.pick("a", &agent), None);
    }

    #[test]
    fn the_oldest_messages_are_deleted_beyond_the_maximum_size() {
        let mut chats = Chats::default();
        let long = "x".repeat(1024 * 1024);
        chats.add("a", "quiet", new("hello"));
        for _ in 0..20 {
            chats.add("a", "loud", new(&long));
        }
        assert_eq!(count(&chats.history("a", "quiet")), 0);
        assert!((10..17).contains(&count(&chats.history("a", "loud"))));
        assert!(chats.bytes <= MESSAGE_BYTES);
    }

    #[test]
    fn an_ended_chat_is_deleted_first() {
        let mut chats = Chats::default();
        chats.add("a", "old", new("hello"));
        chats.open("a", "ended").assignment = Assignment::Ended;
        for n in 2..=CHATS {
            chats.open("a", &n.to_string());
        }
        assert_eq!(chats.len(), CHATS);
        assert!(chats.chat("a", "ended").is_none());
        assert!(chats.chat("a", "old").is_some());
    }

    #[test]
    fn a_message_has_the_status_read_after_it_is_read() {
        let mut chats = Chats::default();
        let message = chats.add("a", "c", new("hello"));
        assert!(chats.mark("a", "c", &message.id, "read").is_some());
        assert_eq!(chats.mark("a", "c", "msg-0", "read"), None);
        let Payload::List(history) = chats.history("a", "c") else {
            panic!("a list")
        };
        assert_eq!(history[0].text(&["status"]), Some("read"));
    }
}
