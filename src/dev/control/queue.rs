//! The delivery queue on the control port, for `evt queue`.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, Query, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Api;
use crate::deliver::OnSettled;
use crate::deliver::queue::{self as orders, QueueError};
use crate::dev::host::deliveries::{on_ended, on_settled};
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::store::StoreError;
use crate::store::jobs::{self, Settled};
use crate::store::queue::{self, BulkRequest, PAGE, Selection};

/// Maximum number of jobs in a response.
const MAX_JOBS: usize = 1_000;

/// `/_evt/queue…`
pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/_evt/queue", get(overview))
        .route("/_evt/queue/jobs", get(list))
        .route("/_evt/queue/jobs/{id}", get(show))
        .route("/_evt/queue/named/{name}", get(named))
        .route("/_evt/queue/pause", post(pause))
        .route("/_evt/queue/resume", post(resume))
        .route("/_evt/queue/retry", post(retry))
        .route("/_evt/queue/discard", post(discard))
}

async fn overview(FromState(state): FromState<Arc<Api>>) -> Result<Response, Refusal> {
    let overview = state.host.store.read(queue::overview).await?;
    Ok(answer(StatusCode::OK, &overview))
}

/// `?state=dead,waiting&queue=NAME&endpoint=URL&where=CONDITION&limit=N`
#[derive(Deserialize)]
struct Listed {
    state: Option<String>,
    queue: Option<String>,
    endpoint: Option<String>,
    #[serde(rename = "where")]
    condition: Option<String>,
    limit: Option<usize>,
}

async fn list(
    FromState(state): FromState<Arc<Api>>,
    Query(listed): Query<Listed>,
) -> Result<Response, Refusal> {
    let names = listed.state.as_deref().unwrap_or_default();
    let states = names
        .split(',')
        .filter(|name| !name.is_empty())
        .map(state_named)
        .collect::<Result<_, _>>()?;
    let queue = listed.queue.as_deref();
    let queue = queue
        .map(|name| state.platforms.queue_named(name))
        .transpose()?;
    let selection = Selection {
        states,
        queues: queue.into_iter().map(str::to_owned).collect(),
        endpoint: listed.endpoint,
        condition: listed.condition,
        limit: Some(listed.limit.unwrap_or(PAGE).min(MAX_JOBS)),
        ..Selection::default()
    };
    let jobs = orders::list(&state.host.store, &selection).await?;
    Ok(answer(StatusCode::OK, &jobs))
}

fn state_named(name: &str) -> Result<jobs::State, Refusal> {
    jobs::State::ALL
        .into_iter()
        .find(|state| state.as_str() == name)
        .ok_or_else(|| {
            let message = format!("`{name}` is not the state of a job");
            Refusal::bad_request("bad_state", message)
        })
}

async fn show(
    FromState(state): FromState<Arc<Api>>,
    Path(id): Path<i64>,
) -> Result<Response, Refusal> {
    match state.host.store.read(move |db| queue::show(db, id)).await? {
        Some(job) => Ok(answer(StatusCode::OK, &job)),
        None => Err(Refusal::not_found(format!("there is no job {id}"))),
    }
}

async fn named(
    FromState(state): FromState<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let queue = state.platforms.queue_named(&name)?;
    Ok(answer(StatusCode::OK, &json!({ "queue": queue })))
}

/// The queue that a request names: `{queue}`.
fn queue_of(state: &Api, body: &Map<String, Value>) -> Result<&'static str, Refusal> {
    let name = body.get("queue").and_then(Value::as_str);
    let name = name
        .ok_or_else(|| Refusal::bad_request("missing_field", "`queue` is required, as a string"))?;
    state.platforms.queue_named(name)
}

async fn pause(
    FromState(state): FromState<Arc<Api>>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let name = queue_of(&state, &body)?;
    let store = &state.host.store;
    let paused = store.write::<_, StoreError, _>(move |tx| queue::pause(tx, name));
    Ok(answer(StatusCode::OK, &paused.await?))
}

async fn resume(
    FromState(state): FromState<Arc<Api>>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let name = queue_of(&state, &body)?;
    let store = &state.host.store;
    let resumed = store.write::<_, StoreError, _>(move |tx| queue::resume(tx, name));
    Ok(answer(StatusCode::OK, &resumed.await?))
}

async fn retry(
    FromState(state): FromState<Arc<Api>>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let report = orders::retry(&state.host.store, &order(body)?).await?;
    Ok(answer(StatusCode::OK, &report))
}

async fn discard(
    FromState(state): FromState<Arc<Api>>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let settle = on_settled(&state.platforms);
    let discarded: Arc<Mutex<Vec<Settled>>> = Arc::default();
    let noted = Arc::clone(&discarded);
    let recorded: OnSettled = Arc::new(move |tx, settled| {
        settle(tx, settled)?;
        let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.push(settled.clone());
        Ok(())
    });
    let report = orders::discard(&state.host.store, &order(body)?, Some(recorded)).await?;
    let report_end = on_ended(&state.host);
    let discarded = discarded.lock().unwrap_or_else(PoisonError::into_inner);
    discarded.iter().for_each(|settled| report_end(settled));
    drop(discarded);
    Ok(answer(StatusCode::OK, &report))
}

fn order(body: serde_json::Map<String, Value>) -> Result<BulkRequest, Refusal> {
    serde_json::from_value(Value::Object(body))
        .map_err(|error| Refusal::bad_request("bad_order", error.to_string()))
}

impl From<QueueError> for Refusal {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::NothingSelected => Self::bad_request("nothing_selected", error.to_string()),
            QueueError::BadRate { .. } => Self::bad_request("bad_rate", error.to_string()),
            QueueError::Condition(_) => Self::bad_request("bad_condition", error.to_string()),
            QueueError::Store(store) => store.into(),
        }
    }
}
