//! Shopify: `X-Shopify-Hmac-Sha256`, base64 of HMAC-SHA256 over the body with the app's client secret.
//!
//! The newer deliveries of events have the same header without its `X-`.
//! <https://shopify.dev/docs/apps/build/webhooks/subscribe/https>

use std::borrow::Cow;

use http::HeaderName;

use super::mac::{Algorithm, Writing};
use super::recipe::{Carries, Part, Recipe, Row, with_id};

static SIGNATURE: [HeaderName; 2] = [
    HeaderName::from_static("x-shopify-hmac-sha256"),
    HeaderName::from_static("shopify-hmac-sha256"),
];
static ID: HeaderName = HeaderName::from_static("x-shopify-webhook-id");

static RECIPE: Recipe = Recipe {
    name: "shopify",
    summary: "X-Shopify-Hmac-Sha256: HMAC-SHA256 over the body in base64, with the client secret",
    signature: Cow::Borrowed(&SIGNATURE),
    carries: Carries::After(Cow::Borrowed("")),
    algorithm: Algorithm::Sha256,
    writing: Writing::Base64,
    id: None,
    stamp: None,
    message: Cow::Borrowed(&[Part::Body]),
    sample: ("shpss_", 16),
    along: |message| with_id(&ID, message),
    handshake: None,
    options: &[],
};

pub(super) static SCHEME: Row = Row(&RECIPE);
