//! Errors of the engines: delivery, flows, the platform, the listener, samples.

use super::{CliError, Exit};
use crate::sample::UnknownSample;

impl From<UnknownSample> for CliError {
    fn from(error: UnknownSample) -> Self {
        let hint = match &error.suggestion {
            Some(name) => format!("evt send {name}"),
            None => "evt send --list".to_owned(),
        };
        // The same exit as for any other word that means nothing.
        Self::new(Exit::Usage, "unknown_event", error).hint(hint)
    }
}
