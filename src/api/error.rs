//! Errors of a call: no response, a response that cannot be read, or a refusal by the platform.

use std::fmt;
use std::io;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use super::DecodeError;
use crate::dial::DialError;
use crate::explain::{Exit, Explain, Explanation};

/// Why a call failed.
#[derive(Debug, Error)]
pub enum ApiError {
    #[error("`{url}` is not a valid platform URL: {reason}")]
    BadUrl { url: String, reason: &'static str },
    /// An org or a token that is not a valid header value.
    #[error("the {what} contains characters that are not allowed in a header")]
    BadHeader { what: &'static str },
    /// An id or datatype that would change the path.
    #[error("`{name}` is not a valid {what}")]
    BadName { what: &'static str, name: String },
    #[error("cannot reach {origin}")]
    Unreachable { origin: String, source: Why },
    #[error("{origin} sent more than {} MiB", .limit / (1024 * 1024))]
    TooLarge { origin: String, limit: usize },
    /// Redirects are followed only within the origin, so that no other server gets the org and the token.
    #[error("{from} redirects to {to}{path}, which is another origin")]
    ForeignRedirect {
        from: String,
        /// The other origin.
        to: String,
        path: String,
    },
    /// To a page on which users sign in.
    #[error("the server redirects to {to} ({status}) instead of answering")]
    LoginRedirect { to: String, status: u16 },
    /// The status does not allow to send the request's body again.
    #[error("the server redirects to {to} ({status}), which would drop the body of the request")]
    RedirectedBody { to: String, status: u16 },
    #[error("{origin} redirects more than {limit} times")]
    RedirectLoop { origin: String, limit: usize },
    #[error("the response of {origin} is not {expected}")]
    Unreadable {
        origin: String,
        expected: &'static str,
        source: Unread,
    },
    #[error("the response of {origin} cannot be read")]
    Undecodable { origin: String, source: DecodeError },
    #[error("the response of {origin} does not contain {what}")]
    Incomplete { origin: String, what: &'static str },
    #[error("{0}")]
    Refused(Box<Refusal>),
}

impl Explain for ApiError {
    fn explain(&self) -> Explanation {
        let refused = |code| Explanation::new(Exit::Refused, code);
        match self {
            Self::BadUrl { .. } => Explanation::usage("bad_url").hint("evt profile list"),
            Self::BadHeader { .. } => Explanation::usage("bad_header").hint("evt profile list"),
            Self::BadName { .. } => Explanation::usage("bad_name"),
            Self::Unreachable { source, .. } => source.explain(),
            Self::TooLarge { .. } => {
                refused("answer_too_large").hint("evt records list contact --page-size 10")
            }
            Self::ForeignRedirect { to, .. } => {
                refused("foreign_redirect").hint(format!("evt profile login --url {to}"))
            }
            Self::LoginRedirect { .. } => {
                Explanation::new(Exit::NotAllowed, "login_redirect").hint("evt profile login")
            }
            Self::RedirectedBody { .. } => refused("redirected").hint("evt profile show"),
            Self::RedirectLoop { .. } => refused("redirect_loop").hint("evt profile show"),
            Self::Unreadable { .. } | Self::Undecodable { .. } | Self::Incomplete { .. } => {
                refused("bad_answer").hint("evt profile whoami")
            }
            Self::Refused(refusal) => refusal.explain(),
        }
    }
}

impl ApiError {
    /// The refusal of the platform, if the error is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the platform does not have the requested path, or not for this method.
    pub fn is_missing(&self) -> bool {
        self.refusal()
            .is_some_and(|refusal| matches!(refusal.status, 404 | 405))
    }
}

/// Why a response is not what was expected.
#[derive(Debug, Error)]
pub enum Unread {
    /// JSON, but of another form.
    #[error(transparent)]
    Form(serde_json::Error),
    /// Not JSON: a description of what came.
    #[error("it is {0}")]
    Other(String),
}

/// Why no response came.
#[derive(Debug, Error)]
pub enum Why {
    #[error("connection refused; nothing listens on that port")]
    Refused,
    #[error("the name `{host}` cannot be resolved")]
    Name { host: String },
    #[error("no response within {} s", .limit.as_secs_f32())]
    Timeout { limit: Duration },
    #[error("the connection was lost before the response was complete")]
    Broken(#[source] io::Error),
    /// TLS, a proxy, or an address that is not dialled.
    #[error(transparent)]
    Dial(Box<DialError>),
}

impl Explain for Why {
    fn explain(&self) -> Explanation {
        let (code, hint) = match self {
            Self::Refused => ("platform_refused_connection", "evt dev"),
            Self::Name { .. } => ("name_not_found", "evt profile list"),
            Self::Timeout { .. } => ("timeout", "--timeout 2m     waits longer"),
            Self::Broken(_) => ("connection_broken", "evt doctor"),
            Self::Dial(error) => return error.explain(),
        };
        Explanation::new(Exit::Unreachable, code).hint(hint)
    }
}

impl Why {
    pub(super) fn of(error: DialError) -> Self {
        match error {
            DialError::Refused { source, .. }
                if source.kind() == io::ErrorKind::ConnectionRefused =>
            {
                Self::Refused
            }
            DialError::Name { host, .. } => Self::Name { host },
            DialError::Timeout { limit, .. } | DialError::Silent { limit, .. } => {
                Self::Timeout { limit }
            }
            DialError::Broken { source, .. } => Self::Broken(io::Error::other(source)),
            other => Self::Dial(Box::new(other)),
        }
    }

    /// Whether the same call may succeed a moment later. On loopback a refused connection means that the server is not running.
    pub(super) fn is_transient(&self, loopback: bool) -> bool {
        match self {
            Self::Refused => !loopback,
            Self::Timeout { .. } | Self::Broken(_) => true,
            Self::Name { .. } => false,
            Self::Dial(error) => error.is_transient(),
        }
    }
}

/// A response with an error status, parsed from any of the platform's error formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// `missing_orgid`, `token_expired`, …: the code for programs.
    pub code: Option<String>,
    pub message: String,
    /// Details in addition to the message.
    pub reason: Option<String>,
    /// The wait that the platform asked for (`Retry-After`).
    pub retry_after: Option<Duration>,
}

impl Refusal {
    fn explain(&self) -> Explanation {
        if self.code.as_deref() == Some("missing_orgid") {
            return Explanation::new(Exit::Refused, "missing_orgid")
                .hint("evt profile whoami --org my-org");
        }
        match self.status {
            401 | 403 => {
                Explanation::new(Exit::NotAllowed, "not_allowed").hint("evt profile login")
            }
            404 => Explanation::new(Exit::NotFound, "not_found"),
            429 => self.busy("too_many_requests"),
            503 => self.busy("platform_busy"),
            _ => Explanation::new(Exit::Refused, "platform_refused"),
        }
    }

    /// Hints at the platform's `Retry-After`, if it is longer than a command may wait.
    fn busy(&self, code: &'static str) -> Explanation {
        let explanation = Explanation::new(Exit::Refused, code);
        match self.retry_after {
            Some(wait) => explanation.hint(format!("sleep {}   and try again", wait.as_secs())),
            None => explanation,
        }
    }
}

impl Refusal {
    /// Parses the platform's formats `{statusCode, error, reason, path}` and `{statusCode, message, error}` (the message may be a
    /// list), their union, and responses of proxies.
    pub fn read(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let text = |key: &str| value.get(key).and_then(message_text);
        let error = text("error");
        let reason = text("reason");
        let message = text("message")
            .or_else(|| error.clone())
            .or_else(|| reason.clone())
            .or_else(|| plain_text(body))
            .unwrap_or_else(|| standard_reason(status).to_owned());
        Self {
            status,
            code: text("code").or_else(|| reason.clone().filter(|word| is_code(word))),
            reason: reason.filter(|reason| *reason != message && !is_code(reason)),
            message,
            retry_after,
        }
    }

    /// Whether the call may succeed with a new token.
    pub fn is_expired_token(&self) -> bool {
        self.status == 401 && self.code.as_deref() == Some("token_expired")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the platform refused ({}): {}",
            self.status, self.message
        )?;
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        Ok(())
    }
}

fn message_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Array(list) => {
            let parts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            (!parts.is_empty()).then(|| parts.join("; "))
        }
        Value::Object(inner) => inner.get("message").and_then(message_text),
        _ => None,
    }
}

fn is_code(word: &str) -> bool {
    word.contains('_')
        && word
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The first line of a response that is neither JSON nor HTML.
fn plain_text(body: &[u8]) -> Option<String> {
    const LONGEST: usize = 200;
    let text = std::str::from_utf8(body).ok()?.trim();
    let line = text.lines().next()?.trim();
    let is_markup = text.starts_with(['<', '{', '[']);
    (!is_markup && !line.is_empty()).then(|| line.chars().take(LONGEST).collect())
}

fn standard_reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("no reason given")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Refusal {
        Refusal::read(status, body.as_bytes(), None)
    }

    #[test]
    fn the_format_with_error_and_reason_is_parsed() {
        let refusal = read(
            400,
            r#"{"statusCode":400,"error":"orgid header is required","reason":"missing_orgid","path":"/x"}"#,
        );
        assert_eq!(refusal.code.as_deref(), Some("missing_orgid"));
        assert_eq!(refusal.message, "orgid header is required");
        assert_eq!(refusal.reason, None);
    }

    #[test]
    fn the_format_with_a_list_of_messages_is_parsed() {
        let refusal = read(
            422,
            r#"{"statusCode":422,"message":["name is empty","type is unknown"],"error":"Unprocessable Entity"}"#,
        );
        assert_eq!(refusal.message, "name is empty; type is unknown");
        assert_eq!(refusal.code, None);
    }

    #[test]
    fn the_union_of_both_formats_is_parsed() {
        let refusal = read(
            401,
            r#"{"statusCode":401,"error":"Unauthorized","message":"the token has expired","reason":"signed in too long ago","code":"token_expired","path":"/x"}"#,
        );
        assert!(refusal.is_expired_token());
        assert_eq!(
            refusal.to_string(),
            "the platform refused (401): the token has expired (signed in too long ago)"
        );
    }

    #[test]
    fn a_response_in_another_format_has_a_message() {
        assert_eq!(read(502, "<html>oops</html>").message, "Bad Gateway");
        assert_eq!(
            read(503, "down for a moment\nmore").message,
            "down for a moment"
        );
        assert_eq!(read(599, "").message, "no reason given");
        assert_eq!(
            read(500, &"[".repeat(100_000)).message,
            "Internal Server Error"
        );
    }
}
