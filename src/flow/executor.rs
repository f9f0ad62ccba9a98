//! Executes the steps of one run, inside the current transaction, until the run ends or waits for a delivery.

use serde_json::{Map, Value, json};

use super::context::Subject;
use super::document::{Flow, OnError};
use super::engine::{Commit, Flows};
use super::placeholder::{Template, TooLarge};
use super::run::{LogEntry, MAX_ENTRIES, Run, StepStatus, bounded, status};
use super::step::{Action, Next, Step, Target};
use super::trigger::Trigger;
use super::webhook::{Sender, Webhook};
use super::{Cause, RecordError};
use crate::store::{StoreError, jobs};
use crate::time::Timestamp;

/// Records that one step changes at most.
const MAX_RECORDS: usize = 1_000;

/// Executes the steps of a run.
pub(super) struct Executor<'a> {
    pub(super) flows: &'a Flows,
    pub(super) commit: Commit<'a>,
    pub(super) flow: &'a Flow,
    pub(super) subject: &'a Subject,
    pub(super) trigger: Option<&'a Trigger>,
    /// The last entry of its log is the step that is being executed.
    pub(super) run: &'a mut Run,
    /// The wait before the next step is over.
    pub(super) has_waited: bool,
    /// Built when the first step needs them.
    pub(super) variables: Option<Value>,
}

/// What the run does after a step.
enum Outcome {
    Continue(Next),
    /// Wait until the step's delivery is settled.
    Wait,
    End,
}

/// Why a step failed.
enum Failure {
    /// A reason for the run's log.
    Step(String),
    /// An error of the store, which rolls back the transaction.
    Store(StoreError),
}

impl From<TooLarge> for Failure {
    fn from(error: TooLarge) -> Self {
        Self::Step(error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Store(error) => Self::Store(error),
            RecordError::NotFound { .. } | RecordError::Refused { .. } => {
                Self::Step(error.to_string())
            }
        }
    }
}

impl<'a> Executor<'a> {
    /// Executes steps until the run ends or waits. The caller writes the run to the store.
    pub(super) fn advance(&mut self) -> Result<(), StoreError> {
        let flow = self.flow;
        while self.run.is_running() {
            let now = self.commit.tx.now();
            let index = self.run.next;
            let Some(step) = flow.steps.get(index) else {
                self.run.end(status::COMPLETED, None, now);
                break;
            };
            if self.run.log.len() >= MAX_ENTRIES {
                let reason = format!("more than {MAX_ENTRIES} steps: the flow's steps form a loop");
                self.run.end(status::FAILED, Some(reason), now);
                break;
            }
            if !self.flows.count_step() {
                let reason =
                    "blocked: one event led to too many steps; flows start each other in a loop";
                self.run.end(status::BLOCKED, Some(reason.to_owned()), now);
                break;
            }
            self.run.log.push(LogEntry::begin(index, flow, now));
            if let Some(delay) = step.delay
                && step.enabled
                && !std::mem::take(&mut self.has_waited)
            {
                let entry = self.entry();
                entry.is_delay = true;
                entry.kind = "delay".to_owned();
                self.wait_until(now.plus(delay))?;
                break;
            }
            self.has_waited = false;
            match self.execute(step) {
                Ok(Outcome::Wait) => break,
                Ok(Outcome::Continue(next)) => {
                    let ended = self.commit.tx.now();
                    let entry = self.entry();
                    if entry.ended.is_none() {
                        entry.end(StepStatus::Completed, ended);
                    }
                    self.add_output();
                    self.run.next = after(index, next);
                }
                Ok(Outcome::End) => {
                    self.entry().end(StepStatus::Completed, now);
                    self.run.end(status::COMPLETED, None, now);
                }
                Err(Failure::Step(reason)) => {
                    self.entry().error = Some(reason);
                    self.fail(now);
                }
                Err(Failure::Store(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Marks the last log entry as failed. Ends the run too, unless the flow continues after errors.
    pub(super) fn fail(&mut self, now: Timestamp) {
        let Some(entry) = self.run.log.last_mut() else {
            return;
        };
        entry.end(StepStatus::Failed, now);
        match self.flow.on_error {
            OnError::Continue => {
                let step = self.flow.steps.get(entry.index);
                let next = step.map_or(Next::End, |step| step.next);
                self.run.next = after(entry.index, next);
            }
            OnError::Stop => {
                let reason = entry.error.clone().unwrap_or_default();
                let error = format!("step `{}` failed: {reason}", entry.step);
                self.run.end(status::FAILED, Some(error), now);
            }
        }
    }

    fn execute(&mut self, step: &Step) -> Result<Outcome, Failure> {
        let now = self.commit.tx.now();
        if !step.enabled {
            self.entry().end(StepStatus::Skipped, now);
            return Ok(Outcome::Continue(step.next));
        }
        if !step.guard.is_empty() {
            let subject = self.subject;
            let scope = subject.scope(self.variables());
            if let Err(finding) = step.guard.check(&scope, now) {
                let entry = self.entry();
                entry.explain = serde_json::to_value(finding).ok();
                if let Action::Decide { otherwise } = step.action {
                    entry.output = Some(json!({"result": false}));
                    return Ok(Outcome::Continue(otherwise));
                }
                entry.end(StepStatus::Skipped, now);
                return Ok(Outcome::Continue(step.next));
            }
        }
        match &step.action {
            Action::Pass => {}
            Action::End => return Ok(Outcome::End),
            Action::Decide { .. } => self.entry().output = Some(json!({"result": true})),
            Action::Webhook(webhook) => return self.send(webhook, step),
            Action::Notify(notify) => {
                if self.notify(notify)?.map_err(Failure::Step)? {
                    return Ok(Outcome::Wait);
                }
            }
            Action::Wait(wait) => {
                self.wait(wait)?.map_err(Failure::Step)?;
                return Ok(Outcome::Wait);
            }
            Action::Create { datatype, data } => self.create(datatype, data)?,
            Action::Update { target, updates } => {
                let updates = self.object(updates)?;
                self.for_each(target, |executor, datatype, id| {
                    executor.update(datatype, id, updates.clone())
                })?;
            }
            Action::Delete { target, hard } => {
                self.for_each(target, |executor, datatype, id| {
                    executor.delete(datatype, id, *hard)
                })?;
            }
            Action::Tag { add, tags, target } => {
                let tags = self.tags(tags)?;
                self.for_each(target, |executor, datatype, id| {
                    executor.tag(datatype, id, &tags, *add)
                })?;
            }
        }
        Ok(Outcome::Continue(step.next))
    }

    /// The log entry of the current step.
    pub(super) fn entry(&mut self) -> &mut LogEntry {
        let entry = self.run.log.last_mut();
        entry.expect("`advance` adds an entry before it executes a step")
    }

    fn create(&mut self, datatype: &Template, data: &Template) -> Result<(), Failure> {
        let data = self.object(data)?;
        let datatype = self.text(datatype)?;
        self.entry().input = Some(bounded(json!({"datatype": datatype, "data": data})));
        let Commit { tx, records } = self.commit;
        let created = records.create(tx, self.org(), &datatype, data, &self.cause())?;
        self.entry().output = Some(bounded(created));
        Ok(())
    }

    fn update(&self, datatype: &str, id: &str, changes: Value) -> Result<Value, RecordError> {
        let Commit { tx, records } = self.commit;
        records.update(tx, self.org(), datatype, id, changes, &self.cause())
    }

    fn delete(&self, datatype: &str, id: &str, hard: bool) -> Result<Value, RecordError> {
        if !hard {
            return self.update(datatype, id, json!({"state": "deleted"}));
        }
        let Commit { tx, records } = self.commit;
        records.delete(tx, self.org(), datatype, id, &self.cause())
    }

    fn send(&mut self, webhook: &Webhook, step: &Step) -> Result<Outcome, Failure> {
        if !webhook.is_constant() {
            self.variables();
        }
        let options = self.flows.options();
        let index = self.entry().index;
        let sender = Sender {
            run: &self.run.row.id,
            step: &step.id,
            index,
            entry: u32::try_from(self.run.log.len() - 1).unwrap_or(u32::MAX),
            visit: self.run.visits(index),
            event: self.subject.seq,
            depth: self.subject.event.cause.depth,
            secret: options.secret.as_ref(),
            is_bare: options.is_bare,
            user_agent: self.flows.format().user_agent(),
            now: self.commit.tx.now(),
        };
        let variables = self.variables.as_ref().unwrap_or(&Value::Null);
        let mut warnings = Vec::new();
        let job = webhook.job(&sender, variables, &mut warnings);
        self.entry().warnings = warnings;
        let (job, input) = job.map_err(Failure::Step)?;
        self.entry().input = Some(input);
        self.entry().job = Some(jobs::enqueue(self.commit.tx, &job)?);
        Ok(Outcome::Wait)
    }

    /// Applies `change` to every record of the target, and logs their ids.
    fn for_each(
        &mut self,
        target: &Target,
        mut change: impl FnMut(&Self, &str, &str) -> Result<Value, RecordError>,
    ) -> Result<(), Failure> {
        let (datatype, ids) = self.resolve(target)?;
        self.entry().input = Some(json!({"datatype": datatype, "recordIds": ids}));
        let mut changed = Vec::with_capacity(ids.len());
        for id in &ids {
            changed.push(change(self, &datatype, id)?);
        }
        self.entry().output = Some(bounded(match (changed.len(), changed.pop()) {
            (1, Some(one)) if target.query.is_none() => one,
            (count, _) => json!({"count": count}),
        }));
        Ok(())
    }

    fn resolve(&mut self, target: &Target) -> Result<(String, Vec<String>), Failure> {
        let id = target.id.as_ref().map(|id| self.text(id)).transpose()?;
        let named = target.datatype.as_ref();
        let datatype = match (named.map(|name| self.text(name)).transpose()?, &id) {
            (Some(datatype), _) => datatype,
            // An id such as `contact-abc` contains its datatype.
            (None, Some(id)) => match id.rsplit_once('-') {
                Some((datatype, _)) if !datatype.is_empty() => {
                    datatype.rsplit('/').next().unwrap_or(datatype).to_owned()
                }
                _ => self.subject.datatype().to_owned(),
            },
            (None, None) => self.subject.datatype().to_owned(),
        };
        if let Some(query) = &target.query {
            let query = self.render(query)?;
            let Commit { tx, records } = self.commit;
            let ids = records.find(tx, self.org(), &datatype, &query, MAX_RECORDS)?;
            return Ok((datatype, ids));
        }
        match id.or_else(|| self.subject.record_id()) {
            Some(id) if !id.is_empty() => Ok((datatype, vec![id])),
            _ => Err(Failure::Step("`recordId` is empty".to_owned())),
        }
    }

    fn tag(
        &self,
        datatype: &str,
        id: &str,
        tags: &[String],
        add: bool,
    ) -> Result<Value, RecordError> {
        let Commit { tx, records } = self.commit;
        let Some(model) = records.get(tx, self.org(), datatype, id)? else {
            return Err(RecordError::NotFound {
                datatype: datatype.to_owned(),
                id: id.to_owned(),
            });
        };
        let before = model["data"]["tags"].as_array();
        let before = before.cloned().unwrap_or_default();
        let mut after = before.clone();
        for tag in tags {
            let tag = Value::from(tag.as_str());
            if add && !after.contains(&tag) {
                after.push(tag);
            } else if !add {
                after.retain(|one| *one != tag);
            }
        }
        // Adding a tag that the record already has is not a change: it raises no event.
        if after == before {
            return Ok(model);
        }
        self.update(datatype, id, json!({ "tags": after }))
    }

    fn tags(&mut self, tags: &Template) -> Result<Vec<String>, Failure> {
        let tags: Vec<String> = match self.render(tags)? {
            Value::String(tag) => vec![tag],
            Value::Array(tags) => tags
                .iter()
                .filter_map(|tag| tag.as_str().map(str::to_owned))
                .collect(),
            _ => Vec::new(),
        };
        if tags.iter().all(|tag| tag.trim().is_empty()) {
            return Err(Failure::Step("the tag is empty".to_owned()));
        }
        Ok(tags)
    }

    fn object(&mut self, template: &Template) -> Result<Value, Failure> {
        match self.render(template)? {
            object @ Value::Object(_) => Ok(object),
            _ => Err(Failure::Step(
                "the record's data is not an object".to_owned(),
            )),
        }
    }

    fn text(&mut self, template: &Template) -> Result<String, TooLarge> {
        Ok(match self.render(template)? {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        })
    }

    pub(super) fn render(&mut self, template: &Template) -> Result<Value, TooLarge> {
        let mut warnings = std::mem::take(&mut self.entry().warnings);
        let value = match template.is_constant() {
            true => template.render(&Value::Null, &mut warnings),
            false => template.render(self.variables(), &mut warnings),
        };
        self.entry().warnings = warnings;
        value
    }

    /// The variables, with the outputs of earlier steps under `steps`.
    pub(super) fn variables(&mut self) -> &Value {
        self.variables.get_or_insert_with(|| {
            let mut variables = self.subject.variables(self.trigger);
            let mut steps = Map::new();
            for entry in &self.run.log {
                if let Some(output) = &entry.output {
                    steps.insert(entry.step.clone(), json!({ "output": output }));
                }
            }
            variables["steps"] = Value::Object(steps);
            variables["executionId"] = self.run.row.id.clone().into();
            variables
        })
    }

    /// Adds the output of the last step to the variables.
    fn add_output(&mut self) {
        if let (Some(variables), Some(entry)) = (&mut self.variables, self.run.log.last())
            && let Some(output) = &entry.output
        {
            variables["steps"][&entry.step] = json!({ "output": output });
        }
    }

    fn org(&self) -> &'a str {
        &self.subject.event.org
    }

    /// The cause of the events that this run's changes raise.
    fn cause(&self) -> Cause {
        Cause {
            event: self.subject.seq,
            depth: self.subject.event.cause.depth + 1,
        }
    }
}

/// The index of the next step. An index beyond the last step ends the run.
pub(super) fn after(index: usize, next: Next) -> usize {
    match next {
        Next::Following => index + 1,
        Next::Step(index) => index,
        Next::End => usize::MAX,
    }
}
