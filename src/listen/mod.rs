//! The webhook listener: every request is kept byte for byte, then judged, shown and passed on.
//!
//! What is printed and when the command ends is `cli`'s; this room answers senders.

mod chaos;
mod forward;
mod judge;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use serde_json::json;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::mpsc::error::{SendTimeoutError, TrySendError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::deliver::{Engine, EngineOptions};
use crate::dial::{AddressPolicy, Dialer};
use crate::documents::Documents;
use crate::envelope;
use crate::event::{Event, Outcome, Seq, Source, Transport};
use crate::explain::{Explain, Explanation};
use crate::occupant::{self, Occupant};
use crate::serve::{BodyLimits, Dropped, Handler, read_body, serve};
use crate::signature::{Handshake, Reason};
use crate::store::jobs::{End, Settled};
use crate::store::{Store, StoreError, events};
use crate::time::Timestamp;

pub use chaos::{Chaos, ChaosError};
pub use forward::{Forward, Route};
pub use judge::{Check, Checks, PlatformSecret};

/// Messages that may wait to be shown; beyond them senders wait, as long as the reader of our output goes on reading.
const MESSAGES: usize = 1024;
/// A reader that takes nothing for so long has stopped: from then on senders are answered without it.
const STALLED: Duration = Duration::from_secs(2);
/// Kilobytes of bodies in memory at once, from the first byte received to the line printed.
const MEMORY: u32 = 256 * 1024;
/// After what time a sender may try again when an event could not be kept, in seconds.
const RETRY_LATER: &str = "5";

type Answered = Response<Full<Bytes>>;

/// What the listener does with a request.
pub struct ListenOptions {
    pub bind: SocketAddr,
    pub checks: Checks,
    /// The window around now in which a signed timestamp is good, `None` for each scheme's own; zero switches that check off.
    pub tolerance: Option<Duration>,
    /// What senders call, where a proxy or tunnel stands before the listener.
    pub public_url: Option<String>,
    pub forward: Option<Forward>,
    pub respond: Option<Respond>,
    pub chaos: Chaos,
    pub body: BodyLimits,
}

/// A fixed answer: `--respond CODE[:BODY]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Respond {
    pub status: StatusCode,
    pub body: Bytes,
}

impl std::str::FromStr for Respond {
    type Err = RespondError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (code, body) = text.split_once(':').unwrap_or((text, ""));
        let status = code
            .parse::<u16>()
            .ok()
            .filter(|code| (200..600).contains(code));
        let status = status.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or_else(|| RespondError {
            code: code.to_owned(),
        })?;
        Ok(Self {
            status,
            body: Bytes::copy_from_slice(body.as_bytes()),
        })
    }
}

/// A `--respond` that is no status.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{code}` is not a status from 200 to 599; write CODE or CODE:BODY, such as 503 or 200:ok")]
pub struct RespondError {
    pub code: String,
}

/// What the person at the listener wants to know.
#[derive(Debug)]
pub enum Message {
    /// A request was kept and answered with `answer`; 0 where the connection ended before an answer.
    Received {
        event: Box<Event>,
        /// The vendor's handshake that it was, and that was answered here.
        handshake: Option<&'static str>,
        answer: u16,
        took: Duration,
        /// The event's share of the memory for bodies, given back when the message is dropped.
        room: OwnedSemaphorePermit,
    },
    /// A request was refused before it could be kept: its body is too large, too slow or broken off.
    Refused { status: u16, why: String },
    /// A queued event came to its end.
    Settled { event: Seq, end: End },
    /// The target stopped or began to accept connections; `missed` events failed in between.
    Target {
        peer: String,
        up: bool,
        why: Option<String>,
        missed: u64,
    },
    /// A request could not be kept; its sender was told to come again.
    NotKept(StoreError),
}

/// Why the listener cannot start.
#[derive(Debug, Error)]
pub enum ListenError {
    #[error("port {} is taken{}", address.port(), match .occupant { Some(occupant) => format!(" by {occupant}"), None => String::new() })]
    PortTaken {
        address: SocketAddr,
        occupant: Option<Occupant>,
    },
    #[error("cannot listen on {address}")]
    Bind {
        address: SocketAddr,
        source: std::io::Error,
    },
}

impl Explain for ListenError {
    fn explain(&self) -> Explanation {
        match self {
            Self::PortTaken { .. } => {
                Explanation::failed("port_taken").hint("evt listen --port 0     takes a free port")
            }
            Self::Bind { .. } => Explanation::failed("cannot_listen").hint("evt listen --port 0"),
        }
    }
}

/// A running listener.
pub struct Listener {
    pub address: SocketAddr,
    /// Closed when the listener has stopped and drained.
    pub messages: mpsc::Receiver<Message>,
    pub display: Arc<Display>,
    /// Ends when everything under way is answered and drained.
    pub task: tokio::task::JoinHandle<()>,
}

impl Listener {
    /// Binds and serves until `shutdown`. With durable forwarding the delivery engine runs beside it.
    pub async fn start(
        options: ListenOptions,
        store: Store,
        shutdown: CancellationToken,
    ) -> Result<Self, ListenError> {
        let bind = options.bind;
        let failed = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::AddrInUse => ListenError::PortTaken {
                address: bind,
                occupant: occupant::of_port(bind.port()),
            },
            _ => ListenError::Bind {
                address: bind,
                source,
            },
        };
        let bound = TcpListener::bind(bind).await.map_err(failed)?;
        let address = bound.local_addr().map_err(failed)?;
        let (sender, messages) = mpsc::channel(MESSAGES);
        let dialer = Dialer::new(AddressPolicy::Local);
        let durable = options
            .forward
            .as_ref()
            .is_some_and(|forward| forward.retry.is_some());
        let intake = Arc::new(Intake::new(
            options,
            store.clone(),
            dialer.clone(),
            sender.clone(),
        ));
        let display = Arc::clone(&intake.display);
        let watch = intake
            .forward
            .is_some()
            .then(|| tokio::spawn(forward::watch(Arc::clone(&intake), shutdown.clone())));
        let options = engine_options(sender, Arc::clone(&display));
        let engine = durable.then(|| Engine::start(store, dialer, options, shutdown.clone()));
        let handler = Handler(move |request| -> Pin<Box<dyn Future<Output = _> + Send>> {
            Box::pin(Arc::clone(&intake).answer(request))
        });
        let task = tokio::spawn(async move {
            serve(bound, handler, shutdown).await;
            if let Some(watch) = watch {
                let _ = watch.await;
            }
            if let Some(engine) = engine {
                engine.stopped().await;
            }
        });
        Ok(Self {
            address,
            messages,
            display,
            task,
        })
    }
}

fn engine_options(messages: mpsc::Sender<Message>, display: Arc<Display>) -> EngineOptions {
    let on_settled = |tx: &crate::store::Tx<'_>, settled: &Settled| {
        let Some(seq) = settled.event else {
            return Ok(());
        };
        let outcome = match &settled.end {
            End::Delivered { status } => Outcome::Delivered { status: *status },
            End::Dead { status, .. } => Outcome::Failed { status: *status },
            End::Discarded => return Ok(()),
        };
        events::set_outcome(tx, seq, outcome)?;
        Ok(())
    };
    let on_ended = move |settled: &Settled| {
        display.count(&settled.end);
        if let Some(event) = settled.event {
            // The engine must not wait; a line that finds no room is only a line.
            let end = settled.end.clone();
            let _ = messages.try_send(Message::Settled { event, end });
        }
    };
    EngineOptions {
        on_settled: Some(Arc::new(on_settled)),
        on_ended: Some(Arc::new(on_ended)),
        ..EngineOptions::dev()
    }
}

/// Everything a request meets.
struct Intake {
    checks: Checks,
    tolerance: Option<Duration>,
    public_url: Option<String>,
    forward: Option<Forward>,
    respond: Option<Respond>,
    chaos: chaos::Gate,
    body: BodyLimits,
    health: forward::Health,
    store: Store,
    documents: Documents,
    dialer: Dialer,
    messages: mpsc::Sender<Message>,
    memory: Arc<Semaphore>,
    display: Arc<Display>,
}

/// Whether our output is read, and what was left out while it was not.
#[derive(Default)]
pub struct Display {
    stalled: AtomicBool,
    not_shown: AtomicU64,
    delivered: AtomicU64,
    failed: AtomicU64,
}

impl Display {
    /// Queued events that were delivered and given up: also those whose line found no room.
    pub fn settled(&self) -> (u64, u64) {
        (
            self.delivered.load(Ordering::Relaxed),
            self.failed.load(Ordering::Relaxed),
        )
    }

    fn count(&self, end: &End) {
        let counter = match end {
            End::Delivered { .. } => &self.delivered,
            End::Dead { .. } => &self.failed,
            End::Discarded => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Events that were kept and answered but not shown, because nobody took our output.
    pub fn not_shown(&self) -> u64 {
        self.not_shown.load(Ordering::Relaxed)
    }
}

impl Intake {
    fn new(
        options: ListenOptions,
        store: Store,
        dialer: Dialer,
        messages: mpsc::Sender<Message>,
    ) -> Self {
        Self {
            checks: options.checks,
            tolerance: options.tolerance,
            public_url: options.public_url,
            forward: options.forward,
            respond: options.respond,
            chaos: chaos::Gate::new(options.chaos),
            body: options.body,
            health: forward::Health::default(),
            store,
            documents: Documents::new(dialer.clone()),
            dialer,
            messages,
            memory: Arc::new(Semaphore::new(MEMORY as usize)),
            display: Arc::default(),
        }
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Answered, Dropped> {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        let Some(room) = self.room_for(&body).await else {
            return Ok(self
                .refuse(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "there is no memory left for more bodies",
                )
                .await);
        };
        let body = match read_body(body, &self.body).await {
            Ok(body) => body,
            Err(error) => return Ok(self.refuse(error.status(), &error.to_string()).await),
        };
        let (event, handshake) = self.judge(head, body).await;
        let rejected = event.outcome == Outcome::Rejected;
        let event = match self.keep(event, handshake.is_some()).await {
            Ok(event) => event,
            Err(error) => {
                let answer = not_kept(&error);
                self.tell(Message::NotKept(error)).await;
                return Ok(answer);
            }
        };
        let mut pending = Pending {
            intake: &self,
            event: Some((Box::new(event), room)),
            handshake: handshake.as_ref().map(|handshake| handshake.name),
            started,
        };
        let answer = match pending.event_mut() {
            Some(_) if let Some(handshake) = &handshake => Ok(self.shake(handshake).await),
            Some(event) if rejected => Ok(unauthorised(event)),
            Some(event) => self.pass_on(event).await,
            None => Err(Dropped),
        };
        pending
            .finish(answer.as_ref().map_or(0, |answer| answer.status().as_u16()))
            .await;
        answer
    }

    /// Memory for the body: what it states, or the most that it may take. `None` when there was none for too long.
    async fn room_for(&self, body: &Incoming) -> Option<OwnedSemaphorePermit> {
        let bytes = body.size_hint().exact().map_or(self.body.bytes, |exact| {
            usize::try_from(exact).unwrap_or(usize::MAX)
        });
        // A body over the limit is refused before its first byte.
        let kilobytes = bytes.min(self.body.bytes) / 1024 + 1;
        let kilobytes = u32::try_from(kilobytes).unwrap_or(MEMORY).min(MEMORY);
        let waiting = Arc::clone(&self.memory).acquire_many_owned(kilobytes);
        tokio::time::timeout(self.body.idle, waiting)
            .await
            .ok()?
            .ok()
    }

    async fn refuse(&self, status: StatusCode, why: &str) -> Answered {
        self.tell(Message::Refused {
            status: status.as_u16(),
            why: why.to_owned(),
        })
        .await;
        let answer = problem(status, "body_refused", why);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return later(answer);
        }
        answer
    }

    /// Passes a message on to be shown. Waits while our output is read, and not for a reader that has stopped.
    async fn tell(&self, message: Message) {
        let message = match self.messages.try_send(message) {
            Ok(()) => {
                self.display.stalled.store(false, Ordering::Relaxed);
                return;
            }
            Err(TrySendError::Closed(_)) => return,
            Err(TrySendError::Full(message)) => message,
        };
        if !self.display.stalled.load(Ordering::Relaxed) {
            match self.messages.send_timeout(message, STALLED).await {
                Ok(()) | Err(SendTimeoutError::Closed(_)) => return,
                Err(SendTimeoutError::Timeout(_)) => {
                    self.display.stalled.store(true, Ordering::Relaxed);
                }
            }
        }
        self.display.not_shown.fetch_add(1, Ordering::Relaxed);
    }

    /// The event with its verdict. The verdict is worked out before the commit so that both are kept by one; a request is
    /// answered, shown or passed on only after it.
    async fn judge(&self, head: Parts, body: Bytes) -> (Event, Option<Handshake>) {
        let meta = envelope::detect(&head.headers, &body);
        let target = head
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str())
            .to_owned();
        let received_at = Timestamp::now();
        let request = judge::Request {
            method: head.method.as_str(),
            target: &target,
            host: head.headers.get(HOST),
            public_url: self.public_url.as_deref(),
            headers: &head.headers,
            body: &body,
            now: received_at,
            tolerance: self.tolerance,
        };
        let judge::Found { verdict, handshake } = self.checks.find(&request, &self.documents).await;
        let outcome = match &verdict {
            Some(verdict) if !verdict.ok => Outcome::Rejected,
            _ => Outcome::Kept,
        };
        let event = Event {
            seq: None,
            received_at,
            source: Source::Listen,
            transport: Transport::Http,
            method: head.method,
            target,
            headers: head.headers,
            body,
            meta,
            verdict,
            outcome,
        };
        (event, handshake)
    }

    /// Does what a handshake asks for and answers it.
    async fn shake(&self, handshake: &Handshake) -> Answered {
        if let Some(url) = &handshake.confirm
            && let Err(why) = self.documents.get(url).await
        {
            let why = format!("the subscription cannot be confirmed: {why}");
            return problem(StatusCode::BAD_GATEWAY, "not_confirmed", &why);
        }
        let status = StatusCode::from_u16(handshake.status).unwrap_or(StatusCode::FORBIDDEN);
        let mut answer = Response::new(Full::new(Bytes::from(handshake.body.clone())));
        *answer.status_mut() = status;
        if !handshake.content_type.is_empty() {
            let kind = HeaderValue::from_static(handshake.content_type);
            answer.headers_mut().insert(CONTENT_TYPE, kind);
        }
        answer
    }

    /// Keeps an event; a handshake is answered here and goes no further.
    async fn keep(&self, mut event: Event, is_handshake: bool) -> Result<Event, StoreError> {
        let job = match (&event.outcome, &self.forward) {
            (Outcome::Kept, Some(forward)) if !is_handshake => forward.job(&event),
            _ => None,
        };
        if job.is_some() {
            event.outcome = Outcome::Queued;
        }
        let told = event.outcome;
        if told == Outcome::Kept && !is_handshake && self.is_forwarded(&event) {
            // Until the target has answered: whatever ends us before that, the event is found among the failed ones.
            event.outcome = Outcome::Failed { status: None };
        }
        self.store
            .write(move |tx| {
                let seq = events::insert(tx, &event, None)?;
                event.seq = Some(seq);
                event.outcome = told;
                if let Some(mut job) = job {
                    job.event = Some(seq);
                    crate::store::jobs::enqueue(tx, &job)?;
                }
                Ok(event)
            })
            .await
    }

    fn is_forwarded(&self, event: &Event) -> bool {
        self.forward
            .as_ref()
            .is_some_and(|forward| forward.target_for(event).is_some())
    }

    async fn pass_on(&self, event: &mut Event) -> Result<Answered, Dropped> {
        let place = self.chaos.enter().await?;
        let answer = match (&self.forward, event.outcome) {
            (_, Outcome::Queued) => received(StatusCode::ACCEPTED, event),
            (Some(forward), _) if forward.target_for(event).is_some() => {
                let answer = self.hand_over(forward, event).await;
                if place.doubled() {
                    let _ = self.hand_over(forward, event).await;
                }
                answer
            }
            _ => received(StatusCode::OK, event),
        };
        Ok(match &self.respond {
            Some(respond) => {
                let mut fixed = Response::new(Full::new(respond.body.clone()));
                *fixed.status_mut() = respond.status;
                fixed
            }
            None => answer,
        })
    }
}

/// A kept event whose sender waits for an answer. Where the connection ends before (a shutdown, a sender that goes away), the
/// event is told of all the same.
struct Pending<'a> {
    intake: &'a Intake,
    event: Option<(Box<Event>, OwnedSemaphorePermit)>,
    handshake: Option<&'static str>,
    started: Instant,
}

impl Pending<'_> {
    fn event_mut(&mut self) -> Option<&mut Event> {
        self.event.as_mut().map(|(event, _)| event.as_mut())
    }

    async fn finish(mut self, answer: u16) {
        if let Some((event, room)) = self.event.take() {
            let took = self.started.elapsed();
            self.intake
                .tell(Message::Received {
                    event,
                    handshake: self.handshake,
                    answer,
                    took,
                    room,
                })
                .await;
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let Some((mut event, room)) = self.event.take() else {
            return;
        };
        let goes_on = self.handshake.is_none() && self.intake.is_forwarded(&event);
        if event.outcome == Outcome::Kept && goes_on {
            event.outcome = Outcome::Failed { status: None };
        }
        let took = self.started.elapsed();
        // Nothing can wait here; a line that finds no room is only a line.
        let _ = self.intake.messages.try_send(Message::Received {
            event,
            handshake: self.handshake,
            answer: 0,
            took,
            room,
        });
    }
}

fn received(status: StatusCode, event: &Event) -> Answered {
    let reference = event.seq.map(|seq| seq.to_string()).unwrap_or_default();
    with_json(
        status,
        format!("{{\"received\":true,\"ref\":\"{reference}\"}}\n"),
    )
}

fn unauthorised(event: &Event) -> Answered {
    let reason = event
        .verdict
        .as_ref()
        .map_or("signature_mismatch", |verdict| verdict.reason.as_str());
    // Nothing is known against it: its sender is to come again when the certificate can be had.
    if reason == Reason::CertUnavailable.code() {
        let why = "what the signature refers to cannot be fetched";
        return later(problem(StatusCode::SERVICE_UNAVAILABLE, reason, why));
    }
    problem(
        StatusCode::UNAUTHORIZED,
        reason,
        "the signature is not valid",
    )
}

fn not_kept(error: &StoreError) -> Answered {
    let why = error.to_string();
    later(problem(StatusCode::SERVICE_UNAVAILABLE, "not_kept", &why))
}

fn later(mut answer: Answered) -> Answered {
    let headers = answer.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_LATER));
    answer
}

fn problem(status: StatusCode, error: &str, message: &str) -> Answered {
    with_json(
        status,
        format!("{}\n", json!({ "error": error, "message": message })),
    )
}

fn with_json(status: StatusCode, body: String) -> Answered {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_delivered_is_counted_also_where_its_line_finds_no_room() {
        let (sender, _messages) = mpsc::channel(1);
        let display = Arc::new(Display::default());
        let told = engine_options(sender, Arc::clone(&display))
            .on_ended
            .unwrap();
        for job in 1..=3 {
            told(&Settled {
                job,
                run: None,
                event: Some(Seq(job)),
                end: End::Delivered { status: 200 },
            });
        }
        assert_eq!(display.settled(), (3, 0));
    }
}
