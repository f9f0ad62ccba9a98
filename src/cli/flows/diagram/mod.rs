//! `evt flows show --diagram`: the triggers, steps and branches of a flow, drawn for a terminal or as Mermaid.

mod chart;
mod draw;
mod mermaid;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::cli::Context;
use crate::error::CliError;

/// The width of a diagram if stdout is not a terminal.
const WIDTH: u16 = 80;

/// Prints the diagram of a document.
pub(super) fn print(document: &Value, cx: &Context) -> Result<(), CliError> {
    let chart = chart::Chart::of(document)?;
    if cx.globals.wants_mermaid() {
        cx.ui.line(&mermaid::flowchart(&chart))?;
        return Ok(());
    }
    let width = usize::from(cx.ui.width().unwrap_or(WIDTH));
    for line in draw::lines(&chart, &cx.ui, width) {
        cx.ui.line(&line)?;
    }
    Ok(())
}
