//! Discord: `X-Signature-Ed25519: <hex>`, Ed25519 over `X-Signature-Timestamp` and the body.
//!
//! Discord sends requests with invalid signatures on purpose, and accepts an endpoint only if it answers them with 401. There is
//! no tolerance: Discord's own library does not check the time.
//! <https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint>

use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, ParsedPublicKey};
use http::HeaderName;
use serde_json::{Value, json};

use super::asymmetric::{self, ED25519_LENGTH};
use super::mac::{self, Mac};
use super::{
    Challenge, Facts, Handshake, Judged, Judgement, KeyPair, NewSigner, NewVerifier, Options,
    Outgoing, Probe, ProbeRequest, Received, Reply, Scheme, SignatureError, Signed, Signer, Timing,
    Verifier, header,
};
use crate::secret::Secret;

const NAME: &str = "discord";
const HEADER: &str = "x-signature-ed25519";
static SIGNATURE: HeaderName = HeaderName::from_static(HEADER);
/// The types of the two requests by which Discord checks an endpoint.
const INTERACTION_PING: u64 = 1;
const WEBHOOK_PING: u64 = 0;
static TIMESTAMP: HeaderName = HeaderName::from_static("x-signature-timestamp");

static FACTS: Facts = Facts {
    header: Some(HEADER),
    checks_clock: false,
    answer_within: Duration::from_secs(3),
    keys: Some("verify with the public key and sign with the private seed, both in hexadecimal"),
    handshake: Some(
        "A signed PING: {\"type\":1}, or 204 for the ping of webhook events. A wrong signature: 401.",
    ),
    probes: &[
        Probe {
            name: "discord: PING",
            proves: "Discord accepts the URL of the endpoint",
            fix: "answer {\"type\": 1} to the PING of an interaction, and 204 to that of webhook events",
            request: |challenge| {
                Ok(ProbeRequest::Post {
                    headers: Vec::new(),
                    body: ping(challenge),
                })
            },
            // <https://docs.discord.com/developers/interactions/overview>
            expect: Reply::Checked(
                |challenge, status, body| match is_webhook_event(challenge) {
                    true => status == 204,
                    false => {
                        let reply: Value = serde_json::from_slice(body).unwrap_or_default();
                        reply["type"] == 1
                    }
                },
            ),
        },
        Probe {
            name: "discord: a forged PING",
            proves: "Discord keeps the URL: it sends such a request from time to time",
            fix: "answer 401 to an invalid signature, also of a PING",
            request: |challenge| {
                Ok(ProbeRequest::Forged {
                    body: ping(challenge),
                })
            },
            expect: Reply::Status(401),
        },
    ],
    ..Facts::new(
        NAME,
        "X-Signature-Ed25519 over timestamp and body; the key is the application's public key in hex",
    )
};

/// Interactions and webhook events have separate endpoints with different pings.
fn is_webhook_event(challenge: &Challenge<'_>) -> bool {
    let body = serde_json::from_slice::<Value>(challenge.event);
    body.is_ok_and(|body| body.get("event").is_some())
}

fn ping(challenge: &Challenge<'_>) -> Vec<u8> {
    let body = match is_webhook_event(challenge) {
        true => json!({"version": 1, "application_id": "1", "type": WEBHOOK_PING}),
        false => json!({"application_id": "1", "id": "1", "type": INTERACTION_PING, "version": 1}),
    };
    body.to_string().into()
}

pub(super) struct Discord;

impl Scheme for Discord {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        let public = asymmetric::ed25519_half(random)?;
        Some(KeyPair {
            signs: Secret::new(mac::hex(random)),
            verifies: Secret::new(mac::hex(&public)),
        })
    }

    fn new_verifier(&self, secrets: &[Secret], _options: &Options) -> NewVerifier {
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

    fn new_signer(&self, secret: &Secret, _more: &[Secret], _options: &Options) -> NewSigner {
        let text = secret.reveal().as_bytes();
        let bytes = from_hex(text, 32).or_else(|| from_hex(text, 64));
        let key = bytes.and_then(|bytes| asymmetric::ed25519_private(bytes.as_slice()));
        let key = key.ok_or(SignatureError::BadSecret {
            scheme: NAME,
            expected: "a private key of 64 or 128 hexadecimal digits",
        })?;
        Ok(Box::new(DiscordSigner { key }))
    }
}

/// Upper-case digits are accepted, as in Discord's own libraries.
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
    fn judge(&self, received: &Received<'_>, _timing: Timing) -> Judged {
        let (signature, timestamp) = asymmetric::stamped(received.headers, &SIGNATURE, &TIMESTAMP)?;
        let given = from_hex(signature, ED25519_LENGTH)
            .ok_or_else(|| asymmetric::malformed("128 hexadecimal digits"))?;
        let matching = |body: &[u8]| {
            let message = [timestamp, body].concat();
            let mut keys = self.keys.iter();
            keys.position(|key| key.verify_sig(&message, given.as_slice()).is_ok())
        };
        asymmetric::judge(received.body, matching)
    }

    fn handshake(&self, received: &Received<'_>, judgement: &Judgement) -> Option<Handshake> {
        if received.method != "POST" {
            return None;
        }
        let body: Value = serde_json::from_slice(received.body).ok()?;
        // Webhook events have type 1 too, but with an event.
        let has_event = body.get("event").is_some_and(|event| !event.is_null());
        let kind = body["type"].as_u64().filter(|_| !has_event);
        let answer = match kind? {
            INTERACTION_PING => Handshake::answer("PING", "application/json", r#"{"type":1}"#),
            WEBHOOK_PING => Handshake {
                status: 204,
                ..Handshake::answer("PING", "", "")
            },
            _ => return None,
        };
        if judgement.is_valid() {
            return Some(answer);
        }
        let hint = "bad_signature: the signature of this PING is invalid; Discord sends such requests on purpose and expects 401";
        Some(Handshake::refused("PING", 401, hint))
    }
}

struct DiscordSigner {
    key: Ed25519KeyPair,
}

impl Signer for DiscordSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        let timestamp = message.timestamp.secs().to_string();
        let text = [timestamp.as_bytes(), message.body].concat();
        let signature = mac::hex(self.key.sign(&text).as_ref());
        Ok(vec![
            (SIGNATURE.clone(), header::value(signature)),
            (TIMESTAMP.clone(), header::value(timestamp)),
        ]
        .into())
    }
}
