//! The OAuth round trip: the URL of a consent page, the page itself, and the callback that stores the integration.
//!
//! The consent page replaces that of the vendor, so that an app can be tested without an account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use axum::extract::{Path, Query, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::integrations::type_of;
use super::page;
use crate::dev::appengine::State;
use crate::dev::appengine::auth::Caller;
use crate::dev::appengine::integrations::{self, Integration};
use crate::dev::appengine::redirect::{redirect, web_url, with_parameters};
use crate::dev::appengine::vendors::{self, Vendor};
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::dev::host::{Routes, random_bytes};
use crate::store::StoreError;

/// How long a user has to approve.
const LIFETIME: Duration = Duration::from_secs(600);
/// Maximum number of round trips at once. The oldest one ends when another begins.
const MAX_PENDING: usize = 256;
const MAX_SCOPES: usize = 50;

/// The round trips that are not finished, by state.
#[derive(Default)]
pub(in crate::dev::appengine) struct Connections {
    pending: Mutex<HashMap<String, Pending>>,
}

struct Pending {
    org: String,
    vendor: &'static str,
    scopes: Vec<String>,
    return_url: String,
    begun: Instant,
    /// The code of an approval.
    code: Option<String>,
}

impl Connections {
    /// Ends all round trips.
    pub(in crate::dev::appengine) fn forget(&self) {
        self.pending().clear();
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, HashMap<String, Pending>> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.retain(|_, pending| pending.begun.elapsed() < LIFETIME);
        pending
    }

    fn begin(&self, new: Pending) -> String {
        let mut pending = self.pending();
        if pending.len() >= MAX_PENDING {
            let oldest = pending.iter().min_by_key(|(_, pending)| pending.begun);
            if let Some(oldest) = oldest.map(|(state, _)| state.clone()) {
                pending.remove(&oldest);
            }
        }
        let state = word();
        pending.insert(state.clone(), new);
        state
    }

    /// Approves a round trip. Returns the code for the callback.
    fn approve(&self, vendor: &Vendor, state: &str) -> Result<String, Refusal> {
        let mut pending = self.pending();
        let found = pending
            .get_mut(state)
            .filter(|found| found.vendor == vendor.name);
        let code = word();
        found.ok_or_else(unknown_state)?.code = Some(code.clone());
        Ok(code)
    }

    /// Ends a round trip, so that its state cannot be used again.
    fn end(&self, vendor: &Vendor, state: &str) -> Result<Pending, Refusal> {
        let mut pending = self.pending();
        if pending
            .get(state)
            .is_none_or(|found| found.vendor != vendor.name)
        {
            return Err(unknown_state());
        }
        pending.remove(state).ok_or_else(unknown_state)
    }
}

fn unknown_state() -> Refusal {
    Refusal::bad_request(
        "unknown_state",
        "this `state` is unknown, has been used, or has expired: begin again with get-auth-url",
    )
}

/// A random word for a URL.
fn word() -> String {
    random_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

pub(super) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        // `{vendor}-provider`; a plain vendor is accepted, too.
        .route("POST", "/upstream/call/{vendor}/get-auth-url", begin)
        .route("POST", "/upstream/connect/{vendor}", begin)
        .route("GET", "/upstream/connect/{vendor}", begin_by_query)
        .route("POST", "/connect/{vendor}/auth-url", begin)
        .route("GET", "/connect/{vendor}/auth-url", begin_by_query)
        .route("GET", "/connect/{vendor}/authorize", consent)
        .route("POST", "/connect/{vendor}/authorize", approve)
        .route("GET", "/connect/oauth2callback/{vendor}", callback)
}

async fn begin(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(vendor): Path<String>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let scopes = match body.get("scopes") {
        Some(Value::Array(scopes)) => scopes
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        Some(Value::String(scopes)) => words(scopes),
        _ => Vec::new(),
    };
    let return_url = body.get("returnUrl").and_then(Value::as_str);
    begun(&state, caller, &vendor, scopes, return_url)
}

async fn begin_by_query(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(vendor): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    let scopes = query
        .get("scopes")
        .map(|scopes| words(scopes))
        .unwrap_or_default();
    let return_url = query.get("returnUrl").map(String::as_str);
    begun(&state, caller, &vendor, scopes, return_url)
}

fn words(text: &str) -> Vec<String> {
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

fn begun(
    state: &State,
    caller: Caller,
    vendor: &str,
    mut scopes: Vec<String>,
    return_url: Option<&str>,
) -> Result<Response, Refusal> {
    let vendor = vendors::find(vendor.strip_suffix("-provider").unwrap_or(vendor))?;
    let Some(return_url) = return_url else {
        return Err(Refusal::bad_request(
            "missing_field",
            "`returnUrl` is required, as an http or https URL",
        ));
    };
    scopes.truncate(MAX_SCOPES);
    let key = state.connections.begin(Pending {
        org: caller.org,
        vendor: vendor.name,
        scopes,
        return_url: web_url(return_url)?,
        begun: Instant::now(),
        code: None,
    });
    let url = format!(
        "{}/connect/{}/authorize?state={key}",
        state.host.url, vendor.name
    );
    Ok(answer(
        StatusCode::OK,
        &json!({ "authUrl": url, "url": url, "state": key }),
    ))
}

fn parameter<'a>(query: &'a HashMap<String, String>, name: &str) -> &'a str {
    query.get(name).map(String::as_str).unwrap_or_default()
}

/// The consent page.
async fn consent(
    FromState(state): FromState<Arc<State>>,
    Path(vendor): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    let vendor = vendors::find(&vendor)?;
    let pending = state.connections.pending();
    let found = pending.get(parameter(&query, "state"));
    let found = found
        .filter(|found| found.vendor == vendor.name)
        .ok_or_else(unknown_state)?;
    let deny = format!(
        "/connect/oauth2callback/{}?error=access_denied&state={}",
        vendor.name,
        parameter(&query, "state")
    );
    Ok(page::consent(
        vendor.name,
        &found.org,
        &found.scopes,
        &found.return_url,
        &deny,
    ))
}

/// Approves, and redirects to the callback like a vendor.
async fn approve(
    FromState(state): FromState<Arc<State>>,
    Path(vendor): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    let vendor = vendors::find(&vendor)?;
    let key = parameter(&query, "state");
    let code = state.connections.approve(vendor, key)?;
    redirect(&format!(
        "{}/connect/oauth2callback/{}?code={code}&state={key}",
        state.host.url, vendor.name
    ))
}

/// Stores the integration and returns to the app. Needs no token, because the vendor redirects the browser.
async fn callback(
    FromState(state): FromState<Arc<State>>,
    Path(vendor): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    let vendor = vendors::find(&vendor)?;
    let pending = state.connections.end(vendor, parameter(&query, "state"))?;
    if query.contains_key("error") {
        return redirect(&with_parameters(
            &pending.return_url,
            &[("integration", "failed")],
        ));
    }
    let code = parameter(&query, "code");
    if !pending
        .code
        .is_some_and(|approved| is_same(&approved, code))
    {
        return Err(Refusal::bad_request(
            "bad_code",
            "the `code` is not that of an approval",
        ));
    }
    let org = pending.org;
    state
        .host
        .store
        .write::<_, StoreError, _>(move |tx| {
            let stored = integrations::find(tx, &org, vendor.name)?;
            let mut integration = stored.unwrap_or_else(|| Integration {
                r#type: type_of(vendor).to_owned(),
                provider: vendor.name.to_owned(),
                name: vendor.name.to_owned(),
                config: Map::new(),
                is_connected: false,
            });
            integration.is_connected = true;
            integration
                .config
                .insert("accessToken".to_owned(), word().into());
            integrations::store(tx, &org, &integration)
        })
        .await?;
    redirect(&with_parameters(
        &pending.return_url,
        &[("integration", "connected")],
    ))
}

/// Compares digests, so that the time says nothing about the code.
fn is_same(a: &str, b: &str) -> bool {
    let digest = |text: &str| digest::digest(&digest::SHA256, text.as_bytes());
    digest(a).as_ref() == digest(b).as_ref()
}
