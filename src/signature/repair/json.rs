//! The same JSON, as other writers write it. Every text is made from the tokens of the received body, so that digits and the
//! order of members stay as they are where a form does not change them.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::de::IgnoredAny;

use super::order;
use super::strings;
use super::{LARGEST, Tries};

/// A longer text is not finished: deep nesting makes indented text many times longer.
const LONGEST: usize = 4 * LARGEST;

/// Whether a body is JSON. Its depth is bounded, so the functions here may recurse.
pub(super) fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

pub(super) fn find(body: &[u8], tries: &mut Tries<impl Fn(&[u8]) -> bool>) -> Option<String> {
    let tokens = tokens(body);
    let owned =
        |tokens: &[&[u8]]| -> Vec<Vec<u8>> { tokens.iter().map(|token| token.to_vec()).collect() };
    // Writers that write this body alike are tried once.
    let mut seen = HashSet::new();
    for writer in strings::WRITERS {
        let written = writer.write(&tokens);
        if seen.insert(hash(&written))
            && let Some(layout) = layouts(&written, &Layout::ALL, tries)
        {
            return Some(layout + writer.words);
        }
    }
    for (words, changed) in order::numbers(&owned(&tokens)) {
        if let Some(layout) = layouts(&changed, &Layout::COMMON, tries) {
            return Some(format!("{layout}, {words}"));
        }
    }
    if let Some((words, changed)) = order::sorted(&tokens) {
        for writer in strings::WRITERS.iter().filter(|writer| writer.is_common) {
            let borrowed: Vec<&[u8]> = changed.iter().map(Vec::as_slice).collect();
            let written = writer.write(&borrowed);
            if seen.insert(hash(&written))
                && let Some(layout) = layouts(&written, &Layout::COMMON, tries)
            {
                return Some(format!("{layout}, {words}{}", writer.words));
            }
        }
    }
    for changed in order::permuted(&tokens) {
        if tries.is_over() {
            return None;
        }
        if let Some(layout) = layouts(&owned(&changed), &Layout::COMMON, tries) {
            return Some(format!("{layout}, with its members in another order"));
        }
    }
    None
}

fn hash(tokens: &[Vec<u8>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    tokens.hash(&mut hasher);
    hasher.finish()
}

/// Returns the words of the first layout that matches.
fn layouts(
    tokens: &[Vec<u8>],
    layouts: &[Layout],
    tries: &mut Tries<impl Fn(&[u8]) -> bool>,
) -> Option<String> {
    let mut text = Vec::new();
    for layout in layouts {
        text.clear();
        layout.write(tokens, &mut text);
        if tries.is(&text) {
            return Some(layout.words());
        }
        text.extend_from_slice(layout.newline().as_bytes());
        if tries.is(&text) {
            return Some(layout.words() + " and a trailing newline");
        }
    }
    None
}

#[derive(Clone, Copy)]
enum Layout {
    Compact,
    /// A line for each element of a list, as SendGrid writes its events.
    Lines,
    /// A space after each comma and colon, like Python's `json.dumps`.
    Spaced,
    Indented(&'static str, &'static str),
}

impl Layout {
    const ALL: [Self; 8] = [
        Self::Compact,
        Self::Spaced,
        Self::Lines,
        Self::Indented("  ", "\n"),
        Self::Indented("    ", "\n"),
        Self::Indented("\t", "\n"),
        Self::Indented(" ", "\n"),
        Self::Indented("  ", "\r\n"),
    ];
    /// The layouts of bodies that are sent, in which rarer changes are looked for.
    const COMMON: [Self; 2] = [Self::Compact, Self::Spaced];

    fn words(self) -> String {
        match self {
            Self::Compact => "the same JSON without white space".to_owned(),
            Self::Lines => "the same JSON with a CRLF after each event".to_owned(),
            Self::Spaced => "the same JSON with a space after each comma and colon".to_owned(),
            Self::Indented("\t", _) => "the same JSON indented with tabs".to_owned(),
            Self::Indented(indent, newline) => {
                let ends = if newline == "\n" { "" } else { " and CRLF" };
                format!("the same JSON indented with {} spaces{ends}", indent.len())
            }
        }
    }

    const fn newline(self) -> &'static str {
        match self {
            Self::Compact | Self::Spaced => "\n",
            Self::Lines => "\r\n",
            Self::Indented(_, newline) => newline,
        }
    }

    fn write(self, tokens: &[Vec<u8>], out: &mut Vec<u8>) {
        let mut depth = 0_usize;
        let mut previous: &[u8] = b"";
        for token in tokens {
            if out.len() > LONGEST {
                return;
            }
            let token = token.as_slice();
            let closes = matches!(token, b"}" | b"]");
            depth = depth.saturating_sub(usize::from(closes));
            let opened = matches!(previous, b"{" | b"[");
            if (opened && !closes) || (closes && !opened) || previous == b"," {
                self.line(depth, previous == b",", out);
            }
            out.extend_from_slice(token);
            if token == b":" && matches!(self, Self::Spaced | Self::Indented(..)) {
                out.push(b' ');
            }
            depth += usize::from(matches!(token, b"{" | b"["));
            previous = token;
        }
    }

    fn line(self, depth: usize, after_comma: bool, out: &mut Vec<u8>) {
        match self {
            Self::Compact => {}
            Self::Lines if after_comma && depth == 1 => out.extend_from_slice(b"\r\n"),
            Self::Spaced if after_comma => out.push(b' '),
            Self::Lines | Self::Spaced => {}
            Self::Indented(indent, newline) => {
                out.extend_from_slice(newline.as_bytes());
                out.extend_from_slice(indent.repeat(depth).as_bytes());
            }
        }
    }
}

/// Splits valid JSON into brackets, commas, colons, strings with their quotes, and literals.
fn tokens(text: &[u8]) -> Vec<&[u8]> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&first) = text.get(at) {
        let length = match first {
            b' ' | b'\t' | b'\r' | b'\n' => {
                at += 1;
                continue;
            }
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            b'"' => string_length(&text[at..]),
            _ => text[at..]
                .iter()
                .position(|byte| b" \t\r\n{}[],:".contains(byte))
                .unwrap_or(text.len() - at),
        };
        tokens.push(&text[at..at + length]);
        at += length;
    }
    tokens
}

fn string_length(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}
