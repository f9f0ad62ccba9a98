//! What comes instead of a page: compressed, of another encoding or kind, or with records that cannot be read.

use std::io::{BufReader, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{keys, notice, poll, row, table};
use crate::support::http::{Server, read_request};
use crate::support::{Output, Sandbox, Table};

/// A server that gives every request the same response, and counts the requests.
fn answering(head: &'static str, body: Vec<u8>) -> (Server, Sandbox, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    let server = Server::start(move |mut stream| {
        let Ok(reading) = stream.try_clone() else {
            return;
        };
        let mut reading = BufReader::new(reading);
        while read_request(&mut reading).is_some() {
            count.fetch_add(1, Ordering::SeqCst);
            let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len());
            if stream
                .write_all(&[head.as_bytes(), &body[..]].concat())
                .is_err()
            {
                return;
            }
        }
    });
    let sandbox = Sandbox::new()
        .with("EVT_URL", server.url(""))
        .with("EVT_ORG", "acme")
        .with("EVT_TOKEN", "t0k");
    (server, sandbox, requests)
}

fn gzip(text: &str) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::best());
    out.write_all(text.as_bytes()).expect("memory takes all");
    out.finish().expect("memory takes all")
}

fn listed(head: &'static str, body: Vec<u8>) -> Output {
    let (_server, sandbox, _) = answering(head, body);
    sandbox.run(["records", "list", "contact"])
}

#[test]
fn gzip_without_being_asked_and_a_byte_order_mark_are_read() {
    let page = format!("{{\"data\":[{}]}}", row("a", "10:00:00.000", ""));
    for (head, body) in [
        ("200 OK\r\ncontent-encoding: gzip", gzip(&page)),
        ("200 OK", gzip(&page)),
        ("200 OK", format!("\u{feff}{page}").into_bytes()),
    ] {
        let output = listed(head, body).expect_exit(0);
        assert_eq!(keys(&output), ["a"], "{head}");
    }
}

#[test]
fn what_came_instead_of_json_is_named() {
    for (head, body, named) in [
        (
            "200 OK",
            &b"<html><title>Sign in \x1b[31m</title>"[..],
            "an HTML page, \"Sign in \\u{1b}[31m\"",
        ),
        ("200 OK", b"", "empty (200)"),
        ("204 No Content", b"", "204 No Content"),
        (
            "200 OK\r\ncontent-type: application/json; charset=ISO-8859-1",
            b"{\"data\":[{\"n\":\"Zo\xeb\"}]}",
            "says ISO-8859-1",
        ),
        ("200 OK", b"\xff\xfe{\0}\0", "UTF-16"),
        (
            "200 OK\r\ncontent-encoding: br",
            b"\x0b\x05\x80",
            "compressed with `br`",
        ),
    ] {
        let output = listed(head, body.to_vec()).expect_exit(6);
        assert!(output.stderr.contains(named), "{named}: {output}");
    }
}

#[test]
fn a_redirect_to_a_login_page_ends_the_poll_at_once() {
    let (_server, sandbox, requests) = answering("302 Found\r\nlocation: /login", Vec::new());
    let output = poll(&sandbox, &[]).expect_exit(4);
    assert!(
        output.stderr.contains("the server redirects to /login"),
        "{output}"
    );
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[test]
fn dates_of_mail_and_http_are_read_and_others_are_quoted() {
    let http = table(&[]);
    for (key, date) in [
        ("a", "Fri, 24 Apr 2026 10:00:00 GMT"),
        ("b", "Sat, 25 Apr 2026 09:00:00 GMT"),
    ] {
        http.put(&format!("{{\"sk\":\"{key}\",\"modifydate\":\"{date}\"}}"));
    }
    let sandbox = http.sandbox();
    let mut read = keys(&poll(&sandbox, &[]).expect_exit(0));
    read.sort();
    assert_eq!(read, ["a", "b"]);
    http.put("{\"sk\":\"c\",\"modifydate\":\"Sun, 26 Apr 2026 08:00:00 GMT\"}");
    assert_eq!(keys(&poll(&sandbox, &[]).expect_exit(0)), ["c"]);
    let american = Table::start(&["{\"sk\":\"a\",\"modifydate\":\"04/25/2026 10:00 AM\"}"]);
    let refused = poll(&american.sandbox(), &[]).expect_exit(2);
    assert!(
        refused
            .stderr
            .contains("evt cannot read `04/25/2026 10:00 AM`"),
        "{refused}"
    );
}

/// Two good records around one that is not JSON.
fn with_malformed() -> Table {
    let table = table(&["a"]);
    table.put_text(
        "b",
        "2026-04-25T10:00:01.000Z",
        "{\"sk\":\"b\",\"modifydate\":\"2026-04-25T10:00:01.000Z\",\"n\":NaN}",
    );
    table.put(&row("c", "10:00:02.000", ""));
    table
}

#[test]
fn a_malformed_record_is_named_with_the_flag_that_skips_it() {
    let table = with_malformed();
    let sandbox = table.sandbox();
    let refused = poll(&sandbox, &[]).expect_exit(6);
    assert_eq!(refused.stdout, "");
    for part in [
        "the record `b`",
        "not valid JSON",
        "--skip-malformed",
        "code malformed_record",
    ] {
        assert!(refused.stderr.contains(part), "{part}: {refused}");
    }
    let skipped = poll(&sandbox, &["--skip-malformed"]).expect_exit(10);
    assert_eq!(keys(&skipped), ["a", "c"]);
    assert!(skipped.stderr.contains("the record `b`"), "{skipped}");
    // The same facts are reported again, and records after it are still read.
    table.put(&row("d", "10:00:03.000", ""));
    assert_eq!(
        keys(&poll(&sandbox, &["--skip-malformed"]).expect_exit(10)),
        ["d"]
    );
}

#[test]
fn skipped_records_are_counted_and_stored_in_the_state() {
    let table = with_malformed();
    let sandbox = table.sandbox();
    let output = poll(&sandbox, &["--skip-malformed", "-o", "json"]).expect_exit(10);
    assert_eq!(notice(&output, "summary")["malformed"], 1);
    let shown = sandbox.run(["poll", "state", "list"]).expect_exit(0);
    let key = shown.json_lines()[0]["key"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let shown = sandbox.run(["poll", "state", "show", &key]).expect_exit(0);
    assert_eq!(shown.json_lines()[0]["malformed"][0]["key"], "b", "{shown}");
}
