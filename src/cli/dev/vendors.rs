//! The vendors whose webhooks the platform receives.

use serde_json::Value;

use super::super::Context;
use super::ask::control;
use crate::error::{CliError, Exit};
use crate::ui::{Cell, Format, Style};

/// Show the receivers of vendors' webhooks, and the secrets that sign them
///
/// Every data directory has its own keys. `evt send VENDOR/EVENT` finds receiver and key by itself.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt dev vendors                  all vendors
  evt dev vendors paypal -o json   one vendor, including a key that is created at first use")]
pub(super) struct Vendors {
    /// A vendor: stripe, ses, facebook, …
    vendor: Option<String>,
}

impl Vendors {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        let control = control(cx)?;
        let vendors = match &self.vendor {
            Some(name) if is_plain(name) => {
                vec![control.get(&format!("/_evt/vendors/{name}")).await?]
            }
            Some(name) => {
                return Err(CliError::usage(format!(
                    "`{name}` is not the name of a vendor"
                )));
            }
            None => match control.get("/_evt/vendors").await?["vendors"].take() {
                Value::Array(vendors) => vendors,
                _ => Vec::new(),
            },
        };
        match cx.ui.format() {
            Format::Text if self.vendor.is_some() => {
                for (name, value) in one(&vendors[0]) {
                    // Keys and certificates start on a new line so that they can be copied.
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
                    .map(|facts| row(facts).map(Cell::from).to_vec());
                cx.ui.table(
                    &["vendor", "receiver", "scheme", "integration", "secret"],
                    rows.collect(),
                )?;
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

/// Whether the name is a single segment of a path.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn row(facts: &Value) -> [String; 5] {
    let text = |field: &str| facts[field].as_str().unwrap_or_default().to_owned();
    let secret = match facts["secret"].as_str() {
        Some(secret) => secret.to_owned(),
        None => format!("(evt dev vendors {})", text("vendor")),
    };
    let integration = text("integration");
    let integration = if integration.is_empty() {
        "-".to_owned()
    } else {
        integration
    };
    [
        text("vendor"),
        text("path"),
        text("scheme"),
        integration,
        secret,
    ]
}

fn one(facts: &Value) -> Vec<(String, String)> {
    let is_pair = facts["secret"] != facts["verify"];
    let fields = [
        ("vendor", "vendor", true),
        ("path", "receiver", true),
        ("scheme", "scheme", true),
        ("integration", "integration", true),
        (
            "secret",
            if is_pair { "signs with" } else { "secret" },
            true,
        ),
        ("verify", "verified with", is_pair),
    ];
    let mut rows: Vec<(String, String)> = fields
        .iter()
        .filter(|(.., is_shown)| *is_shown)
        .filter_map(|(field, name, _)| {
            Some(((*name).to_owned(), facts[*field].as_str()?.to_owned()))
        })
        .collect();
    for option in facts["options"].as_array().into_iter().flatten() {
        let part = |index: usize| option[index].as_str().unwrap_or_default();
        rows.push((format!("option {}", part(0)), part(1).to_owned()));
    }
    rows
}
