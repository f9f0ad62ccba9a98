//! `evt poll` as a Singer tap: `--discover`, `--catalog`, `--config` and `--state`, as Singer runners such as Meltano pass them.
//!
//! The position comes from the STATE file and from nothing else, so the target's STATE decides what is read again. The states of
//! `evt poll state` are neither read nor written.

mod catalog;
mod settings;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::job::Job;
use super::{PollArgs, no_datatype};
use crate::cli::{Context, parse};
use crate::error::{CliError, Exit};
use crate::pipeline::{Schema, SingerNames};
use crate::store::poll::{self, Import, ImportError};
use crate::ui::safe;
use catalog::Stream;
use settings::TapSettings;

/// Flags of Singer taps.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Singer")]
pub(super) struct TapArgs {
    /// Read the position of each datatype from this Singer STATE, and from nothing else
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Read the selected streams of this catalog
    #[arg(long, alias = "properties", value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Print a catalog of the datatypes
    #[arg(long, conflicts_with_all = ["catalog", "follow"])]
    discover: bool,
}

impl PollArgs {
    /// Whether evt is a tap in this call. `--config` with a JSON file has the settings of the tap.
    pub(super) fn is_tap(&self, cx: &Context) -> bool {
        let tap = &self.tap;
        let has_flag = tap.state.is_some() || tap.catalog.is_some() || tap.discover;
        let has_several = self.is_singer() && self.datatypes().len() > 1;
        has_flag || has_several || settings_file(cx).is_some()
    }

    /// The datatypes of the argument.
    fn datatypes(&self) -> Vec<String> {
        settings::split(self.datatype.as_deref().unwrap_or_default())
    }
}

fn settings_file(cx: &Context) -> Option<&Path> {
    let file = cx.globals.config.as_deref();
    file.filter(|path| parse::is_json(path))
}

pub(super) async fn run(args: &PollArgs, cx: &Arc<Context>) -> Result<Exit, CliError> {
    refuse_conflicts(args)?;
    let settings = match settings_file(cx) {
        Some(path) => TapSettings::read(path, cx)?,
        None => TapSettings::default(),
    };
    let profile = settings.profile(cx)?;
    if args.tap.discover {
        let datatypes = match args.datatypes() {
            none if none.is_empty() => settings.datatypes(),
            some => some,
        };
        return catalog::discover(datatypes, &profile, args, cx).await;
    }
    let state = match &args.tap.state {
        Some(path) => Some((path, read(path, cx)?)),
        None => None,
    };
    let mut bookmarks = Map::new();
    if let Some((path, text)) = &state {
        bookmarks = poll::singer_bookmarks(text).map_err(|error| not_a_state(path, error))?;
    }
    let streams = streams(args, &settings, cx)?;
    let since = match args.since() {
        Some(since) => Some(since),
        None => settings.start_date()?,
    };
    let folder = tempfile::tempdir().map_err(|error| {
        CliError::new(Exit::Failed, "no_temporary_folder", error).hint("evt doctor")
    })?;
    let mut exit = Exit::Done;
    for stream in streams {
        let name = stream.name.clone();
        let key = args.key(&name, cx)?;
        if let Some((path, text)) = &state
            && bookmarks.contains_key(&name)
            && !stream.is_full_table
        {
            restore(&name, &key, folder.path(), text, cx).map_err(|error| match error {
                Restoring::State(error) => not_a_state(path, error),
                Restoring::Store(error) => error.into(),
            })?;
        }
        let job = Job {
            args,
            key,
            folder: folder.path().to_owned(),
            profile: profile.clone(),
            since,
            is_tap: true,
            singer: Some(SingerNames {
                key: args.request.key.clone().or(stream.key),
                schema: Schema::from_properties(stream.properties),
                without: stream.without,
                bookmarks: bookmarks.clone(),
                ..args.names(&name)
            }),
            datatype: name.clone(),
        };
        let done = job.run(cx).await?;
        if let Some(bookmark) = done.bookmark
            && let Ok(bookmark) = serde_json::from_str::<Value>(&bookmark)
        {
            bookmarks.insert(name, bookmark);
        }
        match done.exit {
            Exit::Done => {}
            Exit::Partly => exit = Exit::Partly,
            other => return Ok(other),
        }
    }
    Ok(exit)
}

/// Refuses flags that need one datatype or a stored state.
fn refuse_conflicts(args: &PollArgs) -> Result<(), CliError> {
    let (show, sinks) = (&args.show, &args.sinks);
    let conflicts = [
        (
            show.out.is_some(),
            "--out",
            "redirect stdout instead: > FILE",
        ),
        (show.envelope, "--envelope", "leave it out"),
        (show.jq.is_some(), "--jq", "leave it out"),
        (
            sinks.exec.is_some(),
            "--exec",
            "pipe the messages to a target instead",
        ),
        (
            args.stop.follow,
            "--follow",
            "the Singer runner repeats the call",
        ),
        (
            args.state.state_key.is_some(),
            "--state-key",
            "the position is in the file of --state",
        ),
    ];
    for (is_given, flag, hint) in conflicts {
        if is_given {
            let message = format!("{flag} cannot be used when evt is a Singer tap");
            return Err(CliError::usage(message).hint(hint));
        }
    }
    Ok(())
}

/// The streams to read: of the argument, the catalog, or the settings.
fn streams(args: &PollArgs, settings: &TapSettings, cx: &Context) -> Result<Vec<Stream>, CliError> {
    let typed = args.datatypes();
    let Some(path) = &args.tap.catalog else {
        let names = match typed {
            none if none.is_empty() => settings.datatypes(),
            some => some,
        };
        return match names.is_empty() {
            true => Err(no_datatype()),
            false => Ok(names.into_iter().map(Stream::named).collect()),
        };
    };
    let mut streams = catalog::selected(&read(path, cx)?, path, &args.request.field)?;
    if !typed.is_empty() {
        for name in &typed {
            if !streams.iter().any(|stream| stream.name == *name) {
                let message = format!("the catalog does not select `{name}`");
                return Err(CliError::usage(message).hint("evt poll --discover"));
            }
        }
        streams.retain(|stream| typed.contains(&stream.name));
    }
    if streams.is_empty() {
        cx.ui.warn("no stream of the catalog is selected");
    }
    Ok(streams)
}

/// Why a position cannot be restored.
enum Restoring {
    State(ImportError),
    Store(poll::PollStateError),
}

/// Stores the position of a stream in the temporary state. A bookmark without a position starts over.
fn restore(
    stream: &str,
    key: &str,
    folder: &Path,
    text: &[u8],
    cx: &Context,
) -> Result<(), Restoring> {
    let import = match Import::parse(text, Some(stream)) {
        Ok(import) => import,
        Err(error @ (ImportError::NoValue { .. } | ImportError::Unfinished { .. })) => {
            cx.ui.warn(&format!(
                "{}: {} is read from the start",
                safe(&error.to_string()),
                safe(stream)
            ));
            return Ok(());
        }
        Err(error) => return Err(Restoring::State(error)),
    };
    for note in &import.notes {
        cx.ui.warn(&format!("{}: {}", safe(stream), safe(note)));
    }
    poll::set(folder, key, &import).map_err(Restoring::Store)?;
    Ok(())
}

/// Reads a file of the Singer runner.
fn read(path: &Path, cx: &Context) -> Result<Vec<u8>, CliError> {
    std::fs::read(cx.env.current_dir.join(path)).map_err(|error| {
        let message = format!("cannot read `{}`: {error}", path.display());
        CliError::new(Exit::Usage, "unreadable_input", message)
            .hint("ls -l     shows what is there")
    })
}

fn not_a_state(path: &Path, error: ImportError) -> CliError {
    let message = format!(
        "`{}` cannot be used as a Singer STATE: {error}",
        path.display()
    );
    CliError::new(Exit::Usage, "not_a_state", message).hint("leave --state out to read everything")
}

fn not_json(path: &Path, what: &str, error: &serde_json::Error) -> CliError {
    let message = format!("`{}` is not {what}: {error}", path.display());
    CliError::new(Exit::Usage, "bad_input", message).hint("evt man polling")
}
