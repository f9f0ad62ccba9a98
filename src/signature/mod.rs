//! Signature schemes, one file each: they sign and verify raw bytes.
//!
//! Everything here is pure: the clock is an argument and keys are given. Fetching certificates (`documents`) and remembering
//! ids against replays do not belong here.

mod asymmetric;
mod basic;
mod bearer;
mod certificate;
mod clock;
mod diagnose;
mod discord;
mod error;
mod field;
mod github;
mod google_ads;
mod google_pubsub;
mod handshake;
mod header;
mod hmac;
mod judgement;
mod jwt;
mod linkedin;
mod listed;
mod mac;
mod mailgun;
mod meta;
mod options;
mod paypal;
mod public_url;
pub(crate) mod query;
mod recipe;
mod repair;
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

pub(crate) use certificate::element as der_element;
pub use error::SignatureError;
pub use handshake::{Challenge, Handshake, Probe, ProbeRequest, Reply};
pub use judgement::{Judged, Judgement, Reason};
pub use options::{Options, SchemeSpec};
pub use public_url::{PublicUrl, PublicUrls};
pub(crate) use query::is_form;

use crate::grammar::nearest::nearest;
use crate::secret::Secret;
use crate::time::Timestamp;

/// The scheme that the platform signs its own deliveries with.
pub const PLATFORM_SCHEME: &str = "standard-webhooks";

/// Every scheme, in the order of the help.
pub static SCHEMES: &[&dyn Scheme] = &[
    &standard::WEBHOOKS,
    &standard_v1a::StandardV1a,
    &standard::SVIX,
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
    &google_ads::SCHEME,
    &google_pubsub::GooglePubSub,
    &jwt::Jwt,
    &shared_secret::SCHEME,
    &basic::SCHEME,
    &bearer::SCHEME,
    &hmac::Hmac,
];

/// What the rest of the program knows about a scheme: the help, the manual, `--tamper` and `--check` read it here, so that no
/// other file names a scheme.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The name that users type: `standard-webhooks`.
    pub name: &'static str,
    /// The description in help texts, on one line.
    pub summary: &'static str,
    /// The options of `SCHEME:key=value,…`, each with its meaning.
    pub options: &'static [(&'static str, &'static str)],
    /// The header that identifies a request of this scheme.
    pub header: Option<&'static str>,
    /// An older header of the same vendor, whose weaker signature is not accepted.
    pub legacy_header: Option<&'static str>,
    /// The header in which the vendor names the type of the event.
    pub type_header: Option<&'static str>,
    /// Whether the signature covers the body. Schemes that do not cover it prove who sent a request, not what it says.
    pub covers_body: bool,
    /// Whether receivers compare the signed time with their clock. Some vendors sign a time but repeat the same request for
    /// days, so their receivers must not.
    pub checks_clock: bool,
    /// How far from now a signed time must be to be outside every tolerance in use.
    pub outdated_after: Duration,
    /// Whether requests are verified with a secret. Others are verified with a document that the vendor publishes.
    pub verifies_with_secret: bool,
    /// Whether one request can carry the signatures of several secrets, for rotation.
    pub several_secrets: bool,
    /// Whether the signatures may be spread over several lines of the header.
    pub repeats_header: bool,
    /// The path of the JSON member that holds the signature, if the body does. In a form: the field named like its last part.
    pub body_signature: &'static [&'static str],
    /// The JSON members that are signed in messages of every type, if only some members are signed.
    pub signed_members: &'static [&'static str],
    /// How long the vendor waits for an answer.
    pub answer_within: Duration,
    /// The requests by which `--check` tries the vendor's handshake.
    pub probes: &'static [Probe],
    /// For the manual: how a listener answers the vendor's handshake.
    pub handshake: Option<&'static str>,
    /// For the manual: which key signs and which one verifies, if they differ.
    pub keys: Option<&'static str>,
    /// For the manual: what a valid signature does not prove.
    pub limits: Option<&'static str>,
}

impl Facts {
    /// A scheme without options or a handshake, whose signature covers the body.
    pub(crate) const fn new(name: &'static str, summary: &'static str) -> Self {
        Self {
            name,
            summary,
            options: &[],
            header: None,
            legacy_header: None,
            type_header: None,
            covers_body: true,
            checks_clock: true,
            outdated_after: Duration::from_secs(60 * 60),
            verifies_with_secret: true,
            several_secrets: false,
            repeats_header: false,
            body_signature: &[],
            signed_members: &[],
            answer_within: Duration::from_secs(10),
            probes: &[],
            handshake: None,
            keys: None,
            limits: None,
        }
    }
}

/// A row of [`SCHEMES`].
///
/// An implementation writes [`Scheme::new_verifier`] and [`Scheme::new_signer`]; callers use the other methods, which check the
/// options and the number of secrets first.
pub trait Scheme: Sync {
    fn facts(&self) -> &'static Facts;

    /// Makes a key pair of the form that this scheme uses from random bytes. `None` if a key needs more than that: an RSA key
    /// pair and its certificate are made by `dev`.
    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair>;

    fn new_verifier(&self, secrets: &[Secret], options: &Options) -> NewVerifier;

    /// `more` is empty unless [`Facts::several_secrets`] is set.
    fn new_signer(&self, secret: &Secret, more: &[Secret], options: &Options) -> NewSigner;

    /// Prepares the keys once, so that a request costs no more than its MAC. Any of several secrets may match (rotation).
    fn verifier(&self, secrets: &[Secret], options: &Options) -> NewVerifier {
        options.check(self)?;
        // A secret that is ignored would make the user believe that it is checked.
        if !secrets.is_empty() && !self.facts().verifies_with_secret {
            return Err(SignatureError::UnneededSecret {
                scheme: self.name(),
            });
        }
        self.new_verifier(secrets, options)
    }

    fn signer(&self, secret: &Secret, options: &Options) -> NewSigner {
        options.check(self)?;
        self.new_signer(secret, &[], options)
    }

    /// Signs with several secrets at once, as a sender does while it replaces a secret.
    ///
    /// # Errors
    /// [`SignatureError::OneSecret`] if the header holds a single signature.
    fn rotating_signer(&self, secrets: &[Secret], options: &Options) -> NewSigner {
        let scheme = self.name();
        options.check(self)?;
        match secrets {
            [] => Err(SignatureError::NoSecret { scheme }),
            [_, _, ..] if !self.facts().several_secrets => {
                Err(SignatureError::OneSecret { scheme })
            }
            [secret, more @ ..] => self.new_signer(secret, more, options),
        }
    }

    fn name(&self) -> &'static str {
        self.facts().name
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        self.facts().options
    }
}

/// A prepared verifier, or why the scheme, a secret or an option cannot be used.
pub type NewVerifier = Result<Box<dyn Verifier>, SignatureError>;
/// A prepared signer, or why the scheme, a secret or an option cannot be used.
pub type NewSigner = Result<Box<dyn Signer>, SignatureError>;

/// Prepared keys of one scheme.
pub trait Verifier: Send + Sync {
    /// Judges one request. An invalid signature is a value, see [`Reason`].
    fn judge(&self, received: &Received<'_>, timing: Timing) -> Judged;

    /// [`Verifier::judge`] as one value. `tolerance` is described at [`Timing`].
    fn verify(
        &self,
        received: &Received<'_>,
        now: Timestamp,
        tolerance: Option<Duration>,
    ) -> Judgement {
        self.judge(received, Timing { now, tolerance })
            .unwrap_or_else(|refused| *refused)
    }

    /// Returns the URL of a document (a certificate chain, a key set) that this request refers to and that the verifier does
    /// not have yet. Only URLs that the scheme allows.
    fn missing_document(&self, _received: &Received<'_>, _now: Timestamp) -> Option<String> {
        None
    }

    /// Stores the document that [`Verifier::missing_document`] asked for. An unreadable one is ignored; the next judgement
    /// reports that it is missing.
    fn add_document(&self, _url: &str, _document: &[u8], _now: Timestamp) {}

    /// Answers the vendor's handshake if the request is one. `judgement` is the result of [`Verifier::verify`]: some
    /// handshakes are signed.
    fn handshake(&self, _received: &Received<'_>, _judgement: &Judgement) -> Option<Handshake> {
        None
    }
}

/// A prepared key that signs.
pub trait Signer: Send + Sync {
    /// Returns what to send with the message.
    ///
    /// # Errors
    /// [`SignatureError::BadBody`] if the scheme cannot sign such a body.
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError>;
}

/// A request as the verifier sees it, byte for byte.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    pub method: &'a str,
    /// The public URL that the sender called, if it is known.
    pub url: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// The time at which a request is judged.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    pub now: Timestamp,
    /// How far from `now` a timestamp may be. `None` means the default of the scheme, and zero switches the check off. For
    /// tokens it is the leeway. Schemes without a timestamp ignore it.
    pub tolerance: Option<Duration>,
}

impl Timing {
    /// Sets the default of a scheme.
    fn or(self, tolerance: Duration) -> Self {
        Self {
            tolerance: self.tolerance.or(Some(tolerance)),
            ..self
        }
    }
}

/// A message to sign.
#[derive(Clone, Debug)]
pub struct Outgoing<'a> {
    /// The message id (`webhook-id`). Retries keep it.
    pub id: &'a str,
    pub timestamp: Timestamp,
    pub url: &'a str,
    /// The other headers of the request. The content type matters: a form is signed differently from JSON.
    pub headers: &'a HeaderMap,
    pub body: &'a Bytes,
}

/// What a signature adds to a message. Most schemes only add headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signed {
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Replaces the body, for schemes whose signature is inside it.
    pub body: Option<Bytes>,
    /// Replaces the URL, for schemes that add a parameter to its query.
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

/// The key that signs and the key that verifies. With a shared secret they are the same text.
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

    /// A shared secret: a prefix and hexadecimal digits.
    fn hex(prefix: &str, random: &[u8]) -> Self {
        Self::shared(Secret::new(format!("{prefix}{}", mac::hex(random))))
    }
}

/// Returns the scheme with this name.
///
/// # Errors
/// [`SignatureError::UnknownScheme`], with the most similar name.
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

/// Returns a hint that names another configured secret that matches: a diagnosis that a verifier cannot make, because it only
/// has its own secrets.
///
/// `others` pairs each secret with the name by which the user knows it. Secrets that the scheme cannot use are skipped.
pub fn wrong_secret<'a>(
    scheme: &dyn Scheme,
    options: &Options,
    received: &Received<'_>,
    others: impl IntoIterator<Item = (&'a str, &'a Secret)>,
) -> Option<String> {
    let matches = |secret: &Secret| {
        let verifier = scheme.verifier(std::slice::from_ref(secret), options);
        // Only the MAC matters here: a zero tolerance switches the check of the clock off.
        let judge = |verifier: Box<dyn Verifier>| {
            verifier.verify(received, Timestamp::from_secs(0), Some(Duration::ZERO))
        };
        verifier.is_ok_and(|verifier| judge(verifier).is_valid())
    };
    let (name, _) = others.into_iter().find(|(_, secret)| matches(secret))?;
    Some(format!(
        "wrong_secret: the signature matches the secret of {name}; configure that secret for this scheme"
    ))
}

/// Prepares every secret. Without any secret no signature can be valid, so an empty list is an error.
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

/// Returns the text of a secret. An empty secret is an error: anybody could sign with it.
fn text_of<'a>(scheme: &'static str, secret: &'a Secret) -> Result<&'a str, SignatureError> {
    let text = secret.reveal();
    if text.trim().is_empty() {
        return Err(SignatureError::BadSecret {
            scheme,
            expected: "non-empty",
        });
    }
    Ok(text)
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
    fn a_scheme_with_a_secret_does_not_work_without_one() {
        for scheme in SCHEMES {
            // The others verify with published certificates and key sets.
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
    fn no_scheme_accepts_an_unknown_option() {
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
    fn a_scheme_signs_with_several_secrets_exactly_if_its_facts_say_so() {
        for scheme in SCHEMES {
            let Some(keys) = scheme.sample_keys(&[7; 32]) else {
                continue;
            };
            let secrets = [keys.signs.clone(), keys.signs];
            let signer = scheme.rotating_signer(&secrets, &Options::default());
            let several = scheme.facts().several_secrets;
            assert_eq!(signer.is_ok(), several, "{}", scheme.name());
        }
    }

    #[test]
    fn a_secret_of_another_scheme_is_named() {
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
            Some(
                "wrong_secret: the signature matches the secret of `--route /x`; configure that secret for this scheme"
            )
        );
    }
}
