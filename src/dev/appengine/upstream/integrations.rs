//! Stored integrations. Texts of their configuration are never read back, except for those that are not secret.

use std::sync::Arc;

use axum::extract::{Path, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::dev::appengine::State;
use crate::dev::appengine::auth::Caller;
use crate::dev::appengine::model;
use crate::dev::appengine::vendors;
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::secret::Secret;
use crate::store::{Connection, StoreError, Tx, settings};

/// What a secret is replaced with. Saving it again keeps the stored secret.
const MASK: &str = "********";
/// Maximum number of integrations of an organisation, and of bytes of a configuration.
const MAX_INTEGRATIONS: usize = 200;
const MAX_BYTES: usize = 64 * 1024;
/// Members of a configuration that are not secret.
const OPEN: [&str; 12] = [
    "accountId", "clientId", "domain", "email", "enabled", "from", "mode", "phone", "region", "scopes", "sender", "webhookUrl",
];

/// An integration as it is stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::dev::appengine) struct Integration {
    pub(super) r#type: String,
    pub(super) provider: String,
    pub(super) name: String,
    pub(super) config: Map<String, Value>,
    /// Connected by OAuth; its receiver is registered.
    pub(super) is_connected: bool,
}

impl Integration {
    /// The secret or key that verifies the vendor's webhooks.
    pub(in crate::dev::appengine) fn webhook_secret(&self) -> Option<Secret> {
        let secret = self.config.get("webhookSecret")?.as_str()?;
        (!secret.is_empty()).then(|| Secret::new(secret))
    }

    pub(in crate::dev::appengine) fn is_connected(&self) -> bool {
        self.is_connected
    }

    /// The integration without its secrets.
    fn shown(&self) -> Value {
        let config = self.config.iter();
        let config: Map<String, Value> =
            config.map(|(name, value)| (name.clone(), masked(name, value))).collect();
        json!({
            "id": format!("{}/{}", self.r#type, self.provider),
            "type": self.r#type,
            "provider": self.provider,
            "name": self.name,
            "connected": self.is_connected,
            "config": config,
        })
    }
}

/// Recursive; the depth is that of a parsed body.
fn masked(name: &str, value: &Value) -> Value {
    match value {
        _ if OPEN.contains(&name) => value.clone(),
        Value::Null | Value::Bool(_) => value.clone(),
        Value::Object(members) => {
            let members = members.iter();
            members.map(|(name, value)| (name.clone(), masked(name, value))).collect()
        }
        Value::String(_) | Value::Number(_) | Value::Array(_) => MASK.into(),
    }
}

pub(super) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("GET", "/upstream/integration-types", types)
        .route("GET", "/upstream/integration-types/{type}", types_of)
        .route("GET", "/upstream/get-config", list)
        .route("GET", "/upstream/get-config/{type}", list_of)
        .route("GET", "/upstream/get-config/{type}/{id}", get)
        .route("POST PUT", "/upstream/save-integration", save)
}

async fn types(_: Caller) -> Response {
    answer(StatusCode::OK, &json!({ "data": all_types() }))
}

async fn types_of(_: Caller, Path(wanted): Path<String>) -> Result<Response, Refusal> {
    let found = all_types().into_iter().find(|known| known["type"] == wanted);
    match found {
        Some(found) => Ok(answer(StatusCode::OK, &found)),
        None => Err(Refusal::not_found(format!("there is no integration type `{wanted}`"))),
    }
}

/// The types with the vendors that the platform receives.
fn all_types() -> Vec<Value> {
    let mut types: Vec<(&str, Vec<Value>)> = Vec::new();
    for vendor in &vendors::VENDORS {
        let provider = json!({ "provider": vendor.name, "webhookPath": vendor.path });
        let name = type_of(vendor);
        match types.iter_mut().find(|(known, _)| *known == name) {
            Some((_, providers)) => providers.push(provider),
            None => types.push((name, vec![provider])),
        }
    }
    let types = types.into_iter();
    types.map(|(name, providers)| json!({ "type": name, "providers": providers })).collect()
}

/// The type of a vendor, from the place of its receiver.
pub(super) fn type_of(vendor: &vendors::Vendor) -> &'static str {
    match vendor.path.split('/').nth(1).unwrap_or_default() {
        "storefront" => "payment",
        "broadcast" => "email",
        "phone" => "phone",
        "sync" => "social",
        "banking" => "banking",
        _ => "other",
    }
}

async fn list(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
) -> Result<Response, Refusal> {
    shown(&state, caller.org, None).await
}

async fn list_of(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(wanted): Path<String>,
) -> Result<Response, Refusal> {
    shown(&state, caller.org, Some(wanted)).await
}

async fn shown(state: &State, org: String, wanted: Option<String>) -> Result<Response, Refusal> {
    let all = state.host.store.read(move |connection| all(connection, &org)).await?;
    let all = all.iter().filter(|found| {
        wanted.as_ref().is_none_or(|wanted| found.r#type == *wanted || found.provider == *wanted)
    });
    let all: Vec<Value> = all.map(Integration::shown).collect();
    Ok(answer(StatusCode::OK, &json!({ "data": all, "total": all.len() })))
}

async fn get(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path((wanted, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let (org, provider) = (caller.org, id.clone());
    let found = state
        .host
        .store
        .read(move |connection| find(connection, &org, &provider))
        .await?;
    match found.filter(|found| found.r#type == wanted) {
        Some(found) => Ok(answer(StatusCode::OK, &found.shown())),
        None => Err(Refusal::not_found(format!("there is no integration `{wanted}/{id}`"))),
    }
}

/// Saves `{type, provider, name, config}`. Each provider has one integration.
async fn save(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    JsonObject(mut body): JsonObject,
) -> Result<Response, Refusal> {
    let mut text = |field: &str| match body.remove(field) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    let (kind, provider, name) = (text("type"), text("provider"), text("name"));
    let provider = if provider.is_empty() { text("id") } else { provider };
    model::check_name("provider", &provider)?;
    let vendor = vendors::find(&provider).ok();
    let provider = vendor.map_or(provider, |vendor| vendor.name.to_owned());
    let integration = Integration {
        r#type: match (kind.is_empty(), vendor) {
            (true, Some(vendor)) => type_of(vendor).to_owned(),
            (true, None) => "other".to_owned(),
            (false, _) => kind,
        },
        name: if name.is_empty() { provider.clone() } else { name },
        provider,
        config: match body.remove("config") {
            Some(Value::Object(config)) => config,
            None | Some(Value::Null) => Map::new(),
            Some(_) => return Err(Refusal::bad_request("bad_field", "`config` accepts an object")),
        },
        is_connected: false,
    };
    model::check_name("type", &integration.r#type)?;
    if let (Some(vendor), Some(secret)) = (vendor, integration.webhook_secret())
        && secret.reveal() != MASK
    {
        state.vendors.check_secret(vendor, &secret)?;
    }
    let org = caller.org;
    let saved = state
        .host
        .store
        .write::<_, StoreError, _>(move |tx| merge(tx, &org, integration))
        .await?;
    match saved {
        Ok(saved) => Ok(answer(StatusCode::OK, &saved.shown())),
        Err(refusal) => Err(refusal),
    }
}

/// Saves an integration; masked members keep their stored values.
fn merge(
    tx: &Tx<'_>,
    org: &str,
    mut integration: Integration,
) -> Result<Result<Integration, Refusal>, StoreError> {
    let before = find(tx, org, &integration.provider)?;
    if before.is_none() && all(tx, org)?.len() >= MAX_INTEGRATIONS {
        let message = format!("an organisation has at most {MAX_INTEGRATIONS} integrations");
        return Ok(Err(Refusal::bad_request("too_many", message)));
    }
    if let Some(before) = before {
        integration.is_connected = before.is_connected;
        for (name, value) in &mut integration.config {
            if *value == MASK
                && let Some(stored) = before.config.get(name)
            {
                *value = stored.clone();
            }
        }
    }
    if json!(integration).to_string().len() > MAX_BYTES {
        let message = format!("an integration has at most {MAX_BYTES} bytes");
        return Ok(Err(Refusal::bad_request("too_large", message)));
    }
    store(tx, org, &integration)?;
    Ok(Ok(integration))
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
pub(in crate::dev::appengine) fn find(
    connection: &Connection,
    org: &str,
    provider: &str,
) -> Result<Option<Integration>, StoreError> {
    let text = settings::get(connection, &key(org, provider))?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// All integrations of an organisation, by provider.
pub(in crate::dev::appengine) fn all(
    connection: &Connection,
    org: &str,
) -> Result<Vec<Integration>, StoreError> {
    let rows = settings::starting_with(connection, &key(org, ""))?;
    let integrations = rows.into_iter();
    Ok(integrations.filter_map(|(_, text)| serde_json::from_str(&text).ok()).collect())
}
