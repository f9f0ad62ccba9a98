//! The control API (`/_evt/*`), on a port of its own: what `evt dev status`, `emit`, `set`, `reset`, `stop` and other commands ask.

mod feed;
mod queue;

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::catalogue::{self, EventKind};
use crate::dev::appengine::chaos;
use crate::dev::appengine::gateways;
use crate::dev::appengine::settings::{SETTINGS, SettingError};
use crate::dev::appengine::streams;
use crate::dev::appengine::vendors;
use crate::dev::host::guard::{self, Guard};
use crate::dev::host::identity;
use crate::dev::host::refusal::{self, Refusal, answer, json_response};
use crate::dev::host::request::JsonObject;
use crate::dev::{State, TOKEN_LIFETIME};
use crate::event::Seq;
use crate::flow::{Cause, NewEvent};
use crate::grammar::nearest::nearest;
use crate::json::kind_of;
use crate::record;
use crate::secret::Secret;
use crate::store::events::{self, Scan};
use crate::store::flows;
use crate::store::records::{self, Span};
use crate::store::{Connection, StoreError, reset};
use crate::time::Timestamp;

/// Events in one answer, and the bytes after which no further one is added.
const MAX_EVENTS: usize = 1000;
const MAX_EVENTS_BYTES: usize = 4 * 1024 * 1024;

/// The control port's routes behind its guard.
pub(super) fn router(state: Arc<State>, token: Secret, address: SocketAddr) -> Router {
    let guard = Arc::new(Guard::new(token, address));
    Router::new()
        .route("/_evt/status", get(status))
        .route("/_evt/token", get(token_of))
        .route("/_evt/emit", post(emit))
        .route("/_evt/settings", get(settings).post(set))
        .route("/_evt/reset", post(reset_all))
        .route("/_evt/stop", post(stop))
        .route("/_evt/events", get(list_events))
        .route("/_evt/feed", get(feed::feed))
        .merge(chaos::control_routes())
        .merge(queue::routes())
        .merge(gateways::control_routes())
        .merge(streams::control_routes())
        .merge(vendors::control_routes())
        .fallback(unknown)
        .layer(axum::middleware::from_fn_with_state(guard, guard::guard))
        .layer(axum::middleware::from_fn(refusal::finish))
        .layer(axum::middleware::from_fn(guard::manners))
        .with_state(state)
}

async fn unknown() -> Refusal {
    Refusal::not_found("the control port has no such route")
}

/// Where it runs, since when, and what it holds.
async fn status(FromState(state): FromState<Arc<State>>) -> Result<Response, Refusal> {
    let counts = state.store.read(counts).await?;
    let now = Timestamp::now();
    let mut body = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "org": state.org,
        "auth": state.authority.mode.as_str(),
        "signs_deliveries": state.webhook_secret.is_some(),
        "data": state.data,
        "started_at": state.started_at,
        "uptime_seconds": now.since(state.started_at).as_secs(),
    });
    if let (Value::Object(body), Value::Object(counts)) = (&mut body, counts) {
        body.extend(counts);
    }
    Ok(answer(StatusCode::OK, &body))
}

fn counts(connection: &Connection) -> Result<Value, StoreError> {
    let mut orgs = Map::new();
    for org in records::orgs(connection)? {
        let mut datatypes = Map::new();
        for datatype in records::datatypes(connection, &org)? {
            let count = records::count(connection, &org, &datatype, Span::ALL)?;
            datatypes.insert(datatype, count.into());
        }
        orgs.insert(org, Value::Object(datatypes));
    }
    // Counting events would walk over all of them; the last one's number says as much.
    let last = events::from_end(connection, 1)?.and_then(|event| event.seq);
    let flows = flows::count(connection)?;
    Ok(json!({ "records": orgs, "flows": flows, "last_event": last.map(|seq| seq.to_string()) }))
}

/// A user token for the platform's port.
async fn token_of(FromState(state): FromState<Arc<State>>) -> Response {
    let token = state.authority.dev_token(&state.org, TOKEN_LIFETIME);
    answer(StatusCode::OK, &json!({ "token": token }))
}

/// Raises an event as if the platform had: `{event, record?, org?}`.
async fn emit(
    FromState(state): FromState<Arc<State>>,
    JsonObject(mut body): JsonObject,
) -> Result<Response, Refusal> {
    let name = match body.get("event") {
        Some(Value::String(name)) => name.clone(),
        _ => {
            return Err(Refusal::bad_request(
                "missing_field",
                "`event` is required, as a string",
            ));
        }
    };
    let kind = catalogue::find_event(&name)
        .map_err(|unknown| Refusal::bad_request("unknown_event", unknown.to_string()))?;
    let data = match body.remove("record") {
        None | Some(Value::Null) => sample(kind),
        Some(record) if record.is_object() => record,
        Some(other) => {
            return Err(Refusal::bad_request(
                "bad_field",
                format!("`record` takes an object, not {}", kind_of(&other)),
            ));
        }
    };
    let org = body
        .get("org")
        .and_then(Value::as_str)
        .unwrap_or(&state.org);
    let event = NewEvent {
        org: org.to_owned(),
        kind: kind.name.to_owned(),
        data: data.clone(),
        before: None,
        cause: Cause::default(),
    };
    let seq = state
        .change(move |repository, tx| Ok(repository.emit(tx, event)?))
        .await?;
    Ok(answer(
        StatusCode::OK,
        &json!({ "ref": seq.to_string(), "event": kind.name, "record": data }),
    ))
}

/// The record that an event carries when nobody names one.
pub fn sample(kind: &EventKind) -> Value {
    let data: Value = serde_json::from_str(kind.sample).unwrap_or_default();
    json!({
        "sk": format!("{}-{}", kind.datatype, uuid::Uuid::now_v7().simple()),
        "datatype": kind.datatype,
        "data": data,
    })
}

async fn settings(FromState(state): FromState<Arc<State>>) -> Response {
    let rows: Vec<Value> = SETTINGS
        .iter()
        .map(|setting| {
            json!({
                "name": setting.name,
                "value": state.settings.get(setting.name),
                "default": setting.default,
                "takes": setting.takes,
                "help": setting.help,
            })
        })
        .collect();
    answer(StatusCode::OK, &json!({ "settings": rows }))
}

/// Sets switches: `{name: value, …}`; none of them when one is refused.
async fn set(
    FromState(state): FromState<Arc<State>>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let mut changes = Vec::new();
    for (name, value) in body {
        match value {
            Value::String(value) => changes.push((name, value)),
            other => changes.push((name, other.to_string())),
        }
    }
    state.settings.set(&state.store, &changes).await?;
    let set: Map<String, Value> = changes
        .into_iter()
        .map(|(name, value)| (name, Value::String(value)))
        .collect();
    Ok(answer(StatusCode::OK, &Value::Object(set)))
}

impl From<SettingError> for Refusal {
    fn from(error: SettingError) -> Self {
        match error {
            SettingError::Unknown { ref name } => {
                let known = SETTINGS.iter().map(|setting| setting.name);
                let message = match nearest(name, known) {
                    Some(meant) => format!("{error}; did you mean `{meant}`?"),
                    None => error.to_string(),
                };
                Self::bad_request("unknown_setting", message)
            }
            SettingError::BadValue { .. } | SettingError::UnknownEvent(_) => {
                Self::bad_request("bad_setting", error.to_string())
            }
            SettingError::Store(error) => error.into(),
        }
    }
}

/// Forgets records, flows, runs, events and deliveries: what is gathered from now on is another platform's data.
async fn reset_all(FromState(state): FromState<Arc<State>>) -> Result<Response, Refusal> {
    let id = state
        .store
        .write::<_, StoreError, _>(|tx| {
            reset::wipe(tx)?;
            identity::renew(tx)
        })
        .await?;
    state.identity.replace(&id);
    state.settings.chaos().forget();
    state.set_last_create(None);
    Ok(answer(StatusCode::OK, &json!({ "reset": true })))
}

async fn stop(FromState(state): FromState<Arc<State>>) -> Response {
    state.shutdown.cancel();
    answer(StatusCode::OK, &json!({ "stopping": true }))
}

/// Which events: those after a position, oldest first.
#[derive(Debug, Deserialize)]
struct EventsQuery {
    after: Option<i64>,
    limit: Option<usize>,
}

/// `{events: […], next}`: each event as everywhere else; `next` is the position to go on after.
async fn list_events(
    FromState(state): FromState<Arc<State>>,
    Query(query): Query<EventsQuery>,
) -> Result<Response, Refusal> {
    let limit = query.limit.unwrap_or(100).clamp(1, MAX_EVENTS);
    let after = query.after.unwrap_or(0);
    let body = state
        .store
        .read(move |connection| page_of_events(connection, after, limit))
        .await?;
    Ok(json_response(StatusCode::OK, body))
}

fn page_of_events(
    connection: &Connection,
    after: i64,
    limit: usize,
) -> Result<Vec<u8>, StoreError> {
    let mut body = b"{\"events\":[".to_vec();
    let (mut count, mut next) = (0, after);
    let scan = Scan {
        after: Some(Seq(after)),
        ..Scan::default()
    };
    events::scan::<StoreError, _>(connection, &scan, |event| {
        if count > 0 {
            body.push(b',');
        }
        record::write(&event, &mut body);
        count += 1;
        next = event.seq.map_or(next, |seq| seq.0);
        Ok(if count == limit || body.len() > MAX_EVENTS_BYTES {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    })?;
    body.extend_from_slice(format!("],\"next\":{next}}}").as_bytes());
    Ok(body)
}
