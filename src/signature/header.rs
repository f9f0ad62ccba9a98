//! Headers as signatures use them: one value each, compared as bytes.

use std::borrow::Cow;

use http::header::AsHeaderName;
use http::{HeaderMap, HeaderValue};

use super::Reason;

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
