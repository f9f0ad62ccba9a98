//! Which event: `e_7f3a`, `@last`, `@-3`, `@failed`, a file, `-`.

use std::path::PathBuf;
use std::str::FromStr;

use super::GrammarError;
use crate::event::Seq;

/// A reference to one event (`@failed` may name several).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventRef {
    Seq(Seq),
    /// `@last` is 1, `@-3` is the third from the end.
    FromEnd(u32),
    Failed,
    File(PathBuf),
    Stdin,
}

impl FromStr for EventRef {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Err(GrammarError {
            input: text.to_owned(),
            expected: "an event reference",
            at: None,
        })
    }
}
