//! Requests that an endpoint must refuse: each is valid except for one thing.

use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use thiserror::Error;

use super::{Message, Signing};
use crate::dial::Call;
use crate::json::{self, Step};
use crate::signature::{Facts, Outgoing, Received, SignatureError, Signed};
use crate::time::Timestamp;

/// The age of an outdated timestamp: more than any tolerance in use, and more than the lifetime of a token.
const OUTDATED: Duration = Duration::from_secs(2 * 60 * 60);
/// How many positions are tried for a change that keeps valid JSON valid.
const MOST_TRIED: usize = 200;

/// What is wrong with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tamper {
    /// One letter or digit of the body changes after signing.
    Body,
    /// One letter or digit of the signature changes.
    Signature,
    /// The signature is correct, but two hours old.
    Timestamp,
    /// The request is valid and is sent twice.
    Replay,
}

/// Why a request cannot be tampered with.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TamperError {
    #[error(transparent)]
    Cannot(SignatureError),
    #[error("an unsigned request cannot be tampered with")]
    Unsigned,
    #[error("the signature does not cover the body")]
    BodyNotCovered,
    #[error("the body has no letter or digit to change")]
    NothingToChange,
    #[error("the signature has no timestamp")]
    NoTimestamp,
    #[error("receivers of this scheme do not check the clock")]
    ClockNotChecked,
}

/// The argument of `--tamper` is invalid.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not one of body, signature, timestamp and replay")]
pub struct UnknownTamper(String);

impl FromStr for Tamper {
    type Err = UnknownTamper;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "body" => Ok(Self::Body),
            "signature" => Ok(Self::Signature),
            "timestamp" => Ok(Self::Timestamp),
            "replay" => Ok(Self::Replay),
            other => Err(UnknownTamper(other.to_owned())),
        }
    }
}

/// Makes the request. For [`Tamper::Replay`] it is valid: the caller sends it twice.
///
/// # Errors
/// If a receiver of the scheme cannot notice the change: such a test would prove nothing.
pub fn call(
    message: &Message,
    tamper: Tamper,
    id: &str,
    now: Timestamp,
) -> Result<Call, TamperError> {
    let signing = message.signing.as_ref().ok_or(TamperError::Unsigned)?;
    let facts = signing.scheme.facts();
    let signed = message.signature(id, now).map_err(TamperError::Cannot)?;
    let parts = Parts::of(&signed, facts);
    match tamper {
        Tamper::Replay => Ok(message.call_with(signed)),
        Tamper::Signature => Ok(message.call_with(change_signature(signed, facts))),
        Tamper::Body => {
            let body = change_body(&message.body, facts).ok_or(TamperError::NothingToChange)?;
            let other = message.signature_of(&Bytes::from(body.clone()), id, now);
            let other = other.map_err(TamperError::Cannot)?;
            if Parts::of(&other, facts) == parts {
                return Err(TamperError::BodyNotCovered);
            }
            let mut call = message.call_with(Signed {
                body: None,
                ..signed.clone()
            });
            call.body = match (other.body, parts.in_body) {
                (Some(body), Some(signature)) => with_signature(&body, facts, signature),
                _ => Bytes::from(body),
            };
            Ok(call)
        }
        Tamper::Timestamp => {
            let outdated = message.signature(id, now.minus(OUTDATED));
            let outdated = outdated.map_err(TamperError::Cannot)?;
            if Parts::of(&outdated, facts) == parts {
                return Err(TamperError::NoTimestamp);
            }
            if !checks_clock(message, signing, now) {
                return Err(TamperError::ClockNotChecked);
            }
            Ok(message.call_with(outdated))
        }
    }
}

/// Whether receivers of this scheme refuse an old signature. It is tried out with a key pair of the scheme, if it can make one.
fn checks_clock(message: &Message, signing: &Signing, now: Timestamp) -> bool {
    if !signing.scheme.facts().checks_clock {
        return false;
    }
    let accepts = |signed_at| accepts(message, signing, signed_at, now);
    // If the verifier refuses even a new signature, its refusal of an old one does not show that it checks the clock.
    accepts(now) != Some(true) || accepts(now.minus(OUTDATED)) != Some(true)
}

/// Whether a verifier of the scheme accepts the message, signed at this time with a new key.
fn accepts(
    message: &Message,
    signing: &Signing,
    signed_at: Timestamp,
    now: Timestamp,
) -> Option<bool> {
    let Signing {
        scheme, options, ..
    } = signing;
    let keys = scheme.sample_keys(&[7; 32])?;
    let signer = scheme.signer(&keys.signs, options).ok()?;
    let verifier = scheme.verifier(&[keys.verifies], options).ok()?;
    let signed = signer.sign(&Outgoing {
        id: "msg_clock",
        timestamp: signed_at,
        url: &message.url,
        headers: &message.headers,
        body: &message.body,
    });
    let signed = signed.ok()?;
    let mut headers = message.headers.clone();
    headers.extend(signed.headers);
    let received = Received {
        method: "POST",
        url: signed.url.as_deref().unwrap_or(&message.url),
        headers: &headers,
        body: signed.body.as_ref().unwrap_or(&message.body),
    };
    Some(verifier.verify(&received, now, None).is_valid())
}

/// The parts of a request that are the signature.
#[derive(PartialEq, Eq)]
struct Parts<'a> {
    headers: &'a [(HeaderName, HeaderValue)],
    in_body: Option<&'a [u8]>,
}

impl<'a> Parts<'a> {
    fn of(signed: &'a Signed, facts: &Facts) -> Self {
        let body = signed.body.as_deref();
        Self {
            headers: &signed.headers,
            in_body: body.and_then(|body| Some(&body[signature_in(body, facts)?])),
        }
    }
}

/// Where the signature is in the body, if the scheme puts it there.
pub(super) fn signature_in(body: &[u8], facts: &Facts) -> Option<Range<usize>> {
    let path = facts.body_signature;
    match json_text(body) {
        Some(text) => string_at(text, path),
        None => form_field(body, path.last()?),
    }
}

fn json_text(body: &[u8]) -> Option<&str> {
    json::is_json(body)
        .then(|| std::str::from_utf8(body).ok())
        .flatten()
}

/// The range of the string at this path, without its quotes.
fn string_at(text: &str, path: &[&str]) -> Option<Range<usize>> {
    if path.is_empty() {
        return None;
    }
    let steps: Vec<Step> = path
        .iter()
        .map(|name| Step::Name((*name).to_owned()))
        .collect();
    let span = json::span(text, &steps)?;
    text[span.clone()]
        .starts_with('"')
        .then(|| span.start + 1..span.end - 1)
}

/// The range of the value of a form's field.
fn form_field(body: &[u8], name: &str) -> Option<Range<usize>> {
    let mut start = 0;
    for pair in body.split(|byte| *byte == b'&') {
        let end = start + pair.len();
        if let Some(value) = pair.strip_prefix(name.as_bytes())
            && value.first() == Some(&b'=')
        {
            return Some(end - value.len() + 1..end);
        }
        start = end + 1;
    }
    None
}

/// Replaces the signature in a body.
pub(super) fn with_signature(body: &[u8], facts: &Facts, signature: &[u8]) -> Bytes {
    match signature_in(body, facts) {
        Some(at) => [&body[..at.start], signature, &body[at.end..]]
            .concat()
            .into(),
        None => Bytes::copy_from_slice(body),
    }
}

/// Changes the signature: in the body, or in its header. A scheme without a signature has its secret there.
fn change_signature(mut signed: Signed, facts: &Facts) -> Signed {
    if let Some(body) = &signed.body
        && let Some(at) = signature_in(body, facts)
        && let Some(changed) = change_within(body, at)
    {
        signed.body = Some(changed.into());
        return signed;
    }
    let at = signed
        .headers
        .iter()
        .position(|(name, _)| name.as_str().contains("signature"))
        .unwrap_or(0);
    if let Some((_, value)) = signed.headers.get_mut(at)
        && let Some(changed) = change_one(value.as_bytes())
    {
        *value = HeaderValue::from_bytes(&changed)
            .expect("a value with another letter is still a valid value");
    }
    signed
}

/// Changes one letter or digit of the body that is signed.
fn change_body(body: &[u8], facts: &Facts) -> Option<Vec<u8>> {
    let signed = json_text(body).and_then(|text| {
        let mut members = facts.signed_members.iter();
        members.find_map(|name| change_within(body, string_at(text, &[name])?))
    });
    signed.or_else(|| change_within(body, 0..body.len()))
}

/// Changes one letter or digit within a range. Valid JSON stays valid.
pub(super) fn change_within(body: &[u8], part: Range<usize>) -> Option<Vec<u8>> {
    let is_json = json::is_json(body);
    positions(&body[part.clone()])
        .take(MOST_TRIED)
        .find_map(|at| {
            let changed = changed_at(body, part.start + at);
            (!is_json || json::is_json(&changed)).then_some(changed)
        })
}

/// Changes one letter or digit, the nearest one after the middle.
///
/// The middle of a header is inside the signature, not in a prefix such as `v1=`. Digits become digits, so that hexadecimal,
/// base64 and JSON stay valid.
pub(super) fn change_one(bytes: &[u8]) -> Option<Vec<u8>> {
    let at = positions(bytes).next()?;
    Some(changed_at(bytes, at))
}

/// The positions of digits, then of letters: from the middle to the last byte, then back to the first.
fn positions(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let middle = bytes.len() / 2;
    let all = move || (middle..bytes.len()).chain((0..middle).rev());
    let digits = all().filter(|at| bytes[*at].is_ascii_digit());
    let letters = all().filter(|at| bytes[*at].is_ascii_alphabetic());
    digits.chain(letters)
}

fn changed_at(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[at] = match bytes[at] {
        b'9' => b'1',
        digit @ b'0'..=b'8' => digit + 1,
        b'f' => b'a',
        b'z' => b'y',
        b'Z' => b'Y',
        letter => letter + 1,
    };
    changed
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::Value;

    use super::*;
    use crate::grammar::target::Target;
    use crate::secret::Secret;
    use crate::signature::{self, Options, Reason, Verifier};

    const NOW: Timestamp = Timestamp::from_secs(1_795_132_800);

    fn message(scheme: &str, body: &'static [u8]) -> Message {
        let scheme = signature::find(scheme).unwrap();
        let secret = scheme.sample_keys(&[5; 32]).unwrap().signs;
        Message {
            target: Target::Url(http::Uri::from_static("http://127.0.0.1:4871/")),
            url: "http://127.0.0.1:4871/".to_owned(),
            path: None,
            headers: http::HeaderMap::new(),
            body: Bytes::from_static(body),
            signing: Some(Signing::new(scheme, Options::default(), &[secret]).unwrap()),
            timeout: Duration::from_secs(1),
        }
    }

    fn judged(scheme: &str, call: &Call) -> Reason {
        let scheme = signature::find(scheme).unwrap();
        let secret: Secret = scheme.sample_keys(&[5; 32]).unwrap().verifies;
        let received = Received {
            method: "POST",
            url: "http://127.0.0.1:4871/",
            headers: &call.headers,
            body: &call.body,
        };
        let verifier = scheme.verifier(&[secret], &Options::default()).unwrap();
        let judgement = verifier.verify(&received, NOW, None);
        judgement.reason
    }

    const BODY: &[u8] = br#"{"event":"contact.created","data":{"n":1}}"#;

    #[test]
    fn a_tampered_request_is_refused_for_the_tampered_part() {
        use Reason::{Ok, SecretMismatch, SignatureMismatch, TimestampTooOld};
        let expected = [
            ("standard-webhooks", Tamper::Body, SignatureMismatch),
            ("standard-webhooks", Tamper::Signature, SignatureMismatch),
            ("standard-webhooks", Tamper::Timestamp, TimestampTooOld),
            ("stripe", Tamper::Body, SignatureMismatch),
            ("stripe", Tamper::Signature, SignatureMismatch),
            ("stripe", Tamper::Timestamp, TimestampTooOld),
            ("github", Tamper::Body, SignatureMismatch),
            ("github", Tamper::Signature, SignatureMismatch),
            ("shared-secret-header", Tamper::Signature, SecretMismatch),
            ("github", Tamper::Replay, Ok),
        ];
        for (scheme, tamper, reason) in expected {
            let call = call(&message(scheme, BODY), tamper, "msg_1", NOW).unwrap();
            assert_eq!(judged(scheme, &call), reason, "{scheme} {tamper:?}");
        }
    }

    #[test]
    fn a_change_that_the_scheme_cannot_notice_is_an_error() {
        let error = |scheme, tamper| call(&message(scheme, BODY), tamper, "m", NOW).unwrap_err();
        assert_eq!(error("github", Tamper::Timestamp), TamperError::NoTimestamp);
        assert_eq!(
            error("shared-secret-header", Tamper::Body),
            TamperError::BodyNotCovered
        );
    }

    #[test]
    fn a_tampered_body_is_still_json() {
        let call = call(&message("stripe", BODY), Tamper::Body, "m", NOW).unwrap();
        assert_ne!(call.body, BODY);
        assert!(serde_json::from_slice::<serde_json::Value>(&call.body).is_ok());
    }

    #[test]
    fn a_body_without_letters_has_nothing_to_change() {
        let error = call(&message("stripe", b"{}"), Tamper::Body, "m", NOW).unwrap_err();
        assert_eq!(error, TamperError::NothingToChange);
    }

    /// The message of the first vector of a scheme, and a verifier that has its certificates.
    fn by_certificate(name: &str, body: Option<Bytes>) -> (Message, Box<dyn Verifier>) {
        let path = format!(
            "{}/tests/data/signatures/{name}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let vector = &file["vectors"][0];
        let key = &vector["key"];
        let (url, pem) = key["certs"].as_object().unwrap().iter().next().unwrap();
        let pems = ["trust_anchors_pem", "intermediates_pem"]
            .iter()
            .filter_map(|name| key[*name].as_array())
            .flatten();
        let ca: String = pems.map(|pem| pem.as_str().unwrap()).collect();
        let mut options = vec![("cert-url".to_owned(), url.clone())];
        if name == "paypal" {
            let id = key["webhook_id"].as_str().unwrap().to_owned();
            options.extend([("webhook-id".to_owned(), id), ("ca".to_owned(), ca)]);
        }
        let options = Options(options);
        let scheme = signature::find(name).unwrap();
        let secret = Secret::new(key["private_key_pem"].as_str().unwrap());
        let verifier = scheme.verifier(&[], &options).unwrap();
        let body = body.unwrap_or_else(|| {
            let text = vector["body_b64"].as_str().unwrap();
            STANDARD.decode(text).unwrap().into()
        });
        let message = Message {
            body,
            signing: Some(Signing::new(scheme, options, &[secret]).unwrap()),
            ..message("github", b"")
        };
        let good = message.call("msg_1", NOW).unwrap();
        let url = verifier.missing_document(&received(&good), NOW).unwrap();
        verifier.add_document(&url, pem.as_str().unwrap().as_bytes(), NOW);
        let judgement = verifier.verify(&received(&good), NOW, None);
        assert_eq!(judgement.reason, Reason::Ok, "{name}");
        (message, verifier)
    }

    fn received(call: &Call) -> Received<'_> {
        Received {
            method: "POST",
            url: "http://127.0.0.1:4871/",
            headers: &call.headers,
            body: &call.body,
        }
    }

    /// A message of SNS whose strings look like signatures, and whose last members are not signed.
    fn sns(separator: &str) -> Bytes {
        let body = r#"{"Type":"Notification","MessageId":"49-a","TopicArn":"arn:aws:sns:eu-west-1:1:t","Message":"{\"signature\":\"1\",\"Signature\":\"2\"}\n\"Signature\":\"x","Timestamp":"2026-11-20T00:00:00.000Z","SignatureVersion":"1","SigningCertURL":"x","Signature":"0","UnsubscribeURL":"https://sns.eu-west-1.amazonaws.com/?Signature=1234567890"}"#;
        body.replace("\":\"", &format!("\"{separator}\"")).into()
    }

    #[test]
    fn a_request_signed_with_a_certificate_is_refused_after_tampering() {
        let (compact, spaced) = (Some(sns(":")), Some(sns(" : ")));
        for (name, body) in [
            ("paypal", None),
            ("sns", None),
            ("sns", compact),
            ("sns", spaced),
        ] {
            let (message, verifier) = by_certificate(name, body);
            let good = message.call("msg_1", NOW).unwrap();
            for tamper in [Tamper::Body, Tamper::Signature] {
                let call = call(&message, tamper, "msg_1", NOW).unwrap();
                assert_ne!((&call.headers, &call.body), (&good.headers, &good.body));
                assert!(serde_json::from_slice::<Value>(&call.body).is_ok());
                let judgement = verifier.verify(&received(&call), NOW, None);
                let names = (name, tamper);
                assert_eq!(judgement.reason, Reason::SignatureMismatch, "{names:?}");
            }
        }
    }

    #[test]
    fn only_the_message_of_a_notification_changes() {
        let (message, _) = by_certificate("sns", Some(sns(":")));
        let good = message.call("msg_1", NOW).unwrap();
        let call = call(&message, Tamper::Body, "msg_1", NOW).unwrap();
        let [good, bad] = [&good, &call]
            .map(|call| serde_json::from_slice::<serde_json::Map<_, _>>(&call.body).unwrap());
        let differing: Vec<&str> = good
            .iter()
            .filter(|(name, value): &(&String, &Value)| bad[*name] != **value)
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(differing, ["Message"]);
    }

    #[test]
    fn a_signature_is_only_found_at_its_path() {
        for (scheme, body, expected) in [
            (
                "sns",
                r#"{"a":"\"Signature\":\"x","Signature" : "y"}"#,
                Some("y"),
            ),
            ("sns", r#"{"deep":{"Signature":"x"},"signature":"x"}"#, None),
            (
                "mailgun",
                r#"{"signature": {"token":"t", "signature": "y"}}"#,
                Some("y"),
            ),
            ("mailgun", "a=1&signature=y&b=2", Some("y")),
            ("mailgun", "my-signature=x&signature=y", Some("y")),
            ("mailgun", "signature=y", Some("y")),
            ("mailgun", "signatures=x&a=signature=x", None),
            (
                "google-ads-lead",
                r#"{"deep":{"google_key":"x"},"google_key":"y"}"#,
                Some("y"),
            ),
            ("stripe", r#"{"signature":"x"}"#, None),
        ] {
            let facts = signature::find(scheme).unwrap().facts();
            let found = signature_in(body.as_bytes(), facts).map(|at| &body[at]);
            assert_eq!(found, expected, "{scheme} {body}");
        }
    }

    #[test]
    fn json_stays_valid_after_a_change() {
        let facts = signature::find("stripe").unwrap().facts();
        let hard = r#"{"a":[true,false,null],"b":"\n\t\\"}"#;
        let changed = change_body(hard.as_bytes(), facts).unwrap();
        assert_ne!(changed, hard.as_bytes());
        assert!(json::is_json(&changed));
        assert_eq!(change_body(b"[true,null]", facts), None);
    }

    #[test]
    fn schemes_that_ignore_the_clock_are_known() {
        for (name, expected) in [
            ("stripe", true),
            ("standard-webhooks", true),
            ("slack", true),
            ("mailgun", false),
            ("sendgrid", false),
            ("discord", false),
            ("paypal", false),
        ] {
            let message = match name {
                "paypal" => by_certificate(name, None).0,
                _ => message(name, BODY),
            };
            let found = checks_clock(&message, message.signing.as_ref().unwrap(), NOW);
            assert_eq!(found, expected, "{name}");
        }
    }
}
