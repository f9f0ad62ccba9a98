//! Flows as people keep them: create, change, enable, delete, find; and what can go wrong with that.

use serde_json::{Map, Value, json};
use thiserror::Error;
use uuid::Uuid;

use super::document::{self, Flow};
use super::engine::Flows;
use super::reader::DocumentError;
use crate::explain::{Exit, Explain, Explanation};
use crate::store::flows::{self, FlowRow};
use crate::store::runs::{self, RunRow};
use crate::store::{Connection, StoreError, Tx};
use crate::time::Timestamp;

/// Why something cannot be done with a flow or a run.
#[derive(Debug, Error)]
pub enum FlowError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error("there is no flow `{id}`")]
    NoSuchFlow { id: String },
    #[error("there is a flow named `{name}` already")]
    NameTaken { name: String },
    #[error("there is no execution `{id}`")]
    NoSuchRun { id: String },
    #[error("execution `{run}` is {status}; this takes one that is {wants}")]
    WrongState {
        run: String,
        status: String,
        wants: &'static str,
    },
    #[error("the event or the flow's version of execution `{run}` is no longer kept")]
    Gone { run: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Explain for FlowError {
    fn explain(&self) -> Explanation {
        match self {
            Self::Document(error) => error.explain(),
            Self::NoSuchFlow { .. } => {
                Explanation::new(Exit::NotFound, "no_such_flow").hint("evt flows list")
            }
            Self::NameTaken { .. } => {
                Explanation::usage("name_taken").hint("evt flows apply -f FILE")
            }
            Self::NoSuchRun { .. } => {
                Explanation::new(Exit::NotFound, "no_such_run").hint("evt flows runs")
            }
            Self::WrongState { .. } => {
                Explanation::new(Exit::Refused, "wrong_state").hint("evt flows runs")
            }
            Self::Gone { .. } => Explanation::new(Exit::NotFound, "gone").hint("evt flows runs"),
            Self::Store(error) => error.explain(),
        }
    }
}

impl Flows {
    /// Accepts a document as a new flow.
    ///
    /// # Errors
    /// [`FlowError::Document`] for what cannot run, [`FlowError::NameTaken`]: names are what people and `apply` go by.
    pub fn create(&self, tx: &Tx<'_>, org: &str, document: &Value) -> Result<FlowRow, FlowError> {
        let flow = document::compile(document)?;
        let now = Timestamp::now();
        let row = FlowRow {
            id: format!("automation-{}", Uuid::now_v7().simple()),
            org: org.to_owned(),
            enabled: flow.enabled,
            version: 1,
            created: now,
            modified: now,
            body: document::unwrapped(document).to_string(),
            name: flow.name,
        };
        if !flows::insert(tx, &row)? {
            return Err(FlowError::NameTaken { name: row.name });
        }
        touch(tx, org)?;
        Ok(row)
    }

    /// Replaces a flow's document. One without trigger or steps changes only the fields that it has.
    ///
    /// # Errors
    /// As [`Flows::create`], and [`FlowError::NoSuchFlow`].
    pub fn update(
        &self,
        tx: &Tx<'_>,
        org: &str,
        id: &str,
        document: &Value,
    ) -> Result<FlowRow, FlowError> {
        let mut row = find(tx, org, id)?;
        let document = merged(&row, document::unwrapped(document));
        let flow: Flow = document::compile(&document)?;
        row.name = flow.name;
        // A document that says nothing about it leaves the switch as it is.
        if document.get("enabled").is_some() || document.get("status").is_some() {
            row.enabled = flow.enabled;
        }
        row.version += 1;
        row.modified = Timestamp::now();
        row.body = document.to_string();
        if !flows::update(tx, &row)? {
            return Err(FlowError::NameTaken { name: row.name });
        }
        touch(tx, org)?;
        Ok(row)
    }

    /// Switches a flow on or off; where its document has words for that, they follow.
    pub fn set_enabled(
        &self,
        tx: &Tx<'_>,
        org: &str,
        id: &str,
        enabled: bool,
    ) -> Result<FlowRow, FlowError> {
        let mut row = find(tx, org, id)?;
        let mut document: Value = serde_json::from_str(&row.body).unwrap_or_default();
        if let Some(fields) = document.as_object_mut() {
            if let Some(switch) = fields.get_mut("enabled") {
                *switch = enabled.into();
            }
            if let Some(status) = fields.get_mut("status") {
                *status = if enabled { "active" } else { "inactive" }.into();
            }
        }
        row.enabled = enabled;
        row.modified = Timestamp::now();
        row.body = document.to_string();
        flows::update(tx, &row)?;
        touch(tx, org)?;
        Ok(row)
    }

    /// Deletes a flow and returns what it was. Runs under way go on to their end.
    pub fn delete(&self, tx: &Tx<'_>, org: &str, id: &str) -> Result<FlowRow, FlowError> {
        let row = find(tx, org, id)?;
        flows::delete(tx, id)?;
        touch(tx, org)?;
        Ok(row)
    }
}

pub(super) fn find(connection: &Connection, org: &str, id: &str) -> Result<FlowRow, FlowError> {
    flows::get(connection, org, id)?.ok_or_else(|| FlowError::NoSuchFlow { id: short(id) })
}

pub(super) fn find_run(connection: &Connection, org: &str, id: &str) -> Result<RunRow, FlowError> {
    runs::get(connection, id)?
        .filter(|run| run.org == org)
        .ok_or_else(|| FlowError::NoSuchRun { id: short(id) })
}

pub(super) fn wrong_state(run: &RunRow, wants: &'static str) -> FlowError {
    FlowError::WrongState {
        run: run.id.clone(),
        status: run.status.clone(),
        wants,
    }
}

fn short(id: &str) -> String {
    id.chars().take(128).collect()
}

fn touch(tx: &Tx<'_>, org: &str) -> Result<(), StoreError> {
    let random = Uuid::now_v7().as_u128() & u128::from(i64::MAX.unsigned_abs());
    flows::set_stamp(tx, org, i64::try_from(random).unwrap_or(i64::MAX).max(1))
}

fn merged(row: &FlowRow, document: &Value) -> Value {
    let Some(fields) = document.as_object() else {
        return document.clone();
    };
    let has = |keys: [&str; 2]| keys.iter().any(|key| fields.contains_key(*key));
    if has(["trigger", "triggers"]) && has(["actions", "steps"]) {
        return document.clone();
    }
    let mut whole: Map<String, Value> = serde_json::from_str(&row.body).unwrap_or_default();
    for (one, other) in [("trigger", "triggers"), ("actions", "steps")] {
        // The other spelling of the same part gives way.
        for (key, twin) in [(one, other), (other, one)] {
            if fields.contains_key(key) {
                whole.shift_remove(twin);
            }
        }
    }
    whole.extend(fields.clone());
    Value::Object(whole)
}

/// A flow as the platform answers it: a BaseModel around the document as it was sent, with the id under each of its names.
pub fn model(row: &FlowRow) -> Value {
    let document: Value = serde_json::from_str(&row.body).unwrap_or_default();
    json!({
        "pk": row.org,
        "sk": row.id,
        "name": row.name,
        "datatype": "automation",
        "data": document,
        "version": row.version,
        "state": if row.enabled { "published" } else { "draft" },
        "createdate": row.created,
        "modifydate": row.modified,
        "id": row.id,
        "flowId": row.id,
        "enabled": row.enabled,
        "status": if row.enabled { "active" } else { "inactive" },
    })
}
