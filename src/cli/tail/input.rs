//! `--interactive`: reads lines of stdin to send to the server.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cli::Context;
use crate::source::Outgoing;

/// How many lines may wait for the connection before reading stdin pauses.
const WAITING: usize = 4;

/// Reads stdin on a separate thread. A line of more than `longest` bytes is skipped with a warning, never split. Ctrl-D on a
/// terminal closes the stream. The end of a pipe or file does not, because replies may still arrive.
pub(super) fn read(
    cx: &Arc<Context>,
    longest: u64,
    stop: CancellationToken,
) -> mpsc::Receiver<Outgoing> {
    let (lines, waiting) = mpsc::channel(WAITING);
    let cx = Arc::clone(cx);
    // Not a thread of the runtime, which would wait for a blocked read when it shuts down.
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        while let Ok(Some(line)) = next(&mut stdin, longest) {
            let Ok(line) = line else {
                cx.ui.warn(&format!(
                    "a line of more than {longest} bytes was not sent; allow more with --max-message-size"
                ));
                continue;
            };
            if lines.blocking_send(outgoing(line)).is_err() {
                return;
            }
        }
        if cx.env.stdin_is_terminal {
            stop.cancel();
        }
    });
    waiting
}

/// A line that exceeded the limit and was skipped.
#[derive(Debug, PartialEq, Eq)]
struct TooLong;

/// The next line with its line ending; `None` at the end of stdin.
fn next(stdin: &mut impl BufRead, longest: u64) -> io::Result<Option<Result<Vec<u8>, TooLong>>> {
    let mut line = Vec::new();
    let most = longest.saturating_add(1);
    if stdin.by_ref().take(most).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.len() as u64 == most && line.last() != Some(&b'\n') {
        stdin.skip_until(b'\n')?;
        return Ok(Some(Err(TooLong)));
    }
    Ok(Some(Ok(line)))
}

fn outgoing(mut line: Vec<u8>) -> Outgoing {
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    match String::from_utf8(line) {
        Ok(text) => Outgoing::Text(text),
        Err(bytes) => Outgoing::Binary(Bytes::from(bytes.into_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_skipped_completely() {
        let mut stdin = &b"1234\n12345\n\xc3\xa9\xc3\xa9\n12345"[..];
        let mut lines = Vec::new();
        while let Some(line) = next(&mut stdin, 4).unwrap() {
            lines.push(line);
        }
        let line = |line: &str| Ok(line.as_bytes().to_vec());
        let expected = [line("1234\n"), Err(TooLong), line("éé\n"), Err(TooLong)];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_line_is_sent_without_its_ending_and_as_binary_if_it_is_not_utf_8() {
        let text = |text: &str| Outgoing::Text(text.to_owned());
        assert_eq!(outgoing(b"hello\n".to_vec()), text("hello"));
        assert_eq!(outgoing(b"hello\r\n".to_vec()), text("hello"));
        assert_eq!(outgoing(b"last".to_vec()), text("last"));
        assert_eq!(outgoing(b"\n".to_vec()), text(""));
        assert_eq!(
            outgoing(b"\xff\n".to_vec()),
            Outgoing::Binary(Bytes::from_static(b"\xff"))
        );
    }
}
