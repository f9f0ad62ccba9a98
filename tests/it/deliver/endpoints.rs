//! Endpoints that fail, hang or are gone, and how they affect each other.

use std::time::Duration;

use evt::store::endpoints::Health;
use evt::store::jobs::{End, NewJob};

use super::{Setup, job, status, wait_until};
use crate::support::{Answer, App};

#[test]
fn a_410_disables_its_url_and_ends_later_jobs_for_it() {
    let app = App::start();
    app.answer(status(410));
    let setup = Setup::start();
    let first = setup.enqueue(job(app.url("/hook?a")));
    setup.end_of(first);
    let url = app.url("/hook");
    let disabled = setup
        .reports
        .wait("the announcement", |_, disabled| disabled.first().cloned());
    assert_eq!(
        (disabled.url.as_str(), disabled.reason.as_str()),
        (url.as_str(), "it answered 410 Gone")
    );
    let second = setup.enqueue(job(app.url("/hook?b")));
    match setup.end_of(second) {
        End::Dead {
            status: None,
            reason,
        } => {
            assert_eq!(reason, "its endpoint is disabled: it answered 410 Gone");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(app.requests().len(), 1);
    let endpoints = setup.overview().endpoints;
    let gone = endpoints.iter().find(|row| row.endpoint == url);
    assert_eq!(gone.unwrap().circuit, Health::Disabled);
}

#[test]
fn a_410_does_not_disable_the_server() {
    let app = App::start();
    app.answer_next(status(410));
    let setup = Setup::start();
    let gone = setup.enqueue(job(app.url("/hooks/1?a")));
    setup.end_of(gone);
    let other = setup.enqueue(job(app.url("/hooks/2")));
    assert_eq!(setup.end_of(other), End::Delivered { status: 200 });
}

#[test]
fn all_paths_of_a_server_share_one_limit() {
    let app = App::start();
    app.answer(Answer::Hang);
    let other = App::start();
    let setup = Setup::start();
    let paths = (0..200).map(|n| job(app.url(&format!("/hooks/{n}"))));
    setup.enqueue_all(paths.collect());
    app.wait_for(4);
    // All jobs of the first claim have been sent when a job that was enqueued later is done.
    let later = setup.enqueue(job(other.url("/")));
    setup.end_of(later);
    assert_eq!(app.requests().len(), 4);
    assert_eq!(setup.overview().endpoints.len(), 1);
}

#[test]
fn a_hanging_endpoint_does_not_delay_nine_others() {
    let hanging = App::start();
    hanging.answer(Answer::Hang);
    let answering: Vec<App> = (0..9).map(|_| App::start()).collect();
    let setup = Setup::start();
    // The hanging one's jobs are the oldest, and more than there are sockets for any one endpoint.
    setup.enqueue_all((0..200).map(|_| job(hanging.url("/"))).collect());
    hanging.wait_for(4);
    let all = answering
        .iter()
        .flat_map(|app| (0..50).map(|_| job(app.url("/"))))
        .collect();
    setup.enqueue_all(all);
    let ends = setup.ends(450);
    assert!(
        ends.iter()
            .all(|(_, end)| matches!(end, End::Delivered { .. }))
    );
    for app in &answering {
        assert_eq!(app.requests().len(), 50);
    }
    assert!(hanging.requests().len() <= 4);
}

#[test]
fn an_endpoint_that_recovers_gets_all_its_jobs() {
    let app = App::start();
    app.answer(Answer::Close);
    let setup = Setup::start();
    let ids = setup.enqueue_all(
        (0..60)
            .map(|n| NewJob {
                message_id: Some(format!("msg_{n}")),
                ..job(app.url("/"))
            })
            .collect(),
    );
    // It has failed often enough for its circuit to open, and has been probed since.
    wait_until(|| {
        let overview = setup.overview();
        (overview.endpoints[0].circuit == Health::Open).then_some(())
    });
    let so_far = app.requests().len();
    app.wait_for(so_far + 3);
    let before = app.at_once().len();
    app.answer(Answer::After(Duration::from_millis(5), 200));
    let ends = setup.ends(ids.len());
    // One job at a time until five have succeeded. Then the limit of a new endpoint applies, and it grows with each success.
    let at_once = app.at_once();
    assert_eq!(at_once[before + 1..before + 5], [1; 4], "{at_once:?}");
    assert!(at_once[before..].iter().all(|many| *many <= 64));
    let delivered = ends
        .iter()
        .filter(|(_, end)| matches!(end, End::Delivered { .. }))
        .count();
    assert_eq!(delivered, ids.len(), "{ends:?}");
}
