//! Parses the event stream of the WHATWG HTML standard (9.2.6). Events borrow from the input.

use std::ops::ControlFlow;
use std::time::Duration;

use super::lines::{HEAD, Partial, Skipped, What, empty, empty_text};

#[cfg(test)]
mod tests;

/// The byte order mark that a stream may start with.
const BOM: &[u8] = b"\xEF\xBB\xBF";
const DATA: &[u8] = b"data:";
/// The fields without which an event would be another event. An oversized line of any other field is ignored.
const FIELDS: [&[u8]; 3] = [DATA, b"event:", b"id:"];

/// One item of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    Event(Event<'a>),
    /// The delay before reconnecting, from now on.
    Retry(Duration),
    /// An event that exceeded the limit was skipped.
    Skipped(Skipped),
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event:` field, invalid UTF-8 replaced. `None` stands for what the standard calls `message`.
    pub name: Option<&'a str>,
    /// The last id of the stream (the standard's `lastEventId`), invalid UTF-8 replaced; `None` if it is empty. An event
    /// without its own `id:` has the id of an earlier one.
    pub id: Option<&'a str>,
    /// Whether the event has its own, non-empty `id:`.
    pub has_own_id: bool,
    /// The `data:` lines joined by LF, byte for byte.
    pub data: &'a [u8],
}

/// Parses the responses of one stream, one after the other, in pieces of any size.
///
/// Memory is bounded by the limit for any input. Comments and unknown fields are ignored; the caller treats any input
/// as a sign of life.
#[derive(Debug)]
pub struct Parser {
    limit: usize,
    /// How many bytes of the byte order mark have arrived; `None` after the start of the response.
    bom: Option<usize>,
    /// The last line ended with CR. A LF that follows belongs to it.
    after_cr: bool,
    line: Partial,
    name: String,
    /// The data lines of the current block, each followed by LF.
    data: Vec<u8>,
    /// Size of the current block's data if it exceeds the limit. Such a block is skipped.
    oversized: u64,
    /// The current block's own id, which may be empty.
    next_id: String,
    has_next_id: bool,
    id: String,
}

impl Parser {
    /// Skips events with more than `limit` bytes of data (line ends included), and those with an even longer line.
    /// `id` is the id after which the first connection resumes, or empty.
    pub fn new(limit: usize, id: String) -> Self {
        Self {
            limit,
            bom: Some(0),
            after_cr: false,
            line: Partial::new(limit.saturating_add(HEAD)),
            name: String::new(),
            data: Vec::new(),
            oversized: 0,
            next_id: String::new(),
            has_next_id: false,
            id,
        }
    }

    /// Starts a new response. An unfinished block is discarded with its id.
    ///
    /// The standard starts each response with an empty id buffer, so the first event without an id would clear the id.
    /// All browsers keep it, and so does this parser.
    pub fn restart(&mut self) {
        *self = Self::new(self.limit, std::mem::take(&mut self.id));
    }

    /// The last event id of the stream, from the last complete block that had one. Empty if there is none.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the current event if its current line already exceeds the limit.
    pub fn skipped(&self) -> Option<Skipped> {
        let bytes = self.line.over().filter(|_| is_needed(&self.line.bytes))?;
        Some(self.skipped_item(bytes))
    }

    /// Calls `on_item` for each item that `piece` completes. Data of a single line that is entirely in the piece is
    /// borrowed from it. After a break the rest of the piece is discarded, and [`Self::restart`] must be called.
    pub fn feed<B>(
        &mut self,
        piece: &[u8],
        mut on_item: impl FnMut(Item<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut rest = self.strip_bom(piece);
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        // The single data line of the block so far, while it can be borrowed.
        let mut borrowed = None;
        while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
            let line = &rest[..end];
            rest = self.after_line(&rest[end..]);
            if !self.line.is_empty() || line.len() > self.line.limit() {
                self.line.push(line);
                self.copy_borrowed(&mut borrowed);
                self.assembled(&mut on_item)?;
            } else if line.is_empty() {
                self.dispatch(borrowed.take(), &mut on_item)?;
            } else {
                self.field(line, &mut borrowed, &mut on_item)?;
            }
        }
        self.copy_borrowed(&mut borrowed);
        self.line.push(rest);
        ControlFlow::Continue(())
    }

    fn strip_bom<'p>(&mut self, piece: &'p [u8]) -> &'p [u8] {
        let Some(seen) = self.bom else { return piece };
        let missing = &BOM[seen..];
        if let Some(rest) = piece.strip_prefix(missing) {
            self.bom = None;
            return rest;
        }
        if missing.starts_with(piece) {
            self.bom = Some(seen + piece.len());
            return &[];
        }
        self.bom = None;
        self.line.push(&BOM[..seen]);
        piece
    }

    /// Returns the input after a line ending: LF, CR, or both.
    fn after_line<'p>(&mut self, end: &'p [u8]) -> &'p [u8] {
        match end {
            [b'\r', b'\n', rest @ ..] => rest,
            [b'\r'] => {
                self.after_cr = true;
                &[]
            }
            [_, rest @ ..] => rest,
            [] => &[],
        }
    }

    /// Handles a line that arrived in several pieces or exceeds the limit.
    fn assembled<B>(
        &mut self,
        on_item: &mut impl FnMut(Item<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut line = std::mem::take(&mut self.line.bytes);
        let flow = match self.line.over() {
            Some(bytes) => {
                if is_needed(&line) {
                    self.mark_oversized(bytes);
                }
                ControlFlow::Continue(())
            }
            None if self.can_take_buffer(&line) => {
                // The line's buffer becomes the block's, so that long data is not copied.
                let start = line.len() - value(&line[DATA.len()..]).len();
                line.drain(..start);
                line.push(b'\n');
                std::mem::swap(&mut line, &mut self.data);
                ControlFlow::Continue(())
            }
            None => {
                let mut borrowed = None;
                let flow = self.field(&line, &mut borrowed, on_item);
                self.copy_borrowed(&mut borrowed);
                flow
            }
        };
        self.line.bytes = line;
        self.line.clear();
        flow
    }

    fn can_take_buffer(&self, line: &[u8]) -> bool {
        self.data.is_empty()
            && self.oversized == 0
            && line
                .strip_prefix(DATA)
                .is_some_and(|rest| value(rest).len() <= self.limit)
    }

    fn field<'p, B>(
        &mut self,
        line: &'p [u8],
        borrowed: &mut Option<&'p [u8]>,
        on_item: &mut impl FnMut(Item<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let (name, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], value(&line[colon + 1..])),
            None => (line, &[][..]),
        };
        match name {
            b"data" if self.data.is_empty() && borrowed.is_none() && self.fits(value) => {
                *borrowed = Some(value);
            }
            b"data" => {
                self.copy_borrowed(borrowed);
                self.append(value);
            }
            b"event" => {
                empty_text(&mut self.name);
                self.name.push_str(&String::from_utf8_lossy(value));
            }
            b"id" if !value.contains(&0) => {
                empty_text(&mut self.next_id);
                self.next_id.push_str(&String::from_utf8_lossy(value));
                self.has_next_id = true;
            }
            b"retry" => {
                if let Some(wait) = milliseconds(value) {
                    return on_item(Item::Retry(wait));
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    /// Ends a block, at an empty line. The id counts even if there is no data or too much of it. Otherwise a stream
    /// that resumes before an oversized event would receive it again and again.
    fn dispatch<B>(
        &mut self,
        borrowed: Option<&[u8]>,
        on_item: &mut impl FnMut(Item<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let has_id = std::mem::take(&mut self.has_next_id);
        if has_id {
            std::mem::swap(&mut self.id, &mut self.next_id);
        }
        let oversized = std::mem::take(&mut self.oversized);
        let flow = match borrowed.or_else(|| self.data.strip_suffix(b"\n")) {
            _ if oversized > 0 => on_item(Item::Skipped(self.skipped_item(oversized))),
            Some(data) => on_item(Item::Event(Event {
                name: Some(self.name.as_str()).filter(|name| !name.is_empty()),
                id: Some(self.id.as_str()).filter(|id| !id.is_empty()),
                has_own_id: has_id && !self.id.is_empty(),
                data,
            })),
            None => ControlFlow::Continue(()),
        };
        empty(&mut self.data);
        empty_text(&mut self.name);
        flow
    }

    /// Copies the borrowed data line, because its piece ends.
    fn copy_borrowed(&mut self, borrowed: &mut Option<&[u8]>) {
        if let Some(data) = borrowed.take() {
            self.append(data);
        }
    }

    fn append(&mut self, value: &[u8]) {
        if self.fits(value) {
            self.data.extend_from_slice(value);
            self.data.push(b'\n');
        } else {
            self.mark_oversized(value.len() as u64);
        }
    }

    /// Returns whether the event's data with this line is within the limit. The lines before it count with their line
    /// ends, because these are part of the data: many empty lines are not free.
    fn fits(&self, value: &[u8]) -> bool {
        self.oversized == 0 && self.data.len().saturating_add(value.len()) <= self.limit
    }

    fn mark_oversized(&mut self, bytes: u64) {
        let before = match self.oversized {
            0 => self.data.len() as u64,
            // With the line end after the lines before.
            oversized => oversized + 1,
        };
        self.oversized = before + bytes;
        empty(&mut self.data);
    }

    fn skipped_item(&self, bytes: u64) -> Skipped {
        Skipped {
            bytes,
            what: What::Event,
            limit: self.limit,
        }
    }
}

/// Returns whether a line of this start belongs to the event. Comments and unknown fields do not.
fn is_needed(line: &[u8]) -> bool {
    FIELDS.iter().any(|field| line.starts_with(field))
}

/// The value after the colon, minus one leading space.
fn value(rest: &[u8]) -> &[u8] {
    rest.strip_prefix(b" ").unwrap_or(rest)
}

/// Parses digits. A number that is too large becomes the largest duration.
fn milliseconds(value: &[u8]) -> Option<Duration> {
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    is_number.then(|| {
        let digit = |sum: u64, byte: &u8| {
            sum.saturating_mul(10)
                .saturating_add(u64::from(byte - b'0'))
        };
        Duration::from_millis(value.iter().fold(0, digit))
    })
}
