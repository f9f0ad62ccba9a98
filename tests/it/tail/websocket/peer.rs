//! Tests with npm `ws` (`tests/interop/ws_server.mjs`).

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use evt::source::{
    Authorisation, BoxFuture, Ended, Message, Notice, Outgoing, Outlet, Reconnect, Source,
    SourceError, keep_open,
};
use http::HeaderValue;
use tokio::sync::{mpsc, watch};

use super::{cx, once, options, source, text};
use crate::support::{Node, Recorder, Sandbox};

/// A server, and the start of its URLs.
fn serve() -> Option<(Node, String)> {
    let (node, port) = Node::serve("ws_server.mjs", &[])?;
    Some((node, format!("ws://127.0.0.1:{port}")))
}

#[tokio::test]
async fn a_close_is_reported_with_code_and_reason_and_answered() {
    let Some((mut node, base)) = serve() else {
        return;
    };
    let mut recorder = Recorder::default();
    let end = once(
        options(&format!("{base}/close/4001/go%20away")),
        &mut recorder,
    )
    .await;
    let Err(SourceError::Closed { code, reason }) = end else {
        panic!("{end:?}");
    };
    assert_eq!((code, reason.as_str()), (4001, "go away"));
    assert_eq!(recorder.texts(), ["before"]);
    assert_eq!(node.line(), "closed 4001 go away\n");
}

#[tokio::test]
async fn a_broken_connection_is_a_loss() {
    let Some((_node, base)) = serve() else { return };
    let mut recorder = Recorder::default();
    let end = once(options(&format!("{base}/cut")), &mut recorder).await;
    let Ok(Ended::Lost { why, .. }) = end else {
        panic!("{end:?}");
    };
    assert!(why.contains("1006"), "{why}");
    assert_eq!(recorder.texts(), ["before"]);
}

#[tokio::test]
async fn fragments_are_joined_and_binary_data_is_unchanged() {
    let Some((_node, base)) = serve() else { return };
    let mut recorder = Recorder::default();
    let end = once(options(&format!("{base}/fragments")), &mut recorder).await;
    assert!(matches!(end, Ok(Ended::Finished { .. })), "{end:?}");
    let every: Vec<u8> = (0..=255).collect();
    assert_eq!(recorder.messages, [b"one two three".to_vec(), every]);
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload() {
    let Some((_node, base)) = serve() else { return };
    let mut recorder = Recorder {
        enough: Some(1),
        ..Recorder::default()
    };
    let end = once(options(&format!("{base}/pings")), &mut recorder).await;
    assert!(matches!(end, Ok(Ended::Enough)), "{end:?}");
    assert_eq!(recorder.texts(), ["pong one"]);
}

#[tokio::test]
async fn a_silent_server_is_detected() {
    let Some((_node, base)) = serve() else { return };
    let mut recorder = Recorder::default();
    let mut options = options(&format!("{base}/silent"));
    options.ping = Duration::from_millis(50);
    let end = once(options, &mut recorder).await;
    let Ok(Ended::Lost { why, .. }) = end else {
        panic!("{end:?}");
    };
    assert_eq!(why, "no pong for 0.05 s");
}

#[tokio::test]
async fn a_quiet_server_that_answers_pings_is_alive() {
    let Some((mut node, base)) = serve() else {
        return;
    };
    let mut options = options(&format!("{base}/quiet"));
    options.ping = Duration::from_millis(200);
    let mut recorder = Recorder::default();
    let mut cx = cx(&mut recorder);
    let stop = cx.stop.clone();
    let pings = tokio::task::spawn_blocking(move || {
        let pings = [node.line(), node.line(), node.line(), node.line()];
        stop.cancel();
        (pings, node.line())
    });
    let end = source(options).run(&mut cx).await;
    assert!(matches!(end, Ok(Ended::Stopped)), "{end:?}");
    let (pings, close) = pings.await.unwrap();
    assert_eq!(pings, ["ping\n"; 4]);
    assert_eq!(close, "closed 1000\n", "the close has a code");
}

#[test]
fn each_end_has_an_exit_code_and_a_reason() {
    let Some((_node, base)) = serve() else { return };
    let sandbox = Sandbox::new();
    for (path, flag, exit, said) in [
        ("close/1000/bye", "-L", 0, "1 event"),
        ("close/4001/go%20away", "-L", 6, "4001: go away"),
        ("refuse/401", "-L", 4, "sorry no room"),
        ("redirect?to=/close/1000", "-L", 0, "1 event"),
        ("redirect?to=/close/1000", "-v", 6, "-L"),
        ("big/2000", "--max-message-size=1KiB", 6, "1024"),
    ] {
        let output = sandbox.run(["tail", &format!("{base}/{path}"), flag]);
        assert_eq!(output.exit, Some(exit), "{path}: {output}");
        assert!(output.stderr.contains(said), "{path}: {output}");
    }
    let url = format!("{base}/big/2000");
    let args = ["tail", &url, "--max-message-size=1KiB", "--fail-on-gap"];
    assert_eq!(sandbox.run(args).exit, Some(11), "a lost message is a gap");
}

#[test]
fn the_command_stops_within_a_burst() {
    let Some((_node, base)) = serve() else { return };
    let sandbox = Sandbox::new();
    let url = format!("{base}/bursts/200000");
    let output = sandbox.run(["tail", &url, "--count", "3", "-o", "json"]);
    assert_eq!(output.exit, Some(0), "{output}");
    assert_eq!(output.stdout.lines().count(), 3, "{output}");
}

/// Has room only while the gate is open.
struct SlowOutlet {
    recorder: Recorder,
    gate: watch::Receiver<bool>,
}

impl Outlet for SlowOutlet {
    fn take(&mut self, message: &Message<'_>) -> ControlFlow<()> {
        self.recorder.take(message)
    }

    fn settle(&mut self) -> BoxFuture<'_, ControlFlow<()>> {
        Box::pin(async {
            let _ = self.gate.wait_for(|is_open| *is_open).await;
            ControlFlow::Continue(())
        })
    }

    fn notice(&mut self, notice: Notice) {
        self.recorder.notice(notice);
    }
}

#[tokio::test]
async fn a_slow_reader_costs_neither_the_connection_nor_a_message() {
    let Some((mut node, base)) = serve() else {
        return;
    };
    let mut options = options(&format!("{base}/quiet"));
    options.ping = Duration::from_millis(100);
    let (open, gate) = watch::channel(false);
    let mut slow = SlowOutlet {
        recorder: Recorder::default(),
        gate,
    };
    let mut cx = cx(&mut slow);
    let stop = cx.stop.clone();
    let received = tokio::task::spawn_blocking(move || {
        // Longer than the time limit for a pong.
        let unsolicited = [node.line(), node.line(), node.line()];
        open.send_replace(true);
        while node.line() != "ping\n" {}
        assert_eq!(node.line(), "ping\n", "the server is considered alive");
        stop.cancel();
        unsolicited
    });
    let end = source(options).run(&mut cx).await;
    assert!(matches!(end, Ok(Ended::Stopped)), "{end:?}");
    assert_eq!(received.await.unwrap(), ["pong\n"; 3]);
    assert_eq!(slow.recorder.texts(), ["before"]);
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_with_1009() {
    let Some((mut node, base)) = serve() else {
        return;
    };
    for path in ["big/65537", "endless/1000"] {
        let mut options = options(&format!("{base}/{path}"));
        options.max_message = 65536;
        let end = once(options, &mut Recorder::default()).await;
        assert!(
            matches!(end, Err(SourceError::TooLarge { limit: 65536 })),
            "{end:?}"
        );
        assert_eq!(node.line(), "closed 1009 message too big\n");
    }
    let mut options = options(&format!("{base}/big/65536"));
    options.max_message = 65536;
    let mut recorder = Recorder {
        enough: Some(1),
        ..Recorder::default()
    };
    let end = once(options, &mut recorder).await;
    assert!(matches!(end, Ok(Ended::Enough)), "{end:?}");
    assert_eq!(recorder.messages[0].len(), 65536);
}

#[tokio::test]
async fn a_refused_upgrade_is_an_error_with_status_and_body() {
    let Some((_node, base)) = serve() else { return };
    let end = once(
        options(&format!("{base}/refuse/503")),
        &mut Recorder::default(),
    )
    .await;
    let Err(SourceError::Refused {
        target,
        status,
        body,
        retry_after,
    }) = end
    else {
        panic!("{end:?}");
    };
    assert_eq!(target, format!("{base}/refuse/503"));
    assert_eq!((status.as_u16(), body.as_str()), (503, "sorry no room"));
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn the_chosen_subprotocol_is_reported() {
    let Some((_node, base)) = serve() else { return };
    let mut options = options(&format!("{base}/close/1000?token=secret"));
    options.subprotocols = vec!["v1".to_owned(), "v2".to_owned()];
    options.send_on_connect = vec![text("a")];
    let mut recorder = Recorder::default();
    once(options, &mut recorder).await.unwrap();
    let Notice::Connected {
        target, subscribed, ..
    } = &recorder.notices[0]
    else {
        panic!("{:?}", recorder.notices);
    };
    assert_eq!(subscribed, "subprotocol v2, 1 message sent");
    assert_eq!(*target, format!("{base}/close/1000?…"));
}

#[tokio::test]
async fn a_redirect_is_followed_only_on_request() {
    let Some((_node, base)) = serve() else { return };
    let mut options = options(&format!("{base}/redirect/x?to=../close/1000"));
    let end = once(options.clone(), &mut Recorder::default()).await;
    let Err(error @ SourceError::Redirect { .. }) = end else {
        panic!("{end:?}");
    };
    let words = error.to_string();
    assert!(
        words.contains(&format!("to {base}/close/1000; -L")),
        "{words}"
    );
    options.follow_redirects = true;
    let mut recorder = Recorder::default();
    let end = once(options, &mut recorder).await;
    assert!(matches!(end, Ok(Ended::Finished { .. })), "{end:?}");
    assert_eq!(recorder.texts(), ["before"]);
}

#[tokio::test]
async fn a_redirect_loop_ends() {
    let Some((_node, base)) = serve() else { return };
    let mut options = options(&format!("{base}/redirect?to="));
    options.follow_redirects = true;
    let end = once(options, &mut Recorder::default()).await;
    assert!(matches!(end, Err(SourceError::Redirect { .. })), "{end:?}");
}

#[tokio::test]
async fn credentials_are_not_sent_to_another_origin() {
    let Some((_node, base)) = serve() else { return };
    let elsewhere = base
        .replace("ws://", "http://")
        .replace("127.0.0.1", "localhost");
    for (to, is_sent) in [
        ("/headers".to_owned(), true),
        (format!("{elsewhere}/headers"), false),
    ] {
        let mut options = options(&format!("{base}/redirect?to={to}"));
        options.follow_redirects = true;
        options.credentials = Arc::new(|| {
            let mut authorisation = Authorisation::default();
            let token = HeaderValue::from_static("Bearer t");
            authorisation.headers.insert("authorization", token);
            Ok(authorisation)
        });
        let mut recorder = Recorder::default();
        once(options, &mut recorder).await.unwrap();
        let headers = recorder.texts()[0];
        assert_eq!(headers.contains("Bearer t"), is_sent, "{headers}");
    }
}

#[tokio::test]
async fn messages_to_send_on_connect_are_sent_again_after_a_gap() {
    let Some((_node, base)) = serve() else { return };
    let mut options = options(&format!("{base}/greeted"));
    options.send_on_connect = vec![text("one"), Outgoing::Binary("two".into())];
    let mut recorder = Recorder::default();
    let mut source = source(options);
    let mut cx = cx(&mut recorder);
    let end = keep_open(&mut source, &mut cx, Reconnect::AfterLoss, None, || 0.0).await;
    let Ok(Ended::Finished { why }) = end else {
        panic!("{end:?}");
    };
    assert!(why.ends_with("1000: done"), "{why}");
    assert_eq!(recorder.texts(), ["text one, binary two"; 2]);
    let gaps = recorder.notices.iter().filter_map(|notice| match notice {
        Notice::Gap(gap) => Some((gap.lost, gap.reason.contains("1001: restart"))),
        _ => None,
    });
    assert_eq!(gaps.collect::<Vec<_>>(), [(None, true)]);
}

#[tokio::test]
async fn a_stop_takes_less_than_a_second_without_a_reply() {
    let Some((mut node, base)) = serve() else {
        return;
    };
    for path in ["silent", "never"] {
        let mut recorder = Recorder::default();
        let mut cx = cx(&mut recorder);
        let stop = cx.stop.clone();
        let asked = tokio::task::spawn_blocking(move || {
            node.line();
            stop.cancel();
            (node, Instant::now())
        });
        let end = source(options(&format!("{base}/{path}")))
            .run(&mut cx)
            .await;
        let stopped = Instant::now();
        assert!(matches!(end, Ok(Ended::Stopped)), "{path}: {end:?}");
        let at;
        (node, at) = asked.await.unwrap();
        assert!(stopped - at < Duration::from_secs(1), "{path}");
    }
}

#[tokio::test]
async fn input_is_sent_and_the_stream_continues_after_its_end() {
    let Some((_node, base)) = serve() else { return };
    let mut recorder = Recorder {
        enough: Some(2),
        ..Recorder::default()
    };
    let mut cx = cx(&mut recorder);
    let (typed, input) = mpsc::channel(2);
    typed.send(text("hello")).await.unwrap();
    typed
        .send(Outgoing::Binary(b"\xff\0".as_slice().into()))
        .await
        .unwrap();
    // The input has ended, and both replies still arrive.
    drop(typed);
    cx.input = Some(input);
    let end = source(options(&format!("{base}/echo"))).run(&mut cx).await;
    assert!(matches!(end, Ok(Ended::Enough)), "{end:?}");
    assert_eq!(recorder.messages, [b"hello".to_vec(), b"\xff\0".to_vec()]);
}

#[tokio::test]
async fn an_echo_has_the_same_payload_and_type() {
    let Some((_node, base)) = serve() else { return };
    let mut options = options(&format!("{base}/mirror"));
    options.echo = true;
    let end = once(options, &mut Recorder::default()).await;
    assert!(matches!(end, Ok(Ended::Finished { .. })), "{end:?}");
}

#[tokio::test]
async fn unread_echoes_pause_reading_but_not_the_connection() {
    let Some((mut node, base)) = serve() else {
        return;
    };
    let mut options = options(&format!("{base}/stubborn/128/262144"));
    options.echo = true;
    let end = once(options, &mut Recorder::default()).await;
    let Ok(Ended::Finished { why }) = end else {
        panic!("{end:?}");
    };
    assert!(why.ends_with("all came back"), "{why}");
    assert_eq!(node.line(), "halted\n");
}

#[tokio::test]
async fn a_large_message_is_sent_and_received_unchanged() {
    let Some((_node, base)) = serve() else { return };
    let large = vec![0xa5; 5 << 20];
    let mut options = options(&format!("{base}/echo"));
    options.max_message = large.len();
    options.send_on_connect = vec![Outgoing::Binary(large.clone().into())];
    let mut recorder = Recorder {
        enough: Some(1),
        ..Recorder::default()
    };
    once(options, &mut recorder).await.unwrap();
    assert!(recorder.messages == [large], "not the same bytes");
}

#[tokio::test]
async fn several_large_messages_are_all_sent() {
    let Some((_node, base)) = serve() else { return };
    let large = |byte| vec![byte; 4 << 20];
    let mut options = options(&format!("{base}/echo"));
    options.max_message = 4 << 20;
    options.send_on_connect = (1..=4).map(|n| Outgoing::Binary(large(n).into())).collect();
    let mut recorder = Recorder {
        enough: Some(4),
        ..Recorder::default()
    };
    let echoed = tokio::time::timeout(Duration::from_secs(30), once(options, &mut recorder));
    assert!(echoed.await.is_ok(), "{} came", recorder.messages.len());
    assert!(
        recorder.messages == [large(1), large(2), large(3), large(4)],
        "not the same bytes"
    );
}

/// Checks the order of numbered messages without storing them.
#[derive(Default)]
struct InOrder {
    next: u64,
}

impl Outlet for InOrder {
    fn take(&mut self, message: &Message<'_>) -> ControlFlow<()> {
        let start = format!("{{\"n\":{},", self.next);
        assert!(message.data.starts_with(start.as_bytes()), "{start}");
        self.next += 1;
        ControlFlow::Continue(())
    }

    fn settle(&mut self) -> BoxFuture<'_, ControlFlow<()>> {
        Box::pin(std::future::ready(ControlFlow::Continue(())))
    }

    fn notice(&mut self, _: Notice) {}
}

#[tokio::test]
async fn a_burst_arrives_completely_and_in_order() {
    let Some((_node, base)) = serve() else { return };
    let mut outlet = InOrder::default();
    let end = source(options(&format!("{base}/bursts/200000")))
        .run(&mut cx(&mut outlet))
        .await;
    assert!(matches!(end, Ok(Ended::Finished { .. })), "{end:?}");
    assert_eq!(outlet.next, 200_000);
}
