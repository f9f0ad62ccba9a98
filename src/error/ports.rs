//! Errors of the ports: store, outgoing and incoming connections, the platform's API.

use super::{CliError, Exit};
use crate::store::StoreError;
use crate::ui::PromptError;

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::new(Exit::Failed, "store", error)
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Done, "closed_pipe", error);
        }
        Self::new(Exit::Failed, "io", error)
    }
}

impl From<PromptError> for CliError {
    fn from(error: PromptError) -> Self {
        match &error {
            PromptError::NotAsked { flag, .. } => {
                let hint = format!("give it with {flag}");
                Self::new(Exit::Usage, "not_asked", error).hint(hint)
            }
            PromptError::Cancelled(_) => Self::new(Exit::Interrupted, "cancelled", error),
        }
    }
}
