//! Standard Webhooks with a key pair: Ed25519 over `id.timestamp.body`, `v1a,<base64>` in the same list as the HMACs.
//!
//! The specification does not say whether `whsk_` holds a seed or the seed with its public key. Both are accepted.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use aws_lc_rs::signature::{Ed25519KeyPair, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::asymmetric::{self, ED25519_LENGTH};
use super::clock::{self, Window};
use super::diagnose::{self, BASE64 as SECRET_BASE64};
use super::mac::{self, Mac};
use super::standard::{Claim, TOLERANCE, WEBHOOK, WEBHOOK_SIGNATURE, entries};
use super::{
    Facts, Judged, Judgement, KeyPair, NewSigner, NewVerifier, Options, Outgoing, PLATFORM_SCHEME,
    Reason, Received, Scheme, SignatureError, Signed, Signer, Timing, Verifier, header,
};
use crate::secret::Secret;

const NAME: &str = "standard-webhooks-v1a";
const PUBLIC: &str = "whpk_";
const PRIVATE: &str = "whsk_";
const VERSION: &[u8] = b"v1a,";
/// How many signatures a diagnosis tries. Each costs one verification per attempt.
const MOST_DIAGNOSED: usize = 2;

static FACTS: Facts = Facts {
    header: Some(WEBHOOK_SIGNATURE),
    repeats_header: true,
    keys: Some("verify with whpk_… and sign with whsk_…"),
    ..Facts::new(
        NAME,
        "Ed25519 over id, timestamp and body; verified with `whpk_…`, signed with `whsk_…`",
    )
};

pub(super) struct StandardV1a;

impl Scheme for StandardV1a {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        let public = asymmetric::ed25519_half(random)?;
        Some(KeyPair {
            signs: Secret::new(format!("{PRIVATE}{}", BASE64.encode(random))),
            verifies: Secret::new(format!("{PUBLIC}{}", BASE64.encode(public))),
        })
    }

    fn new_verifier(&self, secrets: &[Secret], _options: &Options) -> NewVerifier {
        let keys = super::keys(NAME, secrets, |secret| {
            let bytes = decode(secret, PUBLIC);
            let key = bytes.and_then(|bytes| asymmetric::ed25519_public(&bytes));
            key.ok_or(SignatureError::BadSecret {
                scheme: NAME,
                expected: "`whpk_` and the base64 of a 32-byte public key",
            })
        })?;
        Ok(Box::new(V1aVerifier { keys }))
    }

    fn new_signer(&self, secret: &Secret, _more: &[Secret], _options: &Options) -> NewSigner {
        let bytes = decode(secret, PRIVATE);
        let key = bytes.and_then(|bytes| asymmetric::ed25519_private(&bytes));
        let key = key.ok_or(SignatureError::BadSecret {
            scheme: NAME,
            expected: "`whsk_` and the base64 of a private key of 32 or 64 bytes",
        })?;
        Ok(Box::new(V1aSigner { key }))
    }
}

/// Decodes a key with this prefix. The prefix matters, because a public key could pass as a seed.
fn decode(secret: &Secret, prefix: &str) -> Option<Vec<u8>> {
    SECRET_BASE64
        .decode(secret.reveal().strip_prefix(prefix)?)
        .ok()
}

struct V1aVerifier {
    keys: Vec<ParsedPublicKey>,
}

impl Verifier for V1aVerifier {
    fn judge(&self, received: &Received<'_>, timing: Timing) -> Judged {
        let claim = WEBHOOK.claim(None, received.headers)?;
        let timing = timing.or(TOLERANCE);
        let message = message(claim.id, claim.timestamp, received.body);
        let matched = self.keys.iter().position(|key| {
            given(received, &claim).any(|given| key.verify_sig(&message, given.as_slice()).is_ok())
        });
        match matched {
            Some(matched) => clock::judge(claim.seconds, timing, Window::Both, matched),
            None => Err(self.mismatch(&claim, received, timing)),
        }
    }
}

fn message(id: &[u8], timestamp: &[u8], body: &[u8]) -> Vec<u8> {
    [id, b".", timestamp, b".", body].concat()
}

/// The signatures of this version that can be decoded.
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
        timing: Timing,
    ) -> Box<Judgement> {
        let mut entries = entries(received.headers, claim.signature, VERSION);
        if entries.next().is_none() {
            let hint = format!(
                "no_supported_signature: the header holds no `v1a` signature; verify `v1` signatures with {PLATFORM_SCHEME}"
            );
            return Judgement::refused(Reason::NoSupportedSignature, hint);
        }
        let given: Vec<Mac> = given(received, claim).take(MOST_DIAGNOSED).collect();
        if given.is_empty() {
            return asymmetric::malformed("the padded base64 of 64 bytes");
        }
        let matches = |timestamp: &[u8], body: &[u8]| {
            let message = message(claim.id, timestamp, body);
            self.keys.iter().any(|key| {
                let mut given = given.iter();
                given.any(|given| key.verify_sig(&message, given.as_slice()).is_ok())
            })
        };
        let mut judgement =
            asymmetric::mismatch(received.body, |body| matches(claim.timestamp, body));
        let seconds = claim.timestamp.len().checked_sub(3);
        let seconds = seconds.map(|length| &claim.timestamp[..length]);
        if seconds.is_some_and(|seconds| matches(seconds, received.body)) {
            judgement.hint = Some(diagnose::MILLISECONDS.to_owned());
        } else if let Some(hint) = &mut judgement.hint {
            hint.push_str(&clock::remark(claim.seconds, timing));
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
        let text = self::message(id.as_bytes(), timestamp.as_bytes(), message.body);
        let mut signature = VERSION.to_vec();
        mac::push_base64(self.key.sign(&text).as_ref(), &mut signature);
        Ok(WEBHOOK.signed(&id, timestamp, signature))
    }
}
