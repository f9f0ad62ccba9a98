//! `evt flows create` without flags, on a terminal.

use serde_json::{Value, json};

use super::object;
use crate::support::terminal::converse;
use crate::support::{LocalPlatform, Sandbox};

const DOWN: &str = "\u{1b}[B";

/// Answers the questions, and returns the flow's document and the printed command.
fn create(sandbox: &Sandbox, answers: &[(&str, &str)]) -> (Value, Vec<String>) {
    let mut command = sandbox.command(["flows", "create"]);
    command.env("TZ", "UTC");
    let text = converse(command, 200, answers);
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with("evt flows create "));
    let line = line.unwrap_or_else(|| panic!("{text}"));
    let listed = sandbox.run(["flows", "list", "-o", "json"]).expect_exit(0);
    (object(&listed)["data"].clone(), shell_words(line))
}

/// The words of a command in which only whole words are quoted.
fn shell_words(line: &str) -> Vec<String> {
    let parts = line.trim().split('\'').enumerate();
    parts
        .flat_map(|(position, part)| match position % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

/// The printed command makes the same flow.
fn check_command(sandbox: &Sandbox, flow: &Value, words: &[String]) {
    let more = ["--dry-run", "-o", "json"].map(str::to_owned);
    let dry = object(&sandbox.run(words[1..].iter().chain(&more)).expect_exit(0));
    for key in ["name", "trigger", "triggers", "when", "actions"] {
        assert_eq!(dry[key], flow[key], "{words:?}");
    }
}

#[test]
fn the_defaults_send_a_webhook_for_new_contacts() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let answers = [
        ("Start the flow", "\r"),
        ("Trigger", "\r"),
        ("Action", "\r"),
        ("Webhook target", "\r"),
        ("another action", "n"),
        ("Condition", "\r"),
        ("Wait before", "\r"),
        ("Name", "\r"),
        ("Create this flow", "y"),
    ];
    let (flow, words) = create(&sandbox, &answers);
    assert_eq!(flow["trigger"], json!({"type": "contact.created"}));
    assert_eq!(
        words.join(" "),
        "evt flows create --on contact.created --webhook http://127.0.0.1:4871/hook"
    );
    check_command(&sandbox, &flow, &words);
}

#[test]
fn a_schedule_shows_its_next_runs_and_actions_keep_their_order() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let notification = format!("{DOWN}\r");
    let answers = [
        ("Start the flow", &notification[..]),
        ("Schedule", "nonsense\r"),
        ("Time zone", "\r"),
        ("cron expression of five", ""),
        ("Schedule", "0 9 1 1 *\r"),
        ("Time zone", "Europe/Berlin\r"),
        ("01-01 09:00:00 +01:00", ""),
        ("01-01 09:00:00 +01:00", ""),
        ("01-01 09:00:00 +01:00", ""),
        ("Action", &notification),
        ("Channel", "\r"),
        ("Recipient", "ada@example.com\r"),
        ("another action", "y"),
        ("Action", "\r"),
        ("Webhook target", "4871/yearly\r"),
        ("another action", "n"),
        ("Subject", "Happy new year\r"),
        ("Text", "\r"),
        ("Wait before", "2h\r"),
        ("Name", "new year\r"),
        ("Create this flow", "y"),
    ];
    let (flow, words) = create(&sandbox, &answers);
    let kinds: Vec<&str> = flow["actions"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|action| action["type"].as_str())
        .collect();
    assert_eq!(kinds, ["delay", "send_notification", "send_webhook"]);
    assert_eq!(
        flow["trigger"]["config"]["schedule"]["timezone"],
        "Europe/Berlin"
    );
    check_command(&sandbox, &flow, &words);
}

#[test]
fn a_flow_without_a_trigger_starts_by_hand() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let by_hand = format!("{DOWN}{DOWN}\r");
    let answers = [
        ("Start the flow", &by_hand[..]),
        ("Action", &by_hand),
        ("Phone number", "+15550100\r"),
        ("another action", "n"),
        ("Text", "Hello\r"),
        ("Wait before", "\r"),
        ("Name", "\r"),
        ("Create this flow", "y"),
    ];
    let (flow, words) = create(&sandbox, &answers);
    assert_eq!(flow["triggers"], json!([]));
    check_command(&sandbox, &flow, &words);
    let ran = sandbox
        .run(["flows", "execute", "by hand: call +15550100", "--watch"])
        .expect_exit(0);
    assert_eq!(object(&ran)["status"], "completed", "{ran}");
}
