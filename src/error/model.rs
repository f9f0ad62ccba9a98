//! Errors of the model: grammar, conditions, signatures, topics.

use super::{CliError, Exit};
use crate::grammar::GrammarError;

impl From<GrammarError> for CliError {
    fn from(error: GrammarError) -> Self {
        Self::new(Exit::Usage, "bad_input", error)
    }
}
