//! Escapes characters that JSON allows in strings but that control a terminal or reorder the text around them.
//!
//! They are DEL, the C1 control characters, the line and paragraph separators, and the characters that Unicode calls
//! `Bidi_Control`. JSON has C0 only as white space between tokens, and escapes it in strings.

use std::borrow::Cow;
use std::io::Write;

/// Text is first skipped in blocks of this many bytes, which the compiler turns into vector instructions.
const BLOCK: usize = 32;

/// Escapes these characters from byte `start` of `out` on. The JSON values stay the same.
///
/// Text without them is only scanned, and nothing is allocated.
pub fn escape_hidden(out: &mut Vec<u8>, start: usize) {
    let Some(first) = find(out, start) else {
        return;
    };
    let tail = out.split_off(first);
    let mut plain = 0;
    let mut next = Some(0);
    while let Some(at) = next {
        let (length, code) = hidden_at(&tail[at..]).expect("`find` found it");
        out.extend_from_slice(&tail[plain..at]);
        // Writing to memory cannot fail.
        let _ = write!(out, "\\u{code:04x}");
        plain = at + length;
        next = find(&tail, plain);
    }
    out.extend_from_slice(&tail[plain..]);
}

/// The JSON with these characters escaped; see [`escape_hidden`].
pub fn without_hidden(json: &[u8]) -> Cow<'_, [u8]> {
    match find(json, 0) {
        None => Cow::Borrowed(json),
        Some(first) => {
            let mut escaped = json.to_vec();
            escape_hidden(&mut escaped, first);
            Cow::Owned(escaped)
        }
    }
}

/// The position of the next such character.
fn find(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += bytes[at..]
            .chunks(BLOCK)
            .take_while(|block| is_plain(block))
            .map(<[u8]>::len)
            .sum::<usize>();
        if at == bytes.len() {
            return None;
        }
        let end = bytes.len().min(at + BLOCK);
        for position in at..end {
            if bytes[position] >= 0x7f && hidden_at(&bytes[position..]).is_some() {
                return Some(position);
            }
        }
        at = end;
    }
}

/// Whether a block is ASCII without DEL.
fn is_plain(block: &[u8]) -> bool {
    // Valid UTF-8 has no byte 0xff, so the addition never turns a high byte into a low one.
    let all = block
        .iter()
        .fold(0, |all: u8, byte| all | byte.wrapping_add(1));
    all < 0x80
}

/// The length and the code of the character at the start of `bytes`, if it is one of these.
fn hidden_at(bytes: &[u8]) -> Option<(usize, u16)> {
    match *bytes {
        [0x7f, ..] => Some((1, 0x7f)),
        [0xc2, last @ 0x80..=0x9f, ..] => Some((2, u16::from(last))),
        [0xd8, 0x9c, ..] => Some((2, 0x061c)),
        [0xe2, 0x80, last @ (0x8e | 0x8f | 0xa8..=0xae), ..] => {
            Some((3, 0x2000 | u16::from(last & 0x3f)))
        }
        [0xe2, 0x81, last @ 0xa6..=0xa9, ..] => Some((3, 0x2040 | u16::from(last & 0x3f))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// Written as Unicode defines them, not as the code above finds them.
    fn is_hidden(character: char) -> bool {
        matches!(character,
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    }

    fn escaped(value: &Value) -> String {
        let mut out = b"before ".to_vec();
        serde_json::to_writer(&mut out, value).unwrap();
        escape_hidden(&mut out, 7);
        String::from_utf8(out.split_off(7)).unwrap()
    }

    #[test]
    fn every_character_of_the_basic_plane_keeps_its_value() {
        for character in (0..0x1_0000).filter_map(char::from_u32) {
            let value = Value::from(format!("a{character}b"));
            let text = escaped(&value);
            assert!(!text.chars().any(is_hidden), "{:x}", u32::from(character));
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }

    #[test]
    fn clean_json_is_borrowed_and_unchanged() {
        for text in ["", "{\"a\":\"x\"}", "\"Zoë “quoted” علي 👩‍👩‍👧\""] {
            assert!(
                matches!(without_hidden(text.as_bytes()), Cow::Borrowed(same) if same == text.as_bytes())
            );
        }
    }

    proptest! {
        #[test]
        fn the_output_has_the_same_value_and_no_such_character(
            text in proptest::collection::vec(prop_oneof![
                any::<char>(),
                proptest::char::range('\u{7f}', '\u{9f}'),
                proptest::char::range('\u{2020}', '\u{206f}'),
                Just('\u{61c}'),
                Just('a'),
            ], 0..100)
        ) {
            let text: String = text.into_iter().collect();
            let value = serde_json::json!({ text.as_str(): [text, 1.0] });
            let written = escaped(&value);
            prop_assert!(!written.chars().any(is_hidden), "{written:?}");
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        }
    }
}
