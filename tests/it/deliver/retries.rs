//! When a failed delivery is attempted again, and when it is given up.

use std::time::Duration;

use evt::backoff::Retry;
use evt::store::StoreError;
use evt::store::jobs::{End, NewJob, State};
use evt::store::queue;
use evt::time::Timestamp;

use super::{Setup, job, retries, status, wait_until};
use crate::support::{Answer, App};

#[test]
fn a_failed_delivery_is_retried_with_the_same_message_id() {
    let app = App::start();
    app.answer_next(status(500));
    app.answer_next(Answer::Close);
    let setup = Setup::start();
    let id = setup.enqueue(job(app.url("/")));
    assert_eq!(setup.end_of(id), End::Delivered { status: 200 });
    let ids: Vec<_> = app
        .requests()
        .iter()
        .map(|request| request.header("webhook-id").unwrap().to_owned())
        .collect();
    assert_eq!(ids, ["msg_1", "msg_1", "msg_1"]);
    let shown = setup.show(id);
    assert_eq!(shown.job.state, State::Done);
    let statuses: Vec<_> = shown.tries.iter().map(|one| one.status).collect();
    assert_eq!(statuses, [Some(500), None, Some(200)]);
    assert_eq!(shown.tries[0].body, "no");
    let error = shown.tries[1].error.as_ref().unwrap();
    assert!(error.contains("closed the connection before"), "{error}");
}

#[test]
fn a_job_without_retries_left_is_dead_with_the_last_response() {
    let app = App::start();
    app.answer(status(500));
    let setup = Setup::start();
    let id = setup.enqueue(NewJob {
        retry: retries(2),
        ..job(app.url("/"))
    });
    let reason = "it answered 500, the last of 3 attempts".to_owned();
    assert_eq!(
        setup.end_of(id),
        End::Dead {
            status: Some(500),
            reason
        }
    );
    assert_eq!(app.requests().len(), 3);
    assert_eq!(setup.show(id).job.state, State::Dead);
}

#[test]
fn a_retry_enables_a_disabled_endpoint() {
    let app = App::start();
    app.answer_next(status(410));
    let setup = Setup::start();
    let first = setup.enqueue(job(app.url("/hook")));
    setup.end_of(first);
    let again: Result<_, StoreError> = setup.store.write_blocking(move |tx| {
        let now = Timestamp::now();
        queue::enable_endpoint_of(tx, first, now)?;
        queue::retry(tx, first, now)
    });
    let queue::Retried::Redriven(second) = again.unwrap() else {
        panic!("a dead job is enqueued again");
    };
    assert_eq!(setup.end_of(second), End::Delivered { status: 200 });
    let requests = app.requests();
    assert_eq!(
        requests[1].header("webhook-id"),
        requests[0].header("webhook-id")
    );
    assert_eq!(setup.show(second).job.redrive_of, Some(first));
}

#[test]
fn a_retry_after_of_more_than_a_day_ends_the_job() {
    let app = App::start();
    let wait = ("retry-after".to_owned(), "604800".to_owned());
    app.answer(Answer::With(429, vec![wait], String::new()));
    let setup = Setup::start();
    let id = setup.enqueue(job(app.url("/")));
    match setup.end_of(id) {
        End::Dead {
            status: Some(429),
            reason,
        } => assert!(reason.contains("wait 168 hours (Retry-After)"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(app.requests().len(), 1);
}

#[test]
fn a_retry_after_of_a_day_is_waited_for_even_if_the_retries_are_shorter() {
    let app = App::start();
    let wait = ("retry-after".to_owned(), "86400".to_owned());
    app.answer(Answer::With(503, vec![wait], String::new()));
    let setup = Setup::start();
    let id = setup.enqueue(job(app.url("/")));
    app.wait_for(1);
    let waiting = wait_until(|| {
        let shown = setup.show(id);
        (shown.tries.len() == 1).then_some(shown)
    });
    let wait = waiting.job.run_at.since(waiting.tries[0].started_at);
    assert!(wait >= Duration::from_secs(86_400), "{wait:?}");
    assert_eq!(
        (waiting.job.state, waiting.job.failures),
        (State::Waiting, 1)
    );
}

#[test]
fn a_retry_after_is_never_shortened() {
    let app = App::start();
    let wait = ("retry-after".to_owned(), "40".to_owned());
    app.answer(Answer::With(503, vec![wait], String::new()));
    let setup = Setup::start();
    let id = setup.enqueue(NewJob {
        retry: Retry::standard(),
        ..job(app.url("/"))
    });
    app.wait_for(1);
    let waiting = wait_until(|| {
        let shown = setup.show(id);
        (shown.tries.len() == 1).then_some(shown)
    });
    let wait = waiting.job.run_at.since(waiting.tries[0].started_at);
    assert!(wait >= Duration::from_secs(40), "{wait:?}");
}
