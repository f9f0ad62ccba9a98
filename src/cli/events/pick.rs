//! Resolves event references: to positions in the inbox, or to events from a file or stdin.

use std::io::Read;
use std::ops::ControlFlow;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};

use super::select::SelectArgs;
use super::{EventsError, platform};
use crate::archive::{self, ArchiveError, har, ndjson};
use crate::bom;
use crate::cli::input::{self, InputError};
use crate::cli::{Context, send};
use crate::envelope;
use crate::error::CliError;
use crate::event::{Event, Outcome, Seq, Source, Transport};
use crate::explain::shell_word;
use crate::files;
use crate::grammar::event_ref::EventRef;
use crate::store::events::{self, Scan};
use crate::time::Timestamp;

/// An event that a reference names.
pub(super) enum Picked {
    /// In the inbox.
    Stored(Seq),
    /// From a file, stdin or the local platform. Its outcome is not stored.
    Loaded(Box<Event>),
}

impl Picked {
    /// Returns the event; `None` if it has been pruned.
    pub(super) fn event(&self, cx: &Context) -> Result<Option<Event>, CliError> {
        match self {
            Self::Stored(seq) => Ok(cx.inbox()?.read_blocking(|db| events::get(db, *seq))?),
            Self::Loaded(event) => Ok(Some((**event).clone())),
        }
    }
}

/// Resolves all references, in order.
pub(super) fn all(references: &[EventRef], cx: &Context) -> Result<Vec<Picked>, CliError> {
    let mut picked = Vec::new();
    for reference in references {
        match reference {
            EventRef::Seq(seq) => picked.push(Picked::Stored(existing(*seq, reference, cx)?)),
            EventRef::Platform(seq) => {
                picked.push(Picked::Loaded(Box::new(platform::event(*seq, cx)?)));
            }
            EventRef::FromEnd(nth) => {
                let event = cx.inbox()?.read_blocking(|db| events::from_end(db, *nth))?;
                let seq = event.and_then(|event| event.seq);
                picked.push(Picked::Stored(seq.ok_or_else(|| missing(reference))?));
            }
            EventRef::Failed => picked.extend(failed(cx)?.into_iter().map(Picked::Stored)),
            EventRef::File(_) | EventRef::Stdin => {
                let loaded = from_file(reference, cx)?;
                picked.extend(
                    loaded
                        .into_iter()
                        .map(|event| Picked::Loaded(Box::new(event))),
                );
            }
        }
    }
    Ok(picked)
}

/// Resolves the references, and returns the events that the flags select.
pub(super) fn selected(
    references: &[EventRef],
    select: &SelectArgs,
    cx: &Context,
) -> Result<Vec<Picked>, CliError> {
    let all = all(references, cx)?;
    if !select.is_given() {
        return Ok(all);
    }
    let selection = select.selection(None);
    let mut picked = Vec::new();
    for one in all {
        let event = one.event(cx)?;
        if event.is_some_and(|event| selection.matches(&event)) {
            picked.push(one);
        }
    }
    let over = selection
        .limit()
        .map_or(0, |limit| picked.len().saturating_sub(limit));
    picked.drain(..over);
    Ok(picked)
}

/// Resolves references for a command that shows events one by one: `@failed` is the last failed event, a file all its events.
pub(super) fn shown(references: &[EventRef], cx: &Context) -> Result<Vec<Picked>, CliError> {
    let mut picked = Vec::new();
    for reference in references {
        let mut found = all(std::slice::from_ref(reference), cx)?;
        if *reference == EventRef::Failed {
            found.drain(..found.len().saturating_sub(1));
        }
        picked.extend(found);
    }
    Ok(picked)
}

/// Resolves a reference to a single event. `@failed` is the last failed event.
pub(super) fn one(reference: &EventRef, cx: &Context) -> Result<Event, CliError> {
    let mut picked = all(std::slice::from_ref(reference), cx)?;
    if picked.len() > 1 && *reference != EventRef::Failed {
        return Err(EventsError::NotOne {
            reference: reference.to_string(),
            found: picked.len(),
        }
        .into());
    }
    let found = match picked.pop() {
        Some(picked) => picked.event(cx)?,
        None => None,
    };
    Ok(found.ok_or_else(|| missing(reference))?)
}

fn existing(seq: Seq, reference: &EventRef, cx: &Context) -> Result<Seq, CliError> {
    let found = cx.inbox()?.read_blocking(|db| events::get(db, seq))?;
    match found {
        Some(_) => Ok(seq),
        None => Err(missing(reference).into()),
    }
}

fn missing(reference: &EventRef) -> EventsError {
    EventsError::NoSuchEvent {
        reference: reference.to_string(),
    }
}

fn failed(cx: &Context) -> Result<Vec<Seq>, CliError> {
    let scan = Scan {
        failed: true,
        ..Scan::default()
    };
    let mut seqs = Vec::new();
    cx.inbox()?.read_blocking(|db| {
        events::scan::<CliError, _>(db, &scan, |event| {
            seqs.extend(event.seq);
            Ok(ControlFlow::Continue(()))
        })
    })?;
    Ok(seqs)
}

/// Reads exported events from a file. A file of another form is the body of a single event.
fn from_file(reference: &EventRef, cx: &Context) -> Result<Vec<Event>, CliError> {
    let text = read(reference, cx)?;
    let invalid = |error: ArchiveError| match reference {
        EventRef::File(path) => {
            let file = shell_word(&path.to_string_lossy());
            CliError::from(error).hint(format!("head -c 300 {file}"))
        }
        _ => CliError::from(error),
    };
    // Exported events are text. A body of another form stays byte for byte as it is.
    let plain = bom::decode(text.clone()).unwrap_or_default();
    if har::is_log(&plain) {
        let mut found = Vec::new();
        har::read::<ArchiveError>(&plain[..], &mut |event| {
            found.push(event?);
            Ok(())
        })
        .map_err(invalid)?;
        return Ok(found);
    }
    let mut lines = plain
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .peekable();
    if lines.peek().is_some_and(|line| ndjson::is_record(line)) {
        let events: Result<Vec<Event>, ArchiveError> = lines.map(ndjson::read).collect();
        return events.map_err(invalid);
    }
    let (body, _) = input::body(text);
    Ok(vec![of_body(Bytes::from(body))])
}

fn read(reference: &EventRef, cx: &Context) -> Result<Vec<u8>, CliError> {
    let limit = archive::MAX_TEXT as u64;
    let mut text = Vec::new();
    let (name, result) = match reference {
        EventRef::File(path) => {
            let result = files::open(&cx.env.current_dir.join(path))
                .and_then(|file| file.take(limit + 1).read_to_end(&mut text));
            (format!("`{}`", path.display()), result)
        }
        _ => {
            let stdin = std::io::stdin().lock();
            (
                "stdin".to_owned(),
                stdin.take(limit + 1).read_to_end(&mut text),
            )
        }
    };
    match result {
        Ok(_) if text.len() as u64 > limit => Err(EventsError::FileTooLarge { name }.into()),
        Ok(_) => Ok(text),
        Err(source) => match reference {
            EventRef::File(path) if source.kind() == std::io::ErrorKind::NotFound => {
                Err(EventsError::NoSuchFile { path: path.clone() }.into())
            }
            _ => Err(InputError::Read { name, source }.into()),
        },
    }
}

/// Makes an event of a body, as if it had been received by POST.
fn of_body(body: Bytes) -> Event {
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(send::content_type(&body)),
    );
    Event {
        seq: None,
        received_at: Timestamp::now(),
        source: Source::Import,
        transport: Transport::Http,
        method: Method::POST,
        target: "/".to_owned(),
        meta: envelope::detect(&headers, &body),
        headers,
        body,
        verdict: None,
        outcome: Outcome::Kept,
        attempts: Vec::new(),
    }
}
