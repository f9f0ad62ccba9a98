//! Signature schemes: one file a scheme, each signs and verifies raw bytes. Pure: the clock is an argument, keys are given.
//!
//! Fetching certificates and keeping replay caches do not belong here.

mod asymmetric;
mod basic;
mod bearer;
mod certificate;
mod clock;
mod diagnose;
mod discord;
mod explain;
mod field;
mod github;
mod google_ads;
mod google_pubsub;
mod header;
mod hmac;
mod jwt;
mod linkedin;
mod mac;
mod mailgun;
mod meta;
mod paypal;
pub(crate) mod query;
mod recipe;
mod repair;
mod scheme_spec;
mod sendgrid;
mod shared_secret;
mod shopify;
mod slack;
mod sns;
mod standard;
mod standard_v1a;
mod stripe;
mod tiktok;
mod token;
mod twilio;
mod twitch;
mod twitter;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use thiserror::Error;

pub(crate) use certificate::element as der_element;
pub(crate) use query::is_form;
pub use scheme_spec::SchemeSpec;

use crate::event::Verdict;
use crate::grammar::nearest::nearest;
use crate::secret::Secret;
use crate::time::Timestamp;

/// The scheme that the platform signs its own deliveries with.
pub const PLATFORM_SCHEME: &str = "standard-webhooks";

/// The request as a verifier sees it: the bytes as they came.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    pub method: &'a str,
    /// The public URL that the sender called, as far as it is known.
    pub url: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// A message about to be signed.
#[derive(Clone, Debug)]
pub struct Outgoing<'a> {
    /// The message id (`webhook-id`): the same over retries.
    pub id: &'a str,
    pub timestamp: Timestamp,
    pub url: &'a str,
    /// The headers of the request so far: a form is signed otherwise than JSON.
    pub headers: &'a HeaderMap,
    pub body: &'a Bytes,
}

/// What a signature adds to a message. Most schemes add headers alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signed {
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body to send instead, of schemes whose signature stands inside it.
    pub body: Option<Bytes>,
    /// The URL to call instead, of schemes that put something into its query.
    pub url: Option<String>,
}

impl From<Vec<(HeaderName, HeaderValue)>> for Signed {
    fn from(headers: Vec<(HeaderName, HeaderValue)>) -> Self {
        Self {
            headers,
            ..Self::default()
        }
    }
}

/// The two halves of a scheme's key. They are the same text where one secret both signs and verifies.
#[derive(Clone, Debug)]
pub struct KeyPair {
    pub signs: Secret,
    pub verifies: Secret,
}

impl KeyPair {
    /// One secret for both sides.
    pub fn shared(secret: Secret) -> Self {
        Self {
            signs: secret.clone(),
            verifies: secret,
        }
    }
}

/// A request by which a vendor asks whether an endpoint is really its owner's, and the answer it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// As a person knows it: `url_verification`, `CRC`.
    pub name: &'static str,
    /// False where the request is not one that may be confirmed: a wrong token, a bad signature.
    pub accepted: bool,
    pub status: u16,
    /// Empty where the answer has no body.
    pub content_type: &'static str,
    pub body: Vec<u8>,
    /// A URL that is to be fetched to confirm; the scheme has checked its host.
    pub confirm: Option<String>,
    /// What to do where it was not accepted.
    pub hint: Option<String>,
}

impl Handshake {
    /// An answer of 200 with this body.
    pub(crate) fn answer(name: &'static str, content_type: &'static str, body: Vec<u8>) -> Self {
        Self {
            name,
            accepted: true,
            status: 200,
            content_type,
            body,
            confirm: None,
            hint: None,
        }
    }

    /// A refusal without a body.
    pub(crate) fn refused(name: &'static str, status: u16, hint: impl Into<String>) -> Self {
        Self {
            name,
            accepted: false,
            status,
            content_type: "",
            body: Vec::new(),
            confirm: None,
            hint: Some(hint.into()),
        }
    }
}

/// A row of [`SCHEMES`].
pub trait Scheme: Sync {
    /// As people write it: `standard-webhooks`.
    fn name(&self) -> &'static str;
    /// One line for the help.
    fn summary(&self) -> &'static str;
    /// The options that `SCHEME:key=value,…` takes, each with what it means.
    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }
    /// The header by which a request of this scheme is recognised; `None` where it has none of its own.
    fn header(&self) -> Option<&'static str> {
        None
    }
    /// Whether a signature covers the body; others prove who sent, not what.
    fn covers_body(&self) -> bool {
        true
    }
    /// Whether a receiver is asked to hold the signed time against its clock. Some sign a time that nobody compares: they send
    /// again for days.
    fn checks_clock(&self) -> bool {
        true
    }
    /// Keys of the form that this scheme wants, made of the given random bytes. `None` where a key needs more than that: an
    /// RSA key pair with a certificate is made by `dev`.
    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair>;
    /// Prepares keys once, so that each request costs its MAC alone. Several secrets: any one may match (rotation).
    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError>;
    fn signer(&self, secret: &Secret, options: &Options)
    -> Result<Box<dyn Signer>, SignatureError>;
    /// Signs with several secrets at once, as a sender does while a secret is being replaced. Schemes whose header holds one
    /// signature alone take one secret.
    fn rotating_signer(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        match secrets {
            [] => Err(SignatureError::NoSecret {
                scheme: self.name(),
            }),
            [secret] => self.signer(secret, options),
            _ => Err(SignatureError::OneSecret {
                scheme: self.name(),
            }),
        }
    }
}

/// Prepared keys of one scheme.
pub trait Verifier: Send + Sync {
    /// Judges one request. `tolerance`: the window around `now`, `None` for the scheme's own; zero switches the clock's check
    /// off (of tokens, the leeway); schemes without a timestamp ignore it.
    ///
    /// Never fails: a bad signature is a value, see [`Reason`].
    fn verify(
        &self,
        received: &Received<'_>,
        now: Timestamp,
        tolerance: Option<Duration>,
    ) -> Judgement;

    /// The URL of a document (a certificate chain, a key set) that this request refers to and that is not known yet; only
    /// URLs that the scheme allows.
    fn wants(&self, _received: &Received<'_>, _now: Timestamp) -> Option<String> {
        None
    }

    /// Takes the document that [`Verifier::wants`] asked for. What cannot be read is forgotten: the judgement will say so.
    fn learn(&self, _url: &str, _document: &[u8], _now: Timestamp) {}

    /// The vendor's handshake, if the request is one. `judgement` is that of [`Verifier::verify`]: some are signed.
    fn handshake(&self, _received: &Received<'_>, _judgement: &Judgement) -> Option<Handshake> {
        None
    }
}

/// A prepared key that signs.
pub trait Signer: Send + Sync {
    /// What to send with the message.
    ///
    /// # Errors
    /// [`SignatureError::BadBody`] where the scheme cannot sign such a body.
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError>;
}

/// The one option that says something by being empty: nothing stands before the signature.
const MAY_BE_EMPTY: &str = "prefix";

/// `key=value` options of a scheme, in the order given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(pub Vec<(String, String)>);

impl Options {
    /// The option's value; of several the last.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Refuses what the scheme does not take.
    fn check(&self, scheme: &dyn Scheme) -> Result<(), SignatureError> {
        for (name, value) in &self.0 {
            let known = scheme.options().iter().find(|(option, _)| option == name);
            let Some((option, _)) = known else {
                return Err(SignatureError::UnknownOption {
                    scheme: scheme.name(),
                    option: name.clone(),
                });
            };
            // A variable of the shell that is not set must not become a token or an audience that anyone has.
            if value.trim().is_empty() && *option != MAY_BE_EMPTY {
                return Err(SignatureError::BadOption {
                    scheme: scheme.name(),
                    option,
                    expected: "there: it is empty",
                });
            }
        }
        Ok(())
    }
}

/// What a verifier found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub reason: Reason,
    /// Which of the secrets matched, by position; also where only the clock was wrong.
    pub matched: Option<usize>,
    /// The diagnosis: a code (`body_changed`, `secret_whitespace`, …), a colon, and what would have matched in words.
    pub hint: Option<String>,
}

/// Why a signature is valid or not; the codes are those of the test vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Ok,
    SignatureMismatch,
    TimestampTooOld,
    TimestampTooNew,
    MalformedTimestamp,
    MissingHeader,
    DuplicateHeader,
    MalformedHeader,
    MalformedSignature,
    NoSupportedSignature,
    UnsupportedVersion,
    MissingField,
    MalformedBody,
    BodyHashMismatch,
    SecretMismatch,
    CertUrlNotAllowed,
    CertUnavailable,
    CertUntrusted,
    CertExpired,
    CertNameMismatch,
    AlgorithmNotAllowed,
    UnknownKey,
    ClaimMismatch,
    TokenExpired,
    TokenNotYetValid,
    MalformedToken,
}

impl Judgement {
    fn valid(matched: usize) -> Self {
        Self {
            reason: Reason::Ok,
            matched: Some(matched),
            hint: None,
        }
    }

    /// Refused, with what would mend it: a code, a colon, and words.
    fn refused_with(reason: Reason, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..Self::refused(reason)
        }
    }

    fn refused(reason: Reason) -> Self {
        Self {
            reason,
            matched: None,
            hint: None,
        }
    }

    pub fn is_valid(&self) -> bool {
        self.reason == Reason::Ok
    }

    /// Whether the hint says what would have matched.
    pub fn is_explained(&self) -> bool {
        let hint = self.hint.as_deref();
        hint.is_some_and(|hint| !hint.starts_with(diagnose::UNEXPLAINED))
    }

    /// The form in which the judgement is kept beside its event.
    pub fn verdict(self, scheme: &str) -> Verdict {
        Verdict {
            scheme: scheme.to_owned(),
            ok: self.reason == Reason::Ok,
            reason: self.reason.code().to_owned(),
            hint: self.hint,
        }
    }
}

impl Reason {
    /// The code under which the reason is kept and looked up.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::SignatureMismatch => "signature_mismatch",
            Self::TimestampTooOld => "timestamp_too_old",
            Self::TimestampTooNew => "timestamp_too_new",
            Self::MalformedTimestamp => "malformed_timestamp",
            Self::MissingHeader => "missing_header",
            Self::DuplicateHeader => "duplicate_header",
            Self::MalformedHeader => "malformed_header",
            Self::MalformedSignature => "malformed_signature",
            Self::NoSupportedSignature => "no_supported_signature",
            Self::UnsupportedVersion => "unsupported_version",
            Self::MissingField => "missing_field",
            Self::MalformedBody => "malformed_body",
            Self::BodyHashMismatch => "body_hash_mismatch",
            Self::SecretMismatch => "secret_mismatch",
            Self::CertUrlNotAllowed => "cert_url_not_allowed",
            Self::CertUnavailable => "cert_unavailable",
            Self::CertUntrusted => "cert_untrusted",
            Self::CertExpired => "cert_expired",
            Self::CertNameMismatch => "cert_name_mismatch",
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::UnknownKey => "unknown_key",
            Self::ClaimMismatch => "claim_mismatch",
            Self::TokenExpired => "token_expired",
            Self::TokenNotYetValid => "token_not_yet_valid",
            Self::MalformedToken => "malformed_token",
        }
    }
}

/// A scheme, secret or option that cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SignatureError {
    #[error("there is no signature scheme `{name}`")]
    UnknownScheme {
        name: String,
        suggestion: Option<&'static str>,
    },
    #[error("scheme `{scheme}` has no option `{option}`")]
    UnknownOption {
        scheme: &'static str,
        option: String,
    },
    #[error("scheme `{scheme}` needs the option `{option}`")]
    MissingOption {
        scheme: &'static str,
        option: &'static str,
    },
    #[error("option `{option}` of scheme `{scheme}` is not {expected}")]
    BadOption {
        scheme: &'static str,
        option: &'static str,
        expected: &'static str,
    },
    #[error("the secret for `{scheme}` is not {expected}")]
    BadSecret {
        scheme: &'static str,
        expected: &'static str,
    },
    #[error("scheme `{scheme}` needs a secret")]
    NoSecret { scheme: &'static str },
    #[error("scheme `{scheme}` puts one signature into a request, and several secrets are given")]
    OneSecret { scheme: &'static str },
    #[error("scheme `{scheme}` signs {expected}, and the body is none")]
    BadBody {
        scheme: &'static str,
        expected: &'static str,
    },
}

/// Every scheme, in the order of the help.
pub static SCHEMES: &[&dyn Scheme] = &[
    &standard::Standard::WEBHOOKS,
    &standard_v1a::StandardV1a,
    &standard::Standard::SVIX,
    &stripe::SCHEME,
    &paypal::PayPal,
    &sendgrid::SendGrid,
    &mailgun::Mailgun,
    &sns::Sns,
    &twilio::Twilio,
    &github::SCHEME,
    &meta::SCHEME,
    &slack::SCHEME,
    &shopify::SCHEME,
    &discord::Discord,
    &twitch::SCHEME,
    &linkedin::SCHEME,
    &tiktok::SCHEME,
    &twitter::SCHEME,
    &google_ads::GoogleAds,
    &google_pubsub::GooglePubSub,
    &jwt::Jwt,
    &shared_secret::SharedSecret,
    &basic::Basic,
    &bearer::Bearer,
    &hmac::Hmac,
];

/// Finds a scheme by name, or says which one may have been meant.
pub fn find(name: &str) -> Result<&'static dyn Scheme, SignatureError> {
    SCHEMES
        .iter()
        .copied()
        .find(|scheme| scheme.name() == name)
        .ok_or_else(|| SignatureError::UnknownScheme {
            name: name.to_owned(),
            suggestion: nearest(name, SCHEMES.iter().map(|scheme| scheme.name())),
        })
}

/// Tells which of the other secrets that are configured would have matched: the diagnosis that no verifier can make alone.
///
/// `others` are names as a person knows them, each with its secret. Secrets that the scheme cannot use are passed over.
pub fn wrong_secret<'a>(
    scheme: &dyn Scheme,
    options: &Options,
    received: &Received<'_>,
    others: impl IntoIterator<Item = (&'a str, &'a Secret)>,
) -> Option<String> {
    // The epoch and no tolerance: only the MAC matters here.
    let fits = |secret: &Secret| {
        scheme
            .verifier(std::slice::from_ref(secret), options)
            .is_ok_and(|verifier| {
                verifier
                    .verify(received, Timestamp::from_secs(0), Some(Duration::ZERO))
                    .is_valid()
            })
    };
    let (name, _) = others.into_iter().find(|(_, secret)| fits(secret))?;
    Some(format!("wrong_secret: the secret of {name} fits"))
}

/// Prepares every secret, or says that there is none: without a secret nothing is valid.
fn keys<T>(
    scheme: &'static str,
    secrets: &[Secret],
    prepare: impl Fn(&Secret) -> Result<T, SignatureError>,
) -> Result<Vec<T>, SignatureError> {
    if secrets.is_empty() {
        return Err(SignatureError::NoSecret { scheme });
    }
    secrets.iter().map(prepare).collect()
}

/// The option `certs=loopback`: documents may come from this machine, as those of the local platform do.
fn certs_on_loopback(scheme: &'static str, options: &Options) -> Result<bool, SignatureError> {
    match options.get("certs") {
        None => Ok(false),
        Some("loopback") => Ok(true),
        Some(_) => Err(SignatureError::BadOption {
            scheme,
            option: "certs",
            expected: "`loopback`",
        }),
    }
}

/// An empty secret would make a signature that anyone can make.
fn not_empty<'a>(scheme: &'static str, secret: &'a Secret) -> Result<&'a Secret, SignatureError> {
    if secret.reveal().trim().is_empty() {
        return Err(SignatureError::BadSecret {
            scheme,
            expected: "there: it is empty",
        });
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_715_600_000);
    const BODY: Bytes = Bytes::from_static(br#"{"event":"contact.created"}"#);

    fn signed(scheme: &dyn Scheme, secret: &Secret) -> HeaderMap {
        let message = Outgoing {
            id: "msg_1",
            timestamp: NOW,
            url: "http://127.0.0.1:4871/hook",
            headers: &HeaderMap::new(),
            body: &BODY,
        };
        let signer = scheme.signer(secret, &Options::default()).unwrap();
        signer.sign(&message).unwrap().headers.into_iter().collect()
    }

    #[test]
    fn no_scheme_that_has_a_secret_works_without_it() {
        for scheme in SCHEMES {
            // The others check what is published: certificates and key sets.
            if scheme.sample_keys(&[7; 32]).is_none() {
                continue;
            }
            let none = scheme.verifier(&[], &Options::default()).err();
            let name = scheme.name();
            assert_eq!(none, Some(SignatureError::NoSecret { scheme: name }));
            let empty = scheme.verifier(&[Secret::new("")], &Options::default());
            assert!(
                matches!(empty.err(), Some(SignatureError::BadSecret { .. })),
                "{name}"
            );
        }
    }

    #[test]
    fn no_scheme_takes_an_unknown_option() {
        let options = Options(vec![("colour".to_owned(), "red".to_owned())]);
        for scheme in SCHEMES {
            let error = scheme.signer(&Secret::new("s"), &options).err();
            assert!(
                matches!(error, Some(SignatureError::UnknownOption { .. })),
                "{}",
                scheme.name()
            );
            assert!(scheme.verifier(&[Secret::new("s")], &options).is_err());
        }
    }

    #[test]
    fn a_secret_that_belongs_elsewhere_is_named() {
        let scheme = find("github").unwrap();
        let (mine, theirs) = (Secret::new("mine"), Secret::new("theirs"));
        let headers = signed(scheme, &theirs);
        let received = Received {
            method: "POST",
            url: "/",
            headers: &headers,
            body: &BODY,
        };
        let others = [("`--verify stripe`", &mine), ("`--route /x`", &theirs)];
        assert_eq!(
            wrong_secret(scheme, &Options::default(), &received, others).as_deref(),
            Some("wrong_secret: the secret of `--route /x` fits")
        );
    }
}
