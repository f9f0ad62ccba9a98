//! What the local platform that runs knows of vendors: where it receives them, and the keys that it gave them.

use serde_json::Value;

use crate::control::{Control, ControlError};
use crate::error::CliError;
use crate::running::Running;
use crate::secret::Secret;
use crate::signature::Options;

/// One vendor of the platform.
pub(super) struct VendorKey {
    /// As the platform calls it.
    pub(super) name: String,
    /// Its receiver's URL.
    pub(super) url: String,
    pub(super) scheme: String,
    /// What its requests are signed with.
    pub(super) signs: Option<Secret>,
    /// What they are verified with.
    pub(super) verifies: Option<Secret>,
    pub(super) options: Options,
}

impl VendorKey {
    fn read(running: &Running, facts: &Value) -> Self {
        let text = |field: &str| facts[field].as_str().unwrap_or_default().to_owned();
        let secret = |field: &str| facts[field].as_str().map(Secret::new);
        let options = facts["options"].as_array().into_iter().flatten();
        let option = |pair: &Value| {
            let part = |index: usize| Some(pair.get(index)?.as_str()?.to_owned());
            Some((part(0)?, part(1)?))
        };
        Self {
            name: text("vendor"),
            url: format!("{}{}", running.url, text("path")),
            scheme: text("scheme"),
            signs: secret("secret"),
            verifies: secret("verify"),
            options: Options(options.filter_map(option).collect()),
        }
    }

    /// The options of the platform, and over them those that a person gave.
    pub(super) fn options_with(&self, given: &Options) -> Options {
        Options([self.options.0.as_slice(), given.0.as_slice()].concat())
    }
}

/// A vendor by its name or an alias; `None` where the platform receives none of that name.
pub(super) async fn of(running: &Running, name: &str) -> Result<Option<VendorKey>, CliError> {
    let control = Control::of(running);
    match control.get(&format!("/_evt/vendors/{name}")).await {
        Ok(facts) => Ok(Some(VendorKey::read(running, &facts))),
        // Also from a platform of another version, which has no such route.
        Err(ControlError::Refused { status, .. }) if status.as_u16() == 404 => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Every vendor that signs by this scheme, with its key.
pub(super) async fn by_scheme(running: &Running, scheme: &str) -> Result<Vec<VendorKey>, CliError> {
    let control = Control::of(running);
    let list = match control.get("/_evt/vendors").await {
        Ok(list) => list,
        Err(ControlError::Refused { status, .. }) if status.as_u16() == 404 => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error.into()),
    };
    let mut found = Vec::new();
    for facts in list["vendors"].as_array().into_iter().flatten() {
        if facts["scheme"] == scheme {
            let name = facts["vendor"].as_str().unwrap_or_default();
            // Asked for by its name, a key that takes time is made.
            found.extend(of(running, name).await?);
        }
    }
    Ok(found)
}
