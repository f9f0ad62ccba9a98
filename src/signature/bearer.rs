//! `Authorization: Bearer <token>`: a secret that travels as it is (RFC 6750).

use std::time::Duration;

use http::HeaderValue;
use http::header::AUTHORIZATION;

use super::recipe::hex_keys;
use super::{
    Judgement, KeyPair, Options, Outgoing, Received, Scheme, SignatureError, Signed, Signer,
    Verifier, header, shared_secret,
};
use crate::secret::Secret;
use crate::time::Timestamp;

const NAME: &str = "bearer";

pub(super) struct Bearer;

impl Scheme for Bearer {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "a fixed token in the Authorization header; the body is not covered"
    }

    fn covers_body(&self) -> bool {
        false
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        Some(hex_keys("", &random[..16]))
    }

    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        options.check(self)?;
        Ok(Box::new(BearerVerifier {
            secrets: shared_secret::secrets(NAME, secrets)?,
        }))
    }

    fn signer(
        &self,
        secret: &Secret,
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        options.check(self)?;
        let text = super::not_empty(NAME, secret)?.reveal();
        Ok(Box::new(BearerSigner {
            value: shared_secret::header_value(NAME, &format!("Bearer {text}"))?,
        }))
    }
}

struct BearerVerifier {
    secrets: Vec<Secret>,
}

impl Verifier for BearerVerifier {
    fn verify(
        &self,
        received: &Received<'_>,
        _now: Timestamp,
        _tolerance: Option<Duration>,
    ) -> Judgement {
        match header::authorization(received.headers, "Bearer") {
            Ok(given) => shared_secret::judge(&self.secrets, given),
            Err(judgement) => *judgement,
        }
    }
}

struct BearerSigner {
    value: HeaderValue,
}

impl Signer for BearerSigner {
    fn sign(&self, _message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        Ok(vec![(AUTHORIZATION, self.value.clone())].into())
    }
}
