//! The vendors on the control port, with their receivers and keys, and their public certificates.

use std::sync::Arc;

use axum::extract::{Path, State as FromState};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::super::State;
use super::keys::Key;
use super::{VENDORS, Vendor, chain, find};
use crate::dev::appengine::integrations::{self, Integration};
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Refusal, answer};

/// A vendor in the control API.
#[derive(Clone, Debug, Serialize)]
struct Facts {
    vendor: &'static str,
    path: &'static str,
    scheme: &'static str,
    /// The key that signs requests. `None` in a list if it is not created yet; asking for the vendor by name creates it.
    secret: Option<String>,
    /// The key that verifies requests; `None` if the options are enough to verify.
    verify: Option<String>,
    options: Vec<(String, String)>,
    /// The integration of the built-in user's organisation: `connected` by OAuth, or only `saved`. Its `webhookSecret` is `secret`.
    integration: Option<&'static str>,
}

impl Facts {
    fn of(vendor: &Vendor, key: Option<&Key>, integration: Option<&Integration>) -> Self {
        Self {
            vendor: vendor.name,
            path: vendor.path,
            scheme: vendor.scheme,
            secret: key.map(|key| key.signs.reveal().to_owned()),
            verify: key.and_then(|key| Some(key.verifies.first()?.reveal().to_owned())),
            options: key.map(|key| key.options.clone()).unwrap_or_default(),
            integration: integration.map(|found| match found.is_connected {
                true => "connected",
                false => "saved",
            }),
        }
    }
}

/// All vendors. No key is created for this.
async fn facts(state: &State) -> Result<Vec<Facts>, Refusal> {
    let org = state.org.clone();
    let store = &state.host.store;
    let stored = store
        .read(move |connection| integrations::all(connection, &org))
        .await?;
    let of = |vendor: &Vendor| {
        let integration = stored.iter().find(|found| found.provider == vendor.name);
        let saved = integration.and_then(Integration::webhook_secret);
        let key = state.vendors.plain(vendor, saved.as_ref());
        Facts::of(vendor, key.as_ref(), integration)
    };
    Ok(VENDORS.iter().map(of).collect())
}

/// `/_evt/vendors…` and `/_evt/chain/{run}`
pub(crate) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("GET", "/vendors", list)
        .route("GET", "/vendors/{vendor}", one)
        .route("GET", "/chain/{run}", chain_of)
}

async fn list(FromState(state): FromState<Arc<State>>) -> Result<Response, Refusal> {
    let facts = facts(&state).await?;
    Ok(answer(StatusCode::OK, &json!({ "vendors": facts })))
}

async fn one(
    FromState(state): FromState<Arc<State>>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let (vendor, store, org) = (find(&name)?, &state.host.store, state.org.clone());
    let ready = state.vendors.ready(store, &org, vendor).await?;
    let integration = store
        .read(move |connection| integrations::find(connection, &org, vendor.name))
        .await?;
    let facts = Facts::of(ready.vendor, Some(&ready.key), integration.as_ref());
    Ok(answer(StatusCode::OK, &facts))
}

async fn chain_of(
    FromState(state): FromState<Arc<State>>,
    Path(run): Path<String>,
) -> Result<Response, Refusal> {
    let wanted = run.clone();
    let chain: Option<Value> = state
        .host
        .store
        .read(move |connection| chain::of(connection, &wanted))
        .await?;
    match chain {
        Some(chain) => Ok(answer(StatusCode::OK, &chain)),
        None => Err(Refusal::not_found(format!("there is no run `{run}`"))),
    }
}

/// `/_certs/{name}` on the shared port: the documents that vendors publish.
pub(super) async fn certificate(
    FromState(state): FromState<Arc<State>>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let (vendor, content_type) = match name.as_str() {
        "paypal.pem" | "paypal-ca.pem" => ("paypal", "application/x-pem-file"),
        "sns.pem" => ("ses", "application/x-pem-file"),
        "pubsub.json" => ("pubsub", "application/json"),
        _ => {
            return Err(Refusal::not_found(format!(
                "there is no certificate `{name}`"
            )));
        }
    };
    let ready = state
        .vendors
        .ready(&state.host.store, &state.org, find(vendor)?)
        .await?;
    let document = ready.key.document(&name).unwrap_or_default().to_owned();
    Ok(([(header::CONTENT_TYPE, content_type)], document).into_response())
}
