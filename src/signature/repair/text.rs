//! Changes to the bytes of any body: line breaks, byte order marks, character sets, compression and wrappings.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::{GzDecoder, ZlibDecoder};

use super::{COMPRESSED, ENCODED, LARGEST, LARGEST_TEXT, Repair, Tries, rewritten};

const MARK: &[u8] = b"\xef\xbb\xbf";
/// The most bytes that are decompressed: a small body can hold gigabytes of zeros.
const MOST_INFLATED: u64 = 1024 * 1024;

pub(super) fn find(body: &[u8], tries: &mut Tries<impl Fn(&[u8]) -> bool>) -> Option<Repair> {
    if let Some(signed) = line_break(body, tries) {
        return Some(Repair::rewritten(signed));
    }
    if body.len() > LARGEST_TEXT {
        return compressed(body, tries);
    }
    edges(body, tries)
        .or_else(|| line_breaks_inside(body, tries))
        .or_else(|| character_set(body, tries))
        .map(Repair::rewritten)
        .or_else(|| compressed(body, tries))
        .or_else(|| wrapped(body, tries))
}

fn line_break(body: &[u8], tries: &mut Tries<impl Fn(&[u8]) -> bool>) -> Option<&'static str> {
    if let Some(shorter) = body.strip_suffix(b"\n") {
        let without_return = shorter.strip_suffix(b"\r");
        if tries.is(shorter) || without_return.is_some_and(|shorter| tries.is(shorter)) {
            return Some("the body without its trailing newline");
        }
    }
    for ending in ["\n", "\r\n"] {
        if tries.is(&[body, ending.as_bytes()].concat()) {
            return Some("the body with a trailing newline");
        }
    }
    None
}

/// White space and a byte order mark around the body.
fn edges(body: &[u8], tries: &mut Tries<impl Fn(&[u8]) -> bool>) -> Option<&'static str> {
    let trimmed = body.trim_ascii();
    if trimmed.len() != body.len() && tries.is(trimmed) {
        return Some("the body without the white space around it");
    }
    match body.strip_prefix(MARK) {
        Some(rest) => tries
            .is(rest)
            .then_some("the body without its byte order mark"),
        None => tries
            .is(&[MARK, body].concat())
            .then_some("the body with a byte order mark"),
    }
}

/// Line breaks of another system, as git or a mail server writes them.
fn line_breaks_inside(
    body: &[u8],
    tries: &mut Tries<impl Fn(&[u8]) -> bool>,
) -> Option<&'static str> {
    if !body.contains(&b'\n') {
        return None;
    }
    let without: Vec<u8> = body.iter().copied().filter(|byte| *byte != b'\r').collect();
    if without.len() != body.len() && tries.is(&without) {
        return Some("the body with LF in place of CRLF");
    }
    let mut with = Vec::with_capacity(without.len() + without.len() / 16);
    for byte in &without {
        if *byte == b'\n' {
            with.push(b'\r');
        }
        with.push(*byte);
    }
    (with != body && tries.is(&with)).then_some("the body with CRLF in place of LF")
}

/// UTF-8 and Latin-1, taken for each other.
fn character_set(body: &[u8], tries: &mut Tries<impl Fn(&[u8]) -> bool>) -> Option<&'static str> {
    if body.is_ascii() {
        return None;
    }
    let as_utf8 = || {
        body.iter()
            .map(|byte| char::from(*byte))
            .collect::<String>()
    };
    let Ok(text) = std::str::from_utf8(body) else {
        let signed = "the body in UTF-8; it arrived in Latin-1";
        return tries.is(as_utf8().as_bytes()).then_some(signed);
    };
    let latin: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
    if let Ok(latin) = latin
        && tries.is(&latin)
    {
        return Some(match std::str::from_utf8(&latin) {
            Ok(_) => "the body before its UTF-8 was taken for Latin-1 and encoded again",
            Err(_) => "the body in Latin-1; it arrived in UTF-8",
        });
    }
    let twice = "the body whose UTF-8 was taken for Latin-1 and encoded again";
    tries.is(as_utf8().as_bytes()).then_some(twice)
}

fn compressed(body: &[u8], tries: &mut Tries<impl Fn(&[u8]) -> bool>) -> Option<Repair> {
    let (plain, name) = match body {
        [0x1f, 0x8b, ..] => (inflated(GzDecoder::new(body))?, "gzip"),
        // The header of zlib is a multiple of 31 (RFC 1950).
        [0x78, second, ..] if (0x7800 + u32::from(*second)) % 31 == 0 => {
            (inflated(ZlibDecoder::new(body))?, "deflate")
        }
        _ => return None,
    };
    let form = format!("the body before it was compressed with {name}");
    if tries.is(&plain) {
        return Some(Repair {
            signed: form,
            advice: COMPRESSED,
        });
    }
    let other = line_break(&plain, tries).map(Repair::rewritten);
    let is_small = plain.len() <= LARGEST;
    let other = other.or_else(|| is_small.then(|| rewritten(&plain, tries))?)?;
    Some(Repair {
        signed: format!("{form}, as {}", other.signed),
        ..other
    })
}

fn inflated(from: impl Read) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    from.take(MOST_INFLATED + 1).read_to_end(&mut plain).ok()?;
    (plain.len() as u64 <= MOST_INFLATED).then_some(plain)
}

/// A body inside base64 or inside a JSON string, as gateways and queues pass it on.
fn wrapped(body: &[u8], tries: &mut Tries<impl Fn(&[u8]) -> bool>) -> Option<Repair> {
    let trimmed = body.trim_ascii();
    let found = |signed: &str| Repair {
        signed: signed.to_owned(),
        advice: ENCODED,
    };
    if let Ok(inside) = STANDARD.decode(trimmed)
        && !inside.is_empty()
        && tries.is(&inside)
    {
        return Some(found("the bytes inside this base64"));
    }
    if trimmed.starts_with(b"\"")
        && let Ok(inside) = serde_json::from_slice::<String>(trimmed)
        && tries.is(inside.as_bytes())
    {
        return Some(found("the text inside this JSON string"));
    }
    None
}
