//! Queues as users see them: list, inspect, retry and discard jobs. The types here are also the JSON of the control API.

mod change;
mod monitor;
mod pause;
mod read;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use change::{discard, enable_endpoint_of, retry, state, why_not_discarded, why_not_retried};
pub use monitor::{Counts, Monitored, counts, monitored};
pub use pause::{holding, holds_event, is_paused, pause, paused, resume};
pub use read::{event, ids_after, overview, page, show};

use super::endpoints::Health;
use super::jobs::State;
use crate::time::Timestamp;

/// Jobs in a list if the user sets no limit.
pub const PAGE: usize = 100;

/// Which jobs. All fields that are set must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<State>,
    /// The names of queues.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<String>,
    /// A server, or with a path a single target on it; a query is ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// A condition on the event that is delivered, as in `evt events list --where`. SQL cannot evaluate it: `deliver::queue` does.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A request to retry or discard jobs: the body of `retry` and `discard` of the control API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BulkRequest {
    pub select: Selection,
    /// Jobs per second; all at once if absent. Only for `retry`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Only report what would be done.
    pub dry_run: bool,
}

/// The result of a [`BulkRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Jobs that were (or would be) retried or discarded.
    pub done: u64,
    /// The first of the jobs that were left unchanged.
    pub skipped: Vec<Skipped>,
    pub skipped_count: u64,
    /// Ids in the selection that do not exist.
    pub missing: Vec<i64>,
    /// Disabled endpoints that were enabled again.
    pub enabled: Vec<String>,
    pub dry_run: bool,
}

/// A job that was left unchanged, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    pub id: i64,
    pub state: State,
    pub reason: String,
}

/// A job in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRow {
    pub id: i64,
    pub state: State,
    pub queue: String,
    /// What a job of a platform's own queue does, such as `send`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub endpoint: String,
    pub method: String,
    pub url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Attempts made.
    pub attempts: u32,
    /// Attempts that count against the retries.
    pub failures: u32,
    pub created_at: Timestamp,
    pub run_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redrive_of: Option<i64>,
}

/// A job and its attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobDetail {
    #[serde(flatten)]
    pub job: JobRow,
    pub tries: Vec<AttemptRow>,
}

/// One attempt and its response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRow {
    pub n: u32,
    pub started_at: Timestamp,
    pub took_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The headers of the response as `name: value`.
    pub headers: Vec<String>,
    /// The beginning of the response body; bytes that are not UTF-8 are replaced.
    pub body: String,
    /// `headers` and `body`, if the response had more than what is stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<String>,
}

/// All queues and endpoints with the numbers of their jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    pub queues: Vec<QueueRow>,
    pub endpoints: Vec<EndpointRow>,
}

/// A queue and the number of its jobs in each state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueRow {
    pub queue: String,
    /// Since when it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_at: Option<Timestamp>,
    pub jobs: BTreeMap<String, i64>,
}

/// An endpoint, its circuit, and the number of its unresolved jobs in each state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRow {
    pub endpoint: String,
    pub circuit: Health,
    pub jobs: BTreeMap<String, i64>,
    /// When its next job is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The result of [`pause`] or [`resume`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    pub queue: String,
    /// Whether it is paused now.
    pub paused: bool,
    /// `false` if it was before, too.
    pub changed: bool,
    /// Its jobs that wait or are paused.
    pub jobs: usize,
}

/// The result of [`retry`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retried {
    /// The id of a new job with the same message id.
    Redriven(i64),
    /// The job was waiting and is now due earlier.
    BroughtForward,
    Skipped(Skipped),
    Missing,
}
