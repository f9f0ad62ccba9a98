//! Mailgun: the body's `signature` object holds timestamp, token and HMAC-SHA256 over both with the webhook signing key.
//!
//! The event itself is not signed, so a signature that was seen once makes any event look valid. Only the token, which is used
//! once, shows a repetition. Routes send the same three values as fields of a form.
//! <https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks>

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::Key;
use http::header::CONTENT_TYPE;
use serde_json::json;

use super::clock::{self, Clock, Window};
use super::diagnose::{self, Case, KeyForm};
use super::mac::{self, Algorithm, Encoding, Mac};
use super::{
    Facts, Judged, Judgement, KeyPair, NewSigner, NewVerifier, Options, Outgoing, Reason, Received,
    Scheme, SignatureError, Signed, Signer, Timing, Verifier, field, query,
};
use crate::json::Raw;
use crate::multipart;
use crate::secret::Secret;

const NAME: &str = "mailgun";
/// Digits of a timestamp, until the year 2286.
const TIMESTAMP: usize = 10;
/// Characters of a token.
const TOKEN: usize = 50;

static FACTS: Facts = Facts {
    covers_body: false,
    body_signature: &["signature", "signature"],
    limits: Some(
        "Mailgun signs a timestamp and a token, not the event. Remember the tokens: each is used once.",
    ),
    ..Facts::new(
        NAME,
        "HMAC-SHA256 over timestamp and token inside the body; the event is not covered",
    )
};

pub(super) struct Mailgun;

impl Scheme for Mailgun {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        Some(KeyPair::hex("", &random[..16]))
    }

    fn new_verifier(&self, secrets: &[Secret], _options: &Options) -> NewVerifier {
        Ok(Box::new(MailgunVerifier {
            keys: super::keys(NAME, secrets, key)?,
            secrets: secrets.to_vec(),
        }))
    }

    fn new_signer(&self, secret: &Secret, _more: &[Secret], _options: &Options) -> NewSigner {
        Ok(Box::new(MailgunSigner { key: key(secret)? }))
    }
}

fn key(secret: &Secret) -> Result<Key, SignatureError> {
    Ok(mac::key(super::text_of(NAME, secret)?.as_bytes()))
}

struct MailgunVerifier {
    keys: Vec<Key>,
    secrets: Vec<Secret>,
}

/// What the body claims.
struct Claim {
    timestamp: String,
    token: String,
    /// By the key of this account, and by the key of its parent account if there is one.
    signatures: Vec<String>,
}

impl Verifier for MailgunVerifier {
    fn judge(&self, received: &Received<'_>, timing: Timing) -> Judged {
        let claim = claim(received)?;
        let (timestamp, token) = (claim.timestamp.as_bytes(), claim.token.as_bytes());
        let seconds = clock::parse(timestamp)
            .ok_or_else(|| diagnose::timestamp(timestamp, Clock::Seconds))?;
        // Nothing separates the two in the signed message: with other lengths, digits could move from one to the other.
        if timestamp.len() != TIMESTAMP || token.len() != TOKEN {
            return Err(Judgement::refused(
                Reason::MalformedBody,
                "malformed_body: Mailgun's timestamp has 10 digits and its token 50 characters",
            ));
        }
        let texts: Vec<&[u8]> = claim.signatures.iter().map(String::as_bytes).collect();
        let macs: Vec<Mac> = texts
            .iter()
            .filter_map(|text| Encoding::Hex.decode(text, Algorithm::Sha256))
            .collect();
        let matched = self.keys.iter().position(|key| {
            let expected = mac::mac(key, &[timestamp, token]);
            macs.iter().any(|given| mac::is_equal(&expected, given))
        });
        // Mailgun documents no tolerance, so there is no default: the clock is only checked if the user gives one.
        if let Some(matched) = matched {
            return clock::judge(seconds, timing, Window::Both, matched);
        }
        let case = Case {
            secrets: &self.secrets,
            keys: &self.keys,
            algorithm: Algorithm::Sha256,
            encoding: Encoding::Hex,
            form: KeyForm::Text,
            prefix: &[timestamp, token].concat(),
            suffix: b"",
            timestamp: Some(timestamp),
            body: None,
            macs: &macs,
            texts: &texts,
        };
        Err(case.judge(timing))
    }
}

fn claim(received: &Received<'_>) -> Result<Claim, Box<Judgement>> {
    let missing = |name: &str| {
        let hint = format!(
            "missing_field: the body has no `{name}`; Mailgun's signature is inside the body"
        );
        Judgement::refused(Reason::MissingField, hint)
    };
    if query::is_form(received.headers) {
        let field = |name: &str| {
            query::pairs(received.body)
                .find(|(key, _)| **key == *name.as_bytes())
                .map(|(_, value)| String::from_utf8_lossy(&value).into_owned())
                .ok_or_else(|| missing(name))
        };
        return Ok(Claim {
            timestamp: field("timestamp")?,
            token: field("token")?,
            signatures: vec![field("signature")?],
        });
    }
    let kind = received.headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok());
    // Routes with attachments, and older webhooks.
    if let Some(boundary) = kind.and_then(multipart::boundary) {
        let field = |name: &str| {
            multipart::field(received.body, boundary, name)
                .map(|value| String::from_utf8_lossy(value).into_owned())
                .ok_or_else(|| missing(name))
        };
        return Ok(Claim {
            timestamp: field("timestamp")?,
            token: field("token")?,
            signatures: vec![field("signature")?],
        });
    }
    let Some(body) = Raw::check(received.body) else {
        return Err(Judgement::refused(
            Reason::MalformedBody,
            "malformed_body: the body must be JSON, or a form (application/x-www-form-urlencoded or multipart/form-data) with its content type",
        ));
    };
    let object = body
        .member("signature")
        .ok_or_else(|| missing("signature"))?;
    let field = |name: &str| object.member(name).map(|value| value.plain().into_owned());
    let required = |name: &str| field(name).ok_or_else(|| missing(&format!("signature.{name}")));
    let mut signatures = vec![required("signature")?];
    signatures.extend(field("parent-signature"));
    Ok(Claim {
        timestamp: required("timestamp")?,
        token: required("token")?,
        signatures,
    })
}

struct MailgunSigner {
    key: Key,
}

impl Signer for MailgunSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        let (timestamp, token) = (message.timestamp.secs().to_string(), token(message.id));
        let tag = mac::mac(&self.key, &[timestamp.as_bytes(), token.as_bytes()]);
        let signature = mac::hex(tag.as_ref());
        let body = if query::is_form(message.headers) {
            let separator = if message.body.is_empty() { "" } else { "&" };
            let fields =
                format!("{separator}timestamp={timestamp}&token={token}&signature={signature}");
            [message.body.as_ref(), fields.as_bytes()].concat()
        } else {
            let object = json!({ "token": token, "timestamp": timestamp, "signature": signature });
            let body = field::put(message.body, "signature", &object.to_string());
            body.ok_or(SignatureError::BadBody {
                scheme: NAME,
                expected: "JSON objects and forms",
            })?
        };
        Ok(Signed {
            body: Some(body.into()),
            ..Signed::default()
        })
    }
}

/// The token of a message: its id if that has the form of a token, otherwise digits made from the id, so that a retry has the
/// same token.
fn token(id: &str) -> String {
    if id.len() == TOKEN && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return id.to_owned();
    }
    let mut digits = mac::hex(digest(&SHA256, id.as_bytes()).as_ref());
    digits.truncate(TOKEN);
    digits
}
