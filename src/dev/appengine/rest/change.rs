//! Requests that change records.

use std::sync::Arc;

use aws_lc_rs::digest;
use axum::extract::{Path, State as FromState};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::dev::appengine::State;
use crate::dev::appengine::auth::Caller;
use crate::dev::appengine::model::{self, Draft};
use crate::dev::appengine::repository::Edit;
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Lints, Refusal, answer};
use crate::dev::host::request::{JsonBody, JsonObject};
use crate::flow::{Cause, RecordError};
use crate::json::kind_of;

/// Maximum number of ids in a request to delete or to change states.
const MAX_IDS: usize = 1000;

/// The routes that change records.
pub(super) fn routes() -> Routes<Arc<State>> {
    let mut routes = Routes::new()
        .route("POST PUT", "/repository/create", create)
        .route("POST PUT", "/repository/create/{datatype}", create_of)
        .route("POST PUT", "/repository/update", update_named)
        .route("POST PUT", "/repository/update/{id}", update)
        .route("POST PUT", "/repository/update/{datatype}/{*id}", update_of)
        .route(
            "POST PUT",
            "/repository/update-partial/{datatype}/{*id}",
            update_partial,
        )
        .route("DELETE", "/repository/delete/{datatype}/{*id}", delete_one)
        .route("POST", "/repository/delete/{datatype}", delete_many)
        // axum needs the same name for both methods; here it is an id.
        .route("DELETE", "/repository/delete/{datatype}", delete_any);
    for (verb, state) in VERBS {
        let change =
            move |from: FromState<Arc<State>>, caller, body| set_state(from, caller, body, state);
        routes = routes.route("POST PUT", &format!("/repository/{verb}"), change);
    }
    routes
}

/// The verbs that set a state, with the state.
const VERBS: [(&str, &str); 4] = [
    ("publish", "published"),
    ("unpublish", "draft"),
    ("approve", "approved"),
    ("reject", "rejected"),
];

async fn create(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    method: Method,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    create_record(&state, caller, &method, None, body).await
}

async fn create_of(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    method: Method,
    Path(datatype): Path<String>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    create_record(&state, caller, &method, Some(datatype), body).await
}

async fn create_record(
    state: &Arc<State>,
    caller: Caller,
    method: &Method,
    datatype: Option<String>,
    body: Map<String, Value>,
) -> Result<Response, Refusal> {
    let is_repeat = state.settings.refuses_repeats();
    let fingerprint = fingerprint(&caller.org, datatype.as_deref(), &body);
    let draft = draft(&caller, datatype, body)?;
    if is_repeat && state.last_create() == Some(fingerprint) {
        // The real platform does the same: it creates nothing and returns an empty body.
        return Ok(StatusCode::OK.into_response());
    }
    let record = state
        .change(move |repository, tx| repository.add(tx, &caller.org, draft, &Cause::default()))
        .await?;
    state.set_last_create(Some(fingerprint));
    let status = if method == Method::PUT {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok(answer(status, &record))
}

fn fingerprint(org: &str, datatype: Option<&str>, body: &Map<String, Value>) -> [u8; 32] {
    let text = json!([org, datatype, body]).to_string();
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}

fn draft(
    caller: &Caller,
    datatype: Option<String>,
    mut body: Map<String, Value>,
) -> Result<Draft, Refusal> {
    let is_named = datatype.is_some();
    let datatype = match datatype {
        Some(datatype) => datatype,
        None => text(&mut body, "datatype")?.ok_or_else(|| {
            Refusal::bad_request("missing_field", "`datatype` is required, as a string")
        })?,
    };
    let given = ["isNew", "new"].iter().find_map(|key| body.get(*key));
    // A path with a datatype can only mean a new record, unless the body says otherwise.
    let is_new = given.map_or(is_named, |given| given == &Value::Bool(true));
    if !is_new {
        return Err(Refusal::bad_request(
            "not_new",
            format!(
                "Not a new {datatype}, please use update or set the new property (`\"isNew\": true`)"
            ),
        ));
    }
    let data = match body.remove("data") {
        Some(Value::Object(data)) => data,
        _ => {
            return Err(Refusal::bad_request(
                "missing_field",
                "`data` is required, as an object",
            ));
        }
    };
    Ok(Draft {
        datatype,
        sk: text(&mut body, "sk")?,
        name: text(&mut body, "name")?,
        state: text(&mut body, "state")?,
        data,
        author: text(&mut body, "author")?.or_else(|| Some(caller.principal.email.clone())),
        owner: body.remove("owner").filter(|owner| !owner.is_null()),
    })
}

fn text(body: &mut Map<String, Value>, field: &str) -> Result<Option<String>, Refusal> {
    match body.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Refusal::bad_request(
            "bad_field",
            format!("`{field}` accepts a string, not {}", kind_of(&other)),
        )),
    }
}

async fn update(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let datatype = datatype_of(&body);
    edit(&state, caller, datatype, id, replacement(body)?).await
}

/// An update with the id in the body.
async fn update_named(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let (datatype, id) = (datatype_of(&body), id_of(&body)?);
    edit(&state, caller, datatype, id, replacement(body)?).await
}

fn datatype_of(body: &Map<String, Value>) -> Option<String> {
    let datatype = body.get("datatype").and_then(Value::as_str);
    datatype.map(str::to_owned)
}

/// The id in a body, which may be a whole record.
fn id_of(body: &Map<String, Value>) -> Result<String, Refusal> {
    ["sk", "id"]
        .iter()
        .find_map(|field| body.get(*field)?.as_str())
        .map(str::to_owned)
        .ok_or_else(|| {
            Refusal::bad_request("missing_field", "`sk` or `id` is required, as a string")
        })
}

async fn update_of(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path((datatype, id)): Path<(String, String)>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    edit(&state, caller, Some(datatype), id, replacement(body)?).await
}

async fn update_partial(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    lints: Lints,
    Path((datatype, id)): Path<(String, String)>,
    JsonObject(mut body): JsonObject,
) -> Result<Response, Refusal> {
    if body.is_empty() {
        return Err(Refusal::bad_request(
            "missing_field",
            "the body must have a path to change, such as `{\"data.email\": \"…\"}`",
        ));
    }
    body.retain(|path, _| {
        let is_known = model::starts_at_root(path);
        if !is_known {
            lints.add(format!(
                "`{path}` is ignored: paths start at the record, so a field of its data is `data.{path}`"
            ));
        }
        is_known
    });
    edit(&state, caller, Some(datatype), id, Edit::Partial(body)).await
}

fn replacement(body: Map<String, Value>) -> Result<Edit, Refusal> {
    let changes = ["data", "name", "state", "author", "owner"];
    let names_one = changes.iter().any(|field| body.contains_key(*field));
    if !names_one || body.get("data").is_some_and(|data| !data.is_object()) {
        return Err(Refusal::bad_request(
            "missing_field",
            "an update needs `data` as an object, or `name`, `state`, `author` or `owner`: `{\"data\": {…}}`",
        ));
    }
    Ok(Edit::Replace(body))
}

async fn edit(
    state: &Arc<State>,
    caller: Caller,
    datatype: Option<String>,
    id: String,
    edit: Edit,
) -> Result<Response, Refusal> {
    let record = state
        .change(move |repository, tx| {
            let datatype = datatype.as_deref();
            repository.edit(tx, &caller.org, datatype, &id, edit, &Cause::default())
        })
        .await?;
    Ok(answer(StatusCode::OK, &record))
}

async fn delete_one(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path((datatype, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let record = state
        .change(move |repository, tx| {
            repository.remove(tx, &caller.org, Some(&datatype), &id, &Cause::default())
        })
        .await?;
    Ok(answer(StatusCode::OK, &record))
}

async fn delete_any(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let record = state
        .change(move |repository, tx| {
            repository.remove(tx, &caller.org, None, &id, &Cause::default())
        })
        .await?;
    Ok(answer(StatusCode::OK, &record))
}

/// Sets the state of one record (`{datatype, id}` or the whole record) or of several (`{datatype, ids}`).
async fn set_state(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    JsonObject(body): JsonObject,
    to: &'static str,
) -> Result<Response, Refusal> {
    let datatype = datatype_of(&body);
    let many = body.get("ids").map(ids_of).transpose()?;
    let is_list = many.is_some();
    let ids = match many {
        Some(ids) => ids,
        None => vec![id_of(&body)?],
    };
    let mut records = state
        .change(move |repository, tx| {
            let edit = |id: &String| {
                let change = Map::from_iter([("state".to_owned(), to.into())]);
                let (org, datatype) = (&caller.org, datatype.as_deref());
                let cause = Cause::default();
                repository.edit(tx, org, datatype, id, Edit::Partial(change), &cause)
            };
            ids.iter().map(edit).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let body = match records.pop() {
        Some(record) if !is_list => record,
        last => {
            records.extend(last);
            json!({ "data": records, "total": records.len() })
        }
    };
    Ok(answer(StatusCode::OK, &body))
}

/// The ids in a list.
fn ids_of(list: &Value) -> Result<Vec<String>, Refusal> {
    let list = list.as_array().filter(|ids| ids.len() <= MAX_IDS);
    let ids = list.and_then(|ids| {
        let ids = ids.iter().map(|id| id.as_str().map(str::to_owned));
        ids.collect()
    });
    ids.ok_or_else(|| {
        Refusal::bad_request(
            "bad_body",
            format!("ids are a list of texts, {MAX_IDS} at most"),
        )
    })
}

async fn delete_many(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(datatype): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Refusal> {
    let ids = ids_of(&body)?;
    let (deleted, missing) = state
        .change(move |repository, tx| {
            let (mut deleted, mut missing) = (Vec::new(), Vec::new());
            for id in ids {
                match repository.remove(tx, &caller.org, Some(&datatype), &id, &Cause::default()) {
                    Ok(record) => deleted.push(record["sk"].clone()),
                    Err(RecordError::NotFound { id, .. }) => missing.push(Value::String(id)),
                    Err(error) => return Err(error),
                }
            }
            Ok((deleted, missing))
        })
        .await?;
    Ok(answer(
        StatusCode::OK,
        &json!({ "deletedCount": deleted.len(), "deleted": deleted, "notFound": missing }),
    ))
}
