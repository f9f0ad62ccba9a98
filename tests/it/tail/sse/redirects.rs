//! Which redirects are followed, and which headers are sent to the new URL.

use evt::source::{Ended, SourceError, SseOptions};

use super::follower::{Follower, options, sending};
use crate::support::{SseServer, Step};

fn to(status: u16, location: &str) -> Vec<Step> {
    let location = format!("location: {location}\r\n");
    vec![Step::answer(status, &location, "moved")]
}

fn finished() -> Vec<Step> {
    vec![Step::answer(204, "", "")]
}

async fn refused(server: &SseServer) -> String {
    match Follower::new(options(&server.url("/a"))).connection().await {
        Err(SourceError::Redirect { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_of_the_five_redirects_is_followed_and_reported() {
    for status in [301, 302, 303, 307, 308] {
        let server = SseServer::start(vec![to(status, "/b?x=1"), finished()]);
        let mut follower = Follower::new(options(&server.url("/a")));
        let ended = follower.connection().await;
        assert!(
            matches!(ended, Ok(Ended::Finished { .. })),
            "{status}: {ended:?}"
        );
        let request = &server.requests()[1];
        assert_eq!(
            (request.method.as_str(), request.target.as_str()),
            ("GET", "/b?x=1")
        );
        let remark = format!("{} redirects to {}", server.url("/a"), server.url("/b?x=1"));
        assert_eq!(follower.recorder.remarks(), [remark]);
    }
}

#[tokio::test]
async fn a_relative_location_is_resolved() {
    let server = SseServer::start(vec![to(302, "../c"), finished()]);
    let mut follower = Follower::new(options(&server.url("/a/b/x")));
    follower.connection().await.unwrap();
    assert_eq!(server.requests()[1].target, "/a/c");
}

#[tokio::test]
async fn headers_are_sent_within_an_origin() {
    let server = SseServer::start(vec![to(302, "/b"), finished()]);
    let mut follower = Follower::new(SseOptions {
        credentials: sending(&[("authorization", "Bearer t"), ("x-own", "1")]),
        last_event_id: Some("7".to_owned()),
        ..options(&server.url("/a"))
    });
    follower.connection().await.unwrap();
    let request = &server.requests()[1];
    assert_eq!(request.header("authorization"), Some("Bearer t"));
    assert_eq!(request.header("x-own"), Some("1"));
    assert_eq!(request.header("last-event-id"), Some("7"));
}

#[tokio::test]
async fn the_user_s_headers_are_not_sent_to_another_origin() {
    let names = ["authorization", "orgid", "cookie", "x-own"];
    let third = SseServer::start(vec![finished()]);
    let second = SseServer::start(vec![to(302, "/again"), to(302, &third.url("/"))]);
    let first = SseServer::start(vec![to(302, &second.url("/"))]);
    let mut follower = Follower::new(SseOptions {
        credentials: sending(&names.map(|name| (name, "secret"))),
        last_event_id: Some("7".to_owned()),
        ..options(&first.url("/"))
    });
    follower.connection().await.unwrap();
    assert_eq!(first.requests()[0].header("cookie"), Some("secret"));
    let elsewhere = [second.requests(), third.requests()].concat();
    assert_eq!(elsewhere.len(), 3);
    for request in elsewhere {
        for name in names {
            assert_eq!(request.header(name), None, "{name}");
        }
        assert_eq!(
            request.header("accept"),
            Some("text/event-stream, application/x-ndjson")
        );
        assert_eq!(request.header("last-event-id"), Some("7"));
    }
}

#[tokio::test]
async fn the_next_connection_starts_at_the_original_url() {
    let stream = vec![Step::events(), Step::chunk("data: 1\n\n")];
    let server = SseServer::start(vec![to(301, "/b"), stream, finished()]);
    let mut follower = Follower::new(options(&server.url("/a")));
    follower.lost().await;
    follower.connection().await.unwrap();
    assert_eq!(server.requests()[2].target, "/a");
}

#[tokio::test]
async fn a_redirect_loop_is_an_error() {
    let server = SseServer::start(vec![to(302, "/b"), to(302, "/a")]);
    assert_eq!(refused(&server).await, "in a loop");
}

#[tokio::test]
async fn twenty_redirects_are_followed_and_finished() {
    let scripts = (0..21).map(|at| to(307, &format!("/{at}"))).collect();
    let server = SseServer::start(scripts);
    assert_eq!(refused(&server).await, "more than 20 times");
    assert_eq!(server.requests().len(), 21);
}

#[tokio::test]
async fn a_redirect_without_a_valid_location_is_an_error() {
    let server = SseServer::start(vec![vec![Step::answer(302, "", "")]]);
    assert_eq!(refused(&server).await, "without a location");
    let server = SseServer::start(vec![to(302, "ftp://a.test/")]);
    assert_eq!(refused(&server).await, "to a URL that is not http or https");
}
