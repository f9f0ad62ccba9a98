//! A local app that records what it gets, and answers as it is told: with a status, never, or by hanging up.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a test waits for a request that must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// One request, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// In the order and spelling in which they came.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What the app does with a request after recording it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A status and a body.
    Status(u16, String),
    /// A status, headers (`retry-after`, …) and a body.
    With(u16, Vec<(String, String)>, String),
    /// A status, after work that takes so long.
    After(Duration, u16),
    /// Nothing, until the app is dropped.
    Hang,
    /// The connection is closed without an answer.
    Close,
}

/// An HTTP/1.1 server on a free port of 127.0.0.1; gone with the value.
pub(crate) struct App {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    inner: Mutex<Inner>,
    changed: Condvar,
}

struct Inner {
    requests: Vec<Request>,
    /// Requests without their answer yet, and for each request how many there were when it came, itself too.
    under_way: usize,
    at_once: Vec<usize>,
    answer: Answer,
    /// Answers for the next requests, before `answer` holds again.
    next: VecDeque<Answer>,
    ended: bool,
}

impl App {
    /// An app that answers 200.
    pub(crate) fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").expect("a free port"))
    }

    /// An app on a socket that is bound already: for one that comes back on the port it had.
    pub(crate) fn on(listener: TcpListener) -> Self {
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let state = Arc::new(State {
            inner: Mutex::new(Inner {
                requests: Vec::new(),
                under_way: 0,
                at_once: Vec::new(),
                answer: Answer::Status(200, "ok".to_owned()),
                next: VecDeque::new(),
                ended: false,
            }),
            changed: Condvar::new(),
        });
        let accepting = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.lock().ended {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let state = Arc::clone(&accepting);
                std::thread::spawn(move || state.serve(stream));
            }
        });
        Self { address, state }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT` followed by `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What every request gets from now on.
    pub(crate) fn answer(&self, answer: Answer) {
        self.state.lock().answer = answer;
    }

    /// What the next request gets; called several times, the next ones in turn.
    pub(crate) fn answer_next(&self, answer: Answer) {
        self.state.lock().next.push_back(answer);
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.lock().requests.clone()
    }

    /// For each request so far, how many were unanswered when it came, itself too.
    pub(crate) fn at_once(&self) -> Vec<usize> {
        self.state.lock().at_once.clone()
    }

    /// Waits until at least `count` requests came and returns all.
    ///
    /// # Panics
    /// After a minute.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Request> {
        let deadline = Instant::now() + PATIENCE;
        let mut inner = self.state.lock();
        while inner.requests.len() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "{} of {count} requests came",
                inner.requests.len()
            );
            inner = self
                .state
                .changed
                .wait_timeout(inner, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        inner.requests.clone()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.state.lock().ended = true;
        self.state.changed.notify_all();
        // Wakes the thread that accepts, so that it sees the end and frees the port.
        let _ = TcpStream::connect(self.address);
    }
}

impl Request {
    /// A header's value, its name in any case; the first where there are several.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// Where it is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) {
        let Ok(reading) = stream.try_clone() else {
            return;
        };
        let mut reading = BufReader::new(reading);
        while let Some(request) = read_request(&mut reading) {
            let answer = {
                let mut inner = self.lock();
                inner.requests.push(request);
                inner.under_way += 1;
                let under_way = inner.under_way;
                inner.at_once.push(under_way);
                self.changed.notify_all();
                let next = inner.next.pop_front();
                next.unwrap_or_else(|| inner.answer.clone())
            };
            let answer = match answer {
                Answer::After(work, status) => {
                    std::thread::sleep(work);
                    Answer::Status(status, String::new())
                }
                Answer::Hang => return self.hang(),
                other => other,
            };
            // Before the answer, so that its reader's next request never meets this one.
            self.lock().under_way -= 1;
            let (status, headers, body) = match answer {
                Answer::Status(status, body) => (status, Vec::new(), body),
                Answer::With(status, headers, body) => (status, headers, body),
                Answer::Close | Answer::Hang | Answer::After(..) => return,
            };
            if write_answer(&mut stream, status, &headers, &body).is_err() {
                return;
            }
        }
    }

    fn hang(&self) {
        let mut inner = self.lock();
        while !inner.ended {
            inner = self
                .changed
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn write_answer(
    stream: &mut TcpStream,
    status: u16,
    headers: &[(String, String)],
    body: &str,
) -> std::io::Result<()> {
    let mut head = format!(
        "HTTP/1.1 {status} Told\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes())
}

/// Reads one request; `None` at the end of the connection, or where it is no HTTP.
pub(super) fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let first = read_line(stream)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let line = read_line(stream)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut request = Request {
        method,
        target,
        headers,
        body: Vec::new(),
    };
    if let Some(length) = request.header("content-length") {
        request.body = vec![0; length.parse().ok()?];
        stream.read_exact(&mut request.body).ok()?;
    } else if request.header("transfer-encoding").is_some() {
        request.body = read_chunks(stream)?;
    }
    Some(request)
}

fn read_chunks(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let length = usize::from_str_radix(read_line(stream)?.trim(), 16).ok()?;
        let start = body.len();
        body.resize(start + length, 0);
        stream.read_exact(&mut body[start..]).ok()?;
        read_line(stream)?;
        if length == 0 {
            return Some(body);
        }
    }
}

fn read_line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = Vec::new();
    if stream.read_until(b'\n', &mut line).ok()? == 0 {
        return None;
    }
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    Some(String::from_utf8_lossy(&line).into_owned())
}
