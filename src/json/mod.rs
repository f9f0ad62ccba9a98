//! Reads values from JSON text without copying them, and edits JSON text without changing any other byte.
//!
//! Nothing here builds a tree or recurses: a lookup scans the text once, so its cost is bounded by the length of the
//! document, however deeply it is nested. Check text from outside with [`is_json`] first. Lookups in text that is not JSON
//! return `None` and never panic.

mod canonical;
mod check;
mod edit;
mod hidden;
mod pretty;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

pub use canonical::canonical;
pub(crate) use check::check;
pub use edit::{InsertError, insert, remove, span};
pub use hidden::{escape_hidden, without_hidden};
pub use pretty::pretty;

/// Returns whether `text` is one JSON value, with optional white space around it.
pub fn is_json(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| check(text, |_| {}))
}

/// Appends valid JSON `text` without the white space between its tokens. Every other byte is unchanged.
pub fn minify(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(&byte) = rest.first() {
        let end = match byte {
            b'"' => string_end(rest).unwrap_or(rest.len()),
            byte if is_space(byte) => {
                rest = &rest[1..];
                continue;
            }
            _ => rest
                .iter()
                .position(|byte| *byte == b'"' || is_space(*byte))
                .unwrap_or(rest.len()),
        };
        out.extend_from_slice(&rest[..end]);
        rest = &rest[end..];
    }
}

/// One step of a path into a document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A member of an object. A number also selects an element of an array.
    Name(String),
    /// An element of an array.
    Index(usize),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// The type of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    /// The kind with its article, for messages.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "a list",
            Self::Object => "an object",
        }
    }
}

/// The kind of `value` with its article, for messages.
pub fn kind_of(value: &serde_json::Value) -> &'static str {
    use serde_json::Value;
    let kind = match value {
        Value::Null => Kind::Null,
        Value::Bool(_) => Kind::Bool,
        Value::Number(_) => Kind::Number,
        Value::String(_) => Kind::String,
        Value::Array(_) => Kind::Array,
        Value::Object(_) => Kind::Object,
    };
    kind.in_words()
}

/// A JSON number. Whole numbers of up to 128 bits are exact.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    Whole(i128),
    Real(f64),
}

impl Number {
    /// Parses the text of a number. Callers with loose comparisons also pass the content of strings.
    pub fn parse(text: &str) -> Option<Self> {
        let first = text.bytes().next()?;
        if !(first.is_ascii_digit() || first == b'-') {
            return None;
        }
        match text.parse() {
            Ok(whole) => Some(Self::Whole(whole)),
            Err(_) => text
                .parse()
                .ok()
                .filter(|real: &f64| real.is_finite())
                .map(Self::Real),
        }
    }

    /// Compares two whole numbers exactly, and all others as floats.
    pub fn compare(self, other: Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(&b)),
            (a, b) => a.real().partial_cmp(&b.real()),
        }
    }

    fn real(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }
}

/// One JSON value, borrowed from the text that contains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a>(&'a str);

impl<'a> Raw<'a> {
    /// The value of valid JSON `text`.
    pub fn new(text: &'a str) -> Self {
        Self(text.trim_matches(|c: char| c.is_ascii() && is_space(c as u8)))
    }

    /// The value of `text`, or `None` if it is not JSON.
    pub fn check(text: &'a [u8]) -> Option<Self> {
        is_json(text)
            .then(|| std::str::from_utf8(text).ok().map(Self::new))
            .flatten()
    }

    /// The value's text, unchanged.
    pub fn text(self) -> &'a str {
        self.0
    }

    pub fn kind(self) -> Option<Kind> {
        Some(match self.0.as_bytes().first()? {
            b'n' => Kind::Null,
            b't' | b'f' => Kind::Bool,
            b'"' => Kind::String,
            b'[' => Kind::Array,
            b'{' => Kind::Object,
            b'-' | b'0'..=b'9' => Kind::Number,
            _ => return None,
        })
    }

    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    pub fn as_bool(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    pub fn as_number(self) -> Option<Number> {
        Number::parse(self.0)
    }

    /// The characters of a string, borrowed if it has no escapes. `None` also for a string that is not valid Unicode (`"\ud800"`).
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        unquote(self.0)
    }

    /// The characters of a string, or the text of any other value.
    pub fn plain(self) -> Cow<'a, str> {
        self.as_str().unwrap_or(Cow::Borrowed(self.0))
    }

    /// The member or element that `step` selects. If several members have the same name, the last one wins, as in most parsers.
    pub fn step(self, step: &Step) -> Option<Self> {
        match (step, self.kind()?) {
            (Step::Name(name), Kind::Object) => self.member(name),
            (Step::Name(name), Kind::Array) => self.items().nth(name.parse().ok()?),
            (Step::Index(index), Kind::Array) => self.items().nth(*index),
            _ => None,
        }
    }

    /// The value at the end of a path.
    pub fn at(self, path: &[Step]) -> Option<Self> {
        path.iter().try_fold(self, |value, step| value.step(step))
    }

    /// The last member with this name.
    pub fn member(self, name: &str) -> Option<Self> {
        self.members()
            .filter(|member| member.is_named(name))
            .last()
            .map(|member| member.value(self.0))
    }

    /// The elements of an array; empty for other values.
    pub fn items(self) -> impl Iterator<Item = Self> {
        let text = self.0;
        let mut cursor = Cursor::into(text, b'[');
        std::iter::from_fn(move || cursor.value().map(|range| Self(&text[range])))
    }

    /// The members of an object in order; empty for other values.
    pub(crate) fn members(self) -> impl Iterator<Item = Member<'a>> {
        let text = self.0;
        let mut cursor = Cursor::into(text, b'{');
        std::iter::from_fn(move || {
            let key = cursor.string()?;
            cursor.colon()?;
            let value = cursor.value()?;
            Some(Member {
                key_text: &text[key.clone()],
                key,
                value,
            })
        })
    }
}

impl fmt::Display for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A member of an object, with its position in the object's text.
pub(crate) struct Member<'a> {
    key_text: &'a str,
    pub(crate) key: Range<usize>,
    pub(crate) value: Range<usize>,
}

impl<'a> Member<'a> {
    pub(crate) fn is_named(&self, name: &str) -> bool {
        let inner = self.key_text.get(1..self.key_text.len().saturating_sub(1));
        let first = inner.and_then(|inner| inner.bytes().next());
        if first != name.bytes().next() && first != Some(b'\\') {
            // The first byte is cheaper to check than whether the key has escapes, and most names differ in it.
            return false;
        }
        match inner {
            Some(inner) if !inner.contains('\\') => inner == name,
            _ => unquote(self.key_text).is_some_and(|key| key == name),
        }
    }

    pub(crate) fn value(&self, object: &'a str) -> Raw<'a> {
        Raw(&object[self.value.clone()])
    }
}

fn unquote(text: &str) -> Option<Cow<'_, str>> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(text).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// A position inside the text of an array or object.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn into(text: &'a str, bracket: u8) -> Self {
        let at = match text.as_bytes().first() {
            Some(first) if *first == bracket => 1,
            _ => text.len(),
        };
        Self { text, at }
    }

    /// Skips white space and commas.
    fn skip_gap(&mut self) {
        let bytes = self.text.as_bytes();
        while bytes
            .get(self.at)
            .is_some_and(|byte| is_space(*byte) || *byte == b',')
        {
            self.at += 1;
        }
    }

    fn string(&mut self) -> Option<Range<usize>> {
        self.skip_gap();
        let rest = self.text.as_bytes().get(self.at..)?;
        if rest.first() != Some(&b'"') {
            return None;
        }
        Some(self.take(string_end(rest)?))
    }

    fn colon(&mut self) -> Option<()> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let colon = rest.iter().position(|byte| !is_space(*byte))?;
        self.at += colon + 1;
        (rest[colon] == b':').then_some(())
    }

    fn value(&mut self) -> Option<Range<usize>> {
        self.skip_gap();
        let rest = self.text.as_bytes().get(self.at..)?;
        let length = value_end(rest)?;
        Some(self.take(length))
    }

    fn take(&mut self, length: usize) -> Range<usize> {
        let start = self.at;
        self.at += length;
        start..self.at
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The length of the string at the start of `text`, with its quotes.
fn string_end(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += plain_length(text.get(at..)?)?;
        match text[at] {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

/// The number of bytes before the next quote or backslash. Most strings are so short that a call of `memchr2` is slower.
#[inline]
fn plain_length(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    let mut at = 0;
    while let Some(word) = text[at..].first_chunk() {
        let word = u64::from_le_bytes(*word);
        // The subtraction can mark wrong bytes, but only above the lowest mark, and only the lowest is used.
        let found = zeros(word ^ (ONES * b'"' as u64)) | zeros(word ^ (ONES * b'\\' as u64));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    text[at..]
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\'))
        .map(|found| at + found)
}

/// The length of the value at the start of `text`.
fn value_end(text: &[u8]) -> Option<usize> {
    match text.first()? {
        b'"' => string_end(text),
        b'{' | b'[' => nested_end(text),
        b']' | b'}' | b':' => None,
        _ => Some(
            text.iter()
                .position(|byte| is_space(*byte) || matches!(byte, b',' | b']' | b'}' | b':'))
                .unwrap_or(text.len()),
        ),
    }
}

fn nested_end(text: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match text.get(at)? {
            b'"' => {
                at += string_end(text.get(at..)?)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests;
