//! The handshakes by which vendors ask whether an endpoint is its owner's: the request, and the answer that they look for.

use std::fmt::Write;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::Skip;
use super::anatomy::{Bench, Draft};
use super::make::with_changed_signature;
use crate::dial::{Answer, Call};

static TWITCH_TYPE: HeaderName = HeaderName::from_static("twitch-eventsub-message-type");

type Made = Result<Vec<Call>, Skip>;

/// A challenge of this run: digits, since some vendors send a number.
fn challenge(bench: &Bench<'_>) -> String {
    let mut text = String::new();
    for byte in &bench.random[..8] {
        // Writing to a String cannot fail.
        let _ = write!(text, "{:02}", byte % 90 + 10);
    }
    text
}

fn only(bench: &Bench<'_>, scheme: &str) -> Result<Draft, Skip> {
    match bench.scheme() == scheme {
        true => Ok(bench.draft()),
        false => Err(Skip::Foreign),
    }
}

pub(super) fn meta(bench: &Bench<'_>) -> Made {
    let draft = only(bench, "meta")?;
    let missing = || Skip::because("give its token: --sign meta:verify-token=TOKEN");
    let token = bench.subject.options.get("verify-token");
    meta_with(bench, draft, token.ok_or_else(missing)?)
}

pub(super) fn meta_wrong(bench: &Bench<'_>) -> Made {
    let draft = only(bench, "meta")?;
    meta_with(bench, draft, &format!("wrong-{}", challenge(bench)))
}

fn meta_with(bench: &Bench<'_>, draft: Draft, token: &str) -> Made {
    let query = format!(
        "hub.mode=subscribe&hub.challenge={}&hub.verify_token={}",
        challenge(bench),
        percent(token),
    );
    Ok(vec![draft.asked(&query).unsigned()])
}

pub(super) fn twitter(bench: &Bench<'_>) -> Made {
    let draft = only(bench, "twitter")?;
    let query = format!("crc_token={}&nonce=evt", challenge(bench));
    Ok(vec![draft.asked(&query).unsigned()])
}

/// <https://docs.x.com/x-api/webhooks/introduction>
pub(super) fn twitter_reply(bench: &Bench<'_>, answer: &Answer) -> bool {
    let expected = format!("sha256={}", STANDARD.encode(mac(bench)));
    json_of(answer)["response_token"] == expected
}

pub(super) fn linkedin(bench: &Bench<'_>) -> Made {
    let draft = only(bench, "linkedin")?;
    let query = format!("challengeCode={}", challenge(bench));
    Ok(vec![draft.asked(&query).unsigned()])
}

/// <https://learn.microsoft.com/en-us/linkedin/shared/api-guide/webhook-validation>
pub(super) fn linkedin_reply(bench: &Bench<'_>, answer: &Answer) -> bool {
    let mut expected = String::new();
    for byte in mac(bench).as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(expected, "{byte:02x}");
    }
    let reply = json_of(answer);
    reply["challengeCode"] == challenge(bench) && reply["challengeResponse"] == expected
}

/// The challenge under the secret, whose text is the key.
fn mac(bench: &Bench<'_>) -> hmac::Tag {
    let secret = bench.subject.secret.reveal();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::sign(&key, challenge(bench).as_bytes())
}

pub(super) fn slack(bench: &Bench<'_>) -> Made {
    let mut draft = only(bench, "slack")?;
    draft.body = body(&json!({
        "token": "evt",
        "challenge": challenge(bench),
        "type": "url_verification",
    }));
    Ok(vec![bench.good(&draft)?])
}

/// As text, as JSON or as a form. <https://docs.slack.dev/reference/events/url_verification>
pub(super) fn slack_reply(bench: &Bench<'_>, answer: &Answer) -> bool {
    let expected = challenge(bench);
    let text = answer.body.trim_ascii();
    // Digits alone are JSON as well: the text is looked at first.
    text == expected.as_bytes()
        || text == format!("challenge={expected}").as_bytes()
        || json_of(answer)["challenge"] == expected
}

pub(super) fn twitch(bench: &Bench<'_>) -> Made {
    let mut draft = only(bench, "twitch")?;
    let kind = HeaderValue::from_static("webhook_callback_verification");
    draft.headers.insert(TWITCH_TYPE.clone(), kind);
    let subscription: Value = serde_json::from_slice(&draft.body).unwrap_or_default();
    draft.body = body(&json!({
        "challenge": challenge(bench),
        "subscription": subscription["subscription"],
    }));
    Ok(vec![bench.good(&draft)?])
}

/// The challenge alone, as meta and twitch want it.
pub(super) fn echoed(bench: &Bench<'_>, answer: &Answer) -> bool {
    answer.body.trim_ascii() == challenge(bench).as_bytes()
}

pub(super) fn discord(bench: &Bench<'_>) -> Made {
    let draft = ping(bench)?;
    Ok(vec![bench.good(&draft)?])
}

pub(super) fn discord_forged(bench: &Bench<'_>) -> Made {
    let draft = ping(bench)?;
    let call = bench.good(&draft)?;
    Ok(vec![with_changed_signature(bench, call)?])
}

fn ping(bench: &Bench<'_>) -> Result<Draft, Skip> {
    let mut draft = only(bench, "discord")?;
    draft.body = match is_webhook_event(bench) {
        true => body(&json!({"version": 1, "application_id": "1", "type": 0})),
        false => body(&json!({"application_id": "1", "id": "1", "type": 1, "version": 1})),
    };
    Ok(draft)
}

/// Interactions and webhook events have endpoints of their own, and pings of their own.
fn is_webhook_event(bench: &Bench<'_>) -> bool {
    let body = serde_json::from_slice::<Value>(&bench.subject.message.body);
    body.is_ok_and(|body| body.get("event").is_some())
}

/// <https://docs.discord.com/developers/interactions/overview>
pub(super) fn discord_reply(bench: &Bench<'_>, answer: &Answer) -> bool {
    match is_webhook_event(bench) {
        true => answer.status == 204,
        false => json_of(answer)["type"] == 1,
    }
}

pub(super) fn sns(bench: &Bench<'_>) -> Made {
    only(bench, "sns")?;
    Err(Skip::because("what it confirms is a URL of Amazon's"))
}

fn body(value: &Value) -> Bytes {
    value.to_string().into()
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

/// Escaped for a query.
fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            // Writing to a String cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}
