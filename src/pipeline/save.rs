//! Saves messages and forwards them. Events and their deliveries are committed together, one commit per piece of input,
//! before the messages are printed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Uri};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::selection::kind_of;
use super::{Forward, Save};
use crate::deliver::{Engine, EngineOptions};
use crate::dial::forwarded_headers;
use crate::envelope::{BorrowedMeta, Form};
use crate::event::{Event, Meta, Outcome, Seq, Source, TYPE_HEADER, Transport};
use crate::grammar::destination::Destination;
use crate::grammar::target::Target;
use crate::source::{Change, Message, Op, TRANSPORTS};
use crate::store::jobs::{self, End, JobBody, NewJob, Outstanding, Settled};
use crate::store::{Connection, Store, StoreError, Tx, events};
use crate::time::Timestamp;
use crate::watermark::Digest;

/// How long due deliveries may take after the stream has ended. Others stay in the queue.
pub(super) const DRAIN: Duration = Duration::from_secs(2);
/// How long an active attempt may take after that.
const LAST: Duration = Duration::from_secs(1);
/// The queue of forwarded events.
const QUEUE: &str = "forwards";

/// Saves the messages since the last commit.
pub(super) struct Saver {
    options: Arc<Save>,
    taken: Vec<SavedMessage>,
    /// An active commit. It continues if [`Saver::commit`] is dropped.
    writing: Option<JoinHandle<Result<Vec<SavedMessage>, StoreError>>>,
    delivery: Option<Delivery>,
}

/// An owned message.
pub(super) struct SavedMessage {
    pub(super) event: Event,
    /// Number of the message in this run.
    pub(super) number: u64,
    name: Option<String>,
    id: Option<String>,
    channel: Option<String>,
    headers: Option<HeaderMap>,
    ack: Option<u64>,
    change: Option<OwnedChange>,
}

/// An owned [`Change`].
struct OwnedChange {
    op: Op,
    key: String,
    key_path: String,
    at: Option<String>,
    digest: Digest,
}

impl SavedMessage {
    pub(super) fn new(message: &Message<'_>, event: Event, number: u64) -> Self {
        Self {
            event,
            number,
            name: message.name.map(str::to_owned),
            id: message.id.map(str::to_owned),
            channel: message.channel.map(str::to_owned),
            headers: message.headers.cloned(),
            ack: message.ack,
            change: message.change.map(|change| OwnedChange {
                op: change.op,
                key: change.key.to_owned(),
                key_path: change.key_path.to_owned(),
                at: change.at.map(str::to_owned),
                digest: change.digest,
            }),
        }
    }

    pub(super) fn message(&self) -> Message<'_> {
        Message {
            name: self.name.as_deref(),
            id: self.id.as_deref(),
            channel: self.channel.as_deref(),
            headers: self.headers.as_ref(),
            data: &self.event.body,
            ack: self.ack,
            change: self.change.as_ref().map(|change| Change {
                op: change.op,
                key: &change.key,
                key_path: &change.key_path,
                at: change.at.as_deref(),
                digest: change.digest,
            }),
        }
    }
}

impl Saver {
    pub(super) fn start(options: Save) -> Self {
        let delivery = options
            .forward
            .as_ref()
            .map(|forward| Delivery::start(options.store.clone(), forward));
        Self {
            delivery,
            options: Arc::new(options),
            taken: Vec::new(),
            writing: None,
        }
    }

    pub(super) fn take(&mut self, message: SavedMessage) {
        self.taken.push(message);
    }

    /// Saves the messages, and returns them after the commit. Cancel safe.
    pub(super) async fn commit(&mut self) -> Result<Vec<SavedMessage>, StoreError> {
        if self.writing.is_none() && self.taken.is_empty() {
            return Ok(Vec::new());
        }
        let writing = self.writing.get_or_insert_with(|| {
            let taken = std::mem::take(&mut self.taken);
            let options = Arc::clone(&self.options);
            tokio::spawn(async move {
                let store = options.store.clone();
                store.write(move |tx| write(tx, &options, taken)).await
            })
        });
        let saved = writing.await.unwrap_or(Err(StoreError::Panicked));
        self.writing = None;
        saved
    }

    /// Waits briefly for due deliveries, and stops the engine.
    pub(super) async fn finish(self) -> Result<Deliveries, StoreError> {
        match self.delivery {
            Some(delivery) => delivery.finish().await,
            None => Ok(Deliveries::default()),
        }
    }
}

/// Saves everything in one transaction.
fn write(
    tx: &Tx<'_>,
    options: &Save,
    mut taken: Vec<SavedMessage>,
) -> Result<Vec<SavedMessage>, StoreError> {
    for saved in &mut taken {
        let event = &mut saved.event;
        if options.forward.is_some() {
            event.outcome = Outcome::Queued;
        }
        let seq = events::insert(tx, event, None)?;
        event.seq = Some(seq);
        if let Some(forward) = &options.forward {
            let digest = saved.change.as_ref().map(|change| change.digest);
            jobs::enqueue(tx, &forward.job(&saved.event, digest))?;
        }
    }
    Ok(taken)
}

impl Forward {
    /// The delivery of an event to the target. Receivers recognize repetitions by its message id.
    ///
    /// The id of a polled record version is its digest, because a crash can make the version arrive twice.
    fn job(&self, event: &Event, version: Option<Digest>) -> NewJob {
        let path = match &self.to {
            Destination::Http(Target::Unix(_)) => Some("/".to_owned()),
            Destination::Http(Target::Url(_)) | Destination::Broker(_) => None,
        };
        NewJob {
            queue: QUEUE,
            run_at: Timestamp::now(),
            retry: self.retry.clone(),
            message_id: Some(match version {
                Some(digest) => format!("msg_{digest}"),
                None => format!("msg_{}", Uuid::now_v7().simple()),
            }),
            secret: self.secret.clone(),
            method: Method::POST,
            url: self.to.to_string(),
            path,
            headers: forwarded_headers(&event.headers),
            body: JobBody::OfEvent,
            timeout: self.timeout,
            step: None,
            event: event.seq,
        }
    }
}

/// The results of the deliveries of a run.
#[derive(Default)]
pub(super) struct Deliveries {
    pub(super) delivered: u64,
    /// Still in the queue.
    pub(super) waiting: u64,
    pub(super) perhaps_twice: u64,
}

/// The engine that delivers while the stream is followed.
struct Delivery {
    store: Store,
    engine: Engine,
    shutdown: CancellationToken,
    progress: Arc<Progress>,
}

#[derive(Default)]
struct Progress {
    delivered: AtomicU64,
    /// Attempts that were repeated although the first one may have arrived.
    perhaps_twice: AtomicU64,
    ended: Notify,
}

impl Delivery {
    fn start(store: Store, forward: &Forward) -> Self {
        let progress = Arc::new(Progress::default());
        let counted = Arc::clone(&progress);
        let repeated = Arc::clone(&progress);
        let options = EngineOptions {
            on_settled: Some(Arc::new(store_outcome)),
            on_ended: Some(Arc::new(move |settled: &Settled| {
                if matches!(settled.end, End::Delivered { .. }) {
                    counted.delivered.fetch_add(1, Ordering::Relaxed);
                }
                counted.ended.notify_one();
            })),
            on_retry: Some(Arc::new(move |attempt| {
                let count = u64::from(attempt.may_have_arrived);
                repeated.perhaps_twice.fetch_add(count, Ordering::Relaxed);
            })),
            drain: LAST,
            complete: Arc::clone(&forward.complete),
            ..EngineOptions::default()
        };
        let shutdown = CancellationToken::new();
        Self {
            engine: Engine::start(
                store.clone(),
                forward.dialer.clone(),
                options,
                shutdown.clone(),
            ),
            store,
            shutdown,
            progress,
        }
    }

    async fn finish(self) -> Result<Deliveries, StoreError> {
        let until = Instant::now() + DRAIN;
        while Self::left(&self.store).await?.due > 0 {
            let ended = self.progress.ended.notified();
            if tokio::time::timeout_at(until, ended).await.is_err() {
                break;
            }
        }
        self.shutdown.cancel();
        let Self {
            store,
            engine,
            progress,
            ..
        } = self;
        engine.stopped().await;
        // After the engine has stopped, active deliveries are finished or back in the queue, and none is counted twice.
        let outstanding = Self::left(&store).await?;
        Ok(Deliveries {
            delivered: progress.delivered.load(Ordering::Relaxed),
            waiting: outstanding.all,
            perhaps_twice: progress.perhaps_twice.load(Ordering::Relaxed),
        })
    }

    /// Counts the deliveries that have not ended, also those of earlier runs: this engine works on them, too.
    async fn left(store: &Store) -> Result<Outstanding, StoreError> {
        let count =
            |connection: &Connection| jobs::outstanding(connection, Seq(0), Timestamp::now());
        store.read(count).await
    }
}

/// Stores the outcome of a delivery with its event.
fn store_outcome(tx: &Tx<'_>, settled: &Settled) -> Result<(), StoreError> {
    let outcome = match &settled.end {
        End::Delivered { status } => Outcome::Delivered { status: *status },
        End::Dead { status, .. } => Outcome::Failed { status: *status },
        End::Discarded => return Ok(()),
    };
    match settled.event {
        Some(seq) => events::set_outcome(tx, seq, outcome),
        None => Ok(()),
    }
}

/// Converts a message to an event, in the form of a request.
pub(super) fn event_of(
    message: &Message<'_>,
    peek: &BorrowedMeta<'_>,
    transport: Transport,
    target: &str,
    received_at: Timestamp,
) -> Event {
    let content_type = match peek.form {
        Form::Json => "application/json",
        Form::Text => "text/plain; charset=utf-8",
        Form::Binary => "application/octet-stream",
    };
    let mut headers = message.headers.cloned().unwrap_or_default();
    headers
        .entry(CONTENT_TYPE)
        .or_insert(HeaderValue::from_static(content_type));
    let row = TRANSPORTS.iter().find(|row| row.transport == transport);
    let id_header = row
        .and_then(|row| row.id_header)
        .map(HeaderName::from_static);
    for (name, value) in [(Some(TYPE_HEADER), message.name), (id_header, message.id)] {
        // A value that cannot be sent in a header is only part of the event.
        if let (Some(name), Some(value)) = (name, value)
            && let Ok(value) = HeaderValue::from_bytes(value.as_bytes())
        {
            headers.insert(name, value);
        }
    }
    let kind = kind_of(message, peek).map(str::to_owned);
    let meta = peek.clone().into_meta();
    Event {
        seq: None,
        received_at,
        source: match message.change {
            Some(_) => Source::Poll,
            None => Source::Tail,
        },
        transport,
        method: Method::POST,
        target: target.to_owned(),
        headers,
        body: Bytes::copy_from_slice(message.data),
        meta: Meta {
            kind,
            id: message.id.map(str::to_owned).or(meta.id),
            ..meta
        },
        verdict: None,
        outcome: Outcome::Kept,
        attempts: Vec::new(),
    }
}

/// Path and query of a stream's URL, which become the target of its events.
pub(super) fn target_of(name: &str) -> String {
    let path = name.parse::<Uri>().ok().and_then(|url| {
        let path = url.path_and_query()?;
        Some(path.to_string())
    });
    path.filter(|path| path.starts_with('/'))
        .unwrap_or_else(|| "/".to_owned())
}
