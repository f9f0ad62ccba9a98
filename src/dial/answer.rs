//! Reads one HTTP/1.1 response from its own connection (RFC 9112): the head with `httparse`, the body by its framing.
//!
//! hyper passes each chunk of a body through a channel, and servers send each event of a stream in its own chunk.
//! Measured, that costs five times as much as reading the bytes. Here all chunks of one read become one piece.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Size of one read, and maximum size of a piece.
pub(super) const READ_BUFFER: usize = 128 * 1024;
const MAX_HEAD: usize = super::MAX_HEAD;
const MAX_HEADERS: usize = 100;
/// Limit for a chunk's size line with its extensions, and for a whole trailer.
const MAX_LINE: usize = 16 * 1024;

/// The rest of a response after its head.
pub(super) struct Answered<R> {
    connection: R,
    buffer: BytesMut,
    /// Buffer in which the chunks of one read are joined.
    piece: BytesMut,
    framing: Framing,
}

/// How the end of the body is determined (RFC 9112, 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Chunked(Chunk),
    Length(u64),
    UntilClose,
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    Size,
    Data(u64),
    /// The line break after the data.
    Break,
    Trailer {
        read: usize,
    },
}

/// Reads the head of a response. Interim responses (1xx) are skipped.
///
/// # Errors
/// The connection ended, the data is not HTTP, or it exceeds a limit.
pub(super) async fn read<R: AsyncRead + Unpin>(
    mut connection: R,
) -> io::Result<(StatusCode, HeaderMap, Answered<R>)> {
    let mut buffer = BytesMut::new();
    loop {
        if let Some((length, status, headers)) = head(&buffer)? {
            buffer.advance(length);
            if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
                continue;
            }
            let framing = Framing::of(status, &headers)?;
            let answered = Answered {
                connection,
                buffer,
                piece: BytesMut::new(),
                framing,
            };
            return Ok((status, headers, answered));
        }
        if buffer.len() >= MAX_HEAD {
            return Err(invalid("the head of the response is too long"));
        }
        buffer.reserve(MAX_HEAD.min(4096));
        if connection.read_buf(&mut buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Parses the head at the start of the input. Returns it with its length, or `None` if it is incomplete.
fn head(read: &[u8]) -> io::Result<Option<(usize, StatusCode, HeaderMap)>> {
    let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut answer = httparse::Response::new(&mut lines);
    let not_http = |_| invalid("the response is not HTTP");
    let httparse::Status::Complete(length) = answer.parse(read).map_err(not_http)? else {
        return Ok(None);
    };
    let code = answer.code.unwrap_or_default();
    let status = StatusCode::from_u16(code).map_err(|_| invalid("the response has no status"))?;
    let mut headers = HeaderMap::with_capacity(answer.headers.len());
    for line in answer.headers.iter() {
        let name = HeaderName::from_bytes(line.name.as_bytes());
        let value = HeaderValue::from_bytes(line.value);
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    Ok(Some((length, status, headers)))
}

impl Framing {
    fn of(status: StatusCode, headers: &HeaderMap) -> io::Result<Self> {
        if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return Ok(Self::Ended);
        }
        // With both headers the transfer coding wins (RFC 9112, 6.3).
        if let Some(last) = headers.get_all(TRANSFER_ENCODING).iter().next_back() {
            let last = last.to_str().unwrap_or_default().rsplit(',').next();
            let is_chunked =
                last.is_some_and(|coding| coding.trim().eq_ignore_ascii_case("chunked"));
            return Ok(match is_chunked {
                true => Self::Chunked(Chunk::Size),
                false => Self::UntilClose,
            });
        }
        let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
        let Some(length) = lengths.next() else {
            return Ok(Self::UntilClose);
        };
        let text = length.to_str().unwrap_or_default();
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(bytes) if is_number && lengths.all(|other| other == length) => Ok(Self::left(bytes)),
            _ => Err(invalid("the response has an invalid content-length")),
        }
    }

    fn left(bytes: u64) -> Self {
        match bytes {
            0 => Self::Ended,
            bytes => Self::Length(bytes),
        }
    }
}

impl<R> Answered<R> {
    /// The connection, and the bytes that were read after the head.
    pub(super) fn into_parts(self) -> (R, Bytes) {
        (self.connection, self.buffer.freeze())
    }
}

impl<R: AsyncRead + Unpin> Answered<R> {
    /// Returns the next piece of the body, at most [`READ_BUFFER`] bytes; `None` at the end of a complete body. Cancel
    /// safe.
    ///
    /// # Errors
    /// The connection broke or a chunk is invalid. Nothing follows an error.
    pub(super) async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            match self.decode() {
                Ok(Some(piece)) => return Some(Ok(piece)),
                Ok(None) if self.framing == Framing::Ended => return None,
                Ok(None) => {}
                Err(error) => return self.fail(error),
            }
            self.buffer.reserve(READ_BUFFER - self.buffer.len());
            match self.connection.read_buf(&mut self.buffer).await {
                Ok(0) if self.framing == Framing::UntilClose => self.framing = Framing::Ended,
                Ok(0) => return self.fail(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) => return self.fail(error),
            }
        }
    }

    fn fail(&mut self, error: io::Error) -> Option<io::Result<Bytes>> {
        self.framing = Framing::Ended;
        Some(Err(error))
    }

    /// Takes the part of the body that is in the buffer; `None` if there is none.
    fn decode(&mut self) -> io::Result<Option<Bytes>> {
        let piece = match self.framing {
            Framing::Chunked(_) => {
                self.unchunk()?;
                self.piece.split()
            }
            Framing::Length(left) => {
                let taken = left.min(self.buffer.len() as u64);
                self.framing = Framing::left(left - taken);
                // At most the buffer's length, which is a `usize`.
                self.buffer.split_to(taken as usize)
            }
            Framing::UntilClose => self.buffer.split(),
            Framing::Ended => BytesMut::new(),
        };
        Ok((!piece.is_empty()).then(|| piece.freeze()))
    }

    /// Moves the data of all chunks in the buffer to the piece.
    fn unchunk(&mut self) -> io::Result<()> {
        while let Framing::Chunked(chunk) = self.framing {
            let next = match chunk {
                Chunk::Size => self.chunk_size()?,
                Chunk::Data(left) => self.chunk_data(left),
                Chunk::Break => self.chunk_break()?,
                Chunk::Trailer { read } => self.trailer(read)?,
            };
            match next {
                Some(next) => self.framing = next,
                None => break,
            }
        }
        Ok(())
    }

    /// Returns the state after the size line; `None` if the line is incomplete.
    fn chunk_size(&mut self) -> io::Result<Option<Framing>> {
        let no_size = |_| invalid("a chunk has no size");
        match httparse::parse_chunk_size(&self.buffer).map_err(no_size)? {
            httparse::Status::Complete((length, size)) => {
                self.buffer.advance(length);
                Ok(Some(Framing::Chunked(match size {
                    0 => Chunk::Trailer { read: 0 },
                    size => Chunk::Data(size),
                })))
            }
            httparse::Status::Partial if self.buffer.len() > MAX_LINE => {
                Err(invalid("a chunk's size is too long"))
            }
            httparse::Status::Partial => Ok(None),
        }
    }

    fn chunk_data(&mut self, left: u64) -> Option<Framing> {
        let taken = left.min(self.buffer.len() as u64);
        // At most the buffer's length, which is a `usize`.
        self.piece.extend_from_slice(&self.buffer[..taken as usize]);
        self.buffer.advance(taken as usize);
        match left - taken {
            0 => Some(Framing::Chunked(Chunk::Break)),
            left => {
                self.framing = Framing::Chunked(Chunk::Data(left));
                None
            }
        }
    }

    fn chunk_break(&mut self) -> io::Result<Option<Framing>> {
        match self.buffer.first_chunk() {
            Some(b"\r\n") => {
                self.buffer.advance(2);
                Ok(Some(Framing::Chunked(Chunk::Size)))
            }
            Some(_) => Err(invalid("a chunk is longer than its size")),
            None => Ok(None),
        }
    }

    /// Skips the lines of the trailer up to the empty one.
    fn trailer(&mut self, read: usize) -> io::Result<Option<Framing>> {
        let Some(end) = memchr::memchr(b'\n', &self.buffer) else {
            return match read + self.buffer.len() > MAX_LINE {
                true => Err(invalid("the trailer is too long")),
                false => Ok(None),
            };
        };
        let is_empty = matches!(&self.buffer[..end], b"" | b"\r");
        self.buffer.advance(end + 1);
        let read = read + end + 1;
        match is_empty {
            true => Ok(Some(Framing::Ended)),
            false if read > MAX_LINE => Err(invalid("the trailer is too long")),
            false => Ok(Some(Framing::Chunked(Chunk::Trailer { read }))),
        }
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use pieces_of::pieces;

    /// A connection that delivers its bytes in pieces and then ends.
    mod pieces_of {
        use std::pin::Pin;
        use std::task::{Context, Poll};

        use tokio::io::{AsyncRead, ReadBuf};

        pub(super) struct Pieces(Vec<Vec<u8>>);

        pub(super) fn pieces(text: &[u8], size: usize) -> Pieces {
            let mut pieces: Vec<Vec<u8>> = text.chunks(size.max(1)).map(<[u8]>::to_vec).collect();
            pieces.reverse();
            Pieces(pieces)
        }

        impl AsyncRead for Pieces {
            fn poll_read(
                mut self: Pin<&mut Self>,
                _: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<std::io::Result<()>> {
                if let Some(piece) = self.0.pop() {
                    let taken = piece.len().min(buf.remaining());
                    buf.put_slice(&piece[..taken]);
                    if taken < piece.len() {
                        self.0.push(piece[taken..].to_vec());
                    }
                }
                Poll::Ready(Ok(()))
            }
        }
    }

    async fn body(text: &[u8], size: usize) -> io::Result<(u16, Vec<u8>)> {
        let (status, _, mut answered) = read(pieces(text, size)).await?;
        let mut whole = Vec::new();
        while let Some(piece) = answered.next().await {
            whole.extend_from_slice(&piece?);
        }
        Ok((status.as_u16(), whole))
    }

    #[tokio::test]
    async fn the_framing_determines_the_end_of_a_body() {
        for (text, expected) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcdef", "abc"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nabc", ""),
            ("HTTP/1.1 200 OK\r\n\r\nabc", "abc"),
            ("HTTP/1.0 200 OK\r\n\r\nabc", "abc"),
            ("HTTP/1.1 204 No Content\r\n\r\nabc", ""),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nabc",
                "abc",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\ncontent-length: 1\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\na: b\r\n\r\nmore",
                "abcde",
            ),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
                "ok",
            ),
        ] {
            for size in [1, 2, 7, 1000] {
                let (_, whole) = body(text.as_bytes(), size).await.unwrap();
                assert_eq!(
                    String::from_utf8(whole).unwrap(),
                    expected,
                    "{text:?} by {size}"
                );
            }
        }
    }

    #[tokio::test]
    async fn truncated_and_invalid_responses_are_errors() {
        let endless = "x".repeat(MAX_HEAD + 1);
        for text in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "SSH-2.0-OpenSSH_9\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\ncontent-length: +3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n",
            &format!("HTTP/1.1 200 OK\r\nlong: {endless}"),
            &format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;{endless}"),
            &format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n{endless}"),
        ] {
            assert!(body(text.as_bytes(), 1000).await.is_err(), "{text:.80?}");
        }
    }

    #[tokio::test]
    async fn all_chunks_that_one_read_brings_are_one_piece() {
        let text =
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n";
        let (_, _, mut answered) = read(pieces(text, text.len())).await.unwrap();
        assert_eq!(answered.next().await.unwrap().unwrap(), "abc");
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_body(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..20), size in 1_usize..60) {
            let mut text = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
            for chunk in &chunks {
                text.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
                text.extend_from_slice(chunk);
                text.extend_from_slice(b"\r\n");
            }
            text.extend_from_slice(b"0\r\n\r\n");
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (_, whole) = runtime.block_on(body(&text, size)).unwrap();
            prop_assert_eq!(whole, chunks.concat());
        }

        #[test]
        fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..300), size in 1_usize..60) {
            let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
            answer.extend_from_slice(&text);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _ = runtime.block_on(body(&answer, size));
            let _ = runtime.block_on(body(&text, size));
        }
    }
}
