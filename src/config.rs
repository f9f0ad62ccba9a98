//! Settings: defaults, user file, project file, environment, flags; each value knows where it came from. Profiles.

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
