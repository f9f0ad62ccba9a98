//! Durable deliveries: enqueue, claim with a lease, settle, retry, bury, redrive.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::{StoreError, Tx};
use crate::backoff::Retry;
use crate::event::Seq;
use crate::secret::Secret;
use crate::time::Timestamp;

/// A delivery to be made.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// `deliveries` for flows and forwards.
    pub queue: &'static str,
    /// Successors with the same key wait for each other.
    pub order_key: Option<String>,
    pub run_at: Timestamp,
    pub retry: Retry,
    /// `webhook-id`: the same over retries and redrives. `None` sends no Standard Webhooks headers.
    pub message_id: Option<String>,
    /// Signs each attempt (Standard Webhooks) with the attempt's own timestamp.
    pub secret: Option<Secret>,
    pub method: Method,
    /// An `http(s)://` or `unix:` target in `grammar::Target`'s spelling; without its query it is the endpoint that limits and circuit belong to.
    pub url: String,
    pub headers: HeaderMap,
    pub body: JobBody,
    pub timeout: Duration,
    /// The run and step that wait for the outcome.
    pub step: Option<(String, u32)>,
    pub event: Option<Seq>,
}

/// What is sent.
#[derive(Clone, Debug)]
pub enum JobBody {
    Bytes(Bytes),
    /// The body of the kept event named by [`NewJob::event`], so that forwarding keeps one copy.
    OfEvent,
}

/// Adds a job to the current commit and wakes the engine after it.
pub fn enqueue(tx: &Tx<'_>, job: &NewJob) -> Result<i64, StoreError> {
    let _ = (tx, job);
    Err(StoreError::Stopped)
}

/// A job that has come to its end: what [`OnSettled`](crate::deliver::OnSettled) gets.
#[derive(Clone, Debug)]
pub struct Settled {
    pub job: i64,
    pub run: Option<(String, u32)>,
    pub event: Option<Seq>,
    pub end: End,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The endpoint answered 2xx.
    Delivered { status: u16 },
    /// Retries are spent, or the endpoint said never again; the reason is kept with the job.
    Dead { status: Option<u16>, reason: String },
    /// A person took it off the queue.
    Discarded,
}
