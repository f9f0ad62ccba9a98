//! `evt flows` against a local platform.

mod apply;
mod billing;
mod diagram;
mod escalation;
mod flags;
mod lists;
mod notify;
mod paused;
mod plans;
mod purge;
mod reminders;
mod runs;
mod smtp;
mod time;
mod why;
mod wizard;

use serde_json::{Value, json};

use crate::support::{Answer, App, LocalPlatform, Output, Sandbox};

fn object(output: &Output) -> Value {
    serde_json::from_str(output.stdout.trim()).unwrap_or_else(|error| panic!("{error}: {output}"))
}

/// Creates a flow for new contacts.
fn create_with(sandbox: &Sandbox, webhook: &str, more: &[&str]) -> Output {
    let args = [
        "flows",
        "create",
        "--on",
        "contact.created",
        "--webhook",
        webhook,
    ];
    sandbox.run(args.iter().chain(more))
}

fn create(sandbox: &Sandbox, name: &str, webhook: &str) -> Value {
    object(&create_with(sandbox, webhook, &["--name", name]).expect_exit(0))
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
    let output = create_with(
        &sandbox,
        "4871/hook",
        &[
            "--secret",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La9f2c",
            "-H",
            "X-Bridge-Secret: env:S",
            "--dry-run",
        ],
    )
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
    let output = create_with(&sandbox, "4871", &[]).expect_exit(0);
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
    let created = create_with(
        &sandbox,
        &url,
        &["-H", "X-Bridge-Secret: env:BRIDGE", "--name", "b"],
    )
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
    let output = create_with(&sandbox, "4871", &["--name", "bridge"]).expect_exit(6);
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
fn a_loopback_url_is_not_a_remote_platform() {
    let sandbox = Sandbox::new();
    let elsewhere = Sandbox::new();
    let platform = LocalPlatform::start(&elsewhere);
    let running = &platform.running;
    let output = create_with(
        &sandbox,
        "4871/hook",
        &[
            "--secret",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "--url",
            &running.url,
            "--org",
            &running.org,
            "--token",
            &running.token,
        ],
    );
    assert_eq!(output.exit, Some(0), "{output}");
}

#[test]
fn an_invalid_condition_is_shown_with_a_caret() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let output = create_with(&sandbox, "4871/hook", &["--when", "data.status =="]).expect_exit(2);
    assert!(output.stderr.contains("`when`"), "{output}");
    assert!(output.stderr.contains('^'), "{output}");
    assert_eq!(names(&sandbox), Vec::<String>::new());
}
