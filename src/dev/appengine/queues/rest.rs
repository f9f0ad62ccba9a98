//! The queues over HTTP: `/sync…` and `/monitoring…`, in BullMQ's words.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{QUEUES, Queue, find};
use crate::backoff::{Jitter, Retry};
use crate::dev::appengine::State;
use crate::dev::appengine::auth::Caller;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::dev::host::{Routes, unknown_queue};
use crate::flow;
use crate::store::jobs;
use crate::store::queue::{self, Counts, Monitored};
use crate::store::work::{self, NewWork};
use crate::store::{Connection, StoreError, runs};
use crate::time::Timestamp;

/// Jobs in a response, unless the request has a `limit`.
const PAGE: usize = 20;
/// Jobs in a response at most.
const MAX_JOBS: usize = 1_000;
/// The longest delay of a job from outside, in milliseconds: 30 days.
const MAX_DELAY: u64 = 30 * 24 * 3600 * 1000;
/// Bytes of the data of a job from outside.
const MAX_DATA: usize = 256 * 1024;

/// `/sync…` and `/monitoring…`
pub(in crate::dev::appengine) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("GET", "/sync", sync)
        .route("GET", "/sync/info", list)
        .route("GET POST", "/sync/pause/{name}", pause)
        .route("GET POST", "/sync/resume/{name}", resume)
        .route("GET POST DELETE", "/sync/purge", purge)
        .route("POST", "/sync/queue", enqueue)
        .route("GET", "/monitoring/queues", list)
        .route("GET", "/monitoring/queues/{name}", show)
        .route("GET", "/monitoring/queues/{name}/failed", failed)
        .route("GET", "/monitoring/overview", overview)
        .route("GET", "/monitoring/health", health)
}

/// All queues at one moment.
struct Snapshot {
    counts: Vec<(&'static Queue, Counts)>,
    paused: BTreeMap<String, Timestamp>,
}

impl Snapshot {
    fn read(db: &Connection, now: Timestamp) -> Result<Self, StoreError> {
        let counts = QUEUES
            .iter()
            .map(|queue| Ok((queue, counts(db, queue, now)?)));
        Ok(Self {
            counts: counts.collect::<Result<_, StoreError>>()?,
            paused: queue::paused(db)?,
        })
    }

    fn total(&self) -> Counts {
        let counts = self.counts.iter().map(|(_, counts)| *counts);
        counts.fold(Counts::default(), Counts::plus)
    }

    fn view(&self) -> Vec<Value> {
        let view = self
            .counts
            .iter()
            .map(|(queue, counts)| self.queue(queue, counts));
        view.collect()
    }

    fn queue(&self, queue: &Queue, counts: &Counts) -> Value {
        let paused_at = self.paused.get(queue.name);
        let mut view = json!({
            "name": queue.name,
            "description": queue.does,
            "isPaused": paused_at.is_some(),
            "counts": counts_view(counts),
        });
        if let Some(at) = paused_at {
            view["pausedAt"] = json!(at);
        }
        view
    }
}

/// Counts the jobs of a queue. Runs that started inside the commit of their event are completed jobs of `automation`, too.
fn counts(db: &Connection, queue: &Queue, now: Timestamp) -> Result<Counts, StoreError> {
    let mut counts = queue::counts(db, queue.name, now)?;
    if queue.name == flow::AUTOMATION {
        let runs = runs::counts(db)?;
        counts.completed = runs.completed;
        counts.failed += runs.failed;
    }
    Ok(counts)
}

fn counts_view(counts: &Counts) -> Value {
    json!({
        "waiting": counts.waiting,
        "active": counts.active,
        "delayed": counts.delayed,
        "completed": counts.completed,
        "failed": counts.failed,
        "paused": counts.paused,
    })
}

fn job_view(job: &Monitored) -> Value {
    let data = serde_json::from_str(&job.data).unwrap_or(Value::String(job.data.clone()));
    let mut view = json!({
        "id": job.id.to_string(),
        "name": job.name,
        "data": data,
        "state": job.state.as_str(),
        "attemptsMade": job.attempts,
        "opts": options_view(&job.retry),
        "timestamp": job.created_at.millis(),
        "runAt": job.run_at.millis(),
    });
    if let Some(at) = job.ended_at {
        view["finishedOn"] = at.millis().into();
    }
    if let Some(reason) = &job.error {
        view["failedReason"] = reason.as_str().into();
    }
    view
}

/// `{attempts, backoff: {type, delay, jitter}}`; the delay in milliseconds.
fn options_view(retry: &Retry) -> Value {
    let mut view = json!({ "attempts": retry.delays.len() + 1 });
    if let Some(delay) = retry.delays.first() {
        let jitter = match retry.jitter {
            Jitter::Around => 0.2,
            Jitter::Below(percent) => f64::from(percent) / 100.0,
        };
        let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        view["backoff"] = json!({ "type": "exponential", "delay": delay, "jitter": jitter });
    }
    view
}

/// The queue with this name or alias.
fn named(name: &str) -> Result<&'static Queue, Refusal> {
    find(name).ok_or_else(|| unknown_queue(name, QUEUES.iter().map(|queue| queue.name)))
}

async fn snapshot(state: &State) -> Result<Snapshot, Refusal> {
    let store = &state.host.store;
    let now = store.now();
    Ok(store.read(move |db| Snapshot::read(db, now)).await?)
}

fn uptime(state: &State) -> u64 {
    Timestamp::now().since(state.host.started_at).as_secs()
}

async fn sync(FromState(state): FromState<Arc<State>>, _: Caller) -> Result<Response, Refusal> {
    let total = snapshot(&state).await?.total();
    let body = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "status": "running",
        "activeJobs": total.active + total.waiting,
        "completedJobs": total.completed,
        "failedJobs": total.failed,
        "uptime": uptime(&state),
    });
    Ok(answer(StatusCode::OK, &body))
}

async fn list(FromState(state): FromState<Arc<State>>, _: Caller) -> Result<Response, Refusal> {
    let queues = snapshot(&state).await?.view();
    Ok(answer(StatusCode::OK, &json!({ "queues": queues })))
}

async fn overview(FromState(state): FromState<Arc<State>>, _: Caller) -> Result<Response, Refusal> {
    let snapshot = snapshot(&state).await?;
    let body = json!({
        "queues": snapshot.counts.len(),
        "paused": snapshot.paused.keys().collect::<Vec<_>>(),
        "counts": counts_view(&snapshot.total()),
        "uptime": uptime(&state),
    });
    Ok(answer(StatusCode::OK, &body))
}

/// Needs no token: monitors call it.
async fn health(FromState(state): FromState<Arc<State>>) -> Result<Response, Refusal> {
    let paused = state.host.store.read(queue::paused).await?;
    let body = json!({
        "status": "ok",
        "uptime": uptime(&state),
        "timestamp": state.host.store.now(),
        "pausedQueues": paused.into_keys().collect::<Vec<_>>(),
    });
    Ok(answer(StatusCode::OK, &body))
}

/// `?limit=N`
#[derive(Deserialize)]
struct Page {
    limit: Option<usize>,
}

async fn show(
    FromState(state): FromState<Arc<State>>,
    _: Caller,
    Path(name): Path<String>,
    Query(page): Query<Page>,
) -> Result<Response, Refusal> {
    jobs_of(&state, named(&name)?, &jobs::State::ALL, &page).await
}

async fn failed(
    FromState(state): FromState<Arc<State>>,
    _: Caller,
    Path(name): Path<String>,
    Query(page): Query<Page>,
) -> Result<Response, Refusal> {
    let states = [jobs::State::Dead, jobs::State::Quarantined];
    jobs_of(&state, named(&name)?, &states, &page).await
}

/// A queue, its counts, and its newest jobs in these states.
async fn jobs_of(
    state: &State,
    of: &'static Queue,
    states: &[jobs::State],
    page: &Page,
) -> Result<Response, Refusal> {
    let limit = page.limit.unwrap_or(PAGE).min(MAX_JOBS);
    let now = state.host.store.now();
    let states = states.to_vec();
    let read = state.host.store.read(move |db| {
        let snapshot = Snapshot {
            counts: vec![(of, counts(db, of, now)?)],
            paused: queue::paused(db)?,
        };
        let jobs = queue::monitored(db, of.name, &states, limit)?;
        Ok::<_, StoreError>((snapshot, jobs))
    });
    let (snapshot, jobs) = read.await?;
    let mut view = snapshot.view().remove(0);
    view["jobs"] = jobs.iter().map(job_view).collect();
    Ok(answer(StatusCode::OK, &view))
}

async fn pause(
    FromState(state): FromState<Arc<State>>,
    _: Caller,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let name = named(&name)?.name;
    let store = &state.host.store;
    let paused = store.write::<_, StoreError, _>(move |tx| queue::pause(tx, name));
    Ok(answer(StatusCode::OK, &paused.await?))
}

async fn resume(
    FromState(state): FromState<Arc<State>>,
    _: Caller,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let name = named(&name)?.name;
    let store = &state.host.store;
    let resumed = store.write::<_, StoreError, _>(move |tx| queue::resume(tx, name));
    Ok(answer(StatusCode::OK, &resumed.await?))
}

/// Deletes the completed jobs of all queues.
async fn purge(FromState(state): FromState<Arc<State>>, _: Caller) -> Result<Response, Refusal> {
    let purged = state.host.store.write::<_, StoreError, _>(move |tx| {
        let mut purged = 0;
        for queue in &QUEUES {
            purged += work::trim(tx, queue.name, 0)?;
        }
        Ok(purged)
    });
    Ok(answer(StatusCode::OK, &json!({ "purged": purged.await? })))
}

/// `{queue, name, data, delay}`. AppEngine has no public way to add jobs, so this is off by default.
async fn enqueue(
    FromState(state): FromState<Arc<State>>,
    _: Caller,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    if !state.settings.accepts_jobs() {
        let message = "AppEngine's queues are internal: call the endpoint that enqueues the job, such as POST /broadcast/campaign/send";
        return Err(Refusal::forbidden("queue_is_internal", message)
            .with_hint(Some("evt dev set sync.queue=on".to_owned())));
    }
    let text = |field: &str| body.get(field).and_then(Value::as_str);
    let required = |field: &'static str| {
        let message = format!("`{field}` is required, as a string");
        text(field).ok_or_else(|| Refusal::bad_request("missing_field", message))
    };
    let queue = named(required("queue")?)?.name;
    let job = required("name")?.to_owned();
    let data = body.get("data").unwrap_or(&Value::Null).to_string();
    if job.len() > 100 || data.len() > MAX_DATA {
        let message = format!("`name` accepts 100 bytes and `data` {MAX_DATA} bytes");
        return Err(Refusal::bad_request("too_large", message));
    }
    let delay = body.get("delay").map_or(Some(0), Value::as_u64);
    let delay = delay.filter(|delay| *delay <= MAX_DELAY).ok_or_else(|| {
        let message = format!("`delay` accepts 0 to {MAX_DELAY} milliseconds");
        Refusal::bad_request("bad_field", message)
    })?;
    let added = state.host.store.write::<_, StoreError, _>(move |tx| {
        let run_at = tx.now().plus(Duration::from_millis(delay));
        let new = NewWork {
            retry: Retry::bullmq(Duration::from_secs(1), 3, 0),
            ..NewWork::new(queue, job, data, run_at)
        };
        work::enqueue(tx, &new)
    });
    let id = added.await?;
    let body = json!({ "id": id.to_string(), "queue": queue });
    Ok(answer(StatusCode::CREATED, &body))
}
