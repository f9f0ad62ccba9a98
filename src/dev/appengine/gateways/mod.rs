//! AppEngine's gateways: Socket.IO 5 over Engine.IO 4 at `/socket.io/`, and the raw stream of phone calls.
//!
//! Each namespace has a file that handles its events ([`GATEWAYS`]). This file has what they share: the transport with its
//! limits, and the handshake. An event is handled while it is read, so the events of a client keep their order.

mod assistant;
mod call;
mod chat;
mod chats;
mod client;
mod community;
mod control;
mod packets;
mod payload;
mod relay;
mod session;
mod sessions;
mod voice;
mod waiting;

use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State as FromState};
use axum::http::{Extensions, StatusCode, Uri};
use axum::response::Response;
use serde_json::{Value, json};
use socketioxide::extract::{AckSender, Event, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::{ParserConfig, SocketIo};
use tokio::sync::Semaphore;

pub(crate) use control::routes as control_routes;

use super::State;
use crate::dev::host::Routes;
use crate::dev::host::refusal::Refusal;
use crate::serve::{self, BodyLimits, Peer};
use chats::Chats;
use client::{Answer, Client, EventError};
use payload::{Argument, Payload};
use relay::Relay;
use session::Session;
use sessions::{Permit, Sessions};

const PATH: &str = "/socket.io/";
/// Maximum size in bytes of a message, of a polling request, and of all attachments of an event.
const MAX_PAYLOAD: usize = 1_000_000;
const MAX_ATTACHMENTS: usize = 100;
/// Maximum number of packets buffered for a client. Further packets are dropped.
const MAX_WAITING: usize = 1_024;
/// Maximum number of rooms of a client.
const MAX_ROOMS: usize = 100;
/// Maximum number of background tasks that events have started.
const MAX_TASKS: usize = 256;
/// Timeout for a client's upgrade to another transport.
const UPGRADE_TIME: Duration = Duration::from_secs(10);

/// A namespace and the handlers of its events.
struct Gateway {
    namespace: &'static str,
    answer: fn(&Client<'_>, &str, &Payload) -> Answer,
    /// Called when a client leaves.
    left: fn(&Client<'_>),
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

/// The timing of the transport, from the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    pub(crate) ping_interval: Duration,
    pub(crate) ping_timeout: Duration,
    /// Timeout for joining a namespace.
    pub(crate) connect_timeout: Duration,
}

/// The gateways' shared state.
pub(crate) struct Gateways {
    transport: Mutex<Transport>,
    sessions: Arc<Sessions>,
    tasks: Arc<Semaphore>,
    chats: Mutex<Chats>,
}

enum Transport {
    /// Not started yet: the first request starts it.
    Idle,
    Open(Arc<Hub>),
    Closed,
}

/// A Socket.IO server with its timing.
struct Hub {
    timing: Timing,
    io: SocketIo,
    relay: Arc<Relay>,
}

/// Marks a client that is accepted only to receive the reason for its refusal.
struct Refused(Refusal);

impl Default for Gateways {
    fn default() -> Self {
        Self {
            transport: Mutex::new(Transport::Idle),
            sessions: Arc::default(),
            tasks: Arc::new(Semaphore::new(MAX_TASKS)),
            chats: Mutex::default(),
        }
    }
}

impl Gateways {
    fn chats(&self) -> MutexGuard<'_, Chats> {
        self.chats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a new session of the peer of a request.
    fn enter(&self, extensions: &Extensions, is_polling: bool) -> Result<Permit, Refusal> {
        let peer = extensions.get::<Peer>().map(|peer| peer.0);
        let permit = self.sessions.enter(peer, is_polling);
        permit.ok_or_else(|| unavailable("there are too many sessions"))
    }

    fn transport(&self) -> MutexGuard<'_, Transport> {
        self.transport
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The running server. A change of its timing starts another one, to which clients reconnect.
    fn hub(&self, state: &Arc<State>) -> Option<Arc<Hub>> {
        let timing = state.settings.timing();
        let mut transport = self.transport();
        match &*transport {
            Transport::Closed => return None,
            Transport::Open(hub) if hub.timing == timing => return Some(Arc::clone(hub)),
            Transport::Open(old) => {
                let old = Arc::clone(old);
                tokio::spawn(async move { old.cut().await });
            }
            Transport::Idle => {}
        }
        let hub = Arc::new(Hub::new(state, timing));
        *transport = Transport::Open(Arc::clone(&hub));
        Some(hub)
    }

    /// The running server, if any.
    fn running(&self) -> Option<Arc<Hub>> {
        match &*self.transport() {
            Transport::Open(hub) => Some(Arc::clone(hub)),
            Transport::Idle | Transport::Closed => None,
        }
    }

    /// Breaks all connections, as a network failure does, and accepts new ones. Returns the number of clients.
    async fn cut(&self) -> usize {
        let Some(hub) = self.replace(Transport::Idle) else {
            return 0;
        };
        let clients = hub.clients().count();
        hub.cut().await;
        clients
    }

    /// Closes all connections, and accepts no new ones.
    pub(crate) async fn close(&self) {
        if let Some(hub) = self.replace(Transport::Closed) {
            hub.io.close().await;
            hub.relay.closed().await;
        }
    }

    /// Replaces the running server, and returns it, if any.
    fn replace(&self, next: Transport) -> Option<Arc<Hub>> {
        match std::mem::replace(&mut *self.transport(), next) {
            Transport::Open(hub) => Some(hub),
            Transport::Idle | Transport::Closed => None,
        }
    }

    /// Runs a task in the background, unless too many are running.
    fn spawn_task(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), EventError> {
        let permit = Arc::clone(&self.tasks).try_acquire_owned();
        let permit = permit.map_err(|_| EventError::new("busy", "too many tasks are running"))?;
        tokio::spawn(async move {
            task.await;
            drop(permit);
        });
        Ok(())
    }
}

impl Hub {
    fn new(state: &Arc<State>, timing: Timing) -> Self {
        let parser = ParserConfig::common()
            .max_incoming_binary_buf_size(MAX_PAYLOAD)
            .max_incoming_binaries(MAX_ATTACHMENTS);
        let (service, io) = SocketIo::builder()
            .req_path(PATH)
            .with_parser(parser)
            .ping_interval(timing.ping_interval)
            .ping_timeout(timing.ping_timeout)
            .connect_timeout(timing.connect_timeout)
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
            timing,
            io,
            relay: Arc::new(Relay::new(Router::new().route_service(PATH, service))),
        }
    }

    /// Breaks the connections first, so that no client receives a farewell.
    async fn cut(&self) {
        self.relay.cut().await;
        self.io.close().await;
    }

    /// All clients with their namespaces.
    fn clients(&self) -> impl Iterator<Item = (&'static Gateway, SocketRef)> {
        GATEWAYS.iter().flat_map(|gateway| {
            let sockets = self.io.of(gateway.namespace).map(|all| all.sockets());
            let sockets = sockets.into_iter().flatten();
            sockets.map(move |socket| (gateway, socket))
        })
    }
}

/// Registers a namespace.
fn add(io: &SocketIo, gateway: &'static Gateway, state: Weak<State>) {
    let admitting = Weak::clone(&state);
    // The handlers are registered before the client learns that it is connected, so none of its events is missed.
    let admit = move |socket: SocketRef, TryData(auth): TryData<Value>| {
        let state = admitting.upgrade();
        async move {
            let state = state.ok_or("the platform is stopping")?;
            admit(&state, gateway, &socket, auth.unwrap_or_default()).await
        }
    };
    let connected = move |socket: SocketRef| {
        if let Some(state) = state.upgrade() {
            welcome(&state, socket);
        }
        ready(())
    };
    io.ns(gateway.namespace, connected.with(admit));
}

/// Checks the handshake of a client for a namespace.
async fn admit(
    state: &Arc<State>,
    gateway: &'static Gateway,
    socket: &SocketRef,
    auth: Value,
) -> Result<(), String> {
    let session = match Session::open(state, &auth, socket.req_parts()).await {
        Ok(session) => session,
        Err(refusal) if state.settings.refuses_connections() => return Err(refusal.message),
        Err(refusal) => {
            socket.extensions.insert(Arc::new(Refused(refusal)));
            return Ok(());
        }
    };
    let mut rooms = vec![client::room(&session.org, "all", "")];
    if let Some(person) = &session.principal {
        rooms.push(client::room(&session.org, "user", &person.email));
    }
    if session.is_staff() {
        rooms.push(client::room(&session.org, "staff", ""));
    }
    socket.join(rooms);
    socket.extensions.insert(Arc::new(session));
    let answering = Arc::downgrade(state);
    socket.on_fallback(
        move |socket: SocketRef, Event(name), TryData(data): TryData<Argument>, ack: AckSender| {
            if let Some(state) = answering.upgrade() {
                Client::with(&state, &socket, |client| {
                    answer(gateway, client, &name, data.ok(), ack);
                });
            }
            ready(())
        },
    );
    let leaving = Arc::downgrade(state);
    socket.on_disconnect(move |socket: SocketRef| {
        if let Some(state) = leaving.upgrade() {
            Client::with(&state, &socket, |client| {
                client.session.gone.cancel();
                (gateway.left)(client);
            });
        }
        ready(())
    });
    Ok(())
}

/// Sends the first event to a client: its user, or the reason for its refusal.
fn welcome(state: &Arc<State>, socket: SocketRef) {
    if let Some(refused) = socket.extensions.get::<Arc<Refused>>() {
        let Refusal {
            status,
            code,
            message,
            ..
        } = &refused.0;
        let body = json!({
            "success": false, "error": code, "message": message, "code": status.as_u16(), "reason": code,
        });
        // Sending fails if the client has disconnected, which is fine.
        let _ = socket.emit("authenticate", &body);
        let _ = socket.disconnect();
        return;
    }
    Client::with(state, &socket, |client| {
        client.push("authenticate", &client.session.welcome(MAX_PAYLOAD));
        if let Some(end) = client.session.expires {
            let left = end.since(state.host.store.now());
            tokio::spawn(expire(socket.clone(), Arc::clone(&client.session), left));
        }
    });
}

/// Ends a session when its token expires.
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

/// Handles an event. Sends the requested acknowledgement, and `error` if the event fails.
fn answer(
    gateway: &Gateway,
    client: &Client<'_>,
    event: &str,
    data: Option<Argument>,
    ack: AckSender,
) {
    let outcome = match data {
        Some(Argument(data)) if client.session.principal.is_some() => {
            (gateway.answer)(client, event, &data)
        }
        Some(_) => Err(EventError::new(
            "broadcast_only",
            "a session for broadcasts only cannot send events",
        )),
        None => Err(EventError::new(
            "bad_payload",
            "the event's data cannot be read",
        )),
    };
    let reply = match outcome {
        Ok(reply) => Payload::from(json!({ "success": true })).merge(reply),
        Err(error) => {
            let error = error.payload(event);
            client.push("error", &error);
            Payload::from(json!({ "success": false })).merge(error)
        }
    };
    let _ = ack.send(&reply);
}

/// The routes of the gateways.
pub(crate) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .any("GET POST", "/socket.io", engine)
        .any("GET POST", PATH, engine)
        .route(
            "GET",
            "/simple-voice/stream/{orgId}/{assistantId}",
            call::stream,
        )
}

/// A request of the transport: a handshake, a poll, posted packets, or the start of a WebSocket.
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
        return Err(unavailable("the platform is stopping"));
    };
    if is_handshake(&parts.uri) {
        let is_polling = !parameters(&parts.uri).any(|pair| pair == "transport=websocket");
        let permit = state.gateways.enter(&parts.extensions, is_polling)?;
        // The session keeps the head of its first request, and with it the permit.
        parts.extensions.insert(Arc::new(permit));
    }
    if parts.uri.path() != PATH {
        let query = parts.uri.query().unwrap_or_default();
        parts.uri = format!("{PATH}?{query}").parse().unwrap_or(parts.uri);
    }
    Ok(hub.relay.answer(parts, body).await)
}

fn is_handshake(uri: &Uri) -> bool {
    !parameters(uri).any(|pair| pair.starts_with("sid="))
}

fn parameters(uri: &Uri) -> impl Iterator<Item = &str> {
    uri.query().unwrap_or_default().split('&')
}

fn unavailable(message: &str) -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
}
