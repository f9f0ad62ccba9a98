//! Google Ads lead forms: nothing is signed; the body's `google_key` is the secret that was typed into the form's settings.
//!
//! <https://developers.google.com/google-ads/webhook/docs/implementation>

use std::time::Duration;

use bytes::Bytes;

use super::recipe::hex_keys;
use super::{
    Judgement, KeyPair, Options, Outgoing, Reason, Received, Scheme, SignatureError, Signed,
    Signer, Verifier, field, shared_secret,
};
use crate::json::{Kind, Raw};
use crate::secret::Secret;
use crate::time::Timestamp;

const NAME: &str = "google-ads-lead";
const FIELD: &str = "google_key";

pub(super) struct GoogleAds;

impl Scheme for GoogleAds {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "a fixed secret in the body's google_key; nothing else is covered"
    }

    fn covers_body(&self) -> bool {
        false
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        Some(hex_keys("", &random[..12]))
    }

    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        options.check(self)?;
        Ok(Box::new(GoogleAdsVerifier {
            secrets: shared_secret::secrets(NAME, secrets)?,
        }))
    }

    fn signer(
        &self,
        secret: &Secret,
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        options.check(self)?;
        Ok(Box::new(GoogleAdsSigner {
            secret: super::not_empty(NAME, secret)?.clone(),
        }))
    }
}

struct GoogleAdsVerifier {
    secrets: Vec<Secret>,
}

impl Verifier for GoogleAdsVerifier {
    fn verify(
        &self,
        received: &Received<'_>,
        _now: Timestamp,
        _tolerance: Option<Duration>,
    ) -> Judgement {
        let Some(body) = Raw::check(received.body) else {
            let hint = "malformed_body: the body is not JSON";
            return Judgement::refused_with(Reason::MalformedBody, hint);
        };
        match body.member(FIELD) {
            None => Judgement::refused_with(
                Reason::MissingField,
                "missing_field: the body has no `google_key`; was a key typed into the form's settings?",
            ),
            Some(value) if value.kind() != Some(Kind::String) => Judgement::refused_with(
                Reason::SecretMismatch,
                "secret_mismatch: `google_key` is not text",
            ),
            Some(value) => shared_secret::judge(&self.secrets, value.plain().as_bytes()),
        }
    }
}

struct GoogleAdsSigner {
    secret: Secret,
}

impl Signer for GoogleAdsSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        let value = serde_json::Value::from(self.secret.reveal()).to_string();
        let body = field::put(message.body, FIELD, &value).ok_or(SignatureError::BadBody {
            scheme: NAME,
            expected: "JSON objects",
        })?;
        Ok(Signed {
            body: Some(Bytes::from(body)),
            ..Signed::default()
        })
    }
}
