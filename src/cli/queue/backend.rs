//! The two places that have jobs: the user's inbox, which the command opens itself, and the running `evt dev`, which it calls through
//! the control API.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Where;
use crate::cli::Context;
use crate::config::ConfigError;
use crate::control::{Control, ControlError};
use crate::deliver::queue as deliveries;
use crate::error::{CliError, Exit};
use crate::event::Outcome;
use crate::grammar::nearest::{did_you_mean, nearest};
use crate::store::jobs::Settled;
use crate::store::queue::{
    self, BulkRequest, JobDetail, JobRow, Overview, Paused, Report, Selection,
};
use crate::store::{Store, StoreError, Tx, events};

/// The queue of the inbox.
const FORWARDS: &str = "forwards";

#[derive(Deserialize)]
struct Named {
    queue: String,
}

pub(super) enum Backend {
    Inbox(Store),
    Dev(Box<Dev>),
}

/// The running platform.
pub(super) struct Dev {
    control: Control,
    url: String,
    /// The user passed `--dev`, so it is an error if the platform does not answer.
    is_required: bool,
}

/// The selected backends, the inbox first.
pub(super) fn backends(cx: &Context, place: &Where) -> Result<Vec<Backend>, CliError> {
    let mut backends = Vec::new();
    if !place.dev {
        backends.push(Backend::Inbox(cx.inbox()?));
    }
    if !place.inbox {
        match cx.running()? {
            Some(running) => backends.push(Backend::Dev(Box::new(Dev {
                control: Control::of(&running),
                url: running.control_url,
                is_required: place.dev,
            }))),
            None if place.dev => return Err(ConfigError::NotRunning.into()),
            None => {}
        }
    }
    Ok(backends)
}

impl Backend {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Inbox(_) => "inbox",
            Self::Dev(_) => "dev",
        }
    }

    /// Handles an error of this backend: if the platform does not answer and was not selected by `--dev`, the command continues with
    /// the inbox.
    pub(super) fn unavailable(&self, cx: &Context, error: CliError) -> Result<(), CliError> {
        match self {
            Self::Dev(dev) if !dev.is_required && error.code == "not_running" => {
                cx.ui
                    .warn("the running `evt dev` does not answer; only the inbox is used");
                Ok(())
            }
            _ => Err(error),
        }
    }

    pub(super) async fn overview(&self) -> Result<Overview, CliError> {
        match self {
            Self::Inbox(store) => Ok(store.read(queue::overview).await?),
            Self::Dev(dev) => dev.get("/_evt/queue").await,
        }
    }

    pub(super) async fn jobs(&self, selection: &Selection) -> Result<Vec<JobRow>, CliError> {
        match self {
            Self::Inbox(store) => Ok(deliveries::list(store, selection).await?),
            Self::Dev(dev) => {
                dev.get(&format!("/_evt/queue/jobs?{}", query(selection)))
                    .await
            }
        }
    }

    pub(super) async fn job(&self, id: i64) -> Result<Option<JobDetail>, CliError> {
        match self {
            Self::Inbox(store) => Ok(store.read(move |db| queue::show(db, id)).await?),
            Self::Dev(dev) => match dev.control.get(&format!("/_evt/queue/jobs/{id}")).await {
                Ok(value) => Ok(Some(dev.read(value)?)),
                Err(ControlError::Refused { status, .. })
                    if status == http::StatusCode::NOT_FOUND =>
                {
                    Ok(None)
                }
                Err(error) => Err(error.into()),
            },
        }
    }

    /// The full name of a queue. The error of an unknown name has the code `unknown_queue`.
    pub(super) async fn queue_named(&self, name: &str) -> Result<String, CliError> {
        match self {
            Self::Inbox(_) if name.eq_ignore_ascii_case(FORWARDS) => Ok(FORWARDS.to_owned()),
            Self::Inbox(_) => {
                let suggestion = did_you_mean(nearest(name, [FORWARDS]));
                let text = format!("the inbox has no queue `{name}`{suggestion}");
                Err(CliError::new(Exit::NotFound, "unknown_queue", text).hint("evt queue list"))
            }
            Self::Dev(dev) => {
                let path = format!("/_evt/queue/named/{}", escaped(name));
                let found: Named = dev.get(&path).await?;
                Ok(found.queue)
            }
        }
    }

    /// Pauses or resumes a queue.
    pub(super) async fn pause(&self, queue: &str, pauses: bool) -> Result<Paused, CliError> {
        match self {
            Self::Inbox(store) => {
                let queue = queue.to_owned();
                let changed = store.write::<_, StoreError, _>(move |tx| match pauses {
                    true => queue::pause(tx, &queue),
                    false => queue::resume(tx, &queue),
                });
                Ok(changed.await?)
            }
            Self::Dev(dev) => {
                let verb = if pauses { "pause" } else { "resume" };
                let body = serde_json::json!({ "queue": queue });
                let path = format!("/_evt/queue/{verb}");
                dev.read(dev.control.post(&path, &body).await?)
            }
        }
    }

    pub(super) async fn retry(&self, request: &BulkRequest) -> Result<Report, CliError> {
        match self {
            Self::Inbox(store) => Ok(deliveries::retry(store, request).await?),
            Self::Dev(dev) => dev.post("/_evt/queue/retry", request).await,
        }
    }

    pub(super) async fn discard(&self, request: &BulkRequest) -> Result<Report, CliError> {
        match self {
            Self::Inbox(store) => {
                let on_settled = std::sync::Arc::new(reset_outcome);
                Ok(deliveries::discard(store, request, Some(on_settled)).await?)
            }
            Self::Dev(dev) => dev.post("/_evt/queue/discard", request).await,
        }
    }
}

impl Dev {
    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.read(self.control.get(path).await?)
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        request: &BulkRequest,
    ) -> Result<T, CliError> {
        let body = serde_json::to_value(request).map_err(std::io::Error::from)?;
        self.read(self.control.post(path, &body).await?)
    }

    fn read<T: DeserializeOwned>(&self, value: Value) -> Result<T, CliError> {
        let url = self.url.clone();
        Ok(serde_json::from_value(value).map_err(|_| ControlError::Unreadable { url })?)
    }
}

/// The query string that lists the selected jobs.
fn query(selection: &Selection) -> String {
    let mut query = Vec::new();
    if !selection.states.is_empty() {
        let states: Vec<&str> = selection
            .states
            .iter()
            .map(|state| state.as_str())
            .collect();
        query.push(format!("state={}", states.join(",")));
    }
    for queue in &selection.queues {
        query.push(format!("queue={}", escaped(queue)));
    }
    if let Some(endpoint) = &selection.endpoint {
        query.push(format!("endpoint={}", escaped(endpoint)));
    }
    if let Some(condition) = &selection.condition {
        query.push(format!("where={}", escaped(condition)));
    }
    if let Some(limit) = selection.limit {
        query.push(format!("limit={limit}"));
    }
    query.join("&")
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// An event whose delivery was discarded has the outcome of an event that was only stored.
fn reset_outcome(tx: &Tx<'_>, settled: &Settled) -> Result<(), StoreError> {
    match settled.event {
        Some(seq) => events::set_outcome(tx, seq, Outcome::Kept),
        None => Ok(()),
    }
}
