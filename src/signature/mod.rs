//! Signature schemes: one file a scheme, each signs and verifies raw bytes. Pure: the clock is an argument, keys are given.
//!
//! Fetching certificates and keeping replay caches do not belong here.

mod clock;
mod diagnose;
mod github;
mod header;
mod mac;
mod repair;
mod shared_secret;
mod standard;
mod stripe;

use std::time::Duration;

use aws_lc_rs::hmac;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use thiserror::Error;

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
    pub body: &'a Bytes,
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
    /// A secret of the form that this scheme wants, made of the given random bytes.
    fn sample_secret(&self, random: &[u8; 32]) -> Secret;
    /// Prepares keys once, so that each request costs its MAC alone. Several secrets: any one may match (rotation).
    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError>;
    fn signer(&self, secret: &Secret, options: &Options)
    -> Result<Box<dyn Signer>, SignatureError>;
}

/// Prepared keys of one scheme.
pub trait Verifier: Send + Sync {
    /// Judges one request. `tolerance`: the window around `now`; zero switches the clock's check off; schemes without a timestamp ignore it.
    ///
    /// Never fails: a bad signature is a value, see [`Reason`].
    fn verify(&self, received: &Received<'_>, now: Timestamp, tolerance: Duration) -> Judgement;
}

/// A prepared key that signs.
pub trait Signer: Send + Sync {
    /// The headers to send with the message.
    fn sign(&self, message: &Outgoing<'_>) -> Vec<(HeaderName, HeaderValue)>;
}

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
        let known = |name: &str| scheme.options().iter().any(|(option, _)| *option == name);
        match self.0.iter().find(|(name, _)| !known(name)) {
            Some((name, _)) => Err(SignatureError::UnknownOption {
                scheme: scheme.name(),
                option: name.clone(),
            }),
            None => Ok(()),
        }
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
    SecretMismatch,
}

impl Judgement {
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
            Self::SecretMismatch => "secret_mismatch",
        }
    }
}

/// A scheme, secret or option that cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
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
}

/// Every scheme, in the order of the help.
pub const SCHEMES: &[&dyn Scheme] = &[
    &standard::Standard::WEBHOOKS,
    &standard::Standard::SVIX,
    &stripe::Stripe,
    &github::GitHub,
    &shared_secret::SharedSecret,
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
                    .verify(received, Timestamp::from_secs(0), Duration::ZERO)
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

/// A key that is the text of its secret.
fn text_key(scheme: &'static str, secret: &Secret) -> Result<hmac::Key, SignatureError> {
    Ok(mac::key(not_empty(scheme, secret)?.reveal().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_715_600_000);
    const TOLERANCE: Duration = Duration::from_secs(300);
    const BODY: Bytes = Bytes::from_static(br#"{"event":"contact.created"}"#);

    fn signed(scheme: &dyn Scheme, secret: &Secret) -> HeaderMap {
        let message = Outgoing {
            id: "msg_1",
            timestamp: NOW,
            url: "http://127.0.0.1:4871/hook",
            body: &BODY,
        };
        scheme
            .signer(secret, &Options::default())
            .unwrap()
            .sign(&message)
            .into_iter()
            .collect()
    }

    fn judged(scheme: &dyn Scheme, secrets: &[Secret], headers: &HeaderMap) -> Judgement {
        let received = Received {
            method: "POST",
            url: "http://127.0.0.1:4871/hook",
            headers,
            body: &BODY,
        };
        scheme
            .verifier(secrets, &Options::default())
            .unwrap()
            .verify(&received, NOW, TOLERANCE)
    }

    #[test]
    fn every_scheme_verifies_what_it_signs() {
        for scheme in SCHEMES {
            let secret = scheme.sample_secret(&[7; 32]);
            let judgement = judged(
                *scheme,
                std::slice::from_ref(&secret),
                &signed(*scheme, &secret),
            );
            assert_eq!(judgement.reason, Reason::Ok, "{}", scheme.name());
        }
    }

    #[test]
    fn every_scheme_refuses_another_secret() {
        for scheme in SCHEMES {
            let headers = signed(*scheme, &scheme.sample_secret(&[7; 32]));
            let judgement = judged(*scheme, &[scheme.sample_secret(&[8; 32])], &headers);
            assert_ne!(judgement.reason, Reason::Ok, "{}", scheme.name());
        }
    }

    #[test]
    fn every_scheme_says_which_secret_matched() {
        for scheme in SCHEMES {
            let secret = scheme.sample_secret(&[7; 32]);
            let headers = signed(*scheme, &secret);
            let judgement = judged(*scheme, &[scheme.sample_secret(&[8; 32]), secret], &headers);
            assert_eq!(judgement.matched, Some(1), "{}", scheme.name());
        }
    }

    #[test]
    fn no_scheme_works_without_a_secret() {
        for scheme in SCHEMES {
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
            let secret = scheme.sample_secret(&[7; 32]);
            assert!(scheme.signer(&secret, &options).is_err());
            assert!(scheme.verifier(&[secret], &options).is_err());
        }
    }

    #[test]
    fn a_mistyped_scheme_gets_a_suggestion() {
        let error = find("standard-webhook").err();
        assert_eq!(
            error,
            Some(SignatureError::UnknownScheme {
                name: "standard-webhook".to_owned(),
                suggestion: Some("standard-webhooks"),
            })
        );
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
