//! `evt flows why` and `evt flows test`.

use super::*;

/// Emits an event, and returns its reference.
fn emit(sandbox: &Sandbox, set: &str) -> String {
    let output = sandbox
        .run(["dev", "emit", "contact.created", "--set", set, "-o", "json"])
        .expect_exit(0);
    object(&output)["ref"].as_str().expect("a ref").to_owned()
}

fn why(sandbox: &Sandbox, args: &[&str]) -> Output {
    sandbox
        .run(["flows", "why"].iter().chain(args).chain(&["-o", "text"]))
        .expect_exit(0)
}

fn leads(sandbox: &Sandbox, webhook: &str) {
    let more = ["--name", "leads", "--when", "data.status == \"lead\""];
    let _ = create_with(sandbox, webhook, &more).expect_exit(0);
}

#[test]
fn a_started_flow_shows_its_run_and_the_values_of_its_conditions() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    leads(&sandbox, "4871/hook");
    let event = emit(&sandbox, "data.status=lead");
    let output = why(&sandbox, &[&event]);
    assert!(output.stdout.contains("run exec-"), "{output}");
    assert!(
        output.stdout.contains("✓ hears contact.created"),
        "{output}"
    );
    assert!(
        output.stdout.contains("✓ data.status == \"lead\""),
        "{output}"
    );
}

#[test]
fn a_skipped_flow_shows_the_condition_that_failed() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    leads(&sandbox, "4871/hook");
    let event = emit(&sandbox, "data.status=customer");
    let output = why(&sandbox, &[&event]);
    assert!(output.stdout.contains("leads  skipped"), "{output}");
    let condition = "✗ data.status == \"lead\": it is \"customer\"";
    assert!(output.stdout.contains(condition), "{output}");
}

#[test]
fn a_disabled_flow_is_explained_too() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    create(&sandbox, "bridge", "4871/hook");
    let _ = sandbox.run(["flows", "disable", "bridge"]).expect_exit(0);
    let event = emit(&sandbox, "data.status=lead");
    let output = why(&sandbox, &[&event]);
    assert!(output.stdout.contains("bridge  disabled"), "{output}");
    assert!(output.stdout.contains("✗ the flow is enabled"), "{output}");
}

#[test]
fn a_flow_that_hears_other_events_is_listed_with_them() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let args = [
        "--on",
        "payment.succeeded",
        "--webhook",
        "4871",
        "--name",
        "gone",
    ];
    let _ = sandbox
        .run(["flows", "create"].iter().chain(&args))
        .expect_exit(0);
    let event = emit(&sandbox, "data.status=lead");
    let output = why(&sandbox, &[&event]);
    assert!(
        output.stdout.contains("it hears payment.succeeded"),
        "{output}"
    );
    let output = why(&sandbox, &[&event, "gone"]);
    assert!(
        output
            .stdout
            .contains("✗ hears payment.succeeded: it is contact.created"),
        "{output}"
    );
}

#[test]
fn a_flow_that_was_created_later_says_so() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let event = emit(&sandbox, "data.status=lead");
    create(&sandbox, "late", "4871/hook");
    let output = why(&sandbox, &[&event]);
    assert!(output.stdout.contains("late  created later"), "{output}");
}

#[test]
fn a_run_is_explained_by_its_id() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    create(&sandbox, "bridge", "4871/hook");
    let event = emit(&sandbox, "data.status=lead");
    let output = sandbox
        .run(["flows", "why", &event, "-o", "json"])
        .expect_exit(0);
    let run = object(&output)["flows"][0]["runs"][0]["id"].clone();
    let run = run.as_str().expect("an id");
    let output = sandbox
        .run(["flows", "why", run, "-o", "json"])
        .expect_exit(0);
    assert_eq!(object(&output)["event"]["ref"], event);
}

fn queue(sandbox: &Sandbox, args: [&str; 2]) {
    let _ = sandbox.run(["queue"].iter().chain(&args)).expect_exit(0);
}

#[test]
fn an_event_that_waits_in_a_paused_queue_says_which_command_resumes_it() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    create(&sandbox, "bridge", "4871/hook");
    queue(&sandbox, ["pause", "automation-trigger"]);
    let event = emit(&sandbox, "data.status=lead");
    let output = why(&sandbox, &[&event]);
    assert!(output.stdout.contains("bridge  waiting"), "{output}");
    let reason = "the event waits in the queue `automation-trigger`, which is paused";
    assert!(output.stdout.contains(reason), "{output}");
    let resume = "evt queue resume automation-trigger";
    assert!(output.stdout.contains(resume), "{output}");
}

#[test]
fn a_run_that_waits_in_a_paused_queue_says_which_command_resumes_it() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    create(&sandbox, "bridge", "4871/hook");
    for name in ["automation", "deliveries"] {
        queue(&sandbox, ["pause", name]);
        let event = emit(&sandbox, "data.status=lead");
        let output = why(&sandbox, &[&event]);
        let reason = format!("its run waits in the queue `{name}`, which is paused");
        assert!(output.stdout.contains(&reason), "{output}");
        let resume = format!("evt queue resume {name}");
        assert!(output.stdout.contains(&resume), "{output}");
        queue(&sandbox, ["resume", name]);
    }
}

#[test]
fn a_wait_that_is_not_over_is_not_explained_by_a_paused_queue() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let flow: Value = serde_json::from_str(NOTE).expect("JSON");
    let _ = time::apply(&sandbox, &flow).expect_exit(0);
    let _ = sandbox.run(["flows", "enable", "note"]).expect_exit(0);
    let event = emit(&sandbox, "data.email=ada@example.test");
    queue(&sandbox, ["pause", "automation"]);
    let explain = || why(&sandbox, &[&event]).stdout;
    assert!(!explain().contains("paused"), "{}", explain());
    let _ = time::clock(&sandbox, &["advance", "3d"]).expect_exit(0);
    assert!(explain().contains("paused"), "{}", explain());
}

#[test]
fn an_unknown_event_and_an_unknown_flow_are_not_found() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    create(&sandbox, "bridge", "4871/hook");
    let output = sandbox.run(["flows", "why", "p_ffff"]).expect_exit(3);
    assert!(output.stderr.contains("p_ffff"), "{output}");
    let output = sandbox
        .run(["flows", "why", "p_0001", "brige"])
        .expect_exit(3);
    assert!(
        output.stderr.contains("evt flows show 'bridge'"),
        "{output}"
    );
}

#[test]
fn a_remote_profile_has_no_explanations() {
    let sandbox = Sandbox::new().with("T", "t-123456");
    let add = ["profile", "add", "far", "--url", "https://api.example.com"];
    let _ = sandbox
        .run(add.iter().chain(&["--org", "o", "--token", "env:T"]))
        .expect_exit(0);
    let output = sandbox
        .run(["--profile", "far", "flows", "why", "p_0001"])
        .expect_exit(2);
    assert!(output.stderr.contains("only a local platform"), "{output}");
}

/// Waits, creates a note and calls a webhook.
const NOTE: &str = r#"{"name": "note", "enabled": false, "trigger": {"type": "contact.created"}, "actions": [
    {"type": "delay", "config": {"duration": 2, "unit": "days"}},
    {"type": "create_data", "config": {"datatype": "note", "data": {"about": "{{contact.email}}"}}},
    {"type": "send_webhook", "config": {"url": "http://127.0.0.1:4871/{{contact.email}}"}}]}"#;

fn test_note(sandbox: &Sandbox) -> Value {
    let flow: Value = serde_json::from_str(NOTE).expect("JSON");
    let _ = time::apply(sandbox, &flow).expect_exit(0);
    let event = json!({"event": "contact.created", "data": {"email": "ada@example.test"}});
    let file = sandbox.write("event.json", event.to_string());
    let file = file.display().to_string();
    let output = sandbox.run(["flows", "test", "note", "-f", &file, "-o", "json"]);
    object(&output.expect_exit(0))
}

#[test]
fn a_test_renders_each_step() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let tested = test_note(&sandbox);
    let steps = &tested["run"]["steps"];
    assert!(steps[0]["until"].is_string(), "{tested}");
    assert_eq!(steps[1]["input"]["data"]["about"], "ada@example.test");
    let url = steps[2]["request"]["url"].as_str().expect("a URL");
    assert!(url.contains("ada"), "{url}");
    assert_eq!(steps[2]["assumed"], "the target answers with 200");
    let raised = tested["effects"].as_array().expect("a list");
    assert!(
        raised
            .iter()
            .any(|effect| effect["event"] == "collection-create"),
        "{tested}"
    );
}

#[test]
fn a_test_stores_nothing() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let before = emit(&sandbox, "data.status=lead");
    let _ = test_note(&sandbox);
    let notes = sandbox.run(["records", "list", "note", "-o", "json"]);
    assert_eq!(notes.expect_exit(0).stdout.trim(), "");
    let runs = sandbox.run(["flows", "runs", "note"]).expect_exit(0);
    assert_eq!(runs.stdout.trim(), "");
    // The next event has the next position.
    let number = |text: &str| i64::from_str_radix(&text[2..], 16).expect("a number");
    assert_eq!(number(&emit(&sandbox, "a=1")), number(&before) + 1);
}

#[test]
fn a_test_of_a_flow_that_would_not_start_exits_with_9() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    leads(&sandbox, "4871/hook");
    let event = emit(&sandbox, "data.status=customer");
    let output = sandbox
        .run(["flows", "test", "leads", "--event", &event, "-o", "text"])
        .expect_exit(9);
    assert!(output.stdout.contains("✗ data.status"), "{output}");
}
