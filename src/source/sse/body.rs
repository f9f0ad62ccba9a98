//! The body of a stream, decompressed if the server compresses it.

use std::io;

use bytes::{Buf, Bytes};
use flate2::{Crc, Decompress, FlushDecompress, Status};
use http::header::CONTENT_ENCODING;

use crate::dial::Opened;

/// How much is decompressed at a time. A few compressed bytes can expand to very many.
const DECODED: usize = 32 * 1024;
/// Limit for a gzip header, which may contain a name and a comment of any length.
const MAX_HEADER: usize = 4096;
/// Checksum and length (RFC 1952, 2.3.1).
const TRAILER: usize = 8;

/// The body of a response.
pub(super) struct Body {
    opened: Opened,
    inflate: Option<Inflate>,
}

impl Body {
    /// # Errors
    /// The content coding, if it is not supported.
    pub(super) fn new(opened: Opened) -> Result<Self, String> {
        let coding = opened.headers.get(CONTENT_ENCODING);
        let coding = coding.map_or_else(String::new, |value| {
            String::from_utf8_lossy(value.as_bytes())
                .trim()
                .to_ascii_lowercase()
        });
        let inflate = match coding.as_str() {
            "" | "identity" => None,
            "gzip" | "x-gzip" => Some(Inflate::gzip()),
            "deflate" => Some(Inflate::zlib()),
            _ => return Err(coding),
        };
        Ok(Self { opened, inflate })
    }

    /// Returns the next piece, at most 128 KiB; `None` at the end of a complete body. Cancel safe.
    ///
    /// # Errors
    /// The connection broke, or the data is not in the coding that the server declared.
    pub(super) async fn next(&mut self) -> Option<io::Result<Bytes>> {
        let Some(inflate) = &mut self.inflate else {
            return self.opened.next().await;
        };
        loop {
            match inflate.next() {
                Ok(None) => {}
                decoded => return decoded.transpose(),
            }
            match self.opened.next().await {
                Some(Ok(piece)) => inflate.input = piece,
                None if !inflate.may_end() => {
                    return Some(Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the compressed stream was cut off",
                    )));
                }
                end => return end,
            }
        }
    }
}

/// Decompresses gzip (RFC 1952) or zlib (RFC 1950) in bounded steps.
///
/// It uses the low-level decoder, because flate2's readers hold decompressed bytes back until more input arrives, which
/// can take long on a stream.
struct Inflate {
    stage: Stage,
    is_gzip: bool,
    inflate: Decompress,
    crc: Crc,
    input: Bytes,
    /// The part of a header or trailer that has arrived.
    pending: Vec<u8>,
    output: Box<[u8]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// `true`: of the first member.
    Header(bool),
    Data,
    Trailer,
    End,
}

impl Inflate {
    fn gzip() -> Self {
        Self::at(Stage::Header(true), true)
    }

    fn zlib() -> Self {
        Self::at(Stage::Data, false)
    }

    fn at(stage: Stage, is_gzip: bool) -> Self {
        Self {
            stage,
            is_gzip,
            inflate: Decompress::new(!is_gzip),
            crc: Crc::new(),
            input: Bytes::new(),
            pending: Vec::new(),
            output: vec![0; DECODED].into_boxed_slice(),
        }
    }

    /// Returns whether the body may end here.
    fn may_end(&self) -> bool {
        match self.stage {
            Stage::Header(is_first) => !is_first && self.pending.is_empty(),
            Stage::Data | Stage::Trailer => false,
            Stage::End => true,
        }
    }

    /// Returns the next decompressed piece; `None` if more input is needed.
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            match self.stage {
                Stage::Header(_) => {
                    let Some(length) = self.header()? else {
                        return Ok(None);
                    };
                    self.input = Bytes::from(std::mem::take(&mut self.pending)).slice(length..);
                    self.inflate.reset(false);
                    self.crc.reset();
                    self.stage = Stage::Data;
                }
                Stage::Data => {
                    let (read, written) = self.data()?;
                    if written > 0 {
                        return Ok(Some(Bytes::copy_from_slice(&self.output[..written])));
                    }
                    if read == 0 && self.stage == Stage::Data {
                        return Ok(None);
                    }
                }
                Stage::Trailer => {
                    let missing = (TRAILER - self.pending.len()).min(self.input.len());
                    self.pending
                        .extend_from_slice(&self.input.split_to(missing));
                    if self.pending.len() < TRAILER {
                        return Ok(None);
                    }
                    let expected = [self.crc.sum(), self.crc.amount()].map(u32::to_le_bytes);
                    if self.pending != expected.concat() {
                        return Err(broken("the compressed stream's checksum is wrong"));
                    }
                    self.pending.clear();
                    self.stage = Stage::Header(false);
                }
                Stage::End => return Ok(None),
            }
        }
    }

    /// Returns the length of the member's header once `pending` contains all of it.
    fn header(&mut self) -> io::Result<Option<usize>> {
        if self.input.is_empty() {
            return Ok(None);
        }
        self.pending.extend_from_slice(&self.input);
        self.input.clear();
        match header_length(&self.pending) {
            Ok(None) if self.pending.len() > MAX_HEADER => {
                Err(broken("the gzip header has no end"))
            }
            length => length,
        }
    }

    fn data(&mut self) -> io::Result<(usize, usize)> {
        let (read, written) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self
            .inflate
            .decompress(&self.input, &mut self.output, FlushDecompress::None)
            .map_err(|_| broken("the body is not in the coding that the server declared"))?;
        let since = |before: u64, now: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
        let read = since(read, self.inflate.total_in());
        let written = since(written, self.inflate.total_out());
        self.input.advance(read);
        self.crc.update(&self.output[..written]);
        if status == Status::StreamEnd {
            self.stage = if self.is_gzip {
                Stage::Trailer
            } else {
                Stage::End
            };
        }
        Ok((read, written))
    }
}

/// The length of a gzip member's header (RFC 1952, 2.3); `None` if it is incomplete.
fn header_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const CHECKSUM: u8 = 2;
    let Some((fixed, mut rest)) = bytes.split_first_chunk::<10>() else {
        return Ok(None);
    };
    if fixed[..3] != [0x1F, 0x8B, 8] {
        return Err(broken(
            "the body is not gzip, although the server declared it",
        ));
    }
    let flags = fixed[3];
    if flags & EXTRA != 0 {
        let Some((length, after)) = rest.split_first_chunk::<2>() else {
            return Ok(None);
        };
        match after.get(usize::from(u16::from_le_bytes(*length))..) {
            Some(after) => rest = after,
            None => return Ok(None),
        }
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            match rest.iter().position(|byte| *byte == 0) {
                Some(end) => rest = &rest[end + 1..],
                None => return Ok(None),
            }
        }
    }
    if flags & CHECKSUM != 0 {
        match rest.get(2..) {
            Some(after) => rest = after,
            None => return Ok(None),
        }
    }
    Ok(Some(bytes.len() - rest.len()))
}

fn broken(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::{GzEncoder, ZlibEncoder};
    use flate2::{Compression, GzBuilder};

    use super::*;

    /// Everything that is decompressed from pieces of `size` bytes, and whether the body may end there.
    fn decode(mut inflate: Inflate, input: &[u8], size: usize) -> io::Result<(Vec<u8>, bool)> {
        let mut decoded = Vec::new();
        for piece in input.chunks(size) {
            inflate.input = Bytes::copy_from_slice(piece);
            while let Some(piece) = inflate.next()? {
                assert!(piece.len() <= DECODED);
                decoded.extend_from_slice(&piece);
            }
        }
        Ok((decoded, inflate.may_end()))
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_is_decoded_in_pieces_of_any_size() {
        let text: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut input = gzip(&text);
        input.extend(gzip(b"a second member"));
        let expected = [&text[..], b"a second member"].concat();
        for size in [1, 7, 4096, input.len()] {
            let (decoded, ended) = decode(Inflate::gzip(), &input, size).unwrap();
            assert!(decoded == expected && ended, "{size}");
        }
    }

    #[test]
    fn every_field_of_the_header_is_skipped() {
        let mut encoder = GzBuilder::new()
            .extra(vec![0; 300])
            .filename("name")
            .comment("comment")
            .write(Vec::new(), Compression::fast());
        encoder.write_all(b"text").unwrap();
        let input = encoder.finish().unwrap();
        for size in [1, input.len()] {
            let (decoded, ended) = decode(Inflate::gzip(), &input, size).unwrap();
            assert!(decoded == b"text" && ended, "{size}");
        }
    }

    #[test]
    fn flushed_data_is_decoded_immediately() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let text = vec![b'x'; 100_000];
        encoder.write_all(&text).unwrap();
        encoder.flush().unwrap();
        let (decoded, ended) = decode(Inflate::gzip(), encoder.get_ref(), 1 << 20).unwrap();
        assert!(decoded == text && !ended);
    }

    #[test]
    fn zlib_is_decoded() {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"text").unwrap();
        let input = encoder.finish().unwrap();
        assert_eq!(
            decode(Inflate::zlib(), &input, 3).unwrap(),
            (b"text".to_vec(), true)
        );
    }

    #[test]
    fn damaged_data_is_an_error() {
        let whole = gzip(b"text");
        for at in [0, 12, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xFF;
            assert!(decode(Inflate::gzip(), &damaged, 100).is_err(), "{at}");
        }
    }

    #[test]
    fn an_endless_header_is_an_error() {
        let mut input = vec![0x1F, 0x8B, 8, 8, 0, 0, 0, 0, 0, 0];
        input.extend([b'x'; 10_000]);
        assert!(decode(Inflate::gzip(), &input, 100).is_err());
    }
}
