//! The syntax of arguments. Every type implements `FromStr`, so clap can parse it.

pub mod broker;
pub mod change;
pub mod destination;
pub mod event_ref;
pub mod glob;
pub mod header_line;
pub mod host;
pub mod nearest;
pub mod quantity;
pub mod secret_ref;
pub mod statuses;
pub mod target;

use std::fmt::Write;

use thiserror::Error;

use crate::explain::{Explain, Explanation};
use crate::secret;

/// Text that does not have the expected form.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{input}` is not {expected}{}", position(*at))]
pub struct GrammarError {
    pub input: String,
    /// The expected form: "a rate: 50/s, 100/m or 10/h"
    pub expected: &'static str,
    /// The position of the mistake, in characters.
    pub at: Option<usize>,
}

impl Explain for GrammarError {
    fn explain(&self) -> Explanation {
        Explanation::usage("bad_input").caret(self.caret())
    }
}

impl GrammarError {
    pub(crate) fn new(input: &str, expected: &'static str) -> Self {
        Self {
            input: input.to_owned(),
            expected,
            at: None,
        }
    }

    /// Masks the secrets of an input that is a URL or a part of one.
    pub(crate) fn masked(mut self) -> Self {
        self.input = secret::masked_url(&self.input);
        self
    }

    /// Sets the position of the mistake, given as a byte offset.
    pub(crate) fn at_byte(mut self, byte: usize) -> Self {
        let before = self.input.get(..byte).unwrap_or(&self.input);
        self.at = Some(before.chars().count());
        self
    }

    /// The input with a caret below the mistake, on two lines. `None` if its position is not known.
    pub fn caret(&self) -> Option<String> {
        Some(caret(&self.input, self.at?))
    }
}

/// `input` on one line, and a caret below its character `at` on the next.
pub fn caret(input: &str, at: usize) -> String {
    // Line breaks and tabs would move the caret.
    let mut text: String = input
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    write!(text, "\n{:at$}^", "").expect("writing to a string cannot fail");
    text
}

/// The position of a mistake as the end of a message, if known.
pub(crate) fn position(at: Option<usize>) -> String {
    at.map_or_else(String::new, |at| format!(" (at character {})", at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_is_below_the_character() {
        let error = GrammarError::new("höst:x", "a target").at_byte("höst:".len());
        assert_eq!(error.at, Some(5));
        assert_eq!(error.caret().unwrap(), "höst:x\n     ^");
        assert_eq!(
            error.to_string(),
            "`höst:x` is not a target (at character 6)"
        );
    }
}
