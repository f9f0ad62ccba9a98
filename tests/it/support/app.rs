//! A local app that records requests and answers as the test chooses: with a status, never, or by closing the connection.

use std::collections::VecDeque;
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use super::http::Request;
use super::http::{Server, read_request, response};

/// How long a test waits for a request.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the app does with a request after recording it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A status and a body.
    Status(u16, String),
    /// A status, headers (`retry-after`, …) and a body.
    With(u16, Vec<(String, String)>, String),
    /// A status, after a delay.
    After(Duration, u16),
    /// No response until the app is dropped.
    Hang,
    /// Closes the connection without a response.
    Close,
}

/// An HTTP/1.1 server on a free port of 127.0.0.1. Stops when it is dropped.
pub(crate) struct App {
    server: Server,
    state: Arc<State>,
}

struct State {
    inner: Mutex<Inner>,
    changed: Condvar,
}

struct Inner {
    requests: Vec<Request>,
    /// The number of unanswered requests, and its value at each request, which counts itself.
    unanswered: usize,
    at_once: Vec<usize>,
    answer: Answer,
    /// Answers for the next requests, before `answer` applies again.
    next: VecDeque<Answer>,
    ended: bool,
}

impl App {
    /// An app that answers 200.
    pub(crate) fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").expect("a free port"))
    }

    /// An app on a bound socket, for one that returns to the port it had.
    pub(crate) fn on(listener: TcpListener) -> Self {
        let state = Arc::new(State {
            inner: Mutex::new(Inner {
                requests: Vec::new(),
                unanswered: 0,
                at_once: Vec::new(),
                answer: Answer::Status(200, "ok".to_owned()),
                next: VecDeque::new(),
                ended: false,
            }),
            changed: Condvar::new(),
        });
        let serving = Arc::clone(&state);
        let server = Server::on(listener, usize::MAX, move |stream| serving.serve(stream));
        Self { server, state }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// `http://127.0.0.1:PORT` followed by `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// Sets the answer for all further requests.
    pub(crate) fn answer(&self, answer: Answer) {
        self.state.lock().answer = answer;
    }

    /// Sets the answer for the next request. Further calls set those of the requests after it.
    pub(crate) fn answer_next(&self, answer: Answer) {
        self.state.lock().next.push_back(answer);
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.lock().requests.clone()
    }

    /// For each request so far, the number of unanswered requests when it arrived, including itself.
    pub(crate) fn at_once(&self) -> Vec<usize> {
        self.state.lock().at_once.clone()
    }

    /// Waits for at least `count` requests and returns all.
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
                "only {} of {count} requests",
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
                inner.unanswered += 1;
                let unanswered = inner.unanswered;
                inner.at_once.push(unanswered);
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
            // Before the response is written, so that the client's next request does not count this one.
            self.lock().unanswered -= 1;
            let (status, headers, body) = match answer {
                Answer::Status(status, body) => (status, Vec::new(), body),
                Answer::With(status, headers, body) => (status, headers, body),
                Answer::Close | Answer::Hang | Answer::After(..) => return,
            };
            let headers: Vec<_> = headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            if stream
                .write_all(&response(status, &headers, &body))
                .is_err()
            {
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
