//! Errors of the model: grammar, conditions, signatures, topics.

use super::{CliError, Exit};
use crate::catalogue::Unknown;
use crate::grammar::GrammarError;

impl From<GrammarError> for CliError {
    fn from(error: GrammarError) -> Self {
        Self::new(Exit::Usage, "bad_input", error)
    }
}

impl From<Unknown> for CliError {
    fn from(error: Unknown) -> Self {
        let (code, hint) = match error.what {
            "event" => ("unknown_event", "evt send --list"),
            "trigger" => ("unknown_trigger", "evt flows create --help"),
            "operator" => ("unknown_operator", "evt flows create --help"),
            _ => ("unknown_action", "evt flows create --help"),
        };
        Self::new(Exit::Usage, code, error).hint(hint)
    }
}
