//! The control API (`/_evt/*`), on a separate port, which `evt dev status`, `emit`, `set`, `reset`, `stop` and others call.
//!
//! The host's routes are here. A platform adds its own below `/_evt/<name>`.

mod clock;
mod feed;
mod outbox;
mod queue;

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State as FromState};
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::archive::ndjson;
use crate::clock::Mode;
use crate::dev::host::brokers::{BrokerState, Brokers};
use crate::dev::host::guard::{self, Guard};
use crate::dev::host::identity;
use crate::dev::host::refusal::{self, Refusal, Renderers, answer, json_response};
use crate::dev::host::request::JsonObject;
use crate::dev::host::routes::Route;
use crate::dev::host::{Host, Platform, Platforms};
use crate::event::{PlatformRef, Seq};
use crate::grammar::broker::BrokerUrl;
use crate::record;
use crate::secret::Secret;
use crate::store::events::{self, Scan};
use crate::store::{Connection, StoreError, reset};
use crate::time::Timestamp;

/// Maximum number of events in a response.
const MAX_EVENTS: usize = 1000;
/// A response ends with the event that makes it larger than this.
const MAX_EVENTS_BYTES: usize = 4 * 1024 * 1024;

/// What the handlers share.
pub(super) struct Api {
    host: Arc<Host>,
    platforms: Platforms,
    /// The routes on the shared port, by platform.
    routes: Vec<(&'static str, Vec<Route>)>,
    /// Held while the clock is changed.
    clock: tokio::sync::Mutex<clock::Turn>,
}

impl Api {
    pub(super) fn new(
        host: &Arc<Host>,
        platforms: &Platforms,
        routes: Vec<(&'static str, Vec<Route>)>,
    ) -> Arc<Self> {
        Arc::new(Self {
            host: Arc::clone(host),
            platforms: platforms.clone(),
            routes,
            clock: tokio::sync::Mutex::default(),
        })
    }
}

/// The control port's routes behind its guard.
pub(super) fn router(api: Arc<Api>, token: Secret, address: SocketAddr) -> Router {
    let guard = Arc::new(Guard::new(token, address));
    let mut router = Router::new()
        .route("/_evt/status", get(status))
        .route("/_evt/settings", get(settings).post(set))
        .route("/_evt/reset", post(reset_all))
        .route("/_evt/stop", post(stop))
        .route("/_evt/events", get(list_events))
        .route("/_evt/feed", get(feed::feed))
        .route("/_evt/clock", get(clock::show).post(clock::change))
        .merge(outbox::routes())
        .merge(queue::routes())
        .with_state(Arc::clone(&api));
    for platform in api.platforms.iter() {
        let prefix = format!("/_evt/{}", platform.name());
        router = router.merge(platform_routes(&api, platform, &prefix));
        if platform.has_short_control_paths() {
            let routes = Router::new().route("/_evt/token", get(token_of(platform)));
            let (short, _) = platform.control_routes().below("/_evt").into_parts();
            router = router.merge(routes).merge(short);
        }
    }
    router
        .fallback(unknown)
        .layer(from_fn_with_state(guard, guard::guard))
        .layer(from_fn_with_state(
            Renderers::new(Vec::new()),
            refusal::finish,
        ))
        .layer(from_fn(guard::security_headers))
}

/// One platform's routes: `status`, `token` and `routes` as for every platform, and its own.
fn platform_routes(api: &Arc<Api>, platform: &Arc<dyn Platform>, prefix: &str) -> Router {
    let name = platform.name();
    let own = api.routes.iter().find(|(of, _)| *of == name);
    let list = json!({ "routes": own.map(|(_, list)| list) });
    let (state, of) = (Arc::clone(api), Arc::clone(platform));
    let status = move || {
        let (api, platform) = (Arc::clone(&state), Arc::clone(&of));
        async move {
            let status = status_of(&api, platform).await?;
            Ok::<_, Refusal>(answer(StatusCode::OK, &status))
        }
    };
    let (routes, _) = platform.control_routes().below(prefix).into_parts();
    Router::new()
        .route(&format!("{prefix}/status"), get(status))
        .route(&format!("{prefix}/token"), get(token_of(platform)))
        .route(
            &format!("{prefix}/routes"),
            get(move || std::future::ready(answer(StatusCode::OK, &list))),
        )
        .merge(routes)
}

async fn unknown() -> Refusal {
    Refusal::not_found("the control port has no such route")
}

/// A handler that answers with a new token for the developer.
fn token_of(
    platform: &Arc<dyn Platform>,
) -> impl Fn() -> std::future::Ready<Response> + Clone + Send + Sync + 'static {
    let platform = Arc::clone(platform);
    move || {
        let token = platform.access().token;
        std::future::ready(answer(StatusCode::OK, &json!({ "token": token })))
    }
}

/// The facts of one platform: its address and its own status.
async fn status_of(api: &Api, platform: Arc<dyn Platform>) -> Result<Value, StoreError> {
    let url = platform.access().url;
    let mut status = json!({ "url": url });
    let own = api
        .host
        .store
        .read(move |connection| platform.status(connection))
        .await?;
    extend(&mut status, own);
    Ok(status)
}

fn extend(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}

/// The brokers with their states, by name. Addresses are without user and password.
fn brokers(brokers: &Brokers) -> Value {
    let facts = brokers.all().iter().map(|broker| {
        let (state, why) = match broker.state() {
            BrokerState::Starting => ("starting", None),
            BrokerState::Ready => ("ready", None),
            BrokerState::Unreachable { why } => ("unreachable", Some(why)),
            BrokerState::Ended { why } => ("ended", Some(why)),
        };
        let mut facts = json!({ "state": state, "own": broker.is_own });
        if let Ok(url) = BrokerUrl::parse_with_login(&broker.url) {
            facts["url"] = url.to_string().into();
        }
        if let Some(why) = why {
            facts["why"] = why.into();
        }
        (broker.kind.name().to_owned(), facts)
    });
    Value::Object(facts.collect())
}

/// The facts of the host and of the default platform, and below `platforms` those of each platform.
async fn status(FromState(api): FromState<Arc<Api>>) -> Result<Response, Refusal> {
    let host = &api.host;
    let last = host
        .store
        .read(|connection| events::from_end(connection, 1))
        .await?;
    // The position of the last event stands in for their number, because counting reads all of them.
    let last = last.and_then(|event| event.seq);
    let mut body = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "data": host.data,
        "started_at": host.started_at,
        "uptime_seconds": Timestamp::now().since(host.started_at).as_secs(),
        "last_event": last.map(|seq| PlatformRef(seq).to_string()),
        "clock": clock::facts(&host.store)["text"],
    });
    if !host.brokers.all().is_empty() {
        body["brokers"] = brokers(&host.brokers);
    }
    let mut all = Map::new();
    for platform in api.platforms.iter() {
        let facts = status_of(&api, Arc::clone(platform)).await?;
        if all.is_empty() {
            extend(&mut body, facts.clone());
        }
        all.insert(platform.name().to_owned(), facts);
    }
    body["platforms"] = Value::Object(all);
    Ok(answer(StatusCode::OK, &body))
}

async fn settings(FromState(api): FromState<Arc<Api>>) -> Response {
    let settings = &api.host.settings;
    let rows = settings.rows().iter().map(|setting| {
        json!({
            "name": setting.name,
            "value": settings.get(setting.name),
            "default": setting.default,
            "takes": setting.takes,
            "help": setting.help,
        })
    });
    answer(
        StatusCode::OK,
        &json!({ "settings": rows.collect::<Vec<_>>() }),
    )
}

/// Changes settings: `{name: value, …}`. If one is refused, none is changed.
async fn set(
    FromState(api): FromState<Arc<Api>>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let changes: Vec<(String, String)> = body
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(value) => (name, value),
            other => (name, other.to_string()),
        })
        .collect();
    api.host.settings.set(&api.host.store, &changes).await?;
    let set: Map<String, Value> = changes
        .into_iter()
        .map(|(name, value)| (name, Value::String(value)))
        .collect();
    Ok(answer(StatusCode::OK, &Value::Object(set)))
}

/// Deletes records, flows, runs, events and deliveries. The data gets a new identity.
async fn reset_all(FromState(api): FromState<Arc<Api>>) -> Result<Response, Refusal> {
    // A change that is still in progress would set the clock that the reset has just made real.
    let mut turn = api.clock.try_lock().map_err(|_| clock::busy())?;
    turn.begin()?;
    let platforms = api.platforms.clone();
    api.host.store.make_room();
    let id = api
        .host
        .store
        .write::<_, StoreError, _>(move |tx| {
            reset::wipe(tx)?;
            platforms
                .iter()
                .try_for_each(|platform| platform.reset(tx))?;
            identity::renew(tx)
        })
        .await?;
    api.host.store.set_clock(Mode::Real).await?;
    api.host.identity.replace(&id);
    api.platforms.iter().for_each(|platform| platform.forget());
    let (store, stop) = (api.host.store.clone(), api.host.shutdown.clone());
    // Not awaited: a large file takes a while, and whether it gets smaller does not change the answer.
    drop(tokio::task::spawn_blocking(move || {
        store.shrink(|_| !stop.is_cancelled())
    }));
    Ok(answer(StatusCode::OK, &json!({ "reset": true })))
}

async fn stop(FromState(api): FromState<Arc<Api>>) -> Response {
    api.host.shutdown.cancel();
    answer(StatusCode::OK, &json!({ "stopping": true }))
}

/// Selects events after a position, oldest first.
#[derive(Debug, Deserialize)]
struct EventsQuery {
    after: Option<i64>,
    limit: Option<usize>,
    /// Adds the exact headers and body to each event, as in an export.
    exact: Option<bool>,
}

/// `{events: […], next}`: events as in all JSON output; `next` is the position to continue after.
async fn list_events(
    FromState(api): FromState<Arc<Api>>,
    Query(query): Query<EventsQuery>,
) -> Result<Response, Refusal> {
    let limit = query.limit.unwrap_or(100).clamp(1, MAX_EVENTS);
    let after = query.after.unwrap_or(0);
    let body = api
        .host
        .store
        .read(move |connection| page_of_events(connection, after, limit, query.exact == Some(true)))
        .await?;
    Ok(json_response(StatusCode::OK, body))
}

fn page_of_events(
    connection: &Connection,
    after: i64,
    limit: usize,
    exact: bool,
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
        if exact {
            ndjson::write(&event, &mut body);
        } else {
            record::write(&event, &mut body);
        }
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
