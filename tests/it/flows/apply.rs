//! `evt flows apply` and `edit`.

use super::*;

#[test]
fn apply_creates_and_then_only_updates_flows_that_differ() {
    let sandbox = Sandbox::new().with("BRIDGE", "s");
    let _platform = LocalPlatform::start(&sandbox);
    sandbox.write("flows/bridge.yaml", BRIDGE);
    let apply = ["flows", "apply", "-f", "flows", "--yes"];
    let first = sandbox.run(apply).expect_exit(0);
    assert_eq!(object(&first)["done"], "created");
    let second = sandbox.run(apply).expect_exit(0);
    assert_eq!(object(&second)["done"], "unchanged");
    assert!(second.stderr.contains("Nothing to change"), "{second}");
    sandbox.write("flows/bridge.yaml", BRIDGE.replace("/in", "/other"));
    let third = sandbox.run(apply).expect_exit(0);
    assert_eq!(object(&third)["done"], "changed");
    assert!(
        third.stderr.contains("- ") && third.stderr.contains("/other"),
        "{third}"
    );
    assert_eq!(
        object(&sandbox.run(apply).expect_exit(0))["done"],
        "unchanged"
    );
}

#[test]
fn apply_continues_after_a_refusal_and_reports_it() {
    let app = App::start();
    let refusal = r#"{"statusCode":400,"message":"not this one","reason":"no"}"#;
    for (status, body) in [
        (200, "[]"),
        (201, r#"{"id":"automation-1"}"#),
        (400, refusal),
        (201, r#"{"id":"automation-2"}"#),
    ] {
        app.answer_next(Answer::Status(status, body.to_owned()));
    }
    let sandbox = Sandbox::new()
        .with("BRIDGE", "s")
        .with("EVT_URL", app.url(""))
        .with("EVT_ORG", "my-org")
        .with("EVT_TOKEN", "t");
    for name in ["a", "b", "c"] {
        let flow = BRIDGE.replace("name: bridge", &format!("name: {name}"));
        sandbox.write(&format!("flows/{name}.yaml"), flow);
    }
    let output = sandbox
        .run(["flows", "apply", "-f", "flows", "--yes"])
        .expect_exit(10);
    let done = output.json_lines();
    let names: Vec<_> = done.iter().map(|row| row["name"].clone()).collect();
    assert_eq!(names, ["a", "c"], "{output}");
    assert!(
        output.stderr.contains("flow `b` was not changed") && output.stderr.contains("2 of 3"),
        "{output}"
    );
}

#[test]
fn apply_asks_before_it_changes_anything() {
    let sandbox = Sandbox::new().with("BRIDGE", "s");
    let _platform = LocalPlatform::start(&sandbox);
    sandbox.write("bridge.yaml", BRIDGE);
    let output = sandbox
        .run(["flows", "apply", "-f", "bridge.yaml"])
        .expect_exit(2);
    assert!(output.stderr.contains("--yes"), "{output}");
    let dry = sandbox
        .run(["flows", "apply", "-f", "bridge.yaml", "--dry-run"])
        .expect_exit(0);
    assert_eq!(object(&dry)["done"], "create");
    assert_eq!(names(&sandbox), Vec::<String>::new());
}

#[test]
fn apply_prunes_only_when_asked() {
    let sandbox = Sandbox::new().with("BRIDGE", "s");
    let _platform = LocalPlatform::start(&sandbox);
    create(&sandbox, "other", "4871");
    sandbox.write("bridge.yaml", BRIDGE);
    let output = sandbox.run(["flows", "apply", "-f", "bridge.yaml", "--yes"]);
    assert_eq!(output.exit, Some(0), "{output}");
    assert_eq!(names(&sandbox), ["bridge", "other"]);
    let output = sandbox.run(["flows", "apply", "-f", "bridge.yaml", "--yes", "--prune"]);
    assert_eq!(output.exit, Some(0), "{output}");
    assert_eq!(names(&sandbox), ["bridge"]);
}

#[test]
fn the_same_name_in_two_files_is_refused() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    sandbox.write("flows/a.yaml", BRIDGE);
    sandbox.write("flows/b.yaml", BRIDGE);
    let output = sandbox
        .run(["flows", "apply", "-f", "flows", "--yes"])
        .expect_exit(2);
    assert!(
        output.stderr.contains("a.yaml") && output.stderr.contains("b.yaml"),
        "{output}"
    );
}

#[cfg(unix)]
#[test]
fn edit_applies_the_edited_document() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    create(&sandbox, "bridge", "4871/hook");
    let editor = sandbox.write("editor", "#!/bin/sh\nsed -i.bak 's#/hook#/other#' \"$1\"\n");
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    let sandbox = sandbox.with("EDITOR", editor.display().to_string());
    let output = sandbox.run(["flows", "edit", "bridge"]).expect_exit(0);
    assert!(
        output.stderr.contains("+ ") && output.stderr.contains("/other"),
        "{output}"
    );
    let shown = sandbox.run(["flows", "show", "bridge"]).expect_exit(0);
    assert_eq!(
        object(&shown)["data"]["actions"][0]["config"]["url"],
        "http://127.0.0.1:4871/other"
    );
}

#[test]
fn an_unchanged_document_changes_nothing() {
    let sandbox = Sandbox::new().with("VISUAL", "true");
    let _platform = LocalPlatform::start(&sandbox);
    create(&sandbox, "bridge", "4871/hook");
    let output = sandbox.run(["flows", "edit", "bridge"]).expect_exit(0);
    assert!(output.stderr.contains("Nothing was changed"), "{output}");
}
