//! A server that sends the bytes of a script on each connection, and records the requests.

use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use super::http::{Request, Server, read_request, response};

/// What happens on a connection after its request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Send(Vec<u8>),
    /// The bytes, this many times.
    Repeat(Vec<u8>, usize),
    /// Waits until the client closes the connection.
    Hold,
}

/// A server on a free port of 127.0.0.1. Each connection gets the next script and is closed at its end; after the last
/// script connections are refused.
pub(crate) struct SseServer {
    server: Server,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl SseServer {
    pub(crate) fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&requests);
        let count = scripts.len();
        let scripts = Mutex::new(scripts.into_iter());
        let server = Server::on(listener, count, move |stream| {
            let script = lock(&scripts).next().unwrap_or_default();
            serve(stream, script, &recorded);
        });
        Self { server, requests }
    }

    /// `http://127.0.0.1:PORT` followed by `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.requests).clone()
    }
}

impl Step {
    /// The head of a streaming response with a chunked body.
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

    /// The end of a chunked body. Without it the client sees a lost connection.
    pub(crate) fn end() -> Self {
        Self::Send(b"0\r\n\r\n".to_vec())
    }

    /// A complete response; `headers` are lines.
    pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Self {
        let headers: Vec<_> = headers
            .lines()
            .filter_map(|line| line.split_once(": "))
            .collect();
        Self::Send(response(status, &headers, body))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut stream: TcpStream, script: Vec<Step>, recorded: &Mutex<Vec<Request>>) {
    let Ok(reading) = stream.try_clone() else {
        return;
    };
    let mut reading = BufReader::new(reading);
    let Some(request) = read_request(&mut reading) else {
        return;
    };
    lock(recorded).push(request);
    for step in script {
        let sent = match step {
            Step::Send(bytes) => stream.write_all(&bytes),
            Step::Repeat(bytes, times) => (0..times).try_for_each(|_| stream.write_all(&bytes)),
            Step::Hold => reading.read_to_end(&mut Vec::new()).map(drop),
        };
        // The client has closed the connection.
        if sent.is_err() {
            return;
        }
    }
}
