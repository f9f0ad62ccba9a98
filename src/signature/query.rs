//! Query strings and forms, percent-encoded.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use memchr::{memchr, memchr_iter};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

/// The most characters of a challenge. Those of the vendors have a few dozen.
const LONGEST_CHALLENGE: usize = 128;

/// Whether a challenge may be answered with its MAC: letters, digits, `-` and the bytes in `also`. An endpoint that signs any
/// text would sign events for strangers.
pub(super) fn is_challenge(text: &str, also: &[u8]) -> bool {
    let is_allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || also.contains(&byte);
    (1..=LONGEST_CHALLENGE).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Whether the content type is that of a form. It is case-insensitive (RFC 9110).
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    const FORM: &[u8] = b"application/x-www-form-urlencoded";
    headers.get(CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.as_bytes().get(..FORM.len());
        kind.is_some_and(|kind| kind.eq_ignore_ascii_case(FORM))
    })
}

/// Returns the first value of a query parameter of the URL.
pub(super) fn value(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    pairs(query.as_bytes())
        .find(|(key, _)| key.as_ref() == name.as_bytes())
        .map(|(_, value)| String::from_utf8_lossy(&value).into_owned())
}

/// All parameters of a query or form, in order. They are bytes, because invalid UTF-8 is signed too.
pub(crate) fn pairs(text: &[u8]) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    let mut from = 0;
    memchr_iter(b'&', text)
        .chain([text.len()])
        .map(move |at| {
            let pair = &text[from..at];
            from = at + 1;
            pair
        })
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let at = memchr(b'=', pair);
            let (key, value) = match at {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &b""[..]),
            };
            (decode(key), decode(value))
        })
}

/// Decodes percent-encoding, and `+` as a space. An incomplete escape stays as it is.
fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'+', text).is_none() {
        return percent_decode(text).into();
    }
    let text: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    Cow::Owned(percent_decode(&text).collect())
}

/// Escapes a text for a query.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_decoded() {
        let url = "https://a.test/x?crc_token=25ow%2FV7%2b&nonce=a+b&nonce=c&e#f";
        assert_eq!(value(url, "crc_token").as_deref(), Some("25ow/V7+"));
        assert_eq!(value(url, "nonce").as_deref(), Some("a b"));
        assert_eq!(value(url, "e").as_deref(), Some(""));
        assert_eq!(value(url, "f"), None);
    }

    #[test]
    fn an_incomplete_escape_stays_as_it_is() {
        let decoded = |text: &str| decode(text.as_bytes()).into_owned();
        assert_eq!(decoded("100%"), b"100%");
        assert_eq!(decoded("%zz%4"), b"%zz%4");
        assert_eq!(decoded("%ff"), b"\xff");
    }
}
