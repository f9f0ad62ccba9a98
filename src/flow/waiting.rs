//! Runs that wait: a job of the queue `automation` ends each wait at its time, and an event may end it earlier.

use serde_json::{Value, json};

use super::backlog::START;
use super::context::Subject;
use super::engine::{Commit, Flows};
use super::executor::Executor;
use super::placeholder::Template;
use super::run::{LogEntry, Run, StepStatus};
use super::wait::{self, Awaited, Wait};
use super::{NewEvent, RecordStore};
use crate::event::Seq;
use crate::store::waits::{self, Waiting};
use crate::store::work::{self, NewWork, Work};
use crate::store::{StoreError, Tx, queue, runs};
use crate::time::Timestamp;

/// The queue of the jobs that continue runs.
pub const AUTOMATION: &str = "automation";
/// The name of those jobs.
const RESUME: &str = "resume";

impl Executor<'_> {
    /// Lets the run wait. `Err` is the reason why the step fails.
    pub(super) fn wait(&mut self, wait: &Wait) -> Result<Result<(), String>, StoreError> {
        let now = self.commit.tx.now();
        let until = match wait {
            Wait::For(span) => now.plus(*span),
            Wait::Until(time) => match self.time(time) {
                Ok(until) => until,
                Err(reason) => return Ok(Err(reason)),
            },
            Wait::Event(awaited) => now.plus(awaited.timeout),
        };
        let job = self.wait_until(until)?;
        if let Wait::Event(awaited) = wait {
            return self.wait_for(awaited, job);
        }
        Ok(Ok(()))
    }

    /// The time that a template renders to. `Err` is the reason why the step fails.
    pub(super) fn time(&mut self, template: &Template) -> Result<Timestamp, String> {
        wait::until(&self.render(template)?)
    }

    fn wait_for(&mut self, awaited: &Awaited, job: i64) -> Result<Result<(), String>, StoreError> {
        let subjects = wait::subjects(&self.subject.event.data);
        if subjects.is_empty() {
            let reason =
                "the event of this run names no record, contact or e-mail address to wait for";
            return Ok(Err(reason.to_owned()));
        }
        self.entry().input = Some(json!({"events": awaited.events, "subjects": subjects}));
        let org = &self.subject.event.org;
        waits::insert(self.commit.tx, job, org, &awaited.events, &subjects)?;
        Ok(Ok(()))
    }

    /// Adds the job that ends the wait of the current log entry, and returns its id.
    pub(super) fn wait_until(&mut self, until: Timestamp) -> Result<i64, StoreError> {
        let entry = u32::try_from(self.run.log.len() - 1).unwrap_or(u32::MAX);
        let job = NewWork {
            step: Some((self.run.row.id.clone(), entry)),
            event: self.subject.seq,
            ..NewWork::new(AUTOMATION, RESUME, "{}".to_owned(), until)
        };
        let job = work::enqueue(self.commit.tx, &job)?;
        let entry = self.entry();
        entry.job = Some(job);
        entry.until = Some(until.millis());
        entry.status = StepStatus::Waiting;
        Ok(job)
    }
}

impl Flows {
    /// Continues the run whose wait has reached its time, in the commit that ends the job.
    pub fn woken(
        &self,
        tx: &Tx<'_>,
        records: &dyn RecordStore,
        work: &Work,
    ) -> Result<(), StoreError> {
        let Some((run, entry)) = &work.step else {
            return Ok(());
        };
        if work.name == START {
            return self.started(Commit { tx, records }, run);
        }
        waits::remove(tx, work.id)?;
        let Some((mut run, index)) = waiting(tx, run, *entry, work.id)? else {
            return Ok(());
        };
        let entry = &mut run.log[index];
        entry.output = match entry.kind.as_str() {
            // An event that ended the wait while the queue was paused has set the output.
            "wait_for_event" | "wait_for_reply" if !entry.is_delay => {
                entry.output.take().or_else(|| Some(wait::timed_out()))
            }
            _ => None,
        };
        self.end_wait(Commit { tx, records }, &mut run, index)
    }

    /// Continues the run whose step waited for a job that is done, in the commit that ends the job.
    pub fn done(
        &self,
        tx: &Tx<'_>,
        records: &dyn RecordStore,
        work: &Work,
        output: Value,
    ) -> Result<(), StoreError> {
        let Some((run, entry)) = &work.step else {
            return Ok(());
        };
        let Some((mut run, index)) = waiting(tx, run, *entry, work.id)? else {
            return Ok(());
        };
        run.log[index].output = Some(super::run::bounded(output));
        self.end_wait(Commit { tx, records }, &mut run, index)
    }

    /// Continues the runs that wait for this event.
    pub(super) fn received(
        &self,
        commit: Commit<'_>,
        event: &NewEvent,
        seq: Seq,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if !waits::any(commit.tx, &event.org, &event.kind)? {
            return Ok(());
        }
        let subjects = wait::subjects(&event.data);
        let waiting = waits::matching(commit.tx, &event.org, &event.kind, &subjects)?;
        if waiting.is_empty() {
            return Ok(());
        }
        let _nested = self.enter();
        let subject = Subject {
            event: event.clone(),
            seq: Some(seq),
            time: now,
            given: None,
        };
        for one in waiting {
            self.receive(commit, &one, &subject)?;
        }
        Ok(())
    }

    fn receive(
        &self,
        commit: Commit<'_>,
        one: &Waiting,
        received: &Subject,
    ) -> Result<(), StoreError> {
        let Some((mut run, index)) = waiting(commit.tx, &one.run, one.entry, one.job)? else {
            return Ok(());
        };
        let version = run.row.flow_version;
        let compiled = self.index().version(commit.tx, &run.row.flow, version)?;
        let step = compiled
            .as_ref()
            .and_then(|compiled| compiled.flow.steps.get(run.log[index].index));
        let Some(super::step::Action::Wait(Wait::Event(awaited))) = step.map(|step| &step.action)
        else {
            return Ok(());
        };
        if !awaited.guard.is_empty() {
            let scope = received.scope(&received.variables(None));
            if awaited.guard.check(&scope, commit.tx.now()).is_err() {
                return Ok(());
            }
        }
        waits::remove(commit.tx, one.job)?;
        let output = wait::received(&received.event.kind, &received.event.data);
        run.log[index].output = Some(super::run::bounded(output));
        if queue::is_paused(commit.tx, AUTOMATION)? {
            work::make_due(commit.tx, one.job)?;
            return self.store(commit.tx, &mut run);
        }
        work::complete(commit.tx, one.job)?;
        self.end_wait(commit, &mut run, index)
    }

    fn end_wait(&self, commit: Commit<'_>, run: &mut Run, index: usize) -> Result<(), StoreError> {
        let _nested = self.enter();
        run.log[index].end(StepStatus::Completed, commit.tx.now());
        self.continue_after(commit, run, index)?;
        self.store(commit.tx, run)
    }
}

/// The running run whose log entry waits for `job`.
fn waiting(
    tx: &Tx<'_>,
    run: &str,
    entry: u32,
    job: i64,
) -> Result<Option<(Run, usize)>, StoreError> {
    let Some(row) = runs::get(tx, run)? else {
        return Ok(None);
    };
    let run = Run::from_row(row);
    let index = entry as usize;
    let is_waiting = |entry: &LogEntry| entry.job == Some(job) && entry.is_open();
    let is_current = run.is_running() && run.log.get(index).is_some_and(is_waiting);
    Ok(is_current.then_some((run, index)))
}
