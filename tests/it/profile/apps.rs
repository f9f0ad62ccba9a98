//! Profiles with the credentials of an app, or with an API key.

use evt::dev::{AuthMode, DevOptions};
use serde_json::{Value, json};

use super::signed_in;
use crate::support::app::{Answer, Request};
use crate::support::platform::LocalPlatform;
use crate::support::{App, Sandbox};

fn token(text: &str) -> Answer {
    Answer::Status(200, json!({ "token": text }).to_string())
}

fn refused() -> Answer {
    Answer::Status(401, json!({ "message": "Unauthorized" }).to_string())
}

fn ok(body: &Value) -> Answer {
    Answer::Status(200, body.to_string())
}

/// A sandbox whose profile `shop` has these flags, with references to `APP_KEY` and `APP_SECRET`.
fn with_shop(url: &str, flags: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new()
        .with("APP_KEY", "k3y-k3y-k3y")
        .with("APP_SECRET", "s3cr3t-s3cr3t")
        .with("PASSWORD", "hunter2-hunter2");
    let add = ["profile", "add", "shop", "--url", url, "--org", "my-org"];
    let _ = sandbox.run(add.iter().chain(flags)).expect_exit(0);
    let _ = sandbox.run(["profile", "use", "shop"]).expect_exit(0);
    sandbox
}

const APP: [&str; 6] = [
    "--app-id",
    "shop-app",
    "--app-key",
    "env:APP_KEY",
    "--app-secret",
    "env:APP_SECRET",
];

const LOGIN: [&str; 7] = [
    "profile",
    "login",
    "--customer",
    "--email",
    "ada@example.com",
    "--password",
    "env:PASSWORD",
];

/// The bearer and the user's token of each request.
fn tokens(requests: &[Request]) -> Vec<(Option<&str>, Option<&str>)> {
    requests
        .iter()
        .map(|request| {
            (
                request.header("authorization"),
                request.header("x-client-authorization"),
            )
        })
        .collect()
}

#[test]
fn requests_carry_the_token_of_the_app_and_that_of_the_user_next_to_it() {
    let app = App::start();
    let sandbox = with_shop(&app.url(""), &APP);
    app.answer_next(token("app-one"));
    app.answer_next(signed_in());
    let _ = sandbox.run(LOGIN).expect_exit(0);
    app.answer_next(token("app-two"));
    app.answer_next(ok(&json!({ "email": "ada@example.com" })));
    let _ = sandbox.run(["profile", "whoami"]).expect_exit(0);
    let requests = app.requests();
    assert_eq!(requests[0].target, "/profile/app/key");
    assert_eq!(
        requests[0].json(),
        json!({ "appId": "shop-app", "key": "k3y-k3y-k3y", "secret": "s3cr3t-s3cr3t" })
    );
    let expected = [
        (None, None),
        (Some("Bearer app-one"), None),
        (None, None),
        (Some("Bearer app-two"), Some("t0k3n-one")),
    ];
    assert_eq!(tokens(&requests), expected);
}

#[test]
fn a_refused_app_token_is_renewed_once() {
    let app = App::start();
    let sandbox = with_shop(&app.url(""), &APP);
    app.answer_next(token("app-one"));
    app.answer_next(ok(&json!([{ "id": "flow-1", "name": "greet" }])));
    app.answer_next(refused());
    app.answer_next(token("app-two"));
    app.answer_next(ok(
        &json!({ "executionId": "run-1", "status": "completed" }),
    ));
    let _ = sandbox.run(["flows", "execute", "greet"]).expect_exit(0);
    let requests = app.requests();
    let bearers: Vec<_> = tokens(&requests).into_iter().map(|pair| pair.0).collect();
    let (one, two) = (Some("Bearer app-one"), Some("Bearer app-two"));
    assert_eq!(bearers, [None, one, one, None, two]);

    app.answer_next(token("app-three"));
    app.answer_next(refused());
    app.answer_next(token("app-four"));
    app.answer(refused());
    let _ = sandbox.run(["profile", "whoami"]).expect_exit(4);
    assert_eq!(app.requests().len(), 5 + 4);
}

#[test]
fn an_expired_user_token_is_renewed_with_the_token_of_the_app() {
    let app = App::start();
    let sandbox = with_shop(&app.url(""), &APP);
    app.answer_next(token("app-one"));
    app.answer_next(signed_in());
    let _ = sandbox.run(LOGIN).expect_exit(0);
    let expired = json!({ "code": "token_expired" }).to_string();
    app.answer_next(token("app-two"));
    app.answer_next(Answer::Status(401, expired.clone()));
    app.answer_next(token("app-three"));
    app.answer_next(Answer::Status(401, expired));
    app.answer_next(token("t0k3n-two"));
    app.answer_next(ok(&json!({ "email": "ada@example.com" })));
    let _ = sandbox.run(["profile", "whoami"]).expect_exit(0);
    let requests = app.requests();
    assert_eq!(requests[6].target, "/profile/customer/refresh");
    let app_three = Some("Bearer app-three");
    assert_eq!(tokens(&requests[6..7]), [(app_three, None)]);
    assert_eq!(tokens(&requests[7..]), [(app_three, Some("t0k3n-two"))]);
}

#[test]
fn an_api_key_is_sent_by_requests_without_a_token() {
    let app = App::start();
    let sandbox = with_shop(&app.url(""), &["--api-key", "env:APP_KEY"]);
    app.answer(ok(&json!({})));
    let _ = sandbox.run(["profile", "whoami"]).expect_exit(0);
    let _ = sandbox
        .run(["profile", "whoami", "--token", "t0k3n"])
        .expect_exit(0);
    let requests = app.requests();
    assert_eq!(requests[0].header("x-api-key"), Some("k3y-k3y-k3y"));
    assert_eq!(requests[0].header("authorization"), None);
    assert_eq!(requests[1].header("x-api-key"), None);
    assert_eq!(requests[1].header("authorization"), Some("Bearer t0k3n"));
}

/// A strict platform, and the profile `shop` for it.
fn strict(flags: &[&str]) -> (Sandbox, LocalPlatform) {
    let options = DevOptions {
        auth: AuthMode::Strict,
        ..DevOptions::default()
    };
    let platform = LocalPlatform::start_with(&Sandbox::new(), options);
    let sandbox = with_shop(&platform.running.url, flags)
        .with("APP_KEY", "dev")
        .with("APP_SECRET", "dev");
    (sandbox, platform)
}

#[test]
fn the_platform_accepts_the_app_and_its_user() {
    let (sandbox, _platform) = strict(&APP);
    let who = |sandbox: &Sandbox| {
        let output = sandbox.run(["profile", "whoami"]).expect_exit(0);
        output.json_lines()[0]["sk"].clone()
    };
    assert_eq!(who(&sandbox), "app-shop-app");
    let made = ["email=ada@example.com", "password=hunter2-hunter2"];
    let create = ["records", "create", "customer"].into_iter().chain(made);
    let _ = sandbox.run(create).expect_exit(0);
    let _ = sandbox.run(LOGIN).expect_exit(0);
    assert!(who(&sandbox).as_str().unwrap().starts_with("customer-"));
    let _ = sandbox.run(["profile", "logout"]).expect_exit(0);
    assert_eq!(who(&sandbox), "app-shop-app");
}

#[test]
fn a_stream_is_followed_with_the_token_of_the_app() {
    let (sandbox, _platform) = strict(&APP);
    let output = sandbox
        .run(["tail", "--agent", "assistant", "hello", "--text"])
        .expect_exit(0);
    assert!(!output.stdout.trim().is_empty(), "{output}");
}

#[test]
fn keys_that_are_read_from_stdin_are_stored_for_the_user_alone() {
    let app = App::start();
    let sandbox = with_shop(&app.url(""), &[]);
    let add = ["profile", "add", "shop", "--api-key", "-"];
    let _ = sandbox
        .run_with_input(add, b"k3y-from-stdin\n")
        .expect_exit(0);
    let settings = std::fs::read_to_string(sandbox.home().join("config/config.toml")).unwrap();
    assert!(!settings.contains("k3y-from"), "{settings}");
    app.answer(ok(&json!({})));
    let _ = sandbox.run(["profile", "whoami"]).expect_exit(0);
    let key = app.requests()[0].header("x-api-key").map(str::to_owned);
    assert_eq!(key.as_deref(), Some("k3y-from-stdin"));
    // It belongs to the URL of the profile.
    let other = App::start();
    other.answer(ok(&json!({})));
    let url = other.url("");
    let _ = sandbox
        .run(["profile", "whoami", "--url", &url])
        .expect_exit(0);
    assert_eq!(other.requests()[0].header("x-api-key"), None);
}

#[test]
fn a_key_on_the_command_line_is_refused_and_not_repeated() {
    let sandbox = Sandbox::new();
    for flag in ["--app-key", "--app-secret", "--api-key"] {
        let add = ["profile", "add", "shop", "--url", "http://127.0.0.1:1"];
        let app: &[&str] = match flag {
            "--app-secret" => &["--app-id", "shop-app", "--app-key", "env:K"],
            _ => &["--app-id", "shop-app", "--app-secret", "env:S"],
        };
        let line = add.iter().chain(app).chain([&flag, &"hunter2"]);
        let output = sandbox.run(line).expect_exit(2);
        assert!(output.stderr.contains(flag), "{output}");
        assert!(!output.stderr.contains("hunter2"), "{output}");
    }
    assert!(!sandbox.home().join("config").exists());
}

#[test]
fn without_a_terminal_the_missing_secret_of_an_app_is_named() {
    let sandbox = Sandbox::new();
    let add = ["profile", "add", "shop", "--url", "http://127.0.0.1:1"];
    let output = sandbox
        .run(add.iter().chain(&["--app-id", "shop-app"]))
        .expect_exit(2);
    assert!(
        output.stderr.contains("try  give it with --app-key"),
        "{output}"
    );
}

#[cfg(unix)]
#[test]
fn on_a_terminal_the_secrets_of_an_app_are_asked() {
    use crate::support::terminal::Session;

    let app = App::start();
    let sandbox = with_shop(&app.url(""), &[]);
    let add = ["profile", "add", "shop", "--app-id", "shop-app"];
    let mut session = Session::start(sandbox.command(add), 120);
    let _ = session.wait_for("App key");
    session.answer_secretly("k3y-typed");
    let _ = session.wait_for("App secret");
    session.answer_secretly("s3cr3t-typed");
    let (text, exit) = session.finish();
    assert_eq!(exit, Some(0), "{text}");
    assert!(!text.contains("typed"), "{text}");
    app.answer_next(token("app-one"));
    app.answer(ok(&json!({})));
    let _ = sandbox.run(["profile", "whoami"]).expect_exit(0);
    assert_eq!(
        app.requests()[0].json(),
        json!({ "appId": "shop-app", "key": "k3y-typed", "secret": "s3cr3t-typed" })
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_question_for_a_secret() {
    use crate::support::terminal::Session;

    let sandbox = with_shop("http://127.0.0.1:1", &[]);
    let add = ["profile", "add", "shop", "--app-id", "shop-app"];
    let mut session = Session::start(sandbox.command(add), 120);
    let _ = session.wait_for("App key");
    session.answer_secretly("\u{3}");
    assert_eq!(session.finish().1, Some(130));
}

#[test]
fn show_masks_every_secret() {
    let sandbox = with_shop("http://127.0.0.1:1", &APP);
    let flags = ["profile", "add", "shop", "--api-key", "env:APP_KEY"];
    let _ = sandbox.run(flags).expect_exit(0);
    for format in ["text", "json"] {
        let output = sandbox
            .run(["profile", "show", "-o", format])
            .expect_exit(0);
        assert!(output.stdout.contains("shop-app"), "{output}");
        assert!(!output.stdout.contains("3y-k3y"), "{output}");
        assert!(!output.stdout.contains("3cr3t"), "{output}");
    }
}
