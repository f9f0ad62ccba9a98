//! The canonical form of JSON text. Its hash shows whether a record has changed.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use memchr::memchr;

use super::{is_space, minify, nested_end, plain_length, value_end};

/// Levels whose members are sorted; deeper levels are only minified. Bounds the stack, and how often a byte is moved.
const LEVELS: usize = 64;

/// The initial capacity: most records have fewer members.
const MEMBERS: usize = 32;

/// Appends the canonical form of valid JSON `text`.
///
/// The form has no white space, its members are sorted by the bytes of their unescaped names, of several members with one name
/// only the last is kept, and only characters that need an escape have one, the shortest. Numbers are unchanged (`1.0` is not
/// `1`, `1e2` is not `100`), and so are escapes of lone surrogates.
///
/// Members whose path is in `ignore` are left out. A path is a name at the root or names joined by dots; it continues in each
/// element of a list (`tags.seen` is the member `seen` of each tag). Below 64 levels, and in text that is not JSON, only white
/// space is removed.
pub fn canonical(text: &str, ignore: &[String], out: &mut Vec<u8>) {
    let start = out.len();
    let ignore: Vec<&str> = ignore.iter().map(String::as_str).collect();
    let mut writer = Canonical {
        text: text.as_bytes(),
        at: 0,
        out,
        members: Vec::new(),
        copy: Vec::new(),
    };
    if writer.document(&ignore).is_none() {
        out.truncate(start);
        minify(text.as_bytes(), out);
    }
}

/// A member that has been written to the output.
struct Member {
    /// The first bytes of its unescaped name, which decide most comparisons.
    prefix: u64,
    has_escapes: bool,
    /// The byte ranges of its name without quotes and of the whole member, counted from its object's bracket.
    name: Range<usize>,
    whole: Range<usize>,
}

impl Member {
    fn cmp(&self, other: &Self, text: &[u8]) -> Ordering {
        self.prefix.cmp(&other.prefix).then_with(|| {
            let (name, other_name) = (&text[self.name.clone()], &text[other.name.clone()]);
            if self.has_escapes || other.has_escapes {
                unescaped(name).cmp(&unescaped(other_name))
            } else {
                name.cmp(other_name)
            }
        })
    }
}

/// Reads `text` and writes its canonical form in one pass. An object whose members are out of order is sorted in the output when
/// it ends. Functions return `None` if the text is not JSON.
struct Canonical<'a> {
    text: &'a [u8],
    at: usize,
    out: &'a mut Vec<u8>,
    /// The members of all open objects, those of the innermost object last.
    members: Vec<Member>,
    /// A copy of the object that is being sorted.
    copy: Vec<u8>,
}

impl Canonical<'_> {
    fn document(&mut self, ignore: &[&str]) -> Option<()> {
        self.value(ignore, 0)?;
        self.next().is_none().then_some(())
    }

    /// Skips white space and returns the next byte.
    fn next(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.get(self.at)?;
            if !is_space(byte) {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn value(&mut self, ignore: &[&str], depth: usize) -> Option<()> {
        match self.next()? {
            b'"' => self.string().map(drop),
            b'{' | b'[' if depth == LEVELS => {
                let rest = &self.text[self.at..];
                let length = nested_end(rest)?;
                minify(&rest[..length], self.out);
                self.at += length;
                Some(())
            }
            b'{' => self.object(ignore, depth + 1),
            b'[' => self.list(ignore, depth + 1),
            b',' => None,
            _ => {
                let rest = &self.text[self.at..];
                let length = value_end(rest)?;
                self.out.extend_from_slice(&rest[..length]);
                self.at += length;
                Some(())
            }
        }
    }

    fn list(&mut self, ignore: &[&str], depth: usize) -> Option<()> {
        self.at += 1;
        self.out.push(b'[');
        if self.next()? != b']' {
            loop {
                self.value(ignore, depth)?;
                match self.next()? {
                    b',' => self.out.push(b','),
                    b']' => break,
                    _ => return None,
                }
                self.at += 1;
            }
        }
        self.at += 1;
        self.out.push(b']');
        Some(())
    }

    fn object(&mut self, ignore: &[&str], depth: usize) -> Option<()> {
        self.at += 1;
        self.out.push(b'{');
        let start = self.out.len();
        let first = self.members.len();
        if self.members.capacity() == 0 {
            self.members.reserve(MEMBERS);
        }
        let mut is_sorted = true;
        if self.next()? != b'}' {
            loop {
                if let Some(member) = self.member(ignore, depth, start)? {
                    let text = &self.out[start..];
                    is_sorted = is_sorted
                        && self.members[first..]
                            .last()
                            .is_none_or(|last| last.cmp(&member, text) == Ordering::Less);
                    self.members.push(member);
                }
                match self.next()? {
                    b',' => self.at += 1,
                    b'}' => break,
                    _ => return None,
                }
            }
        }
        self.at += 1;
        if !is_sorted {
            self.sort(first, start);
        }
        self.members.truncate(first);
        self.out.push(b'}');
        Some(())
    }

    /// Writes a member, with a comma if it is not the first. Returns `Some(None)` if the member is ignored.
    fn member(&mut self, ignore: &[&str], depth: usize, start: usize) -> Option<Option<Member>> {
        if self.next()? != b'"' {
            return None;
        }
        let before = self.out.len();
        if before > start {
            self.out.push(b',');
        }
        let whole = self.out.len();
        let has_escapes = self.string()?;
        let name = whole + 1..self.out.len() - 1;
        if self.next()? != b':' {
            return None;
        }
        self.at += 1;
        self.out.push(b':');
        if ignore.is_empty() {
            self.value(&[], depth)?;
        } else {
            let ignored = Ignored::of(&self.out[name.clone()], ignore);
            self.value(&ignored.inside, depth)?;
            if ignored.is_whole {
                self.out.truncate(before);
                return Some(None);
            }
        }
        Some(Some(Member {
            prefix: prefix(&self.out[name.clone()], has_escapes),
            has_escapes,
            name: name.start - start..name.end - start,
            whole: whole - start..self.out.len() - start,
        }))
    }

    /// Sorts the members from index `first`, whose output begins at `start`. Of several with one name the last is kept.
    fn sort(&mut self, first: usize, start: usize) {
        self.copy.clear();
        self.copy.extend_from_slice(&self.out[start..]);
        self.out.truncate(start);
        let (members, text) = (&mut self.members[first..], &self.copy[..]);
        members.sort_unstable_by(|a, b| {
            a.cmp(b, text)
                .then_with(|| a.whole.start.cmp(&b.whole.start))
        });
        for (index, member) in members.iter().enumerate() {
            let next = members.get(index + 1);
            if next.is_some_and(|next| member.cmp(next, text) == Ordering::Equal) {
                continue;
            }
            if self.out.len() > start {
                self.out.push(b',');
            }
            self.out.extend_from_slice(&text[member.whole.clone()]);
        }
    }

    /// Writes a string. Returns whether the output has escapes.
    fn string(&mut self) -> Option<bool> {
        let mut has_escapes = false;
        let mut from = self.at;
        let mut at = self.at + 1;
        loop {
            at += plain_length(self.text.get(at..)?)?;
            if self.text[at] == b'"' {
                self.at = at + 1;
                self.out.extend_from_slice(&self.text[from..self.at]);
                return Some(has_escapes);
            }
            self.out.extend_from_slice(&self.text[from..at]);
            let (unit, length) = unescape(&self.text[at..])?;
            has_escapes |= write(unit, self.out);
            at += length;
            from = at;
        }
    }
}

/// Which parts of a member are ignored.
struct Ignored<'a> {
    is_whole: bool,
    /// The remaining paths inside the member.
    inside: Vec<&'a str>,
}

impl<'a> Ignored<'a> {
    /// Compares an escaped name with the first name of each path.
    fn of(name: &[u8], ignore: &[&'a str]) -> Self {
        let mut ignored = Self {
            is_whole: false,
            inside: Vec::new(),
        };
        let name = unescaped(name);
        for path in ignore {
            match path.as_bytes().strip_prefix(&*name) {
                Some([]) => ignored.is_whole = true,
                Some([b'.', ..]) => ignored.inside.push(&path[name.len() + 1..]),
                _ => {}
            }
        }
        ignored
    }
}

/// The character of an escape.
#[derive(Clone, Copy)]
enum Unit {
    Char(char),
    /// Half of a surrogate pair without its other half.
    Lone(u16),
}

/// Reads the escape at the start of `text`, or both escapes of a surrogate pair. Returns the character and the length.
#[cold]
fn unescape(text: &[u8]) -> Option<(Unit, usize)> {
    let char = match text.get(1)? {
        byte @ (b'"' | b'\\' | b'/') => char::from(*byte),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let unit = code_unit(text)?;
            let pair = [unit, code_unit(text.get(6..)?).unwrap_or_default()];
            let length = if pair[0] & 0xfc00 == 0xd800 && pair[1] & 0xfc00 == 0xdc00 {
                2
            } else {
                1
            };
            let read = char::decode_utf16(pair[..length].iter().copied()).next()?;
            let unit = read.map_or(Unit::Lone(unit), Unit::Char);
            return Some((unit, length * 6));
        }
        _ => return None,
    };
    Some((Unit::Char(char), 2))
}

/// The number after `\u`.
fn code_unit(text: &[u8]) -> Option<u16> {
    let hex = text.strip_prefix(b"\\u")?.get(..4)?;
    hex.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | digit as u16)
    })
}

/// Writes a character. Returns whether it needs an escape.
fn write(unit: Unit, out: &mut Vec<u8>) -> bool {
    let short = match unit {
        Unit::Char(char @ ('"' | '\\')) => char as u8,
        Unit::Char('\u{8}') => b'b',
        Unit::Char('\u{c}') => b'f',
        Unit::Char('\n') => b'n',
        Unit::Char('\r') => b'r',
        Unit::Char('\t') => b't',
        Unit::Char(char) if char < ' ' => {
            out.extend_from_slice(format!("\\u{:04x}", u32::from(char)).as_bytes());
            return true;
        }
        Unit::Char(char) => {
            out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
            return false;
        }
        Unit::Lone(unit) => {
            out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
            return true;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
    true
}

/// The bytes of a name without escapes. Lone surrogates are encoded like other characters, although UTF-8 excludes them.
fn unescaped(name: &[u8]) -> Cow<'_, [u8]> {
    let mut bytes = Vec::new();
    let mut rest = name;
    while let Some(at) = memchr(b'\\', rest)
        && let Some((unit, length)) = unescape(&rest[at..])
    {
        bytes.extend_from_slice(&rest[..at]);
        match unit {
            Unit::Char(char) => {
                bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Unit::Lone(unit) => bytes.extend([
                0xe0 | (unit >> 12) as u8,
                0x80 | (unit >> 6 & 0x3f) as u8,
                0x80 | (unit & 0x3f) as u8,
            ]),
        }
        rest = &rest[at + length..];
    }
    if rest.len() == name.len() {
        return Cow::Borrowed(name);
    }
    bytes.extend_from_slice(rest);
    Cow::Owned(bytes)
}

/// The first eight bytes of a name as a number that sorts as the names do.
fn prefix(name: &[u8], has_escapes: bool) -> u64 {
    let name = if has_escapes {
        unescaped(name)
    } else {
        Cow::Borrowed(name)
    };
    if let Some(first) = name.first_chunk() {
        return u64::from_be_bytes(*first);
    }
    let mut first = [0; 8];
    first[..name.len()].copy_from_slice(&name);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests;
