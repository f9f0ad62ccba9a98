//! X (Twitter): `x-twitter-webhooks-signature: sha256=<base64>`, HMAC-SHA256 over the body with the consumer secret.
//!
//! <https://docs.x.com/x-api/webhooks/quickstart>

use std::borrow::Cow;

use http::HeaderName;
use serde_json::json;

use super::mac::{self, Algorithm, Writing};
use super::recipe::{Carries, Configured, Part, Recipe, Row, alone};
use super::{Handshake, Judgement, Received, query};

/// Characters of a token at least. Shorter ones (`true`) could be bodies.
const SHORTEST: usize = 16;
static SIGNATURE: [HeaderName; 1] = [HeaderName::from_static("x-twitter-webhooks-signature")];

static RECIPE: Recipe = Recipe {
    name: "twitter",
    summary: "x-twitter-webhooks-signature: HMAC-SHA256 over the body in base64, with the consumer secret",
    signature: Cow::Borrowed(&SIGNATURE),
    carries: Carries::After(Cow::Borrowed("sha256=")),
    algorithm: Algorithm::Sha256,
    writing: Writing::Base64,
    id: None,
    stamp: None,
    message: Cow::Borrowed(&[Part::Body]),
    sample: ("", 25),
    along: alone,
    handshake: Some(crc),
    options: &[],
};

pub(super) static SCHEME: Row = Row(&RECIPE);

/// The challenge-response check, at registration and every hour: `GET ?crc_token=…` wants the token's MAC.
fn crc(configured: &Configured, received: &Received<'_>, _: &Judgement) -> Option<Handshake> {
    if received.method != "GET" {
        return None;
    }
    const NAME: &str = "crc_token";
    let token = query::value(received.url, NAME)?;
    // X signs events with the same key and no prefix: what may be a body must not be signed here.
    if token.len() < SHORTEST || !query::is_challenge(&token, b"_+/=") {
        let hint = "not_a_challenge: crc_token is none of X's; to answer any text would be to sign events for strangers";
        return Some(Handshake::refused(NAME, 403, hint));
    }
    let tag = mac::mac(configured.keys.first()?, &[token.as_bytes()]);
    let mut response = b"sha256=".to_vec();
    mac::push_base64(tag.as_ref(), &mut response);
    let body = json!({ "response_token": String::from_utf8_lossy(&response) });
    Some(Handshake::answer(
        NAME,
        "application/json",
        body.to_string().into_bytes(),
    ))
}
