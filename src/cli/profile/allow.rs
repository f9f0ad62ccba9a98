//! `evt profile allow`.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::Context;
use crate::config::{self, Allowed, Config};
use crate::error::{CliError, Exit};
use crate::ui::{Cell, Format, Style};

/// Let a project's evt.toml choose a profile
///
/// A project can use the profile `local`, and those that you allow for its folder. Without NAME, lists what is allowed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt profile allow staging             the project in this folder can use staging\n  evt profile allow staging --revoke\n  evt profile allow                     what is allowed"
)]
pub(super) struct Args {
    /// The profile
    name: Option<String>,
    /// The folder of the evt.toml [default: where the project's file is, or the current folder]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Take the permission back
    #[arg(long, requires = "name")]
    revoke: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    let allowed = Allowed::of(&cx.paths);
    let Some(name) = &args.name else {
        return list_allowed(&allowed.list()?, cx);
    };
    let folder = match &args.folder {
        Some(folder) => cx.env.current_dir.join(folder),
        None => config::project_file(&cx.env.current_dir).map_or_else(
            || cx.env.current_dir.clone(),
            |file| config::folder_of(&file),
        ),
    };
    let folder = folder.canonicalize().unwrap_or(folder);
    let shown = folder.display();
    if args.revoke {
        if !allowed.revoke(&folder, name)? {
            let message = format!("profile `{name}` is not allowed for `{shown}`");
            return Err(CliError::new(Exit::NotFound, "not_allowed_before", message)
                .hint("evt profile allow      lists what is allowed"));
        }
        cx.ui
            .status(&format!("{shown} can no longer use the profile {name}"));
        return Ok(Exit::Done);
    }
    if !cx.is_local(name) {
        Config::load_user(&cx.paths)?.entry(name)?;
    }
    allowed.allow(&folder, name)?;
    cx.ui.status(&format!("{shown} can use the profile {name}"));
    Ok(Exit::Done)
}

fn list_allowed(pairs: &[(PathBuf, String)], cx: &Context) -> Result<Exit, CliError> {
    if cx.ui.format() == Format::Json {
        for (folder, name) in pairs {
            cx.ui
                .json(&json!({ "folder": folder.to_string_lossy(), "profile": name }))?;
        }
        return Ok(Exit::Done);
    }
    let rows = pairs.iter().map(|(folder, name)| {
        vec![
            Cell::styled(Style::Name, name.clone()),
            Cell::from(folder.to_string_lossy()),
        ]
    });
    cx.ui.table(&["profile", "folder"], rows.collect())?;
    Ok(Exit::Done)
}
