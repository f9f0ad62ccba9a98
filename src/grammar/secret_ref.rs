//! Secret references: a literal, `env:NAME`, `file:PATH`, `cmd:…` or `-` (stdin).

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::GrammarError;
use crate::secret::Secret;

/// The source of a secret. `env::Env::secret` reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    Literal(Secret),
    Env(String),
    File(PathBuf),
    /// A shell command. The first line of its output is the secret.
    Command(String),
    Stdin,
}

impl FromStr for SecretRef {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let reference = match text.split_once(':') {
            Some(("env", name)) => Self::Env(name.to_owned()),
            Some(("file", path)) => Self::File(PathBuf::from(path)),
            Some(("cmd", command)) => Self::Command(command.to_owned()),
            _ if text == "-" => Self::Stdin,
            _ => Self::Literal(Secret::new(text)),
        };
        // The error does not repeat the input, which may be a secret.
        let expected = "a secret: text, env:NAME, file:PATH, cmd:COMMAND or -";
        let bad = |at| GrammarError {
            at,
            ..GrammarError::new("…", expected)
        };
        match &reference {
            Self::Literal(secret) if secret.reveal().is_empty() => Err(bad(None)),
            Self::Env(name) if name.is_empty() || name.contains(['=', '\0']) => Err(bad(Some(4))),
            Self::File(path) if path.as_os_str().is_empty() => Err(bad(Some(5))),
            Self::Command(command) if command.trim().is_empty() => Err(bad(Some(4))),
            _ => Ok(reference),
        }
    }
}

/// The reference as the user wrote it, with a literal masked.
impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(secret) => secret.fmt(f),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Command(command) => write!(f, "cmd:{command}"),
            Self::Stdin => f.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_recognised() {
        for (text, expected) in [
            ("whsec_abc", SecretRef::Literal(Secret::new("whsec_abc"))),
            ("a:b", SecretRef::Literal(Secret::new("a:b"))),
            ("env:HOOK", SecretRef::Env("HOOK".to_owned())),
            (
                "file:/run/secret",
                SecretRef::File(PathBuf::from("/run/secret")),
            ),
            (
                "cmd:pass show a:b",
                SecretRef::Command("pass show a:b".to_owned()),
            ),
            ("-", SecretRef::Stdin),
        ] {
            assert_eq!(text.parse::<SecretRef>().unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn an_empty_reference_is_refused() {
        for text in ["", "env:", "file:", "cmd: ", "env:A=B"] {
            assert!(text.parse::<SecretRef>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_literal_is_masked_in_debug_and_display() {
        let reference: SecretRef = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La9f2c".parse().unwrap();
        assert!(!format!("{reference:?} {reference}").contains("MfKQ"));
    }
}
