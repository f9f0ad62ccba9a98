//! `evt config`: settings, their origins, and refused keys and values.

use crate::support::Sandbox;
use crate::support::sandbox::mode;

#[test]
fn a_setting_knows_its_file_and_line() {
    let sandbox = Sandbox::new();
    let _ = sandbox
        .run(["config", "set", "default_profile", "local"])
        .expect_exit(0);
    sandbox.write("evt.toml", "# ours\ncolor = \"never\"\n");
    let shown = sandbox.run(["config", "show"]).expect_exit(0).json_lines();
    let color = shown.iter().find(|row| row["key"] == "color").unwrap();
    assert_eq!(color["value"], "never");
    assert!(
        color["origin"].as_str().unwrap().ends_with("evt.toml:2"),
        "{color}"
    );
}

#[test]
fn the_stronger_source_wins() {
    let sandbox = Sandbox::new();
    let _ = sandbox
        .run(["config", "set", "output", "text"])
        .expect_exit(0);
    assert_eq!(
        sandbox
            .run(["config", "get", "output"])
            .expect_exit(0)
            .stdout,
        "text\n"
    );
    sandbox.write("evt.toml", "output = \"raw\"\n");
    assert_eq!(
        sandbox
            .run(["config", "get", "output"])
            .expect_exit(0)
            .stdout,
        "raw\n"
    );
    let sandbox = sandbox.with("EVT_OUTPUT", "json");
    assert_eq!(
        sandbox
            .run(["config", "get", "output"])
            .expect_exit(0)
            .stdout,
        "\"json\"\n"
    );
}

#[test]
fn a_setting_replaces_the_default_of_its_flag() {
    let sandbox = Sandbox::new();
    sandbox.write("evt.toml", "output = \"text\"\n");
    let by_file = sandbox.run(["profile", "list"]).expect_exit(0);
    assert!(by_file.stdout.starts_with("NAME"), "{by_file}");
    let by_flag = sandbox
        .run(["profile", "list", "-o", "json"])
        .expect_exit(0);
    assert_eq!(by_flag.json_lines().len(), 1);
}

#[test]
fn an_unknown_setting_is_a_usage_error_with_its_line_and_a_suggestion() {
    let sandbox = Sandbox::new();
    sandbox.write("evt.toml", "\noutptu = \"json\"\n");
    let output = sandbox.run(["profile", "list"]).expect_exit(2);
    assert!(
        output
            .stderr
            .contains("evt.toml:2: there is no setting `outptu`"),
        "{output}"
    );
    assert!(
        output.stderr.contains("try  write it as output"),
        "{output}"
    );
}

#[test]
fn an_invalid_value_in_a_file_is_reported_as_such() {
    let sandbox = Sandbox::new();
    sandbox.write("evt.toml", "color = \"blue\"\n");
    let output = sandbox.run(["profile", "list"]).expect_exit(2);
    assert!(
        output
            .stderr
            .contains("`blue` is not a valid value for `--color"),
        "{output}"
    );
    assert!(output.stderr.contains("evt config show"), "{output}");
}

#[test]
fn commands_that_help_to_fix_settings_run_without_them() {
    let sandbox = Sandbox::new();
    sandbox.write("evt.toml", "output = \n");
    let output = sandbox.run(["profile", "list"]).expect_exit(2);
    assert!(output.stderr.contains("evt.toml:1: "), "{output}");
    let _ = sandbox.run(["config", "path"]).expect_exit(0);
    let _ = sandbox.run(["man"]).expect_exit(0);
}

#[test]
fn a_value_that_its_flag_rejects_is_not_stored() {
    let sandbox = Sandbox::new();
    let output = sandbox
        .run(["config", "set", "outptu", "json"])
        .expect_exit(2);
    assert!(
        output.stderr.contains("try  evt config get output"),
        "{output}"
    );
    assert!(!sandbox.home().join("config/config.toml").exists());
    let output = sandbox
        .run(["config", "set", "output", "xml"])
        .expect_exit(2);
    assert!(
        output.stderr.contains("one of: auto, text, json, raw"),
        "{output}"
    );
    let _ = sandbox
        .run(["config", "set", "quiet", "perhaps"])
        .expect_exit(2);
    assert!(!sandbox.home().join("config/config.toml").exists());
}

#[test]
fn a_setting_can_be_unset_once() {
    let sandbox = Sandbox::new();
    let _ = sandbox
        .run(["config", "set", "output", "text"])
        .expect_exit(0);
    let _ = sandbox.run(["config", "unset", "output"]).expect_exit(0);
    let _ = sandbox.run(["config", "unset", "output"]).expect_exit(3);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_settings() {
    let sandbox = Sandbox::new();
    let _ = sandbox
        .run(["config", "set", "output", "text"])
        .expect_exit(0);
    assert_eq!(mode(&sandbox.home().join("config/config.toml")), 0o600);
    assert_eq!(mode(&sandbox.home().join("config")), 0o700);
}

#[test]
fn a_settings_file_named_with_config_must_exist() {
    let output = Sandbox::new()
        .run(["profile", "list", "--config", "none.toml"])
        .expect_exit(2);
    assert!(
        output.stderr.contains("code settings_unreadable"),
        "{output}"
    );
}

#[test]
fn a_refused_value_creates_no_project_file() {
    let sandbox = Sandbox::new();
    let words = ["config", "set", "--project", "listen.secret", "hunter2"];
    let output = sandbox.run(words).expect_exit(2);
    assert!(output.stderr.contains("code secret_in_project"), "{output}");
    assert!(!output.stderr.contains("hunter2"), "{output}");
    assert!(!sandbox.work().join("evt.toml").exists());
}

#[test]
fn a_secret_without_a_scheme_causes_a_warning_and_an_error_of_the_listener() {
    let sandbox = Sandbox::new();
    let set = sandbox
        .run(["config", "set", "listen.secret", "hunter2"])
        .expect_exit(0);
    assert!(set.stderr.contains("listen.verify"), "{set}");
    let listen = sandbox.run(["listen", "--port", "0"]).expect_exit(2);
    assert!(listen.stderr.contains("config.toml:"), "{listen}");
}
