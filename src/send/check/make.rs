//! Makes the requests of each case: a valid one, and valid ones with one thing wrong.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use super::super::new_id;
use super::super::tamper::{
    self, Tamper, TamperError, change_one, change_within, signature_in, with_signature,
};
use super::bench::{Bench, Draft};
use super::{CaseRequests, Skip};
use crate::dial::Call;
use crate::grammar::change::{self, Change};
use crate::json::{Kind, Raw};
use crate::secret::Secret;
use crate::signature::{self, Options, SCHEMES, SignatureError, Signed};
use crate::time::Timestamp;

/// The member that is added to a body.
const FIELD: &str = "evt_check";
/// The same letters as JSON escapes and as UTF-8.
const UNICODE_JSON: &str = r#""Zo\u00eb Zoë \ud83d\ude80 🚀 \/ /""#;
const UNICODE_FORM: &str = "Zo%C3%AB+%F0%9F%9A%80";
const LARGE: usize = 1024 * 1024;
/// A type that no vendor sends.
const UNKNOWN: &str = "evt.check.unknown";
/// Where bodies name the type of the event, the most specific path first.
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
/// A header that names the type of the event, of a vendor that has no scheme.
const GITLAB_TYPE: &str = "x-gitlab-event";

pub(super) fn valid(bench: &Bench<'_>) -> CaseRequests {
    Ok(vec![bench.valid(&bench.draft())?])
}

pub(super) fn unicode(bench: &Bench<'_>) -> CaseRequests {
    let mut draft = bench.draft();
    draft.body = grown(&draft, UNICODE_JSON, UNICODE_FORM)?;
    Ok(vec![bench.valid(&draft)?])
}

pub(super) fn large(bench: &Bench<'_>) -> CaseRequests {
    let mut draft = bench.draft();
    let much = "x".repeat(LARGE.saturating_sub(draft.body.len()));
    draft.body = grown(&draft, &format!("\"{much}\""), &much)?;
    Ok(vec![bench.valid(&draft)?])
}

/// Adds a member to the body. In a list it is added to the first object.
pub(super) fn grown(draft: &Draft, json: &str, form: &str) -> Result<Bytes, Skip> {
    if is_form(draft) {
        let separator = if draft.body.is_empty() { "" } else { "&" };
        let more = format!("{separator}{FIELD}={form}");
        return Ok([&draft.body[..], more.as_bytes()].concat().into());
    }
    let none = || Skip::because("the body cannot hold another member");
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

pub(super) fn is_form(draft: &Draft) -> bool {
    signature::is_form(&draft.headers)
}

pub(super) fn unknown_type(bench: &Bench<'_>) -> CaseRequests {
    let mut draft = bench.draft();
    let mut is_changed = false;
    let headers = SCHEMES
        .iter()
        .filter_map(|scheme| scheme.facts().type_header);
    for name in headers.chain([GITLAB_TYPE]) {
        if draft.headers.contains_key(name) {
            let name = HeaderName::from_static(name);
            draft
                .headers
                .insert(name, HeaderValue::from_static(UNKNOWN));
            is_changed = true;
        }
    }
    let quoted = format!("\"{UNKNOWN}\"");
    for path in TYPES {
        let Ok(path) = path.parse::<change::Path>() else {
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
        true => Ok(vec![bench.valid(&draft)?]),
        false => Err(Skip::because("the event has no type")),
    }
}

/// Whether the body has a string at this path.
fn is_text(body: &[u8], path: &change::Path) -> bool {
    let Ok(text) = std::str::from_utf8(body) else {
        return false;
    };
    crate::json::is_json(body)
        && crate::json::span(text, path.steps()).is_some_and(|span| text[span].starts_with('"'))
}

pub(super) fn empty_body(bench: &Bench<'_>) -> CaseRequests {
    let mut draft = bench.draft();
    draft.body = Bytes::new();
    let call = bench.valid(&draft)?;
    // The URL may hold the hash of the message's own body, so that no other body is valid.
    match bench.is_refused(&call) {
        true => Err(Skip::because("needs a body")),
        false => Ok(vec![call]),
    }
}

/// The signature of an unknown key before that of the endpoint's key, as a vendor sends them while it replaces a key.
pub(super) fn rotation(bench: &Bench<'_>) -> CaseRequests {
    let secrets = [another_secret(bench)?, bench.signing.secret.clone()];
    signed_with(bench, &secrets)
}

/// The valid message, signed with other secrets.
fn signed_with(bench: &Bench<'_>, secrets: &[Secret]) -> CaseRequests {
    let signing = bench.signing;
    let signer = match signing.scheme.rotating_signer(secrets, &signing.options) {
        Ok(signer) => signer,
        Err(SignatureError::OneSecret { .. }) => return Err(Skip::because("sends one signature")),
        Err(error) => return Err(error.into()),
    };
    let draft = bench.draft();
    let signed = bench.sign_with(&*signer, &draft, &new_id(), bench.now)?;
    Ok(vec![draft.call(signed)])
}

pub(super) fn changed_body(bench: &Bench<'_>) -> CaseRequests {
    if !bench.facts().covers_body {
        return Err(not_covered());
    }
    match tamper::call(bench.message, Tamper::Body, &new_id(), bench.now) {
        Ok(call) => Ok(vec![call]),
        Err(TamperError::BodyNotCovered) => Err(not_covered()),
        Err(error) => Err(Skip::because(error.to_string())),
    }
}

pub(super) fn not_covered() -> Skip {
    Skip::because("the body is not signed")
}

pub(super) fn changed_signature(bench: &Bench<'_>) -> CaseRequests {
    let call = bench.valid(&bench.draft())?;
    Ok(vec![with_changed_signature(bench, call)?])
}

pub(super) fn with_changed_signature(bench: &Bench<'_>, mut call: Call) -> Result<Call, Skip> {
    let nothing = || Skip::because("nothing to change");
    match &bench.layout.signature {
        Some(name) => {
            let value = call.headers.get(name).ok_or_else(nothing)?;
            let value = wrong_value(value).ok_or_else(nothing)?;
            call.headers.insert(name.clone(), value);
        }
        None => {
            let at = signature_in(&call.body, bench.facts()).ok_or_else(nothing)?;
            call.body = change_within(&call.body, at).ok_or_else(nothing)?.into();
        }
    }
    Ok(call)
}

fn wrong_value(value: &HeaderValue) -> Option<HeaderValue> {
    HeaderValue::from_bytes(&change_one(value.as_bytes())?).ok()
}

pub(super) fn outdated(bench: &Bench<'_>) -> CaseRequests {
    timed(bench, bench.now.minus(bench.facts().outdated_after))
}

pub(super) fn early(bench: &Bench<'_>) -> CaseRequests {
    timed(bench, bench.now.plus(bench.facts().outdated_after))
}

fn timed(bench: &Bench<'_>, at: Timestamp) -> CaseRequests {
    if !bench.facts().checks_clock {
        return Err(Skip::because("the time is not checked"));
    }
    if !bench.layout.is_timed {
        return Err(Skip::because("signs no timestamp"));
    }
    let draft = bench.draft();
    let signed = bench.sign(&draft, &new_id(), at)?;
    Ok(vec![draft.call(signed)])
}

pub(super) fn no_signature(bench: &Bench<'_>) -> CaseRequests {
    let name = bench.layout.signature.as_ref().ok_or_else(in_body)?;
    without(bench, name)
}

pub(super) fn no_stamp(bench: &Bench<'_>) -> CaseRequests {
    let name = bench.layout.stamp.as_ref().ok_or_else(no_header)?;
    without(bench, name)
}

pub(super) fn no_id(bench: &Bench<'_>) -> CaseRequests {
    let name = bench.layout.id.as_ref().ok_or_else(no_header)?;
    without(bench, name)
}

fn without(bench: &Bench<'_>, name: &HeaderName) -> CaseRequests {
    let mut call = bench.valid(&bench.draft())?;
    call.headers.remove(name);
    Ok(vec![call])
}

fn in_body() -> Skip {
    Skip::because("the signature is in the body")
}

fn no_header() -> Skip {
    Skip::because("has no such header")
}

pub(super) fn wrong_before_right(bench: &Bench<'_>) -> CaseRequests {
    two(bench, |wrong, right| [wrong, right])
}

pub(super) fn right_before_wrong(bench: &Bench<'_>) -> CaseRequests {
    two(bench, |wrong, right| [right, wrong])
}

fn two(bench: &Bench<'_>, order: fn(HeaderValue, HeaderValue) -> [HeaderValue; 2]) -> CaseRequests {
    let name = bench.layout.signature.as_ref().ok_or_else(in_body)?;
    if bench.facts().repeats_header {
        return Err(Skip::because("the header may be repeated"));
    }
    let mut call = bench.valid(&bench.draft())?;
    let nothing = || Skip::because("nothing to change");
    let right = call.headers.remove(name).ok_or_else(nothing)?;
    let wrong = wrong_value(&right).ok_or_else(nothing)?;
    for value in order(wrong, right) {
        call.headers.append(name.clone(), value);
    }
    Ok(vec![call])
}

pub(super) fn empty_signature(bench: &Bench<'_>) -> CaseRequests {
    let mut call = bench.valid(&bench.draft())?;
    match &bench.layout.signature {
        Some(name) => {
            let empty = HeaderValue::from_static("");
            call.headers.insert(name.clone(), empty);
        }
        None => call.body = with_signature(&call.body, bench.facts(), b""),
    }
    Ok(vec![call])
}

pub(super) fn wrong_key(bench: &Bench<'_>) -> CaseRequests {
    signed_with(bench, &[another_secret(bench)?])
}

pub(super) fn another_secret(bench: &Bench<'_>) -> Result<Secret, Skip> {
    let keys = bench.signing.scheme.sample_keys(&bench.random);
    let none = || Skip::because("evt cannot make such keys");
    Ok(keys.ok_or_else(none)?.signs)
}

/// The same secret with the scheme of another vendor.
pub(super) fn another_scheme(bench: &Bench<'_>) -> CaseRequests {
    let draft = bench.draft();
    let (id, now) = (new_id(), bench.now);
    let own = bench.sign(&draft, &id, now)?;
    let others = SCHEMES.iter().filter(|scheme| {
        let facts = scheme.facts();
        facts.covers_body && facts.header.is_some() && facts.name != bench.facts().name
    });
    for scheme in others {
        let Ok(signer) = scheme.signer(&bench.signing.secret, &Options::default()) else {
            continue;
        };
        let Ok(signed) = bench.sign_with(&*signer, &draft, &id, now) else {
            continue;
        };
        if !signed.headers.is_empty() && !shares_a_header(&own, &signed) {
            return Ok(vec![draft.call(signed)]);
        }
    }
    Err(Skip::because("no other scheme fits"))
}

fn shares_a_header(one: &Signed, other: &Signed) -> bool {
    let has = |name: &HeaderName| one.headers.iter().any(|(found, _)| found == name);
    other.headers.iter().any(|(name, _)| has(name))
}

pub(super) fn unsigned(bench: &Bench<'_>) -> CaseRequests {
    Ok(vec![bench.draft().unsigned()])
}

/// One delivery twice, as if the first answer had got lost.
pub(super) fn twice(bench: &Bench<'_>) -> CaseRequests {
    let call = bench.valid(&bench.draft())?;
    Ok(vec![call.clone(), call])
}

pub(super) fn get(bench: &Bench<'_>) -> CaseRequests {
    Ok(vec![bench.draft().get("").unsigned()])
}
