//! `--interactive`: lines of stdin on their way to the server.

use std::io::{BufRead, Read};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cli::Context;
use crate::source::Outgoing;

/// Lines that may wait for the connection; beyond them stdin is not read on.
const WAITING: usize = 16;
/// The longest line; a longer one is sent in pieces of this.
const LONGEST: u64 = 1024 * 1024;

/// Reads stdin on a thread of its own. Ctrl-D on a terminal ends the stream politely; the end of a pipe or a file does not,
/// because the answers to what it said are still to come.
pub(super) fn read(cx: &Arc<Context>, stop: CancellationToken) -> mpsc::Receiver<Outgoing> {
    let (lines, waiting) = mpsc::channel(WAITING);
    let is_typed = cx.env.stdin_is_terminal;
    // Not the runtime's: a read that never returns must hold up no end.
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        loop {
            let mut line = Vec::new();
            match (&mut stdin).take(LONGEST).read_until(b'\n', &mut line) {
                Ok(read) if read > 0 => {}
                _ => break,
            }
            if lines.blocking_send(outgoing(line)).is_err() {
                return;
            }
        }
        if is_typed {
            stop.cancel();
        }
    });
    waiting
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
    fn a_line_is_text_without_its_end_and_binary_where_it_is_no_text() {
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
