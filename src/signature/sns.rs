//! Amazon SNS, which SES uses for its events: RSA over members of the body, with the certificate that the body names.
//!
//! The decoded values are signed, not their JSON, so the layout does not matter. Signatures of version 1 (SHA-1) are accepted,
//! because it is the default of a topic; evt itself signs with version 2.
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html>

use super::asymmetric::{self, DecodedSignature, RsaSigner};
use super::certificate::{self, Cache, Leaf};
use super::options::CERTS;
use super::{
    Facts, Handshake, Judged, Judgement, KeyPair, NewSigner, NewVerifier, Options, Outgoing, Probe,
    Reason, Received, Reply, Scheme, SignatureError, Signed, Signer, Timing, Verifier, diagnose,
    field,
};
use crate::json::{self, Step};
use crate::secret::Secret;
use crate::time::Timestamp;
use aws_lc_rs::digest;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Uri};
use serde::Deserialize;

const NAME: &str = "sns";
const CERT_URL: &str = "cert-url";
const TOPIC: &str = "topic";
const CONFIRMATION: &str = "SubscriptionConfirmation";
const TYPE_HEADER: &str = "x-amz-sns-message-type";

static FACTS: Facts = Facts {
    verifies_with_secret: false,
    options: &[
        (
            TOPIC,
            "the ARN of the topic; without it every topic is accepted",
        ),
        (CERT_URL, "the URL of the certificate, for signing"),
        CERTS,
    ],
    header: Some(TYPE_HEADER),
    checks_clock: false,
    body_signature: &["Signature"],
    signed_members: &["Message", "MessageId"],
    keys: Some(
        "verify with the certificate that the message names and sign with a private key in PEM",
    ),
    limits: Some("AWS signs for every account: sns:topic=ARN says whose messages to accept."),
    handshake: Some(
        "A signed SubscriptionConfirmation: the listener fetches its SubscribeURL, if that is a URL of SNS and the topic is the one of sns:topic=…; otherwise it only prints the topic.",
    ),
    probes: &[Probe {
        name: "sns: confirmation",
        proves: "SNS can subscribe the endpoint",
        fix: "",
        request: |_| Err("the endpoint would fetch a URL of Amazon"),
        expect: Reply::Refused,
    }],
    ..Facts::new(
        NAME,
        "Amazon SNS and SES: RSA over members of the body, with the certificate that it names; no secret",
    )
};

pub(super) struct Sns;

impl Scheme for Sns {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn sample_keys(&self, _random: &[u8; 32]) -> Option<KeyPair> {
        None
    }

    fn new_verifier(&self, _secrets: &[Secret], options: &Options) -> NewVerifier {
        Ok(Box::new(SnsVerifier {
            topic: options.get(TOPIC).map(str::to_owned),
            loopback: options.allows_loopback(NAME)?,
            leaves: Cache::default(),
        }))
    }

    fn new_signer(&self, secret: &Secret, _more: &[Secret], options: &Options) -> NewSigner {
        Ok(Box::new(SnsSigner {
            url: options.required(NAME, CERT_URL)?.to_owned(),
            key: RsaSigner::new(NAME, secret)?,
        }))
    }
}

/// The path at which only SNS can put certificates.
const CERTIFICATE: &str = "/SimpleNotificationService-";

/// The body. A member that occurs twice is an error, because the app might read the other one.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    r#type: Option<String>,
    message: Option<String>,
    message_id: Option<String>,
    subject: Option<String>,
    #[serde(rename = "SubscribeURL")]
    subscribe_url: Option<String>,
    timestamp: Option<String>,
    token: Option<String>,
    topic_arn: Option<String>,
    signature_version: Option<String>,
    signature: Option<String>,
    #[serde(rename = "SigningCertURL", alias = "SigningCertUrl")]
    signing_cert_url: Option<String>,
}

/// A signed member.
type Field<'a> = (&'static str, &'a str);
const MOST_FIELDS: usize = 7;

impl Envelope {
    /// Returns the signed members in signing order, or the name of a missing one.
    fn fields(&self) -> Result<([Field<'_>; MOST_FIELDS], usize), &'static str> {
        let kind = self.r#type.as_deref().ok_or("Type")?;
        let candidates: [(&str, &Option<String>); MOST_FIELDS] = match kind {
            "Notification" => [
                ("Message", &self.message),
                ("MessageId", &self.message_id),
                ("Subject", &self.subject),
                ("Timestamp", &self.timestamp),
                ("TopicArn", &self.topic_arn),
                ("Type", &self.r#type),
                ("", &None),
            ],
            // Amazon's documentation signs `Token` in both types; one of its libraries omits it in UnsubscribeConfirmation.
            CONFIRMATION | "UnsubscribeConfirmation" => [
                ("Message", &self.message),
                ("MessageId", &self.message_id),
                ("SubscribeURL", &self.subscribe_url),
                ("Timestamp", &self.timestamp),
                ("Token", &self.token),
                ("TopicArn", &self.topic_arn),
                ("Type", &self.r#type),
            ],
            _ => return Err("Type"),
        };
        let mut fields = [("", ""); MOST_FIELDS];
        let mut count = 0;
        for (name, value) in candidates {
            match value.as_deref() {
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

/// Hashes the signed message.
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
    fn judge(&self, received: &Received<'_>, timing: Timing) -> Judged {
        let Ok(envelope) = serde_json::from_slice::<Envelope>(received.body) else {
            let hint = "malformed_body: the body must be a message of SNS (a JSON object of strings); if the subscription uses raw message delivery, switch that off: raw messages are not signed";
            return Err(Judgement::refused(Reason::MalformedBody, hint));
        };
        self.judge_envelope(&envelope, timing.now)
    }

    fn missing_document(&self, received: &Received<'_>, now: Timestamp) -> Option<String> {
        let envelope: Envelope = serde_json::from_slice(received.body).ok()?;
        let url = envelope.signing_cert_url.as_deref()?;
        let known = self.leaves.get(url);
        let is_missing = known.is_none_or(|leaf| leaf.check(None, now).is_err());
        (is_missing && self.is_certificate(url)).then(|| url.to_owned())
    }

    fn add_document(&self, url: &str, document: &[u8], _now: Timestamp) {
        if self.is_certificate(url) {
            self.leaves.put(url, Leaf::read(document));
        }
    }

    fn handshake(&self, received: &Received<'_>, judgement: &Judgement) -> Option<Handshake> {
        if received.method != "POST" {
            return None;
        }
        let envelope: Envelope = serde_json::from_slice(received.body).ok()?;
        if envelope.r#type.as_deref()? != CONFIRMATION {
            return None;
        }
        // The sender must try again, as with any message whose certificate could not be fetched.
        if judgement.reason == Reason::CertUnavailable {
            return None;
        }
        if !judgement.is_valid() {
            let hint = format!(
                "not_verified: a subscription is only confirmed if its signature is valid ({})",
                judgement.reason.code()
            );
            return Some(Handshake::refused(CONFIRMATION, 403, hint));
        }
        let url = envelope.subscribe_url.as_deref()?;
        if !self.is_host(url) {
            let hint = "subscribe_url_not_allowed: SubscribeURL must be an https URL of SNS";
            return Some(Handshake::refused(CONFIRMATION, 403, hint));
        }
        let is_local = url
            .parse()
            .is_ok_and(|url: Uri| certificate::is_loopback(&url));
        // AWS signs for every account, so a signed request may be for a topic of a stranger.
        if self.topic.is_none() && !is_local {
            let topic = envelope.topic_arn.as_deref().unwrap_or_default();
            let topic: String = topic.chars().take(200).collect();
            return Some(Handshake {
                hint: Some(format!(
                    "not_confirmed: the topic is {topic}; to confirm it give sns:topic={topic}, or open its SubscribeURL yourself"
                )),
                ..Handshake::answer(CONFIRMATION, "", "")
            });
        }
        Some(Handshake {
            confirm: Some(url.to_owned()),
            ..Handshake::answer(CONFIRMATION, "", "")
        })
    }
}

impl SnsVerifier {
    fn judge_envelope(&self, envelope: &Envelope, now: Timestamp) -> Judged {
        let (fields, count) = envelope.fields().map_err(missing)?;
        let fields = &fields[..count];
        fn required<'a>(
            value: &'a Option<String>,
            name: &'static str,
        ) -> Result<&'a str, Box<Judgement>> {
            value.as_deref().ok_or_else(|| missing(name))
        }
        let signature = required(&envelope.signature, "Signature")?;
        let version = required(&envelope.signature_version, "SignatureVersion")?;
        let url = required(&envelope.signing_cert_url, "SigningCertURL")?;
        let is_sha256 = match version {
            "1" => false,
            "2" => true,
            _ => {
                let shown: String = version.chars().take(20).collect();
                let hint = format!(
                    "unsupported_version: SignatureVersion is `{shown}`; only `1` and `2` are supported"
                );
                return Err(Judgement::refused(Reason::UnsupportedVersion, hint));
            }
        };
        let Some(leaf) = self.leaves.get(url) else {
            let allowed = "an https URL of SNS (/SimpleNotificationService-….pem)";
            return Err(match self.is_certificate(url) {
                true => certificate::unavailable(url, "certificate"),
                false => certificate::not_allowed(url, allowed),
            });
        };
        let given = DecodedSignature::from_base64(signature.as_bytes())
            .ok_or_else(|| asymmetric::malformed("padded base64"))?;
        leaf.check(None, now)
            .map_err(|reason| certificate::untrusted(reason, url, ""))?;
        let given = given.as_slice();
        if !matches(&leaf, is_sha256, fields, given) {
            return Err(mismatch(&leaf, is_sha256, fields, given));
        }
        self.judge_topic(envelope.topic_arn.as_deref().unwrap_or_default())
    }

    fn judge_topic(&self, given: &str) -> Judged {
        match &self.topic {
            Some(topic) if topic != given => {
                let shown: String = given.chars().take(200).collect();
                let hint = format!(
                    "claim_mismatch: the signature matches, but the topic is `{shown}`; expected `{topic}`"
                );
                Err(Judgement::refused(Reason::ClaimMismatch, hint))
            }
            _ => Ok(Judgement::valid(0)),
        }
    }

    fn is_certificate(&self, url: &str) -> bool {
        let is_local = self.loopback && url.parse().is_ok_and(|url| certificate::is_loopback(&url));
        let is_sns = certificate::https_host(url).is_some_and(is_sns)
            && url
                .parse()
                .is_ok_and(|url: Uri| url.path().starts_with(CERTIFICATE));
        url.ends_with(".pem") && (is_sns || is_local)
    }

    /// Whether a URL is one of SNS, or of this machine if that is allowed.
    fn is_host(&self, url: &str) -> bool {
        // The query contains SNS's parameters, so only the part before it is checked.
        let path = url.split('?').next().unwrap_or_default();
        certificate::https_host(path).is_some_and(is_sns)
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

fn matches(leaf: &Leaf, is_sha256: bool, fields: &[Field<'_>], given: &[u8]) -> bool {
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
        "missing_field: the body has no `Type` of SNS".to_owned()
    } else {
        format!(
            "missing_field: the body has no `{name}`; it is not a message of SNS, or something removed the member"
        )
    };
    Judgement::refused(Reason::MissingField, hint)
}

/// Tries what would match: another version, or the members without one that was added.
#[cold]
fn mismatch(leaf: &Leaf, is_sha256: bool, fields: &[Field<'_>], given: &[u8]) -> Box<Judgement> {
    let without = |name: &str| -> Vec<Field<'_>> {
        fields
            .iter()
            .filter(|(field, _)| *field != name)
            .copied()
            .collect()
    };
    let hint = if matches(leaf, !is_sha256, fields, given) {
        let (given, signed) = if is_sha256 { ("2", "1") } else { ("1", "2") };
        format!(
            "version_changed: SignatureVersion is {given}, but the signature has version {signed}; something changed the member"
        )
    } else if matches(leaf, is_sha256, &without("Subject"), given) {
        diagnose::body_changed("the message without its Subject")
    } else if matches(leaf, is_sha256, &without("Token"), given) {
        diagnose::body_changed("the message without its Token")
    } else {
        asymmetric::UNEXPLAINED.to_owned()
    };
    Judgement::refused(Reason::SignatureMismatch, hint)
}

struct SnsSigner {
    url: String,
    key: RsaSigner,
}

impl Signer for SnsSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        let bad = || SignatureError::BadBody {
            scheme: NAME,
            expected: "messages of SNS (a JSON object with Type, Message, MessageId, Timestamp and TopicArn)",
        };
        let envelope: Envelope = serde_json::from_slice(message.body).map_err(|_| bad())?;
        let (fields, count) = envelope.fields().map_err(|_| bad())?;
        let kind = envelope
            .r#type
            .as_deref()
            .and_then(|kind| HeaderValue::from_str(kind).ok());
        let kind = kind.ok_or_else(bad)?;
        let mut signed = String::new();
        for (name, value) in &fields[..count] {
            signed.extend([name, "\n", value, "\n"]);
        }
        let signature = self.key.sign_base64(NAME, signed.as_bytes())?;
        let signature = String::from_utf8(signature).map_err(|_| bad())?;
        let body = std::str::from_utf8(message.body).map_err(|_| bad())?;
        let mut body = body.to_owned();
        // An older name of SigningCertURL. A reader that knows both names would see the member twice.
        json::remove(&mut body, &[Step::Name("SigningCertUrl".to_owned())]);
        let mut body = body.into_bytes();
        for (name, value) in [
            ("SignatureVersion", "2"),
            ("Signature", &signature),
            ("SigningCertURL", &self.url),
        ] {
            let value = serde_json::Value::from(value).to_string();
            body = field::put(&body, name, &value).ok_or_else(bad)?;
        }
        Ok(Signed {
            headers: vec![(HeaderName::from_static(TYPE_HEADER), kind)],
            body: Some(Bytes::from(body)),
            url: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_of_sns_are_accepted() {
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
}
