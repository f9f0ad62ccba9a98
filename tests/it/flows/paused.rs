//! Flows while their queues are paused.

use serde_json::Value;

use super::object;
use crate::support::{LocalPlatform, Sandbox};

/// A platform with a flow that tags each new contact.
fn tagging(sandbox: &Sandbox) -> LocalPlatform {
    let platform = LocalPlatform::start(sandbox);
    let flow = r#"{"name": "tagging", "trigger": {"type": "contact.created"},
        "actions": [{"type": "add_tag", "config": {"tag": "new"}}]}"#;
    let file = sandbox.write("flow.json", flow);
    let file = file.display().to_string();
    let _ = sandbox
        .run(["flows", "apply", "-f", &file, "--yes"])
        .expect_exit(0);
    platform
}

fn contact(sandbox: &Sandbox, name: &str) -> Value {
    let name = format!("name={name}");
    let made = sandbox.run(["records", "create", "contact", &name]);
    object(&made.expect_exit(0))
}

fn queue(sandbox: &Sandbox, verb: &str, name: &str) {
    let _ = sandbox.run(["queue", verb, name]).expect_exit(0);
}

/// The statuses of the runs, oldest first.
fn statuses(sandbox: &Sandbox) -> Vec<String> {
    let runs = sandbox.run(["flows", "runs", "tagging"]).expect_exit(0);
    let runs = runs.json_lines();
    runs.iter()
        .map(|run| run["status"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits until this many runs are completed, and returns the names of their contacts in the order of the runs.
fn completed(sandbox: &Sandbox, count: usize) -> Vec<String> {
    loop {
        let done = statuses(sandbox);
        if done.iter().filter(|status| *status == "completed").count() == count {
            break;
        }
    }
    let runs = sandbox.run(["flows", "runs", "tagging"]).expect_exit(0);
    let names = runs.json_lines().into_iter().map(|run| {
        let event = run["event"].as_str().unwrap().to_owned();
        let event = sandbox.run(["events", "show", &event, "-o", "json"]);
        let event: Value = serde_json::from_str(&event.expect_exit(0).stdout).unwrap();
        event["data"]["data"]["name"].as_str().unwrap().to_owned()
    });
    names.collect()
}

#[test]
fn events_of_a_paused_trigger_queue_start_their_runs_in_order_after_it_is_resumed() {
    let sandbox = Sandbox::new();
    let _platform = tagging(&sandbox);
    queue(&sandbox, "pause", "automation-trigger");
    for name in ["ada", "bob", "cy"] {
        contact(&sandbox, name);
    }
    assert!(statuses(&sandbox).is_empty());
    queue(&sandbox, "resume", "automation-trigger");
    assert_eq!(completed(&sandbox, 3), ["ada", "bob", "cy"]);
}

#[test]
fn runs_of_a_paused_automation_queue_take_their_steps_after_it_is_resumed() {
    let sandbox = Sandbox::new();
    let _platform = tagging(&sandbox);
    queue(&sandbox, "pause", "automation");
    let record = contact(&sandbox, "ada");
    assert_eq!(statuses(&sandbox), ["running"]);
    queue(&sandbox, "resume", "automation");
    assert_eq!(completed(&sandbox, 1), ["ada"]);
    let sk = record["sk"].as_str().unwrap();
    let tagged = sandbox
        .run(["records", "get", "contact", sk])
        .expect_exit(0);
    assert!(tagged.stdout.contains(r#""new""#), "{tagged:?}");
}

#[test]
fn a_run_whose_start_is_discarded_is_cancelled() {
    let sandbox = Sandbox::new();
    let _platform = tagging(&sandbox);
    queue(&sandbox, "pause", "automation");
    contact(&sandbox, "ada");
    let discarded = sandbox.run(["queue", "discard", "--all", "--dev", "--yes"]);
    assert_eq!(object(&discarded.expect_exit(0))["done"], 1);
    assert_eq!(statuses(&sandbox), ["cancelled"]);
}
