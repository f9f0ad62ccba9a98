//! The signature schemes against vectors that the vendors' own libraries were run over, and against every small change.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use evt::secret::Secret;
use evt::signature::{self, Judgement, Options, Outgoing, Reason, Received, SCHEMES, Scheme};
use evt::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use serde::Deserialize;

const FILES: [&str; 5] = [
    include_str!("../data/signatures/standard-webhooks.json"),
    include_str!("../data/signatures/svix.json"),
    include_str!("../data/signatures/stripe.json"),
    include_str!("../data/signatures/github.json"),
    include_str!("../data/signatures/shared-secret-header.json"),
];

#[derive(Deserialize)]
struct File {
    scheme: String,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    key: Key,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body_b64: String,
    now: i64,
    tolerance: Option<u64>,
    reason: String,
    #[serde(default)]
    accept_reasons: Vec<String>,
    hint: Option<String>,
    sign: Option<Sign>,
}

#[derive(Deserialize)]
struct Key {
    secrets: Vec<String>,
    header: Option<String>,
}

#[derive(Deserialize)]
struct Sign {
    id: Option<String>,
    timestamp: Option<i64>,
    expect_header: (String, String),
}

impl Vector {
    fn secrets(&self) -> Vec<Secret> {
        self.key.secrets.iter().map(Secret::new).collect()
    }

    fn options(&self) -> Options {
        let header = self.key.header.iter();
        Options(
            header
                .map(|name| ("header".to_owned(), name.clone()))
                .collect(),
        )
    }

    fn body(&self) -> Bytes {
        STANDARD.decode(&self.body_b64).unwrap().into()
    }

    fn headers(&self) -> HeaderMap {
        let pairs = self.headers.iter().map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        });
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            headers.append(name, value);
        });
        headers
    }

    fn judge(&self, scheme: &dyn Scheme) -> Judgement {
        let (headers, body) = (self.headers(), self.body());
        let received = Received {
            method: &self.method,
            url: &self.url,
            headers: &headers,
            body: &body,
        };
        let tolerance = Duration::from_secs(self.tolerance.unwrap_or(300));
        scheme
            .verifier(&self.secrets(), &self.options())
            .unwrap()
            .verify(&received, Timestamp::from_secs(self.now), tolerance)
    }
}

fn each_vector(mut check: impl FnMut(&dyn Scheme, &Vector)) {
    for text in FILES {
        let file: File = serde_json::from_str(text).unwrap();
        let scheme = signature::find(&file.scheme).unwrap();
        for vector in &file.vectors {
            check(scheme, vector);
        }
    }
}

#[test]
fn every_scheme_has_vectors() {
    let with_vectors: Vec<String> = FILES
        .iter()
        .map(|text| serde_json::from_str::<File>(text).unwrap().scheme)
        .collect();
    let names: Vec<&str> = SCHEMES.iter().map(|scheme| scheme.name()).collect();
    assert_eq!(with_vectors, names);
}

#[test]
fn every_vector_gets_its_verdict_and_reason() {
    each_vector(|scheme, vector| {
        let reason = vector.judge(scheme).reason.code();
        let accepted = reason == vector.reason || vector.accept_reasons.iter().any(|r| r == reason);
        assert!(accepted, "{}: {reason}", vector.id);
    });
}

/// What was tampered with at random cannot be told from a wrong secret by the request alone.
const NOT_DERIVABLE: [&str; 7] = [
    "standard-webhooks-12",
    "standard-webhooks-14",
    "svix-12",
    "svix-14",
    "stripe-13",
    "stripe-16",
    "github-08",
];

#[test]
fn every_diagnosis_that_a_request_allows_is_made() {
    each_vector(|scheme, vector| {
        let Some(expected) = &vector.hint else { return };
        if NOT_DERIVABLE.contains(&vector.id.as_str()) {
            return;
        }
        let hint = vector.judge(scheme).hint.unwrap_or_default();
        let code = hint.split(':').next().unwrap_or_default();
        assert_eq!(code, expected, "{}: {hint}", vector.id);
    });
}

#[test]
fn a_diagnosis_never_accepts() {
    each_vector(|scheme, vector| {
        let judgement = vector.judge(scheme);
        assert_eq!(
            judgement.reason == Reason::Ok,
            vector.reason == "ok",
            "{}",
            vector.id
        );
    });
}

#[test]
fn every_signer_makes_the_exact_header() {
    let mut signed = 0;
    each_vector(|scheme, vector| {
        let Some(sign) = &vector.sign else { return };
        signed += 1;
        let body = vector.body();
        let message = Outgoing {
            id: sign.id.as_deref().unwrap_or("msg_1"),
            timestamp: Timestamp::from_secs(sign.timestamp.unwrap_or(vector.now)),
            url: &vector.url,
            body: &body,
        };
        let signer = scheme
            .signer(
                &Secret::new(vector.key.secrets[0].clone()),
                &vector.options(),
            )
            .unwrap();
        let headers: HeaderMap = signer.sign(&message).into_iter().collect();
        let (name, value) = &sign.expect_header;
        assert_eq!(headers[name.as_str()], value.as_str(), "{}", vector.id);
    });
    assert_eq!(signed, 18, "vectors that sign");
}

/// The schemes whose signature covers the body.
fn covering() -> impl Iterator<Item = &'static dyn Scheme> {
    let schemes = SCHEMES.iter().copied();
    schemes.filter(|scheme| scheme.name() != "shared-secret-header")
}

const NOW: Timestamp = Timestamp::from_secs(1_795_132_800);

fn sign(scheme: &dyn Scheme, secret: &Secret, body: &Bytes) -> HeaderMap {
    let message = Outgoing {
        id: "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
        timestamp: NOW,
        url: "http://127.0.0.1:4871/",
        body,
    };
    let signer = scheme.signer(secret, &Options::default()).unwrap();
    signer.sign(&message).into_iter().collect()
}

fn verify(scheme: &dyn Scheme, secret: &Secret, headers: &HeaderMap, body: &[u8]) -> Judgement {
    let received = Received {
        method: "POST",
        url: "http://127.0.0.1:4871/",
        headers,
        body,
    };
    scheme
        .verifier(std::slice::from_ref(secret), &Options::default())
        .unwrap()
        .verify(&received, NOW, Duration::from_secs(300))
}

fn is_signed_text(name: &HeaderName) -> bool {
    // The delivery's id is told beside GitHub's signature and is no part of it.
    name.as_str() != "x-github-delivery"
}

proptest! {
    #[test]
    fn what_is_signed_verifies(body: Vec<u8>, random: [u8; 32]) {
        let body = Bytes::from(body);
        for scheme in SCHEMES {
            let secret = scheme.sample_secret(&random);
            let headers = sign(*scheme, &secret, &body);
            let judgement = verify(*scheme, &secret, &headers, &body);
            prop_assert_eq!(judgement.reason, Reason::Ok, "{}", scheme.name());
        }
    }

    #[test]
    fn one_bit_changed_in_the_body_is_refused(
        body in prop::collection::vec(any::<u8>(), 1..200),
        at: prop::sample::Index,
        bit in 0..8_u8,
    ) {
        let body = Bytes::from(body);
        let mut changed = body.to_vec();
        changed[at.index(body.len())] ^= 1 << bit;
        for scheme in covering() {
            let secret = scheme.sample_secret(&[3; 32]);
            let headers = sign(scheme, &secret, &body);
            let judgement = verify(scheme, &secret, &headers, &changed);
            prop_assert_eq!(judgement.reason, Reason::SignatureMismatch, "{}", scheme.name());
        }
    }

    #[test]
    fn one_bit_changed_in_a_signed_header_is_refused(
        which: prop::sample::Index,
        at: prop::sample::Index,
        bit in 0..7_u8,
    ) {
        let body = Bytes::from_static(b"{\"event\":\"contact.created\"}");
        for scheme in SCHEMES {
            let secret = scheme.sample_secret(&[3; 32]);
            let mut headers = sign(*scheme, &secret, &body);
            let names: Vec<HeaderName> = headers.keys().filter(|n| is_signed_text(n)).cloned().collect();
            let name = &names[which.index(names.len())];
            let mut value = headers[name].as_bytes().to_vec();
            let at = at.index(value.len());
            value[at] ^= 1 << bit;
            let Ok(value) = HeaderValue::from_bytes(&value) else { continue };
            headers.insert(name.clone(), value);
            let judgement = verify(*scheme, &secret, &headers, &body);
            prop_assert_ne!(judgement.reason, Reason::Ok, "{} {:?}", scheme.name(), headers);
        }
    }

    #[test]
    fn no_header_makes_a_verifier_panic_or_accept(value: Vec<u8>, mut body: Vec<u8>) {
        // Whatever comes, it is not the body that was signed.
        body.push(b'!');
        let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
        for scheme in SCHEMES {
            let secret = scheme.sample_secret(&[3; 32]);
            let signed = sign(*scheme, &secret, &Bytes::from_static(b"x"));
            for name in signed.keys() {
                let mut headers = signed.clone();
                headers.insert(name.clone(), value.clone());
                let judgement = verify(*scheme, &secret, &headers, &body);
                prop_assert!(!judgement.is_valid() || !covering().any(|s| s.name() == scheme.name()));
            }
        }
    }
}
