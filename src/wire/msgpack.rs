//! MessagePack, as far as the frames of Socket.IO's Redis emitter need it: reads values as JSON, and writes JSON.
//!
//! The specification: <https://github.com/msgpack/msgpack/blob/master/spec.md>.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::time::Timestamp;

/// Deepest nesting of lists and maps.
const MAX_DEPTH: usize = 64;
/// The extension type of a timestamp.
const TIMESTAMP: i8 = -1;

/// One value, or the start of a list or map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Item<'a> {
    Nil,
    Bool(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Text(&'a [u8]),
    Binary(&'a [u8]),
    /// A list with this many elements, which follow.
    List(usize),
    /// A map with this many pairs, which follow.
    Map(usize),
    Extension(i8, &'a [u8]),
}

/// Reads values from a payload. Each method returns `None` if the payload is not valid.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }

    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    /// A length of 1, 2 or 4 bytes.
    fn length(&mut self, width: usize) -> Option<usize> {
        let bytes = self.bytes(width)?;
        Some(
            bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
        )
    }

    /// The number of elements in a list or map. More than there are bytes is invalid.
    fn count(&mut self, width: usize) -> Option<usize> {
        self.length(width).filter(|count| *count <= self.rest.len())
    }

    /// Reads a value, or the start of a list or map.
    pub fn item(&mut self) -> Option<Item<'a>> {
        let [first] = self.array()?;
        let small = usize::from(first & 0x0F);
        Some(match first {
            0x00..=0x7F => Item::Integer(i64::from(first)),
            0x80..=0x8F => Item::Map(small),
            0x90..=0x9F => Item::List(small),
            0xA0..=0xBF => Item::Text(self.bytes(usize::from(first & 0x1F))?),
            0xC0 => Item::Nil,
            0xC1 => return None,
            0xC2 | 0xC3 => Item::Bool(first == 0xC3),
            0xC4..=0xC6 => {
                let length = self.length(1 << (first - 0xC4))?;
                Item::Binary(self.bytes(length)?)
            }
            0xC7..=0xC9 => {
                let length = self.length(1 << (first - 0xC7))?;
                self.extension(length)?
            }
            0xCA => Item::Float(f64::from(f32::from_be_bytes(self.array()?))),
            0xCB => Item::Float(f64::from_be_bytes(self.array()?)),
            0xCC => Item::Integer(i64::from(u8::from_be_bytes(self.array()?))),
            0xCD => Item::Integer(i64::from(u16::from_be_bytes(self.array()?))),
            0xCE => Item::Integer(i64::from(u32::from_be_bytes(self.array()?))),
            0xCF => Item::Unsigned(u64::from_be_bytes(self.array()?)),
            0xD0 => Item::Integer(i64::from(i8::from_be_bytes(self.array()?))),
            0xD1 => Item::Integer(i64::from(i16::from_be_bytes(self.array()?))),
            0xD2 => Item::Integer(i64::from(i32::from_be_bytes(self.array()?))),
            0xD3 => Item::Integer(i64::from_be_bytes(self.array()?)),
            0xD4..=0xD8 => self.extension(1 << (first - 0xD4))?,
            0xD9..=0xDB => {
                let length = self.length(1 << (first - 0xD9))?;
                Item::Text(self.bytes(length)?)
            }
            0xDC | 0xDD => Item::List(self.count(2 << (first - 0xDC))?),
            0xDE | 0xDF => Item::Map(self.count(2 << (first - 0xDE))?),
            0xE0..=0xFF => Item::Integer(i64::from(first.cast_signed())),
        })
    }

    fn extension(&mut self, length: usize) -> Option<Item<'a>> {
        let kind = i8::from_be_bytes(self.array()?);
        Some(Item::Extension(kind, self.bytes(length)?))
    }

    pub fn text(&mut self) -> Option<&'a str> {
        match self.item()? {
            Item::Text(text) => std::str::from_utf8(text).ok(),
            _ => None,
        }
    }

    /// Reads a value without using it.
    pub fn skip(&mut self) -> Option<()> {
        let mut left: usize = 1;
        while left > 0 {
            left -= 1;
            left = match self.item()? {
                Item::List(count) => left.checked_add(count)?,
                Item::Map(count) => left.checked_add(count.checked_mul(2)?)?,
                _ => left,
            };
        }
        Some(())
    }

    /// Reads a value and appends it as JSON.
    ///
    /// Integers keep all digits. Bytes become `{"base64":"…"}`, a timestamp the text that JavaScript writes for a date. NaN and
    /// infinities, which JSON does not have, become the strings `NaN`, `Infinity` and `-Infinity`.
    pub fn write_json(&mut self, out: &mut Vec<u8>) -> Option<()> {
        self.write_value(0, out)
    }

    fn write_value(&mut self, depth: usize, out: &mut Vec<u8>) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.item()? {
            Item::Nil => out.extend_from_slice(b"null"),
            Item::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Item::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Item::Unsigned(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Item::Float(number) => write_float(number, out),
            Item::Text(text) => write_text(&String::from_utf8_lossy(text), out),
            Item::Binary(bytes) => write_base64(bytes, out),
            Item::Extension(TIMESTAMP, bytes) => write_text(&date(bytes)?, out),
            Item::Extension(_, bytes) => write_base64(bytes, out),
            Item::List(count) => {
                out.push(b'[');
                for n in 0..count {
                    comma(n, out);
                    self.write_value(depth + 1, out)?;
                }
                out.push(b']');
            }
            Item::Map(count) => {
                out.push(b'{');
                for n in 0..count {
                    comma(n, out);
                    self.write_key(out)?;
                    out.push(b':');
                    self.write_value(depth + 1, out)?;
                }
                out.push(b'}');
            }
        }
        Some(())
    }

    fn write_key(&mut self, out: &mut Vec<u8>) -> Option<()> {
        match self.item()? {
            Item::Text(text) => write_text(&String::from_utf8_lossy(text), out),
            Item::Integer(number) => write_text(&number.to_string(), out),
            Item::Unsigned(number) => write_text(&number.to_string(), out),
            _ => return None,
        }
        Some(())
    }
}

fn comma(n: usize, out: &mut Vec<u8>) {
    if n > 0 {
        out.push(b',');
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("writing text to memory cannot fail");
}

/// Appends bytes as `{"base64":"…"}`, the form of binary data in records.
pub fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"base64\":\"");
    out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
    out.extend_from_slice(b"\"}");
}

fn write_float(number: f64, out: &mut Vec<u8>) {
    if number.is_finite() {
        serde_json::to_writer(out, &number).expect("writing a number to memory cannot fail");
        return;
    }
    let text = match number {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    };
    write_text(text, out);
}

/// The three forms of a timestamp have 4, 8 and 12 bytes.
fn date(bytes: &[u8]) -> Option<String> {
    let (seconds, nanoseconds) = match bytes.len() {
        4 => (i64::from(u32::from_be_bytes(bytes.try_into().ok()?)), 0),
        8 => {
            let both = u64::from_be_bytes(bytes.try_into().ok()?);
            ((both & 0x3_FFFF_FFFF).cast_signed(), both >> 34)
        }
        12 => {
            let (nanoseconds, seconds) = bytes.split_first_chunk::<4>()?;
            let seconds = i64::from_be_bytes(seconds.try_into().ok()?);
            (seconds, u64::from(u32::from_be_bytes(*nanoseconds)))
        }
        _ => return None,
    };
    let millis = i64::try_from(nanoseconds / 1_000_000).ok()?;
    let millis = seconds.checked_mul(1000)?.checked_add(millis)?;
    Some(Timestamp::from_millis(millis).to_string())
}

/// Appends a JSON value.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0xC0),
        Value::Bool(value) => out.push(0xC2 + u8::from(*value)),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => write_integer(number, out),
            (_, Some(number), _) => with_head(0xCF, &number.to_be_bytes(), out),
            (.., number) => with_head(0xCB, &number.unwrap_or(f64::NAN).to_be_bytes(), out),
        },
        Value::String(text) => write_str(text, out),
        Value::Array(items) => {
            write_list(items.len(), out);
            for item in items {
                write(item, out);
            }
        }
        Value::Object(members) => {
            write_map(members.len(), out);
            for (name, value) in members {
                write_str(name, out);
                write(value, out);
            }
        }
    }
}

fn with_head(first: u8, rest: &[u8], out: &mut Vec<u8>) {
    out.push(first);
    out.extend_from_slice(rest);
}

fn write_integer(number: i64, out: &mut Vec<u8>) {
    match number {
        0..=0x7F => out.push(number as u8),
        -32..=-1 => out.push(number as u8),
        _ => match i32::try_from(number) {
            Ok(number) => with_head(0xD2, &number.to_be_bytes(), out),
            Err(_) => with_head(0xD3, &number.to_be_bytes(), out),
        },
    }
}

/// Appends a length in the smallest of the forms with 1, 2 and 4 bytes, whose first bytes are consecutive.
fn write_length(length: usize, first: u8, out: &mut Vec<u8>) {
    let length = u32::try_from(length).expect("messages are smaller than 4 GiB");
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length), _) => with_head(first, &[length], out),
        (_, Ok(length)) => with_head(first + 1, &length.to_be_bytes(), out),
        _ => with_head(first + 2, &length.to_be_bytes(), out),
    }
}

/// Appends a string.
pub fn write_str(text: &str, out: &mut Vec<u8>) {
    match text.len() {
        length @ 0..=31 => out.push(0xA0 | length as u8),
        length => write_length(length, 0xD9, out),
    }
    out.extend_from_slice(text.as_bytes());
}

/// Appends bytes.
pub fn write_binary(bytes: &[u8], out: &mut Vec<u8>) {
    write_length(bytes.len(), 0xC4, out);
    out.extend_from_slice(bytes);
}

/// Appends the start of a list.
pub fn write_list(count: usize, out: &mut Vec<u8>) {
    write_count(count, 0x90, 0xDC, out);
}

/// Appends the start of a map.
pub fn write_map(count: usize, out: &mut Vec<u8>) {
    write_count(count, 0x80, 0xDE, out);
}

fn write_count(count: usize, small: u8, first: u8, out: &mut Vec<u8>) {
    match (count, u16::try_from(count)) {
        (0..=15, _) => out.push(small | count as u8),
        (_, Ok(count)) => with_head(first, &count.to_be_bytes(), out),
        _ => {
            let count = u32::try_from(count).expect("messages are smaller than 4 GiB");
            with_head(first + 1, &count.to_be_bytes(), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(payload: &[u8]) -> Option<String> {
        let mut reader = Reader::new(payload);
        let mut out = Vec::new();
        reader.write_json(&mut out)?;
        reader.is_at_end().then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn each_type_becomes_json() {
        for (payload, expected) in [
            (&b"\x07"[..], "7"),
            (b"\xff", "-1"),
            (b"\xcd\xff\xff", "65535"),
            (
                b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
                "18446744073709551615",
            ),
            (b"\xd3\x80\0\0\0\0\0\0\0", "-9223372036854775808"),
            (b"\xcb\x3f\xf8\0\0\0\0\0\0", "1.5"),
            (b"\xcb\x80\0\0\0\0\0\0\0", "-0.0"),
            (b"\xcb\x7f\xf8\0\0\0\0\0\0", "\"NaN\""),
            (b"\xca\x3f\xc0\0\0", "1.5"),
            (b"\xc0", "null"),
            (b"\xc3", "true"),
            (b"\xa2hi", "\"hi\""),
            (b"\xd9\x02\"\n", "\"\\\"\\n\""),
            (b"\xc4\x02\xff\0", "{\"base64\":\"/wA=\"}"),
            (b"\x92\x01\xa1a", "[1,\"a\"]"),
            (b"\x82\xa1a\x01\x02\xc2", "{\"a\":1,\"2\":false}"),
            (b"\xd6\xff\0\0\0\x01", "\"1970-01-01T00:00:01.000Z\""),
            (
                b"\xd7\xff\x07\x73\x59\x40\0\0\0\x01",
                "\"1970-01-01T00:00:01.031Z\"",
            ),
            (
                b"\xc7\x0c\xff\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
                "\"1969-12-31T23:59:59.000Z\"",
            ),
            (b"\xd4\x05\x01", "{\"base64\":\"AQ==\"}"),
        ] {
            assert_eq!(json(payload).as_deref(), Some(expected), "{payload:02x?}");
        }
    }

    #[test]
    fn invalid_payloads_are_refused() {
        let nested = [0x91; 1000];
        for payload in [
            &b""[..],
            b"\xc1",
            b"\xa2h",
            b"\x91",
            b"\xdd\xff\xff\xff\xff",
            &nested,
        ] {
            assert_eq!(json(payload), None, "{payload:02x?}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let long = "x".repeat(70_000);
        let many: Vec<usize> = (0..70_000).collect();
        let value = serde_json::json!({
            "a": [null, true, false, 0, 127, 128, -32, -33, 65536, 4_294_967_296_i64, u64::MAX, i64::MIN, 0.5],
            "b": { "short": "hi", "middle": "y".repeat(300), "long": long, "many": many },
        });
        let mut written = Vec::new();
        write(&value, &mut written);
        let read: Value = serde_json::from_str(&json(&written).unwrap()).unwrap();
        assert_eq!(read, value);
    }

    proptest! {
        #[test]
        fn any_payload_is_valid_json_or_refused(payload in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(text) = json(&payload) {
                prop_assert!(crate::json::is_json(text.as_bytes()), "{text}");
            }
            let _ = Reader::new(&payload).skip();
        }
    }
}
