//! The strings of a body with the escapes of other JSON writers.

/// How a writer escapes what JSON allows both ways.
pub(super) struct Writer {
    /// The end of the description.
    pub(super) words: &'static str,
    /// Also tried together with another order of members.
    pub(super) is_common: bool,
    slash: Slash,
    letters: Letters,
    /// More characters that are written as `\uXXXX`.
    more: &'static str,
    /// Whether those are written in upper case.
    is_upper: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Slash {
    Kept,
    Plain,
    Escaped,
}

/// Characters outside ASCII.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Letters {
    Kept,
    Plain,
    Lower,
    Upper,
}

const fn writer(words: &'static str, slash: Slash, letters: Letters) -> Writer {
    Writer {
        words,
        is_common: false,
        slash,
        letters,
        more: "",
        is_upper: false,
    }
}

const fn common(words: &'static str, slash: Slash, letters: Letters) -> Writer {
    Writer {
        is_common: true,
        ..writer(words, slash, letters)
    }
}

const fn escaping(words: &'static str, more: &'static str) -> Writer {
    Writer {
        more,
        ..writer(words, Slash::Plain, Letters::Plain)
    }
}

pub(super) const WRITERS: &[Writer] = &[
    common("", Slash::Kept, Letters::Kept),
    writer(", with unescaped slashes", Slash::Plain, Letters::Kept),
    writer(", with escaped slashes", Slash::Escaped, Letters::Kept),
    writer(", with unescaped letters", Slash::Kept, Letters::Plain),
    writer(
        ", with escaped non-ASCII letters",
        Slash::Kept,
        Letters::Lower,
    ),
    common(
        ", with unescaped slashes and letters, as JavaScript writes it",
        Slash::Plain,
        Letters::Plain,
    ),
    common(
        ", with escaped slashes and non-ASCII letters, as PHP writes it",
        Slash::Escaped,
        Letters::Lower,
    ),
    common(
        ", with unescaped slashes and escaped non-ASCII letters, as Python writes it",
        Slash::Plain,
        Letters::Lower,
    ),
    writer(
        ", with escaped slashes and unescaped letters",
        Slash::Escaped,
        Letters::Plain,
    ),
    Writer {
        is_common: true,
        ..escaping(
            ", with <, > and & escaped, as Go's encoding/json and Rails write it",
            "<>&\u{2028}\u{2029}",
        )
    },
    escaping(
        ", with <, >, &, = and ' escaped, as Java's Gson writes it",
        "<>&='\u{2028}\u{2029}",
    ),
    Writer {
        more: "\"&'+<>`\u{7f}",
        is_upper: true,
        is_common: true,
        ..writer(
            ", with upper-case \\u escapes, as .NET's System.Text.Json writes it",
            Slash::Plain,
            Letters::Upper,
        )
    },
    writer(
        ", with upper-case \\u escapes of non-ASCII letters",
        Slash::Plain,
        Letters::Upper,
    ),
    escaping(
        ", with <, >, &, ' and \" escaped, as Newtonsoft's Json.NET writes it for HTML",
        "<>&'\"\u{85}\u{2028}\u{2029}",
    ),
    Writer {
        more: "<>&'\"",
        is_upper: true,
        ..writer(
            ", with <, >, &, ' and \" escaped, as PHP writes it for HTML",
            Slash::Escaped,
            Letters::Lower,
        )
    },
];

impl Writer {
    /// Writes the strings among the tokens. All other tokens stay as they are.
    pub(super) fn write(&self, tokens: &[&[u8]]) -> Vec<Vec<u8>> {
        tokens.iter().map(|token| self.token(token)).collect()
    }

    fn token(&self, token: &[u8]) -> Vec<u8> {
        let inside = token.strip_prefix(b"\"");
        let inside = inside.and_then(|inside| inside.strip_suffix(b"\""));
        let Some(Ok(text)) = inside.map(std::str::from_utf8) else {
            return token.to_vec();
        };
        let mut out = Vec::with_capacity(token.len() + 16);
        out.push(b'"');
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let unit = Unit::read(rest, next);
            self.unit(unit, &mut out);
            rest = &rest[unit.written.len()..];
        }
        out.push(b'"');
        out
    }

    fn unit(&self, unit: Unit<'_>, out: &mut Vec<u8>) {
        let is_long = unit.written.starts_with("\\u");
        match unit.means {
            Some(letter) if self.more.contains(letter) => escape(letter, self.is_upper, out),
            Some('/') if self.slash == Slash::Plain => out.push(b'/'),
            Some('/') if self.slash == Slash::Escaped => out.extend_from_slice(b"\\/"),
            Some(letter) if !letter.is_ascii() && self.letters == Letters::Lower => {
                escape(letter, false, out);
            }
            Some(letter) if !letter.is_ascii() && self.letters == Letters::Upper => {
                escape(letter, true, out);
            }
            Some(letter @ ('"' | '\\')) if is_long && self.letters != Letters::Kept => {
                out.extend_from_slice(&[b'\\', letter as u8]);
            }
            Some(letter) if is_long && self.letters != Letters::Kept && letter >= ' ' => {
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => out.extend_from_slice(unit.written.as_bytes()),
        }
    }
}

/// Writes a character as one or two `\uXXXX`.
fn escape(letter: char, is_upper: bool, out: &mut Vec<u8>) {
    for half in letter.encode_utf16(&mut [0; 2]) {
        let text = match is_upper {
            true => format!("\\u{half:04X}"),
            false => format!("\\u{half:04x}"),
        };
        out.extend_from_slice(text.as_bytes());
    }
}

/// One character of a string.
#[derive(Clone, Copy)]
struct Unit<'a> {
    /// Its source text, such as `\u00eb`.
    written: &'a str,
    /// `None` for one half of a surrogate pair, and for control characters.
    means: Option<char>,
}

impl<'a> Unit<'a> {
    fn read(rest: &'a str, next: char) -> Self {
        if next != '\\' {
            return Self {
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
            let letter = rest[1..].chars().next();
            return Self {
                written: &rest[..end],
                means: letter.filter(|letter| matches!(letter, '/' | '"' | '\\')),
            };
        };
        let pair = half(6).and_then(|second| {
            char::decode_utf16([first, second])
                .next()?
                .ok()
                .filter(|letter| letter.len_utf16() == 2)
        });
        match pair {
            Some(letter) => Self {
                written: &rest[..12],
                means: Some(letter),
            },
            None => Self {
                written: &rest[..6],
                means: char::from_u32(u32::from(first)),
            },
        }
    }
}
