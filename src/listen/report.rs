//! What the listener reports to the command that prints it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::error::{SendTimeoutError, TrySendError};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::deliver;
use crate::event::{Event, Seq};
use crate::store::StoreError;
use crate::store::jobs::{End, Settled};
use crate::time::Timestamp;

/// Capacity of the channel, in reports. When it is full, senders wait for the reader of stdout.
const CAPACITY: usize = 1024;
/// Jobs whose events are remembered. A failed attempt of another one is reported without its event.
const MAX_JOBS: usize = 10_000;
/// A reader of stdout that takes nothing for this long has stalled. From then on senders do not wait for it.
const STALLED_AFTER: Duration = Duration::from_secs(2);

/// Something that the user wants to know.
#[derive(Debug)]
pub enum Report {
    /// A request was stored and answered.
    Received {
        event: Box<Event>,
        /// The name of the vendor's handshake, if the request was one.
        handshake: Option<&'static str>,
        /// The status of the response; 0 if the connection closed before the response was sent.
        answer: u16,
        took: Duration,
        /// Whether the event is one that the user asked for.
        is_selected: bool,
        /// The memory that the event's body occupies. It is released when the report is dropped.
        memory: OwnedSemaphorePermit,
    },
    /// A request was refused and not stored: it is for another host, a web page sent it, it has passed too many evt processes, or
    /// its body was too large, too slow or incomplete.
    Refused { status: u16, why: String },
    /// An attempt to deliver a queued event failed, and another one follows.
    Retrying(FailedAttempt),
    /// The delivery of a queued event has ended.
    Settled { event: Seq, end: End },
    /// The target stopped or started accepting connections. `missed` forwards failed in between.
    Target {
        peer: String,
        up: bool,
        why: Option<String>,
        missed: u64,
    },
    /// A request could not be stored. Its sender was asked to retry.
    NotStored(StoreError),
}

/// An attempt to deliver a queued event.
#[derive(Clone, Debug)]
pub struct FailedAttempt {
    /// `None` if another process stored the event.
    pub event: Option<Seq>,
    /// The first attempt is 1.
    pub number: u32,
    pub why: String,
    pub next_at: Timestamp,
}

/// Numbers of events, including those without a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Queued events that were delivered.
    pub delivered: u64,
    /// Queued events whose delivery failed.
    pub failed: u64,
    /// Events that were stored and answered but not printed, because the reader of stdout stalled.
    pub not_shown: u64,
}

/// Sends reports to the command, and counts those that it could not send.
#[derive(Debug)]
pub struct Reporter {
    reports: mpsc::Sender<Report>,
    /// The events of unfinished jobs, at most [`MAX_JOBS`].
    jobs: Mutex<HashMap<i64, Seq>>,
    is_stalled: AtomicBool,
    not_shown: AtomicU64,
    delivered: AtomicU64,
    failed: AtomicU64,
}

impl Reporter {
    pub(super) fn new() -> (Self, mpsc::Receiver<Report>) {
        let (reports, receiver) = mpsc::channel(CAPACITY);
        let reporter = Self {
            reports,
            jobs: Mutex::default(),
            is_stalled: AtomicBool::new(false),
            not_shown: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        };
        (reporter, receiver)
    }

    /// Sends a report. Waits for a reader of stdout that is slow, but not for one that has stalled.
    pub(super) async fn send(&self, report: Report) {
        let report = match self.reports.try_send(report) {
            Ok(()) => {
                self.is_stalled.store(false, Ordering::Relaxed);
                return;
            }
            Err(TrySendError::Closed(_)) => return,
            Err(TrySendError::Full(report)) => report,
        };
        if !self.is_stalled.load(Ordering::Relaxed) {
            match self.reports.send_timeout(report, STALLED_AFTER).await {
                Ok(()) | Err(SendTimeoutError::Closed(_)) => return,
                Err(SendTimeoutError::Timeout(_)) => {
                    self.is_stalled.store(true, Ordering::Relaxed);
                }
            }
        }
        self.not_shown.fetch_add(1, Ordering::Relaxed);
    }

    /// Sends a report without waiting. The report is lost if the channel is full.
    pub(super) fn try_send(&self, report: Report) {
        let _ = self.reports.try_send(report);
    }

    /// Remembers the event of a delivery job, to name it if an attempt fails.
    pub(super) fn queued(&self, job: i64, event: Seq) {
        let mut jobs = self.jobs();
        if jobs.len() < MAX_JOBS {
            jobs.insert(job, event);
        }
    }

    /// Reports a failed attempt of a queued delivery.
    pub(super) fn retrying(&self, attempt: &deliver::FailedAttempt<'_>) {
        let event = self.jobs().get(&attempt.job).copied();
        self.try_send(Report::Retrying(FailedAttempt {
            event,
            number: attempt.number,
            why: attempt.why.to_owned(),
            next_at: attempt.next_at,
        }));
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<i64, Seq>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts and reports the end of a queued delivery.
    pub(super) fn settled(&self, settled: &Settled) {
        self.jobs().remove(&settled.job);
        let counter = match settled.end {
            End::Delivered { .. } => Some(&self.delivered),
            End::Dead { .. } => Some(&self.failed),
            End::Discarded => None,
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(event) = settled.event {
            let end = settled.end.clone();
            self.try_send(Report::Settled { event, end });
        }
    }

    /// What was counted so far.
    pub fn totals(&self) -> Totals {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals {
            delivered: count(&self.delivered),
            failed: count(&self.failed),
            not_shown: count(&self.not_shown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_counted_even_if_its_report_does_not_fit() {
        let (reporter, _reports) = Reporter::new();
        let jobs = CAPACITY as i64 + 3;
        for job in 1..=jobs {
            reporter.settled(&Settled {
                job,
                run: None,
                event: Some(Seq(job)),
                end: End::Delivered { status: 200 },
            });
        }
        let totals = reporter.totals();
        assert_eq!((totals.delivered, totals.failed), (jobs as u64, 0));
    }
}
