//! References to events: `e_7f3a`, `p_7f3a`, `@last`, `@-3`, `@failed`, a file, `-`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::GrammarError;
use super::nearest::nearest;
use crate::event::{PlatformRef, Seq};

const EXPECTED: &str = "an event: e_7f3a, @last, @-3, @failed, a file or -";
const EXPECTED_LAST: &str = "an event: did you mean @last?";
const EXPECTED_FAILED: &str = "an event: did you mean @failed?";
const EXPECTED_SEQ: &str = "an event: e_ or p_ and hexadecimal digits, such as e_7f3a";
const EXPECTED_FIRST: &str = "an event: the first number is 0001";

/// A reference to one event (`@failed` may name several).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventRef {
    /// An event of the inbox.
    Seq(Seq),
    /// An event of the local platform.
    Platform(Seq),
    /// `@last` is 1, `@-3` is the third from the end.
    FromEnd(u32),
    Failed,
    File(PathBuf),
    Stdin,
}

impl FromStr for EventRef {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |expected, at| Err(GrammarError::new(text, expected).at_byte(at));
        match text {
            "" => return wrong(EXPECTED, 0),
            "-" => return Ok(Self::Stdin),
            "@last" => return Ok(Self::FromEnd(1)),
            "@failed" => return Ok(Self::Failed),
            _ => {}
        }
        if let Some(word) = text.strip_prefix('@') {
            let position = word
                .strip_prefix('-')
                .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            if let Some(position) = position {
                return match position.parse() {
                    Ok(position) if position > 0 => Ok(Self::FromEnd(position)),
                    _ => wrong(EXPECTED, 2),
                };
            }
            return match nearest(word, ["last", "failed"]) {
                Some("last") => wrong(EXPECTED_LAST, 1),
                Some(_) => wrong(EXPECTED_FAILED, 1),
                None => wrong(EXPECTED, 1),
            };
        }
        let (reference, digits): (fn(Seq) -> Self, _) = match text.split_at_checked(2) {
            Some(("e_", digits)) => (Self::Seq, digits),
            Some(("p_", digits)) => (Self::Platform, digits),
            _ => return Ok(Self::File(text.into())),
        };
        let seq = i64::from_str_radix(digits, 16).ok().filter(|seq| *seq > 0);
        match seq {
            Some(seq) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Ok(reference(Seq(seq)))
            }
            // A file name can begin with `e_` or `p_`. A dot or slash shows that it is a file.
            _ if digits.contains(['.', '/', '\\']) => Ok(Self::File(text.into())),
            _ if !digits.is_empty() && digits.bytes().all(|byte| byte == b'0') => {
                wrong(EXPECTED_FIRST, 2)
            }
            _ => wrong(EXPECTED_SEQ, 2),
        }
    }
}

impl fmt::Display for EventRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seq(seq) => seq.fmt(f),
            Self::Platform(seq) => PlatformRef(*seq).fmt(f),
            Self::FromEnd(1) => f.write_str("@last"),
            Self::FromEnd(position) => write!(f, "@-{position}"),
            Self::Failed => f.write_str("@failed"),
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_parsed_and_displayed() {
        for (text, expected) in [
            ("e_7f3a", EventRef::Seq(Seq(0x7f3a))),
            ("p_7f3a", EventRef::Platform(Seq(0x7f3a))),
            ("p_report.json", EventRef::File("p_report.json".into())),
            ("@last", EventRef::FromEnd(1)),
            ("@-3", EventRef::FromEnd(3)),
            ("@failed", EventRef::Failed),
            ("body.json", EventRef::File("body.json".into())),
            ("e_old.json", EventRef::File("e_old.json".into())),
            ("-", EventRef::Stdin),
        ] {
            assert_eq!(text.parse::<EventRef>().unwrap(), expected, "{text}");
            assert_eq!(expected.to_string(), text);
        }
        assert_eq!("@-1".parse::<EventRef>(), Ok(EventRef::FromEnd(1)));
    }

    #[test]
    fn an_invalid_reference_is_refused_with_the_position() {
        for (text, expected, at) in [
            ("", EXPECTED, 0),
            ("@lst", EXPECTED_LAST, 1),
            ("@faild", EXPECTED_FAILED, 1),
            ("@", EXPECTED, 1),
            ("@-0", EXPECTED, 2),
            ("@-99999999999", EXPECTED, 2),
            ("@3", EXPECTED, 1),
            ("e_", EXPECTED_SEQ, 2),
            ("e_xyz", EXPECTED_SEQ, 2),
            ("p_xyz", EXPECTED_SEQ, 2),
            ("e_-1", EXPECTED_SEQ, 2),
            ("e_000", EXPECTED_FIRST, 2),
        ] {
            let error = text.parse::<EventRef>().unwrap_err();
            assert_eq!((error.expected, error.at), (expected, Some(at)), "{text}");
        }
    }
}
