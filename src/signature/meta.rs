//! Meta (Facebook, Instagram, Messenger): `X-Hub-Signature-256: sha256=<hex>`, HMAC-SHA256 over the body with the app secret.
//!
//! Meta escapes slashes and letters beyond ASCII in its JSON; whoever writes the body again signs other bytes.
//! <https://developers.facebook.com/docs/graph-api/webhooks/getting-started>

use std::borrow::Cow;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::HeaderName;

use super::mac::{Algorithm, Writing};
use super::recipe::{Carries, Configured, Part, Recipe, Row, alone};
use super::{Handshake, Judgement, Received, query};

const TOKEN: &str = "verify-token";
static SIGNATURE: [HeaderName; 1] = [HeaderName::from_static("x-hub-signature-256")];

static RECIPE: Recipe = Recipe {
    name: "meta",
    summary: "X-Hub-Signature-256: HMAC-SHA256 over the body, with the app secret as the key",
    signature: Cow::Borrowed(&SIGNATURE),
    carries: Carries::After(Cow::Borrowed("sha256=")),
    algorithm: Algorithm::Sha256,
    writing: Writing::Hex,
    id: None,
    stamp: None,
    message: Cow::Borrowed(&[Part::Body]),
    sample: ("", 16),
    along: alone,
    handshake: Some(subscribe),
    options: &[(
        TOKEN,
        "the verify token that was typed into the app's settings; without it no subscription is confirmed",
    )],
};

pub(super) static SCHEME: Row = Row(&RECIPE);

/// `GET ?hub.mode=subscribe&hub.challenge=…&hub.verify_token=…`: the challenge goes back if the token is the one agreed on.
fn subscribe(configured: &Configured, received: &Received<'_>, _: &Judgement) -> Option<Handshake> {
    const NAME: &str = "hub.challenge";
    if received.method != "GET" {
        return None;
    }
    let mode = query::value(received.url, "hub.mode")?;
    let challenge = query::value(received.url, "hub.challenge")?;
    let given = query::value(received.url, "hub.verify_token").unwrap_or_default();
    let Some(token) = configured.options.get(TOKEN) else {
        return Some(Handshake::refused(
            NAME,
            403,
            "no_verify_token: no verify token is configured; give it as meta:verify-token=…",
        ));
    };
    if mode != "subscribe" {
        let hint = "unknown_mode: hub.mode is not `subscribe`";
        return Some(Handshake::refused(NAME, 403, hint));
    }
    if verify_slices_are_equal(token.as_bytes(), given.as_bytes()).is_err() {
        let hint = "verify_token_mismatch: hub.verify_token is not the one that is configured";
        return Some(Handshake::refused(NAME, 403, hint));
    }
    Some(Handshake::answer(
        NAME,
        "text/plain",
        challenge.into_bytes(),
    ))
}
