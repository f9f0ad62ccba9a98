//! SendGrid's event webhook: ECDSA on P-256 with SHA-256 over timestamp and body, base64 of the DER form.
//!
//! SendGrid's bodies end with a line break, which is signed. A middleware that trims it breaks the signature.
//! <https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features>

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

use super::asymmetric::{self, DecodedSignature};
use super::diagnose::BASE64 as SECRET_BASE64;
use super::{
    Facts, Judged, Judgement, KeyPair, NewSigner, NewVerifier, Options, Outgoing, Reason, Received,
    Scheme, SignatureError, Signed, Signer, Timing, Verifier, header, mac,
};
use crate::secret::Secret;

const NAME: &str = "sendgrid";
const HEADER: &str = "x-twilio-email-event-webhook-signature";
static SIGNATURE: HeaderName = HeaderName::from_static(HEADER);
static TIMESTAMP: HeaderName = HeaderName::from_static("x-twilio-email-event-webhook-timestamp");

/// The DER before and after a private key on P-256 (RFC 5915).
const PRIVATE: (&[u8], &[u8]) = (
    &[0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20],
    &[
        0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
    ],
);

static FACTS: Facts = Facts {
    header: Some(HEADER),
    checks_clock: false,
    keys: Some("verify with the base64 of SubjectPublicKeyInfo and sign with the base64 of PKCS#8"),
    ..Facts::new(
        NAME,
        "ECDSA P-256 over timestamp and body; the key is the verification key that SendGrid shows",
    )
};

pub(super) struct SendGrid;

impl Scheme for SendGrid {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        let mut scalar = *random;
        // Not zero, and less than the order of the curve.
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

    fn new_verifier(&self, secrets: &[Secret], _options: &Options) -> NewVerifier {
        let keys = super::keys(NAME, secrets, |secret| {
            public(secret).ok_or(SignatureError::BadSecret {
                scheme: NAME,
                expected: "the base64 of a public key on P-256, as SendGrid shows it",
            })
        })?;
        Ok(Box::new(SendGridVerifier { keys }))
    }

    fn new_signer(&self, secret: &Secret, _more: &[Secret], _options: &Options) -> NewSigner {
        let key = private(secret.reveal()).ok_or(SignatureError::BadSecret {
            scheme: NAME,
            expected: "a private key on P-256: PKCS#8 as base64 or PEM",
        })?;
        Ok(Box::new(SendGridSigner { key }))
    }
}

/// One key for the two encodings of a signature: DER, and the plain numbers that only the diagnosis accepts.
struct Key {
    der: ParsedPublicKey,
    plain: ParsedPublicKey,
}

/// The start of SubjectPublicKeyInfo that all keys on P-256 share, including the mark of an uncompressed point (RFC 5480).
const SPKI: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
/// Length of a point in bytes: both coordinates.
const POINT: usize = 64;

fn public(secret: &Secret) -> Option<Key> {
    let bytes = SECRET_BASE64.decode(secret.reveal()).ok()?;
    // Only the form that SendGrid shows. The crypto provider accepts others, such as hybrid points.
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
    fn judge(&self, received: &Received<'_>, _timing: Timing) -> Judged {
        let (signature, timestamp) = asymmetric::stamped(received.headers, &SIGNATURE, &TIMESTAMP)?;
        let given = DecodedSignature::from_base64(signature)
            .ok_or_else(|| asymmetric::malformed("padded base64"))?;
        let given = given.as_slice();
        if !is_der(given) {
            return Err(self.not_der(given, timestamp, received.body));
        }
        let matching = |body: &[u8]| {
            let digest = asymmetric::sha256(&[timestamp, body]);
            let mut keys = self.keys.iter();
            keys.position(|key| key.der.verify_digest_sig(&digest, given).is_ok())
        };
        asymmetric::judge(received.body, matching)
    }
}

impl SendGridVerifier {
    #[cold]
    fn not_der(&self, given: &[u8], timestamp: &[u8], body: &[u8]) -> Box<Judgement> {
        let digest = asymmetric::sha256(&[timestamp, body]);
        let matches = |key: &Key| key.plain.verify_digest_sig(&digest, given).is_ok();
        if self.keys.iter().any(matches) {
            let hint = "encoding: the signature matches, but it is encoded as plain r and s (IEEE P1363); send it as DER";
            return Judgement::refused(Reason::MalformedSignature, hint);
        }
        asymmetric::malformed("the base64 of two numbers in DER")
    }
}

/// Whether the bytes are a DER sequence of exactly two integers.
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
        Ok(vec![
            (
                SIGNATURE.clone(),
                header::value(mac::base64(signature.as_ref())),
            ),
            (TIMESTAMP.clone(), header::value(timestamp)),
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
    fn only_an_uncompressed_point_is_a_public_key() {
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
