//! One event's turn: who sent it, and who is to hear of it.

use std::sync::Arc;

use serde_json::{Value, json};
use socketioxide::extract::SocketRef;

use super::super::State;
use super::MAX_ROOMS;
use super::payload::Payload;
use super::session::{Session, is_name};
use crate::flow::{Cause, NewEvent};

/// What a client is told in the acknowledgement of its event.
pub(super) type Answer = Result<Payload, Complaint>;

/// Why an event was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    code: &'static str,
    message: String,
}

impl Complaint {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(super) fn payload(&self, event: &str) -> Payload {
        json!({ "event": event, "code": self.code, "message": self.message, "error": self.message })
            .into()
    }
}

/// The room of an organisation's people who belong together in this way.
///
/// No organisation has a `/` in its name, so that none can name a room of another one.
pub(super) fn room(org: &str, kind: &str, name: &str) -> String {
    format!("{org}/{kind}/{name}")
}

/// How many clients got something, and how many had no room for it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reached {
    pub(super) clients: usize,
    pub(super) lost: usize,
}

/// Sends an event to clients.
pub(super) fn send(
    clients: impl IntoIterator<Item = SocketRef>,
    event: &str,
    data: &Payload,
) -> Reached {
    let mut reached = Reached::default();
    for client in clients {
        // As one argument, also where it is a list.
        match client.emit(event, &(data,)) {
            Ok(()) => reached.clients += 1,
            Err(error) => {
                tracing::warn!(%error, event, "A client misses an event.");
                reached.lost += 1;
            }
        }
    }
    reached
}

/// An event, or the end, of one client in one namespace.
pub(super) struct Turn<'a> {
    pub(super) state: &'a Arc<State>,
    pub(super) session: Arc<Session>,
    socket: &'a SocketRef,
}

impl<'a> Turn<'a> {
    /// Does something as this client; nothing where it was never let in.
    pub(super) fn of(state: &'a Arc<State>, socket: &'a SocketRef, act: impl FnOnce(&Turn<'a>)) {
        if let Some(session) = socket.extensions.get::<Arc<Session>>() {
            act(&Turn {
                state,
                session: Arc::clone(&session),
                socket,
            });
        }
    }

    pub(super) fn client(&self) -> SocketRef {
        self.socket.clone()
    }

    /// To this client alone.
    pub(super) fn push(&self, event: &str, data: &Payload) {
        send([self.client()], event, data);
    }

    /// To everyone in one of these rooms, once.
    pub(super) fn push_to(&self, rooms: Vec<String>, event: &str, data: &Payload) {
        send(self.socket.within(rooms).sockets(), event, data);
    }

    /// To everyone in one of these rooms, once, except this client.
    pub(super) fn push_to_others(&self, rooms: Vec<String>, event: &str, data: &Payload) {
        let others = self.socket.within(rooms).sockets().into_iter();
        send(
            others.filter(|other| other.id != self.socket.id),
            event,
            data,
        );
    }

    pub(super) fn room(&self, kind: &str, name: &str) -> String {
        room(&self.session.org, kind, name)
    }

    /// Joins a room; whether it was not in it yet.
    pub(super) fn join(&self, room: String) -> Result<bool, Complaint> {
        if self.is_in(&room) {
            return Ok(false);
        }
        if self.socket.rooms().len() >= MAX_ROOMS {
            let message = format!("a client is in {MAX_ROOMS} rooms at most");
            return Err(Complaint::new("too_many_rooms", message));
        }
        self.socket.join(room);
        Ok(true)
    }

    /// Leaves a room; whether it was in it.
    pub(super) fn leave(&self, room: String) -> bool {
        let was_in = self.is_in(&room);
        self.socket.leave(room);
        was_in
    }

    pub(super) fn is_in(&self, room: &str) -> bool {
        self.socket.rooms().iter().any(|known| known == room)
    }

    /// The names of the rooms of a kind that this client is in.
    pub(super) fn rooms(&self, kind: &str) -> Vec<String> {
        let prefix = self.room(kind, "");
        let rooms = self.socket.rooms().into_iter();
        let names = rooms.filter_map(|room| room.strip_prefix(&prefix).map(str::to_owned));
        names.collect()
    }

    /// The addresses of those who are in a room.
    pub(super) fn members(&self, room: String) -> Vec<Value> {
        let clients = self.socket.within(room).sockets();
        let sessions = clients
            .iter()
            .filter_map(|client| client.extensions.get::<Arc<Session>>());
        let mut members: Vec<String> = sessions.map(|one| one.email().to_owned()).collect();
        members.sort();
        members.dedup();
        members.into_iter().map(Value::from).collect()
    }

    /// [`raise`] in this client's organisation.
    pub(super) fn raise(&self, kind: &str, datatype: &str, data: Value) -> Result<(), Complaint> {
        raise(self.state, &self.session.org, kind, datatype, data)
    }
}

/// Raises an event of the platform, so that its automations hear of it.
fn raise(
    state: &Arc<State>,
    org: &str,
    kind: &str,
    datatype: &str,
    data: Value,
) -> Result<(), Complaint> {
    let event = event_of(org, kind, datatype, data);
    let raising = Arc::clone(state);
    state
        .gateways
        .errand(async move { raise_now(&raising, event).await })
}

/// An event about a record that is kept nowhere else.
pub(super) fn event_of(org: &str, kind: &str, datatype: &str, data: Value) -> NewEvent {
    let sk = format!("{datatype}-{}", uuid::Uuid::now_v7().simple());
    NewEvent {
        org: org.to_owned(),
        kind: kind.to_owned(),
        data: json!({ "sk": sk, "datatype": datatype, "data": data }),
        before: None,
        cause: Cause::default(),
    }
}

/// Raises an event, and returns when it is kept.
pub(super) async fn raise_now(state: &State, event: NewEvent) {
    let raised = state.change(move |repository, tx| Ok(repository.emit(tx, event)?));
    if let Err(refusal) = raised.await {
        tracing::warn!(code = refusal.code, "A gateway's event was not raised.");
    }
}

/// A name that an event gives to a chat, a group or the like.
pub(super) fn name<'a>(data: &'a Payload, names: &[&str]) -> Result<Option<&'a str>, Complaint> {
    match data.text(names) {
        Some(text) if !is_name(text) => {
            let message = format!("`{}` is too long, or holds control characters", names[0]);
            Err(Complaint::new("bad_name", message))
        }
        text => Ok(text),
    }
}

/// [`name`], where it must be there.
pub(super) fn required<'a>(data: &'a Payload, names: &[&str]) -> Result<&'a str, Complaint> {
    name(data, names)?.ok_or_else(|| {
        let message = format!("`{}` is required, as a string", names[0]);
        Complaint::new("missing_field", message)
    })
}

/// For an event that a gateway does not know.
pub(super) fn unknown(event: &str) -> Answer {
    let shown: String = event.chars().take(64).collect();
    let message = format!("there is no event `{shown}` here");
    Err(Complaint::new("unknown_event", message))
}
