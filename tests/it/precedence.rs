//! Which server, organisation and token a command uses: the command line, then variables, then the settings. Values of one server are
//! never mixed with those of another, and variables are never stored.

use serde_json::json;

use crate::support::app::Answer;
use crate::support::http::Request;
use crate::support::{App, Output, Sandbox};

/// A platform that answers everything with an empty page.
fn platform() -> App {
    let app = App::start();
    app.answer(Answer::Status(
        200,
        json!({ "data": [], "total": 0 }).to_string(),
    ));
    app
}

/// A sandbox with the profile `work` for a platform.
fn with_work(work: &App) -> Sandbox {
    let sandbox = Sandbox::new().with("WORK_TOKEN", "work-token");
    let url = work.url("");
    let words = [
        "profile",
        "add",
        "work",
        "--org",
        "work-org",
        "--token",
        "env:WORK_TOKEN",
        "--url",
        &url,
    ];
    let _ = sandbox.run(words).expect_exit(0);
    sandbox
}

/// Variables for another server, as `eval "$(evt dev --print-env)"` sets them.
fn with_variables(sandbox: Sandbox, other: &App) -> Sandbox {
    sandbox
        .with("EVT_URL", other.url(""))
        .with("EVT_ORG", "other-org")
        .with("EVT_TOKEN", "other-token")
}

fn is_from(request: &Request, org: &str, token: &str) -> bool {
    let bearer = format!("Bearer {token}");
    request.header("orgid") == Some(org) && request.header("authorization") == Some(bearer.as_str())
}

/// Commands that reach a platform.
const COMMANDS: [&[&str]; 7] = [
    &["records", "list", "contact"],
    &["records", "create", "contact", "email=ada@example.com"],
    &["flows", "list"],
    &["flows", "runs"],
    &["profile", "whoami"],
    &["poll", "contact", "--since", "2026-01-01"],
    &["flows", "execute", "flow-1"],
];

#[test]
fn a_named_profile_has_priority_over_variables() {
    for command in COMMANDS {
        let (work, other) = (platform(), platform());
        let sandbox = with_variables(with_work(&work), &other);
        let output = sandbox.run(["-p", "work"].iter().chain(command));
        assert_eq!(other.requests().len(), 0, "{command:?}: {output}");
        let requests = work.requests();
        assert!(!requests.is_empty(), "{command:?}: {output}");
        for request in requests {
            assert!(is_from(&request, "work-org", "work-token"), "{command:?}");
        }
        assert!(
            output
                .stderr
                .contains("EVT_URL, EVT_ORG and EVT_TOKEN are ignored"),
            "{output}"
        );
    }
}

#[test]
fn variables_have_priority_over_the_default_profile() {
    for command in COMMANDS {
        let (work, other) = (platform(), platform());
        let sandbox = with_variables(with_work(&work), &other);
        let _ = sandbox.run(["profile", "use", "work"]).expect_exit(0);
        let output = sandbox.run(command);
        assert_eq!(work.requests().len(), 0, "{command:?}: {output}");
        let requests = other.requests();
        assert!(!requests.is_empty(), "{command:?}: {output}");
        for request in requests {
            assert!(is_from(&request, "other-org", "other-token"), "{command:?}");
        }
    }
}

#[test]
fn a_profile_alone_needs_no_variables() {
    for command in COMMANDS {
        let work = platform();
        let sandbox = with_work(&work);
        let output = sandbox.run(["-p", "work"].iter().chain(command));
        assert!(
            is_from(&work.requests()[0], "work-org", "work-token"),
            "{output}"
        );
        assert!(!output.stderr.contains("ignored"), "{output}");
    }
}

fn refused(output: Output, variable: &str) {
    let output = output.expect_exit(2);
    assert!(output.stderr.contains("mixed_variables"), "{output}");
    assert!(
        output.stderr.contains(&format!("unset {variable}")),
        "{output}"
    );
}

#[test]
fn a_url_of_one_server_is_not_used_with_the_token_of_another() {
    for command in COMMANDS {
        let (work, other) = (platform(), platform());
        let sandbox = with_work(&work).with("EVT_URL", other.url(""));
        let _ = sandbox.run(["profile", "use", "work"]).expect_exit(0);
        refused(sandbox.run(command), "EVT_URL");
        let sandbox = sandbox.with("EVT_ORG", "other-org");
        refused(sandbox.run(command), "EVT_URL");
        assert_eq!(
            other.requests().len() + work.requests().len(),
            0,
            "{command:?}"
        );
    }
}

#[test]
fn variables_of_one_server_are_not_sent_to_another_one() {
    let (work, other) = (platform(), platform());
    let sandbox = with_variables(Sandbox::new(), &other);
    let url = work.url("");
    refused(sandbox.run(["flows", "list", "--url", &url]), "EVT_TOKEN");
    let given = ["flows", "list", "--url", &url, "--token", "t", "--org", "o"];
    let _ = sandbox.run(given).expect_exit(0);
    assert_eq!(other.requests().len(), 0);
    assert!(is_from(&work.requests()[0], "o", "t"));
}

#[test]
fn a_sign_in_is_not_stored_for_the_url_of_a_variable() {
    let (work, other) = (platform(), platform());
    let sandbox = with_variables(with_work(&work), &other);
    let _ = sandbox.run(["profile", "use", "work"]).expect_exit(0);
    let login = [
        "profile",
        "login",
        "--email",
        "a@example.com",
        "--password",
        "p",
    ];
    refused(sandbox.run(login), "EVT_URL");
    assert_eq!(other.requests().len(), 0);
}

/// Everything below the folder of settings.
fn stored(sandbox: &Sandbox) -> String {
    let files = std::fs::read_dir(sandbox.home().join("config"))
        .into_iter()
        .flatten();
    files
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn variables_are_not_stored_in_a_profile() {
    let sandbox = Sandbox::new()
        .with("EVT_URL", "http://127.0.0.1:1")
        .with("EVT_ORG", "other-org")
        .with("EVT_TOKEN", "s3cret-of-another-server");
    let add = ["profile", "add", "work", "--url", "https://api.example.com"];
    let output = sandbox.run(add).expect_exit(0);
    assert!(
        output.stderr.contains("not stored: EVT_ORG, EVT_TOKEN"),
        "{output}"
    );
    let text = stored(&sandbox);
    assert!(!text.contains("other"), "{text}");
    assert!(text.contains("https://api.example.com"), "{text}");
    let output = sandbox.run(["profile", "add", "new"]).expect_exit(2);
    assert!(output.stderr.contains("needs the URL"), "{output}");
}

#[test]
fn a_token_itself_is_stored_with_the_credentials() {
    let work = platform();
    let sandbox = with_work(&work);
    let words = ["profile", "add", "work", "--token"];
    for (args, input) in [(["l1teral-one"], ""), (["-"], "l1teral-two\n")] {
        let _ = sandbox
            .run_with_input(words.into_iter().chain(args), input.as_bytes())
            .expect_exit(0);
    }
    let folder = sandbox.home().join("config");
    let settings = std::fs::read_to_string(folder.join("config.toml")).unwrap();
    assert!(!settings.contains("token"), "{settings}");
    let credentials = folder.join("credentials.toml");
    assert!(
        std::fs::read_to_string(&credentials)
            .unwrap()
            .contains("l1teral-two")
    );
    #[cfg(unix)]
    assert_eq!(crate::support::sandbox::mode(&credentials), 0o600);
    let _ = sandbox.run(["-p", "work", "flows", "list"]).expect_exit(0);
    assert!(is_from(&work.requests()[0], "work-org", "l1teral-two"));
    let _ = sandbox
        .run(words.into_iter().chain(["env:WORK_TOKEN"]))
        .expect_exit(0);
    assert!(!stored(&sandbox).contains("l1teral"));
}

#[test]
fn config_set_stores_no_token_itself() {
    let sandbox = with_work(&platform());
    for value in ["l1teral", "-"] {
        let output = sandbox
            .run(["config", "set", "profile.work.token", value])
            .expect_exit(2);
        assert!(output.stderr.contains("literal_token"), "{output}");
    }
    assert!(!stored(&sandbox).contains("l1teral"));
    let _ = sandbox
        .run(["config", "set", "profile.work.token", "env:T"])
        .expect_exit(0);
}
