//! Refused requests: an error that its platform renders, and the headers of every response.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use uuid::Uuid;

use super::Platform;
use crate::flow::RecordError;
use crate::store::StoreError;

const SYSTEM: HeaderName = HeaderName::from_static("x-evt-system");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-evt-request-id");
const LINT: HeaderName = HeaderName::from_static("x-evt-lint");
/// Maximum number of findings in a response, and of bytes in the header that carries them.
const MAX_LINTS: usize = 8;
const MAX_LINT_BYTES: usize = 2048;

/// Why a request is refused.
///
/// The default rendering is `{statusCode, error, message, reason, code, path}`. AppEngine has two error formats, its own
/// and that of its framework; this is their union, so that clients of either understand it.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub status: StatusCode,
    /// The word that clients compare: `missing_orgid`, `token_expired`, …
    pub code: &'static str,
    /// Describes the problem. May contain text of the caller, so it is only sent as JSON.
    pub message: String,
    /// How to fix it, if known.
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

    /// Adds how to fix it.
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

    /// For a feature of the real platform that this one does not have yet. Such a request is never ignored.
    pub fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", message)
    }

    /// The response in the default form, for a request of `path`.
    pub fn response(&self, path: &str) -> Response {
        json_response(self.status, self.body(path))
    }

    fn body(&self, path: &str) -> Vec<u8> {
        let mut body = json!({
            "statusCode": self.status.as_u16(),
            // Some clients show `error`, others `message`.
            "error": self.message,
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

/// [`finish`] writes the body, because it knows the path.
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
            | StoreError::File { .. }
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

/// Mistakes in a request that the real platform would accept silently. They are reported in `x-evt-lint`.
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

/// Marks a response with the platform whose route answered.
#[derive(Clone)]
pub(crate) struct Answered(pub(crate) Arc<dyn Platform>);

/// Finds the platform that renders a refusal.
#[derive(Clone)]
pub(crate) struct Renderers {
    /// Longest prefix first. A path below none of them is rendered by [`Refusal::response`] for the system `evt`.
    by_prefix: Arc<[(&'static str, Arc<dyn Platform>)]>,
}

impl Renderers {
    /// The platforms by the prefixes below which they are mounted.
    pub(crate) fn new(mut by_prefix: Vec<(&'static str, Arc<dyn Platform>)>) -> Self {
        by_prefix.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Self {
            by_prefix: by_prefix.into(),
        }
    }

    fn find(&self, path: &str) -> Option<&Arc<dyn Platform>> {
        let is_below = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
        };
        let found = self.by_prefix.iter().find(|(prefix, _)| is_below(prefix));
        found.map(|(_, platform)| platform)
    }
}

/// The outermost layer: renders refusals, and adds the `x-evt-*` headers to every response.
pub(crate) async fn finish(
    State(renderers): State<Renderers>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let lints = Lints::default();
    request.extensions_mut().insert(lints.clone());
    let mut response = next.run(request).await;
    let answered = response.extensions_mut().remove::<Answered>();
    let platform = answered
        .as_ref()
        .map(|Answered(platform)| platform)
        .or_else(|| renderers.find(&path));
    let refusal = response
        .extensions_mut()
        .remove::<Refusal>()
        .or_else(|| plain_refusal(&response));
    if let Some(refusal) = refusal {
        let allow = response.headers_mut().remove(header::ALLOW);
        response = match platform {
            Some(platform) => platform.refusal(&refusal, &path),
            None => refusal.response(&path),
        };
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    let headers = response.headers_mut();
    let system = platform.map_or("evt", |platform| platform.name());
    headers
        .entry(SYSTEM)
        .or_insert(HeaderValue::from_static(system));
    if let Ok(id) = HeaderValue::from_str(&Uuid::now_v7().to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(findings) = lints.header() {
        headers.insert(LINT, findings);
    }
    response
}

/// An error of axum itself, such as a path that is not UTF-8, which axum answers with plain text.
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

/// A response with JSON text as its body.
pub fn json_response(status: StatusCode, body: Vec<u8>) -> Response {
    let content_type = HeaderValue::from_static("application/json; charset=utf-8");
    (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
}

/// A response with a value as its JSON body.
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
    fn a_refusal_has_the_fields_of_both_formats() {
        let refusal = Refusal::bad_request("missing_orgid", "orgid header is required");
        let body: serde_json::Value = serde_json::from_slice(&refusal.body("/x")).unwrap();
        let expected = json!({
            "statusCode": 400, "error": "orgid header is required", "message": "orgid header is required",
            "reason": "missing_orgid", "code": "missing_orgid", "path": "/x",
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn findings_are_escaped_in_their_header() {
        let lints = Lints::default();
        lints.add("key `a\r\nset-cookie: x=1\u{1b}[31m` was ignored");
        let header = lints.header().unwrap();
        assert!(header.to_str().unwrap().contains("\\r\\n"), "{header:?}");
    }
}
