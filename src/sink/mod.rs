//! Publishes to message brokers: `evt send --to`, `--forward`. One file per broker, and the table of them.
//!
//! HTTP targets are not sinks: `dial` sends to them.

#[cfg(feature = "amqp")]
mod amqp;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "redis")]
mod redis;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use thiserror::Error;
use tokio::sync::Mutex;

use crate::broker::{BrokerError, Login};
use crate::dial::Dialer;
use crate::explain::{Exit, Explain, Explanation};
use crate::grammar::broker::BrokerUrl;

/// Time limit of a publication that is part of a delivery.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The brokers that can be published to.
pub static SINKS: &[SinkKind] = &[
    #[cfg(feature = "nats")]
    nats::KIND,
    #[cfg(feature = "amqp")]
    amqp::KIND,
    #[cfg(feature = "redis")]
    redis::KIND,
];

/// A future that a sink's method returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A broker that can be published to.
pub struct SinkKind {
    /// Its name in messages.
    pub name: &'static str,
    /// URL schemes in lower case, without `://`.
    pub schemes: &'static [&'static str],
    /// What a successful publication means, for the manual.
    pub guarantee: &'static str,
    /// Checks path and parameters of the address, without connecting.
    pub check: fn(&BrokerUrl) -> Result<(), BrokerError>,
    /// Creates a sink. It connects at its first publication, and again after a loss.
    pub open: fn(SinkOptions) -> Result<Box<dyn Sink>, BrokerError>,
    /// What is sent for a publication: the frames or commands of the protocol, in a form for users, one per line.
    pub preview: fn(&BrokerUrl, &Publication) -> Result<String, BrokerError>,
}

/// How to publish.
#[derive(Clone)]
pub struct SinkOptions {
    pub url: BrokerUrl,
    pub login: Login,
    pub dialer: Dialer,
    /// Time limit for connecting, and for each confirmation.
    pub timeout: Duration,
}

/// A message to publish.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The same for each attempt, so that receivers recognise repetitions.
    pub id: String,
    /// The event type.
    pub kind: Option<String>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Publishes to one address. It keeps its connection.
pub trait Sink: Send {
    /// Publishes one message, and waits for the confirmation if the broker has one.
    ///
    /// Not cancel safe: a dropped publication may have arrived.
    fn publish<'a>(
        &'a mut self,
        publication: &'a Publication,
    ) -> BoxFuture<'a, Result<Receipt, SinkError>>;

    /// Flushes and closes the connection.
    fn close(&mut self) -> BoxFuture<'_, ()>;
}

/// What the broker reported of a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// Sent; this kind of publication is not confirmed.
    Sent {
        /// How many receivers there were, if the broker reports it.
        receivers: Option<u64>,
    },
    /// The broker has accepted responsibility for it.
    Stored {
        /// Where: `stream ORDERS, sequence 7`.
        place: String,
        /// The broker has had a message with this id before, and stored nothing.
        is_duplicate: bool,
    },
}

/// Why a message is not published.
#[derive(Debug, Error)]
pub enum SinkError {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The broker had no queue, stream or subscriber for it.
    #[error("{server} has nowhere to put it: {why}")]
    Unroutable {
        server: String,
        why: String,
        hint: String,
    },
    /// The broker rejected it, for example because a queue is full.
    #[error("{server} rejected it: {why}")]
    Rejected { server: String, why: String },
    /// The connection was lost before the confirmation: the broker may have it.
    #[error("{server} did not confirm it ({why}): it may have arrived")]
    Unknown { server: String, why: String },
}

impl SinkError {
    /// Returns whether the message may have arrived.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }

    /// Returns whether the same attempt may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Broker(error) => error.is_transient(),
            Self::Rejected { .. } | Self::Unknown { .. } => true,
            Self::Unroutable { .. } => false,
        }
    }
}

impl Explain for SinkError {
    fn explain(&self) -> Explanation {
        let undelivered = |code| Explanation::new(Exit::Undelivered, code);
        match self {
            Self::Broker(error) => error.explain(),
            Self::Unroutable { hint, .. } => undelivered("unroutable").hint(hint),
            Self::Rejected { .. } => undelivered("rejected_by_broker")
                .hint("check the limits of the queue or stream, or send again later"),
            Self::Unknown { .. } => undelivered("not_confirmed")
                .hint("send it again with the same id (--seed N), so that receivers recognise a repetition"),
        }
    }
}

/// The row with this URL scheme.
///
/// # Errors
/// [`BrokerError::NotBuilt`] if this program was built without the broker's feature.
pub fn kind_of(scheme: &str) -> Result<&'static SinkKind, BrokerError> {
    let mut rows = SINKS.iter();
    rows.find(|row| row.schemes.contains(&scheme))
        .ok_or_else(|| BrokerError::NotBuilt {
            feature: feature_of(scheme),
        })
}

fn feature_of(scheme: &str) -> &'static str {
    match scheme.split('+').next() {
        Some("amqp" | "amqps") => "amqp",
        Some("redis" | "rediss") => "redis",
        _ => "nats",
    }
}

/// Completes an address with the host and the login that it leaves out.
pub type Complete = Arc<dyn Fn(BrokerUrl) -> Result<BrokerUrl, BrokerError> + Send + Sync>;

/// Returns addresses as they are, for programs without settings.
pub fn as_it_is() -> Complete {
    Arc::new(Ok)
}

/// A sink that publications of several tasks share, one at a time.
type SharedSink = Arc<Mutex<Box<dyn Sink>>>;

/// The open sinks, one per address. Clones share them.
#[derive(Clone)]
pub struct Sinks {
    complete: Complete,
    dialer: Dialer,
    open: Arc<Mutex<HashMap<String, SharedSink>>>,
}

impl Sinks {
    pub fn new(dialer: Dialer, complete: Complete) -> Self {
        Self {
            complete,
            dialer,
            open: Arc::default(),
        }
    }

    /// Publishes to an address. Publications to one address are sent one at a time.
    ///
    /// # Errors
    /// See [`SinkError`].
    pub async fn publish(
        &self,
        url: &BrokerUrl,
        publication: &Publication,
    ) -> Result<Receipt, SinkError> {
        let sink = self.sink(url).await?;
        let mut sink = sink.lock().await;
        sink.publish(publication).await
    }

    async fn sink(&self, url: &BrokerUrl) -> Result<SharedSink, BrokerError> {
        let mut open = self.open.lock().await;
        let key = url.to_string();
        if let Some(sink) = open.get(&key) {
            return Ok(Arc::clone(sink));
        }
        let url = (self.complete)(url.clone())?;
        let sink = (kind_of(&url.scheme)?.open)(SinkOptions {
            login: Login::default().or(&url),
            url,
            dialer: self.dialer.clone(),
            timeout: TIMEOUT,
        })?;
        let sink = Arc::new(Mutex::new(sink));
        open.insert(key, Arc::clone(&sink));
        Ok(sink)
    }

    /// Flushes and closes all connections.
    pub async fn close(&self) {
        for (_, sink) in self.open.lock().await.drain() {
            sink.lock().await.close().await;
        }
    }
}
