//! Contact forms of websites: as JSON, or as an HTML form that is redirected to its `successUrl`.

use std::sync::Arc;

use axum::extract::{Path, Request, State as FromState};
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value};

use crate::dev::appengine::State;
use crate::dev::appengine::auth::{Org, checked_org};
use crate::dev::appengine::model::Draft;
use crate::dev::appengine::redirect::{redirect, web_url, with_parameters};
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::flow::Cause;
use crate::multipart;
use crate::serve::{self, BodyLimits};
use crate::signature::query;

pub(super) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("POST", "/crm/contact-form/json/{app}/{name}", json_form)
        .route("POST", "/crm/contact-form/post/{app}/{name}", html_form)
}

async fn json_form(
    FromState(state): FromState<Arc<State>>,
    Org(org): Org,
    Path((app, name)): Path<(String, String)>,
    JsonObject(data): JsonObject,
) -> Result<Response, Refusal> {
    let record = add(&state, org, &app, &name, data).await?;
    Ok(answer(StatusCode::CREATED, &record))
}

/// A browser sends no `orgid` header with a form: the field `orgid` or the platform's organisation is used instead.
async fn html_form(
    FromState(state): FromState<Arc<State>>,
    Path((app, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let body = serve::read_body(body, &BodyLimits::default()).await?;
    let content_type = parts.headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let mut data = fields(content_type.unwrap_or_default(), &body)?;
    let org = match (parts.headers.get("orgid"), data.shift_remove("orgid")) {
        (Some(org), _) => checked_org(org.as_bytes())?,
        (None, Some(Value::String(org))) => checked_org(org.as_bytes())?,
        _ => state.org.clone(),
    };
    data.shift_remove("errorUrl");
    let target = match data.shift_remove("successUrl") {
        Some(Value::String(target)) if !target.is_empty() => Some(web_url(&target)?),
        _ => None,
    };
    let record = add(&state, org, &app, &name, data).await?;
    let Some(target) = target else {
        return Ok(answer(StatusCode::CREATED, &record));
    };
    let sk = record["sk"].as_str().unwrap_or_default();
    redirect(&with_parameters(&target, &[("ref", sk)]))
}

async fn add(
    state: &State,
    org: String,
    app: &str,
    name: &str,
    mut data: Map<String, Value>,
) -> Result<Value, Refusal> {
    data.entry("source")
        .or_insert_with(|| format!("{app}/{name}").into());
    let draft = Draft {
        datatype: "contact".to_owned(),
        data,
        ..Draft::default()
    };
    state
        .change(move |repository, tx| repository.add(tx, &org, draft, &Cause::default()))
        .await
}

/// The fields of an HTML form. Of several with one name, the first counts.
fn fields(content_type: &str, body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let mut fields = Map::new();
    let mut add = |name: &[u8], value: &[u8]| {
        let name = String::from_utf8_lossy(name).into_owned();
        let value = String::from_utf8_lossy(value).into_owned();
        fields.entry(name).or_insert(Value::String(value));
    };
    let is_urlencoded = content_type
        .to_ascii_lowercase()
        .starts_with("application/x-www-form-urlencoded");
    if let Some(boundary) = multipart::boundary(content_type) {
        for (name, value) in multipart::fields(body, boundary) {
            add(name.as_bytes(), value);
        }
    } else if is_urlencoded {
        for (name, value) in query::pairs(body) {
            add(&name, &value);
        }
    } else {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "bad_content_type",
            "the body must be multipart/form-data or application/x-www-form-urlencoded; JSON is accepted at /crm/contact-form/json",
        ));
    }
    Ok(fields)
}
