//! Stripe: `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=…]`, HMAC-SHA256 over `t.body`.
//!
//! The key is the whole text of the secret with its `whsec_`, where Standard Webhooks decodes what follows it. `v0` is a fake
//! signature that Stripe adds in its test mode; it does not count.
//! <https://docs.stripe.com/webhooks/signature>

use std::borrow::Cow;
use std::time::Duration;

use http::HeaderName;

use super::Reason;
use super::clock::{Clock, Window};
use super::mac::{Algorithm, Writing};
use super::recipe::{Carries, Part, Recipe, Row, Stamp, alone};

static SIGNATURE: [HeaderName; 1] = [HeaderName::from_static("stripe-signature")];

static RECIPE: Recipe = Recipe {
    name: "stripe",
    summary: "Stripe-Signature: HMAC-SHA256 over timestamp and body; the whole `whsec_…` text is the key",
    signature: Cow::Borrowed(&SIGNATURE),
    carries: Carries::Elements {
        stamp: "t=",
        mac: "v1=",
        without: Reason::NoSupportedSignature,
    },
    algorithm: Algorithm::Sha256,
    writing: Writing::Hex,
    id: None,
    stamp: Some(Stamp {
        header: None,
        clock: Clock::Seconds,
        // Stripe's own libraries check the age alone, so that a receiver whose clock is behind loses nothing.
        window: Window::Past,
        tolerance: Duration::from_secs(300),
    }),
    message: Cow::Borrowed(&[Part::Timestamp, Part::Text(Cow::Borrowed(".")), Part::Body]),
    sample: ("whsec_", 32),
    along: alone,
    handshake: None,
    options: &[],
};

pub(super) static SCHEME: Row = Row(&RECIPE);
