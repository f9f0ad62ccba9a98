//! Writing server-sent events (WHATWG HTML, 9.2): frames, the response around them, and the position to resume from.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;

use super::refusal::Refusal;

const LAST_EVENT_ID: &str = "last-event-id";
/// Maximum length of `Last-Event-ID`, in bytes.
const MAX_ID: usize = 256;

/// Line ends. The standard allows all of them, and any mixture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LineEnd {
    #[default]
    Lf,
    Cr,
    CrLf,
    /// CR, LF and CRLF in turn, but never LF directly after CR, because the two would be one line end.
    Mixed,
}

/// Writes frames line by line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Writer {
    line_end: LineEnd,
    lines: u8,
}

impl Writer {
    pub(crate) fn new(line_end: LineEnd) -> Self {
        Self { line_end, lines: 0 }
    }

    /// Writes `name: value`, or a comment if the name is empty. The value ends at its first line break.
    pub(crate) fn field(&mut self, name: &str, value: &[u8], out: &mut Vec<u8>) {
        let end = memchr::memchr2(b'\r', b'\n', value).unwrap_or(value.len());
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(&value[..end]);
        self.end(out);
    }

    /// Writes a `data` line for each line of the text.
    pub(crate) fn data(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let mut rest = text;
        while let Some(end) = memchr::memchr2(b'\r', b'\n', rest) {
            self.field("data", &rest[..end], out);
            let length = if rest[end..].starts_with(b"\r\n") {
                2
            } else {
                1
            };
            rest = &rest[end + length..];
        }
        self.field("data", rest, out);
    }

    /// Ends a line, or the frame if the line is empty.
    pub(crate) fn end(&mut self, out: &mut Vec<u8>) {
        let end: &[u8] = match (self.line_end, self.lines % 3) {
            (LineEnd::Lf, _) | (LineEnd::Mixed, 0) => b"\n",
            (LineEnd::Cr, _) | (LineEnd::Mixed, 1) => b"\r",
            (LineEnd::CrLf, _) | (LineEnd::Mixed, _) => b"\r\n",
        };
        self.lines = self.lines.wrapping_add(1) % 3;
        out.extend_from_slice(end);
    }
}

/// A comment, which keeps the connection alive and is not an event.
pub(crate) fn comment(text: &str) -> Bytes {
    let mut out = Vec::with_capacity(text.len() + 4);
    let mut writer = Writer::default();
    writer.field("", text.as_bytes(), &mut out);
    writer.end(&mut out);
    out.into()
}

/// A response with this stream as its body. An error in the stream breaks the connection.
pub(crate) fn response<S>(stream: S) -> Response
where
    S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
{
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
    ]
    .map(|(name, value)| (name, HeaderValue::from_static(value)));
    (headers, Body::from_stream(stream)).into_response()
}

/// The `Last-Event-ID` header. An empty one counts as missing.
pub(crate) fn last_event_id(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get(LAST_EVENT_ID).filter(|id| !id.is_empty()) else {
        return Ok(None);
    };
    match std::str::from_utf8(value.as_bytes()) {
        Ok(id) if id.len() <= MAX_ID => Ok(Some(id.to_owned())),
        _ => Err(Refusal::bad_request(
            "bad_position",
            format!("Last-Event-ID accepts UTF-8, at most {MAX_ID} bytes"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(line_end: LineEnd, data: &str) -> String {
        let mut out = Vec::new();
        let mut writer = Writer::new(line_end);
        writer.field("id", b"1\nevent: forged", &mut out);
        writer.data(data.as_bytes(), &mut out);
        writer.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_line_of_a_text_becomes_a_data_line() {
        assert_eq!(
            written(LineEnd::Lf, "a\r\nb\rc\n"),
            "id: 1\ndata: a\ndata: b\ndata: c\ndata: \n\n"
        );
    }

    #[test]
    fn lines_have_the_chosen_ends() {
        assert_eq!(written(LineEnd::CrLf, "a"), "id: 1\r\ndata: a\r\n\r\n");
        assert_eq!(written(LineEnd::Cr, "a"), "id: 1\rdata: a\r\r");
        assert_eq!(written(LineEnd::Mixed, "a"), "id: 1\ndata: a\r\r\n");
    }
}
