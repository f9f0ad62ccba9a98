//! A fast server for benches/compare.sh: answers `POST /repository/find/{spread,window,tie}` from memory.
//!
//! `cargo run --release --example poll_load -- 4894 200000` serves 200,000 records of about 330 bytes in each of three collections on
//! port 4894. In `spread` they are one second apart, in `window` all within the last 100 seconds, in `tie` all on one instant. Keys
//! and dates have the same order. The server understands bounds of `modifydate` and `sk`, the direction of the sort, `pageSize`,
//! `page` and `skip`. `GET /requests` returns the number of requests since the last call.

use std::io::{self, BufRead, BufReader, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, SecondsFormat, Utc};

/// The maximum page size.
const LARGEST: usize = 2000;
/// The range of the dates in `window`, in milliseconds. It is shorter than a poller's lookback.
const WINDOW: i64 = 100_000;

static REQUESTS: AtomicU64 = AtomicU64::new(0);

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let port: u16 = args
        .next()
        .and_then(|port| port.parse().ok())
        .unwrap_or(4894);
    let count = args.next().and_then(|count| count.parse().ok());
    let count: usize = count.unwrap_or(200_000);
    let now = Utc::now().timestamp_millis();
    let before = move |n: usize| (count - n) as i64;
    let collections = Arc::new([
        ("spread", Collection::new(count, |n| now - before(n) * 1000)),
        (
            "window",
            Collection::new(count, |n| now - before(n) * WINDOW / count as i64),
        ),
        ("tie", Collection::new(count, |_| now - 600_000)),
    ]);
    for stream in TcpListener::bind(("127.0.0.1", port))?.incoming() {
        let (stream, collections) = (stream?, Arc::clone(&collections));
        std::thread::spawn(move || {
            // Ends when the client closes the connection.
            let _ = serve(stream, &collections[..]);
        });
    }
    Ok(())
}

/// Records in order, each followed by a comma.
struct Collection {
    text: String,
    /// The length of a record with its comma.
    length: usize,
    /// Milliseconds since the epoch.
    dates: Vec<i64>,
}

impl Collection {
    fn new(count: usize, date: impl Fn(usize) -> i64) -> Self {
        let dates: Vec<i64> = (0..count).map(date).collect();
        let mut text = String::new();
        for (n, date) in dates.iter().enumerate() {
            text.push_str(&record(n, *date));
            text.push(',');
        }
        let length = text.len() / count.max(1);
        Self {
            text,
            length,
            dates,
        }
    }

    /// The records that match a request.
    fn find(&self, body: &str) -> Range<usize> {
        let date = |name| after(body, name).map(millis);
        let at = |date: i64| self.dates.partition_point(|other| *other < date);
        let mut start = date("\"$gte\":").map_or(0, at);
        let end = date("\"$lt\":").map_or(self.dates.len(), at);
        if let Some(key) = after(body, "\"$gt\":") {
            start = start.max(number_of(key) + 1);
        }
        match after(body, "\"sk\":\"") {
            Some(key) => number_of(key)..number_of(key) + 1,
            None if body.contains("\"modifydate\":null") => 0..0,
            None => start.min(end)..end,
        }
    }

    fn text(&self, records: Range<usize>) -> &str {
        let text = &self.text[records.start * self.length..records.end * self.length];
        text.strip_suffix(',').unwrap_or(text)
    }
}

/// All records have the same length.
fn record(n: usize, date: i64) -> String {
    let hash = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let date = DateTime::from_timestamp_millis(date).unwrap_or_default();
    let date = date.to_rfc3339_opts(SecondsFormat::Millis, true);
    format!(
        "{{\"sk\":\"contact-{n:07}\",\"pk\":\"contact\",\"orgId\":\"my-org\",\"state\":\"published\",\"version\":3,\
         \"createdate\":\"2026-01-01T00:00:00.000Z\",\"modifydate\":\"{date}\",\"data\":{{\"name\":\"Zoë {hash:016x}\",\
         \"email\":\"{hash:016x}@example.com\",\"status\":\"lead\",\"amount\":{:05}.50,\"tags\":[\"a\",\"b\"],\
         \"note\":\"Called about the offer.\"}}}}",
        10_000 + hash % 90_000
    )
}

/// Answers the requests of a connection.
fn serve(mut stream: TcpStream, collections: &[(&str, Collection)]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        let found = collections.iter().find(|(other, _)| *other == name);
        let mut length = 0;
        loop {
            line.clear();
            if reader.read_line(&mut line)? <= 2 {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body)?;
        match found {
            Some((_, collection)) => answer(&mut stream, collection, &body)?,
            None => {
                let count = REQUESTS.swap(0, Ordering::Relaxed).to_string();
                send(&mut stream, [&count, "", ""])?;
            }
        }
    }
}

fn answer(stream: &mut TcpStream, collection: &Collection, body: &[u8]) -> io::Result<()> {
    REQUESTS.fetch_add(1, Ordering::Relaxed);
    // None of the values has white space in it.
    let body = String::from_utf8_lossy(body).replace([' ', '\n'], "");
    let number = |name| after(&body, name).and_then(|text| text.parse::<usize>().ok());
    let size = number("\"pageSize\":").unwrap_or(100).clamp(1, LARGEST);
    let page = number("\"page\":").unwrap_or(1).max(1);
    let skip = number("\"skip\":").unwrap_or((page - 1) * size);
    let found = collection.find(&body);
    let total = found.len();
    let falls = body.contains("\"modifydate\":-1") || body.contains("\"sk\":-1");
    let (from, to) = (skip.min(total), (skip + size).min(total));
    let reversed: Vec<&str>;
    let joined;
    let records = if falls {
        let ends = found.end - to..found.end - from;
        reversed = ends.rev().map(|n| collection.text(n..n + 1)).collect();
        joined = reversed.join(",");
        &joined
    } else {
        collection.text(found.start + from..found.start + to)
    };
    let has_next = to < total;
    let end =
        format!("],\"total\":{total},\"hasNext\":{has_next},\"page\":{page},\"pageSize\":{size}}}");
    send(stream, ["{\"data\":[", records, &end])
}

fn send(stream: &mut TcpStream, parts: [&str; 3]) -> io::Result<()> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let date = Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: {date}\r\ncontent-length: {length}\r\n\r\n"
    );
    let mut slices =
        [&head, parts[0], parts[1], parts[2]].map(|part| IoSlice::new(part.as_bytes()));
    let mut rest = &mut slices[..];
    while !rest.is_empty() {
        let written = stream.write_vectored(rest)?;
        IoSlice::advance_slices(&mut rest, written);
    }
    Ok(())
}

/// The value of a member, without quotes.
fn after<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(name)?;
    let value = rest.strip_prefix('"').unwrap_or(rest);
    value.split(['"', ',', '}']).next()
}

fn millis(text: &str) -> i64 {
    let date = DateTime::parse_from_rfc3339(text);
    date.map_or(0, |date| date.timestamp_millis())
}

fn number_of(key: &str) -> usize {
    let number = key.rsplit('-').next().unwrap_or_default();
    number.parse().unwrap_or(0)
}
