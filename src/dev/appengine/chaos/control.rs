//! `/_evt/chaos` on the control port: the `poll.` settings without their prefix, in one object.

use std::sync::Arc;

use axum::extract::State as FromState;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value};

use super::super::State;
use super::super::settings::SETTINGS;
use super::PREFIX;
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::dev::host::settings::Setting;

/// `/_evt/chaos`
pub(crate) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("GET", "/chaos", show)
        .route("PUT POST", "/chaos", change)
        .route("DELETE", "/chaos", reset)
}

async fn show(FromState(state): FromState<Arc<State>>) -> Response {
    shown(&state)
}

/// All settings with their values. Counts are numbers.
fn shown(state: &State) -> Response {
    let mut values = Map::new();
    for (name, _) in rows() {
        let value = state.settings.get(&format!("{PREFIX}{name}"));
        let value = value.unwrap_or_default();
        let value = value.parse::<u64>().map_or(value.into(), Value::from);
        values.insert(name.to_owned(), value);
    }
    answer(StatusCode::OK, &Value::Object(values))
}

/// The names of the `poll.` settings without the prefix, each with its default.
fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    let named = |setting: &Setting| Some((setting.name.strip_prefix(PREFIX)?, setting.default));
    SETTINGS.iter().filter_map(named)
}

/// Changes settings: `{name: value, …}`. If one is refused, none is changed. `null` restores the default.
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
    state.settings.set(&state.host.store, &changes).await?;
    Ok(shown(&state))
}

fn text(name: &str, value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => {
            let default = rows().find(|(known, _)| *known == name);
            default.map_or_else(String::new, |(_, default)| default.to_owned())
        }
        Value::Array(items) => {
            let words = items.iter().filter_map(Value::as_str);
            words.collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}

/// Restores all defaults.
async fn reset(FromState(state): FromState<Arc<State>>) -> Result<Response, Refusal> {
    let defaults: Vec<(String, String)> = rows()
        .map(|(name, default)| (format!("{PREFIX}{name}"), default.to_owned()))
        .collect();
    state.settings.set(&state.host.store, &defaults).await?;
    Ok(shown(&state))
}
