//! Why a stream cannot be followed.

use std::error::Error;
use std::time::Duration;

use http::StatusCode;
use thiserror::Error;

use crate::broker::BrokerError;
use crate::dial::DialError;

/// Why a stream cannot be followed.
#[derive(Debug, Error)]
pub enum SourceError {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error("{target} responded with {status}")]
    Refused {
        target: String,
        status: StatusCode,
        /// The start of the body as text.
        body: String,
        retry_after: Option<Duration>,
    },
    #[error("{target} is not a stream: it responded with {content_type}")]
    NotAStream {
        target: String,
        content_type: String,
        body: String,
    },
    #[error("{target} redirects {why}")]
    Redirect { target: String, why: String },
    /// Refused by the protocol: Socket.IO's `CONNECT_ERROR`.
    #[error("the server refused {what}: {message}")]
    Denied {
        what: String,
        message: String,
        /// Details from the server, as JSON.
        data: Option<String>,
        /// Whether the refusal is about credentials.
        auth: bool,
    },
    #[error("the server closed the connection with {code}{}{reason}", if reason.is_empty() { "" } else { ": " })]
    Closed { code: u16, reason: String },
    #[error("a message is larger than the allowed {limit} bytes")]
    TooLarge { limit: usize },
    #[error("cannot make the credentials")]
    Credentials(#[source] Box<dyn Error + Send + Sync>),
    /// The server has no Socket.IO, or has it at another path.
    #[error("{target} sent no Engine.IO handshake: {why}")]
    NotEngineIo {
        target: String,
        why: String,
        /// The server opened a WebSocket.
        is_websocket: bool,
    },
    /// The same server does so again, so this is not retried.
    #[error("the server violated the protocol: {why}")]
    Protocol { why: String },
    #[error("gave up after {retries} retries")]
    Spent {
        retries: u32,
        /// The last failure.
        source: Box<SourceError>,
    },
    /// Reconnecting is disabled.
    #[error("the connection was lost: {why}")]
    Lost { why: String },
}

impl SourceError {
    /// Returns whether the same attempt may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Dial(error) => error.is_transient(),
            Self::Broker(error) => error.is_transient(),
            Self::Refused { status, .. } => {
                status.is_server_error()
                    || *status == StatusCode::TOO_MANY_REQUESTS
                    || *status == StatusCode::REQUEST_TIMEOUT
            }
            Self::Lost { .. } | Self::NotEngineIo { .. } => true,
            Self::NotAStream { .. }
            | Self::Redirect { .. }
            | Self::Denied { .. }
            | Self::Closed { .. }
            | Self::TooLarge { .. }
            | Self::Protocol { .. }
            | Self::Credentials(_)
            | Self::Spent { .. } => false,
        }
    }

    /// The delay that the server requested.
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::Refused {
                retry_after: Some(wait),
                ..
            } => *wait,
            _ => Duration::ZERO,
        }
    }
}
