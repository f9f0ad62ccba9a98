//! What users do with flows: create, change, enable, delete.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::engine::Flows;
use super::{FlowError, document, plan};
use crate::store::flows::{self, FlowRow};
use crate::store::runs::{self, RunRow};
use crate::store::{Connection, StoreError, Tx};

impl Flows {
    /// Creates a flow from its document.
    ///
    /// # Errors
    /// [`FlowError::Document`] if it does not compile, [`FlowError::NameTaken`] because users and `evt flows apply` refer to flows by name.
    pub fn create(&self, tx: &Tx<'_>, org: &str, document: &Value) -> Result<FlowRow, FlowError> {
        let flow = document::compile(document)?;
        let now = tx.now();
        let row = FlowRow {
            id: format!("automation-{}", Uuid::now_v7().simple()),
            org: org.to_owned(),
            enabled: flow.enabled,
            version: 1,
            created: now,
            modified: now,
            body: document::unwrapped(document).to_string(),
            name: flow.name.clone(),
        };
        if !flows::insert(tx, &row)? {
            return Err(FlowError::NameTaken { name: row.name });
        }
        plan::update(tx, &row, &flow)?;
        touch(tx, org)?;
        Ok(row)
    }

    /// Replaces a flow's document. A document without trigger or steps changes only the fields that it contains.
    ///
    /// # Errors
    /// The errors of [`Flows::create`], and [`FlowError::NoSuchFlow`].
    pub fn update(
        &self,
        tx: &Tx<'_>,
        org: &str,
        id: &str,
        document: &Value,
    ) -> Result<FlowRow, FlowError> {
        let mut row = find(tx, org, id)?;
        let document = merged(&row, document::unwrapped(document));
        let flow = document::compile(&document)?;
        row.name = flow.name.clone();
        // Without either field the flow stays enabled or disabled.
        if document.get("enabled").is_some() || document.get("status").is_some() {
            row.enabled = flow.enabled;
        }
        row.version += 1;
        row.modified = tx.now();
        row.body = document.to_string();
        if !flows::update(tx, &row)? {
            return Err(FlowError::NameTaken { name: row.name });
        }
        plan::update(tx, &row, &flow)?;
        touch(tx, org)?;
        Ok(row)
    }

    /// Enables or disables a flow, and updates `enabled` and `status` in its document if they are present.
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
        row.modified = tx.now();
        row.body = document.to_string();
        flows::update(tx, &row)?;
        // A flow of another version of evt may not compile; it does not run either.
        if let Ok(flow) = document::compile(&document) {
            plan::update(tx, &row, &flow)?;
        }
        touch(tx, org)?;
        Ok(row)
    }

    /// Deletes a flow and returns its last row. Running runs continue to their end.
    pub fn delete(&self, tx: &Tx<'_>, org: &str, id: &str) -> Result<FlowRow, FlowError> {
        let row = find(tx, org, id)?;
        flows::delete(tx, id)?;
        plan::remove(tx, id)?;
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

/// Gives the organisation a new stamp, so that [`super::index::Index`] loads its flows again.
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
        // Both keys name the same part; the new document's spelling replaces the other.
        for (key, twin) in [(one, other), (other, one)] {
            if fields.contains_key(key) {
                whole.shift_remove(twin);
            }
        }
    }
    whole.extend(fields.clone());
    Value::Object(whole)
}

/// A flow as the API returns it: a BaseModel around the document, which is unchanged, with the id under each of its names.
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
