//! `evt profile use`.

use crate::cli::Context;
use crate::config::{self, Origin};
use crate::error::{CliError, Exit};

/// Make a profile the default
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt profile use local")]
pub(super) struct Args {
    /// The profile
    name: String,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    cx.entry(&args.name)?;
    config::set(
        &cx.paths.config_file(),
        &[config::DEFAULT_PROFILE],
        &args.name,
    )?;
    cx.ui.status(&format!("{} is the default now", args.name));
    let (_, origin) = cx.config.default_profile();
    if let Origin::File { path, .. } = &origin
        && *path != cx.paths.config_file()
    {
        cx.ui.warn(&format!(
            "{origin} sets another profile, which has priority in this folder"
        ));
    }
    Ok(Exit::Done)
}
