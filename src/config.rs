//! Settings: defaults, user file, project file, environment, flags; each value knows where it came from. Profiles.

use thiserror::Error;

use crate::running::Running;
use crate::secret::Secret;

/// A profile, resolved: where the platform is and who speaks to it.
#[derive(Clone, Debug)]
pub struct Profile {
    pub name: String,
    /// Base URL without a trailing slash.
    pub url: String,
    pub org: String,
    pub token: Option<Secret>,
    /// The running platform, where the profile is the local one.
    pub local: Option<Running>,
}

/// The profile that always exists: the platform that `evt dev` runs.
pub const LOCAL: &str = "local";

/// Why there is no profile to work with.
#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("no local platform is running")]
    NotRunning,
    #[error("cannot read where the local platform runs")]
    Running(#[source] std::io::Error),
    #[error("there is no profile `{name}`")]
    UnknownProfile {
        name: String,
        suggestion: Option<String>,
    },
}
