//! Twitch EventSub: `Twitch-Eventsub-Message-Signature: sha256=<hex>`, HMAC-SHA256 over id, timestamp and body without anything
//! between them. The timestamp is signed as it is written, with as many digits as it has.
//!
//! <https://dev.twitch.tv/docs/eventsub/handling-webhook-events>

use std::borrow::Cow;
use std::time::Duration;

use http::HeaderName;
use serde::Deserialize;

use super::clock::{Clock, Window};
use super::mac::{Algorithm, Writing};
use super::recipe::{Carries, Configured, Part, Recipe, Row, Stamp, alone};
use super::{Handshake, Judgement, Received};

static SIGNATURE: [HeaderName; 1] = [HeaderName::from_static("twitch-eventsub-message-signature")];
static ID: HeaderName = HeaderName::from_static("twitch-eventsub-message-id");
static TIMESTAMP: HeaderName = HeaderName::from_static("twitch-eventsub-message-timestamp");
const KIND: &str = "twitch-eventsub-message-type";

static RECIPE: Recipe = Recipe {
    name: "twitch",
    summary: "Twitch-Eventsub-Message-Signature: HMAC-SHA256 over id, timestamp and body",
    signature: Cow::Borrowed(&SIGNATURE),
    carries: Carries::After(Cow::Borrowed("sha256=")),
    algorithm: Algorithm::Sha256,
    writing: Writing::Hex,
    id: Some(Cow::Borrowed(&ID)),
    stamp: Some(Stamp {
        header: Some(Cow::Borrowed(&TIMESTAMP)),
        clock: Clock::Rfc3339,
        window: Window::Past,
        tolerance: Duration::from_secs(600),
    }),
    message: Cow::Borrowed(&[Part::Id, Part::Timestamp, Part::Body]),
    sample: ("", 16),
    along: alone,
    handshake: Some(callback_verification),
    options: &[],
};

pub(super) static SCHEME: Row = Row(&RECIPE);

#[derive(Deserialize)]
struct Verification<'a> {
    #[serde(borrow)]
    challenge: Cow<'a, str>,
}

/// A signed request of its own type; the challenge goes back alone, as plain text.
fn callback_verification(
    _: &Configured,
    received: &Received<'_>,
    judgement: &Judgement,
) -> Option<Handshake> {
    const NAME: &str = "webhook_callback_verification";
    if received.headers.get(KIND)?.as_bytes() != NAME.as_bytes() || !judgement.is_valid() {
        return None;
    }
    let asked: Verification<'_> = serde_json::from_slice(received.body).ok()?;
    let challenge = asked.challenge.into_owned().into_bytes();
    Some(Handshake::answer(NAME, "text/plain", challenge))
}
