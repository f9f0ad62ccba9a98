//! Forged requests that careless comparisons accept: signatures that are cut, keys that were never set, tokens without a
//! signature, and changes that a verifier does not see because it looks at another text than the one that arrived.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{AUTHORIZATION, CONTENT_TYPE};

use super::super::new_id;
use super::super::tamper::{change_within, signature_in};
use super::bench::{Bench, Draft};
use super::make::{another_secret, grown, is_form, not_covered, with_changed_signature};
use super::{CaseRequests, Skip};
use crate::dial::Call;
use crate::secret::Secret;
use crate::signature::{Options, Signed};

/// How much of a signature is left when it is cut: a quarter.
const PART: usize = 4;
/// Positions in a body that are behind the buffers of verifiers that read only one.
const BEHIND: [usize; 2] = [4 * 1024, 70 * 1024];
/// Secrets of no bytes. A key of HMAC is filled up with zeros, so a zero byte is the same key as none: as text, as base64 and as
/// hexadecimal digits.
const EMPTY: [&str; 3] = ["\0", "AA==", "00"];
/// What languages print for a variable that is not set.
const UNSET: [&str; 3] = ["undefined", "null", "None"];
/// The option that names who a token is for.
const AUDIENCE: &str = "audience";

/// Where the signature is: in a header or in the body, and which bytes of it depend on the key.
struct Place {
    call: Call,
    text: Vec<u8>,
    start: usize,
    end: usize,
}

impl Place {
    fn find(bench: &Bench<'_>) -> Result<Self, Skip> {
        let (draft, id) = (bench.draft(), new_id());
        let base = bench.sign(&draft, &id, bench.now)?;
        let call = draft.call(base.clone());
        let nothing = || Skip::because("nothing to cut");
        let Some(name) = &bench.layout.signature else {
            let range = signature_in(&call.body, bench.facts()).ok_or_else(nothing)?;
            return Ok(Self {
                text: call.body.to_vec(),
                start: range.start,
                end: range.end,
                call,
            });
        };
        let value = |signed: &Signed| {
            let mut headers = signed.headers.iter();
            let found = headers.find(|(found, _)| found == name);
            found.map(|(_, value)| value.as_bytes().to_vec())
        };
        let text = value(&base).ok_or_else(nothing)?;
        let other = value(&another(bench, &draft, &id)?).ok_or_else(nothing)?;
        let pairs = text.iter().zip(&other);
        let start = pairs.take_while(|(one, other)| one == other).count();
        let rest = &text[start..];
        let is_separator = |byte: &u8| matches!(byte, b',' | b';' | b' ' | b'"');
        let end = start + rest.iter().position(is_separator).unwrap_or(rest.len());
        if end <= start {
            return Err(nothing());
        }
        Ok(Self {
            call,
            text,
            start,
            end,
        })
    }

    /// The request with another text in place of the signature.
    fn with(mut self, bench: &Bench<'_>, signature: &[u8]) -> Result<Call, Skip> {
        let text = [&self.text[..self.start], signature, &self.text[self.end..]].concat();
        match &bench.layout.signature {
            Some(name) => {
                let value = HeaderValue::from_bytes(&text);
                let value = value.map_err(|_| Skip::because("nothing to cut"))?;
                self.call.headers.insert(name.clone(), value);
            }
            None => self.call.body = text.into(),
        }
        Ok(self.call)
    }

    fn signature(&self) -> Vec<u8> {
        self.text[self.start..self.end].to_vec()
    }
}

/// The same message with the signature of another key, or if there is none, that of another body.
fn another(bench: &Bench<'_>, draft: &Draft, id: &str) -> Result<Signed, Skip> {
    if let Ok(secret) = another_secret(bench) {
        let signer = bench
            .signing
            .scheme
            .signer(&secret, &bench.signing.options)?;
        return Ok(bench.sign_with(&*signer, draft, id, bench.now)?);
    }
    let mut other = draft.clone();
    other.body = [&draft.body[..], b" "].concat().into();
    Ok(bench.sign(&other, id, bench.now)?)
}

pub(super) fn shortened(bench: &Bench<'_>) -> CaseRequests {
    let place = Place::find(bench)?;
    let signature = place.signature();
    let part = &signature[..signature.len().div_ceil(PART)];
    let cut = place.with(bench, part)?;
    // In a header that also has a prefix or a timestamp, nothing may be left of the signature itself.
    let place = Place::find(bench)?;
    let mut calls = vec![cut];
    if place.start > 0 {
        calls.push(place.with(bench, b"")?);
    }
    Ok(calls)
}

pub(super) fn changed_at_the_end(bench: &Bench<'_>) -> CaseRequests {
    let place = Place::find(bench)?;
    let signature = place.signature();
    let nothing = || Skip::because("the signature is too short");
    // The very last characters of base64 can hold bits that decoders ignore.
    let end = signature.len().checked_sub(3).ok_or_else(nothing)?;
    let start = end.checked_sub(5).ok_or_else(nothing)?;
    let changed = change_within(&signature, start..end).ok_or_else(nothing)?;
    Ok(vec![place.with(bench, &changed)?])
}

/// Signed with a key that is empty, or that is the word for nothing.
pub(super) fn empty_key(bench: &Bench<'_>) -> CaseRequests {
    let scheme = bench.signing.scheme;
    let draft = bench.draft();
    let signed = |text: &str| {
        let signer = scheme
            .signer(&Secret::new(text), &bench.signing.options)
            .ok()?;
        let signed = bench.sign_with(&*signer, &draft, &new_id(), bench.now);
        Some(draft.call(signed.ok()?))
    };
    let empty = EMPTY.iter().find_map(|text| signed(text));
    let unset = UNSET.iter().filter_map(|text| signed(text));
    let calls: Vec<Call> = empty.into_iter().chain(unset).collect();
    match calls.is_empty() {
        true => Err(Skip::because("takes no such key")),
        false => Ok(calls),
    }
}

/// Changes a body far behind its start, after it was signed.
pub(super) fn changed_behind(bench: &Bench<'_>) -> CaseRequests {
    if !bench.facts().covers_body {
        return Err(not_covered());
    }
    BEHIND
        .iter()
        .map(|length| {
            let mut draft = bench.draft();
            let many = "x".repeat(*length);
            draft.body = grown(&draft, &format!("\"{many}\""), &many)?;
            let mut call = bench.valid(&draft)?;
            let mut body = call.body.to_vec();
            let at = memchr::memmem::rfind(&body, b"xxxx");
            let at = at.ok_or_else(|| Skip::because("nothing to change"))?;
            body[at + 3] = b'y';
            call.body = body.into();
            Ok(call)
        })
        .collect()
}

/// A wrong signature on a body of another type: some frameworks only hand JSON to the code that verifies.
pub(super) fn other_types(bench: &Bench<'_>) -> CaseRequests {
    let kinds = [
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/octet-stream"),
        None,
    ];
    kinds
        .into_iter()
        .map(|kind| {
            let mut draft = bench.draft();
            match kind {
                Some(kind) => draft
                    .headers
                    .insert(CONTENT_TYPE, HeaderValue::from_static(kind)),
                None => draft.headers.remove(CONTENT_TYPE),
            };
            with_changed_signature(bench, bench.valid(&draft)?)
        })
        .collect()
}

/// The body with white space around it that was signed.
pub(super) fn spaced(bench: &Bench<'_>) -> CaseRequests {
    let mut draft = bench.draft();
    if is_form(&draft) || draft.body.is_empty() {
        return Err(Skip::because("the body is not JSON"));
    }
    draft.body = with_space(&draft.body);
    Ok(vec![bench.valid(&draft)?])
}

/// White space that was added after the body was signed.
pub(super) fn spaced_later(bench: &Bench<'_>) -> CaseRequests {
    if !bench.facts().covers_body {
        return Err(not_covered());
    }
    let mut call = bench.valid(&bench.draft())?;
    call.body = with_space(&call.body);
    Ok(vec![call])
}

fn with_space(body: &Bytes) -> Bytes {
    [b" ", &body[..], b"\r\n"].concat().into()
}

/// A token that says that it has no signature.
pub(super) fn unsigned_token(bench: &Bench<'_>) -> CaseRequests {
    let mut call = bench.valid(&bench.draft())?;
    let none = || Skip::because("sends no token");
    let line = call.headers.get(AUTHORIZATION).ok_or_else(none)?;
    let line = line.to_str().map_err(|_| none())?;
    let (scheme, token) = line.split_once(' ').ok_or_else(none)?;
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(none());
    };
    let head = URL_SAFE_NO_PAD.encode(br#"{"alg":"none","typ":"JWT"}"#);
    let line = HeaderValue::from_str(&format!("{scheme} {head}.{claims}.")).map_err(|_| none())?;
    call.headers.insert(AUTHORIZATION, line);
    Ok(vec![call])
}

/// A valid token for another receiver.
pub(super) fn another_audience(bench: &Bench<'_>) -> CaseRequests {
    let scheme = bench.signing.scheme;
    if !scheme.options().iter().any(|(name, _)| *name == AUDIENCE) {
        return Err(Skip::because("has no audience"));
    }
    let mut options: Options = bench.signing.options.clone();
    if options.get(AUDIENCE).is_none() {
        return Err(Skip::because("no audience is given"));
    }
    let other = "https://another.example.test/".to_owned();
    options.0.push((AUDIENCE.to_owned(), other));
    let signer = scheme.signer(&bench.signing.secret, &options)?;
    let draft = bench.draft();
    let signed = bench.sign_with(&*signer, &draft, &new_id(), bench.now)?;
    Ok(vec![draft.call(signed)])
}
