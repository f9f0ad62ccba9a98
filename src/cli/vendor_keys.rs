//! Asks the running local platform for its vendors: their receivers and keys.

use serde_json::Value;

use crate::control::{Control, ControlError};
use crate::error::CliError;
use crate::running::Running;
use crate::secret::Secret;
use crate::signature::Options;

/// A vendor that the platform receives.
pub(super) struct VendorKey {
    /// The platform's name for the vendor.
    pub(super) name: String,
    /// The URL of the receiver.
    pub(super) url: String,
    pub(super) scheme: String,
    /// The key that signs requests.
    pub(super) signs: Option<Secret>,
    /// The key that verifies requests.
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

    /// Returns the options of the platform, overridden by those of the user.
    pub(super) fn options_with(&self, given: &Options) -> Options {
        Options([self.options.0.as_slice(), given.0.as_slice()].concat())
    }
}

/// Returns the vendor with this name or alias, if the platform receives it.
pub(super) async fn of(running: &Running, name: &str) -> Result<Option<VendorKey>, CliError> {
    let control = Control::of(running);
    match control.get(&format!("/_evt/vendors/{name}")).await {
        Ok(facts) => Ok(Some(VendorKey::read(running, &facts))),
        // An older platform without this route answers 404 too.
        Err(ControlError::Refused { status, .. }) if status.as_u16() == 404 => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns every vendor with this scheme.
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
            // A key that is slow to make is only made if the vendor is asked for by name.
            found.extend(of(running, name).await?);
        }
    }
    Ok(found)
}
