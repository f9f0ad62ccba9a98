//! Invalid and unusual frames, and how the client responds.

use std::time::Duration;

use evt::source::{Ended, Reconnect, SourceError, keep_open};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{cx, once, options, source};
use crate::support::Recorder;

const FIN: u8 = 0x80;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const RSV1: u8 = 0x40;

/// A short frame with this first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126);
    let mut frame = vec![first, u8::try_from(payload.len()).unwrap()];
    frame.extend(payload);
    frame
}

/// Sends these bytes. Returns the code of the client's close frame, and how the connection ended.
async fn answered(bytes: &[u8]) -> (Option<u16>, Result<Ended, SourceError>, Recorder) {
    answered_to(bytes, false).await
}

async fn answered_to(
    bytes: &[u8],
    until_end: bool,
) -> (Option<u16>, Result<Ended, SourceError>, Recorder) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = tokio_tungstenite::accept_async(stream)
            .await
            .unwrap()
            .into_inner();
        stream.write_all(bytes).await.unwrap();
        let code = close_code(&mut stream).await;
        drop(stream);
        code
    };
    let mut recorder = Recorder::default();
    let mut options = options(&url);
    options.max_message = 4096;
    options.until_end = until_end;
    let both = async { tokio::join!(serve, once(options, &mut recorder)) };
    let (code, end) = tokio::time::timeout(Duration::from_secs(30), both)
        .await
        .unwrap_or_else(|_| panic!("{bytes:x?}"));
    (code, end, recorder)
}

/// The code of the client's close frame, after its pongs; `None` if it has no code.
async fn close_code(stream: &mut tokio::net::TcpStream) -> Option<u16> {
    loop {
        let mut head = [0; 6];
        stream.read_exact(&mut head).await.ok()?;
        assert!(
            head[1] & 0x80 != 0 && head[1] & 0x7f < 126,
            "a masked, short frame: {head:x?}"
        );
        let mut payload = vec![0; usize::from(head[1] & 0x7f)];
        stream.read_exact(&mut payload).await.ok()?;
        for (at, byte) in payload.iter_mut().enumerate() {
            *byte ^= head[2 + at % 4];
        }
        if head[0] == FIN | CLOSE {
            let code = payload.first_chunk::<2>()?;
            return Some(u16::from_be_bytes(*code));
        }
    }
}

#[tokio::test]
async fn invalid_frames_are_closed_with_the_code_of_rfc_6455() {
    let huge = [FIN | BINARY, 127, 0x80, 0, 0, 0, 0, 0, 0, 0];
    let long_ping = [&[FIN | PING, 126, 0, 126][..], &[0; 126]].concat();
    let masked = [FIN | TEXT, 0x80 | 1, 1, 2, 3, 4, b'a' ^ 1];
    let in_two = |first: &[u8], second: &[u8]| [frame(TEXT, first), frame(FIN, second)].concat();
    for (name, bytes, code) in [
        ("a reserved bit", frame(FIN | RSV1 | TEXT, b"a"), 1002),
        ("a reserved data opcode", frame(FIN | 3, b"a"), 1002),
        ("a reserved control opcode", frame(FIN | 11, b""), 1002),
        ("a ping in fragments", frame(PING, b"a"), 1002),
        ("a ping over 125 bytes", long_ping, 1002),
        ("a mask", masked.to_vec(), 1002),
        ("a continuation of nothing", frame(FIN, b"a"), 1002),
        (
            "a message within another",
            [frame(TEXT, b"a"), frame(FIN | TEXT, b"b")].concat(),
            1002,
        ),
        ("a close of one byte", frame(FIN | CLOSE, &[3]), 1002),
        (
            "a close with an invalid code",
            frame(FIN | CLOSE, &[0, 1]),
            1002,
        ),
        ("a length of 2^63", huge.to_vec(), 1009),
        (
            "a frame over the limit",
            vec![FIN | TEXT, 126, 0x10, 1],
            1009,
        ),
        (
            "fragments over the limit",
            frame(BINARY, &[0; 125])
                .into_iter()
                .chain((0..40).flat_map(|_| frame(0, &[0; 125])))
                .collect(),
            1009,
        ),
        ("bad UTF-8", frame(FIN | TEXT, b"a\xff"), 1007),
        ("bad UTF-8 over two fragments", in_two(b"\xc3", b"("), 1007),
        (
            "UTF-8 that ends within a character",
            in_two(b"a", b"\xc3"),
            1007,
        ),
        (
            "bad UTF-8 in the first fragment of many",
            frame(TEXT, b"\xed\xa0\x80"),
            1007,
        ),
        (
            "bad UTF-8 in a close",
            frame(FIN | CLOSE, b"\x03\xe8\xff"),
            1007,
        ),
    ] {
        let (code_sent, end, recorder) = answered(&bytes).await;
        assert_eq!(code_sent, Some(code), "{name}: {end:?}");
        let is_expected = match code {
            1009 => matches!(end, Err(SourceError::TooLarge { limit: 4096 })),
            _ => matches!(end, Err(SourceError::Protocol { .. })),
        };
        assert!(is_expected, "{name}: {end:?}");
        assert_eq!(recorder.messages, Vec::<Vec<u8>>::new(), "{name}");
    }
}

#[tokio::test]
async fn a_character_can_be_split_over_fragments() {
    let bytes = [
        frame(TEXT, b"a\xc3"),
        frame(FIN | PING, b"between"),
        frame(FIN, b"\xa9"),
        frame(FIN | CLOSE, &[3, 0xe8]),
    ];
    let (code_sent, end, recorder) = answered(&bytes.concat()).await;
    assert_eq!(code_sent, Some(1000), "the close is answered: {end:?}");
    assert_eq!(recorder.texts(), ["aé"]);
}

#[tokio::test]
async fn messages_before_an_error_are_passed_on() {
    let bytes = [frame(FIN | TEXT, b"good"), frame(FIN | 3, b"")];
    let (_, end, recorder) = answered(&bytes.concat()).await;
    assert!(matches!(end, Err(SourceError::Protocol { .. })), "{end:?}");
    assert_eq!(recorder.texts(), ["good"]);
}

#[tokio::test]
async fn messages_directly_after_the_handshake_are_not_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let key = head
            .lines()
            .find_map(|line| line.strip_prefix("sec-websocket-key: "))
            .unwrap();
        let mut answer = format!(
            "HTTP/1.1 101 Yes\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {}\r\n\r\n",
            derive_accept_key(key.as_bytes())
        )
        .into_bytes();
        answer.extend(frame(FIN | TEXT, b"first"));
        answer.extend(frame(FIN | CLOSE, &[3, 0xe8]));
        stream.write_all(&answer).await.unwrap();
        close_code(&mut stream).await
    };
    let mut recorder = Recorder::default();
    let (code, end) = tokio::join!(serve, once(options(&url), &mut recorder));
    assert!(matches!(end, Ok(Ended::Finished { .. })), "{end:?}");
    assert_eq!(code, Some(1000));
    assert_eq!(recorder.texts(), ["first"]);
}

#[tokio::test]
async fn each_close_code_is_an_end_a_loss_or_an_error() {
    for (code, means) in [
        (1000, "end"),
        (1001, "loss"),
        (1002, "error"),
        (1003, "error"),
        (1007, "error"),
        (1008, "error"),
        (1009, "error"),
        (1010, "error"),
        (1011, "loss"),
        (1012, "loss"),
        (1013, "loss"),
        (3000, "error"),
        (4000, "error"),
        (4999, "error"),
    ] {
        let mut payload = u16::to_be_bytes(code).to_vec();
        payload.extend(b"because");
        let (code_sent, end, _) = answered(&frame(FIN | CLOSE, &payload)).await;
        assert_eq!(
            code_sent,
            Some(code),
            "the close is answered with its own code"
        );
        let (found, words) = match end {
            Ok(Ended::Finished { why }) => ("end", why),
            Ok(Ended::Lost { why, .. }) => ("loss", why),
            Err(error @ SourceError::Closed { .. }) => ("error", error.to_string()),
            other => panic!("{code}: {other:?}"),
        };
        assert_eq!(found, means, "{code}");
        assert!(words.ends_with(&format!("{code}: because")), "{words}");
    }
}

#[tokio::test]
async fn with_until_end_any_close_ends_the_stream() {
    let close = |code: u16| frame(FIN | CLOSE, &code.to_be_bytes());
    for (bytes, means) in [
        (close(1000), "end"),
        (close(1001), "end"),
        (frame(FIN | CLOSE, b""), "end"),
        (close(1011), "error 1011"),
        (close(1013), "error 1013"),
        (close(4000), "error 4000"),
    ] {
        let (_, end, _) = answered_to(&bytes, true).await;
        let found = match end {
            Ok(Ended::Finished { .. }) => "end".to_owned(),
            Err(SourceError::Closed { code, .. }) => format!("error {code}"),
            other => panic!("{means}: {other:?}"),
        };
        assert_eq!(found, means);
    }
}

#[tokio::test]
async fn a_close_without_a_code_is_the_end() {
    let (_, end, _) = answered(&frame(FIN | CLOSE, b"")).await;
    let Ok(Ended::Finished { why }) = end else {
        panic!("{end:?}");
    };
    assert!(why.contains("1005"), "{why}");
}

/// What the loop that reconnects makes of a server that sends these bytes over each connection: how often it connected,
/// up to three times, and how it ended.
async fn followed(
    bytes: &[u8],
    reconnect: Reconnect,
) -> (usize, Option<Result<Ended, SourceError>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let mut recorder = Recorder::default();
    let mut cx = cx(&mut recorder);
    let stop = cx.stop.clone();
    let serve = async {
        for connections in 1..=3 {
            let (stream, _) = listener.accept().await.unwrap();
            let stream = tokio_tungstenite::accept_async(stream).await.unwrap();
            let mut stream = stream.into_inner();
            stream.write_all(bytes).await.unwrap();
            close_code(&mut stream).await;
            if connections == 3 {
                break;
            }
        }
        stop.cancel();
    };
    let mut source = source(options(&url));
    let following = keep_open(&mut source, &mut cx, reconnect, None, || 0.0);
    let end = tokio::select! {
        biased;
        end = following => Some(end),
        () = serve => None,
    };
    let reconnects = usize::try_from(cx.reconnects).unwrap();
    (reconnects + 1, end)
}

#[tokio::test]
async fn only_an_interruption_is_a_reason_to_reconnect() {
    let interruptions = [1001, 1011, 1012, 1013, 1014];
    let codes = (0..=1016).chain([2999, 3000, 3003, 3999, 4000, 4001, 4999, 5000, 65535]);
    let codes = codes.filter(|code| *code < 3 || *code > 998);
    for code in codes {
        let close = frame(FIN | CLOSE, &u16::to_be_bytes(code));
        let (connections, end) = followed(&close, Reconnect::AfterLoss).await;
        let is_end = matches!(end, Some(Ok(Ended::Finished { .. })));
        let is_error = matches!(
            end,
            Some(Err(
                SourceError::Closed { .. } | SourceError::Protocol { .. }
            ))
        );
        match code {
            code if interruptions.contains(&code) => assert!(connections >= 3, "{code}: {end:?}"),
            1000 => assert!(is_end && connections == 1, "{code}: {end:?}"),
            _ => assert!(is_error && connections == 1, "{code}: {end:?}"),
        }
    }
}

#[tokio::test]
async fn invalid_frames_are_retried_only_on_request() {
    for bytes in [
        frame(FIN | TEXT, b"h\xff"),
        frame(FIN | RSV1 | TEXT, b"a"),
        frame(FIN | CLOSE, &[3]),
        frame(FIN, b"a"),
    ] {
        let (connections, end) = followed(&bytes, Reconnect::AfterLoss).await;
        assert_eq!(connections, 1, "{bytes:x?}");
        assert!(
            matches!(end, Some(Err(SourceError::Protocol { .. }))),
            "{end:?}"
        );
        let (connections, end) = followed(&bytes, Reconnect::Always).await;
        assert!(connections >= 2 && end.is_none(), "{bytes:x?}: {end:?}");
    }
}

#[tokio::test]
async fn many_empty_fragments_do_not_extend_the_limit() {
    let fragments = (0..4100).flat_map(|size| frame(0, if size % 2 == 0 { b"" } else { b"ab" }));
    let bytes: Vec<u8> = frame(BINARY, b"").into_iter().chain(fragments).collect();
    let (code, end, _) = answered(&bytes).await;
    assert_eq!(code, Some(1009));
    assert!(
        matches!(end, Err(SourceError::TooLarge { limit: 4096 })),
        "{end:?}"
    );
}

#[tokio::test]
async fn a_server_may_choose_no_subprotocol() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = options(&format!("ws://{}/", listener.local_addr().unwrap()));
    options.subprotocols = vec!["v1".to_owned()];
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = tokio_tungstenite::accept_async(stream).await.unwrap();
        let mut stream = stream.into_inner();
        stream
            .write_all(&frame(FIN | CLOSE, b"\x03\xe8"))
            .await
            .unwrap();
        close_code(&mut stream).await
    };
    let mut recorder = Recorder::default();
    let (_, end) = tokio::join!(serve, once(options, &mut recorder));
    assert!(matches!(end, Ok(Ended::Finished { .. })), "{end:?}");
    let remarks = recorder.remarks();
    assert!(remarks[0].contains("--subprotocol"), "{remarks:?}");
}
