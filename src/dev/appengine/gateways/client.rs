//! The client that sent an event, and sending events to clients.

use std::sync::Arc;

use serde_json::{Value, json};
use socketioxide::extract::SocketRef;

use super::super::State;
use super::MAX_ROOMS;
use super::payload::Payload;
use super::session::{Session, is_name};
use crate::flow::{Cause, NewEvent};

/// The acknowledgement of an event.
pub(super) type Answer = Result<Payload, EventError>;

/// Why an event failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EventError {
    code: &'static str,
    message: String,
}

impl EventError {
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

/// The name of a room in an organisation.
///
/// The name of an organisation cannot contain `/`, so it cannot address a room of another one.
pub(super) fn room(org: &str, kind: &str, name: &str) -> String {
    format!("{org}/{kind}/{name}")
}

/// The number of clients that an event was sent to, and of those whose buffer was full.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    pub(super) clients: usize,
    pub(super) lost: usize,
}

/// Sends an event to clients.
pub(super) fn send(
    clients: impl IntoIterator<Item = SocketRef>,
    event: &str,
    data: &Payload,
) -> Sent {
    let mut sent = Sent::default();
    for client in clients {
        // A tuple of one element, so that a list is sent as one argument.
        match client.emit(event, &(data,)) {
            Ok(()) => sent.clients += 1,
            Err(error) => {
                tracing::warn!(%error, event, "A client's buffer is full; the event is dropped.");
                sent.lost += 1;
            }
        }
    }
    sent
}

/// A client in a namespace, while an event of it or its disconnect is handled.
pub(super) struct Client<'a> {
    pub(super) state: &'a Arc<State>,
    pub(super) session: Arc<Session>,
    socket: &'a SocketRef,
}

impl<'a> Client<'a> {
    /// Calls `act` with the client, unless it was refused.
    pub(super) fn with(
        state: &'a Arc<State>,
        socket: &'a SocketRef,
        act: impl FnOnce(&Client<'a>),
    ) {
        if let Some(session) = socket.extensions.get::<Arc<Session>>() {
            act(&Client {
                state,
                session: Arc::clone(&session),
                socket,
            });
        }
    }

    pub(super) fn socket(&self) -> SocketRef {
        self.socket.clone()
    }

    /// Sends an event to this client.
    pub(super) fn push(&self, event: &str, data: &Payload) {
        send([self.socket()], event, data);
    }

    /// Sends an event once to every client in these rooms.
    pub(super) fn push_to(&self, rooms: Vec<String>, event: &str, data: &Payload) {
        send(self.socket.within(rooms).sockets(), event, data);
    }

    /// Sends an event once to every other client in these rooms.
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

    /// Joins a room. Returns whether the client was not in it before.
    pub(super) fn join(&self, room: String) -> Result<bool, EventError> {
        if self.is_in(&room) {
            return Ok(false);
        }
        if self.socket.rooms().len() >= MAX_ROOMS {
            let message = format!("a client can be in at most {MAX_ROOMS} rooms");
            return Err(EventError::new("too_many_rooms", message));
        }
        self.socket.join(room);
        Ok(true)
    }

    /// Leaves a room. Returns whether the client was in it.
    pub(super) fn leave(&self, room: String) -> bool {
        let was_in = self.is_in(&room);
        self.socket.leave(room);
        was_in
    }

    pub(super) fn is_in(&self, room: &str) -> bool {
        self.socket.rooms().iter().any(|known| known == room)
    }

    /// The names of this client's rooms of a kind.
    pub(super) fn rooms(&self, kind: &str) -> Vec<String> {
        let prefix = self.room(kind, "");
        let rooms = self.socket.rooms().into_iter();
        let names = rooms.filter_map(|room| room.strip_prefix(&prefix).map(str::to_owned));
        names.collect()
    }

    /// The email addresses of the members of a room.
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
    pub(super) fn raise(&self, kind: &str, datatype: &str, data: Value) -> Result<(), EventError> {
        raise(self.state, &self.session.org, kind, datatype, data)
    }
}

/// Raises an event of AppEngine in the background, so that flows can start on it.
fn raise(
    state: &Arc<State>,
    org: &str,
    kind: &str,
    datatype: &str,
    data: Value,
) -> Result<(), EventError> {
    let event = event_of(org, kind, datatype, data);
    let raising = Arc::clone(state);
    state
        .gateways
        .spawn_task(async move { raise_now(&raising, event).await })
}

/// An event with a record that is not stored.
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

/// Raises an event. Returns when it is stored.
pub(super) async fn raise_now(state: &State, event: NewEvent) {
    let raised = state.change(move |repository, tx| Ok(repository.emit(tx, event)?));
    if let Err(refusal) = raised.await {
        tracing::warn!(code = refusal.code, "A gateway's event was not raised.");
    }
}

/// Reads the name of a chat, group or similar from an event.
pub(super) fn name<'a>(data: &'a Payload, names: &[&str]) -> Result<Option<&'a str>, EventError> {
    match data.text(names) {
        Some(text) if !is_name(text) => {
            let message = format!("`{}` is too long, or contains control characters", names[0]);
            Err(EventError::new("bad_name", message))
        }
        text => Ok(text),
    }
}

/// [`name`], but required.
pub(super) fn required<'a>(data: &'a Payload, names: &[&str]) -> Result<&'a str, EventError> {
    name(data, names)?.ok_or_else(|| {
        let message = format!("`{}` is required, as a string", names[0]);
        EventError::new("missing_field", message)
    })
}

/// The error for an unknown event.
pub(super) fn unknown(event: &str) -> Answer {
    let shown: String = event.chars().take(64).collect();
    let message = format!("there is no event `{shown}` here");
    Err(EventError::new("unknown_event", message))
}
