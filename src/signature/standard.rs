//! Standard Webhooks and Svix: one algorithm under two sets of header names.
//!
//! HMAC-SHA256 over `id.timestamp.body`, base64, in a list of `version,signature` entries.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use std::time::Duration;

use aws_lc_rs::hmac::Key;
use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD as BASE64};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::clock::{self, Clock};
use super::diagnose::{self, Case, KeyForm};
use super::mac::{self, Algorithm, Writing};
use super::{
    Judgement, KeyPair, Options, Outgoing, Reason, Received, Scheme, SignatureError, Signed,
    Signer, Verifier, header,
};
use crate::secret::Secret;
use crate::time::Timestamp;

/// Decodes secrets: people lose the padding when they copy one.
pub(super) const SECRET_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const PREFIX: &str = "whsec_";
/// How far the timestamp may lie on either side of now, unless told otherwise.
pub(super) const TOLERANCE: Duration = Duration::from_secs(300);

pub(super) static WEBHOOK: Names = Names {
    id: HeaderName::from_static("webhook-id"),
    timestamp: HeaderName::from_static("webhook-timestamp"),
    signature: HeaderName::from_static("webhook-signature"),
};
static SVIX: Names = Names {
    id: HeaderName::from_static("svix-id"),
    timestamp: HeaderName::from_static("svix-timestamp"),
    signature: HeaderName::from_static("svix-signature"),
};

/// A row of the table: one name for the algorithm.
pub(super) struct Standard {
    name: &'static str,
    summary: &'static str,
    names: &'static Names,
    /// Other names, tried header by header, as Svix's own libraries do.
    fallback: Option<&'static Names>,
}

pub(super) struct Names {
    pub(super) id: HeaderName,
    pub(super) timestamp: HeaderName,
    pub(super) signature: HeaderName,
}

impl Standard {
    pub(super) const WEBHOOKS: Self = Self {
        name: "standard-webhooks",
        summary: "HMAC-SHA256 over id, timestamp and body; the secret is `whsec_` and base64",
        names: &WEBHOOK,
        fallback: None,
    };
    pub(super) const SVIX: Self = Self {
        name: "svix",
        summary: "as standard-webhooks under svix-* headers; webhook-* counts where one is missing",
        names: &SVIX,
        fallback: Some(&WEBHOOK),
    };
}

impl Scheme for Standard {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn header(&self) -> Option<&'static str> {
        Some(self.names.signature.as_str())
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        let text = format!("{PREFIX}{}", BASE64.encode(random));
        Some(KeyPair::shared(Secret::new(text)))
    }

    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        options.check(self)?;
        let keys = super::keys(self.name, secrets, |secret| self.key(secret))?;
        Ok(Box::new(StandardVerifier {
            names: self.names,
            fallback: self.fallback,
            keys,
            secrets: secrets.to_vec(),
        }))
    }

    fn signer(
        &self,
        secret: &Secret,
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        self.rotating_signer(std::slice::from_ref(secret), options)
    }

    fn rotating_signer(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        options.check(self)?;
        Ok(Box::new(StandardSigner {
            names: self.names,
            keys: super::keys(self.name, secrets, |secret| self.key(secret))?,
        }))
    }
}

impl Standard {
    fn key(&self, secret: &Secret) -> Result<Key, SignatureError> {
        let text = secret.reveal();
        let expected = if text.trim() == text {
            "base64, with or without `whsec_` before it"
        } else {
            "base64: there is white space around it"
        };
        match key_bytes(text) {
            Some(bytes) if !bytes.is_empty() => Ok(mac::key(&bytes)),
            _ => Err(SignatureError::BadSecret {
                scheme: self.name,
                expected,
            }),
        }
    }
}

fn key_bytes(secret: &str) -> Option<Vec<u8>> {
    SECRET_BASE64
        .decode(secret.strip_prefix(PREFIX).unwrap_or(secret))
        .ok()
}

struct StandardVerifier {
    names: &'static Names,
    fallback: Option<&'static Names>,
    keys: Vec<Key>,
    secrets: Vec<Secret>,
}

/// What the three headers say.
pub(super) struct Claim<'a> {
    pub(super) id: &'a [u8],
    pub(super) timestamp: &'a [u8],
    /// The name under which the signatures came.
    pub(super) signature: &'static HeaderName,
}

impl Names {
    /// Reads the three headers; `fallback` stands in for each that is missing.
    pub(super) fn claim<'a>(
        &'static self,
        fallback: Option<&'static Self>,
        headers: &'a HeaderMap,
    ) -> Result<Claim<'a>, (Reason, &'static HeaderName)> {
        let named = |own: &'static HeaderName, other: fn(&'static Self) -> &'static HeaderName| {
            match fallback {
                Some(fallback) if !headers.contains_key(own) => other(fallback),
                _ => own,
            }
        };
        let single = |name| header::single(headers, name).map_err(|reason| (reason, name));
        let signature = named(&self.signature, |names| &names.signature);
        if !headers.contains_key(signature) {
            return Err((Reason::MissingHeader, &self.signature));
        }
        Ok(Claim {
            id: single(named(&self.id, |names| &names.id))?,
            timestamp: single(named(&self.timestamp, |names| &names.timestamp))?,
            signature,
        })
    }

    /// The three headers of a message that was signed.
    pub(super) fn headers(
        &self,
        id: &str,
        timestamp: String,
        signature: Vec<u8>,
    ) -> Vec<(HeaderName, HeaderValue)> {
        vec![
            (self.id.clone(), header::value(id.as_bytes().to_vec())),
            (
                self.timestamp.clone(),
                header::value(timestamp.into_bytes()),
            ),
            (self.signature.clone(), header::value(signature)),
        ]
    }
}

impl Verifier for StandardVerifier {
    fn verify(
        &self,
        received: &Received<'_>,
        now: Timestamp,
        tolerance: Option<Duration>,
    ) -> Judgement {
        let claim = match self.names.claim(self.fallback, received.headers) {
            Ok(claim) => claim,
            Err((reason, name)) => return diagnose::header(reason, name, received.headers),
        };
        let Some(seconds) = clock::parse(claim.timestamp) else {
            return diagnose::timestamp(claim.timestamp, Clock::Seconds);
        };
        let Some(matched) = self.matching(&claim, received) else {
            return self.mismatch(&claim, received, now, tolerance);
        };
        let tolerance = tolerance.unwrap_or(TOLERANCE);
        clock::judge(seconds, now, tolerance, clock::Window::Both, matched)
    }
}

impl StandardVerifier {
    fn matching(&self, claim: &Claim<'_>, received: &Received<'_>) -> Option<usize> {
        let parts = [claim.id, b".", claim.timestamp, b".", received.body];
        self.keys.iter().position(|key| {
            let expected = mac::mac(key, &parts);
            entries(received.headers, claim.signature, b"v1,")
                .filter_map(|text| Writing::Base64.decode(text, Algorithm::Sha256))
                .any(|given| mac::is_equal(&expected, &given))
        })
    }

    #[cold]
    fn mismatch(
        &self,
        claim: &Claim<'_>,
        received: &Received<'_>,
        now: Timestamp,
        tolerance: Option<Duration>,
    ) -> Judgement {
        let texts: Vec<&[u8]> = entries(received.headers, claim.signature, b"v1,").collect();
        let given: Vec<mac::Mac> = texts
            .iter()
            .copied()
            .filter_map(|text| Writing::Base64.decode(text, Algorithm::Sha256))
            .collect();
        let prefix = [claim.id, b".", claim.timestamp, b"."].concat();
        let case = Case {
            secrets: &self.secrets,
            keys: &self.keys,
            algorithm: Algorithm::Sha256,
            writing: Writing::Base64,
            form: KeyForm::Base64,
            prefix: &prefix,
            suffix: b"",
            timestamp: Some(claim.timestamp),
            body: Some(received.body),
            given: &given,
            texts: &texts,
        };
        case.judge(now, tolerance.unwrap_or(TOLERANCE))
    }
}

/// The entries of one version in all lines of the header: a list may be spread over several.
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
            signature.extend_from_slice(b"v1,");
            mac::push_base64(mac::mac(key, &parts).as_ref(), &mut signature);
        }
        let headers = self.names.headers(&id, timestamp, signature);
        Ok(headers.into())
    }
}
