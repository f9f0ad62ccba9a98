//! AppEngine's routes on the control port.

use std::sync::Arc;

use axum::extract::State as FromState;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::{State, automation, chaos, gateways, streams, vendors};
use crate::catalogue::{self, EventKind};
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::event::PlatformRef;
use crate::flow::{Cause, NewEvent};
use crate::json::kind_of;

pub(super) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("POST", "/emit", emit)
        .route("GET", "/api-key", api_key)
        .merge(automation::control_routes())
        .merge(chaos::control_routes())
        .merge(gateways::control_routes())
        .merge(streams::control_routes())
        .merge(vendors::control_routes())
}

/// The API key of the platform's organisation.
async fn api_key(FromState(state): FromState<Arc<State>>) -> Response {
    let key = state.authority.api_key(&state.org);
    answer(StatusCode::OK, &json!({ "key": key, "org": state.org }))
}

/// Raises an event as if AppEngine had: `{event, record?, org?}`.
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
                format!("`record` accepts an object, not {}", kind_of(&other)),
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
        &json!({ "ref": PlatformRef(seq).to_string(), "event": kind.name, "record": data }),
    ))
}

/// The record that an event carries by default.
pub fn sample(kind: &EventKind) -> Value {
    let data: Value = serde_json::from_str(kind.sample()).unwrap_or_default();
    json!({
        "sk": format!("{}-{}", kind.datatype, uuid::Uuid::now_v7().simple()),
        "datatype": kind.datatype,
        "data": data,
    })
}
