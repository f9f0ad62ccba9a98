//! The gateways on the control port: list connections, push events, and break connections.

use std::sync::Arc;

use axum::extract::State as FromState;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::State;
use super::client;
use super::packets::is_reserved;
use super::session::Session;
use super::{GATEWAYS, Gateway};
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;

/// `/_evt/gateways…`
pub(crate) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("GET", "/gateways", list)
        .route("POST", "/gateways/emit", emit)
        .route("POST", "/gateways/cut", cut)
}

/// Lists the connections, and counts the chats.
async fn list(FromState(state): FromState<Arc<State>>) -> Response {
    let mut sessions = Vec::new();
    if let Some(hub) = state.gateways.running() {
        for (gateway, client) in hub.clients() {
            let Some(session) = client.extensions.get::<Arc<Session>>() else {
                continue;
            };
            let mut shown = json!({
                "id": client.id.to_string(),
                "namespace": gateway.namespace,
                "transport": format!("{:?}", client.transport_type()).to_lowercase(),
            });
            if let (Value::Object(shown), Value::Object(more)) = (&mut shown, session.shown()) {
                shown.extend(more);
            }
            sessions.push(shown);
        }
    }
    let chats = state.gateways.chats().len();
    answer(
        StatusCode::OK,
        &json!({ "sessions": sessions, "chats": chats }),
    )
}

/// An event for all clients of a namespace, for those of an organisation, or for those in a room.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    namespace: String,
    event: String,
    #[serde(default)]
    data: Value,
    org: Option<String>,
    /// The name of a chat or a group.
    room: Option<String>,
}

async fn emit(
    FromState(state): FromState<Arc<State>>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let order: Order = read(body)?;
    let gateway = gateway_named(&order.namespace)?;
    if is_reserved(&order.event) {
        let message = format!("`{}` is reserved by Socket.IO", order.event);
        return Err(Refusal::bad_request("reserved_event", message));
    }
    let clients: Vec<_> = match state.gateways.running() {
        Some(hub) => hub.clients().collect(),
        None => Vec::new(),
    };
    let selected = clients.into_iter().filter(|(of, client)| {
        let session = client.extensions.get::<Arc<Session>>();
        let is_of = |session: &Session| {
            let is_in = |room: &str| {
                let kinds = ["chat", "group"].map(|kind| client::room(&session.org, kind, room));
                client
                    .rooms()
                    .iter()
                    .any(|own| kinds.iter().any(|kind| own == kind))
            };
            order.org.as_ref().is_none_or(|org| *org == session.org)
                && order.room.as_deref().is_none_or(is_in)
        };
        of.namespace == gateway.namespace && session.is_some_and(|session| is_of(&session))
    });
    let selected = selected.map(|(_, client)| client);
    let sent = client::send(selected, &order.event, &order.data.into());
    let body = json!({ "sent": sent.clients, "lost": sent.lost });
    Ok(answer(StatusCode::OK, &body))
}

/// Selects the connections to break.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DisconnectRequest {
    namespace: Option<String>,
}

/// Breaks all connections, as a network failure does, after which clients reconnect. With a namespace, disconnects clients only from
/// it, after which Socket.IO clients do not reconnect.
async fn cut(
    FromState(state): FromState<Arc<State>>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let order: DisconnectRequest = read(body)?;
    let count = match order.namespace {
        None => state.gateways.cut().await,
        Some(name) => {
            let gateway = gateway_named(&name)?;
            disconnect(&state, gateway)
        }
    };
    Ok(answer(StatusCode::OK, &json!({ "cut": count })))
}

fn disconnect(state: &State, gateway: &Gateway) -> usize {
    let Some(hub) = state.gateways.running() else {
        return 0;
    };
    let clients = hub.clients();
    let own = clients.filter(|(of, _)| of.namespace == gateway.namespace);
    own.filter(|(_, client)| client.clone().disconnect().is_ok())
        .count()
}

fn read<T: for<'a> Deserialize<'a>>(body: Map<String, Value>) -> Result<T, Refusal> {
    serde_json::from_value(Value::Object(body))
        .map_err(|error| Refusal::bad_request("bad_order", error.to_string()))
}

fn gateway_named(name: &str) -> Result<&'static Gateway, Refusal> {
    let plain = |name: &str| name.trim_start_matches('/').to_owned();
    let found = GATEWAYS
        .iter()
        .find(|gateway| plain(gateway.namespace) == plain(name));
    found.ok_or_else(|| {
        let known = GATEWAYS.map(|gateway| gateway.namespace).join(", ");
        let message = format!("there is no namespace `{name}`; use one of {known}");
        Refusal::bad_request("unknown_namespace", message)
    })
}
