//! Messages that are kept and passed on: events, their deliveries and the cursor in one commit a piece, before they are printed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Uri};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Forward, Keep};
use crate::deliver::{Engine, EngineOptions};
use crate::dial::{AddressPolicy, Dialer, passed_on};
use crate::envelope::{Form, Peek};
use crate::event::{Event, Meta, Outcome, Seq, Source, Transport};
use crate::grammar::target::Target;
use crate::source::{Change, Message, Op};
use crate::store::jobs::{self, End, JobBody, NewJob, Settled, Unmade};
use crate::store::{Connection, Store, StoreError, Tx, cursors, events};
use crate::time::Timestamp;
use crate::watermark::Digest;

/// How long deliveries that are due may take once the stream has ended; the others wait in the queue.
pub(super) const DRAIN: Duration = Duration::from_secs(2);
/// How long an attempt that is under way may take after that.
const LAST: Duration = Duration::from_secs(1);
/// The queue of deliveries that stand for events.
const QUEUE: &str = "forwards";

/// Keeps what was taken since the last commit.
pub(super) struct Keeper {
    keep: Arc<Keep>,
    taken: Vec<Kept>,
    /// Where the stream stands, once it has moved.
    reached: Option<String>,
    /// A commit under way: it goes on when [`Keeper::commit`] is dropped.
    writing: Option<JoinHandle<Result<Vec<Kept>, StoreError>>>,
    delivery: Option<Delivery>,
}

/// A message that outlives its buffer.
pub(super) struct Kept {
    pub(super) event: Event,
    /// Counts what came in this run.
    pub(super) number: u64,
    name: Option<String>,
    id: Option<String>,
    channel: Option<String>,
    ack: Option<u64>,
    change: Option<KeptChange>,
}

/// A [`Change`] that outlives its page.
struct KeptChange {
    op: Op,
    key: String,
    key_path: String,
    at: Option<String>,
    digest: Digest,
}

impl Kept {
    pub(super) fn new(message: &Message<'_>, event: Event, number: u64) -> Self {
        Self {
            event,
            number,
            name: message.name.map(str::to_owned),
            id: message.id.map(str::to_owned),
            channel: message.channel.map(str::to_owned),
            ack: message.ack,
            change: message.change.map(|change| KeptChange {
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

impl Keeper {
    pub(super) fn start(keep: Keep) -> Self {
        let forwards = keep.forward.is_some();
        Self {
            delivery: forwards.then(|| Delivery::start(keep.store.clone())),
            keep: Arc::new(keep),
            taken: Vec::new(),
            reached: None,
            writing: None,
        }
    }

    pub(super) fn take(&mut self, kept: Kept) {
        self.taken.push(kept);
    }

    pub(super) fn reached(&mut self, position: &str) {
        if self.keep.cursor.is_some() {
            self.reached = Some(position.to_owned());
        }
    }

    /// Keeps what was taken, and returns it once it is on the disk. Cancel safe.
    pub(super) async fn commit(&mut self) -> Result<Vec<Kept>, StoreError> {
        let idle = self.taken.is_empty() && self.reached.is_none();
        if self.writing.is_none() && idle {
            return Ok(Vec::new());
        }
        let writing = self.writing.get_or_insert_with(|| {
            let (taken, reached) = (std::mem::take(&mut self.taken), self.reached.take());
            let keep = Arc::clone(&self.keep);
            let first = self
                .delivery
                .as_ref()
                .map(|delivery| &delivery.progress.first);
            let first = first.map(Arc::clone).unwrap_or_default();
            tokio::spawn(async move {
                let store = keep.store.clone();
                let kept = store.write(move |tx| {
                    let kept = write(tx, &keep, taken, reached)?;
                    if let Some(Seq(seq)) = kept.first().and_then(|kept| kept.event.seq) {
                        // Before the commit, and so before the first of them can be delivered.
                        let _ =
                            first.compare_exchange(0, seq, Ordering::Relaxed, Ordering::Relaxed);
                    }
                    Ok(kept)
                });
                kept.await
            })
        });
        let kept = writing.await.unwrap_or(Err(StoreError::Panicked));
        self.writing = None;
        kept
    }

    /// Waits a little for deliveries that are due, and ends the engine. Returns how many were made and how many are still to be.
    pub(super) async fn finish(self) -> Result<(u64, u64), StoreError> {
        match self.delivery {
            Some(delivery) => delivery.finish().await,
            None => Ok((0, 0)),
        }
    }
}

/// All of it or nothing.
fn write(
    tx: &Tx<'_>,
    keep: &Keep,
    mut taken: Vec<Kept>,
    reached: Option<String>,
) -> Result<Vec<Kept>, StoreError> {
    for kept in &mut taken {
        let event = &mut kept.event;
        if keep.forward.is_some() {
            event.outcome = Outcome::Queued;
        }
        let seq = events::insert(tx, event, None)?;
        event.seq = Some(seq);
        if let Some(forward) = &keep.forward {
            let digest = kept.change.as_ref().map(|change| change.digest);
            jobs::enqueue(tx, &forward.job(&kept.event, digest))?;
        }
    }
    if let (Some(cursor), Some(position)) = (&keep.cursor, reached) {
        cursors::set(
            tx,
            &cursor.name,
            &cursor.stream,
            &position,
            Timestamp::now(),
        )?;
    }
    Ok(taken)
}

impl Forward {
    /// The delivery that stands for this event: to the target as it was given, under an id by which a receiver knows it again.
    ///
    /// The id of a polled version is its digest: should a crash make it come twice, the receiver can tell.
    fn job(&self, event: &Event, version: Option<Digest>) -> NewJob {
        let (url, path) = match &self.target {
            Target::Url(url) => (url.to_string(), None),
            unix @ Target::Unix(_) => (unix.to_string(), Some("/".to_owned())),
        };
        NewJob {
            queue: QUEUE,
            order_key: None,
            run_at: Timestamp::now(),
            retry: self.retry.clone(),
            message_id: Some(match version {
                Some(digest) => format!("msg_{digest}"),
                None => format!("msg_{}", Uuid::now_v7().simple()),
            }),
            secret: self.secret.clone(),
            method: Method::POST,
            url,
            path,
            headers: passed_on(&event.headers),
            body: JobBody::OfEvent,
            timeout: self.timeout,
            step: None,
            event: event.seq,
        }
    }
}

/// The engine that delivers beside the stream.
struct Delivery {
    store: Store,
    engine: Engine,
    shutdown: CancellationToken,
    progress: Arc<Progress>,
}

#[derive(Default)]
struct Progress {
    /// Of the first event that was kept, else 0: deliveries of earlier ones are not ours to count.
    first: Arc<AtomicI64>,
    delivered: AtomicU64,
    ended: Notify,
}

impl Delivery {
    fn start(store: Store) -> Self {
        let progress = Arc::new(Progress::default());
        let told = Arc::clone(&progress);
        let options = EngineOptions {
            on_settled: Some(Arc::new(note)),
            on_ended: Some(Arc::new(move |settled: &Settled| {
                let first = told.first.load(Ordering::Relaxed);
                let is_ours = settled.event.is_some_and(|seq| first > 0 && seq.0 >= first);
                if is_ours && matches!(settled.end, End::Delivered { .. }) {
                    told.delivered.fetch_add(1, Ordering::Relaxed);
                }
                told.ended.notify_one();
            })),
            drain: LAST,
            ..EngineOptions::dev()
        };
        let shutdown = CancellationToken::new();
        let dialer = Dialer::new(AddressPolicy::Local);
        Self {
            engine: Engine::start(store.clone(), dialer, options, shutdown.clone()),
            store,
            shutdown,
            progress,
        }
    }

    async fn finish(self) -> Result<(u64, u64), StoreError> {
        let until = Instant::now() + DRAIN;
        while Self::left(&self.store, &self.progress).await?.due > 0 {
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
        // Only now: what was under way has been made or given back, and is not counted twice.
        let unmade = Self::left(&store, &progress).await?;
        let delivered = progress.delivered.load(Ordering::Relaxed);
        Ok((delivered, unmade.all))
    }

    async fn left(store: &Store, progress: &Progress) -> Result<Unmade, StoreError> {
        let first = progress.first.load(Ordering::Relaxed);
        if first == 0 {
            return Ok(Unmade::default());
        }
        let count =
            move |connection: &Connection| jobs::unmade(connection, Seq(first), Timestamp::now());
        store.read(count).await
    }
}

/// What became of the delivery is noted on its event.
fn note(tx: &Tx<'_>, settled: &Settled) -> Result<(), StoreError> {
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

/// Makes an event of a message: what a request with it would be.
pub(super) fn event_of(
    message: &Message<'_>,
    peek: &Peek<'_>,
    transport: Transport,
    target: &str,
    received_at: Timestamp,
) -> Event {
    const TYPE: HeaderName = HeaderName::from_static("x-event-type");
    const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
    let content_type = match peek.form {
        Form::Json => "application/json",
        Form::Text => "text/plain; charset=utf-8",
        Form::Binary => "application/octet-stream",
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let id = message.id.filter(|_| transport == Transport::Sse);
    for (name, value) in [(TYPE, message.name), (LAST_EVENT_ID, id)] {
        // What a header cannot carry stays with the event alone.
        if let Some(Ok(value)) = value.map(|value| HeaderValue::from_bytes(value.as_bytes())) {
            headers.insert(name, value);
        }
    }
    let told = peek.clone().into_meta();
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
            kind: message.name.map(str::to_owned).or(told.kind),
            id: message.id.map(str::to_owned).or(told.id),
            ..told
        },
        verdict: None,
        outcome: Outcome::Kept,
    }
}

/// Path and query of a stream's URL: the target of its events.
pub(super) fn target_of(name: &str) -> String {
    let path = name.parse::<Uri>().ok().and_then(|url| {
        let path = url.path_and_query()?;
        Some(path.to_string())
    });
    path.filter(|path| path.starts_with('/'))
        .unwrap_or_else(|| "/".to_owned())
}
