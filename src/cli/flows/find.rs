//! Finds flows by id or name.

use crate::api::Client;
use crate::api::flows::Flow;
use crate::error::{CliError, Exit};
use crate::explain::shell_quoted;
use crate::grammar::nearest::nearest;

/// Finds a single flow with its document.
pub(super) async fn one(client: &Client, text: &str) -> Result<Flow, CliError> {
    let flow = id(client, text).await?;
    match flow.is_complete() {
        true => Ok(flow),
        false => Ok(client.get_flow(flow.id()).await?),
    }
}

/// Finds a single flow, of which perhaps only the id is known; see [`several`].
pub(super) async fn id(client: &Client, text: &str) -> Result<Flow, CliError> {
    let mut found = several(client, std::slice::from_ref(&text.to_owned())).await?;
    found.pop().ok_or_else(|| unknown(text, &[]))
}

/// Finds several flows, without duplicates, in the order of `texts`. On a platform that has no list of flows, texts that look
/// like ids are accepted as they are.
///
/// # Errors
/// If one of them does not exist.
pub(super) async fn several(client: &Client, texts: &[String]) -> Result<Vec<Flow>, CliError> {
    let flows = match client.list_flows().await {
        Ok(flows) => flows,
        Err(error) if error.is_missing() && texts.iter().all(|text| is_id(text)) => {
            return Ok(texts.iter().map(|text| Flow::with_id(text)).collect());
        }
        Err(error) => return Err(error.into()),
    };
    let mut found: Vec<Flow> = Vec::with_capacity(texts.len());
    for text in texts {
        let flow = pick(&flows, text)?;
        if !found.iter().any(|known| known.id() == flow.id()) {
            found.push(flow.clone());
        }
    }
    Ok(found)
}

/// Whether a text looks like the id of a flow: one long word with a digit, as UUIDs and Mongo's ids are.
fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() >= 8 && text.bytes().all(is_plain) && text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Ids take precedence over names, and exact matches over prefixes.
fn pick<'a>(flows: &'a [Flow], text: &str) -> Result<&'a Flow, CliError> {
    let wanted = text.trim();
    let rules: [&dyn Fn(&Flow) -> bool; 4] = [
        &|flow| flow.id() == wanted || without_prefix(flow.id()) == wanted,
        &|flow| flow.name() == wanted,
        &|flow| flow.name().to_lowercase() == wanted.to_lowercase(),
        &|flow| {
            wanted.len() >= 4
                && (flow.id().starts_with(wanted) || without_prefix(flow.id()).starts_with(wanted))
        },
    ];
    for rule in rules {
        let found: Vec<&Flow> = flows.iter().filter(|flow| rule(flow)).collect();
        match found.as_slice() {
            [] => {}
            [flow] => return Ok(flow),
            many => return Err(ambiguous(text, many)),
        }
    }
    Err(unknown(text, flows))
}

/// The id without the prefix that the platform adds.
fn without_prefix(id: &str) -> &str {
    id.strip_prefix("automation-").unwrap_or(id)
}

fn ambiguous(text: &str, many: &[&Flow]) -> CliError {
    let list: Vec<String> = many
        .iter()
        .take(10)
        .map(|flow| format!("{} ({})", flow.id(), flow.name()))
        .collect();
    CliError::new(
        Exit::Usage,
        "ambiguous_flow",
        format!("`{text}` matches {} flows: {}", many.len(), list.join(", ")),
    )
    .hint(format!(
        "evt flows show {}",
        many.first().map_or("", |flow| flow.id())
    ))
}

fn unknown(text: &str, flows: &[Flow]) -> CliError {
    let error = CliError::new(
        Exit::NotFound,
        "no_such_flow",
        format!("there is no flow `{text}`"),
    );
    match nearest(text, flows.iter().map(Flow::name)) {
        Some(name) => error.hint(format!("evt flows show {}", shell_quoted(name))),
        None => error.hint("evt flows list"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_long_word_with_a_digit() {
        for id in [
            "automation-0198c1f2",
            "507f1f77bcf86cd799439011",
            "0198c1f2-7c1e-7cc0-98c4-dc0c0c07398f",
        ] {
            assert!(is_id(id), "{id}");
        }
        for name in [
            "",
            "a1",
            "welcome-mail",
            "Notify CRM bridge 2",
            "mail/1234567",
        ] {
            assert!(!is_id(name), "{name}");
        }
    }
}
