//! Finds the body that was signed before something rewrote it: tries the same JSON in the layouts and escapes of common writers.
//! The texts are made from the tokens of the received body, so digits and the order of keys stay as they are.

use serde::de::IgnoredAny;

/// A larger body is only tried with and without its last line break, so that an invalid signature stays cheap to refuse.
const LARGEST: usize = 32 * 1024;
/// A longer text is not finished: deep nesting makes indented text many times longer.
const LONGEST: usize = 4 * LARGEST;

/// Returns a description of the first candidate for which `matches` returns true.
pub(super) fn find(body: &[u8], matches: impl Fn(&[u8]) -> bool) -> Option<String> {
    line_break(body, &matches)
        .map(str::to_owned)
        .or_else(|| rewritten(body, &matches))
}

fn line_break(body: &[u8], matches: impl Fn(&[u8]) -> bool) -> Option<&'static str> {
    if let Some(shorter) = body.strip_suffix(b"\n") {
        if matches(shorter) {
            return Some("the body without its trailing newline");
        }
        if let Some(shorter) = shorter.strip_suffix(b"\r")
            && matches(shorter)
        {
            return Some("the body without its trailing newline");
        }
    }
    for ending in ["\n", "\r\n"] {
        if matches(&[body, ending.as_bytes()].concat()) {
            return Some("the body with a trailing newline");
        }
    }
    None
}

/// The most bytes of text that are tried for one request.
const MOST_TRIED: usize = 1024 * 1024;

fn rewritten(body: &[u8], matches: impl Fn(&[u8]) -> bool) -> Option<String> {
    if body.len() > LARGEST || serde_json::from_slice::<IgnoredAny>(body).is_err() {
        return None;
    }
    let tokens = tokens(body);
    let slashes = if body.contains(&b'/') {
        &[Escape::Kept, Escape::Plain, Escape::Escaped][..]
    } else {
        &[Escape::Kept]
    };
    let letters = if body.is_ascii() && !body.windows(2).any(|pair| pair == b"\\u") {
        &[Escape::Kept][..]
    } else {
        &[Escape::Kept, Escape::Plain, Escape::Escaped]
    };
    let mut text = Vec::with_capacity(body.len() * 2);
    let mut tried = 0;
    for slash in slashes {
        for letter in letters {
            let tokens: Vec<Vec<u8>> = tokens
                .iter()
                .map(|token| escape(token, *slash, *letter))
                .collect();
            for layout in Layout::ALL {
                text.clear();
                layout.write(&tokens, &mut text);
                tried += 2 * text.len();
                if tried > MOST_TRIED {
                    return None;
                }
                if matches(&text) {
                    return Some(words(*layout, *slash, *letter));
                }
                text.push(b'\n');
                if matches(&text) {
                    return Some(words(*layout, *slash, *letter) + " and a trailing newline");
                }
            }
        }
    }
    None
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    Kept,
    Plain,
    Escaped,
}

#[derive(Clone, Copy)]
enum Layout {
    Compact,
    /// A space after each comma and colon, like Python's `json.dumps`.
    Spaced,
    Indented(&'static str),
}

fn words(layout: Layout, slash: Escape, letter: Escape) -> String {
    let mut words = match layout {
        Layout::Compact => "the same JSON without white space".to_owned(),
        Layout::Spaced => "the same JSON with a space after each comma and colon".to_owned(),
        Layout::Indented("\t") => "the same JSON indented with tabs".to_owned(),
        Layout::Indented(indent) => format!("the same JSON indented with {} spaces", indent.len()),
    };
    match slash {
        Escape::Kept => {}
        Escape::Plain => words.push_str(", with unescaped slashes"),
        Escape::Escaped => words.push_str(", with escaped slashes"),
    }
    match letter {
        Escape::Kept => {}
        Escape::Plain => words.push_str(", with unescaped letters"),
        Escape::Escaped => words.push_str(", with escaped non-ASCII letters"),
    }
    words
}

impl Layout {
    const ALL: &[Self] = &[
        Self::Compact,
        Self::Spaced,
        Self::Indented("  "),
        Self::Indented("    "),
        Self::Indented("\t"),
        Self::Indented(" "),
    ];

    fn write(self, tokens: &[Vec<u8>], out: &mut Vec<u8>) {
        let mut depth = 0_usize;
        let mut previous: &[u8] = b"";
        for token in tokens {
            if out.len() > LONGEST {
                return;
            }
            let token = token.as_slice();
            let closes = matches!(token, b"}" | b"]");
            depth -= usize::from(closes);
            let opened = matches!(previous, b"{" | b"[");
            if (opened && !closes) || (closes && !opened) || previous == b"," {
                self.line(depth, previous == b",", out);
            }
            out.extend_from_slice(token);
            if token == b":" && !matches!(self, Self::Compact) {
                out.push(b' ');
            }
            depth += usize::from(matches!(token, b"{" | b"["));
            previous = token;
        }
    }

    fn line(self, depth: usize, after_comma: bool, out: &mut Vec<u8>) {
        match self {
            Self::Compact => {}
            Self::Spaced if after_comma => out.push(b' '),
            Self::Spaced => {}
            Self::Indented(indent) => {
                out.push(b'\n');
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

fn escape(token: &[u8], slash: Escape, letter: Escape) -> Vec<u8> {
    let mut out = token.to_vec();
    if !token.starts_with(b"\"") {
        return out;
    }
    let Ok(text) = std::str::from_utf8(token) else {
        return out;
    };
    out.clear();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let unit = unit(rest, next);
        write_unit(unit, slash, letter, &mut out);
        rest = &rest[unit.written.len()..];
    }
    out
}

/// One character of a string.
#[derive(Clone, Copy)]
struct Unit<'a> {
    /// Its source text, such as `\u00eb`.
    written: &'a str,
    /// `None` for one half of a surrogate pair.
    means: Option<char>,
}

fn unit(rest: &str, next: char) -> Unit<'_> {
    if next != '\\' {
        return Unit {
            written: &rest[..next.len_utf8()],
            means: Some(next),
        };
    }
    let half = |at: usize| {
        let digits = rest.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let Some(first) = half(0) else {
        let end = rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at);
        return Unit {
            written: &rest[..end],
            means: rest.starts_with("\\/").then_some('/'),
        };
    };
    let pair = half(6).and_then(|second| {
        char::decode_utf16([first, second])
            .next()?
            .ok()
            .filter(|letter| letter.len_utf16() == 2)
    });
    match pair {
        Some(letter) => Unit {
            written: &rest[..12],
            means: Some(letter),
        },
        None => Unit {
            written: &rest[..6],
            means: char::from_u32(u32::from(first)),
        },
    }
}

fn write_unit(unit: Unit<'_>, slash: Escape, letter: Escape, out: &mut Vec<u8>) {
    match unit.means {
        Some('/') if slash == Escape::Plain => out.push(b'/'),
        Some('/') if slash == Escape::Escaped => out.extend_from_slice(b"\\/"),
        Some(means) if !means.is_ascii() && letter == Escape::Escaped => {
            for half in means.encode_utf16(&mut [0; 2]) {
                out.extend_from_slice(format!("\\u{half:04x}").as_bytes());
            }
        }
        Some(means)
            if unit.written.starts_with("\\u")
                && letter == Escape::Plain
                && means >= ' '
                && !matches!(means, '"' | '\\') =>
        {
            out.extend_from_slice(means.encode_utf8(&mut [0; 4]).as_bytes());
        }
        _ => out.extend_from_slice(unit.written.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(received: &str, signed: &str) -> Option<String> {
        find(received.as_bytes(), |body| body == signed.as_bytes())
    }

    #[test]
    fn an_added_or_removed_newline_is_found() {
        assert!(found("{}\n", "{}").is_some());
        assert!(found("{}\r\n", "{}").is_some());
        assert!(found("a=1", "a=1\n").is_some());
        assert!(found("a=1", "a=1\r\n").is_some());
    }

    #[test]
    fn every_layout_is_found_from_every_other() {
        let layouts = [
            r#"{"a":[1,2.50,{}],"b":"x: y, {z}","c":[]}"#,
            r#"{"a": [1, 2.50, {}], "b": "x: y, {z}", "c": []}"#,
            "{\n  \"a\": [\n    1,\n    2.50,\n    {}\n  ],\n  \"b\": \"x: y, {z}\",\n  \"c\": []\n}",
            "{\n\t\"a\": [\n\t\t1,\n\t\t2.50,\n\t\t{}\n\t],\n\t\"b\": \"x: y, {z}\",\n\t\"c\": []\n}\n",
        ];
        for received in layouts {
            for signed in layouts {
                if received != signed {
                    assert!(found(received, signed).is_some(), "{received} {signed}");
                }
            }
        }
    }

    #[test]
    fn added_and_removed_escapes_are_found() {
        let plain = r#"{"u":"https://a.test/ë🚀","q":"\"\\ \u0007"}"#;
        let escaped = r#"{"u":"https:\/\/a.test\/\u00eb\ud83d\ude80","q":"\"\\ \u0007"}"#;
        assert!(
            found(plain, escaped)
                .unwrap()
                .contains("with escaped slashes")
        );
        assert!(found(escaped, plain).unwrap().contains("unescaped"));
    }

    #[test]
    fn half_a_surrogate_pair_stays_as_it_is() {
        let spaced = r#"{"a": "\ud83d x \udE80\ud83d"}"#;
        assert!(found(spaced, &spaced.replace("\": ", "\":")).is_some());
    }

    #[test]
    fn a_body_with_other_content_is_not_found() {
        assert_eq!(found(r#"{"a":1}"#, r#"{"a":1.0}"#), None);
        assert_eq!(found("not json", "nor this"), None);
    }
}
