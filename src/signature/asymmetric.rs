//! Shared by the schemes with a public key: decoding signatures, Ed25519 keys, RSA keys, and the diagnosis of a mismatch.

use aws_lc_rs::digest::{self, Context, Digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey, RSA_PKCS1_SHA256,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use super::clock::{self, Clock};
use super::{Judged, Judgement, Reason, SignatureError, diagnose, header, mac, repair};
use crate::secret::Secret;

/// Length of an Ed25519 signature, in bytes.
pub(super) const ED25519_LENGTH: usize = 64;
/// Digits of a timestamp in seconds.
const STAMP_LENGTH: usize = 10;
/// Length of an Ed25519 key, public or private, in bytes.
const KEY_LENGTH: usize = 32;
/// Length of the longest signature in bytes: RSA with 8192 bits.
const LONGEST: usize = 1024;

/// A decoded signature from a request. Decoding does not allocate.
pub(super) struct DecodedSignature {
    bytes: [u8; LONGEST + 2],
    length: usize,
}

impl DecodedSignature {
    /// Decodes padded standard base64. Returns `None` for other text, and if it is longer than any signature.
    pub(super) fn from_base64(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; LONGEST + 2];
        let length = STANDARD.decode_slice(text, &mut bytes).ok()?;
        (length > 0).then_some(Self { bytes, length })
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Returns the signature and the timestamp of a scheme that signs timestamp and body without a separator.
///
/// The timestamp must have exactly ten digits (seconds until the year 2286). Otherwise an attacker could move bytes between
/// timestamp and body without changing the signed message.
pub(super) fn stamped<'a>(
    headers: &'a HeaderMap,
    signature: &HeaderName,
    timestamp: &HeaderName,
) -> Result<(&'a [u8], &'a [u8]), Box<Judgement>> {
    let signature = header::single(headers, signature)?;
    let timestamp = header::single(headers, timestamp)?;
    if clock::parse(timestamp).is_none() || timestamp.len() != STAMP_LENGTH {
        return Err(diagnose::timestamp(timestamp, Clock::Seconds));
    }
    Ok((signature, timestamp))
}

/// The SHA-256 of the concatenated parts.
pub(super) fn sha256(parts: &[&[u8]]) -> Digest {
    hash(&digest::SHA256, parts)
}

pub(super) fn hash(algorithm: &'static digest::Algorithm, parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(algorithm);
    for part in parts {
        context.update(part);
    }
    context.finish()
}

/// Judges a body. `matching` returns the index of the key that signed it. If there is none, other forms of the body are tried.
pub(super) fn judge(body: &[u8], matching: impl Fn(&[u8]) -> Option<usize>) -> Judged {
    match matching(body) {
        Some(matched) => Ok(Judgement::valid(matched)),
        None => Err(mismatch(body, |body| matching(body).is_some())),
    }
}

/// The judgement on a signature that matches no key. Looks for another form of the body for which `matches` returns true.
#[cold]
pub(super) fn mismatch(body: &[u8], matches: impl Fn(&[u8]) -> bool) -> Box<Judgement> {
    let hint = repair::find(body, repair::MOST_KEYS, matches).map(|repair| repair.hint());
    let hint = hint.unwrap_or_else(|| UNEXPLAINED.to_owned());
    Judgement::refused(Reason::SignatureMismatch, hint)
}

pub(super) const UNEXPLAINED: &str = "unexplained: no other form of the body matches; check that the configured key belongs to this sender and that nothing changes the body on its way";

/// The judgement on a signature that cannot be decoded.
#[cold]
pub(super) fn malformed(form: &str) -> Box<Judgement> {
    Judgement::refused(
        Reason::MalformedSignature,
        format!("malformed_signature: the signature must be {form}"),
    )
}

/// Parses a public Ed25519 key.
pub(super) fn ed25519_public(bytes: &[u8]) -> Option<ParsedPublicKey> {
    if bytes.len() != KEY_LENGTH {
        return None;
    }
    ParsedPublicKey::new(&ED25519, bytes).ok()
}

/// Parses a private Ed25519 key: the seed, or the seed and the public key.
pub(super) fn ed25519_private(bytes: &[u8]) -> Option<Ed25519KeyPair> {
    let (seed, public) = bytes.split_at_checked(KEY_LENGTH)?;
    match public.len() {
        0 => Ed25519KeyPair::from_seed_unchecked(seed).ok(),
        KEY_LENGTH => Ed25519KeyPair::from_seed_and_public_key(seed, public).ok(),
        _ => None,
    }
}

/// Returns the public key of a seed.
pub(super) fn ed25519_half(seed: &[u8; KEY_LENGTH]) -> Option<Vec<u8>> {
    let pair = ed25519_private(seed)?;
    Some(pair.public_key().as_ref().to_vec())
}

/// A private RSA key that signs with PKCS#1 v1.5 and SHA-256.
pub(super) struct RsaSigner(rsa::KeyPair);

impl RsaSigner {
    /// Parses PEM: PKCS#8, or the older PKCS#1.
    pub(super) fn new(scheme: &'static str, secret: &Secret) -> Result<Self, SignatureError> {
        let bad = || SignatureError::BadSecret {
            scheme,
            expected: "an RSA private key as PEM (`-----BEGIN PRIVATE KEY-----`)",
        };
        let pair = match PrivateKeyDer::from_pem_slice(secret.reveal().as_bytes()) {
            Ok(PrivateKeyDer::Pkcs8(der)) => rsa::KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            Ok(PrivateKeyDer::Pkcs1(der)) => rsa::KeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(bad()),
        };
        pair.map(Self).map_err(|_| bad())
    }

    pub(super) fn sign(
        &self,
        scheme: &'static str,
        message: &[u8],
    ) -> Result<Vec<u8>, SignatureError> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(|_| SignatureError::BadSecret {
                scheme,
                expected: "an RSA key that signs with SHA-256",
            })?;
        Ok(signature)
    }

    /// The signature as base64.
    pub(super) fn sign_base64(
        &self,
        scheme: &'static str,
        message: &[u8],
    ) -> Result<Vec<u8>, SignatureError> {
        let mut text = Vec::new();
        mac::push_base64(&self.sign(scheme, message)?, &mut text);
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_is_a_seed_or_a_seed_with_its_public_key() {
        let seed = [7; 32];
        let public = ed25519_half(&seed).unwrap();
        let both = [&seed[..], &public].concat();
        assert!(ed25519_private(&both).is_some());
        assert!(ed25519_private(&[&seed[..], &[0; 32]].concat()).is_none());
        assert!(ed25519_private(&both[..63]).is_none());
        assert!(ed25519_private(&seed[..31]).is_none());
        assert!(ed25519_public(&public[..31]).is_none());
    }

    #[test]
    fn text_that_is_not_a_signature_is_not_decoded() {
        for text in [&b""[..], b"%%%", b"QQ", &[b'A'; 4000]] {
            assert!(DecodedSignature::from_base64(text).is_none());
        }
        assert_eq!(
            DecodedSignature::from_base64(b"QQ==").unwrap().as_slice(),
            b"A"
        );
    }
}
