//! The cost of verifying: each scheme on a body of one kilobyte, compared with the bare check of the crypto provider on a message of
//! the same length. Prints nanoseconds per request and the ratio. Run with `cargo bench --bench signature`.

#![expect(clippy::print_stdout, reason = "a bench prints")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, ParsedPublicKey,
};
use bytes::Bytes;
use evt::secret::Secret;
use evt::signature::{self, Options, Outgoing, Received};
use evt::time::Timestamp;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

const NOW: Timestamp = Timestamp::from_secs(1_795_132_800);
const URL: &str = "https://hooks.example.test/hook";
const ID: &str = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W";
/// The size of the body in bytes.
const KILOBYTE: usize = 1024;

/// The cryptographic check inside a scheme.
#[derive(Clone, Copy)]
enum Bare {
    Sha256,
    Sha1,
    Ed25519,
    Ecdsa,
}

/// Each scheme whose signature covers the body, and the number of signed bytes in addition to the body.
const SCHEMES: [(&str, Bare, usize); 16] = [
    ("standard-webhooks", Bare::Sha256, 43),
    ("standard-webhooks-v1a", Bare::Ed25519, 43),
    ("svix", Bare::Sha256, 43),
    ("stripe", Bare::Sha256, 11),
    ("sendgrid", Bare::Ecdsa, 10),
    ("twilio", Bare::Sha1, 0),
    ("github", Bare::Sha256, 0),
    ("meta", Bare::Sha256, 0),
    ("slack", Bare::Sha256, 14),
    ("shopify", Bare::Sha256, 0),
    ("discord", Bare::Ed25519, 10),
    ("twitch", Bare::Sha256, 55),
    ("linkedin", Bare::Sha256, 11),
    ("tiktok", Bare::Sha256, 11),
    ("twitter", Bare::Sha256, 0),
    ("hmac", Bare::Sha256, 0),
];

fn main() {
    let body = Bytes::from(format!(
        "{{\"event\":\"contact.created\",\"text\":\"{}\"}}",
        "x".repeat(KILOBYTE - 37)
    ));
    for (name, bare, extra) in SCHEMES {
        let verified = verified(name, &body);
        let bare = bare.measured(&vec![b'x'; body.len() + extra]);
        println!(
            "signature, {name}: verified {verified:.0} ns, bare {bare:.0} ns, {:.2} times",
            verified / bare
        );
    }
}

/// Nanoseconds to verify a valid request.
fn verified(name: &str, body: &Bytes) -> f64 {
    let scheme = signature::find(name).expect("it is in the table");
    let keys = scheme.sample_keys(&[7; 32]).expect("it can make keys");
    let mut headers = HeaderMap::new();
    // A delivery has other headers too.
    for (name, value) in [
        ("host", "hooks.example.test"),
        ("user-agent", "bench"),
        ("accept", "*/*"),
    ] {
        headers.insert(name, value.parse().expect("it is a value"));
    }
    let kind = if name == "twilio" {
        "application/x-www-form-urlencoded"
    } else {
        "application/json"
    };
    headers.insert(CONTENT_TYPE, kind.parse().expect("it is a value"));
    let signer = scheme
        .signer(&keys.signs, &Options::default())
        .expect("the key has the right form");
    let signed = signer
        .sign(&Outgoing {
            id: ID,
            timestamp: NOW,
            url: URL,
            headers: &headers,
            body,
        })
        .expect("the body can be signed");
    headers.extend(signed.headers);
    let verifier = scheme
        .verifier(&[keys.verifies], &Options::default())
        .expect("the key has the right form");
    let received = Received {
        method: "POST",
        url: URL,
        headers: &headers,
        body,
    };
    assert!(verifier.verify(&received, NOW, None).is_valid(), "{name}");
    measure(|| verifier.verify(black_box(&received), NOW, None))
}

impl Bare {
    /// Nanoseconds to check this message.
    fn measured(self, message: &[u8]) -> f64 {
        match self {
            Self::Sha256 => mac(hmac::HMAC_SHA256, message),
            Self::Sha1 => mac(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, message),
            Self::Ed25519 => {
                let pair =
                    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed has 32 bytes");
                let tag = pair.sign(message);
                let key = ParsedPublicKey::new(&ED25519, pair.public_key().as_ref())
                    .expect("the key is valid");
                measure(|| key.verify_sig(black_box(message), tag.as_ref()))
            }
            Self::Ecdsa => {
                let random = SystemRandom::new();
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
                    .expect("a key can be made");
                let tag = pair.sign(&random, message).expect("it signs");
                let der: PublicKeyX509Der<'_> =
                    pair.public_key().as_der().expect("a key can be encoded");
                let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, der.as_ref())
                    .expect("the key is valid");
                measure(|| key.verify_sig(black_box(message), tag.as_ref()))
            }
        }
    }
}

fn mac(algorithm: hmac::Algorithm, message: &[u8]) -> f64 {
    let secret = Secret::new("a secret of some length");
    let key = hmac::Key::new(algorithm, secret.reveal().as_bytes());
    let tag = hmac::sign(&key, message);
    measure(|| hmac::verify(&key, black_box(message), tag.as_ref()))
}

/// Nanoseconds of one run: the best of nine rounds of about fifty milliseconds.
fn measure<T>(mut run: impl FnMut() -> T) -> f64 {
    let mut times = 1_u32;
    while round(times, &mut run) < Duration::from_millis(50) {
        times = times.saturating_mul(2);
    }
    let best = (0..9).map(|_| round(times, &mut run)).min();
    best.unwrap_or_default().as_secs_f64() * 1e9 / f64::from(times)
}

fn round<T>(times: u32, run: &mut impl FnMut() -> T) -> Duration {
    let started = Instant::now();
    for _ in 0..times {
        black_box(run());
    }
    started.elapsed()
}
