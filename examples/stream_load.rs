//! Streams at full speed, for benches/compare.sh: the same events over SSE, WebSocket and Socket.IO, written from
//! memory.
//!
//! Run `cargo run --release --example stream_load -- 4893`. The path selects the stream, with N events each: `/sse/N` ·
//! `/sse-large/N` (64 KB each) · `/sse-paced/N` (1,000 per second, with the time of sending) · `/ws/N` · `/socket.io/`
//! (N in `?n=`).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Events in one write, as on a busy server.
const BATCH: usize = 256;

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1);
    let port: u16 = port.and_then(|port| port.parse().ok()).unwrap_or(4893);
    for stream in TcpListener::bind(("127.0.0.1", port))?.incoming() {
        let stream = stream?;
        std::thread::spawn(move || {
            // The client may close the connection early, which ends the writing.
            let _ = serve(stream);
        });
    }
    Ok(())
}

fn serve(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or("/").to_owned();
    let mut key = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("sec-websocket-key")
        {
            key = derive_accept_key(value.trim().as_bytes());
        }
    }
    let number = |text: &str| text.parse().unwrap_or(1_000_000);
    let (kind, count) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
    match kind {
        "sse" => sse(stream, number(count), 200),
        "sse-large" => sse(stream, number(count), 64 * 1024),
        "sse-paced" => paced(stream, number(count)),
        "ws" => {
            upgrade(&stream, &key)?;
            websocket(stream, number(count))
        }
        "socket.io" => {
            upgrade(&stream, &key)?;
            let count = path.split("n=").nth(1).unwrap_or_default();
            let count = count.split('&').next().unwrap_or_default();
            socketio(stream, reader, number(count))
        }
        _ => (&stream).write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
    }
}

/// A JSON object of this size in bytes.
fn event(size: usize) -> String {
    let head = r#"{"type":"contact.updated","id":"evt_01HX7Q","data":{"sk":"contact-1","amount":10.00,"note":""#;
    let filler = "x".repeat(size.saturating_sub(head.len() + 3));
    format!("{head}{filler}\"}}}}")
}

const STREAM: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// One chunk per event, as servers write them, and many chunks per packet, as the system sends them.
fn sse(mut stream: TcpStream, count: usize, size: usize) -> io::Result<()> {
    let event = format!("data: {}\n\n", event(size));
    let chunk = format!("{:x}\r\n{event}\r\n", event.len());
    let batch = if size > 1000 { 1 } else { BATCH };
    stream.write_all(STREAM)?;
    repeat(count, batch, |events| {
        stream.write_all(chunk.repeat(events).as_bytes())
    })?;
    stream.write_all(b"0\r\n\r\n")
}

/// One event per millisecond, each in its own chunk, with the time at which it was written.
fn paced(mut stream: TcpStream, count: usize) -> io::Result<()> {
    stream.write_all(STREAM)?;
    let begun = Instant::now();
    for n in 0..count {
        let due = begun + Duration::from_millis(n as u64);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let body = format!(
            "data: {{\"sent_ns\":{}}}\n\n",
            now.unwrap_or_default().as_nanos()
        );
        stream.write_all(format!("{:x}\r\n{body}\r\n", body.len()).as_bytes())?;
    }
    stream.write_all(b"0\r\n\r\n")
}

fn upgrade(mut stream: &TcpStream, key: &str) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {key}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())
}

fn websocket(mut stream: TcpStream, count: usize) -> io::Result<()> {
    let one = text_frame(&event(200));
    repeat(count, BATCH, |events| stream.write_all(&one.repeat(events)))?;
    close(stream)
}

fn socketio(
    mut stream: TcpStream,
    mut reader: BufReader<TcpStream>,
    count: usize,
) -> io::Result<()> {
    let open = r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
    stream.write_all(&text_frame(open))?;
    // The client's `40`, which is ignored.
    reader.read_exact(&mut [0; 8])?;
    stream.write_all(&text_frame(r#"40{"sid":"n"}"#))?;
    let one = text_frame(&format!("42[\"tick\",{}]", event(200)));
    repeat(count, BATCH, |events| stream.write_all(&one.repeat(events)))?;
    stream.write_all(&text_frame("41"))?;
    close(stream)
}

fn repeat(
    count: usize,
    batch: usize,
    mut write: impl FnMut(usize) -> io::Result<()>,
) -> io::Result<()> {
    for _ in 0..count / batch {
        write(batch)?;
    }
    match count % batch {
        0 => Ok(()),
        rest => write(rest),
    }
}

fn text_frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u16::try_from(text.len()) {
        Ok(length) if length < 126 => frame.push(length as u8),
        Ok(length) => {
            frame.push(126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        Err(_) => {
            frame.push(127);
            frame.extend_from_slice(&(text.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// Sends 1000, and reads the client's reply.
fn close(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(&[0x88, 2, 0x03, 0xe8])?;
    stream.shutdown(Shutdown::Write)?;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).map(drop)
}
