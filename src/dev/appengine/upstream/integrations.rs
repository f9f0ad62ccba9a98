//! Saves and shows integrations. Texts of their configuration are never read back, except for those that are not secret.

use std::sync::Arc;

use axum::extract::{Path, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::dev::appengine::State;
use crate::dev::appengine::auth::Caller;
use crate::dev::appengine::integrations::{Integration, all, find, store};
use crate::dev::appengine::model;
use crate::dev::appengine::vendors;
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::store::{StoreError, Tx};

/// What a secret is replaced with. Saving it again keeps the stored secret.
const MASK: &str = "********";
/// Maximum number of integrations of an organisation, and of bytes of a configuration.
const MAX_INTEGRATIONS: usize = 200;
const MAX_BYTES: usize = 64 * 1024;
/// Members of a configuration that are not secret.
const OPEN: [&str; 11] = [
    "accountId",
    "clientId",
    "domain",
    "email",
    "enabled",
    "from",
    "mode",
    "phone",
    "region",
    "scopes",
    "sender",
];

/// The integration without its secrets.
fn shown(integration: &Integration) -> Value {
    let config = integration.config.iter();
    let config: Map<String, Value> = config
        .map(|(name, value)| (name.clone(), masked(name, value)))
        .collect();
    json!({
        "id": format!("{}/{}", integration.r#type, integration.provider),
        "type": integration.r#type,
        "provider": integration.provider,
        "name": integration.name,
        "connected": integration.is_connected,
        "webhookPath": vendors::find(&integration.provider).ok().map(|vendor| vendor.path),
        "config": config,
    })
}

/// Recursive; the depth is that of a parsed body.
fn masked(name: &str, value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        Value::String(_) | Value::Number(_) if OPEN.contains(&name) => value.clone(),
        Value::Array(list) if OPEN.contains(&name) && list.iter().all(Value::is_string) => {
            value.clone()
        }
        Value::Object(members) => {
            let members = members.iter();
            members
                .map(|(name, value)| (name.clone(), masked(name, value)))
                .collect()
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
    let found = all_types()
        .into_iter()
        .find(|known| known["type"] == wanted);
    match found {
        Some(found) => Ok(answer(StatusCode::OK, &found)),
        None => Err(Refusal::not_found(format!(
            "there is no integration type `{wanted}`"
        ))),
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
    types
        .map(|(name, providers)| json!({ "type": name, "providers": providers }))
        .collect()
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
    shown_list(&state, caller.org, None).await
}

async fn list_of(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(wanted): Path<String>,
) -> Result<Response, Refusal> {
    shown_list(&state, caller.org, Some(wanted)).await
}

async fn shown_list(
    state: &State,
    org: String,
    wanted: Option<String>,
) -> Result<Response, Refusal> {
    let all = state
        .host
        .store
        .read(move |connection| all(connection, &org))
        .await?;
    let all = all.iter().filter(|found| {
        wanted
            .as_ref()
            .is_none_or(|wanted| found.r#type == *wanted || found.provider == *wanted)
    });
    let all: Vec<Value> = all.map(shown).collect();
    Ok(answer(
        StatusCode::OK,
        &json!({ "data": all, "total": all.len() }),
    ))
}

async fn get(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path((wanted, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let (org, provider) = (caller.org, id.clone());
    let store = &state.host.store;
    let found = store
        .read(move |connection| find(connection, &org, &provider))
        .await?;
    match found.filter(|found| found.r#type == wanted) {
        Some(found) => Ok(answer(StatusCode::OK, &shown(&found))),
        None => Err(Refusal::not_found(format!(
            "there is no integration `{wanted}/{id}`"
        ))),
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
    let provider = if provider.is_empty() {
        text("id")
    } else {
        provider
    };
    model::check_name("provider", &provider)?;
    let vendor = vendors::find(&provider).ok();
    let provider = vendor.map_or(provider, |vendor| vendor.name.to_owned());
    let integration = Integration {
        r#type: match (kind.is_empty(), vendor) {
            (true, Some(vendor)) => type_of(vendor).to_owned(),
            (true, None) => "other".to_owned(),
            (false, _) => kind,
        },
        name: if name.is_empty() {
            provider.clone()
        } else {
            name
        },
        provider,
        config: match body.remove("config") {
            Some(Value::Object(config)) => config,
            None | Some(Value::Null) => Map::new(),
            Some(_) => {
                return Err(Refusal::bad_request(
                    "bad_field",
                    "`config` accepts an object",
                ));
            }
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
        Ok(saved) => Ok(answer(StatusCode::OK, &shown(&saved))),
        Err(refusal) => Err(refusal),
    }
}

/// Replaces masks by the stored values, and removes those that hide nothing. Recursive; the depth is that of a parsed body.
fn unmask(config: &mut Map<String, Value>, before: Option<&Map<String, Value>>) {
    config.retain(|name, value| {
        let stored = before.and_then(|before| before.get(name));
        match (&mut *value, stored) {
            (Value::Object(members), _) => unmask(members, stored.and_then(Value::as_object)),
            (Value::String(text), None) if text == MASK => return false,
            (Value::String(text), Some(stored)) if text == MASK => *value = stored.clone(),
            _ => {}
        }
        true
    });
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
        unmask(&mut integration.config, Some(&before.config));
    } else {
        unmask(&mut integration.config, None);
    }
    if json!(integration).to_string().len() > MAX_BYTES {
        let message = format!("an integration has at most {MAX_BYTES} bytes");
        return Ok(Err(Refusal::bad_request("too_large", message)));
    }
    store(tx, org, &integration)?;
    Ok(Ok(integration))
}
