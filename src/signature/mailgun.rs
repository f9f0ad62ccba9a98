//! Mailgun: no header; the body's `signature` object holds timestamp, token and HMAC-SHA256 over both with the webhook signing key.
//!
//! The event itself is not signed, so that a signature that was seen once makes any event look right: only its token, which is
//! used once, tells. Routes send the same three as fields of a form.
//! <https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks>

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::Key;
use bytes::Bytes;
use serde_json::json;

use super::clock::{self, Clock, Window};
use super::diagnose::{self, Case, KeyForm};
use super::mac::{self, Algorithm, Mac, Writing};
use super::recipe::hex_keys;
use super::{
    Judgement, KeyPair, Options, Outgoing, Reason, Received, Scheme, SignatureError, Signed,
    Signer, Verifier, field, query,
};
use crate::json::Raw;
use crate::secret::Secret;
use crate::time::Timestamp;

const NAME: &str = "mailgun";
/// Digits of a timestamp, until the year 2286.
const TIMESTAMP: usize = 10;
/// Characters of a token.
const TOKEN: usize = 50;

pub(super) struct Mailgun;

impl Scheme for Mailgun {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "HMAC-SHA256 over timestamp and token inside the body; the event is not covered"
    }

    fn covers_body(&self) -> bool {
        false
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        Some(hex_keys("", &random[..16]))
    }

    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        options.check(self)?;
        Ok(Box::new(MailgunVerifier {
            keys: super::keys(NAME, secrets, key)?,
            secrets: secrets.to_vec(),
        }))
    }

    fn signer(
        &self,
        secret: &Secret,
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        options.check(self)?;
        Ok(Box::new(MailgunSigner { key: key(secret)? }))
    }
}

fn key(secret: &Secret) -> Result<Key, SignatureError> {
    Ok(mac::key(
        super::not_empty(NAME, secret)?.reveal().as_bytes(),
    ))
}

struct MailgunVerifier {
    keys: Vec<Key>,
    secrets: Vec<Secret>,
}

/// What the body claims.
struct Claim {
    timestamp: String,
    token: String,
    /// By this account's key, and by its parent's where there is one.
    signatures: Vec<String>,
}

impl Verifier for MailgunVerifier {
    fn verify(
        &self,
        received: &Received<'_>,
        now: Timestamp,
        tolerance: Option<Duration>,
    ) -> Judgement {
        let claim = match claim(received) {
            Ok(claim) => claim,
            Err(judgement) => return *judgement,
        };
        let Some(seconds) = clock::parse(claim.timestamp.as_bytes()) else {
            return diagnose::timestamp(claim.timestamp.as_bytes(), Clock::Seconds);
        };
        // Nothing stands between the two: with other lengths digits of one could be passed off as the other's.
        if claim.timestamp.len() != TIMESTAMP || claim.token.len() != TOKEN {
            return Judgement::refused_with(
                Reason::MalformedBody,
                "malformed_body: Mailgun's timestamp has 10 digits and its token 50 characters",
            );
        }
        let given: Vec<Mac> = claim
            .signatures
            .iter()
            .filter_map(|text| Writing::Hex.decode(text.as_bytes(), Algorithm::Sha256))
            .collect();
        let parts = [claim.timestamp.as_bytes(), claim.token.as_bytes()];
        let matched = self.keys.iter().position(|key| {
            let expected = mac::mac(key, &parts);
            given.iter().any(|given| mac::is_equal(&expected, given))
        });
        // Mailgun names no window, so that only one that a person asked for counts.
        let tolerance = tolerance.unwrap_or(Duration::ZERO);
        match matched {
            Some(matched) => clock::judge(seconds, now, tolerance, Window::Both, matched),
            None => self.mismatch(&claim, &given, now, tolerance),
        }
    }
}

impl MailgunVerifier {
    #[cold]
    fn mismatch(
        &self,
        claim: &Claim,
        given: &[Mac],
        now: Timestamp,
        tolerance: Duration,
    ) -> Judgement {
        let texts: Vec<&[u8]> = claim.signatures.iter().map(String::as_bytes).collect();
        let prefix = format!("{}{}", claim.timestamp, claim.token);
        let case = Case {
            secrets: &self.secrets,
            keys: &self.keys,
            algorithm: Algorithm::Sha256,
            writing: Writing::Hex,
            form: KeyForm::Text,
            prefix: prefix.as_bytes(),
            suffix: b"",
            timestamp: Some(claim.timestamp.as_bytes()),
            body: None,
            given,
            texts: &texts,
        };
        case.judge(now, tolerance)
    }
}

fn claim(received: &Received<'_>) -> Result<Claim, Box<Judgement>> {
    let missing = |name: &str| {
        Box::new(Judgement::refused_with(
            Reason::MissingField,
            format!("missing_field: the body has no `{name}`; Mailgun signs inside the body"),
        ))
    };
    if query::is_form(received.headers) {
        let field = |name: &str| {
            query::pairs(received.body)
                .find(|(key, _)| **key == *name.as_bytes())
                .map(|(_, value)| String::from_utf8_lossy(&value).into_owned())
        };
        return Ok(Claim {
            timestamp: field("timestamp").ok_or_else(|| missing("timestamp"))?,
            token: field("token").ok_or_else(|| missing("token"))?,
            signatures: vec![field("signature").ok_or_else(|| missing("signature"))?],
        });
    }
    let Some(body) = Raw::check(received.body) else {
        return Err(Box::new(Judgement::refused_with(
            Reason::MalformedBody,
            "malformed_body: the body is not JSON, and its content type is not that of a form",
        )));
    };
    let object = body
        .member("signature")
        .ok_or_else(|| missing("signature"))?;
    let field = |name: &str| object.member(name).map(|value| value.plain().into_owned());
    let mut signatures = vec![field("signature").ok_or_else(|| missing("signature.signature"))?];
    signatures.extend(field("parent-signature"));
    Ok(Claim {
        timestamp: field("timestamp").ok_or_else(|| missing("signature.timestamp"))?,
        token: field("token").ok_or_else(|| missing("signature.token"))?,
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
        let mut signature = Vec::with_capacity(64);
        mac::push_hex(tag.as_ref(), &mut signature);
        let signature = String::from_utf8_lossy(&signature);
        let body = if query::is_form(message.headers) {
            let mut body = message.body.to_vec();
            if !body.is_empty() {
                body.push(b'&');
            }
            let fields = format!("timestamp={timestamp}&token={token}&signature={signature}");
            body.extend_from_slice(fields.as_bytes());
            body
        } else {
            let object = json!({ "token": token, "timestamp": timestamp, "signature": signature });
            field::put(message.body, "signature", &object.to_string()).ok_or(
                SignatureError::BadBody {
                    scheme: NAME,
                    expected: "JSON objects and forms",
                },
            )?
        };
        Ok(Signed {
            body: Some(Bytes::from(body)),
            ..Signed::default()
        })
    }
}

/// The token of a message: its id where that is one, else digits made of it, so that a retry has the same.
fn token(id: &str) -> String {
    if id.len() == TOKEN && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return id.to_owned();
    }
    let mut digits = Vec::with_capacity(64);
    mac::push_hex(digest(&SHA256, id.as_bytes()).as_ref(), &mut digits);
    digits.truncate(TOKEN);
    String::from_utf8_lossy(&digits).into_owned()
}
