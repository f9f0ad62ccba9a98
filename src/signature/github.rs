//! GitHub: `X-Hub-Signature-256: sha256=<hex>`, HMAC-SHA256 over the body as it was sent.
//!
//! The older `X-Hub-Signature` (SHA-1) never counts.
//! <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>

use std::borrow::Cow;

use http::HeaderName;

use super::mac::{Algorithm, Writing};
use super::recipe::{Carries, Part, Recipe, Row, with_id};

static SIGNATURE: [HeaderName; 1] = [HeaderName::from_static("x-hub-signature-256")];
static DELIVERY: HeaderName = HeaderName::from_static("x-github-delivery");

static RECIPE: Recipe = Recipe {
    name: "github",
    summary: "X-Hub-Signature-256: HMAC-SHA256 over the body, with the secret's text as the key",
    signature: Cow::Borrowed(&SIGNATURE),
    carries: Carries::After(Cow::Borrowed("sha256=")),
    algorithm: Algorithm::Sha256,
    writing: Writing::Hex,
    id: None,
    stamp: None,
    message: Cow::Borrowed(&[Part::Body]),
    sample: ("", 20),
    along: |message| with_id(&DELIVERY, message),
    handshake: None,
    options: &[],
};

pub(super) static SCHEME: Row = Row(&RECIPE);
