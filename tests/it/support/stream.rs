//! A server of streams whose every byte the test says: one script a connection.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// How long a request may take to come.
const PATIENCE: Duration = Duration::from_secs(60);
/// The head of a stream of server-sent events that goes on until the connection ends.
pub(crate) const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

/// What one connection is answered.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    bytes: Vec<u8>,
    holds: bool,
}

/// The server; its thread ends with the test's process.
pub(crate) struct StreamServer {
    port: u16,
    requests: Receiver<String>,
}

impl Script {
    /// Events, after which the server closes.
    pub(crate) fn closes(events: &str) -> Self {
        Self::raw(&format!("{EVENTS}{events}"))
    }

    /// Events, after which the connection stays open and silent.
    pub(crate) fn holds(events: &str) -> Self {
        Self {
            holds: true,
            ..Self::closes(events)
        }
    }

    /// A whole answer, after which the server closes.
    pub(crate) fn raw(answer: &str) -> Self {
        Self {
            bytes: answer.as_bytes().to_vec(),
            holds: false,
        }
    }
}

impl StreamServer {
    /// Answers the first connection with the first script, and so on; the last one answers all that follow.
    pub(crate) fn start(scripts: impl IntoIterator<Item = Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (sender, requests) = channel();
        let scripts: Vec<Script> = scripts.into_iter().collect();
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for (nth, stream) in listener.incoming().enumerate() {
                let Ok(stream) = stream else { return };
                let script = &scripts[nth.min(scripts.len() - 1)];
                held.extend(answer(stream, script, &sender));
            }
        });
        Self { port, requests }
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The head of the next request, in lower case; waits for it.
    ///
    /// # Panics
    /// When none comes within a minute.
    pub(crate) fn request(&self) -> String {
        let request = self.requests.recv_timeout(PATIENCE);
        request.expect("a request comes").to_lowercase()
    }
}

/// Returns the connection where it is to stay open.
fn answer(stream: TcpStream, script: &Script, requests: &Sender<String>) -> Option<TcpStream> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    // A test that looks at no requests has dropped nothing that matters.
    let _ = requests.send(head);
    let mut stream = stream;
    // A client that has what it wants closes before all is written.
    let _ = stream.write_all(&script.bytes);
    script.holds.then_some(stream)
}
