//! `evt flows` against a local platform.

use serde_json::{Value, json};

use crate::support::{Answer, App, LocalPlatform, Output, Sandbox};

fn object(output: &Output) -> Value {
    serde_json::from_str(output.stdout.trim()).unwrap_or_else(|error| panic!("{error}: {output}"))
}

fn create(sandbox: &Sandbox, name: &str, url: &str) -> Value {
    let args = [
        "flows",
        "create",
        "--on",
        "contact.created",
        "--webhook",
        url,
        "--name",
        name,
    ];
    object(&sandbox.run(args).expect_exit(0))
}

fn names(sandbox: &Sandbox) -> Vec<String> {
    let listed = sandbox.run(["flows", "list"]).expect_exit(0).json_lines();
    let mut names: Vec<String> = listed
        .iter()
        .filter_map(|flow| flow["data"]["name"].as_str().map(str::to_owned))
        .collect();
    names.sort();
    names
}

const BRIDGE: &str = "\
name: bridge
trigger:
  type: contact.created
actions:
  - type: send_webhook
    config:
      url: https://bridge.example.com/in
      method: POST
      headers:
        X-Bridge-Secret: env:BRIDGE
";

#[test]
fn a_dry_run_prints_the_document_and_sends_nothing() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let output = sandbox
        .run([
            "flows",
            "create",
            "--on",
            "contact.created",
            "--webhook",
            "4871/hook",
            "--secret",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La9f2c",
            "-H",
            "X-Bridge-Secret: env:S",
            "--dry-run",
        ])
        .expect_exit(0);
    assert_eq!(
        object(&output),
        json!({
            "name": "contact.created to 127.0.0.1:4871/hook",
            "trigger": {"type": "contact.created"},
            "actions": [{"type": "send_webhook", "config": {
                "url": "http://127.0.0.1:4871/hook",
                "method": "POST",
                "headers": {"X-Bridge-Secret": "env:S"},
                "secret": "whsec_…9f2c",
            }}],
        })
    );
    assert_eq!(names(&sandbox), Vec::<String>::new());
}

#[test]
fn a_flow_from_flags_delivers_new_records() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let app = App::start();
    create(&sandbox, "bridge", &app.url("/hook"));
    let made = sandbox
        .run(["records", "create", "contact", "email=ada@example.com"])
        .expect_exit(0);
    let request = app.wait_for(1).remove(0);
    assert_eq!(request.target, "/hook");
    let body: Value = serde_json::from_slice(&request.body).expect("a JSON body");
    assert_eq!(body["event"], "contact.created");
    assert_eq!(body["data"]["sk"], object(&made)["sk"]);
}

#[test]
fn a_new_flow_reports_how_its_webhooks_are_signed() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let output = sandbox
        .run([
            "flows",
            "create",
            "--on",
            "contact.created",
            "--webhook",
            "4871",
        ])
        .expect_exit(0);
    assert!(
        output
            .stderr
            .contains("signed with the platform's own secret"),
        "{output}"
    );
}

#[test]
fn a_header_by_reference_is_sent_but_never_printed() {
    let sandbox = Sandbox::new().with("BRIDGE", "hunter2hunter2hunter2");
    let _platform = LocalPlatform::start(&sandbox);
    let app = App::start();
    let url = app.url("/");
    let created = sandbox
        .run([
            "flows",
            "create",
            "--on",
            "contact.created",
            "--webhook",
            &url,
            "-H",
            "X-Bridge-Secret: env:BRIDGE",
            "--name",
            "b",
        ])
        .expect_exit(0);
    let ran = sandbox
        .run(["flows", "execute", "b", "contact.email=a@x.test"])
        .expect_exit(0);
    let request = app.wait_for(1).remove(0);
    assert!(
        request
            .headers
            .iter()
            .any(|(name, value)| name == "x-bridge-secret" && value == "hunter2hunter2hunter2"),
        "{request:?}"
    );
    let shown = sandbox
        .run(["flows", "show", "b", "-o", "text"])
        .expect_exit(0);
    for output in [&created, &ran, &shown] {
        assert!(!output.to_string().contains("hunter2hunter2"), "{output}");
    }
}

#[test]
fn flows_can_be_created_from_a_file_and_from_stdin() {
    let sandbox = Sandbox::new().with("BRIDGE", "s");
    let _platform = LocalPlatform::start(&sandbox);
    sandbox.write("bridge.yaml", BRIDGE);
    let output = sandbox
        .run(["flows", "create", "-f", "bridge.yaml"])
        .expect_exit(0);
    assert_eq!(object(&output)["data"]["name"], "bridge");
    let two = BRIDGE.replace("name: bridge", "name: one")
        + "---\n"
        + &BRIDGE.replace("name: bridge", "name: two");
    let output = sandbox
        .run_with_input(["flows", "create", "-f", "-", "--disabled"], two.as_bytes())
        .expect_exit(0);
    assert_eq!(output.json_lines().len(), 2);
    assert_eq!(names(&sandbox), ["bridge", "one", "two"]);
}

#[test]
fn a_mistyped_trigger_gets_a_suggestion_and_nothing_is_sent() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let output = sandbox
        .run([
            "flows",
            "create",
            "--on",
            "contact.creatd",
            "--webhook",
            "4871",
        ])
        .expect_exit(2);
    assert!(
        output.stderr.contains("did you mean `contact.created`?"),
        "{output}"
    );
    assert_eq!(names(&sandbox), Vec::<String>::new());
}

#[test]
fn a_mistyped_action_in_a_file_is_reported_with_the_files_name() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    sandbox.write("f.yaml", BRIDGE.replace("send_webhook", "send_webhok"));
    let output = sandbox
        .run(["flows", "create", "-f", "f.yaml"])
        .expect_exit(2);
    assert!(output.stderr.contains("`f.yaml`"), "{output}");
    assert!(
        output.stderr.contains("did you mean `send_webhook`?"),
        "{output}"
    );
}

#[test]
fn a_file_without_a_valid_flow_is_a_usage_error() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    for content in ["", "- a", "name: [", "\u{0}"] {
        sandbox.write("f.yaml", content);
        let output = sandbox.run(["flows", "create", "-f", "f.yaml"]);
        assert_eq!(output.exit, Some(2), "{content:?} {output}");
    }
    let missing = sandbox
        .run(["flows", "create", "-f", "nowhere.yaml"])
        .expect_exit(2);
    assert!(
        missing.stderr.contains("cannot read `nowhere.yaml`"),
        "{missing}"
    );
}

#[test]
fn a_duplicate_flow_name_is_refused_by_the_platform() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    create(&sandbox, "bridge", "4871");
    let output = sandbox
        .run([
            "flows",
            "create",
            "--on",
            "contact.created",
            "--webhook",
            "4871",
            "--name",
            "bridge",
        ])
        .expect_exit(6);
    assert!(
        output.stderr.contains("evt flows show 'bridge'"),
        "{output}"
    );
}

#[test]
fn without_arguments_and_terminal_the_error_names_the_flags() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let output = sandbox.run(["flows", "create"]).expect_exit(2);
    assert!(output.stderr.contains("--on"), "{output}");
}

#[test]
fn a_loopback_webhook_is_refused_for_a_remote_platform() {
    let sandbox = Sandbox::new();
    let remote = [
        "--url",
        "https://api.example.invalid",
        "--org",
        "my-org",
        "--token",
        "t",
    ];
    let flow = [
        "flows",
        "create",
        "--on",
        "contact.created",
        "--webhook",
        "4871/hook",
    ];
    let output = sandbox.run(flow.iter().chain(&remote)).expect_exit(2);
    assert!(
        output.stderr.contains("loopback_webhook") && output.stderr.contains("--force"),
        "{output}"
    );
    let signed = [
        "flows",
        "create",
        "--on",
        "contact.created",
        "--webhook",
        "https://a.example.com/",
        "--secret",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ];
    let output = sandbox.run(signed.iter().chain(&remote)).expect_exit(2);
    assert!(output.stderr.contains("X-Bridge-Secret"), "{output}");
}

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

#[test]
fn a_disabled_flow_sends_nothing_until_it_is_enabled() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let app = App::start();
    create(&sandbox, "bridge", &app.url("/"));
    for (verb, email) in [("disable", "first=1"), ("enable", "second=1")] {
        let output = sandbox.run(["flows", verb, "bridge"]);
        assert_eq!(output.exit, Some(0), "{output}");
        let output = sandbox.run(["records", "create", "contact", email]);
        assert_eq!(output.exit, Some(0), "{output}");
    }
    let request = app.wait_for(1).remove(0);
    let body: Value = serde_json::from_slice(&request.body).expect("a JSON body");
    assert_eq!(body["data"]["data"], json!({"second": "1"}));
}

#[test]
fn a_deleted_flow_is_not_listed() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let made = create(&sandbox, "bridge", "4871");
    let id = made["id"].as_str().expect("an id");
    let output = sandbox.run(["flows", "delete", id, "--yes"]).expect_exit(0);
    assert_eq!(object(&output)["done"], "deleted");
    assert_eq!(names(&sandbox), Vec::<String>::new());
}

#[test]
fn an_unknown_flow_gets_a_suggestion() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    create(&sandbox, "bridge", "4871");
    let output = sandbox.run(["flows", "show", "brige"]).expect_exit(3);
    assert!(
        output.stderr.contains("evt flows show 'bridge'"),
        "{output}"
    );
    let output = sandbox
        .run(["flows", "runs", "exec-nothing"])
        .expect_exit(3);
    assert!(output.stderr.contains("evt flows runs"), "{output}");
}

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
fn a_loopback_url_is_not_a_remote_platform() {
    let sandbox = Sandbox::new();
    let elsewhere = Sandbox::new();
    let platform = LocalPlatform::start(&elsewhere);
    let running = &platform.running;
    let output = sandbox.run([
        "flows",
        "create",
        "--on",
        "contact.created",
        "--webhook",
        "4871/hook",
        "--secret",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "--url",
        &running.url,
        "--org",
        &running.org,
        "--token",
        &running.token,
    ]);
    assert_eq!(output.exit, Some(0), "{output}");
}

#[test]
fn a_skipped_run_shows_its_condition_and_the_value() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let created = sandbox.run([
        "flows",
        "create",
        "--on",
        "contact.created",
        "--webhook",
        "4871/hook",
        "--name",
        "leads",
        "--when",
        "data.status == \"lead\"",
    ]);
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
fn an_invalid_condition_is_shown_with_a_caret() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let output = sandbox
        .run([
            "flows",
            "create",
            "--on",
            "contact.created",
            "--webhook",
            "4871/hook",
            "--when",
            "data.status ==",
        ])
        .expect_exit(2);
    assert!(output.stderr.contains("`when`"), "{output}");
    assert!(output.stderr.contains('^'), "{output}");
    assert_eq!(names(&sandbox), Vec::<String>::new());
}
