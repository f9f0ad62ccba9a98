//! Requests that an endpoint must refuse: each is right but for one thing.

use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use thiserror::Error;

use super::Message;
use crate::dial::Call;
use crate::signature::{SignatureError, Signed};
use crate::time::Timestamp;

/// How far back a stale timestamp lies: past any tolerance in use.
const STALE: Duration = Duration::from_secs(60 * 60);

/// The fields of bodies that hold a signature: what stands before it, and what ends it.
const INSIDE: [(&[u8], u8); 5] = [
    (b"\"Signature\":\"", b'"'),
    (b"\"signature\":\"", b'"'),
    (b"\"google_key\":\"", b'"'),
    (b"&signature=", b'&'),
    (b"signature=", b'&'),
];

/// What is wrong with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tamper {
    /// One letter or digit of the body is another one after signing.
    Body,
    /// One letter or digit of the signature is another one.
    Signature,
    /// The signature is right but was made an hour ago.
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
            let body = change_one(&message.body).ok_or(TamperError::NothingToChange)?;
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
    INSIDE.iter().find_map(|(before, after)| {
        let start = memchr::memmem::find(body, before)? + before.len();
        let length = body[start..].iter().position(|byte| byte == after);
        Some(start..start + length.unwrap_or(body.len() - start))
    })
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
        && let Some(changed) = change_one(&body[at])
    {
        signed.body = Some(with_signature(body, &changed));
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

/// Changes one letter or digit, the nearest after the middle: in the middle of a signature there is nothing but signature,
/// and a digit for a digit leaves hexadecimal, base64 and JSON what they are.
pub(super) fn change_one(bytes: &[u8]) -> Option<Vec<u8>> {
    let middle = bytes.len() / 2;
    let at = bytes[middle..]
        .iter()
        .position(u8::is_ascii_digit)
        .map(|at| at + middle)
        .or_else(|| bytes.iter().rposition(u8::is_ascii_digit))
        .or_else(|| {
            bytes[middle..]
                .iter()
                .position(u8::is_ascii_alphabetic)
                .map(|at| at + middle)
        })
        .or_else(|| bytes.iter().rposition(u8::is_ascii_alphabetic))?;
    let mut changed = bytes.to_vec();
    changed[at] = match bytes[at] {
        b'9' => b'1',
        digit @ b'0'..=b'8' => digit + 1,
        b'f' => b'a',
        b'z' => b'y',
        b'Z' => b'Y',
        letter => letter + 1,
    };
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::target::Target;
    use crate::secret::Secret;
    use crate::signature::{self, Options, Reason, Received};

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
}
