//! HMAC-SHA256 over a message in parts, and the two ways in which its value is written down.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key, Tag};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A MAC as it was given, decoded.
pub(super) type Mac = [u8; 32];

/// Base64 of a MAC, with its padding.
pub(super) const BASE64_LENGTH: usize = 44;

const HEX: &[u8; 16] = b"0123456789abcdef";

pub(super) fn key(bytes: &[u8]) -> Key {
    Key::new(HMAC_SHA256, bytes)
}

/// The MAC of all parts, one after the other.
pub(super) fn mac(key: &Key, parts: &[&[u8]]) -> Tag {
    let mut context = Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    context.sign()
}

/// Compares in constant time.
pub(super) fn is_equal(tag: &Tag, given: &Mac) -> bool {
    verify_slices_are_equal(tag.as_ref(), given).is_ok()
}

/// Decodes exactly 64 lower-case digits, the form in which every vendor sends them.
pub(super) fn from_hex(text: &[u8]) -> Option<Mac> {
    let mut mac = [0; 32];
    if text.len() != 2 * mac.len() {
        return None;
    }
    for (byte, pair) in mac.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(mac)
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

/// Decodes exactly 44 characters of standard base64, padding included.
pub(super) fn from_base64(text: &[u8]) -> Option<Mac> {
    // One byte more than a MAC has: 44 characters without padding would decode to 33.
    let mut decoded = [0; 33];
    if text.len() != BASE64_LENGTH {
        return None;
    }
    let length = STANDARD.decode_slice(text, &mut decoded).ok()?;
    decoded[..length].try_into().ok()
}

pub(super) fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
}

pub(super) fn push_base64(tag: &Tag, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + BASE64_LENGTH, 0);
    let written = STANDARD
        .encode_slice(tag.as_ref(), &mut out[start..])
        .expect("44 characters hold 32 bytes");
    out.truncate(start + written);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_survives_both_forms() {
        let tag = mac(&key(b"k"), &[b"a", b"b"]);
        let mut hex = Vec::new();
        push_hex(tag.as_ref(), &mut hex);
        assert!(is_equal(&tag, &from_hex(&hex).unwrap()));
        let mut base64 = Vec::new();
        push_base64(&tag, &mut base64);
        assert!(is_equal(&tag, &from_base64(&base64).unwrap()));
    }

    #[test]
    fn other_alphabets_and_lengths_are_refused() {
        assert_eq!(from_hex(&[b'A'; 64]), None);
        assert_eq!(from_hex(&[b'0'; 63]), None);
        assert_eq!(from_base64(&[b'_'; 44]), None);
        assert_eq!(from_base64(&[b'A'; 44]), None);
        assert_eq!(from_base64(b"AAAA"), None);
    }

    #[test]
    fn parts_are_signed_as_one_message() {
        assert_eq!(
            mac(&key(b"k"), &[b"ab", b"", b"c"]).as_ref(),
            mac(&key(b"k"), &[b"abc"]).as_ref()
        );
    }
}
