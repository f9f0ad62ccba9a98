//! `evt events import`

use std::io::{BufRead, BufReader, Read};

use serde_json::json;

use super::{EventsError, stopped};
use crate::archive::{ArchiveError, MAX_TEXT, har, ndjson};
use crate::cli::Context;
use crate::cli::input::{InputError, Source};
use crate::error::{CliError, Exit};
use crate::event::{Event, Seq};
use crate::store::{StoreError, events};
use crate::ui::{Format, Progress, safe};

/// Events that are kept by one commit, and bytes of theirs.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Refused entries that are named one by one.
const NAMED: u64 = 20;
/// Bytes that tell one form from the other.
const LOOK: u64 = 4096;
/// The byte order mark, which some editors put before UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Keep events that were exported: NDJSON or HAR
///
/// Bodies, headers and times come back as they were, and with them the verdicts that the file states. An entry that is no
/// event is named and left out: exit 10 if others were taken.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt events import contacts.ndjson
  evt events import recording.har")]
pub(crate) struct Args {
    /// A file, or - for stdin; its form is seen from its first bytes
    #[arg(value_name = "FILE")]
    file: Source,
}

/// What has been taken so far.
struct Intake<'a> {
    cx: &'a Context,
    progress: Progress<'a>,
    waiting: Vec<Event>,
    bytes: usize,
    first: Option<Seq>,
    last: Option<Seq>,
    taken: u64,
    refused: u64,
}

pub(super) fn run(args: &Args, cx: &Context) -> Result<Exit, CliError> {
    let mut from = open(&args.file, cx)?;
    let mut intake = Intake {
        cx,
        progress: cx.ui.progress("importing", None),
        waiting: Vec::new(),
        bytes: 0,
        first: None,
        last: None,
        taken: 0,
        refused: 0,
    };
    let mut start = Vec::new();
    let unread = |source| InputError::Read {
        name: args.file.name(),
        source,
    };
    from.by_ref()
        .take(LOOK)
        .read_to_end(&mut start)
        .map_err(unread)?;
    if start.starts_with(MARK) {
        start.drain(..MARK.len());
    }
    let is_log = har::is_log(&start);
    let all = std::io::Cursor::new(start).chain(from);
    let ended = if is_log {
        log(all, &mut intake)
    } else {
        lines(all, &mut intake).map_err(|error| error.with_name(args.file.name()))
    };
    // What was taken before a fault is kept and told.
    intake.keep()?;
    ended?;
    intake.end(args)
}

fn open(file: &Source, cx: &Context) -> Result<Box<dyn BufRead>, CliError> {
    if file.is_stdin() {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let path = cx.env.current_dir.join(file.path());
    let opened = std::fs::File::open(path).map_err(|source| InputError::Read {
        name: file.name(),
        source,
    })?;
    Ok(Box::new(BufReader::with_capacity(256 * 1024, opened)))
}

fn log(from: impl Read, intake: &mut Intake<'_>) -> Result<(), CliError> {
    let mut number = 0;
    har::read::<CliError>(from, &mut |entry| {
        number += 1;
        intake.entry("entry", number, entry)
    })
}

/// A fault of reading, or one of keeping.
enum Fault {
    Read(std::io::Error),
    Other(CliError),
}

impl Fault {
    fn with_name(self, name: String) -> CliError {
        match self {
            Self::Read(source) => InputError::Read { name, source }.into(),
            Self::Other(error) => error,
        }
    }
}

fn lines(mut from: impl BufRead, intake: &mut Intake<'_>) -> Result<(), Fault> {
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        number += 1;
        line.clear();
        let limit = MAX_TEXT as u64;
        let read = from.by_ref().take(limit).read_until(b'\n', &mut line);
        if read.map_err(Fault::Read)? == 0 {
            return Ok(());
        }
        let entry = if line.len() >= MAX_TEXT && line.last() != Some(&b'\n') {
            from.skip_until(b'\n').map_err(Fault::Read)?;
            Err(ArchiveError::TooLong)
        } else if line.trim_ascii().is_empty() {
            continue;
        } else {
            ndjson::read(&line)
        };
        intake.entry("line", number, entry).map_err(Fault::Other)?;
        if intake.cx.shutdown.is_cancelled() {
            return Ok(());
        }
    }
}

impl Intake<'_> {
    fn entry(
        &mut self,
        what: &str,
        number: u64,
        entry: Result<Event, ArchiveError>,
    ) -> Result<(), CliError> {
        match entry {
            Ok(event) => {
                self.bytes += event.body.len();
                self.waiting.push(event);
                if self.waiting.len() >= BATCH || self.bytes >= BATCH_BYTES {
                    self.keep()?;
                }
            }
            Err(error) => {
                self.refused += 1;
                if self.refused <= NAMED {
                    let cause = std::error::Error::source(&error);
                    let why = cause.map_or_else(String::new, |cause| format!(": {cause}"));
                    let text = safe(&format!("{error}{why}"));
                    self.cx
                        .ui
                        .warn(&format!("{what} {number} is left out: {text}"));
                }
            }
        }
        Ok(())
    }

    /// Keeps what waits, by one commit.
    fn keep(&mut self) -> Result<(), CliError> {
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        if waiting.is_empty() {
            return Ok(());
        }
        let count = waiting.len() as u64;
        let kept = self
            .cx
            .inbox()?
            .write_blocking(move |tx| -> Result<_, StoreError> {
                let mut seqs = Vec::with_capacity(waiting.len());
                for event in &waiting {
                    seqs.push(events::insert(tx, event, None)?);
                }
                Ok(seqs)
            })?;
        self.first = self.first.or(kept.first().copied());
        self.last = kept.last().copied();
        self.taken += count;
        self.progress.add(count);
        Ok(())
    }

    fn end(self, args: &Args) -> Result<Exit, CliError> {
        let Self {
            cx, taken, refused, ..
        } = self;
        let name = args.file.name();
        if taken == 0 {
            return Err(EventsError::NothingTaken { name, refused }.into());
        }
        if let (Some(first), Some(last)) = (self.first, self.last) {
            match cx.ui.format() {
                Format::Text => cx
                    .ui
                    .line(&format!("Imported {taken} events: {first} to {last}"))?,
                Format::Json | Format::Raw => cx.ui.json(&json!({
                    "imported": taken,
                    "refused": refused,
                    "first": first.to_string(),
                    "last": last.to_string(),
                }))?,
            }
        }
        if cx.shutdown.is_cancelled() {
            return Ok(stopped(cx));
        }
        if refused > 0 {
            let total = taken + refused;
            return Err(EventsError::SomeRefused { refused, total }.into());
        }
        Ok(Exit::Done)
    }
}
