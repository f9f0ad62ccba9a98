//! Sending made-up events: one message signed and shown, sent once, sent wrongly on purpose, or sent very many times.
//!
//! Where bodies come from is `sample`'s to know; what becomes of an event that failed is the caller's.

pub mod burst;
pub mod check;
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
use crate::signature::{Outgoing, SignatureError, Signed, Signer};
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
    /// What is signed under this id at this time; nothing where nothing signs.
    ///
    /// # Errors
    /// Where the scheme cannot sign such a body.
    pub fn signature(&self, id: &str, now: Timestamp) -> Result<Signed, SignatureError> {
        self.signature_of(&self.body, id, now)
    }

    fn signature_of(
        &self,
        body: &Bytes,
        id: &str,
        now: Timestamp,
    ) -> Result<Signed, SignatureError> {
        let Some(signer) = &self.signer else {
            return Ok(Signed::default());
        };
        signer.sign(&Outgoing {
            id,
            timestamp: now,
            url: &self.url,
            headers: &self.headers,
            body,
        })
    }

    /// Takes over the URL that the scheme wants to be called, where it puts something into the query. Tells whether the
    /// message can be signed at all.
    ///
    /// # Errors
    /// Where the scheme cannot sign such a body.
    pub fn adopt_url(&mut self) -> Result<(), SignatureError> {
        let signed = self.signature("msg_url", Timestamp::from_secs(0))?;
        if let Some(url) = signed.url
            && let Ok(target) = url.parse()
        {
            self.target = target;
            self.url = url;
        }
        Ok(())
    }

    /// The request, signed under this id at this time.
    ///
    /// # Errors
    /// Where the scheme cannot sign such a body.
    pub fn call(&self, id: &str, now: Timestamp) -> Result<Call, SignatureError> {
        Ok(self.call_with(self.signature(id, now)?))
    }

    fn joined(&self, signature: Vec<(HeaderName, HeaderValue)>) -> HeaderMap {
        let mut headers = self.headers.clone();
        for (name, value) in signature {
            // What a person wrote with -H stays: it is how a wrong header is tried out.
            headers.entry(name).or_insert(value);
        }
        headers
    }

    fn call_with(&self, signed: Signed) -> Call {
        Call {
            method: Method::POST,
            target: self.target.clone(),
            path: self.path.clone(),
            headers: self.joined(signed.headers),
            body: signed.body.unwrap_or_else(|| self.body.clone()),
            timeout: self.timeout,
            max_answer: MAX_ANSWER,
        }
    }
}
