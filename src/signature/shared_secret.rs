//! Schemes that sign nothing: the secret itself is in the request. They prove who sent it, not what it says.
//!
//! [`SharedSecret`] is such a scheme as data; the scheme of this file has the secret in a header of the user's choice, for
//! platforms that can send fixed headers but sign nothing.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::{HeaderName, HeaderValue};
use std::borrow::Cow;

use super::{
    Facts, Judged, Judgement, KeyPair, NewSigner, NewVerifier, Options, Outgoing, Reason, Received,
    Scheme, SignatureError, Signed, Signer, Timing, Verifier, diagnose, header,
};
use crate::secret::Secret;

const NAME: &str = "shared-secret-header";
const HEADER: &str = "header";
const DEFAULT_HEADER: &str = "x-bridge-secret";

static FACTS: Facts = Facts {
    options: &[(HEADER, "the name of the header (default X-Bridge-Secret)")],
    header: Some(DEFAULT_HEADER),
    covers_body: false,
    ..Facts::new(NAME, "a fixed secret in a header; the body is not covered")
};

pub(super) static SCHEME: SharedSecret = SharedSecret {
    facts: &FACTS,
    sample: ("shared-", 16),
    check: |options, _| header_name(options).map(drop),
    read: |options, received| {
        let name = header_name(options).unwrap_or(HeaderName::from_static(DEFAULT_HEADER));
        header::single(received.headers, &name).map(Cow::Borrowed)
    },
    write: |options, secret, _| {
        let value = sensitive(NAME, secret)?;
        Ok(vec![(header_name(options)?, value)].into())
    },
};

fn header_name(options: &Options) -> Result<HeaderName, SignatureError> {
    let name = options.get(HEADER).unwrap_or(DEFAULT_HEADER);
    name.parse().map_err(|_| SignatureError::BadOption {
        scheme: NAME,
        option: HEADER,
        expected: "the name of a header",
    })
}

/// The secret of a request, or the judgement on a request without one.
type ReadSecret<'a> = Result<Cow<'a, [u8]>, Box<Judgement>>;

/// A scheme whose secret is in the request.
#[derive(Clone, Copy)]
pub(super) struct SharedSecret {
    pub(super) facts: &'static Facts,
    /// The form of a secret: the text before the random part, and the number of random bytes.
    pub(super) sample: (&'static str, usize),
    /// Refuses options and secrets that the scheme cannot use.
    pub(super) check: fn(&Options, &str) -> Result<(), SignatureError>,
    /// Reads the secret from a request.
    pub(super) read: for<'a> fn(&Options, &Received<'a>) -> ReadSecret<'a>,
    /// Adds the secret to a message.
    pub(super) write: fn(&Options, &str, &Outgoing<'_>) -> Result<Signed, SignatureError>,
}

impl SharedSecret {
    fn usable(&self, secret: &Secret, options: &Options) -> Result<Secret, SignatureError> {
        (self.check)(options, super::text_of(self.facts.name, secret)?)?;
        Ok(secret.clone())
    }
}

impl Scheme for SharedSecret {
    fn facts(&self) -> &'static Facts {
        self.facts
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        let (prefix, length) = self.sample;
        Some(KeyPair::hex(prefix, &random[..length]))
    }

    fn new_verifier(&self, secrets: &[Secret], options: &Options) -> NewVerifier {
        Ok(Box::new(SecretVerifier {
            secrets: super::keys(self.facts.name, secrets, |secret| {
                self.usable(secret, options)
            })?,
            options: options.clone(),
            scheme: *self,
        }))
    }

    fn new_signer(&self, secret: &Secret, _more: &[Secret], options: &Options) -> NewSigner {
        Ok(Box::new(SecretSigner {
            secret: self.usable(secret, options)?,
            options: options.clone(),
            scheme: *self,
        }))
    }
}

struct SecretVerifier {
    secrets: Vec<Secret>,
    options: Options,
    scheme: SharedSecret,
}

impl Verifier for SecretVerifier {
    fn judge(&self, received: &Received<'_>, _timing: Timing) -> Judged {
        let given = (self.scheme.read)(&self.options, received)?;
        let matches = |text: &str| verify_slices_are_equal(text.as_bytes(), &given).is_ok();
        let mut secrets = self.secrets.iter();
        if let Some(matched) = secrets.position(|secret| matches(secret.reveal())) {
            return Ok(Judgement::valid(matched));
        }
        let hint = match diagnose::matches_trimmed(&self.secrets, matches) {
            true => diagnose::WHITESPACE,
            false => diagnose::OTHER_SECRET,
        };
        Err(Judgement::refused(Reason::SecretMismatch, hint))
    }
}

struct SecretSigner {
    secret: Secret,
    options: Options,
    scheme: SharedSecret,
}

impl Signer for SecretSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        (self.scheme.write)(&self.options, self.secret.reveal(), message)
    }
}

/// A header's value that logs must not show.
pub(super) fn sensitive(scheme: &'static str, text: &str) -> Result<HeaderValue, SignatureError> {
    let bad = |_| SignatureError::BadSecret {
        scheme,
        expected: "text that a header can hold",
    };
    let mut value = HeaderValue::from_str(text).map_err(bad)?;
    value.set_sensitive(true);
    Ok(value)
}
