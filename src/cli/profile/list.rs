//! `evt profile list`.

use serde_json::json;

use crate::cli::Context;
use crate::config::LOCAL;
use crate::error::{CliError, Exit};
use crate::running::Running;
use crate::ui::{Cell, Format, Style};

/// List the profiles
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt profile list")]
pub(super) struct Args {}

pub(super) fn run(cx: &Context) -> Result<Exit, CliError> {
    let in_use = cx.profile_name();
    let all = Running::all(&cx.paths.state_dir);
    let mut names = cx.config.profile_names();
    for running in &all {
        if !names.contains(&running.name) {
            names.push(running.name.clone());
        }
    }
    let mut rows = Vec::new();
    for name in names {
        let entry = cx.entry(&name)?;
        let mut url = entry.url.map(|found| found.0);
        let mut org = entry.org.map(|found| found.0);
        if cx.is_local(&name)
            && let Some(running) = all.iter().find(|running| running.name == name)
        {
            url.get_or_insert_with(|| running.url.clone());
            org.get_or_insert_with(|| running.org.clone());
        }
        if cx.ui.format() == Format::Json {
            cx.ui
                .json(&json!({ "name": name, "in_use": name == in_use, "url": url, "org": org }))?;
            continue;
        }
        let mark = if name == in_use { "in use" } else { "" };
        let not_running = if name == LOCAL {
            "(evt dev is not running)"
        } else {
            "-"
        };
        rows.push(vec![
            Cell::styled(Style::Name, name),
            url.unwrap_or_else(|| not_running.to_owned()).into(),
            org.unwrap_or_else(|| "-".to_owned()).into(),
            Cell::styled(Style::Good, mark),
        ]);
    }
    if cx.ui.format() != Format::Json {
        cx.ui.table(&["name", "url", "org", ""], rows)?;
    }
    Ok(Exit::Done)
}
