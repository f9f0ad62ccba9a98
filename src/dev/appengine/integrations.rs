//! Integrations with vendors, as they are stored: one per organisation and provider.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::secret::Secret;
use crate::store::{Connection, StoreError, Tx, settings};

/// An integration as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Integration {
    pub(super) r#type: String,
    pub(super) provider: String,
    pub(super) name: String,
    pub(super) config: Map<String, Value>,
    /// Connected by OAuth, which registers the vendor's receiver.
    pub(super) is_connected: bool,
}

impl Integration {
    /// The secret or public key that verifies the vendor's webhooks.
    pub(super) fn webhook_secret(&self) -> Option<Secret> {
        let secret = self.config.get("webhookSecret")?.as_str()?;
        (!secret.is_empty()).then(|| Secret::new(secret))
    }
}

/// The name of a setting. Names of organisations and providers contain no colon.
fn key(org: &str, provider: &str) -> String {
    format!("integration:{org}:{provider}")
}

pub(super) fn store(tx: &Tx<'_>, org: &str, integration: &Integration) -> Result<(), StoreError> {
    let text = json!(integration).to_string();
    settings::set(tx, &key(org, &integration.provider), &text)
}

/// The integration with a provider.
pub(super) fn find(
    connection: &Connection,
    org: &str,
    provider: &str,
) -> Result<Option<Integration>, StoreError> {
    let text = settings::get(connection, &key(org, provider))?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// All integrations of an organisation, by provider.
pub(super) fn all(connection: &Connection, org: &str) -> Result<Vec<Integration>, StoreError> {
    let rows = settings::starting_with(connection, &key(org, ""))?;
    let integrations = rows.into_iter();
    Ok(integrations
        .filter_map(|(_, text)| serde_json::from_str(&text).ok())
        .collect())
}
