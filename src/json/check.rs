//! Checks in one pass whether text is JSON (RFC 8259), and reports the positions of the members at its root. Allocates
//! nothing for up to 64 levels of nesting, and one bit per level beyond.

use std::ops::Range;

/// Number of nesting levels that one word stores, with one bit each.
const LEVELS: usize = 64;

/// The byte ranges of a member at the root of an object. The range of the key includes its quotes.
pub(crate) struct RootMember {
    pub(crate) key: Range<usize>,
    pub(crate) value: Range<usize>,
}

/// Returns whether `text` is one JSON value, with optional white space around it.
///
/// If it is an object, calls `member` for each of its members as soon as that has been read, even if the text after it turns
/// out not to be JSON.
pub(crate) fn check(text: &str, member: impl FnMut(RootMember)) -> bool {
    let mut scan = Scan {
        text: text.as_bytes(),
        at: 0,
        depth: 0,
        objects: 0,
        outer: Vec::new(),
        key: 0..0,
        value_start: 0,
        member,
    };
    scan.document().is_ok()
}

struct NotJson;

struct Scan<'a, F> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    /// One bit per level, set if the level is an object. The lowest bit is the innermost level.
    objects: u64,
    /// The bits of the outer levels, one word for [`LEVELS`] levels.
    outer: Vec<u64>,
    /// The member at the root that is being read: its key, and the start of its value.
    key: Range<usize>,
    value_start: usize,
    member: F,
}

impl<F: FnMut(RootMember)> Scan<'_, F> {
    fn document(&mut self) -> Result<(), NotJson> {
        loop {
            self.skip_space();
            if self.value()? && self.advance()? {
                return Ok(());
            }
        }
    }

    /// Reads a value, or only the start of a nonempty array or object. Returns whether the value is complete.
    fn value(&mut self) -> Result<bool, NotJson> {
        match self.peek() {
            Some(b'{') => {
                self.open(true);
                if self.close_if_empty(b'}') {
                    return Ok(true);
                }
                self.key()?;
                Ok(false)
            }
            Some(b'[') => {
                self.open(false);
                Ok(self.close_if_empty(b']'))
            }
            Some(b'"') => self.string().map(|()| true),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| true),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ => Err(NotJson),
        }
    }

    /// Moves from a complete value to the next one, or closes the arrays and objects that end here. Returns whether the document
    /// has ended.
    fn advance(&mut self) -> Result<bool, NotJson> {
        loop {
            if self.depth == 1 && self.is_in_object() {
                (self.member)(RootMember {
                    key: self.key.clone(),
                    value: self.value_start..self.at,
                });
            }
            self.skip_space();
            let is_in_object = self.is_in_object();
            match self.peek() {
                None if self.depth == 0 => return Ok(true),
                Some(b',') if self.depth > 0 => {
                    self.at += 1;
                    if is_in_object {
                        self.skip_space();
                        self.key()?;
                    }
                    return Ok(false);
                }
                Some(b'}') if self.depth > 0 && is_in_object => self.close(),
                Some(b']') if self.depth > 0 && !is_in_object => self.close(),
                _ => return Err(NotJson),
            }
        }
    }

    fn open(&mut self, is_object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(LEVELS) {
            self.outer.push(self.objects);
        }
        self.depth += 1;
        self.objects = self.objects << 1 | u64::from(is_object);
        self.at += 1;
        self.skip_space();
    }

    /// Closes the array or object that has just been opened if it is empty. Returns whether it was.
    fn close_if_empty(&mut self, bracket: u8) -> bool {
        let is_empty = self.peek() == Some(bracket);
        if is_empty {
            self.close();
        }
        is_empty
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.objects >>= 1;
        if self.depth.is_multiple_of(LEVELS) {
            self.objects = self.outer.pop().unwrap_or_default();
        }
        self.at += 1;
    }

    const fn is_in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    /// Reads a key, its colon and the white space after it.
    fn key(&mut self) -> Result<(), NotJson> {
        if self.peek() != Some(b'"') {
            return Err(NotJson);
        }
        let start = self.at;
        self.string()?;
        let end = self.at;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(NotJson);
        }
        self.at += 1;
        self.skip_space();
        if self.depth == 1 {
            self.key = start..end;
            self.value_start = self.at;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), NotJson> {
        self.at += 1;
        loop {
            self.skip_plain();
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                _ => return Err(NotJson),
            }
        }
    }

    fn escape(&mut self) -> Result<(), NotJson> {
        let escaped = self.text.get(self.at + 1);
        let length = match escaped {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => {
                let hex = self.text.get(self.at + 2..self.at + 6);
                let is_hex = hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
                if is_hex {
                    6
                } else {
                    return Err(NotJson);
                }
            }
            _ => return Err(NotJson),
        };
        self.at += length;
        Ok(())
    }

    /// Skips the unescaped characters of a string, eight at a time.
    fn skip_plain(&mut self) {
        const ONES: u64 = u64::MAX / 255;
        const HIGH: u64 = ONES << 7;
        let has_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
        while let Some(word) = self.text[self.at..].first_chunk() {
            let word = u64::from_le_bytes(*word);
            let quote = has_zero(word ^ (ONES * b'"' as u64));
            let backslash = has_zero(word ^ (ONES * b'\\' as u64));
            let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
            // The subtraction can mark wrong bytes, but only above the lowest mark, and only the lowest is used.
            let found = quote | backslash | control;
            if found != 0 {
                self.at += found.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        while let Some(byte) = self.peek()
            && byte >= 0x20
            && byte != b'"'
            && byte != b'\\'
        {
            self.at += 1;
        }
    }

    fn number(&mut self) -> Result<(), NotJson> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            return Err(NotJson);
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8]) -> Result<bool, NotJson> {
        if !self.text[self.at..].starts_with(word) {
            return Err(NotJson);
        }
        self.at += word.len();
        Ok(true)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(super::is_space) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    fn is_json(text: &str) -> bool {
        check(text, |_| {})
    }

    fn members(text: &str) -> Vec<(&str, &str)> {
        let mut found = Vec::new();
        check(text, |member| {
            found.push((&text[member.key], &text[member.value]));
        });
        found
    }

    #[test]
    fn members_at_the_root_are_reported_unchanged() {
        assert_eq!(
            members(r#" { "a" : 1.0 , "b\n":{"c":[{}, "}"]},"d":[], "a":null} "#),
            [
                ("\"a\"", "1.0"),
                ("\"b\\n\"", r#"{"c":[{}, "}"]}"#),
                ("\"d\"", "[]"),
                ("\"a\"", "null")
            ]
        );
        assert_eq!(members("[{\"a\":1}]"), []);
        assert_eq!(members("{}"), []);
    }

    #[test]
    fn the_check_agrees_with_serde_json_on_edge_cases() {
        for text in [
            "",
            " ",
            "{",
            "}",
            "[1,]",
            "{\"a\":1,}",
            "{,}",
            "[,]",
            "{\"a\"}",
            "{\"a\" 1}",
            "{1:2}",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "1e+",
            "+1",
            "--1",
            "0x1",
            "tru",
            "nulll",
            "NaN",
            "\"",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"a\nb\"",
            "\"\t\"",
            "[1}",
            "{\"a\":1]",
            "1 2",
            "[1] 2",
            "\u{feff}1",
            "'a'",
            "[1 2]",
            "{\"a\":}",
            "\u{a0}1",
            "[\u{b}1]",
        ] {
            assert!(!is_json(text), "{text:?}");
            assert!(serde_json::from_str::<&RawValue>(text).is_err(), "{text:?}");
        }
        for text in [
            "0",
            "-0",
            "-0.0e-0",
            "1E400",
            "\"\"",
            "\"\\ud800\"",
            "\"\u{7f}é\u{2028}\"",
            "[[],{}]",
            "\r\n\t 1 ",
            "{\"\":{\"\":[]}}",
            "\"12345678\\\\\"",
            "\"1234567\\\"\"",
        ] {
            assert!(is_json(text), "{text:?}");
            assert!(serde_json::from_str::<&RawValue>(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn nesting_beyond_one_word_is_checked() {
        for depth in [63, 64, 65, 200, 100_000] {
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            assert!(is_json(&format!("{open}1{close}")), "{depth}");
            assert!(!is_json(&format!("{open}1{close}]")), "{depth}");
            assert!(!is_json(&format!("{open}1")), "{depth}");
        }
    }

    #[test]
    fn members_next_to_a_deeply_nested_one_are_reported() {
        for depth in [62, 63, 64, 127, 128, 129, 5000] {
            let (open, close) = ("[{\"x\":".repeat(depth), "}]".repeat(depth));
            let deep = format!("{open}1{close}");
            let text = format!("{{\"a\":{deep},\"b\":2}}");
            assert_eq!(
                members(&text),
                [("\"a\"", deep.as_str()), ("\"b\"", "2")],
                "{depth}"
            );
            assert!(is_json(&text), "{depth}");
            assert!(!is_json(&format!("{{\"a\":{open}1{close}],\"b\":2}}")));
        }
    }

    proptest! {
        /// Random sequences of JSON tokens, most of them almost valid.
        #[test]
        fn the_check_agrees_with_serde_json(
            parts in proptest::collection::vec(
                proptest::sample::select(vec![
                    "{", "}", "[", "]", ",", ":", "\"", "\\", " ", "\n", "\"a\"", "\"a\":", "1", "-1.5e3", "0",
                    "true", "false", "null", "\\u00e9", "é", "\u{1}", "\"long enough for a word\"", ".", "e",
                ]),
                0..24,
            )
        ) {
            let text = parts.concat();
            prop_assert_eq!(is_json(&text), serde_json::from_str::<&RawValue>(&text).is_ok(), "{}", text);
        }

        #[test]
        fn the_check_agrees_with_serde_json_on_documents_with_one_changed_byte(
            text in "\\PC{0,12}", number in any::<f64>(), at in 0_usize..80, with in any::<u8>()
        ) {
            let value = serde_json::json!({ "text": text, "list": [number, null, {"deep": [true, {}]}] });
            let mut bytes = value.to_string().into_bytes();
            prop_assert!(is_json(std::str::from_utf8(&bytes).unwrap()));
            let at = at % bytes.len();
            bytes[at] = with;
            if let Ok(changed) = std::str::from_utf8(&bytes) {
                prop_assert_eq!(is_json(changed), serde_json::from_str::<&RawValue>(changed).is_ok());
            }
        }
    }
}
