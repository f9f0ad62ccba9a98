//! Stores events and runs the flows that they trigger, inside the caller's transaction.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::context::{Subject, record_of};
use super::executor::{Executor, after};
use super::index::{Compiled, Index, Match};
use super::run::{Run, StepStatus, status};
use super::trigger::Trigger;
use super::{Cause, EventFormat, FlowError, NewEvent, RecordStore, manage};
use crate::catalogue;
use crate::condition::Finding;
use crate::event::{Event, PlatformRef, Seq};
use crate::secret::Secret;
use crate::store::jobs::{End, Settled};
use crate::store::{StoreError, Tx, events, runs, waits};
use crate::time::Timestamp;

/// Steps that one transaction takes at most, over all the runs that one event leads to.
const MAX_STEPS: u32 = 10_000;
/// Runs of one flow that are stored although they did not start (condition not met, or a loop), to show the reason.
const MAX_UNSTARTED: usize = 100;
/// Unstarted runs are trimmed each time that this many were added.
const TRIM_INTERVAL: u32 = 16;
/// Events of a loop that a blocked run shows.
const MAX_CHAIN: usize = 30;

/// How flows send webhooks.
#[derive(Clone, Debug, Default)]
pub struct FlowOptions {
    /// Signs the deliveries of steps without a secret.
    pub secret: Option<Secret>,
    /// Sends only the headers that a flow configures.
    pub is_bare: bool,
}

/// The transaction of a call, and the records in it.
#[derive(Clone, Copy)]
pub(super) struct Commit<'a> {
    pub(super) tx: &'a Tx<'a>,
    pub(super) records: &'a dyn RecordStore,
}

/// How a flow is started by hand.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The variables, and the record that the run is about.
    pub context: Value,
    /// The step to begin with; `None` for the first one.
    pub step: Option<String>,
    /// The id of the run; `None` for a new one.
    pub id: Option<String>,
}

/// The flows of all organisations. They are compiled on first use and again after each change.
pub struct Flows {
    format: &'static dyn EventFormat,
    options: FlowOptions,
    index: Mutex<Index>,
    /// Number of calls that are nested inside each other. All of them are on the store's writer thread.
    nesting: AtomicU32,
    /// Steps taken since the outermost call began.
    steps_taken: AtomicU32,
    begun: Instant,
}

impl Flows {
    pub fn new(format: &'static dyn EventFormat, options: FlowOptions) -> Self {
        Self {
            format,
            options,
            index: Mutex::default(),
            nesting: AtomicU32::new(0),
            steps_taken: AtomicU32::new(0),
            begun: Instant::now(),
        }
    }

    /// How long this process has had these flows. The time in which the machine was suspended does not count.
    pub(super) fn uptime(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn options(&self) -> &FlowOptions {
        &self.options
    }

    pub(super) fn format(&self) -> &'static dyn EventFormat {
        self.format
    }

    /// Stores an event and starts the flows that it triggers. A step that changes a record calls this again, through `records`.
    ///
    /// # Errors
    /// Only errors of the store. A step's failure is recorded in its run.
    pub fn raise(
        &self,
        tx: &Tx<'_>,
        records: &dyn RecordStore,
        event: &NewEvent,
    ) -> Result<Seq, StoreError> {
        let now = tx.now();
        let seq = self.insert(tx, event, now)?;
        // Before the flows, so that a run does not wait for the event that started it.
        self.received(Commit { tx, records }, event, seq, now)?;
        let matches = self.index().matching(tx, &event.org, &event.kind)?;
        if matches.is_empty() || self.hold_event(tx, event, seq)? {
            return Ok(seq);
        }
        let subject = Subject {
            event: event.clone(),
            seq: Some(seq),
            time: now,
            given: None,
        };
        self.fire_all(Commit { tx, records }, &matches, &subject)?;
        Ok(seq)
    }

    /// Fires the triggers that match an event.
    pub(super) fn fire_all(
        &self,
        commit: Commit<'_>,
        matches: &[Match],
        subject: &Subject,
    ) -> Result<(), StoreError> {
        let _nested = self.enter();
        for (compiled, trigger) in matches {
            let trigger = &compiled.flow.triggers[*trigger];
            self.fire(commit, compiled, trigger, subject, "event")?;
        }
        Ok(())
    }

    /// Stores the event in the platform's own format.
    pub(super) fn insert(
        &self,
        tx: &Tx<'_>,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<Seq, StoreError> {
        let (body, meta) = self.format.encode(event, now);
        let cause = event.cause.event.map(|seq| (seq, event.cause.depth));
        events::insert(tx, &Event::raised(body, meta, now), cause)
    }

    /// Checks the trigger's conditions and stores a run: one that starts, or one that explains why it did not. Returns its id.
    pub(super) fn fire(
        &self,
        commit: Commit<'_>,
        compiled: &Compiled,
        trigger: &Trigger,
        subject: &Subject,
        cause: &str,
    ) -> Result<String, StoreError> {
        let mut run = Run::begin(compiled, Some(trigger), subject, cause, commit.tx.now());
        let depth = subject.event.cause.depth;
        if depth > compiled.flow.max_depth {
            let reason = format!(
                "blocked: loop ({depth} events led to this one, the flow allows {})",
                compiled.flow.max_depth
            );
            run.row.explain = Some(chain(commit.tx, subject)?.to_string());
            run.end(status::BLOCKED, Some(reason), commit.tx.now());
        } else if let Err(explain) = check(trigger, subject, commit.tx.now()) {
            let reason = format!("condition not met: {}", explain.reason());
            run.row.explain = serde_json::to_string(&explain).ok();
            run.end(status::SKIPPED, Some(reason), commit.tx.now());
        }
        if run.is_running() {
            self.start_run(commit, compiled, subject, &mut run)?;
        } else {
            self.trim_unstarted(commit.tx, compiled)?;
        }
        self.store_new(commit.tx, &mut run)?;
        Ok(run.row.id)
    }

    /// Deletes old runs that did not start, from time to time.
    fn trim_unstarted(&self, tx: &Tx<'_>, compiled: &Compiled) -> Result<(), StoreError> {
        let count = compiled.unstarted.fetch_add(1, Ordering::Relaxed);
        match count.is_multiple_of(TRIM_INTERVAL) {
            true => runs::trim(tx, &compiled.id, MAX_UNSTARTED),
            false => Ok(()),
        }
    }

    /// Starts a flow by hand with a context, without checking its trigger's conditions. The event is stored, but starts no other
    /// flow. `depth` is the number of events that led to this call.
    ///
    /// # Errors
    /// [`FlowError::NoSuchFlow`].
    pub fn execute(
        &self,
        tx: &Tx<'_>,
        records: &dyn RecordStore,
        org: &str,
        flow: &str,
        start: Start,
        depth: u32,
    ) -> Result<String, FlowError> {
        let row = manage::find(tx, org, flow)?;
        let compiled = Compiled::of(&row)?;
        let Start { context, step, id } = start;
        let first = match step {
            None => 0,
            Some(id) => {
                let position = compiled.flow.steps.iter().position(|step| step.id == id);
                position.ok_or(FlowError::NoSuchStep { id })?
            }
        };
        if let Some(id) = &id {
            check_run_id(tx, id)?;
        }
        let trigger = compiled.flow.triggers.first();
        let kind = trigger.map_or_else(|| "manual".to_owned(), Trigger::event);
        let datatype = catalogue::find_event(&kind).map_or("record", |event| event.datatype);
        let variable = trigger.and_then(|trigger| trigger.variable);
        let event = NewEvent {
            org: org.to_owned(),
            data: record_of(&context, variable, datatype),
            kind,
            before: None,
            cause: Cause { event: None, depth },
        };
        let now = tx.now();
        let seq = self.insert(tx, &event, now)?;
        let subject = Subject {
            event,
            seq: Some(seq),
            time: now,
            given: Some(context),
        };
        let commit = Commit { tx, records };
        let mut run = Run::begin(&compiled, trigger, &subject, "execute", now);
        run.next = first;
        if let Some(id) = id {
            run.row.id = id;
        }
        Ok(self.run_unconditionally(commit, &compiled, &subject, run)?)
    }

    /// Runs a flow without checking conditions, and returns the run's id.
    pub(super) fn run_unconditionally(
        &self,
        commit: Commit<'_>,
        compiled: &Compiled,
        subject: &Subject,
        mut run: Run,
    ) -> Result<String, StoreError> {
        let _nested = self.enter();
        self.start_run(commit, compiled, subject, &mut run)?;
        self.store_new(commit.tx, &mut run)?;
        Ok(run.row.id)
    }

    /// Continues the run that waits for a delivery, in the transaction that settles the delivery. Does nothing for a delivery that
    /// belongs to no run.
    pub fn settled(
        &self,
        tx: &Tx<'_>,
        records: &dyn RecordStore,
        settled: &Settled,
    ) -> Result<(), StoreError> {
        let commit = Commit { tx, records };
        let Some((id, entry)) = &settled.run else {
            return match settled.end {
                End::Discarded => self.discarded(commit, settled.job),
                End::Delivered { .. } | End::Dead { .. } => Ok(()),
            };
        };
        let Some(row) = runs::get(tx, id)? else {
            return Ok(());
        };
        let mut run = Run::from_row(row);
        if run.is_held() && settled.end == End::Discarded {
            let reason = "its job was discarded".to_owned();
            run.end(status::CANCELLED, Some(reason), tx.now());
            return self.store(tx, &mut run);
        }
        let index = *entry as usize;
        let is_waiting = run
            .log
            .get(index)
            .is_some_and(|entry| entry.job == Some(settled.job) && entry.is_open());
        // A run that was cancelled, or retried with a new delivery, ignores its old delivery.
        if !run.is_running() || !is_waiting {
            return Ok(());
        }
        waits::remove(tx, settled.job)?;
        let _nested = self.enter();
        self.resume(commit, &mut run, index, &settled.end)?;
        self.store(tx, &mut run)
    }

    fn resume(
        &self,
        commit: Commit<'_>,
        run: &mut Run,
        index: usize,
        end: &End,
    ) -> Result<(), StoreError> {
        let now = commit.tx.now();
        let entry = &mut run.log[index];
        let failure = match end {
            End::Delivered { status } => {
                entry.output = Some(json!({ "status": status }));
                entry.end(StepStatus::Completed, now);
                None
            }
            End::Dead { status, reason } => {
                entry.output = status.map(|status| json!({ "status": status }));
                Some(reason.clone())
            }
            End::Discarded => Some("its job was discarded".to_owned()),
        };
        entry.error = failure;
        self.continue_after(commit, run, index)
    }

    /// Continues a run after the step of a log entry has ended: with the next step, or, after a wait before a step, with that step.
    /// An entry with an error fails.
    pub(super) fn continue_after(
        &self,
        commit: Commit<'_>,
        run: &mut Run,
        index: usize,
    ) -> Result<(), StoreError> {
        let now = commit.tx.now();
        let entry = &run.log[index];
        let (step, is_delay, has_failed) = (entry.index, entry.is_delay, entry.error.is_some());
        let version = run.row.flow_version;
        let Some(compiled) = self.index().version(commit.tx, &run.row.flow, version)? else {
            let reason = format!("version {version} of the flow has been deleted");
            run.end(status::FAILED, Some(reason), now);
            return Ok(());
        };
        let steps = &compiled.flow.steps;
        let is_last = steps
            .get(step)
            .is_none_or(|taken| after(step, taken.next) >= steps.len());
        // Most flows are one webhook: they end here, without reading the event again.
        if is_last && !has_failed && !is_delay {
            run.end(status::COMPLETED, None, now);
            return Ok(());
        }
        let Some(subject) = Subject::load(commit.tx, &run.row)? else {
            let reason = "the event of this run has been deleted";
            run.end(status::FAILED, Some(reason.to_owned()), now);
            return Ok(());
        };
        let mut executor = self.executor(commit, &compiled, &subject, run);
        if has_failed {
            executor.fail(now);
        } else if is_delay {
            executor.run.next = step;
            executor.has_waited = true;
        } else {
            executor.run.next = after(step, steps[step].next);
        }
        executor.advance()
    }

    /// Ends a run that does not start, with the reason, and stores it.
    pub(super) fn skip(
        &self,
        commit: Commit<'_>,
        compiled: &Compiled,
        mut run: Run,
        reason: String,
    ) -> Result<(), StoreError> {
        run.end(status::SKIPPED, Some(reason), commit.tx.now());
        self.trim_unstarted(commit.tx, compiled)?;
        runs::insert(commit.tx, run.updated_row())
    }

    /// Stores a run that has just begun.
    fn store_new(&self, tx: &Tx<'_>, run: &mut Run) -> Result<(), StoreError> {
        runs::insert(tx, run.updated_row())?;
        self.after_end(tx, run)
    }

    /// Stores the progress of a run.
    pub(super) fn store(&self, tx: &Tx<'_>, run: &mut Run) -> Result<(), StoreError> {
        runs::update(tx, run.updated_row())?;
        self.after_end(tx, run)
    }

    fn after_end(&self, tx: &Tx<'_>, run: &Run) -> Result<(), StoreError> {
        match run.row.cause == "schedule" && !run.is_running() {
            true => self.release_queued(tx, &run.row.flow),
            false => Ok(()),
        }
    }

    pub(super) fn advance(
        &self,
        commit: Commit<'_>,
        compiled: &Compiled,
        subject: &Subject,
        run: &mut Run,
    ) -> Result<(), StoreError> {
        self.executor(commit, compiled, subject, run).advance()
    }

    pub(super) fn executor<'a>(
        &'a self,
        commit: Commit<'a>,
        compiled: &'a Compiled,
        subject: &'a Subject,
        run: &'a mut Run,
    ) -> Executor<'a> {
        Executor {
            flows: self,
            commit,
            flow: &compiled.flow,
            subject,
            trigger: compiled.trigger_of(&run.row),
            run,
            variables: None,
            has_waited: false,
        }
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn enter(&self) -> NestingGuard<'_> {
        if self.nesting.fetch_add(1, Ordering::Relaxed) == 0 {
            self.steps_taken.store(0, Ordering::Relaxed);
        }
        NestingGuard(&self.nesting)
    }

    /// Counts a step. Returns `false` once the transaction has taken [`MAX_STEPS`].
    pub(super) fn count_step(&self) -> bool {
        self.steps_taken.fetch_add(1, Ordering::Relaxed) < MAX_STEPS
    }
}

/// Checks the id that a client gives a run.
fn check_run_id(tx: &Tx<'_>, id: &str) -> Result<(), FlowError> {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if id.len() > 64 || !id.bytes().all(is_valid) {
        return Err(FlowError::BadRunId {
            id: id.chars().take(64).collect(),
        });
    }
    match runs::get(tx, id)? {
        Some(_) => Err(FlowError::RunExists { id: id.to_owned() }),
        None => Ok(()),
    }
}

/// Decrements [`Flows::nesting`] on drop, also when a step panics.
pub(super) struct NestingGuard<'a>(&'a AtomicU32);

impl Drop for NestingGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn check(trigger: &Trigger, subject: &Subject, now: Timestamp) -> Result<(), Finding> {
    trigger.filter.check(trigger, &subject.event)?;
    if trigger.guard.is_empty() {
        return Ok(());
    }
    let scope = subject.scope(&subject.variables(Some(trigger)));
    trigger.guard.check(&scope, now)
}

/// The events that led to this one, newest first.
fn chain(tx: &Tx<'_>, subject: &Subject) -> Result<Value, StoreError> {
    let mut links = Vec::new();
    let mut next = subject.seq;
    while let Some(seq) = next
        && links.len() < MAX_CHAIN
    {
        let Some(event) = events::get(tx, seq)? else {
            break;
        };
        links.push(json!({"event": PlatformRef(seq).to_string(), "type": event.meta.kind, "subject": event.meta.subject}));
        next = events::cause(tx, seq)?.and_then(|(cause, _)| cause);
    }
    Ok(json!({ "chain": links }))
}
