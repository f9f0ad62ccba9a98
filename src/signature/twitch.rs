//! Twitch EventSub: `Twitch-Eventsub-Message-Signature: sha256=<hex>`, HMAC-SHA256 over id, timestamp and body without
//! separators. The text of the timestamp is signed, with all its digits.
//! <https://dev.twitch.tv/docs/eventsub/handling-webhook-events>

use std::borrow::Cow;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::clock::{Clock, Window};
use super::mac::{Algorithm, Encoding};
use super::recipe::{Configured, Format, KeyRule, Part, Recipe, Row, Stamp};
use super::{Facts, Handshake, Judgement, Probe, ProbeRequest, Received, Reply};

const HEADER: &str = "twitch-eventsub-message-signature";
/// The header that distinguishes a handshake from an event.
const KIND: &str = "twitch-eventsub-message-type";
const VERIFICATION: &str = "webhook_callback_verification";
const MESSAGE: &[Part] = &[Part::Id, Part::Timestamp, Part::Body];

static FACTS: Facts = Facts {
    header: Some(HEADER),
    type_header: Some("twitch-eventsub-subscription-type"),
    answer_within: Duration::from_secs(5),
    handshake: Some(
        "A signed webhook_callback_verification: the listener returns its challenge as plain text.",
    ),
    probes: &[Probe {
        name: "twitch: callback",
        proves: "Twitch can subscribe to the endpoint",
        fix: "answer 200 with the text of `challenge` and nothing else",
        request: |challenge| {
            let event: Value = serde_json::from_slice(challenge.event).unwrap_or_default();
            let body = json!({
                "challenge": challenge.text,
                "subscription": event["subscription"],
            });
            let kind = HeaderValue::from_static(VERIFICATION);
            Ok(ProbeRequest::Post {
                headers: vec![(HeaderName::from_static(KIND), kind)],
                body: body.to_string().into(),
            })
        },
        expect: Reply::ECHO,
    }],
    ..Facts::new(
        "twitch",
        "Twitch-Eventsub-Message-Signature: HMAC-SHA256 over id, timestamp and body",
    )
};

pub(super) static SCHEME: Row = Row {
    recipe: Recipe {
        facts: &FACTS,
        signature: HeaderName::from_static(HEADER),
        other_signature: None,
        format: Format::Prefixed(Cow::Borrowed("sha256=")),
        key: KeyRule::TEXT,
        algorithm: Algorithm::Sha256,
        encoding: Encoding::Hex,
        id: Some(HeaderName::from_static("twitch-eventsub-message-id")),
        stamp: Some(Stamp {
            is_guessed: false,
            header: Some(HeaderName::from_static("twitch-eventsub-message-timestamp")),
            clock: Clock::Rfc3339,
            window: Window::Past,
            tolerance: Duration::from_secs(600),
        }),
        message: Cow::Borrowed(MESSAGE),
    },
    sample: ("", 16),
    unsigned_id: None,
    handshake: Some(callback_verification),
};

/// A signed request with its own message type. The answer is the challenge as plain text.
fn callback_verification(
    _: &Configured,
    received: &Received<'_>,
    judgement: &Judgement,
) -> Option<Handshake> {
    let kind = received.headers.get(KIND)?;
    if kind.as_bytes() != VERIFICATION.as_bytes() || !judgement.is_valid() {
        return None;
    }
    let asked: Value = serde_json::from_slice(received.body).ok()?;
    let challenge = asked["challenge"].as_str()?;
    Some(Handshake::answer(VERIFICATION, "text/plain", challenge))
}
