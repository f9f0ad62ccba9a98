//! What an attempt sends, and what is stored of the response.

use std::time::Duration;

use evt::backoff::Retry;
use evt::secret::Secret;
use evt::store::jobs::{End, JobBody, NewJob};
use evt::time::Timestamp;
use http::HeaderMap;

use super::{Setup, job, retries};
use crate::support::{Answer, App};

#[test]
fn a_job_arrives_with_the_enqueued_bytes() {
    let app = App::start();
    let setup = Setup::start();
    let id = setup.enqueue(job(app.url("/hook?x=1")));
    assert_eq!(setup.end_of(id), End::Delivered { status: 200 });
    let request = &app.requests()[0];
    assert_eq!(request.target, "/hook?x=1");
    assert_eq!(request.body, b"{ \"a\": 1 }\n");
    assert_eq!(request.header("content-length"), Some("11"));
}

#[test]
fn the_signature_of_a_job_verifies() {
    let app = App::start();
    let setup = Setup::start();
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let id = setup.enqueue(NewJob {
        secret: Some(Secret::new(secret)),
        ..job(app.url("/"))
    });
    setup.end_of(id);
    let request = &app.requests()[0];
    let headers: HeaderMap = request
        .headers
        .iter()
        .map(|(name, value)| {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, http::HeaderValue::from_str(value).unwrap())
        })
        .collect();
    let verifier = evt::signature::find("standard-webhooks")
        .unwrap()
        .verifier(&[Secret::new(secret)], &evt::signature::Options::default())
        .unwrap();
    let received = evt::signature::Received {
        method: "POST",
        url: &app.url("/"),
        headers: &headers,
        body: &request.body,
    };
    let judged = verifier.verify(&received, Timestamp::now(), None);
    assert_eq!(judged.reason, evt::signature::Reason::Ok);
}

#[test]
fn a_redirect_is_a_failure_and_is_not_followed() {
    let app = App::start();
    let elsewhere = App::start();
    let location = ("location".to_owned(), elsewhere.url("/stolen"));
    app.answer(Answer::With(307, vec![location], String::new()));
    let setup = Setup::start();
    let id = setup.enqueue(NewJob {
        retry: retries(1),
        ..job(app.url("/"))
    });
    assert!(matches!(
        setup.end_of(id),
        End::Dead {
            status: Some(307),
            ..
        }
    ));
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn a_hanging_endpoint_times_out() {
    let app = App::start();
    app.answer(Answer::Hang);
    let setup = Setup::start();
    let id = setup.enqueue(NewJob {
        timeout: Duration::from_secs(1),
        retry: Retry::none(),
        ..job(app.url("/"))
    });
    match setup.end_of(id) {
        End::Dead {
            status: None,
            reason,
        } => assert!(reason.contains("did not answer"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_the_beginning_of_a_huge_response_is_stored() {
    let app = App::start();
    app.answer(Answer::Status(200, "x".repeat(8 * 1024 * 1024)));
    let setup = Setup::start();
    let id = setup.enqueue(job(app.url("/")));
    assert_eq!(setup.end_of(id), End::Delivered { status: 200 });
    assert_eq!(setup.show(id).tries[0].body.len(), 64 * 1024);
}

#[test]
fn a_large_body_arrives_complete() {
    let app = App::start();
    let setup = Setup::start();
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| n as u8).collect();
    let id = setup.enqueue(NewJob {
        body: JobBody::Bytes(body.clone().into()),
        ..job(app.url("/"))
    });
    setup.end_of(id);
    assert!(app.requests()[0].body == body);
}
