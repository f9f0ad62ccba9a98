//! The repository over HTTP.

mod aggregate;
mod change;

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::State;
use super::auth::Caller;
use super::chaos;
use super::find::{self, Filter, FindError, Search};
use super::model;
use super::repository::find_by_id;
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Lints, Refusal, answer, json_response};
use crate::dev::host::request::JsonObject;
use crate::json::kind_of;
use crate::store::{Connection, Store, StoreError};

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
        .route("GET", "/repository/search/{datatype}", search_by_query)
        .route(
            "POST",
            "/repository/aggregate/{datatype}",
            aggregate::aggregate,
        )
        .merge(change::routes())
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
pub(super) async fn page(
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
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    search_for(&state, caller, lints, datatype, body).await
}

/// The same search with its options in the query string.
async fn search_by_query(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    lints: Lints,
    Path(datatype): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    let text = |(name, value): (String, String)| (name, Value::String(value));
    let options = query.into_iter().map(text).collect();
    search_for(&state, caller, lints, datatype, options).await
}

async fn search_for(
    state: &State,
    caller: Caller,
    lints: Lints,
    datatype: String,
    mut options: Map<String, Value>,
) -> Result<Response, Refusal> {
    let Some(Value::String(keyword)) = options.remove("keyword") else {
        return Err(Refusal::bad_request(
            "missing_field",
            "`keyword` is required, as a string",
        ));
    };
    let filter = Filter::keyword(&keyword);
    page(state, caller, datatype, filter, &options, &lints).await
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

pub(super) async fn one(
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
