//! Errors in the source of a condition.

use thiserror::Error;

use super::budget::REGEX;
use crate::explain::{Explain, Explanation};
use crate::grammar::nearest::{did_you_mean, nearest};
use crate::grammar::{caret, position};

/// Why a condition cannot be compiled. `at` counts characters of `input`.
#[derive(Debug, Error)]
pub enum ConditionError {
    #[error("`{input}` is not a condition: {reason}{}", position(*at))]
    Syntax {
        input: String,
        at: Option<usize>,
        reason: String,
    },
    #[error("there is no function `{name}`{}", did_you_mean(*suggestion))]
    UnknownFunction {
        input: String,
        at: Option<usize>,
        name: String,
        suggestion: Option<&'static str>,
    },
    #[error("there is no variable `{name}` here; there are {}{}", list(known), did_you_mean(*suggestion))]
    UnknownVariable {
        input: String,
        at: Option<usize>,
        name: String,
        known: Vec<&'static str>,
        suggestion: Option<&'static str>,
    },
    #[error("`{pattern}` is not a regular expression")]
    Regex {
        pattern: String,
        source: Box<regex::Error>,
    },
    #[error("there is no operator `{name}`{}", did_you_mean(*suggestion))]
    UnknownOperator {
        name: String,
        suggestion: Option<&'static str>,
    },
    #[error("`{operator}` takes {expected}")]
    Argument {
        operator: &'static str,
        expected: &'static str,
    },
    #[error("a condition must be {expected}")]
    Shape { expected: &'static str },
    #[error("loops can be nested only twice, and this is the third level{}", position(*at))]
    LoopsTooDeep { input: String, at: Option<usize> },
    #[error("the condition is nested too deeply")]
    TooDeep,
    #[error("the condition is longer than {limit} bytes")]
    TooLong { limit: usize },
}

impl Explain for ConditionError {
    fn explain(&self) -> Explanation {
        let (code, hint) = match self {
            Self::Syntax { .. } => (
                "bad_condition",
                "data.amount >= 100 && data.status in [\"lead\", \"customer\"]".to_owned(),
            ),
            Self::UnknownFunction { .. } => (
                "unknown_function",
                "contains, startsWith, endsWith, matches, size, has, exists and all are the most common ones".to_owned(),
            ),
            Self::UnknownVariable { .. } => (
                "unknown_variable",
                "data.… is the payload; text needs quotes: type == \"contact.created\"".to_owned(),
            ),
            Self::Regex { .. } => (
                "bad_regex",
                "data.email.matches(\"@example[.]com$\")".to_owned(),
            ),
            Self::UnknownOperator { name, .. } if name.starts_with('$') => {
                ("unknown_operator", super::mongo::OPERATORS.join(" "))
            }
            Self::UnknownOperator { .. } => {
                ("unknown_operator", crate::catalogue::operators().join(" "))
            }
            Self::Argument { .. } | Self::Shape { .. } => (
                "bad_condition",
                "{\"field\": \"contact.email\", \"operator\": \"contains\", \"value\": \"@\"}".to_owned(),
            ),
            Self::TooDeep | Self::LoopsTooDeep { .. } | Self::TooLong { .. } => {
                ("bad_condition", "split it into several conditions".to_owned())
            }
        };
        Explanation::usage(code).hint(hint).caret(self.caret())
    }
}

impl ConditionError {
    pub(super) fn unknown_variable(input: &str, name: &str, known: &[&'static str]) -> Self {
        Self::UnknownVariable {
            input: input.to_owned(),
            at: input.find(name).map(|at| input[..at].chars().count()),
            name: name.to_owned(),
            known: known.to_vec(),
            suggestion: suggest(name, known),
        }
    }

    pub(super) fn regex(pattern: &str, source: regex::Error) -> Self {
        Self::Regex {
            pattern: pattern.to_owned(),
            source: Box::new(source),
        }
    }

    /// Compiles a pattern of bounded size.
    pub(super) fn or_regex(pattern: &str) -> Result<regex::Regex, Self> {
        regex::RegexBuilder::new(pattern)
            .size_limit(REGEX)
            .build()
            .map_err(|error| Self::regex(pattern, error))
    }

    /// The condition with a caret below the mistake, on two lines.
    pub fn caret(&self) -> Option<String> {
        match self {
            Self::Syntax { input, at, .. }
            | Self::UnknownFunction { input, at, .. }
            | Self::LoopsTooDeep { input, at }
            | Self::UnknownVariable { input, at, .. } => Some(caret(input, (*at)?)),
            _ => None,
        }
    }
}

/// The known word that is most similar to the typed one.
pub(super) fn suggest(typed: &str, known: &[&'static str]) -> Option<&'static str> {
    nearest(typed, known.iter().copied())
}

fn list(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
