//! Page visits, which a website's script reports.

use std::sync::Arc;

use axum::extract::State as FromState;
use axum::http::StatusCode;
use axum::response::Response;

use super::{data_of, raised};
use crate::dev::appengine::State;
use crate::dev::appengine::auth::Org;
use crate::dev::appengine::model::Draft;
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::flow::Cause;

pub(super) fn routes() -> Routes<Arc<State>> {
    Routes::new().route("POST", "/tools/web-visit", visit)
}

/// Stores a visit and raises `page.visited`. Needs no token, because visitors have none.
async fn visit(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let draft = Draft {
        datatype: "page_visit".to_owned(),
        data: data_of(body),
        ..Draft::default()
    };
    let record = state
        .change(move |repository, tx| {
            let record = repository.add(tx, &org, draft, &Cause::default())?;
            repository.emit(tx, raised(&org, "page.visited", &record))?;
            Ok(record)
        })
        .await?;
    Ok(answer(StatusCode::CREATED, &record))
}
