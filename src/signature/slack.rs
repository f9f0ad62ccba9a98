//! Slack: `X-Slack-Signature: v0=<hex>`, HMAC-SHA256 over `v0:timestamp:body` with the signing secret.
//!
//! A timestamp far ahead is refused as one far behind is; Slack's Python library does so, its JavaScript one looks at the age
//! alone. <https://docs.slack.dev/authentication/verifying-requests-from-slack>

use std::borrow::Cow;
use std::time::Duration;

use http::HeaderName;
use serde::Deserialize;

use super::clock::{Clock, Window};
use super::mac::{Algorithm, Writing};
use super::recipe::{Carries, Configured, Part, Recipe, Row, Stamp, alone};
use super::{Handshake, Judgement, Received, query};

static SIGNATURE: [HeaderName; 1] = [HeaderName::from_static("x-slack-signature")];
static TIMESTAMP: HeaderName = HeaderName::from_static("x-slack-request-timestamp");

static RECIPE: Recipe = Recipe {
    name: "slack",
    summary: "X-Slack-Signature: HMAC-SHA256 over v0, timestamp and body, with the signing secret",
    signature: Cow::Borrowed(&SIGNATURE),
    carries: Carries::After(Cow::Borrowed("v0=")),
    algorithm: Algorithm::Sha256,
    writing: Writing::Hex,
    id: None,
    stamp: Some(Stamp {
        header: Some(Cow::Borrowed(&TIMESTAMP)),
        clock: Clock::Seconds,
        window: Window::Both,
        tolerance: Duration::from_secs(300),
    }),
    message: Cow::Borrowed(&[
        Part::Text(Cow::Borrowed("v0:")),
        Part::Timestamp,
        Part::Text(Cow::Borrowed(":")),
        Part::Body,
    ]),
    sample: ("", 16),
    along: alone,
    handshake: Some(url_verification),
    options: &[],
};

pub(super) static SCHEME: Row = Row(&RECIPE);

#[derive(Deserialize)]
struct Verification<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    challenge: Cow<'a, str>,
}

/// `url_verification` is signed and wants its challenge back; `ssl_check` is an unsigned form that wants 200 and nothing done.
fn url_verification(
    _: &Configured,
    received: &Received<'_>,
    judgement: &Judgement,
) -> Option<Handshake> {
    const NAME: &str = "url_verification";
    if is_ssl_check(received) {
        return Some(Handshake::answer("ssl_check", "", Vec::new()));
    }
    if received.method != "POST" {
        return None;
    }
    let asked: Verification<'_> = serde_json::from_slice(received.body).ok()?;
    if asked.kind != NAME {
        return None;
    }
    // The judgement stands: a challenge that nobody signed proves nothing.
    judgement.is_valid().then(|| {
        let challenge = asked.challenge.into_owned();
        Handshake::answer(NAME, "text/plain", challenge.into_bytes())
    })
}

fn is_ssl_check(received: &Received<'_>) -> bool {
    if received.method == "GET" {
        return query::value(received.url, "ssl_check").as_deref() == Some("1");
    }
    query::is_form(received.headers)
        && query::pairs(received.body)
            .any(|(name, value)| *name == *b"ssl_check" && *value == *b"1")
}
