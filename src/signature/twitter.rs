//! X (Twitter): `x-twitter-webhooks-signature: sha256=<base64>`, HMAC-SHA256 over the body with the consumer secret.
//! <https://docs.x.com/x-api/webhooks/introduction>

use std::time::Duration;

use serde_json::{Value, json};

use super::mac::{self, Encoding};
use super::recipe::{Configured, Recipe, Row};
use super::{Facts, Handshake, Judgement, Probe, ProbeRequest, Received, Reply, query};

const HEADER: &str = "x-twitter-webhooks-signature";
/// The fewest characters of a token. A shorter text such as `true` could be the body of an event.
const SHORTEST: usize = 16;

static FACTS: Facts = Facts {
    header: Some(HEADER),
    answer_within: Duration::from_secs(3),
    handshake: Some(
        "GET with crc_token: the listener returns the token's MAC under the consumer secret as JSON.",
    ),
    probes: &[Probe {
        name: "twitter: CRC",
        proves: "X keeps sending events to the endpoint",
        fix: "answer {\"response_token\": \"sha256=…\"}: base64 of HMAC-SHA256 of crc_token under the consumer secret",
        request: |challenge| {
            Ok(ProbeRequest::Get {
                query: format!("crc_token={}&nonce=evt", challenge.text),
            })
        },
        expect: Reply::Checked(|challenge, _, body| {
            let key = mac::key(challenge.secret.reveal().as_bytes());
            let reply: Value = serde_json::from_slice(body).unwrap_or_default();
            reply["response_token"] == response(&key, challenge.text)
        }),
    }],
    ..Facts::new(
        "twitter",
        "x-twitter-webhooks-signature: HMAC-SHA256 over the body in base64; the key is the consumer secret",
    )
};

pub(super) static SCHEME: Row = Row {
    recipe: Recipe::of_body(&FACTS, HEADER, "sha256=", Encoding::Base64),
    sample: ("", 25),
    unsigned_id: None,
    handshake: Some(crc),
};

/// The challenge-response check, at registration and every hour. `GET ?crc_token=…`: the answer is the token's MAC.
fn crc(configured: &Configured, received: &Received<'_>, _: &Judgement) -> Option<Handshake> {
    const NAME: &str = "crc_token";
    if received.method != "GET" {
        return None;
    }
    let token = query::value(received.url, NAME)?;
    // X signs events with the same key and without a prefix, so a text that could be a body must not be signed here.
    if token.len() < SHORTEST || !query::is_challenge(&token, b"_+/=") {
        let hint = "not_a_challenge: crc_token does not look like a token of X; an endpoint that answers any text signs events for strangers";
        return Some(Handshake::refused(NAME, 403, hint));
    }
    let body = json!({ "response_token": response(configured.keys.first()?, &token) });
    Some(Handshake::answer(
        NAME,
        "application/json",
        body.to_string(),
    ))
}

fn response(key: &aws_lc_rs::hmac::Key, token: &str) -> String {
    let tag = mac::mac(key, &[token.as_bytes()]);
    format!("sha256={}", mac::base64(tag.as_ref()))
}
