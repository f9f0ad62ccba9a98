//! AI streams: a client sends a message to an agent, and reads the answer as server-sent events. Agents follow scripts.

mod log;
mod perform;
mod player;
mod script;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, Query, State as FromState};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::log::{Log, Piece};
pub(crate) use self::perform::Listener;
use self::script::{Agents, MAX_AGENTS, Script, ScriptError};
use super::State;
use super::auth::Caller;
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::dev::host::sse;

/// Maximum number of streams, and the time until a stream without readers is deleted.
const MAX_STREAMS: usize = 256;
const READERLESS_LIFETIME: Duration = Duration::from_secs(600);
/// The agent that answers for unknown ids.
const ASSISTANT: &str = "assistant";
/// Maximum characters of a message that an answer repeats.
const MENTIONED: usize = 200;

/// The open streams and the loaded agents.
#[derive(Default)]
pub(crate) struct Streams {
    streams: Mutex<HashMap<String, Arc<Answer>>>,
    agents: Mutex<Agents>,
}

/// An answer of an agent.
struct Answer {
    org: String,
    script: Arc<Script>,
    log: Arc<Log>,
    player: AbortHandle,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.player.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Streams {
    /// Starts an agent's answer. Returns the stream's id.
    fn open(&self, org: String, agent: &str, message: String) -> Result<String, Refusal> {
        let script = self.agent(agent);
        let mut streams = lock(&self.streams);
        make_room(&mut streams)?;
        let log = Arc::new(Log::new());
        let playing = player::play(Arc::clone(&script), message, Arc::clone(&log));
        let id = format!("strm_{}", Uuid::now_v7().simple());
        let answer = Answer {
            org,
            script,
            log,
            player: tokio::spawn(playing).abort_handle(),
        };
        streams.insert(id.clone(), Arc::new(answer));
        Ok(id)
    }

    /// Runs an agent's answer in a conversation. `listener` receives each frame at its time. Cancel safe.
    pub(crate) async fn converse(&self, agent: &str, message: &str, listener: Listener<'_>) {
        let script = self.agent(agent);
        let message: String = message.chars().take(MENTIONED).collect();
        perform::converse(&script, &message, listener).await;
    }

    fn find(&self, org: &str, id: &str) -> Option<Arc<Answer>> {
        let mut streams = lock(&self.streams);
        delete_expired(&mut streams);
        streams.get(id).filter(|answer| answer.org == org).cloned()
    }

    fn agent(&self, id: &str) -> Arc<Script> {
        let own = lock(&self.agents);
        let built_in = script::built_in();
        let known = [id, ASSISTANT]
            .into_iter()
            .find_map(|id| own.get(id).or_else(|| built_in.get(id)));
        Arc::clone(known.expect("the assistant is built in"))
    }

    /// Adds agents, and replaces those with the same ids.
    fn load(&self, agents: Agents) -> Result<(), Refusal> {
        let mut own = lock(&self.agents);
        let new = agents.keys().filter(|id| !own.contains_key(*id)).count();
        if own.len() + new > MAX_AGENTS {
            let message = format!("at most {MAX_AGENTS} agents can be loaded");
            return Err(Refusal::bad_request("too_many_agents", message));
        }
        own.extend(agents);
        Ok(())
    }
}

fn delete_expired(streams: &mut HashMap<String, Arc<Answer>>) {
    streams.retain(|_, answer| {
        answer
            .log
            .idle()
            .is_none_or(|idle| idle < READERLESS_LIFETIME)
    });
}

/// Deletes expired streams and, if necessary, the one that has been without a reader for longest.
fn make_room(streams: &mut HashMap<String, Arc<Answer>>) -> Result<(), Refusal> {
    delete_expired(streams);
    if streams.len() < MAX_STREAMS {
        return Ok(());
    }
    let idle = streams
        .iter()
        .filter_map(|(id, answer)| Some((answer.log.idle()?, id)))
        .max()
        .map(|(_, id)| id.clone());
    let Some(id) = idle else {
        return Err(Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_streams",
            format!("all {MAX_STREAMS} streams have readers; close one first"),
        ));
    };
    streams.remove(&id);
    Ok(())
}

/// The routes of AI streams.
pub(crate) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("POST", "/ai/agent/stream", ask)
        .route("POST", "/ai/agent/{agentId}/stream", ask_named)
        .route("GET", "/ai/stream/{id}", read)
}

/// `/_evt/agents`
pub(crate) fn control_routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("GET", "/agents", list_agents)
        .route("POST", "/agents", load_agents)
}

/// `{agentId, message}`, or the long form with `task`, the agent's role and instructions.
async fn ask(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let agent = text(&body, "agentId")?.unwrap_or(ASSISTANT);
    start(&state, caller, agent, &body)
}

/// [`ask`] with the agent's id in the path.
async fn ask_named(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(agent): Path<String>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    start(&state, caller, &agent, &body)
}

fn start(
    state: &State,
    caller: Caller,
    agent: &str,
    body: &Map<String, Value>,
) -> Result<Response, Refusal> {
    let message = match text(body, "message")? {
        Some(message) => message,
        None => text(body, "task")?.ok_or_else(|| {
            let message = "`message` or `task` is required";
            Refusal::bad_request("missing_field", message)
        })?,
    };
    let message = message.chars().take(MENTIONED).collect();
    let id = state.streams.open(caller.org, agent, message)?;
    Ok(answer(StatusCode::CREATED, &json!({ "streamId": id })))
}

fn text<'a>(body: &'a Map<String, Value>, field: &str) -> Result<Option<&'a str>, Refusal> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::bad_request(
            "bad_field",
            format!("`{field}` accepts a string"),
        )),
    }
}

/// A [`Caller`] whose organisation and token may be in the query, because a browser's `EventSource` cannot set headers.
struct StreamCaller(Caller);

#[derive(Debug, Deserialize)]
struct QueryCredentials {
    orgid: Option<String>,
    token: Option<String>,
}

impl FromRequestParts<Arc<State>> for StreamCaller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Refusal> {
        let bad = |what: String| Refusal::bad_request("bad_query", what);
        let Query(query) = Query::<QueryCredentials>::try_from_uri(&parts.uri)
            .map_err(|error| bad(error.body_text()))?;
        let token = query.token.map(|token| format!("Bearer {token}"));
        for (name, value) in [
            ("orgid", query.orgid),
            (header::AUTHORIZATION.as_str(), token),
        ] {
            if let Some(value) = value
                && !parts.headers.contains_key(name)
            {
                let mut value = HeaderValue::try_from(value).map_err(|_| {
                    bad(format!("`{name}` in the query contains control characters"))
                })?;
                value.set_sensitive(true);
                parts.headers.insert(name, value);
            }
        }
        Caller::from_request_parts(parts, state).await.map(Self)
    }
}

/// Sends the stream from its start, or after `Last-Event-ID`. If nothing is left, 204 stops an `EventSource` (WHATWG).
async fn read(
    FromState(state): FromState<Arc<State>>,
    StreamCaller(caller): StreamCaller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let last_id = sse::last_event_id(&headers)?;
    let found = state.streams.find(&caller.org, &id);
    let found = found.ok_or_else(|| Refusal::not_found(format!("there is no stream `{id}`")))?;
    let Some(reader) = found.log.reader(last_id.as_deref()) else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let connection = Connection {
        reader,
        ready: preface(&found.script),
        answer: found,
        is_cut: false,
        ping: state.settings.stream_ping(),
        shutdown: state.host.shutdown.clone(),
    };
    Ok(sse::response(stream::unfold(connection, Connection::next)))
}

/// The first bytes of each connection.
fn preface(script: &Script) -> Bytes {
    let mut out = Vec::new();
    if script.framing.bom {
        out.extend_from_slice("\u{feff}".as_bytes());
    }
    if let Some(retry) = script.retry {
        let mut writer = sse::Writer::new(script.framing.line_end);
        writer.field("retry", retry.to_string().as_bytes(), &mut out);
        writer.end(&mut out);
    }
    out.into()
}

/// The connection of a reader.
struct Connection {
    reader: log::Reader,
    /// Bytes to send now.
    ready: Bytes,
    /// Keeps the stream alive while it is read.
    answer: Arc<Answer>,
    /// The connection breaks after `ready` is sent.
    is_cut: bool,
    ping: Duration,
    shutdown: CancellationToken,
}

impl Connection {
    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        loop {
            if !self.ready.is_empty() {
                let Some(piece) = self.answer.script.framing.piece else {
                    return Some((Ok(std::mem::take(&mut self.ready)), self));
                };
                // Yields so that the server sends each piece separately; it combines pieces that are ready together.
                tokio::task::yield_now().await;
                let piece = self.ready.split_to(piece.get().min(self.ready.len()));
                return Some((Ok(piece), self));
            }
            if self.is_cut {
                tokio::task::yield_now().await;
                return Some((Err(io::ErrorKind::ConnectionAborted.into()), self));
            }
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return None,
                piece = self.reader.next() => match piece {
                    Piece::Bytes(bytes) => self.ready = bytes,
                    Piece::Cut(partial) => {
                        self.ready = partial;
                        self.is_cut = true;
                    }
                    Piece::End => return None,
                },
                () = tokio::time::sleep(self.ping) => return Some((Ok(sse::comment("ping")), self)),
            }
        }
    }
}

impl From<ScriptError> for Refusal {
    fn from(error: ScriptError) -> Self {
        Self::bad_request("bad_agent", error.to_string())
    }
}

async fn load_agents(
    FromState(state): FromState<Arc<State>>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let agents = script::read(body)?;
    let loaded: Vec<String> = agents.keys().cloned().collect();
    state.streams.load(agents)?;
    Ok(answer(StatusCode::OK, &json!({ "loaded": loaded })))
}

/// `{agents: [{id, about, steps, built_in}]}`, by their ids.
async fn list_agents(FromState(state): FromState<Arc<State>>) -> Response {
    let own = lock(&state.streams.agents);
    let mut all: BTreeMap<&str, (&Script, bool)> = BTreeMap::new();
    let built_in = script::built_in().iter().map(|agent| (agent, true));
    for ((id, script), is_built_in) in built_in.chain(own.iter().map(|agent| (agent, false))) {
        all.insert(id, (script, is_built_in));
    }
    let rows: Vec<Value> = all
        .into_iter()
        .map(|(id, (script, is_built_in))| {
            json!({
                "id": id,
                "about": script.about,
                "steps": script.steps.len(),
                "built_in": is_built_in,
            })
        })
        .collect();
    answer(StatusCode::OK, &json!({ "agents": rows }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(streams: &Streams) -> String {
        let id = streams.open("o".to_owned(), "assistant", "Hello".to_owned());
        id.unwrap_or_else(|refusal| panic!("{refusal:?}"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_deleted_ten_minutes_after_its_last_reader() {
        let streams = Streams::default();
        let id = open(&streams);
        let reader = streams.find("o", &id).unwrap().log.reader(None);
        tokio::time::advance(READERLESS_LIFETIME * 2).await;
        assert!(streams.find("o", &id).is_some(), "it has a reader");
        drop(reader);
        tokio::time::advance(READERLESS_LIFETIME / 2).await;
        assert!(streams.find("o", &id).is_some());
        tokio::time::advance(READERLESS_LIFETIME / 2).await;
        assert!(streams.find("o", &id).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_stream_without_a_reader_for_longest_is_deleted_first() {
        let streams = Streams::default();
        let first = open(&streams);
        tokio::time::advance(Duration::from_secs(1)).await;
        let second = open(&streams);
        for _ in 2..=MAX_STREAMS {
            open(&streams);
        }
        assert!(streams.find("o", &first).is_none());
        assert!(streams.find("o", &second).is_some());
        assert_eq!(lock(&streams.streams).len(), MAX_STREAMS);
    }

    #[tokio::test(start_paused = true)]
    async fn streams_with_readers_are_not_deleted() {
        let streams = Streams::default();
        let answers: Vec<_> = (0..MAX_STREAMS)
            .filter_map(|_| streams.find("o", &open(&streams)))
            .collect();
        let readers: Vec<_> = answers
            .iter()
            .map(|answer| answer.log.reader(None))
            .collect();
        let refused = streams.open("o".to_owned(), "assistant", String::new());
        assert_eq!(refused.unwrap_err().code, "too_many_streams");
        drop(readers);
        open(&streams);
    }
}
