//! Splits a byte stream into lines of bounded length. Used for NDJSON and by the event stream parser.

use std::ops::ControlFlow;

/// Something that exceeded a limit and was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub bytes: u64,
    pub what: What,
    pub limit: usize,
}

/// What exceeded the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Line,
    /// An event with its data.
    Event,
}

impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.what {
            What::Line => "a line",
            What::Event => "an event",
        };
        write!(f, "too large: {what} of more than {} bytes", self.limit)
    }
}

/// How much of an oversized line is stored: enough to read the longest field name and its colon.
pub(super) const HEAD: usize = 8;
/// A buffer larger than this is released after use.
const KEPT: usize = 256 * 1024;

/// Clears a buffer, and releases its memory if it is unusually large.
pub(super) fn empty(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT);
}

/// Like [`empty`], for text.
pub(super) fn empty_text(buffer: &mut String) {
    buffer.clear();
    buffer.shrink_to(KEPT);
}

/// The current line: complete while it is within the limit, otherwise its start and its length.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) bytes: Vec<u8>,
    length: u64,
    limit: usize,
}

impl Partial {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            length: 0,
            limit,
        }
    }

    pub(super) fn push(&mut self, part: &[u8]) {
        self.length += part.len() as u64;
        if self.over().is_none() {
            self.bytes.extend_from_slice(part);
        } else {
            let room = HEAD.saturating_sub(self.bytes.len()).min(part.len());
            self.bytes.extend_from_slice(&part[..room]);
            self.bytes.truncate(HEAD);
            self.bytes.shrink_to(KEPT);
        }
    }

    /// Returns the line's length if it exceeds the limit.
    pub(super) fn over(&self) -> Option<u64> {
        (self.length > self.limit as u64).then_some(self.length)
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) fn clear(&mut self) {
        empty(&mut self.bytes);
        self.length = 0;
    }
}

/// A line, or a note that one was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Without its line ending (LF or CRLF); never empty.
    Whole(&'a [u8]),
    Skipped(Skipped),
}

/// Splits a body into lines that end with LF, as NDJSON requires. A preceding CR belongs to the line ending.
#[derive(Debug)]
pub struct Lines {
    partial: Partial,
}

impl Lines {
    /// Lines longer than `limit` bytes are skipped.
    pub fn new(limit: usize) -> Self {
        Self {
            partial: Partial::new(limit),
        }
    }

    /// Calls `on_line` for each line that ends in `piece`. A line that is entirely in the piece is borrowed from it.
    /// Empty lines are keep-alives and are ignored. After a break the rest of the piece is discarded.
    pub fn feed<B>(
        &mut self,
        piece: &[u8],
        mut on_line: impl FnMut(Line<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut rest = piece;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let line = &rest[..end];
            rest = &rest[end + 1..];
            if self.partial.is_empty() && line.len() <= self.partial.limit {
                let line = without_cr(line);
                if !line.is_empty() {
                    on_line(Line::Whole(line))?;
                }
            } else {
                self.partial.push(line);
                self.finish(&mut on_line)?;
            }
        }
        self.partial.push(rest);
        ControlFlow::Continue(())
    }

    /// Handles the last line of a complete body, which may lack its LF.
    pub fn finish<B>(
        &mut self,
        mut on_line: impl FnMut(Line<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let line = without_cr(&self.partial.bytes);
        let flow = match self.skipped() {
            Some(skipped) => on_line(Line::Skipped(skipped)),
            None if line.is_empty() => ControlFlow::Continue(()),
            None => on_line(Line::Whole(line)),
        };
        self.partial.clear();
        flow
    }

    /// Returns the current line if it already exceeds the limit: to report it when the body breaks off.
    pub fn skipped(&self) -> Option<Skipped> {
        self.partial.over().map(|bytes| Skipped {
            bytes,
            what: What::Line,
            limit: self.partial.limit,
        })
    }
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The lines found in the pieces: a line's bytes, or the length of a skipped one.
    fn lines_of(pieces: &[&[u8]], limit: usize) -> Vec<Result<Vec<u8>, u64>> {
        let mut lines = Lines::new(limit);
        let mut found = Vec::new();
        let mut on_line = |line: Line<'_>| {
            found.push(match line {
                Line::Whole(line) => Ok(line.to_vec()),
                Line::Skipped(skipped) => Err(skipped.bytes),
            });
            ControlFlow::<()>::Continue(())
        };
        for piece in pieces {
            assert!(lines.feed(piece, &mut on_line).is_continue());
            assert!(lines.partial.bytes.capacity() <= 2 * limit.max(HEAD));
        }
        assert!(lines.finish(&mut on_line).is_continue());
        found
    }

    #[test]
    fn lines_end_with_lf_or_crlf_and_empty_lines_are_ignored() {
        let expected = [Ok(b"{}".to_vec()), Ok(b"a\rb".to_vec()), Ok(b"2".to_vec())];
        assert_eq!(lines_of(&[b"{}\n\r\n\na\rb\r\n2"], 100), expected);
    }

    #[test]
    fn a_line_over_the_limit_is_skipped_and_counted() {
        let expected = [Err(11), Ok(b"0123456789".to_vec())];
        let input = b"01234567890\n0123456789\n";
        assert_eq!(lines_of(&[input], 10), expected);
        assert_eq!(lines_of(&[&input[..4], &input[4..]], 10), expected);
    }

    #[test]
    fn a_break_ends_the_piece() {
        let mut count = 0;
        let flow = Lines::new(10).feed(b"1\n2\n", |_| {
            count += 1;
            ControlFlow::Break(())
        });
        assert_eq!((flow, count), (ControlFlow::Break(()), 1));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_lines(
            input in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..80),
            at in 0_usize..80,
            limit in 1_usize..20,
        ) {
            let (left, right) = input.split_at(at.min(input.len()));
            let whole = lines_of(&[&input], limit);
            prop_assert_eq!(&lines_of(&[left, right], limit), &whole);
            let bytes: Vec<&[u8]> = input.chunks(1).collect();
            prop_assert_eq!(&lines_of(&bytes, limit), &whole);
        }
    }
}
