//! `evt send --list`.

use serde_json::json;

use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::sample;
use crate::ui::Format;

/// What stands where a vendor signs nothing.
const UNSIGNED: &str = "none";

pub(super) fn run(cx: &Context) -> Result<Exit, CliError> {
    match cx.ui.format() {
        Format::Text => {
            let rows = sample::all().map(|sample| {
                vec![
                    sample.name(),
                    sample.scheme.unwrap_or(UNSIGNED).to_owned(),
                    sample.description.to_owned(),
                ]
            });
            cx.ui
                .table(&["EVENT", "SCHEME", "SENT WHEN"], rows.collect())?;
        }
        Format::Json => {
            for sample in sample::all() {
                cx.ui.json(&json!({
                    "name": sample.name(),
                    "vendor": sample.vendor,
                    "scheme": sample.scheme.unwrap_or(UNSIGNED),
                    "description": sample.description,
                }))?;
            }
        }
        Format::Raw => {
            for sample in sample::all() {
                cx.ui.line(&sample.name())?;
            }
        }
    }
    Ok(Exit::Done)
}
