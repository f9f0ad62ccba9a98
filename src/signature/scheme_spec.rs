//! A signature scheme with its options: `stripe`, `shared-secret-header:header=X-Bridge-Secret`.

use std::str::FromStr;

use super::Options;
use crate::grammar::GrammarError;

/// A scheme by name; whether it exists is `signature::find`'s to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemeSpec {
    pub name: String,
    pub options: Options,
}

impl FromStr for SchemeSpec {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = |at| GrammarError {
            input: text.to_owned(),
            expected: "SCHEME or SCHEME:key=value,key=value",
            at,
        };
        let (name, rest) = match text.split_once(':') {
            Some((name, rest)) => (name, Some(rest)),
            None => (text, None),
        };
        if name.is_empty() {
            return Err(bad(Some(0)));
        }
        let mut options = Vec::new();
        let mut at = name.chars().count() + 1;
        for part in rest.into_iter().flat_map(|rest| rest.split(',')) {
            let (key, value) = part
                .split_once('=')
                .filter(|(key, _)| !key.is_empty())
                .ok_or_else(|| bad(Some(at)))?;
            options.push((key.to_owned(), value.to_owned()));
            at += part.chars().count() + 1;
        }
        Ok(Self {
            name: name.to_owned(),
            options: Options(options),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_follow_the_name_in_order() {
        let spec: SchemeSpec = "hmac:header=X-Sig,prefix=sha256=".parse().unwrap();
        assert_eq!(spec.name, "hmac");
        let pairs = [
            ("header".to_owned(), "X-Sig".to_owned()),
            ("prefix".to_owned(), "sha256=".to_owned()),
        ];
        assert_eq!(spec.options.0, pairs);
    }

    #[test]
    fn a_part_without_a_key_is_pointed_at() {
        for (text, at) in [
            ("", 0),
            (":a=b", 0),
            ("stripe:", 7),
            ("x:a=b,c", 6),
            ("x:=b", 2),
        ] {
            assert_eq!(
                text.parse::<SchemeSpec>().unwrap_err().at,
                Some(at),
                "{text}"
            );
        }
    }
}
