//! The client protocol of NATS, as nats-server's `server/parser.go` and the protocol reference on docs.nats.io describe it: frames
//! of the server, frames of the client, and subjects.

mod headers;

use std::io::Write as _;

use memchr::memchr;
use thiserror::Error;

pub use headers::{Status, append_header, end_headers, header_map, start_headers, status};

/// The longest line without a payload. The list of a cluster's servers in `INFO` is the longest.
const LONGEST_LINE: usize = 1 << 20;

/// A frame from the server.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// JSON.
    Info(&'a [u8]),
    Message(Delivery<'a>),
    /// A message that exceeds the limit. This many bytes follow the frame and have to be skipped.
    TooLarge {
        bytes: usize,
    },
    Ping,
    Pong,
    Ok,
    /// Without quotes.
    Error(&'a [u8]),
}

/// A message for a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery<'a> {
    /// The subscription's number.
    pub sid: u64,
    pub subject: &'a [u8],
    /// Where a reply is expected; empty if nowhere.
    pub reply: &'a [u8],
    /// The block of headers, with its first line; empty if there is none.
    pub headers: &'a [u8],
    pub payload: &'a [u8],
}

/// The bytes are not a frame.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("it sent {text:?}")]
pub struct BadFrame {
    /// The start of the line.
    text: String,
}

/// Parses the frame at the start of `input`. Returns it with its length, or `None` if it is incomplete.
///
/// # Errors
/// The input is not a frame, or a line of it is longer than 1 MiB.
pub fn parse(input: &[u8], max_message: usize) -> Result<Option<(Frame<'_>, usize)>, BadFrame> {
    let Some(end) = memchr(b'\n', input) else {
        return match input.len() > LONGEST_LINE {
            true => Err(bad(input)),
            false => Ok(None),
        };
    };
    let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
    let (word, rest) = match memchr(b' ', line) {
        Some(at) => (&line[..at], line[at + 1..].trim_ascii()),
        None => (line, &line[line.len()..]),
    };
    let whole = |frame| Ok(Some((frame, end + 1)));
    match word {
        b"MSG" | b"HMSG" => {
            let head = head(word == b"HMSG", rest).ok_or_else(|| bad(line))?;
            if head.total > max_message {
                let bytes = head.total.saturating_add(2);
                return whole(Frame::TooLarge { bytes });
            }
            let (start, length) = (end + 1, end + 1 + head.total + 2);
            if input.len() < length {
                return Ok(None);
            }
            let payload = start + head.headers;
            let delivery = Delivery {
                sid: head.sid,
                subject: head.subject,
                reply: head.reply,
                headers: &input[start..payload],
                payload: &input[payload..length - 2],
            };
            Ok(Some((Frame::Message(delivery), length)))
        }
        b"PING" => whole(Frame::Ping),
        b"PONG" => whole(Frame::Pong),
        b"+OK" => whole(Frame::Ok),
        b"INFO" => whole(Frame::Info(rest)),
        b"-ERR" => {
            let text = rest.strip_prefix(b"'").unwrap_or(rest);
            whole(Frame::Error(text.strip_suffix(b"'").unwrap_or(text)))
        }
        _ => Err(bad(line)),
    }
}

/// The arguments of `MSG subject sid [reply] size` and `HMSG subject sid [reply] header-size size`.
struct Head<'a> {
    subject: &'a [u8],
    sid: u64,
    reply: &'a [u8],
    headers: usize,
    total: usize,
}

fn head(has_headers: bool, line: &[u8]) -> Option<Head<'_>> {
    let mut words = [&line[..0]; 5];
    let mut count = 0;
    for word in line.split(|byte| matches!(byte, b' ' | b'\t')) {
        if !word.is_empty() {
            *words.get_mut(count)? = word;
            count += 1;
        }
    }
    let sizes = 1 + usize::from(has_headers);
    let reply = match count.checked_sub(2 + sizes)? {
        0 => &line[..0],
        1 => words[2],
        _ => return None,
    };
    let total = usize::try_from(number(words[count - 1])?).ok()?;
    let headers = match has_headers {
        true => usize::try_from(number(words[count - 2])?).ok()?,
        false => 0,
    };
    (headers <= total).then_some(Head {
        subject: words[0],
        sid: number(words[1])?,
        reply,
        headers,
        total,
    })
}

/// Parses a decimal number of at most 18 digits.
pub fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    text.iter().try_fold(0, |number: u64, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + u64::from(byte - b'0'))
    })
}

fn bad(line: &[u8]) -> BadFrame {
    const SHOWN: usize = 60;
    let text = String::from_utf8_lossy(&line[..line.len().min(SHOWN)]).into_owned();
    BadFrame { text }
}

/// Appends a publication. `headers` is a block of headers, or empty.
pub fn publish(out: &mut Vec<u8>, subject: &str, reply: &str, headers: &[u8], payload: &[u8]) {
    let word = if headers.is_empty() { "PUB" } else { "HPUB" };
    out.extend_from_slice(word.as_bytes());
    for argument in [subject, reply] {
        if !argument.is_empty() {
            out.push(b' ');
            out.extend_from_slice(argument.as_bytes());
        }
    }
    let total = headers.len() + payload.len();
    let written = match headers.is_empty() {
        true => write!(out, " {total}\r\n"),
        false => write!(out, " {} {total}\r\n", headers.len()),
    };
    written.expect("writing to memory cannot fail");
    out.extend_from_slice(headers);
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}

/// Appends a subscription, in a queue group if one is given.
pub fn subscribe(out: &mut Vec<u8>, subject: &str, queue: Option<&str>, sid: u64) {
    let queue = queue.unwrap_or_default();
    let space = if queue.is_empty() { "" } else { " " };
    write!(out, "SUB {subject} {queue}{space}{sid}\r\n").expect("writing to memory cannot fail");
}

/// Returns whether the text is a subject to publish to: words separated by dots, without wildcards.
pub fn is_subject(text: &str) -> bool {
    is_pattern(text) && !text.split('.').any(|word| matches!(word, "*" | ">"))
}

/// Returns whether the text is a subject to subscribe to: `*` stands for one word, `>` at the end for the rest.
pub fn is_pattern(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    text.split('.').all(is_word) && !text.split('.').rev().skip(1).any(|word| word == ">")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 100;

    fn delivery<'a>(subject: &'a str, reply: &'a str, payload: &'a str) -> Frame<'a> {
        Frame::Message(Delivery {
            sid: 9,
            subject: subject.as_bytes(),
            reply: reply.as_bytes(),
            headers: b"",
            payload: payload.as_bytes(),
        })
    }

    #[test]
    fn each_frame_is_parsed() {
        for (text, frame) in [
            ("PING\r\n", Frame::Ping),
            ("PONG\r\n", Frame::Pong),
            ("+OK\r\n", Frame::Ok),
            ("INFO {\"a\":1} \r\n", Frame::Info(b"{\"a\":1}")),
            (
                "-ERR 'Stale Connection'\r\n",
                Frame::Error(b"Stale Connection"),
            ),
            ("MSG a.b 9 5\r\nhello\r\n", delivery("a.b", "", "hello")),
            ("MSG a.b 9 in.1 0\r\n\r\n", delivery("a.b", "in.1", "")),
            ("MSG  a.b\t9  2\r\n\r\n\r\n", delivery("a.b", "", "\r\n")),
            ("MSG a 9 101\r\n", Frame::TooLarge { bytes: 103 }),
        ] {
            assert_eq!(
                parse(text.as_bytes(), MAX),
                Ok(Some((frame, text.len()))),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_frame_with_headers_is_split() {
        let text = b"HMSG a 9 r 12 14\r\nNATS/1.0\r\n\r\nhi\r\nPING\r\n";
        let Ok(Some((Frame::Message(message), length))) = parse(text, MAX) else {
            panic!("not a message");
        };
        assert_eq!(message.headers, b"NATS/1.0\r\n\r\n");
        assert_eq!((message.payload, message.reply), (&b"hi"[..], &b"r"[..]));
        assert_eq!(&text[length..], b"PING\r\n");
    }

    #[test]
    fn every_start_of_a_frame_is_incomplete() {
        for text in ["HMSG a 9 r 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", "INFO {}\r\n"] {
            for end in 0..text.len() {
                assert_eq!(parse(&text.as_bytes()[..end], MAX), Ok(None), "{end}");
            }
        }
    }

    #[test]
    fn other_input_is_an_error() {
        for text in [
            "HTTP/1.1 400 Bad Request\r\n",
            "MSG a 9\r\n",
            "MSG a x 1\r\n",
            "MSG a 9 r 1 2 3\r\n",
            "HMSG a 9 5 4\r\n",
            "MSG a 9 99999999999999999999\r\n",
            "\r\n",
        ] {
            assert!(parse(text.as_bytes(), MAX).is_err(), "{text:?}");
        }
        assert!(parse(&vec![b'x'; LONGEST_LINE + 1], MAX).is_err());
    }

    #[test]
    fn what_is_published_can_be_parsed() {
        let mut out = Vec::new();
        publish(&mut out, "a.b", "", b"", b"hi");
        publish(&mut out, "a.b", "r", b"NATS/1.0\r\n\r\n", b"hi");
        subscribe(&mut out, "a.>", None, 1);
        subscribe(&mut out, "a.>", Some("g"), 2);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "PUB a.b 2\r\nhi\r\nHPUB a.b r 12 14\r\nNATS/1.0\r\n\r\nhi\r\nSUB a.> 1\r\nSUB a.> g 2\r\n"
        );
    }

    #[test]
    fn subjects_are_checked() {
        for (text, may_subscribe, may_publish) in [
            ("a.b", true, true),
            ("a.*.c", true, false),
            ("a.>", true, false),
            (">", true, false),
            ("a*.b>", true, true),
            ("a.>.b", false, false),
            ("a..b", false, false),
            (".a", false, false),
            ("", false, false),
            ("a b", false, false),
        ] {
            assert_eq!(
                (is_pattern(text), is_subject(text)),
                (may_subscribe, may_publish),
                "{text}"
            );
        }
    }
}
