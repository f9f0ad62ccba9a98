//! `evt profile refresh`.

use super::{named, suggest_sign_in};
use crate::cli::Context;
use crate::cli::calls::CallArgs;
use crate::error::{CliError, Exit};

/// Renew the token of `evt profile login`
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt profile refresh")]
pub(super) struct Args {
    /// The profile [default: the one in use]
    name: Option<String>,
    #[command(flatten)]
    calls: CallArgs,
}

pub(super) async fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    let profile = named(args.name.as_deref(), cx)?;
    if profile.auth.tokens.refresh_token.is_none() {
        let message = format!(
            "cannot renew the token: profile `{}` is not signed in",
            profile.name
        );
        return Err(CliError::new(Exit::NotAllowed, "not_signed_in", message)
            .hint(format!("evt profile login {}", profile.name)));
    }
    cx.limit_calls(&args.calls)?;
    // The new tokens are stored when the command ends.
    cx.api_of(&profile)?
        .refresh()
        .await
        .map_err(|error| suggest_sign_in(&profile.name, error.into()))?;
    cx.ui
        .status(&format!("renewed the token of profile {}", profile.name));
    Ok(Exit::Done)
}
