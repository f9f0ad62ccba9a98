//! `evt send --list`.

use serde_json::json;

use crate::cli::Context;
use crate::error::{CliError, Exit};
use crate::sample::{self, Occasion, Sample};
use crate::ui::Format;

/// What stands where a vendor signs nothing.
const UNSIGNED: &str = "none";

pub(super) fn run(glob: Option<&str>, cx: &Context) -> Result<Exit, CliError> {
    let samples = match glob {
        Some(glob) => sample::select(glob)?,
        None => sample::all().collect(),
    };
    match cx.ui.format() {
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

/// Bytes of a body; ids of digits make it differ by a few from one to the next.
fn size(sample: &Sample) -> usize {
    sample.body(&Occasion::seeded(0, super::plan::ORG)).len()
}
