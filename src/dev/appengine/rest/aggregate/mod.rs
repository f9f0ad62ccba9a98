//! `POST /repository/aggregate/{datatype}`: MongoDB's pipelines over the records of a datatype.
//!
//! The stages and accumulators that AppEngine's clients use. Others are refused by name.

mod expression;
mod group;
mod stage;

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::extract::{Path, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use self::stage::Stage;
use super::searching;
use crate::dev::appengine::State;
use crate::dev::appengine::auth::Caller;
use crate::dev::appengine::find::{Filter, FindError};
use crate::dev::appengine::model;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonBody;
use crate::grammar::nearest::nearest;
use crate::store::records::{self, Direction};
use crate::store::{Connection, StoreError};

/// Maximum number of stages.
const MAX_STAGES: usize = 50;
/// Maximum number of documents, and of the bytes of their values, that a stage may hold.
const MAX_DOCUMENTS: usize = 100_000;
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Maximum nesting of a document. That of a record is lower.
const MAX_DEPTH: usize = 100;
/// Memory of a value in addition to its text.
const OVERHEAD: usize = 32;

/// The result is the list of documents, as `data`.
pub(super) async fn aggregate(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(datatype): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Refusal> {
    model::check_name("datatype", &datatype)?;
    let (filter, stages) = parse(&body)?;
    let documents = searching(&state.host.store, &state.searches, move |connection| {
        Ok::<_, FindError>(run(connection, &caller.org, &datatype, &filter, &stages)?)
    })
    .await??;
    let body = json!({ "data": documents, "total": documents.len() });
    Ok(answer(StatusCode::OK, &body))
}

/// The filter of a first `$match`, which the index serves, and the stages after it. The pipeline is a list, or the member `pipeline`.
fn parse(body: &Value) -> Result<(Filter, Vec<Stage>), Refusal> {
    let list = ["pipeline", "aggregate"]
        .iter()
        .find_map(|name| body.get(*name))
        .unwrap_or(body);
    let Some(list) = list.as_array().filter(|list| list.len() <= MAX_STAGES) else {
        return Err(refused(format!(
            "the body must be a pipeline: a list of at most {MAX_STAGES} stages, such as `[{{\"$match\": {{}}}}]`"
        )));
    };
    let first = list.first().and_then(|stage| stage.as_object());
    let matching = first
        .filter(|stage| stage.len() == 1)
        .and_then(|stage| stage.get("$match"));
    let filter = Filter::parse(matching.unwrap_or(&Value::Null))?;
    let rest = &list[usize::from(matching.is_some())..];
    let stages = rest.iter().map(Stage::parse).collect::<Result<_, _>>()?;
    Ok((filter, stages))
}

/// Runs a pipeline. The inner error is that of a pipeline that needs too much memory.
fn run(
    connection: &Connection,
    org: &str,
    datatype: &str,
    filter: &Filter,
    stages: &[Stage],
) -> Result<Result<Vec<Value>, Refusal>, StoreError> {
    let mut documents = Documents::default();
    let mut full = None;
    let direction = Direction::Descending;
    records::scan(
        connection,
        org,
        datatype,
        filter.span,
        direction,
        |_, body| {
            if !filter.matches(body) {
                return ControlFlow::Continue(());
            }
            let document = serde_json::from_str(body).unwrap_or_default();
            match documents.push(document) {
                Ok(()) => ControlFlow::Continue(()),
                Err(refusal) => {
                    full = Some(refusal);
                    ControlFlow::Break(())
                }
            }
        },
    )?;
    if let Some(refusal) = full {
        return Ok(Err(refusal));
    }
    let list = documents.list;
    Ok(stages.iter().try_fold(list, |list, stage| stage.run(list)))
}

/// The documents of a stage, within the limits.
#[derive(Default)]
struct Documents {
    list: Vec<Value>,
    bytes: usize,
}

impl Documents {
    fn push(&mut self, document: Value) -> Result<(), Refusal> {
        // Each stage may add levels to a document, and the functions that read it are recursive.
        if model::depth(&document) > MAX_DEPTH {
            return Err(too_deep());
        }
        self.charge(size(&document))?;
        if self.list.len() == MAX_DOCUMENTS {
            return Err(too_large());
        }
        self.list.push(document);
        Ok(())
    }

    /// Counts the bytes of values that a stage holds.
    fn charge(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.bytes += bytes;
        if self.bytes > MAX_BYTES {
            return Err(too_large());
        }
        Ok(())
    }
}

/// The approximate memory of a value. Recursive; the depth is that of a record or of the pipeline.
fn size(value: &Value) -> usize {
    let inner = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| name.len() + OVERHEAD + size(value))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    OVERHEAD + inner
}

fn too_large() -> Refusal {
    Refusal::bad_request(
        "too_large",
        format!(
            "the pipeline holds more than {MAX_DOCUMENTS} documents or {} MiB: begin with a narrower $match",
            MAX_BYTES >> 20
        ),
    )
}

fn too_deep() -> Refusal {
    refused(format!(
        "the pipeline makes documents with more than {MAX_DEPTH} levels of nesting"
    ))
}

fn refused(message: impl Into<String>) -> Refusal {
    Refusal::bad_request("bad_pipeline", message)
}

/// Refuses an unknown name, with the most similar known one.
fn unknown(what: &str, name: &str, known: &'static [&'static str]) -> Refusal {
    let mut message = format!("`{name}` is not {what}");
    match nearest(name, known.iter().copied()) {
        Some(meant) => message.push_str(&format!("; did you mean `{meant}`?")),
        None => message.push_str(&format!("; supported: {}", known.join(", "))),
    }
    refused(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(documents: Value, pipeline: Value) -> Result<Value, String> {
        let stages = pipeline.as_array().cloned().unwrap();
        let mut list = documents.as_array().cloned().unwrap();
        for stage in &stages {
            let stage = Stage::parse(stage).map_err(|refusal| refusal.message)?;
            list = stage.run(list).map_err(|refusal| refusal.message)?;
        }
        Ok(list.into())
    }

    fn orders() -> Value {
        json!([
            {"city": "Wien", "amount": 10, "tags": ["a", "b"]},
            {"city": "Graz", "amount": 5.5, "tags": ["b"]},
            {"city": "Wien", "amount": 30},
            {"city": "Graz"},
        ])
    }

    #[test]
    fn every_accumulator_has_mongodbs_result() {
        let group = json!([
            {"$group": {
                "_id": "$city", "sum": {"$sum": "$amount"}, "count": {"$sum": 1}, "avg": {"$avg": "$amount"},
                "min": {"$min": "$amount"}, "max": {"$max": "$amount"}, "first": {"$first": "$amount"},
                "last": {"$last": "$amount"}, "push": {"$push": "$amount"}, "set": {"$addToSet": "$city"},
            }},
            {"$sort": {"_id": -1}},
        ]);
        let expected = json!([
            {"_id": "Wien", "sum": 40, "count": 2, "avg": 20.0, "min": 10, "max": 30, "first": 10, "last": 30,
             "push": [10, 30], "set": ["Wien"]},
            {"_id": "Graz", "sum": 5.5, "count": 2, "avg": 5.5, "min": 5.5, "max": 5.5, "first": 5.5, "last": null,
             "push": [5.5], "set": ["Graz"]},
        ]);
        assert_eq!(run(orders(), group), Ok(expected));
    }

    #[test]
    fn unwind_count_skip_and_limit_change_the_number_of_documents() {
        let count = |stages: Value| run(orders(), stages);
        let unwound = json!([{"$unwind": "$tags"}, {"$count": "n"}]);
        assert_eq!(count(unwound), Ok(json!([{"n": 3}])));
        let kept = json!([{"$unwind": {"path": "$tags", "preserveNullAndEmptyArrays": true}}, {"$count": "n"}]);
        assert_eq!(count(kept), Ok(json!([{"n": 5}])));
        let cut = json!([{"$skip": 1}, {"$limit": 2}, {"$count": "n"}]);
        assert_eq!(count(cut), Ok(json!([{"n": 2}])));
        assert_eq!(count(json!([{"$skip": 9}, {"$count": "n"}])), Ok(json!([])));
    }

    #[test]
    fn project_keeps_removes_and_computes_fields() {
        let first = |project: Value| {
            let list = run(
                json!([{"sk": "o-1", "data": {"a": 1, "b": 2}}]),
                json!([{"$project": project}]),
            );
            list.unwrap()[0].clone()
        };
        assert_eq!(first(json!({"data.a": 1})), json!({"data": {"a": 1}}));
        assert_eq!(
            first(json!({"data.a": 0})),
            json!({"sk": "o-1", "data": {"b": 2}})
        );
        assert_eq!(
            first(json!({"n": "$data.b", "sk": 1})),
            json!({"n": 2, "sk": "o-1"})
        );
    }

    #[test]
    fn unknown_names_are_refused_with_a_suggestion() {
        let refused = |stage: Value, meant: &str| {
            let message = run(orders(), json!([stage])).unwrap_err();
            assert!(message.contains(meant), "{message}");
        };
        refused(json!({"$macth": {}}), "did you mean `$match`?");
        refused(
            json!({"$group": {"_id": null, "n": {"$summ": 1}}}),
            "did you mean `$sum`?",
        );
        refused(json!({"$match": {"a": {"$gtt": 1}}}), "$gt");
        refused(json!({"$group": {"_id": {"$year": "$d"}}}), "`$year`");
        refused(json!({"$lookup": {}}), "`$lookup` is not");
        refused(json!({"$limit": -1}), "`$limit`");
    }

    #[test]
    fn a_pipeline_that_nests_documents_is_stopped() {
        let deep = vec!["a"; 60].join(".");
        let wrap = json!({"$project": {deep: "$a"}});
        let message = run(orders(), json!([{"$project": {"a": "$city"}}, wrap, wrap])).unwrap_err();
        assert!(message.contains("levels of nesting"), "{message}");
    }

    #[test]
    fn a_pipeline_that_multiplies_documents_is_stopped() {
        let list: Vec<u32> = (0..1000).collect();
        let documents = json!([{"a": list, "b": list}]);
        let pipeline = json!([{"$unwind": "$a"}, {"$unwind": "$b"}]);
        let message = run(documents, pipeline).unwrap_err();
        assert!(message.contains("narrower $match"), "{message}");
    }
}
