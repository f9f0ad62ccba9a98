//! The event stream of the WHATWG HTML standard (9.2.6): bytes in, events out, borrowed.

use std::ops::ControlFlow;
use std::time::Duration;

use super::lines::{HEAD, Partial, Skipped, What, empty, empty_text};

#[cfg(test)]
mod tests;

/// The byte order mark that a stream may begin with.
const MARK: &[u8] = b"\xEF\xBB\xBF";
const DATA: &[u8] = b"data:";

/// What a stream says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    Event(Event<'a>),
    /// How long to wait before a new connection, from now on.
    Retry(Duration),
    /// Something over the limit was left out.
    Skipped(Skipped),
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// `event:`, bad UTF-8 replaced; `None` where there is none, which the standard calls `message`.
    pub name: Option<&'a str>,
    /// The event's own `id:`, bad UTF-8 replaced; `None` where it has none or an empty one. What holds for the stream is
    /// [`Parser::id`].
    pub id: Option<&'a str>,
    /// The lines of `data:` joined by LF, byte for byte.
    pub data: &'a [u8],
}

/// Reads the responses of one stream, one after the other, in pieces of any size.
///
/// Memory is bounded by the limit, whatever comes. Comments and unknown fields are passed over: that anything came is the sign
/// of life.
#[derive(Debug)]
pub struct Parser {
    limit: usize,
    /// Bytes of the mark that came; `None` once the start of the response is behind.
    mark: Option<usize>,
    /// A LF that comes next belongs to the CR that ended the last line.
    after_cr: bool,
    line: Partial,
    name: String,
    /// The block's data lines, a LF after each.
    data: Vec<u8>,
    /// Bytes of the block's data, once they are over the limit and it is to be left out.
    too_much: u64,
    /// The block's own id, empty or not.
    next_id: String,
    has_next_id: bool,
    id: String,
}

impl Parser {
    /// Events with more than `limit` bytes of data, and lines beyond that, are left out. `id` is the one that the first
    /// connection goes on from, or empty.
    pub fn new(limit: usize, id: String) -> Self {
        Self {
            limit,
            mark: Some(0),
            after_cr: false,
            line: Partial::new(limit.saturating_add(HEAD)),
            name: String::new(),
            data: Vec::new(),
            too_much: 0,
            next_id: String::new(),
            has_next_id: false,
            id,
        }
    }

    /// Begins a new response. What is unfinished is dropped, as is its id.
    ///
    /// The standard starts each response with an empty id buffer, which would forget the id at the first event without one;
    /// every browser keeps it, and so does this.
    pub fn restart(&mut self) {
        *self = Self::new(self.limit, std::mem::take(&mut self.id));
    }

    /// The last event id of the stream: of the last block that was finished and had one. Empty where there is none.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The line under way, where it is already over the limit.
    pub fn skipped(&self) -> Option<Skipped> {
        self.line
            .over()
            .map(|bytes| self.left_out(What::Line, bytes))
    }

    /// Hands on what `piece` completes. The data of an event with one line of it that lies in the piece whole is borrowed from
    /// there. After a break the rest of the piece is lost and [`Self::restart`] is due.
    pub fn feed<B>(
        &mut self,
        piece: &[u8],
        mut on_item: impl FnMut(Item<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut rest = self.without_mark(piece);
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        // The only data of the block so far, while it may stay where it is.
        let mut only = None;
        while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
            let line = &rest[..end];
            rest = self.after_line(&rest[end..]);
            if !self.line.is_empty() || line.len() > self.line.limit() {
                self.line.push(line);
                self.put_by(&mut only);
                self.assembled(&mut on_item)?;
            } else if line.is_empty() {
                self.dispatch(only.take(), &mut on_item)?;
            } else {
                self.field(line, &mut only, &mut on_item)?;
            }
        }
        self.put_by(&mut only);
        self.line.push(rest);
        ControlFlow::Continue(())
    }

    fn without_mark<'p>(&mut self, piece: &'p [u8]) -> &'p [u8] {
        let Some(seen) = self.mark else { return piece };
        let missing = &MARK[seen..];
        if let Some(rest) = piece.strip_prefix(missing) {
            self.mark = None;
            return rest;
        }
        if missing.starts_with(piece) {
            self.mark = Some(seen + piece.len());
            return &[];
        }
        self.mark = None;
        self.line.push(&MARK[..seen]);
        piece
    }

    /// What follows a line's end: LF, CR, or both.
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

    /// A line that came in several pieces, or is over the limit.
    fn assembled<B>(
        &mut self,
        on_item: &mut impl FnMut(Item<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut line = std::mem::take(&mut self.line.bytes);
        let flow = match self.line.over() {
            Some(bytes) if line.starts_with(DATA) => {
                self.leave_out(bytes);
                ControlFlow::Continue(())
            }
            Some(bytes) => on_item(Item::Skipped(self.left_out(What::Line, bytes))),
            None if self.takes_whole(&line) => {
                // The line's buffer becomes the block's: long data is not copied and never there twice.
                let start = line.len() - value(&line[DATA.len()..]).len();
                line.drain(..start);
                line.push(b'\n');
                std::mem::swap(&mut line, &mut self.data);
                ControlFlow::Continue(())
            }
            None => {
                let mut only = None;
                let flow = self.field(&line, &mut only, on_item);
                self.put_by(&mut only);
                flow
            }
        };
        self.line.bytes = line;
        self.line.clear();
        flow
    }

    fn takes_whole(&self, line: &[u8]) -> bool {
        self.data.is_empty()
            && self.too_much == 0
            && line
                .strip_prefix(DATA)
                .is_some_and(|rest| value(rest).len() <= self.limit)
    }

    fn field<'p, B>(
        &mut self,
        line: &'p [u8],
        only: &mut Option<&'p [u8]>,
        on_item: &mut impl FnMut(Item<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let (name, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], value(&line[colon + 1..])),
            None => (line, &[][..]),
        };
        match name {
            b"data" if self.data.is_empty() && only.is_none() && self.fits(value) => {
                *only = Some(value);
            }
            b"data" => {
                self.put_by(only);
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

    /// At an empty line. The id counts also where there is no data, or too much of it: a stream that went on from before an
    /// event that is left out would meet it again for ever.
    fn dispatch<B>(
        &mut self,
        only: Option<&[u8]>,
        on_item: &mut impl FnMut(Item<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let has_id = std::mem::take(&mut self.has_next_id);
        if has_id {
            std::mem::swap(&mut self.id, &mut self.next_id);
        }
        let too_much = std::mem::take(&mut self.too_much);
        let flow = match only.or_else(|| self.data.strip_suffix(b"\n")) {
            _ if too_much > 0 => on_item(Item::Skipped(self.left_out(What::Event, too_much))),
            Some(data) => on_item(Item::Event(Event {
                name: Some(self.name.as_str()).filter(|name| !name.is_empty()),
                id: Some(self.id.as_str()).filter(|id| has_id && !id.is_empty()),
                data,
            })),
            None => ControlFlow::Continue(()),
        };
        empty(&mut self.data);
        empty_text(&mut self.name);
        flow
    }

    /// Keeps the block's only data, whose piece is left.
    fn put_by(&mut self, only: &mut Option<&[u8]>) {
        if let Some(data) = only.take() {
            self.append(data);
        }
    }

    fn append(&mut self, value: &[u8]) {
        if self.fits(value) {
            self.data.extend_from_slice(value);
            self.data.push(b'\n');
        } else {
            self.leave_out(value.len() as u64);
        }
    }

    fn fits(&self, value: &[u8]) -> bool {
        self.too_much == 0 && value.len() <= self.limit.saturating_sub(self.data.len())
    }

    fn leave_out(&mut self, bytes: u64) {
        self.too_much += self.data.len() as u64 + bytes;
        empty(&mut self.data);
    }

    fn left_out(&self, what: What, bytes: u64) -> Skipped {
        Skipped {
            bytes,
            what,
            limit: self.limit,
        }
    }
}

/// What stands behind the colon, without one space.
fn value(rest: &[u8]) -> &[u8] {
    rest.strip_prefix(b" ").unwrap_or(rest)
}

/// Digits alone; as long as can be where they are too many.
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
