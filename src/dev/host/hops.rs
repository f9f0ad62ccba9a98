//! Requests that other evt processes passed on: refused after too many, and otherwise the start of a chain that is already long.
//!
//! Without this, a flow whose webhook is this platform would start itself for ever: each request would be the start of a new chain,
//! which circular prevention cannot see.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::refusal::Refusal;
use crate::hops;

tokio::task_local! {
    static HOPS: u32;
}

/// Returns the hops of the request that the current task handles: the depth of the events that it raises.
pub(crate) fn current() -> u32 {
    HOPS.try_with(|hops| *hops).unwrap_or(0)
}

/// The layer around all routes.
pub(crate) async fn gate(request: Request, next: Next) -> Response {
    match hops::of(request.headers()) {
        0 => next.run(request).await,
        hops if hops::may_pass_on(request.headers()) => HOPS.scope(hops, next.run(request)).await,
        _ => Refusal::new(StatusCode::LOOP_DETECTED, hops::CODE, hops::REASON).into_response(),
    }
}
