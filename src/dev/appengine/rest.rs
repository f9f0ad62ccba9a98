//! The repository over HTTP.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use axum::extract::{Path, Query, State as FromState};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use super::State;
use super::auth::Caller;
use super::chaos;
use super::find::{self, Filter, FindError, Search};
use super::model::{self, Draft};
use super::repository::{Edit, find_by_id};
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Lints, Refusal, answer, json_response};
use crate::dev::host::request::{JsonBody, JsonObject};
use crate::flow::{Cause, RecordError};
use crate::json::kind_of;
use crate::store::{Connection, Store, StoreError};

/// Maximum number of ids in a request to delete.
const MAX_DELETES: usize = 1000;

/// The routes of the repository.
pub(crate) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("POST", "/repository/find/{datatype}", find)
        .route("GET", "/repository/get/{datatype}/{*id}", get_one)
        .route(
            "GET",
            "/repository/find-any-id/{datatype}/{*id}",
            find_any_id,
        )
        .route(
            "GET",
            "/repository/find-page-data/{datatype}",
            find_page_data,
        )
        .route(
            "GET",
            "/repository/find-by-attribute/{datatype}/{attribute}/{value}",
            find_by_attribute,
        )
        .route("POST", "/repository/search/{datatype}", search)
        .route("POST PUT", "/repository/create", create)
        .route("POST PUT", "/repository/create/{datatype}", create_of)
        .route("POST PUT", "/repository/update/{id}", update)
        .route("POST PUT", "/repository/update/{datatype}/{*id}", update_of)
        .route(
            "POST",
            "/repository/update-partial/{datatype}/{*id}",
            update_partial,
        )
        .route("DELETE", "/repository/delete/{datatype}/{*id}", delete_one)
        .route("POST", "/repository/delete/{datatype}", delete_many)
        .route("POST", "/repository/aggregate/{datatype}", aggregate)
}

impl From<FindError> for Refusal {
    fn from(error: FindError) -> Self {
        let code = match error {
            FindError::Query(_) | FindError::DateOperator { .. } => "bad_query",
            FindError::BadTime { .. } => "bad_time",
            FindError::BadOption { .. } => "bad_option",
            FindError::TooDeep { .. } => "page_too_deep",
            FindError::Store(error) => return error.into(),
        };
        Self::bad_request(code, error.to_string())
    }
}

async fn find(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    lints: Lints,
    Path(datatype): Path<String>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let (query, options) = asked(body, &lints)?;
    if let Some(rules) = state.settings.chaos().rules() {
        let asked = (datatype, query, options);
        return chaos::find(&state, rules, caller, asked, &lints).await;
    }
    let filter = Filter::parse(&query)?;
    page(&state, caller, datatype, filter, &options, &lints).await
}

/// The query and the options of a body. Other members are ignored and reported.
fn asked(
    mut body: Map<String, Value>,
    lints: &Lints,
) -> Result<(Value, Map<String, Value>), Refusal> {
    for key in body.keys() {
        // The real platform ignores it silently and returns the first page of all records.
        if !matches!(key.as_str(), "query" | "options") {
            lints.add(format!(
                "key `{key}` is ignored: only `query` and `options` are read, so this may find more than intended"
            ));
        }
    }
    let query = body.remove("query").unwrap_or_default();
    match body.remove("options") {
        None | Some(Value::Null) => Ok((query, Map::new())),
        Some(Value::Object(options)) => Ok((query, options)),
        Some(other) => Err(Refusal::bad_request(
            "bad_option",
            format!("`options` accepts an object, not {}", kind_of(&other)),
        )),
    }
}

/// Runs a search and returns a page.
async fn page(
    state: &State,
    caller: Caller,
    datatype: String,
    filter: Filter,
    options: &Map<String, Value>,
    lints: &Lints,
) -> Result<Response, Refusal> {
    model::check_name("datatype", &datatype)?;
    let search = Search::new(filter, options, state.page_cap, &mut |finding| {
        lints.add(finding);
    })?;
    let page = searching(&state.host.store, &state.searches, move |connection| {
        find::run(connection, &caller.org, &datatype, &search)
    })
    .await?;
    Ok(answer(StatusCode::OK, &page))
}

/// Runs a search when a permit is free, because each may read all records.
///
/// Dropping the future does not stop a running search, so the search itself holds the permit.
pub(crate) async fn searching<T, F>(
    store: &Store,
    turns: &Arc<Semaphore>,
    op: F,
) -> Result<T, FindError>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T, FindError> + Send + 'static,
{
    let turn = Arc::clone(turns).acquire_owned().await;
    store
        .read(move |connection| {
            let _turn = turn;
            op(connection)
        })
        .await
}

async fn find_page_data(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    lints: Lints,
    Path(datatype): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    let names = [
        ("p", "page"),
        ("ps", "pageSize"),
        ("s", "sort"),
        ("st", "sortType"),
    ];
    let mut options = Map::new();
    for (short, name) in names {
        if let Some(value) = query.get(short).filter(|value| !value.is_empty()) {
            options.insert(name.to_owned(), Value::String(value.clone()));
        }
    }
    let filter = Filter::parse(&Value::Null)?;
    page(&state, caller, datatype, filter, &options, &lints).await
}

async fn find_by_attribute(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    lints: Lints,
    Path((datatype, attribute, value)): Path<(String, String, String)>,
) -> Result<Response, Refusal> {
    let filter = Filter::attribute(&attribute, &value);
    page(&state, caller, datatype, filter, &Map::new(), &lints).await
}

async fn search(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    lints: Lints,
    Path(datatype): Path<String>,
    JsonObject(mut body): JsonObject,
) -> Result<Response, Refusal> {
    let keyword = match body.remove("keyword") {
        Some(Value::String(keyword)) => keyword,
        _ => {
            return Err(Refusal::bad_request(
                "missing_field",
                "`keyword` is required, as a string",
            ));
        }
    };
    page(
        &state,
        caller,
        datatype,
        Filter::keyword(&keyword),
        &body,
        &lints,
    )
    .await
}

async fn get_one(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path((datatype, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    one(&state, caller, Some(datatype), id).await
}

async fn find_any_id(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path((datatype, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let (any, org) = (id.clone(), caller.org.clone());
    let found = state
        .host
        .store
        .read(
            move |connection| match find_by_id(connection, &org, Some(&datatype), &any)? {
                Some(text) => Ok::<_, StoreError>(Some(text)),
                None => find_by_id(connection, &org, None, &any),
            },
        )
        .await?;
    match found {
        Some(text) => Ok(json_response(StatusCode::OK, text.into_bytes())),
        None => Err(Refusal::not_found(format!("there is no record `{id}`"))),
    }
}

async fn one(
    state: &State,
    caller: Caller,
    datatype: Option<String>,
    id: String,
) -> Result<Response, Refusal> {
    let (wanted, of) = (id.clone(), datatype.clone());
    let found = state
        .host
        .store
        .read(move |connection| find_by_id(connection, &caller.org, of.as_deref(), &wanted))
        .await?;
    match found {
        Some(text) => Ok(json_response(StatusCode::OK, text.into_bytes())),
        None => Err(Refusal::not_found(format!(
            "there is no {} `{id}`",
            datatype.as_deref().unwrap_or("record")
        ))),
    }
}

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
    let datatype = match datatype {
        Some(datatype) => datatype,
        None => text(&mut body, "datatype")?.ok_or_else(|| {
            Refusal::bad_request("missing_field", "`datatype` is required, as a string")
        })?,
    };
    let is_new = ["isNew", "new"]
        .iter()
        .any(|key| body.get(*key) == Some(&Value::Bool(true)));
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
        owner: text(&mut body, "owner")?,
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
    let datatype = body.get("datatype").and_then(Value::as_str);
    let datatype = datatype.map(str::to_owned);
    edit(&state, caller, datatype, id, replacement(body)?).await
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
    Path((datatype, id)): Path<(String, String)>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    if body.is_empty() {
        return Err(Refusal::bad_request(
            "missing_field",
            "the body must have a path to change, such as `{\"data.email\": \"…\"}`",
        ));
    }
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

async fn delete_many(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(datatype): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Refusal> {
    let ids: Option<Vec<String>> =
        body.as_array()
            .filter(|ids| ids.len() <= MAX_DELETES)
            .map(|ids| {
                let texts = ids.iter().filter_map(Value::as_str);
                texts.map(str::to_owned).collect()
            });
    let Some(ids) = ids else {
        return Err(Refusal::bad_request(
            "bad_body",
            format!("the body must be a list of ids, {MAX_DELETES} at most"),
        ));
    };
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

async fn aggregate(_: Caller, Path(datatype): Path<String>) -> Refusal {
    Refusal::not_implemented(format!(
        "aggregation pipelines are not supported yet: use POST /repository/find/{datatype} and aggregate the records yourself"
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::store::Kind;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_search_holds_its_permit_after_its_caller_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("platform.db"), Kind::Platform).unwrap();
        let turns = Arc::new(Semaphore::new(1));
        let (began, has_begun) = tokio::sync::oneshot::channel();
        let (end, may_end) = mpsc::channel::<()>();
        let search = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move {
                searching(&store, &turns, move |_| {
                    let _ = began.send(());
                    let _ = may_end.recv();
                    Ok(())
                })
                .await
            }
        });
        has_begun.await.unwrap();
        search.abort();
        assert!(search.await.unwrap_err().is_cancelled());
        assert_eq!(turns.available_permits(), 0);
        end.send(()).unwrap();
        assert!(turns.acquire().await.is_ok());
    }
}
