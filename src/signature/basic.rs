//! `Authorization: Basic <base64 of user:password>` (RFC 7617). The secret is written `user:password`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::AUTHORIZATION;

use super::{
    Judgement, KeyPair, Options, Outgoing, Reason, Received, Scheme, SignatureError, Signed,
    Signer, Verifier, header, mac, shared_secret,
};
use crate::secret::Secret;
use crate::time::Timestamp;

const NAME: &str = "basic";

pub(super) struct Basic;

impl Scheme for Basic {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "user and password in the Authorization header, as the secret user:password; the body is not covered"
    }

    fn covers_body(&self) -> bool {
        false
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        let mut text = b"evt:".to_vec();
        mac::push_hex(&random[..16], &mut text);
        Some(KeyPair::shared(Secret::new(String::from_utf8_lossy(&text))))
    }

    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        options.check(self)?;
        Ok(Box::new(BasicVerifier {
            secrets: super::keys(NAME, secrets, |secret| with_user(secret).cloned())?,
        }))
    }

    fn signer(
        &self,
        secret: &Secret,
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        options.check(self)?;
        let text = STANDARD.encode(with_user(secret)?.reveal());
        Ok(Box::new(BasicSigner {
            value: shared_secret::header_value(NAME, &format!("Basic {text}"))?,
        }))
    }
}

fn with_user(secret: &Secret) -> Result<&Secret, SignatureError> {
    if super::not_empty(NAME, secret)?.reveal().contains(':') {
        return Ok(secret);
    }
    Err(SignatureError::BadSecret {
        scheme: NAME,
        expected: "a user and a password with a colon between them",
    })
}

struct BasicVerifier {
    secrets: Vec<Secret>,
}

impl Verifier for BasicVerifier {
    fn verify(
        &self,
        received: &Received<'_>,
        _now: Timestamp,
        _tolerance: Option<Duration>,
    ) -> Judgement {
        let given = match header::authorization(received.headers, "Basic") {
            Ok(given) => given,
            Err(judgement) => return *judgement,
        };
        match STANDARD.decode(given) {
            Ok(pair) if pair.contains(&b':') => shared_secret::judge(&self.secrets, &pair),
            Ok(_) => Judgement::refused_with(
                Reason::MalformedHeader,
                "malformed_header: there is no colon between user and password",
            ),
            Err(_) => Judgement::refused_with(
                Reason::MalformedHeader,
                "malformed_header: what follows `Basic` is not base64 with its padding",
            ),
        }
    }
}

struct BasicSigner {
    value: HeaderValue,
}

impl Signer for BasicSigner {
    fn sign(&self, _message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        Ok(vec![(AUTHORIZATION, self.value.clone())].into())
    }
}
