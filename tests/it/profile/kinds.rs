//! Users and customers: the tokens of each are renewed on its own path.

use serde_json::json;

use super::{LOGIN, signed_in, with_profile};
use crate::support::app::Answer;
use crate::support::platform::LocalPlatform;
use crate::support::{App, Sandbox};

fn expired() -> Answer {
    let body = json!({ "statusCode": 401, "code": "token_expired" });
    Answer::Status(401, body.to_string())
}

fn ok(body: &serde_json::Value) -> Answer {
    Answer::Status(200, body.to_string())
}

#[test]
fn a_token_that_expires_during_a_command_is_renewed_by_the_kind_of_account() {
    for (flag, kind) in [(None, "user"), (Some("--customer"), "customer")] {
        let app = App::start();
        let sandbox = with_profile(&app).with("PASSWORD", "hunter2-hunter2");
        app.answer_next(signed_in());
        let _ = sandbox.run(LOGIN.into_iter().chain(flag)).expect_exit(0);
        app.answer_next(ok(&json!([{ "id": "flow-1", "name": "greet" }])));
        app.answer_next(expired());
        app.answer_next(ok(&json!({ "token": "t0k3n-two" })));
        app.answer_next(ok(&json!({ "executionId": "run-1", "status": "running" })));
        app.answer_next(ok(
            &json!({ "executionId": "run-1", "status": "completed" }),
        ));
        let _ = sandbox
            .run(["flows", "execute", "greet", "--watch"])
            .expect_exit(0);
        let requests = app.requests();
        let paths: Vec<&str> = requests
            .iter()
            .map(|request| request.target.split('?').next().unwrap())
            .collect();
        let refresh = format!("/profile/{kind}/refresh");
        let expected = [
            &format!("/profile/{kind}/signin"),
            "/automation/flows",
            "/automation/flows/flow-1/execute",
            &refresh,
            "/automation/flows/flow-1/execute",
            "/automation/executions/run-1",
        ];
        assert_eq!(paths, expected);
        assert_eq!(requests[3].header("authorization"), None);
        assert_eq!(
            requests[5].header("authorization"),
            Some("Bearer t0k3n-two")
        );
        // The kind is still known after the renewed token was stored.
        app.answer_next(ok(&json!({ "token": "t0k3n-three" })));
        let _ = sandbox.run(["profile", "refresh"]).expect_exit(0);
        assert_eq!(app.requests().pop().unwrap().target, refresh);
    }
}

#[test]
fn the_credentials_of_an_older_version_are_those_of_a_user() {
    let app = App::start();
    let sandbox = with_profile(&app);
    let url = app.url("");
    let text =
        format!("[profile.app]\nurl = \"{url}\"\ntoken = \"t0k3n\"\nrefresh_token = \"r3fr3sh\"\n");
    std::fs::write(sandbox.home().join("config/credentials.toml"), text).unwrap();
    app.answer_next(ok(&json!({ "token": "t0k3n-two" })));
    let _ = sandbox.run(["profile", "refresh"]).expect_exit(0);
    assert_eq!(app.requests()[0].target, "/profile/user/refresh");
}

#[test]
fn a_customer_of_the_platform_stays_signed_in_when_the_token_expires() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let made = ["email=ada@example.com", "password=correct-horse"];
    let create = ["records", "create", "customer"].into_iter().chain(made);
    let _ = sandbox.run(create).expect_exit(0);
    let login = [
        "profile",
        "login",
        "--customer",
        "--email",
        "ada@example.com",
        "--password",
        "correct-horse",
    ];
    let _ = sandbox.run(login).expect_exit(0);
    let shown = sandbox.run(["profile", "show"]).expect_exit(0).json_lines();
    assert_eq!(shown[0]["account"], "customer");
    let _ = sandbox
        .run(["dev", "clock", "advance", "2h"])
        .expect_exit(0);
    let who = sandbox
        .run(["profile", "whoami"])
        .expect_exit(0)
        .json_lines();
    assert_eq!(who[0]["email"], "ada@example.com");
    let renewed = sandbox.run(["profile", "show"]).expect_exit(0).json_lines();
    assert_ne!(renewed[0]["token"], shown[0]["token"]);
    assert_eq!(renewed[0]["account"], "customer");
}
