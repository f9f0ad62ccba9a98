//! Publishes one message many times to a broker: each with its own id, over a fixed number of connections, optionally at a rate.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::burst::Burst;
use super::histogram::Histogram;
use super::new_id;
use crate::sink::{Publication, Receipt, Sink, SinkError};

/// The results of many publications.
pub struct Published {
    /// Confirmed by the broker; without a confirmation; and those that the broker had before.
    pub stored: u64,
    pub sent: u64,
    pub duplicates: u64,
    /// Publications that failed; and those of them that may have arrived.
    pub failed: u64,
    pub unknown: u64,
    pub first_error: Option<SinkError>,
    pub took: Duration,
    times: Histogram,
}

impl Published {
    fn new() -> Self {
        Self {
            stored: 0,
            sent: 0,
            duplicates: 0,
            failed: 0,
            unknown: 0,
            first_error: None,
            took: Duration::ZERO,
            times: Histogram::new(),
        }
    }

    /// Publications that the broker has accepted.
    pub fn accepted(&self) -> u64 {
        self.stored + self.sent + self.duplicates
    }

    /// Accepted publications per second.
    pub fn rate(&self) -> f64 {
        self.accepted() as f64 / self.took.as_secs_f64().max(f64::EPSILON)
    }

    /// The time within which this share of the publications was accepted.
    pub fn quantile(&self, share: f64) -> Duration {
        self.times.quantile(share)
    }

    pub fn longest(&self) -> Duration {
        self.times.longest()
    }

    fn count(&mut self, result: Result<Receipt, SinkError>, took: Duration) {
        match result {
            Ok(Receipt::Sent { .. }) => self.sent += 1,
            Ok(Receipt::Stored {
                is_duplicate: true, ..
            }) => self.duplicates += 1,
            Ok(Receipt::Stored { .. }) => self.stored += 1,
            Err(error) => {
                self.failed += 1;
                self.unknown += u64::from(error.is_unknown());
                self.first_error.get_or_insert(error);
                return;
            }
        }
        self.times.add(took);
    }

    fn merge(&mut self, other: Self) {
        self.stored += other.stored;
        self.sent += other.sent;
        self.duplicates += other.duplicates;
        self.failed += other.failed;
        self.unknown += other.unknown;
        self.times.merge(&other.times);
        self.first_error = self.first_error.take().or(other.first_error);
    }
}

/// Shared by the workers.
struct Shared {
    publication: Publication,
    burst: Burst,
    started: Instant,
    /// The number of the next publication.
    next: AtomicU64,
    done: Arc<AtomicU64>,
    stop: CancellationToken,
}

/// Publishes the message `burst.times` times, one worker per sink. `done` counts the finished publications. `stop` lets running
/// ones finish and starts no more. The burst ends with the first publication that fails for a reason that a repetition would
/// meet again.
pub async fn run(
    sinks: Vec<Box<dyn Sink>>,
    publication: Publication,
    burst: Burst,
    done: Arc<AtomicU64>,
    stop: CancellationToken,
) -> Published {
    let started = Instant::now();
    let shared = Arc::new(Shared {
        publication,
        burst,
        started,
        next: AtomicU64::new(0),
        done,
        stop,
    });
    let mut tasks: JoinSet<Published> = sinks
        .into_iter()
        .map(|sink| work(Arc::clone(&shared), sink))
        .collect();
    let mut all = Published::new();
    while let Some(part) = tasks.join_next().await {
        all.merge(part.expect("a worker does not panic and is not aborted"));
    }
    all.took = started.elapsed();
    all
}

async fn work(shared: Arc<Shared>, mut sink: Box<dyn Sink>) -> Published {
    let mut published = Published::new();
    // The ids of one worker differ only in their number, so a publication costs no randomness.
    let base = new_id();
    let mut publication = shared.publication.clone();
    while let Some(number) = shared.next().await {
        publication.id = format!("{base}_{number}");
        let started = Instant::now();
        let result = sink.publish(&publication).await;
        if result.as_ref().is_err_and(|error| !error.is_transient()) {
            shared.stop.cancel();
        }
        published.count(result, started.elapsed());
        shared.done.fetch_add(1, Ordering::Relaxed);
    }
    sink.close().await;
    published
}

impl Shared {
    /// Returns the number of the next publication. With a rate, waits until it is due.
    async fn next(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if self.stop.is_cancelled() || number >= self.burst.times {
            return None;
        }
        if let Some(interval) = self.burst.interval {
            let due = self.started + interval.mul_f64(number as f64);
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {}
                () = self.stop.cancelled() => return None,
            }
        }
        Some(number)
    }
}
