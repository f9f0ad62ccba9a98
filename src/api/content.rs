//! The content of a response: decompresses it, and says what it is if it is not the JSON that was expected.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use serde::de::IgnoredAny;
use thiserror::Error;

/// The first bytes of gzip with deflate, its only method.
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];
const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";
/// A response that grows by more than this when it is decompressed is refused, once it is larger than [`FREE`].
const MAX_RATIO: usize = 250;
/// Up to this size, the ratio does not matter.
const FREE: usize = 1024 * 1024;
/// The longest quoted part of a response, in characters.
const QUOTED: usize = 80;

/// Why a compressed response cannot be read.
#[derive(Debug, Error)]
pub enum DecodeError {
    #[error("it is compressed with `{0}`, which evt does not support")]
    Unsupported(String),
    /// It may be complete the next time.
    #[error("its compressed content is damaged or incomplete")]
    Damaged(#[source] std::io::Error),
    #[error("its compressed content grows more than {MAX_RATIO} times")]
    Ratio,
    #[error("it is too large")]
    TooLarge,
}

/// Decompresses gzip and deflate, with at most `limit` bytes of output, and removes a byte order mark.
///
/// The encoding may be missing or wrong: some gateways compress without saying so, and some decompress and leave the header.
pub(super) fn decode(
    encoding: Option<&str>,
    body: Vec<u8>,
    limit: usize,
) -> Result<Vec<u8>, DecodeError> {
    let encoding = encoding.unwrap_or_default().trim().to_ascii_lowercase();
    let is_plain = matches!(body.trim_ascii_start().first(), None | Some(b'{' | b'['));
    let mut body = match encoding.as_str() {
        _ if body.starts_with(&GZIP) => inflate(MultiGzDecoder::new(&body[..]), body.len(), limit)?,
        _ if is_plain || body.starts_with(UTF8_BOM) => body,
        "" | "identity" | "gzip" | "x-gzip" => body,
        // The standard means zlib; some servers send the bare format.
        "deflate" => match inflate(ZlibDecoder::new(&body[..]), body.len(), limit) {
            Err(DecodeError::Damaged(_)) => {
                inflate(DeflateDecoder::new(&body[..]), body.len(), limit)?
            }
            inflated => inflated?,
        },
        other => return Err(DecodeError::Unsupported(other.to_owned())),
    };
    if body.starts_with(UTF8_BOM) {
        body.drain(..UTF8_BOM.len());
    }
    Ok(body)
}

fn inflate(mut from: impl Read, compressed: usize, limit: usize) -> Result<Vec<u8>, DecodeError> {
    let mut out = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut piece).map_err(DecodeError::Damaged)?;
        if read == 0 {
            return Ok(out);
        }
        out.extend_from_slice(&piece[..read]);
        if out.len() > limit {
            return Err(DecodeError::TooLarge);
        }
        if out.len() > FREE && out.len() > compressed.saturating_mul(MAX_RATIO) {
            return Err(DecodeError::Ratio);
        }
    }
}

/// Describes a body that is not the expected JSON: `an HTML page, \"Sign in\"`.
pub(super) fn describe(status: u16, content_type: Option<&str>, body: &[u8]) -> String {
    let charset = content_type.and_then(charset);
    if body.trim_ascii().is_empty() {
        return match status {
            204 => "nothing (204 No Content)".to_owned(),
            _ => format!("empty ({status})"),
        };
    }
    let named = charset.map_or_else(String::new, |name| {
        format!("; its content-type says {name}")
    });
    let is_utf16 = body.starts_with(b"\xff\xfe")
        || body.starts_with(b"\xfe\xff")
        || body.get(..2).is_some_and(|start| start.contains(&0));
    if is_utf16 {
        return format!("UTF-16, not UTF-8{named}");
    }
    let text = match std::str::from_utf8(body) {
        Ok(text) => text.trim(),
        Err(error) => {
            let at = error.valid_up_to();
            let byte = body.get(at).copied().unwrap_or_default();
            return format!("not UTF-8: byte 0x{byte:02x} at offset {at}{named}");
        }
    };
    if text.starts_with('<') {
        let start = text.get(..200).unwrap_or(text).to_ascii_lowercase();
        let is_html = start.starts_with("<!doctype html") || start.contains("<html");
        return match (is_html, title(text)) {
            (true, Some(title)) => format!("an HTML page, \"{}\"", quoted(&title)),
            (true, None) => "an HTML page".to_owned(),
            (false, _) => "XML".to_owned(),
        };
    }
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => "JSON of another form".to_owned(),
        Err(error) if text.starts_with(['{', '[']) => format!("not valid JSON ({error})"),
        Err(_) => format!("text, not JSON: \"{}\"", quoted(text)),
    }
}

fn charset(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|part| {
        let (name, value) = part.trim().split_once('=')?;
        let value = value.trim().trim_matches('"');
        (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty()).then_some(value)
    })
}

fn title(html: &str) -> Option<String> {
    // ASCII lower case has the same offsets.
    let lower = html.to_ascii_lowercase();
    let open = lower.find("<title")?;
    let start = open + lower[open..].find('>')? + 1;
    let end = start + lower[start..].find('<')?;
    let words: Vec<&str> = html[start..end].split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// The start of a text, on one line.
fn quoted(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut start: String = line.chars().take(QUOTED).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const PAGE: &[u8] = br#"{"data":[]}"#;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = GzEncoder::new(Vec::new(), Compression::best());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut out = ZlibEncoder::new(Vec::new(), Compression::best());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut out = DeflateEncoder::new(Vec::new(), Compression::best());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn compressed_content_is_read_whatever_the_header_says() {
        let bom = [UTF8_BOM, PAGE].concat();
        for (encoding, body) in [
            (None, PAGE.to_vec()),
            (Some("identity"), PAGE.to_vec()),
            (Some("gzip"), gzip(PAGE)),
            (Some("X-GZIP"), gzip(PAGE)),
            (None, gzip(PAGE)),
            (Some("gzip"), PAGE.to_vec()),
            (Some("br"), PAGE.to_vec()),
            (Some("deflate"), zlib(PAGE)),
            (Some("deflate"), deflate(PAGE)),
            (None, bom.clone()),
            (Some("gzip"), gzip(&bom)),
        ] {
            assert_eq!(decode(encoding, body, 100).unwrap(), PAGE, "{encoding:?}");
        }
    }

    #[test]
    fn inflation_is_bounded_by_size_and_by_ratio() {
        let zeros = gzip(&vec![b'0'; 8 * 1024 * 1024]);
        assert!(matches!(
            decode(None, zeros.clone(), 1000),
            Err(DecodeError::TooLarge)
        ));
        let large = 16 * 1024 * 1024;
        assert!(matches!(
            decode(None, zeros, large),
            Err(DecodeError::Ratio)
        ));
    }

    #[test]
    fn damaged_and_unknown_content_is_refused() {
        let cut = gzip(PAGE)[..12].to_vec();
        assert!(matches!(
            decode(None, cut, 100),
            Err(DecodeError::Damaged(_))
        ));
        let other = decode(Some("br"), b"\x0b\x05".to_vec(), 100).unwrap_err();
        assert!(other.to_string().contains("`br`"), "{other}");
    }

    #[test]
    fn a_body_that_is_not_json_is_described() {
        let html = "text/html; charset=utf-8";
        for (status, content_type, body, expected) in [
            (204, None, &b""[..], "nothing (204 No Content)"),
            (200, None, b" \n", "empty (200)"),
            (
                200,
                Some(html),
                b"<!DOCTYPE html><html><head><title>\n Sign in &ndash; Acme</title>",
                "an HTML page, \"Sign in &ndash; Acme\"",
            ),
            (200, Some(html), b"<HTML><body>", "an HTML page"),
            (200, None, b"<?xml version='1.0'?><e/>", "XML"),
            (200, None, b"\xff\xfe{\0", "UTF-16, not UTF-8"),
            (
                200,
                Some("application/json; charset=\"ISO-8859-1\""),
                b"{\"a\":\"Zo\xeb\"}",
                "not UTF-8: byte 0xeb at offset 8; its content-type says ISO-8859-1",
            ),
            (
                200,
                None,
                b"down for repair",
                "text, not JSON: \"down for repair\"",
            ),
            (200, None, b"{}", "JSON of another form"),
        ] {
            assert_eq!(describe(status, content_type, body), expected);
        }
        let cut = describe(200, None, b"[1,");
        assert!(cut.starts_with("not valid JSON (EOF"), "{cut}");
        let long = describe(200, None, "x".repeat(1000).as_bytes());
        assert!(long.chars().count() < 110, "{long}");
    }
}
