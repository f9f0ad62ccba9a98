//! Against npm `ws`: `tests/interop/ws_server.mjs`.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use evt::source::{
    Authorisation, BoxFuture, Ended, Message, Notice, Outgoing, Outlet, Reconnect, Source,
    SourceError, keep_open,
};
use http::HeaderValue;
use tokio::sync::{mpsc, watch};

use super::{Heard, cx, once, options, source, text};
use crate::support::{Node, Sandbox};

/// A server, and the start of its URLs.
fn serve() -> Option<(Node, String)> {
    let (node, port) = Node::serve("ws_server.mjs", &[])?;
    Some((node, format!("ws://127.0.0.1:{port}")))
}

#[tokio::test]
async fn a_close_is_shown_with_code_and_reason_and_answered() {
    let Some((mut node, base)) = serve() else {
        return;
    };
    let mut heard = Heard::default();
    let end = once(options(&format!("{base}/close/4001/go%20away")), &mut heard).await;
    let Err(SourceError::Closed { code, reason }) = end else {
        panic!("{end:?}");
    };
    assert_eq!((code, reason.as_str()), (4001, "go away"));
    assert_eq!(heard.texts(), ["before"]);
    assert_eq!(node.line(), "closed 4001 go away\n");
}

#[tokio::test]
async fn a_connection_that_breaks_off_is_a_loss() {
    let Some((_node, base)) = serve() else { return };
    let mut heard = Heard::default();
    let end = once(options(&format!("{base}/cut")), &mut heard).await;
    let Ok(Ended::Cut { why, .. }) = end else {
        panic!("{end:?}");
    };
    assert!(why.contains("1006"), "{why}");
    assert_eq!(heard.texts(), ["before"]);
}

#[tokio::test]
async fn fragments_are_joined_and_binary_is_kept_exactly() {
    let Some((_node, base)) = serve() else { return };
    let mut heard = Heard::default();
    let end = once(options(&format!("{base}/fragments")), &mut heard).await;
    assert!(matches!(end, Ok(Ended::Finished { .. })), "{end:?}");
    let every: Vec<u8> = (0..=255).collect();
    assert_eq!(heard.messages, [b"one two three".to_vec(), every]);
}

#[tokio::test]
async fn a_ping_is_answered_with_its_own_bytes() {
    let Some((_node, base)) = serve() else { return };
    let mut heard = Heard {
        enough: Some(1),
        ..Heard::default()
    };
    let end = once(options(&format!("{base}/pings")), &mut heard).await;
    assert!(matches!(end, Ok(Ended::Enough)), "{end:?}");
    assert_eq!(heard.texts(), ["pong one"]);
}

#[tokio::test]
async fn a_peer_that_answers_nothing_is_noticed() {
    let Some((_node, base)) = serve() else { return };
    let mut heard = Heard::default();
    let mut options = options(&format!("{base}/silent"));
    options.ping = Duration::from_millis(50);
    let end = once(options, &mut heard).await;
    let Ok(Ended::Cut { why, .. }) = end else {
        panic!("{end:?}");
    };
    assert_eq!(why, "no pong for 0.05 s");
}

#[tokio::test]
async fn a_quiet_peer_that_answers_pings_is_not_dead() {
    let Some((mut node, base)) = serve() else {
        return;
    };
    let mut options = options(&format!("{base}/quiet"));
    options.ping = Duration::from_millis(200);
    let mut heard = Heard::default();
    let mut cx = cx(&mut heard);
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
    assert_eq!(close, "closed 1000\n", "the close is polite");
}

#[test]
fn each_end_has_its_exit_code_and_says_why() {
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
}

#[test]
fn a_flood_ends_when_enough_has_come() {
    let Some((_node, base)) = serve() else { return };
    let sandbox = Sandbox::new();
    let url = format!("{base}/bursts/200000");
    let output = sandbox.run(["tail", &url, "--count", "3", "-o", "json"]);
    assert_eq!(output.exit, Some(0), "{output}");
    assert_eq!(output.stdout.lines().count(), 3, "{output}");
}

/// Has room for more when the gate is open.
struct Slow {
    heard: Heard,
    gate: watch::Receiver<bool>,
}

impl Outlet for Slow {
    fn take(&mut self, message: &Message<'_>) -> ControlFlow<()> {
        self.heard.take(message)
    }

    fn settle(&mut self) -> BoxFuture<'_, ControlFlow<()>> {
        Box::pin(async {
            let _ = self.gate.wait_for(|is_open| *is_open).await;
            ControlFlow::Continue(())
        })
    }

    fn notice(&mut self, notice: Notice) {
        self.heard.notice(notice);
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
    let mut slow = Slow {
        heard: Heard::default(),
        gate,
    };
    let mut cx = cx(&mut slow);
    let stop = cx.stop.clone();
    let hears = tokio::task::spawn_blocking(move || {
        // Longer than a peer is waited for that is being read from.
        let unasked = [node.line(), node.line(), node.line()];
        open.send_replace(true);
        while node.line() != "ping\n" {}
        assert_eq!(node.line(), "ping\n", "it is not taken for dead");
        stop.cancel();
        unasked
    });
    let end = source(options).run(&mut cx).await;
    assert!(matches!(end, Ok(Ended::Stopped)), "{end:?}");
    assert_eq!(hears.await.unwrap(), ["pong\n"; 3]);
    assert_eq!(slow.heard.texts(), ["before"]);
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_with_1009() {
    let Some((mut node, base)) = serve() else {
        return;
    };
    for path in ["big/65537", "endless/1000"] {
        let mut options = options(&format!("{base}/{path}"));
        options.max_message = 65536;
        let end = once(options, &mut Heard::default()).await;
        assert!(
            matches!(end, Err(SourceError::TooLarge { limit: 65536 })),
            "{end:?}"
        );
        assert_eq!(node.line(), "closed 1009 message too big\n");
    }
    let mut options = options(&format!("{base}/big/65536"));
    options.max_message = 65536;
    let mut heard = Heard {
        enough: Some(1),
        ..Heard::default()
    };
    let end = once(options, &mut heard).await;
    assert!(matches!(end, Ok(Ended::Enough)), "{end:?}");
    assert_eq!(heard.messages[0].len(), 65536);
}

#[tokio::test]
async fn a_refused_upgrade_is_shown_with_status_and_body() {
    let Some((_node, base)) = serve() else { return };
    let end = once(
        options(&format!("{base}/refuse/503")),
        &mut Heard::default(),
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
async fn the_subprotocol_that_the_server_chose_is_shown() {
    let Some((_node, base)) = serve() else { return };
    let mut options = options(&format!("{base}/close/1000?token=secret"));
    options.subprotocols = vec!["v1".to_owned(), "v2".to_owned()];
    options.send_on_connect = vec![text("a")];
    let mut heard = Heard::default();
    once(options, &mut heard).await.unwrap();
    let Notice::Connected {
        target, subscribed, ..
    } = &heard.notices[0]
    else {
        panic!("{:?}", heard.notices);
    };
    assert_eq!(subscribed, "subprotocol v2, 1 message sent");
    assert_eq!(*target, format!("{base}/close/1000?…"));
}

#[tokio::test]
async fn a_redirect_is_followed_only_when_asked_to() {
    let Some((_node, base)) = serve() else { return };
    let mut options = options(&format!("{base}/redirect/x?to=../close/1000"));
    let end = once(options.clone(), &mut Heard::default()).await;
    let Err(error @ SourceError::Redirect { .. }) = end else {
        panic!("{end:?}");
    };
    let words = error.to_string();
    assert!(
        words.contains(&format!("to {base}/close/1000; -L")),
        "{words}"
    );
    options.follow_redirects = true;
    let mut heard = Heard::default();
    let end = once(options, &mut heard).await;
    assert!(matches!(end, Ok(Ended::Finished { .. })), "{end:?}");
    assert_eq!(heard.texts(), ["before"]);
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let Some((_node, base)) = serve() else { return };
    let mut options = options(&format!("{base}/redirect?to="));
    options.follow_redirects = true;
    let end = once(options, &mut Heard::default()).await;
    assert!(matches!(end, Err(SourceError::Redirect { .. })), "{end:?}");
}

#[tokio::test]
async fn credentials_stay_with_the_origin_that_they_are_for() {
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
        let mut heard = Heard::default();
        once(options, &mut heard).await.unwrap();
        let headers = heard.texts()[0];
        assert_eq!(headers.contains("Bearer t"), is_sent, "{headers}");
    }
}

#[tokio::test]
async fn what_subscribes_is_sent_again_in_order_and_the_gap_is_said() {
    let Some((_node, base)) = serve() else { return };
    let mut options = options(&format!("{base}/greeted"));
    options.send_on_connect = vec![text("one"), Outgoing::Binary("two".into())];
    let mut heard = Heard::default();
    let mut source = source(options);
    let mut cx = cx(&mut heard);
    let end = keep_open(&mut source, &mut cx, Reconnect::AfterLoss, None, || 0.0).await;
    let Ok(Ended::Finished { why }) = end else {
        panic!("{end:?}");
    };
    assert!(why.ends_with("1000: done"), "{why}");
    assert_eq!(heard.texts(), ["text one, binary two"; 2]);
    let gaps = heard.notices.iter().filter_map(|notice| match notice {
        Notice::Gap(gap) => Some((gap.lost, gap.reason.contains("1001: restart"))),
        _ => None,
    });
    assert_eq!(gaps.collect::<Vec<_>>(), [(None, true)]);
}

#[tokio::test]
async fn a_stop_takes_less_than_a_second_from_a_peer_that_does_not_answer() {
    let Some((mut node, base)) = serve() else {
        return;
    };
    for path in ["silent", "never"] {
        let mut heard = Heard::default();
        let mut cx = cx(&mut heard);
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
async fn what_is_typed_is_sent_and_the_stream_outlives_it() {
    let Some((_node, base)) = serve() else { return };
    let mut heard = Heard {
        enough: Some(2),
        ..Heard::default()
    };
    let mut cx = cx(&mut heard);
    let (typed, input) = mpsc::channel(2);
    typed.send(text("hello")).await.unwrap();
    typed
        .send(Outgoing::Binary(b"\xff\0".as_slice().into()))
        .await
        .unwrap();
    // Nothing more is typed, and both answers come all the same.
    drop(typed);
    cx.input = Some(input);
    let end = source(options(&format!("{base}/echo"))).run(&mut cx).await;
    assert!(matches!(end, Ok(Ended::Enough)), "{end:?}");
    assert_eq!(heard.messages, [b"hello".to_vec(), b"\xff\0".to_vec()]);
}

#[tokio::test]
async fn an_echo_is_the_message_itself_and_of_its_kind() {
    let Some((_node, base)) = serve() else { return };
    let mut options = options(&format!("{base}/mirror"));
    options.echo = true;
    let end = once(options, &mut Heard::default()).await;
    assert!(matches!(end, Ok(Ended::Finished { .. })), "{end:?}");
}

#[tokio::test]
async fn echoes_that_nobody_reads_hold_up_reading_and_not_the_connection() {
    let Some((mut node, base)) = serve() else {
        return;
    };
    let mut options = options(&format!("{base}/stubborn/128/262144"));
    options.echo = true;
    let end = once(options, &mut Heard::default()).await;
    let Ok(Ended::Finished { why }) = end else {
        panic!("{end:?}");
    };
    assert!(why.ends_with("all came back"), "{why}");
    assert_eq!(node.line(), "halted\n");
}

#[tokio::test]
async fn a_large_message_goes_out_and_comes_back_whole() {
    let Some((_node, base)) = serve() else { return };
    let large = vec![0xa5; 5 << 20];
    let mut options = options(&format!("{base}/echo"));
    options.max_message = large.len();
    options.send_on_connect = vec![Outgoing::Binary(large.clone().into())];
    let mut heard = Heard {
        enough: Some(1),
        ..Heard::default()
    };
    once(options, &mut heard).await.unwrap();
    assert!(heard.messages == [large], "not the same bytes");
}

#[tokio::test]
async fn messages_that_have_to_wait_for_one_another_all_go_out() {
    let Some((_node, base)) = serve() else { return };
    let large = |byte| vec![byte; 4 << 20];
    let mut options = options(&format!("{base}/echo"));
    options.max_message = 4 << 20;
    options.send_on_connect = (1..=4).map(|n| Outgoing::Binary(large(n).into())).collect();
    let mut heard = Heard {
        enough: Some(4),
        ..Heard::default()
    };
    let echoed = tokio::time::timeout(Duration::from_secs(30), once(options, &mut heard));
    assert!(echoed.await.is_ok(), "{} came", heard.messages.len());
    assert!(
        heard.messages == [large(1), large(2), large(3), large(4)],
        "not the same bytes"
    );
}

/// Counts messages that are numbered, and forgets them.
#[derive(Default)]
struct InOrder {
    next: u64,
    pieces: u64,
}

impl Outlet for InOrder {
    fn take(&mut self, message: &Message<'_>) -> ControlFlow<()> {
        let start = format!("{{\"n\":{},", self.next);
        assert!(message.data.starts_with(start.as_bytes()), "{start}");
        self.next += 1;
        ControlFlow::Continue(())
    }

    fn settle(&mut self) -> BoxFuture<'_, ControlFlow<()>> {
        self.pieces += 1;
        Box::pin(std::future::ready(ControlFlow::Continue(())))
    }

    fn notice(&mut self, _: Notice) {}
}

#[tokio::test]
async fn a_burst_comes_whole_in_order_and_in_few_pieces() {
    let Some((_node, base)) = serve() else { return };
    let mut outlet = InOrder::default();
    let end = source(options(&format!("{base}/bursts/200000")))
        .run(&mut cx(&mut outlet))
        .await;
    assert!(matches!(end, Ok(Ended::Finished { .. })), "{end:?}");
    assert_eq!(outlet.next, 200_000);
    assert!(outlet.pieces < 20_000, "{} pieces", outlet.pieces);
}
