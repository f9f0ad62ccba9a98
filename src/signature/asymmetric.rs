//! What the schemes with a public key share: how signatures are decoded, Ed25519 keys, RSA keys, and what is said of a mismatch.

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
use super::{Judgement, Reason, SignatureError, diagnose, header, mac, repair};
use crate::secret::Secret;

/// Bytes of an Ed25519 signature.
pub(super) const ED25519_LENGTH: usize = 64;
/// Digits of a timestamp in seconds.
const STAMP_LENGTH: usize = 10;
/// Bytes of an Ed25519 key, public or private.
const KEY_LENGTH: usize = 32;
/// Bytes of the longest signature: RSA with 8192 bits.
const LONGEST: usize = 1024;

/// A signature as it was given, decoded without an allocation.
pub(super) struct Given {
    bytes: [u8; LONGEST + 2],
    length: usize,
}

impl Given {
    /// Decodes standard base64 with its padding; `None` where it is no such text or longer than any signature.
    pub(super) fn from_base64(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; LONGEST + 2];
        let length = STANDARD.decode_slice(text, &mut bytes).ok()?;
        (length > 0).then_some(Self { bytes, length })
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// A signature and its timestamp, of schemes that sign timestamp and body with nothing between them: bytes of one could be passed
/// off as the other's, were the timestamp anything but digits.
pub(super) fn stamped<'a>(
    headers: &'a HeaderMap,
    signature: &HeaderName,
    timestamp: &HeaderName,
) -> Result<(&'a [u8], &'a [u8]), Box<Judgement>> {
    let single = |name| {
        header::single(headers, name)
            .map_err(|reason| Box::new(diagnose::header(reason, name, headers)))
    };
    let (signature, timestamp) = (single(signature)?, single(timestamp)?);
    // Of ten digits, so that none of them can move either: they are seconds until the year 2286.
    if clock::parse(timestamp).is_none() || timestamp.len() != STAMP_LENGTH {
        return Err(Box::new(diagnose::timestamp(timestamp, Clock::Seconds)));
    }
    Ok((signature, timestamp))
}

/// The SHA-256 of all parts, one after the other.
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

/// The judgement on a signature that fits no key: what the body may have been, asked of `fits`.
#[cold]
pub(super) fn mismatch(body: &[u8], fits: impl Fn(&[u8]) -> bool) -> Judgement {
    let hint = repair::find(body, fits).map(|found| diagnose::body_changed(&found));
    Judgement::refused_with(Reason::SignatureMismatch, hint.unwrap_or_else(unexplained))
}

pub(super) fn unexplained() -> String {
    format!(
        "{}: no other reading of the body fits; it was signed by another key, or changed on its way",
        diagnose::UNEXPLAINED
    )
}

/// The judgement on a signature that cannot be decoded.
#[cold]
pub(super) fn malformed(form: &str) -> Judgement {
    Judgement::refused_with(
        Reason::MalformedSignature,
        format!("malformed_signature: the signature is not {form}"),
    )
}

/// A public Ed25519 key.
pub(super) fn ed25519_public(bytes: &[u8]) -> Option<ParsedPublicKey> {
    if bytes.len() != KEY_LENGTH {
        return None;
    }
    ParsedPublicKey::new(&ED25519, bytes).ok()
}

/// A private Ed25519 key: its seed, or the seed with the public key after it.
pub(super) fn ed25519_private(bytes: &[u8]) -> Option<Ed25519KeyPair> {
    let (seed, public) = bytes.split_at_checked(KEY_LENGTH)?;
    match public.len() {
        0 => Ed25519KeyPair::from_seed_unchecked(seed).ok(),
        KEY_LENGTH => Ed25519KeyPair::from_seed_and_public_key(seed, public).ok(),
        _ => None,
    }
}

/// The public half of a seed.
pub(super) fn ed25519_half(seed: &[u8; KEY_LENGTH]) -> Option<Vec<u8>> {
    let pair = ed25519_private(seed)?;
    Some(pair.public_key().as_ref().to_vec())
}

/// A private RSA key that signs with PKCS#1 v1.5 and SHA-256.
pub(super) struct RsaSigner(rsa::KeyPair);

impl RsaSigner {
    /// Reads a PEM text: PKCS#8, or the older PKCS#1.
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
    fn what_is_no_signature_is_not_decoded() {
        for text in [&b""[..], b"%%%", b"QQ", &[b'A'; 4000]] {
            assert!(Given::from_base64(text).is_none());
        }
        assert_eq!(Given::from_base64(b"QQ==").unwrap().as_slice(), b"A");
    }
}
