//! The vendors whose webhooks the platform receives.

use serde_json::Value;

use super::super::Context;
use super::ask::control;
use crate::dev::vendors::Facts;
use crate::error::{CliError, Exit};
use crate::ui::{Format, Style, clip};

/// What of a secret is shown at start: enough to tell two apart.
const SHOWN: usize = 12;

/// Show where the platform receives vendors' webhooks, and the secrets that they sign with
///
/// The keys are the data directory's own. `evt send VENDOR/EVENT` finds receiver and key by itself.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt dev vendors                  all of them
  evt dev vendors paypal -o json   one, with a key that is made when it is first asked for")]
pub(super) struct Vendors {
    /// One of them: stripe, ses, facebook, …
    vendor: Option<String>,
}

impl Vendors {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        let control = control(cx)?;
        let vendors = match &self.vendor {
            Some(name) if is_plain(name) => {
                vec![control.get(&format!("/_evt/vendors/{name}")).await?]
            }
            Some(name) => return Err(CliError::usage(format!("`{name}` is no vendor's name"))),
            None => match control.get("/_evt/vendors").await?["vendors"].take() {
                Value::Array(vendors) => vendors,
                _ => Vec::new(),
            },
        };
        match cx.ui.format() {
            Format::Text if self.vendor.is_some() => {
                for (name, value) in one(&vendors[0]) {
                    // Keys and certificates have lines of their own, to be copied as they are.
                    let value = value.trim_end();
                    let gap = if value.contains('\n') { "\n" } else { "  " };
                    cx.ui.line(&format!(
                        "{}{gap}{value}",
                        cx.ui.paint(Style::Dim, &format!("{name:<19}"))
                    ))?;
                }
            }
            Format::Text => {
                let rows = vendors
                    .iter()
                    .map(|facts| row(facts, |secret| secret.to_owned()));
                cx.ui
                    .table(&["VENDOR", "RECEIVER", "SCHEME", "SECRET"], rows.collect())?;
            }
            Format::Json | Format::Raw => {
                for facts in &vendors {
                    cx.ui.json(facts)?;
                }
            }
        }
        Ok(Exit::Done)
    }
}

/// A name that is one piece of a path.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn row(facts: &Value, show: impl Fn(&str) -> String) -> Vec<String> {
    let text = |field: &str| facts[field].as_str().unwrap_or_default().to_owned();
    let secret = match facts["secret"].as_str() {
        Some(secret) => show(secret),
        None => format!("evt dev vendors {}", text("vendor")),
    };
    vec![text("vendor"), text("path"), text("scheme"), secret]
}

fn one(facts: &Value) -> Vec<(String, String)> {
    let fields = ["vendor", "path", "scheme", "secret", "verify"];
    let mut rows: Vec<(String, String)> = fields
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), facts[*field].as_str()?.to_owned())))
        .collect();
    for option in facts["options"].as_array().into_iter().flatten() {
        let part = |index: usize| option[index].as_str().unwrap_or_default();
        rows.push((format!("option {}", part(0)), part(1).to_owned()));
    }
    rows
}

/// The table of a start: what a person pastes into a vendor's settings, with the secrets cut short.
pub(super) fn table(all: &[Facts], cx: &Context) -> std::io::Result<()> {
    let rows = all.iter().map(|facts| {
        let secret = match &facts.secret {
            Some(secret) => clip(secret, SHOWN),
            None => "made at first use".to_owned(),
        };
        vec![
            facts.vendor.to_owned(),
            facts.path.to_owned(),
            facts.scheme.to_owned(),
            secret,
        ]
    });
    cx.ui
        .table(&["VENDOR", "RECEIVER", "SCHEME", "SECRET"], rows.collect())
}
