//! A server that sends bytes as a test wrote them, connection by connection, and records what it was asked.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use super::app::{Request, read_request};

/// What happens on a connection after its request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Send(Vec<u8>),
    /// The bytes, so many times.
    Repeat(Vec<u8>, usize),
    /// Until the client closes.
    Hold,
}

/// On a free port of 127.0.0.1. Each connection gets the next script and is closed at its end.
pub(crate) struct SseServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl SseServer {
    pub(crate) fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&requests);
        std::thread::spawn(move || {
            for script in scripts {
                let Ok((stream, _)) = listener.accept() else {
                    return;
                };
                let recorded = Arc::clone(&recorded);
                std::thread::spawn(move || serve(stream, script, &recorded));
            }
        });
        Self { address, requests }
    }

    /// `http://127.0.0.1:PORT` followed by `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Step {
    /// The head of an answer that is a stream, its body in chunks.
    pub(crate) fn head(content_type: &str) -> Self {
        Self::Send(
            format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n"
            )
            .into_bytes(),
        )
    }

    /// The head of an event stream.
    pub(crate) fn events() -> Self {
        Self::head("text/event-stream")
    }

    /// One chunk of a body.
    pub(crate) fn chunk(body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let length = format!("{:x}\r\n", body.len()).into_bytes();
        Self::Send([&length, body, b"\r\n"].concat())
    }

    /// The proper end of a body in chunks; without it the connection is cut.
    pub(crate) fn end() -> Self {
        Self::Send(b"0\r\n\r\n".to_vec())
    }

    /// A whole answer.
    pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Self {
        let length = if status == 204 {
            String::new()
        } else {
            format!("content-length: {}\r\n", body.len())
        };
        Self::Send(format!("HTTP/1.1 {status} Told\r\n{length}{headers}\r\n{body}").into_bytes())
    }
}

fn serve(mut stream: TcpStream, script: Vec<Step>, recorded: &Mutex<Vec<Request>>) {
    let Ok(reading) = stream.try_clone() else {
        return;
    };
    let mut reading = BufReader::new(reading);
    let Some(request) = read_request(&mut reading) else {
        return;
    };
    recorded
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(request);
    for step in script {
        let sent = match step {
            Step::Send(bytes) => stream.write_all(&bytes),
            Step::Repeat(bytes, times) => (0..times).try_for_each(|_| stream.write_all(&bytes)),
            Step::Hold => reading.read_to_end(&mut Vec::new()).map(drop),
        };
        // The client is gone, which is its right.
        if sent.is_err() {
            return;
        }
    }
}
