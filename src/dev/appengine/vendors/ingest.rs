//! The queue `social-sync`: events of social networks that wait because it is paused. Otherwise a request raises its events in
//! its own commit.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::receive::domain_event;
use crate::catalogue;
use crate::dev::appengine::State;
use crate::event::Seq;
use crate::store::work::{self, NewWork, Work};
use crate::store::{StoreError, Tx, queue};
use crate::work::WorkError;

/// The queue.
pub(in crate::dev::appengine) const SOCIAL_SYNC: &str = "social-sync";
/// The name of its jobs.
const INGEST: &str = "ingest";
/// The names of its events start with this.
const SOCIAL: &str = "social.";

#[derive(Serialize, Deserialize)]
struct Held {
    org: String,
    event: String,
    record: Value,
}

/// Adds a job for an event of a social network if it must not be raised now: the queue is paused, or earlier events wait in it.
pub(super) fn hold(
    tx: &Tx<'_>,
    org: &str,
    kind: &str,
    record: &Value,
    request: Seq,
) -> Result<bool, StoreError> {
    let is_held = kind.starts_with(SOCIAL)
        && (queue::is_paused(tx, SOCIAL_SYNC)? || work::has_due(tx, SOCIAL_SYNC)?);
    if !is_held {
        return Ok(false);
    }
    let held = Held {
        org: org.to_owned(),
        event: kind.to_owned(),
        record: record.clone(),
    };
    let data = serde_json::to_string(&held).unwrap_or_default();
    let job = NewWork {
        event: Some(request),
        ..NewWork::new(SOCIAL_SYNC, INGEST, data, tx.now())
    };
    work::enqueue(tx, &job)?;
    Ok(true)
}

/// Raises the event of a job, in the commit that ends the job.
pub(in crate::dev::appengine) fn ingest(
    state: &State,
    tx: &Tx<'_>,
    work: &Work,
) -> Result<(), WorkError> {
    let held: Held = serde_json::from_str(&work.data).map_err(|error| {
        WorkError::Permanent(format!("its data is not an event of a network: {error}"))
    })?;
    let kind = catalogue::find_event(&held.event)
        .map_err(|unknown| WorkError::Permanent(unknown.to_string()))?;
    let event = domain_event(&held.org, kind.name, held.record, work.event);
    state.repository.emit(tx, event)?;
    Ok(())
}
