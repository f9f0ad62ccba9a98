//! `evt completions`: completion scripts for shells.

use clap_complete::Shell;

use super::{Context, parse};
use crate::error::{CliError, Exit};

/// Print the completion script for a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt completions bash > ~/.local/share/bash-completion/completions/evt\n  evt completions zsh > ~/.zfunc/_evt"
)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    cx.ui.raw(&generate(args.shell))?;
    Ok(Exit::Done)
}

/// Returns the script for a shell.
pub(super) fn generate(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut parse::tree(), "evt", &mut text);
    text
}
