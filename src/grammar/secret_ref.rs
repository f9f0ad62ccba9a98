//! A secret by reference: a literal, `env:NAME`, `file:PATH`, `cmd:…` or `-` (stdin).

use std::path::PathBuf;
use std::str::FromStr;

use super::GrammarError;
use crate::secret::Secret;

/// Where a secret comes from. Resolving it needs the environment, so that is the edge's work (`env::Env::secret`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    Literal(Secret),
    Env(String),
    File(PathBuf),
    Command(String),
    Stdin,
}

impl FromStr for SecretRef {
    type Err = GrammarError;

    // What may be a secret is never part of an error: only the forms that name a place can be wrong.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |expected, at| Err(GrammarError::new(text, expected).at_byte(at));
        let (form, rest) = match text.split_once(':') {
            Some((form @ ("env" | "file" | "cmd"), rest)) => (form, rest),
            _ => ("", text),
        };
        let start = text.len() - rest.len();
        match form {
            "env" => match rest.find(['=', '\0']) {
                Some(at) => wrong("env:NAME with the name of a variable", start + at),
                None if rest.is_empty() => wrong("env:NAME with the name of a variable", start),
                None => Ok(Self::Env(rest.to_owned())),
            },
            "file" if rest.is_empty() => wrong("file:PATH with the path of a file", start),
            "file" => Ok(Self::File(rest.into())),
            "cmd" if rest.trim().is_empty() => wrong("cmd:COMMAND with a command to run", start),
            "cmd" => Ok(Self::Command(rest.to_owned())),
            _ if text.is_empty() => {
                wrong("a secret: a literal, env:NAME, file:PATH, cmd:COMMAND or -", 0)
            }
            _ if text == "-" => Ok(Self::Stdin),
            _ => Ok(Self::Literal(Secret::new(text))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_names_its_place() {
        for (text, expected) in [
            ("whsec_abc", SecretRef::Literal(Secret::new("whsec_abc"))),
            ("other:thing", SecretRef::Literal(Secret::new("other:thing"))),
            ("env:S", SecretRef::Env("S".to_owned())),
            ("file:a b.txt", SecretRef::File("a b.txt".into())),
            ("cmd:pass show x", SecretRef::Command("pass show x".to_owned())),
            ("-", SecretRef::Stdin),
        ] {
            assert_eq!(text.parse::<SecretRef>().unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_form_without_a_place_is_refused() {
        for (text, at) in [("", 0), ("env:", 4), ("env:A=b", 5), ("file:", 5), ("cmd: ", 4)] {
            assert_eq!(text.parse::<SecretRef>().unwrap_err().at, Some(at), "{text}");
        }
    }

    #[test]
    fn a_literal_is_never_shown() {
        let secret: SecretRef = "correct-horse-battery".parse().unwrap();
        assert!(!format!("{secret:?}").contains("correct-horse"));
    }
}
