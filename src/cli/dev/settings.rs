//! `evt dev set`.

use serde_json::{Map, Value};

use super::super::Context;
use super::ask::control;
use crate::error::{CliError, Exit};
use crate::ui::{Format, safe};

/// Show the platform's settings, or change some
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt dev set                               show all settings\n  evt dev set 2fa=on                        ask for a second factor at sign-in\n  evt dev set listener.throw=contact.created\n  evt dev set poll.ties=50 poll.429=5       make polling difficult"
)]
pub(super) struct Set {
    /// A setting and its value
    #[arg(value_name = "NAME=VALUE", value_parser = change)]
    changes: Vec<(String, String)>,
}

fn change(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write `name=value`, such as 2fa=on".to_owned()),
    }
}

impl Set {
    pub(super) async fn run(self, cx: &Context) -> Result<Exit, CliError> {
        let control = control(cx)?;
        if self.changes.is_empty() {
            return show(&control.get("/_evt/settings").await?, cx);
        }
        let changes: Map<String, Value> = self
            .changes
            .into_iter()
            .map(|(name, value)| (name, Value::String(value)))
            .collect();
        let set = control
            .post("/_evt/settings", &Value::Object(changes))
            .await?;
        match cx.ui.format() {
            Format::Text => {
                for (name, value) in set.as_object().into_iter().flatten() {
                    let value = value.as_str().unwrap_or_default();
                    cx.ui.line(&format!("{} = {}", safe(name), safe(value)))?;
                }
            }
            Format::Json | Format::Raw => cx.ui.json(&set)?,
        }
        Ok(Exit::Done)
    }
}

fn show(answer: &Value, cx: &Context) -> Result<Exit, CliError> {
    let settings = answer["settings"].as_array().into_iter().flatten();
    if cx.ui.format() != Format::Text {
        for setting in settings {
            cx.ui.json(setting)?;
        }
        return Ok(Exit::Done);
    }
    let text =
        |setting: &Value, field: &str| setting[field].as_str().unwrap_or_default().to_owned();
    let rows = settings
        .map(|setting| {
            ["name", "value", "takes", "help"]
                .map(|field| text(setting, field))
                .to_vec()
        })
        .collect();
    cx.ui
        .table(&["SETTING", "VALUE", "ACCEPTS", "WHAT IT DOES"], rows)?;
    Ok(Exit::Done)
}
