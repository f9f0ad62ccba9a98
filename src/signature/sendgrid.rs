//! SendGrid's event webhook: ECDSA on P-256 with SHA-256 over timestamp and body, base64 of the DER form.
//!
//! The line break at the end of SendGrid's bodies is signed; a middleware that trims it breaks the signature.
//! <https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features>

use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED, EcdsaKeyPair,
    KeyPair as _, ParsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderName;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;

use super::asymmetric::{self, Given};
use super::standard::SECRET_BASE64;
use super::{
    Judgement, KeyPair, Options, Outgoing, Reason, Received, Scheme, SignatureError, Signed,
    Signer, Verifier, header, mac,
};
use crate::secret::Secret;
use crate::time::Timestamp;

const NAME: &str = "sendgrid";
static SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-email-event-webhook-signature");
static TIMESTAMP: HeaderName = HeaderName::from_static("x-twilio-email-event-webhook-timestamp");

/// A private key on P-256 (RFC 5915) lies between these.
const PRIVATE: (&[u8], &[u8]) = (
    &[0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20],
    &[
        0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
    ],
);

pub(super) struct SendGrid;

impl Scheme for SendGrid {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "ECDSA P-256 over timestamp and body; the key is the verification key that SendGrid shows"
    }

    fn header(&self) -> Option<&'static str> {
        Some(SIGNATURE.as_str())
    }

    fn checks_clock(&self) -> bool {
        false
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        let mut scalar = *random;
        // Below the order of the curve, and not zero.
        scalar[0] &= 0x7f;
        scalar[31] |= 1;
        let der = [PRIVATE.0, &scalar, PRIVATE.1].concat();
        let pair =
            EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, &der).ok()?;
        let private = pair.to_pkcs8v1().ok()?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().ok()?;
        Some(KeyPair {
            signs: Secret::new(BASE64.encode(private.as_ref())),
            verifies: Secret::new(BASE64.encode(public.as_ref())),
        })
    }

    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        options.check(self)?;
        let keys = super::keys(NAME, secrets, |secret| {
            public(secret).ok_or(SignatureError::BadSecret {
                scheme: NAME,
                expected: "the base64 of a public key on P-256, as SendGrid shows it",
            })
        })?;
        Ok(Box::new(SendGridVerifier { keys }))
    }

    fn signer(
        &self,
        secret: &Secret,
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        options.check(self)?;
        match private(secret.reveal()) {
            Some(key) => Ok(Box::new(SendGridSigner { key })),
            None => Err(SignatureError::BadSecret {
                scheme: NAME,
                expected: "a private key on P-256: PKCS#8 as base64 or PEM",
            }),
        }
    }
}

/// One key in the two forms of a signature: DER, and the plain numbers that a diagnosis recognises.
struct Key {
    der: ParsedPublicKey,
    plain: ParsedPublicKey,
}

/// SubjectPublicKeyInfo of a key on P-256 as far as all have it, to the mark of an uncompressed point (RFC 5480).
const SPKI: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
/// Bytes of a point: both of its coordinates.
const POINT: usize = 64;

fn public(secret: &Secret) -> Option<Key> {
    let bytes = SECRET_BASE64.decode(secret.reveal()).ok()?;
    // The one form that SendGrid shows; the provider would take others, such as the point's hybrid form.
    if bytes.len() != SPKI.len() + POINT || !bytes.starts_with(&SPKI) {
        return None;
    }
    Some(Key {
        der: ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &bytes).ok()?,
        plain: ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &bytes).ok()?,
    })
}

fn private(text: &str) -> Option<EcdsaKeyPair> {
    let der = if text.trim_start().starts_with("-----BEGIN") {
        let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).ok()?;
        der.secret_pkcs8_der().to_vec()
    } else {
        SECRET_BASE64.decode(text).ok()?
    };
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der).ok()
}

struct SendGridVerifier {
    keys: Vec<Key>,
}

impl Verifier for SendGridVerifier {
    fn verify(
        &self,
        received: &Received<'_>,
        _now: Timestamp,
        _tolerance: Option<Duration>,
    ) -> Judgement {
        let stamped = asymmetric::stamped(received.headers, &SIGNATURE, &TIMESTAMP);
        let (signature, timestamp) = match stamped {
            Ok(stamped) => stamped,
            Err(judgement) => return *judgement,
        };
        let Some(given) = Given::from_base64(signature) else {
            return asymmetric::malformed("base64 with its padding");
        };
        let given = given.as_slice();
        if !is_der(given) {
            return self.not_der(given, timestamp, received.body);
        }
        let matching = |body: &[u8]| {
            let digest = asymmetric::sha256(&[timestamp, body]);
            let fits = |key: &Key| key.der.verify_digest_sig(&digest, given).is_ok();
            self.keys.iter().position(fits)
        };
        match matching(received.body) {
            Some(matched) => Judgement::valid(matched),
            None => asymmetric::mismatch(received.body, |body| matching(body).is_some()),
        }
    }
}

impl SendGridVerifier {
    #[cold]
    fn not_der(&self, given: &[u8], timestamp: &[u8], body: &[u8]) -> Judgement {
        let digest = asymmetric::sha256(&[timestamp, body]);
        let fits = |key: &Key| key.plain.verify_digest_sig(&digest, given).is_ok();
        if self.keys.iter().any(fits) {
            let hint = "encoding: the signature is right but written as plain r and s (IEEE P1363); this scheme's is DER";
            return Judgement::refused_with(Reason::MalformedSignature, hint);
        }
        asymmetric::malformed("the base64 of two numbers in DER")
    }
}

/// A sequence of two integers and nothing else.
fn is_der(bytes: &[u8]) -> bool {
    let integer = |bytes: &[u8]| -> Option<usize> {
        match bytes {
            [0x02, length, rest @ ..] if *length > 0 && rest.len() >= usize::from(*length) => {
                Some(2 + usize::from(*length))
            }
            _ => None,
        }
    };
    let [0x30, length, rest @ ..] = bytes else {
        return false;
    };
    usize::from(*length) == rest.len()
        && integer(rest).is_some_and(|first| integer(&rest[first..]) == Some(rest.len() - first))
}

struct SendGridSigner {
    key: EcdsaKeyPair,
}

impl Signer for SendGridSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        let timestamp = message.timestamp.secs().to_string();
        let text = [timestamp.as_bytes(), message.body].concat();
        let signature = self.key.sign(&SystemRandom::new(), &text);
        let signature = signature.map_err(|_| SignatureError::BadSecret {
            scheme: NAME,
            expected: "a key that signs",
        })?;
        let mut written = Vec::new();
        mac::push_base64(signature.as_ref(), &mut written);
        Ok(vec![
            (SIGNATURE.clone(), header::value(written)),
            (TIMESTAMP.clone(), header::value(timestamp.into_bytes())),
        ]
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_integers_are_der() {
        assert!(is_der(&[0x30, 6, 2, 1, 5, 2, 1, 7]));
        for bytes in [
            &[][..],
            &[0x30],
            &[0x30, 0],
            &[0x30, 6, 2, 1, 5, 2, 1],
            &[0x30, 6, 2, 0, 2, 2, 1, 7],
            &[0x30, 6, 2, 4, 5, 2, 1, 7],
            &[0x30, 7, 2, 1, 5, 2, 1, 7, 9],
            &[0x30, 3, 2, 1, 5],
            &[0; 64],
        ] {
            assert!(!is_der(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn a_key_has_one_form() {
        let keys = SendGrid.sample_keys(&[3; 32]).unwrap();
        let bytes = SECRET_BASE64.decode(keys.verifies.reveal()).unwrap();
        for mark in [0x02, 0x06, 0x07] {
            let mut other = bytes.clone();
            other[SPKI.len() - 1] = mark;
            let other = Secret::new(SECRET_BASE64.encode(&other));
            assert!(public(&other).is_none(), "{mark}");
        }
        assert!(public(&keys.verifies).is_some());
    }
}
