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
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::json;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::deliver::{Engine, EngineOptions};
use crate::dial::{AddressPolicy, Dialer};
use crate::envelope;
use crate::event::{Event, Outcome, Seq, Source, Transport};
use crate::serve::{BodyLimits, Dropped, Handler, read_body, serve};
use crate::store::jobs::{End, Settled};
use crate::store::{Store, StoreError, events};
use crate::time::Timestamp;

pub use chaos::{Chaos, ChaosError};
pub use forward::{Forward, Route};
pub use judge::{Check, Checks, PlatformSecret};

/// Messages that may wait to be shown; beyond them senders wait.
const MESSAGES: usize = 1024;
/// After what time a sender may try again when an event could not be kept, in seconds.
const RETRY_LATER: &str = "5";

type Answered = Response<Full<Bytes>>;

/// What the listener does with a request.
pub struct ListenOptions {
    pub bind: SocketAddr,
    pub checks: Checks,
    /// The window around now in which a signed timestamp is good; zero switches that check off.
    pub tolerance: Duration,
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
    /// A request was kept and answered with `answer`.
    Received {
        event: Box<Event>,
        answer: u16,
        took: Duration,
    },
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
    #[error("cannot listen on {address}")]
    Bind {
        address: SocketAddr,
        source: std::io::Error,
    },
}

/// A running listener.
pub struct Listener {
    pub address: SocketAddr,
    /// Closed when the listener has stopped and drained.
    pub messages: mpsc::Receiver<Message>,
    task: tokio::task::JoinHandle<()>,
}

impl Listener {
    /// Binds and serves until `shutdown`. With durable forwarding the delivery engine runs beside it.
    pub async fn start(
        options: ListenOptions,
        store: Store,
        shutdown: CancellationToken,
    ) -> Result<Self, ListenError> {
        let bind = options.bind;
        let bound = TcpListener::bind(bind)
            .await
            .map_err(|source| ListenError::Bind {
                address: bind,
                source,
            })?;
        let address = bound.local_addr().map_err(|source| ListenError::Bind {
            address: bind,
            source,
        })?;
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
        let watch = intake
            .forward
            .is_some()
            .then(|| tokio::spawn(forward::watch(Arc::clone(&intake), shutdown.clone())));
        let engine =
            durable.then(|| Engine::start(store, dialer, engine_options(sender), shutdown.clone()));
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
            task,
        })
    }

    /// Waits until everything under way is answered and drained.
    pub async fn stopped(self) {
        drop(self.messages);
        let _ = self.task.await;
    }
}

fn engine_options(messages: mpsc::Sender<Message>) -> EngineOptions {
    let on_settled = move |tx: &crate::store::Tx<'_>, settled: &Settled| {
        let Some(seq) = settled.event else {
            return Ok(());
        };
        let outcome = match &settled.end {
            End::Delivered { status } => Outcome::Delivered { status: *status },
            End::Dead { status, .. } => Outcome::Failed { status: *status },
            End::Discarded => return Ok(()),
        };
        events::set_outcome(tx, seq, outcome)?;
        // Inside a commit nothing may wait; a line that finds no room is only a line.
        let _ = messages.try_send(Message::Settled {
            event: seq,
            end: settled.end.clone(),
        });
        Ok(())
    };
    EngineOptions {
        on_settled: Some(Arc::new(on_settled)),
        ..EngineOptions::dev()
    }
}

/// Everything a request meets.
struct Intake {
    checks: Checks,
    tolerance: Duration,
    public_url: Option<String>,
    forward: Option<Forward>,
    respond: Option<Respond>,
    chaos: chaos::Gate,
    body: BodyLimits,
    health: forward::Health,
    store: Store,
    dialer: Dialer,
    messages: mpsc::Sender<Message>,
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
            dialer,
            messages,
        }
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Answered, Dropped> {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        let body = match read_body(body, &self.body).await {
            Ok(body) => body,
            Err(error) => return Ok(problem(error.status(), "body_refused", &error.to_string())),
        };
        let event = self.judge(head, body);
        let rejected = event.outcome == Outcome::Rejected;
        let mut event = match self.keep(event).await {
            Ok(event) => event,
            Err(error) => {
                let answer = not_kept(&error);
                let _ = self.messages.send(Message::NotKept(error)).await;
                return Ok(answer);
            }
        };
        let answer = if rejected {
            Ok(unauthorised(&event))
        } else {
            self.pass_on(&mut event).await
        };
        let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
        let received = Message::Received {
            event: Box::new(event),
            answer: status,
            took: started.elapsed(),
        };
        let _ = self.messages.send(received).await;
        answer
    }

    /// The event with its verdict. The verdict is worked out before the commit so that both are kept by one; a request is
    /// answered, shown or passed on only after it.
    fn judge(&self, head: Parts, body: Bytes) -> Event {
        let meta = envelope::detect(&head.headers, &body);
        let target = head
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str())
            .to_owned();
        let received_at = Timestamp::now();
        let verdict = self.checks.verdict(&judge::Request {
            method: head.method.as_str(),
            target: &target,
            host: head.headers.get(HOST),
            public_url: self.public_url.as_deref(),
            headers: &head.headers,
            body: &body,
            now: received_at,
            tolerance: self.tolerance,
        });
        let outcome = match &verdict {
            Some(verdict) if !verdict.ok => Outcome::Rejected,
            _ => Outcome::Kept,
        };
        Event {
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
        }
    }

    async fn keep(&self, mut event: Event) -> Result<Event, StoreError> {
        let job = match (&event.outcome, &self.forward) {
            (Outcome::Kept, Some(forward)) => forward.job(&event),
            _ => None,
        };
        if job.is_some() {
            event.outcome = Outcome::Queued;
        }
        self.store
            .write(move |tx| {
                let seq = events::insert(tx, &event, None)?;
                event.seq = Some(seq);
                if let Some(mut job) = job {
                    job.event = Some(seq);
                    crate::store::jobs::enqueue(tx, &job)?;
                }
                Ok(event)
            })
            .await
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
    problem(
        StatusCode::UNAUTHORIZED,
        reason,
        "the signature is not valid",
    )
}

fn not_kept(error: &StoreError) -> Answered {
    let mut answer = problem(
        StatusCode::SERVICE_UNAVAILABLE,
        "not_kept",
        &error.to_string(),
    );
    answer
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static(RETRY_LATER));
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
