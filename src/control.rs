//! Client of the control API (`/_evt/*`) of a running `evt dev`. The client of a platform's own interface is in `api`.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;
use thiserror::Error;

use crate::dial::{AddressPolicy, Call, DialError, Dialer};
use crate::explain::{Exit, Explain, Explanation};
use crate::grammar::target::Target;
use crate::running::Running;
use crate::secret::Secret;

/// Generous for a local call, because a reset of much data takes long.
const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// A client of a control API.
#[derive(Clone)]
pub struct Control {
    url: String,
    token: Secret,
    dialer: Dialer,
}

/// Why a call failed.
#[derive(Debug, Error)]
pub enum ControlError {
    #[error("cannot reach the control port at {url}")]
    Unreachable { url: String, source: DialError },
    #[error("{message}")]
    Refused {
        status: StatusCode,
        /// The error code of the response: `unknown_event`.
        code: String,
        message: String,
    },
    #[error("the response of the control port at {url} is not JSON")]
    Unreadable { url: String },
}

impl Explain for ControlError {
    fn explain(&self) -> Explanation {
        match self {
            Self::Unreachable { .. } => {
                Explanation::new(Exit::Unreachable, "not_running").hint("start one: evt dev")
            }
            Self::Refused { status, code, .. } => {
                let (exit, code, hint) = match (status.as_u16(), code.as_str()) {
                    (_, "unknown_event") => (Exit::Usage, "unknown_event", "evt send --list"),
                    (_, "unknown_queue") => (Exit::NotFound, "unknown_queue", "evt queue list"),
                    (_, "unknown_setting") => (Exit::Usage, "unknown_setting", "evt dev set"),
                    (_, "bad_setting") => (Exit::Usage, "bad_setting", "evt dev set"),
                    (_, "bad_agent" | "too_many_agents") => (
                        Exit::Usage,
                        "bad_agent",
                        "evt dev ai --help     shows the format of a file",
                    ),
                    (_, "clock_backwards") => (
                        Exit::Usage,
                        "clock_backwards",
                        "evt dev reset     deletes all data and makes the clock real; or --allow-backwards",
                    ),
                    (_, "bad_time") => (Exit::Usage, "bad_time", "evt dev clock --help"),
                    (400, _) => (Exit::Usage, "refused", "evt dev --help"),
                    (401 | 403, _) => (
                        Exit::NotAllowed,
                        "not_allowed",
                        "evt dev stop, then evt dev: the token belongs to another run",
                    ),
                    (404, _) => (Exit::NotFound, "not_found", "evt dev status"),
                    _ => (Exit::Refused, "refused", "evt dev status"),
                };
                Explanation::new(exit, code).hint(hint)
            }
            Self::Unreadable { .. } => {
                Explanation::new(Exit::Refused, "not_a_platform").hint("evt dev status")
            }
        }
    }
}

impl Control {
    /// Creates a client for a running `evt dev`.
    pub fn of(running: &Running) -> Self {
        Self::at(
            running.control_url.clone(),
            Secret::new(running.control_token.as_str()),
        )
    }

    /// Creates a client for a URL without a trailing slash.
    pub fn at(url: String, token: Secret) -> Self {
        Self {
            url,
            token,
            dialer: Dialer::new(AddressPolicy::Local),
        }
    }

    /// Sends GET for a path with its query. Cancel safe.
    pub async fn get(&self, path: &str) -> Result<Value, ControlError> {
        self.call(Method::GET, path, None, TIMEOUT).await
    }

    /// Sends POST with a JSON body. A cancelled call may still take effect.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ControlError> {
        self.call(Method::POST, path, Some(body), TIMEOUT).await
    }

    /// [`Control::post`] for a call that takes longer.
    pub async fn post_within(
        &self,
        path: &str,
        body: &Value,
        timeout: Duration,
    ) -> Result<Value, ControlError> {
        self.call(Method::POST, path, Some(body), timeout).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        timeout: Duration,
    ) -> Result<Value, ControlError> {
        let url = format!("{}{path}", self.url);
        let unreachable = |source| ControlError::Unreachable {
            url: self.url.clone(),
            source,
        };
        let target: Target = url.parse().map_err(|_| {
            let url = url.clone();
            unreachable(DialError::BadTarget { url })
        })?;
        let call = Call {
            method,
            target,
            path: None,
            headers: self.headers(),
            body: body.map_or_else(Bytes::new, |body| body.to_string().into()),
            timeout,
            max_answer: MAX_ANSWER,
        };
        let answer = self.dialer.send(call).await.map_err(unreachable)?;
        let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
        match body {
            Some(body) if answer.status.is_success() => Ok(body),
            Some(body) => Err(refused(answer.status, &body)),
            None => Err(ControlError::Unreadable {
                url: self.url.clone(),
            }),
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // A token that is not a valid header value is wrong anyway; the platform refuses the call without it.
        if let Ok(mut token) = HeaderValue::from_str(&format!("Bearer {}", self.token.reveal())) {
            token.set_sensitive(true);
            headers.insert(AUTHORIZATION, token);
        }
        headers
    }
}

fn refused(status: StatusCode, body: &Value) -> ControlError {
    let text = |field: &str| body.get(field).and_then(Value::as_str).map(str::to_owned);
    ControlError::Refused {
        status,
        code: text("code").unwrap_or_else(|| "refused".to_owned()),
        message: text("message").unwrap_or_else(|| format!("the control port answered {status}")),
    }
}
