//! Which event: `e_7f3a`, `@last`, `@-3`, `@failed`, a file, `-`.

use std::path::PathBuf;
use std::str::FromStr;

use super::GrammarError;
use crate::event::Seq;

/// A reference to an event; `@failed` may name several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventRef {
    Seq(Seq),
    /// `@last` is 1, `@-3` is the third from the end.
    FromEnd(u32),
    Failed,
    File(PathBuf),
    Stdin,
}

impl FromStr for EventRef {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "an event: e_7f3a, @last, @-3, @failed, a file or -";
        let bad = |at| GrammarError {
            input: text.to_owned(),
            expected,
            at,
        };
        if let Some(name) = text.strip_prefix('@') {
            return match name {
                "last" => Ok(Self::FromEnd(1)),
                "failed" => Ok(Self::Failed),
                _ => match name.strip_prefix('-').and_then(|nth| nth.parse().ok()) {
                    Some(nth) if nth > 0 => Ok(Self::FromEnd(nth)),
                    _ => Err(bad(Some(1))),
                },
            };
        }
        if let Some(number) = text.strip_prefix("e_") {
            let plain = number.bytes().all(|byte| byte.is_ascii_hexdigit());
            return text
                .parse()
                .ok()
                .filter(|_| plain)
                .map(Self::Seq)
                .ok_or_else(|| bad(Some(2)));
        }
        match text {
            "-" => Ok(Self::Stdin),
            "" => Err(bad(None)),
            _ => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_told_apart() {
        for (text, expected) in [
            ("e_7f3a", EventRef::Seq(Seq(0x7f3a))),
            ("e_0001", EventRef::Seq(Seq(1))),
            ("@last", EventRef::FromEnd(1)),
            ("@-3", EventRef::FromEnd(3)),
            ("@failed", EventRef::Failed),
            ("body.json", EventRef::File(PathBuf::from("body.json"))),
            ("-", EventRef::Stdin),
        ] {
            assert_eq!(text.parse::<EventRef>().unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in [
            "",
            "@",
            "@first",
            "@-0",
            "@--1",
            "@3",
            "e_",
            "e_xyz",
            "e_+1",
            "e_ffffffffffffffffff",
        ] {
            assert!(text.parse::<EventRef>().is_err(), "{text}");
        }
    }
}
