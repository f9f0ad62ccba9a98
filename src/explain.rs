//! What the user of the command line learns about an error: the exit code, a code word and what to try.
//!
//! Every room implements [`Explain`] next to its error enum, in one exhaustive match without `_`: a new variant does not
//! compile until its author has decided what the user sees.

use std::error::Error;

/// How the program ends. `evt man exit-codes` is generated from this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done,
    Failed,
    Usage,
    NotFound,
    NotAllowed,
    Unreachable,
    Refused,
    Undelivered,
    BadSignature,
    GoalNotMet,
    Partly,
    Gap,
    Interrupted,
    Terminated,
    /// The exit code of the command after `--`.
    Child(u8),
}

impl Exit {
    /// Every exit code except [`Self::Child`], in the order of the manual.
    pub const ALL: [Self; 14] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::NotFound,
        Self::NotAllowed,
        Self::Unreachable,
        Self::Refused,
        Self::Undelivered,
        Self::BadSignature,
        Self::GoalNotMet,
        Self::Partly,
        Self::Gap,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The meaning of the code, for the manual.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => {
                "done; an open-ended stream ended by Ctrl-C after draining; the reader of stdout closed it"
            }
            Self::Failed => "unexpected failure",
            Self::Usage => "usage or configuration",
            Self::NotFound => "not found",
            Self::NotAllowed => "not signed in, or not allowed",
            Self::Unreachable => "cannot reach (name, refused, TLS, timeout)",
            Self::Refused => "the platform refused (4xx, 5xx)",
            Self::Undelivered => "delivery failed (the target did not answer 2xx, retries spent)",
            Self::BadSignature => "signature not valid",
            Self::GoalNotMet => "goal not met (--expect, --count, --for)",
            Self::Partly => "partly done (some of many failed)",
            Self::Gap => "a gap or loss was detected (--fail-on-gap, --on-slow exit)",
            Self::Interrupted => "interrupted by Ctrl-C before a stated goal",
            Self::Terminated => "interrupted by SIGTERM before a stated goal",
            Self::Child(_) => "the code of the command that was run after `--`",
        }
    }

    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::NotAllowed => 4,
            Self::Unreachable => 5,
            Self::Refused => 6,
            Self::Undelivered => 7,
            Self::BadSignature => 8,
            Self::GoalNotMet => 9,
            Self::Partly => 10,
            Self::Gap => 11,
            Self::Interrupted => 130,
            Self::Terminated => 143,
            Self::Child(code) => code,
        }
    }
}

/// An error that the command line can report.
pub trait Explain: Error {
    fn explain(&self) -> Explanation;
}

/// What is reported with an error, in addition to its message and its causes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub exit: Exit,
    /// The name that the user can look up: `target_refused`.
    pub code: &'static str,
    /// What to try, the most likely one first.
    pub hints: Vec<String>,
    /// The user's input with a caret below the character at which it is wrong.
    pub caret: Option<String>,
    /// What the other side answered; shown as the last cause.
    pub answer: Option<String>,
}

impl Explanation {
    pub fn new(exit: Exit, code: &'static str) -> Self {
        Self {
            exit,
            code,
            hints: Vec::new(),
            caret: None,
            answer: None,
        }
    }

    pub fn failed(code: &'static str) -> Self {
        Self::new(Exit::Failed, code)
    }

    pub fn usage(code: &'static str) -> Self {
        Self::new(Exit::Usage, code)
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    #[must_use]
    pub fn caret(mut self, caret: Option<String>) -> Self {
        self.caret = caret;
        self
    }
}

/// A word of a command in a hint, in quotes if a shell would change it.
pub fn shell_word(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => shell_quoted(word),
    }
}

/// A word of a command in a hint, always in quotes: for a name that a user may replace by another one.
pub fn shell_quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_shell_would_change_is_quoted() {
        for word in ["e_0001", "http://127.0.0.1:3000/hook", "unix:/run/app.sock"] {
            assert_eq!(shell_word(word), word);
        }
        assert_eq!(shell_word("http://a/?x=1&y=2"), "'http://a/?x=1&y=2'");
        assert_eq!(shell_word("it's $(id)`id`"), r"'it'\''s $(id)`id`'");
        assert_eq!(shell_word(""), "''");
    }
}
