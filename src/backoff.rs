//! Retry profiles: how long to wait before the next attempt, with a cap and jitter.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When a failed delivery is tried again, and how often; stored with each job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// The delays after the first, second, … failure; when they are spent the job is dead.
    pub delays: Vec<Duration>,
}
