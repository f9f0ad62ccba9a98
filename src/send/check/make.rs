//! How the request of each case is made: a good one, and good ones with one thing wrong.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method};

use super::super::new_id;
use super::super::tamper::{
    self, Tamper, TamperError, change_one, change_within, signature_in, with_signature,
};
use super::anatomy::{Bench, Draft};
use super::{Skip, Subject};
use crate::dial::Call;
use crate::grammar::change::{self, Change};
use crate::json::{Kind, Raw};
use crate::secret::Secret;
use crate::signature::{self, Options, SignatureError, Signed, Signer};

/// How far from now a wrong timestamp lies: past any tolerance in use, and past the hour that a token is good.
const FAR: Duration = Duration::from_secs(60 * 60);
const FAR_FOR_TOKENS: Duration = Duration::from_secs(2 * 60 * 60);
/// The field that is added to a body.
const FIELD: &str = "evt_check";
/// As JSON writes it in two ways, and as UTF-8 does.
const UNICODE_JSON: &str = r#""Zo\u00eb Zoë \ud83d\ude80 🚀 \/ /""#;
const UNICODE_FORM: &str = "Zo%C3%AB+%F0%9F%9A%80";
const LARGE: usize = 1024 * 1024;
/// No vendor sends an event of this type.
const UNKNOWN: &str = "evt.check.unknown";
/// Where bodies name the event's type, the more telling place first.
const TYPES: [&str; 8] = [
    "event.type",
    "subscription.type",
    "event-data.event",
    "event",
    "event_type",
    "eventType",
    "topic",
    "type",
];
/// Headers that name the event's type.
const TYPE_HEADERS: [&str; 4] = [
    "x-github-event",
    "x-shopify-topic",
    "x-gitlab-event",
    "twitch-eventsub-subscription-type",
];
/// Schemes whose headers stand for another vendor's.
const OTHERS: [&str; 3] = ["github", "stripe", "slack"];

type Made = Result<Vec<Call>, Skip>;

pub(super) fn good(bench: &Bench<'_>) -> Made {
    Ok(vec![bench.good(&bench.draft())?])
}

pub(super) fn unicode(bench: &Bench<'_>) -> Made {
    let mut draft = bench.draft();
    draft.body = grown(&draft, UNICODE_JSON, UNICODE_FORM)?;
    Ok(vec![bench.good(&draft)?])
}

pub(super) fn large(bench: &Bench<'_>) -> Made {
    let mut draft = bench.draft();
    let much = "x".repeat(LARGE.saturating_sub(draft.body.len()));
    draft.body = grown(&draft, &format!("\"{much}\""), &much)?;
    Ok(vec![bench.good(&draft)?])
}

/// The body with one field more: a list gets it in its first object.
fn grown(draft: &Draft, json: &str, form: &str) -> Result<Bytes, Skip> {
    if is_form(draft) {
        let separator = if draft.body.is_empty() { "" } else { "&" };
        let more = format!("{separator}{FIELD}={form}");
        return Ok([&draft.body[..], more.as_bytes()].concat().into());
    }
    let none = || Skip::because("the body takes no further field");
    let body = Raw::check(&draft.body).ok_or_else(none)?;
    let path = match body.kind() {
        Some(Kind::Array) => {
            let is_object = |item: Raw<'_>| item.kind() == Some(Kind::Object);
            let first = body.items().position(is_object).ok_or_else(none)?;
            format!("{first}.{FIELD}")
        }
        _ => FIELD.to_owned(),
    };
    let path = path.parse().map_err(|_| none())?;
    let value = json.to_owned();
    let grown = change::apply(&draft.body, &[Change::Set { path, value }], true);
    Ok(grown.map_err(|_| none())?.into())
}

fn is_form(draft: &Draft) -> bool {
    signature::is_form(&draft.headers)
}

pub(super) fn unknown_type(bench: &Bench<'_>) -> Made {
    let mut draft = bench.draft();
    let mut is_changed = false;
    for name in TYPE_HEADERS {
        if draft.headers.contains_key(name) {
            let name = HeaderName::from_static(name);
            draft
                .headers
                .insert(name, HeaderValue::from_static(UNKNOWN));
            is_changed = true;
        }
    }
    let quoted = format!("\"{UNKNOWN}\"");
    for place in TYPES {
        let Ok(path) = place.parse::<change::Path>() else {
            continue;
        };
        if !is_text(&draft.body, &path) {
            continue;
        }
        let value = quoted.clone();
        if let Ok(body) = change::apply(&draft.body, &[Change::Set { path, value }], false) {
            draft.body = body.into();
            is_changed = true;
            break;
        }
    }
    match is_changed {
        true => Ok(vec![bench.good(&draft)?]),
        false => Err(Skip::because("names no type")),
    }
}

/// Whether a string stands at this place of the body.
fn is_text(body: &[u8], path: &change::Path) -> bool {
    let Ok(text) = std::str::from_utf8(body) else {
        return false;
    };
    crate::json::is_json(body)
        && crate::json::span(text, path.steps()).is_some_and(|span| text[span].starts_with('"'))
}

pub(super) fn empty_body(bench: &Bench<'_>) -> Made {
    let mut draft = bench.draft();
    draft.body = Bytes::new();
    let call = bench.good(&draft)?;
    // A scheme may have put into the URL what holds for the message's own body alone.
    match bench.is_unacceptable(&call) {
        true => Err(Skip::because("needs a body")),
        false => Ok(vec![call]),
    }
}

/// A signature by a key that the endpoint does not have before one that it has: how vendors replace a key.
pub(super) fn rotation(bench: &Bench<'_>) -> Made {
    let subject = bench.subject;
    let keys = [
        another_secret(subject, &bench.random)?,
        subject.secret.clone(),
    ];
    let signer = match subject.scheme.rotating_signer(&keys, &subject.options) {
        Ok(signer) => signer,
        Err(SignatureError::OneSecret { .. }) => return Err(Skip::because("sends one signature")),
        Err(error) => return Err(error.into()),
    };
    let draft = bench.draft();
    let signed = bench.sign_by(&*signer, &draft, &new_id(), bench.now)?;
    Ok(vec![draft.call(signed)])
}

/// Whether the header is a list by its specification, also where that cannot be tried out without the public key.
fn is_list(bench: &Bench<'_>) -> bool {
    bench.scheme() == "standard-webhooks-v1a"
}

pub(super) fn changed_body(bench: &Bench<'_>) -> Made {
    if !bench.subject.scheme.covers_body() {
        return Err(not_covered());
    }
    let message = &bench.subject.message;
    match tamper::call(message, Tamper::Body, &new_id(), bench.now) {
        Ok(call) => Ok(vec![call]),
        Err(TamperError::BodyNotCovered) => Err(not_covered()),
        Err(error) => Err(Skip::because(error.to_string())),
    }
}

fn not_covered() -> Skip {
    Skip::because("body is not signed")
}

pub(super) fn changed_signature(bench: &Bench<'_>) -> Made {
    let call = bench.good(&bench.draft())?;
    Ok(vec![with_changed_signature(bench, call)?])
}

pub(super) fn with_changed_signature(bench: &Bench<'_>, mut call: Call) -> Result<Call, Skip> {
    let nothing = || Skip::because("nothing to change");
    match &bench.anatomy.signature {
        Some(name) => {
            let value = call.headers.get(name).ok_or_else(nothing)?;
            let value = wrong_value(value).ok_or_else(nothing)?;
            call.headers.insert(name.clone(), value);
        }
        None => {
            let at = signature_in(&call.body).ok_or_else(nothing)?;
            call.body = change_within(&call.body, at).ok_or_else(nothing)?.into();
        }
    }
    Ok(call)
}

fn wrong_value(value: &HeaderValue) -> Option<HeaderValue> {
    HeaderValue::from_bytes(&change_one(value.as_bytes())?).ok()
}

pub(super) fn stale(bench: &Bench<'_>) -> Made {
    let past = bench.now.minus(far(bench));
    timed(bench, past)
}

pub(super) fn early(bench: &Bench<'_>) -> Made {
    let future = bench.now.plus(far(bench));
    timed(bench, future)
}

fn far(bench: &Bench<'_>) -> Duration {
    match bench.scheme().contains("jwt") {
        true => FAR_FOR_TOKENS,
        false => FAR,
    }
}

fn timed(bench: &Bench<'_>, at: crate::time::Timestamp) -> Made {
    if !bench.subject.scheme.checks_clock() {
        return Err(Skip::because("time is not judged"));
    }
    if !bench.anatomy.is_timed {
        return Err(Skip::because("signs no timestamp"));
    }
    let draft = bench.draft();
    let signed = bench.sign(&draft, &new_id(), at)?;
    Ok(vec![draft.call(signed)])
}

pub(super) fn no_signature(bench: &Bench<'_>) -> Made {
    let name = bench.anatomy.signature.as_ref().ok_or_else(inside)?;
    without(bench, name)
}

pub(super) fn no_stamp(bench: &Bench<'_>) -> Made {
    let reason = || Skip::because("has no such header");
    without(bench, bench.anatomy.stamp.as_ref().ok_or_else(reason)?)
}

pub(super) fn no_id(bench: &Bench<'_>) -> Made {
    let reason = || Skip::because("has no such header");
    without(bench, bench.anatomy.id.as_ref().ok_or_else(reason)?)
}

fn without(bench: &Bench<'_>, name: &HeaderName) -> Made {
    let mut call = bench.good(&bench.draft())?;
    call.headers.remove(name);
    Ok(vec![call])
}

fn inside() -> Skip {
    Skip::because("it is in the body")
}

pub(super) fn wrong_before_right(bench: &Bench<'_>) -> Made {
    two(bench, |wrong, right| [wrong, right])
}

pub(super) fn right_before_wrong(bench: &Bench<'_>) -> Made {
    two(bench, |wrong, right| [right, wrong])
}

fn two(bench: &Bench<'_>, order: fn(HeaderValue, HeaderValue) -> [HeaderValue; 2]) -> Made {
    let name = bench.anatomy.signature.as_ref().ok_or_else(inside)?;
    if is_list(bench) {
        return Err(Skip::because("lists span headers"));
    }
    let mut call = bench.good(&bench.draft())?;
    let nothing = || Skip::because("nothing to change");
    let right = call.headers.remove(name).ok_or_else(nothing)?;
    let wrong = wrong_value(&right).ok_or_else(nothing)?;
    for value in order(wrong, right) {
        call.headers.append(name.clone(), value);
    }
    Ok(vec![call])
}

pub(super) fn empty_signature(bench: &Bench<'_>) -> Made {
    let mut call = bench.good(&bench.draft())?;
    match &bench.anatomy.signature {
        Some(name) => {
            let empty = HeaderValue::from_static("");
            call.headers.insert(name.clone(), empty);
        }
        None => call.body = with_signature(&call.body, b""),
    }
    Ok(vec![call])
}

pub(super) fn wrong_key(bench: &Bench<'_>) -> Made {
    let signer = another_key(bench.subject, &bench.random)?;
    let draft = bench.draft();
    let signed = bench.sign_by(&*signer, &draft, &new_id(), bench.now)?;
    Ok(vec![draft.call(signed)])
}

fn another_key(subject: &Subject, random: &[u8; 32]) -> Result<Box<dyn Signer>, Skip> {
    let secret = another_secret(subject, random)?;
    Ok(subject.scheme.signer(&secret, &subject.options)?)
}

fn another_secret(subject: &Subject, random: &[u8; 32]) -> Result<Secret, Skip> {
    let scheme = subject.scheme;
    let none = || Skip::because("keys made elsewhere");
    Ok(scheme.sample_keys(random).ok_or_else(none)?.signs)
}

/// The same secret under the headers of another vendor.
pub(super) fn another_scheme(bench: &Bench<'_>) -> Made {
    let draft = bench.draft();
    let (id, now) = (new_id(), bench.now);
    let own = bench.sign(&draft, &id, now)?;
    for name in OTHERS {
        let Ok(scheme) = signature::find(name) else {
            continue;
        };
        let Ok(signer) = scheme.signer(&bench.subject.secret, &Options::default()) else {
            continue;
        };
        let signed = bench.sign_by(&*signer, &draft, &id, now)?;
        if !shares_a_header(&own, &signed) && scheme.name() != bench.scheme() {
            return Ok(vec![draft.call(signed)]);
        }
    }
    Err(Skip::because("no other scheme fits"))
}

fn shares_a_header(one: &Signed, other: &Signed) -> bool {
    let has = |name: &HeaderName| one.headers.iter().any(|(found, _)| found == name);
    other.headers.iter().any(|(name, _)| has(name))
}

pub(super) fn unsigned(bench: &Bench<'_>) -> Made {
    Ok(vec![bench.draft().unsigned()])
}

/// One delivery that comes again, as after an answer that got lost.
pub(super) fn twice(bench: &Bench<'_>) -> Made {
    let call = bench.good(&bench.draft())?;
    Ok(vec![call.clone(), call])
}

pub(super) fn get(bench: &Bench<'_>) -> Made {
    let mut draft = bench.draft();
    draft.method = Method::GET;
    draft.body = Bytes::new();
    draft.headers.remove(CONTENT_TYPE);
    Ok(vec![draft.unsigned()])
}
