//! The error that ends a command: what failed, why, what to try, and the exit code.

use std::error::Error;

use crate::condition::ConditionError;
pub use crate::explain::Exit;
use crate::explain::{Explain, Explanation};
use crate::grammar::GrammarError;
use crate::select::SelectError;
use crate::shape::ShapeError;
use crate::ui::{Problem, Ui};

/// The error that a command returns to `main`.
#[derive(Debug)]
pub struct CliError {
    pub exit: Exit,
    /// The name to look up: `target_refused`.
    pub code: &'static str,
    pub error: Box<dyn Error + Send + Sync>,
    /// What to try, the most likely one first.
    pub hints: Vec<String>,
    /// The user's input with a caret below the character at which it is wrong.
    pub caret: Option<String>,
    /// What the other side answered; shown as the last cause.
    pub answer: Option<String>,
}

impl<E: Explain + Send + Sync + 'static> From<E> for CliError {
    fn from(error: E) -> Self {
        let Explanation {
            exit,
            code,
            hints,
            caret,
            answer,
        } = error.explain();
        Self {
            exit,
            code,
            error: Box::new(error),
            hints,
            caret,
            answer,
        }
    }
}

impl CliError {
    pub fn new(
        exit: Exit,
        code: &'static str,
        error: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            exit,
            code,
            error: error.into(),
            hints: Vec::new(),
            caret: None,
            answer: None,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message.into())
    }

    /// Shows the error on stderr, with its causes and hints. [`Exit::Done`] is not a failure and is not shown.
    pub fn show(&self, ui: &Ui) {
        if self.exit == Exit::Done {
            return;
        }
        let mut why = causes(self.error.as_ref());
        why.extend(self.answer.clone());
        ui.problem(&Problem {
            message: self.error.to_string(),
            place: self.caret.clone().or_else(|| caret_of(self.error.as_ref())),
            why,
            hints: self.hints.clone(),
            code: self.code,
            exit: self.exit.code(),
        });
    }
}

/// The chain below an error, without causes that repeat the message above them.
fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut above = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !above.contains(&text) {
            above.clone_from(&text);
            causes.push(text);
        }
        next = cause.source();
    }
    causes
}

/// The caret of the first error in the chain that has one.
pub(crate) fn caret_of(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(current) = next {
        let caret = caret_in::<GrammarError>(current)
            .or_else(|| caret_in::<ConditionError>(current))
            .or_else(|| caret_in::<ShapeError>(current))
            .or_else(|| caret_in::<SelectError>(current));
        if caret.is_some() {
            return caret;
        }
        next = current.source();
    }
    None
}

fn caret_in<E: Explain + 'static>(error: &(dyn Error + 'static)) -> Option<String> {
    error.downcast_ref::<E>()?.explain().caret
}
