//! What people type, parsed once. Every type implements `FromStr`, so clap uses it as it is.

pub mod change;
pub mod event_ref;
pub mod nearest;
pub mod scheme_spec;
pub mod secret_ref;
pub mod select;
pub mod target;
pub mod when;

use thiserror::Error;

/// Text that is not of the form that was asked for.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{input}` is not {expected}{}", match .at { Some(at) => format!(" (at character {})", at + 1), None => String::new() })]
pub struct GrammarError {
    pub input: String,
    /// "a time such as `10m`, `2026-04-25` or an RFC 3339 time"
    pub expected: &'static str,
    /// Where in the input it goes wrong, in characters.
    pub at: Option<usize>,
}
