//! How the platform says no: one body that readers of either of its two error shapes understand, and the headers of every answer.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use uuid::Uuid;

use crate::flow::RecordError;
use crate::store::StoreError;

const SYSTEM: HeaderName = HeaderName::from_static("x-evt-system");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-evt-request-id");
const LINT: HeaderName = HeaderName::from_static("x-evt-lint");
/// Findings in one answer, and the bytes of the header that carries them.
const MAX_LINTS: usize = 8;
const MAX_LINT_BYTES: usize = 2048;

/// A request that is not answered as it was meant.
///
/// It becomes `{statusCode, error, message, reason, code, path}`: the platform answers in one of two shapes (its own
/// filter's and the framework's), and this is their union.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub status: StatusCode,
    /// The word that clients look at: `missing_orgid`, `token_expired`, …
    pub code: &'static str,
    /// What is wrong, for a person; may hold text of the caller, and travels as JSON only.
    pub message: String,
    /// What would mend it, where that is known.
    pub hint: Option<String>,
}

impl Refusal {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            hint: None,
        }
    }

    /// The same, with what would mend it.
    pub fn with_hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }

    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub fn unauthorized(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }

    pub fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// For what the platform has and this one does not do yet: never ignored, never pretended.
    pub fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", message)
    }

    /// Its JSON, for a request of this path.
    pub(crate) fn body(&self, path: &str) -> Vec<u8> {
        let mut body = json!({
            "statusCode": self.status.as_u16(),
            "error": self.status.canonical_reason().unwrap_or("Error"),
            "message": self.message,
            "reason": self.code,
            "code": self.code,
            "path": path,
        });
        if let Some(hint) = &self.hint {
            body["hint"] = hint.as_str().into();
        }
        body.to_string().into_bytes()
    }
}

/// The body is written by [`finish`], which knows the path.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let (status, code) = match &error {
            StoreError::Full(_) => (StatusCode::INSUFFICIENT_STORAGE, "storage_full"),
            StoreError::Locked(_) | StoreError::Stopped => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            }
            StoreError::Open { .. }
            | StoreError::Folder { .. }
            | StoreError::Damaged { .. }
            | StoreError::Newer { .. }
            | StoreError::Sql(_)
            | StoreError::Panicked => (StatusCode::INTERNAL_SERVER_ERROR, "storage_failed"),
        };
        tracing::error!(%error, "The store refused an operation.");
        Self::new(status, code, error.to_string())
    }
}

impl From<RecordError> for Refusal {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::NotFound { .. } => Self::not_found(error.to_string()),
            RecordError::Refused { reason } => Self::bad_request("bad_request", reason),
            RecordError::Store(error) => error.into(),
        }
    }
}

/// What this request did that a real platform would take silently and wrongly; told in `x-evt-lint`.
#[derive(Clone, Default)]
pub struct Lints(Arc<Mutex<Vec<String>>>);

impl Lints {
    pub fn add(&self, finding: impl Into<String>) {
        let mut findings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if findings.len() < MAX_LINTS {
            findings.push(finding.into());
        }
    }

    fn header(&self) -> Option<HeaderValue> {
        let findings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if findings.is_empty() {
            return None;
        }
        let text: String = findings
            .join("; ")
            .chars()
            .flat_map(char::escape_default)
            .take(MAX_LINT_BYTES)
            .collect();
        HeaderValue::from_str(&text.replace("\\\"", "\"").replace("\\'", "'")).ok()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Lints {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// The outermost layer: gives refusals their body, and every answer its `x-evt-*` headers.
pub(crate) async fn finish(mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let lints = Lints::default();
    request.extensions_mut().insert(lints.clone());
    let mut response = next.run(request).await;
    let refusal = response
        .extensions_mut()
        .remove::<Refusal>()
        .or_else(|| plain_refusal(&response));
    if let Some(refusal) = refusal {
        let allow = response.headers_mut().remove(header::ALLOW);
        response = json_response(refusal.status, refusal.body(&path));
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    let headers = response.headers_mut();
    headers
        .entry(SYSTEM)
        .or_insert(HeaderValue::from_static("appengine"));
    if let Ok(id) = HeaderValue::from_str(&Uuid::now_v7().to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(findings) = lints.header() {
        headers.insert(LINT, findings);
    }
    response
}

/// Errors of the framework itself (a path that is no UTF-8, say), which it answers with plain text.
fn plain_refusal(response: &Response) -> Option<Refusal> {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    let reason = status.canonical_reason().unwrap_or("Error");
    (is_error && !is_json).then(|| Refusal::new(status, "bad_request", reason.to_lowercase()))
}

/// A response whose body is this JSON text.
pub fn json_response(status: StatusCode, body: Vec<u8>) -> Response {
    let content_type = HeaderValue::from_static("application/json; charset=utf-8");
    (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
}

/// A response whose body is this value as JSON.
pub fn answer(status: StatusCode, value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => json_response(status, body),
        Err(error) => Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "not_serializable",
            error.to_string(),
        )
        .into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_the_fields_of_both_shapes() {
        let refusal = Refusal::bad_request("missing_orgid", "orgid header is required");
        let body: serde_json::Value = serde_json::from_slice(&refusal.body("/x")).unwrap();
        let expected = json!({
            "statusCode": 400, "error": "Bad Request", "message": "orgid header is required",
            "reason": "missing_orgid", "code": "missing_orgid", "path": "/x",
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn findings_never_break_the_header_they_travel_in() {
        let lints = Lints::default();
        lints.add("key `a\r\nset-cookie: x=1\u{1b}[31m` was ignored");
        let header = lints.header().unwrap();
        assert!(header.to_str().unwrap().contains("\\r\\n"), "{header:?}");
    }
}
