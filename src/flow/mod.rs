//! Automations ("flows"): triggers, conditions and steps.
//!
//! All functions here run inside a transaction of the store. An event, the runs that it starts and the deliveries that they
//! enqueue are therefore committed together or not at all.

mod backlog;
mod context;
mod control;
pub mod document;
mod engine;
mod executor;
mod guard;
mod index;
mod manage;
pub mod notify;
pub mod outline;
pub mod placeholder;
mod plan;
mod reader;
mod rehearsal;
mod run;
pub mod schedule;
pub mod step;
pub mod trigger;
pub mod wait;
mod waiting;
pub mod webhook;
mod why;

use bytes::Bytes;
use serde_json::Value;
use thiserror::Error;

use crate::event::{Meta, Seq};
use crate::store::{StoreError, Tx};
use crate::time::Timestamp;

pub use backlog::AUTOMATION_TRIGGER;
pub use document::{Flow, compile};
pub use engine::{FlowOptions, Flows, Start};
pub use manage::model;
pub use plan::SCHEDULE;
pub use reader::DocumentError;
pub use rehearsal::{Given, Rehearsal};
pub use run::{executed, status, view, view_with_attempts};
pub use waiting::AUTOMATION;
pub use why::{Why, why, why_run};

/// An event of the platform that has not been stored yet.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub org: String,
    /// `contact.created`, `collection-update`, …
    pub kind: String,
    /// The record that the event is about, as a BaseModel (`{sk, datatype, data, …}`), or the event's own payload.
    pub data: Value,
    /// The previous version of the record, for updates.
    pub before: Option<Value>,
    pub cause: Cause,
}

/// The event that led to another event, if any.
#[derive(Clone, Debug, Default)]
pub struct Cause {
    pub event: Option<Seq>,
    /// Number of events in the chain before this one. Circular prevention limits it.
    pub depth: u32,
}

/// How a platform writes its events. Implemented by each platform in `dev`.
pub trait EventFormat: Send + Sync {
    /// The `user-agent` of the platform's webhooks.
    fn user_agent(&self) -> &'static str;
    /// Returns the body of a webhook about `event`, and its metadata. The body is stored with the event, and deliveries send it.
    fn encode(&self, event: &NewEvent, now: Timestamp) -> (Bytes, Meta);
}

/// The platform's records, as steps read and change them. Implemented by `dev`.
///
/// Every change raises its own events through [`Flows::raise`], with the given cause.
pub trait RecordStore: Send + Sync {
    /// Creates a record and returns its BaseModel.
    fn create(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: &str,
        data: Value,
        cause: &Cause,
    ) -> Result<Value, RecordError>;
    /// Merges `changes` (keys are dot paths) into the record's data and returns the new BaseModel.
    fn update(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: &str,
        id: &str,
        changes: Value,
        cause: &Cause,
    ) -> Result<Value, RecordError>;
    /// Deletes a record and returns its last BaseModel.
    fn delete(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: &str,
        id: &str,
        cause: &Cause,
    ) -> Result<Value, RecordError>;
    /// Returns the record's BaseModel. `id` may be any of the platform's id forms.
    fn get(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: &str,
        id: &str,
    ) -> Result<Option<Value>, RecordError>;
    /// Returns the ids of at most `limit` records that match a Mongo query.
    fn find(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: &str,
        query: &Value,
        limit: usize,
    ) -> Result<Vec<String>, RecordError>;
}

/// Why a record could not be read or changed.
#[derive(Debug, Error)]
pub enum RecordError {
    #[error("there is no {datatype} `{id}`")]
    NotFound { datatype: String, id: String },
    #[error("{reason}")]
    Refused { reason: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an operation on a flow or a run failed.
#[derive(Debug, Error)]
pub enum FlowError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error("there is no flow `{id}`")]
    NoSuchFlow { id: String },
    #[error("{message}")]
    UnknownEvent { message: String },
    #[error("a flow named `{name}` already exists")]
    NameTaken { name: String },
    #[error("there is no event `{reference}`")]
    NoSuchEvent { reference: String },
    #[error("there is no execution `{id}`")]
    NoSuchRun { id: String },
    #[error("execution `{run}` is {status}; this needs one that is {wants}")]
    WrongState {
        run: String,
        status: String,
        wants: &'static str,
    },
    #[error("the flow has no step `{id}`")]
    NoSuchStep { id: String },
    #[error("an execution id has 1 to 64 letters, digits and `._-`")]
    BadRunId { id: String },
    #[error("the execution `{id}` already exists")]
    RunExists { id: String },
    #[error("the event or the flow version of execution `{run}` has been deleted")]
    Gone { run: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}
