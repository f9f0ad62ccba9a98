//! `evt profile`: profiles and sign-ins.

mod apps;
mod kinds;
mod second_factor;

use serde_json::json;

use crate::support::app::Answer;
use crate::support::sandbox::mode;
use crate::support::{App, Sandbox};

fn signed_in() -> Answer {
    let body = json!({ "token": "t0k3n-one", "refreshToken": "r3fr3sh-one", "user": { "data": { "email": "ada@example.com" } } });
    Answer::Status(200, body.to_string())
}

/// A sandbox with the profile `app`, whose platform is an [`App`].
fn with_profile(app: &App) -> Sandbox {
    let sandbox = Sandbox::new();
    let url = app.url("");
    let _ = sandbox
        .run(["profile", "add", "app", "--url", &url, "--org", "my-org"])
        .expect_exit(0);
    let _ = sandbox.run(["profile", "use", "app"]).expect_exit(0);
    sandbox
}

const LOGIN: [&str; 6] = [
    "profile",
    "login",
    "--email",
    "ada@example.com",
    "--password",
    "env:PASSWORD",
];

#[test]
fn without_settings_the_local_profile_exists() {
    let output = Sandbox::new().run(["profile", "list"]).expect_exit(0);
    assert_eq!(
        output.json_lines(),
        [json!({ "name": "local", "in_use": true, "url": null, "org": null })]
    );
}

#[test]
fn a_local_platform_that_is_not_running_is_unreachable() {
    let output = Sandbox::new().run(["profile", "whoami"]).expect_exit(5);
    assert_eq!(
        output.stderr,
        "error: no local platform is running\n  try  start one: evt dev\n  code not_running (exit 5)\n"
    );
}

#[test]
fn an_error_is_an_object_with_json_output() {
    let output = Sandbox::new()
        .run(["profile", "whoami", "-o", "json"])
        .expect_exit(5);
    let error: serde_json::Value = serde_json::from_str(&output.stderr).unwrap();
    let expected = json!({ "error": { "code": "not_running", "message": "no local platform is running", "hint": "start one: evt dev", "exit": 5 } });
    assert_eq!(error, expected);
    assert_eq!(output.stdout, "");
}

#[test]
fn a_profile_is_added_used_and_removed() {
    let app = App::start();
    let sandbox = with_profile(&app);
    let names: Vec<_> = sandbox.run(["profile", "list"]).expect_exit(0).json_lines();
    assert_eq!(
        names[1],
        json!({ "name": "app", "in_use": true, "url": app.url(""), "org": "my-org" })
    );
    let _ = sandbox.run(["profile", "remove", "app"]).expect_exit(0);
    let names = sandbox.run(["profile", "list"]).expect_exit(0).json_lines();
    assert_eq!(names.len(), 1);
    assert_eq!(names[0]["in_use"], true);
}

#[test]
fn a_mistyped_profile_gets_a_suggestion() {
    let sandbox = with_profile(&App::start());
    let output = sandbox.run(["profile", "show", "-p", "apq"]).expect_exit(2);
    assert!(output.stderr.contains("try  evt --profile app"), "{output}");
}

#[test]
fn invalid_names_are_refused() {
    let sandbox = Sandbox::new();
    for name in [
        "../x",
        "a/b",
        "..",
        "con",
        "a b",
        ".hidden",
        "a\u{1b}[2J",
        "NUL.txt",
    ] {
        let output = sandbox
            .run([
                "profile",
                "add",
                name,
                "--url",
                "http://127.0.0.1:1",
                "--org",
                "o",
            ])
            .expect_exit(2);
        assert!(!output.stderr.contains('\u{1b}'), "{output}");
    }
    assert!(!sandbox.home().join("config").exists());
}

#[test]
fn a_sign_in_is_stored_and_used() {
    let app = App::start();
    let sandbox = with_profile(&app).with("PASSWORD", "hunter2-hunter2");
    app.answer_next(signed_in());
    let output = sandbox.run(LOGIN).expect_exit(0);
    assert!(!output.stderr.contains("t0k3n"), "{output}");
    app.answer(Answer::Status(
        200,
        json!({ "data": { "email": "ada@example.com" } }).to_string(),
    ));
    let output = sandbox
        .run(["profile", "whoami", "-o", "text"])
        .expect_exit(0);
    assert!(output.stdout.contains("ada@example.com"), "{output}");
    let requests = app.requests();
    assert_eq!(requests[0].json()["password"], "hunter2-hunter2");
    assert_eq!(
        requests[1].header("authorization"),
        Some("Bearer t0k3n-one")
    );
    assert_eq!(requests[1].header("orgid"), Some("my-org"));
}

#[cfg(unix)]
#[test]
fn the_token_is_in_one_file_that_only_its_owner_can_read() {
    let app = App::start();
    let sandbox = with_profile(&app).with("PASSWORD", "hunter2-hunter2");
    app.answer_next(signed_in());
    let _ = sandbox.run(LOGIN).expect_exit(0);
    let credentials = sandbox.home().join("config/credentials.toml");
    assert_eq!(mode(&credentials), 0o600);
    let settings = std::fs::read_to_string(sandbox.home().join("config/config.toml")).unwrap();
    assert!(!settings.contains("t0k3n"), "{settings}");
    let stored = std::fs::read_to_string(&credentials).unwrap();
    assert!(
        stored.contains("t0k3n-one") && !stored.contains("hunter2"),
        "{stored}"
    );
}

#[test]
fn a_token_is_only_sent_to_the_url_that_issued_it() {
    let (app, other) = (App::start(), App::start());
    let sandbox = with_profile(&app).with("PASSWORD", "hunter2-hunter2");
    app.answer_next(signed_in());
    let _ = sandbox.run(LOGIN).expect_exit(0);
    other.answer(Answer::Status(200, "{}".to_owned()));
    let _ = sandbox
        .run(["profile", "whoami", "--url", &other.url("")])
        .expect_exit(0);
    assert_eq!(other.requests()[0].header("authorization"), None);
}

#[test]
fn an_expired_token_is_renewed_and_stored() {
    let app = App::start();
    let sandbox = with_profile(&app).with("PASSWORD", "hunter2-hunter2");
    app.answer_next(signed_in());
    let _ = sandbox.run(LOGIN).expect_exit(0);
    app.answer_next(Answer::Status(
        401,
        json!({ "statusCode": 401, "code": "token_expired" }).to_string(),
    ));
    app.answer_next(Answer::Status(
        200,
        json!({ "token": "t0k3n-two", "refreshToken": "r3fr3sh-two" }).to_string(),
    ));
    app.answer(Answer::Status(200, "{}".to_owned()));
    let _ = sandbox.run(["profile", "whoami"]).expect_exit(0);
    let _ = sandbox.run(["profile", "whoami"]).expect_exit(0);
    let last = app.requests().pop().unwrap();
    assert_eq!(last.header("authorization"), Some("Bearer t0k3n-two"));
    assert_eq!(app.requests().len(), 5);
}

#[test]
fn a_wrong_password_is_not_allowed() {
    let app = App::start();
    let sandbox = with_profile(&app).with("PASSWORD", "wrong-wrong-wrong");
    app.answer(Answer::Status(
        401,
        json!({ "statusCode": 401, "message": "no" }).to_string(),
    ));
    let output = sandbox.run(LOGIN).expect_exit(4);
    assert!(!output.stderr.contains("wrong-wrong"), "{output}");
    assert!(!sandbox.home().join("config/credentials.toml").exists());
}

#[test]
fn without_a_terminal_login_names_the_missing_flag() {
    let sandbox = with_profile(&App::start());
    let output = sandbox.run(["profile", "login"]).expect_exit(2);
    assert!(
        output.stderr.contains("try  give it with --email"),
        "{output}"
    );
}

#[test]
fn a_signed_out_profile_has_nothing_to_renew() {
    let app = App::start();
    let sandbox = with_profile(&app).with("PASSWORD", "hunter2-hunter2");
    app.answer_next(signed_in());
    let _ = sandbox.run(LOGIN).expect_exit(0);
    let _ = sandbox.run(["profile", "logout"]).expect_exit(0);
    let _ = sandbox.run(["profile", "refresh"]).expect_exit(4);
}

#[test]
fn a_platform_that_refuses_connections_is_unreachable() {
    let sandbox = Sandbox::new();
    let output = sandbox
        .run([
            "profile",
            "whoami",
            "--url",
            "http://127.0.0.1:1",
            "--org",
            "o",
        ])
        .expect_exit(5);
    assert!(output.stderr.contains("http://127.0.0.1:1"), "{output}");
}

#[test]
fn the_local_profile_finds_the_running_platform() {
    let sandbox = Sandbox::new();
    let mut platform = sandbox.spawn(["dev", "--port", "0"]);
    let _ = platform.wait_for_stderr("Ready");
    let output = sandbox.run(["profile", "whoami"]).expect_exit(0);
    assert_eq!(output.json_lines()[0]["email"], "dev@evt.local");
    let doctor = sandbox.run(["doctor"]).expect_exit(0).json_lines();
    let profile = doctor.iter().find(|row| row["check"] == "profile in use");
    assert_eq!(profile.unwrap()["state"], "ok");
}

#[test]
fn a_sign_in_to_the_running_platform_can_be_renewed() {
    let sandbox = Sandbox::new();
    let mut platform = sandbox.spawn(["dev", "--port", "0"]);
    let _ = platform.wait_for_stderr("Ready");
    let login = ["profile", "login", "--email", "dev@evt.local", "--password"];
    let wrong = login.iter().copied().chain(["wrong"]);
    let _ = sandbox.run(wrong).expect_exit(4);
    let right = login.iter().copied().chain(["dev"]);
    let _ = sandbox.run(right).expect_exit(0);
    let _ = sandbox.run(["profile", "refresh"]).expect_exit(0);
    let _ = sandbox.run(["profile", "whoami"]).expect_exit(0);
}

#[test]
fn login_accepts_the_name_of_a_profile() {
    let app = App::start();
    let sandbox = with_profile(&app).with("PASSWORD", "hunter2-hunter2");
    let _ = sandbox.run(["profile", "use", "local"]).expect_exit(0);
    app.answer_next(signed_in());
    let words = LOGIN.iter().copied().chain(["app"]);
    let output = sandbox.run(words).expect_exit(0);
    assert!(output.stderr.contains("(profile app)"), "{output}");
}

#[test]
fn a_refused_token_suggests_to_sign_in_to_its_profile() {
    let app = App::start();
    let sandbox = with_profile(&app);
    let _ = sandbox.run(["profile", "use", "local"]).expect_exit(0);
    let refusal = json!({ "statusCode": 401, "message": "no" });
    app.answer(Answer::Status(401, refusal.to_string()));
    let output = sandbox.run(["-p", "app", "flows", "list"]).expect_exit(4);
    assert!(
        output.stderr.contains("try  evt profile login app"),
        "{output}"
    );
}
