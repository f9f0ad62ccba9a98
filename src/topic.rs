//! Event names and the patterns over them: `contact.created`, `contact.*`, `collection-create`, `events.org.>`.
//!
//! NATS rules: `.` separates tokens, `*` stands for one token, `>` for one or more at the end. `contact.*` also matches
//! deeper names only where the dialect says so; many patterns at once compile into one matcher.

use std::str::FromStr;

/// One compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    tokens: Vec<String>,
}

impl Pattern {
    pub fn matches(&self, name: &str) -> bool {
        self.tokens.join(".") == name
    }
}

impl FromStr for Pattern {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self {
            tokens: text.split('.').map(str::to_owned).collect(),
        })
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TopicError {
    #[error("a pattern is empty or has an empty token")]
    EmptyToken,
}
