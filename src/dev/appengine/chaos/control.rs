//! `/_evt/chaos` on the control port: the switches of polling without their prefix, all at once.

use std::sync::Arc;

use axum::Router;
use axum::extract::State as FromState;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, Value};

use super::super::State;
use super::super::settings::SETTINGS;
use super::PREFIX;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;

/// The route, to be put behind the control port's guard.
pub(crate) fn routes() -> Router<Arc<State>> {
    Router::new().route(
        "/_evt/chaos",
        get(show).put(change).post(change).delete(reset),
    )
}

async fn show(FromState(state): FromState<Arc<State>>) -> Response {
    shown(&state)
}

/// Every switch and its value; counts are numbers.
fn shown(state: &State) -> Response {
    let mut values = Map::new();
    for (name, _) in switches() {
        let value = state.settings.get(&format!("{PREFIX}{name}"));
        let value = value.unwrap_or_default();
        let value = value.parse::<u64>().map_or(value.into(), Value::from);
        values.insert(name.to_owned(), value);
    }
    answer(StatusCode::OK, &Value::Object(values))
}

/// The names without their prefix, and the defaults.
fn switches() -> impl Iterator<Item = (&'static str, &'static str)> {
    let named = |setting: &super::super::settings::Setting| {
        Some((setting.name.strip_prefix(PREFIX)?, setting.default))
    };
    SETTINGS.iter().filter_map(named)
}

/// Sets some: `{name: value, …}`, none of them when one is refused; `null` puts one back.
async fn change(
    FromState(state): FromState<Arc<State>>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let changes: Vec<(String, String)> = body
        .into_iter()
        .map(|(name, value)| {
            let name = name.strip_prefix(PREFIX).unwrap_or(&name);
            (format!("{PREFIX}{name}"), text(name, value))
        })
        .collect();
    state.settings.set(&state.store, &changes).await?;
    Ok(shown(&state))
}

fn text(name: &str, value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => {
            let default = switches().find(|(known, _)| *known == name);
            default.map_or_else(String::new, |(_, default)| default.to_owned())
        }
        Value::Array(items) => {
            let words = items.iter().filter_map(Value::as_str);
            words.collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}

/// Puts all back.
async fn reset(FromState(state): FromState<Arc<State>>) -> Result<Response, Refusal> {
    let defaults: Vec<(String, String)> = switches()
        .map(|(name, default)| (format!("{PREFIX}{name}"), default.to_owned()))
        .collect();
    state.settings.set(&state.store, &defaults).await?;
    Ok(shown(&state))
}
