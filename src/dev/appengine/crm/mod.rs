mod events;
mod forms;
mod leads;
mod visits;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::State;
use crate::dev::host::Routes;
use crate::flow::{Cause, NewEvent};

/// The routes below `/crm`, and `/tools/web-visit`.
pub(super) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .merge(events::routes())
        .merge(forms::routes())
        .merge(leads::routes())
        .merge(visits::routes())
}

/// The data in a body: its member `data`, or the whole body.
fn data_of(mut body: Map<String, Value>) -> Map<String, Value> {
    match body.remove("data") {
        Some(Value::Object(data)) => data,
        _ => body,
    }
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
