//! Why reading stops before everything has been read.

use thiserror::Error;

use super::{PollEnd, PollError};
use crate::api::ApiError;

/// Why reading stops before everything has been read.
#[derive(Debug)]
pub(super) enum Halt {
    /// Polling ends, and nothing is wrong.
    End(PollEnd),
    /// Polling fails.
    Error(PollError),
    /// The server refuses a request of this kind. No server has to support all of them, so the caller may ask in another way.
    Refused(ApiError),
    /// The server does not do what this way of reading relies on. Another way may work.
    Violation(Violation),
}

impl Halt {
    /// The result of polling, if no caller handles this.
    pub(super) fn into_result(self) -> Result<PollEnd, PollError> {
        match self {
            Self::End(end) => Ok(end),
            Self::Error(error) => Err(error),
            Self::Refused(refused) => Err(refused.into()),
            Self::Violation(violation) => Err(PollError::Incomplete {
                why: violation.to_string(),
            }),
        }
    }

    /// Turns a violation into the end of polling: no other way of reading is left. `what` says what cannot be done.
    pub(super) fn or_incomplete(self, what: impl FnOnce() -> String) -> Self {
        match self {
            Self::Violation(violation) => Self::Error(PollError::Incomplete {
                why: format!("{}: {violation}", what()),
            }),
            other => other,
        }
    }
}

impl<E: Into<PollError>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl From<Violation> for Halt {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

/// What a server does other than requested.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Violation {
    #[error("it sends records outside the requested dates")]
    Bounds,
    /// The records are in exactly the opposite order.
    #[error("it sends the newest records first, whatever order is requested")]
    Reversed,
    #[error("it does not sort")]
    Unsorted,
    /// Keys are not in order, or not after the requested one.
    #[error("it does not continue after a key")]
    Keys,
    #[error("it refuses such requests")]
    Refused,
    #[error("it refuses to continue: {0}")]
    RefusesPage(String),
    #[error("it sends the same page whatever page is requested")]
    SamePage,
    #[error("its pages do not end")]
    EndlessPages,
    #[error("after {passes} passes over its pages there were still new or missing records")]
    NeverQuiet { passes: u32 },
}
