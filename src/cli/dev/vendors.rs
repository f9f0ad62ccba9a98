//! The vendors whose webhooks the platform receives.

use serde_json::Value;

use super::super::Context;
use super::ask::control;
use crate::dev::appengine::vendors::Facts;
use crate::error::{CliError, Exit};
use crate::ui::{Format, Style, clip};

/// What of a secret is shown at start: enough to tell two apart.
const SHOWN: usize = 11;

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
                for facts in &vendors {
                    // No table: a secret that is broken into lines cannot be copied.
                    let [vendor, path, scheme, secret] = row(facts);
                    let line = format!("{path:<32} {scheme:<21} {secret}");
                    cx.ui.line(&format!(
                        "{} {line}",
                        cx.ui.paint(Style::Name, &format!("{vendor:<11}"))
                    ))?;
                }
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

fn row(facts: &Value) -> [String; 4] {
    let text = |field: &str| facts[field].as_str().unwrap_or_default().to_owned();
    let secret = match facts["secret"].as_str() {
        Some(secret) => secret.to_owned(),
        None => format!("(evt dev vendors {})", text("vendor")),
    };
    [text("vendor"), text("path"), text("scheme"), secret]
}

fn one(facts: &Value) -> Vec<(String, String)> {
    let is_pair = facts["secret"] != facts["verify"];
    let fields = [
        ("vendor", "vendor", true),
        ("path", "receiver", true),
        ("scheme", "scheme", true),
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

/// The table of a start: what a person pastes into a vendor's settings, with the secrets cut short.
pub(super) fn table(all: &[Facts], cx: &Context) -> std::io::Result<()> {
    let rows = all.iter().map(|facts| {
        let secret = match &facts.secret {
            Some(secret) => clip(secret, SHOWN),
            None => "at first use".to_owned(),
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
