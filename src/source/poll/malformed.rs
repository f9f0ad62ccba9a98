//! Records that cannot be read, in responses that otherwise can: finds them and leaves them out.
//!
//! Such a record would stop its datatype for ever: every request for what comes after it returns it again.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::page::FieldPaths;
use super::server::KEYS;
use crate::json::{self, Kind, Raw};

/// The longest key that is stored, in characters.
const KEY: usize = 100;
/// How deep the list of records may be.
const DEEPEST: usize = 3;

/// A record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Malformed {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    pub(super) why: String,
    /// Where it is in the response.
    #[serde(skip)]
    pub(super) bytes: Range<usize>,
}

impl Malformed {
    pub(super) fn not_an_object(bytes: Range<usize>, value: Raw<'_>) -> Self {
        let kind = value.kind().map_or("nothing", Kind::in_words);
        Self {
            key: None,
            why: format!("it is {kind}, not an object"),
            bytes,
        }
    }

    /// Reads as much of a record as can be read.
    fn of(item: &[u8], bytes: Range<usize>, paths: &FieldPaths) -> Self {
        let why = match std::str::from_utf8(item) {
            Err(error) => {
                let at = error.valid_up_to();
                let byte = item.get(at).copied().unwrap_or_default();
                format!(
                    "it is not UTF-8: byte 0x{byte:02x} at offset {}",
                    bytes.start + at
                )
            }
            Ok(text) => match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                Ok(_) => "it is not valid JSON".to_owned(),
                Err(error) => format!("it is not valid JSON ({error})"),
            },
        };
        let text = String::from_utf8_lossy(item);
        let record = Raw::new(&text);
        let found = match paths.key.as_slice() {
            [] => KEYS.iter().find_map(|name| record.member(name)),
            path => record.at(path),
        };
        let key = found.map(|key| key.plain().chars().take(KEY).collect());
        Self { key, why, bytes }
    }
}

/// ``the record `a` (40 bytes at offset 120) is malformed: it is not UTF-8``
impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "the record `{key}`")?,
            None => f.write_str("a record")?,
        }
        let Range { start, end } = self.bytes;
        write!(
            f,
            " ({} bytes at offset {start} of the response) is malformed: {}",
            end.saturating_sub(start),
            self.why
        )
    }
}

/// A body without the records that cannot be read. `None` if that is not what is wrong with it: a body that is cut off has no
/// end of its list.
pub(super) fn without(body: &[u8], paths: &FieldPaths) -> Option<(Vec<u8>, Vec<Malformed>)> {
    let items = items(body)?;
    let is_valid = |item: &[u8]| std::str::from_utf8(item).is_ok() && json::is_json(item);
    let malformed: Vec<Malformed> = items
        .iter()
        .filter(|range| !is_valid(&body[(*range).clone()]))
        .map(|range| Malformed::of(&body[range.clone()], range.clone(), paths))
        .collect();
    let (first, last) = (items.first()?, items.last()?);
    let mut text = body[..first.start].to_vec();
    let mut is_first = true;
    for range in &items {
        if malformed.iter().any(|record| record.bytes == *range) {
            continue;
        }
        if !is_first {
            text.push(b',');
        }
        is_first = false;
        text.extend_from_slice(&body[range.clone()]);
    }
    text.extend_from_slice(&body[last.end..]);
    (!malformed.is_empty()).then_some((text, malformed))
}

/// The items of the first list of objects that is not inside a record. Brackets and commas in strings do not count.
fn items(body: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut open: Vec<u8> = Vec::new();
    let mut items = Vec::new();
    let (mut is_text, mut is_escaped) = (false, false);
    // How many brackets are open inside the list, and where the current item begins.
    let mut list: Option<usize> = None;
    let mut start = None;
    for (at, byte) in body.iter().enumerate() {
        if is_text {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => is_text = false,
                _ => {}
            }
            continue;
        }
        let is_between = list == Some(open.len());
        if is_between && start.is_none() && !byte.is_ascii_whitespace() && !b",]".contains(byte) {
            start = Some(at);
        }
        match byte {
            b'"' => is_text = true,
            b'[' | b'{' => {
                open.push(*byte);
                let next = body[at + 1..].trim_ascii_start().first();
                if list.is_none() && *byte == b'[' && open.len() <= DEEPEST && next == Some(&b'{') {
                    list = Some(open.len());
                }
            }
            b',' if is_between => items.push(start.take()?..at),
            b']' | b'}' => {
                let opening = open.pop()?;
                if (opening == b'[') != (*byte == b']') {
                    return None;
                }
                if is_between {
                    items.extend(start.take().map(|start| start..at));
                    return Some(items);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn salvaged(body: &[u8]) -> Option<(String, Vec<String>)> {
        let (text, malformed) = without(body, &FieldPaths::default())?;
        let shown = malformed.iter().map(Malformed::to_string).collect();
        Some((String::from_utf8(text).unwrap(), shown))
    }

    #[test]
    fn one_malformed_record_is_left_out_and_named() {
        for (bad, why) in [
            (
                &b"{\"sk\":\"b\",\"n\":\"Zo\xeb\"}"[..],
                "not UTF-8: byte 0xeb at offset 39",
            ),
            (
                b"{\"sk\":\"b\",\"n\":NaN}",
                "not valid JSON (expected value",
            ),
            (
                b"{\"sk\":\"b\",\"n\":\"\x01\"}",
                "not valid JSON (control character",
            ),
            (
                b"{\"sk\":\"b\",\"n\":\"\\q ],}\"}",
                "not valid JSON (invalid escape",
            ),
            (b"{\"sk\":\"b\",\"n\":01}", "not valid JSON (invalid number"),
        ] {
            let body = [
                &b"{\"data\": [{\"sk\":\"a\"}, "[..],
                bad,
                b" ,{\"sk\":\"c\"}], \"total\":3}",
            ]
            .concat();
            let (text, shown) = salvaged(&body).unwrap();
            assert_eq!(
                text,
                "{\"data\": [{\"sk\":\"a\"},{\"sk\":\"c\"}], \"total\":3}"
            );
            assert_eq!(shown.len(), 1);
            assert!(shown[0].starts_with("the record `b` ("), "{}", shown[0]);
            assert!(shown[0].contains(why), "{}", shown[0]);
        }
    }

    #[test]
    fn a_body_that_is_cut_off_or_no_list_is_not_salvaged() {
        let whole = b"{\"data\":[{\"sk\":\"a\"},{\"sk\":NaN},{\"sk\":\"c\"}]}";
        assert!(salvaged(whole).is_some());
        for end in 0..whole.len() - 2 {
            assert_eq!(salvaged(&whole[..end]), None, "{end}");
        }
        for body in [&b"<html>[{"[..], b"[[1,2],NaN]", b"", b"{\"a\":NaN}", b"[}"] {
            assert_eq!(salvaged(body), None);
        }
    }
}
