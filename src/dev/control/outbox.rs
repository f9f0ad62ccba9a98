//! The outbox on the control port, for `evt dev outbox`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use super::Api;
use crate::dev::host::refusal::{Refusal, answer};
use crate::store::StoreError;
use crate::store::outbox::{self, Filter};

/// Messages in a list at most.
const MAX_MESSAGES: usize = 1_000;

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/_evt/outbox", get(list))
        .route("/_evt/outbox/{id}", get(show))
        .route("/_evt/outbox/clear", post(clear))
}

/// `?channel=email&to=ada&cause=exec-1&limit=50`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    channel: Option<String>,
    to: Option<String>,
    cause: Option<String>,
    limit: Option<usize>,
}

async fn list(
    FromState(api): FromState<Arc<Api>>,
    Query(listed): Query<Listed>,
) -> Result<Response, Refusal> {
    let filter = Filter {
        channel: listed.channel,
        to: listed.to,
        cause: listed.cause,
        limit: listed.limit.unwrap_or(50).min(MAX_MESSAGES),
    };
    let messages = api
        .host
        .store
        .read(move |db| outbox::list(db, &filter))
        .await?;
    Ok(answer(StatusCode::OK, &json!({ "messages": messages })))
}

async fn show(
    FromState(api): FromState<Arc<Api>>,
    Path(id): Path<i64>,
) -> Result<Response, Refusal> {
    match api.host.store.read(move |db| outbox::get(db, id)).await? {
        Some(message) => Ok(answer(StatusCode::OK, &message)),
        None => Err(Refusal::not_found(format!("there is no message {id}"))),
    }
}

async fn clear(FromState(api): FromState<Arc<Api>>) -> Result<Response, Refusal> {
    let cleared = api
        .host
        .store
        .write::<_, StoreError, _>(outbox::clear)
        .await?;
    Ok(answer(StatusCode::OK, &json!({ "cleared": cleared })))
}
