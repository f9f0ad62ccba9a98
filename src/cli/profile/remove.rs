//! `evt profile remove`.

use crate::cli::Context;
use crate::config::{self, Credentials};
use crate::error::{CliError, Exit};

/// Remove a profile and its credentials
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt profile remove staging")]
pub(super) struct Args {
    /// The profile
    name: String,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    let path = cx.paths.config_file();
    if !config::remove(&path, &args.name)? {
        cx.config.entry(&args.name)?;
        let message = format!("profile `{}` is not in {}", args.name, path.display());
        return Err(
            CliError::new(Exit::NotFound, "unknown_profile", message).hint("evt config path")
        );
    }
    Credentials::remove(&cx.paths.credentials_file(), &args.name)?;
    if cx.config.default_profile().0 == args.name {
        config::unset(&path, &[config::DEFAULT_PROFILE])?;
    }
    cx.ui.status(&format!("removed profile {}", args.name));
    Ok(Exit::Done)
}
