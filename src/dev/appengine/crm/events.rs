//! Events of a calendar: records of datatype `event`, whose reminders raise `event.reminder`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::{data_of, list_of};
use crate::dev::appengine::State;
use crate::dev::appengine::auth::Caller;
use crate::dev::appengine::model::Draft;
use crate::dev::appengine::rest;
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Lints, Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::flow::Cause;

const DATATYPE: &str = "event";

pub(super) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("POST PUT", "/crm/events/create", create)
        .route("GET", "/crm/events/get", list)
        .route("GET", "/crm/events/get/{*id}", get)
}

async fn create(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let data = data_of(body);
    if !["startDate", "startTime"]
        .iter()
        .any(|field| data.contains_key(*field))
    {
        return Err(Refusal::bad_request(
            "missing_field",
            "`startDate` or `startTime` is required, as a time such as 2026-04-26T09:00:00Z",
        ));
    }
    let draft = Draft {
        datatype: DATATYPE.to_owned(),
        name: data.get("title").and_then(Value::as_str).map(str::to_owned),
        data,
        author: Some(caller.principal.email.clone()),
        ..Draft::default()
    };
    let record = state
        .change(move |repository, tx| repository.add(tx, &caller.org, draft, &Cause::default()))
        .await?;
    Ok(answer(StatusCode::CREATED, &record))
}

/// All events in pages, or the one with the `id` of the query.
async fn list(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    lints: Lints,
    Query(mut query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    if let Some(id) = query.remove("id") {
        return rest::one(&state, caller, Some(DATATYPE.to_owned()), id).await;
    }
    list_of(&state, caller, DATATYPE, &Value::Null, query, &lints).await
}

async fn get(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    rest::one(&state, caller, Some(DATATYPE.to_owned()), id).await
}
