//! Sends one message many times: each with its own id and signature, over a fixed number of connections, optionally at a rate.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::check::is_unreachable;
use super::histogram::Histogram;
use super::{Message, new_id};
use crate::dial::{Call, Connection, DialError, Dialer};
use crate::time::Timestamp;

/// How many requests to send, how fast, and over how many connections.
#[derive(Clone, Copy, Debug)]
pub struct Burst {
    pub times: u64,
    /// The time between two requests. `None` sends the next one as soon as a connection is free.
    pub interval: Option<Duration>,
    pub concurrency: usize,
}

/// The results of a burst.
#[derive(Debug)]
pub struct Tally {
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without an answer, by the code of the error.
    pub errors: BTreeMap<&'static str, u64>,
    /// The first of those errors.
    pub first_error: Option<DialError>,
    pub took: Duration,
    times: Histogram,
}

impl Tally {
    fn new() -> Self {
        Self {
            statuses: BTreeMap::new(),
            errors: BTreeMap::new(),
            first_error: None,
            took: Duration::ZERO,
            times: Histogram::new(),
        }
    }

    pub fn answered(&self) -> u64 {
        self.statuses.values().sum()
    }

    pub fn unanswered(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Answers per second.
    pub fn rate(&self) -> f64 {
        self.answered() as f64 / self.took.as_secs_f64().max(f64::EPSILON)
    }

    /// The time within which this share of the answers arrived.
    pub fn quantile(&self, share: f64) -> Duration {
        self.times.quantile(share)
    }

    pub fn longest(&self) -> Duration {
        self.times.longest()
    }

    fn answer(&mut self, status: u16, took: Duration) {
        *self.statuses.entry(status).or_default() += 1;
        self.times.add(took);
    }

    fn error(&mut self, error: DialError) {
        *self.errors.entry(error.code()).or_default() += 1;
        self.first_error.get_or_insert(error);
    }

    fn merge(&mut self, other: Self) {
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (code, count) in other.errors {
            *self.errors.entry(code).or_default() += count;
        }
        self.times.merge(&other.times);
        self.first_error = self.first_error.take().or(other.first_error);
    }
}

/// Shared by the workers.
struct Shared {
    message: Message,
    burst: Burst,
    started: Instant,
    /// The number of the next request.
    next: AtomicU64,
    answered: AtomicBool,
    done: Arc<AtomicU64>,
    stop: CancellationToken,
}

/// Sends the message `burst.times` times. `done` counts the finished requests. `stop` lets running requests finish and starts no
/// more.
///
/// If a connection fails before any request was answered, the burst ends: the rest would fail the same way. A slow or broken
/// connection does not end it.
///
/// # Errors
/// [`DialError::BadTarget`]. The results of single requests are in the tally.
pub async fn run(
    dialer: &Dialer,
    message: Message,
    burst: Burst,
    done: Arc<AtomicU64>,
    stop: CancellationToken,
) -> Result<Tally, DialError> {
    let started = Instant::now();
    let workers = burst
        .concurrency
        .min(usize::try_from(burst.times).unwrap_or(usize::MAX))
        .max(1);
    let connections: Vec<Connection> = (0..workers)
        .map(|_| dialer.connection(&message.target, message.path.as_deref()))
        .collect::<Result<_, _>>()?;
    let shared = Arc::new(Shared {
        message,
        burst,
        started,
        next: AtomicU64::new(0),
        answered: AtomicBool::new(false),
        done,
        stop,
    });
    let mut tasks: JoinSet<Tally> = connections
        .into_iter()
        .map(|connection| work(Arc::clone(&shared), connection))
        .collect();
    let mut tally = Tally::new();
    while let Some(part) = tasks.join_next().await {
        tally.merge(part.expect("a worker does not panic and is not aborted"));
    }
    tally.took = started.elapsed();
    Ok(tally)
}

async fn work(shared: Arc<Shared>, mut connection: Connection) -> Tally {
    let mut tally = Tally::new();
    // The ids of one worker only differ in their number, so a request costs no randomness.
    let base = new_id();
    let mut id = String::new();
    while let Some(number) = shared.next().await {
        use std::fmt::Write;
        id.clear();
        let _ = write!(id, "{base}_{number}");
        // The caller has signed the message once, so signing does not fail.
        let Ok(call) = shared.message.call(&id, Timestamp::now()) else {
            break;
        };
        match shared.send(&mut connection, call).await {
            Ok((status, took)) => {
                tally.answer(status, took);
                shared.answered.store(true, Ordering::Relaxed);
            }
            Err(error) => {
                let is_unreachable = is_unreachable(&error);
                tally.error(error);
                if is_unreachable && !shared.answered.load(Ordering::Relaxed) {
                    shared.stop.cancel();
                }
            }
        }
        shared.done.fetch_add(1, Ordering::Relaxed);
    }
    tally
}

impl Shared {
    /// Returns the number of the next request. With a rate, waits until it is due.
    async fn next(&self) -> Option<u64> {
        if self.stop.is_cancelled() {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.burst.times {
            return None;
        }
        if let Some(interval) = self.burst.interval {
            // Counted from the start, not from the previous request: a slow answer must not lower the rate of the others.
            let due = self.started + interval.mul_f64(number as f64);
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {}
                () = self.stop.cancelled() => return None,
            }
        }
        Some(number)
    }

    async fn send(
        &self,
        connection: &mut Connection,
        call: Call,
    ) -> Result<(u16, Duration), DialError> {
        let started = Instant::now();
        let status = connection
            .send(call.method, call.headers, call.body, call.timeout)
            .await?;
        Ok((status.as_u16(), started.elapsed()))
    }
}
