//! GitHub: `X-Hub-Signature-256: sha256=<hex>`, HMAC-SHA256 over the body as it was sent.
//!
//! The older `X-Hub-Signature` (SHA-1) never counts.
//! <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>

use std::time::Duration;

use aws_lc_rs::hmac::Key;
use http::{HeaderName, HeaderValue};

use super::diagnose::{self, Case, KeyForm};
use super::{
    Judgement, Options, Outgoing, Reason, Received, Scheme, SignatureError, Signer, Verifier,
    header, mac,
};
use crate::secret::Secret;
use crate::time::Timestamp;

const NAME: &str = "github";
const PREFIX: &[u8] = b"sha256=";
static HEADER: HeaderName = HeaderName::from_static("x-hub-signature-256");
static DELIVERY: HeaderName = HeaderName::from_static("x-github-delivery");

pub(super) struct GitHub;

impl Scheme for GitHub {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "X-Hub-Signature-256: HMAC-SHA256 over the body, with the secret's text as the key"
    }

    fn sample_secret(&self, random: &[u8; 32]) -> Secret {
        let mut text = Vec::new();
        mac::push_hex(&random[..20], &mut text);
        Secret::new(String::from_utf8_lossy(&text))
    }

    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        options.check(self)?;
        Ok(Box::new(GitHubVerifier {
            keys: super::keys(NAME, secrets, |secret| super::text_key(NAME, secret))?,
            secrets: secrets.to_vec(),
        }))
    }

    fn signer(
        &self,
        secret: &Secret,
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        options.check(self)?;
        Ok(Box::new(GitHubSigner {
            key: super::text_key(NAME, secret)?,
        }))
    }
}

struct GitHubVerifier {
    keys: Vec<Key>,
    secrets: Vec<Secret>,
}

impl Verifier for GitHubVerifier {
    fn verify(&self, received: &Received<'_>, now: Timestamp, _tolerance: Duration) -> Judgement {
        let line = match header::single(received.headers, &HEADER) {
            Ok(line) => line,
            Err(reason) => return diagnose::header(reason, &HEADER, received.headers),
        };
        let given = line.strip_prefix(PREFIX).and_then(mac::from_hex);
        let matched = given.and_then(|given| {
            self.keys
                .iter()
                .position(|key| mac::is_equal(&mac::mac(key, &[received.body]), &given))
        });
        match matched {
            Some(matched) => Judgement {
                reason: Reason::Ok,
                matched: Some(matched),
                hint: None,
            },
            None => self.mismatch(line, given, received, now),
        }
    }
}

impl GitHubVerifier {
    #[cold]
    fn mismatch(
        &self,
        line: &[u8],
        given: Option<mac::Mac>,
        received: &Received<'_>,
        now: Timestamp,
    ) -> Judgement {
        let case = Case {
            secrets: &self.secrets,
            keys: &self.keys,
            form: KeyForm::Text,
            prefix: b"",
            timestamp: None,
            body: received.body,
            given: given.as_slice(),
            texts: &[line.strip_prefix(PREFIX).unwrap_or(line)],
        };
        case.judge(now, Duration::ZERO)
    }
}

struct GitHubSigner {
    key: Key,
}

impl Signer for GitHubSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Vec<(HeaderName, HeaderValue)> {
        let tag = mac::mac(&self.key, &[message.body.as_ref()]);
        let mut line = Vec::with_capacity(PREFIX.len() + 64);
        line.extend_from_slice(PREFIX);
        mac::push_hex(tag.as_ref(), &mut line);
        let id = header::visible(message.id).into_owned();
        vec![
            (HEADER.clone(), header::value(line)),
            (DELIVERY.clone(), header::value(id.into_bytes())),
        ]
    }
}
