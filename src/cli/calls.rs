//! `--timeout` of the commands that call the platform's API.

use std::time::Duration;

use crate::error::CliError;
use crate::grammar::quantity::Span;

/// How long a call may take.
#[derive(Debug, clap::Args)]
pub(crate) struct CallArgs {
    /// Fail if a call to the platform takes longer, with all its tries
    #[arg(long, global = true, value_name = "SPAN", default_value = "30s")]
    timeout: Span,
}

impl CallArgs {
    /// # Errors
    /// If it is zero: no call could succeed.
    pub(crate) fn timeout(&self) -> Result<Duration, CliError> {
        let timeout: Duration = self.timeout.into();
        if timeout.is_zero() {
            return Err(CliError::usage("--timeout must be longer than 0").hint("--timeout 30s"));
        }
        Ok(timeout)
    }
}
