//! Signature schemes: one file a scheme, each signs and verifies raw bytes. Pure: the clock is an argument, keys are given.
//!
//! Fetching certificates and keeping replay caches do not belong here.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use thiserror::Error;

use crate::event::Verdict;
use crate::secret::Secret;
use crate::time::Timestamp;

/// The request as a verifier sees it: the bytes as they came.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    pub method: &'a str,
    /// The public URL that the sender called, as far as it is known.
    pub url: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// A message about to be signed.
#[derive(Clone, Debug)]
pub struct Outgoing<'a> {
    /// The message id (`webhook-id`): the same over retries.
    pub id: &'a str,
    pub timestamp: Timestamp,
    pub url: &'a str,
    pub body: &'a Bytes,
}

/// A row of [`SCHEMES`].
pub trait Scheme: Sync {
    /// As people write it: `standard-webhooks`.
    fn name(&self) -> &'static str;
    /// One line for the help.
    fn summary(&self) -> &'static str;
    /// The options that `SCHEME:key=value,…` takes, each with what it means.
    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }
    /// A secret of the form that this scheme wants, made of the given random bytes.
    fn sample_secret(&self, random: &[u8; 32]) -> Secret;
    /// Prepares keys once, so that each request costs its MAC alone. Several secrets: any one may match (rotation).
    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError>;
    fn signer(&self, secret: &Secret, options: &Options)
    -> Result<Box<dyn Signer>, SignatureError>;
}

/// Prepared keys of one scheme.
pub trait Verifier: Send + Sync {
    /// Judges one request. `tolerance`: the window around `now`; zero switches the clock's check off; schemes without a timestamp ignore it.
    ///
    /// Never fails: a bad signature is a value, see [`Reason`].
    fn verify(&self, received: &Received<'_>, now: Timestamp, tolerance: Duration) -> Judgement;
}

/// A prepared key that signs.
pub trait Signer: Send + Sync {
    /// The headers to send with the message.
    fn sign(&self, message: &Outgoing<'_>) -> Vec<(HeaderName, HeaderValue)>;
}

/// `key=value` options of a scheme, in the order given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(pub Vec<(String, String)>);

/// What a verifier found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub reason: Reason,
    /// Which of the secrets matched, by position.
    pub matched: Option<usize>,
    /// The diagnosis: what would have matched, the skew in seconds, …
    pub hint: Option<String>,
}

/// Why a signature is valid or not; the codes are those of the test vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Ok,
    SignatureMismatch,
    TimestampTooOld,
    TimestampTooNew,
    MalformedTimestamp,
    MissingHeader,
    DuplicateHeader,
    MalformedHeader,
    MalformedSignature,
    NoSupportedSignature,
    SecretMismatch,
}

impl Judgement {
    /// The form in which the judgement is kept beside its event.
    pub fn verdict(self, scheme: &str) -> Verdict {
        Verdict {
            scheme: scheme.to_owned(),
            ok: self.reason == Reason::Ok,
            reason: self.reason.code().to_owned(),
            hint: self.hint,
        }
    }
}

impl Reason {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::SignatureMismatch => "signature_mismatch",
            Self::TimestampTooOld => "timestamp_too_old",
            Self::TimestampTooNew => "timestamp_too_new",
            Self::MalformedTimestamp => "malformed_timestamp",
            Self::MissingHeader => "missing_header",
            Self::DuplicateHeader => "duplicate_header",
            Self::MalformedHeader => "malformed_header",
            Self::MalformedSignature => "malformed_signature",
            Self::NoSupportedSignature => "no_supported_signature",
            Self::SecretMismatch => "secret_mismatch",
        }
    }
}

/// A scheme, secret or option that cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SignatureError {
    #[error("there is no signature scheme `{name}`")]
    UnknownScheme {
        name: String,
        suggestion: Option<&'static str>,
    },
    #[error("scheme `{scheme}` has no option `{option}`")]
    UnknownOption {
        scheme: &'static str,
        option: String,
    },
    #[error("scheme `{scheme}` needs the option `{option}`")]
    MissingOption {
        scheme: &'static str,
        option: &'static str,
    },
    #[error("option `{option}` of scheme `{scheme}` is not {expected}")]
    BadOption {
        scheme: &'static str,
        option: &'static str,
        expected: &'static str,
    },
    #[error("the secret for `{scheme}` is not {expected}")]
    BadSecret {
        scheme: &'static str,
        expected: &'static str,
    },
    #[error("scheme `{scheme}` needs a secret")]
    NoSecret { scheme: &'static str },
}

/// Every scheme, in the order of the help.
pub const SCHEMES: &[&dyn Scheme] = &[];

/// Finds a scheme by name, or says which one may have been meant.
pub fn find(name: &str) -> Result<&'static dyn Scheme, SignatureError> {
    SCHEMES
        .iter()
        .copied()
        .find(|scheme| scheme.name() == name)
        .ok_or_else(|| SignatureError::UnknownScheme {
            name: name.to_owned(),
            suggestion: None,
        })
}
