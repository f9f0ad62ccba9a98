//! A streaming response, read from the socket byte for byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The timeout of a read, much longer than needed.
const PATIENCE: Duration = Duration::from_secs(60);

/// An open stream.
pub(super) struct EventStream {
    pub(super) status: u16,
    pub(super) head: String,
    reader: BufReader<TcpStream>,
    /// Received bytes that are not processed yet.
    ahead: Vec<u8>,
    ended: Option<Ended>,
}

/// How the connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// With the last chunk, as HTTP requires.
    Properly,
    Cut,
}

impl EventStream {
    /// Requests `path`. `headers` are complete lines.
    pub(super) fn open(address: SocketAddr, path: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(address).expect("the platform listens");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = reader.read_line(&mut head).expect("a head");
            assert_ne!(read, 0, "the head broke off: {head}");
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self {
            status,
            head,
            reader,
            ahead: Vec::new(),
            ended: None,
        }
    }

    /// The next HTTP chunk; `None` at the end.
    pub(super) fn chunk(&mut self) -> Option<Vec<u8>> {
        if self.ended.is_some() {
            return None;
        }
        let chunk = self.try_chunk();
        if chunk.is_none() && self.ended.is_none() {
            self.ended = Some(Ended::Cut);
        }
        chunk
    }

    fn try_chunk(&mut self) -> Option<Vec<u8>> {
        let mut line = String::new();
        self.reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut chunk = vec![0; length + 2];
        self.reader.read_exact(&mut chunk).ok()?;
        assert!(chunk.ends_with(b"\r\n"), "a chunk ends with a line break");
        chunk.truncate(length);
        if length == 0 {
            self.ended = Some(Ended::Properly);
            return None;
        }
        Some(chunk)
    }

    /// Everything up to and including the next empty line that ends with LF.
    pub(super) fn frame(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.ahead.windows(2).position(|pair| pair == b"\n\n") {
                let rest = self.ahead.split_off(end + 2);
                let frame = std::mem::replace(&mut self.ahead, rest);
                return Some(String::from_utf8(frame).expect("UTF-8"));
            }
            let chunk = self.chunk()?;
            self.ahead.extend_from_slice(&chunk);
        }
    }

    /// The rest of the response, and how the connection ended.
    pub(super) fn rest(mut self) -> (String, Ended) {
        while let Some(chunk) = self.chunk() {
            self.ahead.extend_from_slice(&chunk);
        }
        let text = String::from_utf8(self.ahead).expect("UTF-8");
        (text, self.ended.expect("it has ended"))
    }
}
