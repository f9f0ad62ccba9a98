//! Events and runs that wait because their queue is paused.
//!
//! Usually an event starts its runs in its own commit. While `automation-trigger` is paused, each event that triggers flows is a
//! job; while `automation` is paused, each run that starts is one.

use serde_json::{Value, json};

use super::context::Subject;
use super::engine::{Commit, Flows};
use super::index::Compiled;
use super::run::{Run, status};
use super::waiting::AUTOMATION;
use super::{Cause, NewEvent, RecordStore};
use crate::event::Seq;
use crate::store::work::{self, NewWork, Work};
use crate::store::{StoreError, Tx, queue, runs};

/// The queue of events that start runs.
pub const AUTOMATION_TRIGGER: &str = "automation-trigger";
/// The name of a job that starts the runs of an event.
const EVENT: &str = "event";
/// The name of a job that starts a run.
pub(super) const START: &str = "start";

impl Flows {
    /// Adds a job for an event if its runs must not start now: the queue is paused, or earlier events wait in it.
    pub(super) fn hold_event(
        &self,
        tx: &Tx<'_>,
        event: &NewEvent,
        seq: Seq,
    ) -> Result<bool, StoreError> {
        let queue = AUTOMATION_TRIGGER;
        if !queue::is_paused(tx, queue)? && !work::has_due(tx, queue)? {
            return Ok(false);
        }
        let data = json!({
            "org": event.org,
            "event": event.kind,
            "data": event.data,
            "before": event.before,
            "depth": event.cause.depth,
        });
        let job = NewWork {
            event: Some(seq),
            ..NewWork::new(queue, EVENT, data.to_string(), tx.now())
        };
        work::enqueue(tx, &job)?;
        Ok(true)
    }

    /// Starts the runs of an event that waited in the queue `automation-trigger`, in the commit that ends the job.
    pub fn triggered(
        &self,
        tx: &Tx<'_>,
        records: &dyn RecordStore,
        work: &Work,
    ) -> Result<(), StoreError> {
        let mut held: Value = serde_json::from_str(&work.data).unwrap_or_default();
        let text = |name: &str| held[name].as_str().unwrap_or_default().to_owned();
        let depth = held["depth"]
            .as_u64()
            .and_then(|depth| depth.try_into().ok());
        let event = NewEvent {
            org: text("org"),
            kind: text("event"),
            data: held["data"].take(),
            before: Some(held["before"].take()).filter(|before| !before.is_null()),
            cause: Cause {
                event: None,
                depth: depth.unwrap_or(0),
            },
        };
        let subject = Subject {
            event,
            seq: work.event,
            time: work.run_at,
            given: None,
        };
        let event = &subject.event;
        let matches = self.index().matching(tx, &event.org, &event.kind)?;
        self.fire_all(Commit { tx, records }, &matches, &subject)
    }

    /// Takes the first steps of a run, or adds a job for them while the queue `automation` is paused.
    pub(super) fn start_run(
        &self,
        commit: Commit<'_>,
        compiled: &Compiled,
        subject: &Subject,
        run: &mut Run,
    ) -> Result<(), StoreError> {
        if !queue::is_paused(commit.tx, AUTOMATION)? {
            return self.advance(commit, compiled, subject, run);
        }
        let job = NewWork {
            step: Some((run.row.id.clone(), 0)),
            event: subject.seq,
            ..NewWork::new(AUTOMATION, START, "{}".to_owned(), commit.tx.now())
        };
        work::enqueue(commit.tx, &job)?;
        Ok(())
    }

    /// Takes the first steps of a run that waited in the queue `automation`.
    pub(super) fn started(&self, commit: Commit<'_>, id: &str) -> Result<(), StoreError> {
        let Some(row) = runs::get(commit.tx, id)? else {
            return Ok(());
        };
        let mut run = Run::from_row(row);
        if !run.is_held() {
            return Ok(());
        }
        let _nested = self.enter();
        let version = run.row.flow_version;
        let compiled = self.index().version(commit.tx, &run.row.flow, version)?;
        let subject = Subject::load(commit.tx, &run.row)?;
        match compiled.zip(subject) {
            Some((compiled, subject)) => self.advance(commit, &compiled, &subject, &mut run)?,
            None => {
                let reason = "its flow or its event has been deleted".to_owned();
                run.end(status::FAILED, Some(reason), commit.tx.now());
            }
        }
        self.store(commit.tx, &mut run)
    }
}
