//! Responses of a server: status, content type, coding, size.

use std::io::Write;

use evt::event::Transport;
use evt::source::{Ended, Source, SourceError};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::follower::{Follower, options, sending};
use crate::support::{SseServer, Step};

#[tokio::test]
async fn the_request_accepts_streams_and_no_compression() {
    let server = SseServer::start(vec![vec![Step::answer(204, "", "")]]);
    let mut follower = Follower::new(evt::source::SseOptions {
        credentials: sending(&[("orgid", "demo"), ("authorization", "Bearer t")]),
        ..options(&server.url("/events?a=1"))
    });
    follower.connection().await.unwrap();
    let request = &server.requests()[0];
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("GET", "/events?a=1")
    );
    for (name, value) in [
        ("accept", Some("text/event-stream, application/x-ndjson")),
        ("cache-control", Some("no-cache")),
        ("orgid", Some("demo")),
        ("authorization", Some("Bearer t")),
        ("last-event-id", None),
        ("accept-encoding", None),
    ] {
        assert_eq!(request.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn a_header_of_the_user_replaces_the_default() {
    let server = SseServer::start(vec![vec![Step::answer(204, "", "")]]);
    let mut follower = Follower::new(evt::source::SseOptions {
        credentials: sending(&[("accept", "text/event-stream")]),
        ..options(&server.url("/"))
    });
    follower.connection().await.unwrap();
    let request = server.requests().remove(0);
    let accepts = request
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("accept"));
    assert_eq!(
        accepts.map(|(_, value)| value.as_str()).collect::<Vec<_>>(),
        ["text/event-stream"]
    );
}

#[tokio::test]
async fn no_content_finishes_the_stream() {
    let server = SseServer::start(vec![vec![Step::answer(204, "", "")]]);
    let mut follower = Follower::new(options(&server.url("/")));
    let ended = follower.connection().await;
    assert!(matches!(ended, Ok(Ended::Finished { .. })), "{ended:?}");
}

#[tokio::test]
async fn any_other_status_is_an_error_with_the_start_of_the_body() {
    for status in [
        201, 206, 300, 304, 400, 401, 403, 404, 410, 429, 500, 502, 503,
    ] {
        let headers = "content-type: text/event-stream\r\nretry-after: 7\r\n";
        let body = if status == 304 { "" } else { "because" };
        let server = SseServer::start(vec![vec![Step::answer(status, headers, body)]]);
        let error = Follower::new(options(&server.url("/?token=abc")))
            .connection()
            .await
            .unwrap_err();
        let SourceError::Refused {
            target,
            status: found,
            body: start,
            ..
        } = &error
        else {
            panic!("{status}: {error:?}");
        };
        assert_eq!((found.as_u16(), start.as_str()), (status, body));
        assert!(target.ends_with("/?token=…"), "{target}");
        assert_eq!(error.retry_after().as_secs(), 7, "{status}");
    }
}

#[tokio::test]
async fn content_types_are_recognized_in_any_case_and_with_parameters() {
    for (content_type, transport) in [
        ("text/event-stream", Transport::Sse),
        ("Text/Event-Stream; charset=utf-8", Transport::Sse),
        ("text/event-stream;", Transport::Sse),
        ("application/x-ndjson", Transport::Ndjson),
        ("application/ndjson; charset=utf-8", Transport::Ndjson),
        ("application/jsonl", Transport::Ndjson),
        ("application/stream+json", Transport::Ndjson),
    ] {
        let script = vec![Step::head(content_type), Step::end()];
        let server = SseServer::start(vec![script]);
        let mut follower = Follower::new(options(&server.url("/")));
        follower.connection().await.unwrap();
        assert_eq!(follower.source.transport(), transport, "{content_type}");
    }
}

#[tokio::test]
async fn a_response_that_is_not_a_stream_is_an_error_with_its_type_and_start() {
    for content_type in [
        "text/html",
        "application/json",
        "text/event-streams",
        "text/plain; text/event-stream",
    ] {
        let headers = format!("content-type: {content_type}\r\n");
        let server = SseServer::start(vec![vec![Step::answer(200, &headers, "<html>")]]);
        let error = Follower::new(options(&server.url("/")))
            .connection()
            .await
            .unwrap_err();
        assert!(
            matches!(&error, SourceError::NotAStream { content_type: found, body, .. }
                if found == content_type && body == "<html>"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_response_without_content_type_is_not_a_stream() {
    let server = SseServer::start(vec![vec![Step::answer(200, "", "data: 1\n\n")]]);
    let error = Follower::new(options(&server.url("/")))
        .connection()
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("it responded with no content type"),
        "{error}"
    );
}

#[tokio::test]
async fn lines_of_json_are_messages_and_finish_with_the_body() {
    let server = SseServer::start(vec![vec![
        Step::head("application/x-ndjson"),
        Step::chunk("{\"a\":1}\n\n{\"b\""),
        Step::chunk(":2}\r\n{\"c\":3}"),
        Step::end(),
    ]]);
    let mut follower = Follower::new(options(&server.url("/")));
    let ended = follower.connection().await;
    assert!(matches!(ended, Ok(Ended::Finished { .. })), "{ended:?}");
    assert_eq!(
        follower.recorder.texts(),
        ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]
    );
}

#[tokio::test]
async fn an_unfinished_line_of_json_is_discarded_at_a_loss() {
    let script = vec![Step::head("application/x-ndjson"), Step::chunk("1\n2")];
    let server = SseServer::start(vec![script]);
    let mut follower = Follower::new(options(&server.url("/")));
    follower.lost().await;
    assert_eq!(follower.recorder.texts(), ["1"]);
}

#[tokio::test]
async fn a_compressed_stream_is_decoded_as_it_arrives() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(b"data: 1\n\n").unwrap();
    gzip.flush().unwrap();
    let first = std::mem::take(gzip.get_mut());
    gzip.write_all(b"data: 2\n\n").unwrap();
    let gzip = [first, gzip.finish().unwrap()];
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(b"data: 1\n\ndata: 2\n\n").unwrap();
    let zlib = [zlib.finish().unwrap(), Vec::new()];
    for (coding, [first, second]) in [("gzip", gzip), ("Deflate", zlib)] {
        let head = format!("text/event-stream\r\ncontent-encoding: {coding}");
        let mut script = vec![Step::head(&head), Step::chunk(&first)];
        if !second.is_empty() {
            script.push(Step::chunk(&second));
        }
        script.push(Step::end());
        let server = SseServer::start(vec![script]);
        let mut follower = Follower::new(options(&server.url("/")));
        follower.lost().await;
        assert_eq!(follower.recorder.texts(), ["1", "2"], "{coding}");
    }
}

#[tokio::test]
async fn a_body_in_another_coding_than_declared_is_a_violation() {
    let head = "text/event-stream\r\ncontent-encoding: gzip";
    let script = vec![
        Step::head(head),
        Step::chunk("data: 12345678\n\n"),
        Step::end(),
    ];
    let server = SseServer::start(vec![script]);
    let ended = Follower::new(options(&server.url("/"))).connection().await;
    assert!(
        matches!(ended, Err(SourceError::Protocol { .. })),
        "{ended:?}"
    );
}

#[tokio::test]
async fn an_unknown_coding_is_an_error() {
    let script = vec![
        Step::head("text/event-stream\r\ncontent-encoding: br"),
        Step::end(),
    ];
    let server = SseServer::start(vec![script]);
    let error = Follower::new(options(&server.url("/")))
        .connection()
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("text/event-stream in content-encoding br"),
        "{error}"
    );
}

#[tokio::test]
async fn a_line_of_four_mebibytes_is_complete() {
    let part = "x".repeat(1 << 16);
    let mut script = vec![Step::events(), Step::chunk("data: ")];
    script.extend((0..64).map(|_| Step::chunk(&part)));
    script.extend([Step::chunk("\n\n"), Step::end()]);
    let server = SseServer::start(vec![script]);
    let mut follower = Follower::new(options(&server.url("/")));
    follower.lost().await;
    let [data] = &follower.recorder.messages[..] else {
        panic!("{} messages", follower.recorder.messages.len());
    };
    assert!(data.len() == 4 << 20 && data.iter().all(|byte| *byte == b'x'));
}

#[tokio::test]
async fn a_line_over_the_limit_is_reported_once_at_its_end() {
    let part = format!("1000\r\n{}\r\n", "x".repeat(4096));
    let server = SseServer::start(vec![vec![
        Step::events(),
        Step::chunk("data: "),
        Step::Repeat(part.into_bytes(), 100),
        Step::chunk("\n\ndata: 2\n\n"),
        Step::end(),
    ]]);
    let mut follower = Follower::new(evt::source::SseOptions {
        max_message: 10_000,
        ..options(&server.url("/"))
    });
    follower.lost().await;
    assert_eq!(follower.recorder.texts(), ["2"]);
    assert_eq!(follower.recorder.malformed(), [409_606]);
    assert_eq!(follower.recorder.remarks(), [""; 0]);
}

#[tokio::test]
async fn an_endless_line_is_reported_at_the_loss() {
    let line = format!("data:{}", "x".repeat(19_995));
    let server = SseServer::start(vec![vec![Step::events(), Step::chunk(&line)]]);
    let mut follower = Follower::new(evt::source::SseOptions {
        max_message: 10_000,
        ..options(&server.url("/"))
    });
    follower.lost().await;
    assert_eq!(follower.recorder.malformed(), [20_000]);
}

#[tokio::test]
async fn single_bytes_form_the_same_events() {
    let mut script = vec![Step::events()];
    let body = b"\xEF\xBB\xBFevent: a\r\nid: 1\r\ndata: x\r\ndata\r\n\r\n: c\n\ndata: \xFF\n\n";
    script.extend(body.iter().map(|byte| Step::chunk([*byte])));
    let server = SseServer::start(vec![script]);
    let mut follower = Follower::new(options(&server.url("/")));
    follower.lost().await;
    let recorder = &follower.recorder;
    assert_eq!(recorder.messages, [&b"x\n"[..], b"\xFF"]);
    let id = Some("1".to_owned());
    let names = [(Some("a".to_owned()), id.clone()), (None, id)];
    assert_eq!(recorder.names, names);
}
