//! Header arguments: `Name: value`.

use std::str::FromStr;

use http::{HeaderName, HeaderValue};

use super::GrammarError;
use crate::secret;

const EXPECTED: &str = "a header such as `X-Name: value`";

/// A header's name and value. The value may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderLine {
    pub name: HeaderName,
    pub value: HeaderValue,
}

impl FromStr for HeaderLine {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |at| GrammarError {
            at,
            ..GrammarError::new(&secret::masked_header(text), EXPECTED)
        };
        let (name, value) = text.split_once(':').ok_or_else(|| wrong(None))?;
        let after = name.chars().count() + 1;
        Ok(Self {
            name: name.trim().parse().map_err(|_| wrong(Some(0)))?,
            value: HeaderValue::from_str(value.trim_matches([' ', '\t']))
                .map_err(|_| wrong(Some(after)))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_split_at_its_first_colon() {
        let line: HeaderLine = "X-Url: http://a.test/".parse().unwrap();
        assert_eq!(line.name, "x-url");
        assert_eq!(line.value, "http://a.test/");
        assert_eq!("X-Empty:".parse::<HeaderLine>().unwrap().value, "");
    }

    #[test]
    fn an_invalid_header_is_refused_with_the_position() {
        for (text, at) in [
            ("X-Name", None),
            (": x", Some(0)),
            ("A b: x", Some(0)),
            ("A: \r\nB: x\n", Some(2)),
            ("A: b\u{0}", Some(2)),
        ] {
            assert_eq!(text.parse::<HeaderLine>().unwrap_err().at, at, "{text:?}");
        }
    }
}
