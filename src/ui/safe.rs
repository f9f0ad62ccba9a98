//! Escapes text from outside for a terminal: characters that control it, and that hide or reorder text, become visible.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// Displays text with every control, bidirectional, line-breaking and invisible character escaped (`\u{1b}`, `\n`, `\u{202e}`).
///
/// All payload text goes through this type on its way to a terminal. [`safe`] returns a `String`.
#[derive(Clone, Copy, Debug)]
pub struct Safe<'a>(pub &'a str);

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut plain = 0;
        for (at, character) in self.0.char_indices() {
            if !is_hidden(character) {
                continue;
            }
            f.write_str(&self.0[plain..at])?;
            escape(f, character)?;
            plain = at + character.len_utf8();
        }
        f.write_str(&self.0[plain..])
    }
}

/// Escapes text for one line of a terminal; see [`Safe`].
pub fn safe(text: &str) -> String {
    Safe(text).to_string()
}

/// Escapes bytes for one line of a terminal: invalid UTF-8 as `\xNN`, the rest like [`safe`].
pub fn safe_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        // Writing to a String cannot fail.
        let _ = write!(out, "{}", Safe(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// Escapes bytes like [`safe_bytes`] but keeps line feeds and tabs, for bodies of several lines.
pub fn safe_block(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for (position, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if position > 0 {
            out.push('\n');
        }
        for (column, field) in line.split(|byte| *byte == b'\t').enumerate() {
            if column > 0 {
                out.push('\t');
            }
            out.push_str(&safe_bytes(field));
        }
    }
    out
}

/// Escapes text and shortens it to `width` characters. The last one is `…` if text was removed.
pub fn clip(text: &str, width: usize) -> String {
    // Avoids escaping a megabyte of text for one line.
    let ahead: Cow<'_, str> = match text.char_indices().nth(width + 1) {
        Some((end, _)) => Cow::Borrowed(&text[..end]),
        None => Cow::Borrowed(text),
    };
    let shown = safe(&ahead);
    if shown.chars().count() <= width {
        return shown;
    }
    let mut cut: String = shown.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Returns whether unescaped bytes would control a terminal. Line feeds and tabs do not.
pub fn controls_a_terminal(bytes: &[u8]) -> bool {
    bytes.utf8_chunks().any(|chunk| {
        !chunk.invalid().is_empty()
            || chunk
                .valid()
                .chars()
                .any(|character| is_hidden(character) && character != '\n' && character != '\t')
    })
}

fn escape(f: &mut fmt::Formatter<'_>, character: char) -> fmt::Result {
    match character {
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        other => write!(f, "\\u{{{:x}}}", u32::from(other)),
    }
}

/// Control characters (C0, DEL, C1), and those that Unicode defines as invisible or as reordering the text around them.
fn is_hidden(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    matches!(character,
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn terminal_escapes_become_visible() {
        assert_eq!(
            safe("\u{1b}]0;owned\u{7}\r\n"),
            "\\u{1b}]0;owned\\u{7}\\r\\n"
        );
        assert_eq!(safe("a\u{9b}31mb\u{7f}"), "a\\u{9b}31mb\\u{7f}");
    }

    #[test]
    fn reordering_and_invisible_characters_become_visible() {
        assert_eq!(safe("user\u{202e}txt.exe"), "user\\u{202e}txt.exe");
        assert_eq!(safe("a\u{200b}b\u{2028}c"), "a\\u{200b}b\\u{2028}c");
    }

    #[test]
    fn ordinary_text_is_unchanged() {
        assert_eq!(safe("Zoë 日本語 \\ {x} 🦀"), "Zoë 日本語 \\ {x} 🦀");
    }

    #[test]
    fn invalid_utf8_becomes_hexadecimal() {
        assert_eq!(safe_bytes(b"ok\xff\xc3\x28"), "ok\\xff\\xc3(");
    }

    #[test]
    fn a_block_keeps_line_feeds_and_tabs() {
        assert_eq!(safe_block(b"{\n\t\"a\": \x1b\n}"), "{\n\t\"a\": \\u{1b}\n}");
    }

    #[test]
    fn shortened_text_ends_with_an_ellipsis() {
        assert_eq!(clip("abcdef", 4), "abc…");
        assert_eq!(clip("abcd", 4), "abcd");
    }

    proptest! {
        #[test]
        fn escaped_bytes_never_control_a_terminal(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let shown = safe_bytes(&bytes);
            prop_assert!(!shown.chars().any(char::is_control));
            prop_assert!(!controls_a_terminal(shown.as_bytes()));
        }

        #[test]
        fn every_escaped_character_is_visible(character in any::<char>()) {
            prop_assert!(!safe(&character.to_string()).chars().any(is_hidden));
        }
    }
}
