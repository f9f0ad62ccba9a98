//! `evt profile`: manages profiles and sign-ins.

mod add;
mod allow;
mod list;
mod login;
mod logout;
mod refresh;
mod remove;
mod second_factor;
mod show;
mod use_;
mod whoami;

use std::sync::Arc;

use clap::Subcommand;

use super::Context;
use crate::config::Profile;
use crate::error::{CliError, Exit};

/// Choose the platform to use, and sign in
///
/// The profile `local` always exists. It is the platform that `evt dev` runs, which evt finds by itself.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  evt profile whoami                                       shows the account on the local platform\n  evt profile add staging --url https://api.example.com --org my-org"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(list::Args),
    Show(show::Args),
    Add(add::Args),
    Use(use_::Args),
    Remove(remove::Args),
    Login(login::Args),
    Logout(logout::Args),
    Whoami(whoami::Args),
    Refresh(refresh::Args),
    Allow(allow::Args),
}

impl Args {
    /// `evt profile allow` runs also if the settings are refused, because it can be the remedy.
    pub(super) fn is_allow(&self) -> bool {
        matches!(self.action, Action::Allow(_))
    }
}

/// Runs the command.
pub(super) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    let cx = &*cx;
    match args.action {
        Action::List(list::Args {}) => list::run(cx),
        Action::Show(args) => show::run(args, cx),
        Action::Add(args) => add::run(&args, cx),
        Action::Use(args) => use_::run(&args, cx),
        Action::Remove(args) => remove::run(&args, cx),
        Action::Login(args) => login::run(args, cx).await,
        Action::Logout(args) => logout::run(&args, cx),
        Action::Whoami(args) => whoami::run(&args, cx).await,
        Action::Refresh(args) => refresh::run(&args, cx).await,
        Action::Allow(args) => allow::run(&args, cx),
    }
}

/// The profile with this name, or the one in use.
fn named(name: Option<&str>, cx: &Context) -> Result<Profile, CliError> {
    match name {
        Some(name) => cx.profile_named(name),
        None => cx.profile(),
    }
}

/// If the token was refused, suggests to sign in to its profile, which may not be the one in use.
fn suggest_sign_in(profile: &str, mut error: CliError) -> CliError {
    if error.exit == Exit::NotAllowed {
        error.hints = vec![format!("evt profile login {profile}")];
    }
    error
}
