//! Blocks of headers: `NATS/1.0`, a status if the server itself sends the message, and lines as in HTTP.

use http::{HeaderMap, HeaderName, HeaderValue};

const VERSION: &[u8] = b"NATS/1.0";

/// What the server says in place of a message: no responders (503), no messages (404), a heartbeat (100).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub code: u16,
    pub description: String,
}

/// The status of a block, if it has one.
pub fn status(block: &[u8]) -> Option<Status> {
    let line = lines(block).next()?;
    let text = line.strip_prefix(VERSION)?.trim_ascii();
    let digits = text.get(..3)?;
    Some(Status {
        code: u16::try_from(super::number(digits)?).ok()?,
        description: String::from_utf8_lossy(text[3..].trim_ascii()).into_owned(),
    })
}

/// The headers of a block. Names and values that HTTP does not allow are left out.
pub fn header_map(block: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines(block).skip(1) {
        let Some(colon) = memchr::memchr(b':', line) else {
            continue;
        };
        let name = HeaderName::from_bytes(line[..colon].trim_ascii());
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            let _ = headers.try_append(name, value);
        }
    }
    headers
}

fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    block
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// Starts a block of headers.
pub fn start_headers() -> Vec<u8> {
    [VERSION, b"\r\n"].concat()
}

/// Appends a header. The server compares the names of its own headers by case, so `nats-msg-id` becomes `Nats-Msg-Id`.
pub fn append_header(block: &mut Vec<u8>, name: &str, value: &[u8]) {
    let is_own = name
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("nats-"));
    let mut is_start = is_own;
    for byte in name.bytes() {
        block.push(if is_start {
            byte.to_ascii_uppercase()
        } else {
            byte
        });
        is_start = is_own && byte == b'-';
    }
    block.extend_from_slice(b": ");
    block.extend_from_slice(value);
    block.extend_from_slice(b"\r\n");
}

/// Ends a block of headers.
pub fn end_headers(block: &mut Vec<u8>) {
    block.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_a_code_and_a_description() {
        for (block, expected) in [
            ("NATS/1.0 503\r\n\r\n", Some((503, ""))),
            (
                "NATS/1.0 100 Idle Heartbeat\r\n\r\n",
                Some((100, "Idle Heartbeat")),
            ),
            ("NATS/1.0\r\na: 1\r\n\r\n", None),
            ("NATS/1.0 5\r\n\r\n", None),
            ("", None),
        ] {
            let found = status(block.as_bytes());
            let found = found
                .as_ref()
                .map(|status| (status.code, status.description.as_str()));
            assert_eq!(found, expected, "{block:?}");
        }
    }

    #[test]
    fn names_and_values_that_http_does_not_allow_are_left_out() {
        let block =
            b"NATS/1.0\r\nA: 1\r\na:2\r\nbad name: 3\r\nb: \xff\r\nc: x\x01y\r\nno colon\r\n\r\n";
        let headers = header_map(block);
        assert_eq!(headers.get_all("a").iter().count(), 2);
        assert_eq!(headers["b"].as_bytes(), b"\xff");
        assert_eq!(headers.len(), 3);
    }

    #[test]
    fn a_block_can_be_read_again() {
        let mut block = start_headers();
        append_header(&mut block, "nats-msg-id", b"7");
        append_header(&mut block, "content-type", b"text/plain");
        end_headers(&mut block);
        assert_eq!(
            block,
            b"NATS/1.0\r\nNats-Msg-Id: 7\r\ncontent-type: text/plain\r\n\r\n"
        );
        assert_eq!(header_map(&block)["nats-msg-id"], "7");
    }
}
