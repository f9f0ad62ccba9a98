//! Amazon SNS, by which SES tells of its mails: RSA over the fields of the body, by the certificate that it names.
//!
//! The values are signed as they read, not as they are escaped in the JSON, so that its layout does not matter. Signatures are
//! made of version 2 alone; version 1 (SHA-1) is checked, since topics use it unless told otherwise.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html>

use std::borrow::Cow;
use std::time::Duration;

use aws_lc_rs::digest;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Uri};
use serde::Deserialize;

use super::asymmetric::{self, Given, RsaSigner};
use super::certificate::{self, Cache, Leaf};
use super::{
    Handshake, Judgement, KeyPair, Options, Outgoing, Reason, Received, Scheme, SignatureError,
    Signed, Signer, Verifier, diagnose,
};
use crate::json::{self, Step};
use crate::secret::Secret;
use crate::time::Timestamp;

const NAME: &str = "sns";
const CERT_URL: &str = "cert-url";
const CERTS: &str = "certs";
const TOPIC: &str = "topic";
const CONFIRMATION: &str = "SubscriptionConfirmation";
static TYPE: HeaderName = HeaderName::from_static("x-amz-sns-message-type");

pub(super) struct Sns;

impl Scheme for Sns {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "Amazon SNS and SES: RSA over the body's fields, by the certificate that it names; no secret"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[
            (TOPIC, "the ARN of the topic; without it any topic counts"),
            (CERT_URL, "the certificate's URL, for signing"),
            (
                CERTS,
                "`loopback` allows certificates of this machine, by http too",
            ),
        ]
    }

    fn header(&self) -> Option<&'static str> {
        Some(TYPE.as_str())
    }

    fn checks_clock(&self) -> bool {
        false
    }

    fn sample_keys(&self, _random: &[u8; 32]) -> Option<KeyPair> {
        None
    }

    fn verifier(
        &self,
        _secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        options.check(self)?;
        Ok(Box::new(SnsVerifier {
            topic: options.get(TOPIC).map(str::to_owned),
            loopback: super::certs_on_loopback(NAME, options)?,
            leaves: Cache::default(),
        }))
    }

    fn signer(
        &self,
        secret: &Secret,
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        options.check(self)?;
        let url = options.get(CERT_URL).ok_or(SignatureError::MissingOption {
            scheme: NAME,
            option: CERT_URL,
        })?;
        Ok(Box::new(SnsSigner {
            url: url.to_owned(),
            key: RsaSigner::new(NAME, secret)?,
        }))
    }
}

/// Where SNS has its certificates, and nothing that others could write.
const CERTIFICATE: &str = "/SimpleNotificationService-";

/// Text that borrows from the body where nothing in it is escaped.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The body. A name that stands there twice is an error: others might read the other one.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    r#type: Option<Text<'a>>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
    #[serde(borrow)]
    message_id: Option<Text<'a>>,
    #[serde(borrow)]
    subject: Option<Text<'a>>,
    #[serde(borrow, rename = "SubscribeURL")]
    subscribe_url: Option<Text<'a>>,
    #[serde(borrow)]
    timestamp: Option<Text<'a>>,
    #[serde(borrow)]
    token: Option<Text<'a>>,
    #[serde(borrow)]
    topic_arn: Option<Text<'a>>,
    #[serde(borrow)]
    signature_version: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
    #[serde(borrow, rename = "SigningCertURL", alias = "SigningCertUrl")]
    signing_cert_url: Option<Text<'a>>,
}

/// Fields that are signed, in the order in which they are.
type Field<'a> = (&'static str, &'a str);
const MOST_FIELDS: usize = 7;

impl Envelope<'_> {
    /// The fields that are signed, or the name of one that is missing.
    fn fields(&self) -> Result<([Field<'_>; MOST_FIELDS], usize), &'static str> {
        let kind = text(self.r#type.as_ref()).ok_or("Type")?;
        let candidates: [(&str, Option<&Text<'_>>); MOST_FIELDS] = match kind {
            "Notification" => [
                ("Message", self.message.as_ref()),
                ("MessageId", self.message_id.as_ref()),
                ("Subject", self.subject.as_ref()),
                ("Timestamp", self.timestamp.as_ref()),
                ("TopicArn", self.topic_arn.as_ref()),
                ("Type", self.r#type.as_ref()),
                ("", None),
            ],
            // Amazon's text signs the token of both; one of its libraries leaves it out of the second.
            CONFIRMATION | "UnsubscribeConfirmation" => [
                ("Message", self.message.as_ref()),
                ("MessageId", self.message_id.as_ref()),
                ("SubscribeURL", self.subscribe_url.as_ref()),
                ("Timestamp", self.timestamp.as_ref()),
                ("Token", self.token.as_ref()),
                ("TopicArn", self.topic_arn.as_ref()),
                ("Type", self.r#type.as_ref()),
            ],
            _ => return Err("Type"),
        };
        let mut fields = [("", ""); MOST_FIELDS];
        let mut count = 0;
        for (name, value) in candidates {
            match text(value) {
                Some(value) => {
                    fields[count] = (name, value);
                    count += 1;
                }
                None if matches!(name, "" | "Subject") => {}
                None => return Err(name),
            }
        }
        Ok((fields, count))
    }
}

fn text<'a>(value: Option<&'a Text<'_>>) -> Option<&'a str> {
    value.map(|text| text.0.as_ref())
}

/// The hash of the message that is signed.
fn digest_of(algorithm: &'static digest::Algorithm, fields: &[Field<'_>]) -> digest::Digest {
    let mut context = digest::Context::new(algorithm);
    for (name, value) in fields {
        for part in [name, "\n", value, "\n"] {
            context.update(part.as_bytes());
        }
    }
    context.finish()
}

struct SnsVerifier {
    topic: Option<String>,
    loopback: bool,
    leaves: Cache<Leaf>,
}

impl Verifier for SnsVerifier {
    fn verify(
        &self,
        received: &Received<'_>,
        now: Timestamp,
        _tolerance: Option<Duration>,
    ) -> Judgement {
        let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(received.body) else {
            let hint = "malformed_body: the body is none of SNS's messages (a JSON object whose fields are texts); raw message delivery is not signed";
            return Judgement::refused_with(Reason::MalformedBody, hint);
        };
        self.judge(&envelope, now)
            .unwrap_or_else(|judgement| *judgement)
    }

    fn wants(&self, received: &Received<'_>, now: Timestamp) -> Option<String> {
        let envelope: Envelope<'_> = serde_json::from_slice(received.body).ok()?;
        let url = text(envelope.signing_cert_url.as_ref())?;
        let known = self.leaves.get(url);
        let wanted = known.is_none_or(|leaf| leaf.check(None, now).is_err());
        (wanted && self.is_certificate(url)).then(|| url.to_owned())
    }

    fn learn(&self, url: &str, document: &[u8], _now: Timestamp) {
        if self.is_certificate(url) {
            self.leaves.put(url, Leaf::read(document));
        }
    }

    fn handshake(&self, received: &Received<'_>, judgement: &Judgement) -> Option<Handshake> {
        if received.method != "POST" {
            return None;
        }
        let envelope: Envelope<'_> = serde_json::from_slice(received.body).ok()?;
        if text(envelope.r#type.as_ref())? != CONFIRMATION {
            return None;
        }
        // To be told to come again, as any message is whose certificate cannot be had.
        if judgement.reason == Reason::CertUnavailable {
            return None;
        }
        if !judgement.is_valid() {
            let hint = format!(
                "not_verified: a subscription is confirmed only if its signature is right ({})",
                judgement.reason.code()
            );
            return Some(Handshake::refused(CONFIRMATION, 403, hint));
        }
        let url = text(envelope.subscribe_url.as_ref())?;
        if !self.is_host(url) {
            let hint = "subscribe_url_not_allowed: SubscribeURL is not an https URL of SNS";
            return Some(Handshake::refused(CONFIRMATION, 403, hint));
        }
        let is_ours = url
            .parse()
            .is_ok_and(|url: Uri| certificate::is_loopback(&url));
        // AWS signs for every account: a stranger's topic must not be subscribed to because it asks.
        if self.topic.is_none() && !is_ours {
            let topic = text(envelope.topic_arn.as_ref()).unwrap_or_default();
            let topic: String = topic.chars().take(200).collect();
            return Some(Handshake {
                hint: Some(format!(
                    "not_confirmed: the topic is {topic}; to have it confirmed give sns:topic={topic}, or open its SubscribeURL yourself"
                )),
                ..Handshake::answer(CONFIRMATION, "", Vec::new())
            });
        }
        Some(Handshake {
            confirm: Some(url.to_owned()),
            ..Handshake::answer(CONFIRMATION, "", Vec::new())
        })
    }
}

impl SnsVerifier {
    fn judge(&self, envelope: &Envelope<'_>, now: Timestamp) -> Result<Judgement, Box<Judgement>> {
        let (fields, count) = envelope.fields().map_err(missing)?;
        let fields = &fields[..count];
        let needed = |value, name| text(value).ok_or_else(|| missing(name));
        let signature = needed(envelope.signature.as_ref(), "Signature")?;
        let version = needed(envelope.signature_version.as_ref(), "SignatureVersion")?;
        let url = needed(envelope.signing_cert_url.as_ref(), "SigningCertURL")?;
        let is_sha256 = match version {
            "1" => false,
            "2" => true,
            _ => {
                let shown: String = version.chars().take(20).collect();
                let hint = format!(
                    "unsupported_version: SignatureVersion is `{shown}`; `1` and `2` are the ones that are checked"
                );
                let judgement = Judgement::refused_with(Reason::UnsupportedVersion, hint);
                return Err(Box::new(judgement));
            }
        };
        let Some(leaf) = self.leaves.get(url) else {
            return Err(Box::new(if self.is_certificate(url) {
                certificate::unavailable(url, "certificate")
            } else {
                certificate::not_allowed(
                    url,
                    "an https URL of SNS's certificates (/SimpleNotificationService-….pem)",
                )
            }));
        };
        let Some(given) = Given::from_base64(signature.as_bytes()) else {
            return Err(Box::new(asymmetric::malformed("base64 with its padding")));
        };
        if let Err(reason) = leaf.check(None, now) {
            return Err(Box::new(certificate::untrusted(reason, url, "")));
        }
        let given = given.as_slice();
        if !fits(&leaf, is_sha256, fields, given) {
            return Err(Box::new(mismatch(&leaf, is_sha256, fields, given)));
        }
        Ok(self.topic_of(text(envelope.topic_arn.as_ref()).unwrap_or_default()))
    }

    fn topic_of(&self, given: &str) -> Judgement {
        match &self.topic {
            Some(topic) if topic != given => {
                let shown: String = given.chars().take(200).collect();
                let hint = format!(
                    "claim_mismatch: the signature is right, but the topic is `{shown}`, and `{topic}` is expected"
                );
                Judgement::refused_with(Reason::ClaimMismatch, hint)
            }
            _ => Judgement::valid(0),
        }
    }

    fn is_certificate(&self, url: &str) -> bool {
        let is_ours = self.loopback && url.parse().is_ok_and(|url| certificate::is_loopback(&url));
        let is_sns = certificate::https_host(url).is_some_and(is_sns)
            && url
                .parse()
                .is_ok_and(|url: Uri| url.path().starts_with(CERTIFICATE));
        url.ends_with(".pem") && (is_sns || is_ours)
    }

    /// Whether a URL is one of SNS's, or of this machine where that is allowed.
    fn is_host(&self, url: &str) -> bool {
        // Its query is for SNS to read.
        let place = url.split('?').next().unwrap_or_default();
        certificate::https_host(place).is_some_and(is_sns)
            || (self.loopback && url.parse().is_ok_and(|url| certificate::is_loopback(&url)))
    }
}

/// `sns.REGION.amazonaws.com`, and China's `.com.cn`.
fn is_sns(host: &str) -> bool {
    let region = host.strip_prefix("sns.").and_then(|rest| {
        let rest = rest.strip_suffix(".cn").unwrap_or(rest);
        rest.strip_suffix(".amazonaws.com")
    });
    region.is_some_and(|region| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        region.len() >= 3 && region.bytes().all(is_letter)
    })
}

fn fits(leaf: &Leaf, is_sha256: bool, fields: &[Field<'_>], given: &[u8]) -> bool {
    let (key, algorithm) = if is_sha256 {
        (&leaf.sha256, &digest::SHA256)
    } else {
        (&leaf.sha1, &digest::SHA1_FOR_LEGACY_USE_ONLY)
    };
    key.verify_digest_sig(&digest_of(algorithm, fields), given)
        .is_ok()
}

#[cold]
fn missing(name: &'static str) -> Box<Judgement> {
    let hint = if name == "Type" {
        "missing_field: the body has no `Type` that SNS knows".to_owned()
    } else {
        format!(
            "missing_field: the body has no `{name}`; it is none of SNS's messages, or something took the field away"
        )
    };
    Box::new(Judgement::refused_with(Reason::MissingField, hint))
}

/// What would have fitted: another version, or the fields without one that was added.
#[cold]
fn mismatch(leaf: &Leaf, is_sha256: bool, fields: &[Field<'_>], given: &[u8]) -> Judgement {
    let without = |name: &str| -> Vec<Field<'_>> {
        fields
            .iter()
            .filter(|(field, _)| *field != name)
            .copied()
            .collect()
    };
    let hint = if fits(leaf, !is_sha256, fields, given) {
        let (says, is) = if is_sha256 { ("2", "1") } else { ("1", "2") };
        format!(
            "version_changed: SignatureVersion says {says}, but the signature is of version {is}; something rewrote the field"
        )
    } else if fits(leaf, is_sha256, &without("Subject"), given) {
        diagnose::body_changed("the message without its Subject")
    } else if fits(leaf, is_sha256, &without("Token"), given) {
        diagnose::body_changed("the message without its Token")
    } else {
        asymmetric::unexplained()
    };
    Judgement::refused_with(Reason::SignatureMismatch, hint)
}

struct SnsSigner {
    url: String,
    key: RsaSigner,
}

impl Signer for SnsSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        let bad = || SignatureError::BadBody {
            scheme: NAME,
            expected: "SNS's messages (a JSON object with Type, Message, MessageId, Timestamp, TopicArn)",
        };
        let envelope: Envelope<'_> = serde_json::from_slice(message.body).map_err(|_| bad())?;
        let (fields, count) = envelope.fields().map_err(|_| bad())?;
        let kind = text(envelope.r#type.as_ref()).and_then(|kind| HeaderValue::from_str(kind).ok());
        let kind = kind.ok_or_else(bad)?;
        let mut signed = String::new();
        for (name, value) in &fields[..count] {
            signed.extend([name, "\n", value, "\n"]);
        }
        let signature = self.key.sign_base64(NAME, signed.as_bytes())?;
        let signature = String::from_utf8(signature).map_err(|_| bad())?;
        let mut body = std::str::from_utf8(message.body)
            .map_err(|_| bad())?
            .to_owned();
        // An older name for the same field, which a reader would meet twice.
        json::remove(&mut body, &[Step::Name("SigningCertUrl".to_owned())]);
        for (name, value) in [
            ("SignatureVersion", "2"),
            ("Signature", &signature),
            ("SigningCertURL", &self.url),
        ] {
            set(&mut body, name, value).ok_or_else(bad)?;
        }
        Ok(Signed {
            headers: vec![(TYPE.clone(), kind)],
            body: Some(Bytes::from(body)),
            url: None,
        })
    }
}

/// Puts a text into a member, where it stands or at the end; every other byte stays.
fn set(body: &mut String, name: &str, value: &str) -> Option<()> {
    let value = serde_json::to_string(value).ok()?;
    let step = Step::Name(name.to_owned());
    if let Some(place) = json::span(body, std::slice::from_ref(&step)) {
        body.replace_range(place, &value);
        return Some(());
    }
    let whole = json::span(body, &[])?;
    json::insert(body, whole, &step, &value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_of_sns_are_sns() {
        for host in [
            "sns.us-east-1.amazonaws.com",
            "sns.cn-north-1.amazonaws.com.cn",
        ] {
            assert!(is_sns(host), "{host}");
        }
        for host in [
            "sns.amazonaws.com",
            "sns.us.amazonaws.com",
            "sns.us-east-1.amazonaws.com.evil.test",
            "sns.a.b.c.amazonaws.com",
            "s3.us-east-1.amazonaws.com",
            "xsns.us-east-1.amazonaws.com",
            "",
        ] {
            assert!(!is_sns(host), "{host}");
        }
    }

    #[test]
    fn a_field_is_set_where_it_stands() {
        let mut body = r#"{"A": "x", "Signature": "old", "B": 1}"#.to_owned();
        set(&mut body, "Signature", "new").unwrap();
        set(&mut body, "C", "\"").unwrap();
        assert_eq!(body, r#"{"A": "x", "Signature": "new", "B": 1, "C": "\""}"#);
    }
}
