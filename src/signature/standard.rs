//! Standard Webhooks and Svix: one algorithm under two sets of header names.
//!
//! HMAC-SHA256 over `id.timestamp.body`, base64, in a list of `version,signature` entries.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use std::time::Duration;

use aws_lc_rs::hmac::Key;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderName};

use super::clock::{self, Clock, Window};
use super::diagnose::{self, BASE64 as SECRET_BASE64, Case, KeyForm};
use super::mac::{self, Algorithm, Encoding};
use super::{
    Facts, Judged, Judgement, KeyPair, NewSigner, NewVerifier, Options, Outgoing, Received, Scheme,
    SignatureError, Signed, Signer, Timing, Verifier, header,
};
use crate::secret::Secret;

const PREFIX: &str = "whsec_";
/// The default tolerance, on both sides of the current time.
pub(super) const TOLERANCE: Duration = Duration::from_secs(300);
const VERSION: &[u8] = b"v1,";

pub(super) const WEBHOOK_SIGNATURE: &str = "webhook-signature";
const SVIX_SIGNATURE: &str = "svix-signature";

pub(super) static WEBHOOK: Names = Names {
    id: HeaderName::from_static("webhook-id"),
    timestamp: HeaderName::from_static("webhook-timestamp"),
    signature: HeaderName::from_static(WEBHOOK_SIGNATURE),
};

static SVIX_NAMES: Names = Names {
    id: HeaderName::from_static("svix-id"),
    timestamp: HeaderName::from_static("svix-timestamp"),
    signature: HeaderName::from_static(SVIX_SIGNATURE),
};

/// One name for the algorithm.
pub(super) struct Standard {
    facts: &'static Facts,
    names: &'static Names,
    /// Other names, tried for each missing header, as Svix's libraries do.
    fallback: Option<&'static Names>,
}

pub(super) struct Names {
    pub(super) id: HeaderName,
    pub(super) timestamp: HeaderName,
    pub(super) signature: HeaderName,
}

/// The option for senders that do not decode their secret, such as Polar.
const KEY: (&str, &str) = (
    "key",
    "how the secret becomes the key: base64 (default) or text",
);

static WEBHOOKS_FACTS: Facts = Facts {
    options: &[KEY],
    header: Some(WEBHOOK_SIGNATURE),
    several_secrets: true,
    repeats_header: true,
    ..Facts::new(
        super::PLATFORM_SCHEME,
        "HMAC-SHA256 over id, timestamp and body; the secret is `whsec_` and base64",
    )
};

pub(super) static WEBHOOKS: Standard = Standard {
    facts: &WEBHOOKS_FACTS,
    names: &WEBHOOK,
    fallback: None,
};

static SVIX_FACTS: Facts = Facts {
    name: "svix",
    summary: "standard-webhooks with svix-* headers; webhook-* is accepted for each missing one",
    header: Some(SVIX_SIGNATURE),
    ..WEBHOOKS_FACTS
};

pub(super) static SVIX: Standard = Standard {
    facts: &SVIX_FACTS,
    names: &SVIX_NAMES,
    fallback: Some(&WEBHOOK),
};

impl Scheme for Standard {
    fn facts(&self) -> &'static Facts {
        self.facts
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        let text = format!("{PREFIX}{}", BASE64.encode(random));
        Some(KeyPair::shared(Secret::new(text)))
    }

    fn new_verifier(&self, secrets: &[Secret], options: &Options) -> NewVerifier {
        Ok(Box::new(StandardVerifier {
            names: self.names,
            fallback: self.fallback,
            keys: self.keys(secrets, options)?,
            form: match options.get(KEY.0) {
                Some("text") => KeyForm::Text,
                _ => KeyForm::Base64,
            },
            secrets: secrets.to_vec(),
        }))
    }

    fn new_signer(&self, secret: &Secret, more: &[Secret], options: &Options) -> NewSigner {
        let secrets = [std::slice::from_ref(secret), more].concat();
        Ok(Box::new(StandardSigner {
            names: self.names,
            keys: self.keys(&secrets, options)?,
        }))
    }
}

impl Standard {
    fn key(&self, secret: &Secret) -> Result<Key, SignatureError> {
        let text = secret.reveal();
        // Some dashboards show the version of the signature before the secret: `v1,whsec_…`.
        let bare = text.strip_prefix("v1,").unwrap_or(text);
        let bare = bare.strip_prefix(PREFIX).unwrap_or(bare);
        match SECRET_BASE64.decode(bare) {
            Ok(bytes) if !bytes.is_empty() => Ok(mac::key(&bytes)),
            _ => Err(SignatureError::BadSecret {
                scheme: self.facts.name,
                expected: expected(text),
            }),
        }
    }

    /// The key of a sender that does not decode its secret.
    fn text_key(&self, secret: &Secret) -> Result<Key, SignatureError> {
        let text = super::text_of(self.facts.name, secret)?;
        Ok(mac::key(text.as_bytes()))
    }

    fn keys(&self, secrets: &[Secret], options: &Options) -> Result<Vec<Key>, SignatureError> {
        let is_text = match options.get(KEY.0) {
            None | Some("base64") => false,
            Some("text") => true,
            Some(_) => {
                return Err(SignatureError::BadOption {
                    scheme: self.facts.name,
                    option: KEY.0,
                    expected: "base64 or text",
                });
            }
        };
        super::keys(self.facts.name, secrets, |secret| match is_text {
            true => self.text_key(secret),
            false => self.key(secret),
        })
    }
}

/// What a secret should be that is not base64.
fn expected(text: &str) -> &'static str {
    let trimmed = text.trim();
    if trimmed.starts_with(['"', '\'', '`']) {
        "base64 without quotes around it"
    } else if trimmed != text {
        "base64 without white space around it"
    } else if text.starts_with("whpk_") || text.starts_with("whsk_") {
        "a shared secret; a key that begins with `whpk_` or `whsk_` is for standard-webhooks-v1a"
    } else if text.starts_with("v1a,") {
        "a shared secret; keys after `v1a,` are for standard-webhooks-v1a"
    } else {
        "base64, with or without `whsec_` before it; if the sender uses the text itself as its key, add the option key=text"
    }
}

struct StandardVerifier {
    names: &'static Names,
    fallback: Option<&'static Names>,
    keys: Vec<Key>,
    form: KeyForm,
    secrets: Vec<Secret>,
}

/// What the three headers claim.
pub(super) struct Claim<'a> {
    pub(super) id: &'a [u8],
    pub(super) timestamp: &'a [u8],
    pub(super) seconds: i64,
    /// The name of the header that holds the signatures.
    pub(super) signature: &'static HeaderName,
}

impl Names {
    /// Reads the three headers. Each missing one may have its name from `fallback`.
    pub(super) fn claim<'a>(
        &'static self,
        fallback: Option<&'static Self>,
        headers: &'a HeaderMap,
    ) -> Result<Claim<'a>, Box<Judgement>> {
        let named = |own: &'static HeaderName, other: fn(&'static Self) -> &'static HeaderName| {
            match fallback {
                Some(fallback) if !headers.contains_key(own) => other(fallback),
                _ => own,
            }
        };
        let signature = named(&self.signature, |names| &names.signature);
        if headers.get_all(signature).iter().all(header::is_blank) {
            return Err(diagnose::missing_header(&self.signature, headers));
        }
        let id = header::single(headers, named(&self.id, |names| &names.id))?;
        let timestamp = named(&self.timestamp, |names| &names.timestamp);
        let timestamp = header::single(headers, timestamp)?;
        let seconds = clock::parse(timestamp)
            .ok_or_else(|| diagnose::timestamp(timestamp, Clock::Seconds))?;
        Ok(Claim {
            id,
            timestamp,
            seconds,
            signature,
        })
    }

    /// The three headers of a signed message.
    pub(super) fn signed(&self, id: &str, timestamp: String, signature: Vec<u8>) -> Signed {
        vec![
            (self.id.clone(), header::value(id)),
            (self.timestamp.clone(), header::value(timestamp)),
            (self.signature.clone(), header::value(signature)),
        ]
        .into()
    }
}

impl Verifier for StandardVerifier {
    fn judge(&self, received: &Received<'_>, timing: Timing) -> Judged {
        let claim = self.names.claim(self.fallback, received.headers)?;
        let timing = timing.or(TOLERANCE);
        let parts = [claim.id, b".", claim.timestamp, b".", received.body];
        let matched = self.keys.iter().position(|key| {
            let expected = mac::mac(key, &parts);
            entries(received.headers, claim.signature, VERSION)
                .filter_map(|text| Encoding::Base64.decode(text, Algorithm::Sha256))
                .any(|given| mac::is_equal(&expected, &given))
        });
        match matched {
            Some(matched) => clock::judge(claim.seconds, timing, Window::Both, matched),
            None => Err(self.mismatch(&claim, received, timing)),
        }
    }
}

impl StandardVerifier {
    #[cold]
    fn mismatch(
        &self,
        claim: &Claim<'_>,
        received: &Received<'_>,
        timing: Timing,
    ) -> Box<Judgement> {
        let texts: Vec<&[u8]> = entries(received.headers, claim.signature, VERSION).collect();
        let macs: Vec<mac::Mac> = texts
            .iter()
            .filter_map(|text| Encoding::Base64.decode(text, Algorithm::Sha256))
            .collect();
        let case = Case {
            secrets: &self.secrets,
            keys: &self.keys,
            algorithm: Algorithm::Sha256,
            encoding: Encoding::Base64,
            form: self.form,
            prefix: &[claim.id, b".", claim.timestamp, b"."].concat(),
            suffix: b"",
            timestamp: Some(claim.timestamp),
            body: Some(received.body),
            macs: &macs,
            texts: &texts,
        };
        case.judge(timing)
    }
}

/// The entries of one version in all lines of the header: a list may be spread over several lines.
pub(super) fn entries<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    version: &'static [u8],
) -> impl Iterator<Item = &'a [u8]> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b' '))
        .filter_map(move |entry| entry.strip_prefix(version))
}

struct StandardSigner {
    names: &'static Names,
    keys: Vec<Key>,
}

impl Signer for StandardSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        let id = header::visible(message.id);
        let timestamp = message.timestamp.secs().to_string();
        let parts = [
            id.as_bytes(),
            b".",
            timestamp.as_bytes(),
            b".",
            message.body.as_ref(),
        ];
        let mut signature = Vec::with_capacity(48);
        for key in &self.keys {
            if !signature.is_empty() {
                signature.push(b' ');
            }
            signature.extend_from_slice(VERSION);
            mac::push_base64(mac::mac(key, &parts).as_ref(), &mut signature);
        }
        Ok(self.names.signed(&id, timestamp, signature))
    }
}
