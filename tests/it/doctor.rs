//! `evt doctor`: its findings and exit codes.

use serde_json::Value;

use crate::support::Sandbox;

fn find(sandbox: &Sandbox, exit: i32, check: &str) -> Value {
    let rows = sandbox.run(["doctor"]).expect_exit(exit).json_lines();
    let row = rows.iter().find(|row| row["check"] == check);
    row.unwrap_or_else(|| panic!("no {check} in {rows:?}"))
        .clone()
}

#[test]
fn a_new_home_has_no_failures() {
    let output = Sandbox::new().run(["doctor"]).expect_exit(0);
    assert!(
        output.json_lines().iter().all(|row| row["state"] != "fail"),
        "{output}"
    );
}

#[test]
fn doctor_creates_nothing() {
    let sandbox = Sandbox::new();
    let _ = sandbox.run(["doctor"]).expect_exit(0);
    assert!(!sandbox.home().exists());
}

#[cfg(unix)]
#[test]
fn credentials_that_other_users_can_read_fail() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    let path = sandbox.home().join("config/credentials.toml");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let row = find(&sandbox, 1, "credentials");
    assert_eq!(row["state"], "fail");
    assert_eq!(row["fix"], format!("chmod 600 {}", path.display()));
}

#[test]
fn a_damaged_database_fails_and_is_unchanged() {
    let sandbox = Sandbox::new();
    let path = sandbox.home().join("data/inbox.db");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let content = "this was a database once ".repeat(400);
    std::fs::write(&path, &content).unwrap();
    assert_eq!(find(&sandbox, 1, "inbox")["state"], "fail");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
}

#[test]
fn damaged_settings_fail_with_their_line() {
    let sandbox = Sandbox::new();
    sandbox.write("evt.toml", "a = 1\n");
    let row = find(&sandbox, 1, "settings");
    assert!(
        row["found"].as_str().unwrap().contains("evt.toml:1"),
        "{row}"
    );
}

#[test]
fn the_file_of_a_platform_that_has_ended_is_a_warning() {
    let sandbox = Sandbox::new();
    let path = sandbox.home().join("state/dev.json");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    // No process has this id: those of Linux and macOS are lower.
    std::fs::write(
        &path,
        r#"{"pid":2147483646,"url":"http://127.0.0.1:1","control_url":"http://127.0.0.1:2","control_token":"c","org":"my-org","token":"t","webhook_secret":null,"data":null}"#,
    )
    .unwrap();
    assert_eq!(find(&sandbox, 0, "local platform")["state"], "warn");
}

#[test]
fn a_profile_whose_platform_does_not_answer_fails() {
    let sandbox = Sandbox::new()
        .with("EVT_URL", "http://127.0.0.1:1")
        .with("EVT_ORG", "o");
    assert_eq!(find(&sandbox, 1, "profile in use")["state"], "fail");
}

#[test]
fn a_proxy_is_named_without_its_password() {
    let sandbox = Sandbox::new().with("HTTPS_PROXY", "http://ada:hunter2@proxy.test:3128");
    let output = sandbox.run(["doctor"]).expect_exit(0);
    assert!(output.stdout.contains("HTTPS_PROXY"), "{output}");
    assert!(!output.stdout.contains("hunter2"), "{output}");
}

#[test]
fn proxies_and_their_problems_are_shown() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sandbox = Sandbox::new()
        .with("HTTP_PROXY", format!("http://ada:hunter2@{address}"))
        .with("https_proxy", "http://127.0.0.1:1")
        .with("HTTPS_PROXY", "http://127.0.0.1:2")
        .with("NO_PROXY", "a.test,10.0.0.0/99");
    let output = sandbox.run(["doctor"]).expect_exit(0);
    for expected in [
        &format!("http://{address} (HTTP_PROXY) accepts connections"),
        "http://127.0.0.1:1 (https_proxy): cannot reach",
        "https_proxy and HTTPS_PROXY differ",
        "10.0.0.0/99",
    ] {
        assert!(output.stdout.contains(expected), "{expected}: {output}");
    }
    assert!(!output.stdout.contains("hunter2"), "{output}");
}

#[test]
fn a_proxy_that_cannot_be_used_fails() {
    let sandbox = Sandbox::new().with("ALL_PROXY", "ftp://ada:hunter2@proxy.test");
    let row = find(&sandbox, 1, "proxy for https");
    assert_eq!(row["state"], "fail");
    assert!(!row.to_string().contains("hunter2"), "{row}");
}

#[test]
fn certificates_that_cannot_be_read_fail() {
    let sandbox = Sandbox::new().with("SSL_CERT_FILE", "/absent/ca.pem");
    let row = find(&sandbox, 1, "certificates");
    assert_eq!(row["fix"], "unset SSL_CERT_FILE");
    assert!(
        row["found"].as_str().unwrap().contains("/absent/ca.pem"),
        "{row}"
    );
}
