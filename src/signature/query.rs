//! Query strings and forms, percent-decoded.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use memchr::{memchr, memchr_iter, memchr2};

/// The most characters of a challenge; the vendors' own have a few dozen.
const LONGEST_CHALLENGE: usize = 128;

/// Whether a challenge may be answered with its MAC: letters and digits, `-` and what else the vendor uses. An endpoint that signs
/// any text signs events for whoever asks.
pub(super) fn is_challenge(text: &str, also: &[u8]) -> bool {
    let is_allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || also.contains(&byte);
    (1..=LONGEST_CHALLENGE).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Whether the headers say that the body is a form; the type is compared without case (RFC 9110).
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    const FORM: &[u8] = b"application/x-www-form-urlencoded";
    headers.get(CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.as_bytes().get(..FORM.len());
        kind.is_some_and(|kind| kind.eq_ignore_ascii_case(FORM))
    })
}

/// The first value of a parameter of the URL's query.
pub(super) fn value(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    pairs(query.as_bytes())
        .find(|(key, _)| key.as_ref() == name.as_bytes())
        .map(|(_, value)| String::from_utf8_lossy(&value).into_owned())
}

/// All parameters of a query or form, in order, as bytes: what is no UTF-8 is signed as it is.
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

/// Undoes percent-encoding, and `+` for a blank. A lone percent sign stays one.
fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr2(b'%', b'+', text).is_none() {
        return Cow::Borrowed(text);
    }
    let digit = |at: usize| {
        let letter = *text.get(at)? as char;
        u8::try_from(letter.to_digit(16)?).ok()
    };
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let pair = (byte == b'%').then(|| Some(digit(at + 1)? << 4 | digit(at + 2)?));
        at += match (byte, pair.flatten()) {
            (_, Some(decoded)) => {
                out.push(decoded);
                3
            }
            (b'+', None) => {
                out.push(b' ');
                1
            }
            (_, None) => {
                out.push(byte);
                1
            }
        };
    }
    Cow::Owned(out)
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
    fn what_is_no_escape_stays() {
        let decoded = |text: &str| decode(text.as_bytes()).into_owned();
        assert_eq!(decoded("100%"), b"100%");
        assert_eq!(decoded("%zz%4"), b"%zz%4");
        assert_eq!(decoded("%ff"), b"\xff");
    }
}
