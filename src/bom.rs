//! Byte order marks: text files from Windows often begin with one, in UTF-8 or UTF-16.

use std::io::{self, Read};

const UTF8: &[u8] = b"\xef\xbb\xbf";
/// Bytes that are converted at a time.
const CHUNK: usize = 8 * 1024;

/// Returns the text after its byte order mark, if it has one.
pub fn strip(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Removes the mark of UTF-8, and converts UTF-16 with a mark to UTF-8. Bytes without a mark stay as they are.
///
/// # Errors
/// `InvalidData` if the mark is that of UTF-16 but the rest is not UTF-16.
pub fn decode(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    if Form::of(&bytes).1 == 0 {
        return Ok(bytes);
    }
    let mut text = Vec::with_capacity(bytes.len());
    Reader::new(&bytes[..]).read_to_end(&mut text)?;
    Ok(text)
}

/// How the text after the mark is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// UTF-8, or anything without a mark.
    Plain,
    LittleEndian,
    BigEndian,
}

impl Form {
    /// Returns the form of a text with this start, and the length of its mark.
    fn of(start: &[u8]) -> (Self, usize) {
        match start {
            [0xff, 0xfe, ..] => (Self::LittleEndian, 2),
            [0xfe, 0xff, ..] => (Self::BigEndian, 2),
            _ if start.starts_with(UTF8) => (Self::Plain, UTF8.len()),
            _ => (Self::Plain, 0),
        }
    }
}

/// A reader that does what [`decode`] does, without reading everything first.
pub struct Reader<R> {
    from: R,
    /// `None` before the first bytes are read.
    form: Option<Form>,
    /// Text that is not passed on yet, from `at`.
    ready: Vec<u8>,
    at: usize,
    /// The start of a character whose rest is not read yet.
    started: Vec<u8>,
}

impl<R: Read> Reader<R> {
    pub fn new(from: R) -> Self {
        Self {
            from,
            form: None,
            ready: Vec::new(),
            at: 0,
            started: Vec::new(),
        }
    }

    fn detect(&mut self) -> io::Result<Form> {
        let mut start = Vec::with_capacity(UTF8.len());
        (&mut self.from)
            .take(UTF8.len() as u64)
            .read_to_end(&mut start)?;
        let (form, mark) = Form::of(&start);
        start.drain(..mark);
        match form {
            Form::Plain => self.ready = start,
            Form::LittleEndian | Form::BigEndian => self.started = start,
        }
        self.form = Some(form);
        Ok(form)
    }

    /// Converts the next bytes of UTF-16. Leaves `ready` empty at the end of the text.
    fn convert(&mut self, form: Form) -> io::Result<()> {
        self.ready.clear();
        self.at = 0;
        while self.ready.is_empty() {
            let mut bytes = std::mem::take(&mut self.started);
            let before = bytes.len();
            (&mut self.from)
                .take(CHUNK as u64)
                .read_to_end(&mut bytes)?;
            let is_end = bytes.len() == before;
            if is_end && bytes.is_empty() {
                return Ok(());
            }
            let mut units: Vec<u16> = bytes
                .chunks_exact(2)
                .map(|pair| [pair[0], pair[1]])
                .map(match form {
                    Form::BigEndian => u16::from_be_bytes,
                    Form::LittleEndian | Form::Plain => u16::from_le_bytes,
                })
                .collect();
            let is_open = |unit: &u16| (0xd800..0xdc00).contains(unit);
            if !is_end && units.last().is_some_and(is_open) {
                units.pop();
            }
            self.started = bytes.split_off(2 * units.len());
            let text = String::from_utf16(&units);
            match text {
                Ok(text) if !(is_end && units.is_empty()) => self.ready = text.into_bytes(),
                _ => {
                    let error = "it begins like UTF-16, but is not UTF-16; save it as UTF-8";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let form = match self.form {
            Some(form) => form,
            None => self.detect()?,
        };
        if self.at == self.ready.len() {
            if form == Form::Plain {
                return self.from.read(buffer);
            }
            self.convert(form)?;
        }
        let rest = &self.ready[self.at..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.at += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes_of: fn(u16) -> [u8; 2]) -> Vec<u8> {
        format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(bytes_of)
            .collect()
    }

    #[test]
    fn text_with_any_mark_is_read_as_utf8() {
        for text in ["", "a", "{\"ë\":\"🚀\"}\r\n"] {
            for bytes in [
                text.as_bytes().to_vec(),
                format!("\u{feff}{text}").into_bytes(),
                utf16(text, u16::to_le_bytes),
                utf16(text, u16::to_be_bytes),
            ] {
                assert_eq!(decode(bytes).unwrap(), text.as_bytes(), "{text}");
            }
        }
    }

    #[test]
    fn a_character_across_two_chunks_is_read() {
        for before in CHUNK / 2 - 4..CHUNK / 2 + 4 {
            let text = "x".repeat(before) + "🚀🚀";
            let decoded = decode(utf16(&text, u16::to_le_bytes)).unwrap();
            assert_eq!(decoded, text.as_bytes(), "{before}");
        }
    }

    #[test]
    fn a_reader_that_returns_single_bytes_is_read_to_its_end() {
        struct Single<'a>(&'a [u8]);
        impl Read for Single<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let length = buffer.len().min(1);
                self.0.read(&mut buffer[..length])
            }
        }
        let bytes = utf16("a🚀b", u16::to_be_bytes);
        let mut text = String::new();
        Reader::new(Single(&bytes))
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "a🚀b");
    }

    #[test]
    fn bytes_without_a_mark_stay_as_they_are() {
        for bytes in [&b""[..], b"\xef", b"\xef\xbb", b"\xff", b"\x00\xff\xfe"] {
            assert_eq!(decode(bytes.to_vec()).unwrap(), bytes);
        }
    }

    #[test]
    fn half_a_character_is_an_error() {
        for bytes in [
            &b"\xff\xfea"[..],
            b"\xff\xfe\x00\xd8",
            b"\xff\xfe\x00\xdca\0",
        ] {
            let error = decode(bytes.to_vec()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{bytes:?}");
        }
    }
}
