//! Cross-origin requests (CORS): pages of this machine and of allowed hosts may call the platforms' port.
//!
//! Answers name the page's own origin, never `*`, and allow no credentials: clients send their token in a header. Pages of other
//! origins get none of these headers.

use std::sync::Arc;

use axum::extract::{Request, State as FromState};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::hosts::Hosts;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
/// The headers that AppEngine's clients send.
const HEADERS: &str = "authorization, cache-control, content-type, orgid, pragma, shared-org-id, x-client-authorization, domainAsOrg, x-api-key";
/// Further headers that are allowed when a page asks for them.
const ON_REQUEST: [&str; 14] = [
    "accept",
    "accept-language",
    "appid",
    "content-language",
    "deviceid",
    "idempotency-key",
    "if-modified-since",
    "if-none-match",
    "last-event-id",
    "range",
    "traceparent",
    "x-device-id",
    "x-request-id",
    "x-requested-with",
];
/// The headers of answers that scripts may read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "x-evt-system, x-evt-platform, x-evt-request-id, x-evt-lint, x-evt-chaos, retry-after",
);
/// Browsers store the answer to a preflight this many seconds. Chromium's own limit is two hours.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const PRIVATE_ASKED: HeaderName = HeaderName::from_static("access-control-request-private-network");
const PRIVATE: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// The outermost layer: answers preflights, and names the origin in all other answers, also in refusals.
pub(crate) async fn layer(
    FromState(hosts): FromState<Arc<Hosts>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(origin) = hosts.page(&request) else {
        return next.run(request).await;
    };
    let mut response = if is_preflight(&request) {
        preflight(request.headers())
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    response
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight(asked: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed_headers(asked));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    let vary = "Access-Control-Request-Headers, Access-Control-Request-Private-Network";
    headers.append(header::VARY, HeaderValue::from_static(vary));
    if asked
        .get(PRIVATE_ASKED)
        .is_some_and(|value| value == "true")
    {
        headers.insert(PRIVATE, HeaderValue::from_static("true"));
    }
    response
}

/// The headers of the clients, and those of [`ON_REQUEST`] that the page asks for.
fn allowed_headers(asked: &HeaderMap) -> HeaderValue {
    let names: Vec<String> = asked
        .get_all(header::ACCESS_CONTROL_REQUEST_HEADERS)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let mut text = HEADERS.to_owned();
    for known in ON_REQUEST {
        if names.iter().any(|name| name == known) {
            text.push_str(", ");
            text.push_str(known);
        }
    }
    HeaderValue::from_str(&text).expect("the names are plain text")
}
