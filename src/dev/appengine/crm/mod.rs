mod events;
mod forms;
mod leads;
mod reservations;
mod visits;

use std::collections::HashMap;
use std::sync::Arc;

use axum::response::Response;
use serde_json::{Map, Value};

use super::auth::Caller;
use super::find::Filter;
use super::{State, rest};
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Lints, Refusal};
use crate::flow::{Cause, NewEvent};

/// The routes below `/crm`, and `/tools/web-visit`.
pub(super) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .merge(events::routes())
        .merge(forms::routes())
        .merge(leads::routes())
        .merge(reservations::routes())
        .merge(visits::routes())
}

/// The data in a body: its member `data`, or the whole body.
fn data_of(mut body: Map<String, Value>) -> Map<String, Value> {
    match body.remove("data") {
        Some(Value::Object(data)) => data,
        _ => body,
    }
}

/// A page of the records of a datatype that match a Mongo query. The parameters of the request are the options of a search.
async fn list_of(
    state: &State,
    caller: Caller,
    datatype: &str,
    conditions: &Value,
    parameters: HashMap<String, String>,
    lints: &Lints,
) -> Result<Response, Refusal> {
    let text = |(name, value): (String, String)| (name, Value::String(value));
    let options: Map<String, Value> = parameters.into_iter().map(text).collect();
    let filter = Filter::parse(conditions)?;
    rest::page(state, caller, datatype.to_owned(), filter, &options, lints).await
}

/// A domain event with a record.
fn raised(org: &str, kind: &str, record: &Value) -> NewEvent {
    NewEvent {
        org: org.to_owned(),
        kind: kind.to_owned(),
        data: record.clone(),
        before: None,
        cause: Cause::default(),
    }
}
