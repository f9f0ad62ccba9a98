//! The platform's gateways: Socket.IO 5 over Engine.IO 4 at `/socket.io/`, and the raw stream of phone calls.
//!
//! A namespace has a file that answers its events ([`GATEWAYS`]). What they share is here: the transport with its limits,
//! the handshake, and who hears what. An event is answered while it is read, so that a client's events keep their order.

mod call;
mod chat;
mod community;
mod control;
mod desk;
mod payload;
mod session;
mod turn;
mod voice;

use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as FromState};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::{Value, json};
use socketioxide::extract::{AckSender, Event, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::{ParserConfig, SocketIo};
use tokio::sync::Semaphore;
use tower_service::Service;

pub(crate) use control::routes as control_routes;

use super::State;
use crate::dev::host::refusal::Refusal;
use crate::serve::{self, BodyLimits};
use crate::time::Timestamp;
use desk::Desk;
use payload::{Argument, Payload};
use session::Session;
use turn::{Answer, Complaint, Turn};

const PATH: &str = "/socket.io/";
/// Bytes of one message, of one polling request and of all attachments of an event.
const MAX_PAYLOAD: usize = 1_000_000;
const MAX_ATTACHMENTS: usize = 100;
/// Packets that wait for one client; what does not fit is lost to it.
const MAX_WAITING: usize = 1_024;
/// Engine.IO sessions at a time.
const MAX_SESSIONS: usize = 10_000;
/// Rooms that one client may be in.
const MAX_ROOMS: usize = 100;
/// Tasks that events have started and that go on after their answer.
const MAX_ERRANDS: usize = 256;
/// A client that has begun to change its transport finishes it in this time.
const UPGRADE_TIME: Duration = Duration::from_secs(10);

/// A namespace and what answers its events.
struct Gateway {
    namespace: &'static str,
    answer: fn(&Turn<'_>, &str, &Payload) -> Answer,
    /// Clients that come and go.
    left: fn(&Turn<'_>),
}

const GATEWAYS: [Gateway; 3] = [
    Gateway {
        namespace: "/chat",
        answer: chat::answer,
        left: chat::left,
    },
    Gateway {
        namespace: "/community-chat",
        answer: community::answer,
        left: community::left,
    },
    Gateway {
        namespace: "/voice",
        answer: voice::answer,
        left: |_| {},
    },
];

/// The transport's times, from the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(crate) ping_interval: Duration,
    pub(crate) ping_timeout: Duration,
    /// A connection that joins no namespace in this time is closed.
    pub(crate) connect_timeout: Duration,
}

/// The gateways of one platform.
pub(crate) struct Gateways {
    transport: Mutex<Transport>,
    places: Arc<Semaphore>,
    errands: Arc<Semaphore>,
    desk: Mutex<Desk>,
}

enum Transport {
    /// Begins with the first request.
    Idle,
    Open(Arc<Hub>),
    Closed,
}

/// The Socket.IO server, at one pace.
struct Hub {
    pace: Pace,
    io: SocketIo,
    service: Router,
}

/// A client that was let in only to be told why it is not.
struct Refused(Refusal);

impl Default for Gateways {
    fn default() -> Self {
        Self {
            transport: Mutex::new(Transport::Idle),
            places: Arc::new(Semaphore::new(MAX_SESSIONS)),
            errands: Arc::new(Semaphore::new(MAX_ERRANDS)),
            desk: Mutex::default(),
        }
    }
}

impl Gateways {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn transport(&self) -> MutexGuard<'_, Transport> {
        self.transport
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The server that runs; a change of its pace begins another one, whose clients connect anew.
    fn hub(&self, state: &Arc<State>) -> Option<Arc<Hub>> {
        let pace = state.settings.pace();
        let mut transport = self.transport();
        match &*transport {
            Transport::Closed => return None,
            Transport::Open(hub) if hub.pace == pace => return Some(Arc::clone(hub)),
            Transport::Open(old) => {
                let old = old.io.clone();
                tokio::spawn(async move { old.close().await });
            }
            Transport::Idle => {}
        }
        let hub = Arc::new(Hub::new(state, pace));
        *transport = Transport::Open(Arc::clone(&hub));
        Some(hub)
    }

    /// The server that runs, where there is one.
    fn running(&self) -> Option<Arc<Hub>> {
        match &*self.transport() {
            Transport::Open(hub) => Some(Arc::clone(hub)),
            Transport::Idle | Transport::Closed => None,
        }
    }

    /// Closes every connection, and opens none again unless `reopens`; how many clients there were.
    async fn cut(&self, reopens: bool) -> usize {
        let next = match reopens {
            true => Transport::Idle,
            false => Transport::Closed,
        };
        let Transport::Open(hub) = std::mem::replace(&mut *self.transport(), next) else {
            return 0;
        };
        let clients = hub.clients().count();
        hub.io.close().await;
        clients
    }

    /// Closes every connection politely, for good.
    pub(crate) async fn close(&self) {
        self.cut(false).await;
    }

    /// Runs a task beside the answer of an event, unless there are too many.
    fn errand(&self, task: impl Future<Output = ()> + Send + 'static) -> Result<(), Complaint> {
        let place = Arc::clone(&self.errands).try_acquire_owned();
        let place = place.map_err(|_| Complaint::new("busy", "too much is under way"))?;
        tokio::spawn(async move {
            task.await;
            drop(place);
        });
        Ok(())
    }
}

impl Hub {
    fn new(state: &Arc<State>, pace: Pace) -> Self {
        let parser = ParserConfig::common()
            .max_incoming_binary_buf_size(MAX_PAYLOAD)
            .max_incoming_binaries(MAX_ATTACHMENTS);
        let (service, io) = SocketIo::builder()
            .req_path(PATH)
            .with_parser(parser)
            .ping_interval(pace.ping_interval)
            .ping_timeout(pace.ping_timeout)
            .connect_timeout(pace.connect_timeout)
            .upgrade_timeout(UPGRADE_TIME)
            .max_payload(MAX_PAYLOAD as u64)
            .ws_max_message_size(MAX_PAYLOAD)
            .ws_max_frame_size(MAX_PAYLOAD)
            .max_buffer_size(MAX_WAITING)
            .build_svc();
        for gateway in &GATEWAYS {
            add(&io, gateway, Arc::downgrade(state));
        }
        Self {
            pace,
            io,
            service: Router::new().route_service(PATH, service),
        }
    }

    /// Everybody who is in a namespace, with it.
    fn clients(&self) -> impl Iterator<Item = (&'static Gateway, SocketRef)> {
        GATEWAYS.iter().flat_map(|gateway| {
            let sockets = self.io.of(gateway.namespace).map(|all| all.sockets());
            let sockets = sockets.into_iter().flatten();
            sockets.map(move |socket| (gateway, socket))
        })
    }
}

/// Serves one namespace.
fn add(io: &SocketIo, gateway: &'static Gateway, state: Weak<State>) {
    let admitting = Weak::clone(&state);
    // The handlers stand before the client hears that it is connected: none of its events comes too early.
    let admit = move |socket: SocketRef, TryData(auth): TryData<Value>| {
        ready(match admitting.upgrade() {
            Some(state) => admit(&state, gateway, &socket, auth.unwrap_or_default()),
            None => Err("the platform stops".to_owned()),
        })
    };
    let connected = move |socket: SocketRef| {
        if let Some(state) = state.upgrade() {
            welcome(&state, socket);
        }
        ready(())
    };
    io.ns(gateway.namespace, connected.with(admit));
}

/// Judges the handshake of a client that asks for a namespace.
fn admit(
    state: &Arc<State>,
    gateway: &'static Gateway,
    socket: &SocketRef,
    auth: Value,
) -> Result<(), String> {
    let session = match Session::open(state, &auth, socket.req_parts()) {
        Ok(session) => session,
        Err(refusal) if state.settings.refuses_connections() => return Err(refusal.message),
        Err(refusal) => {
            socket.extensions.insert(Arc::new(Refused(refusal)));
            return Ok(());
        }
    };
    let mut rooms = vec![turn::room(&session.org, "all", "")];
    if let Some(person) = &session.principal {
        rooms.push(turn::room(&session.org, "user", &person.email));
    }
    if session.is_staff() {
        rooms.push(turn::room(&session.org, "staff", ""));
    }
    socket.join(rooms);
    socket.extensions.insert(Arc::new(session));
    let answering = Arc::downgrade(state);
    socket.on_fallback(
        move |socket: SocketRef, Event(name), TryData(data): TryData<Argument>, ack: AckSender| {
            if let Some(state) = answering.upgrade() {
                Turn::of(&state, &socket, |turn| {
                    answer(gateway, turn, &name, data.ok(), ack);
                });
            }
            ready(())
        },
    );
    let leaving = Arc::downgrade(state);
    socket.on_disconnect(move |socket: SocketRef| {
        if let Some(state) = leaving.upgrade() {
            Turn::of(&state, &socket, |turn| {
                turn.session.gone.cancel();
                (gateway.left)(turn);
            });
        }
        ready(())
    });
    Ok(())
}

/// The first push to a client: who it is, or why it is nobody.
fn welcome(state: &Arc<State>, socket: SocketRef) {
    if let Some(refused) = socket.extensions.get::<Arc<Refused>>() {
        let Refusal {
            status,
            code,
            message,
            ..
        } = &refused.0;
        let body = json!({
            "success": false, "code": status.as_u16(), "reason": code, "message": message,
        });
        // A client that takes no more is gone with what it was to be told.
        let _ = socket.emit("authenticate", &body);
        let _ = socket.disconnect();
        return;
    }
    Turn::of(state, &socket, |turn| {
        turn.push("authenticate", &turn.session.welcome(MAX_PAYLOAD));
        if let Some(end) = turn.session.expires {
            let left = end.since(Timestamp::now());
            tokio::spawn(expire(socket.clone(), Arc::clone(&turn.session), left));
        }
    });
}

/// Ends a session with its token.
async fn expire(socket: SocketRef, session: Arc<Session>, left: Duration) {
    tokio::select! {
        () = session.gone.cancelled() => {}
        () = tokio::time::sleep(left) => {
            let body = json!({ "message": "the token has expired: connect again with another one" });
            let _ = socket.emit("token_expired", &body);
            let _ = socket.disconnect();
        }
    }
}

/// Answers one event: with its acknowledgement where one is asked for, and with `error` where it cannot be done.
fn answer(gateway: &Gateway, turn: &Turn<'_>, event: &str, data: Option<Argument>, ack: AckSender) {
    let outcome = match data {
        Some(Argument(data)) if turn.session.principal.is_some() => {
            (gateway.answer)(turn, event, &data)
        }
        Some(_) => Err(Complaint::new(
            "broadcast_only",
            "a session that listens to broadcasts says nothing",
        )),
        None => Err(Complaint::new(
            "bad_payload",
            "the event's data cannot be read",
        )),
    };
    let reply = match outcome {
        Ok(reply) => Payload::from(json!({ "success": true })).merge(reply),
        Err(complaint) => {
            let complaint = complaint.payload(event);
            turn.push("error", &complaint);
            Payload::from(json!({ "success": false })).merge(complaint)
        }
    };
    let _ = ack.send(&reply);
}

/// The routes of the gateways.
pub(crate) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/socket.io", any(engine))
        .route(PATH, any(engine))
        .route("/simple-voice/stream/{org}/{assistant}", get(call::stream))
}

/// One request of the transport: a handshake, a poll, packets that are posted, or the begin of a WebSocket.
async fn engine(
    FromState(state): FromState<Arc<State>>,
    request: Request,
) -> Result<Response, Refusal> {
    let limits = BodyLimits {
        bytes: MAX_PAYLOAD,
        ..BodyLimits::default()
    };
    let (mut parts, body) = request.into_parts();
    let body = serve::read_body(body, &limits).await?;
    let Some(hub) = state.gateways.hub(&state) else {
        return Err(unavailable("the platform stops"));
    };
    if begins(&parts.uri) {
        let place = Arc::clone(&state.gateways.places).try_acquire_owned();
        let place = place.map_err(|_| unavailable("there are too many sessions"))?;
        // The session keeps the head of the request that began it, and the place with it.
        parts.extensions.insert(Arc::new(place));
    }
    if parts.uri.path() != PATH {
        let query = parts.uri.query().unwrap_or_default();
        parts.uri = format!("{PATH}?{query}").parse().unwrap_or(parts.uri);
    }
    let answer = hub
        .service
        .clone()
        .call(Request::from_parts(parts, Body::from(body)));
    Ok(answer.await.into_response())
}

fn begins(uri: &Uri) -> bool {
    let mut parameters = uri.query().unwrap_or_default().split('&');
    !parameters.any(|parameter| parameter.starts_with("sid="))
}

fn unavailable(message: &str) -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
}
