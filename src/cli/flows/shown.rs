//! Formats a flow's document: as YAML, with masked secrets, and as short lists of triggers and actions.

use serde_json::Value;

use super::document::FlowFileError;
use crate::cli::Context;
use crate::secret::{self, Secret};
use crate::ui::{hidden_header, safe_block};

/// Returns a copy in which `config.secret` and credentials in headers are masked. References (`env:NAME`) are not secret.
pub(super) fn masked(document: &Value) -> Value {
    match document {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), masked_field(key, value)))
            .collect(),
        Value::Array(items) => items.iter().map(masked).collect(),
        other => other.clone(),
    }
}

fn masked_field(key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if is_reference(text) => value.clone(),
        Value::String(text) if secret::NAMES.contains(&key) => mask(text),
        Value::Object(headers) if key == "headers" => headers
            .iter()
            .map(|(name, value)| (name.clone(), masked_header(name, value)))
            .collect(),
        other => masked(other),
    }
}

fn masked_header(name: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if is_reference(text) => value.clone(),
        Value::String(text)
            if hidden_header(&name.to_ascii_lowercase(), text.as_bytes()).is_some() =>
        {
            mask(text)
        }
        other => other.clone(),
    }
}

fn mask(text: &str) -> Value {
    Value::String(Secret::new(text).to_string())
}

/// Whether the text is a reference to a secret.
pub(super) fn is_reference(text: &str) -> bool {
    ["env:", "file:", "cmd:"]
        .iter()
        .any(|prefix| text.starts_with(prefix))
}

/// The document as YAML, without a final newline. Control characters are escaped on a terminal.
pub(super) fn yaml(document: &Value, cx: &Context) -> Result<String, FlowFileError> {
    let text = raw_yaml(document)?;
    let text = text.trim_end();
    Ok(if cx.ui.stdout_is_terminal() {
        safe_block(text.as_bytes())
    } else {
        text.to_owned()
    })
}

/// The document as YAML, unescaped.
pub(super) fn raw_yaml(document: &Value) -> Result<String, FlowFileError> {
    serde_saphyr::to_string(document).map_err(|error| FlowFileError::Write {
        reason: error.to_string(),
    })
}

/// The types of the triggers.
pub(super) fn triggers(document: &Value) -> Vec<String> {
    let many = document.get("triggers").and_then(Value::as_array);
    let one = document.get("trigger");
    many.into_iter()
        .flatten()
        .chain(one)
        .filter_map(|trigger| match trigger {
            Value::String(name) => Some(name.as_str()),
            other => other.get("type").and_then(Value::as_str),
        })
        .map(str::to_owned)
        .collect()
}

/// The flow's actions: `send_webhook 127.0.0.1:4871/hook`, `add_tag`.
pub(super) fn actions(document: &Value) -> Vec<String> {
    ["actions", "steps"]
        .iter()
        .filter_map(|key| document.get(key).and_then(Value::as_array))
        .flatten()
        .map(action)
        .collect()
}

fn action(action: &Value) -> String {
    let name = action
        .pointer("/config/actionType")
        .or_else(|| action.get("type"))
        .and_then(Value::as_str)
        .unwrap_or("?");
    match action.pointer("/config/url").and_then(Value::as_str) {
        Some(url) => format!("{name} {}", short_url(url)),
        None => name.to_owned(),
    }
}

/// A URL without its scheme, and without the parts that may be secret: user info and query.
pub(super) fn short_url(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => &rest[at + 1..],
        None => rest,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_masked_but_references_are_not() {
        let document = json!({
            "name": "secret",
            "actions": [{"config": {
                "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La9f2c",
                "headers": {"X-Bridge-Secret": "hunter2", "Authorization": "env:AUTH", "X-Kind": "plain"},
            }}],
        });
        assert_eq!(
            masked(&document),
            json!({
                "name": "secret",
                "actions": [{"config": {
                    "secret": "whsec_…9f2c",
                    "headers": {"X-Bridge-Secret": "…", "Authorization": "env:AUTH", "X-Kind": "plain"},
                }}],
            })
        );
    }

    #[test]
    fn triggers_and_actions_are_listed_for_both_forms() {
        let short = json!({"trigger": {"type": "contact.created"}, "actions": [{"type": "send_webhook", "config": {"url": "http://u:p@127.0.0.1:1/x?token=1"}}]});
        assert_eq!(triggers(&short), ["contact.created"]);
        assert_eq!(actions(&short), ["send_webhook 127.0.0.1:1/x"]);
        let long = json!({"triggers": [{"type": "a"}, {"type": "b"}], "steps": [{"type": "action", "config": {"actionType": "add_tag"}}]});
        assert_eq!(triggers(&long), ["a", "b"]);
        assert_eq!(actions(&long), ["add_tag"]);
    }

    #[test]
    fn a_document_survives_a_round_trip_through_yaml() {
        let document = json!({"name": "yes", "n": 1.5, "zip": "01234", "on": true, "list": [], "text": "a\nb: c #d"});
        let back: Value = serde_saphyr::from_str(&raw_yaml(&document).unwrap()).unwrap();
        assert_eq!(back, document);
    }
}
