//! `evt profile logout`.

use crate::cli::Context;
use crate::config::Credentials;
use crate::error::{CliError, Exit};

/// Remove the stored token
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt profile logout")]
pub(super) struct Args {
    /// The profile [default: the one in use]
    name: Option<String>,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    let name = match &args.name {
        Some(name) => cx.entry(name)?.name,
        None => cx.profile_name(),
    };
    Credentials::sign_out(&cx.paths.credentials_file(), &name)?;
    cx.ui.status(&format!("signed out of profile {name}"));
    Ok(Exit::Done)
}
