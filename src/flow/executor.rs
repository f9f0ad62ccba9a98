//! Executes the steps of one run, inside the current transaction, until the run ends or waits for a delivery.

use serde_json::{Map, Value, json};

use super::context::Subject;
use super::document::{Flow, OnError};
use super::engine::Flows;
use super::placeholder::Template;
use super::run::{LogEntry, MAX_ENTRIES, Run, StepStatus, bounded, status};
use super::step::{Action, Next, Step, Target};
use super::trigger::Trigger;
use super::webhook::{Sender, Webhook};
use super::{Cause, RecordError, RecordStore};
use crate::store::{StoreError, Tx, jobs};
use crate::time::Timestamp;

/// Records that one step changes at most.
const MAX_RECORDS: usize = 1_000;

/// Executes the steps of a run.
pub(super) struct Executor<'a> {
    pub(super) flows: &'a Flows,
    pub(super) tx: &'a Tx<'a>,
    pub(super) records: &'a dyn RecordStore,
    pub(super) flow: &'a Flow,
    pub(super) subject: &'a Subject,
    pub(super) trigger: Option<&'a Trigger>,
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
    pub(super) fn advance(&mut self, run: &mut Run) -> Result<(), StoreError> {
        while run.is_running() {
            let now = Timestamp::now();
            let index = run.next;
            let Some(step) = self.flow.steps.get(index) else {
                run.end(status::COMPLETED, None, now);
                break;
            };
            if run.log.len() >= MAX_ENTRIES {
                let reason = format!("more than {MAX_ENTRIES} steps: the flow's steps form a loop");
                run.end(status::FAILED, Some(reason), now);
                break;
            }
            if !self.flows.count_step() {
                let reason =
                    "blocked: one event led to too many steps; flows start each other in a loop";
                run.end(status::BLOCKED, Some(reason.to_owned()), now);
                break;
            }
            let mut entry = LogEntry::begin(index, self.flow, now);
            match self.execute(step, run, &mut entry) {
                Ok(Outcome::Wait) => {
                    run.log.push(entry);
                    break;
                }
                Ok(Outcome::Continue(next)) => {
                    if entry.ended.is_none() {
                        entry.end(StepStatus::Completed, Timestamp::now());
                    }
                    self.add_output(&entry);
                    run.log.push(entry);
                    run.next = after(index, next);
                }
                Ok(Outcome::End) => {
                    entry.end(StepStatus::Completed, now);
                    run.log.push(entry);
                    run.end(status::COMPLETED, None, now);
                }
                Err(Failure::Step(reason)) => {
                    entry.error = Some(reason);
                    run.log.push(entry);
                    self.fail(run, now);
                }
                Err(Failure::Store(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Marks the last log entry as failed. Ends the run too, unless the flow continues after errors.
    pub(super) fn fail(&self, run: &mut Run, now: Timestamp) {
        let Some(entry) = run.log.last_mut() else {
            return;
        };
        entry.end(StepStatus::Failed, now);
        match self.flow.on_error {
            OnError::Continue => {
                let next = self
                    .flow
                    .steps
                    .get(entry.index)
                    .map_or(Next::End, |step| step.next);
                run.next = after(entry.index, next);
            }
            OnError::Stop => {
                let reason = entry.error.clone().unwrap_or_default();
                let error = format!("step `{}` failed: {reason}", entry.step);
                run.end(status::FAILED, Some(error), now);
            }
        }
    }

    fn execute(
        &mut self,
        step: &Step,
        run: &Run,
        entry: &mut LogEntry,
    ) -> Result<Outcome, Failure> {
        let now = Timestamp::now();
        if !step.enabled {
            entry.end(StepStatus::Skipped, now);
            return Ok(Outcome::Continue(step.next));
        }
        if !step.guard.is_empty() {
            let scope = self.subject.scope(self.variables(run));
            if let Err(explain) = step.guard.check(&scope, now) {
                entry.explain = serde_json::to_value(explain).ok();
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
            Action::Decide { .. } => entry.output = Some(json!({"result": true})),
            Action::Webhook(webhook) => return self.send(webhook, step, run, entry),
            Action::Create { datatype, data } => self.create(datatype, data, run, entry)?,
            Action::Update { target, updates } => {
                let updates = self.object(updates, run, entry)?;
                self.for_each(target, run, entry, |executor, datatype, id| {
                    executor.update(datatype, id, updates.clone())
                })?;
            }
            Action::Delete { target, hard } => {
                self.for_each(target, run, entry, |executor, datatype, id| {
                    executor.delete(datatype, id, *hard)
                })?;
            }
            Action::Tag { add, tags, target } => {
                let tags = self.tags(tags, run, entry)?;
                self.for_each(target, run, entry, |executor, datatype, id| {
                    executor.tag(datatype, id, &tags, *add)
                })?;
            }
        }
        Ok(Outcome::Continue(step.next))
    }

    fn create(
        &mut self,
        datatype: &Template,
        data: &Template,
        run: &Run,
        entry: &mut LogEntry,
    ) -> Result<(), Failure> {
        let data = self.object(data, run, entry)?;
        let datatype = self.text(datatype, run, entry);
        entry.input = Some(bounded(json!({"datatype": datatype, "data": data})));
        let created = self
            .records
            .create(self.tx, self.org(), &datatype, data, &self.cause())?;
        entry.output = Some(bounded(created));
        Ok(())
    }

    fn update(&self, datatype: &str, id: &str, changes: Value) -> Result<Value, RecordError> {
        self.records
            .update(self.tx, self.org(), datatype, id, changes, &self.cause())
    }

    fn delete(&self, datatype: &str, id: &str, hard: bool) -> Result<Value, RecordError> {
        if !hard {
            return self.update(datatype, id, json!({"state": "deleted"}));
        }
        self.records
            .delete(self.tx, self.org(), datatype, id, &self.cause())
    }

    fn send(
        &mut self,
        webhook: &Webhook,
        step: &Step,
        run: &Run,
        entry: &mut LogEntry,
    ) -> Result<Outcome, Failure> {
        if !webhook.is_constant() {
            self.variables(run);
        }
        let options = self.flows.options();
        let sender = Sender {
            run: &run.row.id,
            step: &step.id,
            index: entry.index,
            entry: u32::try_from(run.log.len()).unwrap_or(u32::MAX),
            visit: run.visits(entry.index),
            event: self.subject.seq,
            secret: options.secret.as_ref(),
            is_bare: options.is_bare,
            user_agent: self.flows.format().user_agent(),
            now: Timestamp::now(),
        };
        let variables = self.variables.as_ref().unwrap_or(&Value::Null);
        let (job, input) = webhook
            .job(&sender, variables, &mut entry.warnings)
            .map_err(Failure::Step)?;
        entry.input = Some(input);
        entry.job = Some(jobs::enqueue(self.tx, &job)?);
        Ok(Outcome::Wait)
    }

    /// Applies `change` to every record of the target, and logs their ids.
    fn for_each(
        &mut self,
        target: &Target,
        run: &Run,
        entry: &mut LogEntry,
        mut change: impl FnMut(&Self, &str, &str) -> Result<Value, RecordError>,
    ) -> Result<(), Failure> {
        let (datatype, ids) = self.resolve(target, run, entry)?;
        entry.input = Some(json!({"datatype": datatype, "recordIds": ids}));
        let mut changed = Vec::with_capacity(ids.len());
        for id in &ids {
            changed.push(change(self, &datatype, id)?);
        }
        entry.output = Some(bounded(match (changed.len(), changed.pop()) {
            (1, Some(one)) if target.query.is_none() => one,
            (count, _) => json!({"count": count}),
        }));
        Ok(())
    }

    fn resolve(
        &mut self,
        target: &Target,
        run: &Run,
        entry: &mut LogEntry,
    ) -> Result<(String, Vec<String>), Failure> {
        let id = target.id.as_ref().map(|id| self.text(id, run, entry));
        let named = target.datatype.as_ref();
        let datatype = match (named.map(|name| self.text(name, run, entry)), &id) {
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
            let query = self.render(query, run, entry);
            let ids = self
                .records
                .find(self.tx, self.org(), &datatype, &query, MAX_RECORDS)?;
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
        let Some(model) = self.records.get(self.tx, self.org(), datatype, id)? else {
            return Err(RecordError::NotFound {
                datatype: datatype.to_owned(),
                id: id.to_owned(),
            });
        };
        let before = model["data"]["tags"]
            .as_array()
            .cloned()
            .unwrap_or_default();
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

    fn tags(
        &mut self,
        tags: &Template,
        run: &Run,
        entry: &mut LogEntry,
    ) -> Result<Vec<String>, Failure> {
        let tags: Vec<String> = match self.render(tags, run, entry) {
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

    fn object(
        &mut self,
        template: &Template,
        run: &Run,
        entry: &mut LogEntry,
    ) -> Result<Value, Failure> {
        match self.render(template, run, entry) {
            object @ Value::Object(_) => Ok(object),
            _ => Err(Failure::Step(
                "the record's data is not an object".to_owned(),
            )),
        }
    }

    fn text(&mut self, template: &Template, run: &Run, entry: &mut LogEntry) -> String {
        match self.render(template, run, entry) {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        }
    }

    fn render(&mut self, template: &Template, run: &Run, entry: &mut LogEntry) -> Value {
        if template.is_constant() {
            return template.render(&Value::Null, &mut entry.warnings);
        }
        template.render(self.variables(run), &mut entry.warnings)
    }

    /// The variables, with the outputs of earlier steps under `steps`.
    fn variables(&mut self, run: &Run) -> &Value {
        self.variables.get_or_insert_with(|| {
            let mut variables = self.subject.variables(self.trigger);
            let mut steps = Map::new();
            for entry in &run.log {
                if let Some(output) = &entry.output {
                    steps.insert(entry.step.clone(), json!({ "output": output }));
                }
            }
            variables["steps"] = Value::Object(steps);
            variables["executionId"] = run.row.id.clone().into();
            variables
        })
    }

    fn add_output(&mut self, entry: &LogEntry) {
        if let (Some(variables), Some(output)) = (&mut self.variables, &entry.output) {
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
