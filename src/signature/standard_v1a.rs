//! Standard Webhooks with a key pair: Ed25519 over `id.timestamp.body`, `v1a,<base64>` in the same list as the HMACs.
//!
//! The specification leaves open whether `whsk_` holds a seed or the seed with its public key; both are taken.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::asymmetric::{self, ED25519_LENGTH};
use super::clock::{self, Clock};
use super::mac::{self, Mac};
use super::standard::{Claim, SECRET_BASE64, TOLERANCE, WEBHOOK, entries};
use super::{
    Judgement, KeyPair, Options, Outgoing, Reason, Received, Scheme, SignatureError, Signed,
    Signer, Verifier, diagnose, header,
};
use crate::secret::Secret;
use crate::time::Timestamp;

const NAME: &str = "standard-webhooks-v1a";
const PUBLIC: &str = "whpk_";
const PRIVATE: &str = "whsk_";
const VERSION: &[u8] = b"v1a,";
/// Signatures that a diagnosis looks at: each costs a verification a repair.
const MOST_DIAGNOSED: usize = 2;

pub(super) struct StandardV1a;

impl Scheme for StandardV1a {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "Ed25519 over id, timestamp and body; verified by `whpk_…`, signed by `whsk_…`"
    }

    fn header(&self) -> Option<&'static str> {
        Some(WEBHOOK.signature.as_str())
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        let public = asymmetric::ed25519_half(random)?;
        Some(KeyPair {
            signs: Secret::new(format!("{PRIVATE}{}", BASE64.encode(random))),
            verifies: Secret::new(format!("{PUBLIC}{}", BASE64.encode(public))),
        })
    }

    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        options.check(self)?;
        let keys = super::keys(NAME, secrets, |secret| {
            let bytes = decode(secret, PUBLIC);
            let key = bytes.and_then(|bytes| asymmetric::ed25519_public(&bytes));
            key.ok_or(SignatureError::BadSecret {
                scheme: NAME,
                expected: "`whpk_` and the base64 of a public key of 32 bytes",
            })
        })?;
        Ok(Box::new(V1aVerifier { keys }))
    }

    fn signer(
        &self,
        secret: &Secret,
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        options.check(self)?;
        let bytes = decode(secret, PRIVATE);
        let key = bytes.and_then(|bytes| asymmetric::ed25519_private(&bytes));
        match key {
            Some(key) => Ok(Box::new(V1aSigner { key })),
            None => Err(SignatureError::BadSecret {
                scheme: NAME,
                expected: "`whsk_` and the base64 of a private key of 32 or 64 bytes",
            }),
        }
    }
}

/// A key of the other kind is refused by its prefix: a public key would pass for a seed.
fn decode(secret: &Secret, prefix: &str) -> Option<Vec<u8>> {
    SECRET_BASE64
        .decode(secret.reveal().strip_prefix(prefix)?)
        .ok()
}

struct V1aVerifier {
    keys: Vec<ParsedPublicKey>,
}

impl Verifier for V1aVerifier {
    fn verify(
        &self,
        received: &Received<'_>,
        now: Timestamp,
        tolerance: Option<Duration>,
    ) -> Judgement {
        let claim = match WEBHOOK.claim(None, received.headers) {
            Ok(claim) => claim,
            Err((reason, name)) => return diagnose::header(reason, name, received.headers),
        };
        let Some(seconds) = clock::parse(claim.timestamp) else {
            return diagnose::timestamp(claim.timestamp, Clock::Seconds);
        };
        let tolerance = tolerance.unwrap_or(TOLERANCE);
        let message = message(&claim, claim.timestamp, received.body);
        let matched = self.keys.iter().position(|key| {
            given(received, &claim).any(|given| key.verify_sig(&message, given.as_slice()).is_ok())
        });
        match matched {
            Some(matched) => clock::judge(seconds, now, tolerance, clock::Window::Both, matched),
            None => self.mismatch(&claim, received, seconds, now, tolerance),
        }
    }
}

fn message(claim: &Claim<'_>, timestamp: &[u8], body: &[u8]) -> Vec<u8> {
    [claim.id, b".", timestamp, b".", body].concat()
}

/// The signatures of this version that could be decoded.
fn given<'a>(received: &Received<'a>, claim: &Claim<'a>) -> impl Iterator<Item = Mac> {
    entries(received.headers, claim.signature, VERSION)
        .filter_map(|text| mac::from_base64(text, ED25519_LENGTH))
}

impl V1aVerifier {
    #[cold]
    fn mismatch(
        &self,
        claim: &Claim<'_>,
        received: &Received<'_>,
        seconds: i64,
        now: Timestamp,
        tolerance: Duration,
    ) -> Judgement {
        if entries(received.headers, claim.signature, VERSION)
            .next()
            .is_none()
        {
            let hint = "no_supported_signature: the header holds no `v1a` signature; `v1` is what standard-webhooks checks";
            return Judgement::refused_with(Reason::NoSupportedSignature, hint);
        }
        let given: Vec<Mac> = given(received, claim).take(MOST_DIAGNOSED).collect();
        if given.is_empty() {
            return asymmetric::malformed("the base64 of 64 bytes, with its padding");
        }
        let fits = |timestamp: &[u8], body: &[u8]| {
            let message = message(claim, timestamp, body);
            let fits = |key: &ParsedPublicKey, given: &Mac| {
                key.verify_sig(&message, given.as_slice()).is_ok()
            };
            self.keys
                .iter()
                .any(|key| given.iter().any(|given| fits(key, given)))
        };
        let mut judgement = asymmetric::mismatch(received.body, |body| fits(claim.timestamp, body));
        if let Some(shorter) = claim.timestamp.len().checked_sub(3)
            && fits(&claim.timestamp[..shorter], received.body)
        {
            judgement.hint = Some("timestamp_in_milliseconds: it fits once the timestamp is divided by 1000; this scheme counts seconds".to_owned());
        } else if clock::outside(seconds, now, tolerance, clock::Window::Both).is_some()
            && let Some(hint) = &mut judgement.hint
        {
            hint.push_str("; besides, its timestamp says ");
            hint.push_str(&clock::distance(seconds, now));
        }
        judgement
    }
}

struct V1aSigner {
    key: Ed25519KeyPair,
}

impl Signer for V1aSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        let id = header::visible(message.id);
        let timestamp = message.timestamp.secs().to_string();
        let text = [
            id.as_bytes(),
            b".",
            timestamp.as_bytes(),
            b".",
            message.body,
        ]
        .concat();
        let mut signature = VERSION.to_vec();
        mac::push_base64(self.key.sign(&text).as_ref(), &mut signature);
        Ok(WEBHOOK.headers(&id, timestamp, signature).into())
    }
}
