//! What users do with runs: cancel, retry, replay.

use super::context::Subject;
use super::engine::{Commit, Flows};
use super::index::Compiled;
use super::run::{Run, StepStatus, status};
use super::{FlowError, RecordStore, manage};
use crate::store::runs::RunRow;
use crate::store::{Tx, queue, waits};

impl Flows {
    /// Cancels a running run and discards the delivery that it waits for.
    ///
    /// # Errors
    /// [`FlowError::NoSuchRun`], [`FlowError::WrongState`] for a run that has ended.
    pub fn cancel(&self, tx: &Tx<'_>, org: &str, run: &str) -> Result<RunRow, FlowError> {
        let mut run = Run::from_row(manage::find_run(tx, org, run)?);
        if !run.is_running() {
            return Err(manage::wrong_state(&run.row, "running"));
        }
        let now = tx.now();
        if let Some(entry) = run.log.last_mut()
            && entry.is_open()
        {
            entry.end(StepStatus::Cancelled, now);
            if let Some(job) = entry.job {
                // A delivery that is being sent right now cannot be discarded. It ends by itself, and the run ignores it.
                let _ = queue::discard(tx, job, now)?;
                waits::remove(tx, job)?;
            }
        }
        run.end(status::CANCELLED, None, now);
        self.store(tx, &mut run)?;
        Ok(run.row)
    }

    /// Continues a failed run at the step that failed, in the flow version that it started with.
    ///
    /// # Errors
    /// [`FlowError::NoSuchRun`], [`FlowError::WrongState`] unless a step of the run failed.
    pub fn retry(
        &self,
        tx: &Tx<'_>,
        records: &dyn RecordStore,
        org: &str,
        run: &str,
    ) -> Result<RunRow, FlowError> {
        let mut run = Run::from_row(manage::find_run(tx, org, run)?);
        let step = match run.log.last() {
            Some(entry)
                if entry.status == StepStatus::Failed && run.row.status == status::FAILED =>
            {
                entry.index
            }
            _ => return Err(manage::wrong_state(&run.row, "failed at a step")),
        };
        let compiled = self
            .index()
            .version(tx, &run.row.flow, run.row.flow_version)?;
        let subject = Subject::load(tx, &run.row)?;
        let (Some(compiled), Some(subject)) = (compiled, subject) else {
            return Err(FlowError::Gone { run: run.row.id });
        };
        run.row.status = status::RUNNING.to_owned();
        run.row.error = None;
        run.row.ended = None;
        run.next = step;
        let _nested = self.enter();
        let mut executor = self.executor(Commit { tx, records }, &compiled, &subject, &mut run);
        // The wait before the step that failed has ended.
        executor.has_waited = true;
        executor.advance()?;
        self.store(tx, &mut run)?;
        Ok(run.row)
    }

    /// Runs the current version of the flow again for the event of a run, and returns the new run's id.
    ///
    /// The trigger's conditions are checked again, unless the run was started by hand.
    ///
    /// # Errors
    /// [`FlowError::NoSuchRun`], [`FlowError::NoSuchFlow`] if the flow has been deleted.
    pub fn replay(
        &self,
        tx: &Tx<'_>,
        records: &dyn RecordStore,
        org: &str,
        run: &str,
    ) -> Result<String, FlowError> {
        let row = manage::find_run(tx, org, run)?;
        let compiled = Compiled::of(&manage::find(tx, org, &row.flow)?)?;
        let Some(subject) = Subject::load(tx, &row)? else {
            return Err(FlowError::Gone { run: row.id });
        };
        let commit = Commit { tx, records };
        match compiled.trigger_of(&row) {
            Some(trigger) if subject.given.is_none() => {
                let _nested = self.enter();
                Ok(self.fire(commit, &compiled, trigger, &subject, "replay")?)
            }
            trigger => {
                let run = Run::begin(&compiled, trigger, &subject, "replay", tx.now());
                Ok(self.run_unconditionally(commit, &compiled, &subject, run)?)
            }
        }
    }
}
