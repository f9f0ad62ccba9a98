//! Stripe: `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=…]`, HMAC-SHA256 over `t.body`.
//!
//! The key is the whole text of the secret including `whsec_`; Standard Webhooks decodes the part after it. `v0` is a fake
//! signature that Stripe adds in test mode, and is ignored.
//! <https://docs.stripe.com/webhooks/signature>

use super::clock::Window;
use super::recipe::{Recipe, Row};
use super::{Facts, Reason};

const HEADER: &str = "stripe-signature";

static FACTS: Facts = Facts {
    header: Some(HEADER),
    several_secrets: true,
    ..Facts::new(
        "stripe",
        "Stripe-Signature: HMAC-SHA256 over timestamp and body; the key is the whole `whsec_…` text",
    )
};

pub(super) static SCHEME: Row = Row {
    // Stripe's libraries only check the age, so a receiver whose clock is slow loses nothing.
    recipe: Recipe::of_list(
        &FACTS,
        HEADER,
        "v1=",
        Reason::NoSupportedSignature,
        Window::Past,
    ),
    sample: ("whsec_", 32),
    unsigned_id: None,
    handshake: None,
};
