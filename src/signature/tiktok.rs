//! TikTok: `TikTok-Signature: t=<seconds>,s=<hex>`, HMAC-SHA256 over `t.body` with the client secret.
//!
//! TikTok leaves the window to the receiver; five minutes are ours.
//! <https://developers.tiktok.com/doc/webhooks-verification>

use std::borrow::Cow;
use std::time::Duration;

use http::HeaderName;

use super::Reason;
use super::clock::{Clock, Window};
use super::mac::{Algorithm, Writing};
use super::recipe::{Carries, Part, Recipe, Row, Stamp, alone};

static SIGNATURE: [HeaderName; 1] = [HeaderName::from_static("tiktok-signature")];

static RECIPE: Recipe = Recipe {
    name: "tiktok",
    summary: "TikTok-Signature: HMAC-SHA256 over timestamp and body, with the client secret",
    signature: Cow::Borrowed(&SIGNATURE),
    carries: Carries::Elements {
        stamp: "t=",
        mac: "s=",
        without: Reason::MalformedHeader,
    },
    algorithm: Algorithm::Sha256,
    writing: Writing::Hex,
    id: None,
    stamp: Some(Stamp {
        header: None,
        clock: Clock::Seconds,
        window: Window::Both,
        tolerance: Duration::from_secs(300),
    }),
    message: Cow::Borrowed(&[Part::Timestamp, Part::Text(Cow::Borrowed(".")), Part::Body]),
    sample: ("", 20),
    along: alone,
    handshake: None,
    options: &[],
};

pub(super) static SCHEME: Row = Row(&RECIPE);
