//! Finds flows by id or name.

use crate::api::Client;
use crate::api::flows::Flow;
use crate::error::{CliError, Exit};
use crate::explain::shell_quoted;
use crate::grammar::nearest::nearest;

/// Finds a single flow.
pub(super) async fn one(client: &Client, text: &str) -> Result<Flow, CliError> {
    let mut found = several(client, std::slice::from_ref(&text.to_owned())).await?;
    found.pop().ok_or_else(|| unknown(text, &[]))
}

/// Finds several flows, without duplicates, in the order of `texts`.
///
/// # Errors
/// If one of them does not exist.
pub(super) async fn several(client: &Client, texts: &[String]) -> Result<Vec<Flow>, CliError> {
    let flows = client.list_flows().await?;
    let mut found: Vec<Flow> = Vec::with_capacity(texts.len());
    for text in texts {
        let flow = pick(&flows, text)?;
        if !found.iter().any(|known| known.id() == flow.id()) {
            found.push(flow.clone());
        }
    }
    Ok(found)
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
