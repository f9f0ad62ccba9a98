//! Slack: `X-Slack-Signature: v0=<hex>`, HMAC-SHA256 over `v0:timestamp:body` with the signing secret.
//!
//! A timestamp in the future is refused like an old one, as in Slack's Python library. Its JavaScript library only checks the
//! age. <https://docs.slack.dev/authentication/verifying-requests-from-slack>

use std::borrow::Cow;
use std::time::Duration;

use http::HeaderName;
use serde_json::{Value, json};

use super::clock::{Clock, Window};
use super::mac::{Algorithm, Encoding};
use super::recipe::{Configured, Format, KeyRule, Part, Recipe, Row, Stamp};
use super::{Facts, Handshake, Judgement, Probe, ProbeRequest, Received, Reply, query};

const HEADER: &str = "x-slack-signature";
const MESSAGE: &[Part] = &[
    Part::text("v0:"),
    Part::Timestamp,
    Part::text(":"),
    Part::Body,
];

static FACTS: Facts = Facts {
    header: Some(HEADER),
    answer_within: Duration::from_secs(3),
    handshake: Some(
        "A signed url_verification: the listener returns its challenge. An ssl_check, sent by GET or as a form: 200.",
    ),
    probes: &[Probe {
        name: "slack: url_verification",
        proves: "Slack can subscribe to the endpoint",
        fix: "answer 200 with the text of `challenge`",
        request: |challenge| {
            let body = json!({
                "token": "evt",
                "challenge": challenge.text,
                "type": "url_verification",
            });
            Ok(ProbeRequest::Post {
                headers: Vec::new(),
                body: body.to_string().into(),
            })
        },
        // As text, as a form or as JSON. Digits alone are JSON too, so the text is compared first.
        // <https://docs.slack.dev/reference/events/url_verification>
        expect: Reply::Checked(|challenge, _, body| {
            let (text, expected) = (body.trim_ascii(), challenge.text);
            let json = || serde_json::from_slice::<Value>(body).unwrap_or_default();
            text == expected.as_bytes()
                || text == format!("challenge={expected}").as_bytes()
                || json()["challenge"] == expected
        }),
    }],
    ..Facts::new(
        "slack",
        "X-Slack-Signature: HMAC-SHA256 over v0, timestamp and body; the key is the signing secret",
    )
};

pub(super) static SCHEME: Row = Row {
    recipe: Recipe {
        facts: &FACTS,
        signature: HeaderName::from_static(HEADER),
        other_signature: None,
        format: Format::Prefixed(Cow::Borrowed("v0=")),
        key: KeyRule::TEXT,
        algorithm: Algorithm::Sha256,
        encoding: Encoding::Hex,
        id: None,
        stamp: Some(Stamp {
            is_guessed: false,
            header: Some(HeaderName::from_static("x-slack-request-timestamp")),
            clock: Clock::Seconds,
            window: Window::Both,
            tolerance: Duration::from_secs(300),
        }),
        message: Cow::Borrowed(MESSAGE),
    },
    sample: ("", 16),
    unsigned_id: None,
    handshake: Some(url_verification),
};

/// `url_verification` is signed, and the answer is its challenge. `ssl_check` is an unsigned form, and the answer is an empty
/// 200.
fn url_verification(
    _: &Configured,
    received: &Received<'_>,
    judgement: &Judgement,
) -> Option<Handshake> {
    const NAME: &str = "url_verification";
    if is_ssl_check(received) {
        return Some(Handshake::answer("ssl_check", "", ""));
    }
    if received.method != "POST" {
        return None;
    }
    let asked: Value = serde_json::from_slice(received.body).ok()?;
    let challenge = asked["challenge"].as_str()?;
    // An unsigned challenge proves nothing about its sender, so it is not a handshake.
    (asked["type"] == NAME && judgement.is_valid())
        .then(|| Handshake::answer(NAME, "text/plain", challenge))
}

fn is_ssl_check(received: &Received<'_>) -> bool {
    if received.method == "GET" {
        return query::value(received.url, "ssl_check").as_deref() == Some("1");
    }
    query::is_form(received.headers)
        && query::pairs(received.body)
            .any(|(name, value)| *name == *b"ssl_check" && *value == *b"1")
}
