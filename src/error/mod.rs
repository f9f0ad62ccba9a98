//! An error as a person meets it: what failed, why, what to try, and the exit code.
//!
//! Every room's error becomes a [`CliError`] by an exhaustive match, so that a new variant does not compile until someone
//! has thought about the person who will see it. `model.rs`, `ports.rs` and `engines.rs` hold those, by layer.

mod edge;
mod engines;
mod model;
mod poll;
mod ports;
mod streams;

pub(crate) use model::place_of;
pub(crate) use streams::stopped;

use std::error::Error;

use crate::ui::{Problem, Ui};

/// How the program ends; `evt man exit-codes` is made from this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done,
    Failed,
    Usage,
    NotFound,
    NotAllowed,
    Unreachable,
    Refused,
    Undelivered,
    BadSignature,
    GoalNotMet,
    Partly,
    Gap,
    Interrupted,
    Terminated,
    /// The code of the command that was run after `--`.
    Child(u8),
}

impl Exit {
    /// Every code that is evt's own, in the order of the manual.
    pub const ALL: [Self; 14] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::NotFound,
        Self::NotAllowed,
        Self::Unreachable,
        Self::Refused,
        Self::Undelivered,
        Self::BadSignature,
        Self::GoalNotMet,
        Self::Partly,
        Self::Gap,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// What the code says, for the manual.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => {
                "done; an open-ended stream ended by Ctrl-C after draining; the reader of stdout closed it"
            }
            Self::Failed => "unexpected failure",
            Self::Usage => "usage or configuration",
            Self::NotFound => "not found",
            Self::NotAllowed => "not signed in, or not allowed",
            Self::Unreachable => "cannot reach (name, refused, TLS, timeout)",
            Self::Refused => "the platform refused (4xx, 5xx)",
            Self::Undelivered => "delivery failed (the target did not answer 2xx, retries spent)",
            Self::BadSignature => "signature not valid",
            Self::GoalNotMet => "goal not met (--expect, --count, --for)",
            Self::Partly => "partly done (some of many failed)",
            Self::Gap => "a gap or loss was detected (--fail-on-gap, --on-slow exit)",
            Self::Interrupted => "interrupted by Ctrl-C before a stated goal",
            Self::Terminated => "interrupted by SIGTERM before a stated goal",
            Self::Child(_) => "the code of the command that was run after `--`",
        }
    }

    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::NotAllowed => 4,
            Self::Unreachable => 5,
            Self::Refused => 6,
            Self::Undelivered => 7,
            Self::BadSignature => 8,
            Self::GoalNotMet => 9,
            Self::Partly => 10,
            Self::Gap => 11,
            Self::Interrupted => 130,
            Self::Terminated => 143,
            Self::Child(code) => code,
        }
    }
}

/// An error at the edge.
#[derive(Debug)]
pub struct CliError {
    pub exit: Exit,
    /// The name to look up: `target_refused`.
    pub code: &'static str,
    pub error: Box<dyn Error + Send + Sync>,
    /// What to try; the first is the likeliest.
    pub hints: Vec<String>,
    /// Where in what was typed it goes wrong, where the error's own chain does not tell.
    pub place: Option<String>,
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
            place: None,
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
    /// Shows the error on stderr, with its causes and hints. One that is no failure ([`Exit::Done`]) is not shown.
    pub fn show(&self, ui: &Ui) {
        if self.exit == Exit::Done {
            return;
        }
        ui.problem(&Problem {
            message: self.error.to_string(),
            place: self.place.clone().or_else(|| place_of(self.error.as_ref())),
            why: causes(self.error.as_ref()),
            hints: self.hints.clone(),
            code: self.code,
            exit: self.exit.code(),
        });
    }
}

/// The chain below an error. A cause that repeats the line above it says nothing.
fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said.clone_from(&text);
            causes.push(text);
        }
        next = cause.source();
    }
    causes
}
