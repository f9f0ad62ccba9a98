//! `evt flows execute` and `runs`.

use super::*;

#[test]
fn a_watched_execution_prints_every_attempt() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let app = App::start();
    app.answer_next(Answer::Status(500, "not yet".to_owned()));
    create(&sandbox, "bridge", &app.url("/hook"));
    let output = sandbox
        .run([
            "flows",
            "execute",
            "bridge",
            "contact.email=ada@example.test",
            "--watch",
            "-o",
            "text",
        ])
        .expect_exit(0);
    assert!(output.stdout.contains("attempt 1  500"), "{output}");
    assert!(output.stdout.contains("attempt 2  200"), "{output}");
    let body: Value = serde_json::from_slice(&app.requests()[0].body).expect("a JSON body");
    assert_eq!(body["data"]["data"]["email"], "ada@example.test");
}

#[test]
fn an_execution_that_cannot_deliver_exits_with_7() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let app = App::start();
    app.answer(Answer::Status(410, "gone".to_owned()));
    create(&sandbox, "bridge", &app.url("/hook"));
    let output = sandbox
        .run(["flows", "execute", "bridge", "--watch"])
        .expect_exit(7);
    assert_eq!(object(&output)["status"], "failed");
}

#[test]
fn a_context_file_may_have_either_form() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let app = App::start();
    create(&sandbox, "bridge", &app.url("/hook"));
    for context in [
        "{\"context\":{\"contact\":{\"n\":1}}}",
        "{\"contact\":{\"n\":1}}",
    ] {
        sandbox.write("context.json", context);
        let output = sandbox.run(["flows", "execute", "bridge", "-f", "context.json"]);
        assert_eq!(output.exit, Some(0), "{output}");
    }
    for request in app.wait_for(2) {
        let body: Value = serde_json::from_slice(&request.body).expect("a JSON body");
        assert_eq!(body["data"]["data"], json!({"n": 1}));
    }
}

#[test]
fn runs_show_each_step() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let app = App::start();
    create(&sandbox, "bridge", &app.url("/hook"));
    let watched = sandbox
        .run(["flows", "execute", "bridge", "--watch"])
        .expect_exit(0);
    let runs = sandbox
        .run(["flows", "runs", "bridge"])
        .expect_exit(0)
        .json_lines();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0]["id"], object(&watched)["id"]);
    assert_eq!(runs[0]["steps"][0]["attempts"][0]["status"], 200);
}

#[test]
fn watched_runs_are_printed_when_they_change() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let app = App::start();
    create(&sandbox, "bridge", &app.url("/hook"));
    let mut watching = sandbox.spawn(["flows", "runs", "--watch", "-o", "json"]);
    watching.wait_for_stderr("ready");
    let output = sandbox.run(["flows", "execute", "bridge"]).expect_exit(0);
    let id = object(&output)["executionId"]
        .as_str()
        .expect("an id")
        .to_owned();
    let mut line = watching.wait_for_stdout(&id);
    if !line.contains("\"completed\"") {
        line = watching.wait_for_stdout("\"completed\"");
    }
    assert!(line.contains(&id), "{line}");
    watching.interrupt();
    let ended = watching.finish();
    assert_eq!(ended.exit, Some(0), "{ended}");
}

#[test]
fn a_skipped_run_shows_its_condition_and_the_value() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let created = create_with(
        &sandbox,
        "4871/hook",
        &["--name", "leads", "--when", "data.status == \"lead\""],
    );
    assert_eq!(created.exit, Some(0), "{created}");
    let made = sandbox.run(["records", "create", "contact", "status=customer"]);
    assert_eq!(made.exit, Some(0), "{made}");
    let runs = sandbox
        .run([
            "flows", "runs", "leads", "--status", "skipped", "-o", "text",
        ])
        .expect_exit(0);
    assert!(runs.stdout.contains("data.status == \"lead\""), "{runs}");
    assert!(runs.stdout.contains("customer"), "{runs}");
}

#[test]
fn a_step_whose_placeholders_become_too_large_fails_with_their_name() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let text = "{{contact.note}}".repeat(50);
    let flow = json!({
        "name": "large",
        "trigger": {"type": "contact.created"},
        "actions": [{"type": "create_data", "config": {"datatype": "note", "data": {"text": text}}}]
    });
    let _ = time::apply(&sandbox, &flow).expect_exit(0);
    let note = format!("note={}", "x".repeat(100_000));
    let _ = sandbox
        .run(["records", "create", "contact", &note])
        .expect_exit(0);
    let run = time::runs(&sandbox, "large").remove(0);
    assert_eq!(run["status"], "failed");
    assert_eq!(
        run["steps"][0]["error"],
        "`{{contact.note}}` makes the result larger than 4 MiB"
    );
}
