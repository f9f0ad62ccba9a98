//! Sending test events: one message signed and shown, sent once, tampered with, or sent many times.
//!
//! Bodies come from `sample`. Storing and reporting a failed event is up to the caller.

pub mod burst;
pub mod check;
mod histogram;
pub mod publish;
pub mod tamper;
pub mod wire;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use uuid::Uuid;

use crate::dial::Call;
use crate::grammar::target::Target;
use crate::secret::Secret;
use crate::signature::{Options, Outgoing, Scheme, SignatureError, Signed, Signer};
use crate::time::Timestamp;

/// How much of an answer's body is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// A message before it is signed.
pub struct Message {
    pub target: Target,
    /// The URL of the target, for signatures that cover it.
    pub url: String,
    /// Path and query, only for `unix:` targets.
    pub path: Option<String>,
    /// Without the headers of the signature.
    pub headers: HeaderMap,
    pub body: Bytes,
    /// `None` sends the message unsigned.
    pub signing: Option<Signing>,
    pub timeout: Duration,
}

/// The scheme that signs a message, with its options and secrets.
pub struct Signing {
    pub scheme: &'static dyn Scheme,
    pub options: Options,
    /// The first of the secrets. There are several while a secret is being replaced.
    pub secret: Secret,
    signer: Box<dyn Signer>,
}

impl Signing {
    /// # Errors
    /// [`SignatureError::NoSecret`] for an empty list, and if the scheme cannot use a secret or an option.
    pub fn new(
        scheme: &'static dyn Scheme,
        options: Options,
        secrets: &[Secret],
    ) -> Result<Self, SignatureError> {
        let signer = scheme.rotating_signer(secrets, &options)?;
        let secret = secrets.first().ok_or(SignatureError::NoSecret {
            scheme: scheme.name(),
        })?;
        Ok(Self {
            scheme,
            options,
            secret: secret.clone(),
            signer,
        })
    }
}

/// Returns a new message id. Retries keep the id; every other message has its own.
pub fn new_id() -> String {
    id_of(Uuid::now_v7())
}

/// Returns the message id that is made from a UUID.
pub fn id_of(id: Uuid) -> String {
    format!("msg_{}", id.simple())
}

impl Message {
    /// Returns the signature with this id and time; an empty one if the message is unsigned.
    ///
    /// # Errors
    /// If the scheme cannot sign the body.
    pub fn signature(&self, id: &str, now: Timestamp) -> Result<Signed, SignatureError> {
        self.signature_of(&self.body, id, now)
    }

    fn signature_of(
        &self,
        body: &Bytes,
        id: &str,
        now: Timestamp,
    ) -> Result<Signed, SignatureError> {
        let Some(signing) = &self.signing else {
            return Ok(Signed::default());
        };
        signing.signer.sign(&Outgoing {
            id,
            timestamp: now,
            url: &self.url,
            headers: &self.headers,
            body,
        })
    }

    /// Switches to the URL that the scheme wants to call, if it adds a parameter to the query.
    ///
    /// # Errors
    /// If the scheme cannot sign the body.
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

    /// Returns the request, signed with this id and time.
    ///
    /// # Errors
    /// If the scheme cannot sign the body.
    pub fn call(&self, id: &str, now: Timestamp) -> Result<Call, SignatureError> {
        Ok(self.call_with(self.signature(id, now)?))
    }

    fn call_with(&self, signed: Signed) -> Call {
        let mut headers = self.headers.clone();
        for (name, value) in signed.headers {
            // A header that the user gave with -H wins, so that wrong headers can be tried.
            headers.entry(name).or_insert(value);
        }
        Call {
            method: Method::POST,
            target: self.target.clone(),
            path: self.path.clone(),
            headers,
            body: signed.body.unwrap_or_else(|| self.body.clone()),
            timeout: self.timeout,
            max_answer: MAX_ANSWER,
        }
    }
}
