//! `evt send --list`.

use serde_json::json;

use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::sample::{self, Occasion, Sample};
use crate::ui::Format;

/// Shown as the scheme of a vendor that signs nothing.
const UNSIGNED: &str = "none";

pub(super) fn run(glob: Option<&str>, cx: &Context) -> Result<Exit, CliError> {
    let samples = match glob {
        Some(glob) => sample::select(glob)?,
        None => sample::all().collect(),
    };
    // A list for people, also in a pager.
    let format = match cx.ui.format() {
        Format::Json if !cx.ui.explicit_json() => Format::Text,
        format => format,
    };
    match format {
        Format::Text => {
            let rows = samples.iter().map(|sample| {
                vec![
                    sample.vendor.to_owned(),
                    sample.name(),
                    sample.scheme.unwrap_or(UNSIGNED).to_owned(),
                    size(sample).to_string(),
                    sample.description.to_owned(),
                ]
            });
            cx.ui.table(
                &["SYSTEM", "EVENT", "SCHEME", "SIZE", "SENT WHEN"],
                rows.collect(),
            )?;
        }
        Format::Json => {
            for sample in &samples {
                cx.ui.json(&json!({
                    "name": sample.name(),
                    "vendor": sample.vendor,
                    "event": sample.event,
                    "scheme": sample.scheme.unwrap_or(UNSIGNED),
                    "size": size(sample),
                    "description": sample.description,
                }))?;
            }
        }
        Format::Raw => {
            for sample in &samples {
                cx.ui.line(&sample.name())?;
            }
        }
    }
    Ok(Exit::Done)
}

/// The size of a body in bytes. It varies by a few bytes, because ids of digits have no fixed length.
fn size(sample: &Sample) -> usize {
    sample.body(&Occasion::seeded(0, super::plan::ORG)).len()
}
