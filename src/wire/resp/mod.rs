//! RESP2 and RESP3, the protocol of Redis: writes commands, and reads values that are borrowed from the read buffer.
//!
//! The specification: <https://redis.io/docs/latest/develop/reference/protocol-spec/>. Streamed strings and aggregates of
//! RESP3 are refused; no server sends them.

#[cfg(test)]
mod tests;

use std::fmt;

use thiserror::Error;

/// Deepest nesting of lists. The replies that are used here have at most five levels.
const MAX_DEPTH: usize = 16;
/// The most elements of one list.
const MAX_ELEMENTS: usize = 1 << 20;
/// Longest line: a number, an error or a status.
const MAX_LINE: usize = 64 * 1024;
/// The shortest element: `_\r\n`.
const MIN_ELEMENT: usize = 3;

/// A value. Types that differ only for programming languages are read as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A simple, bulk or verbatim string, a double or a big number.
    Text(&'a [u8]),
    Error(&'a [u8]),
    /// An integer, or a boolean as 0 or 1.
    Integer(i64),
    Null,
    /// An array, a set, or a map as its keys and values in turn: RESP2 has no other form of a map.
    List(Vec<Value<'a>>),
    /// Sent by the server without a request (RESP3).
    Push(Vec<Value<'a>>),
}

/// The start of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// A list with this many elements, which follow.
    List(usize),
    Null,
    /// Not a list: [`decode`] reads it.
    Scalar,
}

/// The input is not RESP, or exceeds a limit.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    #[error("{0}")]
    Syntax(&'static str),
    #[error("a string is larger than {limit} bytes")]
    TooLarge { limit: usize },
}

impl<'a> Value<'a> {
    /// The bytes of a string.
    pub fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A string that is UTF-8.
    pub fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// An integer, or a string that contains one.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => self.text()?.parse().ok(),
        }
    }

    /// The elements of a list.
    pub fn items(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) | Self::Push(items) => Some(items),
            _ => None,
        }
    }

    /// The value of a key in a map.
    pub fn member(&self, key: &str) -> Option<&Self> {
        let (pairs, _) = self.items()?.as_chunks::<2>();
        let mut pairs = pairs.iter();
        let [_, value] = pairs.find(|[name, _]| name.bytes() == Some(key.as_bytes()))?;
        Some(value)
    }
}

/// Reads the value at the start of `input`, and returns it with its length. `None`: more input is needed.
///
/// # Errors
/// See [`Malformed`]. `max_text` is the limit of one string in bytes.
pub fn decode(input: &[u8], max_text: usize) -> Result<Option<(Value<'_>, usize)>, Malformed> {
    let mut parser = Parser {
        input,
        at: 0,
        max_text,
    };
    match parser.value(0) {
        Ok(value) => Ok(Some((value, parser.at))),
        Err(Stop::Incomplete) => Ok(None),
        Err(Stop::Malformed(error)) => Err(error),
    }
}

/// Reads the start of a value, and returns it with its length; the length of a scalar is 0. Long replies are read element by
/// element with it. `None`: more input is needed.
///
/// # Errors
/// See [`Malformed`].
pub fn open(input: &[u8]) -> Result<Option<(Opening, usize)>, Malformed> {
    let mut parser = Parser {
        input,
        at: 0,
        max_text: 0,
    };
    let opening = match input.first() {
        None => return Ok(None),
        Some(b'*' | b'~') => parser.count(1),
        Some(b'%') => parser.count(2),
        Some(b'_') => parser.line().map(|_| None),
        Some(_) => return Ok(Some((Opening::Scalar, 0))),
    };
    match opening {
        Ok(Some(count)) => Ok(Some((Opening::List(count), parser.at))),
        Ok(None) => Ok(Some((Opening::Null, parser.at))),
        Err(Stop::Incomplete) => Ok(None),
        Err(Stop::Malformed(error)) => Err(error),
    }
}

enum Stop {
    Incomplete,
    Malformed(Malformed),
}

impl Stop {
    const fn syntax(why: &'static str) -> Self {
        Self::Malformed(Malformed::Syntax(why))
    }
}

struct Parser<'a> {
    input: &'a [u8],
    at: usize,
    max_text: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Result<Value<'a>, Stop> {
        if depth > MAX_DEPTH {
            return Err(Stop::syntax("lists are nested too deeply"));
        }
        let Some(kind) = self.input.get(self.at) else {
            return Err(Stop::Incomplete);
        };
        Ok(match kind {
            b'$' => self.text()?.map_or(Value::Null, Value::Text),
            b'=' => {
                let text = self.text()?;
                // `txt:` or `mkd:` precedes the text.
                text.map_or(Value::Null, |text| {
                    Value::Text(text.get(4..).unwrap_or_default())
                })
            }
            b'!' => self.text()?.map_or(Value::Null, Value::Error),
            b'+' | b',' | b'(' => Value::Text(self.line()?),
            b'-' => Value::Error(self.line()?),
            b':' => Value::Integer(number(self.line()?)?),
            b'#' => Value::Integer(i64::from(self.line()? == b"t")),
            b'_' => {
                self.line()?;
                Value::Null
            }
            b'*' | b'~' => self.list(1, depth)?.map_or(Value::Null, Value::List),
            b'%' => self.list(2, depth)?.map_or(Value::Null, Value::List),
            b'>' => self.list(1, depth)?.map_or(Value::Null, Value::Push),
            // Attributes of the next value, which nothing here uses.
            b'|' => {
                self.list(2, depth)?;
                return self.value(depth + 1);
            }
            _ => return Err(Stop::syntax("a value has an unknown type")),
        })
    }

    /// The elements of a list; `None` for the null of RESP2. Each of its entries has `factor` values.
    fn list(&mut self, factor: usize, depth: usize) -> Result<Option<Vec<Value<'a>>>, Stop> {
        let Some(count) = self.count(factor)? else {
            return Ok(None);
        };
        // The count alone must not reserve memory.
        let room = (self.input.len() - self.at) / MIN_ELEMENT;
        if room < count {
            return self.skip_incomplete(count, depth);
        }
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(self.value(depth + 1)?);
        }
        Ok(Some(items))
    }

    /// Checks the elements of a list that has not arrived completely.
    fn skip_incomplete<T>(&mut self, count: usize, depth: usize) -> Result<T, Stop> {
        for _ in 0..count {
            self.value(depth + 1)?;
        }
        Err(Stop::Incomplete)
    }

    /// The number of values in a list; `None` for the null of RESP2.
    fn count(&mut self, factor: usize) -> Result<Option<usize>, Stop> {
        let count = number(self.line()?)?;
        if count == -1 {
            return Ok(None);
        }
        let count = usize::try_from(count).map_err(|_| Stop::syntax("a length is negative"))?;
        match count.checked_mul(factor) {
            Some(count) if count <= MAX_ELEMENTS => Ok(Some(count)),
            _ => Err(Stop::syntax("a list is too long")),
        }
    }

    /// A string with a length; `None` for the null of RESP2.
    fn text(&mut self) -> Result<Option<&'a [u8]>, Stop> {
        let length = number(self.line()?)?;
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| Stop::syntax("a length is negative"))?;
        if length > self.max_text {
            let limit = self.max_text;
            return Err(Stop::Malformed(Malformed::TooLarge { limit }));
        }
        let end = self.at + length;
        let text = self.input.get(self.at..end).ok_or(Stop::Incomplete)?;
        match self.input.get(end..end + 2) {
            Some(b"\r\n") => {
                self.at = end + 2;
                Ok(Some(text))
            }
            Some(_) => Err(Stop::syntax("a string does not end at its length")),
            None => Err(Stop::Incomplete),
        }
    }

    /// The rest of a line after its first byte.
    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let rest = &self.input[self.at + 1..];
        let within = &rest[..rest.len().min(MAX_LINE)];
        let Some(end) = memchr::memchr(b'\r', within) else {
            return Err(match rest.len() > MAX_LINE {
                true => Stop::syntax("a line is too long"),
                false => Stop::Incomplete,
            });
        };
        match rest.get(end + 1) {
            Some(b'\n') => {
                self.at += end + 3;
                Ok(&rest[..end])
            }
            Some(_) => Err(Stop::syntax("a line does not end with CR and LF")),
            None => Err(Stop::Incomplete),
        }
    }
}

fn number(text: &[u8]) -> Result<i64, Stop> {
    let parsed = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    parsed.ok_or(Stop::syntax("a number is not a number"))
}

/// A command with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command(Vec<Vec<u8>>);

impl Command {
    /// Words separated by spaces: `CLIENT SETNAME evt`.
    pub fn new(words: &str) -> Self {
        Self(
            words
                .split(' ')
                .map(|word| word.as_bytes().to_vec())
                .collect(),
        )
    }

    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<[u8]>) -> Self {
        self.0.push(argument.as_ref().to_vec());
        self
    }

    #[must_use]
    pub fn args<A: AsRef<[u8]>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.0.extend(
            arguments
                .into_iter()
                .map(|argument| argument.as_ref().to_vec()),
        );
        self
    }

    /// Appends the command as an array of bulk strings.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("*{}\r\n", self.0.len()).as_bytes());
        for argument in &self.0 {
            out.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            out.extend_from_slice(argument);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// The command as `redis-cli` reads it: arguments with special characters are quoted.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, argument) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(" ")?;
            }
            let is_plain = |byte: &u8| {
                byte.is_ascii_alphanumeric() || b"-_.:/*#~+@$=,<>()|&;%^!?[]{}".contains(byte)
            };
            match argument.iter().all(is_plain) && !argument.is_empty() {
                true => f.write_str(&String::from_utf8_lossy(argument))?,
                false => write_quoted(argument, f)?,
            }
        }
        Ok(())
    }
}

fn write_quoted(argument: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for chunk in argument.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if c.is_control() => {
                    let mut bytes = [0; 4];
                    for byte in c.encode_utf8(&mut bytes).bytes() {
                        write!(f, "\\x{byte:02x}")?;
                    }
                }
                c => write!(f, "{c}")?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    f.write_str("\"")
}
