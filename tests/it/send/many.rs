//! `evt send --times`.

use super::*;

#[test]
fn every_repetition_has_its_own_id_and_signature_and_is_not_stored() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    let args = [
        "contact.created",
        "--secret",
        WEBHOOK_SECRET,
        "--times",
        "60",
        "--concurrency",
        "7",
    ];
    let summary = &send(&sandbox, &app, &args).expect_exit(0).json_lines()[0];
    assert_eq!(summary["answered"], 60);
    assert_eq!(summary["statuses"], json!({ "200": 60 }));
    let requests = app.requests();
    let ids: HashSet<_> = requests
        .iter()
        .map(|request| request.header("webhook-id"))
        .collect();
    assert_eq!(ids.len(), 60);
    for request in &requests {
        assert_eq!(
            judged("standard-webhooks", WEBHOOK_SECRET, request),
            Reason::Ok
        );
    }
    let next = send(&sandbox, &app, &["contact.created"]).expect_exit(0);
    assert_eq!(next.json_lines()[0]["ref"], "e_0001");
}

#[test]
fn some_failures_are_exit_10_and_only_failures_are_exit_7() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    app.answer_next(Answer::Status(500, String::new()));
    let args = ["contact.created", "--times", "5"];
    let summary = send(&sandbox, &app, &args).expect_exit(10);
    assert_eq!(
        summary.json_lines()[0]["statuses"],
        json!({ "200": 4, "500": 1 })
    );
    app.answer(Answer::Status(500, String::new()));
    send(&sandbox, &app, &args).expect_exit(7);
}

#[test]
fn a_refused_connection_ends_the_repetition() {
    let absent = Absent::new();
    let to = absent.address().to_string();
    let args = ["send", "contact.created", "--times", "1000000", "--to", &to];
    let output = Sandbox::new().run(args).expect_exit(5);
    let unanswered = output.json_lines()[0]["errors"]["target_refused"].as_u64();
    assert!(unanswered.is_some_and(|count| count <= 10), "{output}");
}

#[test]
fn the_repetition_continues_after_a_closed_connection() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    app.answer_next(Answer::Status(200, String::new()));
    app.answer_next(Answer::Close);
    let args = ["contact.created", "--times", "4", "--concurrency", "1"];
    let summary = &send(&sandbox, &app, &args).expect_exit(10).json_lines()[0];
    assert_eq!(summary["answered"], 3);
    assert_eq!(summary["errors"], json!({ "target_broke_off": 1 }));
}

#[test]
fn the_repetition_continues_if_the_first_connection_is_closed() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    app.answer_next(Answer::Close);
    let args = ["contact.created", "--times", "4", "--concurrency", "1"];
    let summary = &send(&sandbox, &app, &args).expect_exit(10).json_lines()[0];
    assert_eq!(summary["sent"], 4);
}

#[test]
fn an_interrupted_repetition_prints_a_summary_and_is_exit_130() {
    let (sandbox, app) = (Sandbox::new(), App::start());
    let to = app.url("/");
    let args = [
        "send",
        "contact.created",
        "--to",
        &to,
        "--times",
        "1000000",
        "--rate",
        "100/s",
    ];
    let running = sandbox.spawn(args);
    app.wait_for(2);
    running.interrupt();
    let output = running.finish().expect_exit(130);
    assert!(
        output.json_lines()[0]["answered"].as_u64() >= Some(2),
        "{output}"
    );
}
