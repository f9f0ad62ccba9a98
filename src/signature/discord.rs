//! Discord: `X-Signature-Ed25519: <hex>`, Ed25519 over `X-Signature-Timestamp` and the body.
//!
//! Discord tries an endpoint with bad signatures and takes it only if these are answered with 401. There is no window: its own
//! library checks no time.
//! <https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint>

use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, ParsedPublicKey};
use http::HeaderName;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::asymmetric::{self, ED25519_LENGTH};
use super::mac::{self, Mac};
use super::{
    Handshake, Judgement, KeyPair, Options, Outgoing, Received, Scheme, SignatureError, Signed,
    Signer, Verifier, header,
};
use crate::secret::Secret;
use crate::time::Timestamp;

const NAME: &str = "discord";
static SIGNATURE: HeaderName = HeaderName::from_static("x-signature-ed25519");
static TIMESTAMP: HeaderName = HeaderName::from_static("x-signature-timestamp");

pub(super) struct Discord;

impl Scheme for Discord {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "X-Signature-Ed25519 over timestamp and body; the key is the application's public key in hex"
    }

    fn header(&self) -> Option<&'static str> {
        Some(SIGNATURE.as_str())
    }

    fn checks_clock(&self) -> bool {
        false
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        let public = asymmetric::ed25519_half(random)?;
        Some(KeyPair {
            signs: hex_secret(random),
            verifies: hex_secret(&public),
        })
    }

    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        options.check(self)?;
        let keys = super::keys(NAME, secrets, |secret| {
            let bytes = from_hex(secret.reveal().as_bytes(), 32);
            let key = bytes.and_then(|bytes| asymmetric::ed25519_public(bytes.as_slice()));
            key.ok_or(SignatureError::BadSecret {
                scheme: NAME,
                expected: "a public key of 64 hexadecimal digits",
            })
        })?;
        Ok(Box::new(DiscordVerifier { keys }))
    }

    fn signer(
        &self,
        secret: &Secret,
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        options.check(self)?;
        let text = secret.reveal().as_bytes();
        let bytes = from_hex(text, 32).or_else(|| from_hex(text, 64));
        match bytes.and_then(|bytes| asymmetric::ed25519_private(bytes.as_slice())) {
            Some(key) => Ok(Box::new(DiscordSigner { key })),
            None => Err(SignatureError::BadSecret {
                scheme: NAME,
                expected: "a private key of 64 or 128 hexadecimal digits",
            }),
        }
    }
}

fn hex_secret(bytes: &[u8]) -> Secret {
    let mut text = Vec::new();
    mac::push_hex(bytes, &mut text);
    Secret::new(String::from_utf8_lossy(&text))
}

/// Discord's own libraries read digits of either case.
fn from_hex(text: &[u8], length: usize) -> Option<Mac> {
    let mut lower = [0; 2 * ED25519_LENGTH];
    let lower = lower.get_mut(..text.len())?;
    lower.copy_from_slice(text);
    lower.make_ascii_lowercase();
    mac::from_hex(lower, length)
}

struct DiscordVerifier {
    keys: Vec<ParsedPublicKey>,
}

impl Verifier for DiscordVerifier {
    fn verify(
        &self,
        received: &Received<'_>,
        _now: Timestamp,
        _tolerance: Option<Duration>,
    ) -> Judgement {
        let stamped = asymmetric::stamped(received.headers, &SIGNATURE, &TIMESTAMP);
        let (signature, timestamp) = match stamped {
            Ok(stamped) => stamped,
            Err(judgement) => return *judgement,
        };
        let Some(given) = from_hex(signature, ED25519_LENGTH) else {
            return asymmetric::malformed("128 hexadecimal digits");
        };
        let matching = |body: &[u8]| {
            let message = [timestamp, body].concat();
            let fits = |key: &ParsedPublicKey| key.verify_sig(&message, given.as_slice()).is_ok();
            self.keys.iter().position(fits)
        };
        match matching(received.body) {
            Some(matched) => Judgement::valid(matched),
            None => asymmetric::mismatch(received.body, |body| matching(body).is_some()),
        }
    }

    fn handshake(&self, received: &Received<'_>, judgement: &Judgement) -> Option<Handshake> {
        let ping = Ping::read(received)?;
        if !judgement.is_valid() {
            let hint = "bad_signature: a ping whose signature is wrong is answered with 401; Discord sends such ones on purpose";
            return Some(Handshake::refused("PING", 401, hint));
        }
        Some(match ping {
            Ping::Interaction => {
                Handshake::answer("PING", "application/json", br#"{"type":1}"#.to_vec())
            }
            Ping::Webhook => Handshake {
                status: 204,
                ..Handshake::answer("PING", "", Vec::new())
            },
        })
    }
}

/// The two requests by which Discord tries an endpoint.
enum Ping {
    Interaction,
    Webhook,
}

impl Ping {
    fn read(received: &Received<'_>) -> Option<Self> {
        #[derive(Deserialize)]
        struct Body {
            r#type: u64,
            event: Option<IgnoredAny>,
        }
        if received.method != "POST" {
            return None;
        }
        let body: Body = serde_json::from_slice(received.body).ok()?;
        match (body.r#type, body.event) {
            (0, None) => Some(Self::Webhook),
            // The other webhooks are of type 1 too, but hold an event.
            (1, None) => Some(Self::Interaction),
            _ => None,
        }
    }
}

struct DiscordSigner {
    key: Ed25519KeyPair,
}

impl Signer for DiscordSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        let timestamp = message.timestamp.secs().to_string();
        let text = [timestamp.as_bytes(), message.body].concat();
        let mut signature = Vec::with_capacity(2 * ED25519_LENGTH);
        mac::push_hex(self.key.sign(&text).as_ref(), &mut signature);
        Ok(vec![
            (SIGNATURE.clone(), header::value(signature)),
            (TIMESTAMP.clone(), header::value(timestamp.into_bytes())),
        ]
        .into())
    }
}
