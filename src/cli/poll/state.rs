//! `evt poll state`: how far each datatype was read; carried elsewhere, set, taken back.

mod change;
mod show;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Subcommand;

use crate::cli::input::Source;
use crate::cli::{Context, RuntimeError};
use crate::error::{CliError, Exit};
use crate::grammar::nearest::nearest;
use crate::grammar::quantity::When;
use crate::store::poll;

/// See how far each datatype was read, carry that elsewhere, go back
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt poll state list                         what was polled, and how far\n  evt poll state reset contact --to 2026-04-25   read again what changed since"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Show(Show),
    Export(Export),
    Set(Set),
    Reset(Reset),
}

/// List the states: what was polled, how far it was read, who polls it now
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt poll state list")]
struct List {}

/// Show one state
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt poll state show contact")]
struct Show {
    /// Which: a key, or the datatype for the one of the profile in use
    key: String,
}

/// Write a state as JSON, with every version that it remembers
///
/// A poller may go on meanwhile. `evt poll state set` reads it back, also on another machine.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt poll state export contact contact-state.json\n  evt poll state export contact | gzip > contact-state.json.gz"
)]
struct Export {
    /// Which: a key, or the datatype for the one of the profile in use
    key: String,
    /// Write to this file (readable by you alone) in place of stdout
    file: Option<PathBuf>,
    /// Replace the file where there is one
    #[arg(long)]
    force: bool,
}

/// Set a state from an export, or from a Singer state
///
/// Of a Singer state the bookmark of the datatype is taken: what evt wrote there, or else its value as the time up to which
/// everything was read.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt poll state set contact contact-state.json\n  tail -1 singer-state.json | evt poll state set contact -"
)]
struct Set {
    /// Which: a key, or the datatype for the one of the profile in use; it may be new
    key: String,
    /// The file; - for stdin
    file: Source,
}

/// Forget a state, so that the next poll begins anew, or move it back to a time
///
/// An export is written beside it first; the message says how to take it back by that.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt poll state reset contact\n  evt poll state reset contact --to 2h"
)]
struct Reset {
    /// Which: a key, or the datatype for the one of the profile in use
    key: String,
    /// Only read again what was modified at this time or later
    #[arg(long, value_name = "T")]
    to: Option<When>,
}

/// Runs the command.
pub(super) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    // All of it waits for the disk alone; signals are answered meanwhile.
    tokio::task::spawn_blocking(move || match &args.command {
        Command::List(List {}) => show::list(&cx),
        Command::Show(args) => show::show(args, &cx),
        Command::Export(args) => change::export(args, &cx),
        Command::Set(args) => change::set(args, &cx),
        Command::Reset(args) => change::reset(args, &cx),
    })
    .await
    .unwrap_or_else(|_| Err(RuntimeError::Fault.into()))
}

/// Where states lie.
pub(crate) fn folder(cx: &Context) -> PathBuf {
    cx.paths.state_dir.join("poll")
}

/// The key of a state of the profile in use.
fn of_profile(key: &str, cx: &Context) -> String {
    format!("{}.{key}", cx.profile_name())
}

/// The known key that is meant, if there is one.
fn known(typed: &str, keys: &[String], cx: &Context) -> Option<String> {
    let of_profile = of_profile(typed, cx);
    [typed, &of_profile]
        .into_iter()
        .find(|key| keys.iter().any(|known| known == key))
        .map(str::to_owned)
}

/// The key of the state that is meant.
///
/// # Errors
/// With the one that is most like it, where there is none.
fn find(typed: &str, cx: &Context) -> Result<String, CliError> {
    let keys = poll::list(&folder(cx))?;
    if let Some(key) = known(typed, &keys, cx) {
        return Ok(key);
    }
    let message = format!("there is no state `{typed}`");
    let unknown = CliError::new(Exit::NotFound, "no_such_state", message);
    let like = nearest(typed, keys.iter().map(String::as_str)).map(str::to_owned);
    // A short name is like a short name.
    let prefix = of_profile("", cx);
    let short = keys.iter().filter_map(|key| key.strip_prefix(&prefix));
    Err(match nearest(typed, short).map(str::to_owned).or(like) {
        Some(key) => unknown.hint(format!("evt poll state show {key}")),
        None => unknown.hint("evt poll state list"),
    })
}
