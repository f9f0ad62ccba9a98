//! Shopify: `X-Shopify-Hmac-Sha256`, base64 of HMAC-SHA256 over the body with the app's client secret. Newer event deliveries
//! use the same header without its `X-`. <https://shopify.dev/docs/apps/build/webhooks/subscribe/https>

use std::borrow::Cow;
use std::time::Duration;

use http::HeaderName;

use super::Facts;
use super::mac::{Algorithm, Encoding};
use super::recipe::{Format, KeyRule, Part, Recipe, Row};

const HEADER: &str = "x-shopify-hmac-sha256";

static FACTS: Facts = Facts {
    header: Some(HEADER),
    type_header: Some("x-shopify-topic"),
    answer_within: Duration::from_secs(5),
    ..Facts::new(
        "shopify",
        "X-Shopify-Hmac-Sha256: HMAC-SHA256 over the body in base64; the key is the client secret",
    )
};

pub(super) static SCHEME: Row = Row {
    recipe: Recipe {
        facts: &FACTS,
        signature: HeaderName::from_static(HEADER),
        other_signature: Some(HeaderName::from_static("shopify-hmac-sha256")),
        format: Format::Prefixed(Cow::Borrowed("")),
        key: KeyRule::TEXT,
        algorithm: Algorithm::Sha256,
        encoding: Encoding::Base64,
        id: None,
        stamp: None,
        message: Cow::Borrowed(&[Part::Body]),
    },
    sample: ("shpss_", 16),
    unsigned_id: Some("x-shopify-webhook-id"),
    handshake: None,
};
