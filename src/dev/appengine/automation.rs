//! Automations over HTTP: flows, manual executions, and runs. What a flow does is in `flow`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::State;
use super::auth::Caller;
use super::repository::Repository;
use crate::dev::host::Routes;
use crate::dev::host::hops;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::{JsonBody, JsonObject};
use crate::event::Seq;
use crate::flow::{self, DocumentError, FlowError, Flows, Given, Start};
use crate::json::kind_of;
use crate::store::flows::{self, FlowRow};
use crate::store::runs::{self, RunFilter, RunRow};
use crate::store::{Connection, StoreError, Tx};

/// The default number of flows or runs in a page.
const PAGE_SIZE: usize = 50;

/// The routes below `/automation`. AppEngine documents two paths for a flow, with the same meaning.
pub(crate) fn routes() -> Routes<Arc<State>> {
    let mut routes = Routes::new()
        .route("POST", "/automation/flows/create", create)
        .route("POST", "/automation/ai/generate", generate)
        .route("POST", "/automation/ai/validate", validate)
        .route("GET", "/automation/executions", list_runs)
        .route("GET", "/automation/executions/{id}", show_run)
        .route("POST", "/automation/executions/{id}/cancel", cancel)
        .route("POST", "/automation/executions/{id}/retry", retry)
        .route("POST", "/automation/executions/{id}/replay", replay);
    for base in ["/automation/flows", "/automation"] {
        let one = format!("{base}/{{id}}");
        routes = routes
            .route("GET", base, list)
            .route("POST", base, create)
            .route("GET", &one, show)
            .route("PUT POST", &one, update)
            .route("DELETE", &one, remove)
            .route("POST", &format!("{one}/enable"), enable)
            .route("POST", &format!("{one}/disable"), disable)
            .route("POST", &format!("{one}/execute"), execute);
    }
    routes
}

impl From<FlowError> for Refusal {
    fn from(error: FlowError) -> Self {
        let message = error.to_string();
        match error {
            // The real platform supports it, so the request is not invalid.
            FlowError::Document(DocumentError::NotBuilt { .. }) => Self::not_implemented(message),
            FlowError::Document(_) => Self::bad_request("bad_flow", message),
            FlowError::UnknownEvent { .. } => Self::bad_request("unknown_event", message),
            FlowError::NoSuchFlow { .. }
            | FlowError::NoSuchEvent { .. }
            | FlowError::NoSuchRun { .. } => Self::not_found(message),
            FlowError::NameTaken { .. } => Self::new(
                StatusCode::CONFLICT,
                "name_taken",
                format!("{message}: update or delete that flow, or rename this one"),
            ),
            FlowError::WrongState { .. } => Self::new(StatusCode::CONFLICT, "wrong_state", message),
            FlowError::NoSuchStep { .. } | FlowError::BadRunId { .. } => {
                Self::bad_request("bad_field", message)
            }
            FlowError::RunExists { .. } => {
                Self::new(StatusCode::CONFLICT, "execution_exists", message)
            }
            FlowError::Gone { .. } => Self::new(StatusCode::GONE, "gone", message),
            FlowError::Store(error) => error.into(),
        }
    }
}

/// The control routes, which explain flows. The real platform has none of them.
pub(super) fn control_routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("GET", "/flows/why", why)
        .route("POST", "/flows/test", rehearse)
}

impl State {
    /// Runs `op` with the flows in one commit.
    async fn with_flows<T: Send + 'static>(
        &self,
        op: impl FnOnce(&Flows, &Tx<'_>, &Repository) -> Result<T, FlowError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (flows, repository) = (Arc::clone(&self.flows), Arc::clone(&self.repository));
        let done = self
            .host
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
        .host
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
        .host
        .store
        .read::<_, StoreError, _>(move |connection| {
            flows::list(connection, &caller.org, size, offset)
        })
        .await?;
    let data = rows.iter().map(flow::model).collect();
    Ok(answer(StatusCode::OK, &page.envelope(data, total)))
}

/// Starts a flow by hand, with `{context}`, or `{variables, startStepId, executionId, executedBy}` of the platform's pages.
async fn execute(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let start = Start::of(&body)?;
    let depth = hops::current();
    let (run, view) = state
        .with_flows(move |flows, tx, world| {
            let run = flows.execute(tx, world, &caller.org, &id, start, depth)?;
            let row = runs::get(tx, &run)?.ok_or(FlowError::NoSuchRun { id: run.clone() })?;
            Ok((run, flow::executed(tx, &row)?))
        })
        .await?;
    // `pending` even if the run has ended: the real platform queues an execution and answers at once.
    let mut body = json!({"executionId": run, "id": run, "status": "pending", "success": true});
    if let (Some(body), Value::Object(view)) = (body.as_object_mut(), view) {
        body.extend(view);
    }
    Ok(answer(StatusCode::OK, &body))
}

impl Start {
    fn of(body: &Map<String, Value>) -> Result<Self, Refusal> {
        let object = |name: &str| match body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(fields.clone())),
            Some(other) => Err(Refusal::bad_request(
                "bad_field",
                format!("`{name}` accepts an object, not {}", kind_of(other)),
            )),
        };
        let text = |name: &str| match body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(Refusal::bad_request(
                "bad_field",
                format!("`{name}` accepts a string, not {}", kind_of(other)),
            )),
        };
        let mut context = object("context")?.unwrap_or_default();
        context.extend(object("variables")?.unwrap_or_default());
        if let Some(by) = text("executedBy")? {
            context.entry("executedBy").or_insert(by.into());
        }
        Ok(Self {
            context: Value::Object(context),
            step: text("startStepId")?,
            id: text("executionId")?.filter(|id| !id.is_empty()),
        })
    }
}

async fn generate(_: Caller) -> Refusal {
    Refusal::not_implemented(
        "flows cannot be generated locally: write one, or run `evt flows create` on a terminal",
    )
}

/// Checks a flow without storing it. The flow is the body, or its member `automation`, `flow` or `workflow`.
async fn validate(_: Caller, JsonBody(body): JsonBody) -> Response {
    let mut members = ["automation", "flow", "workflow"].iter();
    let document = members.find_map(|name| body.get(*name));
    let errors: Vec<Value> = match flow::compile(document.unwrap_or(&body)) {
        Ok(_) => Vec::new(),
        Err(error) => vec![json!({ "message": error.to_string() })],
    };
    let body = json!({ "valid": errors.is_empty(), "errors": errors, "warnings": [] });
    answer(StatusCode::OK, &body)
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
        .host
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
                format!("`status` accepts one or more of {all}"),
            ));
        }
        statuses.push(known.to_owned());
    }
    Ok(statuses)
}

fn flow_name(connection: &Connection, row: &RunRow) -> Result<Option<String>, StoreError> {
    Ok(flows::get(connection, &row.org, &row.flow)?.map(|flow| flow.name))
}

async fn show_run(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    run_answer(&state, caller.org, id).await
}

/// A run with its steps and attempts.
async fn run_answer(state: &State, org: String, id: String) -> Result<Response, Refusal> {
    let view = state
        .host
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

#[derive(Deserialize)]
struct WhyQuery {
    /// A position or reference of an event.
    event: Option<String>,
    /// The id of a run, for its event.
    run: Option<String>,
    /// The id of a flow, for this flow only.
    flow: Option<String>,
}

/// Explains which flows an event started, and why the others did not start.
async fn why(
    FromState(state): FromState<Arc<State>>,
    Query(query): Query<WhyQuery>,
) -> Result<Response, Refusal> {
    let now = state.host.store.now();
    let found = state
        .host
        .store
        .read::<_, FlowError, _>(move |connection| {
            let only = query.flow.as_deref();
            match &query.run {
                Some(id) => flow::why_run(connection, id, only, now),
                None => {
                    let seq = position(query.event.as_deref().unwrap_or_default())?;
                    flow::why(connection, seq, only, now)
                }
            }
        })
        .await?;
    Ok(answer(StatusCode::OK, &found))
}

/// `p_7f3a`.
fn position(text: &str) -> Result<Seq, FlowError> {
    let digits = text.strip_prefix("p_");
    let seq = digits.and_then(|digits| digits.parse().ok());
    seq.ok_or_else(|| FlowError::NoSuchEvent {
        reference: text.to_owned(),
    })
}

/// Runs a flow against an event without effects: `{flow, ref}` or `{flow, run}` for a stored event, or `{flow, event, org?}`.
async fn rehearse(
    FromState(state): FromState<Arc<State>>,
    JsonObject(mut body): JsonObject,
) -> Result<Response, Refusal> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let Some(id) = text("flow") else {
        let message = "`flow` is required, as a string";
        return Err(Refusal::bad_request("missing_field", message));
    };
    let org = text("org").unwrap_or_else(|| state.org.clone());
    let given = match (text("run"), text("ref")) {
        (Some(run), _) => Given::Run(run),
        (None, Some(reference)) => Given::Stored(position(&reference)?),
        (None, None) => match body.remove("event") {
            Some(event @ Value::Object(_)) => Given::New(event),
            _ => {
                let message = "`ref` or `event` is required; `event` is an object";
                return Err(Refusal::bad_request("missing_field", message));
            }
        },
    };
    let rehearsal = state
        .with_flows(move |flows, tx, world| flows.rehearse(tx, world, &org, &id, given))
        .await?;
    Ok(answer(StatusCode::OK, &rehearsal))
}

/// The page of a list: `page` and `pageSize`, in all spellings that AppEngine accepts.
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
                        format!("`{}` accepts a whole number from 1", names[0]),
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
