//! Headers as signatures use them: one value each, compared as bytes.

use std::borrow::Cow;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Judgement, Reason, diagnose};

/// Returns the value of a header, or the judgement on a request that lacks it or has two values.
///
/// The same value twice is accepted. Two different values are not: an attacker could make the verifier check one of them and
/// the app read the other.
pub(super) fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<&'a [u8], Box<Judgement>> {
    let mut values = headers.get_all(name).iter();
    // An empty header is what remains of a variable that was not set.
    let first = values.next().filter(|value| !is_blank(value));
    let Some(first) = first else {
        return Err(diagnose::missing_header(name, headers));
    };
    if values.any(|other| other != first) {
        return Err(duplicate(name));
    }
    Ok(first.as_bytes())
}

/// Whether a value has nothing but white space.
pub(super) fn is_blank(value: &HeaderValue) -> bool {
    value.as_bytes().trim_ascii().is_empty()
}

/// The judgement on a header with two different values.
#[cold]
pub(super) fn duplicate(name: &HeaderName) -> Box<Judgement> {
    let hint =
        format!("duplicate_header: `{name}` was sent twice with different values; send it once");
    Judgement::refused(Reason::DuplicateHeader, hint)
}

/// Returns the text after the name of the scheme in the Authorization header. The name is case-insensitive (RFC 9110).
pub(super) fn authorization<'a>(
    headers: &'a HeaderMap,
    scheme: &str,
) -> Result<&'a [u8], Box<Judgement>> {
    let line = single(headers, &AUTHORIZATION)?;
    let split = line.split_at_checked(scheme.len());
    let rest = split
        .filter(|(name, _)| name.eq_ignore_ascii_case(scheme.as_bytes()))
        .and_then(|(_, rest)| rest.strip_prefix(b" "));
    rest.map(<[u8]>::trim_ascii_start).ok_or_else(|| {
        let hint =
            format!("malformed_header: the Authorization header must have the form `{scheme} …`");
        Judgement::refused(Reason::MalformedHeader, hint)
    })
}

/// Removes the characters that a header cannot hold.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().filter(char::is_ascii_graphic).collect())
    }
}

/// Makes a value of visible ASCII.
pub(super) fn value(text: impl Into<Vec<u8>>) -> HeaderValue {
    HeaderValue::from_maybe_shared(bytes::Bytes::from(text.into()))
        .expect("visible ASCII is a valid header value")
}
