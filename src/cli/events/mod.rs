//! `evt events`: works with received and sent events: list, show, replay, verify, diff, export, import, prune.

mod chain;
mod diff;
mod export;
mod import;
mod known;
mod list;
mod origin;
mod pick;
mod platform;
mod prune;
mod replay;
mod select;
mod show;
mod verify;

use std::sync::Arc;

use clap::Subcommand;
use thiserror::Error;

use super::{Context, RuntimeError};
use crate::dial::DialError;
use crate::error::{CliError, Exit};
use crate::event::Seq;
use crate::explain::{Explain, Explanation, shell_word};
pub(super) use origin::{Origin, origin};

/// List, show, replay, verify, compare, export and import events
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt events list --type 'contact.*' --since 1h
  evt events replay @failed --to 3000")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Replay(Box<replay::Args>),
    Verify(verify::Args),
    Diff(diff::Args),
    Export(export::Args),
    Import(import::Args),
    Prune(prune::Args),
}

impl Args {
    /// Whether `-o curl` is allowed.
    pub(super) fn is_dry_run(&self) -> bool {
        matches!(&self.command, Command::Replay(args) if args.is_dry_run())
    }
}

/// Why an `evt events` command failed.
#[derive(Debug, Error)]
pub(crate) enum EventsError {
    #[error("there is no event {reference}")]
    NoSuchEvent { reference: String },
    #[error("{reference} is an event of `evt dev`, which is not running")]
    PlatformNotRunning { reference: String },
    #[error("the local platform has no event {reference}")]
    NoPlatformEvent { reference: String },
    #[error("there is no file `{}`", path.display())]
    NoSuchFile { path: std::path::PathBuf },
    #[error("no stored event matches")]
    NothingSelected,
    #[error("{reference} contains {found} events, expected one")]
    NotOne { reference: String, found: usize },
    #[error("{name} is larger than 256 MiB")]
    FileTooLarge { name: String },
    #[error("--show-secrets requires a terminal")]
    SecretsNeedTerminal,
    #[error("the body contains control characters, which are not written to a terminal")]
    UnsafeForTerminal,
    #[error("cannot detect the signature scheme of {reference}")]
    NoScheme { reference: String },
    #[error(
        "{reference} was not signed with the secret of the running `evt dev`, and no other secret is given"
    )]
    SecretNotGiven { reference: String },
    #[error("{}", if *total == 1 { "the event was not delivered".to_owned() } else { format!("none of {total} events was delivered") })]
    NoneDelivered {
        total: usize,
        target: String,
        /// What to replay after the cause is fixed.
        again: String,
        /// A stored event that the target refused.
        refused: Option<Seq>,
        source: Option<DialError>,
    },
    #[error("{failed} of {total} events were not delivered")]
    SomeFailed {
        failed: usize,
        total: usize,
        target: String,
        again: String,
        source: Option<DialError>,
    },
    #[error("{name} contains no valid event")]
    NothingImported { name: String, refused: u64 },
    #[error("{refused} of {total} entries are not valid events")]
    SomeNotImported { refused: u64, total: u64 },
    #[error("cannot write `{}`", path.display())]
    Write {
        path: std::path::PathBuf,
        source: std::io::Error,
    },
}

impl Explain for EventsError {
    fn explain(&self) -> Explanation {
        let not_found = |code| Explanation::new(Exit::NotFound, code);
        match self {
            Self::NoSuchEvent { .. } => not_found("no_such_event").hint("evt events list"),
            Self::PlatformNotRunning { .. } => {
                Explanation::new(Exit::Unreachable, "not_running").hint("evt dev")
            }
            Self::NoPlatformEvent { .. } => {
                not_found("no_such_event").hint("evt dev status     shows the last event")
            }
            Self::NoSuchFile { .. } => {
                not_found("no_such_file").hint("evt events list     shows the stored events")
            }
            Self::NothingSelected => {
                not_found("nothing_selected").hint("evt events list --limit 0")
            }
            Self::NotOne { .. } => Explanation::usage("not_one").hint("evt events list"),
            Self::FileTooLarge { name } => {
                // Messages name a file in backticks, which a shell would run.
                let file = match name.trim_matches('`') {
                    "stdin" => "-",
                    file => file,
                };
                let file = shell_word(file);
                Explanation::usage("too_large").hint(format!("evt events import {file}"))
            }
            Self::SecretsNeedTerminal => Explanation::usage("secrets_elsewhere")
                .hint("evt events export @last     writes headers unmasked"),
            Self::UnsafeForTerminal => Explanation::usage("not_for_terminals")
                .hint("evt events show @last -o raw > body.bin"),
            Self::NoScheme { reference } => {
                let reference = shell_word(reference);
                Explanation::usage("no_scheme").hint(format!(
                    "evt events verify {reference} --scheme stripe --secret env:NAME"
                ))
            }
            Self::SecretNotGiven { reference } => {
                let reference = shell_word(reference);
                Explanation::usage("no_secret")
                    .hint(format!("evt events verify {reference} --secret env:NAME"))
            }
            Self::NoneDelivered {
                target,
                again,
                refused,
                source,
                ..
            } => {
                let target = shell_word(target);
                let replay = format!("evt events replay {again} --to {target}");
                let undelivered = Explanation::new(Exit::Undelivered, "undelivered");
                match (source, refused) {
                    (Some(_), _) => undelivered.hint(format!("start your app, then: {replay}")),
                    (None, Some(seq)) => undelivered
                        .hint(format!(
                            "evt events show {seq}     prints the answer of your app"
                        ))
                        .hint(replay),
                    (None, None) => undelivered.hint(replay),
                }
            }
            Self::SomeFailed { target, again, .. } => {
                Explanation::new(Exit::Partly, "partly_delivered").hint(format!(
                    "evt events replay {again} --to {}",
                    shell_word(target)
                ))
            }
            Self::NothingImported { .. } => Explanation::usage("not_an_export")
                .hint("evt events export --format ndjson -f events.ndjson"),
            Self::SomeNotImported { .. } => Explanation::new(Exit::Partly, "partly_imported")
                .hint("fix the entries listed above and import only those"),
            Self::Write { .. } => {
                Explanation::failed("cannot_write").hint("evt events export > events.ndjson")
            }
        }
    }
}

pub(super) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    match args.command {
        Command::Replay(args) => replay::run(*args, cx).await,
        // The other commands only use the disk. They run on a blocking thread, so that signals are handled.
        command => tokio::task::spawn_blocking(move || run_blocking(&command, &cx))
            .await
            .unwrap_or_else(|_| Err(RuntimeError::Panicked.into())),
    }
}

fn run_blocking(command: &Command, cx: &Context) -> Result<Exit, CliError> {
    match command {
        Command::List(args) => list::run(args, cx),
        Command::Show(args) => show::run(args, cx),
        Command::Verify(args) => verify::run(args, cx),
        Command::Diff(args) => diff::run(args, cx),
        Command::Export(args) => export::run(args, cx),
        Command::Import(args) => import::run(args, cx),
        Command::Prune(args) => prune::run(args, cx),
        Command::Replay(_) => Err(RuntimeError::Panicked.into()),
    }
}

/// The exit code of a command that a signal has stopped.
fn stopped(cx: &Context) -> Exit {
    cx.interrupted().unwrap_or(Exit::Interrupted)
}
