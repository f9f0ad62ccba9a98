//! Questions to the user. Without a terminal, or with `--no-input`, nothing is asked and the error names the flag to use.

use std::io;

use dialoguer::{Confirm, Input, Select};
use thiserror::Error;

use super::Ui;
#[cfg(unix)]
use super::hidden;
use crate::explain::{Exit, Explain, Explanation};

/// Why a question has no answer.
#[derive(Debug, Error)]
pub enum PromptError {
    #[error("cannot ask `{what}`: there is no terminal, or `--no-input` was given")]
    NotAsked {
        what: String,
        /// The flag that answers the question: `--yes`.
        flag: String,
    },
    #[error("the question was not answered")]
    Cancelled(#[source] io::Error),
}

impl Explain for PromptError {
    fn explain(&self) -> Explanation {
        match self {
            Self::NotAsked { flag, .. } => {
                Explanation::usage("not_asked").hint(format!("give it with {flag}"))
            }
            Self::Cancelled(_) => Explanation::new(Exit::Interrupted, "cancelled"),
        }
    }
}

impl Ui {
    /// Returns whether questions can be asked.
    pub fn may_ask(&self) -> bool {
        self.manner.may_ask
    }

    /// Asks a yes-or-no question. `flag` answers it without asking.
    pub fn confirm(&self, question: &str, default: bool, flag: &str) -> Result<bool, PromptError> {
        self.askable(question, flag)?;
        Confirm::new()
            .with_prompt(question)
            .default(default)
            .interact()
            .map_err(cancelled)
    }

    /// Asks the user to choose one of `items` and returns its position.
    pub fn select<T: std::fmt::Display>(
        &self,
        question: &str,
        items: &[T],
        flag: &str,
    ) -> Result<usize, PromptError> {
        self.askable(question, flag)?;
        Select::new()
            .with_prompt(question)
            .items(items)
            .default(0)
            .interact()
            .map_err(cancelled)
    }

    /// Asks for text. An empty answer means the default, if any.
    pub fn input(
        &self,
        question: &str,
        default: Option<&str>,
        flag: &str,
    ) -> Result<String, PromptError> {
        self.askable(question, flag)?;
        let input = Input::<String>::new().with_prompt(question);
        let input = match default {
            Some(default) => input.default(default.to_owned()),
            None => input,
        };
        input.interact_text().map_err(cancelled)
    }

    /// Asks for text, which may be empty.
    pub fn input_or_nothing(&self, question: &str, flag: &str) -> Result<String, PromptError> {
        self.askable(question, flag)?;
        let input = Input::<String>::new().with_prompt(question);
        input.allow_empty(true).interact_text().map_err(cancelled)
    }

    /// Asks for text without showing it.
    pub fn password(&self, question: &str, flag: &str) -> Result<String, PromptError> {
        self.askable(question, flag)?;
        #[cfg(unix)]
        return hidden::read(question).map_err(PromptError::Cancelled);
        #[cfg(not(unix))]
        dialoguer::Password::new()
            .with_prompt(question)
            .interact()
            .map_err(cancelled)
    }

    fn askable(&self, what: &str, flag: &str) -> Result<(), PromptError> {
        if !self.manner.may_ask {
            return Err(PromptError::NotAsked {
                what: what.to_owned(),
                flag: flag.to_owned(),
            });
        }
        // The output so far belongs above the question.
        self.flush().map_err(PromptError::Cancelled)
    }
}

fn cancelled(error: dialoguer::Error) -> PromptError {
    let dialoguer::Error::IO(error) = error;
    PromptError::Cancelled(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Manner;

    #[test]
    fn without_a_terminal_the_error_names_the_flag() {
        let error = Ui::new(Manner::default())
            .confirm("Delete it?", false, "--yes")
            .unwrap_err();
        assert!(matches!(error, PromptError::NotAsked { flag, .. } if flag == "--yes"));
    }
}
