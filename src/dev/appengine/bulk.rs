//! The queue `datatype`: one change to all records of a datatype that match a query.
//!
//! AppEngine's documentation says "generic record-level processing" and names no endpoint. The path and its body are evt's own.
//!
//! A request adds jobs, each with a part of the records. So a large change does not hold up other requests.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::auth::{Caller, passwords};
use super::find::Filter;
use super::repository::Edit;
use super::{State, model, queues};
use crate::backoff::Retry;
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::flow::{Cause, RecordError, RecordStore};
use crate::store::work::{self, NewWork, Work};
use crate::store::{StoreError, Tx, records};
use crate::time::Timestamp;
use crate::work::WorkError;

/// The queue of jobs that change many records of a datatype.
pub(super) const DATATYPE: &str = "datatype";
/// The name of a job of a request.
const PROCESS: &str = "process";
/// Records of one request at most.
const MAX_RECORDS: usize = 10_000;
/// Records of one job.
const PART: usize = 100;
/// Bytes of query and changes, which every job contains.
const MAX_BYTES: usize = 16 * 1024;

/// `/repository/process/{datatype}`
pub(super) fn routes() -> Routes<Arc<State>> {
    Routes::new().route("POST", "/repository/process/{datatype}", process)
}

/// What a job does to each record.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    /// Sets values at dot paths.
    Update(Map<String, Value>),
    Delete,
}

/// The data of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Part {
    org: String,
    datatype: String,
    /// Tested again when the job is done: a record that does not match any more stays as it is.
    query: Value,
    change: Change,
    ids: Vec<String>,
}

/// `{query, update: {path: value, …}}` or `{query, delete: true}`.
async fn process(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(datatype): Path<String>,
    JsonObject(mut body): JsonObject,
) -> Result<Response, Refusal> {
    model::check_name("datatype", &datatype)?;
    let Some(query @ Value::Object(_)) = body.remove("query") else {
        let message = "`query` is required, as an object; {} selects all records";
        return Err(Refusal::bad_request("missing_field", message));
    };
    let all = Part {
        change: change(&mut body, &datatype)?,
        org: caller.org,
        datatype,
        query,
        ids: Vec::new(),
    };
    if data(&all).len() > MAX_BYTES {
        let message = format!("`query` and `update` have at most {MAX_BYTES} bytes");
        return Err(Refusal::bad_request("too_large", message));
    }
    let accepted = state
        .change(move |repository, tx| {
            let (org, datatype) = (&all.org, &all.datatype);
            let mut ids = repository.find(tx, org, datatype, &all.query, MAX_RECORDS + 1)?;
            if ids.len() > MAX_RECORDS {
                return Err(RecordError::Refused {
                    reason: format!("more than {MAX_RECORDS} records match: change them in parts"),
                });
            }
            // Oldest first, so the order of `modifydate` stays as it was.
            ids.reverse();
            let parts = ids.chunks(PART);
            let accepted = json!({
                "success": true,
                "queue": DATATYPE,
                "datatype": datatype,
                "records": ids.len(),
                "jobs": parts.len(),
            });
            for ids in parts {
                let ids = ids.to_vec();
                let part = Part { ids, ..all.clone() };
                let job = NewWork {
                    retry: Retry::bullmq(Duration::from_secs(1), 3, 0),
                    ..NewWork::new(DATATYPE, PROCESS, data(&part), tx.now())
                };
                work::enqueue(tx, &job)?;
            }
            Ok(accepted)
        })
        .await?;
    Ok(answer(StatusCode::ACCEPTED, &accepted))
}

fn data(part: &Part) -> String {
    serde_json::to_string(part).expect("a part is texts and JSON")
}

/// Reads and checks the change of a request.
fn change(body: &mut Map<String, Value>, datatype: &str) -> Result<Change, Refusal> {
    let changes = match (body.remove("update"), body.remove("delete")) {
        (Some(Value::Object(changes)), None) if !changes.is_empty() => changes,
        (None, Some(Value::Bool(true))) => return Ok(Change::Delete),
        _ => {
            let message =
                "either `update`, as an object of paths and values, or `delete: true` is required";
            return Err(Refusal::bad_request("missing_field", message));
        }
    };
    let mut changed = Map::new();
    for (path, value) in &changes {
        if !model::starts_at_root(path) {
            let message =
                format!("`{path}` is not a path of a record: a field of its data is `data.{path}`");
            return Err(Refusal::bad_request("bad_field", message));
        }
        model::set_path(&mut changed, path, value.clone())?;
    }
    // A job would store the password as text.
    if let Some(Value::Object(data)) = changed.get_mut("data")
        && passwords::take(datatype, data)?.is_some()
    {
        let message = "a password can be changed for one record at a time only";
        return Err(Refusal::bad_request("bad_field", message));
    }
    Ok(Change::Update(changes))
}

/// Changes the records of a part. If one of them refuses the change, none is changed.
pub(super) fn consume(state: &State, tx: &Tx<'_>, work: &Work) -> Result<(), WorkError> {
    let part: Part = serde_json::from_str(&work.data).map_err(|error| {
        WorkError::Permanent(format!("its data is not a change of records: {error}"))
    })?;
    let filter = Filter::parse(&part.query)
        .map_err(|error| WorkError::Permanent(format!("its query is invalid: {error}")))?;
    let (changed, _) = state.repository.request(0, || {
        part.ids
            .iter()
            .try_for_each(|id| match matches(tx, &part, &filter, id)? {
                true => apply(state, tx, &part, id),
                false => Ok(()),
            })
    });
    changed.map_err(queues::failed)
}

/// Whether a record exists and still matches.
fn matches(tx: &Tx<'_>, part: &Part, filter: &Filter, id: &str) -> Result<bool, StoreError> {
    let Some(body) = records::body(tx, &part.org, &part.datatype, id)? else {
        return Ok(false);
    };
    let model: Value = serde_json::from_str(&body).unwrap_or_default();
    let modified = model["modifydate"].as_str().and_then(|at| at.parse().ok());
    let is_within = modified.is_some_and(|at: Timestamp| filter.span.contains(at.millis()));
    Ok(is_within && filter.matches(&body))
}

fn apply(state: &State, tx: &Tx<'_>, part: &Part, id: &str) -> Result<(), RecordError> {
    let (org, datatype) = (part.org.as_str(), Some(part.datatype.as_str()));
    let (repository, cause) = (&state.repository, Cause::default());
    match &part.change {
        Change::Update(changes) => {
            let edit = Edit::Partial(changes.clone());
            repository.edit(tx, org, datatype, id, edit, &cause)?;
        }
        Change::Delete => {
            repository.remove(tx, org, datatype, id, &cause)?;
        }
    }
    Ok(())
}
