//! The CRM routes that create a record and raise an event.

use std::sync::Arc;

use axum::extract::{Path, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::State;
use super::auth::{Caller, Org};
use super::model::Draft;
use super::repository::Edit;
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::flow::{Cause, NewEvent};

/// The routes below `/crm`.
pub(super) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("POST", "/crm/contact-form/json/{app}/{name}", contact_form)
        .route(
            "POST",
            "/crm/contact-form/post/{app}/{name}",
            contact_form_post,
        )
        .route("POST", "/crm/leads/qualify/{*id}", qualify_lead)
}

async fn contact_form(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    Path((app, name)): Path<(String, String)>,
    JsonObject(mut data): JsonObject,
) -> Result<Response, Refusal> {
    data.entry("source")
        .or_insert_with(|| format!("{app}/{name}").into());
    let draft = Draft {
        datatype: "contact".to_owned(),
        data,
        ..Draft::default()
    };
    let record = state
        .change(move |repository, tx| repository.add(tx, &org, draft, &Cause::default()))
        .await?;
    Ok(answer(StatusCode::CREATED, &record))
}

async fn contact_form_post(_: Org, Path((app, name)): Path<(String, String)>) -> Refusal {
    Refusal::not_implemented(format!(
        "HTML form posts are not supported yet: send the fields as JSON to /crm/contact-form/json/{app}/{name}"
    ))
}

async fn qualify_lead(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let record = state
        .change(move |repository, tx| {
            let changes = json!({ "data.status": "qualified" });
            let changes = changes.as_object().cloned().unwrap_or_default();
            let (org, edit) = (&caller.org, Edit::Partial(changes));
            let record = repository.edit(tx, org, Some("lead"), &id, edit, &Cause::default())?;
            repository.emit(tx, raised(org, "lead.qualified", &record))?;
            Ok(record)
        })
        .await?;
    Ok(answer(StatusCode::OK, &record))
}

fn raised(org: &str, kind: &str, record: &Value) -> NewEvent {
    NewEvent {
        org: org.to_owned(),
        kind: kind.to_owned(),
        data: record.clone(),
        before: None,
        cause: Cause::default(),
    }
}
