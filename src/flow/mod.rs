//! Automations: a trigger, conditions, steps. Everything here runs inside a store's commit, so an event, the runs it starts
//! and the deliveries they enqueue are accepted together or not at all.

mod context;
mod desk;
pub mod document;
mod engine;
mod guard;
mod index;
pub mod placeholder;
mod reader;
mod run;
pub mod step;
pub mod trigger;
mod walk;
pub mod webhook;

use serde_json::Value;

use crate::event::Seq;
use crate::store::{StoreError, Tx};

pub use desk::{FlowError, model};
pub use document::{Flow, compile};
pub use engine::{FlowOptions, Flows};
pub use reader::DocumentError;
pub use run::{status, view, view_with_attempts};

/// Something that happened in the platform.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub org: String,
    /// `contact.created`, `collection-update`, …
    pub kind: String,
    /// The record that the event is about: a BaseModel (`{sk, datatype, data, …}`), or whatever the event carries.
    pub data: Value,
    /// The record as it was before, for updates.
    pub before: Option<Value>,
    pub cause: Cause,
}

/// What led to an event: nothing, or an event before it.
#[derive(Clone, Debug, Default)]
pub struct Cause {
    pub event: Option<Seq>,
    /// Events in the chain before this one; circular prevention counts it.
    pub depth: u32,
}

/// The platform's records, as flow steps change them. Implemented by `dev`; a change raises its events through [`NewEvent`] again.
pub trait World: Send + Sync {
    /// Creates a record and returns its BaseModel.
    fn create(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: &str,
        data: Value,
        cause: &Cause,
    ) -> Result<Value, WorldError>;
    /// Merges `changes` (dot paths) into the record's data and returns the new BaseModel.
    fn update(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: &str,
        id: &str,
        changes: Value,
        cause: &Cause,
    ) -> Result<Value, WorldError>;
    /// Deletes a record and returns what it was.
    fn delete(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: &str,
        id: &str,
        cause: &Cause,
    ) -> Result<Value, WorldError>;
    /// The record's BaseModel, by any of the id forms.
    fn get(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: &str,
        id: &str,
    ) -> Result<Option<Value>, WorldError>;
    /// Ids of the records that a Mongo query selects, at most `limit`.
    fn find(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: &str,
        query: &Value,
        limit: usize,
    ) -> Result<Vec<String>, WorldError>;
}

/// Why a step could not change a record.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    #[error("there is no {datatype} `{id}`")]
    NotFound { datatype: String, id: String },
    #[error("{reason}")]
    Refused { reason: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}
