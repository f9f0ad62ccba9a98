//! One run on its way: takes steps, inside the current commit, until it has to wait for a delivery or is over.

use serde_json::{Map, Value, json};

use super::context::Subject;
use super::document::{Flow, OnError};
use super::engine::Flows;
use super::placeholder::Template;
use super::run::{Record, Run, STEPS, StepStatus, bounded, status};
use super::step::{Does, Next, Step, Target};
use super::trigger::Trigger;
use super::webhook::{Sender, Webhook};
use super::{Cause, World, WorldError};
use crate::store::{StoreError, Tx, jobs};
use crate::time::Timestamp;

/// Records that one step changes at most.
const RECORDS: usize = 1_000;

/// What a walk needs beside the run.
pub(super) struct Walk<'a> {
    pub(super) flows: &'a Flows,
    pub(super) tx: &'a Tx<'a>,
    pub(super) world: &'a dyn World,
    pub(super) flow: &'a Flow,
    pub(super) subject: &'a Subject,
    pub(super) trigger: Option<&'a Trigger>,
    /// Built when the first step asks for them.
    pub(super) variables: Option<Value>,
}

/// How a step went.
enum Took {
    /// It is done; the run goes on there.
    Done(Next),
    /// It waits for a delivery's end.
    Waits,
    Ends,
}

/// Why a step failed: for the run's log, or for everyone.
enum Failure {
    Step(String),
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<WorldError> for Failure {
    fn from(error: WorldError) -> Self {
        match error {
            WorldError::Store(error) => Self::Store(error),
            WorldError::NotFound { .. } | WorldError::Refused { .. } => {
                Self::Step(error.to_string())
            }
        }
    }
}

impl<'a> Walk<'a> {
    /// Goes on with the run until it waits or is over. The caller writes the run.
    pub(super) fn advance(&mut self, run: &mut Run) -> Result<(), StoreError> {
        while run.is_running() {
            let now = Timestamp::now();
            let index = run.next;
            let Some(step) = self.flow.steps.get(index) else {
                run.end(status::COMPLETED, None, now);
                break;
            };
            if run.log.len() >= STEPS {
                let reason = format!("more than {STEPS} steps: the flow's steps lead in a circle");
                run.end(status::FAILED, Some(reason), now);
                break;
            }
            if !self.flows.spend() {
                let reason = "blocked: one event led to more steps than one commit takes; a flow starts others without end";
                run.end(status::BLOCKED, Some(reason.to_owned()), now);
                break;
            }
            let mut record = Record::begin(index, self.flow, now);
            match self.take(step, run, &mut record) {
                Ok(Took::Waits) => {
                    run.log.push(record);
                    break;
                }
                Ok(Took::Done(next)) => {
                    if record.ended.is_none() {
                        record.end(StepStatus::Completed, Timestamp::now());
                    }
                    self.remember(&record);
                    run.log.push(record);
                    run.next = after(index, next);
                }
                Ok(Took::Ends) => {
                    record.end(StepStatus::Completed, now);
                    run.log.push(record);
                    run.end(status::COMPLETED, None, now);
                }
                Err(Failure::Step(reason)) => {
                    record.error = Some(reason);
                    run.log.push(record);
                    self.failed(run, now);
                }
                Err(Failure::Store(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Ends the last record as failed, and the run with it unless the flow goes on after errors.
    pub(super) fn failed(&self, run: &mut Run, now: Timestamp) {
        let Some(record) = run.log.last_mut() else {
            return;
        };
        record.end(StepStatus::Failed, now);
        match self.flow.on_error {
            OnError::Continue => {
                let next = self
                    .flow
                    .steps
                    .get(record.index)
                    .map_or(Next::End, |step| step.next);
                run.next = after(record.index, next);
            }
            OnError::Stop => {
                let reason = record.error.clone().unwrap_or_default();
                let error = format!("step `{}` failed: {reason}", record.step);
                run.end(status::FAILED, Some(error), now);
            }
        }
    }

    fn take(&mut self, step: &Step, run: &Run, record: &mut Record) -> Result<Took, Failure> {
        let now = Timestamp::now();
        if !step.enabled {
            record.end(StepStatus::Skipped, now);
            return Ok(Took::Done(step.next));
        }
        if !step.guard.is_empty() {
            let scope = self.subject.scope(self.variables(run));
            if let Err(explain) = step.guard.check(&scope, now) {
                record.explain = serde_json::to_value(explain).ok();
                if let Does::Decide { otherwise } = step.does {
                    record.output = Some(json!({"result": false}));
                    return Ok(Took::Done(otherwise));
                }
                record.end(StepStatus::Skipped, now);
                return Ok(Took::Done(step.next));
            }
        }
        match &step.does {
            Does::Pass => {}
            Does::End => return Ok(Took::Ends),
            Does::Decide { .. } => record.output = Some(json!({"result": true})),
            Does::Webhook(webhook) => return self.send(webhook, step, run, record),
            Does::Create { datatype, data } => self.create(datatype, data, run, record)?,
            Does::Update { target, updates } => {
                let updates = self.object(updates, run, record)?;
                self.each(target, run, record, |walk, datatype, id| {
                    walk.update(datatype, id, updates.clone())
                })?;
            }
            Does::Delete { target, hard } => {
                self.each(target, run, record, |walk, datatype, id| {
                    walk.delete(datatype, id, *hard)
                })?;
            }
            Does::Tag { add, tags, target } => {
                let tags = self.tags(tags, run, record)?;
                self.each(target, run, record, |walk, datatype, id| {
                    walk.tag(datatype, id, &tags, *add)
                })?;
            }
        }
        Ok(Took::Done(step.next))
    }

    fn create(
        &mut self,
        datatype: &Template,
        data: &Template,
        run: &Run,
        record: &mut Record,
    ) -> Result<(), Failure> {
        let data = self.object(data, run, record)?;
        let datatype = self.text(datatype, run, record);
        record.input = Some(bounded(json!({"datatype": datatype, "data": data})));
        let created = self
            .world
            .create(self.tx, self.org(), &datatype, data, &self.cause())?;
        record.output = Some(bounded(created));
        Ok(())
    }

    fn update(&self, datatype: &str, id: &str, changes: Value) -> Result<Value, WorldError> {
        self.world
            .update(self.tx, self.org(), datatype, id, changes, &self.cause())
    }

    fn delete(&self, datatype: &str, id: &str, hard: bool) -> Result<Value, WorldError> {
        if !hard {
            return self.update(datatype, id, json!({"state": "deleted"}));
        }
        self.world
            .delete(self.tx, self.org(), datatype, id, &self.cause())
    }

    fn send(
        &mut self,
        webhook: &Webhook,
        step: &Step,
        run: &Run,
        record: &mut Record,
    ) -> Result<Took, Failure> {
        if !webhook.is_constant() {
            self.variables(run);
        }
        let options = self.flows.options();
        let sender = Sender {
            run: &run.row.id,
            step: &step.id,
            index: record.index,
            record: u32::try_from(run.log.len()).unwrap_or(u32::MAX),
            visit: run.visits(record.index),
            event: self.subject.seq,
            secret: options.secret.as_ref(),
            is_bare: options.is_bare,
            now: Timestamp::now(),
        };
        let variables = self.variables.as_ref().unwrap_or(&Value::Null);
        let (job, input) = webhook
            .job(&sender, variables, &mut record.warnings)
            .map_err(Failure::Step)?;
        record.input = Some(input);
        record.job = Some(jobs::enqueue(self.tx, &job)?);
        Ok(Took::Waits)
    }

    /// Does `change` to every record of the target, and notes which.
    fn each(
        &mut self,
        target: &Target,
        run: &Run,
        record: &mut Record,
        mut change: impl FnMut(&Self, &str, &str) -> Result<Value, WorldError>,
    ) -> Result<(), Failure> {
        let (datatype, ids) = self.resolve(target, run, record)?;
        record.input = Some(json!({"datatype": datatype, "recordIds": ids}));
        let mut changed = Vec::with_capacity(ids.len());
        for id in &ids {
            changed.push(change(self, &datatype, id)?);
        }
        record.output = Some(bounded(match (changed.len(), changed.pop()) {
            (1, Some(one)) if target.query.is_none() => one,
            (count, _) => json!({"count": count}),
        }));
        Ok(())
    }

    fn resolve(
        &mut self,
        target: &Target,
        run: &Run,
        record: &mut Record,
    ) -> Result<(String, Vec<String>), Failure> {
        let id = target.id.as_ref().map(|id| self.text(id, run, record));
        let named = target.datatype.as_ref();
        let datatype = match (named.map(|name| self.text(name, run, record)), &id) {
            (Some(datatype), _) => datatype,
            // `contact-abc` says what it is.
            (None, Some(id)) => match id.rsplit_once('-') {
                Some((datatype, _)) if !datatype.is_empty() => {
                    datatype.rsplit('/').next().unwrap_or(datatype).to_owned()
                }
                _ => self.subject.datatype().to_owned(),
            },
            (None, None) => self.subject.datatype().to_owned(),
        };
        if let Some(query) = &target.query {
            let query = self.render(query, run, record);
            let ids = self
                .world
                .find(self.tx, self.org(), &datatype, &query, RECORDS)?;
            return Ok((datatype, ids));
        }
        match id.or_else(|| self.subject.record_id()) {
            Some(id) if !id.is_empty() => Ok((datatype, vec![id])),
            _ => Err(Failure::Step(
                "no record is named: `recordId` is empty".to_owned(),
            )),
        }
    }

    fn tag(
        &self,
        datatype: &str,
        id: &str,
        tags: &[String],
        add: bool,
    ) -> Result<Value, WorldError> {
        let Some(model) = self.world.get(self.tx, self.org(), datatype, id)? else {
            return Err(WorldError::NotFound {
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
        // A tag that is there already is no change and raises nothing.
        if after == before {
            return Ok(model);
        }
        self.update(datatype, id, json!({ "tags": after }))
    }

    fn tags(
        &mut self,
        tags: &Template,
        run: &Run,
        record: &mut Record,
    ) -> Result<Vec<String>, Failure> {
        let tags: Vec<String> = match self.render(tags, run, record) {
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
        record: &mut Record,
    ) -> Result<Value, Failure> {
        match self.render(template, run, record) {
            object @ Value::Object(_) => Ok(object),
            _ => Err(Failure::Step(
                "the record's data is not an object".to_owned(),
            )),
        }
    }

    fn text(&mut self, template: &Template, run: &Run, record: &mut Record) -> String {
        match self.render(template, run, record) {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        }
    }

    fn render(&mut self, template: &Template, run: &Run, record: &mut Record) -> Value {
        if template.is_constant() {
            return template.render(&Value::Null, &mut record.warnings);
        }
        template.render(self.variables(run), &mut record.warnings)
    }

    /// The variables, with what earlier steps of the run put out under `steps`.
    fn variables(&mut self, run: &Run) -> &Value {
        self.variables.get_or_insert_with(|| {
            let mut variables = self.subject.variables(self.trigger);
            let mut steps = Map::new();
            for record in &run.log {
                if let Some(output) = &record.output {
                    steps.insert(record.step.clone(), json!({ "output": output }));
                }
            }
            variables["steps"] = Value::Object(steps);
            variables["executionId"] = run.row.id.clone().into();
            variables
        })
    }

    fn remember(&mut self, record: &Record) {
        if let (Some(variables), Some(output)) = (&mut self.variables, &record.output) {
            variables["steps"][&record.step] = json!({ "output": output });
        }
    }

    fn org(&self) -> &'a str {
        &self.subject.event.org
    }

    /// What a change made by this run says about its origin.
    fn cause(&self) -> Cause {
        Cause {
            event: self.subject.seq,
            depth: self.subject.event.cause.depth + 1,
        }
    }
}

/// The position after a step; one beyond the last ends the run.
pub(super) fn after(index: usize, next: Next) -> usize {
    match next {
        Next::Following => index + 1,
        Next::Step(index) => index,
        Next::End => usize::MAX,
    }
}
