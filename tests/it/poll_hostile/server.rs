//! The HTTP/1.1 server with keep-alive. It is written by hand, because no server library allows such faults.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::dates::{Micros, SECOND, http_date};
use super::deployment::Collection;
use super::faults::{Fault, Faults, Plan, RetryAfter};
use super::record::Row;
use super::response::Style;

/// How long a test waits for a request.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The credentials that the server accepts.
pub(crate) const ORGANISATION: &str = "o";
pub(crate) const TOKEN: &str = "t";

/// A server on a free port of 127.0.0.1. Dropping it stops it.
pub(crate) struct HostileServer<C: Collection> {
    address: SocketAddr,
    shared: Arc<Shared<C>>,
}

struct Shared<C> {
    inner: Mutex<Inner<C>>,
    changed: Condvar,
}

/// The state of the server, which a test can inspect between two requests.
pub(crate) struct Inner<C> {
    pub(crate) collection: C,
    style: Style,
    faults: Faults,
    rng: fastrand::Rng,
    /// The bodies of all find requests.
    pub(crate) requests: Vec<Vec<u8>>,
    /// Each request and its response, to explain why a scenario fails.
    pub(crate) log: Vec<String>,
    /// Requests that were sent before the end of `Retry-After`.
    pub(crate) early_requests: usize,
    /// The most records in one response.
    pub(crate) largest_page: usize,
    /// The end of the last `Retry-After`.
    not_before: Option<Instant>,
    /// The last valid response.
    previous: Option<(String, Vec<Row>)>,
    /// How many of the next requests get the last valid response again, as from a cache.
    replays: usize,
    /// How far the `Date` header is ahead of the server's clock.
    date_offset: Micros,
    held: bool,
    ended: bool,
}

/// One response, and what to do with the connection.
struct Outgoing {
    bytes: Vec<u8>,
    then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    KeepAlive,
    Close,
    Reset,
    /// Send nothing more until the client or the server closes.
    Hang,
}

impl<C: Collection> HostileServer<C> {
    pub(crate) fn start(collection: C, style: Style, plans: &[Plan], seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            inner: Mutex::new(Inner {
                collection,
                style,
                faults: Faults::new(plans),
                rng: fastrand::Rng::with_seed(seed),
                requests: Vec::new(),
                log: Vec::new(),
                early_requests: 0,
                largest_page: 0,
                not_before: None,
                previous: None,
                replays: 0,
                date_offset: 0,
                held: false,
                ended: false,
            }),
            changed: Condvar::new(),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.lock().ended {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || shared.serve(stream));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Pauses the server: no request is handled while the guard exists.
    pub(crate) fn paused(&self) -> MutexGuard<'_, Inner<C>> {
        self.shared.lock()
    }

    /// The bodies of all find requests so far.
    pub(crate) fn requests(&self) -> Vec<Vec<u8>> {
        self.paused().requests.clone()
    }

    /// Holds all responses until [`HostileServer::release`].
    pub(crate) fn hold(&self) {
        self.paused().held = true;
    }

    pub(crate) fn release(&self) {
        self.paused().held = false;
        self.shared.changed.notify_all();
    }

    /// Waits for `count` find requests, or until `given_up` returns true. Returns the number of requests.
    ///
    /// # Panics
    /// After a minute.
    pub(crate) fn wait_for_requests(
        &self,
        count: usize,
        mut given_up: impl FnMut() -> bool,
    ) -> usize {
        let deadline = Instant::now() + TIMEOUT;
        let mut inner = self.paused();
        while inner.requests.len() < count && !given_up() {
            let arrived = inner.requests.len();
            assert!(
                Instant::now() < deadline,
                "only {arrived} of {count} requests arrived"
            );
            let interval = Duration::from_millis(10);
            inner = self
                .shared
                .changed
                .wait_timeout(inner, interval)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        inner.requests.len()
    }
}

impl<C> Inner<C> {
    /// Answers the next requests with the last valid response, as a cache does.
    pub(crate) fn replay(&mut self, times: usize) {
        self.replays = times;
    }

    /// Replaces the faults.
    pub(crate) fn plan(&mut self, plans: &[Plan]) {
        self.faults = Faults::new(plans);
    }

    /// Whether a `Retry-After` is running.
    pub(crate) fn is_throttling(&self) -> bool {
        self.not_before.is_some_and(|time| Instant::now() < time)
    }
}

impl<C: Collection> Drop for HostileServer<C> {
    fn drop(&mut self) {
        self.paused().ended = true;
        self.shared.changed.notify_all();
        // Wakes the accepting thread, so that it ends and releases the port.
        let _ = TcpStream::connect(self.address);
    }
}

impl<C: Collection> Shared<C> {
    fn lock(&self) -> MutexGuard<'_, Inner<C>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) {
        let Ok(reading) = stream.try_clone() else {
            return;
        };
        // Sends responses at once: a test must not wait for a delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let mut reading = BufReader::new(reading);
        while let Some(request) = read_request(&mut reading) {
            let Some(outgoing) = self.answer(&request) else {
                return;
            };
            if stream.write_all(&outgoing.bytes).is_err() {
                return;
            }
            match outgoing.then {
                Then::KeepAlive if request.header("connection") == Some("close") => return,
                Then::KeepAlive => {}
                Then::Close => return,
                Then::Reset => return reset(&stream),
                Then::Hang => return drop(reading.read_to_end(&mut Vec::new())),
            }
        }
    }

    /// `None` if the server has ended.
    fn answer(&self, request: &Request) -> Option<Outgoing> {
        let mut inner = self.lock();
        if let Some(refusal) = request.refusal() {
            return Some(inner.plain(refusal, "{\"error\":\"no\"}"));
        }
        inner.requests.push(request.body.clone());
        self.changed.notify_all();
        while inner.held && !inner.ended {
            inner = self
                .changed
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner);
        }
        (!inner.ended).then(|| inner.find(&request.body))
    }
}

impl<C: Collection> Inner<C> {
    fn find(&mut self, body: &[u8]) -> Outgoing {
        self.collection.advance();
        let text = String::from_utf8_lossy(body);
        self.log.push(text.into_owned());
        if self.is_throttling() {
            self.early_requests += 1;
            return self.plain(429, "{\"error\":\"too early\"}");
        }
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return self.plain(400, "{\"error\":\"the body is not JSON\"}");
        };
        if self.replays > 0 && self.previous.is_some() {
            self.replays -= 1;
            self.log_response(" -> replayed");
            return self.fail(Fault::Duplicate, &body);
        }
        match self.faults.next(&mut self.rng) {
            None => self.found(&body, 0),
            Some(fault) => {
                self.log_response(&format!(" -> {fault:?}"));
                self.fail(fault, &body)
            }
        }
    }

    /// Adds the response to the log.
    fn log_response(&mut self, what: &str) {
        if let Some(last) = self.log.last_mut() {
            last.push_str(what);
        }
    }

    fn fail(&mut self, fault: Fault, body: &Value) -> Outgoing {
        match fault {
            Fault::TooMany(retry_after) => self.throttle(retry_after),
            Fault::Status(status) => self.plain(status, "{\"error\":\"not now\"}"),
            Fault::ResetBefore => Outgoing {
                bytes: Vec::new(),
                then: Then::Reset,
            },
            Fault::Silence => Outgoing {
                bytes: Vec::new(),
                then: Then::Hang,
            },
            Fault::Html => self.plain(200, "<html><body>Please sign in</body></html>"),
            Fault::ErrorWith200 => {
                self.plain(200, "{\"error\":{\"code\":17,\"message\":\"busy\"}}")
            }
            Fault::Half(members) => self.half(body, 200, members),
            Fault::HalfWithStatus(status) => self.half(body, status, ""),
            Fault::None(members) => {
                let text = format!("{{\"data\":[],{members}}}");
                self.plain(200, &text)
            }
            Fault::Gzip { with_header } => {
                let header = if with_header {
                    "content-encoding: gzip\r\n"
                } else {
                    ""
                };
                self.rewritten(body, header, gzip)
            }
            Fault::ByteOrderMark => {
                self.rewritten(body, "", |body| [b"\xef\xbb\xbf", body].concat())
            }
            Fault::Latin1 => self.rewritten(body, "", latin1),
            Fault::With(members) => match self.right_body(body) {
                Ok(mut whole) => {
                    whole.pop();
                    self.plain(200, &format!("{whole},{members}}}"))
                }
                Err(refusal) => refusal,
            },
            Fault::Date(seconds) => {
                self.date_offset = seconds * SECOND;
                let outgoing = self.found(body, 0);
                self.date_offset = 0;
                outgoing
            }
            Fault::Stale(ago) => self.found(body, ago),
            Fault::Duplicate => match self.previous.clone() {
                Some((body, rows)) => self.deliver(&body, &rows),
                None => self.found(body, 0),
            },
            Fault::Empty => self.spuriously_empty(body),
            Fault::ResetMiddle => self.cut(body, Then::Reset),
            Fault::CutShort => self.cut(body, Then::Close),
            Fault::CutJson => match self.right_body(body) {
                Ok(whole) => {
                    let half = whole.len() / 2;
                    let half = (half..).find(|place| whole.is_char_boundary(*place));
                    self.plain(200, &whole[..half.unwrap_or(0)])
                }
                Err(refusal) => refusal,
            },
        }
    }

    fn found(&mut self, body: &Value, ago: u64) -> Outgoing {
        match self.collection.find(body, ago) {
            Err(refusal) => self.refuse(&refusal),
            Ok(found) => {
                let body = self.style.write(&found, self.requests.len(), &mut self.rng);
                let outgoing = self.deliver(&body, &found.rows);
                self.previous = Some((body, found.rows));
                outgoing
            }
        }
    }

    /// An answer in good form, whatever it says.
    fn deliver(&mut self, body: &str, rows: &[Row]) -> Outgoing {
        self.collection.sent(rows);
        self.largest_page = self.largest_page.max(rows.len());
        let date = |row: Option<&Row>| row.and_then(|row| row.content.at);
        let (first, last) = (date(rows.first()), date(rows.last()));
        self.log_response(&format!(
            " -> {} records, {first:?} to {last:?}",
            rows.len()
        ));
        self.plain(200, body)
    }

    /// The right response, with another header and content.
    fn rewritten(&mut self, body: &Value, header: &str, write: fn(&[u8]) -> Vec<u8>) -> Outgoing {
        match self.right_body(body) {
            Err(refusal) => refusal,
            Ok(whole) => {
                let content = write(whole.as_bytes());
                let date = http_date(self.collection.now());
                let head = format!(
                    "HTTP/1.1 200 Told\r\ndate: {date}\r\ncontent-type: application/json\r\n{header}content-length: {}\r\n\r\n",
                    content.len()
                );
                Outgoing {
                    bytes: [head.into_bytes(), content].concat(),
                    then: Then::KeepAlive,
                }
            }
        }
    }

    /// Every second record, with other members or another status.
    fn half(&mut self, body: &Value, status: u16, members: &str) -> Outgoing {
        match self.collection.find(body, 0) {
            Err(refusal) => self.refuse(&refusal),
            Ok(mut found) => {
                // As if the others were on a part of the server that does not answer.
                found.rows.retain(|row| row.record % 2 == 0);
                let mut body = self.style.write(&found, self.requests.len(), &mut self.rng);
                if !members.is_empty() {
                    body.pop();
                    body.push_str(&format!(",{members}}}"));
                }
                self.plain(status, &body)
            }
        }
    }

    fn spuriously_empty(&mut self, body: &Value) -> Outgoing {
        match self.collection.find(body, 0) {
            Err(refusal) => self.refuse(&refusal),
            Ok(mut found) => {
                found.rows.clear();
                let body = self.style.write(&found, self.requests.len(), &mut self.rng);
                self.plain(200, &body)
            }
        }
    }

    fn right_body(&mut self, body: &Value) -> Result<String, Outgoing> {
        match self.collection.find(body, 0) {
            Err(refusal) => Err(self.refuse(&refusal)),
            Ok(found) => Ok(self.style.write(&found, self.requests.len(), &mut self.rng)),
        }
    }

    /// The first half of the right response.
    fn cut(&mut self, body: &Value, then: Then) -> Outgoing {
        match self.right_body(body) {
            Err(refusal) => refusal,
            Ok(whole) => {
                let mut outgoing = self.plain(200, &whole);
                let half = outgoing.bytes.len() - whole.len() / 2 - 8;
                outgoing.bytes.truncate(half);
                Outgoing { then, ..outgoing }
            }
        }
    }

    fn refuse(&mut self, why: &str) -> Outgoing {
        self.log_response(&format!(" -> 400 {why}"));
        let body = serde_json::json!({ "error": why }).to_string();
        self.plain(400, &body)
    }

    fn throttle(&mut self, retry_after: RetryAfter) -> Outgoing {
        let now = self.collection.now();
        let (header, wait) = match retry_after {
            RetryAfter::Absent => (String::new(), 0),
            RetryAfter::Seconds(seconds) => {
                (format!("retry-after: {seconds}\r\n"), seconds * SECOND)
            }
            RetryAfter::Text(text) => (format!("retry-after: {text}\r\n"), 0),
            RetryAfter::Date(seconds) => {
                // The format has full seconds, so the time must not be rounded up.
                let until = now / SECOND * SECOND + seconds * SECOND;
                let header = format!("retry-after: {}\r\n", http_date(until));
                (header, until - now)
            }
        };
        let wait = Duration::from_micros(wait.unsigned_abs());
        self.not_before = (!wait.is_zero()).then(|| Instant::now() + wait);
        self.answer_of(now, 429, &header, "{\"error\":\"too many requests\"}")
    }

    fn plain(&self, status: u16, body: &str) -> Outgoing {
        let now = self.collection.now() + self.date_offset;
        self.answer_of(now, status, "", body)
    }

    fn answer_of(&self, now: Micros, status: u16, headers: &str, body: &str) -> Outgoing {
        let date = http_date(now);
        let head = format!(
            "HTTP/1.1 {status} Told\r\ndate: {date}\r\ncontent-type: application/json\r\n{headers}"
        );
        let bytes = if self.style.chunked {
            in_chunks(&head, body)
        } else {
            format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
        };
        Outgoing {
            bytes,
            then: Then::KeepAlive,
        }
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).expect("a vector accepts all bytes");
    encoder.finish().expect("a vector accepts all bytes")
}

/// The escape of `é` as a byte of Latin-1, which is not UTF-8.
fn latin1(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let parts: Vec<&[u8]> = text.split("\\u00e9").map(str::as_bytes).collect();
    parts.join(&0xe9)
}

fn in_chunks(head: &str, body: &str) -> Vec<u8> {
    let mut bytes = format!("{head}transfer-encoding: chunked\r\n\r\n").into_bytes();
    for chunk in body.as_bytes().chunks(1000) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// Closes the connection with a reset. The client loses what it has not read yet.
fn reset(stream: &TcpStream) {
    // If the option cannot be set, the connection closes normally, which is a fault as well.
    let _ = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
}

struct Request {
    method: String,
    target: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The error status for a request that `evt poll` would not send.
    fn refusal(&self) -> Option<u16> {
        if self.method != "POST" || !self.target.starts_with("/repository/find/") {
            return Some(404);
        }
        let token = format!("Bearer {TOKEN}");
        let welcome = self.header("authorization") == Some(token.as_str())
            && self.header("orgid") == Some(ORGANISATION);
        (!welcome).then_some(401)
    }
}

/// `None` at the end of the connection, or if it is not HTTP.
fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let first = read_line(stream)?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let line = read_line(stream)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request {
        method,
        target,
        headers,
        body: Vec::new(),
    };
    let length = request
        .header("content-length")
        .unwrap_or("0")
        .parse()
        .ok()?;
    request.body = vec![0; length];
    stream.read_exact(&mut request.body).ok()?;
    Some(request)
}

fn read_line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    if stream.read_line(&mut line).ok()? == 0 {
        return None;
    }
    Some(line.trim_end().to_owned())
}
