//! `evt events import`: stores events from NDJSON or HAR.

use std::io::{BufRead, BufReader, Read};

use serde_json::json;

use super::known::Known;
use super::{EventsError, stopped};
use crate::archive::{ArchiveError, MAX_TEXT, har, ndjson};
use crate::bom;
use crate::cli::input::{InputError, Source};
use crate::cli::{Context, retention};
use crate::error::{CliError, Exit};
use crate::event::{Event, Seq};
use crate::files;
use crate::store::{StoreError, events};
use crate::time::Timestamp;
use crate::ui::{Format, Progress, safe};

/// Events, and bytes of their bodies, that one transaction stores.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Invalid entries that are reported individually.
const MAX_WARNINGS: u64 = 20;
/// Bytes that are read to detect the format.
const DETECT_BYTES: u64 = 4096;

/// Import events from NDJSON or HAR
///
/// Restores bodies, headers, times and the verdicts in the file. Events that are already stored, with the same time, headers and
/// body, are skipped. Invalid entries are reported and skipped too; the exit code is then 10. A form that a HAR holds only as a
/// list of fields is encoded again, so its bytes can differ from those that were signed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt events import contacts.ndjson
  evt events import recording.har")]
pub(crate) struct Args {
    /// File to import, or - for stdin; the format is detected
    #[arg(value_name = "FILE")]
    file: Source,
    /// Also import events that are already stored
    #[arg(long)]
    again: bool,
}

/// The import so far.
struct Import<'a> {
    cx: &'a Context,
    progress: Progress<'a>,
    /// Events of the next transaction.
    batch: Vec<Event>,
    bytes: usize,
    first: Option<Seq>,
    last: Option<Seq>,
    oldest: Option<Timestamp>,
    imported: u64,
    refused: u64,
    /// Events that were stored before the import; `None` with `--again`.
    known: Option<Known>,
    skipped: u64,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    let mut reader = BufReader::new(bom::Reader::new(open(&args.file, cx)?));
    let known = match args.again {
        true => None,
        false => Some(cx.inbox()?.read_blocking(Known::read)?),
    };
    let mut import = Import {
        cx,
        progress: cx.ui.progress("importing", None),
        batch: Vec::new(),
        bytes: 0,
        first: None,
        last: None,
        oldest: None,
        imported: 0,
        refused: 0,
        known,
        skipped: 0,
    };
    let mut start = Vec::new();
    let read_error = |source| InputError::Read {
        name: args.file.name(),
        source,
    };
    reader
        .by_ref()
        .take(DETECT_BYTES)
        .read_to_end(&mut start)
        .map_err(read_error)?;
    let is_log = har::is_log(&start);
    let all = std::io::Cursor::new(start).chain(reader);
    let result = if is_log {
        log(all, &mut import)
    } else {
        lines(all, &mut import).map_err(|error| error.with_name(args.file.name()))
    };
    // Events before an error are stored and reported.
    import.store_batch()?;
    result?;
    import.end(args)
}

fn open(file: &Source, cx: &Context) -> Result<Box<dyn BufRead>, CliError> {
    if file.is_stdin() {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let path = cx.env.current_dir.join(file.path());
    let opened = files::open(&path).map_err(|source| InputError::Read {
        name: file.name(),
        source,
    })?;
    Ok(Box::new(BufReader::with_capacity(256 * 1024, opened)))
}

fn log(from: impl Read, import: &mut Import<'_>) -> Result<(), CliError> {
    let mut number = 0;
    har::read::<CliError>(from, &mut |entry| {
        number += 1;
        import.entry("entry", number, entry)
    })
}

/// An error of the reader, or another one.
enum ReadError {
    Io(std::io::Error),
    Other(CliError),
}

impl ReadError {
    fn with_name(self, name: String) -> CliError {
        match self {
            Self::Io(source) => InputError::Read { name, source }.into(),
            Self::Other(error) => error,
        }
    }
}

fn lines(mut from: impl BufRead, import: &mut Import<'_>) -> Result<(), ReadError> {
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        number += 1;
        line.clear();
        let limit = MAX_TEXT as u64;
        let read = from.by_ref().take(limit).read_until(b'\n', &mut line);
        if read.map_err(ReadError::Io)? == 0 {
            return Ok(());
        }
        let entry = if line.len() >= MAX_TEXT && line.last() != Some(&b'\n') {
            from.skip_until(b'\n').map_err(ReadError::Io)?;
            Err(ArchiveError::TooLong)
        } else if line.trim_ascii().is_empty() {
            continue;
        } else {
            ndjson::read(&line)
        };
        import
            .entry("line", number, entry)
            .map_err(ReadError::Other)?;
        if import.cx.shutdown.is_cancelled() {
            return Ok(());
        }
    }
}

impl Import<'_> {
    fn entry(
        &mut self,
        what: &str,
        number: u64,
        entry: Result<Event, ArchiveError>,
    ) -> Result<(), CliError> {
        match entry {
            Ok(event) if self.is_stored(&event)? => self.skipped += 1,
            Ok(event) => {
                self.bytes += event.body.len();
                let at = event.received_at;
                self.oldest = Some(self.oldest.map_or(at, |oldest| oldest.min(at)));
                self.batch.push(event);
                if self.batch.len() >= BATCH || self.bytes >= BATCH_BYTES {
                    self.store_batch()?;
                }
            }
            Err(error) => {
                self.refused += 1;
                if self.refused <= MAX_WARNINGS {
                    let cause = std::error::Error::source(&error);
                    let why = cause.map_or_else(String::new, |cause| format!(": {cause}"));
                    let text = safe(&format!("{error}{why}"));
                    self.cx.ui.warn(&format!("skipped {what} {number}: {text}"));
                }
            }
        }
        Ok(())
    }

    /// Whether the event was stored before the import.
    fn is_stored(&mut self, event: &Event) -> Result<bool, CliError> {
        match &mut self.known {
            Some(known) => known.take(event, &self.cx.inbox()?),
            None => Ok(false),
        }
    }

    /// Stores the batch in one transaction.
    fn store_batch(&mut self) -> Result<(), CliError> {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        if batch.is_empty() {
            return Ok(());
        }
        let count = batch.len() as u64;
        let stored = self
            .cx
            .inbox()?
            .write_blocking(move |tx| -> Result<_, StoreError> {
                let mut seqs = Vec::with_capacity(batch.len());
                for event in &batch {
                    seqs.push(events::insert(tx, event, None)?);
                }
                Ok(seqs)
            })?;
        self.first = self.first.or(stored.first().copied());
        self.last = stored.last().copied();
        self.imported += count;
        self.progress.add(count);
        Ok(())
    }

    fn end(self, args: &Args) -> Result<Exit, CliError> {
        let Self {
            cx,
            imported,
            refused,
            skipped,
            ..
        } = self;
        let name = args.file.name();
        if imported + skipped == 0 {
            return Err(EventsError::NothingImported { name, refused }.into());
        }
        match cx.ui.format() {
            Format::Text => {
                let mut line = match (self.first, self.last) {
                    (Some(first), Some(last)) => {
                        format!("Imported {imported} events: {first} to {last}")
                    }
                    _ => "Imported no events".to_owned(),
                };
                if skipped > 0 {
                    line.push_str(&format!(
                        "; {skipped} are already stored (--again imports them again)"
                    ));
                }
                cx.ui.line(&line)?;
            }
            Format::Json | Format::Raw => cx.ui.json(&json!({
                "imported": imported,
                "skipped": skipped,
                "refused": refused,
                "first": self.first.map(|seq| seq.to_string()),
                "last": self.last.map(|seq| seq.to_string()),
            }))?,
        }
        if let Some(oldest) = self.oldest {
            retention::warn_if_old(cx, oldest)?;
        }
        if cx.shutdown.is_cancelled() {
            return Ok(stopped(cx));
        }
        if refused > 0 {
            let total = imported + skipped + refused;
            return Err(EventsError::SomeNotImported { refused, total }.into());
        }
        Ok(Exit::Done)
    }
}
