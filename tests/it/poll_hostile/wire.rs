//! Tests of the server itself: each fault does what its name says.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::data::{Change, Churn, Data};
use super::dates::HOUR;
use super::deployment::Deployment;
use super::driver::Scenario;
use super::faults::{Fault, Plan, RetryAfter};
use super::response::Style;
use super::server::{HostileServer, ORGANISATION, TOKEN};

type Server = HostileServer<Deployment>;

fn server(faults: &[Plan]) -> Server {
    let scenario = Scenario {
        data: Data {
            records: 30,
            ..Data::PLAIN
        },
        churn: Churn::NONE,
        ..Scenario::PLAIN
    };
    scenario.serve_with(faults, 1)
}

/// All bytes of the response to one find request, and how the connection ended.
fn exchange(server: &Server) -> (String, Option<ErrorKind>) {
    let body = json!({"query": {}, "options": {"sort": {"sk": 1}, "pageSize": 20}}).to_string();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let request = format!(
        "POST /repository/find/contact HTTP/1.1\r\nconnection: close\r\norgid: {ORGANISATION}\r\nauthorization: Bearer {TOKEN}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    // Ends a connection that is kept alive. One that was reset has ended already.
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let ended = stream
        .read_to_end(&mut answer)
        .err()
        .map(|error| error.kind());
    (String::from_utf8(answer).unwrap(), ended)
}

/// The status, a header's value, the body.
fn parts<'a>(answer: &'a str, header: &str) -> (u16, Option<&'a str>, &'a str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let named = lines
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| *name == header);
    (status, named.map(|(_, value)| value), body)
}

fn records(body: &str) -> usize {
    let body: Value = serde_json::from_str(body).unwrap();
    body["data"].as_array().unwrap().len()
}

#[test]
fn a_response_without_a_fault_is_complete_and_dated() {
    let (answer, ended) = exchange(&server(&[]));
    let (status, date, body) = parts(&answer, "date");
    assert_eq!((status, records(body), ended), (200, 20, None));
    assert!(date.unwrap().ends_with(" GMT"), "{answer}");
}

#[test]
fn connections_are_kept_alive() {
    let server = server(&[]);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    for _ in 0..2 {
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 404");
        let mut rest = vec![0; 1000];
        while !rest.starts_with(b"}") {
            stream.read_exact(&mut rest[..1]).unwrap();
        }
    }
}

#[test]
fn requests_without_credentials_are_refused() {
    let server = server(&[]);
    let reply = crate::support::raw::exchange(
        server.address(),
        "POST",
        "/repository/find/contact",
        &[],
        b"{}",
    );
    assert_eq!(reply.map(|reply| reply.status), Some(401));
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn truncated_responses_are_truncated() {
    let whole = exchange(&server(&[])).0;
    let promised = |answer: &str| {
        parts(answer, "content-length")
            .1
            .unwrap()
            .parse::<usize>()
            .unwrap()
    };

    let (answer, ended) = exchange(&server(&[Plan::at(1, Fault::CutShort)]));
    assert_eq!((promised(&answer), ended), (promised(&whole), None));
    assert!(parts(&answer, "").2.len() < promised(&answer));

    let (answer, ended) = exchange(&server(&[Plan::at(1, Fault::CutJson)]));
    let (status, _, body) = parts(&answer, "");
    assert_eq!((status, body.len(), ended), (200, promised(&answer), None));
    assert!(serde_json::from_str::<Value>(body).is_err(), "{body}");

    let (answer, ended) = exchange(&server(&[Plan::at(1, Fault::ResetBefore)]));
    assert_eq!(
        (answer.as_str(), ended),
        ("", Some(ErrorKind::ConnectionReset))
    );

    // A reset may discard bytes that had arrived before it.
    let (answer, ended) = exchange(&server(&[Plan::at(1, Fault::ResetMiddle)]));
    assert_eq!(ended, Some(ErrorKind::ConnectionReset));
    assert!(answer.len() < whole.len());
}

#[test]
fn a_chunked_body_is_the_same_body() {
    let scenario = Scenario {
        data: Data {
            records: 30,
            ..Data::PLAIN
        },
        churn: Churn::NONE,
        style: Style {
            chunked: true,
            ..Style::PLAIN
        },
        ..Scenario::PLAIN
    };
    let (answer, _) = exchange(&scenario.serve(1));
    let (_, encoding, mut body) = parts(&answer, "transfer-encoding");
    assert_eq!(encoding, Some("chunked"));
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        whole.push_str(&rest[..length]);
        body = rest.get(length + 2..).unwrap_or_default();
        if length == 0 {
            break;
        }
    }
    assert_eq!(records(&whole), 20);
}

#[test]
fn html_and_errors_come_with_200() {
    for (fault, says) in [(Fault::Html, "<html>"), (Fault::ErrorWith200, "\"error\"")] {
        let (answer, _) = exchange(&server(&[Plan::at(1, fault)]));
        let (status, _, body) = parts(&answer, "");
        assert!(status == 200 && body.contains(says), "{answer}");
    }
}

#[test]
fn an_empty_page_is_valid() {
    let (answer, _) = exchange(&server(&[Plan::at(1, Fault::Empty)]));
    assert_eq!(parts(&answer, "").2, "{\"data\":[],\"total\":30}");
}

#[test]
fn a_duplicate_is_the_previous_response_and_a_stale_page_an_earlier_state() {
    let scenario = Scenario {
        data: Data {
            records: 5,
            ..Data::PLAIN
        },
        churn: Churn {
            per_request: 1,
            budget: 100,
            mix: &[(Change::Update, 1)],
            ..Churn::NONE
        },
        ..Scenario::PLAIN
    };
    let plans = [Plan::at(2, Fault::Duplicate), Plan::at(4, Fault::Stale(2))];
    let server = scenario.serve_with(&plans, 1);
    let bodies: Vec<String> = (0..4)
        .map(|_| parts(&exchange(&server).0, "").2.to_owned())
        .collect();
    assert_eq!(bodies[0], bodies[1]);
    assert_ne!(bodies[1], bodies[2]);
    assert_ne!(bodies[2], bodies[3]);
    // Four updates were made until then. Two of them are missing.
    let stale: Value = serde_json::from_str(&bodies[3]).unwrap();
    let versions = stale["data"].as_array().unwrap().iter();
    let updates: u64 = versions
        .map(|record| record["version"].as_u64().unwrap() - 1)
        .sum();
    assert_eq!(updates, 2);
}

#[test]
fn requests_before_the_end_of_retry_after_are_counted() {
    let server = server(&[Plan::at(1, Fault::TooMany(RetryAfter::Seconds(3600)))]);
    let (answer, _) = exchange(&server);
    let (status, after, _) = parts(&answer, "retry-after");
    assert_eq!((status, after), (429, Some("3600")));
    assert!(server.paused().is_throttling());
    assert_eq!(server.paused().early_requests, 0);
    exchange(&server);
    assert_eq!(server.paused().early_requests, 1);
}

#[test]
fn a_retry_after_date_uses_the_servers_clock() {
    let scenario = Scenario {
        clock_offset: -5 * HOUR,
        ..Scenario::PLAIN
    };
    let plans = [Plan::at(1, Fault::TooMany(RetryAfter::Date(60)))];
    let (answer, _) = exchange(&scenario.serve_with(&plans, 1));
    let time =
        |header| chrono::DateTime::parse_from_rfc2822(parts(&answer, header).1.unwrap()).unwrap();
    assert_eq!((time("retry-after") - time("date")).num_seconds(), 60);
    assert!((chrono::Utc::now() - time("date").to_utc()).num_minutes() >= 299);
}

#[test]
fn a_held_response_is_sent_after_release() {
    let server = server(&[]);
    server.hold();
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| exchange(&server).0);
        server.wait_for_requests(1, || false);
        assert!(!asked.is_finished());
        server.release();
        assert_eq!(records(parts(&asked.join().unwrap(), "").2), 20);
    });
}
