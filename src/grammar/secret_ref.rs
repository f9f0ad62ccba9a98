//! A secret by reference: a literal, `env:NAME`, `file:PATH`, `cmd:…` or `-` (stdin).

use std::str::FromStr;

use super::GrammarError;
use crate::secret::Secret;

/// Where a secret comes from. Resolving it needs the environment, so that is `cli`'s work (`env::Env::secret`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    Literal(Secret),
    Env(String),
    File(std::path::PathBuf),
    Command(String),
    Stdin,
}

impl FromStr for SecretRef {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::Literal(Secret::new(text)))
    }
}
