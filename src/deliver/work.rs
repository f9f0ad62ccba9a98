//! The engine's loop: claim what there is room for, attempt, settle. It sleeps until a job is enqueued, comes due or ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use super::EngineOptions;
use super::attempt::{self, Finished, Verdict};
use super::circuit::{Circuit, Pace};
use super::fair::{Fair, LANES, Pressure, START, Ticket};
use super::ledger::{Ledger, Settlement};
use crate::dial::Dialer;
use crate::store::jobs::{self, Claim, Claimed, Lease, Room};
use crate::store::{StoreError, endpoints};
use crate::time::Timestamp;

/// How often leases are renewed: three times before they run out.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often an idle engine looks for jobs that another process enqueued.
const IDLE: Duration = Duration::from_secs(1);
/// Heartbeats between two removals of old jobs.
const PRUNE_EVERY: u32 = 6;
/// Results that may wait for their commit before nothing more is claimed.
const UNSETTLED: usize = 1_024;
/// Kilobytes of great bodies in memory at once.
const GREAT_BODIES: u32 = 32 * 1024;

/// An attempt that is over, and its job.
type Over = Box<(Claimed, Finished)>;

/// What the loop was woken by.
enum Woken {
    Attempt(Result<(Id, Over), JoinError>),
    Claim(Asked, Result<Claim, StoreError>),
    Heartbeat(Result<bool, StoreError>),
    Entered(i64),
    Due(bool),
    Enqueued,
    Alarm,
    Written,
    Shutdown,
}

/// What a claim was asked for.
struct Asked {
    total: usize,
    of: HashMap<i64, usize>,
}

/// The results of the engine's own questions to the store.
enum Answered {
    Claim(Asked, Result<Claim, StoreError>),
    Heartbeat(Result<bool, StoreError>),
    Entered(i64),
    Due(bool),
}

pub(super) struct Work {
    ledger: Ledger,
    dialer: Dialer,
    options: EngineOptions,
    owner: i64,
    fair: Fair<Claimed>,
    circuits: HashMap<i64, Circuit>,
    attempts: JoinSet<Over>,
    /// What each attempt's task is about, should it break down.
    under_way: HashMap<Id, (Ticket, Lease)>,
    writes: JoinSet<()>,
    questions: JoinSet<Answered>,
    great_bodies: Arc<Semaphore>,
    wants_claim: bool,
    is_claiming: bool,
    is_asking: bool,
    next_at: Option<Timestamp>,
    /// When to look for other processes' jobs.
    look_at: Instant,
    heartbeat: Instant,
    heartbeats: u32,
}

impl Work {
    pub(super) fn new(ledger: Ledger, dialer: Dialer, options: EngineOptions) -> Self {
        Self {
            ledger,
            dialer,
            owner: 0,
            fair: Fair::new(options.max_in_flight),
            options,
            circuits: HashMap::new(),
            attempts: JoinSet::new(),
            under_way: HashMap::new(),
            writes: JoinSet::new(),
            questions: JoinSet::new(),
            great_bodies: Arc::new(Semaphore::new(GREAT_BODIES as usize)),
            wants_claim: true,
            is_claiming: false,
            is_asking: false,
            next_at: None,
            look_at: Instant::now() + IDLE,
            heartbeat: Instant::now(),
            heartbeats: 0,
        }
    }

    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let entered = tokio::select! {
            entered = enter(&self.ledger) => entered,
            () = shutdown.cancelled() => return,
        };
        self.owner = entered;
        self.heartbeat = Instant::now() + HEARTBEAT;
        loop {
            self.send_ready();
            self.claim_more();
            match self.wait(&shutdown).await {
                Woken::Attempt(joined) => self.attempted(joined),
                Woken::Claim(asked, Ok(claim)) => self.claimed(&asked, claim),
                Woken::Claim(_, Err(error)) => self.claim_failed(&error),
                Woken::Heartbeat(renewed) => self.beaten(renewed),
                Woken::Entered(owner) => {
                    self.owner = owner;
                    self.is_claiming = false;
                    self.wants_claim = true;
                }
                Woken::Due(is_due) => {
                    self.is_asking = false;
                    self.wants_claim |= is_due;
                }
                Woken::Enqueued => self.wants_claim = true,
                Woken::Alarm => self.alarm(),
                Woken::Written => {}
                Woken::Shutdown => break,
            }
        }
        self.drain().await;
    }

    async fn wait(&mut self, shutdown: &CancellationToken) -> Woken {
        let enqueued = self.ledger.store().jobs_ready();
        let alarm = self.next_alarm();
        tokio::select! {
            biased;
            () = shutdown.cancelled() => Woken::Shutdown,
            Some(joined) = self.attempts.join_next_with_id() => Woken::Attempt(joined),
            Some(answered) = self.questions.join_next() => match answered {
                Ok(Answered::Claim(asked, claim)) => Woken::Claim(asked, claim),
                Ok(Answered::Heartbeat(renewed)) => Woken::Heartbeat(renewed),
                Ok(Answered::Entered(owner)) => Woken::Entered(owner),
                Ok(Answered::Due(is_due)) => Woken::Due(is_due),
                Err(_) => Woken::Written,
            },
            Some(_) = self.writes.join_next() => Woken::Written,
            () = enqueued.notified() => Woken::Enqueued,
            () = sleep_until(alarm) => Woken::Alarm,
        }
    }

    /// The next time at which something is to be done unasked.
    fn next_alarm(&self) -> Instant {
        let now = Instant::now();
        let mut alarm = self.heartbeat;
        if !self.is_claiming && !self.is_asking {
            alarm = alarm.min(self.look_at);
            if let Some(next_at) = self.next_at {
                // A millisecond more, because the store's times are cut to milliseconds.
                let wait = next_at.since(Timestamp::now()) + Duration::from_millis(1);
                alarm = alarm.min(now + wait);
            }
        }
        alarm
    }

    fn alarm(&mut self) {
        if Instant::now() >= self.heartbeat {
            self.beat();
        }
        let is_due = |at: Timestamp| at <= Timestamp::now();
        if self.next_at.is_some_and(is_due) {
            self.next_at = None;
            self.wants_claim = true;
        } else if Instant::now() >= self.look_at && !self.is_claiming && !self.is_asking {
            self.is_asking = true;
            self.look_at = Instant::now() + IDLE;
            let store = self.ledger.store().clone();
            self.questions.spawn(async move {
                let asked: Result<bool, StoreError> = store
                    .read(|db| endpoints::any_due(db, Timestamp::now()))
                    .await;
                Answered::Due(asked.unwrap_or(false))
            });
        }
    }

    fn beat(&mut self) {
        self.heartbeat = Instant::now() + HEARTBEAT;
        self.heartbeats = self.heartbeats.wrapping_add(1);
        let ledger = self.ledger.clone();
        let owner = self.owner;
        self.questions
            .spawn(async move { Answered::Heartbeat(ledger.renew(owner).await) });
        if self.heartbeats.is_multiple_of(PRUNE_EVERY) {
            let before = Timestamp::now().minus(self.options.keep_done);
            self.writes.spawn(self.ledger.clone().prune(before));
            self.writes.spawn(self.ledger.clone().forget_idle());
        }
    }

    fn beaten(&mut self, renewed: Result<bool, StoreError>) {
        match renewed {
            Ok(true) => {}
            // Another engine took the leases while this one stood still (a suspended machine): what is under way is
            // refused when it is settled, what is not sent yet is no longer ours to send.
            Ok(false) => {
                self.fair.drain_all();
                // Claims wait for the new entry.
                self.is_claiming = true;
                let ledger = self.ledger.clone();
                self.questions
                    .spawn(async move { Answered::Entered(enter(&ledger).await) });
            }
            Err(error) => error!(%error, "Leases cannot be renewed."),
        }
    }

    fn claim_more(&mut self) {
        if !self.wants_claim || self.is_claiming || self.writes.len() >= UNSETTLED {
            return;
        }
        let (total, of) = self.fair.room();
        if total == 0 {
            return;
        }
        self.wants_claim = false;
        self.is_claiming = true;
        let asked = Asked {
            total,
            of: of.clone(),
        };
        let room = Room {
            owner: self.owner,
            now: Timestamp::now(),
            total,
            of,
            of_others: START,
            probe: self.options.probe,
        };
        let ledger = self.ledger.clone();
        self.questions.spawn(async move {
            let claim = ledger.claim(room).await;
            Answered::Claim(asked, claim)
        });
    }

    fn claimed(&mut self, asked: &Asked, claim: Claim) {
        self.is_claiming = false;
        self.look_at = Instant::now() + IDLE;
        self.next_at = claim.next_at;
        for endpoint in &claim.endpoints {
            let circuit = self
                .circuits
                .entry(endpoint.id)
                .or_insert_with(|| Circuit::of(endpoint));
            circuit.adopt(endpoint);
            self.fair.set_cap(endpoint.id, circuit.cap());
        }
        let mut brought: HashMap<i64, usize> = HashMap::new();
        for job in claim.jobs {
            *brought.entry(job.endpoint).or_default() += 1;
            self.fair.push(job.endpoint, job.body_len, job);
        }
        self.fair.claimed(asked.total, &asked.of, &brought);
        for endpoint in claim.disabled {
            self.writes.spawn(self.ledger.clone().bury(endpoint));
        }
        if self.circuits.len() > 2 * LANES {
            self.circuits
                .retain(|endpoint, _| self.fair.knows(*endpoint));
        }
    }

    fn claim_failed(&mut self, error: &StoreError) {
        error!(%error, "Jobs cannot be claimed.");
        self.is_claiming = false;
        self.next_at = Some(Timestamp::now().plus(IDLE));
    }

    fn send_ready(&mut self) {
        while let Some((ticket, job)) = self.fair.next() {
            let lease = job.lease;
            let task = self.attempts.spawn(attempt(
                self.dialer.clone(),
                self.ledger.clone(),
                Arc::clone(&self.great_bodies),
                job,
                self.options.user_agent,
            ));
            self.under_way.insert(task.id(), (ticket, lease));
        }
    }

    fn attempted(&mut self, joined: Result<(Id, Over), JoinError>) {
        match joined {
            Ok((id, over)) => {
                let (job, finished) = *over;
                if let Some((ticket, _)) = self.under_way.remove(&id) {
                    self.wants_claim |= self.fair.finished(ticket, finished.verdict.pressure());
                }
                self.judge(&job, finished);
            }
            Err(error) => {
                let Some((ticket, lease)) = self.under_way.remove(&error.id()) else {
                    return;
                };
                self.wants_claim |= self.fair.finished(ticket, Pressure::Unchanged);
                if error.is_panic() {
                    self.writes.spawn(self.ledger.clone().lost(lease));
                }
            }
        }
    }

    fn judge(&mut self, job: &Claimed, finished: Finished) {
        let now = Timestamp::now();
        let pace = Pace {
            probe: self.options.probe,
            disable_after: self.options.disable_after,
        };
        let Some(circuit) = self.circuits.get_mut(&job.endpoint) else {
            self.writes.spawn(self.ledger.clone().lost(job.lease));
            return;
        };
        let ruling = circuit.observe(finished.verdict.observed(), now, pace);
        let next = attempt::next(
            job,
            &finished,
            ruling.counted,
            circuit.held_until(),
            fastrand::f64(),
        );
        debug!(
            job = job.lease.job,
            status = finished.attempt.status,
            ?next,
            "An attempt is over."
        );
        let cap = circuit.cap();
        self.fair.set_cap(job.endpoint, cap);
        if cap.is_some() && ruling.change.is_some() {
            let unsent = self.fair.drain(job.endpoint);
            let leases: Vec<Lease> = unsent.iter().map(|job| job.lease).collect();
            if !leases.is_empty() {
                self.writes.spawn(self.ledger.clone().give_back(leases));
            }
        }
        self.writes.spawn(self.ledger.clone().settle(Settlement {
            lease: job.lease,
            attempt: finished.attempt,
            next,
            endpoint: job.endpoint,
            change: ruling.change,
            is_gone: finished.verdict == Verdict::Gone,
        }));
    }

    /// Ends in good order: what is under way may end for a while, everything else is given back at once.
    async fn drain(mut self) {
        let unsent = self.fair.drain_all();
        let leases = unsent.iter().map(|job| job.lease).collect();
        self.ledger.clone().give_back(leases).await;
        let deadline = Instant::now() + self.options.drain;
        while let Ok(Some(joined)) =
            tokio::time::timeout_at(deadline, self.attempts.join_next_with_id()).await
        {
            self.attempted(joined);
        }
        self.attempts.shutdown().await;
        let deadline = Instant::now() + self.options.drain;
        while let Ok(Some(_)) = tokio::time::timeout_at(deadline, self.writes.join_next()).await {}
        self.ledger.leave(self.owner).await;
    }
}

/// Enters the engine into the store, however often it takes.
async fn enter(ledger: &Ledger) -> i64 {
    loop {
        match ledger.enter().await {
            Ok(owner) => return owner,
            Err(error) => error!(%error, "The delivery engine cannot start yet."),
        }
        tokio::time::sleep(IDLE).await;
    }
}

/// One attempt. A great body is read now, when there is room for it in memory.
async fn attempt(
    dialer: Dialer,
    ledger: Ledger,
    great_bodies: Arc<Semaphore>,
    mut job: Claimed,
    user_agent: &'static str,
) -> Over {
    let mut permit = None;
    let body = match job.body.take() {
        Some(body) => Ok(Some(body)),
        None => {
            let size = u32::try_from(job.body_len / 1024).unwrap_or(GREAT_BODIES);
            permit = great_bodies
                .acquire_many_owned(size.clamp(1, GREAT_BODIES))
                .await
                .ok();
            let id = job.lease.job;
            let read: Result<Option<Bytes>, StoreError> =
                ledger.store().read(move |db| jobs::body(db, id)).await;
            read
        }
    };
    let finished = match body {
        Ok(body) => attempt::make(&dialer, &job, body, user_agent).await,
        Err(error) => attempt::unread(&error),
    };
    drop(permit);
    Box::new((job, finished))
}
