//! The vendors over the control port: where each is received, and with which key; and their certificates, for everybody.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State as FromState};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::State;
use super::keys::Key;
use super::{VENDORS, Vendor, chain, find};
use crate::dev::host::refusal::{Refusal, answer};

/// One vendor, as it is shown and asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    pub vendor: &'static str,
    pub path: &'static str,
    pub scheme: &'static str,
    /// What its requests are signed with. `None` until a key that takes time is asked for by its vendor's name.
    pub secret: Option<String>,
    /// What they are verified with; `None` where options say all.
    pub verify: Option<String>,
    pub options: Vec<(String, String)>,
}

impl Facts {
    fn of(vendor: &Vendor, key: Option<&Key>) -> Self {
        Self {
            vendor: vendor.name,
            path: vendor.path,
            scheme: vendor.scheme,
            secret: key.map(|key| key.signs.reveal().to_owned()),
            verify: key.and_then(|key| Some(key.verifies.as_ref()?.reveal().to_owned())),
            options: key.map(|key| key.options.clone()).unwrap_or_default(),
        }
    }
}

/// Every vendor; no key is made for it.
pub fn facts(state: &State) -> Vec<Facts> {
    VENDORS
        .iter()
        .map(|vendor| Facts::of(vendor, state.vendors.plain(vendor).as_ref()))
        .collect()
}

/// The control port's part.
pub(crate) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/_evt/vendors", get(list))
        .route("/_evt/vendors/{vendor}", get(one))
        .route("/_evt/chain/{run}", get(chain_of))
}

async fn list(FromState(state): FromState<Arc<State>>) -> Response {
    answer(StatusCode::OK, &json!({ "vendors": facts(&state) }))
}

async fn one(
    FromState(state): FromState<Arc<State>>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let ready = state.vendors.ready(&state.store, find(&name)?).await?;
    let facts = Facts::of(ready.vendor, Some(&ready.key));
    Ok(answer(StatusCode::OK, &facts))
}

async fn chain_of(
    FromState(state): FromState<Arc<State>>,
    Path(run): Path<String>,
) -> Result<Response, Refusal> {
    let wanted = run.clone();
    let chain: Option<Value> = state
        .store
        .read(move |connection| chain::of(connection, &wanted))
        .await?;
    match chain {
        Some(chain) => Ok(answer(StatusCode::OK, &chain)),
        None => Err(Refusal::not_found(format!("there is no run `{run}`"))),
    }
}

/// `/_certs/{name}` on the platform's port: what vendors publish.
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
    let ready = state.vendors.ready(&state.store, find(vendor)?).await?;
    let document = ready.key.document(&name).unwrap_or_default().to_owned();
    Ok(([(header::CONTENT_TYPE, content_type)], document).into_response())
}
