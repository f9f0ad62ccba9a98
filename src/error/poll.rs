//! Errors of polling: why records cannot be read, or not all of them.

use super::{CliError, Exit};
use crate::source::poll::{OutFileError, PollError};

impl From<PollError> for CliError {
    fn from(error: PollError) -> Self {
        let hint = match &error {
            PollError::Api(_) | PollError::State(_) | PollError::Output(_) => {
                return of_part(error);
            }
            PollError::Spent { .. } => return spent(error),
            PollError::NoPages { .. } => {
                "check that this is the platform's address: evt profile show"
            }
            PollError::Incomplete { .. } => {
                "evt man polling     says what a server has to be able to do"
            }
            PollError::WaitTooLong { .. } => {
                "--max-wait waits longer; evt poll state reset forgets the wait, and everything else"
            }
            PollError::NoKey { .. } => "--key PATH     says where a record has its key",
            PollError::NoDate { .. } => {
                "--field PATH     says where a record has its date of change"
            }
            PollError::Undated { .. } => "--undated include     reads them too",
        };
        let (exit, code) = match &error {
            PollError::Incomplete { .. } => (Exit::Gap, "incomplete"),
            PollError::Undated { .. } => (Exit::Gap, "undated"),
            PollError::WaitTooLong { .. } => (Exit::Refused, "wait_too_long"),
            PollError::NoKey { .. } => (Exit::Usage, "no_key"),
            PollError::NoDate { .. } => (Exit::Usage, "no_date"),
            _ => (Exit::Refused, "bad_answer"),
        };
        Self::new(exit, code, error).hint(hint)
    }
}

/// What another room met.
fn of_part(error: PollError) -> CliError {
    match error {
        PollError::Api(error) => error.into(),
        PollError::State(error) => error.into(),
        PollError::Output(error) => error.into(),
        other => CliError::new(Exit::Failed, "poll", other),
    }
}

/// The last failure decides; what was done about it is said as well.
fn spent(error: PollError) -> CliError {
    let PollError::Spent { tries, source } = error else {
        return CliError::new(Exit::Failed, "poll", error);
    };
    let mut last = CliError::from(*source);
    last.hints.push(format!(
        "it was tried {tries} times; what was read is kept, and the same command goes on"
    ));
    last
}

impl From<OutFileError> for CliError {
    fn from(error: OutFileError) -> Self {
        match &error {
            OutFileError::Unwritable { path, .. } => {
                let hint = format!("ls -ld {}     shows who may write there", path.display());
                Self::new(Exit::Failed, "output_unwritable", error).hint(hint)
            }
            OutFileError::Changed { .. } => Self::new(Exit::Failed, "output_changed", error)
                .hint("put the file back as it was, or go on in another: --out another-file"),
        }
    }
}
