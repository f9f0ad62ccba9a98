//! The signature schemes against vectors, which were checked with the vendors' own libraries, and against every small change.

mod handshakes;
mod hostile;
mod names;
pub(crate) mod party;
mod properties;
pub(crate) mod vector;

use evt::signature::{self, Options, Outgoing, Reason, Received, SCHEMES};
use evt::time::Timestamp;
use vector::{Vector, files};

fn each_vector(mut check: impl FnMut(&Vector)) {
    for file in files() {
        file.vectors.iter().for_each(&mut check);
    }
}

#[test]
fn every_scheme_has_vectors() {
    let mut with_vectors: Vec<String> = files().into_iter().map(|file| file.scheme).collect();
    with_vectors.sort();
    let mut names: Vec<&str> = SCHEMES.iter().map(|scheme| scheme.name()).collect();
    names.sort_unstable();
    assert_eq!(with_vectors, names);
}

#[test]
fn no_vector_is_missing() {
    let counts: Vec<usize> = files().iter().map(|file| file.vectors.len()).collect();
    assert_eq!((counts.len(), counts.iter().sum::<usize>()), (25, 381));
}

#[test]
fn every_vector_gets_its_verdict_and_reason() {
    let mut wrong = Vec::new();
    each_vector(|vector| {
        let reason = vector.judge().reason.code();
        let accepted = reason == vector.reason || vector.accept_reasons.iter().any(|r| r == reason);
        if !accepted {
            wrong.push(format!("{}: {reason}, not {}", vector.id, vector.reason));
        }
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A random change looks like a wrong secret, and a wrong webhook id is only recognised if the right one is configured too.
const NOT_DERIVABLE: [&str; 11] = [
    "standard-webhooks-12",
    "standard-webhooks-14",
    "svix-12",
    "svix-14",
    "stripe-13",
    "stripe-16",
    "github-08",
    "meta-06",
    "paypal-08",
    "paypal-10",
    "twilio-13",
];

#[test]
fn every_derivable_diagnosis_is_made() {
    let mut wrong = Vec::new();
    each_vector(|vector| {
        let Some(expected) = &vector.hint else { return };
        if NOT_DERIVABLE.contains(&vector.id.as_str()) {
            return;
        }
        let hint = vector.judge().hint.unwrap_or_default();
        let code = hint.split(':').next().unwrap_or_default();
        if code != expected {
            wrong.push(format!("{}: {hint}, not {expected}", vector.id));
        }
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_diagnosis_never_accepts() {
    each_vector(|vector| {
        let accepted = vector.judge().reason == Reason::Ok;
        assert_eq!(accepted, vector.reason == "ok", "{}", vector.id);
    });
}

#[test]
fn every_refusal_has_a_hint() {
    let mut without_hint = Vec::new();
    each_vector(|vector| {
        let judgement = vector.judge();
        if !judgement.is_valid() && judgement.hint.is_none() {
            without_hint.push(format!("{}: {}", vector.id, judgement.reason.code()));
        }
    });
    assert!(without_hint.is_empty(), "{without_hint:#?}");
}

#[test]
fn every_signer_makes_the_exact_header() {
    let mut signed = 0;
    each_vector(|vector| {
        let Some(sign) = &vector.sign else { return };
        signed += 1;
        vector.check_signature(sign);
    });
    assert_eq!(signed, SIGNING, "vectors that sign");
}

/// The number of vectors whose signature is deterministic.
const SIGNING: usize = 41;

#[test]
fn parameters_after_thousands_of_repetitions_are_not_accepted_as_signed() {
    let scheme = signature::find("twilio").unwrap();
    let keys = scheme.sample_keys(&[3; 32]).unwrap();
    let (signed, url) = (
        "CallSid=CA1&CallStatus=completed",
        "https://hooks.example.test/",
    );
    let form = vector::headers(&[(
        "content-type".to_owned(),
        "application/x-www-form-urlencoded".to_owned(),
    )]);
    let signer = scheme.signer(&keys.signs, &Options::default()).unwrap();
    let sent = signer
        .sign(&Outgoing {
            id: "",
            timestamp: Timestamp::from_secs(0),
            url,
            headers: &form,
            body: &signed.into(),
        })
        .unwrap();
    let mut headers = form.clone();
    headers.extend(sent.headers);
    let verifier = scheme
        .verifier(&[keys.verifies], &Options::default())
        .unwrap();
    let judge = |body: &str| {
        let received = Received {
            method: "POST",
            url,
            headers: &headers,
            body: body.as_bytes(),
        };
        verifier
            .verify(&received, Timestamp::from_secs(0), None)
            .reason
    };
    assert_eq!(judge(signed), Reason::Ok);
    let forged = format!("{signed}{}&Body=forged", "&CallSid=CA1".repeat(4095));
    assert_eq!(judge(&forged), Reason::MalformedBody);
}

#[test]
fn a_mistyped_scheme_gets_a_suggestion() {
    let error = signature::find("standard-webhook").err();
    let suggestion = match error {
        Some(signature::SignatureError::UnknownScheme { suggestion, .. }) => suggestion,
        _ => None,
    };
    assert_eq!(suggestion, Some("standard-webhooks"));
}
