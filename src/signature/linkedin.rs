//! LinkedIn: `X-LI-Signature: <hex>`, HMAC-SHA256 over `hmacsha256=` and the body with the client secret.
//!
//! The documentation puts the prefix into the signed message. Some implementations also put it before the header's value, which
//! is accepted; others leave it out of the message, which is not.
//! <https://learn.microsoft.com/en-us/linkedin/shared/api-guide/webhook-validation>

use std::borrow::Cow;
use std::time::Duration;

use http::HeaderName;
use serde_json::{Value, json};

use super::mac::{self, Algorithm, Encoding};
use super::recipe::{Configured, Format, KeyRule, Part, Recipe, Row};
use super::{Facts, Handshake, Judgement, Probe, ProbeRequest, Received, Reply, query};

const HEADER: &str = "x-li-signature";
const PREFIX: &str = "hmacsha256=";
const MESSAGE: &[Part] = &[Part::text(PREFIX), Part::Body];

static FACTS: Facts = Facts {
    header: Some(HEADER),
    answer_within: Duration::from_secs(3),
    handshake: Some(
        "GET with challengeCode: the listener returns the code and its MAC under the client secret as JSON.",
    ),
    probes: &[Probe {
        name: "linkedin: challenge",
        proves: "LinkedIn can subscribe to the endpoint",
        fix: "answer challengeCode, and as challengeResponse the hexadecimal HMAC-SHA256 of the code under the client secret",
        request: |challenge| {
            Ok(ProbeRequest::Get {
                query: format!("challengeCode={}", challenge.text),
            })
        },
        expect: Reply::Checked(|challenge, _, body| {
            let key = mac::key(challenge.secret.reveal().as_bytes());
            let reply: Value = serde_json::from_slice(body).unwrap_or_default();
            reply == answer(&key, challenge.text)
        }),
    }],
    ..Facts::new(
        "linkedin",
        "X-LI-Signature: HMAC-SHA256 over `hmacsha256=` and the body; the key is the client secret",
    )
};

pub(super) static SCHEME: Row = Row {
    recipe: Recipe {
        facts: &FACTS,
        signature: HeaderName::from_static(HEADER),
        other_signature: None,
        format: Format::MaybePrefixed(PREFIX),
        key: KeyRule::TEXT,
        algorithm: Algorithm::Sha256,
        encoding: Encoding::Hex,
        id: None,
        stamp: None,
        message: Cow::Borrowed(MESSAGE),
    },
    sample: ("", 16),
    unsigned_id: None,
    handshake: Some(challenge),
};

/// `GET ?challengeCode=…`: the answer is the code with its MAC.
fn challenge(configured: &Configured, received: &Received<'_>, _: &Judgement) -> Option<Handshake> {
    const NAME: &str = "challengeCode";
    if received.method != "GET" {
        return None;
    }
    let code = query::value(received.url, NAME)?;
    if !query::is_challenge(&code, b"") {
        let hint = "not_a_challenge: challengeCode is not a UUID; an endpoint that answers any text signs events for strangers";
        return Some(Handshake::refused(NAME, 403, hint));
    }
    let body = answer(configured.keys.first()?, &code).to_string();
    Some(Handshake::answer(NAME, "application/json", body))
}

fn answer(key: &aws_lc_rs::hmac::Key, code: &str) -> Value {
    let response = mac::hex(mac::mac(key, &[code.as_bytes()]).as_ref());
    json!({ "challengeCode": code, "challengeResponse": response })
}
