//! Platforms whose list of flows is at another path, or that have none.

use super::*;

fn missing() -> Answer {
    Answer::Status(404, json!({ "message": "Cannot GET" }).to_string())
}

fn ok(body: &Value) -> Answer {
    Answer::Status(200, body.to_string())
}

/// Runs `evt flows` with these arguments on the platform `app`.
fn flows(app: &App, args: &[&str]) -> Output {
    let url = app.url("");
    let words = ["flows"].iter().chain(args);
    let account = ["--url", &url, "--org", "my-org", "--token", "t0k3n"];
    Sandbox::new().run(words.chain(&account))
}

/// Method and path of all requests.
fn requests(app: &App) -> Vec<String> {
    let requests = app.requests();
    let line = |request: &crate::support::app::Request| {
        let path = request.target.split('?').next().unwrap_or_default();
        format!("{} {path}", request.method)
    };
    requests.iter().map(line).collect()
}

const LISTS: [&str; 3] = [
    "GET /automation/flows",
    "GET /automation",
    "GET /repository/find/automation",
];

#[test]
fn a_list_at_another_path_is_found() {
    let record = json!({ "data": [{ "sk": "automation-1", "data": { "name": "greet" } }] });
    let plain = json!([{ "id": "automation-1", "name": "greet" }]);
    for (skipped, list) in [(1, &plain), (1, &record), (2, &record)] {
        let app = App::start();
        for _ in 0..skipped {
            app.answer_next(missing());
        }
        app.answer_next(ok(list));
        app.answer(ok(
            &json!({ "executionId": "run-1", "status": "completed" }),
        ));
        let _ = flows(&app, &["execute", "greet"]).expect_exit(0);
        let mut expected = LISTS[..=skipped].to_vec();
        expected.push("POST /automation/flows/automation-1/execute");
        assert_eq!(requests(&app), expected);
    }
}

#[test]
fn without_a_list_an_id_is_used_as_it_is_given() {
    let app = App::start();
    for _ in LISTS {
        app.answer_next(missing());
    }
    app.answer(ok(
        &json!({ "executionId": "run-1", "status": "completed" }),
    ));
    let _ = flows(&app, &["execute", "507f1f77bcf86cd799439011"]).expect_exit(0);
    let last = requests(&app).pop();
    assert_eq!(
        last.as_deref(),
        Some("POST /automation/flows/507f1f77bcf86cd799439011/execute")
    );
}

#[test]
fn without_a_list_a_name_is_not_found() {
    let app = App::start();
    app.answer(missing());
    let output = flows(&app, &["execute", "greet"]).expect_exit(3);
    assert!(output.stderr.contains("Cannot GET"), "{output}");
    assert_eq!(requests(&app), LISTS);
}

#[test]
fn without_a_list_a_flow_is_enabled_and_shown_by_its_id() {
    let app = App::start();
    let flow = json!({ "id": "automation-1", "name": "greet" });
    for (args, request) in [
        (
            ["enable", "automation-1"],
            "POST /automation/flows/automation-1/enable",
        ),
        (
            ["show", "automation-1"],
            "GET /automation/flows/automation-1",
        ),
    ] {
        for _ in LISTS {
            app.answer_next(missing());
        }
        app.answer(ok(&flow));
        let output = flows(&app, &args).expect_exit(0);
        assert!(output.stdout.contains("automation-1"), "{output}");
        assert_eq!(requests(&app).pop().as_deref(), Some(request));
    }
}

#[test]
fn another_error_of_the_list_is_reported() {
    let app = App::start();
    app.answer(Answer::Status(403, "{}".to_owned()));
    let _ = flows(&app, &["execute", "automation-1"]).expect_exit(4);
    assert_eq!(requests(&app), LISTS[..1]);
}
