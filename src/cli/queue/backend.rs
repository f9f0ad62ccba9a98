//! The two places that have jobs: the user's inbox, which the command opens itself, and the running `evt dev`, which it calls through
//! the control API.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Where;
use crate::cli::Context;
use crate::config::ConfigError;
use crate::control::{Control, ControlError};
use crate::deliver::queue as deliveries;
use crate::error::CliError;
use crate::event::Outcome;
use crate::store::jobs::Settled;
use crate::store::queue::{self, BulkRequest, JobDetail, JobRow, Overview, Report, Selection};
use crate::store::{Store, StoreError, Tx, events};

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
