//! `evt poll state`: show, export, set and reset how far each datatype was read.

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

/// Show, export, set and reset how far each datatype was read
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt poll state list                            all states, and how far each was read\n  evt poll state reset contact --to 2026-04-25   read again what has changed since then"
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

/// List the states: what is polled, how far it was read, which process polls it now
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt poll state list")]
struct List {}

/// Show one state
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  evt poll state show contact")]
struct Show {
    /// Name of the state, or a datatype of the current profile
    key: String,
}

/// Write a state as JSON, with all remembered versions
///
/// A poller may keep running meanwhile. `evt poll state set` reads the file, also on another machine.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt poll state export contact contact-state.json\n  evt poll state export contact | gzip > contact-state.json.gz"
)]
struct Export {
    /// Name of the state, or a datatype of the current profile
    key: String,
    /// Write to this file, which only you can read, instead of stdout
    file: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
}

/// Set a state from an export or a Singer state
///
/// A Singer state needs a bookmark for the datatype; those of other streams are not used. If evt wrote the bookmark, the whole state is
/// restored; otherwise its value is the time up to which everything counts as read. Accepted are the states of Meltano's SDK, of taps
/// on singer-python, and the output of `meltano state get`. Of several lines the last one counts.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt poll state set contact contact-state.json\n  tail -1 singer-state.json | evt poll state set contact -"
)]
struct Set {
    /// Name of the state, or a datatype of the current profile; it may be new
    key: String,
    /// File to read; - for stdin
    file: Source,
    /// Use the bookmark of this stream, if the name of the state differs from it
    #[arg(long, value_name = "NAME")]
    datatype: Option<String>,
}

/// Delete a state, so that the next poll starts over, or move it back to a time
///
/// An export is written first. The output shows how to restore it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evt poll state reset contact\n  evt poll state reset contact --to 2h"
)]
struct Reset {
    /// Name of the state, or a datatype of the current profile
    key: String,
    /// Only read again records modified at this time or later
    #[arg(long, value_name = "T")]
    to: Option<When>,
}

/// Runs the command.
pub(super) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    // These commands only wait for the disk. On another thread, signals are handled meanwhile.
    tokio::task::spawn_blocking(move || match &args.command {
        Command::List(List {}) => show::list(&cx),
        Command::Show(args) => show::show(args, &cx),
        Command::Export(args) => change::export(args, &cx),
        Command::Set(args) => change::set(args, &cx),
        Command::Reset(args) => change::reset(args, &cx),
    })
    .await
    .unwrap_or_else(|_| Err(RuntimeError::Panicked.into()))
}

/// The folder of all states.
pub(crate) fn folder(cx: &Context) -> PathBuf {
    cx.paths.state_dir.join("poll")
}

/// The name of a state of the current profile.
fn in_profile(key: &str, cx: &Context) -> String {
    format!("{}.{key}", cx.profile_name())
}

/// The existing state with this name, or of this datatype in the current profile.
fn known(typed: &str, keys: &[String], cx: &Context) -> Option<String> {
    let in_profile = in_profile(typed, cx);
    [typed, &in_profile]
        .into_iter()
        .find(|key| keys.iter().any(|known| known == key))
        .map(str::to_owned)
}

/// The existing state with this name, or of this datatype in the current profile.
///
/// # Errors
/// If there is none, with a hint to the most similar name.
fn find(typed: &str, cx: &Context) -> Result<String, CliError> {
    let keys = poll::list(&folder(cx))?;
    if let Some(key) = known(typed, &keys, cx) {
        return Ok(key);
    }
    let message = format!("there is no state `{typed}`");
    let unknown = CliError::new(Exit::NotFound, "no_such_state", message);
    let like = nearest(typed, keys.iter().map(String::as_str)).map(str::to_owned);
    // A datatype is compared with datatypes.
    let prefix = in_profile("", cx);
    let short = keys.iter().filter_map(|key| key.strip_prefix(&prefix));
    Err(match nearest(typed, short).map(str::to_owned).or(like) {
        Some(key) => unknown.hint(format!("evt poll state show {key}")),
        None => unknown.hint("evt poll state list"),
    })
}
