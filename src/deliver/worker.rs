//! The engine's loop: claim as many jobs as there is capacity for, attempt them, settle the results.
//!
//! The loop itself never waits for the store or for an endpoint. Everything slow runs in a task, and the loop handles the
//! results one at a time, so its state needs no locks. When nothing happens it sleeps until a job is enqueued or due.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use super::attempt::Finished;
use super::attempts::{Attempts, Outcome};
use super::circuit::Circuit;
use super::fair::{Fair, Feedback, INITIAL_LIMIT, MAX_IDLE_LANES};
use super::ledger::{Ledger, Settlement};
use super::verdict::{Verdict, next};
use super::{EngineOptions, FailedAttempt};
use crate::dial::Dialer;
use crate::sink::Sinks;
use crate::store::jobs::{Capacity, Claim, Claimed, Lease, Next};
use crate::store::{StoreError, endpoints};
use crate::time::Timestamp;

/// Requests in flight to all endpoints together.
const MAX_IN_FLIGHT: usize = 512;
/// How often leases are renewed: three times before they expire.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often an idle engine looks for jobs that another process enqueued.
const POLL: Duration = Duration::from_secs(1);
/// Heartbeats between two removals of old jobs.
const PRUNE_EVERY: u32 = 6;
/// How long finished jobs are kept.
const KEEP_DONE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Results that wait for their commit before the engine stops claiming.
const MAX_UNSETTLED: usize = 1_024;

/// What ended the loop's sleep.
enum Wake {
    Attempt(Outcome),
    Reply(Reply),
    Enqueued,
    Timer,
    /// A background write ended.
    Written,
    Shutdown,
}

/// The result of a request to the store.
enum Reply {
    Claim(Requested, Result<Claim, StoreError>),
    Renewed(Result<bool, StoreError>),
    Registered(i64),
    AnyDue(bool),
}

/// The capacity that a claim was made with.
struct Requested {
    total: usize,
    per_endpoint: HashMap<i64, usize>,
}

/// Whether to ask the store for jobs. At most one claim or check runs at a time.
#[derive(Default)]
struct Claiming {
    is_wanted: bool,
    is_running: bool,
    /// A read checks whether another process has enqueued a job.
    is_checking: bool,
}

struct Timers {
    /// When the next endpoint has a due job.
    next_at: Option<Timestamp>,
    /// When to look for jobs of other processes.
    poll_at: Instant,
    heartbeat_at: Instant,
    heartbeats: u32,
}

pub(super) struct Worker {
    ledger: Ledger,
    options: EngineOptions,
    owner: i64,
    fair: Fair<Claimed>,
    circuits: HashMap<i64, Circuit>,
    attempts: Attempts,
    writes: JoinSet<()>,
    replies: JoinSet<Reply>,
    claiming: Claiming,
    timers: Timers,
}

impl Worker {
    pub(super) fn new(ledger: Ledger, dialer: Dialer, options: EngineOptions) -> Self {
        Self {
            attempts: Attempts::new(
                dialer.clone(),
                Sinks::new(dialer, Arc::clone(&options.complete)),
                ledger.store().clone(),
            ),
            ledger,
            options,
            owner: 0,
            fair: Fair::new(MAX_IN_FLIGHT),
            circuits: HashMap::new(),
            writes: JoinSet::new(),
            replies: JoinSet::new(),
            claiming: Claiming {
                is_wanted: true,
                ..Claiming::default()
            },
            timers: Timers {
                next_at: None,
                poll_at: Instant::now() + POLL,
                heartbeat_at: Instant::now(),
                heartbeats: 0,
            },
        }
    }

    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        self.owner = tokio::select! {
            owner = register(&self.ledger) => owner,
            () = shutdown.cancelled() => return,
        };
        self.timers.heartbeat_at = Instant::now() + HEARTBEAT;
        loop {
            while let Some((ticket, job)) = self.fair.next() {
                self.attempts.start(ticket, job);
            }
            self.claim();
            match self.wait(&shutdown).await {
                Wake::Attempt(outcome) => self.on_attempt(outcome),
                Wake::Reply(reply) => self.on_reply(reply),
                Wake::Enqueued => self.claiming.is_wanted = true,
                Wake::Timer => self.on_timer(),
                Wake::Written => {}
                Wake::Shutdown => break,
            }
        }
        self.stop().await;
    }

    /// The time that the run times of jobs are compared with.
    fn now(&self) -> Timestamp {
        self.ledger.store().now()
    }

    async fn wait(&mut self, shutdown: &CancellationToken) -> Wake {
        let enqueued = self.ledger.store().jobs_ready();
        let timer = self.next_timer();
        tokio::select! {
            biased;
            () = shutdown.cancelled() => Wake::Shutdown,
            Some(outcome) = self.attempts.next() => Wake::Attempt(outcome),
            Some(reply) = self.replies.join_next() => reply.map_or(Wake::Written, Wake::Reply),
            Some(_) = self.writes.join_next() => Wake::Written,
            () = enqueued.notified() => Wake::Enqueued,
            () = sleep_until(timer) => Wake::Timer,
        }
    }

    fn on_reply(&mut self, reply: Reply) {
        match reply {
            Reply::Claim(requested, Ok(claim)) => self.on_claim(&requested, claim),
            Reply::Claim(_, Err(error)) => {
                error!(%error, "Jobs cannot be claimed.");
                self.claiming.is_running = false;
                self.timers.next_at = Some(self.now().plus(POLL));
            }
            Reply::Renewed(renewed) => self.on_renewed(renewed),
            Reply::Registered(owner) => {
                self.owner = owner;
                self.claiming.is_running = false;
                self.claiming.is_wanted = true;
            }
            Reply::AnyDue(is_due) => {
                self.claiming.is_checking = false;
                self.claiming.is_wanted |= is_due;
            }
        }
    }

    /// The next time at which the loop has to act although nothing happens.
    fn next_timer(&self) -> Instant {
        let now = Instant::now();
        let mut timer = self.timers.heartbeat_at;
        if !self.claiming.is_running && !self.claiming.is_checking {
            timer = timer.min(self.timers.poll_at);
            if let Some(next_at) = self.timers.next_at {
                // The store's times are truncated to milliseconds, so one millisecond is added.
                let wait = next_at.since(self.now()) + Duration::from_millis(1);
                timer = timer.min(now + wait);
            }
        }
        timer
    }

    fn on_timer(&mut self) {
        if Instant::now() >= self.timers.heartbeat_at {
            self.heartbeat();
        }
        let now = self.now();
        if self.timers.next_at.is_some_and(|at| at <= now) {
            self.timers.next_at = None;
            self.claiming.is_wanted = true;
        } else if Instant::now() >= self.timers.poll_at
            && !self.claiming.is_running
            && !self.claiming.is_checking
        {
            self.check_for_jobs();
        }
    }

    /// Checks with a read whether there is a due job. A claim is a write, and every second a write would wake the disk for nothing.
    fn check_for_jobs(&mut self) {
        self.claiming.is_checking = true;
        self.timers.poll_at = Instant::now() + POLL;
        let store = self.ledger.store().clone();
        let now = self.now();
        self.replies.spawn(async move {
            let any_due: Result<bool, StoreError> =
                store.read(move |db| endpoints::any_due(db, now)).await;
            Reply::AnyDue(any_due.unwrap_or(false))
        });
    }

    fn heartbeat(&mut self) {
        self.timers.heartbeat_at = Instant::now() + HEARTBEAT;
        self.timers.heartbeats = self.timers.heartbeats.wrapping_add(1);
        let ledger = self.ledger.clone();
        let owner = self.owner;
        self.replies
            .spawn(async move { Reply::Renewed(ledger.renew(owner).await) });
        if self.timers.heartbeats.is_multiple_of(PRUNE_EVERY) {
            // The real time, because a clock that goes through a month would delete what has just been done.
            let before = Timestamp::now().min(self.now()).minus(KEEP_DONE);
            self.writes.spawn(self.ledger.clone().prune(before));
            self.writes
                .spawn(self.ledger.clone().remove_idle_endpoints());
        }
    }

    fn on_renewed(&mut self, renewed: Result<bool, StoreError>) {
        match renewed {
            Ok(true) => {}
            // Another engine took over the leases while this process did not run, for example on a suspended machine. The results
            // of active attempts will be refused. Jobs that were not sent yet belong to the other engine.
            Ok(false) => {
                self.fair.drain_all();
                // No claims until the engine is registered again.
                self.claiming.is_running = true;
                let ledger = self.ledger.clone();
                self.replies
                    .spawn(async move { Reply::Registered(register(&ledger).await) });
            }
            Err(error) => error!(%error, "Leases cannot be renewed."),
        }
    }

    fn claim(&mut self) {
        let claiming = &mut self.claiming;
        if !claiming.is_wanted || claiming.is_running || self.writes.len() >= MAX_UNSETTLED {
            return;
        }
        let (total, per_endpoint) = self.fair.capacity();
        if total == 0 {
            return;
        }
        claiming.is_wanted = false;
        claiming.is_running = true;
        let requested = Requested {
            total,
            per_endpoint: per_endpoint.clone(),
        };
        let capacity = Capacity {
            owner: self.owner,
            now: self.now(),
            total,
            per_endpoint,
            unknown_endpoint: INITIAL_LIMIT,
            probe: self.options.probe,
        };
        let ledger = self.ledger.clone();
        self.replies.spawn(async move {
            let claim = ledger.claim(capacity).await;
            Reply::Claim(requested, claim)
        });
    }

    fn on_claim(&mut self, requested: &Requested, claim: Claim) {
        self.claiming.is_running = false;
        self.timers.poll_at = Instant::now() + POLL;
        self.timers.next_at = claim.next_at;
        for endpoint in &claim.endpoints {
            let circuit = self
                .circuits
                .entry(endpoint.id)
                .or_insert_with(|| Circuit::of(endpoint));
            circuit.update(endpoint);
            self.fair.set_cap(endpoint.id, circuit.cap());
        }
        let mut received: HashMap<i64, usize> = HashMap::new();
        for job in claim.jobs {
            *received.entry(job.endpoint).or_default() += 1;
            self.fair.push(job.endpoint, job.body_len, job);
        }
        self.fair
            .claimed(requested.total, &requested.per_endpoint, &received);
        for endpoint in claim.disabled {
            self.writes
                .spawn(self.ledger.clone().dead_letter_due(endpoint));
        }
        if self.circuits.len() > 2 * MAX_IDLE_LANES {
            self.circuits
                .retain(|endpoint, _| self.fair.has_lane(*endpoint));
        }
    }

    fn on_attempt(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Finished(ticket, finished) => {
                let (job, finished) = *finished;
                let feedback = finished.verdict.feedback();
                self.claiming.is_wanted |= self.fair.finished(ticket, feedback);
                self.settle(&job, finished);
            }
            Outcome::Panicked(ticket, lease) => {
                self.claiming.is_wanted |= self.fair.finished(ticket, Feedback::Neutral);
                self.writes.spawn(self.ledger.clone().panicked(lease));
            }
        }
    }

    fn settle(&mut self, job: &Claimed, finished: Finished) {
        let now = self.now();
        let Some(circuit) = self.circuits.get_mut(&job.endpoint) else {
            self.writes.spawn(self.ledger.clone().panicked(job.lease));
            return;
        };
        let observation = finished.verdict.observation();
        let decision = circuit.observe(observation, now, self.options.probe);
        let next = next(
            job,
            &finished,
            decision.counted,
            circuit.held_until(),
            fastrand::f64(),
        );
        debug!(
            job = job.lease.job,
            status = finished.attempt.status,
            ?next,
            "An attempt has ended."
        );
        if let (Next::Retry { run_at, .. }, Some(on_retry)) = (&next, &self.options.on_retry) {
            on_retry(&FailedAttempt {
                job: job.lease.job,
                number: job.tries + 1,
                may_have_arrived: finished.may_have_arrived,
                why: finished.attempt.error.as_deref().unwrap_or("no response"),
                next_at: *run_at,
            });
        }
        let cap = circuit.cap();
        self.fair.set_cap(job.endpoint, cap);
        // The circuit has just opened: claimed jobs must not each hit the failing endpoint.
        if cap.is_some() && decision.change.is_some() {
            self.release(job.endpoint);
        }
        self.writes.spawn(self.ledger.clone().settle(Settlement {
            lease: job.lease,
            attempt: finished.attempt,
            next,
            endpoint: job.endpoint,
            change: decision.change,
            is_gone: finished.verdict == Verdict::Gone,
        }));
    }

    fn release(&mut self, endpoint: i64) {
        let unsent = self.fair.drain(endpoint);
        let leases: Vec<Lease> = unsent.iter().map(|job| job.lease).collect();
        if !leases.is_empty() {
            self.writes.spawn(self.ledger.clone().release(leases));
        }
    }

    /// Releases jobs that were not sent, waits for active attempts and their settlements, and unregisters the engine.
    async fn stop(mut self) {
        let unsent = self.fair.drain_all();
        let leases = unsent.iter().map(|job| job.lease).collect();
        self.ledger.clone().release(leases).await;
        let deadline = Instant::now() + self.options.drain;
        while let Ok(Some(outcome)) = tokio::time::timeout_at(deadline, self.attempts.next()).await
        {
            self.on_attempt(outcome);
        }
        self.attempts.abort().await;
        self.attempts.close().await;
        let deadline = Instant::now() + self.options.drain;
        while let Ok(Some(_)) = tokio::time::timeout_at(deadline, self.writes.join_next()).await {}
        self.ledger.unregister(self.owner).await;
    }
}

/// Registers the engine, and retries until the store accepts it.
async fn register(ledger: &Ledger) -> i64 {
    loop {
        match ledger.register().await {
            Ok(owner) => return owner,
            Err(error) => error!(%error, "The delivery engine cannot start yet."),
        }
        tokio::time::sleep(POLL).await;
    }
}
