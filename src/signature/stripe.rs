//! Stripe: `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=…]`, HMAC-SHA256 over `t.body`.
//!
//! The key is the whole text of the secret with its `whsec_`, where Standard Webhooks decodes what follows it.
//! <https://docs.stripe.com/webhooks/signature>

use std::time::Duration;

use aws_lc_rs::hmac::Key;
use http::{HeaderName, HeaderValue};

use super::diagnose::{self, Case, KeyForm};
use super::{
    Judgement, Options, Outgoing, Reason, Received, Scheme, SignatureError, Signer, Verifier,
    clock, header, mac,
};
use crate::secret::Secret;
use crate::time::Timestamp;

const NAME: &str = "stripe";
static HEADER: HeaderName = HeaderName::from_static("stripe-signature");

pub(super) struct Stripe;

impl Scheme for Stripe {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "Stripe-Signature: HMAC-SHA256 over timestamp and body; the whole `whsec_…` text is the key"
    }

    fn sample_secret(&self, random: &[u8; 32]) -> Secret {
        let mut text = b"whsec_".to_vec();
        mac::push_hex(random, &mut text);
        Secret::new(String::from_utf8_lossy(&text))
    }

    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        options.check(self)?;
        Ok(Box::new(StripeVerifier {
            keys: super::keys(NAME, secrets, |secret| super::text_key(NAME, secret))?,
            secrets: secrets.to_vec(),
        }))
    }

    fn signer(
        &self,
        secret: &Secret,
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        options.check(self)?;
        Ok(Box::new(StripeSigner {
            key: super::text_key(NAME, secret)?,
        }))
    }
}

struct StripeVerifier {
    keys: Vec<Key>,
    secrets: Vec<Secret>,
}

impl Verifier for StripeVerifier {
    fn verify(&self, received: &Received<'_>, now: Timestamp, tolerance: Duration) -> Judgement {
        let line = match header::single(received.headers, &HEADER) {
            Ok(line) => line,
            Err(reason) => return diagnose::header(reason, &HEADER, received.headers),
        };
        let timestamp = match timestamp(line) {
            Ok(timestamp) => timestamp,
            Err(reason) => return Judgement::refused(reason),
        };
        let Some(seconds) = clock::parse(timestamp) else {
            return Judgement::refused(Reason::MalformedTimestamp);
        };
        let parts = [timestamp, b".", received.body];
        let matched = self.keys.iter().position(|key| {
            let expected = mac::mac(key, &parts);
            v1(line)
                .filter_map(mac::from_hex)
                .any(|given| mac::is_equal(&expected, &given))
        });
        match matched {
            // Stripe's own libraries check the age alone, so that a receiver whose clock is behind loses nothing.
            Some(matched) => clock::judge(seconds, now, tolerance, clock::Window::Past, matched),
            None => self.mismatch(line, timestamp, received, now, tolerance),
        }
    }
}

impl StripeVerifier {
    #[cold]
    fn mismatch(
        &self,
        line: &[u8],
        timestamp: &[u8],
        received: &Received<'_>,
        now: Timestamp,
        tolerance: Duration,
    ) -> Judgement {
        let texts: Vec<&[u8]> = v1(line).collect();
        let given: Vec<mac::Mac> = texts.iter().copied().filter_map(mac::from_hex).collect();
        let case = Case {
            secrets: &self.secrets,
            keys: &self.keys,
            form: KeyForm::Text,
            prefix: &[timestamp, b"."].concat(),
            timestamp: Some(timestamp),
            body: received.body,
            given: &given,
            texts: &texts,
        };
        case.judge(now, tolerance)
    }
}

/// The `t` element: one, or the same one twice.
fn timestamp(line: &[u8]) -> Result<&[u8], Reason> {
    let mut values = elements(line, b"t=");
    let first = values.next().ok_or(Reason::MalformedHeader)?;
    if values.any(|other| other != first) {
        return Err(Reason::MalformedHeader);
    }
    Ok(first)
}

/// The signatures that count; `v0` is a fake one that Stripe adds in its test mode.
fn v1(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    elements(line, b"v1=")
}

fn elements<'a>(line: &'a [u8], key: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    line.split(|byte| *byte == b',')
        .filter_map(move |element| element.strip_prefix(key))
}

struct StripeSigner {
    key: Key,
}

impl Signer for StripeSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Vec<(HeaderName, HeaderValue)> {
        let timestamp = message.timestamp.secs().to_string();
        let tag = mac::mac(
            &self.key,
            &[timestamp.as_bytes(), b".", message.body.as_ref()],
        );
        let mut line = Vec::with_capacity(96);
        line.extend_from_slice(b"t=");
        line.extend_from_slice(timestamp.as_bytes());
        line.extend_from_slice(b",v1=");
        mac::push_hex(tag.as_ref(), &mut line);
        vec![(HEADER.clone(), header::value(line))]
    }
}
