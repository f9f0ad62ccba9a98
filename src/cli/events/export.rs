//! `evt events export`: writes events as NDJSON, HAR or curl commands.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use tempfile::NamedTempFile;

use super::select::SelectArgs;
use super::{EventsError, pick, stopped};
use crate::archive::{har, ndjson};
use crate::cli::Context;
use crate::dial::Call;
use crate::error::{CliError, Exit};
use crate::event::Event;
use crate::grammar::event_ref::EventRef;
use crate::grammar::target::Target;
use crate::send::wire;
use crate::store::{Connection, attempts};

/// Write events as NDJSON, HAR or curl commands
///
/// ndjson preserves every byte and can be imported with `evt events import`. har is read by browsers and proxies. curl writes
/// one command per event. Credentials in headers are written unmasked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt events export --type 'contact.*' -f contacts.ndjson
  evt events export --since 1h --format har -f last-hour.har
  evt events export @last --format curl --to 3000 | sh")]
pub(crate) struct Args {
    /// Event: e_7f3a, @last, @-3, @failed (all), a file, or - for stdin [default: all that the flags select]
    #[arg(value_name = "REF")]
    references: Vec<EventRef>,
    /// Output format
    #[arg(long, value_enum, default_value_t = ExportFormat::Ndjson)]
    format: ExportFormat,
    /// Write to this file instead of stdout; only you can read it
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Target of the curl commands [default: the URL that received the event]
    #[arg(long, value_name = "TARGET")]
    to: Option<Target>,
    #[command(flatten)]
    select: SelectArgs,
}

/// `--format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// One JSON object per line, lossless
    Ndjson,
    /// HTTP Archive 1.2
    Har,
    /// One command per event, for a POSIX shell
    Curl,
}

/// Writes events to stdout or a file.
struct Writer<'a> {
    format: ExportFormat,
    to: Option<&'a Target>,
    file: Option<(NamedTempFile, &'a Path)>,
    cx: &'a Context,
    written: u64,
    text: Vec<u8>,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    if args.to.is_some() && args.format != ExportFormat::Curl {
        return Err(CliError::usage("--to is for --format curl")
            .hint("evt events export --format curl --to 3000"));
    }
    let mut writer = Writer::new(args, cx)?;
    let progress = cx.ui.progress("exporting", None);
    if args.references.is_empty() {
        args.select.selection(None).each(cx, &mut |event| {
            progress.add(1);
            writer.event(&with_attempts(event, cx)?)
        })?;
    } else {
        for picked in pick::selected(&args.references, &args.select, cx)? {
            if let Some(event) = picked.event(cx)? {
                progress.add(1);
                writer.event(&event)?;
            }
        }
    }
    drop(progress);
    if cx.shutdown.is_cancelled() {
        // An incomplete file does not replace the old one.
        return Ok(stopped(cx));
    }
    writer.end()
}

impl<'a> Writer<'a> {
    fn new(args: &'a Args, cx: &'a Context) -> Result<Self, CliError> {
        let file = match &args.file {
            Some(path) => Some((temporary_file(path, cx)?, path.as_path())),
            None => None,
        };
        Ok(Self {
            format: args.format,
            to: args.to.as_ref(),
            file,
            cx,
            written: 0,
            text: Vec::new(),
        })
    }

    fn event(&mut self, event: &Event) -> Result<(), CliError> {
        match self.format {
            ExportFormat::Ndjson => ndjson::write(event, &mut self.text),
            ExportFormat::Har => {
                match self.written {
                    0 => self.text.extend_from_slice(&har::begin()),
                    _ => self.text.extend_from_slice(b",\n"),
                }
                har::write(event, &mut self.text);
            }
            ExportFormat::Curl => {
                let command = wire::curl(&call(event, self.to)?);
                self.text.extend_from_slice(command.as_bytes());
                self.text.push(b'\n');
            }
        }
        self.written += 1;
        self.put()
    }

    fn end(mut self) -> Result<Exit, CliError> {
        if self.written == 0 {
            return Err(EventsError::NothingSelected.into());
        }
        if self.format == ExportFormat::Har {
            self.text.extend_from_slice(har::END);
            self.put()?;
        }
        if let Some((file, path)) = self.file {
            let destination = self.cx.env.current_dir.join(path);
            file.as_file()
                .sync_all()
                .map_err(|error| write_error(path, error))?;
            file.persist(destination)
                .map_err(|error| write_error(path, error.error))?;
            let count = self.written;
            self.cx
                .ui
                .status(&format!("Wrote {count} events to {}", path.display()));
        }
        Ok(Exit::Done)
    }

    fn put(&mut self) -> Result<(), CliError> {
        match &mut self.file {
            Some((file, path)) => file
                .write_all(&self.text)
                .map_err(|error| write_error(path, error))?,
            // curl commands contain no control characters, so they can be printed to a terminal as text.
            None if self.format == ExportFormat::Curl => {
                let text = String::from_utf8_lossy(&self.text);
                self.cx.ui.line(text.trim_end_matches('\n'))?;
            }
            None => {
                let text = self.text.strip_suffix(b"\n").unwrap_or(&self.text);
                self.cx.ui.json_bytes(text)?;
            }
        }
        self.text.clear();
        Ok(())
    }
}

/// The event with its attempts, which a scan leaves out.
fn with_attempts(mut event: Event, cx: &Context) -> Result<Event, CliError> {
    if let (Some(seq), true) = (event.seq, event.attempts.is_empty()) {
        let read = |db: &Connection| attempts::of_event(db, seq);
        event.attempts = cx.inbox()?.read_blocking(read)?;
    }
    Ok(event)
}

/// The request that sends the event to `to`, or to the URL that received it.
fn call(event: &Event, to: Option<&Target>) -> Result<Call, CliError> {
    let original;
    let target = match to {
        Some(target) => target,
        None => {
            original = event.url().parse()?;
            &original
        }
    };
    Ok(Call::of(event, target, Duration::ZERO, 0))
}

/// Creates a file with mode 0600 in the folder of `path`. It is renamed to `path` when it is complete.
fn temporary_file(path: &Path, cx: &Context) -> Result<NamedTempFile, EventsError> {
    let destination = cx.env.current_dir.join(path);
    let folder = destination.parent().unwrap_or(Path::new("."));
    NamedTempFile::new_in(folder).map_err(|error| write_error(path, error))
}

fn write_error(path: &Path, source: std::io::Error) -> EventsError {
    EventsError::Write {
        path: path.to_owned(),
        source,
    }
}
