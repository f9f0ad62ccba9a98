//! AI streams, in two steps: an agent is asked, and its answer read as server-sent events. The agents follow scripts.

mod log;
mod perform;
mod player;
mod script;
mod teller;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, Query, State as FromState};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::log::{Log, Piece};
use self::script::{Agents, MAX_AGENTS, Script, ScriptError};
pub(crate) use self::teller::Listener;
use super::State;
use super::auth::Caller;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::dev::host::sse;

/// Streams that are kept at a time, and for how long after their last reader.
const MAX_STREAMS: usize = 256;
const KEPT_FOR: Duration = Duration::from_secs(600);
/// The agent that answers for those who are not known.
const ASSISTANT: &str = "assistant";
/// Characters of a message that an answer repeats.
const MENTIONED: usize = 200;

/// The streams under way and the agents that were loaded.
#[derive(Default)]
pub(crate) struct Streams {
    streams: Mutex<HashMap<String, Arc<Answer>>>,
    agents: Mutex<Agents>,
}

/// One answer of an agent.
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
    /// Lets an agent answer; returns the stream's id.
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

    /// Lets an agent answer in a conversation; `listener` gets each frame when it is time for it. Cancel safe.
    pub(crate) async fn tell(&self, agent: &str, message: &str, listener: Listener<'_>) {
        let script = self.agent(agent);
        let message: String = message.chars().take(MENTIONED).collect();
        teller::tell(&script, &message, listener).await;
    }

    fn find(&self, org: &str, id: &str) -> Option<Arc<Answer>> {
        let mut streams = lock(&self.streams);
        forget_old(&mut streams);
        streams.get(id).filter(|answer| answer.org == org).cloned()
    }

    fn agent(&self, id: &str) -> Arc<Script> {
        let own = lock(&self.agents);
        let built_in = script::built_in();
        let known = [id, ASSISTANT]
            .into_iter()
            .find_map(|id| own.get(id).or_else(|| built_in.get(id)));
        Arc::clone(known.expect("the assistant is always there"))
    }

    /// Adds agents, or puts them in the place of those with the same ids.
    fn load(&self, agents: Agents) -> Result<(), Refusal> {
        let mut own = lock(&self.agents);
        let new = agents.keys().filter(|id| !own.contains_key(*id)).count();
        if own.len() + new > MAX_AGENTS {
            let message = format!("a platform keeps {MAX_AGENTS} agents at most");
            return Err(Refusal::bad_request("too_many_agents", message));
        }
        own.extend(agents);
        Ok(())
    }
}

fn forget_old(streams: &mut HashMap<String, Arc<Answer>>) {
    streams.retain(|_, answer| answer.log.idle().is_none_or(|idle| idle < KEPT_FOR));
}

/// Forgets what is old and, where that is not enough, what nobody has read for longest.
fn make_room(streams: &mut HashMap<String, Arc<Answer>>) -> Result<(), Refusal> {
    forget_old(streams);
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
            format!("{MAX_STREAMS} streams are being read, and there is no room for another"),
        ));
    };
    streams.remove(&id);
    Ok(())
}

/// The routes of the platform's port.
pub(crate) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/ai/agent/stream", post(ask))
        .route("/ai/stream/{id}", get(read))
}

/// `/_evt/agents`, to be put behind the control port's guard.
pub(crate) fn control_routes() -> Router<Arc<State>> {
    Router::new().route("/_evt/agents", get(list_agents).post(load_agents))
}

/// `{agentId, message}`, or the long form of a task with the agent's role and instructions.
async fn ask(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let agent = text(&body, "agentId")?.unwrap_or(ASSISTANT);
    let message = match text(&body, "message")? {
        Some(message) => message,
        None => text(&body, "task")?.ok_or_else(|| {
            let message = "`message` is required, or `task` in its place";
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
            format!("`{field}` takes a string"),
        )),
    }
}

/// A [`Caller`] who may say in the query what the headers do not: an `EventSource` of a browser sends none of its own.
struct StreamCaller(Caller);

#[derive(Debug, Deserialize)]
struct Given {
    orgid: Option<String>,
    token: Option<String>,
}

impl FromRequestParts<Arc<State>> for StreamCaller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Refusal> {
        let bad = |what: String| Refusal::bad_request("bad_query", what);
        let Query(given) =
            Query::<Given>::try_from_uri(&parts.uri).map_err(|error| bad(error.body_text()))?;
        let token = given.token.map(|token| format!("Bearer {token}"));
        for (name, value) in [
            ("orgid", given.orgid),
            (header::AUTHORIZATION.as_str(), token),
        ] {
            if let Some(value) = value
                && !parts.headers.contains_key(name)
            {
                let mut value = HeaderValue::try_from(value)
                    .map_err(|_| bad(format!("`{name}` in the query holds control characters")))?;
                value.set_sensitive(true);
                parts.headers.insert(name, value);
            }
        }
        Caller::from_request_parts(parts, state).await.map(Self)
    }
}

/// The stream from its start, or after `Last-Event-ID`. 204 to who has read it all, which ends an `EventSource` (WHATWG).
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
        shutdown: state.shutdown.clone(),
    };
    Ok(sse::response(stream::unfold(connection, Connection::next)))
}

/// What each connection begins with.
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

/// One reader's connection.
struct Connection {
    reader: log::Reader,
    /// What is to be sent now.
    ready: Bytes,
    /// Goes on while somebody reads it.
    answer: Arc<Answer>,
    /// Breaks when that has been sent.
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
                // Lets the server send what it has: pieces that are ready together would travel together.
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
    async fn a_stream_is_forgotten_ten_minutes_after_its_last_reader() {
        let streams = Streams::default();
        let id = open(&streams);
        let reader = streams.find("o", &id).unwrap().log.reader(None);
        tokio::time::advance(KEPT_FOR * 2).await;
        assert!(streams.find("o", &id).is_some(), "somebody reads it");
        drop(reader);
        tokio::time::advance(KEPT_FOR / 2).await;
        assert!(streams.find("o", &id).is_some());
        tokio::time::advance(KEPT_FOR / 2).await;
        assert!(streams.find("o", &id).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_stream_that_nobody_has_read_for_longest_makes_room() {
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
    async fn streams_that_are_read_make_room_for_none() {
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
