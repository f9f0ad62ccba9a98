//! Headers as signatures use them: one value each, compared as bytes.

use std::borrow::Cow;

use http::header::{AUTHORIZATION, AsHeaderName};
use http::{HeaderMap, HeaderValue};

use super::{Judgement, Reason, diagnose};

/// The value of a header that may occur once. Sent twice with the same value it still says one thing; with two values it
/// does not, and whoever chose one of them could be made to check the other.
pub(super) fn single(headers: &HeaderMap, name: impl AsHeaderName) -> Result<&[u8], Reason> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().ok_or(Reason::MissingHeader)?;
    if values.any(|other| other != first) {
        return Err(Reason::DuplicateHeader);
    }
    Ok(first.as_bytes())
}

/// What follows the name of the scheme in the Authorization header; the name is compared without case (RFC 9110).
pub(super) fn authorization<'a>(
    headers: &'a HeaderMap,
    scheme: &str,
) -> Result<&'a [u8], Box<Judgement>> {
    let line = single(headers, AUTHORIZATION)
        .map_err(|reason| Box::new(diagnose::header(reason, &AUTHORIZATION, headers)))?;
    let split = line.split_at_checked(scheme.len());
    let rest = split
        .filter(|(name, _)| name.eq_ignore_ascii_case(scheme.as_bytes()))
        .and_then(|(_, rest)| rest.strip_prefix(b" "));
    rest.map(<[u8]>::trim_ascii_start).ok_or_else(|| {
        Box::new(Judgement::refused_with(
            Reason::MalformedHeader,
            format!("malformed_header: the Authorization header is not `{scheme} …`"),
        ))
    })
}

/// The text without what cannot stand in a header.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().filter(char::is_ascii_graphic).collect())
    }
}

/// A value of visible ASCII.
pub(super) fn value(bytes: Vec<u8>) -> HeaderValue {
    HeaderValue::from_maybe_shared(bytes::Bytes::from(bytes))
        .expect("letters, digits and signs can stand in a header")
}
