//! Requests that an endpoint must refuse: each is right but for one thing.

use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use thiserror::Error;

use super::Message;
use crate::dial::Call;
use crate::json::{self, Step};
use crate::signature::{Options, Outgoing, Received, Scheme, SignatureError, Signed};
use crate::time::Timestamp;

/// How far back a stale timestamp lies: past any tolerance in use, and past the hour that a token is good.
const STALE: Duration = Duration::from_secs(2 * 60 * 60);

/// Where JSON bodies hold a signature, or the secret that stands for one.
const INSIDE: [&[&str]; 3] = [&["Signature"], &["signature", "signature"], &["google_key"]];
/// The field of forms that holds it.
const INSIDE_FORM: &[u8] = b"signature";
/// The fields of SNS's messages that are signed whatever their type; others of its body are not.
const SIGNED: [&str; 2] = ["Message", "MessageId"];
/// So many places are tried for a change that leaves JSON what it is: where none of them does, there is hardly any text.
const TRIES: usize = 200;

/// What is wrong with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tamper {
    /// One letter or digit of the body is another one after signing.
    Body,
    /// One letter or digit of the signature is another one.
    Signature,
    /// The signature is right but was made two hours ago.
    Timestamp,
    /// The request is right and is sent twice.
    Replay,
}

/// Why there is nothing to tamper with.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TamperError {
    #[error(transparent)]
    Cannot(SignatureError),
    #[error("an unsigned request cannot be tampered with")]
    Unsigned,
    #[error("the signature does not cover the body")]
    BodyNotCovered,
    #[error("the body holds no letter or digit that could be changed")]
    NothingToChange,
    #[error("the signature has no timestamp")]
    NoTimestamp,
    #[error("this scheme's own verifiers do not check the clock")]
    ClockNotChecked,
}

/// The word on the command line.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is none of body, signature, timestamp and replay")]
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

/// The request with the one thing wrong. For [`Tamper::Replay`] it is right: the caller sends it twice.
///
/// # Errors
/// Where the scheme cannot notice: a test that must fail tells nothing.
pub fn call(
    message: &Message,
    tamper: Tamper,
    id: &str,
    now: Timestamp,
) -> Result<Call, TamperError> {
    let signed = message.signature(id, now).map_err(TamperError::Cannot)?;
    let essence = Essence::of(&signed);
    if essence.is_empty() {
        return Err(TamperError::Unsigned);
    }
    match tamper {
        Tamper::Replay => Ok(message.call_with(signed)),
        Tamper::Signature => Ok(message.call_with(change_signature(signed))),
        Tamper::Body => {
            let body = change_body(&message.body).ok_or(TamperError::NothingToChange)?;
            let other = message.signature_of(&Bytes::from(body.clone()), id, now);
            let other = other.map_err(TamperError::Cannot)?;
            if Essence::of(&other) == essence {
                return Err(TamperError::BodyNotCovered);
            }
            let mut call = message.call_with(Signed {
                body: None,
                ..signed.clone()
            });
            call.body = match (other.body, essence.inside) {
                (Some(body), Some(signature)) => with_signature(&body, signature),
                _ => Bytes::from(body),
            };
            Ok(call)
        }
        Tamper::Timestamp => {
            let stale = message.signature(id, now.minus(STALE));
            let stale = stale.map_err(TamperError::Cannot)?;
            if Essence::of(&stale) == essence {
                return Err(TamperError::NoTimestamp);
            }
            Ok(message.call_with(stale))
        }
    }
}

/// Whether who verifies by this scheme refuses what was signed long ago: tried out, where the scheme can make keys for that.
pub fn checks_clock(
    message: &Message,
    scheme: &dyn Scheme,
    options: &Options,
    now: Timestamp,
) -> bool {
    if !scheme.checks_clock() {
        return false;
    }
    let accepts = |signed_at| accepts(message, scheme, options, signed_at, now);
    // Who does not accept a fresh one says nothing about the clock.
    accepts(now) != Some(true) || accepts(now.minus(STALE)) != Some(true)
}

/// Whether a verifier of this scheme accepts the message, signed at such a time by a key of its own.
fn accepts(
    message: &Message,
    scheme: &dyn Scheme,
    options: &Options,
    signed_at: Timestamp,
    now: Timestamp,
) -> Option<bool> {
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

/// What stands for the signature: headers, or a field of the body.
#[derive(PartialEq, Eq)]
struct Essence<'a> {
    headers: &'a [(HeaderName, HeaderValue)],
    inside: Option<&'a [u8]>,
}

impl<'a> Essence<'a> {
    fn of(signed: &'a Signed) -> Self {
        let body = signed.body.as_deref();
        Self {
            headers: &signed.headers,
            inside: body.and_then(|body| Some(&body[signature_in(body)?])),
        }
    }

    fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.inside.is_none()
    }
}

/// Where a signature stands inside a body, of the schemes that put it there.
pub(super) fn signature_in(body: &[u8]) -> Option<Range<usize>> {
    match json_text(body) {
        Some(text) => INSIDE.iter().find_map(|path| string_at(text, path)),
        None => in_form(body),
    }
}

fn json_text(body: &[u8]) -> Option<&str> {
    json::is_json(body)
        .then(|| std::str::from_utf8(body).ok())
        .flatten()
}

/// The inside of the string that stands at a path.
fn string_at(text: &str, path: &[&str]) -> Option<Range<usize>> {
    let steps: Vec<Step> = path
        .iter()
        .map(|name| Step::Name((*name).to_owned()))
        .collect();
    let span = json::span(text, &steps)?;
    text[span.clone()]
        .starts_with('"')
        .then(|| span.start + 1..span.end - 1)
}

fn in_form(body: &[u8]) -> Option<Range<usize>> {
    let mut start = 0;
    for pair in body.split(|byte| *byte == b'&') {
        let end = start + pair.len();
        if let Some(value) = pair.strip_prefix(INSIDE_FORM)
            && value.first() == Some(&b'=')
        {
            return Some(end - value.len() + 1..end);
        }
        start = end + 1;
    }
    None
}

pub(super) fn with_signature(body: &[u8], signature: &[u8]) -> Bytes {
    match signature_in(body) {
        Some(at) => [&body[..at.start], signature, &body[at.end..]]
            .concat()
            .into(),
        None => Bytes::copy_from_slice(body),
    }
}

/// Changes the header that holds the signature, or the secret where there is no signature; or the field in the body.
fn change_signature(mut signed: Signed) -> Signed {
    if let Some(body) = &signed.body
        && let Some(at) = signature_in(body)
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
        *value =
            HeaderValue::from_bytes(&changed).expect("a letter in place of a letter stays valid");
    }
    signed
}

/// Changes the body in one place that is signed.
fn change_body(body: &[u8]) -> Option<Vec<u8>> {
    let text = json_text(body);
    let is_sns = text.is_some_and(|text| string_at(text, &["TopicArn"]).is_some());
    let signed = text.filter(|_| is_sns).and_then(|text| {
        let mut fields = SIGNED.iter().filter_map(|name| string_at(text, &[name]));
        fields.find_map(|field| change_within(body, field))
    });
    signed.or_else(|| change_within(body, 0..body.len()))
}

/// Changes one letter or digit of a part: JSON stays JSON.
pub(super) fn change_within(body: &[u8], part: Range<usize>) -> Option<Vec<u8>> {
    let is_json = json::is_json(body);
    places(&body[part.clone()]).take(TRIES).find_map(|at| {
        let changed = changed_at(body, part.start + at);
        (!is_json || json::is_json(&changed)).then_some(changed)
    })
}

/// Changes one letter or digit, the nearest after the middle: in the middle of a signature there is nothing but signature,
/// and a digit for a digit leaves hexadecimal, base64 and JSON what they are.
pub(super) fn change_one(bytes: &[u8]) -> Option<Vec<u8>> {
    let at = places(bytes).next()?;
    Some(changed_at(bytes, at))
}

/// Where digits stand, and then where letters stand: from the middle to the end, and from there back to the start.
fn places(bytes: &[u8]) -> impl Iterator<Item = usize> {
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
    use crate::signature::{self, Reason, Verifier};

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
            signer: Some(scheme.signer(&secret, &Options::default()).unwrap()),
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
    fn what_is_tampered_with_is_refused_for_that_reason() {
        let expected = [
            ("standard-webhooks", Tamper::Body, Reason::SignatureMismatch),
            (
                "standard-webhooks",
                Tamper::Signature,
                Reason::SignatureMismatch,
            ),
            (
                "standard-webhooks",
                Tamper::Timestamp,
                Reason::TimestampTooOld,
            ),
            ("stripe", Tamper::Body, Reason::SignatureMismatch),
            ("stripe", Tamper::Signature, Reason::SignatureMismatch),
            ("stripe", Tamper::Timestamp, Reason::TimestampTooOld),
            ("github", Tamper::Body, Reason::SignatureMismatch),
            ("github", Tamper::Signature, Reason::SignatureMismatch),
            (
                "shared-secret-header",
                Tamper::Signature,
                Reason::SecretMismatch,
            ),
            ("github", Tamper::Replay, Reason::Ok),
        ];
        for (scheme, tamper, reason) in expected {
            let call = call(&message(scheme, BODY), tamper, "msg_1", NOW).unwrap();
            assert_eq!(judged(scheme, &call), reason, "{scheme} {tamper:?}");
        }
    }

    #[test]
    fn what_the_scheme_cannot_notice_is_an_error() {
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

    /// A message as the first vector of a scheme has it, and the verifier that knows its certificates.
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
            signer: Some(scheme.signer(&secret, &options).unwrap()),
            ..message("github", b"")
        };
        let good = message.call("msg_1", NOW).unwrap();
        let wanted = verifier.wants(&received(&good), NOW).unwrap();
        verifier.learn(&wanted, pem.as_str().unwrap().as_bytes(), NOW);
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

    /// A message of SNS whose texts look like signatures, and whose last fields are not signed.
    fn sns(separator: &str) -> Bytes {
        let body = r#"{"Type":"Notification","MessageId":"49-a","TopicArn":"arn:aws:sns:eu-west-1:1:t","Message":"{\"signature\":\"1\",\"Signature\":\"2\"}\n\"Signature\":\"x","Timestamp":"2026-11-20T00:00:00.000Z","SignatureVersion":"1","SigningCertURL":"x","Signature":"0","UnsubscribeURL":"https://sns.eu-west-1.amazonaws.com/?Signature=1234567890"}"#;
        body.replace("\":\"", &format!("\"{separator}\"")).into()
    }

    #[test]
    fn what_certificates_sign_is_tampered_with_and_refused() {
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
    fn of_a_notification_the_message_is_what_changes() {
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
    fn a_signature_is_found_where_it_stands_and_nowhere_else() {
        for (body, expected) in [
            (r#"{"a":"\"Signature\":\"x","Signature" : "y"}"#, Some("y")),
            (
                r#"{"signature": {"token":"t", "signature": "y"}}"#,
                Some("y"),
            ),
            (r#"{"deep":{"google_key":"x"},"google_key":"y"}"#, Some("y")),
            (r#"{"deep":{"Signature":"x"},"signature":"x"}"#, None),
            ("a=1&signature=y&b=2", Some("y")),
            ("my-signature=x&signature=y", Some("y")),
            ("signature=y", Some("y")),
            ("signatures=x&a=signature=x", None),
        ] {
            let found = signature_in(body.as_bytes()).map(|at| &body[at]);
            assert_eq!(found, expected, "{body}");
        }
    }

    #[test]
    fn json_stays_json_where_a_letter_changes() {
        let hard = r#"{"a":[true,false,null],"b":"\n\t\\"}"#;
        let changed = change_body(hard.as_bytes()).unwrap();
        assert_ne!(changed, hard.as_bytes());
        assert!(json::is_json(&changed));
        assert_eq!(change_body(b"[true,null]"), None);
    }

    #[test]
    fn whether_a_scheme_looks_at_the_clock_is_known() {
        for (name, expected) in [
            ("stripe", true),
            ("standard-webhooks", true),
            ("slack", true),
            ("mailgun", false),
            ("sendgrid", false),
            ("discord", false),
            ("paypal", false),
        ] {
            let scheme = signature::find(name).unwrap();
            let message = message("github", BODY);
            let found = checks_clock(&message, scheme, &Options::default(), NOW);
            assert_eq!(found, expected, "{name}");
        }
    }
}
