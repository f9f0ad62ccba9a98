//! LinkedIn: `X-LI-Signature: <hex>`, HMAC-SHA256 over `hmacsha256=` and the body with the client secret.
//!
//! The documentation has the prefix in the message. It is read in other ways too: some put it before the header's value as
//! well, which is taken; some leave it out of the message, which is not.
//! <https://learn.microsoft.com/en-us/linkedin/shared/api-guide/webhook-validation>

use std::borrow::Cow;

use http::HeaderName;
use serde_json::json;

use super::mac::{self, Algorithm, Writing};
use super::recipe::{Carries, Configured, Part, Recipe, Row, alone};
use super::{Handshake, Judgement, Received, query};

const PREFIX: &str = "hmacsha256=";
static SIGNATURE: [HeaderName; 1] = [HeaderName::from_static("x-li-signature")];

static RECIPE: Recipe = Recipe {
    name: "linkedin",
    summary: "X-LI-Signature: HMAC-SHA256 over `hmacsha256=` and the body, with the client secret",
    signature: Cow::Borrowed(&SIGNATURE),
    carries: Carries::Perhaps(PREFIX),
    algorithm: Algorithm::Sha256,
    writing: Writing::Hex,
    id: None,
    stamp: None,
    message: Cow::Borrowed(&[Part::Text(Cow::Borrowed(PREFIX)), Part::Body]),
    sample: ("", 16),
    along: alone,
    handshake: Some(challenge),
    options: &[],
};

pub(super) static SCHEME: Row = Row(&RECIPE);

/// `GET ?challengeCode=…`: the code goes back with its MAC.
fn challenge(configured: &Configured, received: &Received<'_>, _: &Judgement) -> Option<Handshake> {
    if received.method != "GET" {
        return None;
    }
    const NAME: &str = "challengeCode";
    let code = query::value(received.url, NAME)?;
    if !query::is_challenge(&code, b"") {
        let hint = "not_a_challenge: challengeCode is no UUID; to answer any text would be to sign events for strangers";
        return Some(Handshake::refused(NAME, 403, hint));
    }
    let tag = mac::mac(configured.keys.first()?, &[code.as_bytes()]);
    let mut response = Vec::new();
    mac::push_hex(tag.as_ref(), &mut response);
    let body = json!({
        "challengeCode": code,
        "challengeResponse": String::from_utf8_lossy(&response),
    });
    Some(Handshake::answer(
        NAME,
        "application/json",
        body.to_string().into_bytes(),
    ))
}
