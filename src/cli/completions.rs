//! `evt completions`: what a shell needs to complete evt's words, on stdout.

use clap_complete::Shell;

use super::{Context, parse};
use crate::error::{CliError, Exit};

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt completions bash > ~/.local/share/bash-completion/completions/evt\n  evt completions zsh > ~/.zfunc/_evt"
)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

/// Prints the completions.
pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    cx.ui.raw(&generate(args.shell))?;
    Ok(Exit::Done)
}

/// The completions for one shell.
pub(super) fn generate(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut parse::tree(), "evt", &mut text);
    text
}
