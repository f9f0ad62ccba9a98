//! Automations over HTTP: the flows, their executions by hand, and their runs. What a flow does is `flow`'s.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use bytes::Bytes;
use serde_json::{Value, json};

use super::State;
use super::auth::Caller;
use super::repository::Repository;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::{JsonBody, JsonObject};
use crate::envelope::appengine;
use crate::event::Meta;
use crate::flow::{self, DocumentError, EventFormat, FlowError, Flows, NewEvent};
use crate::json::kind_of;
use crate::store::flows::{self, FlowRow};
use crate::store::runs::{self, RunFilter, RunRow};
use crate::store::{StoreError, Tx};
use crate::time::Timestamp;

/// Flows or runs in a page when nobody says how many.
const PAGE_SIZE: usize = 50;

/// The routes under `/automation`: the documents know two paths for a flow, and both lead to the same one.
pub(crate) fn routes() -> Router<Arc<State>> {
    let mut router = Router::new()
        .route("/automation/flows/create", post(create))
        .route("/automation/ai/generate", post(generate))
        .route("/automation/executions", get(list_runs))
        .route("/automation/executions/{id}", get(show_run))
        .route("/automation/executions/{id}/cancel", post(cancel))
        .route("/automation/executions/{id}/retry", post(retry))
        .route("/automation/executions/{id}/replay", post(replay));
    for base in ["/automation/flows", "/automation"] {
        router = router
            .route(base, get(list).post(create))
            .route(&format!("{base}/{{id}}"), one())
            .route(&format!("{base}/{{id}}/enable"), post(enable))
            .route(&format!("{base}/{{id}}/disable"), post(disable))
            .route(&format!("{base}/{{id}}/execute"), post(execute));
    }
    router
}

fn one() -> MethodRouter<Arc<State>> {
    get(show).put(update).post(update).delete(remove)
}

/// How AppEngine writes its webhooks.
pub struct AppEngineFormat;

impl EventFormat for AppEngineFormat {
    fn user_agent(&self) -> &'static str {
        "AppEngine (evt dev)"
    }

    fn encode(&self, event: &NewEvent, now: Timestamp) -> (Bytes, Meta) {
        let time = whole_seconds(now);
        let data = event.data.to_string();
        let body = appengine::encode(&event.kind, &event.org, &time, &data);
        // The data is the last member.
        let end = body.len() - 1;
        let range = end - data.len()..end;
        let subject = event.data.get("sk").and_then(Value::as_str);
        let meta = Meta {
            kind: Some(event.kind.clone()),
            id: None,
            system: Some("appengine".to_owned()),
            org: Some(event.org.clone()),
            subject: subject.map(str::to_owned),
            time: Some(time),
            data: Some(range),
        };
        (body.into(), meta)
    }
}

/// The time as AppEngine writes it in webhooks: without fractions of a second.
fn whole_seconds(now: Timestamp) -> String {
    let mut time = Timestamp::from_secs(now.secs()).to_string();
    if let Some(point) = time.find('.') {
        time.replace_range(point..time.len() - 1, "");
    }
    time
}

impl From<FlowError> for Refusal {
    fn from(error: FlowError) -> Self {
        let message = error.to_string();
        match error {
            // The real platform has it: this is no mistake of the caller's.
            FlowError::Document(DocumentError::NotBuilt { .. }) => Self::not_implemented(message),
            FlowError::Document(_) => Self::bad_request("bad_flow", message),
            FlowError::NoSuchFlow { .. } | FlowError::NoSuchRun { .. } => Self::not_found(message),
            FlowError::NameTaken { .. } => Self::new(
                StatusCode::CONFLICT,
                "name_taken",
                format!("{message}: update or delete it, or give this one another name"),
            ),
            FlowError::WrongState { .. } => Self::new(StatusCode::CONFLICT, "wrong_state", message),
            FlowError::Gone { .. } => Self::new(StatusCode::GONE, "gone", message),
            FlowError::Store(error) => error.into(),
        }
    }
}

impl State {
    /// Does something with the flows in one commit.
    async fn with_flows<T: Send + 'static>(
        &self,
        op: impl FnOnce(&Flows, &Tx<'_>, &Repository) -> Result<T, FlowError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (flows, repository) = (Arc::clone(&self.flows), Arc::clone(&self.repository));
        let done = self
            .store
            .write::<_, FlowError, _>(move |tx| op(&flows, tx, &repository))
            .await;
        Ok(done?)
    }
}

async fn create(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    JsonBody(document): JsonBody,
) -> Result<Response, Refusal> {
    let row = state
        .with_flows(move |flows, tx, _| flows.create(tx, &caller.org, &document))
        .await?;
    Ok(answer(StatusCode::CREATED, &flow::model(&row)))
}

async fn update(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
    JsonBody(document): JsonBody,
) -> Result<Response, Refusal> {
    let row = state
        .with_flows(move |flows, tx, _| flows.update(tx, &caller.org, &id, &document))
        .await?;
    Ok(answer(StatusCode::OK, &flow::model(&row)))
}

async fn show(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let row = state
        .store
        .read::<_, FlowError, _>(move |connection| {
            flows::get(connection, &caller.org, &id)?.ok_or(FlowError::NoSuchFlow { id })
        })
        .await?;
    Ok(answer(StatusCode::OK, &flow::model(&row)))
}

async fn remove(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let row = state
        .with_flows(move |flows, tx, _| flows.delete(tx, &caller.org, &id))
        .await?;
    Ok(answer(StatusCode::OK, &flow::model(&row)))
}

async fn enable(
    state: FromState<Arc<State>>,
    caller: Caller,
    id: Path<String>,
) -> Result<Response, Refusal> {
    switch(state, caller, id, true).await
}

async fn disable(
    state: FromState<Arc<State>>,
    caller: Caller,
    id: Path<String>,
) -> Result<Response, Refusal> {
    switch(state, caller, id, false).await
}

async fn switch(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
    enabled: bool,
) -> Result<Response, Refusal> {
    let row = state
        .with_flows(move |flows, tx, _| flows.set_enabled(tx, &caller.org, &id, enabled))
        .await?;
    Ok(answer(StatusCode::OK, &flow::model(&row)))
}

async fn list(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    let page = Page::of(&query, state.page_cap)?;
    let (size, offset) = (page.size, page.offset());
    let (rows, total): (Vec<FlowRow>, usize) = state
        .store
        .read::<_, StoreError, _>(move |connection| {
            flows::list(connection, &caller.org, size, offset)
        })
        .await?;
    let data = rows.iter().map(flow::model).collect();
    Ok(answer(StatusCode::OK, &page.envelope(data, total)))
}

async fn execute(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
    JsonObject(mut body): JsonObject,
) -> Result<Response, Refusal> {
    let context = match body.remove("context") {
        None | Some(Value::Null) => json!({}),
        Some(context @ Value::Object(_)) => context,
        Some(other) => {
            return Err(Refusal::bad_request(
                "bad_field",
                format!("`context` takes an object, not {}", kind_of(&other)),
            ));
        }
    };
    let run = state
        .with_flows(move |flows, tx, world| flows.execute(tx, world, &caller.org, &id, context))
        .await?;
    // Whatever it has come to by now: the platform queues an execution and answers at once.
    let body = json!({"executionId": run, "id": run, "status": "pending"});
    Ok(answer(StatusCode::OK, &body))
}

async fn generate(_: Caller) -> Refusal {
    Refusal::not_implemented(
        "flows are not generated here: write one, or run `evt flows create` on a terminal",
    )
}

async fn list_runs(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    let page = Page::of(&query, state.page_cap)?;
    let flow = query.get("flowId").or_else(|| query.get("automationId"));
    let filter = RunFilter {
        org: caller.org,
        flow: flow.cloned(),
        statuses: statuses(query.get("status"))?,
        limit: page.size,
        offset: page.offset(),
    };
    let (data, total): (Vec<Value>, usize) = state
        .store
        .read::<_, StoreError, _>(move |connection| {
            let (rows, total) = runs::list(connection, &filter)?;
            let views = rows.iter().map(|row| {
                let name = flow_name(connection, row)?;
                Ok(flow::view(row, name.as_deref()))
            });
            Ok((views.collect::<Result<_, StoreError>>()?, total))
        })
        .await?;
    Ok(answer(StatusCode::OK, &page.envelope(data, total)))
}

fn statuses(text: Option<&String>) -> Result<Vec<String>, Refusal> {
    let names = text.map_or("", String::as_str).split(',').map(str::trim);
    let mut statuses = Vec::new();
    for name in names.filter(|name| !name.is_empty()) {
        let known = match name {
            "not_fired" => flow::status::SKIPPED,
            name => name,
        };
        if !flow::status::ALL.contains(&known) {
            let all = flow::status::ALL.join(", ");
            return Err(Refusal::bad_request(
                "bad_option",
                format!("`status` takes some of {all}"),
            ));
        }
        statuses.push(known.to_owned());
    }
    Ok(statuses)
}

fn flow_name(
    connection: &crate::store::Connection,
    row: &RunRow,
) -> Result<Option<String>, StoreError> {
    Ok(flows::get(connection, &row.org, &row.flow)?.map(|flow| flow.name))
}

async fn show_run(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    run_answer(&state, caller.org, id).await
}

/// A run with each of its steps and attempts.
async fn run_answer(state: &State, org: String, id: String) -> Result<Response, Refusal> {
    let view = state
        .store
        .read::<_, FlowError, _>(move |connection| {
            let row = runs::get(connection, &id)?
                .filter(|row| row.org == org)
                .ok_or(FlowError::NoSuchRun { id })?;
            let name = flow_name(connection, &row)?;
            Ok(flow::view_with_attempts(connection, &row, name.as_deref())?)
        })
        .await?;
    Ok(answer(StatusCode::OK, &view))
}

async fn cancel(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let org = caller.org.clone();
    let row = state
        .with_flows(move |flows, tx, _| flows.cancel(tx, &org, &id))
        .await?;
    run_answer(&state, caller.org, row.id).await
}

async fn retry(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let org = caller.org.clone();
    let row = state
        .with_flows(move |flows, tx, world| flows.retry(tx, world, &org, &id))
        .await?;
    run_answer(&state, caller.org, row.id).await
}

async fn replay(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let org = caller.org.clone();
    let run = state
        .with_flows(move |flows, tx, world| flows.replay(tx, world, &org, &id))
        .await?;
    run_answer(&state, caller.org, run).await
}

/// Which page of a list: `page` and `pageSize`, in the spellings that the platform's lists take.
struct Page {
    page: usize,
    size: usize,
}

impl Page {
    fn of(query: &HashMap<String, String>, cap: usize) -> Result<Self, Refusal> {
        let number = |names: &[&str], default: usize| {
            let Some(text) = names.iter().find_map(|name| query.get(*name)) else {
                return Ok(default);
            };
            text.parse::<u32>()
                .ok()
                .filter(|number| *number > 0)
                .map(|number| number as usize)
                .ok_or_else(|| {
                    Refusal::bad_request(
                        "bad_option",
                        format!("`{}` takes a whole number from 1", names[0]),
                    )
                })
        };
        let size = number(&["pageSize", "limit", "ps"], PAGE_SIZE.min(cap))?;
        Ok(Self {
            page: number(&["page", "p"], 1)?,
            size: size.min(cap),
        })
    }

    fn offset(&self) -> usize {
        (self.page - 1) * self.size
    }

    fn envelope(&self, data: Vec<Value>, total: usize) -> Value {
        json!({
            "data": data,
            "total": total,
            "hasNext": self.page * self.size < total,
            "page": self.page,
            "pageSize": self.size,
            "totalPages": total.div_ceil(self.size),
        })
    }
}
