//! States of a job, and how SQL refers to them.
//!
//! Statements contain the number of a state and not a parameter: SQLite uses a partial index (`… WHERE state = 0`) only if it
//! can prove while it compiles the statement that the index covers it.

use serde::{Deserialize, Serialize};

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Waits for its time, or for its next attempt.
    Waiting,
    /// An engine has leased it.
    Active,
    Done,
    /// It failed for good: its retries are used up, or the endpoint refused it permanently.
    Dead,
    /// A user removed it from the queue.
    Discarded,
    /// Its worker crashed too often while it was attempted, so it is not retried automatically.
    Quarantined,
    /// It was dead, and a user retried it: a new job replaces it.
    Redriven,
    /// It would wait, but its queue is paused.
    Paused,
}

/// The numbers that the database holds, for use in SQL.
pub(in crate::store) const WAITING: i64 = State::Waiting.number();
pub(in crate::store) const ACTIVE: i64 = State::Active.number();
pub(in crate::store) const DEAD: i64 = State::Dead.number();
pub(in crate::store) const DISCARDED: i64 = State::Discarded.number();
pub(in crate::store) const QUARANTINED: i64 = State::Quarantined.number();
pub(in crate::store) const REDRIVEN: i64 = State::Redriven.number();
pub(in crate::store) const PAUSED: i64 = State::Paused.number();

impl State {
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Active,
        Self::Done,
        Self::Dead,
        Self::Discarded,
        Self::Quarantined,
        Self::Redriven,
        Self::Paused,
    ];

    /// States in which the job may still send its request: now, or when a user retries it.
    pub(in crate::store) const UNRESOLVED: [Self; 5] = [
        Self::Waiting,
        Self::Active,
        Self::Dead,
        Self::Quarantined,
        Self::Paused,
    ];

    /// States in which nothing will happen to the job any more, in the order of the index `jobs_ended`.
    pub(in crate::store) const RESOLVED: [Self; 3] = [Self::Done, Self::Discarded, Self::Redriven];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Discarded => "discarded",
            Self::Quarantined => "quarantined",
            Self::Redriven => "redriven",
            Self::Paused => "paused",
        }
    }

    pub(in crate::store) const fn number(self) -> i64 {
        self as i64
    }

    pub(in crate::store) fn from_number(number: i64) -> Self {
        Self::ALL
            .into_iter()
            .find(|state| state.number() == number)
            .unwrap_or(Self::Dead)
    }
}

/// The numbers of states as a list for SQL's `IN (…)`.
pub(in crate::store) fn list(states: &[State]) -> String {
    let numbers: Vec<String> = states
        .iter()
        .map(|state| state.number().to_string())
        .collect();
    numbers.join(", ")
}
