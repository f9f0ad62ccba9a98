//! The flows of the platform at work: events in, runs on, everything inside the caller's commit.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Value, json};
use uuid::Uuid;

use super::context::{Subject, record_of};
use super::desk::{self, FlowError};
use super::index::{Compiled, Index};
use super::run::{Run, StepStatus, status};
use super::trigger::Trigger;
use super::walk::{Walk, after};
use super::{Cause, NewEvent, World};
use crate::catalogue;
use crate::condition::Finding;
use crate::envelope::appengine;
use crate::event::{Event, Meta, Outcome, Seq, Source, Transport};
use crate::secret::Secret;
use crate::store::jobs::{End, Settled};
use crate::store::runs::{self, RunRow};
use crate::store::{StoreError, Tx, events, queue};
use crate::time::Timestamp;

/// Steps that one commit takes at most, over all the runs that one cause leads to.
const BUDGET: u32 = 10_000;
/// Runs of one flow that did not start (a condition said no, a loop) and are kept for the question why.
const NOT_STARTED: usize = 100;
/// How many more may gather before they are counted again.
const TRIMMED: u32 = 16;
/// Causes of a loop that are shown.
const CHAIN: usize = 30;

/// How flows send.
#[derive(Clone, Debug, Default)]
pub struct FlowOptions {
    /// Signs the deliveries of flows that have no secret of their own.
    pub secret: Option<Secret>,
    /// Sends only the headers that a flow configures.
    pub is_bare: bool,
}

/// All organisations' flows, compiled on first use and again after each change.
pub struct Flows {
    options: FlowOptions,
    index: Mutex<Index>,
    /// Calls under way inside each other, all on the store's one writing thread, and the steps that they took.
    nesting: AtomicU32,
    spent: AtomicU32,
}

impl Flows {
    pub fn new(options: FlowOptions) -> Self {
        Self {
            options,
            index: Mutex::default(),
            nesting: AtomicU32::new(0),
            spent: AtomicU32::new(0),
        }
    }

    pub(super) fn options(&self) -> &FlowOptions {
        &self.options
    }

    /// Keeps an event and starts what it starts. Steps that change records come back here through `world`.
    ///
    /// # Errors
    /// Only the store's; what goes wrong in a flow is in its run.
    pub fn raise(
        &self,
        tx: &Tx<'_>,
        world: &dyn World,
        event: &NewEvent,
    ) -> Result<Seq, StoreError> {
        let now = Timestamp::now();
        let seq = keep(tx, event, now)?;
        self.start(tx, world, seq, event, now, |_, _| Ok(false))?;
        Ok(seq)
    }

    /// Starts what an event starts that is kept already. A second time starts nothing: one run for each flow, trigger and event.
    pub fn dispatch(
        &self,
        tx: &Tx<'_>,
        world: &dyn World,
        seq: Seq,
        event: &NewEvent,
        time: Timestamp,
    ) -> Result<(), StoreError> {
        self.start(tx, world, seq, event, time, |flow, key| {
            runs::exists(tx, flow, key)
        })
    }

    fn start(
        &self,
        tx: &Tx<'_>,
        world: &dyn World,
        seq: Seq,
        event: &NewEvent,
        time: Timestamp,
        ran_before: impl Fn(&str, &str) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let hits = self.lock().matching(tx, &event.org, &event.kind)?;
        if hits.is_empty() {
            return Ok(());
        }
        let _nested = self.enter();
        let subject = Subject {
            event: event.clone(),
            seq: Some(seq),
            time,
            given: None,
        };
        for (compiled, trigger) in &hits {
            let trigger = &compiled.flow.triggers[*trigger];
            let key = format!("{}:{}", trigger.id, seq.0);
            if ran_before(&compiled.id, &key)? {
                continue;
            }
            self.fire(tx, world, compiled, trigger, &subject, Some(key))?;
        }
        Ok(())
    }

    /// Judges the trigger and begins a run: one that goes, or one that says why not. Returns its id.
    fn fire(
        &self,
        tx: &Tx<'_>,
        world: &dyn World,
        compiled: &Compiled,
        trigger: &Trigger,
        subject: &Subject,
        key: Option<String>,
    ) -> Result<String, StoreError> {
        let cause = if key.is_some() { "event" } else { "replay" };
        let mut run = begin(compiled, Some(trigger), subject, cause);
        run.row.trigger_key = key;
        let depth = subject.event.cause.depth;
        if depth > compiled.flow.max_depth {
            let reason = format!(
                "blocked: loop ({depth} events led to this one, the flow allows {})",
                compiled.flow.max_depth
            );
            run.row.explain = Some(chain(tx, subject)?.to_string());
            run.end(status::BLOCKED, Some(reason), Timestamp::now());
        } else if let Err(explain) = judge(trigger, subject) {
            let reason = format!("a condition said no: {}", explain.reason());
            run.row.explain = serde_json::to_string(&explain).ok();
            run.end(status::SKIPPED, Some(reason), Timestamp::now());
        }
        if run.is_running() {
            self.walk(tx, world, compiled, subject, &mut run)?;
        } else if compiled
            .unstarted
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(TRIMMED)
        {
            runs::trim(tx, &compiled.id, NOT_STARTED)?;
        }
        runs::insert(tx, run.written())?;
        Ok(run.row.id)
    }

    /// Starts a flow by hand with a context. The event is kept and starts no other flow; conditions of triggers are not asked.
    ///
    /// # Errors
    /// [`FlowError::NoSuchFlow`].
    pub fn execute(
        &self,
        tx: &Tx<'_>,
        world: &dyn World,
        org: &str,
        flow: &str,
        context: Value,
    ) -> Result<String, FlowError> {
        let row = desk::find(tx, org, flow)?;
        let compiled = Compiled::of(&row)?;
        let trigger = compiled.flow.triggers.first();
        let kind = trigger.map_or_else(|| "manual".to_owned(), Trigger::event);
        let datatype = catalogue::find_event(&kind).map_or("record", |event| event.datatype);
        let variable = trigger.and_then(|trigger| trigger.variable);
        let event = NewEvent {
            org: org.to_owned(),
            data: record_of(&context, variable, datatype),
            kind,
            before: None,
            cause: Cause::default(),
        };
        let now = Timestamp::now();
        let seq = keep(tx, &event, now)?;
        let subject = Subject {
            event,
            seq: Some(seq),
            time: now,
            given: Some(context),
        };
        let _nested = self.enter();
        let mut run = begin(&compiled, trigger, &subject, "execute");
        self.walk(tx, world, &compiled, &subject, &mut run)?;
        runs::insert(tx, run.written())?;
        Ok(run.row.id)
    }

    /// A delivery has come to its end: the run that waits for it goes on, in the same commit. For anything else this does nothing.
    pub fn settled(
        &self,
        tx: &Tx<'_>,
        world: &dyn World,
        settled: &Settled,
    ) -> Result<(), StoreError> {
        let Some((id, record)) = &settled.run else {
            return Ok(());
        };
        let Some(row) = runs::get(tx, id)? else {
            return Ok(());
        };
        let mut run = Run::of(row);
        let index = *record as usize;
        let waits = run.log.get(index).is_some_and(|record| {
            record.job == Some(settled.job) && record.status == StepStatus::Running
        });
        // A run that is over, or has gone on (cancelled, tried again), does not move by an old delivery.
        if !run.is_running() || !waits {
            return Ok(());
        }
        let _nested = self.enter();
        self.resume(tx, world, &mut run, index, &settled.end)?;
        runs::update(tx, run.written())
    }

    fn resume(
        &self,
        tx: &Tx<'_>,
        world: &dyn World,
        run: &mut Run,
        index: usize,
        end: &End,
    ) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let record = &mut run.log[index];
        let failure = match end {
            End::Delivered { status } => {
                record.output = Some(json!({ "status": status }));
                record.end(StepStatus::Completed, now);
                None
            }
            End::Dead { status, reason } => {
                record.output = status.map(|status| json!({ "status": status }));
                Some(reason.clone())
            }
            End::Discarded => Some("the delivery was taken off the queue".to_owned()),
        };
        record.error.clone_from(&failure);
        let step = record.index;
        let version = run.row.flow_version;
        let Some(compiled) = self.lock().version(tx, &run.row.flow, version)? else {
            run.end(
                status::FAILED,
                Some(format!("version {version} of the flow is gone")),
                now,
            );
            return Ok(());
        };
        let is_last = compiled
            .flow
            .steps
            .get(step)
            .is_none_or(|taken| after(step, taken.next) >= compiled.flow.steps.len());
        // The common run is one webhook: it ends here without its event being read again.
        if is_last && failure.is_none() {
            run.end(status::COMPLETED, None, now);
            return Ok(());
        }
        let Some(subject) = subject_of(tx, &run.row)? else {
            run.end(
                status::FAILED,
                Some("the event of this run is no longer kept".to_owned()),
                now,
            );
            return Ok(());
        };
        if failure.is_some() {
            self.walker(tx, world, &compiled, &subject, run)
                .failed(run, now);
        } else {
            run.next = after(step, compiled.flow.steps[step].next);
        }
        self.walk(tx, world, &compiled, &subject, run)
    }

    fn walk(
        &self,
        tx: &Tx<'_>,
        world: &dyn World,
        compiled: &Compiled,
        subject: &Subject,
        run: &mut Run,
    ) -> Result<(), StoreError> {
        self.walker(tx, world, compiled, subject, run).advance(run)
    }

    fn walker<'a>(
        &'a self,
        tx: &'a Tx<'a>,
        world: &'a dyn World,
        compiled: &'a Compiled,
        subject: &'a Subject,
        run: &Run,
    ) -> Walk<'a> {
        Walk {
            flows: self,
            tx,
            world,
            flow: &compiled.flow,
            subject,
            trigger: trigger_of(compiled, &run.row),
            variables: None,
        }
    }

    /// Ends a run that is under way; a delivery that still waits is taken off the queue.
    ///
    /// # Errors
    /// [`FlowError::NoSuchRun`], [`FlowError::WrongState`] for a run that is over.
    pub fn cancel(&self, tx: &Tx<'_>, org: &str, run: &str) -> Result<RunRow, FlowError> {
        let mut run = Run::of(desk::find_run(tx, org, run)?);
        if !run.is_running() {
            return Err(desk::wrong_state(&run.row, "under way"));
        }
        let now = Timestamp::now();
        if let Some(record) = run.log.last_mut()
            && record.status == StepStatus::Running
        {
            record.end(StepStatus::Cancelled, now);
            if let Some(job) = record.job {
                // One that is being sent this moment ends by itself, and moves nothing here any more.
                let _ = queue::discard(tx, job, now)?;
            }
        }
        run.end(status::CANCELLED, None, now);
        runs::update(tx, run.written())?;
        Ok(run.row)
    }

    /// Goes on with a failed run from the step that failed, in the version that it began with.
    ///
    /// # Errors
    /// [`FlowError::NoSuchRun`], [`FlowError::WrongState`] unless the run has failed.
    pub fn retry(
        &self,
        tx: &Tx<'_>,
        world: &dyn World,
        org: &str,
        run: &str,
    ) -> Result<RunRow, FlowError> {
        let mut run = Run::of(desk::find_run(tx, org, run)?);
        let failed = run
            .log
            .last()
            .filter(|record| record.status == StepStatus::Failed);
        let Some(step) = failed.map(|record| record.index) else {
            return Err(desk::wrong_state(&run.row, "failed at a step"));
        };
        if run.row.status != status::FAILED {
            return Err(desk::wrong_state(&run.row, "failed at a step"));
        }
        let compiled = self
            .lock()
            .version(tx, &run.row.flow, run.row.flow_version)?;
        let subject = subject_of(tx, &run.row)?;
        let (Some(compiled), Some(subject)) = (compiled, subject) else {
            return Err(FlowError::Gone { run: run.row.id });
        };
        run.row.status = status::RUNNING.to_owned();
        run.row.error = None;
        run.row.ended = None;
        run.next = step;
        let _nested = self.enter();
        self.walk(tx, world, &compiled, &subject, &mut run)?;
        runs::update(tx, run.written())?;
        Ok(run.row)
    }

    /// Runs the flow again for the event of a run, as the flow is now; conditions are asked again. Returns the new run's id.
    ///
    /// # Errors
    /// [`FlowError::NoSuchRun`], [`FlowError::NoSuchFlow`] when the flow is gone.
    pub fn replay(
        &self,
        tx: &Tx<'_>,
        world: &dyn World,
        org: &str,
        run: &str,
    ) -> Result<String, FlowError> {
        let row = desk::find_run(tx, org, run)?;
        let compiled = Compiled::of(&desk::find(tx, org, &row.flow)?)?;
        let Some(subject) = subject_of(tx, &row)? else {
            return Err(FlowError::Gone { run: row.id });
        };
        let _nested = self.enter();
        match trigger_of(&compiled, &row) {
            // What was started by hand is not judged.
            Some(trigger) if subject.given.is_none() => {
                Ok(self.fire(tx, world, &compiled, trigger, &subject, None)?)
            }
            trigger => {
                let mut run = begin(&compiled, trigger, &subject, "replay");
                self.walk(tx, world, &compiled, &subject, &mut run)?;
                runs::insert(tx, run.written())?;
                Ok(run.row.id)
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self) -> Nested<'_> {
        if self.nesting.fetch_add(1, Ordering::Relaxed) == 0 {
            self.spent.store(0, Ordering::Relaxed);
        }
        Nested(&self.nesting)
    }

    /// Counts a step; `false` once the commit has taken as many as it may.
    pub(super) fn spend(&self) -> bool {
        self.spent.fetch_add(1, Ordering::Relaxed) < BUDGET
    }
}

/// The trigger that began a run; `None` when a person did, or when the flow has it no more.
fn trigger_of<'a>(compiled: &'a Compiled, run: &RunRow) -> Option<&'a Trigger> {
    let id = run.trigger_id.as_deref()?;
    let mut triggers = compiled.flow.triggers.iter();
    triggers.find(|trigger| trigger.id == id)
}

/// Leaves also when a step panics.
struct Nested<'a>(&'a AtomicU32);

impl Drop for Nested<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn judge(trigger: &Trigger, subject: &Subject) -> Result<(), Finding> {
    trigger.filter.check(trigger, &subject.event)?;
    if trigger.guard.is_empty() {
        return Ok(());
    }
    let scope = subject.scope(&subject.variables(Some(trigger)));
    trigger.guard.check(&scope, Timestamp::now())
}

fn begin(compiled: &Compiled, trigger: Option<&Trigger>, subject: &Subject, cause: &str) -> Run {
    let context = match (&subject.given, &subject.event.before) {
        (Some(given), _) => Some(json!({ "given": given })),
        (None, Some(before)) => Some(json!({ "before": before })),
        (None, None) => None,
    };
    Run {
        row: RunRow {
            id: format!("exec-{}", Uuid::now_v7().simple()),
            flow: compiled.id.clone(),
            flow_version: compiled.version,
            org: subject.event.org.clone(),
            cause: cause.to_owned(),
            trigger_id: trigger.map(|trigger| trigger.id.clone()),
            trigger_key: None,
            event: subject.seq,
            status: status::RUNNING.to_owned(),
            depth: subject.event.cause.depth,
            next_step: 0,
            context: context.map(|context| context.to_string()),
            steps: String::new(),
            explain: None,
            started: Timestamp::now(),
            ended: None,
            error: None,
        },
        log: Vec::new(),
        next: 0,
    }
}

/// What a run is about, read again from its event; `None` when that is no longer kept.
fn subject_of(tx: &Tx<'_>, row: &RunRow) -> Result<Option<Subject>, StoreError> {
    let Some(seq) = row.event else {
        return Ok(None);
    };
    let Some(event) = events::get(tx, seq)? else {
        return Ok(None);
    };
    let mut context: Value = row
        .context
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let mut take = |name: &str| Some(context[name].take()).filter(|value| !value.is_null());
    let data = serde_json::from_slice(event.data()).unwrap_or_default();
    Ok(Some(Subject {
        event: NewEvent {
            org: row.org.clone(),
            kind: event.meta.kind.unwrap_or_default(),
            data,
            before: take("before"),
            cause: Cause {
                event: None,
                depth: row.depth,
            },
        },
        seq: Some(seq),
        time: event.received_at,
        given: take("given"),
    }))
}

/// The events that led here, the newest first.
fn chain(tx: &Tx<'_>, subject: &Subject) -> Result<Value, StoreError> {
    let mut links = Vec::new();
    let mut next = subject.seq;
    while let Some(seq) = next
        && links.len() < CHAIN
    {
        let Some(event) = events::get(tx, seq)? else {
            break;
        };
        links.push(json!({"event": seq.to_string(), "type": event.meta.kind, "subject": event.meta.subject}));
        next = events::cause(tx, seq)?.and_then(|(cause, _)| cause);
    }
    Ok(json!({ "chain": links }))
}

fn keep(tx: &Tx<'_>, event: &NewEvent, now: Timestamp) -> Result<Seq, StoreError> {
    let (body, meta) = wire(event, now);
    let mut headers = HeaderMap::with_capacity(1);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    let kept = Event {
        seq: None,
        received_at: now,
        source: Source::Dev,
        transport: Transport::Bus,
        method: Method::POST,
        target: format!("/{}", event.kind),
        headers,
        body,
        meta,
        verdict: None,
        outcome: Outcome::Kept,
    };
    let cause = event.cause.event.map(|seq| (seq, event.cause.depth));
    events::insert(tx, &kept, cause)
}

/// The webhook's body and what can be read from it.
fn wire(event: &NewEvent, now: Timestamp) -> (Bytes, Meta) {
    let time = seconds(now);
    let data = event.data.to_string();
    let body = appengine::encode(&event.kind, &event.org, &time, &data);
    // The data is the last member.
    let end = body.len() - 1;
    let range = end - data.len()..end;
    let subject = event.data.get("sk").and_then(Value::as_str);
    let meta = Meta {
        kind: Some(event.kind.clone()),
        id: None,
        system: Some("appengine".to_owned()),
        org: Some(event.org.clone()),
        subject: subject.map(str::to_owned),
        time: Some(time),
        data: Some(range),
    };
    (body.into(), meta)
}

/// As the platform writes the time in a webhook: whole seconds.
fn seconds(now: Timestamp) -> String {
    let mut time = Timestamp::from_secs(now.secs()).to_string();
    if let Some(point) = time.find('.') {
        time.replace_range(point..time.len() - 1, "");
    }
    time
}

impl Compiled {
    /// Compiles a kept flow; it compiled when it was accepted, so a failure means another version of evt wrote it.
    pub(super) fn of(row: &crate::store::flows::FlowRow) -> Result<Self, FlowError> {
        let document: Value = serde_json::from_str(&row.body).unwrap_or_default();
        Ok(Self {
            id: row.id.clone(),
            version: row.version,
            flow: Arc::new(super::document::compile(&document)?),
            unstarted: Arc::default(),
        })
    }
}
