//! Where jobs are: in the inbox of this user, which is opened, and in the running platform, which is asked.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Whose;
use crate::cli::Context;
use crate::config::ConfigError;
use crate::control::{Control, ControlError};
use crate::deliver::queue as orders;
use crate::error::CliError;
use crate::event::Outcome;
use crate::store::jobs::Settled;
use crate::store::queue::{self, JobDetail, JobRow, Order, Overview, Report, Selection};
use crate::store::{Store, StoreError, Tx, events};

/// One of them.
pub(super) enum Place {
    Inbox(Store),
    Dev(Box<Asked>),
}

/// A running platform.
pub(super) struct Asked {
    control: Control,
    url: String,
    /// It was asked for by name, so that its silence is an error.
    is_named: bool,
}

/// The places to look at, the inbox first.
pub(super) fn places(cx: &Context, whose: &Whose) -> Result<Vec<Place>, CliError> {
    let mut places = Vec::new();
    if !whose.dev {
        places.push(Place::Inbox(cx.inbox()?));
    }
    if !whose.inbox {
        match cx.running()? {
            Some(running) => places.push(Place::Dev(Box::new(Asked {
                control: Control::of(&running),
                url: running.control_url,
                is_named: whose.dev,
            }))),
            None if whose.dev => return Err(ConfigError::NotRunning.into()),
            None => {}
        }
    }
    Ok(places)
}

impl Place {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Inbox(_) => "inbox",
            Self::Dev(_) => "dev",
        }
    }

    /// What an error of this place means for the command: the platform's silence is no reason to hide the inbox.
    pub(super) fn missing(&self, cx: &Context, error: CliError) -> Result<(), CliError> {
        match self {
            Self::Dev(asked) if !asked.is_named && error.code == "not_running" => {
                cx.ui
                    .warn("the running platform does not answer: only the inbox was looked at");
                Ok(())
            }
            _ => Err(error),
        }
    }

    pub(super) async fn overview(&self) -> Result<Overview, CliError> {
        match self {
            Self::Inbox(store) => Ok(store.read(queue::overview).await?),
            Self::Dev(asked) => asked.get("/_evt/queue").await,
        }
    }

    pub(super) async fn jobs(&self, selection: &Selection) -> Result<Vec<JobRow>, CliError> {
        match self {
            Self::Inbox(store) => Ok(orders::list(store, selection).await?),
            Self::Dev(asked) => {
                asked
                    .get(&format!("/_evt/queue/jobs?{}", query(selection)))
                    .await
            }
        }
    }

    pub(super) async fn job(&self, id: i64) -> Result<Option<JobDetail>, CliError> {
        match self {
            Self::Inbox(store) => Ok(store.read(move |db| queue::show(db, id)).await?),
            Self::Dev(asked) => match asked.control.get(&format!("/_evt/queue/jobs/{id}")).await {
                Ok(value) => Ok(Some(asked.read(value)?)),
                Err(ControlError::Refused { status, .. })
                    if status == http::StatusCode::NOT_FOUND =>
                {
                    Ok(None)
                }
                Err(error) => Err(error.into()),
            },
        }
    }

    pub(super) async fn retry(&self, order: &Order) -> Result<Report, CliError> {
        match self {
            Self::Inbox(store) => Ok(orders::retry(store, order).await?),
            Self::Dev(asked) => asked.post("/_evt/queue/retry", order).await,
        }
    }

    pub(super) async fn discard(&self, order: &Order) -> Result<Report, CliError> {
        match self {
            Self::Inbox(store) => {
                let told = std::sync::Arc::new(given_up);
                Ok(orders::discard(store, order, Some(told)).await?)
            }
            Self::Dev(asked) => asked.post("/_evt/queue/discard", order).await,
        }
    }
}

impl Asked {
    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.read(self.control.get(path).await?)
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, order: &Order) -> Result<T, CliError> {
        let body = serde_json::to_value(order).map_err(std::io::Error::from)?;
        self.read(self.control.post(path, &body).await?)
    }

    fn read<T: DeserializeOwned>(&self, value: Value) -> Result<T, CliError> {
        let url = self.url.clone();
        Ok(serde_json::from_value(value).map_err(|_| ControlError::Unreadable { url })?)
    }
}

/// The query of a list of jobs.
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

/// An event that nothing is to be done with any more is as one that was only kept.
fn given_up(tx: &Tx<'_>, settled: &Settled) -> Result<(), StoreError> {
    match settled.event {
        Some(seq) => events::set_outcome(tx, seq, Outcome::Kept),
        None => Ok(()),
    }
}
