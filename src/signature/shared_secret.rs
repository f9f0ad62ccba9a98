//! A secret that travels as it is in a header: proves who sent, not what. The way of platforms that can send fixed headers
//! and sign nothing.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::{HeaderName, HeaderValue};

use super::recipe::hex_keys;
use super::{
    Judgement, KeyPair, Options, Outgoing, Reason, Received, Scheme, SignatureError, Signed,
    Signer, Verifier, diagnose, header,
};
use crate::secret::Secret;
use crate::time::Timestamp;

const NAME: &str = "shared-secret-header";
const HEADER: &str = "header";
const DEFAULT_HEADER: &str = "X-Bridge-Secret";

pub(super) struct SharedSecret;

impl Scheme for SharedSecret {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "a fixed secret in a header; the body is not covered"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[(HEADER, "the header's name; X-Bridge-Secret if not given")]
    }

    fn header(&self) -> Option<&'static str> {
        Some("x-bridge-secret")
    }

    fn covers_body(&self) -> bool {
        false
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        Some(hex_keys("shared-", &random[..16]))
    }

    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        let header = header_name(options)?;
        let secrets = self::secrets(NAME, secrets)?;
        Ok(Box::new(SharedSecretVerifier { header, secrets }))
    }

    fn signer(
        &self,
        secret: &Secret,
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        let name = header_name(options)?;
        let text = super::not_empty(NAME, secret)?.reveal();
        let value = header_value(NAME, text)?;
        Ok(Box::new(SharedSecretSigner { name, value }))
    }
}

fn header_name(options: &Options) -> Result<HeaderName, SignatureError> {
    options.check(&SharedSecret)?;
    let name = options.get(HEADER).unwrap_or(DEFAULT_HEADER);
    name.parse().map_err(|_| SignatureError::BadOption {
        scheme: NAME,
        option: HEADER,
        expected: "the name of a header",
    })
}

struct SharedSecretVerifier {
    header: HeaderName,
    secrets: Vec<Secret>,
}

impl Verifier for SharedSecretVerifier {
    fn verify(
        &self,
        received: &Received<'_>,
        _now: Timestamp,
        _tolerance: Option<Duration>,
    ) -> Judgement {
        let given = match header::single(received.headers, &self.header) {
            Ok(given) => given,
            Err(reason) => return diagnose::header(reason, &self.header, received.headers),
        };
        judge(&self.secrets, given)
    }
}

/// The secrets of a scheme that compares them as they are.
pub(super) fn secrets(
    scheme: &'static str,
    secrets: &[Secret],
) -> Result<Vec<Secret>, SignatureError> {
    super::keys(scheme, secrets, |secret| {
        super::not_empty(scheme, secret).cloned()
    })
}

/// A header's value that no log may show.
pub(super) fn header_value(
    scheme: &'static str,
    text: &str,
) -> Result<HeaderValue, SignatureError> {
    let bad = |_| SignatureError::BadSecret {
        scheme,
        expected: "text that can stand in a header",
    };
    let mut value = HeaderValue::from_str(text).map_err(bad)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Compares what was given with each secret, in constant time.
pub(super) fn judge(secrets: &[Secret], given: &[u8]) -> Judgement {
    let matches = |secret: &str| verify_slices_are_equal(secret.as_bytes(), given).is_ok();
    if let Some(matched) = secrets.iter().position(|s| matches(s.reveal())) {
        return Judgement::valid(matched);
    }
    let hint = secrets
        .iter()
        .any(|secret| matches(secret.reveal().trim()))
        .then_some(diagnose::WHITESPACE);
    Judgement::refused_with(
        Reason::SecretMismatch,
        hint.unwrap_or(diagnose::OTHER_SECRET),
    )
}

struct SharedSecretSigner {
    name: HeaderName,
    value: HeaderValue,
}

impl Signer for SharedSecretSigner {
    fn sign(&self, _message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        Ok(vec![(self.name.clone(), self.value.clone())].into())
    }
}
