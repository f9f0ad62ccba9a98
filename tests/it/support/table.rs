//! A platform with one table: rows that the test writes, byte for byte, and a `find` that selects them.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Sandbox;
use super::http::{Server, read_request, response};

/// How long a test waits for a request.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server on a free port of 127.0.0.1. Stops when it is dropped.
///
/// It supports `modifydate` with `$gte` and `$lt`, and null; `sk` with `$gt` and equality; sorts of both; `skip`, `page` and `pageSize`.
pub(crate) struct Table {
    server: Server,
    shared: Arc<Shared>,
}

struct Shared {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    rows: Vec<Row>,
    requests: usize,
    is_held: bool,
    has_ended: bool,
}

struct Row {
    key: Value,
    date: Value,
    text: String,
}

impl Table {
    /// Each row is the text of a JSON object.
    pub(crate) fn start(rows: &[&str]) -> Self {
        let shared = Arc::new(Shared {
            inner: Mutex::default(),
            changed: Condvar::new(),
        });
        let serving = Arc::clone(&shared);
        let server = Server::start(move |stream| serving.serve(stream));
        let table = Self { server, shared };
        rows.iter().for_each(|row| table.put(row));
        table
    }

    /// The URL of the platform.
    pub(crate) fn url(&self) -> String {
        self.server.url("")
    }

    /// A sandbox whose commands use this platform.
    pub(crate) fn sandbox(&self) -> Sandbox {
        Sandbox::new()
            .with("EVT_URL", self.server.url(""))
            .with("EVT_ORG", "acme")
            .with("EVT_TOKEN", "t0k")
    }

    /// Adds a row and replaces the one with the same key.
    pub(crate) fn put(&self, text: &str) {
        let row: Value = serde_json::from_str(text).expect("a row is JSON");
        let (key, date) = (row["sk"].clone(), row["modifydate"].clone());
        let mut inner = self.shared.lock();
        inner.rows.retain(|known| key.is_null() || known.key != key);
        inner.rows.push(Row {
            key,
            date,
            text: text.to_owned(),
        });
    }

    /// Adds a row whose text need not be JSON.
    pub(crate) fn put_text(&self, key: &str, date: &str, text: &str) {
        self.shared.lock().rows.push(Row {
            key: key.into(),
            date: date.into(),
            text: text.to_owned(),
        });
    }

    /// Removes the row with this key.
    pub(crate) fn remove(&self, key: &str) {
        self.shared.lock().rows.retain(|row| row.key != key);
    }

    pub(crate) fn requests(&self) -> usize {
        self.shared.lock().requests
    }

    /// Leaves all further requests unanswered.
    pub(crate) fn hold(&self) {
        self.shared.lock().is_held = true;
    }

    /// Waits for this many requests.
    ///
    /// # Panics
    /// After a minute.
    pub(crate) fn wait_for(&self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        let mut inner = self.shared.lock();
        while inner.requests < count {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "only {} of {count} requests",
                inner.requests
            );
            let waited = self.shared.changed.wait_timeout(inner, left);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.shared.lock().has_ended = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) {
        let Ok(reading) = stream.try_clone() else {
            return;
        };
        let mut reading = BufReader::new(reading);
        while let Some(request) = read_request(&mut reading) {
            let mut inner = self.lock();
            inner.requests += 1;
            self.changed.notify_all();
            while inner.is_held && !inner.has_ended {
                let waited = self.changed.wait(inner);
                inner = waited.unwrap_or_else(PoisonError::into_inner);
            }
            let body = inner.find(&request.json());
            drop(inner);
            let headers = [("content-type", "application/json")];
            if stream.write_all(&response(200, &headers, &body)).is_err() {
                return;
            }
        }
    }
}

impl Inner {
    fn find(&self, body: &Value) -> String {
        let mut found: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| {
                holds(&body["query"], "modifydate", &row.date)
                    && holds(&body["query"], "sk", &row.key)
            })
            .collect();
        let total = found.len();
        let options = &body["options"];
        sort(&mut found, &options["sort"]);
        let number = |name: &str| options[name].as_u64().map(|number| number as usize);
        let size = number("pageSize").unwrap_or(100);
        let page = number("page").map_or(0, |page| page.saturating_sub(1) * size);
        let rows = found.into_iter().skip(page + number("skip").unwrap_or(0));
        let rows: Vec<&str> = rows.take(size).map(|row| row.text.as_str()).collect();
        format!("{{\"data\":[{}],\"total\":{total}}}", rows.join(","))
    }
}

/// Operators compare only texts. A missing value matches only null.
fn holds(query: &Value, name: &str, value: &Value) -> bool {
    let Some(condition) = query.get(name) else {
        return true;
    };
    let Some(operators) = condition.as_object() else {
        return condition == value;
    };
    operators.iter().all(|(operator, operand)| {
        let (Some(value), Some(operand)) = (value.as_str(), operand.as_str()) else {
            return false;
        };
        match operator.as_str() {
            "$gte" => value >= operand,
            "$gt" => value > operand,
            "$lt" => value < operand,
            other => panic!("the table has no {other}"),
        }
    })
}

fn sort(rows: &mut [&Row], sort: &Value) {
    let fields = sort.as_object().into_iter().flatten();
    for (name, direction) in fields.rev() {
        let value = |row: &&Row| {
            let value = if name == "sk" { &row.key } else { &row.date };
            value.as_str().unwrap_or_default().to_owned()
        };
        match direction.as_i64() {
            Some(-1) => rows.sort_by_key(|row| std::cmp::Reverse(value(row))),
            _ => rows.sort_by_key(value),
        }
    }
}
