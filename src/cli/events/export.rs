//! `evt events export`

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

/// Write events in a form that others read
///
/// ndjson holds every byte and comes back by `evt events import`; har is read by browsers and proxies; curl is a command for
/// each event. Headers that authorise are written as they came.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt events export --type 'contact.*' -f contacts.ndjson
  evt events export --since 1h --format har -f last-hour.har
  evt events export @last --format curl --to 3000 | sh")]
pub(crate) struct Args {
    /// Which: e_7f3a, @last, @-3, @failed, a file, or - for stdin; if none is given, all that the flags select
    #[arg(value_name = "REF")]
    references: Vec<EventRef>,
    /// The form
    #[arg(long, value_enum, default_value_t = Form::Ndjson)]
    format: Form,
    /// Write to this file (readable by you alone) in place of stdout
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Where the curl commands send to; if not given, where the event came
    #[arg(long, value_name = "TARGET")]
    to: Option<Target>,
    #[command(flatten)]
    select: SelectArgs,
}

/// `--format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One JSON object a line, exact
    Ndjson,
    /// HTTP Archive 1.2
    Har,
    /// One command an event, for a POSIX shell
    Curl,
}

/// Where the text goes, and how much there was.
struct Writer<'a> {
    form: Form,
    to: Option<&'a Target>,
    file: Option<(NamedTempFile, &'a Path)>,
    cx: &'a Context,
    written: u64,
    text: Vec<u8>,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    if args.to.is_some() && args.format != Form::Curl {
        return Err(CliError::usage("--to is for --format curl")
            .hint("evt events export --format curl --to 3000"));
    }
    let mut writer = Writer::new(args, cx)?;
    let progress = cx.ui.progress("exporting", None);
    if args.references.is_empty() {
        args.select.selection(None).each(cx, &mut |event| {
            progress.add(1);
            writer.event(&event)
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
        // What is half a file is not put in its place.
        return Ok(stopped(cx));
    }
    writer.end()
}

impl<'a> Writer<'a> {
    fn new(args: &'a Args, cx: &'a Context) -> Result<Self, CliError> {
        let file = match &args.file {
            Some(path) => Some((beside(path, cx)?, path.as_path())),
            None => None,
        };
        Ok(Self {
            form: args.format,
            to: args.to.as_ref(),
            file,
            cx,
            written: 0,
            text: Vec::new(),
        })
    }

    fn event(&mut self, event: &Event) -> Result<(), CliError> {
        match self.form {
            Form::Ndjson => ndjson::write(event, &mut self.text),
            Form::Har => {
                match self.written {
                    0 => self.text.extend_from_slice(&har::begin()),
                    _ => self.text.extend_from_slice(b",\n"),
                }
                har::write(event, &mut self.text);
            }
            Form::Curl => {
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
        if self.form == Form::Har {
            self.text.extend_from_slice(har::END);
            self.put()?;
        }
        if let Some((file, path)) = self.file {
            let place = self.cx.env.current_dir.join(path);
            file.as_file()
                .sync_all()
                .map_err(|error| unwritten(path, error))?;
            file.persist(place)
                .map_err(|error| unwritten(path, error.error))?;
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
                .map_err(|error| unwritten(path, error))?,
            // A terminal is no place for raw bytes; what is written here is text that escapes them.
            None if self.form == Form::Curl => {
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

/// The request that an event is.
fn call(event: &Event, to: Option<&Target>) -> Result<Call, CliError> {
    let called;
    let target = match to {
        Some(target) => target,
        None => {
            called = event.url().parse()?;
            &called
        }
    };
    Ok(Call::of(event, target, Duration::ZERO, 0))
}

/// A new file in the folder of `path`, its owner's alone; it takes the name when it is complete.
fn beside(path: &Path, cx: &Context) -> Result<NamedTempFile, EventsError> {
    let place = cx.env.current_dir.join(path);
    let folder = place.parent().unwrap_or(Path::new("."));
    NamedTempFile::new_in(folder).map_err(|error| unwritten(path, error))
}

fn unwritten(path: &Path, source: std::io::Error) -> EventsError {
    EventsError::Write {
        path: path.to_owned(),
        source,
    }
}
