//! The responses that senders receive.

use std::str::FromStr;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::json;
use thiserror::Error;

use crate::event::Event;
use crate::signature::Reason;
use crate::store::StoreError;

/// Seconds after which a sender may retry when its event could not be stored.
const RETRY_AFTER_SECONDS: &str = "5";

pub(super) type Reply = Response<Full<Bytes>>;

/// A fixed response: `--respond CODE[:BODY]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Respond {
    pub status: StatusCode,
    pub body: Bytes,
}

impl Respond {
    pub(super) fn reply(&self) -> Reply {
        with_status(self.status, self.body.clone())
    }
}

impl FromStr for Respond {
    type Err = RespondError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (code, body) = text.split_once(':').unwrap_or((text, ""));
        let status = code
            .parse::<u16>()
            .ok()
            .filter(|code| (200..600).contains(code));
        let status = status.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or_else(|| RespondError {
            code: code.to_owned(),
        })?;
        Ok(Self {
            status,
            body: Bytes::copy_from_slice(body.as_bytes()),
        })
    }
}

/// An invalid `--respond`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{code}` is not a status from 200 to 599; write CODE or CODE:BODY, such as 503 or 200:ok")]
pub struct RespondError {
    pub code: String,
}

pub(super) fn with_status(status: StatusCode, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    reply
}

fn json_reply(status: StatusCode, body: String) -> Reply {
    let mut reply = with_status(status, body.into());
    let json = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(CONTENT_TYPE, json);
    reply
}

pub(super) fn received(status: StatusCode, event: &Event) -> Reply {
    let reference = event.seq.map(|seq| seq.to_string()).unwrap_or_default();
    json_reply(
        status,
        format!("{{\"received\":true,\"ref\":\"{reference}\"}}\n"),
    )
}

pub(super) fn problem(status: StatusCode, error: &str, message: &str) -> Reply {
    json_reply(
        status,
        format!("{}\n", json!({ "error": error, "message": message })),
    )
}

/// A 503 that asks the sender to retry.
pub(super) fn unavailable(error: &str, message: &str) -> Reply {
    let mut reply = problem(StatusCode::SERVICE_UNAVAILABLE, error, message);
    let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
    reply.headers_mut().insert(RETRY_AFTER, seconds);
    reply
}

pub(super) fn not_stored(error: &StoreError) -> Reply {
    unavailable("not_kept", &error.to_string())
}

/// The reply to a request whose verification failed.
pub(super) fn unauthorized(event: &Event) -> Reply {
    let reason = event
        .verdict
        .as_ref()
        .map_or("signature_mismatch", |verdict| verdict.reason.as_str());
    // The signature could not be checked. It may be valid, so the sender is asked to retry.
    if reason == Reason::CertUnavailable.code() {
        return unavailable(
            reason,
            "the certificate or key of the signature cannot be fetched",
        );
    }
    problem(
        StatusCode::UNAUTHORIZED,
        reason,
        "the signature is not valid",
    )
}
