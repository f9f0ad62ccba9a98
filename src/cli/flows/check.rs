//! Checks a flow document before it is sent, and replaces its references to secrets.

use serde_json::Value;
use thiserror::Error;

use super::document::{Document, FROM_FLAGS, FlowFileError};
use super::shown;
use crate::api::Client;
use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::flow::{self, DocumentError};
use crate::grammar::secret_ref::SecretRef;
use crate::grammar::target::Target;
use crate::ui::safe;

/// An error in a flow's document, with the file that contains it.
#[derive(Debug, Error)]
#[error("the flow in {name} is not valid")]
struct InFile {
    name: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// Checks that a document is a valid flow and that the platform can run it.
///
/// A remote platform may support more than `evt dev`, so unsupported parts are accepted for it. `force` skips its checks.
pub(super) fn check(
    document: &Document,
    force: bool,
    cx: &Context,
    client: &Client,
) -> Result<(), CliError> {
    let is_remote = !client.is_loopback();
    if let Err(error) = flow::compile(&document.value)
        && !(is_remote && (force || is_unsupported(&error)))
    {
        point_at(&error, cx);
        return Err(with_file(error.into(), document));
    }
    if is_remote && !force {
        check_remote(document, client)?;
    }
    Ok(())
}

/// Prints an invalid condition with a caret under the error.
pub(super) fn point_at(error: &DocumentError, cx: &Context) {
    let DocumentError::Condition { source, .. } = error else {
        return;
    };
    for line in source.caret().iter().flat_map(|caret| caret.lines()) {
        cx.ui.status(&format!("  {}", safe(line)));
    }
}

/// Adds the file's name to an error.
fn with_file(mut error: CliError, document: &Document) -> CliError {
    if document.source != FROM_FLAGS {
        error.error = Box::new(InFile {
            name: document.source.clone(),
            source: error.error,
        });
    }
    error
}

/// Whether the document contains something that `evt dev` does not support, but a remote platform may.
fn is_unsupported(error: &DocumentError) -> bool {
    matches!(
        error,
        DocumentError::NotBuilt { .. } | DocumentError::UnknownKey { .. }
    )
}

/// Refuses loopback URLs, which a remote platform cannot reach, and secrets, which only `evt dev` supports.
fn check_remote(document: &Document, client: &Client) -> Result<(), CliError> {
    let name = || document.source.clone();
    for config in configs(&document.value) {
        if let Some(url) = config.get("url").and_then(Value::as_str)
            && url
                .parse::<Target>()
                .is_ok_and(|target| target.is_loopback())
        {
            return Err(FlowFileError::Loopback {
                name: name(),
                url: shown::short_url(url).to_owned(),
                origin: client.origin(),
            }
            .into());
        }
        if config.get("secret").is_some_and(|secret| !secret.is_null()) {
            return Err(FlowFileError::SecretNotSupported {
                name: name(),
                origin: client.origin(),
            }
            .into());
        }
    }
    Ok(())
}

/// The `config` of every action and step.
fn configs(document: &Value) -> impl Iterator<Item = &Value> {
    ["actions", "steps"]
        .into_iter()
        .filter_map(|key| document.get(key).and_then(Value::as_array))
        .flatten()
        .filter_map(|action| action.get("config"))
}

/// Returns a copy in which the references in secrets and headers (`env:NAME`, `file:PATH`, `cmd:…`) are replaced by their values.
///
/// `cmd:` is only allowed on the command line (`may_run`): applying a file must not run programs.
pub(super) fn resolved(value: &Value, may_run: bool, cx: &Context) -> Result<Value, CliError> {
    let mut copy = value.clone();
    for key in ["actions", "steps"] {
        for action in copy
            .get_mut(key)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            let Some(config) = action.get_mut("config") else {
                continue;
            };
            if let Some(secret) = config.get_mut("secret") {
                resolve(secret, may_run, cx)?;
            }
            let headers = config.get_mut("headers").and_then(Value::as_object_mut);
            for (_, header) in headers.into_iter().flatten() {
                resolve(header, may_run, cx)?;
            }
        }
    }
    Ok(copy)
}

fn resolve(value: &mut Value, may_run: bool, cx: &Context) -> Result<(), CliError> {
    let Some(text) = value.as_str().filter(|text| shown::is_reference(text)) else {
        return Ok(());
    };
    let reference: SecretRef = text.parse()?;
    if matches!(reference, SecretRef::Command(_)) && !may_run {
        return Err(CliError::new(
            Exit::Usage,
            "command_in_file",
            "a flow file cannot use `cmd:` for a secret",
        )
        .hint("store the secret in an environment variable and use env:NAME"));
    }
    *value = Value::String(cx.secret(&reference)?.reveal().to_owned());
    Ok(())
}
