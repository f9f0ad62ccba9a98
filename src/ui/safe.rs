//! Text from outside, made fit for a terminal: what would steer it, hide or reorder text becomes a visible escape.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// Shows text with every control, bidirectional, line-breaking and invisible character escaped (`\u{1b}`, `\n`, `\u{202e}`).
///
/// The one type through which payload text reaches a terminal; see [`safe`] for a `String`.
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

/// Makes text fit for one line of a terminal: see [`Safe`].
pub fn safe(text: &str) -> String {
    Safe(text).to_string()
}

/// Makes bytes fit for one line of a terminal: what is not UTF-8 becomes `\xNN`, the rest is as in [`safe`].
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

/// [`safe_bytes`] that keeps line feeds and tabs, for bodies shown over several lines.
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

/// Cuts text to `width` characters, the last of which says that there was more. The text is made safe first.
pub fn clip(text: &str, width: usize) -> String {
    // Only so much can be shown: a megabyte of text is not escaped for the sake of one line.
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

/// Whether bytes would steer a terminal if they reached it as they are; line feeds and tabs do not.
pub fn steers_a_terminal(bytes: &[u8]) -> bool {
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

/// Controls (C0, DEL, C1), and the characters that Unicode defines to be invisible or to reorder what stands around them.
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
    fn escapes_of_a_terminal_become_visible() {
        assert_eq!(
            safe("\u{1b}]0;owned\u{7}\r\n"),
            "\\u{1b}]0;owned\\u{7}\\r\\n"
        );
        assert_eq!(safe("a\u{9b}31mb\u{7f}"), "a\\u{9b}31mb\\u{7f}");
    }

    #[test]
    fn text_that_reorders_or_hides_becomes_visible() {
        assert_eq!(safe("user\u{202e}txt.exe"), "user\\u{202e}txt.exe");
        assert_eq!(safe("a\u{200b}b\u{2028}c"), "a\\u{200b}b\\u{2028}c");
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        assert_eq!(safe("Zoë 日本語 \\ {x} 🦀"), "Zoë 日本語 \\ {x} 🦀");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_shown_as_hexadecimal() {
        assert_eq!(safe_bytes(b"ok\xff\xc3\x28"), "ok\\xff\\xc3(");
    }

    #[test]
    fn a_block_keeps_its_lines() {
        assert_eq!(safe_block(b"{\n\t\"a\": \x1b\n}"), "{\n\t\"a\": \\u{1b}\n}");
    }

    #[test]
    fn a_cut_says_that_there_was_more() {
        assert_eq!(clip("abcdef", 4), "abc…");
        assert_eq!(clip("abcd", 4), "abcd");
    }

    proptest! {
        #[test]
        fn nothing_that_steers_a_terminal_passes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let shown = safe_bytes(&bytes);
            prop_assert!(!shown.chars().any(char::is_control));
            prop_assert!(!steers_a_terminal(shown.as_bytes()));
        }

        #[test]
        fn any_character_ends_up_visible(character in any::<char>()) {
            prop_assert!(!safe(&character.to_string()).chars().any(is_hidden));
        }
    }
}
