//! `evt send --tamper`.

use super::*;

#[must_use]
fn signed(app: &App, tamper: &str) -> Output {
    let args = [
        "contact.created",
        "--secret",
        WEBHOOK_SECRET,
        "--tamper",
        tamper,
    ];
    send(&Sandbox::new(), app, &args)
}

#[test]
fn a_refused_tampered_request_is_exit_0_and_an_accepted_one_is_exit_8() {
    for tamper in ["body", "signature", "timestamp"] {
        let app = App::start();
        app.answer_next(Answer::Status(401, String::new()));
        signed(&app, tamper).expect_exit(0);
        signed(&app, tamper).expect_exit(8);
    }
}

#[test]
fn a_tampered_request_with_a_server_error_is_exit_7() {
    let app = App::start();
    app.answer(Answer::Status(500, String::new()));
    signed(&app, "body").expect_exit(7);
}

#[test]
fn a_tampered_request_is_wrong_in_one_way() {
    let app = App::start();
    let expected = [
        ("body", Reason::SignatureMismatch),
        ("signature", Reason::SignatureMismatch),
        ("timestamp", Reason::TimestampTooOld),
    ];
    for (tamper, reason) in expected {
        signed(&app, tamper).expect_exit(8);
        let request = app.requests().pop().unwrap();
        assert_eq!(
            judged("standard-webhooks", WEBHOOK_SECRET, &request),
            reason
        );
    }
}

#[test]
fn a_replay_sends_the_same_request_twice_and_the_second_must_be_refused() {
    let app = App::start();
    app.answer_next(Answer::Status(200, String::new()));
    app.answer_next(Answer::Status(409, String::new()));
    signed(&app, "replay").expect_exit(0);
    let requests = app.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0], requests[1]);
    let output = signed(&app, "replay").expect_exit(8);
    assert!(output.stderr.contains("is refused"), "{output}");
    assert!(output.stderr.contains("is right as well"), "{output}");
}

#[test]
fn a_replay_whose_first_request_is_refused_is_exit_7() {
    let app = App::start();
    app.answer(Answer::Status(401, String::new()));
    signed(&app, "replay").expect_exit(7);
}

#[test]
fn tampering_that_the_scheme_cannot_notice_is_a_usage_error() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    let args = ["github/ping", "--secret", "x", "--tamper", "timestamp"];
    send(&sandbox, &app, &args).expect_exit(2);
    let args = [
        "mailgun/delivered",
        "--secret",
        "x",
        "--tamper",
        "timestamp",
    ];
    let output = send(&sandbox, &app, &args).expect_exit(2);
    assert!(output.stderr.contains("do not check the clock"), "{output}");
    let args = ["github/ping", "--sign", "none", "--tamper", "body"];
    send(&sandbox, &app, &args).expect_exit(2);
    assert!(app.requests().is_empty());
}
