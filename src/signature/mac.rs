//! HMAC over a message in parts, and the two encodings of its value.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, Context, Key, Tag};
use base64::Engine;
use base64::engine::general_purpose::{
    GeneralPurpose, STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD,
};

use super::diagnose::{BASE64, BASE64_URL};

const HEX: &[u8; 16] = b"0123456789abcdef";
/// Length of the longest MAC, in bytes.
const LONGEST: usize = 64;
/// Marks bytes that are not hexadecimal digits.
const NO_DIGIT: u8 = 0xff;

/// The value of each byte as a lower-case hexadecimal digit, the form that every vendor sends.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        digits[HEX[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

/// The hash function of the MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    pub(super) fn key(self, bytes: &[u8]) -> Key {
        let algorithm = match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        Key::new(algorithm, bytes)
    }

    /// Length of a MAC, in bytes.
    pub(super) const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// How a MAC is encoded as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Lower-case hexadecimal digits.
    Hex,
    /// Upper-case hexadecimal digits.
    HexUpper,
    /// Standard base64 with its padding.
    Base64,
    /// Standard base64 without padding.
    Base64Bare,
    /// Base64 with `-` and `_`, without padding.
    Base64Url,
    /// Base64 with `-` and `_` and its padding.
    Base64UrlPadded,
    /// Any of the others. It is written as lower-case hexadecimal digits.
    Any,
}

impl Encoding {
    /// Decodes exactly one MAC of this algorithm.
    pub(super) fn decode(self, text: &[u8], algorithm: Algorithm) -> Option<Mac> {
        match self {
            Self::Hex => from_hex(text, algorithm.length()),
            Self::HexUpper => from_hex_upper(text, algorithm.length()),
            Self::Base64 => from_base64(text, algorithm.length()),
            Self::Base64Bare => lenient(&BASE64, text, algorithm.length()),
            Self::Base64Url | Self::Base64UrlPadded => {
                lenient(&BASE64_URL, text, algorithm.length())
            }
            Self::Any => {
                let length = algorithm.length();
                from_hex(text, length)
                    .or_else(|| from_hex_upper(text, length))
                    .or_else(|| lenient(&BASE64, text, length))
                    .or_else(|| lenient(&BASE64_URL, text, length))
            }
        }
    }

    /// The words for a MAC in this encoding: how many characters of which kind.
    pub(super) fn in_words(self, algorithm: Algorithm) -> String {
        let length = algorithm.length();
        match self {
            Self::Hex => format!("{} lower-case hexadecimal digits", 2 * length),
            Self::HexUpper => format!("{} upper-case hexadecimal digits", 2 * length),
            Self::Base64 => format!("{} characters of base64", base64_length(length)),
            Self::Base64Bare => format!("{length} bytes in base64 without padding"),
            Self::Base64Url | Self::Base64UrlPadded => format!("{length} bytes in base64url"),
            Self::Any => format!(
                "{} hexadecimal digits, or {length} bytes in base64",
                2 * length
            ),
        }
    }

    pub(super) fn push(self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Hex | Self::Any => push_hex(bytes, out),
            Self::HexUpper => {
                let start = out.len();
                push_hex(bytes, out);
                out[start..].make_ascii_uppercase();
            }
            Self::Base64 => push_base64(bytes, out),
            Self::Base64Bare => out.extend_from_slice(STANDARD_NO_PAD.encode(bytes).as_bytes()),
            Self::Base64Url => out.extend_from_slice(URL_SAFE_NO_PAD.encode(bytes).as_bytes()),
            Self::Base64UrlPadded => out.extend_from_slice(URL_SAFE.encode(bytes).as_bytes()),
        }
    }
}

/// A decoded MAC from a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mac {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Mac {
    /// Returns `None` if there are more bytes than in any MAC.
    pub(super) fn new(given: &[u8]) -> Option<Self> {
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..given.len())?.copy_from_slice(given);
        Some(Self {
            bytes,
            length: given.len(),
        })
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// A key for HMAC-SHA256, which most schemes use.
pub(super) fn key(bytes: &[u8]) -> Key {
    Algorithm::Sha256.key(bytes)
}

/// The MAC of the concatenated parts.
pub(super) fn mac(key: &Key, parts: &[&[u8]]) -> Tag {
    let mut context = Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    context.sign()
}

/// Compares in constant time.
pub(super) fn is_equal(tag: &Tag, given: &Mac) -> bool {
    verify_slices_are_equal(tag.as_ref(), given.as_slice()).is_ok()
}

/// Decodes exactly `length` bytes from lower-case hexadecimal digits.
pub(super) fn from_hex(text: &[u8], length: usize) -> Option<Mac> {
    let mut mac = Mac {
        bytes: [0; LONGEST],
        length,
    };
    if text.len() != 2 * length || length > LONGEST {
        return None;
    }
    let mut seen = 0;
    for (byte, pair) in mac.bytes.iter_mut().zip(text.chunks_exact(2)) {
        let (high, low) = (DIGITS[usize::from(pair[0])], DIGITS[usize::from(pair[1])]);
        seen |= high | low;
        *byte = high << 4 | low & 15;
    }
    (seen < 16).then_some(mac)
}

/// Like [`from_hex`], for upper-case digits.
fn from_hex_upper(text: &[u8], length: usize) -> Option<Mac> {
    let mut lower = [0; 2 * LONGEST];
    let lower = lower.get_mut(..text.len())?;
    lower.copy_from_slice(text);
    lower.make_ascii_lowercase();
    // A mix of both cases is not a form that any sender writes.
    let is_upper = !text.iter().any(u8::is_ascii_lowercase);
    is_upper.then(|| from_hex(lower, length)).flatten()
}

/// Decodes hexadecimal digits of either case, of any length.
pub(super) fn any_hex(text: &str) -> Option<Vec<u8>> {
    let lower = text.to_ascii_lowercase();
    let pairs = lower.as_bytes().chunks(2);
    pairs
        .map(|pair| Some(from_hex(pair, 1)?.as_slice()[0]))
        .collect()
}

/// Decodes exactly `length` bytes from base64 with or without padding.
fn lenient(engine: &GeneralPurpose, text: &[u8], length: usize) -> Option<Mac> {
    let mut decoded = [0; LONGEST + 3];
    if text.len() > base64_length(length) {
        return None;
    }
    let written = engine.decode_slice(text, &mut decoded).ok()?;
    (written == length).then(|| Mac::new(&decoded[..length]))?
}

/// Decodes exactly `length` bytes from padded standard base64.
pub(super) fn from_base64(text: &[u8], length: usize) -> Option<Mac> {
    // Larger than a MAC: unpadded text of this length decodes to one or two bytes more.
    let mut decoded = [0; LONGEST + 3];
    if text.len() != base64_length(length) {
        return None;
    }
    let written = STANDARD.decode_slice(text, &mut decoded).ok()?;
    if written != length {
        return None;
    }
    Mac::new(&decoded[..length])
}

/// The length of padded base64 for this many bytes.
pub(super) const fn base64_length(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(2 * bytes.len());
    push_hex(bytes, &mut text);
    text.into_iter().map(char::from).collect()
}

pub(super) fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
}

/// Padded standard base64.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn push_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + base64_length(bytes.len()), 0);
    let written = STANDARD
        .encode_slice(bytes, &mut out[start..])
        .expect("the buffer has the encoded length");
    out.truncate(start + written);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_decoded_from_every_encoding() {
        for algorithm in [
            Algorithm::Sha1,
            Algorithm::Sha256,
            Algorithm::Sha384,
            Algorithm::Sha512,
        ] {
            let tag = mac(&algorithm.key(b"k"), &[b"a", b"b"]);
            for writing in [
                Encoding::Hex,
                Encoding::HexUpper,
                Encoding::Base64,
                Encoding::Base64Bare,
                Encoding::Base64Url,
                Encoding::Base64UrlPadded,
                Encoding::Any,
            ] {
                let mut text = Vec::new();
                writing.push(tag.as_ref(), &mut text);
                assert!(is_equal(&tag, &writing.decode(&text, algorithm).unwrap()));
                assert!(is_equal(
                    &tag,
                    &Encoding::Any.decode(&text, algorithm).unwrap()
                ));
            }
        }
    }

    #[test]
    fn other_alphabets_and_lengths_are_not_decoded() {
        let (hex, base64) = (
            |text: &[u8]| Encoding::Hex.decode(text, Algorithm::Sha256),
            |text: &[u8]| Encoding::Base64.decode(text, Algorithm::Sha256),
        );
        assert_eq!(hex(&[b'A'; 64]), None);
        assert_eq!(hex(&[b'g'; 64]), None);
        assert_eq!(hex(&[b'0'; 63]), None);
        assert_eq!(base64(&[b'_'; 44]), None);
        assert_eq!(base64(&[b'A'; 44]), None);
        assert_eq!(base64(b"AAAA"), None);
        let any = |text: &[u8]| Encoding::Any.decode(text, Algorithm::Sha256);
        assert_eq!(any(&[&[b'a'; 32][..], &[b'A'; 32]].concat()), None);
        assert_eq!(any(&[b'A'; 44]), None);
        // The last bits that no byte uses must be zero: otherwise one MAC has several texts.
        assert_eq!(any(&[&[b'A'; 42][..], b"B="].concat()), None);
        assert!(any(&[&[b'A'; 42][..], b"E="].concat()).is_some());
    }

    #[test]
    fn parts_are_concatenated() {
        assert_eq!(
            mac(&key(b"k"), &[b"ab", b"", b"c"]).as_ref(),
            mac(&key(b"k"), &[b"abc"]).as_ref()
        );
    }
}
