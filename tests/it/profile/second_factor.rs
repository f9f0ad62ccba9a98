//! `evt profile login` on a platform that requires a second factor.

use serde_json::json;

use super::{LOGIN, with_profile};
use crate::support::app::Answer;
use crate::support::platform::LocalPlatform;
use crate::support::{App, Sandbox, code_in};

const DEV: [&str; 6] = [
    "profile",
    "login",
    "--email",
    "dev@evt.local",
    "--password",
    "dev",
];

/// A sandbox with a platform that requires a code.
fn with_platform() -> (Sandbox, LocalPlatform) {
    let sandbox = Sandbox::new();
    let platform = LocalPlatform::start(&sandbox);
    let _ = sandbox.run(["dev", "set", "2fa=on"]).expect_exit(0);
    (sandbox, platform)
}

/// The messages with codes, oldest first.
fn outbox(sandbox: &Sandbox) -> Vec<String> {
    let listed = sandbox.run(["dev", "outbox"]).expect_exit(0).json_lines();
    let body = |message: &serde_json::Value| message["body"].as_str().unwrap().to_owned();
    listed.iter().map(body).collect()
}

fn code(sandbox: &Sandbox) -> String {
    code_in(outbox(sandbox).last().unwrap())
}

/// Another code than this one.
fn wrong(code: &str) -> &'static str {
    if code == "111111" { "222222" } else { "111111" }
}

#[test]
fn without_a_terminal_the_code_is_entered_by_a_second_command() {
    let (sandbox, _platform) = with_platform();
    let output = sandbox.run(DEV).expect_exit(4);
    assert!(
        output.stderr.contains("by e-mail to d…@evt.local"),
        "{output}"
    );
    assert!(output.stderr.contains("code second_factor"), "{output}");
    assert!(
        output
            .stderr
            .contains("try  evt profile login local --code CODE"),
        "{output}"
    );
    let code = code(&sandbox);
    assert!(!output.stderr.contains(&code), "{output}");
    let enter = ["profile", "login", "local", "--code", &code];
    let output = sandbox.run(enter).expect_exit(0);
    assert!(output.stderr.contains("as dev@evt.local"), "{output}");
    let shown = sandbox.run(["profile", "show"]).expect_exit(0).json_lines();
    assert_eq!(shown[0]["account"], "user");
    let _ = sandbox.run(enter).expect_exit(4);
}

#[test]
fn a_wrong_code_keeps_the_sign_in_waiting() {
    let (sandbox, _platform) = with_platform();
    let _ = sandbox.run(DEV).expect_exit(4);
    let code = code(&sandbox);
    let refused = sandbox
        .run(["profile", "login", "--code", wrong(&code)])
        .expect_exit(4);
    assert!(refused.stderr.contains("the code is wrong"), "{refused}");
    let _ = sandbox
        .run(["profile", "login", "--code", &code])
        .expect_exit(0);
    assert_eq!(outbox(&sandbox).len(), 1);
}

#[test]
fn a_code_without_a_waiting_sign_in_is_refused() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let output = sandbox
        .run(["profile", "login", "--code", "123456"])
        .expect_exit(4);
    assert!(output.stderr.contains("waits for a code"), "{output}");
}

#[test]
fn a_challenge_is_neither_printed_nor_sent_to_another_server() {
    let (app, other) = (App::start(), App::start());
    let sandbox = with_profile(&app).with("PASSWORD", "hunter2-hunter2");
    let challenge = json!({ "requiresTwoFactor": true, "challengeToken": "ch4ll3ng3", "twoFactorMethod": "totp" });
    app.answer(Answer::Status(200, challenge.to_string()));
    let output = sandbox.run(LOGIN).expect_exit(4);
    assert!(!output.to_string().contains("ch4ll3ng3"), "{output}");
    assert!(output.stderr.contains("authenticator app"), "{output}");
    let _ = sandbox
        .run([
            "profile",
            "login",
            "--code",
            "123456",
            "--url",
            &other.url(""),
        ])
        .expect_exit(4);
    assert_eq!(other.requests().len(), 0);
}

#[cfg(unix)]
#[test]
fn on_a_terminal_the_code_is_asked_sent_again_and_asked_again_after_a_mistake() {
    use crate::support::terminal::Session;

    let (sandbox, _platform) = with_platform();
    let mut session = Session::start(sandbox.command(DEV), 120);
    let _ = session.wait_for("d…@evt.local");
    let _ = session.wait_for("Code (leave empty");
    let code = code(&sandbox);
    session.answer("");
    let _ = session.wait_for("Code (leave empty");
    assert_eq!(outbox(&sandbox).len(), 2);
    session.answer(wrong(&code));
    let _ = session.wait_for("the code is wrong");
    let _ = session.wait_for("Code (leave empty");
    session.answer(&code);
    let (text, exit) = session.finish();
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.contains("signed in to"), "{text}");
}

#[cfg(unix)]
#[test]
fn on_a_terminal_three_wrong_codes_end_the_command() {
    use crate::support::terminal::Session;

    let (sandbox, _platform) = with_platform();
    let mut session = Session::start(sandbox.command(DEV), 120);
    for _ in 0..3 {
        let _ = session.wait_for("Code (leave empty");
        session.answer(wrong(&code(&sandbox)));
    }
    let (text, exit) = session.finish();
    assert_eq!(exit, Some(4), "{text}");
}
