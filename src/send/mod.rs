//! Sending made-up events: one message signed and shown, sent once, sent wrongly on purpose, or sent very many times.
//!
//! Where bodies come from is `sample`'s to know; what becomes of an event that failed is the caller's.

pub mod burst;
pub(crate) mod curl;
mod histogram;
pub mod tamper;
pub mod wire;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use uuid::Uuid;

use crate::dial::Call;
use crate::grammar::target::Target;
use crate::signature::{Outgoing, Signer};
use crate::time::Timestamp;

/// Bytes of an answer that are kept.
const MAX_ANSWER: usize = 64 * 1024;

/// What is to be sent, before it is signed.
pub struct Message {
    pub target: Target,
    /// The target's URL, where a signature covers it.
    pub url: String,
    /// Path and query, for `unix:` targets alone.
    pub path: Option<String>,
    /// Without those of the signature, which are put in their place.
    pub headers: HeaderMap,
    pub body: Bytes,
    /// `None` sends unsigned.
    pub signer: Option<Box<dyn Signer>>,
    pub timeout: Duration,
}

/// A new message id; the same over retries, another for each message.
pub fn new_id() -> String {
    id_of(Uuid::now_v7())
}

/// The message id that stands for this one.
pub fn id_of(id: Uuid) -> String {
    format!("msg_{}", id.simple())
}

impl Message {
    /// The headers of the signature made under this id at this time; none where nothing signs.
    pub fn signature(&self, id: &str, now: Timestamp) -> Vec<(HeaderName, HeaderValue)> {
        let Some(signer) = &self.signer else {
            return Vec::new();
        };
        signer.sign(&Outgoing {
            id,
            timestamp: now,
            url: &self.url,
            body: &self.body,
        })
    }

    /// The request, signed under this id at this time.
    pub fn call(&self, id: &str, now: Timestamp) -> Call {
        self.call_with(self.signature(id, now), self.body.clone())
    }

    /// All headers of the request, signed under this id at this time.
    fn headers_for(&self, id: &str, now: Timestamp) -> HeaderMap {
        self.joined(self.signature(id, now))
    }

    fn joined(&self, signature: Vec<(HeaderName, HeaderValue)>) -> HeaderMap {
        let mut headers = self.headers.clone();
        for (name, value) in signature {
            // What a person wrote with -H stays: it is how a wrong header is tried out.
            headers.entry(name).or_insert(value);
        }
        headers
    }

    fn call_with(&self, signature: Vec<(HeaderName, HeaderValue)>, body: Bytes) -> Call {
        Call {
            method: Method::POST,
            target: self.target.clone(),
            path: self.path.clone(),
            headers: self.joined(signature),
            body,
            timeout: self.timeout,
            max_answer: MAX_ANSWER,
        }
    }
}
