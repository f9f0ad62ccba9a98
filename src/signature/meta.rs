//! Meta (Facebook, Instagram, Messenger): `X-Hub-Signature-256: sha256=<hex>`, HMAC-SHA256 over the body with the app secret.
//!
//! Meta escapes slashes and non-ASCII letters in its JSON. An app that parses the body and writes it again gets other bytes, and
//! the signature no longer matches.
//! <https://developers.facebook.com/docs/graph-api/webhooks/getting-started>

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::mac::Encoding;
use super::recipe::{Configured, Recipe, Row};
use super::{Challenge, Facts, Handshake, Judgement, Probe, ProbeRequest, Received, Reply, query};

const HEADER: &str = "x-hub-signature-256";
const TOKEN: &str = "verify-token";

static FACTS: Facts = Facts {
    options: &[(
        TOKEN,
        "the verify token from the app's settings; without it no subscription is confirmed",
    )],
    header: Some(HEADER),
    legacy_header: Some("x-hub-signature"),
    handshake: Some(
        "GET with hub.challenge: the listener returns the challenge if hub.verify_token is the token of meta:verify-token=…, and 403 otherwise.",
    ),
    probes: &[
        Probe {
            name: "meta: verification",
            proves: "Meta can subscribe to the endpoint",
            fix: "answer 200 with the text of hub.challenge and nothing else",
            request: |challenge| match challenge.options.get(TOKEN) {
                Some(token) => Ok(subscription(challenge, token)),
                None => Err("needs the token: --sign meta:verify-token=TOKEN"),
            },
            expect: Reply::ECHO,
        },
        Probe {
            name: "meta: a wrong token",
            proves: "only the owner of the verify token can subscribe the endpoint",
            fix: "compare hub.verify_token with your token, and answer 403 if they differ",
            request: |challenge| {
                let token = format!("wrong-{}", challenge.text);
                Ok(subscription(challenge, &token))
            },
            expect: Reply::Refused,
        },
    ],
    ..Facts::new(
        "meta",
        "X-Hub-Signature-256: HMAC-SHA256 over the body; the key is the app secret",
    )
};

pub(super) static SCHEME: Row = Row {
    recipe: Recipe::of_body(&FACTS, HEADER, "sha256=", Encoding::Hex),
    sample: ("", 16),
    unsigned_id: None,
    handshake: Some(subscribe),
};

/// `GET ?hub.mode=subscribe&hub.challenge=…&hub.verify_token=…`: the answer is the challenge if the token is the configured one.
fn subscribe(configured: &Configured, received: &Received<'_>, _: &Judgement) -> Option<Handshake> {
    const NAME: &str = "hub.challenge";
    if received.method != "GET" {
        return None;
    }
    let mode = query::value(received.url, "hub.mode")?;
    let challenge = query::value(received.url, "hub.challenge")?;
    let given = query::value(received.url, "hub.verify_token").unwrap_or_default();
    let Some(token) = configured.options.get(TOKEN) else {
        let hint = "no_verify_token: no verify token is configured; give it as meta:verify-token=…";
        return Some(Handshake::refused(NAME, 403, hint));
    };
    if mode != "subscribe" {
        let hint = "unknown_mode: hub.mode is not `subscribe`";
        return Some(Handshake::refused(NAME, 403, hint));
    }
    if verify_slices_are_equal(token.as_bytes(), given.as_bytes()).is_err() {
        let hint = "verify_token_mismatch: hub.verify_token is not the configured token; set the same token in the app's settings and in meta:verify-token=…";
        return Some(Handshake::refused(NAME, 403, hint));
    }
    Some(Handshake::answer(NAME, "text/plain", challenge))
}

fn subscription(challenge: &Challenge<'_>, token: &str) -> ProbeRequest {
    ProbeRequest::Get {
        query: format!(
            "hub.mode=subscribe&hub.challenge={}&hub.verify_token={}",
            challenge.text,
            query::encode(token),
        ),
    }
}
