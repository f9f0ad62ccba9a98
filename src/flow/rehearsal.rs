//! Runs a flow against an event without any effect: the transaction's changes are rolled back.

use std::convert::Infallible;

use serde::Serialize;
use serde_json::{Value, json};

use super::context::{Subject, record_of};
use super::engine::{Commit, Flows};
use super::index::Compiled;
use super::run::{Run, StepStatus, status};
use super::trigger::SCHEDULED;
use super::why::{self, About, Verdict};
use super::{Cause, FlowError, NewEvent, RecordStore, manage, wait};
use crate::catalogue;
use crate::event::{PlatformRef, Seq};
use crate::store::{StoreError, Tx, events, flows, runs};

/// Events and flows that a step would lead to, at most.
const MAX_EFFECTS: i64 = 100;

/// The event of a rehearsal.
#[derive(Clone, Debug)]
pub enum Given {
    Stored(Seq),
    /// The event of the run with this id.
    Run(String),
    /// An event (`{event, data, before}`, or `type` for `event`), or a record, for the event of the flow's first trigger.
    New(Value),
}

/// What a flow would do with an event.
#[derive(Debug, Serialize)]
pub struct Rehearsal {
    pub event: About,
    pub flow: Verdict,
    /// The run, as the API shows it. Each step that waits has `assumed`. `None` if the flow would not start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Value>,
    /// The events that the steps would raise, and the flows that they would start.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Effect>,
}

#[derive(Debug, Serialize)]
pub struct Effect {
    pub event: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Names of flows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub starts: Vec<String>,
}

impl Flows {
    /// Runs a flow against an event, and undoes everything. Deliveries are assumed to succeed, and waits to end.
    ///
    /// A disabled flow runs, too.
    ///
    /// # Errors
    /// [`FlowError::NoSuchFlow`], [`FlowError::NoSuchEvent`], [`FlowError::NoSuchRun`], [`FlowError::UnknownEvent`] and [`FlowError::Document`] if a stored flow does not compile.
    pub fn rehearse(
        &self,
        tx: &Tx<'_>,
        records: &dyn RecordStore,
        org: &str,
        flow: &str,
        given: Given,
    ) -> Result<Rehearsal, FlowError> {
        let commit = Commit { tx, records };
        // Only an error rolls back.
        let op = || Err::<Infallible, _>(Box::new(self.rehearse_in(commit, org, flow, given)));
        match tx.attempt(op)? {
            Ok(never) => match never {},
            Err(result) => *result,
        }
    }

    fn rehearse_in(
        &self,
        commit: Commit<'_>,
        org: &str,
        flow: &str,
        given: Given,
    ) -> Result<Rehearsal, FlowError> {
        let row = manage::find(commit.tx, org, flow)?;
        let compiled = Compiled::of(&row)?;
        let subject = self.subject_of(commit, &compiled, org, given)?;
        let is_scheduled = subject.event.kind == SCHEDULED;
        let started = compiled.flow.triggers.iter().filter(|_| is_scheduled);
        let started: Vec<&str> = started.map(|trigger| trigger.id.as_str()).collect();
        let checks = why::checks(&compiled.flow, row.enabled, &subject, &started);
        let is_loop = subject.event.cause.depth > compiled.flow.max_depth;
        let trigger = compiled.flow.triggers.iter().find(|trigger| {
            why::explain(trigger, &subject, started.contains(&trigger.id.as_str())).held
        });
        let (outcome, reason) = match trigger {
            None => (status::SKIPPED, Some(reason(&checks))),
            Some(_) if is_loop => (status::BLOCKED, Some(reason(&checks))),
            Some(_) if !row.enabled => ("disabled", Some("the flow is disabled".to_owned())),
            Some(_) => ("would_start", None),
        };
        let verdict = Verdict {
            outcome: outcome.to_owned(),
            reason,
            checks,
            ..Verdict::new(&row)
        };
        let before = events::last_given(commit.tx)?;
        let run = match trigger {
            Some(trigger) if !is_loop => {
                let mut run =
                    Run::begin(&compiled, Some(trigger), &subject, "test", commit.tx.now());
                Some(self.rehearse_run(commit, &compiled, &subject, &mut run)?)
            }
            _ => None,
        };
        Ok(Rehearsal {
            event: About::of(&subject),
            flow: verdict,
            run,
            effects: effects(commit.tx, before)?,
        })
    }

    fn subject_of(
        &self,
        commit: Commit<'_>,
        compiled: &Compiled,
        org: &str,
        given: Given,
    ) -> Result<Subject, FlowError> {
        let tx = commit.tx;
        let seq = match given {
            Given::Stored(seq) => seq,
            Given::Run(id) => match runs::get(tx, &id)? {
                Some(row) => row.event.ok_or(FlowError::Gone { run: id })?,
                None => return Err(FlowError::NoSuchRun { id }),
            },
            Given::New(value) => {
                let event = new_event(compiled, org, value)?;
                let now = tx.now();
                let seq = Some(self.insert(tx, &event, now)?);
                return Ok(Subject {
                    event,
                    seq,
                    time: now,
                    given: None,
                });
            }
        };
        let event = events::get(tx, seq)?.ok_or_else(|| FlowError::NoSuchEvent {
            reference: PlatformRef(seq).to_string(),
        })?;
        let runs = runs::of_event(tx, seq, 100)?;
        Ok(why::subject_of(tx, &event, seq, &runs)?)
    }

    /// Executes all steps, and returns the run as the API shows it.
    fn rehearse_run(
        &self,
        commit: Commit<'_>,
        compiled: &Compiled,
        subject: &Subject,
        run: &mut Run,
    ) -> Result<Value, StoreError> {
        let _nested = self.enter();
        self.advance(commit, compiled, subject, run)?;
        let mut assumed = Vec::new();
        while run.is_running() {
            let index = run.log.len().saturating_sub(1);
            let Some(entry) = run.log.get_mut(index) else {
                break;
            };
            let is_for_event = entry
                .input
                .as_ref()
                .is_some_and(|input| input.get("events").is_some());
            let text = match entry.status {
                StepStatus::Waiting if is_for_event && !entry.is_delay => {
                    entry.output = Some(wait::timed_out());
                    "no such event until the timeout"
                }
                StepStatus::Waiting => "the time has come",
                StepStatus::Running => {
                    entry.output = Some(json!({ "status": 200 }));
                    "the target answers with 200"
                }
                _ => break,
            };
            entry.end(StepStatus::Completed, commit.tx.now());
            assumed.push((index, text));
            self.continue_after(commit, run, index)?;
        }
        let row = run.updated_row().clone();
        let mut view = super::view_with_attempts(commit.tx, &row, Some(&compiled.flow.name))?;
        let steps = view.get_mut("steps").and_then(Value::as_array_mut);
        for (index, step) in steps.into_iter().flatten().enumerate() {
            if let Some(fields) = step.as_object_mut() {
                // Neither the job nor an attempt exists after the rollback.
                fields.shift_remove("job");
                fields.shift_remove("attempts");
                if let Some((_, text)) = assumed.iter().find(|(of, _)| *of == index) {
                    fields.insert("assumed".to_owned(), (*text).into());
                }
            }
        }
        Ok(view)
    }
}

fn reason(checks: &[crate::condition::Finding]) -> String {
    let reasons = checks.iter().skip(1).map(crate::condition::Finding::reason);
    let reasons: Vec<String> = reasons.filter(|reason| !reason.is_empty()).collect();
    reasons.join("; ")
}

fn new_event(compiled: &Compiled, org: &str, mut value: Value) -> Result<NewEvent, FlowError> {
    let trigger = compiled.flow.triggers.first();
    let is_record = value.get("datatype").is_some_and(Value::is_string);
    let named = ["event", "type"]
        .iter()
        .find_map(|key| value.get(*key)?.as_str().map(str::to_owned));
    let has_data = value.get("data").is_some_and(Value::is_object);
    let (kind, data, before) = match named {
        Some(name) if has_data && !is_record => {
            let before = Some(value["before"].take()).filter(|before| !before.is_null());
            (name, value["data"].take(), before)
        }
        _ => {
            let kind = trigger.map_or_else(|| "manual".to_owned(), super::trigger::Trigger::event);
            (kind, value, None)
        }
    };
    let known = catalogue::find_event(&kind).map_err(|source| FlowError::UnknownEvent {
        message: source.to_string(),
    })?;
    Ok(NewEvent {
        org: org.to_owned(),
        data: record_of(&data, None, known.datatype),
        kind: known.name.to_owned(),
        before,
        cause: Cause::default(),
    })
}

/// The events after `before`, and the flows that each started.
fn effects(tx: &Tx<'_>, before: Seq) -> Result<Vec<Effect>, StoreError> {
    let mut effects = Vec::new();
    for step in 1..=MAX_EFFECTS {
        let Some(event) = events::get(tx, Seq(before.0 + step))? else {
            break;
        };
        let mut starts = Vec::new();
        for run in runs::of_event(tx, Seq(before.0 + step), 100)? {
            if let Some(flow) = flows::get(tx, &run.org, &run.flow)?
                && ![status::SKIPPED, status::BLOCKED].contains(&run.status.as_str())
            {
                starts.push(flow.name);
            }
        }
        effects.push(Effect {
            event: event.meta.kind.unwrap_or_default(),
            subject: event.meta.subject,
            starts,
        });
    }
    Ok(effects)
}
