//! From one connection to the next: ids, gaps, delays, ends.

use std::time::Duration;

use evt::source::{Ended, Notice, Source, SseOptions};

use super::follower::{Follower, options};
use crate::support::{Sandbox, SseServer, Step};

/// A server that closes each connection after one of these bodies.
fn lost_after(bodies: &[&str]) -> SseServer {
    let script = |body: &&str| vec![Step::events(), Step::chunk(body)];
    SseServer::start(bodies.iter().map(script).collect())
}

/// Follows as many connections as there are bodies.
async fn follow(bodies: &[&str]) -> (Follower, SseServer) {
    let server = lost_after(bodies);
    let mut follower = Follower::new(options(&server.url("/")));
    for _ in bodies {
        follower.lost().await;
    }
    (follower, server)
}

fn ids_sent(server: &SseServer) -> Vec<Option<String>> {
    let id =
        |request: &crate::support::app::Request| request.header("last-event-id").map(str::to_owned);
    server.requests().iter().map(id).collect()
}

fn some(id: &str) -> Option<String> {
    Some(id.to_owned())
}

#[tokio::test]
async fn the_last_id_is_sent_as_utf_8() {
    let (follower, server) = follow(&[
        "id: 1\ndata: a\n\nid: \u{fc}\ndata: b\n\n",
        "id: 3\ndata: c\n\n",
    ])
    .await;
    assert_eq!(ids_sent(&server), [None, some("\u{fc}")]);
    assert_eq!(follower.source.position(), some("3"));
    assert_eq!(follower.recorder.reached, ["\u{fc}", "3"]);
}

#[tokio::test]
async fn the_guarantee_before_the_first_event_is_conditional() {
    let (follower, _server) = follow(&["id: 2\ndata: a\n\n", "id: 3\ndata: b\n\n"]).await;
    let connected = follower.recorder.notices.iter().filter_map(|notice| {
        let Notice::Connected {
            subscribed,
            guarantee,
            ..
        } = notice
        else {
            return None;
        };
        Some((subscribed.as_str(), guarantee.as_str()))
    });
    let expected = [
        ("events", "resumable if it sends ids"),
        ("resuming after id 2", "resumable by server"),
    ];
    assert_eq!(connected.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_loss_has_a_reason() {
    let server = lost_after(&["data: a\n\n"]);
    let ended = Follower::new(options(&server.url("/"))).connection().await;
    assert!(
        matches!(&ended, Ok(Ended::Lost { why, .. }) if why == "the connection broke in the middle of the response"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn the_id_survives_events_and_connections_without_an_id() {
    let (_, server) = follow(&[
        "id: 1\ndata: a\n\ndata: b\n\n",
        "data: c\n\n",
        "data: d\n\n",
    ])
    .await;
    assert_eq!(ids_sent(&server), [None, some("1"), some("1")]);
}

#[tokio::test]
async fn an_empty_id_is_not_sent() {
    let (follower, server) = follow(&["id: 1\ndata: a\n\nid\ndata: b\n\n", "data: c\n\n"]).await;
    assert_eq!(ids_sent(&server), [None, None]);
    assert_eq!(follower.source.position(), None);
}

#[tokio::test]
async fn the_id_of_an_unfinished_event_does_not_count() {
    let (follower, server) = follow(&["id: 1\ndata: a\n\nid: 2\ndata: b\n", "data: c\n\n"]).await;
    assert_eq!(ids_sent(&server), [None, some("1")]);
    assert_eq!(follower.recorder.texts(), ["a", "c"]);
}

#[tokio::test]
async fn a_given_id_is_sent_with_the_first_connection() {
    let server = lost_after(&["data: a\n\n"]);
    let mut follower = Follower::new(SseOptions {
        last_event_id: some("41"),
        ..options(&server.url("/"))
    });
    follower.lost().await;
    assert_eq!(ids_sent(&server), [some("41")]);
    assert_eq!(follower.source.position(), some("41"));
}

#[tokio::test]
async fn a_server_that_resumes_has_no_gap() {
    let (follower, _) = follow(&["id: 1\ndata: a\n\n", "data: hello\n\nid: 2\ndata: b\n\n"]).await;
    // The loss of the first connection is explained. That of the second is not yet, because no connection followed.
    assert_eq!(follower.recorder.gaps().len(), 0);
    assert!(follower.is_unexplained());
}

#[tokio::test]
async fn a_repeated_id_is_a_gap_and_its_event_is_passed_on() {
    let (follower, _) =
        follow(&["id: 1\ndata: a\n\nid: 2\ndata: b\n\n", "id: 2\ndata: b\n\n"]).await;
    let [gap] = follower.recorder.gaps()[..] else {
        panic!("{:?}", follower.recorder.notices);
    };
    assert_eq!(
        (gap.from.as_deref(), gap.to.as_deref(), gap.lost),
        (Some("2"), Some("2"), None)
    );
    assert!(
        gap.reason
            .ends_with("the server does not resume: it sent id 2 again"),
        "{}",
        gap.reason
    );
    assert_eq!(follower.recorder.texts(), ["a", "b", "b"]);
}

#[tokio::test]
async fn a_server_that_starts_from_the_beginning_is_a_gap() {
    let (follower, _) =
        follow(&["id: 1\ndata: a\n\nid: 2\ndata: b\n\n", "id: 1\ndata: a\n\n"]).await;
    let [gap] = follower.recorder.gaps()[..] else {
        panic!("{:?}", follower.recorder.notices);
    };
    assert_eq!(
        (gap.from.as_deref(), gap.to.as_deref()),
        (Some("2"), Some("1"))
    );
}

#[tokio::test]
async fn a_server_that_ignores_a_given_id_is_a_gap() {
    let server = lost_after(&["id: 41\ndata: a\n\n"]);
    let mut follower = Follower::new(SseOptions {
        last_event_id: some("41"),
        ..options(&server.url("/"))
    });
    follower.lost().await;
    let [gap] = follower.recorder.gaps()[..] else {
        panic!("{:?}", follower.recorder.notices);
    };
    assert_eq!(
        gap.reason,
        "an earlier run ended at id 41; the server does not resume: it sent id 41 again"
    );
}

#[tokio::test]
async fn a_lower_numeric_id_than_the_given_one_is_a_gap() {
    for (given, sent, gaps) in [
        ("41", "9", 1),
        ("41", "42", 0),
        ("41", "+9", 0),
        ("b", "a", 0),
    ] {
        let server = lost_after(&[&format!("id: {sent}\ndata: a\n\n")]);
        let mut follower = Follower::new(SseOptions {
            last_event_id: some(given),
            ..options(&server.url("/"))
        });
        follower.lost().await;
        assert_eq!(follower.recorder.gaps().len(), gaps, "{sent} after {given}");
    }
}

#[tokio::test]
async fn without_ids_each_loss_is_a_gap() {
    let (follower, _) = follow(&["data: a\n\n", "data: b\n\n", "data: c\n\n"]).await;
    let gaps = follower.recorder.gaps();
    assert_eq!(gaps.len(), 2);
    assert!(
        gaps[0]
            .reason
            .ends_with("the server sends no ids to resume from"),
        "{}",
        gaps[0].reason
    );
}

#[tokio::test]
async fn no_content_after_an_id_means_that_nothing_was_missed() {
    let server = SseServer::start(vec![
        vec![Step::events(), Step::chunk("id: 1\ndata: a\n\n")],
        vec![Step::answer(204, "", "")],
    ]);
    let mut follower = Follower::new(options(&server.url("/")));
    follower.lost().await;
    let ended = follower.connection().await;
    assert!(matches!(ended, Ok(Ended::Finished { .. })), "{ended:?}");
    assert!(!follower.is_unexplained() && follower.recorder.gaps().is_empty());
}

#[tokio::test]
async fn the_delay_is_a_second_until_the_server_sets_one() {
    let server = lost_after(&[
        "data: a\n\n",
        "retry: 0\n\n",
        "data: b\n\n",
        "retry: 2500\n",
        "retry: soon\n\n",
    ]);
    let mut follower = Follower::new(options(&server.url("/")));
    for expected in [1000, 0, 0, 2500, 2500] {
        assert_eq!(follower.lost().await, Duration::from_millis(expected));
        assert_eq!(follower.source.min_delay(), Duration::from_millis(expected));
    }
}

#[tokio::test]
async fn the_longest_delay_is_a_day() {
    let server = lost_after(&["retry: 86400001\n\nretry: 99999999999999999999\n\n"]);
    let mut follower = Follower::new(options(&server.url("/")));
    assert_eq!(follower.lost().await, Duration::from_secs(86_400));
    assert_eq!(
        follower.recorder.remarks(),
        ["the server requests a delay of 86400 s before reconnecting; the longest delay is a day"]
    );
}

#[tokio::test]
async fn the_end_of_an_event_stream_is_a_loss() {
    let script = vec![Step::events(), Step::chunk("data: a\n\n"), Step::end()];
    let server = SseServer::start(vec![script]);
    let mut follower = Follower::new(options(&server.url("/")));
    let ended = follower.connection().await;
    let why = match &ended {
        Ok(Ended::Lost { why, .. }) => why.as_str(),
        _ => "",
    };
    assert_eq!(why, "the server ended the stream", "{ended:?}");
}

#[tokio::test]
async fn an_answer_finishes_with_its_last_event_or_the_end_of_its_body() {
    for last in [
        "event: done\ndata: {}\n\n",
        "event: end\ndata: {}\n\n",
        "data: [DONE]\n\n",
        "data: {\"x\":1, \"type\" : \"done\"}\n\n",
        "data: {\"type\":\"end\"}\n\n",
    ] {
        let server = SseServer::start(vec![vec![
            Step::events(),
            Step::chunk("data: {\"type\":\"chunk\"}\n\n"),
            Step::chunk(last),
            Step::Hold,
        ]]);
        let mut follower = Follower::new(SseOptions {
            is_one_answer: true,
            ..options(&server.url("/"))
        });
        let ended = follower.connection().await;
        assert!(
            matches!(ended, Ok(Ended::Finished { .. })),
            "{last}: {ended:?}"
        );
        assert_eq!(follower.recorder.messages.len(), 2, "{last}");
    }
    let script = vec![Step::events(), Step::chunk("data: a\n\n"), Step::end()];
    let server = SseServer::start(vec![script]);
    let mut follower = Follower::new(SseOptions {
        is_one_answer: true,
        ..options(&server.url("/"))
    });
    let ended = follower.connection().await;
    assert!(matches!(ended, Ok(Ended::Finished { .. })), "{ended:?}");
}

#[tokio::test]
async fn only_an_answer_is_finished_by_an_event() {
    let events = "event: end\ndata: 1\n\nevent: done\ndata: 2\n\ndata: {\"type\":\"end\"}\n\n\
        data: {\"type\":\"done\"}\n\ndata: [DONE]\n\ndata: last\n\n";
    let script = vec![Step::events(), Step::chunk(events), Step::end()];
    let server = SseServer::start(vec![script]);
    let mut follower = Follower::new(SseOptions {
        until_end: true,
        ..options(&server.url("/"))
    });
    let ended = follower.connection().await;
    assert!(matches!(ended, Ok(Ended::Finished { .. })), "{ended:?}");
    assert_eq!(follower.recorder.messages.len(), 6);
}

#[tokio::test]
async fn a_lost_answer_is_resumed_after_its_last_id() {
    let server = SseServer::start(vec![
        vec![Step::events(), Step::chunk("id: 1\ndata: Hel\n\n")],
        vec![
            Step::events(),
            Step::chunk("id: 2\ndata: lo\n\n"),
            Step::end(),
        ],
    ]);
    let mut follower = Follower::new(SseOptions {
        is_one_answer: true,
        ..options(&server.url("/"))
    });
    follower.lost().await;
    let ended = follower.connection().await;
    assert!(matches!(ended, Ok(Ended::Finished { .. })), "{ended:?}");
    assert_eq!(follower.recorder.texts(), ["Hel", "lo"]);
    assert_eq!(ids_sent(&server), [None, some("1")]);
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.method == "GET")
    );
}

#[tokio::test]
async fn an_outlet_that_wants_no_more_gets_finished() {
    let server = SseServer::start(vec![vec![
        Step::events(),
        Step::chunk("id: 1\ndata: a\n\nid: 2\ndata: b\n\n"),
        Step::Hold,
    ]]);
    let mut follower = Follower::new(options(&server.url("/")));
    follower.recorder.enough = Some(1);
    let ended = follower.connection().await;
    assert!(matches!(ended, Ok(Ended::Enough)), "{ended:?}");
    assert_eq!(follower.recorder.texts(), ["a"]);
    assert_eq!(follower.source.position(), some("1"));
    assert_eq!(follower.recorder.reached, ["1"]);
}

#[tokio::test]
async fn a_stop_ends_waiting_for_the_server_and_for_the_outlet() {
    let script = vec![Step::events(), Step::chunk("data: a\n\n"), Step::Hold];
    for is_stuck in [false, true] {
        let server = SseServer::start(vec![script.clone()]);
        let mut follower = Follower::new(options(&server.url("/")));
        follower.recorder.is_stuck = is_stuck;
        follower.recorder.stops = Some(follower.stop.clone());
        let ended = follower.connection().await;
        assert!(matches!(ended, Ok(Ended::Stopped)), "{is_stuck}: {ended:?}");
    }
    let server = SseServer::start(vec![vec![Step::Hold]]);
    let mut follower = Follower::new(options(&server.url("/")));
    follower.stop.cancel();
    let ended = follower.connection().await;
    assert!(
        matches!(ended, Ok(Ended::Stopped)),
        "before the response: {ended:?}"
    );
}

#[tokio::test]
async fn an_idle_connection_is_lost() {
    let server = SseServer::start(vec![vec![Step::events(), Step::Hold]]);
    let mut follower = Follower::new(SseOptions {
        idle: Some(Duration::from_millis(20)),
        ..options(&server.url("/"))
    });
    let ended = follower.connection().await;
    assert!(
        matches!(&ended, Ok(Ended::Lost { why, .. }) if why == "nothing arrived for 0.02 s"),
        "{ended:?}"
    );
}

#[test]
fn the_command_follows_a_stream_over_a_loss_to_its_end() {
    let server = SseServer::start(vec![
        vec![
            Step::events(),
            Step::chunk("retry: 1\n\nid: 1\ndata: {\"n\":1}\n\n"),
        ],
        vec![Step::events(), Step::chunk("id: 2\ndata: {\"n\":2}\n\n")],
        vec![Step::answer(204, "", "")],
    ]);
    let output = Sandbox::new().run(["tail", &server.url("/"), "-o", "raw"]);
    assert_eq!(output.stdout, "{\"n\":1}\n{\"n\":2}\n", "{}", output.stderr);
    assert_eq!(output.exit, Some(0), "{}", output.stderr);
}

#[test]
fn with_fail_on_gap_a_loss_without_ids_ends_the_command_immediately() {
    let an_hour = "retry: 3600000\n\ndata: 1\n\n";
    let server = SseServer::start(vec![vec![Step::events(), Step::chunk(an_hour)]]);
    let output = Sandbox::new().run(["tail", &server.url("/"), "--fail-on-gap", "--for", "50s"]);
    assert_eq!(output.exit, Some(11), "{}", output.stderr);
    assert_eq!(
        output.stderr.matches("Gap: ").count(),
        1,
        "{}",
        output.stderr
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn records_of_json_lines_have_the_transport_ndjson() {
    let script = vec![
        Step::head("application/x-ndjson"),
        Step::chunk("1\n"),
        Step::end(),
    ];
    let server = SseServer::start(vec![script]);
    let output = Sandbox::new().run(["tail", &server.url("/"), "-o", "json"]);
    assert_eq!(output.exit, Some(0), "{}", output.stderr);
    assert!(
        output.stdout.contains(r#""transport":"ndjson""#),
        "{}",
        output.stdout
    );
}

#[test]
fn with_until_end_all_events_before_the_end_are_printed() {
    let events =
        "data: 1\n\nevent: end\ndata: 2\n\ndata: {\"type\":\"end\"}\n\ndata: [DONE]\n\ndata: 5\n\n";
    let script = vec![Step::events(), Step::chunk(events), Step::end()];
    let server = SseServer::start(vec![script]);
    let url = server.url("/");
    let output = Sandbox::new().run(["tail", &url, "-o", "raw", "--until-end"]);
    assert_eq!(output.expect_exit(0).stdout.lines().count(), 5);
}

#[test]
fn a_connection_that_delivers_resets_the_count_of_retries() {
    let connection = || {
        vec![
            Step::events(),
            Step::chunk("retry: 0\ndata: a\n\n"),
            Step::end(),
        ]
    };
    let server = SseServer::start((0..8).map(|_| connection()).collect());
    let url = server.url("/");
    let output = Sandbox::new().run(["tail", &url, "--max-retries", "1", "--count", "6"]);
    assert_eq!(output.expect_exit(0).stdout.lines().count(), 6);
}

#[test]
fn an_event_over_the_limit_is_a_gap() {
    let events = format!("data: {}\n\ndata: 2\n\n", "x".repeat(2000));
    for (flag, exit, printed) in [("--until-end", 0, 1), ("--fail-on-gap", 11, 0)] {
        let script = vec![Step::events(), Step::chunk(&events), Step::end()];
        let server = SseServer::start(vec![script]);
        let (url, sandbox) = (server.url("/"), Sandbox::new());
        let args = [
            "tail",
            &url,
            "-o",
            "json",
            flag,
            "--max-message-size",
            "1KiB",
        ];
        let output = sandbox.run(args).expect_exit(exit);
        assert_eq!(output.stdout.lines().count(), printed, "{output}");
        assert_eq!(output.notice("gap")["lost"], 1, "{output}");
        assert_eq!(output.notice("summary")["gaps"], 1, "{output}");
    }
}

#[test]
fn line_ends_do_not_pass_the_limit_of_a_message() {
    let script = vec![
        Step::events(),
        Step::chunk("data\n".repeat(200_000)),
        Step::chunk("\ndata: 2\n\n"),
        Step::end(),
    ];
    let server = SseServer::start(vec![script]);
    let (url, sandbox) = (server.url("/"), Sandbox::new());
    let args = [
        "tail",
        &url,
        "-o",
        "raw",
        "--until-end",
        "--max-message-size",
        "1KiB",
    ];
    assert_eq!(sandbox.run(args).expect_exit(0).stdout, "2\n");
}
