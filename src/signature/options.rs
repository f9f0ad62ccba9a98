//! The options of a scheme: `SCHEME:key=value,…`.

use std::str::FromStr;

use super::{Scheme, SignatureError};
use crate::grammar::GrammarError;

/// The options that may be empty: without a `prefix`, the signature or the secret has none.
const MAY_BE_EMPTY: [&str; 2] = ["prefix", "key-prefix"];

/// `key=value` options of a scheme, in the order given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(pub Vec<(String, String)>);

impl Options {
    /// Returns the value of an option. If it is given several times, the last one wins.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the value of an option that the scheme cannot work without.
    pub(super) fn required(
        &self,
        scheme: &'static str,
        option: &'static str,
    ) -> Result<&str, SignatureError> {
        self.get(option)
            .ok_or(SignatureError::MissingOption { scheme, option })
    }

    /// Returns an error for an option that the scheme does not have, and for an empty one.
    pub(super) fn check<S: Scheme + ?Sized>(&self, scheme: &S) -> Result<(), SignatureError> {
        for (name, value) in &self.0 {
            let known = scheme.options().iter().find(|(option, _)| option == name);
            let Some((option, _)) = known else {
                return Err(SignatureError::UnknownOption {
                    scheme: scheme.name(),
                    option: match is_option_name(name) {
                        true => name.clone(),
                        false => "…".to_owned(),
                    },
                });
            };
            // An unset shell variable must not become an empty token or audience, which anybody could send.
            if value.trim().is_empty() && !MAY_BE_EMPTY.contains(option) {
                return Err(SignatureError::BadOption {
                    scheme: scheme.name(),
                    option,
                    expected: "non-empty",
                });
            }
        }
        Ok(())
    }

    /// Reads `certs=loopback`: documents may be fetched from this machine, as the local platform serves them.
    pub(super) fn allows_loopback(&self, scheme: &'static str) -> Result<bool, SignatureError> {
        match self.get(CERTS.0) {
            None => Ok(false),
            Some("loopback") => Ok(true),
            Some(_) => Err(SignatureError::BadOption {
                scheme,
                option: CERTS.0,
                expected: "`loopback`",
            }),
        }
    }
}

/// The option that [`Options::allows_loopback`] reads.
pub(super) const CERTS: (&str, &str) = (
    "certs",
    "`loopback` also allows documents from this machine, including over http",
);

/// A scheme and its options as the user typed them: `stripe`, `shared-secret-header:header=X-Bridge-Secret`. The scheme may not
/// exist, see [`super::find`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemeSpec {
    pub name: String,
    pub options: Options,
}

impl FromStr for SchemeSpec {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = |at| GrammarError {
            input: masked(text),
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
        for part in rest.into_iter().flat_map(parts) {
            let (key, value) = part
                .split_once('=')
                .filter(|(key, _)| !key.is_empty())
                .ok_or_else(|| bad(Some(at)))?;
            options.push((key.to_owned(), value.replace("\\,", ",")));
            at += part.chars().count() + 1;
        }
        Ok(Self {
            name: name.to_owned(),
            options: Options(options),
        })
    }
}

/// Splits options at their commas. A comma after a backslash is part of a value.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut is_escaped = false;
    text.split(move |letter| {
        let splits = letter == ',' && !is_escaped;
        is_escaped = letter == '\\';
        splits
    })
}

/// The text of a scheme without the values of its options, which may be secrets. Positions stay the same.
fn masked(text: &str) -> String {
    let Some((name, rest)) = text.split_once(':') else {
        return text.to_owned();
    };
    let parts = parts(rest).map(|part| match part.split_once('=') {
        Some((key, value)) if is_option_name(key) => {
            format!("{key}={}", "*".repeat(value.chars().count()))
        }
        _ => "*".repeat(part.chars().count()),
    });
    format!("{name}:{}", parts.collect::<Vec<_>>().join(","))
}

/// Whether a text looks like the name of an option, and not like a secret in its place.
fn is_option_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    (1..=24).contains(&text.len()) && text.bytes().all(is_plain)
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
    fn a_comma_after_a_backslash_is_part_of_a_value() {
        let spec: SchemeSpec = r"hmac:prefix=v1\,,key=text".parse().unwrap();
        assert_eq!(spec.options.get("prefix"), Some("v1,"));
        assert_eq!(spec.options.get("key"), Some("text"));
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
